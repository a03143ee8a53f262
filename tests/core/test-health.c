/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-health.c - health reporters: what an error sets off, what clients see and ask of it, and
 * formatted messages of all sizes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/commands.h"
#include "core/health.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

static struct fixture *fixture;
static struct fl_netns *home;
static struct fl_devlink *dl;

/* ---- the driver ------------------------------------------------------------------- */

static struct driver {
	struct fl_reporter *rx, *empty, *whole, *of_port;
	int fail_recover, fail_dump;
	size_t size;         /* bytes of binary data in dumps and diagnoses */
	bool hang;           /* diagnoses, until it is taken back */
	bool wrong;          /* puts binary data in the wrong place */
	/* atomic */
	unsigned int recoveries, dumps, ctx_freed;
	struct fl_lane *recovered_on;
} driver;

static int end(struct fl_op *op)
{
	return fl_op_result(op);
}

static int rx_recover(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter, void *ctx)
{
	__atomic_add_fetch(&driver.recoveries, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&driver.recovered_on, fl_op_lane(op), __ATOMIC_RELAXED);
	if (driver.fail_recover) {
		fl_extack_set(fl_txn_extack(txn), "the queue is stuck");
		return driver.fail_recover;
	}
	return fl_op_sleep(op, FL_NS_PER_US, end);
}

static void fill(struct fl_fmsg *fmsg)
{
	uint8_t *data = calloc(1, driver.size + 1);

	fl_fmsg_string_pair_put(fmsg, "first", "a string");
	for (size_t i = 0; i < driver.size; i++)
		data[i] = (uint8_t)(i * 3);
	if (driver.size)
		fl_fmsg_binary_pair_put(fmsg, "data", data, driver.size);
	if (driver.wrong)
		fl_fmsg_binary_put(fmsg, data, 1);
	fl_fmsg_u64_pair_put(fmsg, "last", 1ULL << 40);
	free(data);
}

static int rx_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		   struct fl_fmsg *fmsg, void *ctx)
{
	__atomic_add_fetch(&driver.dumps, 1, __ATOMIC_RELAXED);
	if (driver.fail_dump) {
		fl_extack_set(fl_txn_extack(txn), "nothing to be read");
		return driver.fail_dump;
	}
	if (ctx)
		fl_fmsg_string_pair_put(fmsg, "ctx", ctx);
	fill(fmsg);
	return fl_op_sleep(op, FL_NS_PER_US, end);
}

static int hanging(struct fl_op *op)
{
	if (fl_op_cancelled(op) || !__atomic_load_n(&driver.hang, __ATOMIC_RELAXED))
		return 0;
	return fl_op_sleep(op, FL_NS_PER_MS, hanging);
}

static int rx_diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		       struct fl_fmsg *fmsg)
{
	fill(fmsg);
	return hanging(op);
}

static int rx_test(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter)
{
	return fl_health_report(reporter, "a test", NULL, NULL);
}

static const struct fl_reporter_ops rx_ops = {
	.recover = rx_recover, .dump = rx_dump, .diagnose = rx_diagnose, .test = rx_test,
};
static const struct fl_reporter_ops empty_ops = { NULL };

static int make_reporters(struct fl_op *op, void *arg)
{
	const struct fl_reporter_desc rx = { .name = "rx", .ops = &rx_ops, .priv = &driver };
	const struct fl_reporter_desc empty = { .name = "empty", .ops = &empty_ops };
	const struct fl_reporter_desc whole = { .name = "whole", .ops = &rx_ops,
						.recovers_device = true };
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	driver.empty = fl_reporter_add(txn, &empty);
	driver.rx = fl_reporter_add(txn, &rx);
	driver.whole = fl_reporter_add(txn, &whole);
	driver.of_port = fl_port_reporter_add(txn, 1, &rx);
	return fl_txn_commit(txn);
}

/* ---- asking ----------------------------------------------------------------------- */

