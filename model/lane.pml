/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lane.pml - lanes and operations (lane/lane.h, clauses L1..L6).
 *
 * The tree is a PF (0) above two SFs (1, 2), each above one auxiliary device (3, 4).
 *
 *   here                     there
 *   operation()              one struct fl_op: fl_op_submit() or fl_op_spawn(), the way
 *                            from the root down, its steps, its end
 *   op[].first               the first lane that it enters itself: the root, or the one
 *                            below the parent whose hold it inherits (L3)
 *   op[].waits, .entered     fl_op.path[], fl_op.entered
 *   op[].state               fl_op.state; to leave RUNNING is one exchange, for which its
 *                            own end and its parking race
 *   op[].kids, .failed       fl_op.children_running, fl_op.children_error
 *   op[].over                its type's `ended` was called
 *   q[], shared[], alone[]   a lane's queue and its holders
 *   sealed[]                 who sealed the lane (NONE: it is open)
 *   arrive(), let_in()       what is done under a lane's leaf lock
 *   seal_and_cancel()        fl_lane_seal() and fl_op_cancel() of all that it finds
 *   removal_timer()          fl_sched_config.remove_deadline_ns: may fire at any moment
 *   birth()                  fl_lane_new(), by a thread that holds nothing
 *   deaf                     a step that never returns unless it likes
 *
 * Checked in each state: the assertions, and that no process stays anywhere but at its
 * end (no deadlock, no lost grant). At the end of every execution: each operation has
 * ended exactly once, no hold is left, nothing lives below what is gone (L5, L6). The
 * progress run also checks that no execution is infinite.
 */
#include "common.pml"

#define LANES 5
#define OPS 9

#define DEPTH(l) ((l) == 0 -> 0 : ((l) <= 2 -> 1 : 2))
#define PARENT(l) ((l) >= 3 -> (l) - 2 : 0)
#define PATH(l, i) ((i) == DEPTH(l) -> (l) : ((i) == 0 -> 0 : PARENT(l)))
#define BELOW(l, above) (((above) == 0 && (l) != 0) || ((l) >= 3 && (l) - 2 == (above)))
#define WITHIN(l, above) ((l) == (above) || BELOW(l, above))

mtype = { NEW, QUEUED, RUNNING, PARKED, ENDED };
mtype = { PLAIN, FAMILY, REMOVES, POSTS };

typedef operation_t {
	byte lane;
	mtype kind;
	bool deaf;
	bool may_fail;
	byte parent;     /* who awaits it, or NONE */
	byte kid[2];     /* what it spawns, posts, or uses to remove what is below */
	byte first, entered, waits;
	mtype state;
	bool cancelled, failed, over;
	byte kids;
};
operation_t op[OPS];

chan q[LANES] = [5] of { byte };
byte shared[LANES], alone[LANES], sealed[LANES];
bool seal_done[LANES]; /* fl_lane_seal() has returned */
bool born[LANES], gone[LANES];

mtype = { OFF, ENTERS, JOINS };
mtype timer[OPS]; /* the deadline of a removal: what it waits for */

#define HOLDS(o, l) (WITHIN(op[o].lane, l) && DEPTH(l) >= op[o].first && \
		     DEPTH(l) < op[o].first + op[o].entered)
/* What the leaf lock of the lane shows: its queue and its holders. */
#define SEEN_AT(o, l) (op[o].waits == (l) || HOLDS(o, l))
#define AWAITED_BY(o, p) (op[o].parent == (p) || \
			  (op[o].parent != NONE && op[op[o].parent].parent == (p)))
#define RELATED(a, b) (WITHIN(op[a].lane, op[b].lane) || WITHIN(op[b].lane, op[a].lane))
#define FOR_REMOVAL(o) (op[o].parent != NONE && op[op[o].parent].kind == REMOVES)

/* ---- one lane, under its leaf lock ------------------------------------------------ */

#define FITS(l, o) (alone[l] == NONE && (op[o].lane != (l) || shared[l] == 0))

#ifdef PLANT_OVERTAKE
#define NOBODY_AHEAD true
#else
#define NOBODY_AHEAD (x == 0)
#endif

inline submit(o)
{
	op[o].state = QUEUED
}

