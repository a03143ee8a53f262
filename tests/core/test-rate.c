/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rate.c - transmit rates: leaves and nodes, their parents, what is refused, and who wins
 * between a node that is deleted and a leaf that wants it as its parent.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/die.h"
#include "base/thread.h"
#include "core/port.h"
#include "core/rate.h"
#include "tests/core/fixture.h"

static struct fixture *fixture;
static struct fl_netns *home;
static struct fl_devlink *dl;

/* ---- the driver ------------------------------------------------------------------- */

static struct driver {
	char last[96];
	uint64_t max;
	int fail_new, fail_del;
	int nodes; /* atomic */
	uint64_t delay_ns, del_delay_ns;
} driver;

static int later(struct fl_op *op)
{
	return fl_op_result(op);
}

static int done(struct fl_op *op, const struct fl_rate_target *rate, const char *what,
		unsigned long long value)
{
	if (rate->node)
		assert_ptr_equal(rate->priv, &driver);
	else
		assert_ptr_equal(rate->priv, &driver.last[rate->port]);
	if (driver.delay_ns)
		return fl_op_sleep(op, driver.delay_ns, later);
	if (rate->node)
		snprintf(driver.last, sizeof(driver.last), "%s %s %llu", rate->node, what, value);
	else
		snprintf(driver.last, sizeof(driver.last), "%u %s %llu", rate->port, what, value);
	return fl_op_sleep(op, FL_NS_PER_US, later);
}

static int tx_share(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		    uint64_t share)
{
	return done(op, rate, "share", share);
}

static int tx_max(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		  uint64_t max)
{
	if (driver.max && max > driver.max) {
		fl_extack_set(fl_txn_extack(txn), "too much");
		return -EINVAL;
	}
	return done(op, rate, "max", max);
}

static int tx_priority(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		       uint32_t priority)
{
	return done(op, rate, "priority", priority);
}

static int tx_weight(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		     uint32_t weight)
{
	return done(op, rate, "weight", weight);
}

static int parent(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		  const struct fl_rate_target *above)
{
	char what[64];

	if (above)
		assert_ptr_equal(above->priv, &driver);
	snprintf(what, sizeof(what), "under %s", above ? above->node : "-");
	return done(op, rate, what, 0);
}

static int tc_bw(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		 const uint32_t bw[FL_RATE_TCS])
{
	return done(op, rate, "tc", bw[7]);
}

static int node_new(struct fl_op *op, struct fl_txn *txn, const char *name, void **ret_priv)
{
	if (driver.fail_new)
		return driver.fail_new;
	__atomic_add_fetch(&driver.nodes, 1, __ATOMIC_RELAXED);
	*ret_priv = &driver;
	return fl_op_sleep(op, FL_NS_PER_US, later);
}

static int node_del(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate)
{
	assert_ptr_equal(rate->priv, &driver);
	__atomic_sub_fetch(&driver.nodes, 1, __ATOMIC_RELAXED);
	if (driver.del_delay_ns)
		return fl_op_sleep(op, driver.del_delay_ns, later);
	return driver.fail_del;
}

static int mode_set(struct fl_op *op, struct fl_txn *txn, enum devlink_eswitch_mode mode)
{
	fl_eswitch_set(txn, mode, -1, -1);
	return 0;
}

#define ALL_SET .tx_share = tx_share, .tx_max = tx_max, .parent = parent, .tc_bw = tc_bw

static const struct fl_rate_ops rate_ops = {
	.leaf = { ALL_SET },
	.node = { ALL_SET, .tx_priority = tx_priority, .tx_weight = tx_weight },
	.node_new = node_new,
	.node_del = node_del,
};
static const struct fl_devlink_ops ops = { .rate = &rate_ops, .eswitch_mode_set = mode_set };

static const struct fl_rate_ops bare_rate_ops = { .leaf = { .tx_share = tx_share } };
static const struct fl_devlink_ops bare_ops = { .rate = &bare_rate_ops };

static int make_leaves(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	for (uint32_t port = 0; port < 3; port++)
		fl_rate_leaf_add(txn, port, &driver.last[port], NULL);
	return fl_txn_commit(txn);
}

