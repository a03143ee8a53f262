// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-plane.c - what an attached program finds that no kernel at hand can be asked about; the
 * peer is fakeplane.py, whose commands and attributes these are. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "behave.h"

enum { FAMILY = 0x16, GET = 1, PORT_NEW = 7, PORT_DEL = 8, OVERRUN = 27, RELOAD = 37 };
enum { NETNS_FD = 138, NETNS_PID = 139 };
enum { DELAY = 190, FLAGS, RCVMAX, FDS, PACKETS, INODE, COUNT };

static char buf[65536];

static uint32_t number(uint16_t type)
{
	struct nlmsghdr *nlh = (void *)buf;
	char *at = (char *)NLMSG_DATA(nlh) + GENL_HDRLEN, *end = buf + nlh->nlmsg_len;

	while (at < end) {
		struct nlattr *attr = (void *)at;

		if (attr->nla_type == type)
			return *(uint32_t *)(at + NLA_HDRLEN);
		at += NLA_ALIGN(attr->nla_len);
	}
	behave_fail(__FILE__, __LINE__, "no attribute %u in the reply", type);
}

/* A GET and its reply in buf. */
static void ask(int fd)
{
	struct nlmsghdr *nlh = nl_request(FAMILY, 0, GET);

	nl_send(fd, nlh);
	nl_expect_reply(buf, recv(fd, buf, sizeof(buf), 0), nlh);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* A read on a blocking socket is one packet, without a descriptor. */
static void reads_are_bare(void)
{
	int fd = nl_open(SOCK_RAW);

	ask(fd);
	SAME(number(FLAGS), 0);
	SAME(number(FDS), 0);
	SAME(number(PACKETS), 1);
	ask(fd);
	SAME(number(PACKETS), 2);
}

static void nonblocking_reads_wait(void)
{
	int fd = nl_open(SOCK_RAW | SOCK_NONBLOCK), on = 1;

	ask(fd);
	SAME(number(FLAGS), 1);
	SAME(number(FDS), 1);
	ask(keep_fd(dup(fd)));
	SAME(number(FLAGS), 1);
	SAME(fcntl(fd, F_SETFL, 0), 0);
	ask(fd);
	SAME(number(FLAGS), 0);
	SAME(ioctl(fd, FIONBIO, &on), 0);
	ask(fd);
	SAME(number(FLAGS), 1);
}

static void largest_receive(void)
{
	struct iovec iov[2] = { { buf, 1000 }, { buf + 1000, 234 } };
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_request(FAMILY, 0, GET);

	nl_send(fd, nlh);
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	nl_expect_reply(buf, recvmsg(fd, &msg, 0), nlh);
	SAME(number(RCVMAX), 0);
	nlh = nl_request(FAMILY, 0, GET);
	nl_send(fd, nlh);
	nl_expect_reply(buf, recv(fd, buf, 500, 0), nlh);
	SAME(number(RCVMAX), 1234);
	ask(fd);
	SAME(number(RCVMAX), 1234);
	ask(fd);
	SAME(number(RCVMAX), sizeof(buf));
}

static struct nlmsghdr *slow_change(uint32_t ms)
{
	struct nlmsghdr *nlh = nl_request(FAMILY, NLM_F_ACK, PORT_NEW);

	nl_put(nlh, DELAY, &ms, sizeof(ms));
	return nlh;
}

static void change_is_done(void)
{
	int fd = nl_open(SOCK_RAW);
	double start = seconds();
	struct nlmsghdr *nlh = slow_change(100);

	nl_send(fd, nlh);
	CHECK(seconds() - start >= 0.1);
	nl_expect_reply(buf, recv(fd, buf, sizeof(buf), MSG_DONTWAIT), nlh);
	nl_expect_ack(buf, recv(fd, buf, sizeof(buf), MSG_DONTWAIT), nlh);
}

/* A kernel's command is not ended by a signal handler. */
static void change_survives_signals(void)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = slow_change(100);

	begin_storm(10000, 0);
	nl_send(fd, nlh);
	int alarms = end_storm();
	/* Under the shim handlers run meanwhile; else, as in the kernel, when it is done. */
	CHECK(alarms > (behave_way == WAY_PRELOAD));
	nl_expect(fd, nlh);
}

