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
 *   qa[], qs[], qd[]         a lane's queues: to be alone, shared, shared and declared to last
 *   shared[], alone[]        its holders
 *   op[].declared, .lasts    its hold lasts: it was declared so, or has run for long enough
 *   op[].next                queued when one that was alone let go: it goes first
 *   sealed[]                 who sealed the lane (NONE: it is open)
 *   opens[]                  it opens when nothing runs any more that an unbinding parked
 *   arrive(), let_in()       what is done under a lane's leaf lock
 *   clock()                  the lane's timer: holds begin to last, and somebody looks
 *   gives_up(), queues_anew()  the deadline of who waits to be alone
 *   seal_and_cancel()        fl_lane_seal() and fl_op_cancel() of all that it finds
 *   removal_timer()          fl_lane_look_run() of a sealed lane; its deadlines may pass at any moment
 *   parking                  fl_sched.parking
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
mtype = { PLAIN, FAMILY, REMOVES, UNBINDS, POSTS };

typedef operation_t {
	byte lane;
	mtype kind;
	bool deaf;
	bool may_fail;
	bool declared;   /* to last: a flash */
	byte until;      /* does not end before that one is over, or NONE */
	bool stream;     /* comes again as soon as it is over, while somebody waits on lane 0 */
	byte parent;     /* who awaits it, or NONE */
	byte kid[2];     /* what it spawns, posts, or uses to remove what is below */
	byte first, entered, waits;
	bool lasts, next;
	byte outrun;     /* how many were alone where it waits, since it does */
	byte unbound;    /* the lane whose unbinding parked it, or NONE */
	mtype state;
	bool cancelled, failed, over;
	bool awaited;    /* its parent counts it among its kids */
	byte kids;
};
operation_t op[OPS];

#define SOME(queue) (len(queue) != 0)
chan qa[LANES] = [4] of { byte };
chan qs[LANES] = [4] of { byte };
chan qd[LANES] = [2] of { byte };
byte shared[LANES], alone[LANES], sealed[LANES];
bool seal_done[LANES]; /* all that was there when it was sealed has been told */
bool opens[LANES];
byte waited;           /* how often lane 0 was passed by a stream while somebody waits there */
bool born[LANES], gone[LANES];

mtype = { OFF, ENTERS, JOINS };
mtype timer[OPS]; /* the deadline of a removal: what it waits for */
#ifdef PLANT_PARK_AT_ONCE
#define PARKING false
#else
bool parking;      /* families overlap: one is parked after another */
#define PARKING parking
#endif

#define HOLDS(o, l) (WITHIN(op[o].lane, l) && DEPTH(l) >= op[o].first && \
		     DEPTH(l) < op[o].first + op[o].entered)
/* What the leaf lock of the lane shows: its queue and its holders. */
#define SEEN_AT(o, l) (op[o].waits == (l) || HOLDS(o, l))
#define AWAITED_BY(o, p) (op[o].parent == (p) || \
			  (op[o].parent != NONE && op[op[o].parent].parent == (p)))
#define RELATED(a, b) (WITHIN(op[a].lane, op[b].lane) || WITHIN(op[b].lane, op[a].lane))
#define SEALER_PARKED(l) (sealed[l] != NONE && op[sealed[l]].state == PARKED)
/* The lowest seal at or above the lane decides; it stops all but who is in its chain. */
#define STOPS(l, o) (sealed[l] != (o) && !AWAITED_BY(o, sealed[l]))
#define SEALED_AGAINST(l, o) \
	(sealed[l] != NONE -> STOPS(l, o) : \
	 (sealed[PARENT(l)] != NONE -> STOPS(PARENT(l), o) : (sealed[0] != NONE && STOPS(0, o))))

/* ---- one lane, under its leaf lock ------------------------------------------------ */

#define LASTS_AT(o, l) (op[o].lane != (l) && (op[o].declared || op[o].lasts) && HOLDS(o, l))
#define SAID_AT(o, l) (op[o].lane != (l) && op[o].declared && HOLDS(o, l))
#define ANY(what, l) (what(0, l) || what(1, l) || what(2, l) || what(3, l) || what(4, l) || \
		      what(5, l) || what(6, l) || what(7, l) || what(8, l))
