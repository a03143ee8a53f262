// SPDX-License-Identifier: LGPL-2.1-or-later
/* option.c - names and options of a generic netlink socket. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>

#include "attach/nlsock/nlsock.h"

static int call(const struct fl_nlsock *sock, enum fl_wire_kind kind, uint32_t arg0, uint32_t arg1,
		struct fl_wire_reply *ret_reply)
{
	struct fl_wire_hdr hdr = { .kind = kind, .arg0 = arg0, .arg1 = arg1 };

	return fl_nlsock_call(sock, &hdr, NULL, 0, -1, 0, ret_reply);
}

int fl_nlsock_bind(const struct fl_nlsock *sock, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_nl *nl = (const void *)addr;
	struct fl_wire_reply reply;

	if (len < sizeof(*nl) || nl->nl_family != AF_NETLINK)
		return -EINVAL;
	return call(sock, FL_WIRE_BIND, nl->nl_pid, nl->nl_groups, &reply);
}

/* Only the kernel can be connected to. Naming another socket or groups to send to gets
 * what someone without privilege gets from the kernel. */
int fl_nlsock_connect_to(const struct fl_nlsock *sock, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_nl *nl = (const void *)addr;
	struct fl_wire_reply reply;

	if (len < sizeof(addr->sa_family))
		return -EINVAL;
	if (addr->sa_family == AF_UNSPEC)
		return 0;
	if (addr->sa_family != AF_NETLINK || len < sizeof(*nl))
		return -EINVAL;
	if (nl->nl_pid || nl->nl_groups)
		return -EPERM;
	int err = call(sock, FL_WIRE_NAME, 0, 0, &reply);
	if (!err && !reply.value0)
		err = call(sock, FL_WIRE_BIND, 0, (uint32_t)reply.value1, &reply);
	return err;
}

static int put_addr(struct sockaddr *addr, socklen_t *len, uint32_t pid, uint32_t groups)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups };

	if ((int)*len < 0)
		return -EINVAL;
	memcpy(addr, &nl, *len < sizeof(nl) ? *len : sizeof(nl));
	*len = sizeof(nl);
	return 0;
}

int fl_nlsock_getsockname(const struct fl_nlsock *sock, struct sockaddr *addr, socklen_t *len)
{
	struct fl_wire_reply reply;
	int err = call(sock, FL_WIRE_NAME, 0, 0, &reply);

	return err ? err : put_addr(addr, len, reply.value0, (uint32_t)reply.value1);
}

int fl_nlsock_getpeername(struct sockaddr *addr, socklen_t *len)
{
	return put_addr(addr, len, 0, 0);
}

int fl_nlsock_setsockopt(const struct fl_nlsock *sock, int option, const void *value, socklen_t len)
{
	struct fl_wire_reply reply;
	uint32_t number = 0;

	if ((int)len < 0)
		return -EINVAL;
	if (len >= sizeof(number)) {
		if (!value)
			return -EFAULT;
		memcpy(&number, value, sizeof(number));
	}
	int err = call(sock, FL_WIRE_SETOPT, option, number, &reply);
	if (!err && option == NETLINK_PKTINFO)
		fl_nlsock_pktinfo_changed();
	return err;
}

/* As many words as fit; *len becomes what all of them take. */
static int put_memberships(uint64_t groups, void *value, socklen_t *len)
{
	uint32_t word[2] = { (uint32_t)groups, (uint32_t)(groups >> 32) };
	size_t fits = *len / sizeof(*word) * sizeof(*word);

	if (fits)
		memcpy(value, word, fits < sizeof(word) ? fits : sizeof(word));
	*len = sizeof(word);
	return 0;
}

int fl_nlsock_getsockopt(const struct fl_nlsock *sock, int option, void *value, socklen_t *len)
{
	struct fl_wire_reply reply;

	if ((int)*len < 0)
		return -EINVAL;
	int err = call(sock, FL_WIRE_GETOPT, option, 0, &reply);
	if (err)
		return err;
	if (option == NETLINK_LIST_MEMBERSHIPS)
		return put_memberships(reply.value1, value, len);
	if (*len < sizeof(int))
		return -EINVAL;
	memcpy(value, &reply.value0, sizeof(int));
	*len = sizeof(int);
	return 0;
}

static int put_value(const void *from, socklen_t size, void *value, socklen_t *len)
{
	if ((int)*len < 0)
		return -EINVAL;
	if (*len > size)
		*len = size;
	memcpy(value, from, *len);
	return 1;
}

int fl_nlsock_getsockopt_socket(uint32_t bits, int option, void *value, socklen_t *len)
{
	struct ucred nobody = { .pid = 0, .uid = -1, .gid = -1 };
	int number;

	switch (option) {
	case SO_DOMAIN:
		number = AF_NETLINK;
		break;
	case SO_TYPE:
		number = bits & FL_NLSOCK_DGRAM ? SOCK_DGRAM : SOCK_RAW;
		break;
	case SO_PROTOCOL:
		number = NETLINK_GENERIC;
		break;
	case SO_PEERCRED:
		return put_value(&nobody, sizeof(nobody), value, len);
	default:
		return 0;
	}
	return put_value(&number, sizeof(number), value, len);
}
