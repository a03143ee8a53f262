/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sb-cmd.c - what clients ask of shared buffers: SB_GET, SB_POOL_*, SB_PORT_POOL_*,
 * SB_TC_POOL_BIND_*, SB_OCC_*. Sizes and thresholds are answered from the version, what is
 * occupied from the cells; a snapshot is an operation on the instance's sb lane.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/border.h"
#include "core/cell.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/port.h"
#include "core/sb.h"

/* ---- what a request names --------------------------------------------------------- */

static int req_sb(const struct fl_req *req, const struct fl_version *version,
		  const struct fl_sb_obj **ret_sb)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_SB_INDEX];
	const struct fl_sb_obj *sb;

	if (!attr)
		return -EINVAL;
	sb = fl_sb_find(version, fl_attr_u32(attr));
	if (!sb)
		return -ENODEV;
	*ret_sb = sb;
	return 0;
}

static int req_pool(const struct fl_req *req, const struct fl_sb *sb, uint16_t *ret_pool)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_SB_POOL_INDEX];

	if (!attr || fl_attr_u16(attr) >= fl_sb_pools(sb))
		return -EINVAL;
	*ret_pool = fl_attr_u16(attr);
	return 0;
}

static int req_tc(const struct fl_req *req, const struct fl_sb *sb,
		  enum devlink_sb_pool_type *ret_type, uint16_t *ret_tc)
{
	const struct nlattr *type = req->tb[DEVLINK_ATTR_SB_POOL_TYPE];
	const struct nlattr *tc = req->tb[DEVLINK_ATTR_SB_TC_INDEX];

	if (!type || fl_attr_u8(type) > DEVLINK_SB_POOL_TYPE_EGRESS)
		return -EINVAL;
	if (!tc || fl_attr_u16(tc) >= fl_sb_tcs(sb, fl_attr_u8(type)))
		return -EINVAL;
	*ret_type = fl_attr_u8(type);
	*ret_tc = fl_attr_u16(tc);
	return 0;
}

/* ---- messages --------------------------------------------------------------------- */

/* One message of an answer or dump; where it goes, and about what. */
struct put {
	struct fl_msg *msg;
	const struct fl_req *req;
	const struct fl_devlink *dl;
	uint16_t flags;
	const struct fl_sb_obj *sb;
};

static void put_begin(const struct put *put, uint8_t cmd)
{
	fl_msg_begin(put->msg, put->req->nlh->nlmsg_type, put->flags, put->req->nlh->nlmsg_seq,
		     put->req->portid, cmd, 1);
	fl_devlink_put_handle(put->msg, put->dl);
}

static int put_end(const struct put *put, int err)
{
	fl_msg_end(put->msg);
	if (!err)
		err = put->msg->err;
	if (err)
		fl_msg_cancel(put->msg);
	return err;
}

static int put_pool(const struct put *put, uint16_t index)
{
	const struct fl_sb_pool *pool = &put->sb->pool[index];

	put_begin(put, DEVLINK_CMD_SB_POOL_NEW);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_SB_INDEX, put->sb->sb.index);
	fl_msg_put_u16(put->msg, DEVLINK_ATTR_SB_POOL_INDEX, index);
	fl_msg_put_u8(put->msg, DEVLINK_ATTR_SB_POOL_TYPE, pool->type);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_SB_POOL_SIZE, pool->size);
	fl_msg_put_u8(put->msg, DEVLINK_ATTR_SB_POOL_THRESHOLD_TYPE, pool->threshold_type);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_SB_POOL_CELL_SIZE, pool->cell_size);
	return put_end(put, 0);
}

static uint32_t as_u32(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static int put_occ(struct fl_msg *msg, const struct fl_sb_quota *quota)
{
	uint64_t cur, max;

	if (!quota->cur)
		return 0;
	if (!fl_cell_read(quota->cur, &cur) || !fl_cell_read(quota->max, &max))
		return -EIO;
	fl_msg_put_u32(msg, DEVLINK_ATTR_SB_OCC_CUR, as_u32(cur));
	fl_msg_put_u32(msg, DEVLINK_ATTR_SB_OCC_MAX, as_u32(max));
	return 0;
}

static int put_port_pool(const struct put *put, uint32_t port, const struct fl_sb_quota *quota,
			 uint16_t pool)
{
	put_begin(put, DEVLINK_CMD_SB_PORT_POOL_NEW);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_PORT_INDEX, port);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_SB_INDEX, put->sb->sb.index);
	fl_msg_put_u16(put->msg, DEVLINK_ATTR_SB_POOL_INDEX, pool);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_SB_THRESHOLD, quota->threshold);
	return put_end(put, put_occ(put->msg, quota));
}

