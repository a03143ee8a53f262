// SPDX-License-Identifier: LGPL-2.1-or-later
/* shim.c - the shim's start: the hooked functions' originals, and where the plane is. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "attach/shim-name.h"
#include "attach/shim.h"

/*
 * Everything here is written once, by whoever comes first: the constructor, or a hook
 * that another library's constructor calls. `ready` is atomic; the rest never changes
 * after it is SHIM_READY.
 */
_Static_assert(sizeof(long) == 8, "32-bit C libraries have more variants of these functions");
enum { SHIM_NOT_READY, SHIM_BUSY, SHIM_READY };
static int ready;
static struct shim_reals reals;
static struct sockaddr_un plane;
static int plane_err; /* a negative errno if FINELINK_SOCKET cannot be used */
static bool active;

static void find_plane(void)
{
	const char *path = getenv(FL_WIRE_ENV);
	size_t len = 0;

	if (!path || !*path)
		return;
	active = true;
	plane.sun_family = AF_UNIX;
	if (path[0] != '/') {
		/* The program may change its directory before it opens a socket. */
		long got = syscall(SYS_getcwd, plane.sun_path, sizeof(plane.sun_path));

		if (got < 0) {
			plane_err = errno == ERANGE ? -ENAMETOOLONG : -errno;
			return;
		}
		len = got; /* counts the NUL, which becomes the slash */
		plane.sun_path[len - 1] = '/';
	}
	if (len + strlen(path) >= sizeof(plane.sun_path)) {
		plane_err = -ENAMETOOLONG;
		return;
	}
	memcpy(plane.sun_path + len, path, strlen(path) + 1);
}

static void find_reals(void)
{
#define SHIM_REAL_FIND(type, name, params) reals.name = (type(*) params)dlsym(RTLD_NEXT, #name);
	SHIM_REALS(SHIM_REAL_FIND)
#undef SHIM_REAL_FIND
}

static void start(void)
{
	int expected = SHIM_NOT_READY, saved = errno;

	if (__atomic_compare_exchange_n(&ready, &expected, SHIM_BUSY, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE)) {
		find_reals();
		find_plane();
		__atomic_store_n(&ready, SHIM_READY, __ATOMIC_RELEASE);
	}
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != SHIM_READY)
		sched_yield();
	errno = saved;
}

__attribute__((constructor)) static void shim_constructor(void)
{
	start();
}

const struct shim_reals *shim_real(void)
{
	if (__builtin_expect(__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != SHIM_READY, 0))
		start();
	return &reals;
}

bool shim_active(void)
{
	shim_real();
	return active;
}

ssize_t shim_result(ssize_t result)
{
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* A name in the abstract space of its namespace, by which any process that comes to hold
 * the descriptor knows what it is (shim-name.h). */
static int bind_name(int fd, bool dgram)
{
	static const char digits[] = "0123456789abcdef";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	unsigned char random[SHIM_NAME_RANDOM / 2];
	char *p = addr.sun_path;

	memcpy(p, SHIM_NAME, SHIM_NAME_LEN);
	p += SHIM_NAME_LEN;
	*p++ = dgram ? SHIM_NAME_DGRAM : SHIM_NAME_RAW;
	*p++ = '/';
	do {
		if (syscall(SYS_getrandom, random, sizeof(random), 0) != sizeof(random))
			return -errno;
		for (size_t i = 0; i < sizeof(random); i++) {
			p[2 * i] = digits[random[i] >> 4];
			p[2 * i + 1] = digits[random[i] & 15];
		}
		if (!syscall(SYS_bind, fd, &addr, SHIM_NAME_SOCKLEN))
			return 0;
	} while (errno == EADDRINUSE);
	return -errno;
}

static int connect_plane(int fd)
{
	while (syscall(SYS_connect, fd, &plane, sizeof(plane)) < 0) {
		/* No socket file and nobody behind it is one thing to a program. */
		if (errno == ENOENT)
			return -ECONNREFUSED;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int shim_socket(int type)
{
	bool dgram = (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_DGRAM;
	bool nonblock = type & SOCK_NONBLOCK;
	int err;

	if (plane_err)
		return plane_err;
	/* connect() is to wait for its place in the plane's backlog, so O_NONBLOCK comes after. */
	int fd = syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | (type & SOCK_CLOEXEC), 0);
	if (fd < 0)
		return -errno;
	err = bind_name(fd, dgram);
	if (!err)
		err = connect_plane(fd);
	if (!err && nonblock && shim_real()->fcntl(fd, F_SETFL, O_NONBLOCK))
		err = -errno;
	if (err) {
		syscall(SYS_close, fd);
		return err;
	}
	shim_fd_made(fd, (dgram ? SHIM_DGRAM : 0) | (nonblock ? SHIM_NONBLOCK : 0));
	return fd;
}
