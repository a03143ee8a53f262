/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * health-cmd.c - what clients ask of health reporters: HEALTH_REPORTER_GET, SET, RECOVER,
 * DIAGNOSE, DUMP_GET, DUMP_CLEAR, TEST.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/health.h"
#include "core/port.h"
#include "nl/ctrl.h"

/* The reporter that the request names. A port that is not there means the instance's.
 * Context: RCU read section. */
static int req_reporter(const struct fl_req *req, struct fl_devlink **ret_dl,
			const struct fl_reporter_obj **ret_obj)
{
	const struct nlattr *name = req->tb[DEVLINK_ATTR_HEALTH_REPORTER_NAME];
	const struct nlattr *port = req->tb[DEVLINK_ATTR_PORT_INDEX];
	const struct fl_reporter_obj *obj = NULL;
	const struct fl_version *version;
	int err;

	err = fl_req_devlink(req, ret_dl, &version);
	if (err)
		return err;
	if (name && port && fl_port_find(version, fl_attr_u32(port)))
		obj = fl_port_reporter_find(version, fl_attr_u32(port), fl_attr_str(name));
	else if (name)
		obj = fl_reporter_find(version, fl_attr_str(name));
	*ret_obj = obj;
	return obj ? 0 : -EINVAL;
}

/* ---- HEALTH_REPORTER_GET ---------------------------------------------------------- */

int fl_health_get_doit(struct fl_req *req)
{
	const struct fl_reporter_obj *obj;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = req_reporter(req, &dl, &obj);
	if (!err)
		err = fl_obj_put(&req->reply, &obj->obj, DEVLINK_CMD_HEALTH_REPORTER_GET, 0,
				 req->nlh->nlmsg_seq, req->portid, req->ns);
	fl_rcu_read_unlock();
	return err;
}

int fl_health_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_port_objs(req, dump, FL_OBJ_REPORTER, FL_OBJ_PORT_REPORTER,
				 DEVLINK_CMD_HEALTH_REPORTER_GET);
}

/* ---- operations on a reporter ----------------------------------------------------- */

struct reporter_cmd {
	struct fl_reporter *reporter; /* referenced */
	struct fl_fmsg *fmsg;         /* referenced, or NULL */
};

static struct fl_reporter *cmd_reporter(const struct fl_cmd_op *cmd)
{
	return ((struct reporter_cmd *)cmd->arg)->reporter;
}

static void reporter_cmd_free(struct reporter_cmd *arg)
{
	if (!arg)
		return;
	fl_reporter_put(arg->reporter);
	fl_fmsg_put_ref(arg->fmsg);
	free(arg);
}

static void reporter_over(struct fl_cmd_op *cmd, int err)
{
	reporter_cmd_free(cmd->arg);
}

/* Queues a command at the reporter's lane, or at its instance's. */
static int reporter_post(struct fl_req *req, const struct fl_cmd_op_type *type,
			 struct fl_devlink *dl, struct fl_reporter *reporter, bool on_device)
{
	struct reporter_cmd *arg = calloc(1, sizeof(*arg));
	struct fl_lane *lane = dl->lane;
	int err = arg ? 0 : -ENOMEM;

	if (!err && !on_device)
		err = fl_reporter_lane_need(reporter, &lane);
	if (err) {
		free(arg);
		fl_devlink_put(dl);
		fl_reporter_put(reporter);
		return err;
	}
	arg->reporter = reporter;
	err = fl_cmd_op_post(req, type, dl, lane, reporter->port, arg);
	if (err < 0)
		reporter_cmd_free(arg);
	return err;
}

/* Both referenced. */
static int req_reporter_get(const struct fl_req *req, struct fl_devlink **ret_dl,
			    struct fl_reporter **ret_reporter)
{
	const struct fl_reporter_obj *obj;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = req_reporter(req, &dl, &obj);
	if (!err && !fl_devlink_try_get(dl))
		err = -ENODEV;
	if (!err) {
		*ret_dl = dl;
		*ret_reporter = fl_reporter_get(obj->reporter);
	}
	fl_rcu_read_unlock();
	return err;
}

static int reporter_ask(struct fl_req *req, const struct fl_cmd_op_type *type)
{
	struct fl_reporter *reporter;
	struct fl_devlink *dl;
	int err;

	err = req_reporter_get(req, &dl, &reporter);
	return err ? err : reporter_post(req, type, dl, reporter, false);
}

/* ---- HEALTH_REPORTER_SET ---------------------------------------------------------- */

static bool set_supported(const struct fl_req *req, const struct fl_reporter_ops *ops)
{
	if (!ops->recover && (req->tb[DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD] ||
			      req->tb[DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER] ||
			      req->tb[DEVLINK_ATTR_HEALTH_REPORTER_BURST_PERIOD]))
		return false;
	return ops->dump || !req->tb[DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP];
}

