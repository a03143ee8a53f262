/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-bare.c - a connection whose packets are netlink datagrams as they are, without header. */
#include "tests/server/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OBJECTS 100

static int setup(void **state)
{
	fake_start(&(struct fake_config){ .objects = OBJECTS });
	return 0;
}

static int setup_public(void **state)
{
	fake_start(&(struct fake_config){ .objects = OBJECTS, .not_private = true });
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	return 0;
}

static void send_bare(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (int)len);
}

static size_t build(void *buf, uint16_t flags, uint8_t cmd, int n)
{
	return client_build(buf, FL_FAMILY_DEVLINK, flags, cmd, n);
}

static void ask(int fd, uint8_t cmd, uint16_t flags, int n)
{
	uint32_t buf[64];

	send_bare(fd, buf, build(buf, flags, cmd, n));
}

static uint16_t next_type(int fd, uint32_t *buf, size_t size)
{
	assert_true(client_recv(fd, buf, size) > 0);
	return ((const struct nlmsghdr *)buf)->nlmsg_type;
}

/* The connection is as good as before. */
static void expect_served(int fd)
{
	uint32_t buf[256];

	ask(fd, DEVLINK_CMD_GET, 0, 1);
	assert_int_equal(next_type(fd, buf, sizeof(buf)), FL_FAMILY_DEVLINK);
	assert_true(client_quiet(fd));
}

static void expect_closed(int fd)
{
	char buf[64];
	ssize_t n = client_recv(fd, buf, sizeof(buf));

	assert_true(n == 0 || n == -ECONNRESET);
	close(fd);
}

static void test_request(void **state)
{
	uint32_t buf[256], want[256];
	int fd = client_open(), other = client_open();
	ssize_t len;

	/* The same bytes as with a header, but for the sequence number. */
	client_ask(other, DEVLINK_CMD_GET, 0, 7);
	len = client_recv(other, want, sizeof(want));
	assert_true(len > 0);
	ask(fd, DEVLINK_CMD_GET, 0, 7);
	assert_int_equal(client_recv(fd, buf, sizeof(buf)), len);
	((struct nlmsghdr *)buf)->nlmsg_seq = ((struct nlmsghdr *)want)->nlmsg_seq;
	((struct nlmsghdr *)buf)->nlmsg_pid = ((struct nlmsghdr *)want)->nlmsg_pid;
	assert_memory_equal(buf, want, (size_t)len);
	ask(fd, DEVLINK_CMD_GET, 0, OBJECTS);
	assert_int_equal(client_recv_error(fd), -ENODEV);
	expect_served(fd);
	/* Bound by its first request, as a netlink socket is. */
	assert_int_not_equal(client_call(fd, FL_WIRE_NAME, 0, 0, NULL, 0, -1).value0, 0);
	close(fd);
	close(other);
}

static void test_lengths(void **state)
{
	static const uint32_t passed_over[] = { 0, 1, NLMSG_HDRLEN - 1, 4096, FL_WIRE_MSG_MAX };
	/* The first could be the header of a packet, but for what follows. */
	static const uint32_t closed[] = { FL_WIRE_MSG_MAX + 1, FL_WIRE_MSG_MAX + 2, UINT32_MAX };
	unsigned int fds = fake_count_fds();
	uint32_t buf[64];
	int fd = client_open();
	size_t len;

	/* As the kernel: what is no whole message is passed over. */
	for (size_t i = 0; i < sizeof(passed_over) / sizeof(passed_over[0]); i++) {
		len = build(buf, NLM_F_ACK, DEVLINK_CMD_GET, 0);
		buf[0] = passed_over[i];
		send_bare(fd, buf, len);
		expect_served(fd);
	}
	/* A header and no more: no command. */
	build(buf, NLM_F_ACK, DEVLINK_CMD_GET, 0);
	buf[0] = NLMSG_HDRLEN;
	send_bare(fd, buf, NLMSG_HDRLEN);
	assert_int_equal(client_recv_error(fd), -EINVAL);
	/* Cut anywhere. */
	len = build(buf, NLM_F_ACK, DEVLINK_CMD_GET, 0);
	for (size_t cut = sizeof(uint32_t); cut < len; cut++)
		send_bare(fd, buf, cut);
	expect_served(fd);
	close(fd);
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		len = build(buf, NLM_F_ACK, DEVLINK_CMD_GET, 0);
		buf[0] = closed[i];
		send_bare(fd = client_open(), buf, len);
		expect_closed(fd);
	}
	send_bare(fd = client_open(), "abc", 3);
	expect_closed(fd);
	assert_true(fake_wait_fds(fds));
}

