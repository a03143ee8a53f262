/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap-cmd.c - what clients ask of packet traps: TRAP_GET, TRAP_SET, and the same of groups and
 * policers. All changes of one instance's traps queue at its traps lane; none is announced.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/trap.h"

static const char no_trap[] = "Device did not register this trap";
static const char no_group[] = "Device did not register this trap group";
static const char no_policer[] = "Device did not register this trap policer";

/* ---- get -------------------------------------------------------------------------- */

/* The object that the request names, or NULL. Context: RCU read section. */
static const struct fl_obj *req_obj(const struct fl_req *req, const struct fl_version *version,
				    enum fl_obj_kind kind)
{
	const struct nlattr *attr =
		req->tb[kind == FL_OBJ_POLICER ? DEVLINK_ATTR_TRAP_POLICER_ID :
			kind == FL_OBJ_TRAP    ? DEVLINK_ATTR_TRAP_NAME :
						 DEVLINK_ATTR_TRAP_GROUP_NAME];

	if (!attr)
		return NULL;
	if (kind == FL_OBJ_POLICER)
		return fl_pmap_get(version->objs[kind], fl_attr_u32(attr));
	return fl_trap_find(version, kind, fl_attr_str(attr));
}

static int get(struct fl_req *req, enum fl_obj_kind kind, const char *missing)
{
	const struct fl_version *version;
	const struct fl_obj *obj;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink(req, &dl, &version);
	if (err)
		return err;
	if (!version->obj_count[kind])
		return -EOPNOTSUPP;
	obj = req_obj(req, version, kind);
	if (!obj) {
		fl_extack_set(&req->extack, "%s", missing);
		return -ENOENT;
	}
	err = fl_obj_put(&req->reply, obj, obj->ops->cmd_new, 0, req->nlh->nlmsg_seq, req->portid,
			 req->ns);
	/* The kernel tells a counter that cannot be read as a message that does not fit. */
	return err == -ENODATA ? -EMSGSIZE : err;
}

static int get_doit(struct fl_req *req, enum fl_obj_kind kind, const char *missing)
{
	int err;

	fl_rcu_read_lock();
	err = get(req, kind, missing);
	fl_rcu_read_unlock();
	return err;
}

int fl_trap_get_doit(struct fl_req *req)
{
	return get_doit(req, FL_OBJ_TRAP, no_trap);
}

int fl_trap_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_TRAP, DEVLINK_CMD_TRAP_NEW);
}

int fl_trap_group_get_doit(struct fl_req *req)
{
	return get_doit(req, FL_OBJ_TRAP_GROUP, no_group);
}

int fl_trap_group_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_TRAP_GROUP, DEVLINK_CMD_TRAP_GROUP_NEW);
}

int fl_trap_policer_get_doit(struct fl_req *req)
{
	return get_doit(req, FL_OBJ_POLICER, no_policer);
}

int fl_trap_policer_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_POLICER, DEVLINK_CMD_TRAP_POLICER_NEW);
}

/* ---- what the changes have in common ---------------------------------------------- */

static int post(struct fl_req *req, const struct fl_cmd_op_type *type, void *arg)
{
	struct fl_devlink *dl;
	struct fl_lane *lane;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	lane = fl_rcu_deref(dl->sublane[FL_SUBLANE_TRAPS]);
	if (lane)
		return fl_cmd_op_post(req, type, dl, lane, 0, arg);
	fl_devlink_put(dl);
	return -EOPNOTSUPP;
}

static int parse_action(struct fl_cmd_op *cmd, enum devlink_trap_action *ret_action)
{
	uint8_t action = fl_attr_u8(cmd->req->tb[DEVLINK_ATTR_TRAP_ACTION]);

	if (action > DEVLINK_TRAP_ACTION_MIRROR) {
		fl_extack_set(&cmd->req->extack, "Invalid trap action");
		return -EINVAL;
	}
	*ret_action = action;
	return 0;
}

