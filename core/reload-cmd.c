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

/* The port that shows this instance as nested tells the target's id as its own namespace counts. */
static struct fl_netns *parent_ns_get(struct fl_devlink *dl)
{
	struct fl_netns *parent_ns = NULL;
	struct fl_nested_in *in;

	fl_rcu_read_lock();
	in = fl_rcu_deref(dl->nested_in);
	if (in)
		parent_ns = fl_netns_get(fl_devlink_version(in->parent)->ns);
	fl_rcu_read_unlock();
	return parent_ns;
}

static bool id_is_to_learn(struct fl_reload *reload, struct fl_netns *parent_ns)
{
	return parent_ns && parent_ns != reload->target &&
	       fl_netns_id_in(reload->target, parent_ns) == FL_NSID_NONE;
}

/* Context: may block. */
static int reload_ask(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reload *reload = &reload_cmd(op)->reload;
	const struct nlattr *id = cmd->req->tb[DEVLINK_ATTR_NETNS_ID];
	struct fl_netns *parent_ns;
	int err = fl_op_result(op);

	if (!err && id)
		err = fl_netns_resolve_id(fl_plane_netns(cmd->dl->plane), cmd->req->ns,
					  (int32_t)fl_attr_u32(id), &reload->target);
	if (fl_op_cancelled(op))
		return -ECANCELED; /* the device goes: do not begin now */
	if (err)
		return resolve_failed(cmd->req, err);
	parent_ns = parent_ns_get(cmd->dl);
	if (id_is_to_learn(reload, parent_ns))
		fl_netns_learn_id(reload->target, parent_ns);
	fl_netns_put(parent_ns);
	return fl_op_yield(op, reload_start);
}

/* Finds reload->target. What a descriptor meant was found out when it came, and may have died
 * since; ids are asked for now. */
static int reload_find_target(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reload *reload = &reload_cmd(op)->reload;
	struct fl_netns *target = cmd->req->target_ns, *parent_ns;
	bool ask;

	if (!netns_attrs(cmd->req))
		return reload_start(op);
	if (cmd->req->tb[DEVLINK_ATTR_NETNS_ID])
		return fl_op_block(op, reload_ask);
	if (!target || fl_netns_dead(target))
		return resolve_failed(cmd->req, cmd->req->target_err);
	reload->target = fl_netns_get(target);
	parent_ns = parent_ns_get(cmd->dl);
	ask = id_is_to_learn(reload, parent_ns);
	fl_netns_put(parent_ns);
	return ask ? fl_op_block(op, reload_ask) : reload_start(op);
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
	return reload_find_target(op);
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
