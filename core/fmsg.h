/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fmsg.h - formatted messages as core/ keeps and sends them. */
#ifndef FL_CORE_FMSG_H
#define FL_CORE_FMSG_H

#include "core/driver-health.h"
#include "nl/msg.h"

/* Written by the one operation that made it, until it is published; never after. Counted. */
struct fl_fmsg {
	int refs;
	int err;             /* the first error */
	bool putting_binary;
	uint64_t serial;     /* no other has it; not 0 */
	unsigned char *buf;  /* items, one after another */
	uint32_t len, cap;
};

/* NULL: out of memory. */
struct fl_fmsg *fl_fmsg_new(void);
struct fl_fmsg *fl_fmsg_get(struct fl_fmsg *fmsg); /* NULL is fine */
void fl_fmsg_put_ref(struct fl_fmsg *fmsg);        /* NULL is fine */

/* Puts DEVLINK_ATTR_FMSG with the items from *at on into the message that was begun in msg, a
 * fixed buffer, and sets *at behind them. Returns 0 (that was all); -EMSGSIZE (there are
 * more, or if *at is what it was: not one fits). */
int fl_fmsg_encode(struct fl_msg *msg, const struct fl_fmsg *fmsg, uint32_t *at);

/* Puts the whole of it as the messages of a reply with NLMSG_DONE at their end, none larger
 * than the kernel makes them. Returns 0 or a negative errno. */
int fl_fmsg_reply(struct fl_msg *reply, const struct fl_fmsg *fmsg, uint32_t seq, uint32_t portid,
		  uint8_t cmd);

#endif
