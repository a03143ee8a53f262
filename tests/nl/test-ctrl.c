/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ctrl.c - nlctrl: GETFAMILY and GETPOLICY as a kernel answers them. Answers about
 * devlink are compared with the recordings, those about nlctrl itself with bytes below,
 * which a Linux 6.18 gave.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "hex.h"
#include "nl/ctrl.h"
#include "nl/devlink-attrs.h"

#define PORTID 0x77

/* ---- requests --------------------------------------------------------------------- */

static void request_new(struct fl_msg *msg, uint16_t flags, uint8_t cmd)
{
	fl_msg_init(msg);
	fl_msg_begin(msg, FL_FAMILY_CTRL, NLM_F_REQUEST | flags, 7, 0, cmd, 1);
}

static struct nlmsghdr *request_end(struct fl_msg *msg)
{
	fl_msg_end(msg);
	assert_int_equal(msg->err, 0);
	return (struct nlmsghdr *)msg->buf;
}

/* A whole dump, in pieces of at most `piece` bytes; returns the number of pieces. */
static unsigned int dump_all(const struct nlmsghdr *request, uint32_t portid, size_t piece,
			     struct fl_msg *all)
{
	struct fl_ctrl_dump dump = { { 0 } };
	uint32_t *buf = malloc(piece);
	unsigned int pieces = 0;
	int more = 1;

	assert_non_null(buf);
	fl_msg_init(all);
	while (more) {
		struct fl_msg msg;

		fl_msg_init_fixed(&msg, buf, piece);
		more = fl_ctrl_dump(request, portid, &dump, &msg, NULL);
		assert_true(more >= 0);
		assert_int_equal(msg.err, 0);
		fl_msg_put_raw(all, msg.buf, msg.len);
		pieces++;
	}
	free(buf);
	return pieces;
}

static void assert_hex(const struct fl_msg *msg, const char *hex)
{
	size_t len;
	unsigned char *want = hex_decode(hex, &len);

	if (msg->len != len || memcmp(msg->buf, want, len)) {
		hex_print("wanted", want, len);
		hex_print("got   ", msg->buf, msg->len);
		fail();
	}
	free(want);
}

static void assert_do_fails(struct nlmsghdr *request, int err, const char *text)
{
	struct fl_extack extack = { 0 };
	struct fl_msg reply;

	fl_msg_init(&reply);
	assert_int_equal(fl_ctrl_do(request, PORTID, &reply, &extack), err);
	assert_string_equal(extack.msg, text);
	assert_int_equal(reply.len, 0);
	fl_msg_done(&reply);
}

static void assert_dump_fails(struct nlmsghdr *request, int err, const char *text,
			      uint32_t bad_offset)
{
	struct fl_ctrl_dump dump = { { 0 } };
	struct fl_extack extack = { 0 };
	struct fl_msg reply;

	fl_msg_init(&reply);
	assert_int_equal(fl_ctrl_dump(request, PORTID, &dump, &reply, &extack), err);
	assert_string_equal(extack.msg, text);
	assert_ptr_equal(extack.bad_attr, bad_offset ? (char *)request + bad_offset : NULL);
	assert_int_equal(reply.len, 0);
	fl_msg_done(&reply);
}

/* ---- recorded --------------------------------------------------------------------- */

static unsigned char *netlink_at(struct json_object *line, size_t i, size_t *ret_len)
{
	struct json_object *list = NULL;

	json_object_object_get_ex(line, "netlink", &list);
	if (!list || json_object_array_length(list) <= i)
		return NULL;
	/* "S hex" or "R hex" */
	return hex_decode(json_object_get_string(json_object_array_get_idx(list, i)) + 2, ret_len);
}

/* Each recorded command begins by looking the family up. */
static void compare_lookup(struct json_object *line, void *arg)
{
	size_t len, want_len;
	unsigned char *request = netlink_at(line, 0, &len);
	unsigned char *want = netlink_at(line, 1, &want_len);
	unsigned int *compared = arg;
	struct fl_msg reply;

	if (request && want && ((struct nlmsghdr *)request)->nlmsg_type == FL_FAMILY_CTRL) {
		fl_msg_init(&reply);
		assert_int_equal(fl_ctrl_do((struct nlmsghdr *)request,
					    ((struct nlmsghdr *)want)->nlmsg_pid, &reply, NULL),
				 0);
		assert_int_equal(reply.len, want_len);
		assert_memory_equal(reply.buf, want, want_len);
		fl_msg_done(&reply);
		(*compared)++;
	}
	free(request);
	free(want);
}

static void test_family_as_recorded(void **state)
{
	unsigned int compared = 0;

	jsonl_each("netdevsim.jsonl", compare_lookup, &compared);
	print_message("%u look-ups of the family agree\n", compared);
	assert_true(compared > 100);
}

/* The kernel of this recording had given devlink another id: CTRL_ATTR_FAMILY_ID, the
 * first attribute, is set to ours. */