/* The largest is served whole, from its first message to its last; one byte more is not. */
static void test_large(void **state)
{
	static unsigned char packet[FL_WIRE_MSG_MAX + 1];
	uint32_t first[64], last[64], buf[256];
	size_t len = build(first, 0, DEVLINK_CMD_GET, 1), tail = build(last, 0, DEVLINK_CMD_GET, 2);
	struct nlmsghdr filler = { .nlmsg_type = NLMSG_NOOP };
	unsigned int fds = fake_count_fds();
	int fd = client_open();

	memcpy(packet, first, len);
	filler.nlmsg_len = (uint32_t)(FL_WIRE_MSG_MAX - len - tail);
	memcpy(packet + len, &filler, sizeof(filler));
	memcpy(packet + FL_WIRE_MSG_MAX - tail, last, tail);
	send_bare(fd, packet, FL_WIRE_MSG_MAX);
	for (int i = 0; i < 2; i++)
		assert_int_equal(next_type(fd, buf, sizeof(buf)), FL_FAMILY_DEVLINK);
	assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_seq, ((struct nlmsghdr *)last)->nlmsg_seq);
	expect_served(fd);
	send_bare(fd, packet, FL_WIRE_MSG_MAX + 1);
	expect_closed(fd);
	assert_true(fake_wait_fds(fds));
}

/* In their order, also past one that waits, and up to one that is broken. */
static void test_several(void **state)
{
	static const uint8_t cmds[] = { DEVLINK_CMD_GET, DEVLINK_CMD_PORT_SET, DEVLINK_CMD_GET };
	uint32_t packet[256], buf[256], seq[3];
	unsigned char *at = (unsigned char *)packet;
	int fd = client_open();
	size_t len;

	for (int i = 0; i < 3; i++) {
		len = build(at, 0, cmds[i], i);
		seq[i] = ((struct nlmsghdr *)at)->nlmsg_seq;
		at += NLMSG_ALIGN(len);
	}
	len = build(at, NLM_F_ACK, DEVLINK_CMD_GET, 3);
	((struct nlmsghdr *)at)->nlmsg_len = (uint32_t)len + 1; /* more than there is */
	send_bare(fd, packet, (size_t)(at - (unsigned char *)packet) + len);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(next_type(fd, buf, sizeof(buf)), FL_FAMILY_DEVLINK);
		assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_seq, seq[i]);
	}
	expect_served(fd);
	close(fd);
}

static unsigned int count_dump(int fd)
{
	static uint32_t buf[8192];
	unsigned int found = 0;

	for (;;) {
		ssize_t len = client_recv(fd, buf, sizeof(buf));
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

		assert_true(len > 0 && len <= (ssize_t)sizeof(buf));
		for (; NLMSG_OK(nlh, (size_t)len); nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				return found;
			assert_int_equal(nlh->nlmsg_type, FL_FAMILY_DEVLINK);
			found++;
		}
	}
}

static void test_dump(void **state)
{
	int fd = client_open();

	ask(fd, DEVLINK_CMD_GET, NLM_F_DUMP, -1);
	assert_int_equal(count_dump(fd), OBJECTS);
	expect_served(fd);
	close(fd);
}

/* Nobody waits on a token: what is done is told by the answer, and done once the client left. */
static void test_change(void **state)
{
	uint32_t buf[256];
	int fd = client_open();

	ask(fd, DEVLINK_CMD_PORT_SET, NLM_F_ACK, 0);
	assert_int_equal(next_type(fd, buf, sizeof(buf)), FL_FAMILY_DEVLINK);
	assert_int_equal(client_recv_error(fd), 0);
	for (int i = 0; i < 3; i++)
		ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	close(fd);
	assert_true(fake_wait(&fake.late_done, 4, true));
}

/* Without a header there is nobody more trusted either. */
static int change_as_nobody(void)
{
	uint32_t buf[256];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int fd;

	if (getuid() == 0 && setuid(65534))
		return 254;
	fd = client_open();
	ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	if (client_recv(fd, buf, sizeof(buf)) <= 0)
		return 253;
	return nlh->nlmsg_type == NLMSG_ERROR ? -((const struct nlmsgerr *)(nlh + 1))->error : 0;
}

static void test_permission(void **state)
{
	client_admit_all();
	assert_int_equal(client_in_child(change_as_nobody), EPERM);
}

/* No descriptor means anything here: the connection ends, and all are closed. */
static void test_descriptors(void **state)
{
	char control[CMSG_SPACE(16 * sizeof(int))] __attribute__((aligned(8)));
	unsigned int fds = fake_count_fds();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), many[16], fd;
	uint32_t buf[64];
	struct iovec iov = { buf, build(buf, 0, DEVLINK_CMD_GET, 0) };
	static const unsigned int counts[] = { 1, 4, 16 };

	for (int i = 0; i < 16; i++)
		many[i] = null;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };

		memset(control, 0, sizeof(control));
		msg.msg_controllen = CMSG_SPACE(counts[i] * sizeof(int));
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ CMSG_LEN(counts[i] * sizeof(int)),
							 SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), many, counts[i] * sizeof(int));
		fd = client_open();
		assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), (int)iov.iov_len);
		expect_closed(fd);
	}
	close(null);
	assert_true(fake_wait_fds(fds));
}

/* What a client that left has sent in both ways. */
static void test_left_behind(void **state)
{
	unsigned int fds = fake_count_fds();
	int fd = client_open();

	ask(fd, DEVLINK_CMD_PORT_DEL, 0, 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	close(fd);
	assert_true(fake_wait_fds(fds));
	fake_release();
	assert_true(fake_wait(&fake.late_done, 4, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permission, setup_public, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_behind, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
