// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * call-send.c - calls that send.
 *
 * poll() and epoll on the socket do not come here, so whatever was sent is answered before
 * the call returns: by a token, or for one read alone by looking for its answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"
#include "base/util.h"

#define SPIN_NS (20 * FL_NS_PER_US)
#define CONTROL_MAX 131072	     /* net.core.optmem_max */
#define SOON_NS (300 * FL_NS_PER_US) /* without another to take calls meanwhile */
#define WAIT_MS 10		     /* for the answer to a read; after that the plane is asked */

struct sending {
	struct msghdr msg;
	int flags;
};

/* Reads `total` bytes of worker->iov, and sends them. */
static int64_t send_payload(struct fl_call *call, struct sending *s, size_t count, size_t total)
{
	struct fl_worker *worker = call->worker;
	struct iovec iov;
	int err = fl_nlsock_check_send(&s->msg, total, s->flags);

	s->msg.msg_control = NULL;
	s->msg.msg_controllen = 0;
	err = err ?: fl_worker_reserve(worker, total);
	err = err ?: fl_call_read_iov(call, worker->iov, count, worker->buf, total);
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	iov = (struct iovec){ worker->buf, total };
	s->msg.msg_iov = &iov;
	s->msg.msg_iovlen = 1;
	return fl_nlsock_send(&call->sock, &s->msg, s->flags);
}

/* One piece at the program's address. */
static int64_t send_buffer(struct fl_call *call, uint64_t addr, uint64_t len, struct sending *s)
{
	size_t total;
	int err = fl_call_import_iov(call, 0, 0, 0, &total); /* makes the room */

	if (err)
		return err;
	if (!fl_call_in_user_half(addr, len))
		return -EFAULT;
	call->worker->iov[0] = (struct iovec){ (void *)addr, len };
	return send_payload(call, s, 1, len);
}

static int read_name(const struct fl_call *call, uint64_t addr, int64_t len, bool cut,
		     struct sockaddr_storage *name, struct sending *s)
{
	if (!addr)
		return 0;
	if (len < 0 || (!cut && (size_t)len > sizeof(*name)))
		return -EINVAL;
	if ((size_t)len > sizeof(*name))
		len = sizeof(*name);
	s->msg.msg_name = name;
	s->msg.msg_namelen = len;
	return len ? fl_call_glance(call, addr, name, len) : 0;
}

int64_t fl_call_sendto(struct fl_call *call)
{
	struct sending s = { .flags = (int)call->args[3] };
	struct sockaddr_storage name;
	int err = read_name(call, call->args[4], (int)call->args[5], false, &name, &s);

	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return send_buffer(call, call->args[1], call->args[2], &s);
}

int64_t fl_call_write_one(struct fl_call *call)
{
	struct sending s = { .flags = 0 };

	return send_buffer(call, call->args[1], call->args[2], &s);
}

int64_t fl_call_writev(struct fl_call *call)
{
	struct sending s = { .flags = 0 };
	size_t total;
	int err = fl_call_import_iov(call, call->args[1], call->args[2], -EINVAL, &total);

	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	if (!total)
		return 0; /* nothing is written to a file in no call at all */
	return send_payload(call, &s, call->args[2], total);
}

/* With an offset that says "none" it is writev(); a socket has no other. */
int64_t fl_call_pwritev(struct fl_call *call)
{
	if ((int64_t)call->args[3] != -1)
		return FL_CALL_CONTINUE;
	return call->args[5] ? -EOPNOTSUPP : fl_call_writev(call);
}

/* The kernel copies it and, for netlink, looks at its form only. */
static int read_control(const struct fl_call *call, const struct msghdr *user, struct sending *s)
{
	int err;

	if (!user->msg_controllen)
		return 0;
	if (user->msg_controllen > CONTROL_MAX)
		return -ENOBUFS;
	err = fl_worker_reserve(call->worker, user->msg_controllen);
	if (err)
		return err;
	s->msg.msg_control = call->worker->buf; /* until the payload comes */
	s->msg.msg_controllen = user->msg_controllen;
	return fl_call_glance(call, (uint64_t)user->msg_control, call->worker->buf,
			      user->msg_controllen);
}

static int64_t send_msg(struct fl_call *call, uint64_t addr, int flags)
{
	struct sockaddr_storage name;
	struct sending s = { .flags = flags };
	struct msghdr user;
	size_t total;
	int err = fl_call_glance(call, addr, &user, sizeof(user));

	err = err
		      ?: read_name(call, (uint64_t)user.msg_name, (int)user.msg_namelen, true,
				   &name, &s);
	err = err
		      ?: fl_call_import_iov(call, (uint64_t)user.msg_iov, user.msg_iovlen,
					    -EMSGSIZE, &total);
	err = err ?: read_control(call, &user, &s);
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	return send_payload(call, &s, user.msg_iovlen, total);
}