#define LASTS(l) ANY(LASTS_AT, l)
/* What o may do although somebody waits to be alone: pass what lasts, but what is declared
 * to last itself does not pass what is, too. */
#define MAY_PASS(l, o) (LASTS(l) && !(op[o].declared && ANY(SAID_AT, l)))

#if defined(PLANT_OVERTAKE)
#define PASSES(l, o) true
#elif defined(PLANT_SHUTS_FOR_WHAT_LASTS)
#define PASSES(l, o) false
#elif defined(PLANT_FORGETS_TO_SHUT)
bool was_open[LANES];
#define PASSES(l, o) (MAY_PASS(l, o) || was_open[l])
#else
#define PASSES(l, o) MAY_PASS(l, o)
#endif

inline submit(o)
{
	op[o].state = QUEUED
}

/* Somebody was alone where these wait. */
inline count_outrun(l)
{
	x = 0;
	do
	:: x == OPS -> break
	:: x < OPS ->
		if
		:: op[x].waits == l && op[x].lane != l ->
			op[x].outrun++;
			MUST(L2, op[x].outrun <= 1)
		:: else
		fi;
		x++
	od
}

inline take(l, o)
{
#ifdef PLANT_FORGETS_TO_SHUT
	was_open[l] = (op[o].lane != l && (was_open[l] || (SOME(qa[l]) && LASTS(l))));
#endif
	MUST(L2, op[o].lane == l || !SOME(qa[l]) || op[o].next || MAY_PASS(l, o));
	if
	:: op[o].lane == l -> alone[l] = o
	:: else -> shared[l]++
	fi;
	op[o].entered++;
	op[o].waits = NONE;
	op[o].next = false;
	op[o].outrun = 0
}

inline arrive(l, o)
{
	if
	:: op[o].lane == l && alone[l] == NONE && shared[l] == 0 && !SOME(qa[l]) && !SOME(qs[l]) &&
	   !SOME(qd[l]) -> take(l, o)
	:: op[o].lane != l && alone[l] == NONE && (!SOME(qa[l]) || PASSES(l, o)) -> take(l, o)
	:: else ->
		op[o].waits = l;
		if
		:: op[o].lane == l -> qa[l]!o
		:: op[o].lane != l && !op[o].declared -> qs[l]!o
		:: op[o].lane != l && op[o].declared -> qd[l]!o
		fi
	fi
}

/* Grants what may go in now (L2): first what goes before the next that is to be alone; that one
 * as soon as nobody holds the lane; while something lasts, what may pass. */
inline let_in(l)
{
	do
	:: alone[l] != NONE -> break
	:: alone[l] == NONE ->
		x = NONE;
		if
		:: SOME(qs[l]) -> qs[l]?<x>
		:: else
		fi;
		if
		:: x != NONE && (op[x].next || !SOME(qa[l]) || PASSES(l, x)) -> qs[l]?x
		:: else ->
			x = NONE;
			if
			:: SOME(qd[l]) -> qd[l]?<x>
			:: else
			fi;
			if
			:: x != NONE && (op[x].next || !SOME(qa[l]) || PASSES(l, x)) -> qd[l]?x
			:: else ->
				x = NONE;
				if
				:: SOME(qa[l]) && shared[l] == 0 -> qa[l]?x
				:: else -> break
				fi
			fi
		fi;
		if
		:: op[x].lane == l -> take(l, x); count_outrun(l)
		:: else -> take(l, x)
		fi
	od;
	x = 0
}

inline take_out(l, o)
{
	if
	:: op[o].waits == l ->
		if
		:: op[o].lane == l -> qa[l]??eval(o)
		:: op[o].lane != l && !op[o].declared -> qs[l]??eval(o)
		:: op[o].lane != l && op[o].declared -> qd[l]??eval(o)
		fi;
		op[o].waits = NONE;
		op[o].next = false;
		op[o].outrun = 0;
		let_in(l)
	:: else
	fi
}