static void ask(struct request *request, uint8_t cmd, const char *reporter)
{
	request_init(request, fixture, home, cmd, dl);
	if (reporter)
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_HEALTH_REPORTER_NAME, reporter);
}

static int command(uint8_t cmd, const char *reporter, char *text)
{
	struct request request;
	int err;

	ask(&request, cmd, reporter);
	err = request_run(&request);
	if (text)
		snprintf(text, 160, "%s", request.req.extack.msg);
	request_done(&request);
	return err;
}

static const struct nlattr *reporter_attr(const void *message, uint16_t attr)
{
	const uint16_t path[] = { DEVLINK_ATTR_HEALTH_REPORTER, attr, 0 };

	return answer_attr(message, path);
}

static uint64_t number(const void *message, uint16_t attr)
{
	const struct nlattr *found = reporter_attr(message, attr);

	assert_non_null(found);
	return fl_attr_len(found) == 1 ? fl_attr_u8(found) : fl_attr_u64(found);
}

/* "error 2 1 dump": state, errors, recoveries, and whether there is a dump. */
static const char *describe(const void *message, char *text)
{
	sprintf(text, "%s %u %u%s",
		number(message, DEVLINK_ATTR_HEALTH_REPORTER_STATE) ? "error" : "healthy",
		(unsigned int)number(message, DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT),
		(unsigned int)number(message, DEVLINK_ATTR_HEALTH_REPORTER_RECOVER_COUNT),
		reporter_attr(message, DEVLINK_ATTR_HEALTH_REPORTER_DUMP_TS_NS) ? " dump" : "");
	return text;
}

static const char *shown(const char *reporter)
{
	static char text[64];
	struct request request;

	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_GET, reporter);
	assert_int_equal(request_run(&request), 0);
	describe(request.req.reply.buf, text);
	request_done(&request);
	return text;
}

/* What was told of reporters, "; " between. */
static const char *told(uint64_t *position)
{
	static char text[1024];
	char one[64];
	struct fl_evrec *rec;
	size_t len = 0;

	*text = '\0';
	while (!fl_evlog_read(home->log, position, &rec)) {
		if (rec->cmd == DEVLINK_CMD_HEALTH_REPORTER_RECOVER)
			len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? "; " : "",
					describe(rec->data, one));
		fl_evrec_put(rec);
	}
	return text;
}

/* A report that is awaited, as a knob of a driver does it. */
struct report {
	struct fl_reporter *reporter;
	void *ctx;
};

static void ctx_free(void *ctx)
{
	__atomic_add_fetch(&driver.ctx_freed, 1, __ATOMIC_RELAXED);
	free(ctx);
}

/* That comes with the last reference on the operation, a little after its end. */
static bool freed(unsigned int count)
{
	for (int i = 0; i < 10000; i++) {
		if (__atomic_load_n(&driver.ctx_freed, __ATOMIC_RELAXED) == count)
			return true;
		usleep(1000);
	}
	return false;
}

static int report_run(struct fl_op *op, void *arg)
{
	struct report *report = arg;
	int err;

	err = fl_health_report_spawn(op, report->reporter, "broken", report->ctx, ctx_free);
	return err ? err : fl_op_join(op, end);
}

static int report(struct fl_reporter *reporter, const char *ctx)
{
	struct report arg = { .reporter = reporter, .ctx = ctx ? strdup(ctx) : NULL };

	return fixture_operation(fixture, dl->lane, report_run, &arg);
}

static void drain(void)
{
	assert_int_equal(fl_sched_drain(fl_plane_sched(fixture->plane), 10 * FL_NS_PER_S), 0);
}

static int setup(void **state)
{
	driver = (struct driver){ 0 };
	dl = fixture_add(fixture, *state);
	return fixture_operation(fixture, dl->lane, make_reporters, NULL);
}

static void put_reporters(void)
{
	fl_reporter_put(driver.rx);
	fl_reporter_put(driver.empty);
	fl_reporter_put(driver.whole);
	fl_reporter_put(driver.of_port);
}

