/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.c - netlink messages as a strict reader takes them. */
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdbool.h>

#include "base/die.h"
#include "base/util.h"
#include "nl/devlink-attrs.h"
#include "nl/ctrl.h"
#include "tests/fuzz/fuzz.h"

#define DEPTH_MAX 16

/* devlink's nests that carry no NLA_F_NESTED. Numbers that other sets use are not among them. */
static const bool nests[DEVLINK_ATTR_MAX + 1] = {
	[DEVLINK_ATTR_DPIPE_TABLES] = true,
	[DEVLINK_ATTR_DPIPE_TABLE] = true,
	[DEVLINK_ATTR_DPIPE_TABLE_MATCHES] = true,
	[DEVLINK_ATTR_DPIPE_TABLE_ACTIONS] = true,
	[DEVLINK_ATTR_DPIPE_ENTRIES] = true,
	[DEVLINK_ATTR_DPIPE_ENTRY] = true,
	[DEVLINK_ATTR_DPIPE_ENTRY_MATCH_VALUES] = true,
	[DEVLINK_ATTR_DPIPE_ENTRY_ACTION_VALUES] = true,
	[DEVLINK_ATTR_DPIPE_MATCH] = true,
	[DEVLINK_ATTR_DPIPE_MATCH_VALUE] = true,
	[DEVLINK_ATTR_DPIPE_ACTION] = true,
	[DEVLINK_ATTR_DPIPE_ACTION_VALUE] = true,
	[DEVLINK_ATTR_DPIPE_HEADERS] = true,
	[DEVLINK_ATTR_DPIPE_HEADER] = true,
	[DEVLINK_ATTR_DPIPE_HEADER_FIELDS] = true,
	[DEVLINK_ATTR_DPIPE_FIELD] = true,
	[DEVLINK_ATTR_RESOURCE_LIST] = true,
	[DEVLINK_ATTR_RESOURCE] = true,
	[DEVLINK_ATTR_PARAM] = true,
	[DEVLINK_ATTR_PARAM_VALUES_LIST] = true,
	[DEVLINK_ATTR_PARAM_VALUE] = true,
	[DEVLINK_ATTR_REGION_SNAPSHOTS] = true,
	[DEVLINK_ATTR_REGION_SNAPSHOT] = true,
	[DEVLINK_ATTR_REGION_CHUNKS] = true,
	[DEVLINK_ATTR_REGION_CHUNK] = true,
	[DEVLINK_ATTR_INFO_VERSION_FIXED] = true,
	[DEVLINK_ATTR_INFO_VERSION_RUNNING] = true,
	[DEVLINK_ATTR_INFO_VERSION_STORED] = true,
	[DEVLINK_ATTR_FMSG] = true,
	[DEVLINK_ATTR_HEALTH_REPORTER] = true,
	[DEVLINK_ATTR_STATS] = true,
	[DEVLINK_ATTR_TRAP_METADATA] = true,
	[DEVLINK_ATTR_PORT_FUNCTION] = true,
	[DEVLINK_ATTR_DEV_STATS] = true,
	[DEVLINK_ATTR_RELOAD_STATS] = true,
	[DEVLINK_ATTR_RELOAD_STATS_ENTRY] = true,
	[DEVLINK_ATTR_REMOTE_RELOAD_STATS] = true,
	[DEVLINK_ATTR_RELOAD_ACTION_INFO] = true,
	[DEVLINK_ATTR_RELOAD_ACTION_STATS] = true,
	[DEVLINK_ATTR_LINECARD_SUPPORTED_TYPES] = true,
};

static bool is_nest(const struct nlattr *attr, bool devlink)
{
	uint16_t type = mnl_attr_get_type(attr);

	return attr->nla_type & NLA_F_NESTED ||
	       (devlink && type <= DEVLINK_ATTR_MAX && nests[type]);
}

static void check_attrs(const void *attrs, size_t len, bool devlink, unsigned int depth)
{
	const char *at = attrs;

	fl_assert(depth < DEPTH_MAX);
	while (len) {
		const struct nlattr *attr = (const struct nlattr *)at;
		size_t step;

		fl_assert(len >= NLA_HDRLEN && attr->nla_len >= NLA_HDRLEN && attr->nla_len <= len);
		step = NLA_ALIGN(attr->nla_len);
		if (is_nest(attr, devlink))
			check_attrs(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr),
				    devlink, depth + 1);
		step = step < len ? step : len;
		at += step;
		len -= step;
	}
}

/* NLMSG_ERROR and NLMSG_DONE: an errno, perhaps the request or its header, perhaps texts. */
static void check_ack(const struct nlmsghdr *nlh)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh), at = sizeof(int);
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);

	/* The end of the answer to a "do" in several messages says nothing. */
	if (nlh->nlmsg_type == NLMSG_DONE && !len)
		return;
	fl_assert(len >= at && ack->error <= 0);
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		fl_assert(len >= sizeof(*ack));
		at = sizeof(*ack);
		if (ack->error && !(nlh->nlmsg_flags & NLM_F_CAPPED))
			at = sizeof(int) + MNL_ALIGN(ack->msg.nlmsg_len);
		fl_assert(at <= MNL_ALIGN(len));
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		check_attrs((const char *)ack + at, len - at, false, 0);
}

static void check_message(const struct nlmsghdr *nlh)
{
	size_t head = NLMSG_HDRLEN + GENL_HDRLEN;

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE:
		check_ack(nlh);
		return;
	case NLMSG_OVERRUN:
		fl_assert(nlh->nlmsg_len == NLMSG_HDRLEN);
		return;
	}
	fl_assert(nlh->nlmsg_type == FL_FAMILY_CTRL || nlh->nlmsg_type == FL_FAMILY_DEVLINK);
	fl_assert(nlh->nlmsg_len >= head);
	check_attrs((const char *)nlh + head, nlh->nlmsg_len - head,
		    nlh->nlmsg_type == FL_FAMILY_DEVLINK, 0);
}

unsigned int fuzz_check_messages(const void *buf, size_t len)
{
	unsigned int count = 0;
	size_t at = 0;

	while (at < len) {
		const struct nlmsghdr *nlh =
			(const struct nlmsghdr *)((const char *)buf + at);

		fl_assert(len - at >= NLMSG_HDRLEN);
		fl_assert(nlh->nlmsg_len >= NLMSG_HDRLEN && nlh->nlmsg_len <= len - at);
		check_message(nlh);
		at += NLMSG_ALIGN(nlh->nlmsg_len);
		count++;
	}
	return count;
}
