/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rate-cmd.c - what clients ask of transmit rates: RATE_GET, RATE_SET, RATE_NEW, RATE_DEL. A
 * leaf is changed on its port's lane, a node on the rates lane (core/rate.h, R1 and R2).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/port.h"
#include "core/rate.h"

/* ---- which one is meant ----------------------------------------------------------- */

/* RATE_SET's policy does not know the port's index, so that the parser leaves it out. */
static const struct nlattr *find_port_index(const struct nlmsghdr *nlh)
{
	const char *at = (const char *)nlh + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)nlh + nlh->nlmsg_len;
	const struct nlattr *attr, *found = NULL;

	while (end - at >= NLA_HDRLEN) {
		attr = (const struct nlattr *)at;
		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			break;
		if (fl_attr_type(attr) == DEVLINK_ATTR_PORT_INDEX)
			found = attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	return found;
}

/* Whether the request names a port; unchecked, so that its attribute may be too short. */
static bool req_port_index(const struct fl_req *req, uint32_t *ret_port)
{
	const struct nlattr *attr = find_port_index(req->nlh);
	uint32_t port = 0;
	size_t len;

	if (!attr)
		return false;
	len = fl_attr_len(attr);
	memcpy(&port, fl_attr_data(attr), len < sizeof(port) ? len : sizeof(port));
	*ret_port = port;
	return true;
}

/* The name of the node that is asked for, or NULL: -EINVAL. */
static const char *req_node_name(const struct fl_req *req)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_RATE_NODE_NAME];
	const char *name = attr ? fl_attr_str(attr) : NULL;

	return name && fl_rate_name_ok(name) ? name : NULL;
}

/* The leaf or node that the request names, and the port's lane of its own, if it has one.
 * Context: RCU read section. */
static int req_rate(const struct fl_req *req, const struct fl_version *version,
		    const struct fl_rate **ret_rate, struct fl_lane **ret_lane)
{
	const struct fl_port *port = NULL;
	const struct fl_rate *rate = NULL;
	uint32_t index;

	if (req_port_index(req, &index)) {
		port = fl_port_find(version, index);
		if (port)
			rate = fl_pmap_get(version->objs[FL_OBJ_RATE], FL_RATE_LEAF_KEY + index);
	} else if (req_node_name(req)) {
		rate = fl_rate_node_find(version, req_node_name(req));
	} else {
		return -EINVAL;
	}
	if (!rate)
		return -ENODEV;
	*ret_rate = rate;
	*ret_lane = port ? port->lane : NULL;
	return 0;
}

/* ---- RATE_GET --------------------------------------------------------------------- */

int fl_rate_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	const struct fl_rate *rate;
	struct fl_devlink *dl;
	struct fl_lane *lane;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = req_rate(req, version, &rate, &lane);
	if (!err)
		err = fl_obj_put(&req->reply, &rate->obj, DEVLINK_CMD_RATE_NEW, 0,
				 req->nlh->nlmsg_seq, req->portid, req->ns);
	fl_rcu_read_unlock();
	return err;
}

int fl_rate_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_RATE, DEVLINK_CMD_RATE_NEW);
}

/* ---- setting values, one after the other ------------------------------------------ */

enum phase { TX_SHARE, TX_MAX, TX_PRIORITY, TX_WEIGHT, PARENT, TC_BW, PHASES };

static const uint16_t phase_attrs[PHASES] = {
	[TX_SHARE] = DEVLINK_ATTR_RATE_TX_SHARE,
	[TX_MAX] = DEVLINK_ATTR_RATE_TX_MAX,
	[TX_PRIORITY] = DEVLINK_ATTR_RATE_TX_PRIORITY,
	[TX_WEIGHT] = DEVLINK_ATTR_RATE_TX_WEIGHT,
	[PARENT] = DEVLINK_ATTR_RATE_PARENT_NODE_NAME,
	[TC_BW] = DEVLINK_ATTR_RATE_TC_BWS,
};

static const char *const phase_callbacks[PHASES] = {
	[TX_SHARE] = "rate.tx_share",       [TX_MAX] = "rate.tx_max",
	[TX_PRIORITY] = "rate.tx_priority", [TX_WEIGHT] = "rate.tx_weight",
	[PARENT] = "rate.parent",           [TC_BW] = "rate.tc_bw",
};