static int teardown(void **state)
{
	fl_device_remove_post(fl_devlink_device(dl), NULL, NULL, NULL);
	drain();
	/* A report that comes too late fails, and frees what it brought. */
	assert_int_equal(fl_health_report(driver.rx, "too late", strdup("x"), ctx_free), -ENODEV);
	put_reporters();
	fl_devlink_put(dl);
	return 0;
}

/* ---- what an error sets off ------------------------------------------------------- */

static void shows(void **state)
{
	struct request request;
	char shape[200];
	size_t at = 0;

	/* What it has no callbacks for is not shown. */
	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_GET, "empty");
	assert_int_equal(request_run(&request), 0);
	assert_null(reporter_attr(request.req.reply.buf, DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP));
	assert_null(reporter_attr(request.req.reply.buf,
				  DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER));
	request_done(&request);
	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_GET, "rx");
	assert_int_equal(request_run(&request), 0);
	assert_string_equal(describe(request.req.reply.buf, shape), "healthy 0 0");
	assert_int_equal(number(request.req.reply.buf, DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP), 1);
	assert_int_equal(number(request.req.reply.buf, DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER),
			 1);
	request_done(&request);

	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_GET, NULL);
	assert_int_equal(request_dump(&request, 3776, NULL), 0);
	for (int i = 0; i < 4; i++) {
		const struct nlmsghdr *nlh = (struct nlmsghdr *)(request.req.reply.buf + at);

		assert_int_equal(nlh->nlmsg_flags, NLM_F_MULTI | NLM_F_DUMP_FILTERED);
		assert_string_equal(answer_shape(nlh, shape, sizeof(shape)),
				    i < 3 ? "114" : "3 114");
		at += nlh->nlmsg_len;
	}
	assert_int_equal(at, request.req.reply.len);
	request_done(&request);
}

static void an_error_is_dumped_and_recovered(void **state)
{
	uint64_t position = fl_evlog_end(home->log);

	assert_int_equal(report(driver.rx, "context"), 0);
	assert_string_equal(told(&position), "error 1 0; healthy 1 1 dump");
	assert_string_equal(shown("rx"), "healthy 1 1 dump");
	assert_true(freed(1));
	/* The first dump is kept. */
	assert_int_equal(report(driver.rx, NULL), 0);
	assert_int_equal(driver.dumps, 1);
	assert_string_equal(shown("rx"), "healthy 2 2 dump");
	assert_string_equal(told(&position), "error 2 1 dump; healthy 2 2 dump");
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR, "rx", NULL), 0);
	assert_string_equal(shown("rx"), "healthy 2 2");
	assert_string_equal(told(&position), "");
	/* One that has no callbacks only counts. */
	assert_int_equal(report(driver.empty, NULL), 0);
	assert_string_equal(told(&position), "error 1 0");
	assert_string_equal(shown("empty"), "error 1 0");
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "empty", NULL), -EOPNOTSUPP);
}

static void from_anywhere(void **state)
{
	for (int i = 0; i < 100; i++)
		assert_int_equal(fl_health_report(driver.rx, "again", strdup("ctx"), ctx_free), 0);
	drain();
	assert_string_equal(shown("rx"), "healthy 100 100 dump");
	assert_true(freed(100));
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_TEST, "rx", NULL), 0);
	drain();
	assert_string_equal(shown("rx"), "healthy 101 101 dump");
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_TEST, "empty", NULL), -EOPNOTSUPP);
}

