/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * selftest.c - tests that a device runs on itself: SELFTESTS_GET, SELFTESTS_RUN.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "nl/ctrl.h"

/* Which tests there are does not change, so that nothing of it is in a version. */
static void selftests_put(struct fl_msg *msg, const struct fl_req *req, const struct fl_devlink *dl,
			  uint16_t flags)
{
	size_t nest;

	fl_msg_begin(msg, req->nlh->nlmsg_type, flags, req->nlh->nlmsg_seq, req->portid,
		     DEVLINK_CMD_SELFTESTS_GET, 1);
	fl_devlink_put_handle(msg, dl);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_SELFTESTS, true);
	for (int test = 1; test <= DEVLINK_ATTR_SELFTEST_ID_MAX; test++) {
		if (dl->ops->selftest->tests & 1u << test)
			fl_msg_put_flag(msg, test);
	}
	fl_msg_nest_end(msg, nest);
	fl_msg_end(msg);
}

int fl_selftests_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err && !dl->ops->selftest)
		err = -EOPNOTSUPP;
	if (!err)
		selftests_put(&req->reply, req, dl, 0);
	fl_rcu_read_unlock();
	return err;
}

static int dump_instance(struct fl_req *req, struct fl_dump *dump, struct fl_devlink *dl,
			 const struct fl_version *version, const void *arg)
{
	if (!dl->ops->selftest)
		return 0;
	selftests_put(dump->msg, req, dl, fl_dump_flags(req));
	if (!dump->msg->err)
		return 0;
	fl_msg_cancel(dump->msg);
	dump->full = true;
	return 1;
}

int fl_selftests_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_instances(req, dump, dump_instance, NULL);
}

/* ---- SELFTESTS_RUN ---------------------------------------------------------------- */

struct selftests {
	int test; /* that runs, or ran last */
	const struct nlattr *tb[DEVLINK_ATTR_SELFTEST_ID_MAX + 1];
	enum devlink_selftest_status status[DEVLINK_ATTR_SELFTEST_ID_MAX + 1];
};

static int run_next(struct fl_cmd_op *cmd);

static int run_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct selftests *tests = cmd->arg;
	enum devlink_selftest_status *status = &tests->status[tests->test];

	if (fl_op_result(op))
		return fl_op_result(op);
	if (*status > DEVLINK_SELFTEST_STATUS_FAIL) {
		fl_border_tell(cmd->dl, "selftest.run", "told status %d", *status);
		*status = DEVLINK_SELFTEST_STATUS_FAIL;
	}
	return run_next(cmd);
}

/* Those that the device does not have are skipped, as the status says from the start. */
static int run_next(struct fl_cmd_op *cmd)
{
	struct selftests *tests = cmd->arg;
	const struct fl_selftest_ops *ops = cmd->dl->ops->selftest;

	while (++tests->test <= DEVLINK_ATTR_SELFTEST_ID_MAX) {
		if (!tests->tb[tests->test] || !(ops->tests & 1u << tests->test))
			continue;
		fl_op_then(&cmd->op, run_done);
		return fl_border_step(
			cmd->dl, "selftest.run",
			ops->run(&cmd->op, cmd->txn, tests->test, &tests->status[tests->test]));
	}
	return 0;
}

static int run_work(struct fl_op *op)
{
	return run_next(fl_cmd_op(op));
}

static void result_put(struct fl_msg *msg, uint32_t test, uint8_t status)
{
	size_t nest = fl_msg_nest(msg, DEVLINK_ATTR_SELFTEST_RESULT, true);

	fl_msg_put_u32(msg, DEVLINK_ATTR_SELFTEST_RESULT_ID, test);
	fl_msg_put_u8(msg, DEVLINK_ATTR_SELFTEST_RESULT_STATUS, status);
	fl_msg_nest_end(msg, nest);
}

static void run_reply(struct fl_cmd_op *cmd)
{
	const struct selftests *tests = cmd->arg;
	struct fl_msg *msg = &cmd->req->reply;
	size_t nest;

	fl_req_begin(cmd->req, DEVLINK_CMD_SELFTESTS_RUN);
	fl_devlink_put_handle(msg, cmd->dl);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_SELFTESTS, true);
	for (int test = 1; test <= DEVLINK_ATTR_SELFTEST_ID_MAX; test++) {
		if (tests->tb[test])
			result_put(msg, test, tests->status[test]);
	}
	fl_msg_nest_end(msg, nest);
	fl_msg_end(msg);
}

static void run_over(struct fl_cmd_op *cmd, int err)
{
	free(cmd->arg);
}

static const struct fl_cmd_op_type run_type = {
	FL_CMD_OP("selftests-run", 0),
	.work = run_work,
	.reply = run_reply,
	.over = run_over,
};

static int run_parse(struct fl_req *req, struct selftests *tests)
{
	if (!req->tb[DEVLINK_ATTR_SELFTESTS]) {
		fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_SELFTESTS);
		return -EINVAL;
	}
	return fl_nl_parse_nested(req->tb[DEVLINK_ATTR_SELFTESTS], fl_devlink_selftest_id_policy,
				  fl_devlink_selftest_id_max, true, tests->tb, &req->extack);
}

int fl_selftests_run_doit(struct fl_req *req)
{
	struct selftests *tests;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	tests = calloc(1, sizeof(*tests));
	if (!tests)
		err = -ENOMEM;
	else if (!dl->ops->selftest)
		err = -EOPNOTSUPP;
	else
		err = run_parse(req, tests);
	if (err < 0)
		fl_devlink_put(dl);
	else
		err = fl_cmd_op_post(req, &run_type, dl, dl->sublane[FL_SUBLANE_SELFTESTS], 0,
				     tests);
	if (err < 0)
		free(tests);
	return err;
}