struct rate_set {
	uint64_t key;
	struct fl_rate_target target;
	struct fl_rate_node *node;   /* what is changed, if it is a node; counted */
	bool fresh;                  /* RATE_NEW: it is not there yet */
	enum phase phase;
	struct fl_rate_node *parent; /* counted, and as its child, until it is applied */
	struct fl_rate_target parent_target;
	bool unparents;
	uint32_t tc_bw[FL_RATE_TCS];
	int err;                     /* why RATE_NEW is undone */
};

static void rate_set_over(struct fl_cmd_op *cmd, int err)
{
	struct rate_set *set = cmd->arg;

	if (set->parent)
		fl_rate_node_drop_child(set->parent);
	fl_rate_node_put(set->parent);
	fl_rate_node_put(set->node);
	free(set);
}

static const struct fl_rate_set_ops *set_ops(const struct fl_cmd_op *cmd)
{
	const struct rate_set *set = cmd->arg;

	return set->node ? &cmd->dl->ops->rate->node : &cmd->dl->ops->rate->leaf;
}

/* R2: finds the parent and counts the child. */
static int parent_find(struct fl_cmd_op *cmd, const char *name)
{
	struct rate_set *set = cmd->arg;
	const struct fl_rate *parent, *above;

	parent = fl_rate_node_find_txn(cmd->txn, name);
	if (!parent || (set->fresh && parent->node == set->node))
		return -ENODEV;
	if (parent->node == set->node) {
		fl_extack_set(&cmd->req->extack, "Parent to self is not allowed");
		return -EINVAL;
	}
	/* Only a node can be above another one. */
	for (above = parent; set->node && above && above->parent;) {
		if (above->parent == set->node) {
			fl_extack_set(&cmd->req->extack,
				      "Node is already a parent of parent node.");
			return -EEXIST;
		}
		above = (const struct fl_rate *)fl_txn_obj(cmd->txn, FL_OBJ_RATE,
							   above->parent->key);
	}
	if (!fl_rate_node_add_child(parent->node))
		return -ENODEV;
	set->parent = fl_rate_node_get(parent->node);
	return 0;
}

static bool has_parent(struct fl_cmd_op *cmd, uint64_t key)
{
	const struct fl_obj *obj;
	bool has;

	fl_rcu_read_lock();
	obj = fl_txn_obj(cmd->txn, FL_OBJ_RATE, key);
	has = obj && fl_obj_rate(obj)->parent;
	fl_rcu_read_unlock();
	return has;
}

static int parent_set(struct fl_cmd_op *cmd, const char *name)
{
	struct rate_set *set = cmd->arg;
	int err;

	if (!*name) {
		set->unparents = has_parent(cmd, set->key);
		return set->unparents ?
			set_ops(cmd)->parent(&cmd->op, cmd->txn, &set->target, NULL) : 0;
	}
	fl_rcu_read_lock();
	err = parent_find(cmd, name);
	fl_rcu_read_unlock();
	if (err)
		return err;
	set->parent_target = (struct fl_rate_target){
		.node = set->parent->name,
		.priv = set->parent->priv,
	};
	return set_ops(cmd)->parent(&cmd->op, cmd->txn, &set->target, &set->parent_target);
}

static int tc_bw_parse_one(struct fl_req *req, const struct nlattr *nest, struct rate_set *set,
			   unsigned int *seen)
{
	const struct nlattr *tb[DEVLINK_RATE_TC_ATTR_BW + 1];
	uint8_t index;
	int err;

	err = fl_nl_parse_nested(nest, fl_devlink_rate_tc_policy, fl_devlink_rate_tc_max, true, tb,
				 &req->extack);
	if (err)
		return err;
	for (uint16_t type = DEVLINK_RATE_TC_ATTR_INDEX; type <= DEVLINK_RATE_TC_ATTR_BW; type++) {
		if (tb[type])
			continue;
		fl_extack_miss(&req->extack, nest, type);
		return -EINVAL;
	}
	index = fl_attr_u8(tb[DEVLINK_RATE_TC_ATTR_INDEX]);
	if (*seen & 1u << index) {
		fl_extack_set(&req->extack, "Duplicate traffic class index specified (%u)", index);
		return -EINVAL;
	}
	*seen |= 1u << index;
	set->tc_bw[index] = fl_attr_u32(tb[DEVLINK_RATE_TC_ATTR_BW]);
	return 0;
}

