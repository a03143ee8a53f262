/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resource.c - trees of resources: what a driver says of them, and how they are shown. Their
 * occupancy is read from cells while a client is answered. What clients ask of them:
 * resource-cmd.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cell.h"
#include "core/resource.h"
#include "core/txn.h"
#include "nl/ctrl.h"

static struct fl_resource_tree *obj_tree(const struct fl_obj *obj)
{
	return (struct fl_resource_tree *)obj;
}

const struct fl_resource_tree *fl_resource_tree(const struct fl_version *version)
{
	return obj_tree(fl_pmap_get(version->objs[FL_OBJ_RESOURCE], 0));
}

const struct fl_resource_tree *fl_port_resource_tree(const struct fl_version *version,
						     uint32_t port)
{
	return obj_tree(
		fl_pmap_get(version->objs[FL_OBJ_PORT_RESOURCE], FL_PORT_KEY(port, 0)));
}

/* ---- encoding --------------------------------------------------------------------- */

static bool has_children(const struct fl_resource_tree *tree, uint64_t id)
{
	for (size_t i = 0; i < tree->count; i++) {
		if (tree->node[i].desc.parent == id)
			return true;
	}
	return false;
}

static void put_occ(struct fl_msg *msg, struct fl_resource_tree *tree, struct fl_cell *occ)
{
	if (!occ)
		return;
	fl_msg_put_u64(msg, DEVLINK_ATTR_RESOURCE_OCC, 0);
	tree->occ[tree->occs++] = (struct fl_resource_occ_at){
		.offset = msg->len - msg->begun - sizeof(uint64_t),
		.occ = occ,
	};
}

static void put_node(struct fl_msg *msg, struct fl_resource_tree *tree,
		     const struct fl_resource_node *node)
{
	const struct fl_resource *desc = &node->desc;
	size_t nest = fl_msg_nest(msg, DEVLINK_ATTR_RESOURCE, false), list;

	fl_msg_put_str(msg, DEVLINK_ATTR_RESOURCE_NAME, desc->name);
	fl_msg_put_u64(msg, DEVLINK_ATTR_RESOURCE_SIZE, desc->size);
	fl_msg_put_u64(msg, DEVLINK_ATTR_RESOURCE_ID, desc->id);
	if (node->size_new != desc->size)
		fl_msg_put_u64(msg, DEVLINK_ATTR_RESOURCE_SIZE_NEW, node->size_new);
	put_occ(msg, tree, node->occ);
	fl_msg_put_u64(msg, DEVLINK_ATTR_RESOURCE_SIZE_GRAN, desc->size_granularity);
	fl_msg_put_u64(msg, DEVLINK_ATTR_RESOURCE_SIZE_MAX, desc->size_max);
	fl_msg_put_u64(msg, DEVLINK_ATTR_RESOURCE_SIZE_MIN, desc->size_min);
	fl_msg_put_u8(msg, DEVLINK_ATTR_RESOURCE_UNIT, desc->unit);
	if (has_children(tree, desc->id)) {
		fl_msg_put_u8(msg, DEVLINK_ATTR_RESOURCE_SIZE_VALID, node->size_valid);
		list = fl_msg_nest(msg, DEVLINK_ATTR_RESOURCE_LIST, false);
		for (size_t i = 0; i < tree->count; i++) {
			if (tree->node[i].desc.parent == desc->id)
				put_node(msg, tree, &tree->node[i]);
		}
		fl_msg_nest_end(msg, list);
	}
	fl_msg_nest_end(msg, nest);
}

static void tree_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	struct fl_resource_tree *tree = obj_tree(obj);

	tree->tops = 0;
	tree->occs = 0;
	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_RESOURCE_DUMP, 1);
	fl_devlink_put_handle(msg, txn->dl);
	if (obj->ops->kind == FL_OBJ_PORT_RESOURCE)
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, FL_PORT_KEY_PORT(obj->key));
	for (size_t i = 0; i < tree->count; i++) {
		if (tree->node[i].desc.parent != FL_RESOURCE_TOP)
			continue;
		tree->top[tree->tops++] = msg->len - msg->begun;
		put_node(msg, tree, &tree->node[i]);
	}
	tree->top[tree->tops] = msg->len - msg->begun;
	fl_msg_end(msg);
}

/* Attributes are aligned to 4 bytes only. */
static void patch_occ(struct fl_msg *msg, const struct fl_resource_tree *tree, size_t at,
		      size_t begin, size_t end)
{
	uint64_t value;

	for (size_t i = 0; i < tree->occs; i++) {
		size_t offset = tree->occ[i].offset;

		if (offset < begin || offset >= end)
			continue;
		if (!fl_cell_read(tree->occ[i].occ, &value))
			value = 0;
		memcpy(msg->buf + at + (offset - begin), &value, sizeof(value));
	}
}

/* How many from `from` on fit; they go into one list, whose length has 16 bits. */
static size_t tops_that_fit(const struct fl_resource_tree *tree, size_t from, size_t room)
{
	size_t head = tree->top[0] + NLA_HDRLEN, to = from;

	while (to < tree->tops && head + tree->top[to + 1] - tree->top[from] <= room &&
	       NLA_HDRLEN + tree->top[to + 1] - tree->top[from] <= UINT16_MAX)
		to++;
	return to;
}