static void what_is_not_recovered_stays(void **state)
{
	uint64_t position = fl_evlog_end(home->log);
	char text[160];

	driver.fail_recover = -EINVAL;
	assert_int_equal(report(driver.rx, NULL), -EINVAL);
	assert_string_equal(shown("rx"), "error 1 0 dump");
	/* The next error finds it broken: no attempt. */
	driver.fail_recover = 0;
	assert_int_equal(report(driver.rx, NULL), -ECANCELED);
	assert_int_equal(driver.recoveries, 1);
	assert_string_equal(told(&position), "error 1 0; error 2 0 dump");
	driver.fail_recover = -EINVAL;
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "rx", text), -EINVAL);
	assert_string_equal(text, "the queue is stuck");
	driver.fail_recover = 5; /* nonsense */
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "rx", NULL), -EIO);
	driver.fail_recover = 0;
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "rx", NULL), 0);
	assert_string_equal(told(&position), "healthy 2 1 dump");
	/* What is healthy needs none. */
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "rx", NULL), 0);
	assert_int_equal(driver.recoveries, 4);
	/* A dump that fails is no reason not to recover. */
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR, "rx", NULL), 0);
	driver.fail_dump = -EIO;
	assert_int_equal(report(driver.rx, NULL), 0);
	assert_string_equal(shown("rx"), "healthy 3 2");
}

/* ---- settings --------------------------------------------------------------------- */

static int set(const char *reporter, uint16_t attr, uint64_t value, char *text)
{
	bool byte = attr == DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER ||
		    attr == DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP;
	struct request request;
	int err;

	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_SET, reporter);
	if (byte)
		fl_msg_put_u8(&request.msg, attr, value);
	else
		fl_msg_put_u64(&request.msg, attr, value);
	err = request_run(&request);
	if (text)
		snprintf(text, 160, "%s", request.req.extack.msg);
	request_done(&request);
	return err;
}

#define GRACE DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD
#define BURST DEVLINK_ATTR_HEALTH_REPORTER_BURST_PERIOD
#define AUTO_RECOVER DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER
#define AUTO_DUMP DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP

