/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* option.c - the options of level SOL_NETLINK, with the kernel's errors. */
#include <errno.h>
#include <linux/netlink.h>

#include "server/server-private.h"
#include "server/session.h"

static unsigned int option_flag(uint32_t name)
{
	switch (name) {
	case NETLINK_PKTINFO:
		return FL_SESSION_PKTINFO;
	case NETLINK_BROADCAST_ERROR:
		return FL_SESSION_BROADCAST_ERROR;
	case NETLINK_NO_ENOBUFS:
		return FL_SESSION_NO_ENOBUFS;
	case NETLINK_CAP_ACK:
		return FL_SESSION_CAP_ACK;
	case NETLINK_EXT_ACK:
		return FL_SESSION_EXT_ACK;
	case NETLINK_GET_STRICT_CHK:
		return FL_SESSION_STRICT_CHK;
	}
	return 0;
}

static int option_membership(struct fl_session *session, uint32_t group, bool join)
{
	uint64_t bit;

	if (group < 1 || group > FL_MULTICAST_GROUPS)
		return -EINVAL;
	bit = 1ULL << (group - 1);
	return fl_multicast_set_groups(session, join ? session->groups | bit : session->groups & ~bit);
}

int fl_option_set(struct fl_session *session, uint32_t name, uint32_t value)
{
	unsigned int flag = option_flag(name);

	if (flag) {
		session->options = value ? session->options | flag : session->options & ~flag;
		/* Without reports of loss there is none to come. */
		if (flag == FL_SESSION_NO_ENOBUFS && value)
			session->overrun = false;
		return 0;
	}
	switch (name) {
	case NETLINK_ADD_MEMBERSHIP:
		return option_membership(session, value, true);
	case NETLINK_DROP_MEMBERSHIP:
		return option_membership(session, value, false);
	case NETLINK_LISTEN_ALL_NSID:
		/* A packet has no place for the id of the namespace it comes from. */
		if (!value)
			return 0;
		return session->uid ? -EPERM : -EOPNOTSUPP;
	}
	return -ENOPROTOOPT;
}

int fl_option_get(const struct fl_session *session, uint32_t name, struct fl_wire_reply *reply)
{
	unsigned int flag = option_flag(name);

	if (flag) {
		reply->value0 = !!(session->options & flag);
	} else if (name == NETLINK_LISTEN_ALL_NSID) {
		reply->value0 = 0;
	} else if (name == NETLINK_LIST_MEMBERSHIPS) {
		reply->value0 = FL_MULTICAST_GROUPS / 8;
		reply->value1 = session->groups;
	} else {
		return -ENOPROTOOPT;
	}
	return 0;
}
