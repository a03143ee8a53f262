// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * call-recv.c - calls that receive.
 *
 * A datagram is looked at, written to the program and acknowledged to it, and only then
 * taken off the queue: a signal that comes in between loses nothing. recvmmsg() has to take
 * what it got before its last one; that is put back if the program has gone off.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"
#include "base/util.h"

#define BUFFER 32768   /* what datagrams mostly fit into */
#define CONTROL_MAX 256 /* more than there ever is */
#define LOOK_MS 200    /* how often who waits looks whether the program still does */

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
};

/* ---- what was taken off the queue for a call that then was interrupted -------------- */

ssize_t fl_call_recvmsg_taken(const struct fl_nlsock *sock, struct msghdr *msg, int flags)
{
	const struct fl_call *call = FL_CONTAINER_OF(sock, struct fl_call, sock);
	const struct fl_taken *taken = call->entry->taken;
	size_t at = 0;

	if (!taken)
		return recvmsg(sock->fd, msg, flags);
	for (size_t i = 0; i < msg->msg_iovlen && at < taken->len; i++) {
		size_t part = taken->len - at;

		if (part > msg->msg_iov[i].iov_len)
			part = msg->msg_iov[i].iov_len;
		if (part)
			memcpy(msg->msg_iov[i].iov_base, taken->data + at, part);
		at += part;
	}
	msg->msg_flags = at < taken->len ? MSG_TRUNC : 0;
	msg->msg_controllen = 0;
	return flags & MSG_TRUNC ? (ssize_t)taken->len : (ssize_t)at;
}

/* Takes the first datagram for good. */
static void drop_first(struct fl_call *call)
{
	struct fl_taken *taken = call->entry->taken;
	char byte;

	if (taken) {
		call->entry->taken = taken->next;
		free(taken);
	} else {
		syscall(SYS_recvfrom, call->fd, &byte, sizeof(byte), MSG_DONTWAIT, NULL, NULL);
	}
}

/* Takes the first datagram, whose bytes are known, so that it can be put back. */
static struct fl_taken *take_first(struct fl_call *call, size_t len)
{
	struct fl_taken *taken = call->entry->taken;

	if (taken) {
		call->entry->taken = taken->next;
		taken->next = NULL;
		return taken;
	}
	taken = calloc(1, sizeof(*taken) + len);
	if (!taken)
		return NULL;
	taken->len = len;
	if (syscall(SYS_recvfrom, call->fd, taken->data, len, MSG_DONTWAIT, NULL, NULL) < 0) {
		free(taken);
		return NULL;
	}
	return taken;
}

/* ---- one datagram ----------------------------------------------------------------- */

/* Looks at the first datagram; its bytes are in worker->buf. Returns its whole length. */
static ssize_t peek(struct fl_call *call, struct receiving *r)
{
	struct fl_worker *worker = call->worker;
	size_t want = r->cap < BUFFER ? r->cap : BUFFER;

	for (;;) {
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
				     (r->flags & ~(MSG_WAITALL | MSG_WAITFORONE)) | MSG_PEEK |
					     MSG_TRUNC | MSG_DONTWAIT);
		r->msg.msg_iov = NULL;
		if (len <= (ssize_t)want || want == r->cap)
			return len;
		want = (size_t)len < r->cap ? (size_t)len : r->cap;
	}
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

static void find_deadline(const struct fl_call *call, struct receiving *r)
{
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);

	r->deadline = 0;
	if (getsockopt(call->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &len))
		return;
	if (timeout.tv_sec || timeout.tv_usec)
		r->deadline = (int64_t)(fl_now_ns() + (uint64_t)timeout.tv_sec * FL_NS_PER_S +
					(uint64_t)timeout.tv_usec * FL_NS_PER_US);
}

/* How long to sleep until the next look, ns; 0: the deadline has passed. */
static int64_t next_look(const struct fl_call *call, const struct receiving *r)
{
	unsigned int workers = __atomic_load_n(&call->sup->total, __ATOMIC_RELAXED);
	int64_t look = (int64_t)((LOOK_MS + workers / 8) * FL_NS_PER_MS);

	if (r->deadline) {
		int64_t left = r->deadline - (int64_t)fl_now_ns();

		if (left < look)
			return left > 0 ? left : 0;
	}
	return look;
}

