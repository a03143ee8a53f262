// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-names.c - sockets, their names and options. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "behave.h"

static int sock_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	SAME(getsockopt(fd, SOL_SOCKET, option, &value, &len), 0);
	SAME(len, sizeof(value));
	return value;
}

static void kinds(void)
{
	int types[] = { SOCK_RAW, SOCK_DGRAM };

	for (int i = 0; i < 2; i++) {
		int fd = nl_open(types[i]);

		SAME(sock_option(fd, SO_DOMAIN), AF_NETLINK);
		SAME(sock_option(fd, SO_TYPE), types[i]);
		SAME(sock_option(fd, SO_PROTOCOL), NETLINK_GENERIC);
	}
	FAILS(socket(AF_NETLINK, SOCK_STREAM, NETLINK_GENERIC), ESOCKTNOSUPPORT);
	FAILS(socket(AF_NETLINK, SOCK_RAW | 0x100, NETLINK_GENERIC), EINVAL);
}

static void short_value(void)
{
	char value[4] = { 'x', 'x', 'x', 'x' };
	socklen_t len = 2;

	SAME(getsockopt(nl_open(SOCK_RAW), SOL_SOCKET, SO_PROTOCOL, value, &len), 0);
	SAME(len, 2);
	SAME(value[0], NETLINK_GENERIC);
	SAME(value[2], 'x');
}

static void fd_flags(void)
{
	int fd = nl_open(SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK);

	SAME(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	fd = nl_open(SOCK_RAW);
	SAME(fcntl(fd, F_GETFD), 0);
	CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
}

static void unbound(void)
{
	SAME(nl_port(nl_open(SOCK_RAW)), 0);
}

static void bind_any(void)
{
	int fd = nl_open(SOCK_RAW), other = nl_open(SOCK_RAW);

	nl_bind(fd, 0, 0);
	nl_bind(other, 0, 0);
	CHECK(nl_port(fd) != 0);
	CHECK(nl_port(fd) != nl_port(other));
}

static void bind_named(void)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_pid = 0x12345678 };
	int fd = nl_open(SOCK_RAW), other = nl_open(SOCK_RAW);

	nl_bind(fd, 0x12345678, 0);
	SAME(nl_port(fd), 0x12345678);
	FAILS(bind(other, (struct sockaddr *)&me, sizeof(me)), EADDRINUSE);
	close(fd);
	/* A plane sees the end of a connection a moment later than close(). */
	for (int i = 0; i < 100 && bind(other, (struct sockaddr *)&me, sizeof(me)); i++) {
		SAME(errno, EADDRINUSE);
		usleep(10000);
	}
	SAME(nl_port(other), 0x12345678);
}

static void bind_twice(void)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	int fd = nl_open(SOCK_RAW);

	nl_bind(fd, 0, 0);
	FAILS(bind(fd, (struct sockaddr *)&me, sizeof(me)), EINVAL);
	me.nl_pid = nl_port(fd);
	SAME(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
}

static void bind_wrong(void)
{
	struct sockaddr_nl me = { .nl_family = AF_INET };
	int fd = nl_open(SOCK_RAW);

	FAILS(bind(fd, (struct sockaddr *)&me, sizeof(me)), EINVAL);
	me.nl_family = AF_NETLINK;
	FAILS(bind(fd, (struct sockaddr *)&me, sizeof(me) - 1), EINVAL);
	SAME(nl_port(fd), 0);
}

static void autobind(void)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_getfamily();

	nl_send(fd, nlh);
	nl_expect(fd, nlh);
	CHECK(nl_port(fd) != 0);
}

static void name_short(void)
{
	struct sockaddr_nl me = { .nl_pid = 77 };
	socklen_t len = 4;
	int fd = nl_open(SOCK_RAW);

	nl_bind(fd, 0, 0);
	SAME(getsockname(fd, (struct sockaddr *)&me, &len), 0);
	SAME(len, sizeof(me));
	SAME(me.nl_family, AF_NETLINK);
	SAME(me.nl_pid, 77);
	len = -1;
	FAILS(getsockname(fd, (struct sockaddr *)&me, &len), EINVAL);
}

