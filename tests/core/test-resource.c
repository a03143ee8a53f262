/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-resource.c - resources of a device and its ports: their trees, in one message and in
 * many, sizes and what a reload makes of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/resource.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

static struct fixture *fixture;
static struct fl_netns *home;
static struct fl_devlink *dl;
static struct fl_cell *occ;

/* ---- the driver: what netdevsim has ----------------------------------------------- */

enum { IPV4 = 1, IPV4_FIB, IPV4_RULES, IPV6, IPV6_FIB, IPV6_RULES, NEXTHOPS };

static uint64_t taken;

static int reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		       enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	return 0;
}

static int reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		     enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	*ret_performed = 1u << action;
	assert_int_equal(fl_resource_size_take(txn, 4711, &taken), -EINVAL);
	return fl_resource_size_take(txn, IPV4_FIB, &taken);
}

static const struct fl_devlink_ops ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = reload_down,
	.reload_up = reload_up,
};

static void add(struct fl_txn *txn, const char *name, uint64_t id, uint64_t parent, uint64_t size)
{
	const struct fl_resource resource = {
		.name = name, .id = id, .parent = parent, .size = size,
		.size_max = UINT64_MAX, .size_granularity = 1,
		.unit = DEVLINK_RESOURCE_UNIT_ENTRY,
	};

	fl_resource_register(txn, &resource);
}

static int make_all(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	add(txn, "IPv4", IPV4, FL_RESOURCE_TOP, UINT64_MAX);
	add(txn, "fib", IPV4_FIB, IPV4, UINT64_MAX);
	add(txn, "fib-rules", IPV4_RULES, IPV4, UINT64_MAX);
	add(txn, "IPv6", IPV6, FL_RESOURCE_TOP, UINT64_MAX);
	add(txn, "fib", IPV6_FIB, IPV6, UINT64_MAX);
	add(txn, "fib-rules", IPV6_RULES, IPV6, UINT64_MAX);
	add(txn, "nexthops", NEXTHOPS, FL_RESOURCE_TOP, UINT64_MAX);
	fl_resource_occ_set(txn, IPV4_FIB, occ);
	return fl_txn_commit(txn);
}

static int setup(void **state)
{
	static char name[16];
	static int count;

	snprintf(name, sizeof(name), "res%d", count++);
	taken = 0;
	occ = fl_cell_new();
	fixture->knobs.ops = &ops;
	dl = fixture_add(fixture, name);
	return 0;
}

static int setup_all(void **state)
{
	setup(state);
	return fixture_operation(fixture, dl->lane, make_all, dl);
}

static int teardown(void **state)
{
	fl_devlink_put(dl);
	fl_cell_put(occ);
	return 0;
}

/* ---- asking ----------------------------------------------------------------------- */

static char text[160];
static struct request request;

static int dump_do(int64_t port)
{
	request_done(&request);
	request_init(&request, fixture, home, DEVLINK_CMD_RESOURCE_DUMP, dl);
	if (port >= 0)
		fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
	return request_run(&request);
}

static int set_size(uint64_t id, uint64_t size)
{
	struct request set;
	int err;

	request_init(&set, fixture, home, DEVLINK_CMD_RESOURCE_SET, dl);
	fl_msg_put_u64(&set.msg, DEVLINK_ATTR_RESOURCE_ID, id);
	fl_msg_put_u64(&set.msg, DEVLINK_ATTR_RESOURCE_SIZE, size);
	err = request_run(&set);
	snprintf(text, sizeof(text), "%s", set.req.extack.msg);
	request_done(&set);
	return err;
}

static int reload(void)
{
	struct request set;
	int err;

	request_init(&set, fixture, home, DEVLINK_CMD_RELOAD, dl);
	err = request_run(&set);
	snprintf(text, sizeof(text), "%s", set.req.extack.msg);
	request_done(&set);
	return err;
}

/* The first attribute of a type behind `from`, at any depth of the last answer, and within the
 * resource `name` (its children behind it). */
