/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap.c - packet traps, groups and policers: what a driver says of them, and how they are
 * shown. Their statistics are read from cells while a client is answered. What clients ask
 * of them: trap-cmd.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cell.h"
#include "core/trap.h"
#include "core/txn.h"
#include "nl/ctrl.h"

static const struct fl_trap_obj *obj_trap(const struct fl_obj *obj)
{
	return (const struct fl_trap_obj *)obj;
}

static const struct fl_trap_group_obj *obj_group(const struct fl_obj *obj)
{
	return (const struct fl_trap_group_obj *)obj;
}

static const struct fl_trap_policer_obj *obj_policer(const struct fl_obj *obj)
{
	return (const struct fl_trap_policer_obj *)obj;
}

/* ---- descriptions ----------------------------------------------------------------- */

struct fl_trap_desc *fl_trap_desc_get(struct fl_trap_desc *desc)
{
	__atomic_add_fetch(&desc->refs, 1, __ATOMIC_RELAXED);
	return desc;
}

void fl_trap_desc_put(struct fl_trap_desc *desc)
{
	if (!desc || __atomic_sub_fetch(&desc->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fl_cell_put(desc->rx_packets);
	fl_cell_put(desc->rx_bytes);
	fl_cell_put(desc->dropped);
	free(desc->name);
	free(desc->group);
	free(desc);
}

static struct fl_trap_desc *desc_new(const char *name, const char *group, bool generic)
{
	struct fl_trap_desc *desc = calloc(1, sizeof(*desc));

	if (!desc)
		return NULL;
	desc->refs = 1;
	desc->generic = generic;
	desc->name = strdup(name);
	desc->group = group ? strdup(group) : NULL;
	if (desc->name && (!group || desc->group))
		return desc;
	fl_trap_desc_put(desc);
	return NULL;
}

/* ---- encoding --------------------------------------------------------------------- */

static void put_begin(struct fl_msg *msg, const struct fl_txn *txn, uint8_t cmd)
{
	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, cmd, 1);
	fl_devlink_put_handle(msg, txn->dl);
}

static void put_cell(struct fl_msg *msg, uint16_t type, struct fl_cell *cell)
{
	uint64_t value = 0;

	if (cell && !fl_cell_read(cell, &value))
		msg->err = -ENODATA;
	fl_msg_put_u64(msg, type, value);
}

static void trap_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_trap_desc *desc = obj_trap(obj)->desc;
	size_t nest;

	put_begin(msg, txn, DEVLINK_CMD_TRAP_NEW);
	fl_msg_put_str(msg, DEVLINK_ATTR_TRAP_GROUP_NAME, desc->group);
	fl_msg_put_str(msg, DEVLINK_ATTR_TRAP_NAME, desc->name);
	fl_msg_put_u8(msg, DEVLINK_ATTR_TRAP_TYPE, desc->type);
	if (desc->generic)
		fl_msg_put_flag(msg, DEVLINK_ATTR_TRAP_GENERIC);
	fl_msg_put_u8(msg, DEVLINK_ATTR_TRAP_ACTION, obj_trap(obj)->action);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_TRAP_METADATA, true);
	if (desc->metadata & FL_TRAP_METADATA_IN_PORT)
		fl_msg_put_flag(msg, DEVLINK_ATTR_TRAP_METADATA_TYPE_IN_PORT);
	if (desc->metadata & FL_TRAP_METADATA_FA_COOKIE)
		fl_msg_put_flag(msg, DEVLINK_ATTR_TRAP_METADATA_TYPE_FA_COOKIE);
	fl_msg_nest_end(msg, nest);
	fl_msg_end(msg);
}

static void group_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_trap_group_obj *group = obj_group(obj);

	put_begin(msg, txn, DEVLINK_CMD_TRAP_GROUP_NEW);
	fl_msg_put_str(msg, DEVLINK_ATTR_TRAP_GROUP_NAME, group->desc->name);
	if (group->desc->generic)
		fl_msg_put_flag(msg, DEVLINK_ATTR_TRAP_GENERIC);
	if (group->policer)
		fl_msg_put_u32(msg, DEVLINK_ATTR_TRAP_POLICER_ID, group->policer);
	fl_msg_end(msg);
}

