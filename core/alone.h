/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * alone.h - operations that are to be alone on an instance's own lane.
 *
 * Whoever queues there holds up all that comes later below. So it first waits for a flash of the
 * instance, which may last for minutes, on the flash's lane, where it is in nobody's way; and it
 * gives up with -EBUSY if what runs below does not end within alone_deadline_ns.
 */
#ifndef FL_CORE_ALONE_H
#define FL_CORE_ALONE_H

#include "core/instance.h"

/* Beside an operation, in whatever contains it.
 * Rules: 1. op, dl, refused, gave_up: never change after fl_alone_init(). 2. turn: of who submits;
 * there is one at a time. 3. over: atomic. */
struct fl_alone {
	struct fl_op *op;
	struct fl_devlink *dl;
	void (*refused)(struct fl_op *op, int err);
	struct fl_timer timer; /* until it gives up; armed, it has a reference on op */
	bool gave_up;
	unsigned int turn;
	int over;
};

/* op: initialised, on dl's lane; dl: what contains op keeps it. gave_up: op comes again after it
 * gave up, and waits for what has run below for longest like for a flash. refused: told instead of
 * op's `ended` if op could not be submitted after such a wait; with a reference on op that is the
 * caller's. Context: a worker, no lane held. */
void fl_alone_init(struct fl_alone *alone, struct fl_op *op, struct fl_devlink *dl, bool gave_up,
		   void (*refused)(struct fl_op *op, int err));

/* As fl_op_submit(), now or after the wait. */
int fl_alone_submit(struct fl_alone *alone);

/* To be called first by op's `run` and by its `ended`. */
void fl_alone_begun(struct fl_alone *alone);
void fl_alone_ended(struct fl_alone *alone);

#endif