static void is_set(void **state)
{
	uint64_t position = fl_evlog_end(home->log);
	char text[160];

	assert_int_equal(set("rx", AUTO_DUMP, 0, NULL), 0);
	assert_int_equal(report(driver.rx, NULL), 0);
	assert_string_equal(shown("rx"), "healthy 1 1");
	assert_int_equal(set("rx", AUTO_RECOVER, 0, NULL), 0);
	assert_int_equal(report(driver.rx, NULL), 0);
	assert_string_equal(shown("rx"), "error 2 1");
	/* Settings are not told. */
	assert_string_equal(told(&position), "error 1 0; healthy 1 1; error 2 1");

	assert_int_equal(set("empty", GRACE, 10, NULL), -EOPNOTSUPP);
	assert_int_equal(set("empty", BURST, 10, NULL), -EOPNOTSUPP);
	assert_int_equal(set("empty", AUTO_RECOVER, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(set("empty", AUTO_DUMP, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(set("nosuch", AUTO_DUMP, 0, NULL), -EINVAL);
	assert_int_equal(set(NULL, AUTO_DUMP, 0, NULL), -EINVAL);
	assert_int_equal(set("rx", BURST, 10, text), -EINVAL);
	assert_string_equal(text, "health: Cannot set burst period without a grace period.");
	assert_int_equal(set("rx", GRACE, 500, NULL), 0);
	assert_int_equal(set("rx", BURST, 10, NULL), 0);
	assert_int_equal(set("rx", GRACE, 0, NULL), 0); /* takes the burst along */
	assert_int_equal(set("rx", GRACE, 500, NULL), 0);
}

static void grace_follows_burst(void **state)
{
	assert_int_equal(set("rx", GRACE, 600000, NULL), 0);
	assert_int_equal(report(driver.rx, NULL), 0);
	assert_int_equal(report(driver.rx, NULL), -ECANCELED);
	assert_string_equal(shown("rx"), "error 2 1 dump");
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "rx", NULL), 0);
	/* Within the burst as many as come are recovered. */
	assert_int_equal(set("rx", BURST, 600000, NULL), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(report(driver.rx, NULL), 0);
	assert_string_equal(shown("rx"), "healthy 7 7 dump");
	/* It counts from its first recovery. */
	assert_int_equal(set("rx", BURST, 1, NULL), 0);
	usleep(3000);
	assert_int_equal(report(driver.rx, NULL), -ECANCELED);
	/* And both end. */
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "rx", NULL), 0);
	assert_int_equal(set("rx", GRACE, 1, NULL), 0);
	usleep(4000);
	assert_int_equal(report(driver.rx, NULL), 0);
}

/* ---- lanes ------------------------------------------------------------------------ */

static void a_slow_one_holds_up_nobody_else(void **state)
{
	struct request slow;
	int err;

	driver.hang = true;
	ask(&slow, DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "rx");
	fl_msg_end(&slow.msg);
	slow.req.nlh = (struct nlmsghdr *)slow.buf;
	assert_int_equal(fl_nl_parse(slow.req.nlh, GENL_HDRLEN, slow.req.cmd->do_policy,
				     slow.req.cmd->do_max, false, slow.req.tb, NULL), 0);
	err = fl_health_diagnose_doit(&slow.req);
	assert_int_equal(err, FL_LATER);
	/* Reads of the same, and everything of the others. */
	assert_string_equal(shown("rx"), "healthy 0 0");
	assert_int_equal(set("whole", GRACE, 1, NULL), 0);
	assert_int_equal(fl_health_report(driver.empty, "x", NULL, NULL), 0);
	for (int i = 0; strcmp(shown("empty"), "error 1 0"); i++) {
		assert_true(i < 10000);
		usleep(1000);
	}
	assert_false(__atomic_load_n(&slow.done, __ATOMIC_ACQUIRE));
	__atomic_store_n(&driver.hang, false, __ATOMIC_RELAXED);
	drain();
	assert_true(__atomic_load_n(&slow.done, __ATOMIC_ACQUIRE));
	assert_int_equal(slow.err, 0);
	request_done(&slow);
}

static void one_may_recover_the_device(void **state)
{
	assert_int_equal(report(driver.rx, NULL), 0);
	assert_ptr_equal(driver.recovered_on, driver.rx->lane);
	assert_int_equal(report(driver.whole, "ctx"), 0);
	drain();
	assert_string_equal(shown("whole"), "healthy 1 1 dump");
	assert_ptr_equal(driver.recovered_on, dl->lane);
	assert_true(freed(2));
	driver.fail_recover = -EIO;
	assert_int_equal(report(driver.whole, NULL), 0);
	drain();
	driver.fail_recover = 0;
	assert_string_equal(shown("whole"), "error 2 1 dump");
	driver.recovered_on = NULL;
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "whole", NULL), 0);
	assert_ptr_equal(driver.recovered_on, dl->lane);
}

/* ---- ports ------------------------------------------------------------------------ */

static int get_of_port(uint32_t port, const char *reporter, uint16_t attr, uint64_t *ret_value)
{
	struct request request;
	int err;

	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_GET, reporter);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
	err = request_run(&request);
	if (!err)
		*ret_value = number(request.req.reply.buf, attr);
	request_done(&request);
	return err;
}

static unsigned int dumped_of_port(uint32_t port)
{
	struct request request;
	unsigned int count = 0;

	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_GET, NULL);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
	assert_int_equal(request_dump(&request, 3776, NULL), 0);
	for (size_t at = 0; at < request.req.reply.len; count++)
		at += ((struct nlmsghdr *)(request.req.reply.buf + at))->nlmsg_len;
	request_done(&request);
	return count;
}

static int delete_port(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_port_del(txn, 1);
	return fl_txn_commit(txn);
}

