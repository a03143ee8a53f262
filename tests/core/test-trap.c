/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-trap.c - packet traps, groups and policers: what is shown, what may be set, and what
 * stays when setting fails half way.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/trap.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

static struct fixture *fixture;
static struct fl_netns *home;
static struct fl_devlink *dl;
static struct fl_cell *packets, *bytes, *dropped;

/* ---- the driver ------------------------------------------------------------------- */

static struct driver {
	char last[64];          /* what it was asked last */
	unsigned int asked;
	const char *fails_at;   /* the trap whose action it does not set */
	int fail_policer;
} driver;

static int later(struct fl_op *op)
{
	return fl_op_result(op);
}

static int trap_action_set(struct fl_op *op, struct fl_txn *txn, const char *trap, void *priv,
			   enum devlink_trap_action action)
{
	assert_ptr_equal(priv, &driver);
	driver.asked++;
	snprintf(driver.last, sizeof(driver.last), "%s %d", trap, action);
	if (driver.fails_at && !strcmp(driver.fails_at, trap))
		return -EIO;
	return fl_op_sleep(op, FL_NS_PER_US, later);
}

static int group_policer_set(struct fl_op *op, struct fl_txn *txn, const char *group, void *priv,
			     uint32_t policer)
{
	snprintf(driver.last, sizeof(driver.last), "%s %u", group, policer);
	return driver.fail_policer;
}

static int policer_set(struct fl_op *op, struct fl_txn *txn, uint32_t policer, uint64_t rate,
		       uint64_t burst)
{
	snprintf(driver.last, sizeof(driver.last), "%u %llu %llu", policer,
		 (unsigned long long)rate, (unsigned long long)burst);
	return fl_op_sleep(op, FL_NS_PER_US, later);
}

static const struct fl_trap_ops one_by_one = {
	.action_set = trap_action_set,
	.group_policer_set = group_policer_set,
	.policer_set = policer_set,
};
static const struct fl_devlink_ops ops = { .trap = &one_by_one };

static int group_action_set(struct fl_op *op, struct fl_txn *txn, const char *group, void *priv,
			    enum devlink_trap_action action)
{
	snprintf(driver.last, sizeof(driver.last), "%s all %d", group, action);
	return 0;
}

static const struct fl_trap_ops at_once = {
	.action_set = trap_action_set,
	.group_action_set = group_action_set,
};
static const struct fl_devlink_ops ops_at_once = { .trap = &at_once };

static int make_all(struct fl_op *op, void *arg)
{
	const struct fl_trap_policer policers[] = {
		{ .id = 1, .rate = 1000, .min_rate = 1, .max_rate = 8000, .burst = 128,
		  .min_burst = 16, .max_burst = 512, .dropped = dropped },
		{ .id = 2, .rate = 2000, .min_rate = 1, .max_rate = 8000, .burst = 256,
		  .min_burst = 16, .max_burst = 512 },
	};
	const struct fl_trap_group groups[] = {
		{ .name = "l2_drops", .generic = true, .rx_packets = packets, .rx_bytes = bytes },
		{ .name = "own_group", .policer = 2 },
	};
	const struct fl_trap traps[] = {
		{ .name = "source_mac_is_multicast",
		  .group = "l2_drops",
		  .generic = true,
		  .metadata = FL_TRAP_METADATA_IN_PORT,
		  .dropped = dropped,
		  .priv = &driver },
		{ .name = "fid_miss",
		  .group = "l2_drops",
		  .type = DEVLINK_TRAP_TYPE_EXCEPTION,
		  .action = DEVLINK_TRAP_ACTION_TRAP,
		  .priv = &driver,
		  .metadata = FL_TRAP_METADATA_IN_PORT | FL_TRAP_METADATA_FA_COOKIE,
		  .rx_packets = packets,
		  .rx_bytes = bytes },
		{ .name = "vlan_tag_mismatch",
		  .group = "l2_drops",
		  .generic = true,
		  .priv = &driver },
		{ .name = "elsewhere", .group = "own_group", .priv = &driver },
	};
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_trap_policers_register(txn, policers, FL_ARRAY_SIZE(policers));
	fl_trap_groups_register(txn, groups, FL_ARRAY_SIZE(groups));
	fl_traps_register(txn, traps, FL_ARRAY_SIZE(traps));
	return fl_txn_commit(txn);
}