int fl_resource_put(struct fl_msg *msg, const struct fl_resource_tree *tree, size_t room,
		    uint16_t flags, uint32_t seq, uint32_t portid, size_t *from)
{
	const unsigned char *image = tree->obj.image->data;
	size_t at = msg->len, to, list, body;
	struct nlmsghdr *nlh;

	if (!msg->grows && room > msg->cap - at)
		room = msg->cap - at;
	to = tops_that_fit(tree, *from, room);
	if (to == *from)
		return -EMSGSIZE;
	fl_msg_put_raw(msg, image, tree->top[0]);
	list = fl_msg_nest(msg, DEVLINK_ATTR_RESOURCE_LIST, false);
	body = msg->len;
	fl_msg_put_raw(msg, image + tree->top[*from], tree->top[to] - tree->top[*from]);
	fl_msg_nest_end(msg, list);
	if (msg->err)
		return msg->err;
	patch_occ(msg, tree, body, tree->top[*from], tree->top[to]);
	nlh = (struct nlmsghdr *)(msg->buf + at);
	nlh->nlmsg_len = msg->len - at;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = portid;
	*from = to;
	return 0;
}

static void tree_free(struct fl_obj *obj)
{
	struct fl_resource_tree *tree = obj_tree(obj);

	for (size_t i = 0; i < tree->count; i++) {
		fl_cell_put(tree->node[i].occ);
		free((char *)tree->node[i].desc.name);
	}
	free(tree->node);
	free(tree->top);
	free(tree->occ);
	free(tree->obj.image);
	free(tree);
}

static const struct fl_obj_ops device_ops = {
	.kind = FL_OBJ_RESOURCE,
	.encode = tree_encode,
	.free = tree_free,
};

static const struct fl_obj_ops port_ops = {
	.kind = FL_OBJ_PORT_RESOURCE,
	.encode = tree_encode,
	.free = tree_free,
};

/* ---- edits ------------------------------------------------------------------------ */

/* Which tree is meant: the device's, or that of a port. */
struct place {
	const struct fl_obj_ops *ops;
	uint64_t key;
};

static const struct place device_place = { .ops = &device_ops, .key = 0 };

static struct place port_place(uint32_t port)
{
	return (struct place){ .ops = &port_ops, .key = FL_PORT_KEY(port, 0) };
}

static bool tree_reserve(struct fl_resource_tree *tree, size_t count)
{
	void *node = realloc(tree->node, (count + 1) * sizeof(*tree->node));
	void *top, *occ;

	if (!node)
		return false;
	tree->node = node;
	top = realloc(tree->top, (count + 1) * sizeof(*tree->top));
	if (!top)
		return false;
	tree->top = top;
	occ = realloc(tree->occ, (count + 1) * sizeof(*tree->occ));
	if (!occ)
		return false;
	tree->occ = occ;
	return true;
}

static bool tree_append(struct fl_resource_tree *tree, const struct fl_resource_node *node)
{
	struct fl_resource_node *copy;
	char *name;

	if (!tree_reserve(tree, tree->count + 1))
		return false;
	name = strdup(node->desc.name);
	if (!name)
		return false;
	copy = &tree->node[tree->count++];
	*copy = *node;
	copy->desc.name = name;
	fl_cell_get(copy->occ);
	return true;
}

/* A copy of the tree as txn sees it (NULL: out of memory); empty if there is none. */
static struct fl_resource_tree *tree_dup(struct fl_txn *txn, const struct place *place)
{
	struct fl_resource_tree *copy = calloc(1, sizeof(*copy));
	const struct fl_resource_tree *tree;
	bool ok;

	if (!copy)
		return NULL;
	copy->obj.ops = place->ops;
	ok = tree_reserve(copy, 0);
	fl_rcu_read_lock();
	tree = obj_tree(fl_txn_obj(txn, place->ops->kind, place->key));
	for (size_t i = 0; ok && tree && i < tree->count; i++)
		ok = tree_append(copy, &tree->node[i]);
	fl_rcu_read_unlock();
	if (ok)
		return copy;
	tree_free(&copy->obj);
	return NULL;
}

/* The tree as something to write to: the pending copy, made at the first change. */
static struct fl_resource_tree *tree_write(struct fl_txn *txn, const struct place *place)
{
	struct fl_edit *edit = fl_txn_edit(txn, place->ops->kind, place->key);
	struct fl_resource_tree *tree;

	if (edit && edit->obj)
		return obj_tree(edit->obj);
	tree = tree_dup(txn, place);
	if (!tree) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	fl_txn_set(txn, place->ops->kind, place->key, &tree->obj);
	return txn->err ? NULL : tree;
}

static struct fl_resource_node *node_find(const struct fl_resource_tree *tree, uint64_t id)
{
	for (size_t i = 0; tree && i < tree->count; i++) {
		if (tree->node[i].desc.id == id)
			return &tree->node[i];
	}
	return NULL;
}