static int put_tc_bind(const struct put *put, uint32_t port, const struct fl_sb_quota *quota,
		       enum devlink_sb_pool_type type, uint16_t tc)
{
	put_begin(put, DEVLINK_CMD_SB_TC_POOL_BIND_NEW);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_PORT_INDEX, port);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_SB_INDEX, put->sb->sb.index);
	fl_msg_put_u16(put->msg, DEVLINK_ATTR_SB_TC_INDEX, tc);
	fl_msg_put_u8(put->msg, DEVLINK_ATTR_SB_POOL_TYPE, type);
	fl_msg_put_u16(put->msg, DEVLINK_ATTR_SB_POOL_INDEX, quota->pool);
	fl_msg_put_u32(put->msg, DEVLINK_ATTR_SB_THRESHOLD, quota->threshold);
	return put_end(put, put_occ(put->msg, quota));
}

/* The quota at a place behind those of the pools. */
static int put_tc_bind_at(const struct put *put, uint32_t port, const struct fl_sb_port_obj *obj,
			  unsigned int at)
{
	const struct fl_sb *sb = &put->sb->sb;
	unsigned int tc = at - fl_sb_pools(sb);

	if (tc < sb->ingress_tcs)
		return put_tc_bind(put, port, &obj->quota[at], DEVLINK_SB_POOL_TYPE_INGRESS, tc);
	return put_tc_bind(put, port, &obj->quota[at], DEVLINK_SB_POOL_TYPE_EGRESS,
			   tc - sb->ingress_tcs);
}

/* ---- get -------------------------------------------------------------------------- */

int fl_sb_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	const struct fl_sb_obj *sb;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = req_sb(req, version, &sb);
	if (!err)
		err = fl_obj_put(&req->reply, &sb->obj, DEVLINK_CMD_SB_NEW, 0, req->nlh->nlmsg_seq,
				 req->portid, req->ns);
	fl_rcu_read_unlock();
	return err;
}

int fl_sb_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_SB, DEVLINK_CMD_SB_NEW);
}

static int pool_get(struct fl_req *req)
{
	struct put put = { .msg = &req->reply, .req = req };
	const struct fl_version *version;
	struct fl_devlink *dl;
	uint16_t pool;
	int err;

	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = req_sb(req, version, &put.sb);
	if (!err)
		err = req_pool(req, &put.sb->sb, &pool);
	put.dl = dl;
	return err ? err : put_pool(&put, pool);
}

int fl_sb_pool_get_doit(struct fl_req *req)
{
	int err;

	fl_rcu_read_lock();
	err = pool_get(req);
	fl_rcu_read_unlock();
	return err;
}

/* What a port has in the buffer that the request names. */
static int req_port_sb(struct fl_req *req, struct put *put, uint32_t *ret_port,
		       const struct fl_sb_port_obj **ret_obj)
{
	const struct fl_version *version;
	const struct fl_port *port;
	struct fl_devlink *dl;
	int err;

	err = fl_req_port(req, &dl, &version, &port);
	if (err)
		return err;
	put->msg = &req->reply;
	put->req = req;
	put->dl = dl;
	*ret_port = port->state.attrs.index;
	err = req_sb(req, version, &put->sb);
	*ret_obj = err ? NULL : fl_sb_port_find(version, put->sb->sb.index, *ret_port);
	return err;
}

static int port_pool_get(struct fl_req *req)
{
	const struct fl_sb_port_obj *obj;
	struct put put = { 0 };
	uint32_t port;
	uint16_t pool;
	int err;

	err = req_port_sb(req, &put, &port, &obj);
	if (!err)
		err = req_pool(req, &put.sb->sb, &pool);
	if (!err && !obj)
		err = -EOPNOTSUPP;
	return err ? err : put_port_pool(&put, port, &obj->quota[pool], pool);
}

int fl_sb_port_pool_get_doit(struct fl_req *req)
{
	int err;

	fl_rcu_read_lock();
	err = port_pool_get(req);
	fl_rcu_read_unlock();
	return err;
}