inline take(l, o)
{
	if
	:: op[o].lane == l -> alone[l] = o
	:: else -> shared[l]++
	fi;
	op[o].entered++;
	op[o].waits = NONE
}

inline arrive(l, o)
{
	x = len(q[l]);
	if
	:: NOBODY_AHEAD && FITS(l, o) ->
		assert(x == 0); /* L2 */
		take(l, o)
	:: else ->
		op[o].waits = l;
		q[l]!o
	fi;
	x = 0
}

/* Grants from the head on, for as long as the head fits beside the holders (L2). */
inline let_in(l)
{
	do
	:: empty(q[l]) -> break
	:: nempty(q[l]) ->
		q[l]?<x>;
		if
		:: FITS(l, x) -> q[l]?x; take(l, x)
		:: else -> break
		fi
	od;
	x = 0
}

inline take_out(l, o)
{
	if
	:: op[o].waits == l ->
		q[l]??eval(o);
		op[o].waits = NONE;
		let_in(l)
	:: else
	fi
}

inline let_go(l, o)
{
	if
	:: op[o].lane == l -> assert(alone[l] == o); alone[l] = NONE
	:: else -> assert(shared[l] > 0); shared[l]--
	fi;
	op[o].entered--;
	let_in(l)
}

/* ---- pieces of an operation --------------------------------------------------------- */

/* Each lane by itself, from the lowest up; n holds of o are left. */
inline let_go_all(o)
{
	do
	:: n == 0 -> break
	:: n > 0 ->
		d_step {
			n--;
			l = PATH(op[o].lane, op[o].first + n);
			let_go(l, o);
			l = 0
		}
	od
}

inline tell_parent(o, err)
{
	d_step {
		if
		:: op[o].parent != NONE ->
			assert(op[op[o].parent].kids > 0);
			op[op[o].parent].kids--;
			op[op[o].parent].failed = op[op[o].parent].failed || err
		:: else
		fi
	}
}

/* Cancelling finds each child after its parent can spawn no more: ids ascend downward. */
#define TO_CANCEL(o) (op[o].state != NEW && !op[o].over && \
		      ((mask & BIT(o)) || (op[o].parent != NONE && (mask & BIT(op[o].parent)))))

inline seal_and_cancel()
{
	d_step {
		l = op[me].lane;
		if
		:: sealed[l] == NONE || (FOR_REMOVAL(me) && !gone[l]) ->
			/* One awaited by a removal takes over from one that was cancelled. */
			sealed[l] = me;
			seal_done[l] = false;
			x = 0;
			do
			:: x == OPS -> break
			:: x < OPS ->
				mask = (x != me && SEEN_AT(x, l) -> mask | BIT(x) : mask);
				x++
			od;
			x = 0
		:: else -> refused = true
		fi;
		l = 0
	}
	do
	:: refused || i == OPS -> break
	:: else ->
		d_step {
			do
			:: i < OPS && !TO_CANCEL(i) -> i++
			:: else -> break
			od;
			if
			:: i < OPS -> mask = mask | BIT(i); op[i].cancelled = true
			:: else
			fi
		}
		if
		:: i < OPS ->
			d_step {
				if
				:: op[i].waits != NONE -> l = op[i].waits; take_out(l, i); l = 0
				:: else
				fi;
				i++
			}
		:: else
		fi
	od;
	atomic {
		if
		:: !refused -> seal_done[op[me].lane] = true; timer[me] = ENTERS
		:: else
		fi;
		mask = 0;
		i = 0
	}
}

/* What must hold when `me` gets alone on its lane. */
inline check_start()
{
	x = 0;
	do
	:: x == OPS -> break
	:: x < OPS ->
		/* L1 */
		assert(x == me || op[x].state != RUNNING || !RELATED(x, me) || AWAITED_BY(me, x));
		x++
	od;
	x = 0;
	do
	:: x > DEPTH(op[me].lane) -> break
	:: else ->
		l = PATH(op[me].lane, x);
		/* L5 */
		assert(born[l] && !gone[l]);
		assert(!seal_done[l] || sealed[l] == me || AWAITED_BY(me, sealed[l]));
		x++
	od;
	x = 0;
	l = 0
}