static int remove_all(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_traps_unregister(txn);
	fl_trap_groups_unregister(txn);
	fl_trap_policers_unregister(txn);
	return fl_txn_commit(txn);
}

static int setup_named(const char *name, const struct fl_devlink_ops *with)
{
	packets = fl_cell_new();
	bytes = fl_cell_new();
	dropped = fl_cell_new();
	memset(&driver, 0, sizeof(driver));
	fixture->knobs.ops = with;
	dl = fixture_add(fixture, name);
	return fixture_operation(fixture, dl->lane, make_all, dl);
}

static int setup(void **state)
{
	static char name[16];
	static int count;

	snprintf(name, sizeof(name), "trap%d", count++);
	return setup_named(name, &ops);
}

static int setup_at_once(void **state)
{
	return setup_named("at-once", &ops_at_once);
}

static int teardown(void **state)
{
	fl_devlink_put(dl);
	fl_cell_put(packets);
	fl_cell_put(bytes);
	fl_cell_put(dropped);
	return 0;
}

/* ---- asking ----------------------------------------------------------------------- */

static char text[160];
static unsigned char answer[1024];

/* Starts a request that names a trap or group. */
static void request_named(struct request *request, uint8_t cmd, uint16_t attr, const char *name)
{
	request_init(request, fixture, home, cmd, dl);
	if (name)
		fl_msg_put_str(&request->msg, attr, name);
}

static int finish(struct request *request)
{
	int err = request_run(request);

	snprintf(text, sizeof(text), "%s", request->req.extack.msg);
	memset(answer, 0, sizeof(answer));
	if (request->req.reply.len)
		memcpy(answer, request->req.reply.buf, request->req.reply.len);
	request_done(request);
	return err;
}

static int get_trap(const char *name)
{
	struct request request;

	request_named(&request, DEVLINK_CMD_TRAP_GET, DEVLINK_ATTR_TRAP_NAME, name);
	return finish(&request);
}

static int get_group(const char *name)
{
	struct request request;

	request_named(&request, DEVLINK_CMD_TRAP_GROUP_GET, DEVLINK_ATTR_TRAP_GROUP_NAME, name);
	return finish(&request);
}

static int get_policer(uint32_t id)
{
	struct request request;

	request_init(&request, fixture, home, DEVLINK_CMD_TRAP_POLICER_GET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_TRAP_POLICER_ID, id);
	return finish(&request);
}

static int set_trap(const char *name, int action)
{
	struct request request;

	request_named(&request, DEVLINK_CMD_TRAP_SET, DEVLINK_ATTR_TRAP_NAME, name);
	if (action >= 0)
		fl_msg_put_u8(&request.msg, DEVLINK_ATTR_TRAP_ACTION, action);
	return finish(&request);
}

static int set_group(const char *name, int action, int policer)
{
	struct request request;

	request_named(&request, DEVLINK_CMD_TRAP_GROUP_SET, DEVLINK_ATTR_TRAP_GROUP_NAME, name);
	if (action >= 0)
		fl_msg_put_u8(&request.msg, DEVLINK_ATTR_TRAP_ACTION, action);
	if (policer >= 0)
		fl_msg_put_u32(&request.msg, DEVLINK_ATTR_TRAP_POLICER_ID, policer);
	return finish(&request);
}

static int set_policer(uint32_t id, int64_t rate, int64_t burst)
{
	struct request request;

	request_init(&request, fixture, home, DEVLINK_CMD_TRAP_POLICER_SET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_TRAP_POLICER_ID, id);
	if (rate >= 0)
		fl_msg_put_u64(&request.msg, DEVLINK_ATTR_TRAP_POLICER_RATE, rate);
	if (burst >= 0)
		fl_msg_put_u64(&request.msg, DEVLINK_ATTR_TRAP_POLICER_BURST, burst);
	return finish(&request);
}