inline let_go(l, o)
{
	if
	:: op[o].lane == l ->
		MUST(L1, alone[l] == o);
		alone[l] = NONE;
#ifndef PLANT_ALONE_IN_A_ROW
		x = 0;
		do
		:: x == OPS -> break
		:: x < OPS ->
			op[x].next = op[x].next || (op[x].waits == l && op[x].lane != l);
			x++
		od
#endif
	:: else -> MUST(L1, shared[l] > 0); shared[l]--
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
		:: op[o].awaited ->
			op[o].awaited = false;
			MUST(L3, op[op[o].parent].kids > 0);
			op[op[o].parent].kids--;
			op[op[o].parent].failed = op[op[o].parent].failed || err
		:: else
		fi
	}
}

inline cancel(o)
{
	op[o].cancelled = true;
	if
	:: op[o].waits != NONE -> l = op[o].waits; take_out(l, o); l = 0
	:: else
	fi
}

#define LIVES(o) (op[o].state == QUEUED || op[o].state == RUNNING)
/* Each child is found after its parent can spawn no more: ids ascend downward. */
#define PICKED(o) (LIVES(o) && ((mask & BIT(o)) || (op[o].awaited && (mask & BIT(op[o].parent)))))

/* The lanes above were looked at before, without their locks. A removal takes over what an unbinding
 * had to leave sealed, and an awaited one the seal of one that has not begun: it never would, while
 * somebody is alone above it. */
#define NOT_BEGUN(o) (op[o].state == QUEUED && !AWAITED_BY(me, o))
#define MAY_SEAL (sealed[l] == NONE || (opens[l] && op[me].kind == REMOVES) || \
		  (op[me].parent != NONE && !opens[l] && NOT_BEGUN(sealed[l])))
inline seal()
{
	d_step {
		l = op[me].lane;
		if
		:: MAY_SEAL ->
			if
			:: opens[l] -> opens[l] = false
			:: sealed[l] != NONE -> op[sealed[l]].cancelled = true
			:: else
			fi;
			sealed[l] = me;
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
}

#define SEALS(o) (op[o].kind == REMOVES || op[o].kind == UNBINDS)
/* A running removal goes on, with what it awaits: it is on its way out. An unbinding waits for what
 * was declared to last, until its own deadline. */
#define SPARED(o) (op[o].state == RUNNING && \
		   (SEALS(o) || (op[o].declared && op[me].kind == UNBINDS)))

/* Those that queued at the lane or held it when it was sealed, and whom they await. */
inline tell()
{
	do
	:: i == OPS -> break
	:: else ->
		d_step {
			do
			:: i < OPS && !PICKED(i) -> i++
			:: i < OPS && PICKED(i) && SPARED(i) ->
				mask = mask & ~BIT(i);
				i++
			:: else -> break
			od;
			if
			:: i < OPS -> mask = mask | BIT(i); op[i].cancelled = true
			:: else
			fi
		}
		/* Between being doomed and being taken out of a queue it may be granted. */
		if
		:: i < OPS -> d_step { cancel(i); i++ }
		:: else
		fi
	od;
	atomic {
		seal_done[op[me].lane] = true;
		timer[me] = ENTERS;
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
		MUST(L1, x == me || op[x].state != RUNNING || !RELATED(x, me) ||
			 AWAITED_BY(me, x));
		x++
	od;
	x = 0;
	do
	:: x > DEPTH(op[me].lane) -> break
	:: else ->
		l = PATH(op[me].lane, x);
		MUST(L5, born[l] && !gone[l]);
		/* A removal that ran already when the lane above was sealed goes on. */
		MUST(L5, !seal_done[l] || sealed[l] == me || AWAITED_BY(me, sealed[l]) ||
			 (op[me].parent != NONE && SEALS(op[me].parent)));
		x++
	od;
	x = 0;
	do
	:: x == OPS -> break
	:: x < OPS -> /* what an unbinding left behind still runs */
		MUST(L5, op[x].unbound == NONE || op[x].over || !WITHIN(op[me].lane, op[x].unbound) ||
			 op[me].kind == REMOVES || sealed[op[me].lane] == me);
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
			op[k].over = false;
			op[k].awaited = true;
			op[me].kids++
		fi;
		k = 0
	}
}

