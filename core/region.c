/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * region.c - address regions and their snapshots: what a driver says of them, and how they are
 * shown. What clients ask of them: region-cmd.c, region-read.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/border.h"
#include "core/port.h"
#include "core/region.h"
#include "core/txn.h"
#include "nl/ctrl.h"

/* ---- what is counted -------------------------------------------------------------- */

struct fl_blob *fl_blob_new(uint64_t size)
{
	static uint64_t serial;
	struct fl_blob *blob;

	if (size > SIZE_MAX - sizeof(*blob))
		return NULL;
	blob = calloc(1, sizeof(*blob) + size);
	if (!blob)
		return NULL;
	blob->refs = 1;
	blob->serial = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
	return blob;
}

struct fl_blob *fl_blob_get(struct fl_blob *blob)
{
	__atomic_add_fetch(&blob->refs, 1, __ATOMIC_RELAXED);
	return blob;
}

void fl_blob_put(struct fl_blob *blob)
{
	if (blob && !__atomic_sub_fetch(&blob->refs, 1, __ATOMIC_ACQ_REL))
		free(blob);
}

struct fl_region *fl_region_get(struct fl_region *region)
{
	__atomic_add_fetch(&region->refs, 1, __ATOMIC_RELAXED);
	return region;
}

void fl_region_put(struct fl_region *region)
{
	if (!region || __atomic_sub_fetch(&region->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fl_lane_put(region->lane);
	free(region);
}

const char *fl_region_name(const struct fl_region *region)
{
	return region->name;
}

void *fl_region_priv(const struct fl_region *region)
{
	return region->priv;
}

uint64_t fl_region_size(const struct fl_region *region)
{
	return region->size;
}

struct fl_lane *fl_region_lane(const struct fl_region *region)
{
	return fl_lane_get(region->lane);
}

/* ---- encoding --------------------------------------------------------------------- */

static void put_begin(struct fl_msg *msg, const struct fl_devlink *dl,
		      const struct fl_region *region, uint8_t cmd, uint32_t seq, uint32_t portid)
{
	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, seq, portid, cmd, 1);
	fl_devlink_put_handle(msg, dl);
	if (region->has_port)
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, region->port);
	fl_msg_put_str(msg, DEVLINK_ATTR_REGION_NAME, region->name);
}

static void region_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_region_obj *region = fl_obj_region(obj);
	size_t list, nest;

	put_begin(msg, txn->dl, region->region, DEVLINK_CMD_REGION_GET, 0, 0);
	fl_msg_put_u64(msg, DEVLINK_ATTR_REGION_SIZE, region->region->size);
	fl_msg_put_u32(msg, DEVLINK_ATTR_REGION_MAX_SNAPSHOTS, region->region->max_snapshots);
	list = fl_msg_nest(msg, DEVLINK_ATTR_REGION_SNAPSHOTS, false);
	for (uint32_t i = 0; i < region->count; i++) {
		nest = fl_msg_nest(msg, DEVLINK_ATTR_REGION_SNAPSHOT, false);
		fl_msg_put_u32(msg, DEVLINK_ATTR_REGION_SNAPSHOT_ID, region->snapshot[i].id);
		fl_msg_nest_end(msg, nest);
	}
	fl_msg_nest_end(msg, list);
	fl_msg_end(msg);
}

static void region_notice(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj,
			  uint8_t cmd)
{
	const struct fl_region *region = fl_obj_region(obj)->region;

	put_begin(msg, txn->dl, region, cmd, 0, 0);
	fl_msg_put_u64(msg, DEVLINK_ATTR_REGION_SIZE, region->size);
	fl_msg_end(msg);
}

void fl_region_snapshot_encode(struct fl_msg *msg, const struct fl_devlink *dl,
			       const struct fl_region *region, uint32_t id, uint8_t cmd,
			       uint32_t seq, uint32_t portid)
{
	put_begin(msg, dl, region, cmd, seq, portid);
	fl_msg_put_u32(msg, DEVLINK_ATTR_REGION_SNAPSHOT_ID, id);
	fl_msg_end(msg);
}