static uint8_t action_of(const char *trap)
{
	static const uint16_t path[] = { DEVLINK_ATTR_TRAP_ACTION, 0 };

	assert_int_equal(get_trap(trap), 0);
	return fl_attr_u8(answer_attr(answer, path));
}

static uint32_t policer_of(const char *group)
{
	static const uint16_t path[] = { DEVLINK_ATTR_TRAP_POLICER_ID, 0 };
	const struct nlattr *attr;

	assert_int_equal(get_group(group), 0);
	attr = answer_attr(answer, path);
	return attr ? fl_attr_u32(attr) : 0;
}

static uint64_t stat_of(uint16_t type)
{
	const uint16_t path[] = { DEVLINK_ATTR_STATS, type, 0 };
	static const uint16_t stats[] = { DEVLINK_ATTR_STATS, 0 };
	const struct nlattr *attr;

	/* Types begin at 0, which ends a path. */
	attr = answer_attr(answer, type ? path : stats);
	assert_non_null(attr);
	if (type)
		return fl_attr_u64(attr);
	for (attr = fl_attr_data(attr); fl_attr_type(attr);)
		attr = (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
	return fl_attr_u64(attr);
}

/* ---- tests ------------------------------------------------------------------------ */

static void messages_are_the_kernels(void **state)
{
	char shape[128];

	assert_int_equal(get_trap("source_mac_is_multicast"), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)),
			    "135 130 132 133 131 134N(0) 129N(2 0 1)");
	assert_int_equal(get_trap("fid_miss"), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)),
			    "135 130 132 131 134N(0 1) 129N(0 1)");
	assert_int_equal(get_group("l2_drops"), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)), "135 133 129N(0 1)");
	assert_int_equal(get_group("own_group"), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)), "135 142 129N(0 1)");
	assert_int_equal(get_policer(1), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)), "142 143 144 129N(2)");
	assert_int_equal(get_policer(2), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)), "142 143 144");
}

static void statistics_are_as_of_now(void **state)
{
	fl_cell_add(packets, 3);
	fl_cell_add(bytes, 180);
	fl_cell_set(dropped, 7);
	assert_int_equal(get_trap("fid_miss"), 0);
	assert_int_equal(stat_of(DEVLINK_ATTR_STATS_RX_PACKETS), 3);
	assert_int_equal(stat_of(DEVLINK_ATTR_STATS_RX_BYTES), 180);
	assert_int_equal(get_group("l2_drops"), 0);
	assert_int_equal(stat_of(DEVLINK_ATTR_STATS_RX_PACKETS), 3);
	fl_cell_add(packets, 1);
	assert_int_equal(get_group("l2_drops"), 0);
	assert_int_equal(stat_of(DEVLINK_ATTR_STATS_RX_PACKETS), 4);

	fl_cell_set_ticking(dropped, true);
	assert_int_equal(get_policer(1), 0);
	assert_int_equal(stat_of(DEVLINK_ATTR_STATS_RX_DROPPED), 7);
	assert_int_equal(get_trap("source_mac_is_multicast"), 0);
	assert_int_equal(stat_of(DEVLINK_ATTR_STATS_RX_DROPPED), 8);

	fl_cell_set_failing(dropped, true);
	assert_int_equal(get_policer(1), -EMSGSIZE);
	assert_int_equal(get_trap("source_mac_is_multicast"), -EMSGSIZE);
	assert_int_equal(get_trap("vlan_tag_mismatch"), 0);
	fl_cell_set_failing(dropped, false);
	assert_int_equal(get_policer(1), 0);
}