/* ---- removal ---------------------------------------------------------------------- */

/* Whom the deadline finds: the holders of the lane that it waits for, or the removals that
 * it awaits. Those that have not begun end by themselves: they were told. */
#ifdef PLANT_DEADLINE_ONLY_AT_LANE
#define ENTERS_LATE (timer[me] == ENTERS && op[me].waits == op[me].lane)
#else
#define ENTERS_LATE (timer[me] == ENTERS && op[me].state == QUEUED)
#endif
#ifdef PLANT_NO_JOIN_DEADLINE
#define JOINS_LATE false
#else
#define JOINS_LATE (timer[me] == JOINS && op[me].kids != 0)
#endif
/* A removal that awaits what is below parks that itself, and then finishes its own part. */
#define WAITS_ITSELF(o) (SEALS(o) && timer[o] == JOINS && op[o].kids != 0)
/* What was spared has its own deadline first. */
#define HAS_TIME(o) (op[o].declared && op[me].kind == UNBINDS && !op[o].cancelled)
#define TO_PARK(o) (op[o].state == RUNNING && (o) != me && !WAITS_ITSELF(o) && !HAS_TIME(o) && \
		    ((ENTERS_LATE && HOLDS(o, op[me].lane)) || (JOINS_LATE && op[o].parent == me)))
#define ANY_TO_PARK (TO_PARK(0) || TO_PARK(1) || TO_PARK(2) || TO_PARK(3) || TO_PARK(4) || \
		     TO_PARK(5) || TO_PARK(6) || TO_PARK(7) || TO_PARK(8))
#ifdef PLANT_PARENT_PARKED_ALONE
#define IN_FAMILY(o) (LIVES(o) && (mask & BIT(o)))
#else
#define IN_FAMILY(o) PICKED(o)
#endif

/*
 * Parks one after another of those, each with its family. Their holds go, the lowest
 * first, and the parent of the first goes on; only `ended` is left to themselves.
 */
proctype removal_timer(byte me)
{
	byte i, l, n, x, top;
	short mask, parked;

end_idle:
	atomic {
		if
#ifndef PLANT_NO_PARKING
		:: ANY_TO_PARK && !PARKING
#endif
		:: op[me].over && !op[me].awaited -> goto done
		fi;
#ifndef PLANT_PARK_AT_ONCE
		parking = true;
#endif
		d_step {
			do
			:: TO_PARK(i) -> break
			:: else -> i++
			od;
			top = i;
			mask = BIT(i)
		}
	}
	do
	:: i == OPS -> break
	:: else ->
		d_step {
			do
			:: i < OPS && !IN_FAMILY(i) -> i++
			:: else -> break
			od;
			if
			:: i < OPS ->
				mask = mask | BIT(i);
				if
				:: op[i].state == RUNNING ->
					op[i].state = PARKED;
					op[i].unbound = (op[me].kind == UNBINDS && !op[me].over ->
								 op[me].lane : op[i].unbound);
					parked = parked | BIT(i)
				:: else
				fi;
				cancel(i);
				i++
			:: else
			fi
		}
	od;
	do
	:: i == 0 -> break
	:: else ->
		d_step {
			do
			:: i > 0 && !(parked & BIT(i - 1)) -> i--
			:: else -> break
			od;
			n = (i > 0 -> op[i - 1].entered : 0)
		}
		if
		:: i > 0 -> i--; let_go_all(i)
		:: else
		fi
	od;
	atomic {
		if
		:: parked & BIT(top) -> tell_parent(top, false)
		:: else
		fi;
		mask = 0;
		parked = 0;
		top = 0;
#ifndef PLANT_PARK_AT_ONCE
		parking = false;
#endif
		goto end_idle
	}
done:
	skip
}