/* Waits until something may be there: 0; -EAGAIN: the deadline; FL_CALL_GONE as -ESRCH. */
static int wait_cancellable(struct fl_call *call, const struct receiving *r, int cancel)
{
	struct pollfd fds[3] = { { call->fd, POLLIN, 0 },
				 { cancel, POLLIN, 0 },
				 { call->target->pidfd, POLLIN, 0 } };

	for (;;) {
		int64_t sleep_ns = next_look(call, r);
		struct timespec left = { sleep_ns / (int64_t)FL_NS_PER_S,
					 sleep_ns % (int64_t)FL_NS_PER_S };
		int got;

		if (!sleep_ns)
			return -EAGAIN;
		got = ppoll(fds, 3, &left, NULL);
		if (fds[1].revents || fds[2].revents || !fl_call_valid(call))
			return -ESRCH;
		if (got > 0)
			return 0;
	}
}

static int wait_readable(struct fl_call *call, struct receiving *r)
{
	struct fl_worker *worker = call->worker;
	uint64_t count;
	int err;

	if (r->deadline < 0)
		find_deadline(call, r);
	if (!fl_worker_may_wait(call->sup))
		return -ENOBUFS;
	if (worker->cancel < 0)
		worker->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->cancel < 0)
		return -ENOBUFS;
	err = fl_once_wait_begin(call, worker->cancel);
	if (err)
		return err;
	err = wait_cancellable(call, r, worker->cancel);
	fl_once_wait_end(call);
	/* Whoever cancels does so before the end of the wait. */
	if (read(worker->cancel, &count, sizeof(count)) == sizeof(count))
		err = -ESRCH;
	return err;
}

/* Looks until there is one; then with entry->receiving held. Returns its length; an error
 * comes without the lock. */
static ssize_t peek_wait(struct fl_call *call, struct receiving *r)
{
	ssize_t len;

	fl_nlsock_note_rcvmax(&call->sock, r->cap);
	for (;;) {
		int err;

		pthread_mutex_lock(&call->entry->receiving);
		len = peek(call, r);
		if (len >= 0)
			return len;
		pthread_mutex_unlock(&call->entry->receiving);
		if (len != -EAGAIN || must_not_wait(call, r))
			return len;
		err = wait_readable(call, r);
		if (err)
			return err;
	}
}

/* The bytes, to where the program wants them. */
static int write_data(const struct fl_call *call, const struct receiving *r, size_t len)
{
	if (len > r->cap)
		len = r->cap;
	return fl_call_write_iov(call, call->worker->iov, r->iov_count, call->worker->buf, len);
}

/* An error may be told only once: it has been cleared. */
static int64_t tell_error(struct fl_call *call, int64_t err)
{
	if (err == -ESRCH)
		return FL_CALL_GONE;
	if (err == -ENOBUFS && fl_call_reply(call, err))
		fl_nlsock_set(&call->sock, FL_NLSOCK_OVERRUN);
	return err == -ENOBUFS ? FL_CALL_REPLIED : err;
}

/* Receives one; write(call, r, len) tells the program about it. */
static int64_t receive(struct fl_call *call, struct receiving *r,
		       int (*write_rest)(struct fl_call *call, struct receiving *r))
{
	int64_t result;
	ssize_t len;
	int err;

	r->deadline = -1;
	len = peek_wait(call, r);
	if (len < 0)
		return tell_error(call, len);
	err = write_data(call, r, len);
	if (!err)
		err = write_rest(call, r);
	result = err ? err : told_len(r, len);
	if (err == -ESRCH) {
		result = FL_CALL_GONE;
	} else {
		if (!fl_call_reply(call, result) && !(r->flags & MSG_PEEK))
			drop_first(call);
		result = FL_CALL_REPLIED;
	}
	pthread_mutex_unlock(&call->entry->receiving);
	return result;
}

/* ---- the calls -------------------------------------------------------------------- */

static int one_piece(struct fl_call *call, struct receiving *r, uint64_t addr, uint64_t len)
{
	size_t total;
	int err = fl_call_import_iov(call, 0, 0, 0, &total); /* makes the room */

	if (err)
		return err;
	if (len > SSIZE_MAX)
		return -EFAULT;
	call->worker->iov[0] = (struct iovec){ (void *)addr, len };
	r->iov_count = 1;
	r->cap = len;
	return 0;
}

