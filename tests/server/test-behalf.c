/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-behalf.c - connections on behalf of another process (FL_WIRE_FOR): what is granted is what
 * both may, whatever becomes of the process meanwhile.
 */
#include "tests/server/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define OBJECTS 20000

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

/* ---- who is named ------------------------------------------------------------------- */

struct named {
	pid_t pid;
	int pidfd, talk;
};

static int stay(void)
{
	return 0;
}

static int become_nobody(void)
{
	return setuid(NOBODY);
}

static int become_nobody_for_now(void)
{
	return seteuid(NOBODY);
}

/* As an exec of a program with privileges of its own does. */
static int become_root_again(void)
{
	return seteuid(0);
}

static int enter_user_ns(void)
{
	return unshare(CLONE_NEWUSER);
}

static int drop_net_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -1;
	data[0].effective &= ~(1u << CAP_NET_ADMIN);
	return (int)syscall(SYS_capset, &head, data);
}

/* One step each time it is told to, then it says how that went. */
static void named_main(int talk, int (*become)(void), int (*later)(void))
{
	char byte = (char)become();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (write(talk, &byte, 1) == 1 && read(talk, &byte, 1) == 1)
		byte = (char)later();
	_exit(0);
}

/* False: it cannot become that here. */
static bool named_start(struct named *named, int (*become)(void), int (*later)(void))
{
	int talk[2];
	char byte = 1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk), 0);
	named->pid = fork();
	if (!named->pid) {
		close(talk[0]); /* or it would never hear that we have gone */
		named_main(talk[1], become, later);
	}
	assert_true(named->pid > 0);
	close(talk[1]);
	named->talk = talk[0];
	named->pidfd = (int)syscall(SYS_pidfd_open, named->pid, 0);
	assert_true(named->pidfd >= 0);
	assert_int_equal(read(named->talk, &byte, 1), 1);
	return !byte;
}

static void named_go_on(const struct named *named)
{
	char byte = 1;

	assert_int_equal(write(named->talk, &byte, 1), 1);
	assert_int_equal(read(named->talk, &byte, 1), 1);
	assert_int_equal(byte, 0);
}

static void named_kill(const struct named *named)
{
	int status;

	assert_int_equal(kill(named->pid, SIGKILL), 0);
	assert_int_equal(waitpid(named->pid, &status, 0), named->pid);
}

static void named_close(const struct named *named)
{
	close(named->pidfd);
	close(named->talk);
}

static void named_end(const struct named *named)
{
	named_kill(named);
	named_close(named);
}

/* ---- what is asked ------------------------------------------------------------------ */

static int speak_for(int fd, int file)
{
	return client_call(fd, FL_WIRE_FOR, 0, 0, NULL, 0, file).error;
}

static int change(int fd)
{
	uint32_t buf[256];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	return nlh->nlmsg_type == NLMSG_ERROR ? ((const struct nlmsgerr *)(nlh + 1))->error : 0;
}

static void expect_may_look(int fd)
{
	uint32_t buf[256];

	client_ask(fd, DEVLINK_CMD_GET, 0, 1);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_type, FL_FAMILY_DEVLINK);
}

static void expect_closed(int fd)
{
	char buf[64];
	ssize_t n = client_recv(fd, buf, sizeof(buf));

	assert_true(n == 0 || n == -ECONNRESET);
	close(fd);
}

/* What we get for a process that has become such a one. */
static void expect_granted(int (*become)(void), int want)
{
	unsigned int fds = fake_count_fds();
	struct named named;
	int fd;

	if (named_start(&named, become, stay)) {
		fd = client_open();
		assert_int_equal(speak_for(fd, named.pidfd), 0);
		assert_int_equal(change(fd), want);
		expect_may_look(fd);
		/* Known by now; and without waiting for the reply. */
		assert_int_equal(change(fd), want);
		close(fd);
		fd = client_open();
		client_send(fd, FL_WIRE_FOR, 0, 0, 0, NULL, 0, &named.pidfd, 1);
		assert_int_equal(change(fd), want);
		close(fd);
	}
	named_end(&named);
	assert_true(fake_wait_fds(fds));
}

static void need_root(void)
{
	if (getuid())
		skip();
}

/* ---- the tests ---------------------------------------------------------------------- */

static void test_both_in_private(void **state)
{
	expect_granted(stay, 0);
	need_root();
	expect_granted(become_nobody, -EPERM);
	expect_granted(become_nobody_for_now, -EPERM);
	/* Who the owner is does not depend on capabilities. */
	expect_granted(drop_net_admin, 0);
}

