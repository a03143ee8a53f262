/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * op-private.h - the layout of an operation, so that users can embed it. Only lane/
 * touches the fields.
 *
 * Rules:
 * 1. type, lane, client, parent, path[].lane, depth: never change after submit.
 * 2. step, frames, result: owned by the thread that runs the operation's steps.
 * 3. turn (a generation in the upper bits and the state of the current wait in the lower
 *    two), cancelled, parked, state, times: atomic.
 * 4. path[].link, path[].mode, path[].held: under path[].lane's leaf lock.
 * 5. children, awaited_by: under the op leaf lock of the parent.
 * 6. data: of the running step's code (fl_op_data()); lane/ does not look at it.
 */
#ifndef FL_LANE_OP_PRIVATE_H
#define FL_LANE_OP_PRIVATE_H

#include <urcu/list.h>

#include "base/lock.h"

struct fl_op_hold {
	struct fl_lane *lane;
	struct fl_op *op;
	struct cds_list_head link; /* in the lane's queue or among its holders */
	uint8_t alone;
	uint8_t held;
};

struct fl_op {
	const struct fl_op_type *type;
	struct fl_lane *lane;
	struct fl_client *client;
	struct fl_op *parent;
	int refs;

	struct fl_op_hold path[FL_OP_DEPTH];
	uint8_t depth;
	uint8_t entered; /* how many of path[] are held */

	fl_step step;
	fl_step frames[FL_OP_FRAMES];
	uint8_t frame_count;
	int result;
	const char *refusal;

	uint64_t turn;
	int state;
	int cancelled;
	int parked;
	uint64_t queued_ns, started_ns, ended_ns;

	struct fl_lock children_lock;
	struct cds_list_head children;
	struct cds_list_head sibling;
	unsigned int children_running;
	int children_error;

	struct cds_list_head ready; /* in a run queue */
	struct fl_timer *timer;

	void *data; /* of whoever's callbacks run as steps: fl_op_set_data() */
};

static inline void fl_op_set_data(struct fl_op *op, void *data)
{
	op->data = data;
}

static inline void *fl_op_data(const struct fl_op *op)
{
	return op->data;
}

#endif
