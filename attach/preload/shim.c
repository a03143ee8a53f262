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

#include "attach/nlsock/name.h"
#include "attach/preload/shim.h"

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

int shim_socket(int type)
{
	bool dgram = (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_DGRAM;

	if (plane_err)
		return plane_err;
	int fd = fl_nlsock_connect(&plane, FL_NLSOCK_NAME_SHIM, type);
	if (fd >= 0)
		shim_fd_made(fd, (dgram ? FL_NLSOCK_DGRAM : 0) |
					 (type & SOCK_NONBLOCK ? FL_NLSOCK_NONBLOCK : 0));
	return fd;
}
