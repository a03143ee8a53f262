/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "nl/ctrl.h"
#include "nl/policy.h"
#include "tests/core/fixture.h"

/* ---- the driver ------------------------------------------------------------------- */

struct platform {
	struct fixture *fixture;
	struct fl_devlink *dl;
};

static struct fixture *fixture_of(struct fl_txn *txn)
{
	return fl_devlink_priv(fl_txn_devlink(txn));
}

static int end(struct fl_op *op)
{
	return fl_op_result(op);
}

static int finish(struct fl_op *op, struct fixture *fixture, int err)
{
	if (err || !fixture->knobs.delay_ns)
		return err;
	return fl_op_sleep(op, fixture->knobs.delay_ns, end);
}

static int test_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
			    enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	struct fixture *fixture = fixture_of(txn);

	__atomic_add_fetch(&fixture->knobs.downs, 1, __ATOMIC_RELAXED);
	return finish(op, fixture, fixture->knobs.fail_down);
}

static int test_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
			  enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	struct fixture *fixture = fixture_of(txn);

	__atomic_add_fetch(&fixture->knobs.ups, 1, __ATOMIC_RELAXED);
	*ret_performed = 1u << action;
	return finish(op, fixture, fixture->knobs.fail_up);
}

static int test_fn_set(struct fl_op *op, struct fl_txn *txn, uint32_t index,
		       const struct fl_port_fn_change *change)
{
	struct fixture *fixture = fixture_of(txn);

	if (change->set & FL_PORT_FN_HW_ADDR)
		fl_port_fn_hw_addr_set(txn, index, change->hw_addr, change->hw_addr_len);
	if (change->set & FL_PORT_FN_MAX_IO_EQS)
		fl_port_fn_max_io_eqs_set(txn, index, change->max_io_eqs);
	return finish(op, fixture, fixture->knobs.fail_fn_set);
}

static int test_eswitch_mode_set(struct fl_op *op, struct fl_txn *txn,
				 enum devlink_eswitch_mode mode)
{
	fl_eswitch_set(txn, mode, -1, -1);
	return 0;
}

static const struct fl_devlink_ops test_ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = test_reload_down,
	.reload_up = test_reload_up,
	.port_fn_set = test_fn_set,
	.eswitch_mode_set = test_eswitch_mode_set,
};

static const struct fl_param test_params[] = {
	{ .name = "max_macs", .generic = true, .type = FL_PARAM_U32, .has_default = true,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT, .def.vu32 = 32, .value.vu32 = 32 },
	{ .name = "test1", .type = FL_PARAM_BOOL, .has_default = true,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT, .def.vbool = true, .value.vbool = true },
	{ .name = "test2", .type = FL_PARAM_U32, .has_default = true, .max = 4096,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_RUNTIME, .def.vu32 = 1234, .value.vu32 = 1234 },
	{ .name = "unset", .type = FL_PARAM_U32, .unset = true,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT },
};

static int test_probe(struct fl_op *op, struct fl_device *dev)
{
	struct platform *platform = fl_device_platform(dev);
	struct fixture *fixture = platform->fixture;
	struct fl_port_attrs attrs = {
		.flavour = DEVLINK_PORT_FLAVOUR_PCI_VF,
		.fn = FL_PORT_FN_HW_ADDR | FL_PORT_FN_MAX_IO_EQS,
		.has_lane = true,
	};
	struct fl_devlink *dl;
	struct fl_txn *txn;
	int err;

	err = fl_devlink_alloc(fixture->plane, dev,
			       fixture->knobs.ops ? fixture->knobs.ops : &test_ops, fixture, &dl);
	fl_assert(!err);
	err = fl_txn_begin(op, dl, &txn);
	fl_assert(!err);
	fl_txn_register(txn);
	for (attrs.index = 0; attrs.index < fixture->knobs.ports; attrs.index++) {
		attrs.vf = attrs.index;
		fl_port_add(txn, &attrs);
	}
	fl_params_register(txn, test_params, FL_ARRAY_SIZE(test_params));
	err = fl_txn_commit(txn);
	fl_assert(!err);
	fl_device_set_data(dev, dl);
	__atomic_store_n(&platform->dl, fl_devlink_get(dl), __ATOMIC_RELEASE);
	return 0;
}

static int test_remove(struct fl_op *op, struct fl_device *dev)
{
	struct fl_devlink *dl = fl_device_data(dev);

	if (fl_devlink_version(dl)->registered)
		return fl_devlink_remove(op, dl);
	fl_devlink_free(dl); /* a test has done the rest */
	return 0;
}

static const struct fl_driver test_driver = {
	.name = "test", .bus = FIXTURE_BUS, .match = "test",
	.probe = test_probe, .remove = test_remove,
};

