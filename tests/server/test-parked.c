/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parked.c - clients whose operation was parked: they are told, their sockets go on, and
 * what the operation does with its request afterwards harms nobody.
 */
#include "tests/server/fake.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/util.h"
#include "core/knob.h"

static int setup(void **state)
{
	fake_start(&(struct fake_config){ .objects = 100 });
	return 0;
}

/* The operation is over before the session has heard that it was parked. */
static int setup_late(void **state)
{
	setup(state);
	fake.park_late = true;
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	return 0;
}

static void hear(int fd)
{
	client_call(fd, FL_WIRE_SETOPT, NETLINK_EXT_ACK, 1, NULL, 0, -1);
	client_call(fd, FL_WIRE_SETOPT, NETLINK_CAP_ACK, 1, NULL, 0, -1);
}

/* Whether the text stands in an acknowledgement's, or a dump's end's, attributes. */
static bool tells(const void *message, size_t len)
{
	return memmem(message, len, FL_PARKED_TEXT, sizeof(FL_PARKED_TEXT));
}

static void expect_parked(int fd)
{
	uint32_t buf[1024];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	ssize_t len = client_recv(fd, buf, sizeof(buf));

	assert_true(len > 0);
	assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(((const struct nlmsgerr *)(nlh + 1))->error, -ENODEV);
	assert_true(tells(buf, (size_t)len));
}

static void expect_object(int fd)
{
	uint32_t buf[64];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_type, FL_FAMILY_DEVLINK);
}

/* One packet: what hangs, then `gets` questions. */
static void ask_behind(int fd, int gets)
{
	static uint32_t buf[16384];
	size_t len = client_build(buf, FL_FAMILY_DEVLINK, NLM_F_ACK, DEVLINK_CMD_PORT_DEL, 0);

	for (int i = 0; i < gets; i++)
		len += client_build(buf + len / sizeof(*buf), FL_FAMILY_DEVLINK, 0, DEVLINK_CMD_GET,
				    i % 100);
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, len, NULL, 0);
}

static void test_goes_on(void **state)
{
	static const int behind[] = { 0, 1, 20, 200 }; /* in the session's buffer, and larger */
	int fd = client_open();

	hear(fd);
	for (size_t i = 0; i < FL_ARRAY_SIZE(behind); i++) {
		ask_behind(fd, behind[i]);
		assert_true(fake_wait(&fake.hanging, i + 1, true));
		client_ask(fd, DEVLINK_CMD_GET, 0, 5);
		assert_true(client_quiet(fd));
		fake_park();
		expect_parked(fd);
		for (int n = 0; n <= behind[i]; n++)
			expect_object(fd);
		assert_true(client_ask_done(fd, DEVLINK_CMD_PORT_SET, 0, 0));
		__atomic_store_n(&fake.park, 0, __ATOMIC_SEQ_CST);
		expect_object(fd);
	}
	fake_release();
	assert_true(client_quiet(fd));
	close(fd);
}

/* send() of a parked command returns. */
static void *ask_main(void *arg)
{
	return (void *)(uintptr_t)client_ask_done(*(int *)arg, DEVLINK_CMD_PORT_DEL, NLM_F_ACK, 0);
}