static int write_nothing(struct fl_call *call, struct receiving *r)
{
	return 0;
}

/* A name at args[4], its room at args[5]. */
static int write_from(struct fl_call *call, struct receiving *r)
{
	int room, len = r->msg.msg_namelen, err;

	if (!r->wants_name)
		return 0;
	err = fl_call_read(call, call->args[5], &room, sizeof(room));
	if (err)
		return err;
	if (room < 0)
		return -EINVAL;
	err = fl_call_write(call, call->args[4], &r->name, room < len ? room : len);
	return err ? err : fl_call_write(call, call->args[5], &len, sizeof(len));
}

int64_t fl_call_recvfrom(struct fl_call *call)
{
	struct receiving r = { .flags = (int)call->args[3], .wants_name = call->args[4] != 0 };
	int err = one_piece(call, &r, call->args[1], call->args[2]), room;

	fl_once_other(call);
	if (!err && r.wants_name) {
		/* Before it waits, as inside the program; the kernel finds it only afterwards. */
		err = fl_call_read(call, call->args[5], &room, sizeof(room));
		if (!err && room < 0)
			err = -EINVAL;
	}
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return receive(call, &r, write_from);
}

int64_t fl_call_read_one(struct fl_call *call)
{
	struct receiving r = { .flags = 0 };
	int err = one_piece(call, &r, call->args[1], call->args[2]);

	fl_once_other(call);
	if (err)
		return err;
	/* Of a socket, read() of nothing receives nothing. */
	return r.cap ? receive(call, &r, write_nothing) : 0;
}

int64_t fl_call_readv(struct fl_call *call)
{
	struct receiving r = { .flags = 0, .iov_count = call->args[2] };
	int err = fl_call_import_iov(call, call->args[1], call->args[2], -EINVAL, &r.cap);

	fl_once_other(call);
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return r.cap ? receive(call, &r, write_nothing) : 0;
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
	int err = fl_call_read(call, addr, ret_user, sizeof(*ret_user));

	if (!err && ret_user->msg_name && (int)ret_user->msg_namelen < 0)
		err = -EINVAL;
	if (err)
		return err;
	r->iov_count = ret_user->msg_iovlen;
	r->wants_name = ret_user->msg_name;
	r->wants_control = ret_user->msg_control;
	r->control_room = r->wants_control ? ret_user->msg_controllen : 0;
	return fl_call_import_iov(call, (uint64_t)ret_user->msg_iov, ret_user->msg_iovlen, -EMSGSIZE,
				  &r->cap);
}

/* Writes back what recvmsg() returns beside the data. */
static int write_msghdr(struct fl_call *call, uint64_t addr, const struct msghdr *user,
			const struct receiving *r)
{
	int len = r->msg.msg_namelen, room = (int)user->msg_namelen, err = 0;

	if (r->wants_name) {
		err = fl_call_write(call, (uint64_t)user->msg_name, &r->name, room < len ? room : len);
		if (!err)
			err = fl_call_write(call, addr + offsetof(struct msghdr, msg_namelen), &len,
					    sizeof(len));
	}
	if (!err && r->msg.msg_controllen)
		err = fl_call_write(call, (uint64_t)user->msg_control, r->control,
				    r->msg.msg_controllen);
	if (!err)
		err = fl_call_write(call, addr + offsetof(struct msghdr, msg_flags),
				    &r->msg.msg_flags, sizeof(r->msg.msg_flags));
	if (!err)
		err = fl_call_write(call, addr + offsetof(struct msghdr, msg_controllen),
				    &r->msg.msg_controllen, sizeof(r->msg.msg_controllen));
	return err;
}

/* The program's msghdr beside struct receiving. */
struct receiving_msg {
	struct receiving r;
	struct msghdr user;
	uint64_t addr;
};

static int write_back(struct fl_call *call, struct receiving *r)
{
	const struct receiving_msg *m = FL_CONTAINER_OF(r, struct receiving_msg, r);

	return write_msghdr(call, m->addr, &m->user, r);
}

int64_t fl_call_recvmsg(struct fl_call *call)
{
	struct receiving_msg m = { .addr = call->args[1] };
	int err;

	fl_once_other(call);
	m.r.flags = (int)call->args[2];
	err = read_msghdr(call, m.addr, &m.user, &m.r);
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return receive(call, &m.r, write_back);
}

