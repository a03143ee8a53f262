// SPDX-License-Identifier: LGPL-2.1-or-later
/* connect.c - making a socket of ours, and knowing one again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/nlsock/name.h"
#include "attach/nlsock/nlsock.h"

/* A name in the abstract space of its namespace, by which any process that comes to hold
 * the descriptor knows what it is (name.h). */
static int bind_name(int fd, char kind)
{
	static const char digits[] = "0123456789abcdef";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	unsigned char random[FL_NLSOCK_NAME_RANDOM / 2];
	char *p = addr.sun_path;

	memcpy(p, FL_NLSOCK_NAME, FL_NLSOCK_NAME_LEN);
	p += FL_NLSOCK_NAME_LEN;
	*p++ = kind;
	*p++ = '/';
	do {
		if (syscall(SYS_getrandom, random, sizeof(random), 0) != sizeof(random))
			return -errno;
		for (size_t i = 0; i < sizeof(random); i++) {
			p[2 * i] = digits[random[i] >> 4];
			p[2 * i + 1] = digits[random[i] & 15];
		}
		if (!syscall(SYS_bind, fd, &addr, FL_NLSOCK_NAME_SOCKLEN))
			return 0;
	} while (errno == EADDRINUSE);
	return -errno;
}

static int connect_plane(int fd, const struct sockaddr_un *plane)
{
	while (syscall(SYS_connect, fd, plane, sizeof(*plane)) < 0) {
		/* No socket file and nobody behind it is one thing to a program. */
		if (errno == ENOENT)
			return -ECONNREFUSED;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int fl_nlsock_connect(const struct sockaddr_un *plane, const char *kinds, int type)
{
	bool dgram = (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_DGRAM;
	int err;

	/* connect() is to wait for its place in the plane's backlog, so O_NONBLOCK comes after. */
	int fd = syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | (type & SOCK_CLOEXEC), 0);
	if (fd < 0)
		return -errno;
	err = bind_name(fd, kinds[dgram]);
	if (!err)
		err = connect_plane(fd, plane);
	if (!err && type & SOCK_NONBLOCK && syscall(SYS_fcntl, fd, F_SETFL, O_NONBLOCK))
		err = -errno;
	if (err) {
		syscall(SYS_close, fd);
		return err;
	}
	return fd;
}

bool fl_nlsock_look(int fd, const char *kinds, uint32_t *ret_bits)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	int saved = errno;
	bool ours = false;

	if (!syscall(SYS_getsockname, fd, &addr, &len) && len == FL_NLSOCK_NAME_SOCKLEN &&
	    addr.sun_family == AF_UNIX &&
	    !memcmp(addr.sun_path, FL_NLSOCK_NAME, FL_NLSOCK_NAME_LEN) &&
	    (addr.sun_path[FL_NLSOCK_NAME_LEN] == kinds[0] ||
	     addr.sun_path[FL_NLSOCK_NAME_LEN] == kinds[1])) {
		long flags = syscall(SYS_fcntl, fd, F_GETFL);

		ours = true;
		*ret_bits = addr.sun_path[FL_NLSOCK_NAME_LEN] == kinds[1] ? FL_NLSOCK_DGRAM : 0;
		if (flags >= 0 && (flags & O_NONBLOCK))
			*ret_bits |= FL_NLSOCK_NONBLOCK;
	}
	errno = saved;
	return ours;
}
