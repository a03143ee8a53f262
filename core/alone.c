/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/alone.h"

#include <errno.h>
#include <stdlib.h>

#include "core/plane.h"

/* ---- giving up -------------------------------------------------------------------- */

static struct fl_sched *sched_of(const struct fl_alone *alone)
{
	return fl_plane_sched(alone->dl->plane);
}

static void disarm(struct fl_alone *alone)
{
	if (fl_timer_cancel(sched_of(alone), &alone->timer))
		fl_op_put(alone->op);
}

/* Of an operation that was submitted: it may be over by now. */
static void arm(struct fl_alone *alone)
{
	struct fl_sched *sched = sched_of(alone);

	fl_op_get(alone->op);
	if (fl_timer_arm(sched, &alone->timer, fl_sched_config(sched)->alone_deadline_ns))
		fl_op_put(alone->op);
	else if (__atomic_load_n(&alone->over, __ATOMIC_SEQ_CST))
		disarm(alone);
}

static void due(struct fl_timer *timer)
{
	struct fl_alone *alone = FL_CONTAINER_OF(timer, struct fl_alone, timer);
	struct fl_op *op = alone->op;

	if (fl_op_give_up(op, -EBUSY) == -EAGAIN)
		arm(alone);
	fl_op_put(op);
}

void fl_alone_begun(struct fl_alone *alone)
{
	disarm(alone);
}

void fl_alone_ended(struct fl_alone *alone)
{
	__atomic_store_n(&alone->over, 1, __ATOMIC_SEQ_CST);
	disarm(alone);
}

static int submit_now(struct fl_alone *alone)
{
	struct fl_op *op = fl_op_get(alone->op);
	int err = fl_op_submit(op);

	if (!err)
		arm(alone);
	fl_op_put(op);
	return err;
}

/* ---- beside what lasts ------------------------------------------------------------ */

/* Something else may last when one is over: so many times it is waited for. */
#define TURNS 16

/* On the lane of what lasts, which is below, so that nobody else waits for it. */
struct gate {
	struct fl_op op;
	struct fl_alone *alone; /* with the reference that passes when its op is submitted */
};

static int gate_run(struct fl_op *op)
{
	return 0;
}

/* Also if that lane goes: then what lasted there goes. */
static void gate_ended(struct fl_op *op, int err)
{
	struct fl_alone *alone = FL_CONTAINER_OF(op, struct gate, op)->alone;
	struct fl_op *waiting = fl_op_get(alone->op);

	err = fl_alone_submit(alone);
	if (err)
		alone->refused(waiting, err);
	fl_op_put(waiting);
}

static void gate_free(struct fl_op *op)
{
	free(FL_CONTAINER_OF(op, struct gate, op));
}

static const struct fl_op_type gate_type = {
	.kind = "before-alone",
	.run = gate_run,
	.ended = gate_ended,
	.free = gate_free,
};

static bool wait_at(struct fl_alone *alone, struct fl_lane *lane)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return false;
	gate->alone = alone;
	fl_op_init(&gate->op, &gate_type, lane, fl_op_client(alone->op));
	return !fl_op_submit(&gate->op);
}

/* Where to wait first, referenced; NULL: nowhere. */
static struct fl_lane *what_lasts(struct fl_alone *alone)
{
	struct fl_lane *flash = alone->dl->sublane[FL_SUBLANE_FLASH];

	if (alone->turn++ >= TURNS)
		return NULL;
	if (flash && fl_lane_busy(flash))
		return fl_lane_get(flash);
	return alone->gave_up ? fl_lane_longest_below(alone->dl->lane) : NULL;
}

int fl_alone_submit(struct fl_alone *alone)
{
	struct fl_lane *lane = what_lasts(alone);
	bool waits = lane && wait_at(alone, lane);

	fl_lane_put(lane);
	/* What cannot wait there queues at once, and is refused for the same reason or not. */
	return waits ? 0 : submit_now(alone);
}

void fl_alone_init(struct fl_alone *alone, struct fl_op *op, struct fl_devlink *dl, bool gave_up,
		   void (*refused)(struct fl_op *op, int err))
{
	*alone = (struct fl_alone){ .op = op, .dl = dl, .gave_up = gave_up, .refused = refused };
	fl_timer_init(&alone->timer, due);
}
