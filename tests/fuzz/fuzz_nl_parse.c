/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_nl_parse.c - any bytes as requests to devlink and nlctrl: through the parser, its
 * values, the acknowledgement and nlctrl's answers. Nothing may be read outside the bytes,
 * and what is answered must be well formed.
 *
 * A libFuzzer target (-Dfuzz=true with clang), and the heart of test-mutate.c.
 */
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "nl/ctrl.h"
#include "nl/devlink-attrs.h"
#include "nl/policy.h"
#include "tests/fuzz/fuzz.h"

static void check_ack(const struct nlmsghdr *request, int err, const struct fl_extack *extack)
{
	struct fl_msg msg;

	fl_assert(memchr(extack->msg, '\0', sizeof(extack->msg)));
	fl_msg_init(&msg);
	for (int bits = 0; bits < 4; bits++) {
		fl_extack_put_ack(&msg, request, 1, err, extack, bits & 1, bits & 2);
		fl_extack_put_done(&msg, request, 1, err, extack, bits & 1);
	}
	if (!msg.err)
		fuzz_check_messages(msg.buf, msg.len);
	fl_msg_done(&msg);
}

/* Looks at values as a handler would, which trusts the policy. */
static unsigned long look(const struct fl_policy *policy, uint16_t max, const struct nlattr **tb)
{
	unsigned long sum = 0;

	for (unsigned int type = 1; policy && type <= max; type++) {
		if (!tb[type])
			continue;
		fl_assert(fl_attr_type(tb[type]) == type);
		switch ((enum fl_attr_type)policy[type].type) {
		case FL_ATTR_U8:
			sum += fl_attr_u8(tb[type]);
			break;
		case FL_ATTR_U16:
			sum += fl_attr_u16(tb[type]);
			break;
		case FL_ATTR_U32:
			sum += fl_attr_u32(tb[type]);
			break;
		case FL_ATTR_U64:
			sum += fl_attr_u64(tb[type]);
			break;
		case FL_ATTR_UINT:
			sum += fl_attr_uint(tb[type]);
			fl_assert(policy[type].check != FL_CHECK_RANGE ||
				  fl_attr_uint(tb[type]) <= policy[type].range.max);
			break;
		case FL_ATTR_NUL_STRING:
			sum += strlen(fl_attr_str(tb[type]));
			break;
		case FL_ATTR_BITFIELD32:
			sum += fl_attr_bitfield32(tb[type]).value;
			fl_assert(!(fl_attr_bitfield32(tb[type]).value & ~policy[type].mask));
			break;
		case FL_ATTR_BINARY:
		case FL_ATTR_DYNAMIC:
			for (unsigned int i = 0; i < fl_attr_len(tb[type]); i++)
				sum += ((const unsigned char *)fl_attr_data(tb[type]))[i];
			break;
		case FL_ATTR_UNSPEC:
			fl_breach("parser", "let an unknown attribute through");
		case FL_ATTR_FLAG:
		case FL_ATTR_NESTED:
			break;
		}
	}
	return sum;
}

static void try_nest(const struct nlattr *nest, const struct fl_policy *policy, uint16_t max)
{
	const struct nlattr *tb[16];

	fl_assert(max < FL_ARRAY_SIZE(tb));
	for (int strict = 0; nest && strict < 2; strict++)
		if (!fl_nl_parse_nested(nest, policy, max, strict, tb, NULL))
			look(policy, max, tb);
}

static void try_devlink(const struct nlmsghdr *request)
{
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	struct fl_extack extack = { 0 };
	const struct fl_cmd *cmd;
	bool dump = fl_nl_is_dump(request);
	int err;

	err = fl_cmd_find(request, &cmd, &extack);
	if (!err)
		err = fl_cmd_parse(cmd, request, tb, FL_ARRAY_SIZE(tb), &extack);
	check_ack(request, err, &extack);
	if (err)
		return;
	look(dump ? cmd->dump_policy : cmd->do_policy, dump ? cmd->dump_max : cmd->do_max, tb);
	try_nest(tb[DEVLINK_ATTR_PORT_FUNCTION], fl_devlink_port_function_set_policy,
		 fl_devlink_port_function_set_max);
	try_nest(tb[DEVLINK_ATTR_RATE_TC_BWS], fl_devlink_rate_tc_policy, fl_devlink_rate_tc_max);
	try_nest(tb[DEVLINK_ATTR_SELFTESTS], fl_devlink_selftest_id_policy,
		 fl_devlink_selftest_id_max);
}

static void try_ctrl(const struct nlmsghdr *request)
{
	struct fl_ctrl_dump dump = { { 0 } };
	struct fl_extack extack = { 0 };
	struct fl_msg msg;
	int err;

	fl_msg_init(&msg);
	if (fl_nl_is_dump(request))
		err = fl_ctrl_dump(request, 1, &dump, &msg, &extack);
	else
		err = fl_ctrl_do(request, 1, &msg, &extack);
	fl_assert(err <= 0); /* a growing buffer takes all */
	fuzz_check_messages(msg.buf, msg.len);
	check_ack(request, err, &extack);
	fl_msg_done(&msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *request;

	if (size < MNL_NLMSG_HDRLEN)
		return 0;
	request = malloc(size);
	fl_assert(request);
	memcpy(request, data, size);
	/* The server hands over no message that is longer than what arrived. */
	if (request->nlmsg_len < MNL_NLMSG_HDRLEN || request->nlmsg_len > size)
		request->nlmsg_len = size;
	try_devlink(request);
	try_ctrl(request);
	free(request);
	return 0;
}