static void setup_with(const struct fl_devlink_ops *with)
{
	static char name[16];
	static int count;

	snprintf(name, sizeof(name), "rate%d", count++);
	memset(&driver, 0, sizeof(driver));
	fixture->knobs.ops = with;
	dl = fixture_add(fixture, name);
	assert_int_equal(fixture_operation(fixture, dl->lane, make_leaves, NULL), 0);
}

static int setup(void **state)
{
	setup_with(&ops);
	return 0;
}

static int setup_bare(void **state)
{
	setup_with(&bare_ops);
	return 0;
}

static int teardown(void **state)
{
	fl_devlink_put(dl);
	return 0;
}

/* ---- asking ----------------------------------------------------------------------- */

/* What a request is about: a leaf's port in decimal, or a node. */
static void begin(struct request *request, uint8_t cmd, const char *what)
{
	request_init(request, fixture, home, cmd, dl);
	if (!what)
		return;
	if (*what >= '0' && *what <= '9')
		fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, atoi(what));
	else
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_RATE_NODE_NAME, what);
}

static char text[160];
static const struct nlattr *bad_attr;
static unsigned char answer[1024];

static int finish(struct request *request)
{
	int err = request_run(request);

	snprintf(text, sizeof(text), "%s", request->req.extack.msg);
	bad_attr = request->req.extack.bad_attr;
	memset(answer, 0, sizeof(answer));
	if (request->req.reply.len)
		memcpy(answer, request->req.reply.buf, request->req.reply.len);
	request_done(request);
	return err;
}

static int ask(uint8_t cmd, const char *what)
{
	struct request request;

	begin(&request, cmd, what);
	return finish(&request);
}

static int add(const char *node)
{
	struct request request;

	request_init(&request, fixture, home, DEVLINK_CMD_RATE_NEW, dl);
	if (node)
		fl_msg_put_str(&request.msg, DEVLINK_ATTR_RATE_NODE_NAME, node);
	return finish(&request);
}

static int del(const char *node)
{
	return ask(DEVLINK_CMD_RATE_DEL, node);
}

static int set_u64(const char *what, uint16_t attr, uint64_t value)
{
	struct request request;

	begin(&request, DEVLINK_CMD_RATE_SET, what);
	fl_msg_put_u64(&request.msg, attr, value);
	return finish(&request);
}

static int set_u32(const char *what, uint16_t attr, uint32_t value)
{
	struct request request;

	begin(&request, DEVLINK_CMD_RATE_SET, what);
	fl_msg_put_u32(&request.msg, attr, value);
	return finish(&request);
}

static int set_parent(const char *what, const char *above)
{
	struct request request;

	begin(&request, DEVLINK_CMD_RATE_SET, what);
	fl_msg_put_str(&request.msg, DEVLINK_ATTR_RATE_PARENT_NODE_NAME, above);
	return finish(&request);
}

/* One class after the other: "0:10 1:20", given as pairs, ends with -1. */
static int set_tc(const char *what, const int *pairs)
{
	struct request request;
	size_t nest;

	begin(&request, DEVLINK_CMD_RATE_SET, what);
	for (; *pairs >= 0; pairs += 2) {
		nest = fl_msg_nest(&request.msg, DEVLINK_ATTR_RATE_TC_BWS, true);
		fl_msg_put_u8(&request.msg, DEVLINK_RATE_TC_ATTR_INDEX, pairs[0]);
		fl_msg_put_u32(&request.msg, DEVLINK_RATE_TC_ATTR_BW, pairs[1]);
		fl_msg_nest_end(&request.msg, nest);
	}
	return finish(&request);
}

static uint64_t shown_u64(const char *what, uint16_t attr)
{
	const uint16_t path[] = { attr, 0 };

	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, what), 0);
	return fl_attr_u64(answer_attr(answer, path));
}

static const char *shown_parent(const char *what)
{
	static const uint16_t path[] = { DEVLINK_ATTR_RATE_PARENT_NODE_NAME, 0 };
	const struct nlattr *attr;

	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, what), 0);
	attr = answer_attr(answer, path);
	return attr ? fl_attr_str(attr) : "-";
}