/* Puts back what was taken, in its order before what else is there. */
static void put_back(struct fl_call *call, struct fl_taken *first)
{
	struct fl_taken **end = &first;

	pthread_mutex_lock(&call->entry->receiving);
	while (*end)
		end = &(*end)->next;
	*end = call->entry->taken;
	call->entry->taken = first;
	pthread_mutex_unlock(&call->entry->receiving);
}

static void free_taken(struct fl_taken *taken)
{
	while (taken) {
		struct fl_taken *next = taken->next;

		free(taken);
		taken = next;
	}
}

/* One of several: written to the program and taken. Returns 0 or an error. */
static int receive_one_of(struct fl_call *call, struct receiving_msg *m, uint32_t *ret_len,
			  struct fl_taken **ret_taken)
{
	struct fl_taken *taken = NULL;
	ssize_t len;
	int err = read_msghdr(call, m->addr, &m->user, &m->r);

	if (err)
		return err;
	len = peek_wait(call, &m->r);
	if (len < 0)
		return (int)len;
	err = write_data(call, &m->r, len);
	if (!err)
		err = write_msghdr(call, m->addr, &m->user, &m->r);
	if (err != -ESRCH && !(m->r.flags & MSG_PEEK))
		taken = take_first(call, len);
	pthread_mutex_unlock(&call->entry->receiving);
	*ret_len = (uint32_t)told_len(&m->r, len);
	*ret_taken = taken;
	return err;
}

/* What recvmmsg() has got so far. */
struct batch {
	uint64_t vec, timeout_addr;
	unsigned int count, got;
	int flags;
	uint64_t until_ns; /* 0: no timeout */
	struct fl_taken *first, **end;
};

static int receive_batch(struct fl_call *call, struct batch *b)
{
	struct receiving_msg m;
	int err = 0;

	while (b->got < b->count) {
		struct fl_taken *taken = NULL;
		uint32_t len;

		m = (struct receiving_msg){ .addr = b->vec + b->got * sizeof(struct mmsghdr) };
		m.r.flags = b->flags & ~MSG_WAITFORONE;
		m.r.deadline = -1;
		err = receive_one_of(call, &m, &len, &taken);
		if (taken) {
			*b->end = taken;
			b->end = &taken->next;
		}
		if (!err)
			err = fl_call_write(call, m.addr + offsetof(struct mmsghdr, msg_len), &len,
					    sizeof(len));
		if (err)
			break;
		b->got++;
		if (b->flags & MSG_WAITFORONE)
			b->flags |= MSG_DONTWAIT;
		if (b->until_ns && fl_now_ns() >= b->until_ns)
			break;
	}
	return err;
}

static int read_timeout(struct fl_call *call, struct batch *b)
{
	struct timespec timeout;
	int err;

	if (!call->args[4])
		return 0;
	err = fl_call_read(call, call->args[4], &timeout, sizeof(timeout));
	if (err)
		return err;
	if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec >= (long)FL_NS_PER_S)
		return -EINVAL;
	b->until_ns = timeout.tv_sec > INT32_MAX ?
			      UINT64_MAX :
			      fl_now_ns() + (uint64_t)timeout.tv_sec * FL_NS_PER_S +
				      (uint64_t)timeout.tv_nsec;
	return 0;
}

int64_t fl_call_recvmmsg(struct fl_call *call)
{
	struct batch b = { .vec = call->args[1],
			   .count = (unsigned int)call->args[2],
			   .flags = (int)call->args[3] };
	int64_t result;
	int err;

	fl_once_other(call);
	b.end = &b.first;
	if (b.count > FL_CALL_IOV)
		b.count = FL_CALL_IOV;
	err = read_timeout(call, &b);
	if (!err)
		err = receive_batch(call, &b);
	/* What came counts now, the loss of notifications next time. */
	if (b.got && err == -ENOBUFS)
		fl_nlsock_set(&call->sock, FL_NLSOCK_OVERRUN);
	if (err != -ESRCH) {
		result = b.got ? (int64_t)b.got : err;
		if (!b.got && err == -ENOBUFS)
			return tell_error(call, err);
		if (!fl_call_reply(call, result)) {
			free_taken(b.first);
			return FL_CALL_REPLIED;
		}
	}
	put_back(call, b.first);
	return FL_CALL_GONE;
}
