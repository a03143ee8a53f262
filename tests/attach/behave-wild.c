// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-wild.c - pointers and lengths that are wrong, as raw system calls: a C library
 * would look at them first, and so would the shim, which runs in the program. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "behave.h"

#define RAW(name, ...) syscall(SYS_##name, __VA_ARGS__)

static char buf[65536];
static struct sockaddr_nl addr = { .nl_family = AF_NETLINK };

/* Nothing is there. */
static char *nowhere(void)
{
	static char *page;

	if (!page)
		page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page;
}

/* size bytes are there, and then nothing. */
static char *edge(size_t size)
{
	static char *page;

	if (!page) {
		page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(page + 4096, 4096, PROT_NONE);
	}
	return page + 4096 - size;
}

/* An address that no program has. */
static char *kernel_half(void)
{
	return (char *)(LONG_MIN + 4096);
}

static void wild_bind(void)
{
	int fd = nl_open(SOCK_RAW);

	FAILS(RAW(bind, fd, nowhere(), 12), EFAULT);
	FAILS(RAW(bind, fd, edge(11), 12), EFAULT);
	FAILS(RAW(bind, fd, kernel_half(), 12), EFAULT);
	FAILS(RAW(bind, fd, NULL, 12), EFAULT);
	FAILS(RAW(bind, fd, nowhere(), 0), EINVAL);
	FAILS(RAW(bind, fd, nowhere(), -1), EINVAL);
	FAILS(RAW(bind, fd, nowhere(), 129), EINVAL);
	FAILS(RAW(bind, fd, &addr, 11), EINVAL);
	FAILS(RAW(connect, fd, nowhere(), 12), EFAULT);
	FAILS(RAW(connect, fd, nowhere(), -1), EINVAL);
	FAILS(RAW(connect, fd, nowhere(), 129), EINVAL);
	FAILS(RAW(connect, fd, &addr, 1), EINVAL);
	SAME(nl_port(fd), 0);
}

static void wild_names(void)
{
	int fd = nl_open(SOCK_RAW);
	int len = 12, bad = -1;

	FAILS(RAW(getsockname, fd, nowhere(), &len), EFAULT);
	FAILS(RAW(getsockname, fd, edge(4), &len), EFAULT);
	FAILS(RAW(getsockname, fd, &addr, nowhere()), EFAULT);
	FAILS(RAW(getsockname, fd, &addr, edge(2)), EFAULT);
	FAILS(RAW(getsockname, fd, nowhere(), &bad), EINVAL);
	FAILS(RAW(getpeername, fd, nowhere(), &len), EFAULT);
	FAILS(RAW(getpeername, fd, &addr, kernel_half()), EFAULT);
	FAILS(RAW(getpeername, fd, &addr, &bad), EINVAL);
	len = 0;
	SAME(RAW(getsockname, fd, nowhere(), &len), 0);
	SAME(len, 12);
}

static void wild_options(void)
{
	int fd = nl_open(SOCK_RAW), one = 1, len = 4, bad = -1;

	FAILS(RAW(setsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, nowhere(), 4), EFAULT);
	FAILS(RAW(setsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, edge(3), 4), EFAULT);
	FAILS(RAW(setsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, nowhere(), -1), EINVAL);
	FAILS(RAW(setsockopt, fd, SOL_NETLINK, 99, nowhere(), 4), EFAULT);
	SAME(RAW(setsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, nowhere(), 3), 0);
	FAILS(RAW(setsockopt, fd, SOL_SOCKET, SO_RCVBUF, nowhere(), 4), EFAULT);
	FAILS(RAW(setsockopt, fd, SOL_SOCKET, SO_RCVBUF, &one, 3), EINVAL);
	FAILS(RAW(getsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, nowhere(), &len), EFAULT);
	FAILS(RAW(getsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, nowhere()), EFAULT);
	FAILS(RAW(getsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, nowhere(), &bad), EINVAL);
	FAILS(RAW(getsockopt, fd, SOL_NETLINK, 99, &one, nowhere()), EFAULT);
	FAILS(RAW(getsockopt, fd, SOL_SOCKET, SO_DOMAIN, nowhere(), &len), EFAULT);
	FAILS(RAW(getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &one, nowhere()), EFAULT);
	FAILS(RAW(getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &one, &bad), EINVAL);
}