/* ---- the plane -------------------------------------------------------------------- */

struct fixture *fixture_new(const struct fl_sched_config *sched)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct fl_plane_config config = { 0 };
	int err;

	if (sched)
		config.sched = *sched;
	config.sched.workers = 3;
	fl_assert(fixture);
	fixture->knobs.ports = 4;
	err = fl_plane_new(&config, &fixture->plane);
	if (err)
		fl_breach("test", "no plane: %s", strerror(-err));
	fl_assert(!fl_driver_register(fl_plane_bus(fixture->plane), &test_driver));
	return fixture;
}

void fixture_free(struct fixture *fixture)
{
	fl_plane_free(fixture->plane);
	free(fixture);
}

static void platform_free(void *arg)
{
	struct platform *platform = arg;

	free(platform);
}

struct fl_devlink *fixture_add(struct fixture *fixture, const char *name)
{
	struct platform *platform = calloc(1, sizeof(*platform));
	struct fl_device_desc desc = {
		.bus = FIXTURE_BUS, .name = name, .match = "test",
		.platform = platform, .platform_free = platform_free,
	};
	struct fl_devlink *dl = NULL;
	struct fl_device *dev;

	fl_assert(platform);
	platform->fixture = fixture;
	fl_assert(!fl_device_add(fl_plane_bus(fixture->plane), &desc, &dev));
	fl_assert(!fl_device_probe_post(dev, NULL));
	fl_device_put(dev);
	for (int i = 0; !dl && i < 10000; i++) {
		dl = __atomic_load_n(&platform->dl, __ATOMIC_ACQUIRE);
		if (!dl)
			usleep(500);
	}
	fl_assert(dl);
	return dl;
}

/* ---- requests --------------------------------------------------------------------- */

static void request_complete(struct fl_req *req, int err)
{
	struct request *request = FL_CONTAINER_OF(req, struct request, req);

	request->err = err;
	__atomic_store_n(&request->done, 1, __ATOMIC_RELEASE);
}

void request_init(struct request *request, struct fixture *fixture, struct fl_netns *ns,
		  uint8_t cmd, const struct fl_devlink *dl)
{
	memset(request, 0, sizeof(*request));
	request->req.plane = fixture->plane;
	request->req.ns = ns ? ns : fl_netns_initial(fl_plane_netns(fixture->plane));
	request->req.cmd = &fl_devlink_cmds[cmd];
	request->req.portid = 4711;
	request->req.complete = request_complete;
	fl_msg_init(&request->req.reply);
	fl_msg_init_fixed(&request->msg, request->buf, sizeof(request->buf));
	fl_msg_begin(&request->msg, FL_FAMILY_DEVLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0, cmd, 1);
	if (!dl)
		return;
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_BUS_NAME, fl_devlink_bus_name(dl));
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_DEV_NAME, fl_devlink_dev_name(dl));
}

/* What a handler that returned FL_LATER gives in the end. */
static int request_wait(struct request *request)
{
	for (int i = 0; !__atomic_load_n(&request->done, __ATOMIC_ACQUIRE); i++) {
		fl_assert(i < 600000);
		if (i < 200)
			sched_yield();
		else
			usleep(100);
	}
	return request->err;
}

int request_run(struct request *request)
{
	struct fl_req *req = &request->req;
	const struct fl_command *command = &fl_commands[req->cmd->cmd];
	int err;

	fl_msg_end(&request->msg);
	fl_assert(!request->msg.err);
	req->nlh = (struct nlmsghdr *)request->buf;
	err = fl_nl_parse(req->nlh, GENL_HDRLEN, req->cmd->do_policy, req->cmd->do_max,
			  !(req->cmd->flags & FL_CMD_DO_LOOSE), req->tb, &req->extack);
	if (err < 0)
		return err;
	err = command->doit(req);
	return err == FL_LATER ? request_wait(request) : err;
}

/* What a device has to answer, before the datagram that shows it. */
static int request_prepare(struct request *request, struct fl_dump *dump)
{
	const struct fl_command *command = &fl_commands[request->req.cmd->cmd];
	int err;

	if (!dump->wants)
		return 0;
	dump->wants = false;
	request->done = 0;
	err = command->prepare(&request->req, dump);
	return err == FL_LATER ? request_wait(request) : err;
}

