/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * op-private.h - the layout of an operation, so that users can embed it. Only lane/
 * touches the fields.
 *
 * Rules:
 * 1. type, lane, client, parent, number, depth, path[].lane, path[].index, path[].alone:
 *    never change after submit.
 * 2. step, frames, result, later, calls, wait_at_ns, told, started, queueing, slot, timer: owned
 *    by the thread that runs the operation's steps. started, calls and, unless that is set, later
 *    and wait_at_ns are also read by the timer thread while the timer is armed. started is set
 *    under children_lock.
 * 3. refs, entered, turn, state, wait, doomed, cancelled, parked, due_pending, timed_out, times:
 *    atomic. turn is laid out in step.c.
 * 4. path[].link, .state, .since_ns, .ticket, .told, .stuck: under path[].lane's leaf lock; still_ns
 *    and park_at_ns: under that of the operation's own lane.
 * 5. children, children_running, children_error, over: under children_lock. So are, of each
 *    child: sibling, awaited, told_as. parked is set, and over, under the operation's own.
 * 6. work: owned by whoever made the operation ready, until a worker takes it. due: by whoever set
 *    due_pending. refusal: by whoever refuses the operation or tells it to stop first.
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
	uint64_t since_ns;         /* when it queued there last, or was granted */
	uint32_t ticket;           /* its place in the queue */
	uint32_t told;             /* of which seal; 0: none */
	uint8_t index;             /* of this hold in path[] */
	uint8_t alone;
	uint8_t state; /* enum fl_hold_state */
	uint8_t stuck; /* counted in lane->stuck */
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
	uint8_t calls; /* a step that may sleep */
	uint8_t asked; /* counted in its root's share of operations */
	uint8_t told;  /* a removal: has told all that stand on its lane */
	uint8_t started;
	uint8_t queueing; /* tries to enter path[entered] */
	uint8_t slot; /* counted in the device's quota of blocking operations */
	uint8_t awaited;
	uint8_t told_as; /* enum fl_tell */
	uint8_t over;
	uint8_t listed; /* enum parked_list, in removal.c */
	uint64_t wait_at_ns; /* when a sleep or a wait is over */
	uint64_t number;

	int refs;
	int entered; /* index of the lane that it is at; depth: holds all */
	uint64_t turn;
	int state;
	int wait; /* enum fl_op_wait */
	int doomed; /* not 0: must not start; the error to end with */
	int cancelled;
	int parked;
	uint64_t queued_ns, started_ns;
	uint64_t still_ns;    /* how long others had been alone at its own lane when it queued there */
	uint64_t deadline_ns; /* when it is told to stop; 0: never by itself */
	uint64_t told_ns;     /* when it was, or cancelled; 0: not yet */
	uint64_t park_at_ns;  /* of a removal: when it goes on without those that it told */
	int timed_out;
	int due_pending;
	/* Since when it may be waited for; 0: it has not begun, or is a removal that awaits
	 * what is below, for which it has a deadline itself. */
	uint64_t busy_ns;

	struct fl_lock children_lock;
	struct cds_list_head children;
	struct cds_list_head sibling;
	unsigned int children_running;
	int children_error;

	struct fl_work work;
	struct fl_work due; /* looks at the deadline; while pending it has a reference */
	struct fl_timer timer;

	void *data; /* of whoever's callbacks run as steps: fl_op_set_data() */
};

#endif