/* The commands told, each with the leaf or node: "76:group1 76:0". */
static const char *told(uint64_t *position)
{
	static const uint16_t dev_path[] = { DEVLINK_ATTR_DEV_NAME, 0 };
	static const uint16_t node_path[] = { DEVLINK_ATTR_RATE_NODE_NAME, 0 };
	static const uint16_t port_path[] = { DEVLINK_ATTR_PORT_INDEX, 0 };
	static char list[256];
	struct fl_evrec *rec;
	size_t len = 0;

	*list = '\0';
	while (!fl_evlog_read(home->log, position, &rec)) {
		const struct nlattr *node = answer_attr(rec->data, node_path);
		const struct nlattr *port = answer_attr(rec->data, port_path);

		if (strcmp(fl_attr_str(answer_attr(rec->data, dev_path)),
			   fl_devlink_dev_name(dl))) {
			fl_evrec_put(rec);
			continue;
		}
		len += snprintf(list + len, sizeof(list) - len, "%s%u:", len ? " " : "", rec->cmd);
		if (node)
			len += snprintf(list + len, sizeof(list) - len, "%s", fl_attr_str(node));
		else if (port)
			len += snprintf(list + len, sizeof(list) - len, "%u", fl_attr_u32(port));
		fl_evrec_put(rec);
	}
	return list;
}

/* ---- tests ------------------------------------------------------------------------ */

static void messages_are_the_kernels(void **state)
{
	static const char tcs[] = "180N(1 2) 180N(1 2) 180N(1 2) 180N(1 2) "
				  "180N(1 2) 180N(1 2) 180N(1 2) 180N(1 2)";
	char shape[256], want[256];

	snprintf(want, sizeof(want), "165 3 166 167 177 178 %s", tcs);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "1"), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)), want);
	assert_int_equal(add("group1"), 0);
	assert_int_equal(set_parent("1", "group1"), 0);
	snprintf(want, sizeof(want), "165 3 166 167 177 178 169 %s", tcs);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "1"), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)), want);
	snprintf(want, sizeof(want), "165 168 166 167 177 178 %s", tcs);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "group1"), 0);
	assert_string_equal(answer_shape(answer, shape, sizeof(shape)), want);
}

static void what_is_missing_is_told(void **state)
{
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, NULL), -EINVAL);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "3"), -ENODEV);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "99"), -ENODEV);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "nosuch"), -ENODEV);
	assert_int_equal(ask(DEVLINK_CMD_RATE_SET, NULL), -EINVAL);
	assert_int_equal(ask(DEVLINK_CMD_RATE_SET, "3"), -ENODEV);
	assert_int_equal(ask(DEVLINK_CMD_RATE_SET, "nosuch"), -ENODEV);
	assert_int_equal(add(NULL), -EINVAL);
	assert_int_equal(add(""), -EINVAL);
	assert_int_equal(add("12"), -EINVAL);
	assert_int_equal(del("nosuch"), -ENODEV);
	assert_int_equal(del(NULL), -EINVAL);
	assert_int_equal(driver.nodes, 0);
}

static void values_are_set(void **state)
{
	uint64_t position = fl_evlog_end(home->log);

	assert_int_equal(set_u64("0", DEVLINK_ATTR_RATE_TX_SHARE, 1250000), 0);
	assert_string_equal(driver.last, "0 share 1250000");
	assert_int_equal(shown_u64("0", DEVLINK_ATTR_RATE_TX_SHARE), 1250000);
	assert_string_equal(told(&position), "76:0");
	assert_int_equal(set_u32("0", DEVLINK_ATTR_RATE_TX_PRIORITY, 5), -EOPNOTSUPP);
	assert_string_equal(text, "TX priority set isn't supported for the leafs");
	assert_non_null(bad_attr);
	assert_int_equal(set_u32("0", DEVLINK_ATTR_RATE_TX_WEIGHT, 5), -EOPNOTSUPP);
	assert_string_equal(text, "TX weight set isn't supported for the leafs");

	assert_int_equal(add("group1"), 0);
	assert_int_equal(set_u32("group1", DEVLINK_ATTR_RATE_TX_PRIORITY, 5), 0);
	assert_string_equal(driver.last, "group1 priority 5");
	assert_int_equal(set_u32("group1", DEVLINK_ATTR_RATE_TX_WEIGHT, 3), 0);
	assert_string_equal(driver.last, "group1 weight 3");
	assert_string_equal(told(&position), "76:group1 76:group1 76:group1");
}

