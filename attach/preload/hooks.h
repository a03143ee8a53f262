/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks.h - hooked functions that no header of the C library declares: the ones that
 * its headers call instead when a program is built with _FORTIFY_SOURCE. */
#ifndef FL_ATTACH_PRELOAD_HOOKS_H
#define FL_ATTACH_PRELOAD_HOOKS_H

#include <poll.h>
#include <sys/socket.h>

ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags,
		       __SOCKADDR_ARG addr, socklen_t *addrlen);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		const sigset_t *sigmask, size_t size);

#endif
