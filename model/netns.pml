/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netns.pml - the move of an instance between namespaces, and their death (clauses N4..N10).
 *
 *   here                  there
 *   HOME, POD, OTHER      the initial namespace and two more; which die: see the scene
 *   place                 fl_version.ns, as the current version says
 *   registered, failed    fl_version.registered, .reload_failed
 *   index[]               fl_netns.instances: is the instance listed
 *   dead[]                fl_netns.dead
 *   lane, sealed          being alone on the instance's device lane; lane.pml proves it
 *   mover()               RELOAD with a namespace: core/reload-cmd.c, fl_txn_commit()
 *   command()             any other command: fl_cmd_op_post() and its look on the lane
 *   homecoming()          core/return.c; fl_return_post() submits it
 *   death()               netns/watch.c and plane_on_death()
 *   remover()             the device goes: its lane is sealed, fl_txn_unregister()
 *   dump()                fl_instance_iter_next() in one namespace
 *   parent_tells()        fl_nested_changed(), announce_run()
 *   last[]                the newest of the instance's events in a namespace's log
 *
 * One instance is enough: nothing here is shared by two but the indexes, whose entries
 * are independent. That the notifications leave with the swap commit.pml checks.
 */
#include "common.pml"

#define HOME 0
#define POD 1
#define OTHER 2
#define NAMESPACES 3

mtype = { NOTHING, IS_NEW, IS_GONE };

byte place = HOME;
bool registered = true, failed;
bool index[NAMESPACES], dead[NAMESPACES];
mtype last[NAMESPACES];
byte parent_told = HOME; /* the namespace that the parent's port shows; NONE: no instance */

bool lane, sealed;
bool parked; /* who has the lane does not listen, and the removal went on */
byte moves;  /* ghost: how often the place changed */

/* N5, in every state. */
proctype always()
{
end_idle:
	atomic { registered && !index[place] -> MUST(N5, false) }
}

/* ---- the lane of the instance ------------------------------------------------------- */

inline enter_or_over()
{
	atomic {
		if
		:: sealed -> goto over
		:: !sealed && !lane -> lane = true
		fi
	}
}

/* A parked one has nothing to leave. */
inline leave()
{
	atomic {
		if
		:: parked -> parked = false
		:: else -> lane = false
		fi
	}
}

/* fl_return_post(). A sealed lane refuses: the instance goes away altogether. */
inline post_return(ns)
{
	atomic {
		if
		:: !sealed -> run homecoming(ns)
#ifdef PLANT_RETURN_REFUSED
		:: !sealed /* too many operations, or no memory */
#endif
		:: else
		fi
	}
}

proctype parent_tells()
{
	parent_told = (registered -> place : NONE)
}

/* In scene 2 at once, to keep the number of states down. */
inline tell_parent()
{
	if
	:: SCENE == 2 -> parent_told = (registered -> place : NONE)
	:: else -> run parent_tells()
	fi
}

/* ---- commits ------------------------------------------------------------------------ */

inline swap(to)
{
	d_step {
		if
		:: parked -> refused = true
		:: else ->
			last[place] = IS_GONE;
			last[to] = IS_NEW;
			place = to;
			failed = up_failed;
			moves++
		fi
	}
}

/* What others have to do now that the version is there. */
inline tell_others(to)
{
#ifndef PLANT_ANNOUNCE_BEFORE_SWAP
	tell_parent();
#endif
#ifdef PLANT_DEAD_CHECK_BEFORE_INSERT
	skip
#else
	if
	:: dead[to] -> post_return(to)
	:: else
	fi
#endif
}

inline commit_move(from, to)
{
#ifdef PLANT_ANNOUNCE_BEFORE_SWAP
	tell_parent();
#endif
#ifdef PLANT_DEAD_CHECK_BEFORE_INSERT
	if
	:: dead[to] -> post_return(to)
	:: else
	fi;
#endif
#ifdef PLANT_SWAP_BEFORE_INSERT
	swap(to);
	index[to] = true;
#else
	index[to] = true;
#ifdef PLANT_REMOVE_BEFORE_SWAP
	index[from] = false;
#endif
	swap(to);
#endif
	if
	:: refused -> index[to] = false
	:: else ->
		index[from] = false;
		tell_others(to)
	fi
}

