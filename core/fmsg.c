/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fmsg.c - formatted messages: what reporters dump and diagnose. A list of items that is
 * cut anywhere between two of them to fill netlink messages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fmsg.h"
#include "core/req.h"
#include "nl/ctrl.h"

/* What an item's value is, on the wire: the numbers of the kernel's netlink types. */
enum item_type {
	ITEM_U8 = 1,
	ITEM_U32 = 3,
	ITEM_U64 = 4,
	ITEM_FLAG = 6,
	ITEM_STRING = 10,
	ITEM_BINARY = 11,
};

/* Followed by `len` bytes, then up to a multiple of 4. */
struct item {
	uint16_t attr;
	uint16_t type; /* enum item_type, of DEVLINK_ATTR_FMSG_OBJ_VALUE_DATA */
	uint32_t len;
};

/* ---- life ------------------------------------------------------------------------- */

struct fl_fmsg *fl_fmsg_new(void)
{
	static uint64_t serial;
	struct fl_fmsg *fmsg = calloc(1, sizeof(*fmsg));

	if (!fmsg)
		return NULL;
	fmsg->refs = 1;
	fmsg->serial = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
	return fmsg;
}

struct fl_fmsg *fl_fmsg_get(struct fl_fmsg *fmsg)
{
	if (fmsg)
		__atomic_add_fetch(&fmsg->refs, 1, __ATOMIC_RELAXED);
	return fmsg;
}

void fl_fmsg_put_ref(struct fl_fmsg *fmsg)
{
	if (!fmsg || __atomic_sub_fetch(&fmsg->refs, 1, __ATOMIC_ACQ_REL))
		return;
	free(fmsg->buf);
	free(fmsg);
}

/* ---- putting ---------------------------------------------------------------------- */

static void fail(struct fl_fmsg *fmsg, int err)
{
	if (!fmsg->err)
		fmsg->err = err;
}

static bool make_room(struct fl_fmsg *fmsg, uint32_t more)
{
	uint32_t cap = fmsg->cap ? fmsg->cap : 512;
	unsigned char *buf;

	if (more > FL_FMSG_MAX - fmsg->len) {
		fail(fmsg, -EMSGSIZE);
		return false;
	}
	while (cap - fmsg->len < more)
		cap *= 2;
	if (cap == fmsg->cap)
		return true;
	buf = realloc(fmsg->buf, cap);
	if (!buf) {
		fail(fmsg, -ENOMEM);
		return false;
	}
	fmsg->buf = buf;
	fmsg->cap = cap;
	return true;
}

static void add(struct fl_fmsg *fmsg, uint16_t attr, enum item_type type, const void *data,
		size_t len)
{
	const struct item item = { .attr = attr, .type = type, .len = len };
	uint32_t size;

	if (len > FL_FMSG_VALUE_MAX)
		fail(fmsg, -EMSGSIZE);
	size = sizeof(item) + NLA_ALIGN(len);
	if (fmsg->err || !make_room(fmsg, size))
		return;
	memcpy(fmsg->buf + fmsg->len, &item, sizeof(item));
	if (len)
		memcpy(fmsg->buf + fmsg->len + sizeof(item), data, len);
	fmsg->len += size;
}

static void check_no_binary(struct fl_fmsg *fmsg)
{
	if (fmsg->putting_binary)
		fail(fmsg, -EINVAL);
}

static void add_nest(struct fl_fmsg *fmsg, uint16_t attr)
{
	check_no_binary(fmsg);
	add(fmsg, attr, 0, NULL, 0);
}

static void add_value(struct fl_fmsg *fmsg, enum item_type type, const void *data, size_t len)
{
	check_no_binary(fmsg);
	add(fmsg, DEVLINK_ATTR_FMSG_OBJ_VALUE_DATA, type, data, len);
}

