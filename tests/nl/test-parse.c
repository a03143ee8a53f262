/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-parse.c - what the recordings do not show: nests, ranges, masks, strict and loose. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "nl/devlink-attrs.h"
#include "nl/policy.h"

/* One request with what its parse gave. */
struct trial {
	struct fl_msg msg;
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	struct fl_extack extack;
	int err;
};

static void trial_begin(struct trial *trial, uint16_t flags, uint8_t cmd)
{
	memset(trial, 0, sizeof(*trial));
	fl_msg_init(&trial->msg);
	fl_msg_begin(&trial->msg, 0x16, NLM_F_REQUEST | flags, 1, 0, cmd, 1);
	fl_msg_put_str(&trial->msg, DEVLINK_ATTR_BUS_NAME, "pci");
	fl_msg_put_str(&trial->msg, DEVLINK_ATTR_DEV_NAME, "x");
}

/* Parses as the server would; the handle takes 36 bytes, so what follows stands at 36. */
static void trial_run(struct trial *trial)
{
	const struct nlmsghdr *request;
	const struct fl_cmd *cmd;

	fl_msg_end(&trial->msg);
	assert_int_equal(trial->msg.err, 0);
	request = (const struct nlmsghdr *)trial->msg.buf;
	trial->err = fl_cmd_find(request, &cmd, &trial->extack);
	if (!trial->err)
		trial->err =
			fl_cmd_parse(cmd, request, trial->tb, DEVLINK_ATTR_MAX + 1, &trial->extack);
}

/* Checks, frees and runs it: its error, text, offset (0: none) and whether a policy is told. */
static void trial_gives(struct trial *trial, int err, const char *text, size_t offset, bool policy)
{
	trial_run(trial);
	assert_int_equal(trial->err, err);
	assert_string_equal(trial->extack.msg, text);
	assert_ptr_equal(trial->extack.bad_attr, offset ? trial->msg.buf + offset : NULL);
	assert_int_equal(!!trial->extack.policy, policy);
	fl_msg_done(&trial->msg);
}

static void test_range(void **state)
{
	struct trial trial;

	trial_begin(&trial, 0, DEVLINK_CMD_RELOAD);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_RELOAD_ACTION, DEVLINK_RELOAD_ACTION_UNSPEC);
	trial_gives(&trial, -ERANGE, "integer out of range", 36, true);
	trial_begin(&trial, 0, DEVLINK_CMD_RELOAD);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_RELOAD_ACTION, DEVLINK_RELOAD_ACTION_FW_ACTIVATE);
	trial_gives(&trial, 0, "", 0, false);
	trial_begin(&trial, 0, DEVLINK_CMD_RELOAD);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_RELOAD_ACTION, DEVLINK_RELOAD_ACTION_MAX + 1);
	trial_gives(&trial, -ERANGE, "integer out of range", 36, true);
	trial_begin(&trial, 0, DEVLINK_CMD_GET);
	fl_msg_put_uint(&trial.msg, DEVLINK_ATTR_INDEX, UINT32_MAX);
	trial_gives(&trial, 0, "", 0, false);
	trial_begin(&trial, 0, DEVLINK_CMD_GET);
	fl_msg_put_uint(&trial.msg, DEVLINK_ATTR_INDEX, UINT32_MAX + 1ULL);
	trial_gives(&trial, -ERANGE, "integer out of range", 36, true);
	trial_begin(&trial, 0, DEVLINK_CMD_GET);
	fl_msg_put_u16(&trial.msg, DEVLINK_ATTR_INDEX, 1);
	trial_gives(&trial, -EINVAL, "invalid attribute length", 36, true);
}

static void test_bits(void **state)
{
	struct trial trial;

	trial_begin(&trial, 0, DEVLINK_CMD_RELOAD);
	fl_msg_put_bitfield32(&trial.msg, DEVLINK_ATTR_RELOAD_LIMITS, 2, 2);
	trial_gives(&trial, 0, "", 0, false);
	/* A bit that is set but not selected, then one that does not exist. */
	trial_begin(&trial, 0, DEVLINK_CMD_RELOAD);
	fl_msg_put_bitfield32(&trial.msg, DEVLINK_ATTR_RELOAD_LIMITS, 2, 0);
	trial_gives(&trial, -EINVAL, "Attribute failed policy validation", 36, true);
	trial_begin(&trial, 0, DEVLINK_CMD_RELOAD);
	fl_msg_put_bitfield32(&trial.msg, DEVLINK_ATTR_RELOAD_LIMITS, 8, 8);
	trial_gives(&trial, -EINVAL, "Attribute failed policy validation", 36, true);
	trial_begin(&trial, 0, DEVLINK_CMD_RELOAD);
	fl_msg_put_u32(&trial.msg, DEVLINK_ATTR_RELOAD_LIMITS, 2);
	trial_gives(&trial, -ERANGE, "Attribute failed policy validation", 36, true);
	trial_begin(&trial, NLM_F_DUMP, DEVLINK_CMD_RESOURCE_DUMP);
	fl_msg_put_u32(&trial.msg, DEVLINK_ATTR_RESOURCE_SCOPE_MASK, 4);
	trial_gives(&trial, -EINVAL, "reserved bit set", 36, false);
}