static void patch_id(unsigned char *message, size_t at)
{
	struct nlattr *attr = (struct nlattr *)(message + at + MNL_NLMSG_HDRLEN + GENL_HDRLEN);
	uint16_t id = FL_FAMILY_DEVLINK;

	assert_int_equal(attr->nla_type, CTRL_ATTR_FAMILY_ID);
	memcpy(mnl_attr_get_payload(attr), &id, sizeof(id));
}

static void compare_policy(struct json_object *line, void *arg)
{
	size_t piece = *(size_t *)arg, len, at = 0, more;
	unsigned char *request = hex_decode(json_text(line, "request"), &len);
	struct json_object *replies = NULL;
	unsigned int messages = 0;
	struct fl_msg ours;

	patch_id(request, 0);
	json_object_object_get_ex(line, "replies", &replies);
	dump_all((struct nlmsghdr *)request, 0x34, piece, &ours);
	for (size_t i = 0; i < json_object_array_length(replies); i++) {
		struct json_object *text = json_object_array_get_idx(replies, i);
		unsigned char *want = hex_decode(json_object_get_string(text), &len);

		for (size_t from = 0; from < len; from += more) {
			const struct nlmsghdr *nlh = (struct nlmsghdr *)(want + from);

			more = MNL_ALIGN(nlh->nlmsg_len);
			if (nlh->nlmsg_type == NLMSG_DONE)
				continue;
			patch_id(want, from);
			assert_true(at + more <= ours.len);
			assert_memory_equal(ours.buf + at, want + from, more);
			at += more;
			messages++;
		}
		free(want);
	}
	assert_int_equal(at, ours.len);
	print_message("%u messages of GETPOLICY agree\n", messages);
	assert_true(messages > 400);
	fl_msg_done(&ours);
	free(request);
}

static void test_policy_as_recorded(void **state)
{
	static const size_t pieces[] = { 128, 4096, 32768 };

	for (size_t i = 0; i < FL_ARRAY_SIZE(pieces); i++)
		jsonl_each("policy.json", compare_policy, (void *)&pieces[i]);
}

/* ---- nlctrl itself ---------------------------------------------------------------- */

static const char ctrl_family[] =
	"88000000100000000700000077000000010200000b0002006e6c6374726c000006000100100000000800"
	"030002000000080004000000000008000500000000002c000600140001000800010003000000080002000e"
	"00000014000200080001000a000000080002000c0000001c0007001800010008000200100000000b000100"
	"6e6f746966790000";

static void test_family_ctrl(void **state)
{
	struct fl_msg request, reply;

	request_new(&request, 0, CTRL_CMD_GETFAMILY);
	fl_msg_put_u16(&request, CTRL_ATTR_FAMILY_ID, GENL_ID_CTRL);
	fl_msg_init(&reply);
	assert_int_equal(fl_ctrl_do(request_end(&request), PORTID, &reply, NULL), 0);
	assert_hex(&reply, ctrl_family);
	fl_msg_done(&reply);
	fl_msg_done(&request);
}

static void test_family_dump(void **state)
{
	struct fl_msg request, all;
	struct nlmsghdr *first, *second;

	request_new(&request, NLM_F_DUMP, CTRL_CMD_GETFAMILY);
	/* One family a piece, then both in one. */
	assert_int_equal(dump_all(request_end(&request), PORTID, 1300, &all), 2);
	fl_msg_done(&all);
	assert_int_equal(dump_all(request_end(&request), PORTID, 4096, &all), 1);
	first = (struct nlmsghdr *)all.buf;
	second = (struct nlmsghdr *)(all.buf + first->nlmsg_len);
	assert_int_equal(first->nlmsg_flags, NLM_F_MULTI);
	assert_int_equal(first->nlmsg_len + second->nlmsg_len, all.len);
	first->nlmsg_flags = 0;
	all.len = first->nlmsg_len;
	assert_hex(&all, ctrl_family);
	fl_msg_done(&all);
	fl_msg_done(&request);
}

static void test_family_errors(void **state)
{
	struct fl_msg request;

	request_new(&request, 0, CTRL_CMD_GETFAMILY);
	assert_do_fails(request_end(&request), -EINVAL, "");
	/* The name counts, even beside a good id. */
	fl_msg_put_u16(&request, CTRL_ATTR_FAMILY_ID, GENL_ID_CTRL);
	fl_msg_put_str(&request, CTRL_ATTR_FAMILY_NAME, "nosuch");
	assert_do_fails(request_end(&request), -ENOENT, "");
	fl_msg_put_str(&request, CTRL_ATTR_FAMILY_NAME, "a-name-of-17-byte");
	assert_do_fails(request_end(&request), -EINVAL, "Attribute failed policy validation");
	fl_msg_done(&request);
	request_new(&request, 0, 99);
	assert_do_fails(request_end(&request), -EOPNOTSUPP, "");
	fl_msg_done(&request);
	request_new(&request, 0, CTRL_CMD_GETPOLICY);
	assert_do_fails(request_end(&request), -EOPNOTSUPP, "");
	((struct nlmsghdr *)request.buf)->nlmsg_len = 18;
	assert_do_fails((struct nlmsghdr *)request.buf, -EINVAL, "");
	fl_msg_done(&request);
}

