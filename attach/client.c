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

/* Waits for the reply on the read end of a token. */
static int read_token(struct fl_link *link, int token, int64_t deadline,
		      struct fl_wire_reply *ret_reply)
{
	struct fl_wire_reply reply;
	struct pollfd fds[2] = { { token, POLLIN, 0 }, { link->fd, 0, 0 } };
	int err = fl_link_wait(fds, 2, deadline);

	if (err)
		return err;
	/* The connection's end may overtake a reply that was written before it. */
	ssize_t len = read(token, &reply, sizeof(reply));
	if (len != (ssize_t)sizeof(reply))
		return -ECONNRESET;
	*ret_reply = reply;
	return reply.error;
}

/* Sends a packet with a token and waits for the reply. extra_fd: a second descriptor or -1. */
static int link_call(struct fl_link *link, enum fl_wire_kind kind, const uint32_t arg[2],
		     const char *payload, int extra_fd, int timeout_ms,
		     struct fl_wire_reply *ret_reply)
{
	int64_t deadline = fl_link_deadline(timeout_ms);
	struct fl_link_fds fds = { .flags = FL_WIRE_F_TOKEN };
	int token[2], err;

	if (pipe2(token, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	fds.fd[fds.count++] = token[1];
	if (extra_fd >= 0)
		fds.fd[fds.count++] = extra_fd;
	for (;;) {
		struct pollfd writable = { link->fd, POLLOUT, 0 };

		err = fl_link_send_packet(link, kind, arg, payload, payload ? strlen(payload) : 0,
					  &fds);
		if (err != -EAGAIN)
			break;
		err = fl_link_wait(&writable, 1, deadline);
		if (err)
			break;
	}
	close(token[1]);
	if (!err)
		err = read_token(link, token[0], deadline, ret_reply);
	close(token[0]);
	return err;
}

int fl_link_bind(struct fl_link *link, uint32_t groups, int timeout_ms, uint32_t *ret_portid)
{
	struct fl_wire_reply reply;
	int err = link_call(link, FL_WIRE_BIND, (uint32_t[]){ 0, groups }, NULL, -1, timeout_ms,
			    &reply);

	if (err)
		return err;
	*ret_portid = reply.value0;
	return 0;
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
	struct fl_wire_reply reply;
	int fd = memfd_create("finelink-inspect", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return fl_link_fail(error, -errno, "cannot make a file for the plane's answer");
	err = link_call(link, FL_WIRE_INSPECT, NULL, what, fd, timeout_ms, &reply);
	if (!err)
		err = read_text(fd, ret_json);
	close(fd);
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
