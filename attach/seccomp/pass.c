// SPDX-License-Identifier: LGPL-2.1-or-later
/* pass.c - an error or a descriptor, from one process to another. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

void fl_pass_send(int to, int err_or_fd)
{
	struct iovec iov = { &err_or_fd, sizeof(err_or_fd) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (err_or_fd >= 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &err_or_fd, sizeof(int));
	}
	/* If the receiver has gone, it is the receiver's end that tells the sender. */
	syscall(SYS_sendmsg, to, &msg, MSG_NOSIGNAL);
}

int fl_pass_receive(int from)
{
	int value = -EIO, fd;
	struct iovec iov = { &value, sizeof(value) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return -EIO;
	if (!CMSG_FIRSTHDR(&msg))
		return value < 0 ? value : -EIO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}
