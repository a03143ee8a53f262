/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dpipe.c - tables of the packet pipeline: what a driver says of them. What clients ask of them:
 * dpipe-cmd.c.
 */
#include "core/dpipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/txn.h"
#include "nl/ctrl.h"

/* ---- the headers that all drivers share ------------------------------------------- */

static const struct fl_dpipe_field ethernet_fields[] = {
	{ "destination mac", DEVLINK_DPIPE_FIELD_ETHERNET_DST_MAC, 48,
	  DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
};
const struct fl_dpipe_header fl_dpipe_header_ethernet = {
	"ethernet",	 DEVLINK_DPIPE_HEADER_ETHERNET,	 true,
	ethernet_fields, FL_ARRAY_SIZE(ethernet_fields),
};

static const struct fl_dpipe_field ipv4_fields[] = {
	{ "destination ip", DEVLINK_DPIPE_FIELD_IPV4_DST_IP, 32,
	  DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
};
const struct fl_dpipe_header fl_dpipe_header_ipv4 = {
	"ipv4", DEVLINK_DPIPE_HEADER_IPV4, true, ipv4_fields, FL_ARRAY_SIZE(ipv4_fields),
};

static const struct fl_dpipe_field ipv6_fields[] = {
	{ "destination ip", DEVLINK_DPIPE_FIELD_IPV6_DST_IP, 128,
	  DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
};
const struct fl_dpipe_header fl_dpipe_header_ipv6 = {
	"ipv6", DEVLINK_DPIPE_HEADER_IPV6, true, ipv6_fields, FL_ARRAY_SIZE(ipv6_fields),
};

/* ---- encoding --------------------------------------------------------------------- */

static void ref_put(struct fl_msg *msg, uint16_t nest_type, uint16_t type_type,
		    const struct fl_dpipe_ref *ref)
{
	size_t nest = fl_msg_nest(msg, nest_type, false);

	fl_msg_put_u32(msg, type_type, ref->type);
	fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_HEADER_INDEX, ref->header_index);
	fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_HEADER_ID, ref->header->id);
	fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_FIELD_ID, ref->field);
	fl_msg_put_u8(msg, DEVLINK_ATTR_DPIPE_HEADER_GLOBAL, ref->header->global);
	fl_msg_nest_end(msg, nest);
}

void fl_dpipe_match_put(struct fl_msg *msg, const struct fl_dpipe_ref *ref)
{
	ref_put(msg, DEVLINK_ATTR_DPIPE_MATCH, DEVLINK_ATTR_DPIPE_MATCH_TYPE, ref);
}

void fl_dpipe_action_put(struct fl_msg *msg, const struct fl_dpipe_ref *ref)
{
	ref_put(msg, DEVLINK_ATTR_DPIPE_ACTION, DEVLINK_ATTR_DPIPE_ACTION_TYPE, ref);
}

static void refs_put(struct fl_msg *msg, uint16_t type, const struct fl_dpipe_ref *refs,
		     size_t count, void (*put)(struct fl_msg *msg, const struct fl_dpipe_ref *ref))
{
	size_t nest = fl_msg_nest(msg, type, false);

	for (size_t i = 0; i < count; i++)
		put(msg, &refs[i]);
	fl_msg_nest_end(msg, nest);
}

static void table_put(struct fl_msg *msg, struct fl_dpipe_obj *obj)
{
	const struct fl_dpipe_table *table = &obj->desc->table;
	size_t nest;

	obj->table_at = msg->len - msg->begun;
	nest = fl_msg_nest(msg, DEVLINK_ATTR_DPIPE_TABLE, false);
	fl_msg_put_str(msg, DEVLINK_ATTR_DPIPE_TABLE_NAME, table->name);
	obj->size_at = msg->len - msg->begun + NLA_HDRLEN;
	fl_msg_put_u64(msg, DEVLINK_ATTR_DPIPE_TABLE_SIZE, 0);
	fl_msg_put_u8(msg, DEVLINK_ATTR_DPIPE_TABLE_COUNTERS_ENABLED, obj->counters);
	if (table->has_resource) {
		fl_msg_put_u64(msg, DEVLINK_ATTR_DPIPE_TABLE_RESOURCE_ID, table->resource_id);
		fl_msg_put_u64(msg, DEVLINK_ATTR_DPIPE_TABLE_RESOURCE_UNITS, table->resource_units);
	}
	refs_put(msg, DEVLINK_ATTR_DPIPE_TABLE_MATCHES, table->matches, table->match_count,
		 fl_dpipe_match_put);
	refs_put(msg, DEVLINK_ATTR_DPIPE_TABLE_ACTIONS, table->actions, table->action_count,
		 fl_dpipe_action_put);
	fl_msg_nest_end(msg, nest);
}

static void table_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	size_t nest;

	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_DPIPE_TABLE_GET, 1);
	fl_devlink_put_handle(msg, txn->dl);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_DPIPE_TABLES, false);
	table_put(msg, (struct fl_dpipe_obj *)obj);
	fl_msg_nest_end(msg, nest);
	fl_msg_end(msg);
}

/* ---- life ------------------------------------------------------------------------- */