static void what_was_set_before_a_failure_stays(void **state)
{
	uint64_t position = fl_evlog_end(home->log);
	struct request request;

	driver.max = 1000;
	begin(&request, DEVLINK_CMD_RATE_SET, "0");
	fl_msg_put_u64(&request.msg, DEVLINK_ATTR_RATE_TX_MAX, 2000);
	fl_msg_put_u64(&request.msg, DEVLINK_ATTR_RATE_TX_SHARE, 7);
	assert_int_equal(finish(&request), -EINVAL);
	assert_string_equal(text, "too much");
	assert_string_equal(told(&position), "");
	assert_int_equal(shown_u64("0", DEVLINK_ATTR_RATE_TX_SHARE), 7);
	assert_int_equal(shown_u64("0", DEVLINK_ATTR_RATE_TX_MAX), 0);

	/* A new node that cannot have its values never was. */
	begin(&request, DEVLINK_CMD_RATE_NEW, "group1");
	fl_msg_put_u64(&request.msg, DEVLINK_ATTR_RATE_TX_SHARE, 7);
	fl_msg_put_u64(&request.msg, DEVLINK_ATTR_RATE_TX_MAX, 2000);
	assert_int_equal(finish(&request), -EINVAL);
	assert_string_equal(text, "too much");
	assert_int_equal(driver.nodes, 0);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "group1"), -ENODEV);
	driver.fail_new = -ENOSPC;
	assert_int_equal(add("group1"), -ENOSPC);
	assert_string_equal(told(&position), "");
}

static void nodes_are_shown_latest_first(void **state)
{
	static const uint16_t node[] = { DEVLINK_ATTR_RATE_NODE_NAME, 0 };
	uint64_t position = fl_evlog_end(home->log);
	struct request request;
	char shown[64];
	size_t len = 0;

	assert_int_equal(add("group1"), 0);
	assert_int_equal(add("group1"), -EEXIST);
	assert_int_equal(add("group2"), 0);
	assert_string_equal(told(&position), "76:group1 76:group2");
	request_init(&request, fixture, home, DEVLINK_CMD_RATE_GET, dl);
	assert_int_equal(request_dump(&request, 300, NULL), 0);
	for (size_t at = 0; at < request.req.reply.len;) {
		const struct nlmsghdr *nlh = (const void *)(request.req.reply.buf + at);
		const struct nlattr *attr = answer_attr(nlh, node);

		len += snprintf(shown + len, sizeof(shown) - len, "%s ",
				attr ? fl_attr_str(attr) : "leaf");
		at += nlh->nlmsg_len;
	}
	request_done(&request);
	assert_string_equal(shown, "group2 group1 leaf leaf leaf ");
}

static void parents_make_no_cycle(void **state)
{
	assert_int_equal(add("group1"), 0);
	assert_int_equal(add("group2"), 0);
	assert_int_equal(add("group3"), 0);
	assert_int_equal(set_parent("0", "group1"), 0);
	assert_string_equal(driver.last, "0 under group1 0");
	assert_int_equal(set_parent("0", "nosuch"), -ENODEV);
	assert_int_equal(set_parent("group1", "group1"), -EINVAL);
	assert_string_equal(text, "Parent to self is not allowed");
	assert_int_equal(set_parent("group1", "group2"), 0);
	assert_int_equal(set_parent("group2", "group3"), 0);
	assert_int_equal(set_parent("group3", "group1"), -EEXIST);
	assert_string_equal(text, "Node is already a parent of parent node.");
	assert_int_equal(set_parent("group2", "group1"), -EEXIST);
	assert_string_equal(shown_parent("group1"), "group2");

	assert_int_equal(del("group1"), -EBUSY);
	assert_string_equal(text, "Node has children. Cannot delete node.");
	assert_int_equal(set_parent("0", ""), 0);
	assert_string_equal(driver.last, "0 under - 0");
	assert_string_equal(shown_parent("0"), "-");
	driver.last[0] = '\0';
	assert_int_equal(set_parent("0", ""), 0);
	assert_string_equal(driver.last, "");
	assert_int_equal(del("group2"), -EBUSY);
	assert_int_equal(del("group1"), 0);
	assert_int_equal(del("group2"), 0);
	assert_int_equal(del("group3"), 0);
	assert_int_equal(driver.nodes, 0);
}

