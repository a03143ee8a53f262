/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.h - what attributes a command takes, and the parser that checks them.
 *
 * The tables (nl/gen/) are generated from data/devlink.json by scripts/gen-nl.py; the
 * parser is one function over them. It gives the kernel's errors, texts and offsets.
 */
#ifndef FL_NL_POLICY_H
#define FL_NL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "nl/extack.h"

enum fl_attr_type {
	FL_ATTR_UNSPEC,   /* not accepted */
	FL_ATTR_U8,
	FL_ATTR_U16,
	FL_ATTR_U32,
	FL_ATTR_U64,
	FL_ATTR_UINT,
	FL_ATTR_S32,
	FL_ATTR_NUL_STRING,
	FL_ATTR_FLAG,
	FL_ATTR_BINARY,
	FL_ATTR_BITFIELD32,
	FL_ATTR_NESTED,
	FL_ATTR_REJECT,
	FL_ATTR_ANY,      /* accepted, not looked into (dynamic types) */
};

enum fl_attr_check { FL_CHECK_NONE, FL_CHECK_RANGE, FL_CHECK_MIN, FL_CHECK_MAX, FL_CHECK_MASK };

/* One attribute's policy; an array of them is indexed by attribute type. */
struct fl_policy {
	uint8_t type;  /* enum fl_attr_type */
	uint8_t check; /* enum fl_attr_check */
	uint16_t len;  /* exact or largest length in bytes, 0: any */
	uint64_t min, max; /* or max = the mask */
	const struct fl_policy *nested; /* for FL_ATTR_NESTED */
	uint16_t nested_max;
};

enum fl_cmd_flags {
	FL_CMD_DO = 1 << 0,
	FL_CMD_DUMP = 1 << 1,
	FL_CMD_ADMIN = 1 << 2,     /* GENL_ADMIN_PERM */
	FL_CMD_UNS_ADMIN = 1 << 3, /* GENL_UNS_ADMIN_PERM */
	FL_CMD_DO_LOOSE = 1 << 4,  /* GENL_DONT_VALIDATE_STRICT on do */
	FL_CMD_DUMP_LOOSE = 1 << 5, /* GENL_DONT_VALIDATE_DUMP */
};

/* One command of the family; generated. */
struct fl_cmd {
	uint8_t cmd;
	uint8_t flags; /* enum fl_cmd_flags */
	uint16_t do_max, dump_max; /* highest attribute of each policy */
	const struct fl_policy *do_policy, *dump_policy;
	const char *name; /* "port-new" */
};

/* The family's commands, indexed by number; entries without name do not exist. */
extern const struct fl_cmd fl_devlink_cmds[];
extern const unsigned int fl_devlink_cmds_len;

/* Parses the attributes after `hdrlen` bytes of payload of `request` into tb[0..max].
 * strict: unknown and unexpected attributes are errors, as for strictly validated
 * commands. Returns 0 or a negative errno with extack. tb points into request. */
int fl_nl_parse(const struct nlmsghdr *request, size_t hdrlen, const struct fl_policy *policy,
		uint16_t max, bool strict, const struct nlattr **tb, struct fl_extack *extack);
int fl_nl_parse_nested(const struct nlattr *nest, const struct fl_policy *policy, uint16_t max,
		       bool strict, const struct nlattr **tb, struct fl_extack *extack);

/* Values of attributes that the parser has let through. */
uint8_t fl_attr_u8(const struct nlattr *attr);
uint16_t fl_attr_u16(const struct nlattr *attr);
uint32_t fl_attr_u32(const struct nlattr *attr);
uint64_t fl_attr_u64(const struct nlattr *attr);
uint64_t fl_attr_uint(const struct nlattr *attr); /* 4 or 8 bytes */
const char *fl_attr_str(const struct nlattr *attr);
const void *fl_attr_data(const struct nlattr *attr);
uint16_t fl_attr_len(const struct nlattr *attr);
uint16_t fl_attr_type(const struct nlattr *attr);

#endif
