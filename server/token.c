/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* token.c - telling a program that its request is done, on the pipe that it sent. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "server/session.h"

bool fl_token_valid(int fd)
{
	/* Only pipes know their size: nothing else could be written and closed without
	 * the chance that some other process makes us wait. */
	return fcntl(fd, F_GETPIPE_SZ) > 0;
}

/* A description of our own, since the program could clear O_NONBLOCK on its one. For
 * kernels whose pipes do not know RWF_NOWAIT. */
static void token_write_reopened(int fd, const struct iovec *iov, int count)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (own < 0)
		return;
	if (writev(own, iov, count) < 0) {
		/* The program filled its own pipe or closed it: its loss. */
	}
	close(own);
}

void fl_token_write_text(int fd, const struct fl_wire_reply *reply, const char *text, size_t len)
{
	const struct iovec iov[] = { { (void *)reply, sizeof(*reply) }, { (void *)text, len } };

	if (pwritev2(fd, iov, len ? 2 : 1, -1, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP)
		token_write_reopened(fd, iov, len ? 2 : 1);
}

void fl_token_write(int fd, const struct fl_wire_reply *reply)
{
	fl_token_write_text(fd, reply, NULL, 0);
}
