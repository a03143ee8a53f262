/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-planted.c - the faults that the fuzz targets are there to find, planted one by one: at
 * each fuzz_check_messages() has to stop the program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nl/ctrl.h"
#include "nl/devlink-attrs.h"
#include "nl/msg.h"
#include "tests/fuzz/fuzz.h"

struct message {
	uint32_t words[64];
	size_t len;
};

static struct nlattr *attr_of(struct message *message)
{
	return (struct nlattr *)((char *)message->words + NLMSG_HDRLEN + GENL_HDRLEN);
}

/* A nest with a number in it. */
static void build(struct message *message)
{
	struct fl_msg msg;
	size_t nest;

	memset(message, 0, sizeof(*message));
	fl_msg_init_fixed(&msg, message->words, sizeof(message->words));
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, 0, 1, 1, DEVLINK_CMD_PORT_GET, 1);
	nest = fl_msg_nest(&msg, DEVLINK_ATTR_RESOURCE_LIST, false);
	fl_msg_put_u32(&msg, DEVLINK_ATTR_PORT_INDEX, 7);
	fl_msg_nest_end(&msg, nest);
	fl_msg_end(&msg);
	assert_int_equal(msg.err, 0);
	message->len = msg.len;
}

/* True if the check stops at it. */
static bool stops(const struct message *message)
{
	int status, null;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		/* It aborts, and says so. */
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fuzz_check_messages(message->words, message->len);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

static void good(void **state)
{
	struct message message;

	build(&message);
	assert_false(stops(&message));
	assert_int_equal(fuzz_check_messages(message.words, message.len), 1);
}

static void bad_lengths(void **state)
{
	struct message message;

	build(&message);
	message.len -= 4; /* the message is longer than the bytes */
	assert_true(stops(&message));
	build(&message);
	((struct nlmsghdr *)message.words)->nlmsg_len = NLMSG_HDRLEN + 2; /* half a header */
	assert_true(stops(&message));
	build(&message);
	message.words[0] -= 4; /* the nest reaches behind the message */
	message.len -= 4;
	assert_true(stops(&message));
	build(&message);
	attr_of(&message)->nla_len = 2; /* shorter than its own header */
	assert_true(stops(&message));
}

static void bad_nest(void **state)
{
	struct message message;

	build(&message);
	attr_of(&message)[1].nla_len = 100; /* in the nest, beyond it */
	assert_true(stops(&message));
}

static void bad_ack(void **state)
{
	struct message message;
	struct nlmsghdr *nlh = (struct nlmsghdr *)message.words;

	memset(&message, 0, sizeof(message));
	nlh->nlmsg_len = message.len = NLMSG_HDRLEN + sizeof(struct nlmsgerr);
	nlh->nlmsg_type = NLMSG_ERROR;
	assert_false(stops(&message));
	message.words[4] = 1; /* a positive error */
	assert_true(stops(&message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad_lengths),
		cmocka_unit_test(bad_nest),
		cmocka_unit_test(bad_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