static int tc_bind_get(struct fl_req *req)
{
	enum devlink_sb_pool_type type;
	const struct fl_sb_port_obj *obj;
	struct put put = { 0 };
	uint32_t port;
	uint16_t tc;
	int err;

	err = req_port_sb(req, &put, &port, &obj);
	if (!err)
		err = req_tc(req, &put.sb->sb, &type, &tc);
	if (!err && !obj)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	return put_tc_bind(&put, port, &obj->quota[fl_sb_tc_quota(&put.sb->sb, type, tc)], type,
			   tc);
}

int fl_sb_tc_pool_bind_get_doit(struct fl_req *req)
{
	int err;

	fl_rcu_read_lock();
	err = tc_bind_get(req);
	fl_rcu_read_unlock();
	return err;
}

/* ---- dump: position[1] the buffer, [2] the pool or the port, [3] the quota --------- */

static int dump_pools(const struct put *put, const struct fl_version *version, struct fl_dump *dump)
{
	int err;

	for (; dump->position[2] < fl_sb_pools(&put->sb->sb); dump->position[2]++) {
		err = put_pool(put, dump->position[2]);
		if (err)
			return err;
	}
	return 0;
}

static int dump_quotas(const struct put *put, const struct fl_sb_port_obj *obj, bool tcs,
		       struct fl_dump *dump)
{
	unsigned int pools = fl_sb_pools(&put->sb->sb);
	unsigned int first = tcs ? pools : 0, end = tcs ? obj->count : pools;
	uint32_t port = FL_PORT_KEY_PORT(obj->obj.key);
	int err = 0;

	for (uint64_t at = first + dump->position[3]; at < end && !err; at++) {
		err = tcs ? put_tc_bind_at(put, port, obj, at)
			  : put_port_pool(put, port, &obj->quota[at], at);
		if (!err)
			dump->position[3]++;
	}
	return err;
}

static int dump_ports(const struct put *put, const struct fl_version *version, bool tcs,
		      struct fl_dump *dump)
{
	const struct fl_sb_port_obj *obj;
	struct fl_pmap_iter iter;
	int err;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_PORT_SB],
			  FL_PORT_KEY(dump->position[2], put->sb->sb.index));
	while ((obj = fl_pmap_iter_next(&iter))) {
		uint32_t port = FL_PORT_KEY_PORT(obj->obj.key);

		if (obj->obj.key != FL_PORT_KEY(port, put->sb->sb.index))
			continue;
		if (port != dump->position[2])
			dump->position[3] = 0;
		dump->position[2] = port;
		err = dump_quotas(put, obj, tcs, dump);
		if (err)
			return err;
		dump->position[2] = port + 1ULL;
		dump->position[3] = 0;
	}
	return 0;
}

static int dump_port_pools(const struct put *put, const struct fl_version *version,
			   struct fl_dump *dump)
{
	return dump_ports(put, version, false, dump);
}

static int dump_tc_binds(const struct put *put, const struct fl_version *version,
			 struct fl_dump *dump)
{
	return dump_ports(put, version, true, dump);
}

typedef int (*dump_sb_fn)(const struct put *put, const struct fl_version *version,
			  struct fl_dump *dump);

static int dump_instance(struct fl_req *req, struct fl_dump *dump, struct fl_devlink *dl,
			 const struct fl_version *version, const void *arg)
{
	struct put put = { .msg = dump->msg, .req = req, .dl = dl, .flags = fl_dump_flags(req) };
	dump_sb_fn fn = *(const dump_sb_fn *)arg;
	struct fl_pmap_iter iter;
	int err;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_SB], dump->position[1]);
	while ((put.sb = fl_pmap_iter_next(&iter))) {
		if (put.sb->obj.key != dump->position[1])
			dump->position[2] = dump->position[3] = 0;
		dump->position[1] = put.sb->obj.key;
		err = fn(&put, version, dump);
		dump->full = err == -EMSGSIZE;
		if (err)
			return dump->full ? 1 : err;
		dump->position[1] = put.sb->obj.key + 1;
		dump->position[2] = dump->position[3] = 0;
	}
	return 0;
}

int fl_sb_pool_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	static const dump_sb_fn fn = dump_pools;

	return fl_dump_instances(req, dump, dump_instance, &fn);
}

