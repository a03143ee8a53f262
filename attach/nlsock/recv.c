// SPDX-License-Identifier: LGPL-2.1-or-later
/* recv.c - recv(), as a generic netlink socket does it. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/nlsock/nlsock.h"
#include "nl/ctrl.h"

/* Pieces of a small receive buffer that get a scratch piece behind them; nobody splits
 * fewer than 16 bytes more finely. */
#define SMALL_IOV 7

/* A datagram on its way to the program. */
struct arrival {
	struct msghdr *user;
	int flags;
	size_t cap;  /* of the user's pieces together */
	ssize_t len; /* what the original returned */
	int msg_flags;
	bool creds;	      /* SCM_CREDENTIALS came with it: SO_PASSCRED is on */
	struct nlmsghdr head; /* the start of the datagram, whatever the user's buffer */
};

static size_t iov_cap(const struct msghdr *msg)
{
	size_t cap = 0;

	for (size_t i = 0; i < msg->msg_iovlen; i++)
		cap += msg->msg_iov[i].iov_len;
	return cap;
}

static void gather_head(const struct iovec *iov, size_t count, struct nlmsghdr *ret_head)
{
	char *to = (char *)ret_head, *end = to + sizeof(*ret_head);

	for (size_t i = 0; i < count && to < end; i++) {
		size_t len = iov[i].iov_len;

		if (len > (size_t)(end - to))
			len = end - to;
		if (len)
			memcpy(to, iov[i].iov_base, len);
		to += len;
	}
}

/* One call of the original recvmsg(). A buffer too small for a header (as in asking for
 * the length with MSG_PEEK) gets a piece of ours behind it. */
static ssize_t receive(const struct fl_nlsock *sock, struct arrival *a)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov[SMALL_IOV + 1];
	char scratch[sizeof(a->head)];
	struct msghdr msg = { .msg_iov = a->user->msg_iov, .msg_iovlen = a->user->msg_iovlen };

	if (a->cap < sizeof(a->head) && msg.msg_iovlen <= SMALL_IOV) {
		if (msg.msg_iovlen)
			memcpy(iov, msg.msg_iov, msg.msg_iovlen * sizeof(*iov));
		iov[msg.msg_iovlen++] = (struct iovec){ scratch, sizeof(scratch) };
		msg.msg_iov = iov;
	}
	if (a->user->msg_control) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
	}
	a->len = sock->ops->recvmsg(sock, &msg, a->flags);
	if (a->len < 0)
		return -errno;
	a->msg_flags = msg.msg_flags;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			a->creds = true;
	if (a->len >= (ssize_t)sizeof(a->head))
		gather_head(msg.msg_iov, msg.msg_iovlen, &a->head);
	return a->len;
}

/* The multicast group of a datagram. Answers carry the port id of the asker, and what is
 * told to many carries none. */
static uint32_t group_of(const struct nlmsghdr *head)
{
	if (head->nlmsg_pid)
		return 0;
	return head->nlmsg_type == FL_FAMILY_CTRL ? FL_GROUP_CTRL : FL_GROUP_CONFIG;
}

static void put_name(struct arrival *a)
{
	struct msghdr *user = a->user;
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	uint32_t group = group_of(&a->head);

	if (!user->msg_name)
		return;
	from.nl_groups = group ? 1U << (group - 1) : 0;
	memcpy(user->msg_name, &from,
	       user->msg_namelen < sizeof(from) ? user->msg_namelen : sizeof(from));
	user->msg_namelen = sizeof(from);
}

/* Appends a control message at *used, as the kernel does: cut off where room ends. */
static void put_cmsg(struct arrival *a, size_t *used, int level, int type, const void *data,
		     size_t len)
{
	size_t room = a->user->msg_controllen - *used;
	struct cmsghdr cmsg = { .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
	char *to = (char *)a->user->msg_control + *used;

	if (!a->user->msg_control || room < sizeof(cmsg)) {
		a->msg_flags |= MSG_CTRUNC;
		return;
	}
	if (room < cmsg.cmsg_len) {
		a->msg_flags |= MSG_CTRUNC;
		cmsg.cmsg_len = room;
	}
	memcpy(to, &cmsg, sizeof(cmsg));
	memcpy(to + CMSG_LEN(0), data, cmsg.cmsg_len - CMSG_LEN(0));
	*used += CMSG_SPACE(len) < room ? CMSG_SPACE(len) : room;
}

static void put_control(const struct fl_nlsock *sock, struct arrival *a)
{
	size_t used = 0;

	if (a->user->msg_control && a->user->msg_controllen) {
		if (fl_nlsock_pktinfo(sock)) {
			struct nl_pktinfo info = { group_of(&a->head) };

			put_cmsg(a, &used, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
		}
		if (a->creds) {
			struct ucred kernel = { 0, 0, 0 };

			put_cmsg(a, &used, SOL_SOCKET, SCM_CREDENTIALS, &kernel, sizeof(kernel));
		}
	}
	a->user->msg_controllen = used;
}

/* What the program is told of the length: its own buffer's share, unless MSG_TRUNC. */
static ssize_t user_len(struct arrival *a)
{
	if ((size_t)a->len > a->cap)
		a->msg_flags |= MSG_TRUNC;
	if (a->flags & MSG_TRUNC)
		return a->len;
	return (size_t)a->len < a->cap ? a->len : (ssize_t)a->cap;
}

/* Notifications were lost. The error is told once, also to one who only peeks. */
static ssize_t overrun(const struct fl_nlsock *sock, const struct arrival *a)
{
	char drop[sizeof(a->head)];

	if (a->flags & MSG_PEEK)
		syscall(SYS_recvfrom, sock->fd, drop, sizeof(drop), MSG_DONTWAIT, NULL, NULL);
	return -ENOBUFS;
}

/* Waits if the program would wait, but looks for what must come soon first. */
static ssize_t receive_soon(const struct fl_nlsock *sock, struct arrival *a)
{
	ssize_t len = -EAGAIN;

	if (a->flags & MSG_DONTWAIT)
		return receive(sock, a);
	a->flags |= MSG_DONTWAIT;
	while (len == -EAGAIN && sock->ops->lingers(sock))
		len = receive(sock, a);
	a->flags &= ~MSG_DONTWAIT;
	return len == -EAGAIN ? receive(sock, a) : len;
}

ssize_t fl_nlsock_recv(const struct fl_nlsock *sock, struct msghdr *msg, int flags)
{
	struct arrival a = { .user = msg, .flags = flags, .cap = iov_cap(msg) };
	int saved = errno;

	if (fl_nlsock_clear(sock, FL_NLSOCK_OVERRUN))
		return -ENOBUFS;
	fl_nlsock_note_rcvmax(sock, a.cap);
	ssize_t len = receive_soon(sock, &a);
	while (len == -EAGAIN && fl_nlsock_sync(sock))
		len = receive(sock, &a);
	if (len < 0)
		return len;
	if (len == 0)
		return -ECONNRESET; /* the plane has ended; a netlink socket has no end of file */
	errno = saved;
	if (len == NLMSG_HDRLEN && a.head.nlmsg_type == FL_WIRE_OVERRUN)
		return overrun(sock, &a);
	len = user_len(&a);
	put_name(&a);
	put_control(sock, &a);
	msg->msg_flags = a.msg_flags & ~MSG_CMSG_CLOEXEC;
	return len;
}