static void test_both_in_public(void **state)
{
	expect_granted(stay, getuid() ? -EPERM : 0);
	need_root();
	expect_granted(become_nobody, -EPERM);
	expect_granted(become_nobody_for_now, -EPERM);
	expect_granted(drop_net_admin, -EPERM);
	expect_granted(enter_user_ns, -EPERM);
}

static int named_root_pidfd;

/* Asks for itself, and for a process that may more. */
static int ask_as_nobody(void)
{
	int fd;

	if (setuid(NOBODY))
		return 254;
	fd = client_open();
	return speak_for(fd, named_root_pidfd) ? 253 : -change(fd);
}

static void test_peer_may_less(void **state)
{
	struct named named;

	need_root();
	client_admit_all();
	assert_true(named_start(&named, stay, stay));
	named_root_pidfd = named.pidfd;
	assert_int_equal(client_in_child(ask_as_nobody), EPERM);
	named_end(&named);
}

static void test_dead(void **state)
{
	struct named named;
	int fd;

	assert_true(named_start(&named, stay, stay));
	named_kill(&named);
	fd = client_open();
	assert_int_equal(speak_for(fd, named.pidfd), -ESRCH);
	named_close(&named);
	assert_int_equal(change(fd), -EPERM);
	expect_may_look(fd);
	close(fd);
}

/* It had been allowed, but nobody had asked for anything yet. */
static void test_dies_before_it_asks(void **state)
{
	struct named named;
	int fd;

	assert_true(named_start(&named, stay, stay));
	fd = client_open();
	assert_int_equal(speak_for(fd, named.pidfd), 0);
	named_end(&named);
	assert_int_equal(change(fd), -EPERM);
	close(fd);
}

/* Younger than the connection: it may have got the id of another. */
static void test_born_later(void **state)
{
	struct named named;
	int fd = client_open();

	assert_int_equal(client_call(fd, FL_WIRE_NAME, 0, 0, NULL, 0, -1).error, 0);
	/* /proc tells the start in hundredths of a second. */
	usleep(50000);
	assert_true(named_start(&named, stay, stay));
	assert_int_equal(speak_for(fd, named.pidfd), 0);
	assert_int_equal(change(fd), -EPERM);
	close(fd);
	named_end(&named);
}

/* Who is named has one state when it is named, and another before the first change. */
static void expect_refused(int (*first)(void), int (*later)(void))
{
	struct named named;
	int fd;

	need_root();
	assert_true(named_start(&named, first, later));
	fd = client_open();
	assert_int_equal(speak_for(fd, named.pidfd), 0);
	named_go_on(&named);
	assert_int_equal(change(fd), -EPERM);
	close(fd);
	named_end(&named);
}

static void test_gains_later(void **state)
{
	expect_refused(become_nobody_for_now, become_root_again);
}

static void test_loses_later(void **state)
{
	expect_refused(stay, become_nobody);
}