static const struct nlattr *value(const char *parent, const char *name, uint16_t type)
{
	const unsigned char *buf = request.req.reply.buf;
	const struct nlattr *attr;
	const char *above = "";
	bool inside = false;

	for (size_t at = NLMSG_HDRLEN + GENL_HDRLEN; at < ((struct nlmsghdr *)buf)->nlmsg_len;) {
		attr = (const struct nlattr *)(buf + at);
		if (fl_attr_type(attr) == DEVLINK_ATTR_RESOURCE ||
		    fl_attr_type(attr) == DEVLINK_ATTR_RESOURCE_LIST) {
			inside = false;
			at += NLA_HDRLEN;
			continue;
		}
		if (fl_attr_type(attr) == DEVLINK_ATTR_RESOURCE_NAME) {
			if (!strncmp(fl_attr_str(attr), "IP", 2) || !parent)
				above = fl_attr_str(attr);
			inside = !strcmp(fl_attr_str(attr), name) &&
				 !strcmp(above, parent ? parent : name);
		}
		if (inside && fl_attr_type(attr) == type)
			return attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static uint64_t number(const char *parent, const char *name, uint16_t type)
{
	const struct nlattr *attr = value(parent, name, type);

	assert_non_null(attr);
	return fl_attr_len(attr) == 1 ? fl_attr_u8(attr) : fl_attr_u64(attr);
}

/* ---- tests ------------------------------------------------------------------------ */

static void the_tree_is_the_kernels(void **state)
{
	static const char leaf[] = "64(65 67 66 72 71 70 73)";
	char shape[512], want[512];
	const struct nlmsghdr *nlh, *done;

	fl_cell_set(occ, 3);
	assert_int_equal(dump_do(-1), 0);
	nlh = (void *)request.req.reply.buf;
	snprintf(want, sizeof(want),
		 "63(64(65 67 66 72 71 70 73 69 63(64(65 67 66 74 72 71 70 73) %s)) "
		 "64(65 67 66 72 71 70 73 69 63(%s %s)) %s)", leaf, leaf, leaf, leaf);
	assert_string_equal(answer_shape(nlh, shape, sizeof(shape)), want);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_MULTI);
	assert_int_equal(number("IPv4", "fib", DEVLINK_ATTR_RESOURCE_OCC), 3);
	assert_int_equal(number("IPv4", "fib", DEVLINK_ATTR_RESOURCE_ID), IPV4_FIB);
	assert_int_equal(number("IPv6", "fib", DEVLINK_ATTR_RESOURCE_ID), IPV6_FIB);
	assert_int_equal(number("IPv4", "IPv4", DEVLINK_ATTR_RESOURCE_SIZE_VALID), 1);
	/* The end of it is told in the answer itself, without an error number. */
	done = (const void *)((const char *)nlh + nlh->nlmsg_len);
	assert_int_equal(done->nlmsg_type, NLMSG_DONE);
	assert_int_equal(done->nlmsg_len, NLMSG_HDRLEN);
	assert_int_equal(done->nlmsg_flags, NLM_F_MULTI);
	assert_int_equal(nlh->nlmsg_len + done->nlmsg_len, request.req.reply.len);

	fl_cell_set(occ, 4);
	assert_int_equal(dump_do(-1), 0);
	assert_int_equal(number("IPv4", "fib", DEVLINK_ATTR_RESOURCE_OCC), 4);
}

static int make_bounded(struct fl_op *op, void *arg)
{
	const struct fl_resource resource = {
		.name = "bounded", .id = 1, .size = 64,
		.size_min = 16, .size_max = 1024, .size_granularity = 16,
	};
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_resource_register(txn, &resource);
	return fl_txn_commit(txn);
}

static void a_size_is_checked(void **state)
{
	struct request bare;

	request_init(&bare, fixture, home, DEVLINK_CMD_RESOURCE_SET, dl);
	assert_int_equal(request_run(&bare), -EINVAL);
	assert_int_equal(bare.req.extack.miss_type, DEVLINK_ATTR_RESOURCE_ID);
	request_done(&bare);
	assert_int_equal(set_size(1, 32), -EINVAL);
	assert_int_equal(dump_do(-1), -EOPNOTSUPP);

	assert_int_equal(fixture_operation(fixture, dl->lane, make_bounded, dl), 0);
	request_init(&bare, fixture, home, DEVLINK_CMD_RESOURCE_SET, dl);
	fl_msg_put_u64(&bare.msg, DEVLINK_ATTR_RESOURCE_ID, 1);
	assert_int_equal(request_run(&bare), -EINVAL);
	assert_int_equal(bare.req.extack.miss_type, DEVLINK_ATTR_RESOURCE_SIZE);
	request_done(&bare);
	assert_int_equal(set_size(2, 32), -EINVAL);
	assert_string_equal(text, "");
	assert_int_equal(set_size(1, 2048), -EINVAL);
	assert_string_equal(text, "Size larger than maximum");
	assert_int_equal(set_size(1, 0), -EINVAL);
	assert_string_equal(text, "Size smaller than minimum");
	assert_int_equal(set_size(1, 40), -EINVAL);
	assert_string_equal(text, "Wrong granularity");
	assert_int_equal(dump_do(-1), 0);
	assert_null(value(NULL, "bounded", DEVLINK_ATTR_RESOURCE_SIZE_NEW));
	assert_int_equal(set_size(1, 48), 0);
	assert_int_equal(dump_do(-1), 0);
	assert_int_equal(number(NULL, "bounded", DEVLINK_ATTR_RESOURCE_SIZE), 64);
	assert_int_equal(number(NULL, "bounded", DEVLINK_ATTR_RESOURCE_SIZE_NEW), 48);
}

static void a_reload_takes_the_size(void **state)
{
	uint64_t position = fl_evlog_end(home->log);
	struct fl_evrec *rec;

	assert_int_equal(set_size(IPV4_FIB, 96), 0);
	assert_int_equal(fl_evlog_read(home->log, &position, &rec), -EAGAIN);
	assert_int_equal(dump_do(-1), 0);
	assert_int_equal(number("IPv4", "fib", DEVLINK_ATTR_RESOURCE_SIZE_NEW), 96);
	assert_int_equal(reload(), 0);
	assert_int_equal(taken, 96);
	assert_int_equal(dump_do(-1), 0);
	assert_int_equal(number("IPv4", "fib", DEVLINK_ATTR_RESOURCE_SIZE), 96);
	assert_null(value("IPv4", "fib", DEVLINK_ATTR_RESOURCE_SIZE_NEW));
}

static void a_reload_is_refused_while_children_are_larger(void **state)
{
	assert_int_equal(set_size(IPV4_FIB, 96), 0);
	assert_int_equal(set_size(IPV4_RULES, 32), 0);
	assert_int_equal(set_size(IPV4, 127), 0);
	assert_int_equal(dump_do(-1), 0);
	assert_int_equal(number("IPv4", "IPv4", DEVLINK_ATTR_RESOURCE_SIZE_VALID), 0);
	assert_int_equal(reload(), -EINVAL);
	assert_string_equal(text, "resources size validation failed");
	assert_int_equal(taken, 0);
	assert_int_equal(set_size(IPV4_RULES, 31), 0);
	assert_int_equal(dump_do(-1), 0);
	assert_int_equal(number("IPv4", "IPv4", DEVLINK_ATTR_RESOURCE_SIZE_VALID), 1);
	assert_int_equal(reload(), 0);
}

/* ---- large trees, ports, dumps ---------------------------------------------------- */

#define MANY 100

static int make_many(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;
	char name[32];

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	for (int i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "resource-%d", i);
		add(txn, name, i, FL_RESOURCE_TOP, i);
		fl_resource_occ_set(txn, i, occ);
	}
	return fl_txn_commit(txn);
}