void fl_fmsg_obj_nest_start(struct fl_fmsg *fmsg)
{
	add_nest(fmsg, DEVLINK_ATTR_FMSG_OBJ_NEST_START);
}

void fl_fmsg_obj_nest_end(struct fl_fmsg *fmsg)
{
	add_nest(fmsg, DEVLINK_ATTR_FMSG_NEST_END);
}

void fl_fmsg_pair_nest_start(struct fl_fmsg *fmsg, const char *name)
{
	add_nest(fmsg, DEVLINK_ATTR_FMSG_PAIR_NEST_START);
	add(fmsg, DEVLINK_ATTR_FMSG_OBJ_NAME, 0, name, strlen(name) + 1);
}

void fl_fmsg_pair_nest_end(struct fl_fmsg *fmsg)
{
	add_nest(fmsg, DEVLINK_ATTR_FMSG_NEST_END);
}

void fl_fmsg_arr_pair_nest_start(struct fl_fmsg *fmsg, const char *name)
{
	fl_fmsg_pair_nest_start(fmsg, name);
	add_nest(fmsg, DEVLINK_ATTR_FMSG_ARR_NEST_START);
}

void fl_fmsg_arr_pair_nest_end(struct fl_fmsg *fmsg)
{
	add_nest(fmsg, DEVLINK_ATTR_FMSG_NEST_END);
	add_nest(fmsg, DEVLINK_ATTR_FMSG_NEST_END);
}

void fl_fmsg_binary_pair_nest_start(struct fl_fmsg *fmsg, const char *name)
{
	fl_fmsg_arr_pair_nest_start(fmsg, name);
	fmsg->putting_binary = true;
}

void fl_fmsg_binary_pair_nest_end(struct fl_fmsg *fmsg)
{
	if (!fmsg->putting_binary)
		fail(fmsg, -EINVAL);
	fmsg->putting_binary = false;
	fl_fmsg_arr_pair_nest_end(fmsg);
}

void fl_fmsg_bool_put(struct fl_fmsg *fmsg, bool value)
{
	const uint8_t byte = value;

	add_value(fmsg, ITEM_FLAG, &byte, sizeof(byte));
}

void fl_fmsg_u8_put(struct fl_fmsg *fmsg, uint8_t value)
{
	add_value(fmsg, ITEM_U8, &value, sizeof(value));
}

void fl_fmsg_u32_put(struct fl_fmsg *fmsg, uint32_t value)
{
	add_value(fmsg, ITEM_U32, &value, sizeof(value));
}

void fl_fmsg_u64_put(struct fl_fmsg *fmsg, uint64_t value)
{
	add_value(fmsg, ITEM_U64, &value, sizeof(value));
}

void fl_fmsg_string_put(struct fl_fmsg *fmsg, const char *value)
{
	add_value(fmsg, ITEM_STRING, value, strlen(value) + 1);
}

void fl_fmsg_binary_put(struct fl_fmsg *fmsg, const void *value, size_t len)
{
	if (!fmsg->putting_binary)
		fail(fmsg, -EINVAL);
	add(fmsg, DEVLINK_ATTR_FMSG_OBJ_VALUE_DATA, ITEM_BINARY, value, len);
}

void fl_fmsg_bool_pair_put(struct fl_fmsg *fmsg, const char *name, bool value)
{
	fl_fmsg_pair_nest_start(fmsg, name);
	fl_fmsg_bool_put(fmsg, value);
	fl_fmsg_pair_nest_end(fmsg);
}

void fl_fmsg_u8_pair_put(struct fl_fmsg *fmsg, const char *name, uint8_t value)
{
	fl_fmsg_pair_nest_start(fmsg, name);
	fl_fmsg_u8_put(fmsg, value);
	fl_fmsg_pair_nest_end(fmsg);
}

void fl_fmsg_u32_pair_put(struct fl_fmsg *fmsg, const char *name, uint32_t value)
{
	fl_fmsg_pair_nest_start(fmsg, name);
	fl_fmsg_u32_put(fmsg, value);
	fl_fmsg_pair_nest_end(fmsg);
}