static void of_ports(void **state)
{
	uint64_t value;

	assert_int_equal(report(driver.of_port, NULL), 0);
	assert_int_equal(get_of_port(1, "rx", DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT, &value), 0);
	assert_int_equal(value, 1);
	assert_string_equal(shown("rx"), "healthy 0 0");
	assert_int_equal(get_of_port(2, "rx", DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT, &value),
			 -EINVAL);
	/* A port that is not there: the instance's, as in the kernel. */
	assert_int_equal(get_of_port(99, "rx", DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(dumped_of_port(1), 1);
	assert_int_equal(dumped_of_port(0), 0);
	assert_int_equal(dumped_of_port(99), 0);

	assert_int_equal(fixture_operation(fixture, dl->lane, delete_port, NULL), 0);
	assert_int_equal(dumped_of_port(1), 0);
	assert_int_equal(fl_health_report(driver.of_port, "late", NULL, NULL), -ENODEV);
}

/* ---- formatted messages ----------------------------------------------------------- */

struct items {
	unsigned int messages, items;
	size_t bytes;         /* of binary data */
	size_t largest;
	bool done, last;
};

static void take_item(struct items *items, const struct nlattr *attr, uint8_t *type)
{
	const uint8_t *data = fl_attr_data(attr);

	items->items++;
	if (attr->nla_type == DEVLINK_ATTR_FMSG_OBJ_VALUE_TYPE)
		*type = *data;
	if (attr->nla_type != DEVLINK_ATTR_FMSG_OBJ_VALUE_DATA)
		return;
	assert_int_not_equal(*type, 0);
	if (*type == 11) {
		for (size_t i = 0; i < fl_attr_len(attr); i++)
			assert_int_equal(data[i], (uint8_t)((items->bytes + i) * 3));
		items->bytes += fl_attr_len(attr);
	}
	items->last = *type == 4 && fl_attr_u64(attr) == 1ULL << 40;
	*type = 0;
}

static void take(struct items *items, const struct fl_msg *reply, uint16_t flags)
{
	const struct nlmsghdr *nlh;
	uint8_t type = 0;

	for (size_t at = 0; at < reply->len; at += nlh->nlmsg_len) {
		const struct nlattr *fmsg, *item;

		nlh = (const struct nlmsghdr *)(reply->buf + at);
		assert_int_equal(nlh->nlmsg_flags, flags);
		if (nlh->nlmsg_type == NLMSG_DONE) {
			items->done = true;
			continue;
		}
		items->messages++;
		if (nlh->nlmsg_len > items->largest)
			items->largest = nlh->nlmsg_len;
		fmsg = (const struct nlattr *)((const char *)nlh + NLMSG_HDRLEN + GENL_HDRLEN);
		assert_int_equal(fmsg->nla_type, DEVLINK_ATTR_FMSG);
		for (size_t in = 0; in < fl_attr_len(fmsg); in += NLA_ALIGN(item->nla_len)) {
			item = (const struct nlattr *)((const char *)fl_attr_data(fmsg) + in);
			take_item(items, item, &type);
		}
	}
}

static int diagnose(size_t size, struct items *items)
{
	struct request request;
	int err;

	driver.size = size;
	*items = (struct items){ 0 };
	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "rx");
	err = request_run(&request);
	if (!err)
		take(items, &request.req.reply, NLM_F_MULTI);
	request_done(&request);
	return err;
}

static void diagnoses_of_any_size(void **state)
{
	struct items items;

	assert_int_equal(diagnose(0, &items), 0);
	assert_int_equal(items.messages, 1);
	/* object; twice start, name, type, value, end; end */
	assert_int_equal(items.items, 12);
	assert_true(items.done && items.last);
	for (size_t size = 1; size < 100000; size = size * 3 + 1) {
		assert_int_equal(diagnose(size, &items), 0);
		assert_int_equal(items.bytes, size);
		assert_true(items.largest <= 3776);
		assert_true(items.done && items.last);
	}
	assert_true(items.messages > 10);
	assert_int_equal(diagnose(FL_FMSG_MAX, &items), -EMSGSIZE);
	driver.wrong = true;
	assert_int_equal(diagnose(0, &items), -EINVAL);
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "empty", NULL), -EOPNOTSUPP);
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "nosuch", NULL), -EINVAL);
}