/* The attribute stands there once for each class; the parser keeps the last only. */
static int tc_bw_parse(struct fl_req *req, struct rate_set *set)
{
	const char *at = (const char *)req->nlh + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)req->nlh + req->nlh->nlmsg_len;
	const struct nlattr *attr;
	unsigned int seen = 0;
	int err = 0;

	for (; !err && end - at >= NLA_HDRLEN; at += NLA_ALIGN(attr->nla_len)) {
		attr = (const struct nlattr *)at;
		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			break;
		if (fl_attr_type(attr) == DEVLINK_ATTR_RATE_TC_BWS)
			err = tc_bw_parse_one(req, attr, set, &seen);
	}
	if (!err && seen != (1u << FL_RATE_TCS) - 1) {
		fl_extack_set(&req->extack,
			      "Bandwidth values must be specified for all %u traffic classes",
			      FL_RATE_TCS);
		err = -EINVAL;
	}
	return err;
}

static int phase_start(struct fl_cmd_op *cmd)
{
	const struct fl_rate_set_ops *ops = set_ops(cmd);
	struct rate_set *set = cmd->arg;
	const struct nlattr *attr = cmd->req->tb[phase_attrs[set->phase]];
	int err;

	switch (set->phase) {
	case TX_SHARE:
		return ops->tx_share(&cmd->op, cmd->txn, &set->target, fl_attr_u64(attr));
	case TX_MAX:
		return ops->tx_max(&cmd->op, cmd->txn, &set->target, fl_attr_u64(attr));
	case TX_PRIORITY:
		return ops->tx_priority(&cmd->op, cmd->txn, &set->target, fl_attr_u32(attr));
	case TX_WEIGHT:
		return ops->tx_weight(&cmd->op, cmd->txn, &set->target, fl_attr_u32(attr));
	case PARENT:
		return parent_set(cmd, fl_attr_str(attr));
	case TC_BW:
		err = tc_bw_parse(cmd->req, set);
		return err ? err : ops->tc_bw(&cmd->op, cmd->txn, &set->target, set->tc_bw);
	case PHASES:
		break;
	}
	return 0;
}

static void parent_apply(struct fl_cmd_op *cmd)
{
	struct rate_set *set = cmd->arg;
	struct fl_rate_node *parent = set->parent;

	if (!parent && !set->unparents)
		return;
	set->parent = NULL;
	fl_rate_parent_apply(cmd->txn, set->key, parent);
}

static void phase_apply(struct fl_cmd_op *cmd)
{
	struct rate_set *set = cmd->arg;
	const struct nlattr *attr = cmd->req->tb[phase_attrs[set->phase]];
	struct fl_rate *rate;

	if (set->phase == PARENT) {
		parent_apply(cmd);
		return;
	}
	rate = fl_rate_write(cmd->txn, set->key);
	if (!rate)
		return;
	switch (set->phase) {
	case TX_SHARE:
		rate->tx_share = fl_attr_u64(attr);
		break;
	case TX_MAX:
		rate->tx_max = fl_attr_u64(attr);
		break;
	case TX_PRIORITY:
		rate->tx_priority = fl_attr_u32(attr);
		break;
	case TX_WEIGHT:
		rate->tx_weight = fl_attr_u32(attr);
		break;
	case TC_BW:
		memcpy(rate->tc_bw, set->tc_bw, sizeof(rate->tc_bw));
		break;
	case PARENT:
	case PHASES:
		break;
	}
}

static int phase_next(struct fl_op *op);

static int phase_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct rate_set *set = cmd->arg;
	int err = fl_border_result(cmd->dl, phase_callbacks[set->phase], fl_op_result(op));

	if (err)
		return err;
	phase_apply(cmd);
	/* What is set stays set if the rest fails: the device is not asked to go back. */
	cmd->keep = !set->fresh;
	set->phase++;
	return phase_next(op);
}

static int phase_next(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct rate_set *set = cmd->arg;

	while (set->phase < PHASES && !cmd->req->tb[phase_attrs[set->phase]])
		set->phase++;
	if (set->phase == PHASES)
		return 0;
	fl_op_then(op, phase_done);
	return phase_start(cmd);
}

/* ---- what the driver supports ----------------------------------------------------- */

