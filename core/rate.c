/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rate.c - transmit rates: what a driver says of leaves and nodes, and how they are shown. What
 * clients ask of them: rate-cmd.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/rate.h"
#include "nl/ctrl.h"

#define MARKED (-1)

/* ---- nodes ------------------------------------------------------------------------ */

struct fl_rate_node *fl_rate_node_new(const char *name)
{
	size_t size = strlen(name) + 1;
	struct fl_rate_node *node = calloc(1, sizeof(*node) + size);

	if (!node)
		return NULL;
	node->refs = 1;
	memcpy(node->name, name, size);
	return node;
}

struct fl_rate_node *fl_rate_node_get(struct fl_rate_node *node)
{
	__atomic_add_fetch(&node->refs, 1, __ATOMIC_RELAXED);
	return node;
}

void fl_rate_node_put(struct fl_rate_node *node)
{
	if (node && !__atomic_sub_fetch(&node->refs, 1, __ATOMIC_ACQ_REL))
		free(node);
}

bool fl_rate_node_add_child(struct fl_rate_node *node)
{
	int children = __atomic_load_n(&node->children, __ATOMIC_RELAXED);

	do {
		if (children == MARKED)
			return false;
	} while (!__atomic_compare_exchange_n(&node->children, &children, children + 1, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

void fl_rate_node_drop_child(struct fl_rate_node *node)
{
	__atomic_sub_fetch(&node->children, 1, __ATOMIC_ACQ_REL);
}

bool fl_rate_node_mark(struct fl_rate_node *node)
{
	int none = 0;

	return __atomic_compare_exchange_n(&node->children, &none, MARKED, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

void fl_rate_node_unmark(struct fl_rate_node *node)
{
	int marked = MARKED;

	__atomic_compare_exchange_n(&node->children, &marked, 0, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_RELAXED);
}

bool fl_rate_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len && strspn(name, "0123456789") != len;
}

/* ---- encoding --------------------------------------------------------------------- */

static void put_tc_bws(struct fl_msg *msg, const struct fl_rate *rate)
{
	size_t nest;

	for (uint8_t tc = 0; tc < FL_RATE_TCS; tc++) {
		nest = fl_msg_nest(msg, DEVLINK_ATTR_RATE_TC_BWS, true);
		fl_msg_put_u8(msg, DEVLINK_RATE_TC_ATTR_INDEX, tc);
		fl_msg_put_u32(msg, DEVLINK_RATE_TC_ATTR_BW, rate->tc_bw[tc]);
		fl_msg_nest_end(msg, nest);
	}
}

static void rate_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_rate *rate = fl_obj_rate(obj);

	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_RATE_NEW, 1);
	fl_devlink_put_handle(msg, txn->dl);
	fl_msg_put_u16(msg, DEVLINK_ATTR_RATE_TYPE,
		       rate->node ? DEVLINK_RATE_TYPE_NODE : DEVLINK_RATE_TYPE_LEAF);
	if (rate->node)
		fl_msg_put_str(msg, DEVLINK_ATTR_RATE_NODE_NAME, rate->node->name);
	else
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, rate->port);
	fl_msg_put_u64(msg, DEVLINK_ATTR_RATE_TX_SHARE, rate->tx_share);
	fl_msg_put_u64(msg, DEVLINK_ATTR_RATE_TX_MAX, rate->tx_max);
	fl_msg_put_u32(msg, DEVLINK_ATTR_RATE_TX_PRIORITY, rate->tx_priority);
	fl_msg_put_u32(msg, DEVLINK_ATTR_RATE_TX_WEIGHT, rate->tx_weight);
	if (rate->parent)
		fl_msg_put_str(msg, DEVLINK_ATTR_RATE_PARENT_NODE_NAME, rate->parent->name);
	fl_msg_end(msg);
}

/* The shares of the traffic classes, the last in the message: more than half of it, and mostly
 * never set, so that they are not kept in every leaf's image. */
static void rate_resolve(struct fl_msg *msg, size_t at, const struct fl_obj *obj,
			 const struct fl_netns *asker)
{
	size_t before = msg->len;

	put_tc_bws(msg, fl_obj_rate(obj));
	if (!msg->err)
		((struct nlmsghdr *)(msg->buf + at))->nlmsg_len += msg->len - before;
}

static void rate_free(struct fl_obj *obj)
{
	struct fl_rate *rate = (struct fl_rate *)obj;

	fl_rate_node_put(rate->node);
	fl_rate_node_put(rate->parent);
	free(rate->obj.image);
	free(rate);
}

static const struct fl_obj_ops rate_ops = {
	.kind = FL_OBJ_RATE,
	.encode = rate_encode,
	.resolve = rate_resolve,
	.free = rate_free,
	.cmd_new = DEVLINK_CMD_RATE_NEW,
	.cmd_del = DEVLINK_CMD_RATE_DEL,
};

void fl_rate_target_init(struct fl_rate_target *target, const struct fl_rate *rate)
{
	*target = (struct fl_rate_target){
		.port = rate->port,
		.node = rate->node ? rate->node->name : NULL,
		.priv = rate->node ? rate->node->priv : rate->leaf_priv,
	};
}

/* ---- finding ---------------------------------------------------------------------- */

/* Leaves come behind the nodes, and are not looked at. */
static const struct fl_rate *next_node(struct fl_pmap_iter *iter)
{
	const struct fl_rate *rate = fl_pmap_iter_next(iter);

	return rate && rate->node ? rate : NULL;
}

const struct fl_rate *fl_rate_node_find(const struct fl_version *version, const char *name)
{
	const struct fl_rate *rate;
	struct fl_pmap_iter iter;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_RATE], 0);
	while ((rate = next_node(&iter)) && strcmp(rate->node->name, name))
		;
	return rate;
}