static void what_is_missing_is_told(void **state)
{
	struct fl_devlink *with = dl;

	assert_int_equal(get_trap("nosuch"), -ENOENT);
	assert_string_equal(text, "Device did not register this trap");
	assert_int_equal(get_trap(NULL), -ENOENT);
	assert_int_equal(set_trap("nosuch", 0), -ENOENT);
	assert_string_equal(text, "Device did not register this trap");
	assert_int_equal(get_group("nosuch"), -ENOENT);
	assert_string_equal(text, "Device did not register this trap group");
	assert_int_equal(set_group("nosuch", 0, -1), -ENOENT);
	assert_int_equal(get_policer(9), -ENOENT);
	assert_string_equal(text, "Device did not register this trap policer");
	assert_int_equal(set_policer(9, 1, 1), -ENOENT);

	fixture->knobs.ops = NULL;
	dl = fixture_add(fixture, "without-traps");
	assert_int_equal(get_trap("fid_miss"), -EOPNOTSUPP);
	assert_int_equal(set_trap("fid_miss", 0), -EOPNOTSUPP);
	assert_int_equal(set_group("l2_drops", 0, 1), -EOPNOTSUPP);
	assert_int_equal(set_policer(1, 1, 1), -EOPNOTSUPP);
	fl_devlink_put(dl);
	dl = with;
	fixture_operation(fixture, dl->lane, remove_all, dl);
	assert_int_equal(get_group("l2_drops"), -EOPNOTSUPP);
	assert_int_equal(set_group("l2_drops", 0, 1), -EOPNOTSUPP);
	assert_int_equal(set_policer(1, 1, 1), -EOPNOTSUPP);
}

static void an_action_is_set(void **state)
{
	assert_int_equal(set_trap("source_mac_is_multicast", DEVLINK_TRAP_ACTION_TRAP), 0);
	assert_string_equal(driver.last, "source_mac_is_multicast 1");
	assert_string_equal(text, "");
	assert_int_equal(action_of("source_mac_is_multicast"), DEVLINK_TRAP_ACTION_TRAP);
	assert_int_equal(set_trap("source_mac_is_multicast", -1), 0);

	driver.fails_at = "source_mac_is_multicast";
	assert_int_equal(set_trap("source_mac_is_multicast", DEVLINK_TRAP_ACTION_DROP), -EIO);
	assert_int_equal(action_of("source_mac_is_multicast"), DEVLINK_TRAP_ACTION_TRAP);

	driver.asked = 0;
	assert_int_equal(set_trap("fid_miss", DEVLINK_TRAP_ACTION_DROP), 0);
	assert_string_equal(text, "Cannot change action of non-drop traps. Skipping");
	assert_int_equal(driver.asked, 0);
	assert_int_equal(action_of("fid_miss"), DEVLINK_TRAP_ACTION_TRAP);
	assert_int_equal(set_trap("fid_miss", DEVLINK_TRAP_ACTION_TRAP), 0);
	assert_int_equal(driver.asked, 1);
}

static void a_group_sets_its_traps(void **state)
{
	assert_int_equal(set_group("l2_drops", DEVLINK_TRAP_ACTION_MIRROR, -1), 0);
	assert_int_equal(driver.asked, 2);
	assert_int_equal(action_of("source_mac_is_multicast"), DEVLINK_TRAP_ACTION_MIRROR);
	assert_int_equal(action_of("vlan_tag_mismatch"), DEVLINK_TRAP_ACTION_MIRROR);
	assert_int_equal(action_of("fid_miss"), DEVLINK_TRAP_ACTION_TRAP);
	assert_int_equal(action_of("elsewhere"), DEVLINK_TRAP_ACTION_DROP);

	/* What came before the failure stays, as in the kernel. */
	driver.fails_at = "vlan_tag_mismatch";
	assert_int_equal(set_group("l2_drops", DEVLINK_TRAP_ACTION_DROP, 1), -EIO);
	assert_int_equal(action_of("source_mac_is_multicast"), DEVLINK_TRAP_ACTION_DROP);
	assert_int_equal(action_of("vlan_tag_mismatch"), DEVLINK_TRAP_ACTION_MIRROR);
	assert_int_equal(policer_of("l2_drops"), 0);
}