inline spawn()
{
	atomic {
		if
		:: op[me].cancelled -> op[me].failed = true
		:: else ->
#ifndef PLANT_CHILD_REENTERS
			op[k].first = DEPTH(op[me].lane) + 1;
#endif
			op[k].state = QUEUED;
			op[me].kids++
		fi;
		k = 0
	}
}

/* ---- removal ---------------------------------------------------------------------- */

/*
 * Whoever has the holds of a parked operation must not meet its children: only what
 * awaits none is parked, so that parking climbs from the deaf to those that await them.
 */
#ifdef PLANT_PARENT_PARKED
#define AWAITS_NOTHING(o) true
#else
#define AWAITS_NOTHING(o) (op[o].kids == 0)
#endif
#define TO_PARK(o) (op[o].state == RUNNING && AWAITS_NOTHING(o) && (o) != me && \
		    WITHIN(op[o].lane, op[me].lane))
#define ANY_TO_PARK (TO_PARK(0) || TO_PARK(1) || TO_PARK(2) || TO_PARK(3) || TO_PARK(4) || \
		     TO_PARK(5) || TO_PARK(6) || TO_PARK(7) || TO_PARK(8))

/* The holds of a parked one go, its parent goes on; only `ended` is left to itself. */
proctype removal_timer(byte me)
{
	byte i, l, n, x;

end_idle:
	atomic {
		if
#ifndef PLANT_NO_PARKING
		:: timer[me] == ENTERS && op[me].state == QUEUED && ANY_TO_PARK
		:: timer[me] == JOINS && op[me].kids != 0 && ANY_TO_PARK
#endif
		:: op[me].over -> goto done
		fi;
		d_step {
			do
			:: TO_PARK(i) -> break
			:: else -> i++
			od;
			op[i].state = PARKED;
			op[i].cancelled = true;
			n = op[i].entered
		}
	}
	let_go_all(i);
	atomic { tell_parent(i, false); i = 0; goto end_idle }
done:
	skip
}

#define SEALER_PARKED(l) (sealed[l] != NONE && op[sealed[l]].state == PARKED)

/* Everything below goes with the lane; what was not removed is only held by the parked. */
inline unlink_lane()
{
	d_step {
		x = 0;
		do
		:: x == OPS -> break
		:: x < OPS ->
			assert(x == me || op[x].state != RUNNING ||
			       !WITHIN(op[x].lane, op[me].lane)); /* L5 */
			x++
		od;
		x = 0;
		do
		:: x == LANES -> break
		:: x < LANES ->
			if
			:: BELOW(x, op[me].lane) && born[x] && !gone[x] ->
				assert(SEALER_PARKED(x) || SEALER_PARKED(PARENT(x)));
				gone[x] = true
			:: else
			fi;
			x++
		od;
		x = 0;
		gone[op[me].lane] = true
	}
}

inline reopen_lane()
{
	d_step {
		l = op[me].lane;
		if
		:: sealed[l] == me -> sealed[l] = NONE; seal_done[l] = false
		:: else
		fi;
		l = 0
	}
}

inline remove_children()
{
	do
	:: i == 2 -> break
	:: i < 2 ->
		if
		:: op[me].kid[i] != NONE && born[op[op[me].kid[i]].lane] &&
		   !gone[op[op[me].kid[i]].lane] -> k = op[me].kid[i]; spawn()
		:: else
		fi;
		i++
	od;
	i = 0;
	timer[me] = JOINS;
	atomic { op[me].kids == 0 -> timer[me] = OFF }
}

/* ---- operations ------------------------------------------------------------------- */

inline run_deaf()
{
	if
	:: !op[me].deaf
	:: op[me].deaf /* this time it is quick */
	:: op[me].deaf ->
		op[me].state == PARKED; /* deaf to everything: no deadline, no look at cancelled */
		if
		:: true
		:: true ->
end_stuck:		false
		fi
	fi
}

