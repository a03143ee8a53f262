// SPDX-License-Identifier: LGPL-2.1-or-later
/* call.c - packets to the plane, and waiting for it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attach/nlsock/nlsock.h"

/*
 * The system calls here are made directly: send() and recv() of a netlink socket do not
 * end half-way when their thread is cancelled or a signal handler has run.
 */
#define SYNC_SECONDS 1
#define SOON_NS 300000

/* Fills control with the descriptors, returns its length. */
static size_t put_fds(struct cmsghdr *control, int token, int extra)
{
	int fds[2], count = 0;

	if (token >= 0)
		fds[count++] = token;
	if (extra >= 0)
		fds[count++] = extra;
	if (!count)
		return 0;
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(control), fds, count * sizeof(int));
	return CMSG_SPACE(count * sizeof(int));
}

int fl_nlsock_packet(const struct fl_nlsock *sock, const struct fl_wire_hdr *hdr,
		     const void *payload, size_t len, int token, int extra, int flags)
{
	struct fl_wire_hdr full = *hdr;
	struct iovec iov[2] = { { &full, sizeof(full) }, { (void *)payload, len } };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };

	full.version = FL_WIRE_VERSION;
	full.rcvmax = fl_nlsock_rcvmax(sock);
	full.flags = token >= 0 ? FL_WIRE_F_TOKEN : 0;
	if (extra >= 0 && hdr->kind == FL_WIRE_NETLINK)
		full.flags |= FL_WIRE_F_NETNS;
	msg.msg_controllen = put_fds(&control.header, token, extra);
	msg.msg_control = msg.msg_controllen ? control.room : NULL;
	if (syscall(SYS_sendmsg, sock->fd, &msg, (flags & MSG_DONTWAIT) | MSG_NOSIGNAL) >= 0)
		return 0;
	switch (errno) {
	case EPIPE:
		return -ECONNRESET; /* the plane has ended; a netlink socket has no EPIPE */
	case ETOOMANYREFS:
		return -ENOBUFS;
	default:
		return -errno;
	}
}

/* Waits for a reply, past signal handlers. timeout NULL: for ever. sock_events: 0, or
 * POLLIN to return -EAGAIN when the socket has something to read. */
static int wait_token(int fd, int token, short sock_events, const struct timespec *timeout,
		      struct fl_wire_reply *ret_reply)
{
	struct pollfd fds[2] = { { token, POLLIN, 0 }, { fd, sock_events, 0 } };
	struct fl_wire_reply reply;
	struct timespec left;

	for (;;) {
		if (timeout)
			left = *timeout;
		long got = syscall(SYS_ppoll, fds, 2, timeout ? &left : NULL, NULL, 0);

		if (got == 0)
			return -ETIMEDOUT;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got < 0)
			continue;
		if (fds[1].revents & POLLNVAL) {
			fds[1].fd = -1; /* closed by another thread; the request goes on */
			if (!fds[0].revents)
				continue;
		}
		break;
	}
	/* Looked at first: the reply may have been written just before the plane ended. */
	if (syscall(SYS_read, token, &reply, sizeof(reply)) == (long)sizeof(reply)) {
		*ret_reply = reply;
		return reply.error;
	}
	return fds[1].revents & sock_events ? -EAGAIN : -ECONNRESET;
}

static int before_wait(const struct fl_nlsock *sock)
{
	return sock->ops->before_wait ? sock->ops->before_wait(sock) : 0;
}

/* What is asked of the socket itself is answered at once, unless a change is before it. */
static int wait_reply(const struct fl_nlsock *sock, unsigned int kind, int token,
		      struct fl_wire_reply *ret_reply)
{
	static const struct timespec soon = { .tv_nsec = SOON_NS };
	int err = -ETIMEDOUT;

	if (kind != FL_WIRE_NETLINK && sock->ops->before_wait) {
		err = wait_token(sock->fd, token, 0, &soon, ret_reply);
		/* It was sent; nothing but waiting is left, whoever takes calls meanwhile. */
		if (err == -ETIMEDOUT)
			before_wait(sock);
	}
	return err == -ETIMEDOUT ? wait_token(sock->fd, token, 0, NULL, ret_reply) : err;
}

/* A pipe whose ends are both non-blocking: the plane must not wait for its reader. */
static int token_open(int token[2])
{
	if (!syscall(SYS_pipe2, token, O_CLOEXEC | O_NONBLOCK))
		return 0;
	/* A netlink socket needs no descriptor to send: call it what it is, a shortage. */
	return errno == EMFILE || errno == ENFILE ? -ENOBUFS : -errno;
}

int fl_nlsock_call(const struct fl_nlsock *sock, struct fl_wire_hdr *hdr, const void *payload,
		   size_t len, int extra, int flags, struct fl_wire_reply *ret_reply)
{
	int token[2], saved = errno;
	int err = hdr->kind == FL_WIRE_NETLINK ? before_wait(sock) : 0;

	err = err ? err : token_open(token);
	if (err)
		return err;
	do {
		err = fl_nlsock_packet(sock, hdr, payload, len, token[1], extra, flags);
	} while (err == -EINTR);
	syscall(SYS_close, token[1]);
	if (!err)
		err = wait_reply(sock, hdr->kind, token[0], ret_reply);
	syscall(SYS_close, token[0]);
	errno = saved;
	return err;
}

bool fl_nlsock_sync(const struct fl_nlsock *sock)
{
	static const struct timespec timeout = { .tv_sec = SYNC_SECONDS };
	struct fl_wire_hdr hdr = { .kind = FL_WIRE_NAME };
	struct fl_wire_reply reply;
	int token[2], saved = errno;

	/* Cleared first: what another thread sends from now on needs a new synchronization. */
	if (!fl_nlsock_clear(sock, FL_NLSOCK_UNSYNCED))
		return false;
	if (!token_open(token)) {
		int err = fl_nlsock_packet(sock, &hdr, NULL, 0, token[1], -1, MSG_DONTWAIT);

		syscall(SYS_close, token[1]);
		if (!err)
			err = wait_token(sock->fd, token[0], POLLIN, &timeout, &reply);
		if (err == -EAGAIN)
			fl_nlsock_set(sock, FL_NLSOCK_UNSYNCED); /* more may be behind what came */
		syscall(SYS_close, token[0]);
	}
	errno = saved;
	return true;
}
