// SPDX-License-Identifier: LGPL-2.1-or-later
/* The parts of `finelink launch` that need no plane: percentiles, options, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/launch/options.h"
#include "cli/launch/request.h"
#include "cli/launch/stats.h"
#include "cli/launch/view.h"

/* ---- statistics ---------------------------------------------------------------------- */

static struct launch_summary summary_of(unsigned int count, uint64_t (*sample)(unsigned int i))
{
	struct launch_stats stats = { 0 };
	struct launch_summary summary;

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(launch_stats_add(&stats, sample(i)), 0);
	summary = launch_stats_summary(&stats);
	launch_stats_done(&stats);
	return summary;
}

static uint64_t descending(unsigned int i)
{
	return 1000 - i;
}

static uint64_t shuffled(unsigned int i)
{
	return (i * 37) % 100 + 1;
}

static void test_percentiles(void **state)
{
	struct launch_summary summary = summary_of(0, descending);

	assert_int_equal(summary.count, 0);
	assert_int_equal(summary.p99, 0);
	summary = summary_of(1, descending);
	assert_int_equal(summary.p50, 1000);
	assert_int_equal(summary.p99, 1000);
	summary = summary_of(100, shuffled); /* 1..100 */
	assert_int_equal(summary.min, 1);
	assert_int_equal(summary.p50, 50);
	assert_int_equal(summary.p99, 99);
	assert_int_equal(summary.max, 100);
	summary = summary_of(1000, descending); /* 1..1000 */
	assert_int_equal(summary.count, 1000);
	assert_int_equal(summary.p50, 500);
	assert_int_equal(summary.p99, 990);
	summary = summary_of(3, descending); /* 998, 999, 1000 */
	assert_int_equal(summary.p50, 999);
	assert_int_equal(summary.p99, 1000);
}

static void test_extrapolation(void **state)
{
	assert_int_equal(launch_extrapolate(800, 8, 1000), 100000);
	assert_int_equal(launch_extrapolate(800, 8, 8), 800);
	assert_int_equal(launch_extrapolate(800, 0, 8), 0);
	/* 30,000 pods of 8 that took a minute: no overflow */
	assert_int_equal(launch_extrapolate(60000000000, 8, 30000), 225000000000000);
}

/* ---- options ------------------------------------------------------------------------- */

static int parse(struct launch_options *options, const char *const *words)
{
	static char name[] = "launch";
	char *argv[16] = { name };
	int argc = 1;

	while (words[argc - 1]) {
		argv[argc] = (char *)words[argc - 1];
		argc++;
	}
	optind = 0; /* getopt starts afresh */
	return launch_options_parse(argc, argv, options);
}

static void test_options(void **state)
{
	struct launch_options options;

	unsetenv("FINELINK_SOCKET");
	assert_int_equal(parse(&options, (const char *const[]){ NULL }), -1);
	assert_int_equal(options.pods, 1000);
	assert_int_equal(options.rdma_attach_ms, 100);
	assert_true(options.netns);
	assert_true(options.compare);
	assert_false(options.vf || options.bkl || options.json);
	assert_int_equal(options.during, LAUNCH_IDLE);
	assert_null(options.connect);
	assert_int_equal(
		parse(&options, (const char *const[]){ "--pods", "7", "--function", "vf", "--netns",
						       "none", "--during", "hang", "--serialize",
						       "bkl", "--json", "--no-compare", NULL }),
		-1);
	assert_int_equal(options.pods, 7);
	assert_true(options.vf && options.bkl && options.json);
	assert_false(options.netns || options.compare);
	assert_int_equal(options.during, LAUNCH_HANG);
}

static void test_socket_from_environment(void **state)
{
	struct launch_options options;

	setenv("FINELINK_SOCKET", "/x/s", 1);
	assert_int_equal(parse(&options, (const char *const[]){ NULL }), -1);
	assert_string_equal(options.connect, "/x/s");
	assert_int_equal(parse(&options, (const char *const[]){ "-c", "/y", NULL }), -1);
	assert_string_equal(options.connect, "/y");
	unsetenv("FINELINK_SOCKET");
}