static void peer_name(void)
{
	struct sockaddr_nl peer = { .nl_pid = 1, .nl_groups = 1 };
	socklen_t len = sizeof(peer);

	SAME(getpeername(nl_open(SOCK_RAW), (struct sockaddr *)&peer, &len), 0);
	SAME(len, sizeof(peer));
	SAME(peer.nl_family, AF_NETLINK);
	SAME(peer.nl_pid, 0);
	SAME(peer.nl_groups, 0);
}

static void peer_credentials(void)
{
	struct ucred peer = { 5, 5, 5 };
	socklen_t len = sizeof(peer);

	SAME(getsockopt(nl_open(SOCK_RAW), SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	SAME(peer.pid, 0);
	SAME(peer.uid, (uid_t)-1);
}

static void connects(void)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_getfamily();

	SAME(connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)), 0);
	CHECK(nl_port(fd) != 0);
	nl_send(fd, nlh);
	nl_expect(fd, nlh);
	kernel.nl_family = AF_UNSPEC;
	SAME(connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)), 0);
	kernel.nl_family = AF_INET;
	FAILS(connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)), EINVAL);
	kernel.nl_family = AF_NETLINK;
	FAILS(connect(fd, (struct sockaddr *)&kernel, 8), EINVAL);
}

static void no_stream_calls(void)
{
	int fd = nl_open(SOCK_RAW);

	FAILS(listen(fd, 1), EOPNOTSUPP);
	FAILS(accept(fd, NULL, NULL), EOPNOTSUPP);
	FAILS(accept4(fd, NULL, NULL, 0), EOPNOTSUPP);
	FAILS(shutdown(fd, SHUT_RDWR), EOPNOTSUPP);
}

static void flag_options(void)
{
	static const int options[] = { NETLINK_PKTINFO,	   NETLINK_BROADCAST_ERROR,
				       NETLINK_NO_ENOBUFS, NETLINK_CAP_ACK,
				       NETLINK_EXT_ACK,	   NETLINK_GET_STRICT_CHK };
	int fd = nl_open(SOCK_RAW), on = 1, off = 0, value;

	for (unsigned int i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		for (int want = 1; want >= 0; want--) {
			socklen_t len = 8;
			char room[8];

			SAME(setsockopt(fd, SOL_NETLINK, options[i], want ? &on : &off, 4), 0);
			SAME(getsockopt(fd, SOL_NETLINK, options[i], room, &len), 0);
			SAME(len, 4);
			memcpy(&value, room, 4);
			SAME(value, want);
		}
	}
}

static void wrong_options(void)
{
	int fd = nl_open(SOCK_RAW), value = 1;
	socklen_t len = sizeof(value);

	FAILS(setsockopt(fd, SOL_NETLINK, 99, &value, 4), ENOPROTOOPT);
	FAILS(getsockopt(fd, SOL_NETLINK, 99, &value, &len), ENOPROTOOPT);
	FAILS(setsockopt(fd, SOL_IP, 1, &value, 4), ENOPROTOOPT);
	FAILS(getsockopt(fd, SOL_IP, 1, &value, &len), ENOPROTOOPT);
	len = 3;
	FAILS(getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &value, &len), EINVAL);
	len = -1;
	FAILS(getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &value, &len), EINVAL);
	/* Less than an int counts as 0. */
	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &value, 4), 0);
	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &value, 1), 0);
	len = 4;
	SAME(getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &value, &len), 0);
	SAME(value, 0);
}

static uint32_t memberships(int fd)
{
	uint32_t words[8] = { 0 };
	socklen_t len = sizeof(words);

	SAME(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &len), 0);
	CHECK(len >= 4 && len % 4 == 0 && len <= sizeof(words));
	return words[0];
}

/* Group 16 is nlctrl's "notify", everywhere. */
static void membership(void)
{
	int fd = nl_open(SOCK_RAW), group = 16;
	struct sockaddr_nl me;
	socklen_t len = sizeof(me);

	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), 0);
	SAME(memberships(fd), 1 << 15);
	SAME(getsockname(fd, (struct sockaddr *)&me, &len), 0);
	SAME(me.nl_groups, 1 << 15);
	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, 4), 0);
	SAME(memberships(fd), 0);
	group = 0;
	FAILS(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), EINVAL);
	group = 1 << 20;
	FAILS(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), EINVAL);
}