static void children_are_counted_right(void **state)
{
	assert_int_equal(add("group1"), 0);
	assert_int_equal(add("group2"), 0);
	/* The same parent again, and another one, and other values: one child each. */
	assert_int_equal(set_parent("0", "group1"), 0);
	assert_int_equal(set_parent("0", "group1"), 0);
	assert_int_equal(set_u64("0", DEVLINK_ATTR_RATE_TX_SHARE, 3), 0);
	assert_int_equal(del("group1"), -EBUSY);
	assert_int_equal(set_parent("0", "group2"), 0);
	assert_int_equal(del("group1"), 0);
	assert_int_equal(del("group2"), -EBUSY);
	driver.fail_del = -EIO;
	assert_int_equal(set_parent("0", ""), 0);
	/* The node is gone although the driver complained, in words that nobody knows. */
	driver.fail_del = -123456;
	assert_int_equal(del("group2"), -EIO);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "group2"), -ENODEV);
}

static int unport(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_rate_leaf_del(txn, 0);
	fl_rate_leaf_del(txn, 77);
	if (!arg)
		return fl_txn_commit(txn);
	fl_txn_abort(txn);
	return 0;
}

static void a_leaf_that_goes_is_no_child(void **state)
{
	uint64_t position;

	assert_int_equal(add("group1"), 0);
	assert_int_equal(set_parent("0", "group1"), 0);
	position = fl_evlog_end(home->log);
	assert_int_equal(fixture_operation(fixture, dl->lane, unport, &driver), 0);
	assert_int_equal(del("group1"), -EBUSY);
	assert_int_equal(fixture_operation(fixture, dl->lane, unport, NULL), 0);
	assert_string_equal(told(&position), "77:0");
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "0"), -ENODEV);
	assert_int_equal(del("group1"), 0);
}

static void traffic_classes(void **state)
{
	static const int all[] = { 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, -1 };
	static const int few[] = { 0, 1, 7, 8, -1 };
	static const int twice[] = { 3, 1, 3, 8, -1 };
	static const int high[] = { 8, 1, -1 };

	assert_int_equal(set_tc("0", all), 0);
	assert_string_equal(driver.last, "0 tc 8");
	assert_int_equal(set_tc("0", few), -EINVAL);
	assert_string_equal(text, "Bandwidth values must be specified for all 8 traffic classes");
	assert_int_equal(set_tc("0", twice), -EINVAL);
	assert_string_equal(text, "Duplicate traffic class index specified (3)");
	assert_int_not_equal(set_tc("0", high), 0);
	assert_int_equal(add("group1"), 0);
	assert_int_equal(set_tc("group1", all), 0);
}

static void a_driver_may_support_little(void **state)
{
	static const int all[] = { 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, -1 };

	assert_int_equal(set_u64("0", DEVLINK_ATTR_RATE_TX_SHARE, 1), 0);
	assert_int_equal(set_u64("0", DEVLINK_ATTR_RATE_TX_MAX, 1), -EOPNOTSUPP);
	assert_string_equal(text, "TX max set isn't supported for the leafs");
	assert_null(bad_attr);
	assert_int_equal(set_parent("0", "group1"), -EOPNOTSUPP);
	assert_string_equal(text, "Parent set isn't supported for the leafs");
	assert_int_equal(set_tc("0", all), -EOPNOTSUPP);
	assert_string_equal(text, "TC bandwidth set isn't supported for the leafs");
	assert_int_equal(add("group1"), -EOPNOTSUPP);
	assert_string_equal(text, "Rate nodes aren't supported");
	assert_int_equal(del("group1"), -ENODEV);
}

