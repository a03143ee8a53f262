/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request.pml - the request of an operation that may be parked (core/cmd-op.c, core/knob.c,
 * server/request.c, server/dump.c, server/knob.c; clauses R1, R2 in README.md).
 *
 *   here           there
 *   over, parked   fl_op.over, fl_op.parked, both under its lock
 *   answered       fl_cmd_op.answered, knob_op.answered
 *   gone           fl_request.gone: who has let go of it
 *   node           fl_session.back in the inbox of the I/O thread
 *   operation()    the steps, which use the request, and fl_cmd_op_ended()
 *   removal()      mark_parked(), fl_cmd_op_parked()
 *   session()      request_completed(), request_parked()
 *
 * What completed stays the session's, which may use or free it from then on: that it does is
 * its freeing here.
 */
#include "common.pml"

mtype = { NOTHING, COMPLETED, PARKED };
mtype node = NOTHING;
bool over, parked, answered;
bool gone_session, gone_operation;

/* Ghosts. */
byte answers;
bool freed, deaf;

inline use() { MUST(R2, !freed) }
inline free_request() { d_step { MUST(R2, !freed); freed = true } }
inline answer() { d_step { MUST(R1, answers == 0); answers++ } }
inline claim() { d_step { won = !answered; answered = true } }

proctype operation()
{
	bool won, last;

	use();
	if
	:: true
	:: true -> deaf = true; goto done /* its driver never returns */
	fi;
	over = true;
#ifdef PLANT_BOTH_ANSWER
	won = true;
#else
	claim();
#endif
	if
	:: won -> use(); node = COMPLETED
	:: else ->
		use();
		d_step { last = gone_session; gone_operation = true };
		if
		:: last -> free_request()
		:: else
		fi
	fi;
done:
	skip
}

proctype removal()
{
	bool won;

	atomic {
		if
		:: over -> goto done
		:: !over -> parked = true
		fi
	}
#ifdef PLANT_LOOKED_BEFORE_CLAIM
	use();
#endif
#ifndef PLANT_NOT_TOLD
	claim();
	if
	:: won -> use(); node = PARKED
	:: else
	fi;
#endif
done:
	skip
}

proctype session()
{
	bool last;
	mtype what;

end_waits:
	do
	:: atomic { node != NOTHING -> what = node; node = NOTHING };
		use();
		answer();
		if
		:: what == COMPLETED -> free_request()
		:: what == PARKED ->
#ifdef PLANT_SESSION_FREES
			last = true;
#else
			d_step { last = gone_operation; gone_session = true };
#endif
			if
			:: last -> free_request()
			:: else
			fi
		fi
	od
}

init
{
	atomic { run operation(); run removal(); run session() }
	timeout;
	MUST(R1, answers == 1);
	MUST(R2, freed == !deaf)
}