static int set_periods(struct fl_req *req, struct fl_reporter_obj *obj)
{
	const struct nlattr *grace = req->tb[DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD];
	const struct nlattr *burst = req->tb[DEVLINK_ATTR_HEALTH_REPORTER_BURST_PERIOD];

	if (grace) {
		obj->grace_ms = fl_attr_u64(grace);
		if (!obj->grace_ms)
			obj->burst_ms = 0;
	}
	if (!burst)
		return 0;
	if (!obj->grace_ms && fl_attr_u64(burst)) {
		fl_extack_set(&req->extack,
			      "health: Cannot set burst period without a grace period.");
		return -EINVAL;
	}
	obj->burst_ms = fl_attr_u64(burst);
	return 0;
}

static int set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr **tb = cmd->req->tb;
	struct fl_reporter_obj *obj;
	int err;

	if (!set_supported(cmd->req, cmd_reporter(cmd)->ops))
		return -EOPNOTSUPP;
	obj = fl_reporter_write(cmd->txn, cmd_reporter(cmd));
	if (!obj)
		return cmd->txn->err;
	err = set_periods(cmd->req, obj);
	if (err)
		return err;
	if (tb[DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER])
		obj->auto_recover = fl_attr_u8(tb[DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER]);
	if (tb[DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP])
		obj->auto_dump = fl_attr_u8(tb[DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP]);
	return 0;
}

static const struct fl_cmd_op_type set_type = {
	FL_CMD_OP("health-set", 0),
	.work = set_work,
	.over = reporter_over,
};

int fl_health_set_doit(struct fl_req *req)
{
	return reporter_ask(req, &set_type);
}

/* ---- HEALTH_REPORTER_RECOVER ------------------------------------------------------ */

static int recover_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	int err = fl_border_result(cmd->dl, "recover", fl_op_result(op));

	if (!err)
		fl_reporter_recovery_end(cmd->txn, cmd_reporter(cmd));
	return err;
}

static int recover_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reporter *reporter = cmd_reporter(cmd);
	const struct fl_reporter_obj *obj;
	bool healthy = false;

	fl_rcu_read_lock();
	obj = fl_reporter_obj(cmd->txn, reporter);
	if (obj)
		healthy = obj->state == DEVLINK_HEALTH_REPORTER_STATE_HEALTHY;
	fl_rcu_read_unlock();
	if (!obj)
		return -EINVAL;
	if (healthy)
		return 0;
	if (!reporter->ops->recover)
		return -EOPNOTSUPP;
	fl_op_then(op, recover_done);
	return fl_border_step(cmd->dl, "recover",
			      reporter->ops->recover(op, cmd->txn, reporter, NULL));
}

static const struct fl_cmd_op_type recover_type = {
	FL_CMD_OP("health-recover", 0),
	.work = recover_work,
	.over = reporter_over,
};

int fl_health_recover_doit(struct fl_req *req)
{
	struct fl_reporter *reporter;
	struct fl_devlink *dl;
	int err;

	err = req_reporter_get(req, &dl, &reporter);
	return err ? err
		   : reporter_post(req, &recover_type, dl, reporter, reporter->recovers_device);
}

/* ---- HEALTH_REPORTER_DIAGNOSE, TEST ----------------------------------------------- */

static int diagnose_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct reporter_cmd *arg = cmd->arg;

	return fl_reporter_fmsg_end(arg->reporter, cmd->dl, arg->fmsg, "diagnose",
				    fl_op_result(op));
}

static int diagnose_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct reporter_cmd *arg = cmd->arg;

	if (!arg->reporter->ops->diagnose)
		return -EOPNOTSUPP;
	arg->fmsg = fl_reporter_fmsg_new();
	if (!arg->fmsg)
		return -ENOMEM;
	fl_op_then(op, diagnose_done);
	return fl_border_step(cmd->dl, "diagnose",
			      arg->reporter->ops->diagnose(op, cmd->txn, arg->reporter, arg->fmsg));
}

static void diagnose_reply(struct fl_cmd_op *cmd)
{
	struct reporter_cmd *arg = cmd->arg;
	struct fl_req *req = cmd->req;

	fl_fmsg_reply(&req->reply, arg->fmsg, req->nlh->nlmsg_seq, req->portid,
		      DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE);
}

static const struct fl_cmd_op_type diagnose_type = {
	FL_CMD_OP("health-diagnose", 0),
	.work = diagnose_work,
	.reply = diagnose_reply,
	.over = reporter_over,
};

int fl_health_diagnose_doit(struct fl_req *req)
{
	return reporter_ask(req, &diagnose_type);
}

static int test_done(struct fl_op *op)
{
	return fl_border_result(fl_cmd_op(op)->dl, "test", fl_op_result(op));
}

