// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * call-recv.c - calls that receive.
 *
 * A datagram is taken off the queue, written to the program, and then the reply is given,
 * which only a kill can keep from the program (wait.c says why). So nothing is lost or told
 * twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"
#include "base/util.h"

#define BUFFER 262144	/* what datagrams mostly fit into; pages that none filled cost nothing */
#define CONTROL_MAX 256 /* more than there ever is */

/* Where the program wants a datagram, and what is told of it. */
struct receiving {
	int flags;
	uint64_t iov_count; /* in worker->iov */
	size_t cap;
	bool wants_name, wants_control;
	struct sockaddr_storage name;
	char control[CONTROL_MAX];
	struct msghdr msg; /* of ours: with the lengths as the kernel would return them */
	size_t control_room;
	int64_t deadline; /* ns; 0: none; -1: not looked up yet */
	struct fl_call_out out[FL_CALL_OUTS];
	unsigned int outs;
};

/* ---- one datagram ----------------------------------------------------------------- */

/* How much room the first datagram takes of what the program has for it. */
static size_t room_for_first(const struct fl_call *call, const struct receiving *r)
{
	long len;

	if (r->cap <= BUFFER)
		return r->cap;
	len = syscall(SYS_recvfrom, call->fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT, NULL,
		      NULL);
	if (len <= BUFFER)
		return BUFFER;
	return (size_t)len < r->cap ? (size_t)len : r->cap;
}

/* Receives the first datagram; its bytes are in worker->buf. Returns its whole length. */
static ssize_t take(struct fl_call *call, struct receiving *r)
{
	struct fl_worker *worker = call->worker;
	size_t want = room_for_first(call, r);
	struct iovec iov;
	ssize_t len;

	if (fl_worker_reserve(worker, want ? want : 1))
		return -ENOMEM;
	iov = (struct iovec){ worker->buf, want };
	r->msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	if (r->wants_name) {
		r->msg.msg_name = &r->name;
		r->msg.msg_namelen = sizeof(r->name);
	}
	if (r->wants_control) {
		r->msg.msg_control = r->control;
		r->msg.msg_controllen =
			r->control_room < CONTROL_MAX ? r->control_room : CONTROL_MAX;
	}
	len = fl_nlsock_recv(&call->sock, &r->msg,
			     (r->flags & ~(MSG_WAITALL | MSG_WAITFORONE)) | MSG_TRUNC |
				     MSG_DONTWAIT);
	r->msg.msg_iov = NULL;
	return len;
}

/* The length that the program is told. */
static int64_t told_len(const struct receiving *r, size_t len)
{
	return r->flags & MSG_TRUNC || len < r->cap ? (int64_t)len : (int64_t)r->cap;
}

static bool must_not_wait(const struct fl_call *call, const struct receiving *r)
{
	return r->flags & MSG_DONTWAIT || fcntl(call->fd, F_GETFL) & O_NONBLOCK;
}

/* Receives one, waiting for it if the program would. Returns its length. */
static ssize_t take_wait(struct fl_call *call, struct receiving *r)
{
	ssize_t len;

	fl_nlsock_note_rcvmax(&call->sock, r->cap);
	len = __atomic_exchange_n(&call->entry->error, 0, __ATOMIC_RELAXED);
	if (len)
		return len;
	for (;;) {
		int err;

		if (pthread_mutex_trylock(&call->entry->receiving)) {
			fl_worker_before_wait(call->worker);
			pthread_mutex_lock(&call->entry->receiving);
		}
		len = take(call, r);
		pthread_mutex_unlock(&call->entry->receiving);
		if (len != -EAGAIN || must_not_wait(call, r))
			return len;
		__atomic_add_fetch(&call->entry->waiting, 1, __ATOMIC_RELAXED);
		err = fl_call_wait_readable(call, &r->deadline);
		__atomic_sub_fetch(&call->entry->waiting, 1, __ATOMIC_RELAXED);
		if (err)
			return err;
	}
}

static void put_out(struct receiving *r, uint64_t to, const void *from, size_t len)
{
	r->out[r->outs++] = (struct fl_call_out){ to, from, len };
}

