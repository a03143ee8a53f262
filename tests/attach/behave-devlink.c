// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-devlink.c - devlink itself, on the default topology: that what changes something
 * is done once, and in whose namespace. */
#include <errno.h>
#include <linux/devlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "behave.h"

#define DEV "0000:03:00.0"

static char buf[65536];

/* The value of an attribute of the message in buf, or NULL. */
static void *find(const struct nlmsghdr *nlh, uint16_t type, uint16_t *ret_len)
{
	char *at = (char *)NLMSG_DATA(nlh) + GENL_HDRLEN, *end = (char *)nlh + nlh->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		struct nlattr *attr = (void *)at;

		if ((attr->nla_type & NLA_TYPE_MASK) == type) {
			*ret_len = attr->nla_len - NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static uint32_t number(const struct nlmsghdr *nlh, uint16_t type)
{
	uint32_t value = 0;
	uint16_t len = 0;
	void *data = find(nlh, type, &len);

	CHECK(data && len <= sizeof(value));
	memcpy(&value, data, len);
	return value;
}

static uint16_t family(int fd)
{
	struct nlmsghdr *nlh = nl_request(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);

	nl_put(nlh, CTRL_ATTR_FAMILY_NAME, "devlink", 8);
	nl_send(fd, nlh);
	nl_expect_reply(buf, recv(fd, buf, sizeof(buf), 0), nlh);
	return number((void *)buf, CTRL_ATTR_FAMILY_ID);
}

static struct nlmsghdr *command(uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *nlh = nl_request(type, NLM_F_ACK, cmd);

	nl_put(nlh, DEVLINK_ATTR_BUS_NAME, "pci", 4);
	nl_put(nlh, DEVLINK_ATTR_DEV_NAME, DEV, sizeof(DEV));
	return nlh;
}

/* Sends it and receives up to its ACK, whose error it returns; the reply's port index. */
static int carry_out(int fd, const struct nlmsghdr *nlh, uint32_t *ret_port)
{
	nl_send(fd, nlh);
	for (;;) {
		struct nlmsghdr *got = (void *)buf;

		CHECK(recv(fd, buf, sizeof(buf), 0) >= NLMSG_HDRLEN);
		SAME(got->nlmsg_seq, nlh->nlmsg_seq);
		if (got->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(got))->error;
		if (ret_port)
			*ret_port = number(got, DEVLINK_ATTR_PORT_INDEX);
	}
}

/* How many objects a dump tells. */
static int count(int fd, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *request = nl_request(type, NLM_F_DUMP, cmd);
	int found = 0;

	nl_send(fd, request);
	for (;;) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		CHECK(len >= NLMSG_HDRLEN);
		for (struct nlmsghdr *nlh = (void *)buf; NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			SAME(nlh->nlmsg_seq, request->nlmsg_seq);
			if (nlh->nlmsg_type == NLMSG_DONE)
				return found;
			found++;
		}
	}
}

static void set_switchdev(int fd, uint16_t type)
{
	struct nlmsghdr *nlh = command(type, DEVLINK_CMD_ESWITCH_SET);
	uint16_t mode = DEVLINK_ESWITCH_MODE_SWITCHDEV;

	nl_put(nlh, DEVLINK_ATTR_ESWITCH_MODE, &mode, sizeof(mode));
	SAME(carry_out(fd, nlh, NULL), 0);
}

static uint32_t add_port(int fd, uint16_t type, uint32_t sfnum)
{
	struct nlmsghdr *nlh = command(type, DEVLINK_CMD_PORT_NEW);
	uint16_t flavour = DEVLINK_PORT_FLAVOUR_PCI_SF, pf = 0;
	uint32_t port = 0;

	nl_put(nlh, DEVLINK_ATTR_PORT_FLAVOUR, &flavour, sizeof(flavour));
	nl_put(nlh, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, &pf, sizeof(pf));
	nl_put(nlh, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, &sfnum, sizeof(sfnum));
	SAME(carry_out(fd, nlh, &port), 0);
	return port;
}

static int delete_port(int fd, uint16_t type, uint32_t port)
{
	struct nlmsghdr *nlh = command(type, DEVLINK_CMD_PORT_DEL);

	nl_put(nlh, DEVLINK_ATTR_PORT_INDEX, &port, sizeof(port));
	return carry_out(fd, nlh, NULL);
}

/* A second port with that number is refused, and so is a second removal: each that is
 * carried out twice shows as an error. */
static void ports_under_storm(void)
{
	int fd = nl_open(SOCK_RAW), ports = 60;
	uint16_t type = family(fd);
	int before = count(fd, type, DEVLINK_CMD_PORT_GET);

	set_switchdev(fd, type);
	before = count(fd, type, DEVLINK_CMD_PORT_GET);
	begin_storm(200, SA_RESTART);
	for (int i = 0; i < ports; i++) {
		uint32_t port = add_port(fd, type, 100 + i);

		if (i % 2)
			SAME(delete_port(fd, type, port), 0);
	}
	int alarms = end_storm();
	CHECK(alarms > ports);
	SAME(count(fd, type, DEVLINK_CMD_PORT_GET), before + ports / 2);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

static void dumps(void)
{
	int fd = nl_open(SOCK_DGRAM);
	uint16_t type = family(fd);

	CHECK(count(fd, type, DEVLINK_CMD_GET) >= 2);
	CHECK(count(fd, type, DEVLINK_CMD_PORT_GET) >= 2);
	CHECK(count(fd, type, DEVLINK_CMD_PARAM_GET) >= 10);
}

/* What a socket sees is its creator's namespace, wherever the thread is now. */
static void elsewhere(void)
{
	int old = nl_open(SOCK_RAW);
	uint16_t type = family(old);

	if (unshare(CLONE_NEWNET))
		behave_skip("may not make a namespace");
	int young = nl_open(SOCK_RAW);
	SAME(count(young, type, DEVLINK_CMD_GET), 0);
	CHECK(count(old, type, DEVLINK_CMD_GET) >= 2);
}

static void namespaces(void)
{
	in_child(elsewhere);
}

/* Subscribes, changes something from another socket, and hears of it by poll. */
static void notified(void)
{
	int fd = nl_open(SOCK_RAW), listener = nl_open(SOCK_RAW | SOCK_NONBLOCK), heard = 0;
	uint16_t type = family(fd);
	/* The group's number, which nothing but the family's answer tells: the first nest's. */
	struct nlmsghdr *nlh = (void *)buf;
	uint16_t len = 0;
	char *groups = find(nlh, CTRL_ATTR_MCAST_GROUPS, &len);
	uint32_t group = 0;

	CHECK(groups);
	for (int at = NLA_HDRLEN; at + NLA_HDRLEN < len;) { /* inside of nest 1 */
		struct nlattr *attr = (void *)(groups + at);

		if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
			memcpy(&group, groups + at + NLA_HDRLEN, sizeof(group));
		at += NLA_ALIGN(attr->nla_len);
	}
	SAME(setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), 0);
	set_switchdev(fd, type);
	SAME(delete_port(fd, type, add_port(fd, type, 55)), 0);
	struct pollfd p = { listener, POLLIN, 0 };
	/* To another socket than the asker's they may come a little later than the ACK. */
	while (heard != 3 && poll(&p, 1, 20000) == 1) {
		CHECK(recv(listener, buf, sizeof(buf), 0) > 0);
		SAME(nlh->nlmsg_type, type);
		uint8_t cmd = *(uint8_t *)NLMSG_DATA(nlh);
		heard |= (cmd == DEVLINK_CMD_PORT_NEW) | (cmd == DEVLINK_CMD_PORT_DEL) << 1;
	}
	SAME(heard, 3);
}

const struct behaviour behave_devlink[] = {
	{ "devlink: dumps", dumps },
	{ "devlink: ports under a storm of signals", ports_under_storm },
	{ "devlink: namespaces", namespaces },
	{ "devlink: notifications", notified },
	{ NULL, NULL },
};