inline run_steps()
{
	run_deaf();
	if
	:: op[me].kind == PLAIN
	:: op[me].kind == FAMILY ->
		k = op[me].kid[0];
		spawn();
		if
		:: op[me].kid[1] != NONE -> k = op[me].kid[1]; spawn()
		:: else
		fi;
		op[me].kids == 0
	:: op[me].kind == POSTS ->
		submit(op[me].kid[0]);
#ifdef PLANT_UPWARD_WAIT
		; op[op[me].kid[0]].over
#endif
	:: op[me].kind == REMOVES -> remove_children()
	fi;
	if
	:: op[me].kind == REMOVES -> err = op[me].failed
	:: op[me].may_fail -> err = true
	:: op[me].kind != REMOVES
	fi
}

proctype operation(byte me)
{
	byte i, k, l, n, x;
	short mask;
	bool refused, err, mine;
#ifdef PLANT_CHILD_FORGOTTEN
	bool ran;
#endif

end_idle:
	op[me].state == QUEUED;
	if
	:: op[me].kind == REMOVES ->
		seal_and_cancel();
		if
		:: refused -> goto over
		:: else
		fi
	:: else
	fi;

	/* From the root down (rule 1), or from below the parent's lane. */
enter:
	atomic {
		op[me].waits == NONE;
		i = op[me].first + op[me].entered;
		if
#ifdef PLANT_LOST_CANCEL
		:: n > i -> n = 0; i = 0; goto refuse
#else
		:: op[me].cancelled -> n = 0; i = 0; goto refuse
#endif
		:: else
		fi;
		if
		:: i > DEPTH(op[me].lane) ->
			op[me].state = RUNNING;
			d_step { n = 0; i = 0; check_start() }
		:: else ->
			l = PATH(op[me].lane, i);
			n = i + 1;
			i = 0;
			if
			:: sealed[l] != NONE && sealed[l] != me -> n = 0; l = 0; goto refuse
			:: else
			fi;
			d_step { arrive(l, me); l = 0 };
			goto enter
		fi
	}

	run_steps();

	atomic {
#ifdef PLANT_CHILD_FORGOTTEN
		ran = true;
#endif
		mine = (op[me].state == RUNNING);
#ifdef PLANT_DOUBLE_RELEASE
	}
	atomic {
#endif
		op[me].state = (mine -> ENDED : PARKED);
		n = (mine -> op[me].entered : 0);
		if
		:: mine && op[me].kind == REMOVES && !err -> unlink_lane()
		:: mine && op[me].kind == REMOVES && err -> reopen_lane()
		:: else
		fi
	}
	let_go_all(me);
	goto over;

refuse:
	atomic {
		op[me].state = ENDED;
		n = op[me].entered;
		mine = true;
		err = true;
		if
		:: op[me].kind == REMOVES -> reopen_lane()
		:: else
		fi
	}
	let_go_all(me);

over:
	atomic {
		assert(!op[me].over); /* L6 */
		op[me].over = true;
		if
		:: refused -> op[me].state = ENDED; tell_parent(me, true)
#ifdef PLANT_CHILD_FORGOTTEN
		:: mine && ran -> tell_parent(me, err)
#else
		:: mine -> tell_parent(me, err)
#endif
		:: else
		fi;
		/* What nobody asks for any more need not tell states apart. */
		op[me].cancelled = false;
		op[me].failed = false;
		refused = false;
#ifdef PLANT_CHILD_FORGOTTEN
		ran = false;
#endif
		mine = false;
		err = false
	}
}

/* ---- scenes ----------------------------------------------------------------------- */

proctype birth(byte lane; byte probe)
{
	bool ok;

	ok = (sealed[PARENT(PARENT(lane))] == NONE); /* those farther above: as of a moment ago */
#ifdef PLANT_BIRTH_UNDER_SEALED
	ok = ok && sealed[PARENT(lane)] == NONE;
	born[lane] = ok;
#else
	d_step { /* the parent's leaf lock */
		ok = ok && sealed[PARENT(lane)] == NONE;
		born[lane] = ok
	}
#endif
	atomic {
		if
		:: ok -> submit(probe); ok = false
		:: else
		fi
	}
}

inline is(o, what, where)
{
	op[o].kind = what;
	op[o].lane = where;
	run operation(o);
	if
	:: what == REMOVES -> run removal_timer(o)
	:: else
	fi
}

inline child(o, p, nth)
{
	op[o].parent = p;
	op[p].kid[nth] = o
}

