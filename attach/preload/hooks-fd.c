// SPDX-License-Identifier: LGPL-2.1-or-later
/* hooks-fd.c - the hooked functions by which descriptors come, go and change. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>

#include "attach/preload/shim.h"

/* A number is forgotten before it is closed: afterwards it may be another thread's. */
SHIM_EXPORT int close(int fd)
{
	shim_fd_forget(fd);
	return shim_real()->close(fd);
}

SHIM_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!(flags & CLOSE_RANGE_CLOEXEC))
		shim_fd_forget_range(first, last);
	return shim_real()->close_range(first, last, flags);
}

SHIM_EXPORT void closefrom(int low)
{
	shim_fd_forget_range(low < 0 ? 0 : low, UINT32_MAX);
	shim_real()->closefrom(low);
}

SHIM_EXPORT int fclose(FILE *file)
{
	int saved = errno;

	shim_fd_forget(fileno(file));
	errno = saved;
	return shim_real()->fclose(file);
}

static int new_holder(int fd)
{
	shim_fd_forget(fd);
	return fd;
}

SHIM_EXPORT int dup(int fd)
{
	return new_holder(shim_real()->dup(fd));
}

SHIM_EXPORT int dup2(int from, int to)
{
	int fd = shim_real()->dup2(from, to);

	return from == to ? fd : new_holder(fd);
}

SHIM_EXPORT int dup3(int from, int to, int flags)
{
	return new_holder(shim_real()->dup3(from, to, flags));
}

SHIM_EXPORT int pidfd_getfd(int pidfd, int target, unsigned int flags)
{
	return new_holder(shim_real()->pidfd_getfd(pidfd, target, flags));
}

static void note_nonblock(int fd, bool on)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (!bits)
		return;
	if (on)
		fl_nlsock_set(&sock, FL_NLSOCK_NONBLOCK);
	else
		fl_nlsock_clear(&sock, FL_NLSOCK_NONBLOCK);
}

static int after_fcntl(int fd, int cmd, void *arg, int result)
{
	if (result < 0)
		return result;
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return new_holder(result);
	if (cmd == F_SETFL)
		note_nonblock(fd, (long)arg & O_NONBLOCK);
	return result;
}

/* Whatever the third argument is, it is passed as one word; so the C library takes it. */
SHIM_EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list args;

	va_start(args, cmd);
	void *arg = va_arg(args, void *);
	va_end(args);
	return after_fcntl(fd, cmd, arg, shim_real()->fcntl(fd, cmd, arg));
}

SHIM_EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list args;

	va_start(args, cmd);
	void *arg = va_arg(args, void *);
	va_end(args);
	return after_fcntl(fd, cmd, arg, shim_real()->fcntl64(fd, cmd, arg));
}

SHIM_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	void *arg = va_arg(args, void *);
	va_end(args);
	/* What AF_UNIX answers and AF_NETLINK does not: SIOCINQ, SIOCOUTQ. */
	if ((request == FIONREAD || request == TIOCOUTQ) && shim_fd_get(fd)) {
		errno = ENOTTY;
		return -1;
	}
	int result = shim_real()->ioctl(fd, request, arg);
	if (!result && request == FIONBIO)
		note_nonblock(fd, *(int *)arg);
	return result;
}