/* Everything below goes with the lane; what was not removed is only held by the parked. */
inline unlink_lane()
{
	d_step {
		x = 0;
		do
		:: x == OPS -> break
		:: x < OPS ->
			MUST(L5, x == me || op[x].state != RUNNING ||
				 !WITHIN(op[x].lane, op[me].lane));
			x++
		od;
		x = 0;
		do
		:: x == LANES -> break
		:: x < LANES ->
			if
			:: BELOW(x, op[me].lane) && born[x] && !gone[x] ->
				MUST(L5, SEALER_PARKED(x) || SEALER_PARKED(PARENT(x)));
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

#define RUNS_PARKED(o, l) (op[o].unbound == (l) && !op[o].over)
#ifdef PLANT_OPENS_BESIDE_PARKED
#define LEFT_RUNNING(l) false
#else
#define LEFT_RUNNING(l) ANY(RUNS_PARKED, l)
#endif

/* The end of an unbinding: the lane opens, or when what runs there is over. */
inline unbind_lane()
{
	d_step {
		l = op[me].lane;
		if
		:: sealed[l] == me && !LEFT_RUNNING(l) -> sealed[l] = NONE; seal_done[l] = false
		:: sealed[l] == me && LEFT_RUNNING(l) -> opens[l] = true
		:: else
		fi;
		l = 0
	}
}

/* One that was parked is over. */
inline open_at_last()
{
	d_step {
		l = op[me].unbound;
		if
		:: l != NONE && opens[l] && !LEFT_RUNNING(l) ->
			opens[l] = false;
			sealed[l] = NONE;
			seal_done[l] = false
		:: else
		fi;
		l = 0
	}
}

#define KID_LANE(i) (op[op[me].kid[i]].lane)
#define LEFT(i) (op[me].kid[i] != NONE && born[KID_LANE(i)] && !gone[KID_LANE(i)])
#ifdef PLANT_PARKED_KEEPS_SEAL
#define ABANDONED(i) (SEALER_PARKED(KID_LANE(i)) && op[sealed[KID_LANE(i)]].parent == me)
#else
#define ABANDONED(i) SEALER_PARKED(KID_LANE(i))
#endif
#define TO_REMOVE(i) (LEFT(i) && !ABANDONED(i))
/* Another removal runs there for now: it ends in one way or the other. */
#define TAKEN(i) (TO_REMOVE(i) && sealed[KID_LANE(i)] != NONE && !opens[KID_LANE(i)])

/*
 * What is below, round by round: a child whose own removal is just being refused is tried
 * again; what hangs is left behind.
 */
inline remove_children()
{
again:
	do
	:: i == 2 -> break
	:: i < 2 ->
		if
		:: TO_REMOVE(i) -> k = op[me].kid[i]; spawn()
		:: else
		fi;
		i++
	od;
	i = 0;
	timer[me] = JOINS;
	join();
	timer[me] = OFF;
	atomic {
		if
		:: op[me].cancelled
		:: !op[me].cancelled && !TO_REMOVE(0) && !TO_REMOVE(1) -> op[me].failed = false
		:: !op[me].cancelled && (TO_REMOVE(0) || TO_REMOVE(1)) && !TAKEN(0) && !TAKEN(1) ->
			goto again
		fi
	}
}

/* ---- operations ------------------------------------------------------------------- */

#ifdef PLANT_PASSES_A_SEAL
#define HEEDS_SEALS (!LASTS(0))
#else
#define HEEDS_SEALS true
#endif

/* fl_op_join(). The children of a parked one may never end. */
inline join()
{
	if
	:: op[me].kids == 0
	:: op[me].state == PARKED && op[me].kids != 0 ->
end_joins:	op[me].kids == 0
	fi
}

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
	op[me].until == NONE || op[op[me].until].over;
	if
	:: op[me].kind == PLAIN
	:: op[me].kind == FAMILY ->
		do
		:: i < 2 && op[me].kid[i] != NONE -> k = op[me].kid[i]; spawn(); i++
		:: else -> break
		od;
		i = 0;
		join()
	:: op[me].kind == POSTS ->
		submit(op[me].kid[0]);
#ifdef PLANT_UPWARD_WAIT
		; op[op[me].kid[0]].over
#endif
	:: SEALS(me) -> remove_children()
	fi;
	if
	:: SEALS(me) -> err = op[me].failed
	:: op[me].may_fail -> err = true
	:: !SEALS(me)
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
	atomic {
		op[me].state == QUEUED;
		n = op[me].first;
		refused = SEALED_AGAINST(op[me].lane, me) && HEEDS_SEALS;
		if
		:: refused -> goto over
		:: else
		fi
	}
	if
	:: SEALS(me) ->
		seal();
		if
		:: refused -> goto over
		:: else -> tell()
		fi
	:: else
	fi;

	/* From the root down (rule 1), or from below the parent's lane. */
enter:
	atomic {
		op[me].waits == NONE;
		i = op[me].first + op[me].entered;
		if
		:: n > i -> n = 0; i = 0; goto refuse /* taken out of a queue */
#ifndef PLANT_SEAL_UNSEEN
		:: n == i && op[me].cancelled -> n = 0; i = 0; goto refuse
		:: n == i && !op[me].cancelled
#else
		:: n == i
#endif
		fi;
		if
		:: i > DEPTH(op[me].lane) ->
			n = 0;
			i = 0;
#ifndef PLANT_SEAL_UNSEEN
			l = (SEALS(me) -> PARENT(op[me].lane) : op[me].lane);
			if
			:: (op[me].lane != 0 || !SEALS(me)) && SEALED_AGAINST(l, me) && HEEDS_SEALS ->
				l = 0;
				goto refuse
			:: else -> l = 0
			fi;
#endif
			op[me].state = RUNNING;
			d_step { check_start() }
		:: else ->
			l = PATH(op[me].lane, i);
			n = i + 1;
			i = 0;
			if
			:: sealed[l] != NONE && sealed[l] != me && HEEDS_SEALS ->
				n = 0;
				l = 0;
				goto refuse
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
		:: mine && op[me].kind == UNBINDS -> unbind_lane()
		:: else
		fi
	}
	let_go_all(me);
	goto over;

refuse:
	atomic {
		op[me].state = ENDED;
		n = op[me].entered;
		err = true;
		if
		:: SEALS(me) -> reopen_lane()
		:: else
		fi
	}
	let_go_all(me);

over:
	atomic {
		MUST(L6, !op[me].over);
		op[me].over = true;
		open_at_last();
		if
		:: refused -> op[me].state = ENDED; err = true
		:: else
		fi;
		/* What nobody asks for any more need not tell states apart. */
		op[me].cancelled = false;
		op[me].failed = false;
		op[me].lasts = false;
		n = 0;
#ifdef PLANT_CHILD_FORGOTTEN
		if
		:: ran -> tell_parent(me, err)
		:: else
		fi;
#else
		tell_parent(me, err);
#endif
		refused = false;
		mine = false;
		err = false;
		if
		:: op[me].stream && op[me].state == ENDED && op[0].waits == 0 -> /* another round */
			op[me].over = false;
			op[me].state = QUEUED;
			goto end_idle
		:: op[me].parent != NONE && op[me].state == ENDED -> goto end_idle
		:: else
		fi
	}
}

/* ---- scenes ----------------------------------------------------------------------- */

proctype birth(byte lane; byte probe)
{
	bool ok;

	/* fl_lane_new(): first the lane's own parent, then what is above it. */
	ok = (sealed[PARENT(lane)] == NONE);
	ok = ok && sealed[PARENT(PARENT(lane))] == NONE;
	d_step { /* fl_device_link(), under the lock of the list that a removal walks */
#ifndef PLANT_BIRTH_UNDER_SEALED
		ok = ok && sealed[PARENT(lane)] == NONE;
#endif
		born[lane] = ok
	}
	atomic {
		if
		:: ok -> submit(probe); ok = false
		:: else
		fi
	}
}

/* So much of a stream may pass: the longer somebody has waited, the longer a hold must be to last. */
#define STREAM_LASTS 2
#ifdef PLANT_PASSES_FOR_EVER
#define STILL_LASTS true
#else
#define STILL_LASTS (waited < STREAM_LASTS)
#endif
#define MAY_LAST(o, l) (op[o].lane != (l) && !op[o].lasts && HOLDS(o, l) && \
			(!op[o].stream || STILL_LASTS))