struct fl_dpipe_desc *fl_dpipe_desc_get(struct fl_dpipe_desc *desc)
{
	__atomic_add_fetch(&desc->refs, 1, __ATOMIC_RELAXED);
	return desc;
}

void fl_dpipe_desc_put(struct fl_dpipe_desc *desc)
{
	if (!desc || __atomic_sub_fetch(&desc->refs, 1, __ATOMIC_ACQ_REL))
		return;
	free((char *)desc->table.name);
	free((struct fl_dpipe_ref *)desc->table.matches);
	free((struct fl_dpipe_ref *)desc->table.actions);
	fl_cell_put(desc->table.size);
	free(desc);
}

static struct fl_dpipe_ref *refs_dup(const struct fl_dpipe_ref *refs, size_t count)
{
	struct fl_dpipe_ref *copy = calloc(count ? count : 1, sizeof(*copy));

	if (copy && count)
		memcpy(copy, refs, count * sizeof(*copy));
	return copy;
}

static struct fl_dpipe_desc *desc_new(const struct fl_dpipe_table *table)
{
	struct fl_dpipe_desc *desc = calloc(1, sizeof(*desc));

	if (!desc)
		return NULL;
	desc->refs = 1;
	desc->table = *table;
	desc->table.name = strdup(table->name);
	desc->table.matches = refs_dup(table->matches, table->match_count);
	desc->table.actions = refs_dup(table->actions, table->action_count);
	fl_cell_get(desc->table.size);
	if (desc->table.name && desc->table.matches && desc->table.actions)
		return desc;
	fl_dpipe_desc_put(desc);
	return NULL;
}

static void table_free(struct fl_obj *obj)
{
	fl_dpipe_desc_put(((struct fl_dpipe_obj *)obj)->desc);
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops table_ops = {
	.kind = FL_OBJ_DPIPE_TABLE,
	.encode = table_encode,
	.free = table_free,
};

/* ---- finding and editing ---------------------------------------------------------- */

struct find {
	const char *name;
	const struct fl_dpipe_obj *found;
};

static void find_one(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	const struct fl_dpipe_obj *table = (const struct fl_dpipe_obj *)obj;
	struct find *find = arg;

	if (!strcmp(table->desc->table.name, find->name))
		find->found = table;
}

int fl_dpipe_desc_find(struct fl_txn *txn, const char *name, uint64_t *ret_key,
		       struct fl_dpipe_desc **ret_desc, bool *ret_counters)
{
	struct find find = { .name = name };

	fl_rcu_read_lock();
	fl_txn_for_each(txn, FL_OBJ_DPIPE_TABLE, find_one, &find);
	if (find.found) {
		*ret_key = find.found->obj.key;
		*ret_desc = fl_dpipe_desc_get(find.found->desc);
		*ret_counters = find.found->counters;
	}
	fl_rcu_read_unlock();
	return find.found ? 0 : -EINVAL;
}

static void table_set(struct fl_txn *txn, uint64_t key, struct fl_dpipe_desc *desc, bool counters)
{
	struct fl_dpipe_obj *obj = calloc(1, sizeof(*obj));

	if (!obj) {
		fl_dpipe_desc_put(desc);
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	obj->obj.ops = &table_ops;
	obj->desc = desc;
	obj->counters = counters;
	fl_txn_set(txn, FL_OBJ_DPIPE_TABLE, key, &obj->obj);
}

void fl_dpipe_table_register(struct fl_txn *txn, const struct fl_dpipe_table *table)
{
	struct find find = { .name = table->name };
	struct fl_dpipe_desc *desc;
	int err;

	fl_txn_for_each(txn, FL_OBJ_DPIPE_TABLE, find_one, &find);
	err = find.found ? -EEXIST : fl_devlink_sublane_init(txn->dl, FL_SUBLANE_DPIPE);
	desc = err ? NULL : desc_new(table);
	if (desc)
		table_set(txn, fl_txn_next_key(txn, FL_OBJ_DPIPE_TABLE), desc, table->counters);
	else
		fl_txn_fail(txn, err ? err : -ENOMEM);
}

void fl_dpipe_table_unregister(struct fl_txn *txn, const char *name)
{
	struct fl_dpipe_desc *desc = NULL;
	uint64_t key = 0;
	bool counters;

	if (fl_dpipe_desc_find(txn, name, &key, &desc, &counters)) {
		fl_txn_fail(txn, -ENODEV);
		return;
	}
	fl_dpipe_desc_put(desc);
	fl_txn_set(txn, FL_OBJ_DPIPE_TABLE, key, NULL);
}

void fl_dpipe_counters_apply(struct fl_txn *txn, uint64_t key, bool counters)
{
	const struct fl_dpipe_obj *old;
	struct fl_dpipe_desc *desc = NULL;

	fl_rcu_read_lock();
	old = (const struct fl_dpipe_obj *)fl_txn_obj(txn, FL_OBJ_DPIPE_TABLE, key);
	if (old)
		desc = fl_dpipe_desc_get(old->desc);
	fl_rcu_read_unlock();
	if (desc)
		table_set(txn, key, desc, counters);
	else
		fl_txn_fail(txn, -ENODEV);
}