static void test_values_with_gaps(void **state)
{
	static const uint8_t good[] = { 1, 2, 3, 4, 5, 6, 10, 11, 129 };
	unsigned int accepted = 0;

	for (unsigned int value = 0; value < 256; value++) {
		bool is_good = memchr(good, (int)value, sizeof(good));
		struct trial trial;

		trial_begin(&trial, 0, DEVLINK_CMD_PARAM_SET);
		fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_PARAM_TYPE, value);
		if (is_good)
			trial_gives(&trial, 0, "", 0, false);
		else
			trial_gives(&trial, -EINVAL, "invalid enum value", 36, false);
		accepted += is_good;
	}
	assert_int_equal(accepted, sizeof(good));
}

static void test_strings_and_flags(void **state)
{
	struct trial trial;

	trial_begin(&trial, 0, DEVLINK_CMD_PARAM_SET);
	fl_msg_put(&trial.msg, DEVLINK_ATTR_PARAM_NAME, "abcd", 4);
	trial_gives(&trial, -EINVAL, "Attribute failed policy validation", 36, true);
	trial_begin(&trial, 0, DEVLINK_CMD_PARAM_SET);
	fl_msg_put(&trial.msg, DEVLINK_ATTR_PARAM_NAME, "", 0);
	trial_gives(&trial, -EINVAL, "Attribute failed policy validation", 36, true);
	/* Bytes after the zero are let through, as in the kernel. */
	trial_begin(&trial, 0, DEVLINK_CMD_PARAM_SET);
	fl_msg_put(&trial.msg, DEVLINK_ATTR_PARAM_NAME, "ab\0cd", 5);
	trial_gives(&trial, 0, "", 0, false);
	trial_begin(&trial, 0, DEVLINK_CMD_PARAM_SET);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_PARAM_RESET_DEFAULT, 1);
	trial_gives(&trial, -ERANGE, "Attribute failed policy validation", 36, true);
}

/* PORT_FUNCTION { type (len bytes of value) } */
static void put_function(struct trial *trial, uint16_t type, const void *value, size_t len)
{
	size_t nest = fl_msg_nest(&trial->msg, DEVLINK_ATTR_PORT_FUNCTION, false);

	fl_msg_put(&trial->msg, type, value, len);
	fl_msg_nest_end(&trial->msg, nest);
}

static void test_nest_of_a_loose_command(void **state)
{
	struct trial trial;

	/* The error is inside: at 40, not at 36. */
	trial_begin(&trial, 0, DEVLINK_CMD_PORT_SET);
	put_function(&trial, DEVLINK_PORT_FN_ATTR_STATE, "\2", 1);
	trial_gives(&trial, -ERANGE, "integer out of range", 40, true);
	trial_begin(&trial, 0, DEVLINK_CMD_PORT_SET);
	put_function(&trial, DEVLINK_PORT_FN_ATTR_CAPS, "\0\0\0\0\x10\0\0\0", 8);
	trial_gives(&trial, -EINVAL, "Attribute failed policy validation", 40, true);
	/* Unknown to the first policy, known to the second. */
	trial_begin(&trial, 0, DEVLINK_CMD_PORT_SET);
	put_function(&trial, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, "\1\0\0\0", 4);
	trial_gives(&trial, 0, "", 0, false);
	/* Too short for an attribute; empty is fine. */
	trial_begin(&trial, 0, DEVLINK_CMD_PORT_SET);
	fl_msg_put(&trial.msg, DEVLINK_ATTR_PORT_FUNCTION, "abc", 3);
	trial_gives(&trial, -ERANGE, "Attribute failed policy validation", 36, true);
	trial_begin(&trial, 0, DEVLINK_CMD_PORT_SET);
	fl_msg_put(&trial.msg, DEVLINK_ATTR_PORT_FUNCTION, NULL, 0);
	trial_gives(&trial, 0, "", 0, false);
}