struct support {
	uint16_t attr;
	bool blames; /* tells the attribute, too */
	const char *what;
	bool leaf, node;
};

static int check_support(struct fl_req *req, const struct fl_rate_ops *ops, bool node)
{
	const struct support supports[] = {
		{ DEVLINK_ATTR_RATE_TX_SHARE, false, "TX share", ops->leaf.tx_share,
		  ops->node.tx_share },
		{ DEVLINK_ATTR_RATE_TX_MAX, false, "TX max", ops->leaf.tx_max, ops->node.tx_max },
		{ DEVLINK_ATTR_RATE_PARENT_NODE_NAME, false, "Parent", ops->leaf.parent,
		  ops->node.parent },
		{ DEVLINK_ATTR_RATE_TX_PRIORITY, true, "TX priority", ops->leaf.tx_priority,
		  ops->node.tx_priority },
		{ DEVLINK_ATTR_RATE_TX_WEIGHT, true, "TX weight", ops->leaf.tx_weight,
		  ops->node.tx_weight },
		{ DEVLINK_ATTR_RATE_TC_BWS, true, "TC bandwidth", ops->leaf.tc_bw,
		  ops->node.tc_bw },
	};

	for (size_t i = 0; i < FL_ARRAY_SIZE(supports); i++) {
		const struct support *support = &supports[i];
		const struct nlattr *attr = req->tb[support->attr];

		if (!attr || (node ? support->node : support->leaf))
			continue;
		fl_extack_set_attr(&req->extack, support->blames ? attr : NULL,
				   "%s set isn't supported for the %s", support->what,
				   node ? "nodes" : "leafs");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* ---- RATE_SET --------------------------------------------------------------------- */

static int rate_set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct rate_set *set = cmd->arg;

	if (!fl_op_result(op))
		fl_rate_notify(cmd->txn, set->key);
	return fl_op_result(op);
}

static int rate_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct rate_set *set = cmd->arg;
	const struct fl_rate *rate;
	struct fl_lane *lane;
	int err;

	fl_rcu_read_lock();
	err = req_rate(cmd->req, fl_devlink_version(cmd->dl), &rate, &lane);
	if (!err) {
		set->key = rate->obj.key;
		set->node = rate->node ? fl_rate_node_get(rate->node) : NULL;
		fl_rate_target_init(&set->target, rate);
	}
	fl_rcu_read_unlock();
	if (!err)
		err = check_support(cmd->req, cmd->dl->ops->rate, set->node);
	if (err)
		return err;
	fl_op_then(op, rate_set_done);
	return phase_next(op);
}

static const struct fl_cmd_op_type rate_set_type = {
	FL_CMD_OP("rate-set", 0),
	.work = rate_set_work,
	.over = rate_set_over,
};

/* The instance and the lane of what the request names; both referenced. */
static int req_lane_get(const struct fl_req *req, struct fl_devlink **ret_dl,
			struct fl_lane **ret_lane)
{
	const struct fl_version *version;
	const struct fl_rate *rate;
	struct fl_devlink *dl;
	struct fl_lane *lane;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = req_rate(req, version, &rate, &lane);
	if (!err && !dl->ops->rate)
		err = -EOPNOTSUPP;
	if (!err && !fl_devlink_try_get(dl))
		err = -ENODEV;
	if (!err) {
		*ret_dl = dl;
		*ret_lane = fl_lane_get(lane ? lane : dl->sublane[FL_SUBLANE_RATES]);
	}
	fl_rcu_read_unlock();
	return err;
}

int fl_rate_set_doit(struct fl_req *req)
{
	struct rate_set *set;
	struct fl_devlink *dl;
	struct fl_lane *lane;
	int err;

	err = req_lane_get(req, &dl, &lane);
	if (err)
		return err;
	set = calloc(1, sizeof(*set));
	if (set) {
		err = fl_cmd_op_post(req, &rate_set_type, dl, lane, 0, set);
	} else {
		fl_devlink_put(dl);
		err = -ENOMEM;
	}
	if (err < 0)
		free(set);
	fl_lane_put(lane);
	return err;
}

/* ---- RATE_NEW --------------------------------------------------------------------- */

static int rate_new_undone(struct fl_op *op)
{
	const struct rate_set *set = fl_cmd_op(op)->arg;

	return set->err;
}