/* ---- operations ------------------------------------------------------------------- */

proctype mover(byte caller; byte to)
{
	bool refused, up_failed;

	if
	:: registered && place == caller
	:: true -> goto over /* it asked while there was none such, or never */
	fi;
	enter_or_over();
	if
	:: registered && place == caller
	:: else -> goto out
	fi;
	if
	:: true
	:: true -> goto out /* reload_down refused: nothing has changed */
	:: up_failed = true
	fi;
	commit_move(caller, to);
out:
	leave();
over:
	atomic { refused = false; up_failed = false }
}

proctype homecoming(byte from)
{
	bool refused, up_failed;

	enter_or_over();
#ifdef PLANT_YANK_MOVED_ON
	if
	:: registered && place != HOME -> from = place
	:: else -> goto out
	fi;
#else
	if
	:: registered && place == from
	:: else -> goto out
	fi;
#endif
	MUST(N7, dead[place]); /* it takes nothing from a namespace that lives */
	if
	:: true
#ifdef PLANT_REFUSAL_STAYS
	:: true -> goto out
#endif
#ifdef PLANT_RETURN_TRIES_AGAIN
	:: true -> post_return(from); goto out
#else
	:: up_failed = true /* or reload_down refused */
#endif
	fi;
	commit_move(from, HOME);
out:
	leave();
over:
	atomic { refused = false; up_failed = false }
}

proctype command(byte caller)
{
	if
	:: registered && place == caller
	:: true -> goto over
	fi;
	enter_or_over();
#ifndef PLANT_NO_LOOK_ON_LANE
	if
	:: registered && place == caller
	:: else -> goto out
	fi;
#endif
	MUST(N9, parked || (registered && place == caller)); /* C5 refuses a parked one's edits */
out:
	leave();
over:
	skip
}

/* Rule 6. What has the lane may not listen: then it is parked. */
proctype remover()
{
	sealed = true;
	atomic {
		if
		:: !lane -> lane = true
		:: lane -> parked = true
		fi
	}
	d_step {
		registered = false;
		last[place] = IS_GONE;
		moves++
	}
	index[place] = false;
	tell_parent()
}

/* ---- the namespaces, and who looks into one --------------------------------------- */

proctype death(byte ns)
{
	bool listed;

#ifdef PLANT_WALK_BEFORE_DEAD
	listed = index[ns];
	dead[ns] = true;
#else
	dead[ns] = true;
	listed = index[ns];
#endif
	if
	:: listed -> listed = false; post_return(ns)
	:: else
	fi
}

proctype dump(byte ns)
{
	byte before;
	bool was, listed, shown;

	d_step { was = registered && place == ns; before = moves }
	listed = index[ns];
	shown = listed && registered && place == ns;
	MUST(N5, shown || !was || before != moves); /* what was there throughout is met */
	d_step { before = 0; was = false; listed = false; shown = false }
}

init
{
	atomic {
		index[HOME] = true;
		last[HOME] = IS_NEW;
		last[POD] = NOTHING;
		last[OTHER] = NOTHING;
		run always();
#if SCENE == 1 /* a namespace dies while an instance arrives, and perhaps goes on */
		run mover(HOME, POD); run mover(POD, OTHER); run death(POD);
		run dump(POD); run command(POD)
#elif SCENE == 2 /* the next one dies, too; and something comes back in between */
		run mover(HOME, POD); run mover(POD, OTHER); run mover(OTHER, POD);
		run death(POD); run death(OTHER)
#else /* the device goes meanwhile */
		run mover(HOME, POD); run death(POD); run remover(); run command(HOME)
#endif
	}
	timeout;
	d_step {
		MUST(N6, !registered || !dead[place]); /* home in the end */
		MUST(N4, index[HOME] == (registered && place == HOME));
		MUST(N4, index[POD] == (registered && place == POD));
		MUST(N4, index[OTHER] == (registered && place == OTHER));
		MUST(N4, (last[HOME] == IS_NEW) == (registered && place == HOME));
		MUST(N4, (last[POD] == IS_NEW) == (registered && place == POD));
		MUST(N4, (last[OTHER] == IS_NEW) == (registered && place == OTHER));
		MUST(N10, parent_told == (registered -> place : NONE));
		assert(!lane || sealed)
	}
}