static int find_desc(struct fl_cmd_op *cmd, enum fl_obj_kind kind, uint16_t attr,
		     const char *missing, uint64_t *ret_key, struct fl_trap_desc **ret_desc)
{
	const struct nlattr *name = cmd->req->tb[attr];
	int err = -ENOENT;

	if (!fl_trap_any(cmd->txn, kind))
		return -EOPNOTSUPP;
	if (name)
		err = fl_trap_desc_find(cmd->txn, kind, fl_attr_str(name), ret_key, ret_desc);
	if (err)
		fl_extack_set(&cmd->req->extack, "%s", missing);
	return err;
}

/* Whether a trap takes an action: those that do not drop keep the one that they have. */
static bool takes(const struct fl_trap_obj *trap, enum devlink_trap_action action)
{
	return trap->action == action || trap->desc->type == DEVLINK_TRAP_TYPE_DROP;
}

/* ---- TRAP_SET, and a group's traps one after the other ---------------------------- */

struct trap_set {
	enum devlink_trap_action action;
	uint64_t key;              /* of the trap that the driver sets now */
	struct fl_trap_desc *desc; /* of it, counted */
	/* TRAP_GROUP_SET */
	uint64_t group_key;
	struct fl_trap_desc *group;
	uint64_t *traps;
	size_t count, next;
	uint32_t policer;
	bool modified;
};

static void trap_set_over(struct fl_cmd_op *cmd, int err)
{
	struct trap_set *set = cmd->arg;

	fl_trap_desc_put(set->desc);
	fl_trap_desc_put(set->group);
	free(set->traps);
	free(set);
}

static int trap_action_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct trap_set *set = cmd->arg;
	int err = fl_border_result(cmd->dl, "trap.action_set", fl_op_result(op));

	if (err)
		return err;
	fl_trap_action_apply(cmd->txn, set->key, set->action);
	/* If the next trap of a group fails, this one stays as it is now. */
	cmd->keep = true;
	return 0;
}

/* Sets the action of the trap at set->key. */
static int trap_action_set(struct fl_cmd_op *cmd)
{
	struct trap_set *set = cmd->arg;
	const struct fl_obj *obj;
	bool takes_it = false;

	fl_rcu_read_lock();
	obj = fl_txn_obj(cmd->txn, FL_OBJ_TRAP, set->key);
	if (obj)
		takes_it = takes((const struct fl_trap_obj *)obj, set->action);
	fl_rcu_read_unlock();
	if (!takes_it) {
		fl_extack_set(&cmd->req->extack,
			      "Cannot change action of non-drop traps. Skipping");
		return 0;
	}
	fl_op_then(&cmd->op, trap_action_done);
	return cmd->dl->ops->trap->action_set(&cmd->op, cmd->txn, set->desc->name,
					      set->desc->priv, set->action);
}

static int trap_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct trap_set *set = cmd->arg;
	int err;

	err = find_desc(cmd, FL_OBJ_TRAP, DEVLINK_ATTR_TRAP_NAME, no_trap, &set->key, &set->desc);
	if (err || !cmd->req->tb[DEVLINK_ATTR_TRAP_ACTION])
		return err;
	err = parse_action(cmd, &set->action);
	return err ? err : trap_action_set(cmd);
}

static const struct fl_cmd_op_type trap_set_type = {
	FL_CMD_OP("trap-set", 0),
	.work = trap_set_work,
	.over = trap_set_over,
};

static int post_trap_set(struct fl_req *req, const struct fl_cmd_op_type *type)
{
	struct trap_set *set = calloc(1, sizeof(*set));
	int err;

	if (!set)
		return -ENOMEM;
	err = post(req, type, set);
	if (err < 0)
		free(set);
	return err;
}

int fl_trap_set_doit(struct fl_req *req)
{
	return post_trap_set(req, &trap_set_type);
}

/* ---- TRAP_GROUP_SET --------------------------------------------------------------- */

static void count_trap(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct trap_set *set = arg;

	if (!strcmp(((const struct fl_trap_obj *)obj)->desc->group, set->group->name))
		set->count++;
}