static void snapshot_notify(struct fl_txn *txn, const struct fl_region *region, uint32_t id,
			    uint8_t cmd)
{
	struct fl_msg msg;

	fl_msg_init(&msg);
	fl_region_snapshot_encode(&msg, txn->dl, region, id, cmd, 0, 0);
	fl_txn_notify_msg(txn, &msg, false, 0);
	fl_msg_done(&msg);
}

/* ---- objects ---------------------------------------------------------------------- */

static void region_free(struct fl_obj *obj)
{
	struct fl_region_obj *region = (struct fl_region_obj *)obj;

	for (uint32_t i = 0; i < region->count; i++)
		fl_blob_put(region->snapshot[i].blob);
	free(region->snapshot);
	fl_region_put(region->region);
	free(region->obj.image);
	free(region);
}

static const struct fl_obj_ops region_ops = {
	.kind = FL_OBJ_REGION,
	.encode = region_encode,
	.notice = region_notice,
	.free = region_free,
	.cmd_new = DEVLINK_CMD_REGION_NEW,
	.cmd_del = DEVLINK_CMD_REGION_DEL,
};

/* Not told again when the instance moves, nor subject to filters by port: as in the kernel. */
static const struct fl_obj_ops port_region_ops = {
	.kind = FL_OBJ_PORT_REGION,
	.encode = region_encode,
	.notice = region_notice,
	.free = region_free,
};

static enum fl_obj_kind region_kind(const struct fl_region *region)
{
	return region->has_port ? FL_OBJ_PORT_REGION : FL_OBJ_REGION;
}

const struct fl_region_obj *fl_region_find(const struct fl_version *version, const char *name)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_REGION], 0);
	while ((obj = fl_pmap_iter_next(&iter))) {
		if (!strcmp(fl_obj_region(obj)->region->name, name))
			return fl_obj_region(obj);
	}
	return NULL;
}

const struct fl_region_obj *fl_port_region_find(const struct fl_version *version, uint32_t port,
						const char *name)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_PORT_REGION], FL_PORT_KEY(port, 0));
	while ((obj = fl_pmap_iter_next(&iter)) && FL_PORT_KEY_PORT(obj->key) == port) {
		if (!strcmp(fl_obj_region(obj)->region->name, name))
			return fl_obj_region(obj);
	}
	return NULL;
}

const struct fl_snapshot *fl_region_snapshot(const struct fl_region_obj *obj, uint32_t id)
{
	for (uint32_t i = 0; i < obj->count; i++) {
		if (obj->snapshot[i].id == id)
			return &obj->snapshot[i];
	}
	return NULL;
}

const struct fl_region_obj *fl_region_obj(struct fl_txn *txn, const struct fl_region *region)
{
	const struct fl_obj *obj = fl_txn_obj(txn, region_kind(region), region->key);

	return obj && fl_obj_region(obj)->region == region ? fl_obj_region(obj) : NULL;
}

/* ---- edits ------------------------------------------------------------------------ */

/* Copies what txn sees into `copy`, whose array has room for `room` snapshots. Returns how
 * many there are, of which none were copied if the room is too small; -ENODEV. */
static int region_copy(struct fl_txn *txn, const struct fl_region *region,
		       struct fl_region_obj *copy, uint32_t room)
{
	const struct fl_region_obj *obj;
	int count = -ENODEV;

	fl_rcu_read_lock();
	obj = fl_region_obj(txn, region);
	if (obj)
		count = obj->count;
	if (obj && obj->count <= room) {
		copy->obj.ops = obj->obj.ops;
		copy->region = fl_region_get(obj->region);
		copy->count = obj->count;
		for (uint32_t i = 0; i < obj->count; i++) {
			copy->snapshot[i].id = obj->snapshot[i].id;
			copy->snapshot[i].blob = fl_blob_get(obj->snapshot[i].blob);
		}
	}
	fl_rcu_read_unlock();
	return count;
}

