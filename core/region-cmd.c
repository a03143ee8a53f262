/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * region-cmd.c - what clients ask of regions: REGION_GET, REGION_NEW, REGION_DEL. Reading
 * them: region-read.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/port.h"
#include "core/region.h"

int fl_req_region(const struct fl_req *req, const struct fl_version *version,
		  const struct fl_region_obj **ret_obj)
{
	const struct nlattr *port = req->tb[DEVLINK_ATTR_PORT_INDEX];
	const char *name = fl_attr_str(req->tb[DEVLINK_ATTR_REGION_NAME]);
	const struct fl_region_obj *obj;

	if (port && !fl_port_find(version, fl_attr_u32(port)))
		return -ENODEV;
	obj = port ? fl_port_region_find(version, fl_attr_u32(port), name)
		   : fl_region_find(version, name);
	*ret_obj = obj;
	return obj ? 0 : -EINVAL;
}

/* ---- REGION_GET ------------------------------------------------------------------- */

int fl_region_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	const struct fl_region_obj *obj;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err && !req->tb[DEVLINK_ATTR_REGION_NAME]) {
		fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_REGION_NAME);
		err = -EINVAL;
	}
	if (!err)
		err = fl_req_region(req, version, &obj);
	if (!err)
		err = fl_obj_put(&req->reply, &obj->obj, DEVLINK_CMD_REGION_GET, 0,
				 req->nlh->nlmsg_seq, req->portid, req->ns);
	fl_rcu_read_unlock();
	return err;
}

int fl_region_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_port_objs(req, dump, FL_OBJ_REGION, FL_OBJ_PORT_REGION,
				 DEVLINK_CMD_REGION_GET);
}

/* ---- operations ------------------------------------------------------------------- */

struct region_cmd {
	struct fl_region *region; /* referenced */
	struct fl_blob *blob;     /* what a snapshot is taken into */
	uint32_t id;
};

static void region_cmd_free(struct region_cmd *arg)
{
	if (!arg)
		return;
	fl_region_put(arg->region);
	fl_blob_put(arg->blob);
	free(arg);
}

static void region_over(struct fl_cmd_op *cmd, int err)
{
	region_cmd_free(cmd->arg);
}

/* Queues a command at the region's lane; both references pass over. */
static int region_post(struct fl_req *req, const struct fl_cmd_op_type *type, struct fl_devlink *dl,
		       struct fl_region *region)
{
	struct region_cmd *arg = calloc(1, sizeof(*arg));
	int err;

	if (!arg) {
		fl_devlink_put(dl);
		fl_region_put(region);
		return -ENOMEM;
	}
	arg->region = region;
	err = fl_cmd_op_post(req, type, dl, region->lane, region->port, arg);
	if (err < 0)
		region_cmd_free(arg);
	return err;
}

/* The region that the request names, and its instance; both referenced. */
static int req_region_get(const struct fl_req *req, struct fl_devlink **ret_dl,
			  struct fl_region **ret_region)
{
	const struct fl_version *version;
	const struct fl_region_obj *obj;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = fl_req_region(req, version, &obj);
	if (!err && !fl_devlink_try_get(dl))
		err = -ENODEV;
	if (!err) {
		*ret_dl = dl;
		*ret_region = fl_region_get(obj->region);
	}
	fl_rcu_read_unlock();
	return err;
}

static int req_instance(const struct fl_req *req)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	fl_rcu_read_unlock();
	return err;
}

/* ---- REGION_NEW ------------------------------------------------------------------- */

/* The id that is asked for, or a free one. */
static int new_id(struct fl_cmd_op *cmd, const struct fl_region_obj *obj, uint32_t *ret_id)
{
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_REGION_SNAPSHOT_ID];
	struct fl_extack *extack = &cmd->req->extack;

	if (obj->count >= obj->region->max_snapshots) {
		fl_extack_set(extack,
			      "The region has reached the maximum number of stored snapshots");
		return -ENOSPC;
	}
	if (!attr) {
		*ret_id = fl_region_snapshot_id(cmd->txn);
		return 0;
	}
	if (fl_region_snapshot(obj, fl_attr_u32(attr))) {
		fl_extack_set(extack, "The requested snapshot id is already in use");
		return -EEXIST;
	}
	/* Another region's: no text, as in the kernel. */
	if (fl_region_id_taken(cmd->txn, fl_attr_u32(attr)))
		return -EEXIST;
	*ret_id = fl_attr_u32(attr);
	return 0;
}