int fl_sb_port_pool_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	static const dump_sb_fn fn = dump_port_pools;

	return fl_dump_instances(req, dump, dump_instance, &fn);
}

int fl_sb_tc_pool_bind_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	static const dump_sb_fn fn = dump_tc_binds;

	return fl_dump_instances(req, dump, dump_instance, &fn);
}

/* ---- set -------------------------------------------------------------------------- */

struct sb_set {
	struct fl_sb sb;
	struct fl_sb_target target;
	unsigned int quota;
	uint32_t value; /* a size or threshold */
	enum devlink_sb_threshold_type threshold_type;
};

static void set_over(struct fl_cmd_op *cmd, int err)
{
	free(cmd->arg);
}

/* The buffer as the operation finds it. */
static int set_find(struct fl_cmd_op *cmd, struct sb_set *set)
{
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_SB_INDEX];
	const struct fl_sb_obj *obj = NULL;
	int err = -EINVAL;

	fl_rcu_read_lock();
	if (attr) {
		obj = (const struct fl_sb_obj *)fl_txn_obj(cmd->txn, FL_OBJ_SB, fl_attr_u32(attr));
		err = obj ? 0 : -ENODEV;
	}
	if (obj)
		set->sb = obj->sb;
	fl_rcu_read_unlock();
	set->target.sb = set->sb.index;
	set->target.port = cmd->port;
	return err;
}

static const struct fl_sb_ops *sb_ops(const struct fl_cmd_op *cmd)
{
	static const struct fl_sb_ops none;

	return cmd->dl->ops->sb ? cmd->dl->ops->sb : &none;
}

static int pool_set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct sb_set *set = cmd->arg;

	if (!fl_op_result(op))
		fl_sb_pool_apply(cmd->txn, set->sb.index, set->target.pool, set->value,
				 set->threshold_type);
	return fl_op_result(op);
}

/* What the three have in common; of_tc: of a traffic class's pool. */
static int set_parse(struct fl_cmd_op *cmd, struct sb_set *set, bool of_tc, uint16_t value)
{
	int err = set_find(cmd, set);

	if (!err && of_tc)
		err = req_tc(cmd->req, &set->sb, &set->target.type, &set->target.tc);
	if (!err)
		err = req_pool(cmd->req, &set->sb, &set->target.pool);
	if (!err && !cmd->req->tb[value])
		err = -EINVAL;
	if (!err)
		set->value = fl_attr_u32(cmd->req->tb[value]);
	return err;
}

static int pool_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr *type = cmd->req->tb[DEVLINK_ATTR_SB_POOL_THRESHOLD_TYPE];
	struct sb_set *set = cmd->arg;
	int err;

	err = set_parse(cmd, set, false, DEVLINK_ATTR_SB_POOL_SIZE);
	if (!err && (!type || fl_attr_u8(type) > DEVLINK_SB_THRESHOLD_TYPE_DYNAMIC))
		err = -EINVAL;
	if (err)
		return err;
	set->threshold_type = fl_attr_u8(type);
	if (!sb_ops(cmd)->pool_set)
		return -EOPNOTSUPP;
	fl_op_then(op, pool_set_done);
	return fl_border_step(cmd->dl, "sb.pool_set",
			      sb_ops(cmd)->pool_set(op, cmd->txn, set->sb.index, set->target.pool,
						    &set->value, set->threshold_type));
}

static int quota_set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct sb_set *set = cmd->arg;

	if (!fl_op_result(op))
		fl_sb_quota_apply(cmd->txn, set->sb.index, cmd->port, set->quota, set->target.pool,
				  set->value);
	return fl_op_result(op);
}

/* Whether the port is there still, and has something in the buffer. */
static int port_check(struct fl_cmd_op *cmd, const struct sb_set *set)
{
	if (!fl_txn_obj(cmd->txn, FL_OBJ_PORT, cmd->port))
		return -ENODEV;
	return fl_txn_obj(cmd->txn, FL_OBJ_PORT_SB, FL_PORT_KEY(cmd->port, set->sb.index))
		       ? 0
		       : -EOPNOTSUPP;
}