inline scene()
{
#if SCENE == 1 /* rules 1 and 3: alone and shared, awaited children, a post upward */
	born[3] = true;
	born[4] = true;
	is(0, PLAIN, 0);
	is(1, FAMILY, 1); is(5, PLAIN, 3); child(5, 1, 0);
	is(2, POSTS, 3); is(6, PLAIN, 1); op[2].kid[0] = 6;
	is(3, FAMILY, 0); is(7, PLAIN, 1); child(7, 3, 0); is(8, PLAIN, 4); child(8, 3, 1);
	submit(0); submit(1); submit(2); submit(3)
#elif SCENE == 2 /* rule 6: an SF goes while an operation on it awaits a deaf child */
	born[3] = true;
	is(0, REMOVES, 1); is(3, REMOVES, 3); child(3, 0, 0); op[3].deaf = true;
	is(1, FAMILY, 1); is(4, PLAIN, 3); child(4, 1, 0); op[4].deaf = true;
	is(2, PLAIN, 0);
	submit(0); submit(1); submit(2)
#elif SCENE == 3 /* an SF goes while the PF awaits a deaf child on it */
	is(0, REMOVES, 1); op[0].deaf = false;
	is(1, FAMILY, 0); is(3, PLAIN, 1); child(3, 1, 0); op[3].deaf = true;
	is(2, PLAIN, 1);
	submit(0); submit(1); submit(2)
#elif SCENE == 4 /* an SF goes while a child is born under it, whose probe is deaf */
	is(0, REMOVES, 1); is(3, REMOVES, 3); child(3, 0, 0);
	is(1, PLAIN, 1);
	is(2, PLAIN, 3); op[2].deaf = true;
	submit(0); submit(1); run birth(3, 2)
#elif SCENE == 5 /* a PF and one of its SFs are removed at the same time */
	born[2] = false;
	is(0, REMOVES, 0);
	is(1, REMOVES, 1); op[1].deaf = true;
	is(2, REMOVES, 1); child(2, 0, 0);
	born[3] = true;
	is(3, REMOVES, 3); child(3, 1, 0);
	is(4, REMOVES, 3); child(4, 2, 0);
	submit(0); submit(1)
#elif SCENE == 6 /* a PF goes while a grandchild is born */
	born[2] = false;
	is(0, REMOVES, 0);
	is(1, REMOVES, 1); child(1, 0, 0); op[1].deaf = true;
	is(2, REMOVES, 3); child(2, 1, 0);
	is(3, PLAIN, 3);
	submit(0); run birth(3, 3)
#else /* a removal that fails lets the lane open again; two removals at once */
	born[3] = true;
	is(0, REMOVES, 3); op[0].may_fail = true;
	is(1, REMOVES, 3); op[1].may_fail = true;
	is(2, FAMILY, 1); is(3, PLAIN, 3); child(3, 2, 0);
	submit(0); submit(1); submit(2)
#endif
}

/* L6, and that nothing is left behind; at rest. */
inline check_end()
{
	i = 0;
	do
	:: i == OPS -> break
	:: i < OPS ->
		assert(op[i].state == NEW || op[i].over || (op[i].state == PARKED && op[i].deaf));
		i++
	od;
	i = 0;
	do
	:: i == LANES -> break
	:: i < LANES ->
		assert(shared[i] == 0 && alone[i] == NONE && empty(q[i]));
		assert(i == 0 || !born[i] || !gone[PARENT(i)] || gone[i]);
		i++
	od;
#if SCENE == 1
	skip
#elif SCENE <= 4
	assert(gone[1])
#elif SCENE <= 6
	assert(gone[0])
#else
	assert(gone[3] || sealed[3] == NONE)
#endif
}

init
{
	byte i;

	d_step {
		do
		:: i == OPS -> break
		:: i < OPS ->
			op[i].parent = NONE;
			op[i].kid[0] = NONE;
			op[i].kid[1] = NONE;
			op[i].waits = NONE;
			op[i].state = NEW;
			i++
		od;
		i = 0;
		do
		:: i == LANES -> break
		:: i < LANES ->
			alone[i] = NONE;
			sealed[i] = NONE;
			i++
		od;
		i = 0;
		born[0] = true;
		born[1] = true;
		born[2] = true
	}
	atomic { scene() }
	timeout;
	d_step { check_end() }
}
