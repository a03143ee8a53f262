/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-op.h - the operation behind a command that changes something.
 *
 * All of them go the same way: find the instance, queue at a lane, look again whether the asker's
 * namespace still holds the instance, begin a transaction, do the work, commit, reply. A command
 * fills in only the work.
 */
#ifndef FL_CORE_CMD_OP_H
#define FL_CORE_CMD_OP_H

#include "core/txn.h"

struct fl_cmd_op;

struct fl_cmd_op_type {
	struct fl_op_type op; /* .kind and .flags; the rest is set by FL_CMD_OP() */
	/* The work, on the lane, within cmd->txn: a step. Its value ends the command: 0
	 * commits, FL_CMD_KEEP or'ed error... see fl_cmd_op.keep. */
	fl_step work;
	/* Puts the reply, after the commit; may be NULL. */
	void (*reply)(struct fl_cmd_op *cmd);
	/* Frees what the command keeps in `arg`, and undoes what was reserved for it if err;
	 * no lane is held; may be NULL. */
	void (*over)(struct fl_cmd_op *cmd, int err);
};

struct fl_cmd_op {
	struct fl_op op;
	const struct fl_cmd_op_type *type;
	struct fl_req *req;      /* valid until it is completed or released */
	struct fl_devlink *dl;   /* referenced */
	struct fl_txn *txn;      /* during the work */
	uint32_t port;           /* of commands about one */
	bool keep;               /* commit although the work failed (reload), and surely */
	int err;                 /* what the work gave */
	bool can_abandon;        /* req can; set before the submit */
	int answered;            /* atomic: who sets it, `parked` or `ended`, answers */
	void *arg;
};

int fl_cmd_op_run(struct fl_op *op);
void fl_cmd_op_ended(struct fl_op *op, int err);
void fl_cmd_op_parked(struct fl_op *op);
void fl_cmd_op_free(struct fl_op *op);

#define FL_CMD_OP(name, op_flags)                                                                \
	.op = { .kind = (name), .run = fl_cmd_op_run, .ended = fl_cmd_op_ended,                  \
		.parked = fl_cmd_op_parked, .free = fl_cmd_op_free, .flags = (op_flags) }

/* Says why op was refused, gave up, or was told to stop, unless its driver has said something.
 * Context: as fl_op_refusal(). */
void fl_extack_refusal(struct fl_extack *extack, const struct fl_op *op, int err);

static inline struct fl_cmd_op *fl_cmd_op(struct fl_op *op)
{
	return FL_CONTAINER_OF(op, struct fl_cmd_op, op);
}

/* Queues a command at `lane`; dl's reference passes over in any case. Returns FL_LATER,
 * or a negative errno with extack; then `over` is not called. */
int fl_cmd_op_post(struct fl_req *req, const struct fl_cmd_op_type *type, struct fl_devlink *dl,
		   struct fl_lane *lane, uint32_t port, void *arg);

#endif
