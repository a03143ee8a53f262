/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sb.c - shared buffers: what a driver says of them. What clients ask of them: sb-cmd.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sb.h"
#include "core/txn.h"
#include "nl/ctrl.h"

#define SB_INDEX_MAX 0xffffff /* FL_PORT_KEY */

const struct fl_sb_obj *fl_sb_find(const struct fl_version *version, uint32_t sb)
{
	return fl_pmap_get(version->objs[FL_OBJ_SB], sb);
}

const struct fl_sb_port_obj *fl_sb_port_find(const struct fl_version *version, uint32_t sb,
					     uint32_t port)
{
	return fl_pmap_get(version->objs[FL_OBJ_PORT_SB], FL_PORT_KEY(port, sb));
}

static void sb_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_sb *sb = &((const struct fl_sb_obj *)obj)->sb;

	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_SB_NEW, 1);
	fl_devlink_put_handle(msg, txn->dl);
	fl_msg_put_u32(msg, DEVLINK_ATTR_SB_INDEX, sb->index);
	fl_msg_put_u32(msg, DEVLINK_ATTR_SB_SIZE, sb->size);
	fl_msg_put_u16(msg, DEVLINK_ATTR_SB_INGRESS_POOL_COUNT, sb->ingress_pools);
	fl_msg_put_u16(msg, DEVLINK_ATTR_SB_EGRESS_POOL_COUNT, sb->egress_pools);
	fl_msg_put_u16(msg, DEVLINK_ATTR_SB_INGRESS_TC_COUNT, sb->ingress_tcs);
	fl_msg_put_u16(msg, DEVLINK_ATTR_SB_EGRESS_TC_COUNT, sb->egress_tcs);
	fl_msg_end(msg);
}

static void sb_free(struct fl_obj *obj)
{
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops sb_ops = {
	.kind = FL_OBJ_SB,
	.encode = sb_encode,
	.free = sb_free,
};

/* Nobody sees it. */
static void port_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_SB_PORT_POOL_NEW, 1);
	fl_msg_end(msg);
}