static int parse_function(uint16_t type, uint16_t attr_type, const void *value, size_t len,
			  struct fl_extack *extack, const struct nlattr **tb)
{
	static struct fl_msg msg;
	size_t nest;

	fl_msg_done(&msg);
	fl_msg_init(&msg);
	nest = fl_msg_nest(&msg, type, false);
	fl_msg_put(&msg, attr_type, value, len);
	fl_msg_nest_end(&msg, nest);
	*extack = (struct fl_extack){ 0 };
	return fl_nl_parse_nested((struct nlattr *)msg.buf, fl_devlink_port_function_set_policy,
				  fl_devlink_port_function_set_max, true, tb, extack);
}

static void test_nest_in_a_handler(void **state)
{
	const uint16_t flagged = DEVLINK_ATTR_PORT_FUNCTION | NLA_F_NESTED;
	const struct nlattr *tb[DEVLINK_PORT_FUNCTION_ATTR_MAX + 1];
	struct fl_extack extack;

	assert_int_equal(parse_function(DEVLINK_ATTR_PORT_FUNCTION, DEVLINK_PORT_FN_ATTR_STATE,
					"\1", 1, &extack, tb),
			 -EINVAL);
	assert_string_equal(extack.msg, "NLA_F_NESTED is missing");
	assert_int_equal(parse_function(flagged, DEVLINK_PORT_FN_ATTR_STATE, "\1", 1, &extack, tb),
			 0);
	assert_int_equal(fl_attr_u8(tb[DEVLINK_PORT_FN_ATTR_STATE]), 1);
	assert_null(tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR]);
	assert_int_equal(
		parse_function(flagged, DEVLINK_PORT_FN_ATTR_OPSTATE, "\1", 1, &extack, tb),
		-EINVAL);
	assert_string_equal(extack.msg, "Unsupported attribute");
	assert_int_equal(parse_function(flagged, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS | NLA_F_NESTED,
					"\1\0\0\0", 4, &extack, tb),
			 -EINVAL);
	assert_string_equal(extack.msg, "NLA_F_NESTED not expected");
	assert_int_equal(parse_function(flagged, 7, "\1\0\0\0", 4, &extack, tb), -EINVAL);
	assert_string_equal(extack.msg, "Unknown attribute type");
	assert_int_equal(parse_function(flagged, 0, "\1\0\0\0", 4, &extack, tb), -EINVAL);
	assert_string_equal(extack.msg, "Unknown attribute type");
	parse_function(flagged, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, "\1\0\0\0\0\0\0\0", 8, &extack,
		       tb);
	assert_string_equal(extack.msg, "invalid attribute length");
}

static void test_reserved_header_bits(void **state)
{
	struct trial trial;

	trial_begin(&trial, NLM_F_CREATE, DEVLINK_CMD_NOTIFY_FILTER_SET);
	trial_gives(&trial, -EINVAL, "ambiguous or reserved bits set in nlmsg_flags", 0, false);
	trial_begin(&trial, 0, DEVLINK_CMD_NOTIFY_FILTER_SET);
	((struct genlmsghdr *)(trial.msg.buf + MNL_NLMSG_HDRLEN))->reserved = 1;
	trial_gives(&trial, -EINVAL, "genlmsghdr.reserved field is not 0", 0, false);
	trial_begin(&trial, NLM_F_CREATE, DEVLINK_CMD_GET);
	((struct genlmsghdr *)(trial.msg.buf + MNL_NLMSG_HDRLEN))->reserved = 1;
	trial_gives(&trial, 0, "", 0, false);
}

/* A handler sees no attribute that its command's policy has not checked, but for a value of
 * dynamic type. */
static void test_unlisted_attributes(void **state)
{
	struct trial trial;

	trial_begin(&trial, 0, DEVLINK_CMD_GET);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_MAX + 1, 1);
	trial_run(&trial);
	assert_int_equal(trial.err, 0);
	assert_null(trial.tb[DEVLINK_ATTR_PORT_INDEX]);
	fl_msg_done(&trial.msg);
	trial_begin(&trial, 0, DEVLINK_CMD_PARAM_SET);
	fl_msg_put(&trial.msg, DEVLINK_ATTR_PARAM_VALUE_DATA, "abc", 3);
	trial_run(&trial);
	assert_int_equal(trial.err, 0);
	assert_int_equal(fl_attr_len(trial.tb[DEVLINK_ATTR_PARAM_VALUE_DATA]), 3);
	fl_msg_done(&trial.msg);
	trial_begin(&trial, NLM_F_DUMP, DEVLINK_CMD_PARAM_GET);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	trial_gives(&trial, -EINVAL, "Unsupported attribute", 36, false);
}