/* A resource to write to, or NULL: without a copy being made if it does not exist. */
static struct fl_resource_node *node_write(struct fl_txn *txn, const struct place *place,
					   uint64_t id)
{
	bool there;

	fl_rcu_read_lock();
	there = node_find(obj_tree(fl_txn_obj(txn, place->ops->kind, place->key)), id);
	fl_rcu_read_unlock();
	return there ? node_find(tree_write(txn, place), id) : NULL;
}

static void resource_register(struct fl_txn *txn, const struct place *place,
			      const struct fl_resource *resource)
{
	struct fl_resource_tree *tree = tree_write(txn, place);
	const struct fl_resource_node node = {
		.desc = *resource,
		.size_new = resource->size,
		.size_valid = true,
	};

	if (!tree)
		return;
	if (node_find(tree, resource->id))
		fl_txn_fail(txn, -EEXIST);
	else if (resource->id == FL_RESOURCE_TOP || !resource->size_granularity ||
		 (resource->parent != FL_RESOURCE_TOP && !node_find(tree, resource->parent)))
		fl_txn_fail(txn, -EINVAL);
	else if (!tree_append(tree, &node))
		fl_txn_fail(txn, -ENOMEM);
}

void fl_resource_register(struct fl_txn *txn, const struct fl_resource *resource)
{
	int err = fl_devlink_sublane_init(txn->dl, FL_SUBLANE_RESOURCES);

	if (err)
		fl_txn_fail(txn, err);
	else
		resource_register(txn, &device_place, resource);
}

void fl_port_resource_register(struct fl_txn *txn, uint32_t port,
			       const struct fl_resource *resource)
{
	const struct place place = port_place(port);

	resource_register(txn, &place, resource);
}

static void unregister(struct fl_txn *txn, const struct place *place)
{
	if (fl_txn_obj(txn, place->ops->kind, place->key))
		fl_txn_set(txn, place->ops->kind, place->key, NULL);
}

void fl_resources_unregister(struct fl_txn *txn)
{
	unregister(txn, &device_place);
}

void fl_port_resources_unregister(struct fl_txn *txn, uint32_t port)
{
	const struct place place = port_place(port);

	unregister(txn, &place);
}

static void occ_set(struct fl_txn *txn, const struct place *place, uint64_t id,
		    struct fl_cell *occ)
{
	struct fl_resource_node *node = node_write(txn, place, id);

	if (!node) {
		fl_txn_fail(txn, -EINVAL);
		return;
	}
	fl_cell_get(occ);
	fl_cell_put(node->occ);
	node->occ = occ;
}

void fl_resource_occ_set(struct fl_txn *txn, uint64_t id, struct fl_cell *occ)
{
	occ_set(txn, &device_place, id, occ);
}

void fl_port_resource_occ_set(struct fl_txn *txn, uint32_t port, uint64_t id, struct fl_cell *occ)
{
	const struct place place = port_place(port);

	occ_set(txn, &place, id, occ);
}

/* ---- sizes ------------------------------------------------------------------------ */

int fl_resource_size_take(struct fl_txn *txn, uint64_t id, uint64_t *ret_size)
{
	struct fl_resource_node *node = node_write(txn, &device_place, id);

	if (!node)
		return -EINVAL;
	node->desc.size = node->size_new;
	*ret_size = node->size_new;
	return 0;
}

static void validate_children(struct fl_resource_tree *tree, uint64_t id)
{
	struct fl_resource_node *node = node_find(tree, id);
	uint64_t sum = 0; /* wraps round as the kernel's does: "unlimited" twice is none too many */

	if (!node)
		return;
	for (size_t i = 0; i < tree->count; i++) {
		if (tree->node[i].desc.parent == id)
			sum += tree->node[i].size_new;
	}
	node->size_valid = sum <= node->size_new;
}

static int size_check(const struct fl_resource *desc, uint64_t size, struct fl_extack *extack)
{
	const char *text = NULL;

	if (size > desc->size_max)
		text = "Size larger than maximum";
	if (size < desc->size_min)
		text = "Size smaller than minimum";
	if (size % desc->size_granularity)
		text = "Wrong granularity";
	if (!text)
		return 0;
	fl_extack_set(extack, "%s", text);
	return -EINVAL;
}

int fl_resource_size_set(struct fl_txn *txn, uint64_t id, uint64_t size)
{
	struct fl_resource_node *node = node_write(txn, &device_place, id);
	struct fl_resource_tree *tree;
	int err;

	if (!node)
		return -EINVAL;
	err = size_check(&node->desc, size, fl_txn_extack(txn));
	if (err)
		return err;
	tree = tree_write(txn, &device_place);
	node->size_new = size;
	validate_children(tree, id);
	validate_children(tree, node->desc.parent);
	return 0;
}

bool fl_resources_valid(struct fl_txn *txn)
{
	const struct fl_resource_tree *tree;
	bool valid = true;

	fl_rcu_read_lock();
	tree = obj_tree(fl_txn_obj(txn, FL_OBJ_RESOURCE, 0));
	for (size_t i = 0; tree && i < tree->count; i++)
		valid = valid && tree->node[i].size_valid;
	fl_rcu_read_unlock();
	return valid;
}