void fl_fmsg_u64_pair_put(struct fl_fmsg *fmsg, const char *name, uint64_t value)
{
	fl_fmsg_pair_nest_start(fmsg, name);
	fl_fmsg_u64_put(fmsg, value);
	fl_fmsg_pair_nest_end(fmsg);
}

void fl_fmsg_string_pair_put(struct fl_fmsg *fmsg, const char *name, const char *value)
{
	fl_fmsg_pair_nest_start(fmsg, name);
	fl_fmsg_string_put(fmsg, value);
	fl_fmsg_pair_nest_end(fmsg);
}

void fl_fmsg_binary_pair_put(struct fl_fmsg *fmsg, const char *name, const void *value, size_t len)
{
	const char *piece = value;
	size_t size;

	fl_fmsg_binary_pair_nest_start(fmsg, name);
	for (; len; piece += size, len -= size) {
		size = len > FL_FMSG_VALUE_MAX ? FL_FMSG_VALUE_MAX : len;
		fl_fmsg_binary_put(fmsg, piece, size);
	}
	fl_fmsg_binary_pair_nest_end(fmsg);
}

/* ---- sending ---------------------------------------------------------------------- */

static bool fits(const struct fl_msg *msg, size_t len)
{
	return NLA_HDRLEN + NLA_ALIGN(len) <= fl_dump_room(msg);
}

/* False if there is no room. The type of a value may then be there without the value, as in
 * the kernel's messages; it comes again with it. */
static bool put_item(struct fl_msg *msg, const struct item *item, const void *data)
{
	if (item->attr == DEVLINK_ATTR_FMSG_OBJ_VALUE_DATA) {
		if (!fits(msg, 1))
			return false;
		fl_msg_put_u8(msg, DEVLINK_ATTR_FMSG_OBJ_VALUE_TYPE, item->type);
	}
	if (!fits(msg, item->len))
		return false;
	fl_msg_put(msg, item->attr, data, item->len);
	return true;
}

int fl_fmsg_encode(struct fl_msg *msg, const struct fl_fmsg *fmsg, uint32_t *at)
{
	bool all = true;
	struct item item;
	size_t nest;

	if (!fits(msg, 0))
		return -EMSGSIZE;
	nest = fl_msg_nest(msg, DEVLINK_ATTR_FMSG, false);
	while (all && *at < fmsg->len) {
		memcpy(&item, fmsg->buf + *at, sizeof(item));
		all = put_item(msg, &item, fmsg->buf + *at + sizeof(item));
		if (all)
			*at += sizeof(item) + NLA_ALIGN(item.len);
	}
	fl_msg_nest_end(msg, nest);
	return all ? msg->err : -EMSGSIZE;
}

/* As large as the kernel makes a reply: a page without what it keeps of it. */
#define REPLY_MAX 3776

int fl_fmsg_reply(struct fl_msg *reply, const struct fl_fmsg *fmsg, uint32_t seq, uint32_t portid,
		  uint8_t cmd)
{
	uint32_t buf[REPLY_MAX / sizeof(uint32_t)], at = 0, before;
	struct fl_msg part;
	int err;

	if (fmsg->err)
		return fmsg->err;
	do {
		before = at;
		fl_msg_init_fixed(&part, buf, sizeof(buf));
		fl_msg_begin(&part, FL_FAMILY_DEVLINK, NLM_F_MULTI, seq, portid, cmd, 1);
		err = fl_fmsg_encode(&part, fmsg, &at);
		if (err && at == before)
			return err;
		fl_msg_end(&part);
		fl_msg_put_raw(reply, part.buf, part.len);
	} while (err);
	fl_msg_begin_plain(reply, NLMSG_DONE, NLM_F_MULTI, seq, portid);
	fl_msg_end(reply);
	return reply->err;
}
