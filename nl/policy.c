/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy.c - checking and parsing attributes. */
#include "nl/policy.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

/* What one parse carries down into nests. */
struct parse {
	bool strict;
	struct fl_extack *extack;
};

static void fault(const struct parse *parse, const struct nlattr *attr,
		  const struct fl_policy *policy, const char *text)
{
	fl_extack_set_attr(parse->extack, attr, "%s", text);
	if (parse->extack)
		parse->extack->policy = policy;
}

/* The length that a type has, or 0. */
static unsigned int exact_len(const struct fl_policy *policy)
{
	switch ((enum fl_attr_type)policy->type) {
	case FL_ATTR_U8:
		return 1;
	case FL_ATTR_U16:
		return 2;
	case FL_ATTR_U32:
		return 4;
	case FL_ATTR_U64:
		return 8;
	case FL_ATTR_UNSPEC:
	case FL_ATTR_UINT:
	case FL_ATTR_NUL_STRING:
	case FL_ATTR_FLAG:
	case FL_ATTR_BINARY:
	case FL_ATTR_BITFIELD32:
	case FL_ATTR_NESTED:
	case FL_ATTR_DYNAMIC:
		break;
	}
	return 0;
}

/* What a strict parse does not accept, and a policy does not tell. */
static bool is_unchecked(const struct fl_policy *policy)
{
	return policy->type == FL_ATTR_UNSPEC || policy->type == FL_ATTR_DYNAMIC;
}

static int check_string(const struct nlattr *attr, const struct fl_policy *policy)
{
	size_t len = fl_attr_len(attr);
	size_t look = len;

	if (policy->len && look > policy->len + 1U)
		look = policy->len + 1U;
	return look && memchr(fl_attr_data(attr), '\0', look) ? 0 : -EINVAL;
}

static int check_bitfield32(const struct nlattr *attr, const struct fl_policy *policy)
{
	struct nla_bitfield32 bits;

	if (fl_attr_len(attr) != sizeof(bits))
		return -ERANGE;
	bits = fl_attr_bitfield32(attr);
	if ((bits.selector | bits.value) & ~policy->mask || bits.value & ~bits.selector)
		return -EINVAL;
	return 0;
}

/* What every type asks of its payload: 0, or the error of "failed policy validation". */
static int check_payload(const struct nlattr *attr, const struct fl_policy *policy)
{
	size_t len = fl_attr_len(attr);

	switch ((enum fl_attr_type)policy->type) {
	case FL_ATTR_U8:
	case FL_ATTR_U16:
	case FL_ATTR_U32:
	case FL_ATTR_U64:
		return len < exact_len(policy) ? -ERANGE : 0;
	case FL_ATTR_NUL_STRING:
		return check_string(attr, policy);
	case FL_ATTR_FLAG:
		return len ? -ERANGE : 0;
	case FL_ATTR_BINARY:
		return policy->len && len > policy->len ? -ERANGE : 0;
	case FL_ATTR_BITFIELD32:
		return check_bitfield32(attr, policy);
	case FL_ATTR_NESTED:
		return len && len < MNL_ATTR_HDRLEN ? -ERANGE : 0;
	case FL_ATTR_UINT:
	case FL_ATTR_UNSPEC:
	case FL_ATTR_DYNAMIC:
		break;
	}
	return 0;
}

static uint64_t number(const struct nlattr *attr, const struct fl_policy *policy)
{
	switch (policy->type) {
	case FL_ATTR_U8:
		return fl_attr_u8(attr);
	case FL_ATTR_U16:
		return fl_attr_u16(attr);
	case FL_ATTR_U32:
		return fl_attr_u32(attr);
	case FL_ATTR_U64:
		return fl_attr_u64(attr);
	default:
		return fl_attr_uint(attr);
	}
}

/* What a policy asks of the value. */
static int check_value(const struct parse *parse, const struct nlattr *attr,
		       const struct fl_policy *policy)
{
	uint64_t value;

	if (policy->check == FL_CHECK_NONE || policy->type == FL_ATTR_BITFIELD32)
		return 0;
	value = number(attr, policy);
	switch ((enum fl_attr_check)policy->check) {
	case FL_CHECK_NONE:
		break;
	case FL_CHECK_RANGE:
		if (value >= policy->range.min && value <= policy->range.max)
			break;
		fault(parse, attr, policy, "integer out of range");
		return -ERANGE;
	case FL_CHECK_MASK:
		if (!(value & ~(uint64_t)policy->mask))
			break;
		fault(parse, attr, NULL, "reserved bit set");
		return -EINVAL;
	case FL_CHECK_ONE_OF:
		if (value && strchr((const char *)policy->values, (int)value))
			break;
		fault(parse, attr, NULL, "invalid enum value");
		return -EINVAL;
	}
	return 0;
}

