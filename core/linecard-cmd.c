/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linecard-cmd.c - what clients ask of line cards: LINECARD_GET, LINECARD_SET. Setting a type
 * begins what the device ends later; a card that is busy with one refuses the next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/linecard.h"

int fl_linecard_get_doit(struct fl_req *req)
{
	const struct nlattr *index = req->tb[DEVLINK_ATTR_LINECARD_INDEX];
	const struct fl_obj *obj = NULL;
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err && !index)
		err = -EINVAL;
	if (!err) {
		obj = fl_pmap_get(version->objs[FL_OBJ_LINECARD], fl_attr_u32(index));
		err = obj ? 0 : -ENODEV;
	}
	if (!err)
		err = fl_obj_put(&req->reply, obj, DEVLINK_CMD_LINECARD_NEW, 0, req->nlh->nlmsg_seq,
				 req->portid, req->ns);
	fl_rcu_read_unlock();
	return err;
}

int fl_linecard_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_LINECARD, DEVLINK_CMD_LINECARD_NEW);
}

/* ---- LINECARD_SET ----------------------------------------------------------------- */

struct linecard_set {
	uint32_t index;
	enum devlink_linecard_state state; /* as it was found */
	char *type;			   /* that it is to have; NULL: none */
};

static int refuse(struct fl_cmd_op *cmd, int err, const char *text)
{
	fl_extack_set(&cmd->req->extack, "%s", text);
	return err;
}

static int check_busy(struct fl_cmd_op *cmd, const struct linecard_set *set)
{
	if (set->state == DEVLINK_LINECARD_STATE_PROVISIONING)
		return refuse(cmd, -EBUSY, "Line card is currently being provisioned");
	if (set->state == DEVLINK_LINECARD_STATE_UNPROVISIONING)
		return refuse(cmd, -EBUSY, "Line card is currently being unprovisioned");
	return 0;
}

/* What the device refuses leaves the card unprovisioned, and all of it was told. */
static int set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct linecard_set *set = cmd->arg;

	if (fl_op_result(op)) {
		fl_linecard_set(cmd->txn, set->index, DEVLINK_LINECARD_STATE_UNPROVISIONED, NULL);
		cmd->keep = true;
	}
	return fl_op_result(op);
}

static bool type_is_known(struct fl_cmd_op *cmd, const struct linecard_set *set)
{
	const struct fl_obj *obj;
	bool known;

	fl_rcu_read_lock();
	obj = fl_txn_obj(cmd->txn, FL_OBJ_LINECARD, set->index);
	known = obj && fl_linecard_type_find((const struct fl_linecard_obj *)obj, set->type);
	fl_rcu_read_unlock();
	return known;
}

static int type_set(struct fl_cmd_op *cmd)
{
	const struct fl_linecard_ops *ops = cmd->dl->ops->linecard;
	const struct linecard_set *set = cmd->arg;
	int err = check_busy(cmd, set);

	if (err)
		return err;
	if (!type_is_known(cmd, set))
		return refuse(cmd, -EINVAL, "Unsupported line card type provided");
	if (set->state != DEVLINK_LINECARD_STATE_UNPROVISIONED &&
	    set->state != DEVLINK_LINECARD_STATE_PROVISIONING_FAILED) {
		refuse(cmd, -EBUSY, "Line card already provisioned");
		if (ops->same_provision && ops->same_provision(cmd->dl, set->index, set->type))
			return 0;
		return -EBUSY;
	}
	fl_linecard_set(cmd->txn, set->index, DEVLINK_LINECARD_STATE_PROVISIONING, set->type);
	fl_op_then(&cmd->op, set_done);
	return fl_border_step(cmd->dl, "linecard.provision",
			      ops->provision(&cmd->op, cmd->txn, set->index, set->type));
}

static int type_unset(struct fl_cmd_op *cmd)
{
	const struct fl_linecard_ops *ops = cmd->dl->ops->linecard;
	const struct linecard_set *set = cmd->arg;
	int err = check_busy(cmd, set);

	if (err)
		return err;
	if (set->state == DEVLINK_LINECARD_STATE_UNPROVISIONED)
		return refuse(cmd, 0, "Line card is not provisioned");
	if (set->state == DEVLINK_LINECARD_STATE_PROVISIONING_FAILED) {
		fl_linecard_set(cmd->txn, set->index, DEVLINK_LINECARD_STATE_UNPROVISIONED, NULL);
		return 0;
	}
	fl_linecard_unprovisioning(cmd->txn, set->index);
	fl_op_then(&cmd->op, set_done);
	return fl_border_step(cmd->dl, "linecard.unprovision",
			      ops->unprovision(&cmd->op, cmd->txn, set->index));
}

static int set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr *index = cmd->req->tb[DEVLINK_ATTR_LINECARD_INDEX];
	const struct nlattr *type = cmd->req->tb[DEVLINK_ATTR_LINECARD_TYPE];
	struct linecard_set *set = cmd->arg;
	int state;

	set->index = fl_attr_u32(index);
	state = fl_linecard_state(cmd->txn, set->index);
	if (state < 0 || !type)
		return state < 0 ? state : 0;
	set->state = state;
	if (!*fl_attr_str(type))
		return type_unset(cmd);
	set->type = strdup(fl_attr_str(type));
	return set->type ? type_set(cmd) : -ENOMEM;
}

static void set_over(struct fl_cmd_op *cmd, int err)
{
	struct linecard_set *set = cmd->arg;

	free(set->type);
	free(set);
}

static const struct fl_cmd_op_type set_op_type = {
	FL_CMD_OP("linecard-set", 0),
	.work = set_work,
	.over = set_over,
};

int fl_linecard_set_doit(struct fl_req *req)
{
	struct linecard_set *set = NULL;
	struct fl_devlink *dl;
	struct fl_lane *lane;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	lane = fl_rcu_deref(dl->sublane[FL_SUBLANE_LINECARDS]);
	if (!req->tb[DEVLINK_ATTR_LINECARD_INDEX])
		err = -EINVAL;
	else if (!lane) /* never had a card */
		err = -ENODEV;
	if (!err) {
		set = calloc(1, sizeof(*set));
		err = set ? 0 : -ENOMEM;
	}
	if (err)
		fl_devlink_put(dl);
	else
		err = fl_cmd_op_post(req, &set_op_type, dl, lane, 0, set);
	if (err < 0)
		free(set);
	return err;
}