/* The bytes, to where the program wants them: now, or if they are in one piece with the rest. */
static int put_data(const struct fl_call *call, struct receiving *r, size_t len)
{
	const struct iovec *iov = call->worker->iov;

	if (len > r->cap)
		len = r->cap;
	if (r->iov_count > 1)
		return fl_call_write_iov(call, iov, r->iov_count, call->worker->buf, len);
	if (len)
		put_out(r, (uint64_t)iov->iov_base, call->worker->buf, len);
	return 0;
}

/* Receives one; put_rest() tells the program more than the bytes. */
static int64_t receive(struct fl_call *call, struct receiving *r,
		       int (*put_rest)(struct fl_call *call, struct receiving *r))
{
	ssize_t len;
	int err;

	r->deadline = -1;
	len = take_wait(call, r);
	if (len < 0)
		return len == -ESRCH ? FL_CALL_GONE : len;
	err = put_data(call, r, len);
	err = err ?: put_rest(call, r);
	err = err ?: fl_call_write_all(call, r->out, r->outs);
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return told_len(r, len);
}

/* ---- the calls -------------------------------------------------------------------- */

static int one_piece(struct fl_call *call, struct receiving *r, uint64_t addr, uint64_t len)
{
	size_t total;
	int err = fl_call_import_iov(call, 0, 0, 0, &total); /* makes the room */

	if (err)
		return err;
	if (!fl_call_in_user_half(addr, len))
		return -EFAULT;
	call->worker->iov[0] = (struct iovec){ (void *)addr, len };
	r->iov_count = 1;
	r->cap = len;
	return 0;
}

static int put_nothing(struct fl_call *call, struct receiving *r)
{
	return 0;
}

/* A name at args[4], its room at args[5]. */
static int put_from(struct fl_call *call, struct receiving *r)
{
	int room, len = (int)r->msg.msg_namelen, err;

	if (!r->wants_name)
		return 0;
	err = fl_call_glance(call, call->args[5], &room, sizeof(room));
	if (err)
		return err;
	if (room < 0)
		return -EINVAL;
	put_out(r, call->args[4], &r->name, room < len ? room : len);
	put_out(r, call->args[5], &r->msg.msg_namelen, sizeof(r->msg.msg_namelen));
	return 0;
}

int64_t fl_call_recvfrom(struct fl_call *call)
{
	struct receiving r = { .flags = (int)call->args[3], .wants_name = call->args[4] != 0 };
	int err = one_piece(call, &r, call->args[1], call->args[2]);

	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return receive(call, &r, put_from);
}

int64_t fl_call_read_one(struct fl_call *call)
{
	struct receiving r = { .flags = 0 };
	int err = one_piece(call, &r, call->args[1], call->args[2]);

	if (err)
		return err;
	/* Of a socket, read() of nothing receives nothing. */
	return r.cap ? receive(call, &r, put_nothing) : 0;
}

int64_t fl_call_readv(struct fl_call *call)
{
	struct receiving r = { .flags = 0, .iov_count = call->args[2] };
	int err = fl_call_import_iov(call, call->args[1], call->args[2], -EINVAL, &r.cap);

	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return r.cap ? receive(call, &r, put_nothing) : 0;
}

/* With an offset that says "none" it is readv(); a socket has no other. */
int64_t fl_call_preadv(struct fl_call *call)
{
	if ((int64_t)call->args[3] != -1)
		return FL_CALL_CONTINUE;
	return call->args[5] ? -EOPNOTSUPP : fl_call_readv(call);
}

/* ---- recvmsg, recvmmsg ------------------------------------------------------------ */

/* Reads the program's msghdr at addr. */
static int read_msghdr(struct fl_call *call, uint64_t addr, struct msghdr *ret_user,
		       struct receiving *r)
{
	int err = fl_call_glance(call, addr, ret_user, sizeof(*ret_user));

	if (!err && ret_user->msg_name && (int)ret_user->msg_namelen < 0)
		err = -EINVAL;
	if (err)
		return err;
	r->iov_count = ret_user->msg_iovlen;
	r->wants_name = ret_user->msg_name;
	r->wants_control = ret_user->msg_control;
	r->control_room = r->wants_control ? ret_user->msg_controllen : 0;
	return fl_call_import_iov(call, (uint64_t)ret_user->msg_iov, ret_user->msg_iovlen,
				  -EMSGSIZE, &r->cap);
}

