/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload.h - the reload itself, shared by the command and by the return of instances
 * from a namespace that died.
 */
#ifndef FL_CORE_RELOAD_H
#define FL_CORE_RELOAD_H

#include "core/txn.h"

/* One reload; embedded in whatever runs it. Context: alone on the instance's lane. */
struct fl_reload {
	struct fl_txn *txn;
	enum devlink_reload_action action;
	enum devlink_reload_limit limit;
	struct fl_netns *target;  /* referenced; NULL: no namespace was named */
	bool forced;              /* goes on although reload_down refused */
	bool begun;               /* reload_down is over: what follows leaves traces */
	uint32_t performed;       /* bits of the actions done */
	int err;                  /* of the transaction: why the driver was taken down again */
	void *outer;              /* the operation's data before ours */
};

/* What the driver tells of itself may fail for memory. Then nothing is done, if that is before
 * reload_down; else the driver ends down, and the transaction says so, with reload_failed.
 *
 * Runs down, move, parameters, up and the bookkeeping within reload->txn. A step's value,
 * or FL_LATER; whatever it is, once `begun` the transaction is to be committed.
 * fl_op_data(op) is the reload while it runs. */
int fl_reload_run(struct fl_op *op, struct fl_reload *reload);

#endif
