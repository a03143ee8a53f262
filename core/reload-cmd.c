/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload-cmd.c - DEVLINK_CMD_RELOAD: admission, in the order of SEMANTICS, then the reload.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/plane.h"
#include "core/reload.h"
#include "core/resource.h"

struct reload_cmd {
	struct fl_reload reload;
	bool tells_performed; /* an action or limits were named: the reply tells what was done */
};

static struct reload_cmd *reload_cmd(struct fl_op *op)
{
	return fl_cmd_op(op)->arg;
}

/* ---- admission -------------------------------------------------------------------- */

static int admit_action(struct fl_req *req, const struct fl_devlink *dl, struct fl_reload *reload)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_RELOAD_ACTION];

	reload->action = attr ? fl_attr_u8(attr) : DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	if (dl->ops->reload_actions & 1u << reload->action)
		return 0;
	fl_extack_set(&req->extack, "Requested reload action is not supported by the driver");
	return -EOPNOTSUPP;
}

static int admit_limit(struct fl_req *req, const struct fl_devlink *dl, struct fl_reload *reload)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_RELOAD_LIMITS];
	uint32_t limits;

	reload->limit = DEVLINK_RELOAD_LIMIT_UNSPEC;
	if (!attr)
		return 0;
	limits = ((const struct nla_bitfield32 *)fl_attr_data(attr))->value &
		 ((const struct nla_bitfield32 *)fl_attr_data(attr))->selector;
	if (!limits) {
		fl_extack_set(&req->extack, "Invalid limit selected");
		return -EINVAL;
	}
	if (limits & (limits - 1)) {
		fl_extack_set(&req->extack, "Multiselection of limit is not supported");
		return -EOPNOTSUPP;
	}
	reload->limit = __builtin_ctz(limits);
	if (!(dl->ops->reload_limits & limits)) {
		fl_extack_set(&req->extack, "Requested limit is not supported by the driver");
		return -EOPNOTSUPP;
	}
	if (reload->action != DEVLINK_RELOAD_ACTION_FW_ACTIVATE &&
	    reload->limit == DEVLINK_RELOAD_LIMIT_NO_RESET) {
		fl_extack_set(&req->extack, "Requested limit is invalid for this action");
		return -EINVAL;
	}
	return 0;
}

static unsigned int netns_attrs(const struct fl_req *req)
{
	return !!req->tb[DEVLINK_ATTR_NETNS_PID] + !!req->tb[DEVLINK_ATTR_NETNS_FD] +
	       !!req->tb[DEVLINK_ATTR_NETNS_ID];
}

/* ---- the namespace ---------------------------------------------------------------- */

/* Blocks: entering a namespace to learn who it is takes system calls. */
static int find_netns(struct fl_req *req, struct fl_netns **ret_ns)
{
	struct fl_netns_table *table = fl_plane_netns(req->plane);
	const struct nlattr *id = req->tb[DEVLINK_ATTR_NETNS_ID];

	if (id)
		return fl_netns_resolve_id(table, req->ns, (int32_t)fl_attr_u32(id), ret_ns);
	if (req->netns_fd < 0)
		return -EINVAL;
	return fl_netns_resolve_fd(table, req->netns_fd, ret_ns);
}

static int resolve_failed(struct fl_req *req, int err)
{
	const char *why = fl_netns_cannot_move(fl_plane_netns(req->plane));

	if (why) {
		fl_extack_set(&req->extack, "%s", why);
		return -EOPNOTSUPP;
	}
	if (err == -EPERM || err == -EBUSY || err == -ENOMEM)
		return err;
	fl_extack_set(&req->extack, "Unknown network namespace");
	return -EINVAL;
}

static int reload_start(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reload *reload = &reload_cmd(op)->reload;

	if (reload->target && reload->target != cmd->req->ns &&
	    reload->action != DEVLINK_RELOAD_ACTION_DRIVER_REINIT) {
		fl_extack_set(&cmd->req->extack,
			      "dev: Changing namespace is only supported for reinit action");
		return -EOPNOTSUPP;
	}
	return fl_reload_run(op, reload);
}

static int reload_resolve(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reload *reload = &reload_cmd(op)->reload;
	struct fl_nested_in *in;
	struct fl_netns *parent_ns = NULL;
	int err = fl_op_result(op);

	if (!err)
		err = find_netns(cmd->req, &reload->target);
	if (fl_op_cancelled(op))
		return -ECANCELED; /* the device goes: do not begin now */
	if (err)
		return resolve_failed(cmd->req, err);
	/* The port that shows this instance as nested tells the id as its own namespace counts. */
	fl_rcu_read_lock();
	in = fl_rcu_deref(cmd->dl->nested_in);
	if (in)
		parent_ns = fl_netns_get(fl_devlink_version(in->parent)->ns);
	fl_rcu_read_unlock();
	if (parent_ns)
		fl_netns_learn_id(reload->target, parent_ns);
	fl_netns_put(parent_ns);
	return fl_op_yield(op, reload_start);
}

/* ---- the command ------------------------------------------------------------------ */

static int reload_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	/* A failure after reload_down leaves its traces: the move, the flag. */
	cmd->keep = reload_cmd(op)->reload.begun;
	return fl_op_result(op);
}

static int reload_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reload *reload = &reload_cmd(op)->reload;
	int err;

	reload->txn = cmd->txn;
	if (!fl_resources_valid(cmd->txn)) {
		fl_extack_set(&cmd->req->extack, "resources size validation failed");
		return -EINVAL;
	}
	err = admit_action(cmd->req, cmd->dl, reload);
	if (!err)
		err = admit_limit(cmd->req, cmd->dl, reload);
	if (!err && netns_attrs(cmd->req) > 1) {
		fl_extack_set(&cmd->req->extack,
			      "multiple netns identifying attributes specified");
		err = -EINVAL;
	}
	if (err)
		return err;
	fl_op_then(op, reload_done);
	return netns_attrs(cmd->req) ? fl_op_block(op, reload_resolve) : reload_start(op);
}

static void reload_reply(struct fl_cmd_op *cmd)
{
	struct reload_cmd *reload = cmd->arg;

	if (!reload->tells_performed)
		return;
	fl_req_begin(cmd->req, DEVLINK_CMD_RELOAD);
	fl_devlink_put_handle(&cmd->req->reply, cmd->dl);
	fl_msg_put_bitfield32(&cmd->req->reply, DEVLINK_ATTR_RELOAD_ACTIONS_PERFORMED,
			      reload->reload.performed, reload->reload.performed);
	fl_msg_end(&cmd->req->reply);
}

static void reload_over(struct fl_cmd_op *cmd, int err)
{
	struct reload_cmd *reload = cmd->arg;

	fl_netns_put(reload->reload.target);
	free(reload);
}

static const struct fl_cmd_op_type reload_type = {
	FL_CMD_OP("reload", 0),
	.work = reload_work,
	.reply = reload_reply,
	.over = reload_over,
};

int fl_reload_doit(struct fl_req *req)
{
	struct reload_cmd *reload;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	reload = calloc(1, sizeof(*reload));
	if (!reload) {
		fl_devlink_put(dl);
		return -ENOMEM;
	}
	reload->tells_performed = req->tb[DEVLINK_ATTR_RELOAD_ACTION] ||
				  req->tb[DEVLINK_ATTR_RELOAD_LIMITS];
	err = fl_cmd_op_post(req, &reload_type, dl, dl->lane, 0, reload);
	if (err < 0)
		free(reload);
	return err;
}