static void wild_send(void)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_getfamily();
	char *cut = edge(nlh->nlmsg_len - 1);

	memcpy(cut, nlh, nlh->nlmsg_len - 1);
	FAILS(RAW(sendto, fd, nowhere(), 20, 0, NULL, 0), EFAULT);
	FAILS(RAW(sendto, fd, cut, nlh->nlmsg_len, 0, NULL, 0), EFAULT);
	FAILS(RAW(sendto, fd, kernel_half(), 20, 0, NULL, 0), EFAULT);
	FAILS(RAW(sendto, fd, nlh, nlh->nlmsg_len, 0, nowhere(), 12), EFAULT);
	FAILS(RAW(sendto, fd, nlh, nlh->nlmsg_len, 0, &addr, -1), EINVAL);
	FAILS(RAW(sendto, fd, nlh, nlh->nlmsg_len, 0, &addr, 129), EINVAL);
	FAILS(RAW(sendto, fd, nowhere(), 0, 0, NULL, 0), ENODATA);
	FAILS(RAW(sendto, fd, nowhere(), 1 << 26, 0, NULL, 0), EMSGSIZE);
	FAILS(RAW(write, fd, nowhere(), 20), EFAULT);
	FAILS(RAW(write, fd, cut, nlh->nlmsg_len), EFAULT);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN); /* nothing of it was sent */
}

static void wild_sendmsg(void)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_getfamily();
	struct iovec iov = { nlh, nlh->nlmsg_len }, wild = { nowhere(), 20 };
	struct iovec negative = { nlh, (size_t)-1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 }, m;

	FAILS(RAW(sendmsg, fd, nowhere(), 0), EFAULT);
	FAILS(RAW(sendmsg, fd, edge(sizeof(msg) - 1), 0), EFAULT);
	m = msg, m.msg_iov = (void *)nowhere();
	FAILS(RAW(sendmsg, fd, &m, 0), EFAULT);
	m = msg, m.msg_iov = &wild;
	FAILS(RAW(sendmsg, fd, &m, 0), EFAULT);
	m = msg, m.msg_iov = &negative;
	FAILS(RAW(sendmsg, fd, &m, 0), EINVAL);
	m = msg, m.msg_iovlen = 1025;
	FAILS(RAW(sendmsg, fd, &m, 0), EMSGSIZE);
	m = msg, m.msg_iovlen = (size_t)-1;
	FAILS(RAW(sendmsg, fd, &m, 0), EMSGSIZE);
	m = msg, m.msg_name = &addr, m.msg_namelen = -1;
	FAILS(RAW(sendmsg, fd, &m, 0), EINVAL);
	m = msg, m.msg_name = nowhere(), m.msg_namelen = 12;
	FAILS(RAW(sendmsg, fd, &m, 0), EFAULT);
	m = msg, m.msg_control = nowhere(), m.msg_controllen = 32;
	FAILS(RAW(sendmsg, fd, &m, 0), EFAULT);
	m = msg, m.msg_control = buf, m.msg_controllen = (size_t)INT_MAX + 1;
	FAILS(RAW(sendmsg, fd, &m, 0), ENOBUFS);
	FAILS(RAW(writev, fd, nowhere(), 1), EFAULT);
	FAILS(RAW(writev, fd, &wild, 1), EFAULT);
	FAILS(RAW(writev, fd, &iov, 1025), EINVAL);
	FAILS(RAW(writev, fd, &iov, -1), EINVAL);
	FAILS(RAW(writev, fd, &negative, 1), EINVAL);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