int request_dump(struct request *request, size_t bound, unsigned int *ret_datagrams)
{
	struct fl_req *req = &request->req;
	const struct fl_command *command = &fl_commands[req->cmd->cmd];
	static uint32_t buf[16384];
	struct fl_dump dump = { .wants = command->prepare != NULL };
	unsigned int datagrams = 0;
	struct fl_msg msg;
	int more;

	fl_assert(bound <= sizeof(buf) && command->dumpit);
	fl_msg_end(&request->msg);
	fl_assert(!request->msg.err);
	req->nlh = (struct nlmsghdr *)request->buf;
	more = fl_nl_parse(req->nlh, GENL_HDRLEN, req->cmd->dump_policy, req->cmd->dump_max,
			   !(req->cmd->flags & FL_CMD_DUMP_LOOSE), req->tb, &req->extack);
	while (more >= 0) {
		more = request_prepare(request, &dump);
		if (more < 0)
			break;
		fl_msg_init_fixed(&msg, buf, bound);
		dump.msg = &msg;
		dump.full = false;
		more = command->dumpit(req, &dump);
		fl_msg_put_raw(&req->reply, msg.buf, msg.len);
		datagrams += msg.len > 0;
		if (more > 0 && !msg.len)
			more = -EMSGSIZE;
		if (!more)
			break;
	}
	if (dump.arg)
		command->dump_done(&dump);
	if (ret_datagrams)
		*ret_datagrams = datagrams;
	return more;
}

void request_done(struct request *request)
{
	fl_msg_done(&request->req.reply);
}

static const struct nlattr *find(const void *attrs, size_t len, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_payload(attrs, len) {
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

const struct nlattr *answer_attr(const void *message, const uint16_t *path)
{
	const struct nlmsghdr *nlh = message;
	const struct nlattr *attr;

	attr = find((const char *)message + NLMSG_HDRLEN + GENL_HDRLEN,
		    nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, *path++);
	while (attr && *path)
		attr = find(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), *path++);
	return attr;
}

static size_t shape(const void *attrs, size_t len, char *text, size_t cap)
{
	const struct nlattr *attr;
	size_t at = 0;
	uint16_t type;

	mnl_attr_for_each_payload(attrs, len) {
		bool marked = attr->nla_type & NLA_F_NESTED;

		type = mnl_attr_get_type(attr);
		fl_assert(at + 32 < cap);
		at += snprintf(text + at, cap - at, "%s%u%s", at ? " " : "", type,
			       marked ? "N" : "");
		if (!marked && type != DEVLINK_ATTR_RESOURCE && type != DEVLINK_ATTR_RESOURCE_LIST)
			continue;
		text[at++] = '(';
		at += shape(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), text + at,
			    cap - at - 2);
		text[at++] = ')';
		text[at] = '\0';
	}
	return at;
}

const char *answer_shape(const void *message, char *text, size_t cap)
{
	const struct nlmsghdr *nlh = message;
	const char *attrs = (const char *)message + NLMSG_HDRLEN + GENL_HDRLEN;
	const uint16_t handle[] = { DEVLINK_ATTR_BUS_NAME, DEVLINK_ATTR_DEV_NAME,
				    DEVLINK_ATTR_INDEX };

	for (size_t i = 0; i < FL_ARRAY_SIZE(handle); i++) {
		fl_assert(mnl_attr_get_type((const struct nlattr *)attrs) == handle[i]);
		attrs += NLA_ALIGN(((const struct nlattr *)attrs)->nla_len);
	}
	*text = '\0';
	shape(attrs, (const char *)message + nlh->nlmsg_len - attrs, text, cap);
	return text;
}

/* ---- operations ------------------------------------------------------------------- */

struct operation {
	struct fl_op op;
	int (*run)(struct fl_op *op, void *arg);
	void *arg;
	int err;
	int *done;
	int *ret_err;
};

static int operation_run(struct fl_op *op)
{
	struct operation *operation = FL_CONTAINER_OF(op, struct operation, op);

	return operation->run(op, operation->arg);
}

static void operation_ended(struct fl_op *op, int err)
{
	struct operation *operation = FL_CONTAINER_OF(op, struct operation, op);

	*operation->ret_err = err;
	__atomic_store_n(operation->done, 1, __ATOMIC_RELEASE);
}

static void operation_free(struct fl_op *op)
{
	free(FL_CONTAINER_OF(op, struct operation, op));
}

static const struct fl_op_type operation_type = {
	.kind = "test", .run = operation_run, .ended = operation_ended, .free = operation_free,
};

int fixture_operation(struct fixture *fixture, struct fl_lane *lane,
		      int (*run)(struct fl_op *op, void *arg), void *arg)
{
	struct operation *operation = calloc(1, sizeof(*operation));
	int done = 0, result = 0, err;

	if (!operation)
		return -ENOMEM;
	operation->run = run;
	operation->arg = arg;
	operation->done = &done;
	operation->ret_err = &result;
	fl_op_init(&operation->op, &operation_type, lane, NULL);
	err = fl_op_submit(&operation->op);
	if (err)
		return err;
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		usleep(50);
	return result;
}