static int get_dump(const char *reporter, size_t bound, struct items *items, char *text)
{
	struct request request;
	int err;

	*items = (struct items){ 0 };
	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_DUMP_GET, reporter);
	err = request_dump(&request, bound, NULL);
	take(items, &request.req.reply, NLM_F_ACK | NLM_F_MULTI);
	if (text)
		snprintf(text, 160, "%s", request.req.extack.msg);
	request_done(&request);
	return err;
}

static void dumps_of_any_size(void **state)
{
	struct items items;
	char text[160];

	assert_int_equal(get_dump("rx", 3776, &items, NULL), 0);
	assert_int_equal(items.items, 12);
	assert_string_equal(shown("rx"), "healthy 0 0 dump");
	/* It is kept until it is cleared. */
	driver.size = 100000;
	assert_int_equal(get_dump("rx", 3776, &items, NULL), 0);
	assert_int_equal(items.bytes, 0);
	assert_int_equal(driver.dumps, 1);
	for (size_t bound = 3776; bound <= 65536; bound = bound * 4) {
		assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR, "rx", NULL), 0);
		assert_int_equal(get_dump("rx", bound, &items, NULL), 0);
		assert_int_equal(items.bytes, 100000);
		assert_true(items.last);
		assert_true(items.largest <= bound && items.largest <= 32448);
		assert_true(items.largest > (bound > 32448 ? 32448 : bound) / 2);
	}
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR, "rx", NULL), 0);
	driver.fail_dump = -EIO;
	assert_int_equal(get_dump("rx", 3776, &items, text), -EIO);
	assert_string_equal(text, "nothing to be read");
	assert_string_equal(shown("rx"), "healthy 0 0");
	assert_int_equal(get_dump("empty", 3776, &items, NULL), -EOPNOTSUPP);
	assert_int_equal(get_dump("nosuch", 3776, &items, NULL), -EINVAL);
	assert_int_equal(get_dump(NULL, 3776, &items, NULL), -EINVAL);
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR, "empty", NULL),
			 -EOPNOTSUPP);
}

/* One dump is not continued with another one. */
static void a_dump_may_be_trampled(void **state)
{
	static uint32_t buf[944];
	struct fl_dump dump = { 0 };
	struct request request;
	struct items items;
	struct fl_msg msg;

	driver.size = 10000;
	assert_int_equal(get_dump("rx", 3776, &items, NULL), 0);
	ask(&request, DEVLINK_CMD_HEALTH_REPORTER_DUMP_GET, "rx");
	fl_msg_end(&request.msg);
	request.req.nlh = (struct nlmsghdr *)request.buf;
	assert_int_equal(fl_nl_parse(request.req.nlh, GENL_HDRLEN, request.req.cmd->dump_policy,
				     request.req.cmd->dump_max, false, request.req.tb, NULL), 0);
	dump.msg = &msg;
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	assert_int_equal(fl_health_dump_get_dumpit(&request.req, &dump), 1);
	assert_int_equal(command(DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR, "rx", NULL), 0);
	assert_int_equal(get_dump("rx", 3776, &items, NULL), 0);
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	assert_int_equal(fl_health_dump_get_dumpit(&request.req, &dump), -EAGAIN);
	assert_string_equal(request.req.extack.msg, "Dump trampled, please retry");
	request_done(&request);
}

/* ---- drivers ---------------------------------------------------------------------- */

static unsigned int lanes(void)
{
	struct fl_sched_stats stats;

	fl_rcu_barrier();
	fl_sched_stats(fl_plane_sched(fixture->plane), &stats);
	return stats.lanes;
}

static int add_in_vain(struct fl_op *op, void *arg)
{
	const struct fl_reporter_desc *desc = arg;
	struct fl_reporter *reporter;
	struct fl_txn *txn;
	int err;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	reporter = fl_reporter_add(txn, desc);
	err = txn->err;
	fl_txn_abort(txn);
	if (reporter)
		assert_int_equal(fl_health_report(reporter, "never was", NULL, NULL), -ENODEV);
	fl_reporter_put(reporter);
	return err;
}

