/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "core/border.h"
#include "core/cmd-op.h"

/* What cannot be taken back is tried until there is memory, or the device goes. */
static int cmd_commit(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	bool kept;
	int err = fl_txn_try_commit(cmd->txn, &kept);

	if (kept && cmd->keep && !fl_op_cancelled(op))
		return fl_op_sleep(op, FL_TXN_RETRY_NS, cmd_commit);
	if (kept)
		fl_txn_abort(cmd->txn);
	cmd->txn = NULL;
	if (!cmd->err)
		cmd->err = err;
	if (!cmd->err && cmd->type->reply)
		cmd->type->reply(cmd);
	return cmd->err;
}

static int cmd_work_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	/* Also of what a driver replied later. */
	cmd->err = fl_border_result(cmd->dl, fl_op_kind(op), fl_op_result(op));
	if (!cmd->err || cmd->keep)
		return cmd_commit(op);
	fl_txn_abort(cmd->txn);
	cmd->txn = NULL;
	return cmd->err;
}

/* ---- a place that nobody gives up ------------------------------------------------- */

/* What is to be alone on an instance's lane waits there for all that runs below it, and what
 * comes later waits along. If something below hangs, the command has to give up, so that
 * that hurts nobody else. */

static void alone_disarm(struct fl_cmd_op *cmd)
{
	if (fl_timer_cancel(fl_plane_sched(cmd->dl->plane), &cmd->alone))
		fl_op_put(&cmd->op);
}

/* Of an operation that was submitted: it may be over by now. */
static void alone_arm(struct fl_cmd_op *cmd)
{
	struct fl_sched *sched = fl_plane_sched(cmd->dl->plane);

	fl_op_get(&cmd->op);
	if (fl_timer_arm(sched, &cmd->alone, fl_sched_config(sched)->alone_deadline_ns))
		fl_op_put(&cmd->op);
	else if (__atomic_load_n(&cmd->over, __ATOMIC_SEQ_CST))
		alone_disarm(cmd);
}

static void alone_due(struct fl_timer *timer)
{
	struct fl_cmd_op *cmd = FL_CONTAINER_OF(timer, struct fl_cmd_op, alone);

	if (fl_op_give_up(&cmd->op, -EBUSY) == -EAGAIN)
		alone_arm(cmd);
	fl_op_put(&cmd->op);
}

int fl_cmd_op_run(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	bool here;
	int err;

	alone_disarm(cmd);
	cmd->ran = true;
	/* It may have moved away or gone while the command queued. */
	fl_rcu_read_lock();
	here = fl_devlink_in(cmd->dl, cmd->req->ns);
	fl_rcu_read_unlock();
	if (!here)
		return -ENODEV;
	err = fl_txn_begin(op, cmd->dl, &cmd->txn);
	if (err)
		return err;
	cmd->txn->extack = &cmd->req->extack;
	fl_op_then(op, cmd_work_done);
	return cmd->type->work(op);
}

static void tell_gave_up(struct fl_cmd_op *cmd)
{
	const struct fl_sched *sched = fl_plane_sched(cmd->dl->plane);
	uint64_t waited_ns = fl_sched_config(sched)->alone_deadline_ns;

	fl_extack_set(&cmd->req->extack,
		      "after %u s something below still runs; see: finelink show lanes",
		      (unsigned int)(waited_ns / FL_NS_PER_S));
}

void fl_cmd_op_ended(struct fl_op *op, int err)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	__atomic_store_n(&cmd->over, 1, __ATOMIC_SEQ_CST);
	alone_disarm(cmd);
	if (cmd->type->over)
		cmd->type->over(cmd, err);
	if (!__atomic_exchange_n(&cmd->answered, 1, __ATOMIC_SEQ_CST)) {
		if (err == -EBUSY && !cmd->ran)
			tell_gave_up(cmd);
		fl_req_complete(cmd->req, err);
	} else {
		cmd->req->release(cmd->req);
	}
}

void fl_cmd_op_parked(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	/* Not before it is ours may the request be looked at: it may be over. */
	if (cmd->can_abandon && !__atomic_exchange_n(&cmd->answered, 1, __ATOMIC_SEQ_CST))
		cmd->req->abandon(cmd->req);
}

void fl_cmd_op_free(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	fl_devlink_put(cmd->dl);
	free(cmd);
}

