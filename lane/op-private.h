/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * op-private.h - the layout of an operation, so that users can embed it. Only lane/
 * touches the fields.
 *
 * Rules:
 * 1. type, lane, client, parent, depth, path[].lane, path[].index, path[].alone: never
 *    change after submit.
 * 2. step, frames, result, later, wait_ns, told, started, queueing, slot, timer: owned by
 *    the thread that runs the operation's steps. later and started are also read by the
 *    timer thread while the timer is armed. started is set under children_lock.
 * 3. refs, entered, turn, state, doomed, cancelled, parked, times: atomic. turn is laid out
 *    in step.c.
 * 4. path[].link, path[].state: under path[].lane's leaf lock.
 * 5. children, children_running, children_error, over: under children_lock. So are, of each
 *    child: sibling, awaited, told_as. parked is set, and over, under the operation's own.
 * 6. work: owned by whoever made the operation ready, until a worker takes it.
 * 7. data: of the running step's code (fl_op_data()); lane/ does not look at it.
 */
#ifndef FL_LANE_OP_PRIVATE_H
#define FL_LANE_OP_PRIVATE_H

#include <urcu/list.h>

#include "base/lock.h"

/* A thing for a worker to do. */
struct fl_work {
	struct cds_list_head link; /* in the run queue */
	void (*fn)(struct fl_work *work);
};

/* One lane of an operation's path. */
struct fl_op_hold {
	struct fl_lane *lane;
	struct cds_list_head link; /* in the lane's queue or among its holders */
	uint8_t index;             /* of this hold in path[] */
	uint8_t alone;
	uint8_t state; /* enum fl_hold_state */
};

struct fl_op {
	const struct fl_op_type *type;
	struct fl_lane *lane;
	struct fl_client *client;
	struct fl_op *parent; /* a reference */
	char *refusal;

	struct fl_op_hold path[FL_OP_DEPTH];

	fl_step step;
	fl_step frames[FL_OP_FRAMES];
	int result;
	uint8_t frame_count;
	uint8_t depth;
	uint8_t later; /* enum fl_later */
	uint8_t told;  /* a removal: has told all that stand on its lane */
	uint8_t started;
	uint8_t queueing; /* tries to enter path[entered] */
	uint8_t slot; /* counted in the device's quota of blocking operations */
	uint8_t awaited;
	uint8_t told_as; /* enum fl_tell */
	uint8_t over;
	uint8_t listed; /* enum parked_list, in removal.c */
	uint64_t wait_ns;

	int refs;
	int entered; /* index of the lane that it is at; depth: holds all */
	uint64_t turn;
	int state;
	int doomed; /* not 0: must not start; the error to end with */
	int cancelled;
	int parked;
	uint64_t queued_ns, started_ns, ended_ns;
	/* Since when it may be waited for; 0: it has not begun, or is a removal that awaits
	 * what is below, for which it has a deadline itself. */
	uint64_t busy_ns;

	struct fl_lock children_lock;
	struct cds_list_head children;
	struct cds_list_head sibling;
	unsigned int children_running;
	int children_error;

	struct fl_work work;
	struct fl_timer timer;

	void *data; /* of whoever's callbacks run as steps: fl_op_set_data() */
};

#endif
