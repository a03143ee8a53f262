// SPDX-License-Identifier: LGPL-2.1-or-later
/* nlsock.c - what attach/nlsock does otherwise inside the program. */
#include <fcntl.h>
#include <string.h>

#include "attach/preload/shim.h"

static int open_netns_fd(const struct fl_nlsock *sock, uint32_t fd)
{
	return shim_real()->fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* "/proc/PID/ns/net"; snprintf() is not safe in a signal handler. */
static int open_netns_pid(const struct fl_nlsock *sock, uint32_t pid)
{
	char path[32], digits[10], *to = path;
	unsigned int count = 0;

	do {
		digits[count++] = '0' + pid % 10;
		pid /= 10;
	} while (pid);
	to = stpcpy(to, "/proc/");
	while (count)
		*to++ = digits[--count];
	strcpy(to, "/ns/net");
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Who does not wait in recv() relies on the answer being there after send(). */
static bool sends_read(const struct fl_nlsock *sock, int flags, const struct nlmsghdr *single)
{
	if (sock->bits & FL_NLSOCK_NONBLOCK || flags & MSG_DONTWAIT)
		return false;
	fl_nlsock_set(sock, FL_NLSOCK_UNSYNCED);
	shim_fd_note_unsynced(sock->fd);
	shim_linger_begin(sock->fd);
	return true;
}

static void sent_read(const struct fl_nlsock *sock, const struct nlmsghdr *single)
{
}

static ssize_t real_recvmsg(const struct fl_nlsock *sock, struct msghdr *msg, int flags)
{
	return shim_real()->recvmsg(sock->fd, msg, flags);
}

static bool lingers(const struct fl_nlsock *sock)
{
	return shim_lingers(sock->fd);
}

const struct fl_nlsock_ops shim_nlsock_ops = {
	.open_netns_fd = open_netns_fd,
	.open_netns_pid = open_netns_pid,
	.sends_read = sends_read,
	.sent_read = sent_read,
	.recvmsg = real_recvmsg,
	.lingers = lingers,
};