/* What is there, however often a signal comes in between. */
static ssize_t receive_at_once(int fd)
{
	ssize_t len;

	do {
		len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	return len;
}

/* Changes under a storm of signals: each is carried out once. */
static void changes_once(int flags)
{
	int fd = nl_open(SOCK_RAW), changes = 150;

	ask(fd);
	uint32_t before = number(COUNT);
	begin_storm(200, flags);
	for (int i = 0; i < changes; i++) {
		struct nlmsghdr *nlh = slow_change(i % 3);
		ssize_t len;

		do {
			len = send(fd, nlh, nlh->nlmsg_len, 0);
		} while (len < 0 && errno == EINTR);
		SAME(len, nlh->nlmsg_len);
		nl_expect_reply(buf, receive_at_once(fd), nlh);
		nl_expect_ack(buf, receive_at_once(fd), nlh);
	}
	int alarms = end_storm();
	CHECK(alarms > changes / 10);
	ask(fd);
	SAME(number(COUNT) - before, changes);
}

static void once_restarted(void)
{
	changes_once(SA_RESTART);
}

static void once_repeated(void)
{
	changes_once(0);
}

/* Notifications come from nobody, with their group. */
static void notification(void)
{
	char room[256] __attribute__((aligned(8)));
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = room,
			      .msg_controllen = sizeof(room) };
	int listener = nl_open(SOCK_RAW), fd = nl_open(SOCK_RAW), group = 7, on = 1;
	struct nl_pktinfo info;
	struct nlmsghdr *nlh = slow_change(0);

	SAME(setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4), 0);
	SAME(setsockopt(listener, SOL_NETLINK, NETLINK_PKTINFO, &on, 4), 0);
	nl_send(fd, nlh);
	SAME(recvmsg(listener, &msg, MSG_DONTWAIT), NLMSG_HDRLEN + GENL_HDRLEN);
	SAME(from.nl_pid, 0);
	SAME(from.nl_groups, 1 << 6);
	memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(info));
	SAME(info.group, 7);
}

static void overrun_request(int fd)
{
	struct nlmsghdr *nlh = nl_request(FAMILY, 0, OVERRUN);

	nl_send(fd, nlh);
	nl_expect_reply(buf, recv(fd, buf, sizeof(buf), 0), nlh);
}

static void overrun_once(void)
{
	int fd = nl_open(SOCK_RAW);

	overrun_request(fd);
	FAILS(recv(fd, buf, sizeof(buf), 0), ENOBUFS);
	CHECK(recv(fd, buf, sizeof(buf), 0) > NLMSG_HDRLEN);
	overrun_request(fd);
	FAILS(recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC), ENOBUFS);
	CHECK(recv(fd, buf, sizeof(buf), MSG_PEEK) > NLMSG_HDRLEN);
	CHECK(recv(fd, buf, sizeof(buf), 0) > NLMSG_HDRLEN);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

static void overrun_among_many(void)
{
	struct iovec iov = { buf, sizeof(buf) };
	struct mmsghdr vec[4] = { 0 };
	int fd = nl_open(SOCK_RAW);

	for (int i = 0; i < 4; i++)
		vec[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	nl_send(fd, nl_request(FAMILY, 0, OVERRUN));
	SAME(recvmmsg(fd, vec, 4, 0, NULL), 1);
	FAILS(recvmmsg(fd, vec, 4, 0, NULL), ENOBUFS);
	SAME(recvmmsg(fd, vec, 4, MSG_WAITFORONE, NULL), 1);
}

static uint32_t reload_inode(uint16_t type, uint32_t value)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_request(FAMILY, 0, RELOAD);

	nl_put(nlh, type, &value, sizeof(value));
	nl_send(fd, nlh);
	nl_expect_reply(buf, recv(fd, buf, sizeof(buf), 0), nlh);
	return number(INODE);
}