/* With nothing to receive: what is looked at before, and what is not. */
static void wild_receive_nothing(void)
{
	int fd = nl_open(SOCK_RAW);
	struct iovec iov = { buf, sizeof(buf) }, negative = { buf, (size_t)-1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 }, m;

	FAILS(RAW(recvfrom, fd, nowhere(), 20, MSG_DONTWAIT, NULL, NULL), EAGAIN);
	FAILS(RAW(recvfrom, fd, kernel_half(), 20, MSG_DONTWAIT, NULL, NULL), EFAULT);
	FAILS(RAW(recvfrom, fd, buf, 20, MSG_DONTWAIT, nowhere(), nowhere()), EAGAIN);
	FAILS(RAW(read, fd, kernel_half(), 20), EFAULT);
	FAILS(RAW(recvmsg, fd, nowhere(), MSG_DONTWAIT), EFAULT);
	FAILS(RAW(recvmsg, fd, edge(8), MSG_DONTWAIT), EFAULT);
	m = msg, m.msg_iov = (void *)nowhere();
	FAILS(RAW(recvmsg, fd, &m, MSG_DONTWAIT), EFAULT);
	m = msg, m.msg_iov = &negative;
	FAILS(RAW(recvmsg, fd, &m, MSG_DONTWAIT), EINVAL);
	m = msg, m.msg_iovlen = 1025;
	FAILS(RAW(recvmsg, fd, &m, MSG_DONTWAIT), EMSGSIZE);
	m = msg, m.msg_name = &addr, m.msg_namelen = -1;
	FAILS(RAW(recvmsg, fd, &m, MSG_DONTWAIT), EINVAL);
	FAILS(RAW(readv, fd, nowhere(), 1), EFAULT);
	FAILS(RAW(readv, fd, &iov, 1025), EINVAL);
	FAILS(RAW(readv, fd, &iov, -1), EINVAL);
	FAILS(RAW(readv, fd, &negative, 1), EINVAL);
	FAILS(RAW(recvmmsg, fd, nowhere(), 1, MSG_DONTWAIT, NULL), EFAULT);
	FAILS(RAW(recvmmsg, fd, nowhere(), 1, MSG_DONTWAIT, nowhere()), EFAULT);
	FAILS(RAW(sendmmsg, fd, nowhere(), 1, 0), EFAULT);
}

/* A reply and an ACK are there; call() must fail; then there is at least the ACK. */
static void receives_badly(long (*call)(int fd), int error)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_getfamily();

	nl_send(fd, nlh);
	errno = 0;
	SAME(call(fd), -1);
	SAME(errno, error);
	long len = recv(fd, buf, sizeof(buf), 0);
	if (((struct nlmsghdr *)buf)->nlmsg_type != NLMSG_ERROR)
		len = recv(fd, buf, sizeof(buf), 0);
	nl_expect_ack(buf, len, nlh);
	close(fd);
}

static long into_nowhere(int fd)
{
	return RAW(recvfrom, fd, nowhere(), 100, 0, NULL, NULL);
}

static long into_edge(int fd)
{
	return RAW(read, fd, edge(10), 100);
}

static long name_nowhere(int fd)
{
	int len = 12;

	return RAW(recvfrom, fd, buf, sizeof(buf), 0, nowhere(), &len);
}

static long name_length_nowhere(int fd)
{
	return RAW(recvfrom, fd, buf, sizeof(buf), 0, &addr, nowhere());
}

static long name_length_negative(int fd)
{
	int len = -1;

	return RAW(recvfrom, fd, buf, sizeof(buf), 0, &addr, &len);
}

static long vector_nowhere(int fd)
{
	struct iovec iov[2] = { { buf, 8 }, { nowhere(), 100 } };

	return RAW(readv, fd, iov, 2);
}

static long message_name_nowhere(int fd)
{
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_name = nowhere(), .msg_namelen = 12, .msg_iov = &iov, .msg_iovlen = 1
	};

	return RAW(recvmsg, fd, &msg, 0);
}