static int replace(struct fl_op *op, void *arg)
{
	const struct fl_reporter_desc desc = { .name = "rx", .ops = &rx_ops };
	struct fl_reporter *old = driver.rx;
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_reporter_del(txn, old);
	driver.rx = fl_reporter_add(txn, &desc);
	assert_int_equal(fl_txn_commit(txn), 0);
	assert_int_equal(fl_health_report(old, "late", NULL, NULL), -ENODEV);
	fl_reporter_put(old);
	return 0;
}

static int state_error(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_reporter_state_set(txn, driver.rx, DEVLINK_HEALTH_REPORTER_STATE_ERROR);
	fl_reporter_state_set(txn, driver.rx, DEVLINK_HEALTH_REPORTER_STATE_ERROR);
	return fl_txn_commit(txn);
}

static void come_and_go(void **state)
{
	struct fl_reporter_desc desc = { .name = "rx", .ops = &rx_ops };
	unsigned int before = lanes();
	uint64_t position = fl_evlog_end(home->log);

	assert_int_equal(fixture_operation(fixture, dl->lane, add_in_vain, &desc), -EEXIST);
	desc.name = "new";
	assert_int_equal(fixture_operation(fixture, dl->lane, add_in_vain, &desc), 0);
	desc.burst_period_ms = 1;
	assert_int_equal(fixture_operation(fixture, dl->lane, add_in_vain, &desc), -EINVAL);
	desc.grace_period_ms = 1;
	desc.ops = &empty_ops;
	assert_int_equal(fixture_operation(fixture, dl->lane, add_in_vain, &desc), -EINVAL);
	assert_int_equal(lanes(), before);

	assert_int_equal(report(driver.rx, NULL), 0);
	assert_int_equal(fixture_operation(fixture, dl->lane, replace, NULL), 0);
	assert_int_equal(lanes(), before);
	assert_string_equal(shown("rx"), "healthy 0 0");
	told(&position);
	assert_int_equal(fixture_operation(fixture, dl->lane, state_error, NULL), 0);
	assert_string_equal(told(&position), "error 0 0");
}

/* Reports from everywhere while the instance goes: each ends, and frees its context. */
static void while_it_goes(void **state)
{
	unsigned int reported = 0;

	for (int i = 0; i < 300; i++) {
		if (i == 100)
			fl_device_remove_post(fl_devlink_device(dl), NULL, NULL, NULL);
		fl_health_report(i % 2 ? driver.rx : driver.whole, "x", strdup("x"), ctx_free);
		reported++;
	}
	drain();
	fl_rcu_barrier();
	assert_true(freed(reported));
	put_reporters();
	fl_devlink_put(dl);
}

#define HEALTH_TEST(name) \
	{ #name, name, setup, teardown, (void *)"health-" #name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEALTH_TEST(shows),
		HEALTH_TEST(an_error_is_dumped_and_recovered),
		HEALTH_TEST(from_anywhere),
		HEALTH_TEST(what_is_not_recovered_stays),
		HEALTH_TEST(is_set),
		HEALTH_TEST(grace_follows_burst),
		HEALTH_TEST(a_slow_one_holds_up_nobody_else),
		HEALTH_TEST(one_may_recover_the_device),
		HEALTH_TEST(of_ports),
		HEALTH_TEST(diagnoses_of_any_size),
		HEALTH_TEST(dumps_of_any_size),
		HEALTH_TEST(a_dump_may_be_trampled),
		HEALTH_TEST(come_and_go),
		{ "while_it_goes", while_it_goes, setup, NULL, (void *)"health-while_it_goes" },
	};
	int failed;

	fixture = fixture_new(NULL);
	home = fl_netns_initial(fl_plane_netns(fixture->plane));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free(fixture);
	return failed;
}