static void test_no_pidfd(void **state)
{
	unsigned int fds = fake_count_fds();
	int files[] = { open("/dev/null", O_RDWR | O_CLOEXEC), memfd_create("file", MFD_CLOEXEC),
			open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	const int want[] = { -EBADF, -EBADF, -ESRCH };
	int own = (int)syscall(SYS_pidfd_open, getpid(), 0);

	for (int i = 0; i < 3; i++) {
		int fd = client_open();

		assert_int_equal(speak_for(fd, files[i]), want[i]);
		assert_int_equal(change(fd), -EPERM);
		/* Too late for a better one. */
		assert_int_equal(speak_for(fd, own), -EALREADY);
		assert_int_equal(change(fd), -EPERM);
		expect_may_look(fd);
		close(fd);
		close(files[i]);
	}
	close(own);
	assert_true(fake_wait_fds(fds));
}

static void test_descriptors(void **state)
{
	unsigned int fds = fake_count_fds();
	int own = (int)syscall(SYS_pidfd_open, getpid(), 0), fd;
	const int two[] = { own, own };

	client_send(fd = client_open(), FL_WIRE_FOR, 0, 0, 0, NULL, 0, NULL, 0);
	expect_closed(fd);
	client_send(fd = client_open(), FL_WIRE_FOR, 0, 0, 0, NULL, 0, two, 2);
	expect_closed(fd);
	/* A token it is not. */
	client_send(fd = client_open(), FL_WIRE_FOR, FL_WIRE_F_TOKEN, 0, 0, NULL, 0, two, 2);
	expect_closed(fd);
	close(own);
	assert_true(fake_wait_fds(fds));
}

static void test_twice(void **state)
{
	struct named nobody, other;
	int fd;

	need_root();
	assert_true(named_start(&nobody, become_nobody, stay));
	assert_true(named_start(&other, stay, stay));
	fd = client_open();
	assert_int_equal(speak_for(fd, nobody.pidfd), 0);
	assert_int_equal(speak_for(fd, other.pidfd), -EALREADY);
	assert_int_equal(change(fd), -EPERM);
	assert_int_equal(speak_for(fd, other.pidfd), -EALREADY);
	assert_int_equal(change(fd), -EPERM);
	close(fd);
	named_end(&other);
	named_end(&nobody);
}

static void test_after_others(void **state)
{
	struct named nobody;
	int fd;

	need_root();
	assert_true(named_start(&nobody, become_nobody, stay));
	fd = client_open();
	assert_int_equal(change(fd), 0);
	assert_int_equal(speak_for(fd, nobody.pidfd), 0);
	assert_int_equal(change(fd), -EPERM);
	close(fd);
	named_end(&nobody);
}

/* A dump that is prepared in parts goes on for who asked for it. */
static void test_in_a_dump(void **state)
{
	static uint32_t buf[16384];
	int own = (int)syscall(SYS_pidfd_open, getpid(), 0), fd = client_open();
	unsigned int found = 0;
	bool over = false;

	/* More than the socket takes: nobody reads yet. */
	client_ask(fd, DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1);
	assert_int_equal(speak_for(fd, own), 0);
	close(own);
	while (!over) {
		ssize_t len = client_recv(fd, buf, sizeof(buf));
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

		assert_true(len > 0 && len <= (ssize_t)sizeof(buf));
		for (; NLMSG_OK(nlh, (size_t)len); nlh = NLMSG_NEXT(nlh, len)) {
			over = over || nlh->nlmsg_type == NLMSG_DONE;
			found += nlh->nlmsg_type == FL_FAMILY_DEVLINK;
		}
	}
	assert_int_equal(found, OBJECTS);
	close(fd);
	assert_true(fake_wait(&fake.clients, 0, true));
}

/* On whose behalf something was asked counts also when both have gone. */
static void test_hang_up(void **state)
{
	struct named nobody;
	int fd;

	need_root();
	assert_true(named_start(&nobody, become_nobody, stay));
	fd = client_open();
	client_ask(fd, DEVLINK_CMD_PORT_DEL, 0, 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	client_send(fd, FL_WIRE_FOR, 0, 0, 0, NULL, 0, &nobody.pidfd, 1);
	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	close(fd);
	named_end(&nobody);
	fake_release();
	assert_true(fake_wait(&fake.clients, 0, true));
	assert_int_equal(fake_read(&fake.late_done), 1);
}

/* The server ends while it looks. */
static void test_stop(void **state)
{
	int own = (int)syscall(SYS_pidfd_open, getpid(), 0), fds[50];

	for (int i = 0; i < 50; i++) {
		fds[i] = client_open();
		client_send(fds[i], FL_WIRE_FOR, 0, 0, 0, NULL, 0, &own, 1);
	}
	fake_stop_server();
	for (int i = 0; i < 50; i++)
		close(fds[i]);
	close(own);
}

static void test_shown_name(void **state)
{
	char want[48];
	uint32_t buf[256];
	struct named named;
	ssize_t len;
	int fd;

	assert_true(named_start(&named, stay, stay));
	snprintf(want, sizeof(want), "pid %d uid %u hangs", (int)named.pid, getuid());
	fd = client_open();
	assert_int_equal(client_call(fd, FL_WIRE_SETOPT, NETLINK_EXT_ACK, 1, NULL, 0, -1).error, 0);
	assert_int_equal(speak_for(fd, named.pidfd), 0);
	client_ask(fd, DEVLINK_CMD_PORT_DEL, 0, 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	fake_release();
	len = client_recv(fd, buf, sizeof(buf));
	assert_true(len > 0 && len <= (ssize_t)sizeof(buf));
	assert_non_null(memmem(buf, (size_t)len, want, strlen(want) + 1));
	close(fd);
	named_end(&named);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_in_private, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_in_public, setup_public, teardown),
		{ "test_peer_may_less in private", test_peer_may_less, setup, teardown, NULL },
		{ "test_peer_may_less in public", test_peer_may_less, setup_public, teardown,
		  NULL },
		cmocka_unit_test_setup_teardown(test_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dies_before_it_asks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_born_later, setup, teardown),
		{ "test_gains_later in private", test_gains_later, setup, teardown, NULL },
		{ "test_gains_later in public", test_gains_later, setup_public, teardown, NULL },
		{ "test_loses_later in private", test_loses_later, setup, teardown, NULL },
		{ "test_loses_later in public", test_loses_later, setup_public, teardown, NULL },
		cmocka_unit_test_setup_teardown(test_no_pidfd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_a_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hang_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shown_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