static void policer_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_trap_policer *policer = &obj_policer(obj)->policer;

	put_begin(msg, txn, DEVLINK_CMD_TRAP_POLICER_NEW);
	fl_msg_put_u32(msg, DEVLINK_ATTR_TRAP_POLICER_ID, policer->id);
	fl_msg_put_u64(msg, DEVLINK_ATTR_TRAP_POLICER_RATE, policer->rate);
	fl_msg_put_u64(msg, DEVLINK_ATTR_TRAP_POLICER_BURST, policer->burst);
	fl_msg_end(msg);
}

/* The statistics are the last attribute of all three: the message grows by them. */
static void stats_end(struct fl_msg *msg, size_t at, size_t nest, size_t before)
{
	fl_msg_nest_end(msg, nest);
	if (!msg->err)
		((struct nlmsghdr *)(msg->buf + at))->nlmsg_len += msg->len - before;
}

static void desc_resolve(struct fl_msg *msg, size_t at, const struct fl_trap_desc *desc)
{
	size_t before = msg->len, nest = fl_msg_nest(msg, DEVLINK_ATTR_STATS, true);

	if (desc->dropped)
		put_cell(msg, DEVLINK_ATTR_STATS_RX_DROPPED, desc->dropped);
	put_cell(msg, DEVLINK_ATTR_STATS_RX_PACKETS, desc->rx_packets);
	put_cell(msg, DEVLINK_ATTR_STATS_RX_BYTES, desc->rx_bytes);
	stats_end(msg, at, nest, before);
}

static void trap_resolve(struct fl_msg *msg, size_t at, const struct fl_obj *obj,
			 const struct fl_netns *asker)
{
	desc_resolve(msg, at, obj_trap(obj)->desc);
}

static void group_resolve(struct fl_msg *msg, size_t at, const struct fl_obj *obj,
			  const struct fl_netns *asker)
{
	desc_resolve(msg, at, obj_group(obj)->desc);
}

static void policer_resolve(struct fl_msg *msg, size_t at, const struct fl_obj *obj,
			    const struct fl_netns *asker)
{
	struct fl_cell *dropped = obj_policer(obj)->policer.dropped;
	size_t before = msg->len, nest;

	if (!dropped)
		return;
	nest = fl_msg_nest(msg, DEVLINK_ATTR_STATS, true);
	put_cell(msg, DEVLINK_ATTR_STATS_RX_DROPPED, dropped);
	stats_end(msg, at, nest, before);
}

static void trap_free(struct fl_obj *obj)
{
	fl_trap_desc_put(obj_trap(obj)->desc);
	free(obj->image);
	free(obj);
}

static void group_free(struct fl_obj *obj)
{
	fl_trap_desc_put(obj_group(obj)->desc);
	free(obj->image);
	free(obj);
}

static void policer_free(struct fl_obj *obj)
{
	fl_cell_put(obj_policer(obj)->policer.dropped);
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops trap_ops = {
	.kind = FL_OBJ_TRAP,
	.encode = trap_encode,
	.resolve = trap_resolve,
	.free = trap_free,
	.cmd_new = DEVLINK_CMD_TRAP_NEW,
	.cmd_del = DEVLINK_CMD_TRAP_DEL,
};

static const struct fl_obj_ops group_ops = {
	.kind = FL_OBJ_TRAP_GROUP,
	.encode = group_encode,
	.resolve = group_resolve,
	.free = group_free,
	.cmd_new = DEVLINK_CMD_TRAP_GROUP_NEW,
	.cmd_del = DEVLINK_CMD_TRAP_GROUP_DEL,
};

static const struct fl_obj_ops policer_ops = {
	.kind = FL_OBJ_POLICER,
	.encode = policer_encode,
	.resolve = policer_resolve,
	.free = policer_free,
	.cmd_new = DEVLINK_CMD_TRAP_POLICER_NEW,
	.cmd_del = DEVLINK_CMD_TRAP_POLICER_DEL,
};

/* ---- finding ---------------------------------------------------------------------- */

static struct fl_trap_desc *obj_desc(const struct fl_obj *obj)
{
	return obj->ops == &trap_ops ? obj_trap(obj)->desc : obj_group(obj)->desc;
}

const struct fl_obj *fl_trap_find(const struct fl_version *version, enum fl_obj_kind kind,
				  const char *name)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[kind], 0);
	while ((obj = fl_pmap_iter_next(&iter))) {
		if (!strcmp(obj_desc(obj)->name, name))
			return obj;
	}
	return NULL;
}

struct find {
	const char *name;
	const struct fl_obj *found;
};