static void bind_groups(void)
{
	int fd = nl_open(SOCK_RAW);

	nl_bind(fd, 0, 1 << 15);
	SAME(memberships(fd), 1 << 15);
	nl_bind(fd, nl_port(fd), 0);
	SAME(memberships(fd), 0);
}

static uint32_t groups_of_name(int fd)
{
	struct sockaddr_nl me = { 0 };
	socklen_t len = sizeof(me);

	SAME(getsockname(fd, (struct sockaddr *)&me, &len), 0);
	return me.nl_groups;
}

/* A name that was told before follows each change. */
static void name_follows(void)
{
	int fd = nl_open(SOCK_RAW), group = 16;
	uint32_t port;

	nl_bind(fd, 0, 0);
	port = nl_port(fd);
	SAME(groups_of_name(fd), 0);
	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), 0);
	SAME(groups_of_name(fd), 1 << 15);
	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, 4), 0);
	SAME(groups_of_name(fd), 0);
	nl_bind(fd, port, 1 << 15);
	SAME(groups_of_name(fd), 1 << 15);
	nl_bind(fd, port, 0);
	SAME(groups_of_name(fd), 0);
	SAME(nl_port(fd), port);
}

/* In a child, by a copy of the descriptor: it is one socket. */
static int shared;

static void join_in_child(void)
{
	int group = 16;

	SAME(setsockopt(dup(shared), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), 0);
}

static void name_follows_others(void)
{
	shared = nl_open(SOCK_RAW);
	nl_bind(shared, 0, 0);
	SAME(groups_of_name(shared), 0);
	in_child(join_in_child);
	SAME(groups_of_name(shared), 1 << 15);
}

static void memberships_short(void)
{
	char room[4] = { 'x', 'x', 'x', 'x' };
	socklen_t len = 2;
	int fd = nl_open(SOCK_RAW);

	nl_bind(fd, 0, 1 << 15);
	SAME(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, room, &len), 0);
	CHECK(len >= 4);
	SAME(room[0], 'x');
}

static void buffers(void)
{
	int fd = nl_open(SOCK_RAW), size = 65536;

	SAME(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, 4), 0);
	SAME(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, 4), 0);
	SAME(sock_option(fd, SO_RCVBUF), 2 * size);
	SAME(sock_option(fd, SO_SNDBUF), 2 * size);
	SAME(sock_option(fd, SO_ERROR), 0);
}

/* Other netlink sockets stay the kernel's. */
static void routing(void)
{
	struct {
		struct nlmsghdr nlh;
		char body[16]; /* struct ifinfomsg */
	} request = { .nlh = { sizeof(request), 18 /* RTM_GETLINK */, NLM_F_REQUEST | NLM_F_DUMP, 1,
			       0 } };
	int fd = keep_fd(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	char buf[16384];

	SAME(sock_option(fd, SO_PROTOCOL), NETLINK_ROUTE);
	SAME(send(fd, &request, sizeof(request), 0), sizeof(request));
	CHECK(recv(fd, buf, sizeof(buf), 0) >= NLMSG_HDRLEN);
	SAME(((struct nlmsghdr *)buf)->nlmsg_type, 16 /* RTM_NEWLINK: there is always lo */);
}

const struct behaviour behave_names[] = {
	{ "socket: kinds", kinds },
	{ "socket: option cut short", short_value },
	{ "socket: descriptor flags", fd_flags },
	{ "name: none before bind", unbound },
	{ "name: bind to any", bind_any },
	{ "name: bind to one", bind_named },
	{ "name: bind twice", bind_twice },
	{ "name: bind to what is wrong", bind_wrong },
	{ "name: bound by the first send", autobind },
	{ "name: cut short", name_short },
	{ "name: peer", peer_name },
	{ "name: peer credentials", peer_credentials },
	{ "name: connect", connects },
	{ "name: no stream calls", no_stream_calls },
	{ "option: flags", flag_options },
	{ "option: wrong ones", wrong_options },
	{ "option: membership", membership },
	{ "option: groups by bind", bind_groups },
	{ "option: the name follows", name_follows },
	{ "option: the name follows what others do", name_follows_others },
	{ "option: memberships cut short", memberships_short },
	{ "option: buffers", buffers },
	{ "other: routing", routing },
	{ NULL, NULL },
};