const struct fl_rate *fl_rate_node_find_txn(struct fl_txn *txn, const char *name)
{
	const struct fl_rate *rate;
	struct fl_edit *edit;

	cds_list_for_each_entry(edit, &txn->edits, link) {
		if (edit->kind != FL_OBJ_RATE || !edit->obj)
			continue;
		rate = fl_obj_rate(edit->obj);
		if (rate->node && !strcmp(rate->node->name, name))
			return rate;
	}
	rate = fl_rate_node_find(fl_devlink_version(txn->dl), name);
	return rate && fl_txn_edit(txn, FL_OBJ_RATE, rate->obj.key) ? NULL : rate;
}

/* ---- edits ------------------------------------------------------------------------ */

struct fl_rate *fl_rate_write(struct fl_txn *txn, uint64_t key)
{
	struct fl_edit *edit = fl_txn_edit(txn, FL_OBJ_RATE, key);
	const struct fl_obj *obj;
	struct fl_rate *copy;

	if (edit) {
		if (!edit->obj)
			fl_txn_fail(txn, -ENODEV);
		return (struct fl_rate *)edit->obj;
	}
	copy = malloc(sizeof(*copy));
	if (!copy) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_RATE, key);
	if (obj) {
		*copy = *fl_obj_rate(obj);
		copy->obj.image = NULL;
		copy->counted = false;
		if (copy->node)
			fl_rate_node_get(copy->node);
		if (copy->parent)
			fl_rate_node_get(copy->parent);
	}
	fl_rcu_read_unlock();
	if (!obj) {
		free(copy);
		fl_txn_fail(txn, -ENODEV);
		return NULL;
	}
	fl_txn_set(txn, FL_OBJ_RATE, key, &copy->obj);
	return txn->err ? NULL : copy;
}

/* A change that is not to be: it is no child any more, if it counted itself. */
static void uncount(struct fl_rate *rate)
{
	if (rate->counted)
		fl_rate_node_drop_child(rate->parent);
	rate->counted = false;
}

void fl_rate_parent_apply(struct fl_txn *txn, uint64_t key, struct fl_rate_node *parent)
{
	struct fl_rate *rate = fl_rate_write(txn, key);

	if (!rate) {
		if (parent)
			fl_rate_node_drop_child(parent);
		fl_rate_node_put(parent);
		return;
	}
	uncount(rate);
	fl_rate_node_put(rate->parent);
	rate->parent = parent;
	rate->counted = parent;
}

void fl_rate_notify(struct fl_txn *txn, uint64_t key)
{
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_RATE, key);
	if (obj)
		fl_txn_notify_obj(txn, obj, DEVLINK_CMD_RATE_NEW);
	fl_rcu_read_unlock();
}

static void rate_drop(struct fl_txn *txn, uint64_t key)
{
	struct fl_edit *edit = fl_txn_edit(txn, FL_OBJ_RATE, key);

	if (edit && edit->obj)
		uncount((struct fl_rate *)edit->obj);
	fl_txn_set(txn, FL_OBJ_RATE, key, NULL);
}

void fl_rate_del(struct fl_txn *txn, uint64_t key)
{
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_RATE, key);
	if (obj)
		fl_txn_notify_obj(txn, obj, DEVLINK_CMD_RATE_DEL);
	fl_rcu_read_unlock();
	if (obj)
		rate_drop(txn, key);
}

static struct fl_rate *rate_new(struct fl_txn *txn)
{
	struct fl_rate *rate = calloc(1, sizeof(*rate));

	if (rate)
		rate->obj.ops = &rate_ops;
	else
		fl_txn_fail(txn, -ENOMEM);
	return rate;
}

/* The least key that is in use, or that of the leaves. */
static uint64_t first_key(struct fl_txn *txn)
{
	uint64_t first = FL_RATE_LEAF_KEY;
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;
	struct fl_edit *edit;

	cds_list_for_each_entry(edit, &txn->edits, link) {
		if (edit->kind == FL_OBJ_RATE && edit->obj && edit->key < first)
			first = edit->key;
	}
	fl_rcu_read_lock();
	fl_pmap_iter_init(&iter, fl_devlink_version(txn->dl)->objs[FL_OBJ_RATE], 0);
	while ((obj = fl_pmap_iter_next(&iter)) && fl_txn_edit(txn, FL_OBJ_RATE, obj->key))
		;
	if (obj && obj->key < first)
		first = obj->key;
	fl_rcu_read_unlock();
	return first;
}