/* A copy as something to write to, with room for one snapshot more. */
static int region_dup(struct fl_txn *txn, const struct fl_region *region,
		      struct fl_region_obj **ret_copy)
{
	struct fl_region_obj *copy = calloc(1, sizeof(*copy));
	uint32_t room = 8;
	int count;

	for (; copy; room = count + 1) {
		free(copy->snapshot);
		copy->snapshot = calloc(room, sizeof(*copy->snapshot));
		if (!copy->snapshot)
			break;
		count = region_copy(txn, region, copy, room - 1);
		if (count < 0) {
			free(copy->snapshot);
			free(copy);
			return count;
		}
		if ((uint32_t)count < room) {
			*ret_copy = copy;
			return 0;
		}
	}
	free(copy);
	return -ENOMEM;
}

/* The region as something to write to; the pending copy always has room for one more. */
static int region_write(struct fl_txn *txn, const struct fl_region *region,
			struct fl_region_obj **ret_obj)
{
	struct fl_region_obj *copy;
	int err;

	err = region_dup(txn, region, &copy);
	if (err)
		return err;
	fl_txn_set(txn, region_kind(region), region->key, &copy->obj);
	if (txn->err)
		return txn->err;
	*ret_obj = copy;
	return 0;
}

static bool name_taken(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t from, const char *name)
{
	const struct fl_obj *obj;
	bool taken = false;

	fl_rcu_read_lock();
	while (!taken && (obj = fl_txn_next(txn, kind, from))) {
		if (kind == FL_OBJ_PORT_REGION &&
		    FL_PORT_KEY_PORT(obj->key) != FL_PORT_KEY_PORT(from))
			break;
		taken = !strcmp(fl_obj_region(obj)->region->name, name);
		from = obj->key + 1;
	}
	fl_rcu_read_unlock();
	return taken;
}

static struct fl_region *handle_new(const struct fl_region_desc *desc)
{
	size_t name_size = strlen(desc->name) + 1;
	struct fl_region *region = calloc(1, sizeof(*region) + name_size);

	if (!region)
		return NULL;
	region->refs = 1;
	region->ops = desc->ops;
	region->priv = desc->priv;
	region->size = desc->size;
	region->max_snapshots = desc->max_snapshots;
	memcpy(region->name, desc->name, name_size);
	return region;
}

static int region_check(struct fl_txn *txn, const struct fl_region_desc *desc,
			enum fl_obj_kind kind, uint32_t port)
{
	if (desc->max_snapshots > FL_REGION_SNAPSHOTS_MAX) {
		fl_border_tell(txn->dl, "fl_region_add",
			       "%s wants %u snapshots, but %d are possible", desc->name,
			       desc->max_snapshots, FL_REGION_SNAPSHOTS_MAX);
		return -EINVAL;
	}
	if (name_taken(txn, kind, kind == FL_OBJ_PORT_REGION ? FL_PORT_KEY(port, 0) : 0,
		       desc->name))
		return -EEXIST;
	return 0;
}

/* The function's lane of a port that has one, else the instance's for regions. */
static int region_lane_init(struct fl_txn *txn, struct fl_region *region)
{
	const struct fl_obj *port;
	int err;

	fl_rcu_read_lock();
	port = fl_txn_obj(txn, FL_OBJ_PORT, region->port);
	if (region->has_port && port && fl_obj_port(port)->lane)
		region->lane = fl_lane_get(fl_obj_port(port)->lane);
	fl_rcu_read_unlock();
	if (region->has_port && !port)
		return -ENODEV;
	if (region->lane)
		return 0;
	err = fl_devlink_sublane_init(txn->dl, FL_SUBLANE_REGIONS);
	if (!err)
		region->lane = fl_lane_get(txn->dl->sublane[FL_SUBLANE_REGIONS]);
	return err;
}