static void a_group_has_a_policer(void **state)
{
	assert_int_equal(policer_of("own_group"), 2);
	assert_int_equal(set_group("own_group", -1, 1), 0);
	assert_string_equal(driver.last, "own_group 1");
	assert_int_equal(policer_of("own_group"), 1);
	assert_int_equal(set_group("own_group", -1, 99), -ENOENT);
	assert_string_equal(text, "Device did not register this trap policer");
	assert_int_equal(set_group("own_group", -1, 0), 0);
	assert_int_equal(policer_of("own_group"), 0);

	driver.fail_policer = -EBUSY;
	assert_int_equal(set_group("own_group", -1, 1), -EBUSY);
	assert_string_equal(text, "");
	assert_int_equal(set_group("own_group", DEVLINK_TRAP_ACTION_TRAP, 1), -EBUSY);
	assert_string_equal(text, "Trap group set failed, but some changes were committed already");
	assert_int_equal(policer_of("own_group"), 0);
	assert_int_equal(action_of("elsewhere"), DEVLINK_TRAP_ACTION_TRAP);
}

static void a_driver_may_set_a_group_at_once(void **state)
{
	assert_int_equal(set_group("l2_drops", DEVLINK_TRAP_ACTION_MIRROR, -1), 0);
	assert_string_equal(driver.last, "l2_drops all 2");
	assert_int_equal(driver.asked, 0);
	assert_int_equal(action_of("source_mac_is_multicast"), DEVLINK_TRAP_ACTION_MIRROR);
	assert_int_equal(action_of("fid_miss"), DEVLINK_TRAP_ACTION_TRAP);
	/* It binds no policers, and sets none. */
	assert_int_equal(set_group("l2_drops", -1, 1), -EOPNOTSUPP);
	assert_int_equal(set_policer(1, 1, 16), -EOPNOTSUPP);
}

static void a_policer_stays_in_its_bounds(void **state)
{
	static const uint16_t rate[] = { DEVLINK_ATTR_TRAP_POLICER_RATE, 0 };
	static const uint16_t burst[] = { DEVLINK_ATTR_TRAP_POLICER_BURST, 0 };

	assert_int_equal(set_policer(1, 100, 16), 0);
	assert_string_equal(driver.last, "1 100 16");
	assert_int_equal(set_policer(1, 8001, -1), -EINVAL);
	assert_string_equal(text, "Policer rate higher than limit");
	assert_int_equal(set_policer(1, 0, -1), -EINVAL);
	assert_string_equal(text, "Policer rate lower than limit");
	assert_int_equal(set_policer(1, -1, 15), -EINVAL);
	assert_string_equal(text, "Policer burst size lower than limit");
	assert_int_equal(set_policer(1, -1, 513), -EINVAL);
	assert_string_equal(text, "Policer burst size higher than limit");
	assert_int_equal(set_policer(1, -1, 512), 0);
	assert_int_equal(get_policer(1), 0);
	assert_int_equal(fl_attr_u64(answer_attr(answer, rate)), 100);
	assert_int_equal(fl_attr_u64(answer_attr(answer, burst)), 512);
}

static const char *told(uint64_t *position)
{
	static const uint16_t dev_path[] = { DEVLINK_ATTR_DEV_NAME, 0 };
	static char list[256];
	struct fl_evrec *rec;
	size_t len = 0;

	*list = '\0';
	while (!fl_evlog_read(home->log, position, &rec)) {
		if (!strcmp(fl_attr_str(answer_attr(rec->data, dev_path)), fl_devlink_dev_name(dl)))
			len += snprintf(list + len, sizeof(list) - len, "%s%u", len ? " " : "",
					rec->cmd);
		fl_evrec_put(rec);
	}
	return list;
}

