/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "core/cmd-op.h"

static int cmd_work_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_txn *txn = cmd->txn;
	int err = fl_op_result(op), commit_err;

	cmd->txn = NULL;
	if (err && !cmd->keep) {
		fl_txn_abort(txn);
		return err;
	}
	commit_err = fl_txn_commit(txn);
	if (!err)
		err = commit_err;
	if (!err && cmd->type->reply)
		cmd->type->reply(cmd);
	return err;
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
	if (!__atomic_exchange_n(&cmd->answered, 1, __ATOMIC_SEQ_CST))
		fl_req_complete(cmd->req, err);
	else
		cmd->req->release(cmd->req);
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
	if (err == -EBUSY)
		fl_extack_set(&req->extack, "%s", fl_op_refusal(&cmd->op));
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