/* Goes through the lists of all messages in the answer; all resources are to be there, in
 * order, each with its occupancy. Returns how many messages. */
static unsigned int check_many(size_t limit, uint16_t flags)
{
	const unsigned char *buf = request.req.reply.buf;
	unsigned int messages = 0;
	uint64_t next = 1;

	for (size_t at = 0; at < request.req.reply.len;) {
		const struct nlmsghdr *nlh = (const void *)(buf + at);
		static const uint16_t list[] = { DEVLINK_ATTR_RESOURCE_LIST, 0 };
		const struct nlattr *attr;
		const char *in, *end;

		at += nlh->nlmsg_len;
		if (nlh->nlmsg_type == NLMSG_DONE)
			break;
		messages++;
		assert_true(nlh->nlmsg_len <= limit);
		assert_int_equal(nlh->nlmsg_flags, flags);
		attr = answer_attr(nlh, list);
		assert_non_null(attr);
		in = fl_attr_data(attr);
		for (end = in + fl_attr_len(attr); in < end; next++) {
			const struct nlattr *one = (const void *)in, *sub = fl_attr_data(one);

			in += NLA_ALIGN(one->nla_len);
			for (int i = 0; i < 2; i++)
				sub = (const void *)((const char *)sub + NLA_ALIGN(sub->nla_len));
			assert_int_equal(fl_attr_type(sub), DEVLINK_ATTR_RESOURCE_ID);
			assert_int_equal(fl_attr_u64(sub), next);
			sub = (const void *)((const char *)sub + NLA_ALIGN(sub->nla_len));
			assert_int_equal(fl_attr_type(sub), DEVLINK_ATTR_RESOURCE_OCC);
			assert_int_equal(fl_attr_u64(sub), 77);
		}
	}
	assert_int_equal(next, MANY + 1);
	return messages;
}

static void a_large_tree_takes_many_messages(void **state)
{
	unsigned int datagrams;

	fl_cell_set(occ, 77);
	assert_int_equal(fixture_operation(fixture, dl->lane, make_many, dl), 0);
	assert_int_equal(dump_do(-1), 0);
	assert_true(check_many(3776, NLM_F_MULTI) > 1);

	request_done(&request);
	request_init(&request, fixture, home, DEVLINK_CMD_RESOURCE_DUMP, dl);
	assert_int_equal(request_dump(&request, 1024, &datagrams), 0);
	assert_int_equal(check_many(1024, NLM_F_MULTI | NLM_F_DUMP_FILTERED), datagrams);
	assert_true(datagrams > 5);
	/* One that fits into no datagram is no endless dump. */
	request_done(&request);
	request_init(&request, fixture, home, DEVLINK_CMD_RESOURCE_DUMP, dl);
	assert_int_equal(request_dump(&request, 100, NULL), -EMSGSIZE);
}