int64_t fl_call_sendmsg(struct fl_call *call)
{
	return send_msg(call, call->args[1], (int)call->args[2]);
}

int64_t fl_call_sendmmsg(struct fl_call *call)
{
	unsigned int count = (unsigned int)call->args[2], sent = 0;
	int64_t result = 0;

	if (count > FL_CALL_IOV)
		count = FL_CALL_IOV;
	for (; sent < count; sent++) {
		uint64_t at = call->args[1] + sent * sizeof(struct mmsghdr);
		uint32_t len;

		result = send_msg(call, at, (int)call->args[3]);
		if (result < 0 || result == FL_CALL_GONE)
			break;
		len = (uint32_t)result;
		result = fl_call_write(call, at + offsetof(struct mmsghdr, msg_len), &len,
				       sizeof(len));
		if (result < 0)
			break;
	}
	return sent ? sent : result;
}

/* ---- how nlsock sends out here ---------------------------------------------------- */

static const struct fl_call *call_of(const struct fl_nlsock *sock)
{
	return FL_CONTAINER_OF(sock, struct fl_call, sock);
}

static bool sends_read(const struct fl_nlsock *sock, int flags, const struct nlmsghdr *single)
{
	/* A receive that waits would take the answer away before it is seen here. */
	return single && single->nlmsg_flags & NLM_F_REQUEST &&
	       !__atomic_load_n(&call_of(sock)->entry->waiting, __ATOMIC_RELAXED);
}

/* Whether the queue holds the whole answer: the first datagram is to the asker, and if an
 * acknowledgement was asked for it is that, or another is behind it. -EAGAIN: not yet. False
 * if something else comes first. */
static int is_answered(int fd, const struct nlmsghdr *single)
{
	struct nlmsghdr head;
	long len = syscall(SYS_recvfrom, fd, &head, sizeof(head),
			   MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT, NULL, NULL);
	int queued = 0;

	if (len < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (len < (long)sizeof(head) || !head.nlmsg_pid || head.nlmsg_seq != single->nlmsg_seq)
		return false;
	if (head.nlmsg_type == NLMSG_ERROR || !(single->nlmsg_flags & NLM_F_ACK))
		return true;
	return !ioctl(fd, FIONREAD, &queued) && queued > len ? true : -EAGAIN;
}

/* Looks for a moment, since an answer takes less time than to sleep and wake for it. */
static int spin(int fd, const struct nlmsghdr *single)
{
	uint64_t until = fl_now_ns() + SPIN_NS;
	int answered;

	do {
		answered = is_answered(fd, single);
	} while (answered == -EAGAIN && fl_now_ns() < until);
	return answered;
}

static void sent_read(const struct fl_nlsock *sock, const struct nlmsghdr *single)
{
	static const struct timespec soon = { .tv_nsec = SOON_NS };
	struct fl_wire_hdr hdr = { .kind = FL_WIRE_NAME };
	struct pollfd pfd = { sock->fd, POLLIN, 0 };
	struct fl_wire_reply reply;
	int answered = spin(sock->fd, single);

	/* To wake another to take calls costs more than most answers take. */
	if (answered == -EAGAIN && ppoll(&pfd, 1, &soon, NULL) > 0)
		answered = spin(sock->fd, single);
	if (answered == -EAGAIN) {
		fl_worker_before_wait(call_of(sock)->worker);
		if (poll(&pfd, 1, WAIT_MS) > 0)
			answered = spin(sock->fd, single);
	}
	if (answered <= 0)
		fl_nlsock_call(sock, &hdr, NULL, 0, -1, 0, &reply);
}

static int open_netns_fd(const struct fl_nlsock *sock, uint32_t fd)
{
	int got = fl_target_getfd(call_of(sock)->target, (int)fd);

	return got < 0 ? -1 : got;
}

static int open_netns_pid(const struct fl_nlsock *sock, uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/proc/%u/ns/net", (int)call_of(sock)->tid, pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static ssize_t plain_recvmsg(const struct fl_nlsock *sock, struct msghdr *msg, int flags)
{
	return recvmsg(sock->fd, msg, flags);
}

static int before_wait(const struct fl_nlsock *sock)
{
	return fl_worker_before_wait(call_of(sock)->worker);
}

static bool lingers(const struct fl_nlsock *sock)
{
	return false;
}

const struct fl_nlsock_ops fl_call_nlsock_ops = {
	.open_netns_fd = open_netns_fd,
	.open_netns_pid = open_netns_pid,
	.sends_read = sends_read,
	.sent_read = sent_read,
	.recvmsg = plain_recvmsg,
	.before_wait = before_wait,
	.lingers = lingers,
};