static void find_one(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct find *find = arg;

	if (!strcmp(obj_desc(obj)->name, find->name))
		find->found = obj;
}

int fl_trap_desc_find(struct fl_txn *txn, enum fl_obj_kind kind, const char *name,
		      uint64_t *ret_key, struct fl_trap_desc **ret_desc)
{
	struct find find = { .name = name };

	fl_rcu_read_lock();
	fl_txn_for_each(txn, kind, find_one, &find);
	if (find.found) {
		*ret_key = find.found->key;
		*ret_desc = fl_trap_desc_get(obj_desc(find.found));
	}
	fl_rcu_read_unlock();
	return find.found ? 0 : -ENOENT;
}

static void any_one(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	*(bool *)arg = true;
}

bool fl_trap_any(struct fl_txn *txn, enum fl_obj_kind kind)
{
	bool any = false;

	fl_txn_for_each(txn, kind, any_one, &any);
	return any;
}

/* ---- edits ------------------------------------------------------------------------ */

/* What a copy has to hold for itself. */
static void obj_hold(struct fl_obj *obj)
{
	if (obj->ops == &policer_ops)
		fl_cell_get(obj_policer(obj)->policer.dropped);
	else
		fl_trap_desc_get(obj_desc(obj));
}

/* The object as something to write to: the pending copy, made at the first change. */
static struct fl_obj *obj_write(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key,
				size_t size)
{
	struct fl_edit *edit = fl_txn_edit(txn, kind, key);
	const struct fl_obj *obj;
	struct fl_obj *copy;

	if (edit) {
		if (!edit->obj)
			fl_txn_fail(txn, -ENOENT);
		return edit->obj;
	}
	copy = malloc(size);
	if (!copy) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, kind, key);
	if (obj) {
		memcpy(copy, obj, size);
		copy->image = NULL;
		obj_hold(copy);
	}
	fl_rcu_read_unlock();
	if (!obj) {
		free(copy);
		fl_txn_fail(txn, -ENOENT);
		return NULL;
	}
	fl_txn_set(txn, kind, key, copy);
	return txn->err ? NULL : copy;
}

void fl_trap_action_apply(struct fl_txn *txn, uint64_t key, enum devlink_trap_action action)
{
	struct fl_obj *obj = obj_write(txn, FL_OBJ_TRAP, key, sizeof(struct fl_trap_obj));

	if (obj)
		((struct fl_trap_obj *)obj)->action = action;
}

void fl_trap_group_policer_apply(struct fl_txn *txn, uint64_t key, uint32_t policer)
{
	struct fl_obj *obj =
		obj_write(txn, FL_OBJ_TRAP_GROUP, key, sizeof(struct fl_trap_group_obj));

	if (obj)
		((struct fl_trap_group_obj *)obj)->policer = policer;
}

void fl_trap_policer_apply(struct fl_txn *txn, uint32_t id, uint64_t rate, uint64_t burst)
{
	struct fl_obj *obj =
		obj_write(txn, FL_OBJ_POLICER, id, sizeof(struct fl_trap_policer_obj));

	if (!obj)
		return;
	((struct fl_trap_policer_obj *)obj)->policer.rate = rate;
	((struct fl_trap_policer_obj *)obj)->policer.burst = burst;
}

/* ---- registering ------------------------------------------------------------------ */

static void add(struct fl_txn *txn, struct fl_obj *obj, const struct fl_obj_ops *ops, uint64_t key)
{
	obj->ops = ops;
	fl_txn_set(txn, ops->kind, key, obj);
	if (!txn->err)
		fl_txn_notify_obj(txn, obj, ops->cmd_new);
}

