/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ctrl.h - nlctrl: how a client finds the family and its policies. */
#ifndef FL_NL_CTRL_H
#define FL_NL_CTRL_H

#include "nl/msg.h"
#include "nl/policy.h"

/* The ids that the plane gives out; the kernel's are dynamic from 0x10 up too. */
#define FL_FAMILY_CTRL GENL_ID_CTRL
#define FL_FAMILY_DEVLINK 0x16
#define FL_GROUP_CTRL 0x10  /* nlctrl's "notify" */
#define FL_GROUP_CONFIG 0x07 /* devlink's "config" */

/* Answers one request to nlctrl that is no dump. Puts the reply. Returns 0 or a negative
 * errno with extack. */
int fl_ctrl_do(const struct nlmsghdr *request, uint32_t portid, struct fl_msg *reply,
	       struct fl_extack *extack);

/* Where a dump goes on; all zero at its start. */
struct fl_ctrl_dump {
	uint32_t position[4];
};

/* Continues a dump: puts as many messages as fit msg (a fixed buffer; a growing one takes
 * all). Returns 1 if there is more, 0 at the end, or a negative errno: for a refused
 * request, which only the first call gives and which an NLMSG_ERROR tells, not an
 * NLMSG_DONE; or -EMSGSIZE if msg is empty and one message does not fit. The request must
 * stay as it was. */
int fl_ctrl_dump(const struct nlmsghdr *request, uint32_t portid, struct fl_ctrl_dump *state,
		 struct fl_msg *msg, struct fl_extack *extack);

#endif
