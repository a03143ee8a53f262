/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.h - what attributes a command takes, and the parser that checks them.
 *
 * The tables (nl/devlink-policy.c) are generated from data/devlink.json by
 * scripts/gen-nl.py; the parser is one function over them. It gives the kernel's errors,
 * texts and offsets. Everything here is constant or the caller's: no locks, no allocation.
 */
#ifndef FL_NL_POLICY_H
#define FL_NL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nl/extack.h"

enum fl_attr_type {
	FL_ATTR_UNSPEC, /* ignored by a loose parse, not accepted by a strict one */
	FL_ATTR_U8,
	FL_ATTR_U16,
	FL_ATTR_U32,
	FL_ATTR_U64,
	FL_ATTR_UINT, /* 4 or 8 bytes */
	FL_ATTR_NUL_STRING,
	FL_ATTR_FLAG,
	FL_ATTR_BINARY,
	FL_ATTR_BITFIELD32,
	FL_ATTR_NESTED,
	FL_ATTR_DYNAMIC, /* let through by a loose parse, with any length: its reader looks */
};

enum fl_attr_check {
	FL_CHECK_NONE,
	FL_CHECK_RANGE,
	FL_CHECK_MASK,   /* also of a bitfield32: which bits exist */
	FL_CHECK_ONE_OF, /* a u8 with gaps between its values */
};

/* One attribute's policy; an array of them is indexed by attribute type. */
struct fl_policy {
	uint8_t type;  /* enum fl_attr_type */
	uint8_t check; /* enum fl_attr_check */
	uint16_t len;  /* of strings and binaries: the largest length in bytes, 0: any */
	uint16_t nested_max;
	union {
		const struct fl_policy *nested; /* of FL_ATTR_NESTED */
		struct {
			uint32_t min, max;
		} range;
		uint32_t mask;
		const uint8_t *values; /* ends with 0 */
	};
};

enum fl_cmd_flags {
	FL_CMD_DO = 1 << 0,
	FL_CMD_DUMP = 1 << 1,
	FL_CMD_ADMIN = 1 << 2,     /* GENL_ADMIN_PERM */
	FL_CMD_UNS_ADMIN = 1 << 3, /* GENL_UNS_ADMIN_PERM */
	FL_CMD_DO_LOOSE = 1 << 4,  /* GENL_DONT_VALIDATE_STRICT on do */
	FL_CMD_DUMP_LOOSE = 1 << 5,     /* GENL_DONT_VALIDATE_DUMP_STRICT */
	FL_CMD_DUMP_UNCHECKED = 1 << 6, /* GENL_DONT_VALIDATE_DUMP: attributes are ignored */
	FL_CMD_SHARES = 1 << 7, /* its policies count as its own, though others may have the arrays */
};

/* One command of a family. */
struct fl_cmd {
	uint8_t cmd;
	uint8_t flags;               /* enum fl_cmd_flags */
	uint16_t do_max, dump_max;   /* highest attribute of each policy */
	const struct fl_policy *do_policy, *dump_policy; /* NULL: no attribute is accepted */
	const char *name; /* "port-new" */
};

/* devlink's commands, indexed by number; entries without name do not exist. */
extern const struct fl_cmd fl_devlink_cmds[];
extern const unsigned int fl_devlink_cmds_len;

/* The policies of devlink's nests, for fl_nl_parse_nested() in handlers. port_function is
 * what the kernel checks on arrival; port_function_set is what it then reads, and the
 * one that knows MAX_IO_EQS. */
extern const struct fl_policy fl_devlink_port_function_policy[];
extern const uint16_t fl_devlink_port_function_max;
extern const struct fl_policy fl_devlink_port_function_set_policy[];
extern const uint16_t fl_devlink_port_function_set_max;
extern const struct fl_policy fl_devlink_rate_tc_policy[];
extern const uint16_t fl_devlink_rate_tc_max;
extern const struct fl_policy fl_devlink_selftest_id_policy[];
extern const uint16_t fl_devlink_selftest_id_max;

/* Finds the command that a request of family devlink asks for, in the mode (do or dump)
 * that it asks for. Returns 0; -EINVAL: too short for a command, or, for commands that
 * say so, wrong flags (extack); -EOPNOTSUPP: no such command or not in this mode. */
int fl_cmd_find(const struct nlmsghdr *request, const struct fl_cmd **ret_cmd,
		struct fl_extack *extack);

/* Parses the attributes of a request as the kernel does for cmd in the mode that the
 * request asks for, into tb[0..tb_len - 1]; all of tb is set. tb_len must be more than
 * the highest attribute of the policy. Returns as fl_nl_parse(). */
int fl_cmd_parse(const struct fl_cmd *cmd, const struct nlmsghdr *request, const struct nlattr **tb,
		 size_t tb_len, struct fl_extack *extack);

/* True if the request asks for a dump. */
bool fl_nl_is_dump(const struct nlmsghdr *request);

/* Parses the attributes after `hdrlen` bytes of payload of `request` into tb[0..max].
 * The request's nlmsg_len bytes must be there. policy NULL: nothing is checked.
 * strict: unknown and unexpected attributes, wrong lengths and trailing bytes are errors, as
 * for strictly validated commands. Returns 0 or a negative errno with extack; extack may
 * be NULL, and may hold a text after 0 (trailing bytes). tb points into request, and holds
 * only attributes that the policy knows (the kernel's also holds, unchecked, others up to
 * max); of an attribute that stands twice the last counts. */
int fl_nl_parse(const struct nlmsghdr *request, size_t hdrlen, const struct fl_policy *policy,
		uint16_t max, bool strict, const struct nlattr **tb, struct fl_extack *extack);
/* The same for what is inside a nest; strict also asks for its NLA_F_NESTED. */
int fl_nl_parse_nested(const struct nlattr *nest, const struct fl_policy *policy, uint16_t max,
		       bool strict, const struct nlattr **tb, struct fl_extack *extack);

/* Whether GETPOLICY tells of an attribute. */
bool fl_policy_told(const struct fl_policy *policy);
/* Puts a policy as the nest `type` of NL_POLICY_TYPE_ATTR_*, as in GETPOLICY and in
 * NLMSGERR_ATTR_POLICY. nested_index: the index of the policy of a nest, or -1 not to
 * tell. Returns false if there is nothing to tell (no such attribute). */
bool fl_policy_put(struct fl_msg *msg, uint16_t type, const struct fl_policy *policy,
		   int nested_index);

/* Values of attributes that the parser has let through. */
uint8_t fl_attr_u8(const struct nlattr *attr);
uint16_t fl_attr_u16(const struct nlattr *attr);
uint32_t fl_attr_u32(const struct nlattr *attr);
uint64_t fl_attr_u64(const struct nlattr *attr);
uint64_t fl_attr_uint(const struct nlattr *attr); /* 4 or 8 bytes */
struct nla_bitfield32 fl_attr_bitfield32(const struct nlattr *attr);
const char *fl_attr_str(const struct nlattr *attr);
const void *fl_attr_data(const struct nlattr *attr);
uint16_t fl_attr_len(const struct nlattr *attr);
uint16_t fl_attr_type(const struct nlattr *attr); /* without the flag bits */

#endif