static void namespaces(void)
{
	int ns = keep_fd(open("/proc/self/ns/net", O_RDONLY));
	struct stat st;

	SAME(fstat(ns, &st), 0);
	SAME(reload_inode(NETNS_FD, ns), (uint32_t)st.st_ino);
	SAME(reload_inode(NETNS_PID, getpid()), (uint32_t)st.st_ino);
	SAME(reload_inode(NETNS_FD, 999), 0);
	SAME(reload_inode(NETNS_PID, 0x7fffffff), 0);
	SAME(reload_inode(NETNS_FD, UINT32_MAX), 0);
}

/* Each of two reloads in one datagram comes with its own namespace. */
static void namespaces_in_one(void)
{
	int ns[2] = { keep_fd(open("/proc/self/ns/net", O_RDONLY)),
		      keep_fd(open("/proc/self/ns/mnt", O_RDONLY)) };
	int fd = nl_open(SOCK_RAW);
	char both[256];
	size_t len = 0;

	for (int i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = nl_request(FAMILY, 0, RELOAD);

		nl_put(nlh, NETNS_FD, &ns[i], sizeof(ns[i]));
		memcpy(both + len, nlh, nlh->nlmsg_len);
		len += nlh->nlmsg_len;
	}
	SAME(send(fd, both, len, 0), len);
	for (int i = 0; i < 2; i++) {
		struct stat st;

		SAME(fstat(ns[i], &st), 0);
		CHECK(recv(fd, buf, sizeof(buf), 0) > 0);
		SAME(number(INODE), (uint32_t)st.st_ino);
	}
}

static void plane_gone(void)
{
	struct nlmsghdr *nlh = nl_request(FAMILY, 0, PORT_DEL);
	int fd = nl_open(SOCK_RAW);

	FAILS(send(fd, nlh, nlh->nlmsg_len, 0), ECONNRESET);
	FAILS(recv(fd, buf, sizeof(buf), 0), ECONNRESET);
	FAILS(send(fd, nlh, nlh->nlmsg_len, 0), ECONNRESET);
}

static void *change(void *arg)
{
	int fd = *(int *)arg;
	struct nlmsghdr *nlh = slow_change(100);

	return (void *)(long)(send(fd, nlh, nlh->nlmsg_len, 0) == (long)nlh->nlmsg_len);
}

/* The socket is closed while a change that it asked for is carried out. */
static void closed_under_way(void)
{
	int fd = nl_open(SOCK_RAW);
	pthread_t thread;
	void *ok;

	SAME(pthread_create(&thread, NULL, change, &fd), 0);
	usleep(30000);
	close(fd);
	pthread_join(thread, &ok);
	CHECK(ok);
}

static void largest_message(void)
{
	static char big[65537];
	struct nlmsghdr *nlh = (void *)big;
	int fd = nl_open(SOCK_RAW);

	FAILS(send(fd, big, 65537, 0), EMSGSIZE);
	*nlh = *nl_request(FAMILY, 0, GET);
	nlh->nlmsg_len = 65536;
	((struct genlmsghdr *)NLMSG_DATA(nlh))->cmd = GET;
	SAME(send(fd, big, 65536, 0), 65536);
	nl_expect_reply(buf, recv(fd, buf, sizeof(buf), 0), nlh);
}

const struct behaviour behave_plane[] = {
	{ "plane: a read is one packet", reads_are_bare, WAY_PRELOAD },
	{ "plane: a read on a non-blocking socket", nonblocking_reads_wait, WAY_PRELOAD },
	{ "plane: largest receive", largest_receive },
	{ "plane: largest message", largest_message },
	{ "plane: a change is done after send", change_is_done },
	{ "plane: a change survives signals", change_survives_signals },
	{ "plane: once under a storm of signals", once_restarted },
	{ "plane: once though the program repeats it", once_repeated },
	{ "plane: notification", notification },
	{ "plane: overrun once", overrun_once },
	{ "plane: overrun among many", overrun_among_many },
	{ "plane: namespaces", namespaces },
	{ "plane: two namespaces in one datagram", namespaces_in_one },
	{ "plane: closed under way", closed_under_way },
	{ "plane: gone", plane_gone },
	{ NULL, NULL },
};
