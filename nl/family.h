/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* family.h - the generic-netlink families that a plane answers for. */
#ifndef FL_NL_FAMILY_H
#define FL_NL_FAMILY_H

#include "nl/policy.h"

struct fl_family {
	const char *name;
	const char *group; /* its one multicast group */
	uint32_t group_id;
	uint32_t version;
	uint16_t id;
	uint16_t resv_start; /* from this command on, what has no meaning must be zero */
	const struct fl_cmd *cmds; /* indexed by number */
	const unsigned int *cmds_len;
};

extern const struct fl_family fl_family_ctrl;
extern const struct fl_family fl_family_devlink;

/* NULL: there is none. */
const struct fl_family *fl_family_by_id(uint16_t id);
const struct fl_family *fl_family_by_name(const char *name);
/* The families in ascending order of ids; NULL after the last. */
const struct fl_family *fl_family_at(unsigned int position);

/* As fl_cmd_find(), for any family. */
int fl_family_find_cmd(const struct fl_family *family, const struct nlmsghdr *request,
		       const struct fl_cmd **ret_cmd, struct fl_extack *extack);

#endif
