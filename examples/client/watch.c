/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.c - a devlink client with plain libmnl: lists instances and ports, then tells what
 * changes. It knows nothing of finelink: the same program works on a kernel's devlink.
 *
 *   cc -o watch watch.c $(pkg-config --cflags --libs libmnl)
 *   finelink run -- ./watch [how many changes to wait for; default: all]
 */
#include <libmnl/libmnl.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct family {
	uint16_t id;
	uint32_t group; /* of the notifications: "config" */
};

static int fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Attributes by type, of a message or of a nest. */
static int store(const struct nlattr *attr, void *data)
{
	const struct nlattr **table = data;

	if (mnl_attr_get_type(attr) <= DEVLINK_ATTR_MAX)
		table[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *table[DEVLINK_ATTR_MAX + 1] = { 0 }, *group;
	struct family *family = data;

	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), store, table);
	family->id = mnl_attr_get_u16(table[CTRL_ATTR_FAMILY_ID]);
	mnl_attr_for_each_nested(group, table[CTRL_ATTR_MCAST_GROUPS]) {
		const struct nlattr *member[DEVLINK_ATTR_MAX + 1] = { 0 };

		mnl_attr_parse_nested(group, store, member);
		if (!strcmp(mnl_attr_get_str(member[CTRL_ATTR_MCAST_GRP_NAME]),
			    DEVLINK_GENL_MCGRP_CONFIG_NAME))
			family->group = mnl_attr_get_u32(member[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return MNL_CB_OK;
}

/* One line for an instance or a port, as it is now or as it was when it went. */
static int on_devlink(const struct nlmsghdr *nlh, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *table[DEVLINK_ATTR_MAX + 1] = { 0 };
	int *changes = data;
	int gone = genl->cmd == DEVLINK_CMD_DEL || genl->cmd == DEVLINK_CMD_PORT_DEL;

	mnl_attr_parse(nlh, sizeof(*genl), store, table);
	if (!table[DEVLINK_ATTR_BUS_NAME] || !table[DEVLINK_ATTR_DEV_NAME])
		return MNL_CB_OK;
	printf("%s%s/%s", changes ? gone ? "- " : "+ " : "",
	       mnl_attr_get_str(table[DEVLINK_ATTR_BUS_NAME]),
	       mnl_attr_get_str(table[DEVLINK_ATTR_DEV_NAME]));
	if (table[DEVLINK_ATTR_PORT_INDEX])
		printf("/%u", mnl_attr_get_u32(table[DEVLINK_ATTR_PORT_INDEX]));
	printf(" (command %u)\n", genl->cmd);
	fflush(stdout);
	return changes && --*changes == 0 ? MNL_CB_STOP : MNL_CB_OK;
}

/* Receives until cb, an error or the end of the answer says stop. seq 0: notifications. */
static void receive(struct mnl_socket *nl, unsigned int seq, mnl_cb_t cb, void *data)
{
	static char buf[64 * 1024];
	int more = 1;

	while (more > 0) {
		ssize_t len = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (len < 0)
			fail("receiving"); /* ENOBUFS: some were lost; list again */
		more = mnl_cb_run(buf, len, seq, mnl_socket_get_portid(nl), cb, data);
	}
	if (more < 0)
		fail("the answer");
}

static void ask(struct mnl_socket *nl, uint16_t type, uint16_t flags, uint8_t cmd, mnl_cb_t cb,
		void *data)
{
	static unsigned int seq;
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	genl->cmd = cmd;
	genl->version = 1;
	if (type == GENL_ID_CTRL)
		mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		fail("sending");
	receive(nl, seq, cb, data);
}

static struct mnl_socket *open_socket(void)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_GENERIC);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("opening a netlink socket");
	return nl;
}

int main(int argc, char **argv)
{
	struct mnl_socket *nl = open_socket(), *events = open_socket();
	int changes = argc > 1 ? atoi(argv[1]) : -1;
	struct family devlink = { 0 };

	ask(nl, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, on_family, &devlink);
	/* First subscribe, then list: what changes in between is told twice, not lost. */
	if (mnl_socket_setsockopt(events, NETLINK_ADD_MEMBERSHIP, &devlink.group,
				  sizeof(devlink.group)))
		fail("subscribing");
	ask(nl, devlink.id, NLM_F_DUMP, DEVLINK_CMD_GET, on_devlink, NULL);
	ask(nl, devlink.id, NLM_F_DUMP, DEVLINK_CMD_PORT_GET, on_devlink, NULL);
	printf("watching\n");
	fflush(stdout);
	if (changes)
		receive(events, 0, on_devlink, &changes);
	return 0;
}