#define TO_LOOK(l) (SOME(qa[l]) && alone[l] == NONE && LASTS(l) && \
		    (SOME(qs[l]) || (SOME(qd[l]) && !ANY(SAID_AT, l))))

inline begin_to_last(o)
{
	op[o].lasts = true;
	waited = (op[o].stream && waited < STREAM_LASTS -> waited + 1 : waited)
}

/* Time passes: holds begin to last, each at its own moment, and the lane's timer tells. */
proctype clock()
{
	byte x;

end_idle:
	do
	:: atomic { MAY_LAST(1, 0) -> begin_to_last(1) }
	:: atomic { MAY_LAST(2, 0) -> begin_to_last(2) }
	:: atomic { MAY_LAST(3, 0) -> begin_to_last(3) }
	:: atomic { MAY_LAST(4, 0) -> begin_to_last(4) }
#ifndef PLANT_SHUTS_FOR_WHAT_LASTS
	:: atomic { TO_LOOK(0) -> d_step { let_in(0) } }
#endif
	od
}

#define WAITS_BELOW(o) (op[o].waits == op[o].lane && alone[op[o].lane] == NONE)

/* The deadline of one that waits to be alone: it ends, and its client is told. */
proctype gives_up(byte o)
{
	byte l, x;

end_idle:
	WAITS_BELOW(o);
#ifdef PLANT_GIVES_UP_TWICE
	d_step {
		MUST(L6, !op[o].over);
		op[o].over = true
	}
#endif
	/* Granted since: then it has begun. */
	d_step {
		if
		:: WAITS_BELOW(o) -> cancel(o)
		:: else
		fi
	}
}