static void collect_trap(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct trap_set *set = arg;

	if (set->next < set->count &&
	    !strcmp(((const struct fl_trap_obj *)obj)->desc->group, set->group->name))
		set->traps[set->next++] = obj->key;
}

static int collect_traps(struct fl_cmd_op *cmd)
{
	struct trap_set *set = cmd->arg;

	fl_txn_for_each(cmd->txn, FL_OBJ_TRAP, count_trap, set);
	set->traps = calloc(set->count + 1, sizeof(*set->traps));
	if (!set->traps)
		return -ENOMEM;
	fl_txn_for_each(cmd->txn, FL_OBJ_TRAP, collect_trap, set);
	set->count = set->next;
	set->next = 0;
	return 0;
}

static int group_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct trap_set *set = cmd->arg;
	int err = fl_border_result(cmd->dl, "trap.group_policer_set", fl_op_result(op));

	if (!err)
		fl_trap_group_policer_apply(cmd->txn, set->group_key, set->policer);
	else if (set->modified)
		fl_extack_set(&cmd->req->extack,
			      "Trap group set failed, but some changes were committed already");
	return err;
}

static int group_policer_set(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct trap_set *set = cmd->arg;
	const struct fl_trap_ops *ops = cmd->dl->ops->trap;
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_TRAP_POLICER_ID];

	if (!attr)
		return 0;
	fl_op_then(op, group_done);
	if (!ops->group_policer_set)
		return -EOPNOTSUPP;
	set->policer = fl_attr_u32(attr);
	if (set->policer && !fl_txn_obj(cmd->txn, FL_OBJ_POLICER, set->policer)) {
		fl_extack_set(&cmd->req->extack, "%s", no_policer);
		return -ENOENT;
	}
	return ops->group_policer_set(op, cmd->txn, set->group->name, set->group->priv,
				      set->policer);
}

static int group_next_trap(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct trap_set *set = cmd->arg;
	const struct fl_obj *obj;

	if (fl_op_result(op))
		return fl_op_result(op);
	fl_trap_desc_put(set->desc);
	set->desc = NULL;
	if (set->next == set->count) {
		set->modified = true;
		return group_policer_set(op);
	}
	set->key = set->traps[set->next++];
	fl_rcu_read_lock();
	obj = fl_txn_obj(cmd->txn, FL_OBJ_TRAP, set->key);
	if (obj)
		set->desc = fl_trap_desc_get(((const struct fl_trap_obj *)obj)->desc);
	fl_rcu_read_unlock();
	fl_op_then(op, group_next_trap);
	return set->desc ? trap_action_set(cmd) : -ENODEV;
}

/* The driver has set them all at once. */
static int group_action_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct trap_set *set = cmd->arg;
	const struct fl_obj *obj;
	bool takes_it;
	int err = fl_border_result(cmd->dl, "trap.group_action_set", fl_op_result(op));

	if (err)
		return err;
	for (size_t i = 0; i < set->count; i++) {
		fl_rcu_read_lock();
		obj = fl_txn_obj(cmd->txn, FL_OBJ_TRAP, set->traps[i]);
		takes_it = obj && takes((const struct fl_trap_obj *)obj, set->action);
		fl_rcu_read_unlock();
		if (takes_it)
			fl_trap_action_apply(cmd->txn, set->traps[i], set->action);
	}
	cmd->keep = true;
	set->modified = true;
	return group_policer_set(op);
}

static int group_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct trap_set *set = cmd->arg;
	const struct fl_trap_ops *ops = cmd->dl->ops->trap;
	int err;

	err = find_desc(cmd, FL_OBJ_TRAP_GROUP, DEVLINK_ATTR_TRAP_GROUP_NAME, no_group,
			&set->group_key, &set->group);
	if (err)
		return err;
	if (!cmd->req->tb[DEVLINK_ATTR_TRAP_ACTION])
		return group_policer_set(op);
	err = parse_action(cmd, &set->action);
	if (!err)
		err = collect_traps(cmd);
	if (err)
		return err;
	if (!ops->group_action_set) {
		fl_op_then(op, group_next_trap);
		return 0;
	}
	fl_op_then(op, group_action_done);
	return ops->group_action_set(op, cmd->txn, set->group->name, set->group->priv,
				     set->action);
}