static int set_mode(void)
{
	struct request request;

	request_init(&request, fixture, home, DEVLINK_CMD_ESWITCH_SET, dl);
	fl_msg_put_u16(&request.msg, DEVLINK_ATTR_ESWITCH_MODE, DEVLINK_ESWITCH_MODE_LEGACY);
	return finish(&request);
}

static void node_gone(const struct fl_rate_target *node, void *arg)
{
	assert_ptr_equal(node->priv, &driver);
	__atomic_sub_fetch(&driver.nodes, 1, __ATOMIC_RELAXED);
}

static int remove_nodes(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_rate_nodes_del(txn, node_gone, NULL);
	fl_rate_node_add(txn, "made", &driver, NULL);
	fl_rate_node_add(txn, "under", &driver, "made");
	return fl_txn_commit(txn);
}

static int make_wrong(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_rate_leaf_add(txn, 1, &driver, NULL);
	assert_int_equal(fl_txn_commit(txn), -EEXIST);
	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_rate_leaf_add(txn, 7, &driver, "nosuch");
	assert_int_equal(fl_txn_commit(txn), -ENODEV);
	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_rate_node_add(txn, "made", &driver, NULL);
	assert_int_equal(fl_txn_commit(txn), -EEXIST);
	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_rate_leaf_add(txn, 7, &driver, "under");
	fl_txn_abort(txn);
	return 0;
}

static void the_eswitch_waits_for_nodes_to_go(void **state)
{
	assert_int_equal(set_mode(), 0);
	assert_int_equal(add("group1"), 0);
	assert_int_equal(add("group2"), 0);
	assert_int_equal(set_parent("group1", "group2"), 0);
	assert_int_equal(set_parent("1", "group1"), 0);
	assert_int_equal(set_mode(), -EBUSY);
	assert_string_equal(text, "Rate node(s) exists.");
	assert_int_equal(fixture_operation(fixture, dl->lane, remove_nodes, NULL), 0);
	assert_int_equal(driver.nodes, 0);
	assert_string_equal(shown_parent("1"), "-");
	assert_string_equal(shown_parent("under"), "made");
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "group1"), -ENODEV);

	assert_int_equal(fixture_operation(fixture, dl->lane, make_wrong, NULL), 0);
	driver.nodes = 2;
	assert_int_equal(del("made"), -EBUSY);
	assert_int_equal(del("under"), 0);
	assert_int_equal(del("made"), 0);
	assert_int_equal(set_mode(), 0);
}

/* ---- R2 --------------------------------------------------------------------------- */

/* A request that a thread makes, so that another can be made meanwhile. */
struct meanwhile {
	struct request request;
	pthread_t thread;
	int err;
};

static void *meanwhile_run(void *arg)
{
	struct meanwhile *meanwhile = arg;

	meanwhile->err = request_run(&meanwhile->request);
	return NULL;
}

/* Long enough for it to be at the driver's when this returns. */
static void meanwhile_start(struct meanwhile *meanwhile)
{
	assert_int_equal(fl_thread_start(&meanwhile->thread, "meanwhile", 0, meanwhile_run,
					 meanwhile), 0);
	usleep(50000);
}

static int meanwhile_end(struct meanwhile *meanwhile)
{
	pthread_join(meanwhile->thread, NULL);
	request_done(&meanwhile->request);
	return meanwhile->err;
}

