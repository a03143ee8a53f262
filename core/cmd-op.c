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

	if (kept && cmd->keep && !fl_lane_sealed(cmd->dl->lane))
		return fl_op_retry(op, cmd_commit);
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

void fl_extack_refusal(struct fl_extack *extack, const struct fl_op *op, int err)
{
	const char *why = fl_op_refusal(op);

	if (why && !*extack->msg && (err == -EBUSY || err == -ETIMEDOUT || err == -ECANCELED))
		fl_extack_set(extack, "%s", why);
}

int fl_cmd_op_run(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	bool here;
	int err;

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

void fl_cmd_op_ended(struct fl_op *op, int err)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	if (cmd->type->over)
		cmd->type->over(cmd, err);
	if (__atomic_exchange_n(&cmd->answered, 1, __ATOMIC_SEQ_CST)) {
		cmd->req->release(cmd->req);
		return;
	}
	fl_extack_refusal(&cmd->req->extack, op, err);
	fl_req_complete(cmd->req, err);
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
	fl_op_init(&cmd->op, &type->op, lane, req->client);
	fl_op_get(&cmd->op);
	err = fl_op_submit(&cmd->op);
	if (err)
		fl_extack_refusal(&req->extack, &cmd->op, err);
	fl_op_put(&cmd->op);
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