static const struct fl_cmd_op_type group_set_type = {
	FL_CMD_OP("trap-group-set", 0),
	.work = group_set_work,
	.over = trap_set_over,
};

int fl_trap_group_set_doit(struct fl_req *req)
{
	return post_trap_set(req, &group_set_type);
}

/* ---- TRAP_POLICER_SET ------------------------------------------------------------- */

struct policer_set {
	uint32_t id;
	uint64_t rate, burst;
};

static int policer_check(struct fl_cmd_op *cmd, const struct fl_trap_policer *policer)
{
	const struct policer_set *set = cmd->arg;
	const char *text = NULL;

	if (set->rate < policer->min_rate)
		text = "Policer rate lower than limit";
	else if (set->rate > policer->max_rate)
		text = "Policer rate higher than limit";
	else if (set->burst < policer->min_burst)
		text = "Policer burst size lower than limit";
	else if (set->burst > policer->max_burst)
		text = "Policer burst size higher than limit";
	if (!text)
		return 0;
	fl_extack_set(&cmd->req->extack, "%s", text);
	return -EINVAL;
}

static int policer_find(struct fl_cmd_op *cmd, struct fl_trap_policer *ret_policer)
{
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_TRAP_POLICER_ID];
	const struct fl_obj *obj = NULL;

	fl_rcu_read_lock();
	if (attr)
		obj = fl_txn_obj(cmd->txn, FL_OBJ_POLICER, fl_attr_u32(attr));
	if (obj)
		*ret_policer = ((const struct fl_trap_policer_obj *)obj)->policer;
	fl_rcu_read_unlock();
	if (obj)
		return 0;
	fl_extack_set(&cmd->req->extack, "%s", no_policer);
	return -ENOENT;
}

static int policer_set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct policer_set *set = cmd->arg;
	int err = fl_border_result(cmd->dl, "trap.policer_set", fl_op_result(op));

	if (!err)
		fl_trap_policer_apply(cmd->txn, set->id, set->rate, set->burst);
	return err;
}

static int policer_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct policer_set *set = cmd->arg;
	const struct fl_trap_ops *ops = cmd->dl->ops->trap;
	const struct nlattr **tb = cmd->req->tb;
	struct fl_trap_policer policer;
	int err;

	if (!fl_trap_any(cmd->txn, FL_OBJ_POLICER) || !ops->policer_set)
		return -EOPNOTSUPP;
	err = policer_find(cmd, &policer);
	if (err)
		return err;
	set->id = policer.id;
	set->rate = policer.rate;
	set->burst = policer.burst;
	if (tb[DEVLINK_ATTR_TRAP_POLICER_RATE])
		set->rate = fl_attr_u64(tb[DEVLINK_ATTR_TRAP_POLICER_RATE]);
	if (tb[DEVLINK_ATTR_TRAP_POLICER_BURST])
		set->burst = fl_attr_u64(tb[DEVLINK_ATTR_TRAP_POLICER_BURST]);
	err = policer_check(cmd, &policer);
	if (err)
		return err;
	fl_op_then(op, policer_set_done);
	return ops->policer_set(op, cmd->txn, set->id, set->rate, set->burst);
}

static void policer_set_over(struct fl_cmd_op *cmd, int err)
{
	free(cmd->arg);
}

static const struct fl_cmd_op_type policer_set_type = {
	FL_CMD_OP("trap-policer-set", 0),
	.work = policer_set_work,
	.over = policer_set_over,
};

int fl_trap_policer_set_doit(struct fl_req *req)
{
	struct policer_set *set = calloc(1, sizeof(*set));
	int err;

	if (!set)
		return -ENOMEM;
	err = post(req, &policer_set_type, set);
	if (err < 0)
		free(set);
	return err;
}