void fl_rate_node_insert(struct fl_txn *txn, struct fl_rate_node *node)
{
	struct fl_rate *rate = rate_new(txn);

	if (!rate) {
		fl_rate_node_put(node);
		return;
	}
	node->key = first_key(txn) - 1;
	rate->node = node;
	fl_txn_set(txn, FL_OBJ_RATE, node->key, &rate->obj);
}

/* Counts a child at the node of that name. Returns a reference, or NULL. */
static struct fl_rate_node *parent_take(struct fl_txn *txn, const char *name)
{
	struct fl_rate_node *node = NULL;
	const struct fl_rate *rate;

	fl_rcu_read_lock();
	rate = fl_rate_node_find_txn(txn, name);
	if (rate && fl_rate_node_add_child(rate->node))
		node = fl_rate_node_get(rate->node);
	fl_rcu_read_unlock();
	return node;
}

static void parent_by_name(struct fl_txn *txn, uint64_t key, const char *name)
{
	struct fl_rate_node *parent = name ? parent_take(txn, name) : NULL;

	if (name && !parent)
		fl_txn_fail(txn, -ENODEV);
	else if (parent)
		fl_rate_parent_apply(txn, key, parent);
}

void fl_rate_leaf_add(struct fl_txn *txn, uint32_t port, void *priv, const char *parent)
{
	uint64_t key = FL_RATE_LEAF_KEY + port;
	struct fl_rate *rate;

	if (fl_txn_obj(txn, FL_OBJ_RATE, key)) {
		fl_txn_fail(txn, -EEXIST);
		return;
	}
	rate = rate_new(txn);
	if (!rate)
		return;
	rate->port = port;
	rate->leaf_priv = priv;
	fl_txn_set(txn, FL_OBJ_RATE, key, &rate->obj);
	parent_by_name(txn, key, parent);
	fl_rate_notify(txn, key);
}

void fl_rate_leaf_del(struct fl_txn *txn, uint32_t port)
{
	fl_rate_del(txn, FL_RATE_LEAF_KEY + port);
}

void fl_rate_node_add(struct fl_txn *txn, const char *name, void *priv, const char *parent)
{
	struct fl_rate_node *node;
	uint64_t key;
	bool taken;

	fl_rcu_read_lock();
	taken = fl_rate_node_find_txn(txn, name);
	fl_rcu_read_unlock();
	if (taken || !fl_rate_name_ok(name)) {
		fl_txn_fail(txn, taken ? -EEXIST : -EINVAL);
		return;
	}
	node = fl_rate_node_new(name);
	if (!node) {
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	node->priv = priv;
	fl_rate_node_insert(txn, fl_rate_node_get(node));
	key = node->key;
	fl_rate_node_put(node);
	if (txn->err)
		return;
	parent_by_name(txn, key, parent);
	fl_rate_notify(txn, key);
}

struct nodes_del {
	void (*gone)(const struct fl_rate_target *node, void *arg);
	void *arg;
};

static void let_go(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	if (fl_obj_rate(obj)->parent)
		fl_rate_parent_apply(txn, obj->key, NULL);
}

static void node_del(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	const struct nodes_del *del = arg;
	struct fl_rate_target target;

	if (!fl_obj_rate(obj)->node)
		return;
	fl_rate_target_init(&target, fl_obj_rate(obj));
	if (del->gone)
		del->gone(&target, del->arg);
	rate_drop(txn, obj->key);
}

void fl_rate_nodes_del(struct fl_txn *txn,
		       void (*gone)(const struct fl_rate_target *node, void *arg), void *arg)
{
	struct nodes_del del = { .gone = gone, .arg = arg };

	fl_txn_for_each_reverse(txn, FL_OBJ_RATE, let_go, NULL);
	fl_txn_for_each_reverse(txn, FL_OBJ_RATE, node_del, &del);
}

int fl_rate_nodes_check(struct fl_txn *txn)
{
	if (first_key(txn) == FL_RATE_LEAF_KEY)
		return 0;
	fl_extack_set(fl_txn_extack(txn), "Rate node(s) exists.");
	return -EBUSY;
}

/* ---- what a commit means for counts ----------------------------------------------- */

void fl_rate_committed(const struct fl_edit *edit)
{
	const struct fl_rate *old = edit->replaced ? fl_obj_rate(edit->replaced) : NULL;
	const struct fl_rate *now = edit->obj ? fl_obj_rate(edit->obj) : NULL;

	/* R1: what counted itself anew did not take over the old one's count. */
	if (old && old->parent && (!now || now->counted || !now->parent))
		fl_rate_node_drop_child(old->parent);
}

void fl_rate_aborted(struct fl_txn *txn, const struct fl_edit *edit)
{
	const struct fl_rate *rate;

	if (edit->obj) {
		uncount((struct fl_rate *)edit->obj);
		return;
	}
	fl_rcu_read_lock();
	rate = fl_pmap_get(fl_devlink_version(txn->dl)->objs[FL_OBJ_RATE], edit->key);
	if (rate && rate->node)
		fl_rate_node_unmark(rate->node);
	fl_rcu_read_unlock();
}