static int make_port(struct fl_op *op, void *arg)
{
	const struct fl_resource resource = {
		.name = "of-port", .id = 9, .size = 5, .size_max = 5, .size_granularity = 1,
	};
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_port_resource_register(txn, 1, &resource);
	fl_port_resource_register(txn, 3, &resource);
	fl_port_resource_occ_set(txn, 3, 9, occ);
	return fl_txn_commit(txn);
}

/* What a dump in that scope shows: "d" for the device, digits for ports. */
static const char *scope_shows(int scope, size_t bound)
{
	static const uint16_t port[] = { DEVLINK_ATTR_PORT_INDEX, 0 };
	static char shown[64];
	size_t len = 0;

	request_done(&request);
	request_init(&request, fixture, home, DEVLINK_CMD_RESOURCE_DUMP, dl);
	if (scope >= 0)
		fl_msg_put_u32(&request.msg, DEVLINK_ATTR_RESOURCE_SCOPE_MASK, scope);
	assert_int_equal(request_dump(&request, bound, NULL), 0);
	for (size_t at = 0; at < request.req.reply.len;) {
		const struct nlmsghdr *nlh = (const void *)(request.req.reply.buf + at);
		const struct nlattr *attr = answer_attr(nlh, port);

		len += attr ? snprintf(shown + len, sizeof(shown) - len, "%u", fl_attr_u32(attr)) :
			      snprintf(shown + len, sizeof(shown) - len, "d");
		at += nlh->nlmsg_len;
	}
	shown[len] = '\0';
	return shown;
}

static void ports_have_resources_too(void **state)
{
	char shape[128];

	assert_int_equal(dump_do(1), -EOPNOTSUPP);
	assert_int_equal(dump_do(99), -ENODEV);
	assert_int_equal(fixture_operation(fixture, dl->lane, make_port, dl), 0);
	assert_int_equal(dump_do(3), 0);
	assert_string_equal(answer_shape(request.req.reply.buf, shape, sizeof(shape)),
			    "3 63(64(65 67 66 74 72 71 70 73))");
	assert_int_equal(dump_do(0), -EOPNOTSUPP);

	assert_string_equal(scope_shows(-1, 8192), "d13");
	assert_string_equal(scope_shows(DEVLINK_RESOURCE_SCOPE_DEV, 8192), "d");
	assert_string_equal(scope_shows(DEVLINK_RESOURCE_SCOPE_PORT, 8192), "13");
	/* The device has three at the top; no two of them fit together. */
	assert_string_equal(scope_shows(-1, 400), "ddd13");

	request_done(&request);
	request_init(&request, fixture, home, DEVLINK_CMD_RESOURCE_DUMP, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_RESOURCE_SCOPE_MASK, 0);
	assert_int_equal(request_dump(&request, 8192, NULL), -EINVAL);
	assert_string_equal(request.req.extack.msg, "empty resource scope selection");
}

static int make_wrong(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	add(txn, "again", IPV4, FL_RESOURCE_TOP, 1);
	assert_int_equal(fl_txn_commit(txn), -EEXIST);
	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	add(txn, "orphan", 100, 99, 1);
	assert_int_equal(fl_txn_commit(txn), -EINVAL);
	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_resource_occ_set(txn, 99, occ);
	assert_int_equal(fl_txn_commit(txn), -EINVAL);

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_resources_unregister(txn);
	add(txn, "alone", 1, FL_RESOURCE_TOP, 1);
	return fl_txn_commit(txn);
}

static void a_driver_registers_parents_first(void **state)
{
	char shape[128];

	assert_int_equal(fixture_operation(fixture, dl->lane, make_wrong, dl), 0);
	assert_int_equal(dump_do(-1), 0);
	assert_string_equal(answer_shape(request.req.reply.buf, shape, sizeof(shape)),
			    "63(64(65 67 66 72 71 70 73))");
}

static int start(void **state)
{
	fixture = fixture_new(NULL);
	home = fl_netns_initial(fl_plane_netns(fixture->plane));
	return 0;
}

static int stop(void **state)
{
	request_done(&request);
	fixture_free(fixture);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_all, teardown)
#define TEST_BARE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_tree_is_the_kernels),
		TEST_BARE(a_size_is_checked),
		TEST(a_reload_takes_the_size),
		TEST(a_reload_is_refused_while_children_are_larger),
		TEST_BARE(a_large_tree_takes_many_messages),
		TEST(ports_have_resources_too),
		TEST(a_driver_registers_parents_first),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