static int rate_new_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct rate_set *set = cmd->arg;

	set->err = fl_op_result(op);
	if (!set->err) {
		fl_rate_notify(cmd->txn, set->key);
		return 0;
	}
	fl_op_then(op, rate_new_undone);
	return cmd->dl->ops->rate->node_del(op, cmd->txn, &set->target);
}

static int rate_new_made(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct rate_set *set = cmd->arg;
	int err = fl_border_result(cmd->dl, "rate.node_new", fl_op_result(op));

	if (err)
		return err;
	fl_rate_node_insert(cmd->txn, fl_rate_node_get(set->node));
	set->key = set->node->key;
	set->target = (struct fl_rate_target){ .node = set->node->name, .priv = set->node->priv };
	fl_op_then(op, rate_new_done);
	return cmd->txn->err ? cmd->txn->err : phase_next(op);
}

static int rate_new_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct fl_rate_ops *ops = cmd->dl->ops->rate;
	const char *name = req_node_name(cmd->req);
	struct rate_set *set = cmd->arg;
	bool taken;
	int err;

	err = check_support(cmd->req, ops, true);
	if (err)
		return err;
	if (!name)
		return -EINVAL;
	fl_rcu_read_lock();
	taken = fl_rate_node_find_txn(cmd->txn, name);
	fl_rcu_read_unlock();
	if (taken)
		return -EEXIST;
	set->node = fl_rate_node_new(name);
	if (!set->node)
		return -ENOMEM;
	set->fresh = true;
	fl_op_then(op, rate_new_made);
	return ops->node_new(op, cmd->txn, set->node->name, &set->node->priv);
}

static const struct fl_cmd_op_type rate_new_type = {
	FL_CMD_OP("rate-new", 0),
	.work = rate_new_work,
	.over = rate_set_over,
};

static int post_node(struct fl_req *req, const struct fl_cmd_op_type *type, struct fl_devlink *dl)
{
	struct rate_set *set = calloc(1, sizeof(*set));
	int err;

	if (!set) {
		fl_devlink_put(dl);
		return -ENOMEM;
	}
	err = fl_cmd_op_post(req, type, dl, dl->sublane[FL_SUBLANE_RATES], 0, set);
	if (err < 0)
		free(set);
	return err;
}

static bool makes_nodes(const struct fl_devlink *dl)
{
	return dl->ops->rate && dl->ops->rate->node_new && dl->ops->rate->node_del;
}

int fl_rate_new_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	if (makes_nodes(dl))
		return post_node(req, &rate_new_type, dl);
	fl_extack_set(&req->extack, "Rate nodes aren't supported");
	fl_devlink_put(dl);
	return -EOPNOTSUPP;
}

/* ---- RATE_DEL --------------------------------------------------------------------- */

static int rate_del_done(struct fl_op *op)
{
	return fl_border_result(fl_cmd_op(op)->dl, "rate.node_del", fl_op_result(op));
}

static int rate_del_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct rate_set *set = cmd->arg;
	const char *name = req_node_name(cmd->req);
	const struct fl_rate *rate;

	if (!name)
		return -EINVAL;
	fl_rcu_read_lock();
	rate = fl_rate_node_find_txn(cmd->txn, name);
	if (rate) {
		set->node = fl_rate_node_get(rate->node);
		fl_rate_target_init(&set->target, rate);
	}
	fl_rcu_read_unlock();
	if (!rate)
		return -ENODEV;
	if (!fl_rate_node_mark(set->node)) {
		fl_extack_set(&cmd->req->extack, "Node has children. Cannot delete node.");
		return -EBUSY;
	}
	fl_rate_del(cmd->txn, set->node->key);
	if (cmd->txn->err) {
		fl_rate_node_unmark(set->node);
		return cmd->txn->err;
	}
	/* As in the kernel the node is gone in any case. */
	cmd->keep = true;
	fl_op_then(op, rate_del_done);
	return cmd->dl->ops->rate->node_del(op, cmd->txn, &set->target);
}

static const struct fl_cmd_op_type rate_del_type = {
	FL_CMD_OP("rate-del", 0),
	.work = rate_del_work,
	.over = rate_set_over,
};

int fl_rate_del_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	if (makes_nodes(dl))
		return post_node(req, &rate_del_type, dl);
	fl_devlink_put(dl);
	return req_node_name(req) ? -ENODEV : -EINVAL;
}