static struct fl_region *region_add(struct fl_txn *txn, const struct fl_region_desc *desc,
				    enum fl_obj_kind kind, uint32_t port)
{
	struct fl_region_obj *obj = calloc(1, sizeof(*obj));
	struct fl_region *region = handle_new(desc);
	int err = obj && region ? region_check(txn, desc, kind, port) : -ENOMEM;

	if (!err) {
		region->has_port = kind == FL_OBJ_PORT_REGION;
		region->port = port;
		err = region_lane_init(txn, region);
	}
	if (err) {
		fl_txn_fail(txn, err);
		fl_region_put(region);
		free(obj);
		return NULL;
	}
	region->key = region->has_port ? fl_txn_next_port_key(txn, kind, port)
				       : fl_txn_next_key(txn, kind);
	obj->obj.ops = region->has_port ? &port_region_ops : &region_ops;
	obj->region = fl_region_get(region);
	fl_txn_set(txn, kind, region->key, &obj->obj);
	if (txn->err) {
		fl_region_put(region);
		return NULL;
	}
	fl_txn_notify_obj(txn, &obj->obj, DEVLINK_CMD_REGION_NEW);
	return region;
}

struct fl_region *fl_region_add(struct fl_txn *txn, const struct fl_region_desc *desc)
{
	return txn->err ? NULL : region_add(txn, desc, FL_OBJ_REGION, 0);
}

struct fl_region *fl_port_region_add(struct fl_txn *txn, uint32_t port,
				     const struct fl_region_desc *desc)
{
	return txn->err ? NULL : region_add(txn, desc, FL_OBJ_PORT_REGION, port);
}

static void region_del(struct fl_txn *txn, enum fl_obj_kind kind, const struct fl_obj *obj)
{
	const struct fl_region_obj *region = fl_obj_region(obj);

	for (uint32_t i = 0; i < region->count; i++)
		snapshot_notify(txn, region->region, region->snapshot[i].id,
				DEVLINK_CMD_REGION_DEL);
	fl_txn_notify_obj(txn, obj, DEVLINK_CMD_REGION_DEL);
	fl_txn_set(txn, kind, obj->key, NULL);
}

void fl_region_del(struct fl_txn *txn, struct fl_region *region)
{
	const struct fl_region_obj *obj;

	if (!region)
		return;
	fl_rcu_read_lock();
	obj = fl_region_obj(txn, region);
	if (obj)
		region_del(txn, region_kind(region), &obj->obj);
	fl_rcu_read_unlock();
	if (!obj)
		fl_txn_fail(txn, -ENODEV);
}

void fl_port_regions_del(struct fl_txn *txn, uint32_t port)
{
	uint64_t from = FL_PORT_KEY(port, 0);
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	while ((obj = fl_txn_next(txn, FL_OBJ_PORT_REGION, from)) &&
	       FL_PORT_KEY_PORT(obj->key) == port) {
		from = obj->key + 1;
		region_del(txn, FL_OBJ_PORT_REGION, obj);
	}
	fl_rcu_read_unlock();
}

/* ---- snapshots -------------------------------------------------------------------- */

struct taken {
	uint32_t id;
	bool found;
};

static void look_for_id(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct taken *taken = arg;

	if (fl_region_snapshot(fl_obj_region(obj), taken->id))
		taken->found = true;
}

bool fl_region_id_taken(struct fl_txn *txn, uint32_t id)
{
	struct taken taken = { .id = id };

	fl_txn_for_each(txn, FL_OBJ_REGION, look_for_id, &taken);
	fl_txn_for_each(txn, FL_OBJ_PORT_REGION, look_for_id, &taken);
	return taken.found;
}

uint32_t fl_region_snapshot_id(struct fl_txn *txn)
{
	uint32_t id = 0;

	while (fl_region_id_taken(txn, id))
		id++;
	return id;
}

