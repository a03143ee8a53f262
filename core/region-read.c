/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * region-read.c - REGION_READ: a dump in chunks, of a snapshot, or of the region as it is now.
 * The latter asks the device for one window after the other, each by an operation on the
 * region's lane.
 *
 * position[0] is where in the region the next chunk begins, position[1] what is read: the
 * serial number of the snapshot's data.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/region.h"
#include "nl/ctrl.h"

#define CHUNK 256    /* bytes; the kernel's DEVLINK_REGION_READ_CHUNK_SIZE */
#define WINDOW 65536 /* bytes that a device is asked for at once; a multiple of CHUNK */
#define DIRECT 0     /* the serial number of no snapshot */

/* In dump->arg: what a device has answered. */
struct window {
	uint64_t start;
	uint32_t len;
	uint8_t data[WINDOW];
};

/* What a request wants to read. */
struct reading {
	struct fl_devlink *dl;
	const struct fl_region_obj *obj;
	const struct fl_blob *blob; /* of the snapshot; NULL: direct */
	uint64_t start, end;        /* still to be read */
};

static int read_direct(struct fl_req *req, struct reading *reading)
{
	if (!req->tb[DEVLINK_ATTR_REGION_DIRECT]) {
		fl_extack_set(&req->extack, "No snapshot id provided");
		return -EINVAL;
	}
	if (!reading->obj->region->ops->read) {
		fl_extack_set(&req->extack, "Requested region does not support direct read");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int read_snapshot(struct fl_req *req, const struct fl_dump *dump, struct reading *reading)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_REGION_SNAPSHOT_ID];
	const struct fl_snapshot *snapshot;

	if (req->tb[DEVLINK_ATTR_REGION_DIRECT]) {
		fl_extack_set_attr(&req->extack, attr, "Direct region read does not use snapshot");
		return -EINVAL;
	}
	snapshot = fl_region_snapshot(reading->obj, fl_attr_u32(attr));
	/* One that has the id of the one that was begun with is not that one. */
	if (!snapshot || (dump->position[1] && snapshot->blob->serial != dump->position[1])) {
		fl_extack_set_attr(&req->extack, attr, "Requested snapshot does not exist");
		return -EINVAL;
	}
	reading->blob = snapshot->blob;
	return 0;
}

static void read_range(const struct fl_req *req, const struct fl_dump *dump,
		       struct reading *reading)
{
	const struct nlattr *addr = req->tb[DEVLINK_ATTR_REGION_CHUNK_ADDR];
	const struct nlattr *len = req->tb[DEVLINK_ATTR_REGION_CHUNK_LEN];

	reading->start = dump->position[0];
	reading->end = UINT64_MAX;
	if (addr && len) {
		if (!reading->start)
			reading->start = fl_attr_u64(addr);
		reading->end = fl_attr_u64(addr) + fl_attr_u64(len);
	}
	if (reading->end > reading->obj->region->size)
		reading->end = reading->obj->region->size;
}

/* Context: RCU read section. */
static int read_find(struct fl_req *req, const struct fl_dump *dump, struct reading *reading)
{
	const struct nlattr *name = req->tb[DEVLINK_ATTR_REGION_NAME];
	const struct fl_version *version;
	int err;

	err = fl_req_devlink(req, &reading->dl, &version);
	if (err)
		return err;
	if (!name) {
		fl_extack_set(&req->extack, "No region name provided");
		return -EINVAL;
	}
	err = fl_req_region(req, version, &reading->obj);
	if (err == -EINVAL)
		fl_extack_set_attr(&req->extack, name, "Requested region does not exist");
	if (err)
		return err;
	reading->blob = NULL;
	err = req->tb[DEVLINK_ATTR_REGION_SNAPSHOT_ID] ? read_snapshot(req, dump, reading)
						       : read_direct(req, reading);
	if (!err)
		read_range(req, dump, reading);
	return err;
}

/* ---- asking the device ------------------------------------------------------------ */

struct ask {
	struct fl_region *region; /* referenced */
	struct window *window;    /* the dump's */
};

static int ask_done(struct fl_op *op)
{
	return fl_border_result(fl_cmd_op(op)->dl, "read", fl_op_result(op));
}

static int ask_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct ask *ask = cmd->arg;
	int err;

	if (!fl_region_obj(cmd->txn, ask->region))
		return -EINVAL;
	fl_op_then(op, ask_done);
	err = ask->region->ops->read(op, cmd->txn, ask->region, ask->window->start,
				     ask->window->len, ask->window->data);
	return fl_border_step(cmd->dl, "read", err);
}

static void ask_free(struct ask *ask)
{
	fl_region_put(ask->region);
	free(ask);
}

static void ask_over(struct fl_cmd_op *cmd, int err)
{
	ask_free(cmd->arg);
}

static const struct fl_cmd_op_type ask_type = {
	FL_CMD_OP("region-read", 0),
	.work = ask_work,
	.over = ask_over,
};

