/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* extack.c - the extended acknowledgement. */
#include "nl/extack.h"

#include <libmnl/libmnl.h>
#include <stdarg.h>
#include <stdio.h>

#include "nl/policy.h"

void fl_extack_set(struct fl_extack *extack, const char *fmt, ...)
{
	va_list args;

	if (!extack)
		return;
	va_start(args, fmt);
	vsnprintf(extack->msg, sizeof(extack->msg), fmt, args);
	va_end(args);
}

void fl_extack_set_attr(struct fl_extack *extack, const struct nlattr *attr, const char *fmt, ...)
{
	va_list args;

	if (!extack)
		return;
	va_start(args, fmt);
	vsnprintf(extack->msg, sizeof(extack->msg), fmt, args);
	va_end(args);
	extack->bad_attr = attr;
	extack->policy = NULL;
}

void fl_extack_miss(struct fl_extack *extack, const struct nlattr *nest, uint16_t type)
{
	if (!extack)
		return;
	extack->miss_nest = nest;
	extack->miss_type = type;
}

/* Where attr stands in request; 0, which no attribute can have, if it does not. */
static uint32_t offset_in(const struct nlmsghdr *request, const struct nlattr *attr)
{
	uintptr_t begin = (uintptr_t)request, at = (uintptr_t)attr;

	return at > begin && at < begin + request->nlmsg_len ? at - begin : 0;
}

static bool extack_tells(const struct nlmsghdr *request, const struct fl_extack *extack, int err)
{
	return extack && (extack->msg[0] || (err && (offset_in(request, extack->bad_attr) ||
						     extack->policy || extack->miss_type)));
}

/* An ACK and a finished dump carry the text only. */
static void put_tells(struct fl_msg *msg, const struct nlmsghdr *request,
		      const struct fl_extack *extack, int err)
{
	uint32_t bad = offset_in(request, extack->bad_attr);
	uint32_t nest = offset_in(request, extack->miss_nest);

	if (extack->msg[0])
		fl_msg_put_str(msg, NLMSGERR_ATTR_MSG, extack->msg);
	if (!err)
		return;
	if (bad)
		fl_msg_put_u32(msg, NLMSGERR_ATTR_OFFS, bad);
	if (extack->policy)
		fl_policy_put(msg, NLMSGERR_ATTR_POLICY, extack->policy, -1);
	if (extack->miss_type)
		fl_msg_put_u32(msg, NLMSGERR_ATTR_MISS_TYPE, extack->miss_type);
	if (nest)
		fl_msg_put_u32(msg, NLMSGERR_ATTR_MISS_NEST, nest);
}

void fl_extack_put_ack(struct fl_msg *msg, const struct nlmsghdr *request, uint32_t portid, int err,
		       const struct fl_extack *extack, bool cap_ack, bool ext_ack)
{
	bool tells = ext_ack && extack_tells(request, extack, err);
	struct nlmsgerr body = { .error = err, .msg = *request };
	bool whole = err && !cap_ack;
	uint16_t flags = (whole ? 0 : NLM_F_CAPPED) | (tells ? NLM_F_ACK_TLVS : 0);

	fl_msg_begin_plain(msg, NLMSG_ERROR, flags, request->nlmsg_seq, portid);
	fl_msg_put_raw(msg, &body, sizeof(body));
	if (whole && request->nlmsg_len > MNL_NLMSG_HDRLEN)
		fl_msg_put_raw(msg, mnl_nlmsg_get_payload(request),
			       request->nlmsg_len - MNL_NLMSG_HDRLEN);
	if (tells)
		put_tells(msg, request, extack, err);
	fl_msg_end(msg);
}

void fl_extack_put_done(struct fl_msg *msg, const struct nlmsghdr *request, uint32_t portid,
			int err, const struct fl_extack *extack, bool ext_ack)
{
	bool tells = ext_ack && extack_tells(request, extack, err);
	uint16_t flags = NLM_F_MULTI | (tells ? NLM_F_ACK_TLVS : 0);

	fl_msg_begin_plain(msg, NLMSG_DONE, flags, request->nlmsg_seq, portid);
	fl_msg_put_raw(msg, &err, sizeof(err));
	if (tells)
		put_tells(msg, request, extack, err);
	fl_msg_end(msg);
}