static int test_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reporter *reporter = cmd_reporter(cmd);

	if (!reporter->ops->test)
		return -EOPNOTSUPP;
	fl_op_then(op, test_done);
	return fl_border_step(cmd->dl, "test", reporter->ops->test(op, cmd->txn, reporter));
}

static const struct fl_cmd_op_type test_type = {
	FL_CMD_OP("health-test", 0),
	.work = test_work,
	.over = reporter_over,
};

int fl_health_test_doit(struct fl_req *req)
{
	return reporter_ask(req, &test_type);
}

/* ---- HEALTH_REPORTER_DUMP_GET ----------------------------------------------------- */

static int dump_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct reporter_cmd *arg = cmd->arg;
	int err;

	err = fl_reporter_fmsg_end(arg->reporter, cmd->dl, arg->fmsg, "dump", fl_op_result(op));
	if (!err)
		fl_reporter_dump_keep(cmd->txn, arg->reporter, arg->fmsg);
	return err;
}

/* Somebody else may have made one while this queued. */
static int dump_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct reporter_cmd *arg = cmd->arg;
	const struct fl_reporter_obj *obj;
	bool there;
	int err;

	fl_rcu_read_lock();
	obj = fl_reporter_obj(cmd->txn, arg->reporter);
	there = obj && obj->dump;
	fl_rcu_read_unlock();
	if (!obj)
		return -EINVAL;
	if (there)
		return 0;
	arg->fmsg = fl_reporter_fmsg_new();
	if (!arg->fmsg)
		return -ENOMEM;
	fl_op_then(op, dump_done);
	err = arg->reporter->ops->dump(op, cmd->txn, arg->reporter, arg->fmsg, NULL);
	return fl_border_step(cmd->dl, "dump", err);
}

static const struct fl_cmd_op_type dump_type = {
	FL_CMD_OP("health-dump", 0),
	.work = dump_work,
	.over = reporter_over,
};

/* What is kept is shown; what is not there yet is made by the device. */
int fl_health_dump_get_prepare(struct fl_req *req, struct fl_dump *dump)
{
	const struct fl_reporter_obj *obj;
	struct fl_reporter *reporter;
	struct fl_devlink *dl;
	bool there = false;
	int err;

	fl_rcu_read_lock();
	err = req_reporter(req, &dl, &obj);
	if (err)
		err = -EINVAL;
	else if (!obj->reporter->ops->dump)
		err = -EOPNOTSUPP;
	else
		there = obj->dump;
	fl_rcu_read_unlock();
	if (err || there)
		return err;
	err = req_reporter_get(req, &dl, &reporter);
	return err ? -EINVAL : reporter_post(req, &dump_type, dl, reporter, false);
}

/* position[0] is where in the dump, position[1] which dump. */
static int dump_put(struct fl_req *req, struct fl_dump *dump, const struct fl_fmsg *fmsg)
{
	uint32_t at = dump->position[0];
	int err;

	if (at == fmsg->len)
		return 0;
	fl_msg_begin(dump->msg, FL_FAMILY_DEVLINK, NLM_F_ACK | NLM_F_MULTI, req->nlh->nlmsg_seq,
		     req->portid, DEVLINK_CMD_HEALTH_REPORTER_DUMP_GET, 1);
	err = fl_fmsg_encode(dump->msg, fmsg, &at);
	if (at == dump->position[0]) {
		fl_msg_cancel(dump->msg);
		return err;
	}
	fl_msg_end(dump->msg);
	dump->position[0] = at;
	return 1;
}

int fl_health_dump_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	const struct fl_reporter_obj *obj;
	struct fl_devlink *dl;
	int more = -EINVAL;

	fl_rcu_read_lock();
	if (!req_reporter(req, &dl, &obj)) {
		if (!dump->position[1] && obj->dump)
			dump->position[1] = obj->dump->serial;
		if (obj->dump && obj->dump->serial == dump->position[1]) {
			more = dump_put(req, dump, obj->dump);
		} else {
			fl_extack_set(&req->extack, "Dump trampled, please retry");
			more = -EAGAIN;
		}
	}
	fl_rcu_read_unlock();
	return more;
}

/* ---- HEALTH_REPORTER_DUMP_CLEAR --------------------------------------------------- */

static int clear_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct fl_reporter_obj *obj;

	if (!cmd_reporter(cmd)->ops->dump)
		return -EOPNOTSUPP;
	obj = fl_reporter_write(cmd->txn, cmd_reporter(cmd));
	if (!obj)
		return cmd->txn->err;
	fl_fmsg_put_ref(obj->dump);
	obj->dump = NULL;
	return 0;
}

static const struct fl_cmd_op_type clear_type = {
	FL_CMD_OP("health-dump-clear", 0),
	.work = clear_work,
	.over = reporter_over,
};

int fl_health_dump_clear_doit(struct fl_req *req)
{
	return reporter_ask(req, &clear_type);
}