static int ask_post(struct fl_req *req, struct fl_dump *dump, struct fl_devlink *dl,
		    struct fl_region *region)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	int err;

	if (!ask) {
		fl_region_put(region);
		fl_devlink_put(dl);
		return -ENOMEM;
	}
	ask->region = region;
	ask->window = dump->arg;
	err = fl_cmd_op_post(req, &ask_type, dl, region->lane, region->port, ask);
	if (err < 0)
		ask_free(ask);
	return err;
}

static bool window_begin(struct fl_dump *dump, const struct reading *reading)
{
	struct window *window = dump->arg;
	uint64_t left = reading->end - reading->start;

	if (!window)
		window = dump->arg = malloc(sizeof(*window));
	if (!window)
		return false;
	window->start = reading->start;
	window->len = left < WINDOW ? left : WINDOW;
	return true;
}

int fl_region_read_prepare(struct fl_req *req, struct fl_dump *dump)
{
	struct fl_region *region = NULL;
	struct reading reading;
	int err;

	fl_rcu_read_lock();
	err = read_find(req, dump, &reading);
	if (!err && !reading.blob && reading.start < reading.end) {
		if (!fl_devlink_try_get(reading.dl))
			err = -ENODEV;
		else
			region = fl_region_get(reading.obj->region);
	}
	fl_rcu_read_unlock();
	if (err || !region)
		return err;
	if (window_begin(dump, &reading))
		return ask_post(req, dump, reading.dl, region);
	fl_region_put(region);
	fl_devlink_put(reading.dl);
	return -ENOMEM;
}

void fl_region_read_done(struct fl_dump *dump)
{
	free(dump->arg);
}

/* ---- putting ---------------------------------------------------------------------- */

/* What is at `at`, of which *len bytes are wanted; *len is set to what there is. */
static const uint8_t *read_at(const struct fl_dump *dump, const struct reading *reading,
			      uint64_t at, uint64_t *len)
{
	const struct window *window = dump->arg;

	if (reading->blob)
		return reading->blob->data + at;
	if (!window || at < window->start || at - window->start >= window->len)
		return NULL;
	if (*len > window->start + window->len - at)
		*len = window->start + window->len - at;
	return window->data + (at - window->start);
}

static bool put_chunk(struct fl_msg *msg, const uint8_t *data, uint64_t len, uint64_t addr)
{
	size_t nest;

	if (fl_dump_room(msg) <
	    NLA_HDRLEN + NLA_HDRLEN + NLA_ALIGN(len) + NLA_HDRLEN + sizeof(addr))
		return false;
	nest = fl_msg_nest(msg, DEVLINK_ATTR_REGION_CHUNK, false);
	fl_msg_put(msg, DEVLINK_ATTR_REGION_CHUNK_DATA, data, len);
	fl_msg_put_u64(msg, DEVLINK_ATTR_REGION_CHUNK_ADDR, addr);
	fl_msg_nest_end(msg, nest);
	return true;
}

/* Returns where the next message goes on. */
static uint64_t put_chunks(struct fl_dump *dump, const struct reading *reading)
{
	uint64_t at = reading->start, len;
	const uint8_t *data;
	size_t nest;

	nest = fl_msg_nest(dump->msg, DEVLINK_ATTR_REGION_CHUNKS, false);
	while (at < reading->end) {
		len = reading->end - at < CHUNK ? reading->end - at : CHUNK;
		data = read_at(dump, reading, at, &len);
		if (!data)
			dump->wants = true;
		if (!data || !put_chunk(dump->msg, data, len, at))
			break;
		at += len;
	}
	fl_msg_nest_end(dump->msg, nest);
	return at;
}

static int read_put(struct fl_req *req, struct fl_dump *dump, const struct reading *reading)
{
	const struct fl_region *region = reading->obj->region;
	struct fl_msg *msg = dump->msg;
	uint64_t at;

	if (reading->start == reading->end)
		return 0;
	fl_msg_begin(msg, FL_FAMILY_DEVLINK, NLM_F_ACK | NLM_F_MULTI, req->nlh->nlmsg_seq,
		     req->portid, DEVLINK_CMD_REGION_READ, 1);
	fl_devlink_put_handle(msg, reading->dl);
	if (region->has_port)
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, region->port);
	fl_msg_put_str(msg, DEVLINK_ATTR_REGION_NAME, region->name);
	at = put_chunks(dump, reading);
	if (msg->err || at == reading->start) {
		fl_msg_cancel(msg);
		return -EINVAL;
	}
	fl_msg_end(msg);
	dump->position[0] = at;
	dump->position[1] = reading->blob ? reading->blob->serial : DIRECT;
	return 1;
}

int fl_region_read_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	struct reading reading;
	int more;

	fl_rcu_read_lock();
	more = read_find(req, dump, &reading);
	if (!more)
		more = read_put(req, dump, &reading);
	fl_rcu_read_unlock();
	return more;
}