static void port_free(struct fl_obj *obj)
{
	struct fl_sb_port_obj *port = (struct fl_sb_port_obj *)obj;

	for (uint32_t i = 0; i < port->count; i++) {
		fl_cell_put(port->quota[i].cur);
		fl_cell_put(port->quota[i].max);
	}
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops port_ops = {
	.kind = FL_OBJ_PORT_SB,
	.encode = port_encode,
	.free = port_free,
};

/* ---- edits ------------------------------------------------------------------------ */

static struct fl_sb_obj *sb_new(struct fl_txn *txn, const struct fl_sb *sb,
				const struct fl_sb_pool *pools)
{
	size_t bytes = fl_sb_pools(sb) * sizeof(*pools);
	struct fl_sb_obj *obj = calloc(1, sizeof(*obj) + bytes);

	if (!obj) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	obj->obj.ops = &sb_ops;
	obj->sb = *sb;
	if (bytes)
		memcpy(obj->pool, pools, bytes);
	return obj;
}

/* A copy of what the transaction sees, to be changed; NULL with a sticky error. */
static struct fl_sb_obj *sb_dup(struct fl_txn *txn, uint32_t sb)
{
	const struct fl_sb_obj *old;
	struct fl_sb_obj *copy = NULL;

	fl_rcu_read_lock();
	old = (const struct fl_sb_obj *)fl_txn_obj(txn, FL_OBJ_SB, sb);
	if (old)
		copy = sb_new(txn, &old->sb, old->pool);
	else
		fl_txn_fail(txn, -ENODEV);
	fl_rcu_read_unlock();
	return copy;
}

void fl_sb_register(struct fl_txn *txn, const struct fl_sb *sb, const struct fl_sb_pool *pools)
{
	struct fl_sb_obj *obj;
	int err;

	if (sb->index > SB_INDEX_MAX || fl_sb_pools(sb) > UINT16_MAX) {
		fl_txn_fail(txn, -EINVAL);
		return;
	}
	if (fl_txn_obj(txn, FL_OBJ_SB, sb->index)) {
		fl_txn_fail(txn, -EEXIST);
		return;
	}
	err = fl_devlink_sublane_init(txn->dl, FL_SUBLANE_SB);
	if (err) {
		fl_txn_fail(txn, err);
		return;
	}
	obj = sb_new(txn, sb, pools);
	if (obj)
		fl_txn_set(txn, FL_OBJ_SB, sb->index, &obj->obj);
}

static void port_drop(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	if ((obj->key & SB_INDEX_MAX) == *(uint32_t *)arg)
		fl_txn_set(txn, FL_OBJ_PORT_SB, obj->key, NULL);
}

void fl_sb_unregister(struct fl_txn *txn, uint32_t sb)
{
	if (!fl_txn_obj(txn, FL_OBJ_SB, sb)) {
		fl_txn_fail(txn, -ENODEV);
		return;
	}
	fl_txn_for_each_reverse(txn, FL_OBJ_PORT_SB, port_drop, &sb);
	fl_txn_set(txn, FL_OBJ_SB, sb, NULL);
}

int fl_sb_pool_read(struct fl_txn *txn, uint32_t sb, uint16_t pool, struct fl_sb_pool *ret_pool)
{
	const struct fl_sb_obj *obj;
	int err = -ENODEV;

	fl_rcu_read_lock();
	obj = (const struct fl_sb_obj *)fl_txn_obj(txn, FL_OBJ_SB, sb);
	if (obj && pool < fl_sb_pools(&obj->sb)) {
		*ret_pool = obj->pool[pool];
		err = 0;
	}
	fl_rcu_read_unlock();
	return err;
}

static struct fl_sb_port_obj *port_new(struct fl_txn *txn, const struct fl_sb_quota *quotas,
				       uint32_t count)
{
	struct fl_sb_port_obj *obj = calloc(1, sizeof(*obj) + count * sizeof(*quotas));

	if (!obj) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	obj->obj.ops = &port_ops;
	obj->count = count;
	for (uint32_t i = 0; i < count; i++) {
		obj->quota[i] = quotas[i];
		fl_cell_get(quotas[i].cur);
		fl_cell_get(quotas[i].max);
	}
	return obj;
}

/* How many quotas a port has in the buffer, or -errno. */
static int64_t quotas_check(struct fl_txn *txn, uint32_t sb, const struct fl_sb_quota *quotas)
{
	const struct fl_sb_obj *obj;
	int64_t count = -ENODEV;

	fl_rcu_read_lock();
	obj = (const struct fl_sb_obj *)fl_txn_obj(txn, FL_OBJ_SB, sb);
	if (obj)
		count = fl_sb_pools(&obj->sb) + obj->sb.ingress_tcs + obj->sb.egress_tcs;
	for (int64_t i = 0; i < count; i++) {
		if ((i >= fl_sb_pools(&obj->sb) && quotas[i].pool >= fl_sb_pools(&obj->sb)) ||
		    !quotas[i].cur != !quotas[i].max)
			count = -EINVAL;
	}
	fl_rcu_read_unlock();
	return count;
}

void fl_sb_port_set(struct fl_txn *txn, uint32_t sb, uint32_t port,
		    const struct fl_sb_quota *quotas)
{
	struct fl_sb_port_obj *obj;
	int64_t count = quotas_check(txn, sb, quotas);

	if (count >= 0 && !fl_txn_obj(txn, FL_OBJ_PORT, port))
		count = -ENODEV;
	if (count < 0) {
		fl_txn_fail(txn, (int)count);
		return;
	}
	obj = port_new(txn, quotas, count);
	if (obj)
		fl_txn_set(txn, FL_OBJ_PORT_SB, FL_PORT_KEY(port, sb), &obj->obj);
}

void fl_sb_port_del(struct fl_txn *txn, uint32_t sb, uint32_t port)
{
	uint64_t key = FL_PORT_KEY(port, sb);

	if (fl_txn_obj(txn, FL_OBJ_PORT_SB, key))
		fl_txn_set(txn, FL_OBJ_PORT_SB, key, NULL);
}

void fl_sb_pool_apply(struct fl_txn *txn, uint32_t sb, uint16_t pool, uint32_t size,
		      enum devlink_sb_threshold_type threshold_type)
{
	struct fl_sb_obj *copy = sb_dup(txn, sb);

	if (!copy)
		return;
	copy->pool[pool].size = size;
	copy->pool[pool].threshold_type = threshold_type;
	fl_txn_set(txn, FL_OBJ_SB, sb, &copy->obj);
}

void fl_sb_quota_apply(struct fl_txn *txn, uint32_t sb, uint32_t port, unsigned int quota,
		       uint16_t pool, uint32_t threshold)
{
	uint64_t key = FL_PORT_KEY(port, sb);
	const struct fl_sb_port_obj *old;
	struct fl_sb_port_obj *copy = NULL;

	fl_rcu_read_lock();
	old = (const struct fl_sb_port_obj *)fl_txn_obj(txn, FL_OBJ_PORT_SB, key);
	if (old)
		copy = port_new(txn, old->quota, old->count);
	else
		fl_txn_fail(txn, -ENODEV);
	fl_rcu_read_unlock();
	if (!copy)
		return;
	copy->quota[quota].pool = pool;
	copy->quota[quota].threshold = threshold;
	fl_txn_set(txn, FL_OBJ_PORT_SB, key, &copy->obj);
}
