// SPDX-License-Identifier: LGPL-2.1-or-later
/* hooks-socket.c - the hooked functions that make, name and set sockets. */
#include <errno.h>
#include <linux/netlink.h>

#include "attach/preload/shim.h"

static bool is_genetlink(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);

	return domain == AF_NETLINK && protocol == NETLINK_GENERIC &&
	       (kind == SOCK_RAW || kind == SOCK_DGRAM) && shim_active();
}

SHIM_EXPORT int socket(int domain, int type, int protocol)
{
	if (is_genetlink(domain, type, protocol))
		return shim_result(shim_socket(type));
	return shim_real()->socket(domain, type, protocol);
}

SHIM_EXPORT int bind(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (bits)
		return shim_result(fl_nlsock_bind(&sock, addr.__sockaddr__, len));
	return shim_real()->bind(fd, addr.__sockaddr__, len);
}

SHIM_EXPORT int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (bits)
		return shim_result(fl_nlsock_connect_to(&sock, addr.__sockaddr__, len));
	return shim_real()->connect(fd, addr.__sockaddr__, len);
}

SHIM_EXPORT int listen(int fd, int backlog)
{
	if (shim_fd_get(fd))
		return shim_result(-EOPNOTSUPP);
	return shim_real()->listen(fd, backlog);
}

SHIM_EXPORT int accept(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	if (shim_fd_get(fd))
		return shim_result(-EOPNOTSUPP);
	return shim_real()->accept(fd, addr.__sockaddr__, len);
}

SHIM_EXPORT int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags)
{
	if (shim_fd_get(fd))
		return shim_result(-EOPNOTSUPP);
	return shim_real()->accept4(fd, addr.__sockaddr__, len, flags);
}

SHIM_EXPORT int shutdown(int fd, int how)
{
	if (shim_fd_get(fd))
		return shim_result(-EOPNOTSUPP);
	return shim_real()->shutdown(fd, how);
}

SHIM_EXPORT int getsockname(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (bits)
		return shim_result(fl_nlsock_getsockname(&sock, addr.__sockaddr__, len));
	return shim_real()->getsockname(fd, addr.__sockaddr__, len);
}

SHIM_EXPORT int getpeername(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	if (shim_fd_get(fd))
		return shim_result(fl_nlsock_getpeername(addr.__sockaddr__, len));
	return shim_real()->getpeername(fd, addr.__sockaddr__, len);
}

SHIM_EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	uint32_t bits = level == SOL_SOCKET ? 0 : shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (!bits)
		return shim_real()->setsockopt(fd, level, option, value, len);
	if (level != SOL_NETLINK)
		return shim_result(-ENOPROTOOPT);
	return shim_result(fl_nlsock_setsockopt(&sock, option, value, len));
}

SHIM_EXPORT int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (!bits)
		return shim_real()->getsockopt(fd, level, option, value, len);
	if (level == SOL_NETLINK)
		return shim_result(fl_nlsock_getsockopt(&sock, option, value, len));
	if (level != SOL_SOCKET)
		return shim_result(-ENOPROTOOPT);
	int answered = fl_nlsock_getsockopt_socket(bits, option, value, len);
	if (answered)
		return answered < 0 ? shim_result(answered) : 0;
	return shim_real()->getsockopt(fd, level, option, value, len);
}
