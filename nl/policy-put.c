/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy-put.c - telling a client what a policy asks for. */
#include "nl/policy.h"

#include <linux/netlink.h>

/* Younger than the oldest headers that this builds with. */
#define FL_NL_ATTR_TYPE_UINT 17

/* The uAPI's number of a type, NL_ATTR_TYPE_INVALID for what is not told. */
static uint32_t told_type(const struct fl_policy *policy)
{
	switch ((enum fl_attr_type)policy->type) {
	case FL_ATTR_UNSPEC:
	case FL_ATTR_DYNAMIC:
		break;
	case FL_ATTR_U8:
		return NL_ATTR_TYPE_U8;
	case FL_ATTR_U16:
		return NL_ATTR_TYPE_U16;
	case FL_ATTR_U32:
		return NL_ATTR_TYPE_U32;
	case FL_ATTR_U64:
		return NL_ATTR_TYPE_U64;
	case FL_ATTR_UINT:
		return FL_NL_ATTR_TYPE_UINT;
	case FL_ATTR_NUL_STRING:
		return NL_ATTR_TYPE_NUL_STRING;
	case FL_ATTR_FLAG:
		return NL_ATTR_TYPE_FLAG;
	case FL_ATTR_BINARY:
		return NL_ATTR_TYPE_BINARY;
	case FL_ATTR_BITFIELD32:
		return NL_ATTR_TYPE_BITFIELD32;
	case FL_ATTR_NESTED:
		return NL_ATTR_TYPE_NESTED;
	}
	return NL_ATTR_TYPE_INVALID;
}

bool fl_policy_told(const struct fl_policy *policy)
{
	return told_type(policy) != NL_ATTR_TYPE_INVALID;
}

static uint64_t type_max(const struct fl_policy *policy)
{
	switch (policy->type) {
	case FL_ATTR_U8:
		return UINT8_MAX;
	case FL_ATTR_U16:
		return UINT16_MAX;
	case FL_ATTR_U32:
		return UINT32_MAX;
	default:
		return UINT64_MAX;
	}
}

static void put_number(struct fl_msg *msg, const struct fl_policy *policy)
{
	uint64_t min = 0, max = type_max(policy);

	if (policy->check == FL_CHECK_ONE_OF)
		return;
	if (policy->check == FL_CHECK_MASK) {
		fl_msg_put_u64(msg, NL_POLICY_TYPE_ATTR_MASK, policy->mask);
		return;
	}
	if (policy->check == FL_CHECK_RANGE) {
		min = policy->range.min;
		max = policy->range.max;
	}
	fl_msg_put_u64(msg, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, min);
	fl_msg_put_u64(msg, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, max);
}

bool fl_policy_put(struct fl_msg *msg, uint16_t type, const struct fl_policy *policy,
		   int nested_index)
{
	uint32_t told = told_type(policy);
	size_t nest;

	if (told == NL_ATTR_TYPE_INVALID)
		return false;
	nest = fl_msg_nest(msg, type, true);
	switch (policy->type) {
	case FL_ATTR_U8:
	case FL_ATTR_U16:
	case FL_ATTR_U32:
	case FL_ATTR_U64:
	case FL_ATTR_UINT:
		put_number(msg, policy);
		break;
	case FL_ATTR_NUL_STRING:
	case FL_ATTR_BINARY:
		if (policy->len)
			fl_msg_put_u32(msg, NL_POLICY_TYPE_ATTR_MAX_LENGTH, policy->len);
		break;
	case FL_ATTR_BITFIELD32:
		fl_msg_put_u32(msg, NL_POLICY_TYPE_ATTR_BITFIELD32_MASK, policy->mask);
		break;
	case FL_ATTR_NESTED:
		if (nested_index < 0)
			break;
		fl_msg_put_u32(msg, NL_POLICY_TYPE_ATTR_POLICY_IDX, nested_index);
		fl_msg_put_u32(msg, NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE, policy->nested_max);
		break;
	default:
		break;
	}
	fl_msg_put_u32(msg, NL_POLICY_TYPE_ATTR_TYPE, told);
	fl_msg_nest_end(msg, nest);
	return true;
}