/* One difference: that kernel named a command that can only dump, 0 (0c000080 for 0c000a80).
 * 7.2 names those of devlink rightly (test_policy_as_recorded). */
static void test_policy_ctrl(void **state)
{
	struct fl_msg request, all;

	request_new(&request, NLM_F_DUMP, CTRL_CMD_GETPOLICY);
	fl_msg_put_str(&request, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	dump_all(request_end(&request), PORTID, 4096, &all);
	assert_hex(
		&all,
		"340000001000020007000000770000000a020000060001001000000018000980140003800800"
		"0100000000000800020000000000"
		"2c0000001000020007000000770000000a0200000600010010000000100009800c000a8008000200"
		"01000000"
		"480000001000020007000000770000000a02000006000100100000002c00088028000080240001800c"
		"00040000000000000000000c000500ffff0000000000000800010003000000"
		"380000001000020007000000770000000a02000006000100100000001c000880180000801400028008"
		"0"
		"007000f000000080001000c000000"
		"480000001000020007000000770000000a02000006000100100000002c00088028000180240001800c"
		"00040000000000000000000c000500ffff0000000000000800010003000000"
		"380000001000020007000000770000000a02000006000100100000001c000880180001801400028008"
		"0"
		"007000f000000080001000c000000"
		"480000001000020007000000770000000a02000006000100100000002c0008802800018024000a800c"
		"00040000000000000000000c000500ffffffff000000000800010004000000");
	fl_msg_done(&all);
	fl_msg_done(&request);
}

/* One command's policies are counted from 0 again, its nests included. */
static void test_policy_of_one_command(void **state)
{
	struct fl_msg request, all;

	request_new(&request, NLM_F_DUMP, CTRL_CMD_GETPOLICY);
	fl_msg_put_u16(&request, CTRL_ATTR_FAMILY_ID, FL_FAMILY_DEVLINK);
	fl_msg_put_u32(&request, CTRL_ATTR_OP, DEVLINK_CMD_SELFTESTS_RUN);
	dump_all(request_end(&request), PORTID, 4096, &all);
	assert_hex(
		&all,
		"2c0000001000020007000000770000000a0200000600010016000000100009800c0053800800010000"
		"000000"
		"300000001000020007000000770000000a02000006000100160000001400088010000080"
		"0c000180080001000c000000"
		"300000001000020007000000770000000a02000006000100160000001400088010000080"
		"0c000280080001000c000000"
		"400000001000020007000000770000000a02000006000100160000002400088020000080"
		"1c00b08008000800010000000800090001000000080001000d000000"
		"480000001000020007000000770000000a02000006000100160000002c00088028000080"
		"2400b8800c00040000000000000000000c000500ffffffff000000000800010011000000"
		"300000001000020007000000770000000a02000006000100160000001400088010000180"
		"0c0001800800010001000000");
	fl_msg_done(&all);
	fl_msg_done(&request);
}

static void test_policy_errors(void **state)
{
	struct fl_msg request;

	request_new(&request, NLM_F_DUMP, CTRL_CMD_GETPOLICY);
	assert_dump_fails(request_end(&request), -EINVAL, "", 0);
	fl_msg_put_str(&request, CTRL_ATTR_FAMILY_NAME, "nosuch");
	assert_dump_fails(request_end(&request), -ENOENT, "", 0);
	fl_msg_put_str(&request, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	fl_msg_put_u32(&request, CTRL_ATTR_OP, 99);
	assert_dump_fails(request_end(&request), -ENOENT, "", 44);
	fl_msg_put_u32(&request, CTRL_ATTR_OP, UINT32_MAX);
	assert_dump_fails(request_end(&request), -ENOENT, "", 52);
	fl_msg_put_u32(&request, CTRL_ATTR_VERSION, 1);
	assert_dump_fails(request_end(&request), -EINVAL, "Unsupported attribute", 60);
	fl_msg_done(&request);
	request_new(&request, NLM_F_DUMP, CTRL_CMD_GETFAMILY);
	fl_msg_put_u32(&request, 77, 1);
	assert_dump_fails(request_end(&request), -EINVAL, "Unknown attribute type", 20);
	fl_msg_done(&request);
}

/* A buffer that cannot hold one message is an error, not a loop without end. */
static void test_too_small_a_buffer(void **state)
{
	struct fl_ctrl_dump dump = { { 0 } };
	struct fl_msg request, msg;
	uint32_t buf[16];

	request_new(&request, NLM_F_DUMP, CTRL_CMD_GETFAMILY);
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	assert_int_equal(fl_ctrl_dump(request_end(&request), PORTID, &dump, &msg, NULL), -EMSGSIZE);
	assert_int_equal(msg.len, 0);
	fl_msg_done(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_family_as_recorded),
		cmocka_unit_test(test_policy_as_recorded),
		cmocka_unit_test(test_family_ctrl),
		cmocka_unit_test(test_family_dump),
		cmocka_unit_test(test_family_errors),
		cmocka_unit_test(test_policy_ctrl),
		cmocka_unit_test(test_policy_of_one_command),
		cmocka_unit_test(test_policy_errors),
		cmocka_unit_test(test_too_small_a_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