/* What recvmsg() returns beside the data. */
static void put_msghdr(uint64_t addr, const struct msghdr *user, struct receiving *r)
{
	int len = (int)r->msg.msg_namelen, room = (int)user->msg_namelen;

	if (r->wants_name) {
		put_out(r, (uint64_t)user->msg_name, &r->name, room < len ? room : len);
		put_out(r, addr + offsetof(struct msghdr, msg_namelen), &r->msg.msg_namelen,
			sizeof(r->msg.msg_namelen));
	}
	put_out(r, (uint64_t)user->msg_control, r->control, r->msg.msg_controllen);
	put_out(r, addr + offsetof(struct msghdr, msg_flags), &r->msg.msg_flags,
		sizeof(r->msg.msg_flags));
	put_out(r, addr + offsetof(struct msghdr, msg_controllen), &r->msg.msg_controllen,
		sizeof(r->msg.msg_controllen));
}

/* The program's msghdr beside struct receiving. */
struct receiving_msg {
	struct receiving r;
	struct msghdr user;
	uint64_t addr;
};

static int put_back(struct fl_call *call, struct receiving *r)
{
	const struct receiving_msg *m = FL_CONTAINER_OF(r, struct receiving_msg, r);

	put_msghdr(m->addr, &m->user, r);
	return 0;
}

int64_t fl_call_recvmsg(struct fl_call *call)
{
	struct receiving_msg m = { .addr = call->args[1] };
	int err;

	m.r.flags = (int)call->args[2];
	err = read_msghdr(call, m.addr, &m.user, &m.r);
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return receive(call, &m.r, put_back);
}

/* One of several: into m->addr, with its length. */
static int receive_one_of(struct fl_call *call, struct receiving_msg *m)
{
	int err = read_msghdr(call, m->addr, &m->user, &m->r);
	int64_t result;
	uint32_t len;

	if (err)
		return err;
	result = receive(call, &m->r, put_back);
	if (result < 0 || result == FL_CALL_GONE)
		return result < 0 ? (int)result : -ESRCH;
	len = (uint32_t)result;
	return fl_call_write(call, m->addr + offsetof(struct mmsghdr, msg_len), &len, sizeof(len));
}

/* UINT64_MAX: none. */
static int read_timeout(struct fl_call *call, uint64_t *ret_until_ns)
{
	struct timespec timeout;
	int err;

	*ret_until_ns = UINT64_MAX;
	if (!call->args[4])
		return 0;
	err = fl_call_read(call, call->args[4], &timeout, sizeof(timeout));
	if (err)
		return err;
	if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec >= (long)FL_NS_PER_S)
		return -EINVAL;
	if (timeout.tv_sec < INT32_MAX)
		*ret_until_ns = fl_now_ns() + (uint64_t)timeout.tv_sec * FL_NS_PER_S +
				(uint64_t)timeout.tv_nsec;
	return 0;
}

int64_t fl_call_recvmmsg(struct fl_call *call)
{
	unsigned int count = (unsigned int)call->args[2], got = 0;
	int flags = (int)call->args[3], err;
	uint64_t until_ns;

	if (count > FL_CALL_IOV)
		count = FL_CALL_IOV;
	err = read_timeout(call, &until_ns);
	while (!err && got < count) {
		struct receiving_msg m = { .addr = call->args[1] + got * sizeof(struct mmsghdr) };

		m.r.flags = flags & ~MSG_WAITFORONE;
		err = receive_one_of(call, &m);
		if (err)
			break;
		got++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (fl_now_ns() >= until_ns)
			break;
	}
	if (err == -ESRCH)
		return FL_CALL_GONE;
	/* What came counts now, what ended it next time. */
	if (got && err && err != -EAGAIN && err != FL_CALL_RESTART && err != -EINTR)
		__atomic_store_n(&call->entry->error, err, __ATOMIC_RELAXED);
	return got ? (int64_t)got : err;
}