/* ---- beside a flash --------------------------------------------------------------- */

/* What shall be alone on an instance's lane would hold up, while a flash there lasts, all that
 * comes after it below. So it waits for the flash on the flash's lane, where it is in nobody's
 * way, and queues then. Another flash may have begun meanwhile: so many times it goes back. */
#define GATE_TURNS 16

struct gate {
	struct fl_op op;
	struct fl_cmd_op *cmd; /* not submitted yet: with the reference that passes then */
	unsigned int turn;
};

/* As fl_op_submit(); with the reason for the sender. */
static int submit(struct fl_req *req, struct fl_op *op)
{
	int err;

	fl_op_get(op);
	err = fl_op_submit(op);
	if (err == -EBUSY)
		fl_extack_set(&req->extack, "%s", fl_op_refusal(op));
	fl_op_put(op);
	return err;
}

static int gate_run(struct fl_op *op)
{
	return 0;
}

static void gate_ended(struct fl_op *op, int err);

static void gate_free(struct fl_op *op)
{
	free(FL_CONTAINER_OF(op, struct gate, op));
}

static const struct fl_op_type gate_type = {
	.kind = "after-flash",
	.run = gate_run,
	.ended = gate_ended,
	.free = gate_free,
};

static int gate_submit(struct fl_cmd_op *cmd, struct fl_lane *flash, unsigned int turn)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	int err;

	if (!gate) {
		fl_op_put(&cmd->op);
		return -ENOMEM;
	}
	gate->cmd = cmd;
	gate->turn = turn;
	fl_op_init(&gate->op, &gate_type, flash, fl_op_client(&cmd->op));
	err = submit(cmd->req, &gate->op);
	if (err)
		fl_op_put(&cmd->op);
	return err;
}

static int submit_alone(struct fl_cmd_op *cmd)
{
	int err;

	fl_op_get(&cmd->op);
	err = submit(cmd->req, &cmd->op);
	if (!err)
		alone_arm(cmd);
	fl_op_put(&cmd->op);
	return err;
}

/* As fl_op_submit(): cmd's first reference passes over. */
static int cmd_submit(struct fl_cmd_op *cmd, unsigned int turn)
{
	struct fl_lane *flash = cmd->dl->sublane[FL_SUBLANE_FLASH];

	if (flash && fl_op_lane(&cmd->op) == cmd->dl->lane && turn < GATE_TURNS &&
	    fl_lane_busy(flash))
		return gate_submit(cmd, flash, turn);
	if (fl_op_lane(&cmd->op) != cmd->dl->lane)
		return submit(cmd->req, &cmd->op);
	return submit_alone(cmd);
}

static void gate_ended(struct fl_op *op, int err)
{
	struct gate *gate = FL_CONTAINER_OF(op, struct gate, op);
	struct fl_cmd_op *cmd = gate->cmd;

	fl_op_get(&cmd->op);
	if (err)
		fl_op_put(&cmd->op);
	else
		err = cmd_submit(cmd, gate->turn + 1);
	if (err)
		fl_cmd_op_ended(&cmd->op, err);
	fl_op_put(&cmd->op);
}

int fl_cmd_op_post(struct fl_req *req, const struct fl_cmd_op_type *type, struct fl_devlink *dl,
		   struct fl_lane *lane, uint32_t port, void *arg)
{
	struct fl_cmd_op *cmd = calloc(1, sizeof(*cmd));
	int err;

	if (!cmd) {
		fl_devlink_put(dl);
		return -ENOMEM;
	}
	cmd->type = type;
	cmd->req = req;
	cmd->can_abandon = req->abandon;
	cmd->dl = dl;
	cmd->port = port;
	cmd->arg = arg;
	fl_timer_init(&cmd->alone, alone_due);
	fl_op_init(&cmd->op, &type->op, lane, req->client);
	err = cmd_submit(cmd, 0);
	return err ? err : FL_LATER;
}

void fl_req_begin(struct fl_req *req, uint8_t cmd)
{
	fl_msg_begin(&req->reply, req->nlh->nlmsg_type, 0, req->nlh->nlmsg_seq, req->portid, cmd,
		     1);
}

void fl_req_complete(struct fl_req *req, int err)
{
	req->complete(req, err);
}
