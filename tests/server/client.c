/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client.c - a client that speaks attach/wire.h. */
#include "tests/server/fake.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

char client_path[108];

static uint32_t rcvmax;
static uint32_t next_seq = 1;

void client_set_rcvmax(uint32_t bytes)
{
	rcvmax = bytes;
}

void client_connect(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", client_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

int client_open(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	client_connect(fd);
	return fd;
}

size_t client_build(void *buf, uint16_t type, uint16_t flags, uint8_t cmd, int n)
{
	struct fl_msg msg;
	char dev[16];

	fl_msg_init_fixed(&msg, buf, 256);
	fl_msg_begin(&msg, type, NLM_F_REQUEST | flags,
		     __atomic_add_fetch(&next_seq, 1, __ATOMIC_RELAXED), 0, cmd, 1);
	if (n >= 0) {
		snprintf(dev, sizeof(dev), "dev%d", n);
		fl_msg_put_str(&msg, DEVLINK_ATTR_BUS_NAME, "fake");
		fl_msg_put_str(&msg, DEVLINK_ATTR_DEV_NAME, dev);
	}
	fl_msg_end(&msg);
	return msg.len;
}

void client_send(int fd, uint16_t kind, uint32_t flags, uint32_t arg0, uint32_t arg1,
		 const void *data, size_t len, const int *fds, unsigned int count)
{
	struct fl_wire_hdr hdr = { FL_WIRE_VERSION, kind, flags, rcvmax, arg0, arg1 };
	struct iovec iov[] = { { &hdr, sizeof(hdr) }, { (void *)data, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };

	if (count) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*CMSG_FIRSTHDR(&msg) =
			(struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), (int)(sizeof(hdr) + len));
}

uint32_t client_ask(int fd, uint8_t cmd, uint16_t flags, int n)
{
	uint32_t buf[64];
	size_t len = client_build(buf, FL_FAMILY_DEVLINK, flags, cmd, n);

	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, len, NULL, 0);
	return ((struct nlmsghdr *)buf)->nlmsg_seq;
}

bool client_ask_done(int fd, uint8_t cmd, uint16_t flags, int n)
{
	uint32_t buf[64];
	size_t len = client_build(buf, FL_FAMILY_DEVLINK, flags, cmd, n);

	return client_call(fd, FL_WIRE_NETLINK, 0, 0, buf, len, -1).error == 0;
}

/* Sends and gives the end of the pipe from which the reply is read. */
static int client_question(int fd, uint16_t kind, uint32_t arg0, uint32_t arg1, const void *data,
			   size_t len, int file)
{
	int fds[2] = { -1, file }, ends[2];

	assert_int_equal(pipe(ends), 0);
	fds[0] = ends[1];
	client_send(fd, kind, FL_WIRE_F_TOKEN, arg0, arg1, data, len, fds, file >= 0 ? 2 : 1);
	close(ends[1]);
	return ends[0];
}

struct fl_wire_reply client_call(int fd, uint16_t kind, uint32_t arg0, uint32_t arg1,
				 const void *data, size_t len, int file)
{
	int end = client_question(fd, kind, arg0, arg1, data, len, file);
	struct fl_wire_reply reply = { .error = -EPIPE };

	if (read(end, &reply, sizeof(reply)) != sizeof(reply))
		reply.error = -EPIPE;
	close(end);
	return reply;
}

struct fl_wire_reply client_call_text(int fd, uint16_t kind, uint32_t arg0, uint32_t arg1,
				      const void *data, size_t len, char *ret_text, size_t cap)
{
	int end = client_question(fd, kind, arg0, arg1, data, len, -1);
	struct fl_wire_reply reply = { .error = -EPIPE };
	ssize_t text = 0;

	if (read(end, &reply, sizeof(reply)) != sizeof(reply))
		reply.error = -EPIPE;
	else if (reply.value0)
		text = read(end, ret_text, cap - 1);
	assert_true(text >= 0);
	ret_text[text] = '\0';
	close(end);
	return reply;
}

ssize_t client_recv(int fd, void *buf, size_t size)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };
	ssize_t n;

	if (poll(&poll_fd, 1, 10000) != 1)
		return -ETIMEDOUT;
	n = recv(fd, buf, size, MSG_TRUNC);
	return n < 0 ? -errno : n;
}

bool client_quiet(int fd)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };

	return poll(&poll_fd, 1, 50) == 0;
}

int client_recv_error(int fd)
{
	uint32_t buf[1024];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	return ((const struct nlmsgerr *)(nlh + 1))->error;
}

void client_admit_all(void)
{
	char dir[sizeof(client_path)];

	snprintf(dir, sizeof(dir), "%s", client_path);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(client_path, 0777), 0);
}

int client_in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(fn());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