static void policer_register(struct fl_txn *txn, const struct fl_trap_policer *policer)
{
	struct fl_trap_policer_obj *obj;

	if (!policer->id || fl_txn_obj(txn, FL_OBJ_POLICER, policer->id)) {
		fl_txn_fail(txn, policer->id ? -EEXIST : -EINVAL);
		return;
	}
	obj = calloc(1, sizeof(*obj));
	if (!obj) {
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	obj->policer = *policer;
	fl_cell_get(obj->policer.dropped);
	add(txn, &obj->obj, &policer_ops, policer->id);
}

void fl_trap_policers_register(struct fl_txn *txn, const struct fl_trap_policer *policers,
			       size_t count)
{
	for (size_t i = 0; i < count && !txn->err; i++)
		policer_register(txn, &policers[i]);
}

static bool name_is_taken(struct fl_txn *txn, enum fl_obj_kind kind, const char *name)
{
	struct find find = { .name = name };

	fl_txn_for_each(txn, kind, find_one, &find);
	return find.found;
}

static struct fl_trap_desc *group_desc(const struct fl_trap_group *group)
{
	struct fl_trap_desc *desc = desc_new(group->name, NULL, group->generic);

	if (!desc)
		return NULL;
	desc->rx_packets = fl_cell_get(group->rx_packets);
	desc->rx_bytes = fl_cell_get(group->rx_bytes);
	desc->priv = group->priv;
	return desc;
}

static void group_register(struct fl_txn *txn, const struct fl_trap_group *group)
{
	struct fl_trap_group_obj *obj;

	if (name_is_taken(txn, FL_OBJ_TRAP_GROUP, group->name)) {
		fl_txn_fail(txn, -EEXIST);
		return;
	}
	if (group->policer && !fl_txn_obj(txn, FL_OBJ_POLICER, group->policer)) {
		fl_txn_fail(txn, -EINVAL);
		return;
	}
	obj = calloc(1, sizeof(*obj));
	if (obj)
		obj->desc = group_desc(group);
	if (!obj || !obj->desc) {
		free(obj);
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	obj->policer = group->policer;
	add(txn, &obj->obj, &group_ops, fl_txn_next_key(txn, FL_OBJ_TRAP_GROUP));
}

void fl_trap_groups_register(struct fl_txn *txn, const struct fl_trap_group *groups, size_t count)
{
	for (size_t i = 0; i < count && !txn->err; i++)
		group_register(txn, &groups[i]);
}

static struct fl_trap_desc *trap_desc(const struct fl_trap *trap)
{
	struct fl_trap_desc *desc = desc_new(trap->name, trap->group, trap->generic);

	if (!desc)
		return NULL;
	desc->type = trap->type;
	desc->metadata = trap->metadata;
	desc->rx_packets = fl_cell_get(trap->rx_packets);
	desc->rx_bytes = fl_cell_get(trap->rx_bytes);
	desc->dropped = fl_cell_get(trap->dropped);
	desc->priv = trap->priv;
	return desc;
}

static void trap_register(struct fl_txn *txn, const struct fl_trap *trap)
{
	struct fl_trap_obj *obj;

	if (name_is_taken(txn, FL_OBJ_TRAP, trap->name)) {
		fl_txn_fail(txn, -EEXIST);
		return;
	}
	if (!name_is_taken(txn, FL_OBJ_TRAP_GROUP, trap->group)) {
		fl_txn_fail(txn, -EINVAL);
		return;
	}
	obj = calloc(1, sizeof(*obj));
	if (obj)
		obj->desc = trap_desc(trap);
	if (!obj || !obj->desc) {
		free(obj);
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	obj->action = trap->action;
	add(txn, &obj->obj, &trap_ops, fl_txn_next_key(txn, FL_OBJ_TRAP));
}

void fl_traps_register(struct fl_txn *txn, const struct fl_trap *traps, size_t count)
{
	for (size_t i = 0; i < count && !txn->err; i++)
		trap_register(txn, &traps[i]);
}

static void unregister_one(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	fl_txn_notify_obj(txn, obj, obj->ops->cmd_del);
	fl_txn_set(txn, obj->ops->kind, obj->key, NULL);
}

/* A trap that goes lets nothing more through: it is told as one that drops. */
static void trap_unregister_one(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	uint64_t key = obj->key;

	if (obj_trap(obj)->action != DEVLINK_TRAP_ACTION_DROP)
		fl_trap_action_apply(txn, key, DEVLINK_TRAP_ACTION_DROP);
	obj = fl_txn_obj(txn, FL_OBJ_TRAP, key);
	if (obj)
		unregister_one(txn, obj, arg);
}

void fl_traps_unregister(struct fl_txn *txn)
{
	fl_txn_for_each_reverse(txn, FL_OBJ_TRAP, trap_unregister_one, NULL);
}

void fl_trap_groups_unregister(struct fl_txn *txn)
{
	fl_txn_for_each_reverse(txn, FL_OBJ_TRAP_GROUP, unregister_one, NULL);
}

void fl_trap_policers_unregister(struct fl_txn *txn)
{
	fl_txn_for_each_reverse(txn, FL_OBJ_POLICER, unregister_one, NULL);
}