static int new_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct region_cmd *arg = cmd->arg;
	int err = fl_border_result(cmd->dl, "snapshot", fl_op_result(op));

	return err ? err : fl_region_snapshot_keep(cmd->txn, arg->region, arg->id, arg->blob);
}

static int new_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct region_cmd *arg = cmd->arg;
	const struct fl_region_obj *obj;
	int err = -EINVAL;

	fl_rcu_read_lock();
	obj = fl_region_obj(cmd->txn, arg->region);
	if (obj)
		err = new_id(cmd, obj, &arg->id);
	else
		fl_extack_set(&cmd->req->extack, "The requested region does not exist");
	fl_rcu_read_unlock();
	if (err)
		return err;
	arg->blob = fl_blob_new(arg->region->size);
	if (!arg->blob)
		return -ENOMEM;
	fl_op_then(op, new_done);
	err = arg->region->ops->snapshot(op, cmd->txn, arg->region, arg->blob->data);
	return fl_border_step(cmd->dl, "snapshot", err);
}

/* Who named no id is told it. */
static void new_reply(struct fl_cmd_op *cmd)
{
	const struct region_cmd *arg = cmd->arg;
	struct fl_req *req = cmd->req;

	if (!req->tb[DEVLINK_ATTR_REGION_SNAPSHOT_ID])
		fl_region_snapshot_encode(&req->reply, cmd->dl, arg->region, arg->id,
					  DEVLINK_CMD_REGION_NEW, req->nlh->nlmsg_seq, req->portid);
}

static const struct fl_cmd_op_type new_type = {
	FL_CMD_OP("region-new", 0),
	.work = new_work,
	.reply = new_reply,
	.over = region_over,
};

static int region_new_post(struct fl_req *req)
{
	struct fl_region *region;
	struct fl_devlink *dl;
	int err;

	err = req_region_get(req, &dl, &region);
	if (err == -EINVAL)
		fl_extack_set(&req->extack, "The requested region does not exist");
	if (err)
		return err;
	if (region->ops->snapshot)
		return region_post(req, &new_type, dl, region);
	fl_extack_set(&req->extack,
		      "The requested region does not support taking an immediate snapshot");
	fl_region_put(region);
	fl_devlink_put(dl);
	return -EOPNOTSUPP;
}

int fl_region_new_doit(struct fl_req *req)
{
	int err = req_instance(req);

	if (err)
		return err;
	if (req->tb[DEVLINK_ATTR_REGION_NAME])
		return region_new_post(req);
	fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_REGION_NAME);
	fl_extack_set(&req->extack, "No region name provided");
	return -EINVAL;
}

/* ---- REGION_DEL ------------------------------------------------------------------- */

static int del_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct region_cmd *arg = cmd->arg;
	int err;

	err = fl_region_snapshot_del(cmd->txn, arg->region,
				     fl_attr_u32(cmd->req->tb[DEVLINK_ATTR_REGION_SNAPSHOT_ID]));
	return err == -ENOENT ? -EINVAL : err;
}

static const struct fl_cmd_op_type del_type = {
	FL_CMD_OP("region-del", 0),
	.work = del_work,
	.over = region_over,
};

int fl_region_del_doit(struct fl_req *req)
{
	static const uint16_t needed[] = { DEVLINK_ATTR_REGION_NAME,
					   DEVLINK_ATTR_REGION_SNAPSHOT_ID };
	struct fl_region *region;
	struct fl_devlink *dl;
	int err = req_instance(req);

	if (err)
		return err;
	for (size_t i = 0; i < FL_ARRAY_SIZE(needed); i++) {
		if (!req->tb[needed[i]]) {
			fl_extack_miss(&req->extack, NULL, needed[i]);
			return -EINVAL;
		}
	}
	err = req_region_get(req, &dl, &region);
	return err ? err : region_post(req, &del_type, dl, region);
}