int fl_region_snapshot_keep(struct fl_txn *txn, struct fl_region *region, uint32_t id,
			    struct fl_blob *blob)
{
	struct fl_region_obj *obj;
	int err;

	err = region_write(txn, region, &obj);
	if (err)
		return err;
	if (obj->count >= region->max_snapshots)
		return -ENOSPC;
	if (fl_region_snapshot(obj, id))
		return -EEXIST;
	obj->snapshot[obj->count++] = (struct fl_snapshot){ .id = id, .blob = fl_blob_get(blob) };
	snapshot_notify(txn, region, id, DEVLINK_CMD_REGION_NEW);
	return 0;
}

static struct fl_blob *blob_copy(const struct fl_region *region, const void *data)
{
	struct fl_blob *blob = fl_blob_new(region->size);

	if (blob)
		memcpy(blob->data, data, region->size);
	return blob;
}

int fl_region_snapshot_add(struct fl_txn *txn, struct fl_region *region, uint32_t id,
			   const void *data)
{
	struct fl_blob *blob = blob_copy(region, data);
	int err;

	if (!blob)
		return -ENOMEM;
	err = fl_region_snapshot_keep(txn, region, id, blob);
	fl_blob_put(blob);
	return err;
}

int fl_region_snapshot_del(struct fl_txn *txn, struct fl_region *region, uint32_t id)
{
	struct fl_region_obj *obj;
	uint32_t at = 0;
	int err;

	err = region_write(txn, region, &obj);
	if (err)
		return err == -ENODEV ? -ENOENT : err;
	while (at < obj->count && obj->snapshot[at].id != id)
		at++;
	if (at == obj->count)
		return -ENOENT;
	snapshot_notify(txn, region, id, DEVLINK_CMD_REGION_DEL);
	fl_blob_put(obj->snapshot[at].blob);
	obj->count--;
	memmove(&obj->snapshot[at], &obj->snapshot[at + 1],
		(obj->count - at) * sizeof(*obj->snapshot));
	return 0;
}

/* ---- snapshots by themselves ------------------------------------------------------ */

struct snapshot_op {
	struct fl_op op;
	struct fl_devlink *dl;    /* referenced */
	struct fl_region *region; /* referenced */
	struct fl_blob *blob;     /* referenced */
};

static int snapshot_run(struct fl_op *op)
{
	struct snapshot_op *post = FL_CONTAINER_OF(op, struct snapshot_op, op);
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, post->dl, &txn);
	if (err)
		return err;
	err = fl_region_snapshot_keep(txn, post->region, fl_region_snapshot_id(txn), post->blob);
	if (!err)
		return fl_txn_commit(txn);
	fl_log(FL_LOG_WARN, "%s/%s: no snapshot of region %s: %s", fl_devlink_bus_name(post->dl),
	       fl_devlink_dev_name(post->dl), post->region->name,
	       err == -ENOSPC ? "as many as it keeps are there" : "the region is gone");
	fl_txn_abort(txn);
	return err;
}

static void snapshot_op_free(struct fl_op *op)
{
	struct snapshot_op *post = FL_CONTAINER_OF(op, struct snapshot_op, op);

	fl_blob_put(post->blob);
	fl_region_put(post->region);
	fl_devlink_put(post->dl);
	free(post);
}

static const struct fl_op_type snapshot_type = {
	.kind = "region-snapshot",
	.run = snapshot_run,
	.free = snapshot_op_free,
};

int fl_region_snapshot_post(struct fl_devlink *dl, struct fl_region *region, const void *data)
{
	struct snapshot_op *post = calloc(1, sizeof(*post));

	if (post)
		post->blob = blob_copy(region, data);
	if (!post || !post->blob) {
		free(post);
		return -ENOMEM;
	}
	post->dl = fl_devlink_get(dl);
	post->region = fl_region_get(region);
	fl_op_init(&post->op, &snapshot_type, region->lane, NULL);
	return fl_op_submit(&post->op);
}