static void they_are_announced_in_order(void **state)
{
	uint64_t position = fl_evlog_end(home->log);

	assert_int_equal(fixture_operation(fixture, dl->lane, remove_all, dl), 0);
	assert_string_equal(told(&position), "64 64 64 64 68 68 72 72");
	assert_int_equal(fixture_operation(fixture, dl->lane, make_all, dl), 0);
	assert_string_equal(told(&position), "71 71 67 67 63 63 63 63");
	/* A counter that cannot be read holds nobody up. */
	fl_cell_set_failing(dropped, true);
	assert_int_equal(fixture_operation(fixture, dl->lane, remove_all, dl), 0);
	assert_string_equal(told(&position), "64 64 64 68 68 72");
	fl_cell_set_failing(dropped, false);
	assert_int_equal(fixture_operation(fixture, dl->lane, make_all, dl), 0);
	told(&position);
	assert_int_equal(set_trap("source_mac_is_multicast", DEVLINK_TRAP_ACTION_TRAP), 0);
	assert_int_equal(set_group("l2_drops", DEVLINK_TRAP_ACTION_MIRROR, 1), 0);
	assert_int_equal(set_policer(1, 100, 16), 0);
	assert_string_equal(told(&position), "");
}

static int make_twice(struct fl_op *op, void *arg)
{
	const struct fl_trap again = { .name = "fid_miss", .group = "l2_drops" };
	const struct fl_trap lost = { .name = "new", .group = "nosuch" };
	const struct fl_trap_group unpoliced = { .name = "new", .policer = 99 };
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_traps_register(txn, &again, 1);
	assert_int_equal(fl_txn_commit(txn), -EEXIST);
	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_traps_register(txn, &lost, 1);
	assert_int_equal(fl_txn_commit(txn), -EINVAL);
	assert_int_equal(fl_txn_begin(op, arg, &txn), 0);
	fl_trap_groups_register(txn, &unpoliced, 1);
	assert_int_equal(fl_txn_commit(txn), -EINVAL);
	return 0;
}

static void a_driver_registers_in_order(void **state)
{
	assert_int_equal(fixture_operation(fixture, dl->lane, make_twice, dl), 0);
}

static void a_dump_goes_on_where_it_was(void **state)
{
	static const uint16_t name[] = { DEVLINK_ATTR_TRAP_NAME, 0 };
	const char *const names[] = { "source_mac_is_multicast", "fid_miss", "vlan_tag_mismatch",
				      "elsewhere" };
	struct request request;
	unsigned int datagrams;
	size_t at = 0;

	request_init(&request, fixture, home, DEVLINK_CMD_TRAP_GET, dl);
	assert_int_equal(request_dump(&request, 200, &datagrams), 0);
	assert_int_equal(datagrams, 4);
	for (size_t i = 0; i < FL_ARRAY_SIZE(names); i++) {
		const struct nlmsghdr *nlh = (const void *)(request.req.reply.buf + at);

		assert_true(at < request.req.reply.len);
		assert_string_equal(fl_attr_str(answer_attr(nlh, name)), names[i]);
		assert_int_equal(nlh->nlmsg_flags, NLM_F_MULTI | NLM_F_DUMP_FILTERED);
		at += nlh->nlmsg_len;
	}
	assert_int_equal(at, request.req.reply.len);
	request_done(&request);
}

static int start(void **state)
{
	fixture = fixture_new(NULL);
	home = fl_netns_initial(fl_plane_netns(fixture->plane));
	return 0;
}

static int stop(void **state)
{
	fixture_free(fixture);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_are_the_kernels),
		TEST(statistics_are_as_of_now),
		TEST(what_is_missing_is_told),
		TEST(an_action_is_set),
		TEST(a_group_sets_its_traps),
		TEST(a_group_has_a_policer),
		cmocka_unit_test_setup_teardown(a_driver_may_set_a_group_at_once, setup_at_once,
						teardown),
		TEST(a_policer_stays_in_its_bounds),
		TEST(they_are_announced_in_order),
		TEST(a_driver_registers_in_order),
		TEST(a_dump_goes_on_where_it_was),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