static void test_token(void **state)
{
	int fd = client_open();
	pthread_t thread;
	void *answered;

	hear(fd);
	assert_int_equal(fl_thread_start(&thread, "client", 0, ask_main, &fd), 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	fake_park();
	pthread_join(thread, &answered);
	assert_true(answered);
	expect_parked(fd);
	close(fd);
}

/* What was asked before its client left is done all the same. */
static void test_hang_up(void **state)
{
	unsigned int fds = fake_count_fds();
	int fd = client_open();

	client_ask(fd, DEVLINK_CMD_PORT_DEL, 0, 0);
	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	close(fd);
	assert_true(fake_wait_fds(fds));
	fake_park();
	assert_true(fake_wait(&fake.late_done, fake.park_late ? 2 : 1, true));
}

/* The server ends first; then the operation is parked, or is over. */
static void test_server_ends(void **state)
{
	int fd = client_open();

	ask_behind(fd, 200);
	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	fake_stop_server();
	fake_park();
	if (fake.park_late)
		assert_true(fake_wait(&fake.late_done, 1, true));
	close(fd);
}

static void expect_dump_parked(int fd)
{
	uint32_t buf[1024];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	ssize_t len = client_recv(fd, buf, sizeof(buf));

	assert_true(len > 0);
	assert_int_equal(nlh->nlmsg_type, NLMSG_DONE);
	assert_int_equal(*(const int *)(nlh + 1), -ENODEV);
	assert_true(tells(buf, (size_t)len));
}

/* Whether a datagram ends the dump. */
static bool ends(const uint32_t *buf, size_t len)
{
	const struct nlmsghdr *nlh;

	for (size_t at = 0; at < len; at += NLMSG_ALIGN(nlh->nlmsg_len)) {
		nlh = (const struct nlmsghdr *)(buf + at / sizeof(*buf));
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
	}
	return false;
}

/* A dump that the device has to answer. */
static void test_dump(void **state)
{
	static uint32_t buf[65536];
	int fd = client_open();
	ssize_t len;

	hear(fd);
	fake.prepare_hangs = true;
	client_ask(fd, DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1);
	assert_true(fake_wait(&fake.hanging, 1, true));
	client_ask(fd, DEVLINK_CMD_GET, 0, 5);
	expect_object(fd);
	fake_park();
	expect_dump_parked(fd);
	fake.prepare_hangs = false;
	client_ask(fd, DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1);
	do {
		len = client_recv(fd, buf, sizeof(buf));
		assert_true(len > 0);
	} while (!ends(buf, (size_t)len));
	fake_release();
	close(fd);
	assert_true(fake_wait(&fake.prepared, 0, true));
}

static void test_dump_hang_up(void **state)
{
	unsigned int fds = fake_count_fds();
	int fd = client_open();

	fake.prepare_hangs = true;
	client_ask(fd, DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1);
	assert_true(fake_wait(&fake.hanging, 1, true));
	close(fd);
	assert_true(fake_wait_fds(fds));
	fake_park();
}

struct write {
	int fd;
	struct fl_wire_reply reply;
	char text[FL_KNOB_TEXT_MAX + 1];
};

static void *write_main(void *arg)
{
	static const char payload[] = "sys/fake\0hang";
	struct write *write = arg;

	write->reply = client_call_text(write->fd, FL_WIRE_KNOB, FL_WIRE_KNOB_WRITE, 0, payload,
					sizeof(payload) - 1, write->text, sizeof(write->text));
	return NULL;
}

static void test_knob(void **state)
{
	struct write write = { .fd = client_open() };
	char text[FL_KNOB_TEXT_MAX + 1];
	struct fl_wire_reply reply;
	pthread_t thread;

	assert_int_equal(fl_thread_start(&thread, "writer", 0, write_main, &write), 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	fake_park();
	pthread_join(thread, NULL);
	assert_int_equal(write.reply.error, -ENODEV);
	assert_string_equal(write.text, FL_PARKED_TEXT);
	reply = client_call_text(write.fd, FL_WIRE_KNOB, FL_WIRE_KNOB_READ, 0, "sys/fake", 9, text,
				 sizeof(text));
	assert_int_equal(reply.error, 0);
	assert_string_equal(text, "hang\n");
	close(write.fd);
}

static void test_knob_server_ends(void **state)
{
	struct write write = { .fd = client_open() };
	pthread_t thread;

	assert_int_equal(fl_thread_start(&thread, "writer", 0, write_main, &write), 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	fake_stop_server();
	fake_park();
	if (!fake.park_late)
		fake_release();
	pthread_join(thread, NULL);
	assert_int_equal(write.reply.error, -EPIPE);
	close(write.fd);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_setup_teardown(test, setup, teardown),                                    \
		cmocka_unit_test_setup_teardown(test, setup_late, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_goes_on), BOTH(test_token),
		BOTH(test_hang_up), BOTH(test_server_ends),
		BOTH(test_dump),    BOTH(test_dump_hang_up),
		BOTH(test_knob),    BOTH(test_knob_server_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