static void test_numbers(void **state)
{
	static const char *const bad[] = { "", "x", "-1", "+1", " 1", "1 ", "0x1", "11", "0",
					   "99999999999999999999" };
	unsigned long value = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fl_cli_number(bad[i], 1, 10, &value), -EINVAL);
	assert_int_equal(value, 42);
	assert_int_equal(fl_cli_number("10", 1, 10, &value), 0);
	assert_int_equal(value, 10);
}

/* ---- messages ------------------------------------------------------------------------ */

static const struct launch_handle pf = { "pci", "0000:03:00.0" };

/* A PORT_NEW as a plane sends it. */
static void put_port(struct fl_msg *msg, bool elsewhere)
{
	static const uint8_t mac[LAUNCH_MAC] = { 2, 0, 0, 0, 0, 7 };
	size_t function, nested;

	fl_msg_begin(msg, 0x16, 0, 0, 0, DEVLINK_CMD_PORT_NEW, 1);
	fl_msg_put_str(msg, DEVLINK_ATTR_BUS_NAME, pf.bus);
	fl_msg_put_str(msg, DEVLINK_ATTR_DEV_NAME, pf.dev);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, 32768);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_FLAVOUR, DEVLINK_PORT_FLAVOUR_PCI_SF);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, 1);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, 88);
	function = fl_msg_nest(msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put(msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, mac, sizeof(mac));
	fl_msg_put_u8(msg, DEVLINK_PORT_FN_ATTR_STATE, DEVLINK_PORT_FN_STATE_ACTIVE);
	fl_msg_put_u8(msg, DEVLINK_PORT_FN_ATTR_OPSTATE, DEVLINK_PORT_FN_OPSTATE_ATTACHED);
	nested = fl_msg_nest(msg, DEVLINK_PORT_FN_ATTR_DEVLINK, true);
	fl_msg_put_str(msg, DEVLINK_ATTR_BUS_NAME, "auxiliary");
	fl_msg_put_str(msg, DEVLINK_ATTR_DEV_NAME, "mlx5_core.sf.4");
	if (elsewhere)
		fl_msg_put_u32(msg, DEVLINK_ATTR_NETNS_ID, 3);
	fl_msg_nest_end(msg, nested);
	fl_msg_nest_end(msg, function);
	fl_msg_end(msg);
	assert_int_equal(msg->err, 0);
}

static void test_port_view(void **state)
{
	uint32_t buf[256];
	struct launch_port_view view;
	struct fl_msg msg;

	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		fl_msg_init_fixed(&msg, buf, sizeof(buf));
		put_port(&msg, elsewhere);
		assert_int_equal(launch_message_cmd((struct nlmsghdr *)buf), DEVLINK_CMD_PORT_NEW);
		assert_int_equal(launch_port_view_parse((struct nlmsghdr *)buf, &view), 0);
		assert_true(launch_handle_equal(&view.owner, &pf));
		assert_int_equal(view.index, 32768);
		assert_int_equal(view.flavour, DEVLINK_PORT_FLAVOUR_PCI_SF);
		assert_int_equal(view.pf, 1);
		assert_int_equal(view.sf, 88);
		assert_int_equal(view.hw_addr[5], 7);
		assert_true(view.has_function && view.active && view.attached);
		assert_string_equal(view.nested.bus, "auxiliary");
		assert_string_equal(view.nested.dev, "mlx5_core.sf.4");
		assert_int_equal(view.nested_elsewhere, elsewhere);
	}
}

/* Every cut of a message, and every byte of it turned over, is read without a fault (the
 * sanitizers look) and never as another port's. */
static void test_port_view_damaged(void **state)
{
	uint32_t whole[256], *damaged;
	struct launch_port_view view;
	struct fl_msg msg;
	struct nlmsghdr *nlh;

	fl_msg_init_fixed(&msg, whole, sizeof(whole));
	put_port(&msg, true);
	for (size_t len = NLMSG_HDRLEN; len < msg.len; len++) {
		damaged = calloc(1, NLMSG_ALIGN(len)); /* libmnl reads up to there */
		memcpy(damaged, whole, len);
		nlh = (struct nlmsghdr *)damaged;
		nlh->nlmsg_len = (uint32_t)len;
		launch_port_view_parse(nlh, &view);
		launch_message_cmd(nlh);
		free(damaged);
	}
	for (size_t at = NLMSG_HDRLEN; at < msg.len; at++) {
		damaged = malloc(msg.len);
		memcpy(damaged, whole, msg.len);
		((uint8_t *)damaged)[at] ^= 0xff;
		launch_port_view_parse((struct nlmsghdr *)damaged, &view);
		free(damaged);
	}
}