static int quota_set(struct fl_op *op, bool of_tc)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct sb_set *set = cmd->arg;
	int (*call)(struct fl_op *op, struct fl_txn *txn, const struct fl_sb_target *target,
		    uint32_t *value) = of_tc ? sb_ops(cmd)->tc_bind_set :
					       sb_ops(cmd)->port_pool_set;
	int err;

	err = set_parse(cmd, set, of_tc, DEVLINK_ATTR_SB_THRESHOLD);
	if (!err)
		err = call ? port_check(cmd, set) : -EOPNOTSUPP;
	if (err)
		return err;
	set->quota = of_tc ? fl_sb_tc_quota(&set->sb, set->target.type, set->target.tc) :
			     set->target.pool;
	fl_op_then(op, quota_set_done);
	return fl_border_step(cmd->dl, of_tc ? "sb.tc_bind_set" : "sb.port_pool_set",
			      call(op, cmd->txn, &set->target, &set->value));
}

static int port_pool_set_work(struct fl_op *op)
{
	return quota_set(op, false);
}

static int tc_bind_set_work(struct fl_op *op)
{
	return quota_set(op, true);
}

/* A command about a whole buffer. */
static int whole(struct fl_op *op, const char *name,
		 int (*call)(struct fl_op *op, struct fl_txn *txn, uint32_t sb))
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct sb_set *set = cmd->arg;
	int err = set_find(cmd, set);

	if (!err && !call)
		err = -EOPNOTSUPP;
	return err ? err : fl_border_step(cmd->dl, name, call(op, cmd->txn, set->sb.index));
}

static int snapshot_work(struct fl_op *op)
{
	return whole(op, "sb.occ_snapshot", sb_ops(fl_cmd_op(op))->occ_snapshot);
}

static int max_clear_work(struct fl_op *op)
{
	return whole(op, "sb.occ_max_clear", sb_ops(fl_cmd_op(op))->occ_max_clear);
}

#define SB_OP(kind, step) { FL_CMD_OP(kind, 0), .work = step, .over = set_over }
static const struct fl_cmd_op_type pool_set_type = SB_OP("sb-pool-set", pool_set_work);
static const struct fl_cmd_op_type port_pool_set_type =
	SB_OP("sb-port-pool-set", port_pool_set_work);
static const struct fl_cmd_op_type tc_bind_set_type =
	SB_OP("sb-tc-pool-bind-set", tc_bind_set_work);
static const struct fl_cmd_op_type snapshot_type = SB_OP("sb-occ-snapshot", snapshot_work);
static const struct fl_cmd_op_type max_clear_type = SB_OP("sb-occ-max-clear", max_clear_work);
#undef SB_OP

/* An instance without buffers has no lane for them. */
static int set_post(struct fl_req *req, const struct fl_cmd_op_type *type, struct fl_devlink *dl,
		    uint32_t port)
{
	struct fl_lane *lane = fl_rcu_deref(dl->sublane[FL_SUBLANE_SB]);
	struct sb_set *set = calloc(1, sizeof(*set));
	int err;

	if (!set) {
		fl_devlink_put(dl);
		return -ENOMEM;
	}
	if (lane) {
		err = fl_cmd_op_post(req, type, dl, lane, port, set);
	} else {
		fl_devlink_put(dl);
		err = req->tb[DEVLINK_ATTR_SB_INDEX] ? -ENODEV : -EINVAL;
	}
	if (err < 0)
		free(set);
	return err;
}

static int set_doit(struct fl_req *req, const struct fl_cmd_op_type *type)
{
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink_get(req, &dl);
	return err ? err : set_post(req, type, dl, 0);
}

static int port_set_doit(struct fl_req *req, const struct fl_cmd_op_type *type)
{
	struct fl_devlink *dl;
	uint32_t port;
	int err;

	err = fl_req_port_get(req, &dl, &port, NULL);
	return err ? err : set_post(req, type, dl, port);
}

int fl_sb_pool_set_doit(struct fl_req *req)
{
	return set_doit(req, &pool_set_type);
}

int fl_sb_port_pool_set_doit(struct fl_req *req)
{
	return port_set_doit(req, &port_pool_set_type);
}

int fl_sb_tc_pool_bind_set_doit(struct fl_req *req)
{
	return port_set_doit(req, &tc_bind_set_type);
}

int fl_sb_occ_snapshot_doit(struct fl_req *req)
{
	return set_doit(req, &snapshot_type);
}

int fl_sb_occ_max_clear_doit(struct fl_req *req)
{
	return set_doit(req, &max_clear_type);
}