/* The deadline of one that runs: it is told to stop. */
proctype deadline(byte o)
{
end_idle:
	atomic { op[o].state == RUNNING -> op[o].cancelled = true }
}

/* What nobody would ask for again: it lets those go first that queue behind it, once. */
proctype queues_anew(byte o)
{
	byte l, x;

end_idle:
	atomic {
		WAITS_BELOW(o) && len(qa[op[o].lane]) > 1 ->
		d_step {
			l = op[o].lane;
			qa[l]??eval(o);
			qa[l]!o;
			let_in(l);
			l = 0
		}
	}
}

/* o is asked for when `before` has begun. */
proctype follows(byte o, before)
{
	atomic { op[before].state != QUEUED -> submit(o) }
}

inline is(o, what, where)
{
	op[o].kind = what;
	op[o].lane = where;
	run operation(o);
	if
	:: what == REMOVES || what == UNBINDS -> run removal_timer(o)
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
	is(0, REMOVES, 1); is(3, REMOVES, 3); child(3, 0, 0);
	is(1, FAMILY, 1); is(4, PLAIN, 3); child(4, 1, 0); op[4].deaf = true;
	is(2, PLAIN, 0);
	submit(0); submit(1); submit(2)
#elif SCENE == 3 /* an SF goes while operations queue at it, or the PF awaits a deaf child on it */
	is(0, REMOVES, 1);
	is(1, FAMILY, 0); is(4, PLAIN, 1); child(4, 1, 0); op[4].deaf = true;
	is(2, PLAIN, 1); is(3, PLAIN, 1);
	submit(0); submit(1); submit(2); submit(3)
#elif SCENE == 4 /* an SF goes while a child is born under it, whose probe is deaf */
	is(0, REMOVES, 1); is(2, REMOVES, 3); child(2, 0, 0);
	is(1, PLAIN, 3); op[1].deaf = true;
	submit(0); run birth(3, 1)
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
#elif SCENE == 8 /* removals within each other, of which the lowest is deaf */
	born[2] = false;
	born[3] = true;
	is(0, REMOVES, 0);
	is(1, REMOVES, 1); child(1, 0, 0);
	is(2, REMOVES, 3); child(2, 1, 0); op[2].deaf = true;
	submit(0)
#elif SCENE == 9 /* beside a hang and who waits to be alone a flash begins; giving up */
	is(0, PLAIN, 0);
	is(1, PLAIN, 1); op[1].until = 2;
	is(2, PLAIN, 2); op[2].declared = true;
	is(3, PLAIN, 0);
	is(4, PLAIN, 1);
	submit(1); submit(0); submit(2); submit(3); submit(4);
	run clock(); run gives_up(0); run queues_anew(3)
#elif SCENE == 10 /* beside a flash others go on, but a second flash waits for who is to be alone */
	is(0, PLAIN, 0);
	is(1, PLAIN, 1); op[1].declared = true; op[1].until = 4;
	is(2, PLAIN, 2); op[2].declared = true;
	is(4, PLAIN, 2);
	submit(1); submit(0); submit(2); submit(4);
	run clock()
#elif SCENE == 11 /* three are to be alone, one after another; between them goes what waits */
	is(0, PLAIN, 0);
	is(1, PLAIN, 1);
	is(2, PLAIN, 2);
	is(3, PLAIN, 0);
	is(4, PLAIN, 0);
	submit(0); submit(3); submit(4); submit(1); submit(2);
	run clock()
#elif SCENE == 12 /* to be alone under a stream whose operations each outlast the patience */
	is(0, PLAIN, 0);
	is(1, PLAIN, 1); op[1].stream = true;
	is(2, PLAIN, 2); op[2].stream = true;
	submit(1); submit(2); submit(0);
	run clock()
#elif SCENE == 13 /* an SF is unbound, and bound again, while something there is deaf */
	born[3] = true;
	is(0, UNBINDS, 1); is(3, REMOVES, 3); child(3, 0, 0);
	is(1, PLAIN, 3); op[1].deaf = true;
	is(2, PLAIN, 1);
	submit(0); submit(1); submit(2)
#elif SCENE == 14 /* a PF is unbound while it is flashed, somebody waits to be alone, and more comes */
	born[1] = true;
	is(0, PLAIN, 0);
	is(1, PLAIN, 1); op[1].declared = true; op[1].deaf = true;
	is(2, PLAIN, 2);
	is(3, UNBINDS, 0);
	submit(1); submit(0); submit(2);
	run clock(); run deadline(1); run follows(3, 1)
#elif SCENE == 15 /* an SF is unbound, and removed with its PF before it could begin */
	born[2] = false;
	is(0, REMOVES, 0);
	is(1, UNBINDS, 1);
	is(2, REMOVES, 1); child(2, 0, 0);
	is(3, PLAIN, 1); op[3].deaf = true;
	submit(3); submit(1); submit(0)
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
		MUST(L6, op[i].state == NEW || op[i].over ||
			 (op[i].state == PARKED && (op[i].deaf || op[i].kids != 0)));
		i++
	od;
	i = 0;
	do
	:: i == LANES -> break
	:: i < LANES ->
		MUST(L1, shared[i] == 0 && alone[i] == NONE && !SOME(qa[i]) && !SOME(qs[i]) && !SOME(qd[i]));
		MUST(L5, i == 0 || !born[i] || !gone[PARENT(i)] || gone[i]);
		i++
	od;
#if SCENE == 1
	skip
#elif SCENE <= 4
	MUST(L5, gone[1])
#elif SCENE <= 6 || SCENE == 8 || SCENE == 15
	MUST(L5, gone[0])
#elif SCENE == 7
	MUST(L5, gone[3] || sealed[3] == NONE)
#elif SCENE == 13
	MUST(L5, sealed[1] == NONE || (opens[1] && LEFT_RUNNING(1)))
#elif SCENE == 14
	MUST(L5, sealed[0] == NONE || (opens[0] && LEFT_RUNNING(0)))
#else
	skip
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
			op[i].unbound = NONE;
			op[i].until = NONE;
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
