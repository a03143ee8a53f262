/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* extack.h - the extended acknowledgement: why a request failed, for its sender. */
#ifndef FL_NL_EXTACK_H
#define FL_NL_EXTACK_H

#include <linux/netlink.h>
#include <stdint.h>

#include "base/util.h"
/* -- not installed -- */
#include "nl/msg.h"
/* -- installed -- */

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_policy;

struct fl_extack {
	char msg[160];                  /* "" for none; a sentence without a newline */
	const struct nlattr *bad_attr;  /* in the request, or NULL */
	const struct fl_policy *policy; /* of bad_attr, told as NLMSGERR_ATTR_POLICY, or NULL */
	uint16_t miss_type;             /* a missing attribute's type, 0 for none */
	const struct nlattr *miss_nest; /* the nest it is missing from, NULL: the message itself */
};

/* Sets the text, cut if it is too long; `extack` may be NULL in all three. */
void fl_extack_set(struct fl_extack *extack, const char *fmt, ...) FL_PRINTF(2, 3);
/* Sets the text and the attribute at fault. */
void fl_extack_set_attr(struct fl_extack *extack, const struct nlattr *attr, const char *fmt, ...)
	FL_PRINTF(3, 4);
/* Names a missing attribute; the kernel's GENL_REQ_ATTR_CHECK sets no text. */
void fl_extack_miss(struct fl_extack *extack, const struct nlattr *nest, uint16_t type);

/* -- not installed -- */
/* Puts the NLMSG_ERROR message that answers `request` with `err` (0: an ACK, or a negative
 * errno), as the kernel does: the request is repeated whole only on an error without
 * cap_ack; what extack says follows if ext_ack, offsets relative to request. `extack` may be
 * NULL. Attributes that do not lie in the request are left out. */
void fl_extack_put_ack(struct fl_msg *msg, const struct nlmsghdr *request, uint32_t portid, int err,
		       const struct fl_extack *extack, bool cap_ack, bool ext_ack);

/* Puts the NLMSG_DONE message that ends the dump that `request` asked for; the same rules. */
void fl_extack_put_done(struct fl_msg *msg, const struct nlmsghdr *request, uint32_t portid,
			int err, const struct fl_extack *extack, bool ext_ack);
/* -- installed -- */

#pragma GCC visibility pop

#endif
