/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call.h - one system call of a program that the filter handed over, while it is answered.
 *
 * A call belongs to the worker that received it. Nothing of the program is kept beyond it:
 * the copy of its descriptor above all, without which the plane sees it close.
 */
#ifndef FL_ATTACH_SECCOMP_CALL_H
#define FL_ATTACH_SECCOMP_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "attach/nlsock/nlsock.h"
#include "attach/seccomp/sock.h"
#include "attach/seccomp/target.h"

struct fl_supervisor;
struct seccomp_notif;
struct seccomp_notif_resp;

/* What a handler returns: the system call's value, a negative errno, or one of these. */
#define FL_CALL_CONTINUE INT64_MAX	/* the kernel is to carry it out */
#define FL_CALL_REPLIED (INT64_MAX - 1) /* the handler has replied */
#define FL_CALL_RESTART (-512)		/* -ERESTARTSYS: for a signal that is pending */
#define FL_CALL_GONE (INT64_MAX - 2)	/* nobody waits for the answer any more */

/* What a worker keeps from call to call. */
struct fl_worker {
	struct fl_supervisor *supervisor;
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;
	char *buf; /* of buf_size bytes; payloads */
	size_t buf_size;
	struct iovec *iov; /* FL_CALL_IOV; the program's vectors; made when first needed */
};
#define FL_CALL_IOV 1024 /* UIO_MAXIOV */

struct fl_call {
	struct fl_supervisor *sup;
	struct fl_worker *worker;
	uint64_t id;
	pid_t tid;
	int nr;
	uint64_t args[6];
	struct fl_target *target;
	int fd; /* our copy of the descriptor that it is about, or -1 */
	struct fl_sock *entry;
	struct fl_nlsock sock; /* of fd */
};

/* ---- call.c ----------------------------------------------------------------------- */

/* Answers one notification. */
void fl_call_handle(struct fl_call *call);
/* True if the program still waits for the answer: what was learnt about it by its thread id
 * was about it. */
bool fl_call_valid(const struct fl_call *call);
/* Replies. 0, or -ENOENT: the program does not wait any more. */
int fl_call_reply(const struct fl_call *call, int64_t result);

/* ---- wait.c ----------------------------------------------------------------------- */

/* Waits until fd is readable: 0; -EAGAIN: SO_RCVTIMEO is over (*deadline: as it was found
 * the first time; -1: not yet); FL_CALL_RESTART or -EINTR: a signal; -ESRCH. */
int fl_call_wait_readable(struct fl_call *call, int64_t *deadline);

/* ---- memory.c --------------------------------------------------------------------- */

/* The program's memory. 0, -EFAULT, or -ESRCH: the program does not wait any more. */
int fl_call_read(const struct fl_call *call, uint64_t from, void *to, size_t len);
int fl_call_write(const struct fl_call *call, uint64_t to, const void *from, size_t len);
/* As fl_call_read(), but the program may not be there any more: only for what is not acted on
 * before a fl_call_read*() or fl_call_write*(), or fl_call_valid(), has said that it is. */
int fl_call_glance(const struct fl_call *call, uint64_t from, void *to, size_t len);
/* Several pieces in one go, in order; empty ones are left out. */
struct fl_call_out {
	uint64_t to;
	const void *from;
	size_t len;
};
#define FL_CALL_OUTS 8 /* at most */
int fl_call_write_all(const struct fl_call *call, const struct fl_call_out *out, size_t count);
/* Scattered: `count` pieces at the program's addresses in iov. */
int fl_call_read_iov(const struct fl_call *call, const struct iovec *iov, size_t count, void *to,
		     size_t len);
int fl_call_write_iov(const struct fl_call *call, const struct iovec *iov, size_t count,
		      const void *from, size_t len);
/* Whether an address can be a program's; what lies above is refused before anything else. */
bool fl_call_in_user_half(uint64_t addr, uint64_t len);
/* Reads the program's vector into worker->iov, with the checks of the kernel; ret_total:
 * bytes of all pieces. too_many: the error for more than FL_CALL_IOV. */
int fl_call_import_iov(const struct fl_call *call, uint64_t addr, uint64_t count, int too_many,
		       size_t *ret_total);
/* Makes worker->buf at least that large. 0 or -ENOMEM. */
int fl_worker_reserve(struct fl_worker *worker, size_t size);

/* ---- the handlers ----------------------------------------------------------------- */

typedef int64_t fl_call_handler(struct fl_call *call);
fl_call_handler fl_call_socket, fl_call_bind, fl_call_connect, fl_call_not_supported,
	fl_call_getsockname, fl_call_getpeername, fl_call_setsockopt, fl_call_getsockopt,
	fl_call_sendto, fl_call_sendmsg, fl_call_sendmmsg, fl_call_write_one, fl_call_writev,
	fl_call_recvfrom, fl_call_recvmsg, fl_call_recvmmsg, fl_call_read_one, fl_call_readv,
	fl_call_dup, fl_call_leave, fl_call_fcntl, fl_call_ioctl, fl_call_preadv, fl_call_pwritev;

/* What nlsock does otherwise out here. */
extern const struct fl_nlsock_ops fl_call_nlsock_ops;

#endif
