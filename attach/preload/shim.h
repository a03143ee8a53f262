/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shim.h - the preload shim: what its files share.
 *
 * The shim lives inside programs that know nothing of it. So its hooks
 *  1. call nothing but the hooked functions' originals, plain system calls and string
 *     functions: no allocation, no stdio, no locks, so that read(), write(), close() and
 *     poll() stay safe in signal handlers and after fork();
 *  2. keep errno on success, and return through shim_result() on failure;
 *  3. keep no state that the plane must know: what the process remembers of a descriptor
 *     (struct fl_nlsock_state) is a cache, and is made anew after exec, dup or SCM_RIGHTS.
 *
 * Inside, functions return negative errno.
 */
#ifndef FL_ATTACH_PRELOAD_SHIM_H
#define FL_ATTACH_PRELOAD_SHIM_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "attach/nlsock/nlsock.h"

#define SHIM_EXPORT __attribute__((visibility("default")))

/* X(return type, name, parameters): the functions that are hooked. */
#define SHIM_REALS(X)                                                                            \
	X(int, socket, (int, int, int))                                                          \
	X(int, bind, (int, const struct sockaddr *, socklen_t))                                  \
	X(int, connect, (int, const struct sockaddr *, socklen_t))                               \
	X(int, listen, (int, int))                                                               \
	X(int, accept, (int, struct sockaddr *, socklen_t *))                                    \
	X(int, accept4, (int, struct sockaddr *, socklen_t *, int))                              \
	X(int, shutdown, (int, int))                                                             \
	X(int, getsockname, (int, struct sockaddr *, socklen_t *))                               \
	X(int, getpeername, (int, struct sockaddr *, socklen_t *))                               \
	X(int, setsockopt, (int, int, int, const void *, socklen_t))                             \
	X(int, getsockopt, (int, int, int, void *, socklen_t *))                                 \
	X(ssize_t, send, (int, const void *, size_t, int))                                       \
	X(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t)) \
	X(ssize_t, sendmsg, (int, const struct msghdr *, int))                                   \
	X(int, sendmmsg, (int, struct mmsghdr *, unsigned int, int))                             \
	X(ssize_t, write, (int, const void *, size_t))                                           \
	X(ssize_t, writev, (int, const struct iovec *, int))                                     \
	X(ssize_t, recv, (int, void *, size_t, int))                                             \
	X(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))         \
	X(ssize_t, recvmsg, (int, struct msghdr *, int))                                         \
	X(int, recvmmsg, (int, struct mmsghdr *, unsigned int, int, struct timespec *))          \
	X(ssize_t, read, (int, void *, size_t))                                                  \
	X(ssize_t, readv, (int, const struct iovec *, int))                                      \
	X(ssize_t, __recv_chk, (int, void *, size_t, size_t, int))                               \
	X(ssize_t, __recvfrom_chk,                                                               \
	  (int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *))                    \
	X(ssize_t, __read_chk, (int, void *, size_t, size_t))                                    \
	X(int, close, (int))                                                                     \
	X(int, dup, (int))                                                                       \
	X(int, dup2, (int, int))                                                                 \
	X(int, dup3, (int, int, int))                                                            \
	X(int, fcntl, (int, int, ...))                                                           \
	X(int, fcntl64, (int, int, ...))                                                         \
	X(int, ioctl, (int, unsigned long, ...))                                                 \
	X(int, close_range, (unsigned int, unsigned int, int))                                   \
	X(void, closefrom, (int))                                                                \
	X(int, fclose, (FILE *))                                                                 \
	X(int, pidfd_getfd, (int, int, unsigned int))                                            \
	X(int, poll, (struct pollfd *, nfds_t, int))                                             \
	X(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))      \
	X(int, __poll_chk, (struct pollfd *, nfds_t, int, size_t))                               \
	X(int, __ppoll_chk,                                                                      \
	  (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t))          \
	X(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *))                    \
	X(int, pselect,                                                                          \
	  (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *))        \
	X(int, epoll_wait, (int, struct epoll_event *, int, int))                                \
	X(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *))             \
	X(int, epoll_pwait2,                                                                     \
	  (int, struct epoll_event *, int, const struct timespec *, const sigset_t *))

struct shim_reals {
#define SHIM_REAL_FIELD(type, name, params) type(*name) params;
	SHIM_REALS(SHIM_REAL_FIELD)
#undef SHIM_REAL_FIELD
};

/* The originals. Context: any; resolves them if the shim's constructor has not run yet. */
const struct shim_reals *shim_real(void);

/* True if FINELINK_SOCKET named a plane when the program started. */
bool shim_active(void);

/* Sets errno and returns -1 for a negative result, else returns it. */
ssize_t shim_result(ssize_t result);

/* What is known of a descriptor, beside enum fl_nlsock_bits; 0: it is not ours. */
enum shim_fd_bits {
	SHIM_KIND = 3, /* 0: not looked at yet */
	SHIM_OTHER = 1,
	SHIM_OURS = 2,
	SHIM_GENERATION = 1 << 16, /* counted up from here when the number changes hands */
};

uint32_t shim_fd_get(int fd);
/* A descriptor that socket() made. */
void shim_fd_made(int fd, uint32_t bits);
/* The number may mean something else from now on. */
void shim_fd_forget(int fd);
void shim_fd_forget_range(unsigned int first, unsigned int last);
/* The socket for a call on it; bits: of shim_fd_get(). */
struct fl_nlsock shim_sock(int fd, uint32_t bits);
/* The descriptor of the last request without a token, or -1. */
int shim_fd_last_unsynced(void);
void shim_fd_note_unsynced(int fd);

/* Makes a socket that is connected to the plane; returns it or a negative errno. */
int shim_socket(int type);

/* What nlsock does otherwise in here. */
extern const struct fl_nlsock_ops shim_nlsock_ops;

/* A read was sent on fd; and whether to look for its answer without sleeping, still. */
void shim_linger_begin(int fd);
bool shim_lingers(int fd);

#endif
