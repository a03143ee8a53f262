/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msg.h - building netlink messages.
 *
 * A struct fl_msg is a buffer into which one or more messages are put, on top of
 * libmnl's attribute functions. Errors stick: after the first that does not fit, `err`
 * is -EMSGSIZE (fixed buffer) or -ENOMEM (growing one) and later puts do nothing, so
 * that a filler checks once, at its end.
 */
#ifndef FL_NL_MSG_H
#define FL_NL_MSG_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_msg {
	unsigned char *buf;
	size_t len;   /* used; always a multiple of 4 */
	size_t cap;
	size_t begun; /* offset of the message that fl_msg_begin() started */
	int err;      /* 0 or a negative errno */
	bool grows;   /* buf is on the heap and owned */
};

/* A growing buffer on the heap; freed by fl_msg_done(). Nothing is allocated yet. */
void fl_msg_init(struct fl_msg *msg);
/* A fixed buffer of the caller's, aligned to 4. */
void fl_msg_init_fixed(struct fl_msg *msg, void *buf, size_t cap);
void fl_msg_done(struct fl_msg *msg);
/* Empties it, keeps the memory, forgets the error. */
void fl_msg_reset(struct fl_msg *msg);

/* Starts a generic netlink message. The header's length is set by fl_msg_end(). */
void fl_msg_begin(struct fl_msg *msg, uint16_t type, uint16_t flags, uint32_t seq,
		  uint32_t portid, uint8_t cmd, uint8_t version);
/* Starts a message without a generic netlink header (NLMSG_ERROR, NLMSG_DONE). */
void fl_msg_begin_plain(struct fl_msg *msg, uint16_t type, uint16_t flags, uint32_t seq,
			uint32_t portid);
void fl_msg_end(struct fl_msg *msg);
/* Takes back the message begun last, with its error. */
void fl_msg_cancel(struct fl_msg *msg);

void fl_msg_put(struct fl_msg *msg, uint16_t type, const void *data, size_t len);
void fl_msg_put_u8(struct fl_msg *msg, uint16_t type, uint8_t value);
void fl_msg_put_u16(struct fl_msg *msg, uint16_t type, uint16_t value);
void fl_msg_put_u32(struct fl_msg *msg, uint16_t type, uint32_t value);
void fl_msg_put_u64(struct fl_msg *msg, uint16_t type, uint64_t value);
/* A number in 4 bytes if it fits, else in 8 (the kernel's nla_put_uint). */
void fl_msg_put_uint(struct fl_msg *msg, uint16_t type, uint64_t value);
void fl_msg_put_str(struct fl_msg *msg, uint16_t type, const char *value);
void fl_msg_put_flag(struct fl_msg *msg, uint16_t type);
void fl_msg_put_bitfield32(struct fl_msg *msg, uint16_t type, uint32_t value, uint32_t selector);
/* Bytes that are attributes already, as they are. */
void fl_msg_put_raw(struct fl_msg *msg, const void *data, size_t len);

/* Starts a nest; with NLA_F_NESTED only if `flagged` (devlink's own nests mostly lack it:
 * see the recorded bytes). Returns the offset to give to fl_msg_nest_end/_cancel. */
size_t fl_msg_nest(struct fl_msg *msg, uint16_t type, bool flagged);
void fl_msg_nest_end(struct fl_msg *msg, size_t nest);
void fl_msg_nest_cancel(struct fl_msg *msg, size_t nest);

#endif
