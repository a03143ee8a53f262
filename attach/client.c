// SPDX-License-Identifier: LGPL-2.1-or-later
/* client.c - a session with a plane: opening, sending, receiving, and its plain calls. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/client-private.h"
#include "attach/wire.h"
#include "base/die.h"
#include "base/util.h"

/* The largest JSON text that a plane may give; a bound against a wrong peer. */
#define INSPECT_MAX (1L << 30)

int fl_link_send_packet(struct fl_link *link, enum fl_wire_kind kind, const uint32_t arg[2],
			const void *payload, size_t len, const struct fl_link_fds *fds)
{
	struct fl_wire_hdr hdr = {
		.version = FL_WIRE_VERSION,
		.kind = kind,
		.flags = fds->flags,
		.rcvmax = link->rcvmax,
		.arg0 = arg ? arg[0] : 0,
		.arg1 = arg ? arg[1] : 0,
	};
	struct iovec iov[2] = { { &hdr, sizeof(hdr) }, { (void *)payload, len } };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(fds->fd))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };

	if (len > FL_WIRE_MSG_MAX)
		return -EMSGSIZE;
	if (fds->count) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(fds->count * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds->count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds->fd, fds->count * sizeof(int));
	}
	while (sendmsg(link->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EPIPE)
			return -ECONNRESET;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int fl_link_send(struct fl_link *link, const void *msg, size_t len, int netns_fd)
{
	struct fl_link_fds fds = { 0 };

	if (netns_fd >= 0) {
		fds.flags = FL_WIRE_F_NETNS;
		fds.fd[fds.count++] = netns_fd;
	}
	return fl_link_send_packet(link, FL_WIRE_NETLINK, NULL, msg, len, &fds);
}

int fl_link_set(struct fl_link *link, uint32_t option, uint32_t value)
{
	const struct fl_link_fds none = { 0 };

	return fl_link_send_packet(link, FL_WIRE_SETOPT, (uint32_t[]){ option, value }, NULL, 0,
				   &none);
}

ssize_t fl_link_recv(struct fl_link *link, void *buf, size_t cap)
{
	const struct nlmsghdr *nlh = buf;
	ssize_t len;

	if (cap > link->rcvmax)
		link->rcvmax = cap < UINT32_MAX ? cap : UINT32_MAX;
	do {
		len = recv(link->fd, buf, cap, MSG_DONTWAIT | MSG_TRUNC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	if (len == 0)
		return -ECONNRESET;
	if ((size_t)len > cap)
		return -EMSGSIZE;
	if (len == NLMSG_HDRLEN && nlh->nlmsg_type == FL_WIRE_OVERRUN)
		return -ENOBUFS;
	return len;
}

int64_t fl_link_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : (int64_t)(fl_now_ns() + timeout_ms * FL_NS_PER_MS);
}

int fl_link_wait(struct pollfd *fds, unsigned int count, int64_t deadline)
{
	for (;;) {
		int timeout = -1;

		if (deadline >= 0) {
			int64_t left = deadline - (int64_t)fl_now_ns();

			timeout = left > 0 ? (int)((left + FL_NS_PER_MS - 1) / FL_NS_PER_MS) : 0;
		}
		int ready = poll(fds, count, timeout);

		if (ready > 0)
			return 0;
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* A packet that is answered on a token. */
struct question {
	enum fl_wire_kind kind;
	uint32_t arg[2];
	const void *payload;
	size_t payload_len;
	int extra_fd; /* a second descriptor, or -1 */
	int timeout_ms;
	char *text; /* where text behind the reply goes, NUL-terminated, or NULL */
	size_t text_cap;
};

/* Waits for the reply on the read end of a token; it comes whole, with its text. */
static int read_token(struct fl_link *link, int token, int64_t deadline, const struct question *q,
		      struct fl_wire_reply *ret_reply)
{
	struct fl_wire_reply reply;
	struct iovec iov[2] = { { &reply, sizeof(reply) }, { q->text, 0 } };
	struct pollfd fds[2] = { { token, POLLIN, 0 }, { link->fd, 0, 0 } };
	int err = fl_link_wait(fds, 2, deadline);

	if (err)
		return err;
	if (q->text)
		iov[1].iov_len = q->text_cap - 1;
	/* The connection's end may overtake a reply that was written before it. */
	ssize_t len = readv(token, iov, q->text ? 2 : 1);
	if (len < (ssize_t)sizeof(reply))
		return -ECONNRESET;
	if (q->text)
		q->text[len - sizeof(reply)] = '\0';
	*ret_reply = reply;
	return reply.error;
}

static int send_question(struct fl_link *link, const struct question *q, struct fl_link_fds *fds,
			 int64_t deadline)
{
	for (;;) {
		struct pollfd writable = { link->fd, POLLOUT, 0 };
		int err = fl_link_send_packet(link, q->kind, q->arg, q->payload, q->payload_len,
					      fds);

		if (err == -EAGAIN)
			err = fl_link_wait(&writable, 1, deadline);
		else
			return err;
		if (err)
			return err;
	}
}

static int link_call(struct fl_link *link, const struct question *q, struct fl_wire_reply *ret_reply)
{
	int64_t deadline = fl_link_deadline(q->timeout_ms);
	struct fl_link_fds fds = { .flags = FL_WIRE_F_TOKEN };
	int token[2], err;

	if (pipe2(token, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	fds.fd[fds.count++] = token[1];
	if (q->extra_fd >= 0)
		fds.fd[fds.count++] = q->extra_fd;
	err = send_question(link, q, &fds, deadline);
	close(token[1]);
	if (!err)
		err = read_token(link, token[0], deadline, q, ret_reply);
	close(token[0]);
	return err;
}

int fl_link_bind(struct fl_link *link, uint32_t groups, int timeout_ms, uint32_t *ret_portid)
{
	struct question q = { .kind = FL_WIRE_BIND, .arg = { 0, groups }, .extra_fd = -1,
			      .timeout_ms = timeout_ms };
	struct fl_wire_reply reply;
	int err = link_call(link, &q, &reply);

	if (err)
		return err;
	*ret_portid = reply.value0;
	return 0;
}

int fl_link_cancel(struct fl_link *link, uint64_t number, int timeout_ms)
{
	struct question q = { .kind = FL_WIRE_CANCEL,
			      .arg = { (uint32_t)number, (uint32_t)(number >> 32) },
			      .extra_fd = -1,
			      .timeout_ms = timeout_ms };
	struct fl_wire_reply reply;

	return link_call(link, &q, &reply);
}

int fl_link_knob(struct fl_link *link, enum fl_wire_knob what, uint32_t skip, const char *path,
		 const char *value, int timeout_ms, char *ret_text, size_t cap)
{
	char payload[FL_LINK_KNOB_MAX];
	struct question q = { .kind = FL_WIRE_KNOB, .arg = { what, skip }, .payload = payload,
			      .extra_fd = -1, .timeout_ms = timeout_ms, .text = ret_text,
			      .text_cap = cap };
	size_t path_len = strlen(path) + 1, value_len = strlen(value) + 1;
	struct fl_wire_reply reply;

	if (path_len + value_len > sizeof(payload))
		return -ENAMETOOLONG;
	memcpy(payload, path, path_len);
	memcpy(payload + path_len, value, value_len);
	q.payload_len = path_len + value_len;
	*ret_text = '\0';
	return link_call(link, &q, &reply);
}

/* The whole of a file that the plane wrote, as a string. */
static int read_text(int fd, char **ret_text)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size > INSPECT_MAX)
		return -EFBIG;
	char *text = malloc(st.st_size + 1);
	if (!text)
		return -ENOMEM;
	off_t done = 0;
	while (done < st.st_size) {
		ssize_t len = pread(fd, text + done, st.st_size - done, done);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0) {
			int err = len ? -errno : -EIO;

			free(text);
			return err;
		}
		done += len;
	}
	text[done] = '\0';
	*ret_text = text;
	return 0;
}

int fl_link_inspect(struct fl_link *link, const char *what, int timeout_ms, char **ret_json,
		    struct fl_link_error *error)
{
	struct question q = { .kind = FL_WIRE_INSPECT, .payload = what,
			      .payload_len = strlen(what), .timeout_ms = timeout_ms };
	struct fl_wire_reply reply;
	int err;

	q.extra_fd = memfd_create("finelink-inspect", MFD_CLOEXEC);
	if (q.extra_fd < 0)
		return fl_link_fail(error, -errno, "cannot make a file for the plane's answer");
	err = link_call(link, &q, &reply);
	if (!err)
		err = read_text(q.extra_fd, ret_json);
	close(q.extra_fd);
	if (err)
		return fl_link_fail(error, err, "cannot inspect the plane's \"%s\"", what);
	return 0;
}

static int link_socket(int netns_fd, int *ret_fd)
{
	int home = -1, err = 0;

	if (netns_fd >= 0) {
		home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (home < 0)
			return -errno;
		if (setns(netns_fd, CLONE_NEWNET)) {
			err = -errno;
			close(home);
			return err;
		}
	}
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err = -errno;
	else
		*ret_fd = fd;
	if (home >= 0) {
		/* Going on in a namespace that is not the caller's would be a silent wrong. */
		fl_assert(setns(home, CLONE_NEWNET) == 0);
		close(home);
	}
	return err;
}

static int link_connect(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, path, strlen(path) + 1);
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		if (errno != EINTR)
			return -errno;
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		return -errno;
	return 0;
}

int fl_link_open(const char *path, int netns_fd, struct fl_link **ret_link,
		 struct fl_link_error *error)
{
	char full[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int err = fl_link_path(path, full, sizeof(full), error);

	if (err)
		return err;
	struct fl_link *link = calloc(1, sizeof(*link));
	if (!link)
		return fl_link_fail(error, -ENOMEM, "cannot open a session");
	link->fd = -1;
	err = link_socket(netns_fd, &link->fd);
	if (err) {
		fl_link_fail(error, err, "cannot make a socket");
		goto out_free;
	}
	err = link_connect(link->fd, full);
	if (err) {
		fl_link_fail_connect(error, err, full);
		goto out_free;
	}
	*ret_link = link;
	return 0;
out_free:
	fl_link_free(link);
	return err;
}

void fl_link_free(struct fl_link *link)
{
	if (!link)
		return;
	if (link->fd >= 0)
		close(link->fd);
	free(link->buf);
	free(link);
}

int fl_link_fd(const struct fl_link *link)
{
	return link->fd;
}

uint32_t fl_link_seq(struct fl_link *link)
{
	if (++link->seq == 0)
		link->seq = 1;
	return link->seq;
}
