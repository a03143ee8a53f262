/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msg.h - building netlink messages.
 *
 * A struct fl_msg is a buffer into which one or more messages are put. Errors stick:
 * after the first that does not fit, `err` is -EMSGSIZE (a fixed buffer, or an attribute
 * that is too long for its length field) or -ENOMEM (a growing one) and later puts do
 * nothing, so that a filler checks once, at its end. What is put before the first
 * fl_msg_begin() is attributes without a message, for fl_msg_put_raw() elsewhere.
 *
 * Threads: one at a time; nothing here is shared.
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
	size_t len;    /* used; always a multiple of 4 */
	size_t cap;
	size_t begun;  /* offset of the message that fl_msg_begin() started */
	int err;       /* 0 or a negative errno */
	int begun_err; /* what err was when it started */
	bool grows;    /* buf is on the heap and owned */
};

/* A growing buffer on the heap; freed by fl_msg_done(). Nothing is allocated yet. */
void fl_msg_init(struct fl_msg *msg);
/* A fixed buffer of the caller's, aligned to 4. */
void fl_msg_init_fixed(struct fl_msg *msg, void *buf, size_t cap);
void fl_msg_done(struct fl_msg *msg);
/* Empties it, keeps the memory, forgets the error. */
void fl_msg_reset(struct fl_msg *msg);

/* Starts a generic netlink message. The header's length is set by fl_msg_end(). */
void fl_msg_begin(struct fl_msg *msg, uint16_t type, uint16_t flags, uint32_t seq, uint32_t portid,
		  uint8_t cmd, uint8_t version);
/* Starts a message without a generic netlink header (NLMSG_ERROR, NLMSG_DONE). */
void fl_msg_begin_plain(struct fl_msg *msg, uint16_t type, uint16_t flags, uint32_t seq,
			uint32_t portid);
void fl_msg_end(struct fl_msg *msg);
/* Takes back the message begun last, with its error; an older error stays. */
void fl_msg_cancel(struct fl_msg *msg);

void fl_msg_put(struct fl_msg *msg, uint16_t type, const void *data, size_t len);
void fl_msg_put_u8(struct fl_msg *msg, uint16_t type, uint8_t value);
void fl_msg_put_u16(struct fl_msg *msg, uint16_t type, uint16_t value);
void fl_msg_put_u32(struct fl_msg *msg, uint16_t type, uint32_t value);
void fl_msg_put_u64(struct fl_msg *msg, uint16_t type, uint64_t value);
/* A number in 4 bytes if it fits, else in 8 (the kernel's nla_put_uint). */
void fl_msg_put_uint(struct fl_msg *msg, uint16_t type, uint64_t value);
/* With its terminating zero. */
void fl_msg_put_str(struct fl_msg *msg, uint16_t type, const char *value);
void fl_msg_put_flag(struct fl_msg *msg, uint16_t type);
void fl_msg_put_bitfield32(struct fl_msg *msg, uint16_t type, uint32_t value, uint32_t selector);
/* Bytes as they are, padded to 4: attributes, or what stands before them. */
void fl_msg_put_raw(struct fl_msg *msg, const void *data, size_t len);

/* Starts a nest, with NLA_F_NESTED if `flagged`. Returns the offset to give to
 * fl_msg_nest_end/_cancel. devlink flags only its younger nests (7.2, from its answers;
 * those marked * from its source):
 *   DEV_STATS, RELOAD_STATS, REMOTE_RELOAD_STATS, RELOAD_ACTION_INFO, RELOAD_ACTION_STATS,
 *   RELOAD_STATS_ENTRY, STATS, TRAP_METADATA, RATE_TC_BWS, NESTED_DEVLINK*,
 *   PORT_FN_ATTR_DEVLINK*, LINECARD_SUPPORTED_TYPES*, SELFTESTS*;
 * and not PORT_FUNCTION*, PARAM*, REGION_*, RESOURCE*, INFO_VERSION_*, HEALTH_REPORTER, FMSG,
 * DPIPE_*. nlctrl flags those of GETPOLICY and NLMSGERR_ATTR_POLICY, not those of GETFAMILY. */
size_t fl_msg_nest(struct fl_msg *msg, uint16_t type, bool flagged);
void fl_msg_nest_end(struct fl_msg *msg, size_t nest);
void fl_msg_nest_cancel(struct fl_msg *msg, size_t nest);

#endif