static void wild_receive(void)
{
	receives_badly(into_nowhere, EFAULT);
	receives_badly(into_edge, EFAULT);
	receives_badly(name_nowhere, EFAULT);
	receives_badly(name_length_nowhere, EFAULT);
	receives_badly(name_length_negative, EINVAL);
	receives_badly(vector_nowhere, EFAULT);
	receives_badly(message_name_nowhere, EFAULT);
}

/* Of many messages the first that is wrong ends it; what went before counts. */
static void wild_many(void)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_getfamily();
	struct iovec out = { nlh, nlh->nlmsg_len }, wild = { nowhere(), 20 };
	struct mmsghdr sends[3] = { { { .msg_iov = &out, .msg_iovlen = 1 } },
				    { { .msg_iov = &wild, .msg_iovlen = 1 } },
				    { { .msg_iov = &out, .msg_iovlen = 1 } } };
	struct iovec in[2] = { { buf, 8192 }, { buf + 8192, 8192 } };
	struct mmsghdr recvs[2] = { { { .msg_iov = &in[0], .msg_iovlen = 1 } },
				    { { .msg_iov = (void *)nowhere(), .msg_iovlen = 1 } } };
	struct timespec never = { -1, 0 };

	SAME(RAW(sendmmsg, fd, sends, 3, 0), 1);
	SAME(sends[0].msg_len, nlh->nlmsg_len);
	FAILS(RAW(sendmmsg, fd, &sends[1], 2, 0), EFAULT);
	FAILS(RAW(recvmmsg, fd, recvs, 2, 0, &never), EINVAL);
	FAILS(RAW(recvmmsg, fd, recvs, 2, 0, nowhere()), EFAULT);
	SAME(RAW(recvmmsg, fd, recvs, 2, 0, NULL), 1);
	nl_expect_reply(buf, recvs[0].msg_len, nlh);
	/* What ended it is told by the next call. */
	FAILS(recv(fd, buf, sizeof(buf), 0), EFAULT);
	nl_expect_ack(buf, recv(fd, buf, sizeof(buf), 0), nlh);
}

/* Garbage in the upper half of a descriptor is not looked at. */
static void upper_halves(void)
{
	int fd = nl_open(SOCK_RAW);
	long wide = fd | 0x7fff00000000L;
	struct nlmsghdr *nlh = nl_getfamily();

	SAME(RAW(bind, wide, &addr, 0x500000000L | sizeof(addr)), 0);
	SAME(RAW(sendto, wide, nlh, nlh->nlmsg_len, 0, NULL, 0), nlh->nlmsg_len);
	nl_expect_reply(buf, RAW(recvfrom, wide, buf, sizeof(buf), 0, NULL, NULL), nlh);
	nl_expect_ack(buf, RAW(read, wide, buf, sizeof(buf)), nlh);
	keep_fd(RAW(socket, 0x100000000L | AF_NETLINK, SOCK_RAW, 0x200000000L | NETLINK_GENERIC));
	long other = 0x100000000L | 1000000;
	FAILS(RAW(sendto, other, nlh, nlh->nlmsg_len, 0, NULL, 0), EBADF);
}

#define BOTH (WAY_KERNEL | WAY_SECCOMPS)

const struct behaviour behave_wild[] = {
	{ "wild: bind and connect", wild_bind, BOTH },
	{ "wild: names", wild_names, BOTH },
	{ "wild: options", wild_options, BOTH },
	{ "wild: send", wild_send, BOTH },
	{ "wild: sendmsg", wild_sendmsg, BOTH },
	{ "wild: receive, with nothing there", wild_receive_nothing, BOTH },
	{ "wild: receive", wild_receive, BOTH },
	{ "wild: many messages", wild_many, BOTH },
	{ "wild: upper halves", upper_halves, BOTH },
	{ NULL, NULL },
};