/* What strict parsing asks of an attribute before its payload is looked at. */
static int check_strict(const struct parse *parse, const struct nlattr *attr,
			const struct fl_policy *policy)
{
	bool flagged = attr->nla_type & NLA_F_NESTED;
	const char *text = NULL;

	if (exact_len(policy) && fl_attr_len(attr) != exact_len(policy))
		text = "invalid attribute length";
	else if (policy->type == FL_ATTR_NESTED && !flagged)
		text = "NLA_F_NESTED is missing";
	else if (policy->type != FL_ATTR_NESTED && !is_unchecked(policy) && flagged)
		text = "NLA_F_NESTED not expected";
	if (text) {
		fault(parse, attr, policy, text);
		return -EINVAL;
	}
	if (is_unchecked(policy)) {
		fault(parse, attr, NULL, "Unsupported attribute");
		return -EINVAL;
	}
	return 0;
}

static int parse_attrs(const struct parse *parse, const void *data, size_t len,
		       const struct fl_policy *policy, uint16_t max, const struct nlattr **tb);

/* Depth is bounded by the tables, which do not nest in themselves. */
static int check_attr(const struct parse *parse, const struct nlattr *attr,
		      const struct fl_policy *policy)
{
	int err;

	if (parse->strict) {
		err = check_strict(parse, attr, policy);
		if (err)
			return err;
	}
	if (policy->type == FL_ATTR_UINT && fl_attr_len(attr) != 4 && fl_attr_len(attr) != 8) {
		fault(parse, attr, policy, "invalid attribute length");
		return -EINVAL;
	}
	err = check_payload(attr, policy);
	if (err) {
		fault(parse, attr, policy, "Attribute failed policy validation");
		return err;
	}
	if (policy->type == FL_ATTR_NESTED && policy->nested)
		return parse_attrs(parse, fl_attr_data(attr), fl_attr_len(attr), policy->nested,
				   policy->nested_max, NULL);
	return check_value(parse, attr, policy);
}

static int parse_attrs(const struct parse *parse, const void *data, size_t len,
		       const struct fl_policy *policy, uint16_t max, const struct nlattr **tb)
{
	const struct nlattr *attr = data;

	if (tb)
		memset(tb, 0, sizeof(*tb) * (max + 1UL));
	while (mnl_attr_ok(attr, len)) {
		size_t step = MNL_ALIGN(attr->nla_len);
		uint16_t type = fl_attr_type(attr);

		if (type && type <= max) {
			int err = policy ? check_attr(parse, attr, &policy[type]) : 0;

			if (err)
				return err;
			if (tb && !(policy && policy[type].type == FL_ATTR_UNSPEC))
				tb[type] = attr;
		} else if (parse->strict) {
			fault(parse, attr, NULL, "Unknown attribute type");
			return -EINVAL;
		}
		len -= step < len ? step : len;
		attr = len ? (const struct nlattr *)((const char *)attr + step) : attr;
	}
	if (!len)
		return 0;
	fl_extack_set(parse->extack, "bytes leftover after parsing attributes");
	return parse->strict ? -EINVAL : 0;
}

int fl_nl_parse(const struct nlmsghdr *request, size_t hdrlen, const struct fl_policy *policy,
		uint16_t max, bool strict, const struct nlattr **tb, struct fl_extack *extack)
{
	struct parse parse = { .strict = strict, .extack = extack };
	size_t skip = MNL_NLMSG_HDRLEN + MNL_ALIGN(hdrlen);

	if (request->nlmsg_len < MNL_NLMSG_HDRLEN + hdrlen)
		return -EINVAL;
	if (request->nlmsg_len <= skip)
		return parse_attrs(&parse, request, 0, policy, max, tb);
	return parse_attrs(&parse, (const char *)request + skip, request->nlmsg_len - skip, policy,
			   max, tb);
}

int fl_nl_parse_nested(const struct nlattr *nest, const struct fl_policy *policy, uint16_t max,
		       bool strict, const struct nlattr **tb, struct fl_extack *extack)
{
	struct parse parse = { .strict = strict, .extack = extack };

	if (strict && !(nest->nla_type & NLA_F_NESTED)) {
		fault(&parse, nest, NULL, "NLA_F_NESTED is missing");
		return -EINVAL;
	}
	return parse_attrs(&parse, fl_attr_data(nest), fl_attr_len(nest), policy, max, tb);
}

uint8_t fl_attr_u8(const struct nlattr *attr)
{
	return mnl_attr_get_u8(attr);
}

uint16_t fl_attr_u16(const struct nlattr *attr)
{
	return mnl_attr_get_u16(attr);
}

uint32_t fl_attr_u32(const struct nlattr *attr)
{
	return mnl_attr_get_u32(attr);
}

uint64_t fl_attr_u64(const struct nlattr *attr)
{
	return mnl_attr_get_u64(attr);
}

uint64_t fl_attr_uint(const struct nlattr *attr)
{
	return fl_attr_len(attr) == sizeof(uint32_t) ? fl_attr_u32(attr) : fl_attr_u64(attr);
}

struct nla_bitfield32 fl_attr_bitfield32(const struct nlattr *attr)
{
	struct nla_bitfield32 bits;

	memcpy(&bits, fl_attr_data(attr), sizeof(bits));
	return bits;
}

const char *fl_attr_str(const struct nlattr *attr)
{
	return mnl_attr_get_str(attr);
}

const void *fl_attr_data(const struct nlattr *attr)
{
	return mnl_attr_get_payload(attr);
}

uint16_t fl_attr_len(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr);
}

uint16_t fl_attr_type(const struct nlattr *attr)
{
	return mnl_attr_get_type(attr);
}
