/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* msg.c - building netlink messages. */
#include "nl/msg.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

#define FL_MSG_FIRST_CAP 512

void fl_msg_init(struct fl_msg *msg)
{
	*msg = (struct fl_msg){ .grows = true };
}

void fl_msg_init_fixed(struct fl_msg *msg, void *buf, size_t cap)
{
	fl_assert((uintptr_t)buf % NLMSG_ALIGNTO == 0);
	*msg = (struct fl_msg){ .buf = buf, .cap = cap - cap % NLMSG_ALIGNTO };
}

void fl_msg_done(struct fl_msg *msg)
{
	if (msg->grows)
		free(msg->buf);
	*msg = (struct fl_msg){ .grows = msg->grows };
}

void fl_msg_reset(struct fl_msg *msg)
{
	msg->len = 0;
	msg->begun = 0;
	msg->err = 0;
	msg->begun_err = 0;
}

static int msg_grow(struct fl_msg *msg, size_t more)
{
	size_t cap = msg->cap ? msg->cap : FL_MSG_FIRST_CAP;
	unsigned char *buf;

	if (!msg->grows)
		return -EMSGSIZE;
	if (more > SIZE_MAX / 2 - msg->len)
		return -ENOMEM;
	while (cap < msg->len + more)
		cap *= 2;
	buf = realloc(msg->buf, cap);
	if (!buf)
		return -ENOMEM;
	msg->buf = buf;
	msg->cap = cap;
	return 0;
}

/* Room for len bytes, padded with zeroes to 4; NULL with a sticky error. */
static void *msg_room(struct fl_msg *msg, size_t len)
{
	size_t padded = len + (-len & (NLMSG_ALIGNTO - 1));
	unsigned char *room;

	if (msg->err)
		return NULL;
	if (padded < len || padded > msg->cap - msg->len)
		msg->err = msg_grow(msg, padded);
	if (msg->err)
		return NULL;
	room = msg->buf + msg->len;
	memset(room + len, 0, padded - len);
	msg->len += padded;
	return room;
}

void fl_msg_begin_plain(struct fl_msg *msg, uint16_t type, uint16_t flags, uint32_t seq,
			uint32_t portid)
{
	struct nlmsghdr *nlh;

	msg->begun = msg->len;
	msg->begun_err = msg->err;
	nlh = msg_room(msg, MNL_NLMSG_HDRLEN);
	if (!nlh)
		return;
	mnl_nlmsg_put_header(nlh);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = portid;
}

void fl_msg_begin(struct fl_msg *msg, uint16_t type, uint16_t flags, uint32_t seq, uint32_t portid,
		  uint8_t cmd, uint8_t version)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = version };

	fl_msg_begin_plain(msg, type, flags, seq, portid);
	fl_msg_put_raw(msg, &genl, sizeof(genl));
}

void fl_msg_end(struct fl_msg *msg)
{
	struct nlmsghdr *nlh;

	if (msg->err)
		return;
	nlh = (struct nlmsghdr *)(msg->buf + msg->begun);
	nlh->nlmsg_len = msg->len - msg->begun;
}

void fl_msg_cancel(struct fl_msg *msg)
{
	msg->len = msg->begun;
	msg->err = msg->begun_err;
}

/* An attribute of len bytes; returns its payload to fill, or NULL. */
static void *msg_attr(struct fl_msg *msg, uint16_t type, size_t len)
{
	struct nlattr *attr;

	if (!msg->err && len > UINT16_MAX - MNL_ATTR_HDRLEN)
		msg->err = -EMSGSIZE;
	attr = msg_room(msg, MNL_ATTR_HDRLEN + len);
	if (!attr)
		return NULL;
	attr->nla_type = type;
	attr->nla_len = MNL_ATTR_HDRLEN + len;
	return mnl_attr_get_payload(attr);
}

void fl_msg_put(struct fl_msg *msg, uint16_t type, const void *data, size_t len)
{
	void *payload = msg_attr(msg, type, len);

	if (payload && len)
		memcpy(payload, data, len);
}

void fl_msg_put_u8(struct fl_msg *msg, uint16_t type, uint8_t value)
{
	fl_msg_put(msg, type, &value, sizeof(value));
}

void fl_msg_put_u16(struct fl_msg *msg, uint16_t type, uint16_t value)
{
	fl_msg_put(msg, type, &value, sizeof(value));
}

void fl_msg_put_u32(struct fl_msg *msg, uint16_t type, uint32_t value)
{
	fl_msg_put(msg, type, &value, sizeof(value));
}

void fl_msg_put_u64(struct fl_msg *msg, uint16_t type, uint64_t value)
{
	fl_msg_put(msg, type, &value, sizeof(value));
}

void fl_msg_put_uint(struct fl_msg *msg, uint16_t type, uint64_t value)
{
	if (value <= UINT32_MAX)
		fl_msg_put_u32(msg, type, value);
	else
		fl_msg_put_u64(msg, type, value);
}

void fl_msg_put_str(struct fl_msg *msg, uint16_t type, const char *value)
{
	fl_msg_put(msg, type, value, strlen(value) + 1);
}

void fl_msg_put_flag(struct fl_msg *msg, uint16_t type)
{
	fl_msg_put(msg, type, NULL, 0);
}

void fl_msg_put_bitfield32(struct fl_msg *msg, uint16_t type, uint32_t value, uint32_t selector)
{
	struct nla_bitfield32 bits = { .value = value, .selector = selector };

	fl_msg_put(msg, type, &bits, sizeof(bits));
}

void fl_msg_put_raw(struct fl_msg *msg, const void *data, size_t len)
{
	void *room;

	if (!len)
		return;
	room = msg_room(msg, len);
	if (room)
		memcpy(room, data, len);
}

size_t fl_msg_nest(struct fl_msg *msg, uint16_t type, bool flagged)
{
	size_t nest = msg->len;

	fl_msg_put(msg, flagged ? type | NLA_F_NESTED : type, NULL, 0);
	return nest;
}

void fl_msg_nest_end(struct fl_msg *msg, size_t nest)
{
	struct nlattr *attr;

	if (msg->err)
		return;
	if (msg->len - nest > UINT16_MAX) {
		msg->err = -EMSGSIZE;
		return;
	}
	attr = (struct nlattr *)(msg->buf + nest);
	attr->nla_len = msg->len - nest;
}

void fl_msg_nest_cancel(struct fl_msg *msg, size_t nest)
{
	if (!msg->err)
		msg->len = nest;
}