static void test_views_without_a_handle(void **state)
{
	uint32_t buf[64];
	struct launch_port_view view;
	struct launch_handle handle;
	struct fl_msg msg;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	fl_msg_begin(&msg, 0x16, 0, 0, 0, DEVLINK_CMD_PORT_NEW, 1);
	fl_msg_put_u32(&msg, DEVLINK_ATTR_PORT_INDEX, 1);
	fl_msg_end(&msg);
	assert_int_equal(launch_handle_parse((struct nlmsghdr *)buf, &handle, NULL), -EBADMSG);
	assert_int_equal(launch_port_view_parse((struct nlmsghdr *)buf, &view), -EBADMSG);
}

static void test_requests_fit(void **state)
{
	static const uint8_t mac[LAUNCH_MAC] = { 2 };
	struct launch_handle longest;
	struct launch_to to = { 0x16, &longest };
	uint32_t buf[128];
	struct fl_msg msg;

	memset(&longest, 'x', sizeof(longest));
	longest.bus[sizeof(longest.bus) - 1] = 0;
	longest.dev[sizeof(longest.dev) - 1] = 0;
	for (int i = 0; i < 4; i++) {
		fl_msg_init_fixed(&msg, buf, sizeof(buf));
		if (i == 0)
			launch_request_port_new(&msg, to, 1, 0, 65535);
		else if (i == 1)
			launch_request_function(&msg, to, 1, 32768, mac, 1);
		else if (i == 2)
			launch_request_reload(&msg, to, 1, 1000000);
		else
			launch_request_flash(&msg, to, 1, "a-file-name.bin");
		assert_int_equal(msg.err, 0);
		assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_len, msg.len);
	}
}

static void put_ack(struct fl_msg *msg, int error, uint16_t flags, const char *text, bool whole)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)msg->buf;
	struct nlmsgerr *ack = (struct nlmsgerr *)(nlh + 1);

	memset(msg->buf, 0, msg->cap);
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = flags;
	ack->error = error;
	ack->msg.nlmsg_len = NLMSG_HDRLEN + 8; /* what was asked had 8 bytes */
	msg->len = NLMSG_HDRLEN + sizeof(*ack) + (whole ? 8 : 0);
	if (text)
		fl_msg_put_str(msg, NLMSGERR_ATTR_MSG, text);
	nlh->nlmsg_len = (uint32_t)msg->len;
}

static void test_acks(void **state)
{
	uint32_t buf[64];
	struct fl_msg msg;
	char text[64];

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	put_ack(&msg, 0, NLM_F_CAPPED, NULL, false);
	assert_int_equal(launch_ack_parse((struct nlmsghdr *)buf, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	put_ack(&msg, -EBUSY, NLM_F_ACK_TLVS, "it is busy", true);
	assert_int_equal(launch_ack_parse((struct nlmsghdr *)buf, text, sizeof(text)), -EBUSY);
	assert_string_equal(text, "it is busy");
	put_ack(&msg, -EPERM, NLM_F_ACK_TLVS | NLM_F_CAPPED, "not you", false);
	assert_int_equal(launch_ack_parse((struct nlmsghdr *)buf, text, sizeof(text)), -EPERM);
	assert_string_equal(text, "not you");
	((struct nlmsghdr *)buf)->nlmsg_len = NLMSG_HDRLEN + 4;
	assert_int_equal(launch_ack_parse((struct nlmsghdr *)buf, text, sizeof(text)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_extrapolation),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_socket_from_environment),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_port_view),
		cmocka_unit_test(test_port_view_damaged),
		cmocka_unit_test(test_views_without_a_handle),
		cmocka_unit_test(test_requests_fit),
		cmocka_unit_test(test_acks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