static void who_comes_first_wins(void **state)
{
	static struct meanwhile meanwhile;

	assert_int_equal(add("node"), 0);
	driver.delay_ns = 200 * FL_NS_PER_MS;
	begin(&meanwhile.request, DEVLINK_CMD_RATE_SET, "0");
	fl_msg_put_str(&meanwhile.request.msg, DEVLINK_ATTR_RATE_PARENT_NODE_NAME, "node");
	meanwhile_start(&meanwhile);
	assert_string_equal(shown_parent("0"), "-");
	assert_int_equal(del("node"), -EBUSY);
	assert_int_equal(meanwhile_end(&meanwhile), 0);
	assert_string_equal(shown_parent("0"), "node");
	driver.delay_ns = 0;
	assert_int_equal(set_parent("0", ""), 0);

	driver.del_delay_ns = 200 * FL_NS_PER_MS;
	begin(&meanwhile.request, DEVLINK_CMD_RATE_DEL, "node");
	meanwhile_start(&meanwhile);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "node"), 0);
	assert_int_equal(set_parent("0", "node"), -ENODEV);
	assert_int_equal(meanwhile_end(&meanwhile), 0);
	assert_int_equal(ask(DEVLINK_CMD_RATE_GET, "node"), -ENODEV);
	assert_string_equal(shown_parent("0"), "-");
}

#define ROUNDS 200

struct racer {
	const char *leaf;
	int taken, refused;
};

/* Takes the node as parent again and again, and lets it go; on its own port's lane. */
static void *race(void *arg)
{
	struct racer *racer = arg;
	struct request request;
	int err;

	for (int i = 0; i < ROUNDS; i++) {
		begin(&request, DEVLINK_CMD_RATE_SET, racer->leaf);
		fl_msg_put_str(&request.msg, DEVLINK_ATTR_RATE_PARENT_NODE_NAME, "node");
		err = request_run(&request);
		request_done(&request);
		fl_assert(!err || err == -ENODEV);
		if (err) {
			racer->refused++;
			continue;
		}
		racer->taken++;
		begin(&request, DEVLINK_CMD_RATE_SET, racer->leaf);
		fl_msg_put_str(&request.msg, DEVLINK_ATTR_RATE_PARENT_NODE_NAME, "");
		err = request_run(&request);
		request_done(&request);
		fl_assert(!err);
	}
	return NULL;
}

/* Every leaf that shows a parent shows one that is there. */
static void check_parents(void)
{
	const struct fl_version *version;
	const struct fl_rate *rate;
	struct fl_pmap_iter iter;

	fl_rcu_read_lock();
	version = fl_devlink_version(dl);
	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_RATE], 0);
	while ((rate = fl_pmap_iter_next(&iter))) {
		if (rate->parent)
			assert_non_null(fl_rate_node_find(version, rate->parent->name));
	}
	fl_rcu_read_unlock();
}

static void a_node_is_never_deleted_under_its_children(void **state)
{
	struct racer racers[] = { { .leaf = "0" }, { .leaf = "1" } };
	pthread_t threads[2];
	int deleted = 0, busy = 0, err;

	driver.delay_ns = driver.del_delay_ns = 20 * FL_NS_PER_US;
	for (int i = 0; i < 2; i++)
		assert_int_equal(fl_thread_start(&threads[i], "race", 0, race, &racers[i]), 0);
	for (int i = 0; i < ROUNDS; i++) {
		err = add("node");
		assert_true(!err || err == -EEXIST);
		err = del("node");
		assert_true(!err || err == -EBUSY);
		deleted += !err;
		busy += err == -EBUSY;
		check_parents();
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* All have let go: it can be deleted, whatever happened. */
	err = add("node");
	assert_true(!err || err == -EEXIST);
	assert_int_equal(del("node"), 0);
	assert_int_equal(driver.nodes, 0);
	assert_true(deleted > 0 || busy > 0);
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
		TEST(what_is_missing_is_told),
		TEST(values_are_set),
		TEST(what_was_set_before_a_failure_stays),
		TEST(nodes_are_shown_latest_first),
		TEST(parents_make_no_cycle),
		TEST(children_are_counted_right),
		TEST(a_leaf_that_goes_is_no_child),
		TEST(traffic_classes),
		cmocka_unit_test_setup_teardown(a_driver_may_support_little, setup_bare, teardown),
		TEST(the_eswitch_waits_for_nodes_to_go),
		TEST(who_comes_first_wins),
		TEST(a_node_is_never_deleted_under_its_children),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