/* Of the one dump whose attributes the kernel ignores, none is refused nor seen. */
static void test_unchecked_dump(void **state)
{
	struct trial trial;

	trial_begin(&trial, NLM_F_DUMP, DEVLINK_CMD_PORT_PARAM_GET);
	fl_msg_put_u8(&trial.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	trial_run(&trial);
	assert_int_equal(trial.err, 0);
	assert_null(trial.tb[DEVLINK_ATTR_BUS_NAME]);
	fl_msg_done(&trial.msg);
	trial_begin(&trial, NLM_F_DUMP, DEVLINK_CMD_INFO_GET);
	trial_gives(&trial, -EINVAL, "Unknown attribute type", 20, false);
}

static void test_last_of_two_counts(void **state)
{
	struct trial trial;

	trial_begin(&trial, 0, DEVLINK_CMD_PORT_GET);
	fl_msg_put_u32(&trial.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	fl_msg_put_u32(&trial.msg, DEVLINK_ATTR_PORT_INDEX, 2);
	trial_run(&trial);
	assert_int_equal(trial.err, 0);
	assert_int_equal(fl_attr_u32(trial.tb[DEVLINK_ATTR_PORT_INDEX]), 2);
	assert_string_equal(fl_attr_str(trial.tb[DEVLINK_ATTR_BUS_NAME]), "pci");
	fl_msg_done(&trial.msg);
}

/* The ack of an error without cap_ack repeats the request; offsets outside it are not told. */
static void test_ack(void **state)
{
	struct fl_extack extack = { 0 };
	struct nlattr elsewhere = { 4, 1 };
	const struct nlmsghdr *ack;
	struct trial trial;
	struct fl_msg msg;

	trial_begin(&trial, 0, DEVLINK_CMD_GET);
	trial_run(&trial);
	fl_extack_set_attr(&extack, &elsewhere, "it is %d", 5);
	fl_extack_miss(&extack, NULL, DEVLINK_ATTR_PORT_INDEX);
	fl_msg_init(&msg);
	fl_extack_put_ack(&msg, (struct nlmsghdr *)trial.msg.buf, 9, -EINVAL, &extack, false, true);
	ack = (struct nlmsghdr *)msg.buf;
	assert_int_equal(ack->nlmsg_flags, NLM_F_ACK_TLVS);
	assert_int_equal(ack->nlmsg_len, 20 + trial.msg.len + 12 + 8);
	assert_memory_equal(msg.buf + 20, trial.msg.buf, trial.msg.len);
	assert_string_equal((char *)msg.buf + 20 + trial.msg.len + 4, "it is 5");
	/* An ACK tells only the text, and nothing at all without ext_ack. */
	fl_msg_reset(&msg);
	fl_extack_put_ack(&msg, (struct nlmsghdr *)trial.msg.buf, 9, 0, &extack, false, true);
	assert_int_equal(msg.len, 36 + 12);
	fl_msg_reset(&msg);
	fl_extack_put_ack(&msg, (struct nlmsghdr *)trial.msg.buf, 9, -EINVAL, &extack, true, false);
	assert_int_equal(msg.len, 36);
	assert_int_equal(((struct nlmsghdr *)msg.buf)->nlmsg_flags, NLM_F_CAPPED);
	fl_msg_done(&msg);
	fl_msg_done(&trial.msg);
}

static void test_long_text_is_cut(void **state)
{
	struct fl_extack extack = { 0 };
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fl_extack_set(&extack, "%s", text);
	assert_int_equal(strlen(extack.msg), sizeof(extack.msg) - 1);
	fl_extack_set(NULL, "%s", text);
	fl_extack_set_attr(NULL, NULL, "%s", text);
	fl_extack_miss(NULL, NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_values_with_gaps),
		cmocka_unit_test(test_strings_and_flags),
		cmocka_unit_test(test_nest_of_a_loose_command),
		cmocka_unit_test(test_nest_in_a_handler),
		cmocka_unit_test(test_reserved_header_bits),
		cmocka_unit_test(test_unlisted_attributes),
		cmocka_unit_test(test_unchecked_dump),
		cmocka_unit_test(test_last_of_two_counts),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
