/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session.c - how sessions begin and end, who may do what, and clients that misbehave. */
#include "tests/server/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/util.h"
#include "core/knob.h"

static int setup(void **state)
{
	fake_start(&(struct fake_config){ .objects = 100 });
	return 0;
}

static int setup_public(void **state)
{
	fake_start(&(struct fake_config){ .objects = 100, .not_private = true });
	return 0;
}

static int setup_few(void **state)
{
	fake_start(&(struct fake_config){ .max_sessions = 4 });
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	return 0;
}

/* What a client asked for is done although it is gone, all of it; the connection is not
 * kept for that. */
static void test_hang_up(void **state)
{
	unsigned int fds = fake_count_fds();
	int fd = client_open();

	for (int i = 0; i < 5; i++)
		client_ask(fd, DEVLINK_CMD_PORT_SET, NLM_F_ACK, 0);
	close(fd);
	assert_true(fake_wait(&fake.late_done, 5, true));
	assert_true(fake_wait_fds(fds));

	fd = client_open();
	client_ask(fd, DEVLINK_CMD_PORT_DEL, 0, 0);
	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	assert_true(fake_wait(&fake.hanging, 1, true));
	close(fd);
	assert_true(fake_wait_fds(fds));
	assert_int_equal(fake_read(&fake.clients), 1);
	fake_release();
	assert_true(fake_wait(&fake.late_done, 7, true));
	assert_true(fake_wait(&fake.clients, 0, true));
}

/* A token that is not answered ends when the connection does. */
static void test_token_of_the_dead(void **state)
{
	uint32_t buf[64];
	size_t len = client_build(buf, FL_FAMILY_DEVLINK, 0, DEVLINK_CMD_PORT_DEL, 0);
	int fd = client_open(), ends[2];
	struct fl_wire_reply reply;

	assert_int_equal(pipe(ends), 0);
	client_send(fd, FL_WIRE_NETLINK, FL_WIRE_F_TOKEN, 0, 0, buf, len, &ends[1], 1);
	close(ends[1]);
	assert_true(fake_wait(&fake.hanging, 1, true));
	fake_stop_server();
	assert_int_equal(client_recv(fd, buf, sizeof(buf)), 0);
	fake_release();
	assert_int_equal(read(ends[0], &reply, sizeof(reply)), 0);
	close(ends[0]);
	close(fd);
}

/* A token pipe that is full or closed harms nobody. */
static void test_bad_tokens(void **state)
{
	uint32_t buf[64];
	size_t len = client_build(buf, FL_FAMILY_DEVLINK, NLM_F_ACK, DEVLINK_CMD_GET, 0);
	int fd = client_open(), ends[2];
	char page[4096] = { 0 };

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	while (write(ends[1], page, sizeof(page)) > 0)
		;
	assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0); /* blocking again */
	client_send(fd, FL_WIRE_NETLINK, FL_WIRE_F_TOKEN, 0, 0, buf, len, &ends[1], 1);
	close(ends[0]);
	client_send(fd, FL_WIRE_NETLINK, FL_WIRE_F_TOKEN, 0, 0, buf, len, &ends[1], 1);
	close(ends[1]);
	for (int i = 0; i < 4; i++)
		assert_true(client_recv(fd, page, sizeof(page)) > 0);
	close(fd);
}

static void expect_closed(int fd)
{
	char buf[64];
	ssize_t n = client_recv(fd, buf, sizeof(buf));

	assert_true(n == 0 || n == -ECONNRESET);
	close(fd);
}

static void send_raw(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (int)len);
}

static void test_malformed(void **state)
{
	static char huge[FL_WIRE_MSG_MAX + 1];
	const struct fl_wire_hdr good = { FL_WIRE_VERSION, FL_WIRE_NETLINK, 0, 0, 0, 0 };
	struct fl_wire_hdr hdr;
	unsigned int fds = fake_count_fds();
	int fd, null = open("/dev/null", O_RDWR), many[16], ends[2];

	fd = client_open();
	send_raw(fd, "short", 5);
	expect_closed(fd);
	hdr = good;
	hdr.version = 9;
	send_raw(fd = client_open(), &hdr, sizeof(hdr));
	expect_closed(fd);
	hdr = good;
	hdr.kind = 99;
	send_raw(fd = client_open(), &hdr, sizeof(hdr));
	expect_closed(fd);
	hdr = good;
	hdr.flags = 0x80;
	send_raw(fd = client_open(), &hdr, sizeof(hdr));
	expect_closed(fd);
	/* Too large; a token announced and not there; one that is no pipe; too many. */
	client_send(fd = client_open(), FL_WIRE_NETLINK, 0, 0, 0, huge, sizeof(huge), NULL, 0);
	expect_closed(fd);
	client_send(fd = client_open(), FL_WIRE_NAME, FL_WIRE_F_TOKEN, 0, 0, NULL, 0, NULL, 0);
	expect_closed(fd);
	client_send(fd = client_open(), FL_WIRE_NAME, FL_WIRE_F_TOKEN, 0, 0, NULL, 0, &null, 1);
	expect_closed(fd);
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < 16; i++)
		many[i] = ends[1];
	client_send(fd = client_open(), FL_WIRE_NAME, FL_WIRE_F_TOKEN, 0, 0, NULL, 0, many, 2);
	expect_closed(fd);
	client_send(fd = client_open(), FL_WIRE_NAME, FL_WIRE_F_TOKEN, 0, 0, NULL, 0, many, 16);
	expect_closed(fd);
	close(ends[0]);
	close(ends[1]);
	close(null);
	/* Half closed, which no netlink socket can be. */
	fd = client_open();
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
	assert_true(fake_wait_fds(fds));
	/* The largest that may be is served. */
	client_send(fd = client_open(), FL_WIRE_NETLINK, 0, 0, 0, huge, FL_WIRE_MSG_MAX, NULL, 0);
	client_ask(fd, DEVLINK_CMD_GET, 0, 1);
	assert_true(client_recv(fd, huge, sizeof(huge)) > 0);
	close(fd);
}

static void test_too_many_sessions(void **state)
{
	int fds[4];
	uint32_t buf[64];

	for (int i = 0; i < 4; i++) {
		fds[i] = client_open();
		assert_int_equal(client_call(fds[i], FL_WIRE_NAME, 0, 0, NULL, 0, -1).error, 0);
	}
	expect_closed(client_open());
	client_ask(fds[0], 250, 0, 0);
	assert_true(client_recv(fds[0], buf, sizeof(buf)) > 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

static int ask_to_change(void)
{
	int fd = client_open();
	uint32_t buf[256];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	if (client_recv(fd, buf, sizeof(buf)) <= 0)
		return 255;
	return nlh->nlmsg_type == NLMSG_ERROR ? -((const struct nlmsgerr *)(nlh + 1))->error : 0;
}

static int ask_as_nobody(void)
{
	return setuid(65534) ? 254 : ask_to_change();
}

/* Connects as nobody, then becomes root again: what counts is who connected. */
static int connect_as_nobody(void)
{
	int fd;
	uint32_t buf[256];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	if (seteuid(65534))
		return 254;
	fd = client_open();
	if (seteuid(0))
		return 254;
	client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	if (client_recv(fd, buf, sizeof(buf)) <= 0)
		return 255;
	return nlh->nlmsg_type == NLMSG_ERROR ? -((const struct nlmsgerr *)(nlh + 1))->error : 0;
}

static int ask_in_user_ns(void)
{
	return unshare(CLONE_NEWUSER) ? 254 : ask_to_change();
}

static void check_permissions(void)
{
	assert_int_equal(client_in_child(ask_to_change), 0);
	client_admit_all();
	assert_int_equal(client_in_child(ask_as_nobody), EPERM);
	assert_int_equal(client_in_child(connect_as_nobody), EPERM);
}

static void limit_files(rlim_t count)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Without descriptors clients are refused, at once, also when there once was none to spare. */
static void test_no_descriptors(void **state)
{
	int fds[3], used[256], count = 0;
	unsigned int open_before;
	struct rlimit before;
	char byte;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 3; i++)
		fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	open_before = fake_count_fds();
	limit_files(3);
	client_connect(fds[0]);
	assert_true(client_quiet(fds[0])); /* it waits */
	limit_files(before.rlim_cur);
	assert_int_equal(client_call(fds[0], FL_WIRE_NAME, 0, 0, NULL, 0, -1).error, 0);
	/* The connection; what came with the call has been closed. */
	assert_true(fake_wait_fds(open_before + 1));
	/* No number is free below the last one that is used. */
	do
		used[count] = dup(0);
	while (used[count++] < 100);
	limit_files((rlim_t)used[count - 1] + 1);
	for (int i = 1; i < 3; i++) {
		client_connect(fds[i]);
		assert_int_equal(client_recv(fds[i], &byte, 1), 0);
	}
	limit_files(before.rlim_cur);
	while (count)
		close(used[--count]);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void test_permission_private(void **state)
{
	if (getuid()) {
		assert_int_equal(ask_to_change(), 0);
		return;
	}
	check_permissions();
}

static void test_permission_public(void **state)
{
	int ended;

	if (getuid()) {
		assert_int_equal(ask_to_change(), EPERM);
		return;
	}
	check_permissions();
	/* All capabilities, but over another user namespace. */
	ended = client_in_child(ask_in_user_ns);
	assert_true(ended == EPERM || ended == 254);
}

/* Asks in a namespace of its own, says so, and lives until the gate is closed. */
static int ask_in_new_netns(int ready, const int *gate)
{
	char byte = 0;
	int fd;

	close(gate[1]);
	if (unshare(CLONE_NEWNET))
		return 254;
	fd = client_open();
	/* A port id that somebody has elsewhere. */
	if (client_call(fd, FL_WIRE_BIND, 5, 0, NULL, 0, -1).error)
		return 253;
	client_ask(fd, DEVLINK_CMD_PORT_DEL, 0, 1);
	return write(ready, &byte, 1) != 1 || read(gate[0], &byte, 1) < 0 ? 252 : 0;
}

/* A namespace whose last process left while its request hangs is gone: the plane hears
 * of its death. */
static void test_namespace_is_let_go(void **state)
{
	int gate[2], ready[2], ns_fd;
	struct fl_netns *ns = NULL;
	unsigned int fds;
	char path[64], byte = 0;
	pid_t pid;
	int status, other = client_open();

	if (getuid() || fl_netns_cannot_move(fake.table)) {
		close(other);
		skip();
	}
	assert_int_equal(client_call(other, FL_WIRE_BIND, 5, 0, NULL, 0, -1).error, 0);
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid)
		_exit(ask_in_new_netns(ready[1], gate));
	close(gate[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_true(fake_wait(&fake.hanging, 1, true));
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(ns_fd >= 0);
	assert_int_equal(fl_netns_resolve_fd(fake.table, ns_fd, &ns), 0);
	close(ns_fd);
	assert_int_equal(fake_read(&fake.deaths), 0);
	fds = fake_count_fds();
	close(gate[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(fake_wait(&fake.deaths, 1, true));
	assert_int_equal(fake_read(&fake.late_done), 0);
	/* Without the gate and the accepted connection. */
	assert_true(fake_wait_fds(fds - 2));
	fl_netns_put(ns);
	close(other);
}

/* Makes a namespace, says so, and lives on. */
static int make_netns(int ready)
{
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What the test has open it must not keep open. */
	if (dup2(ready, 3) < 0 || close_range(4, ~0U, 0))
		return 253;
	ready = 3;
	if (unshare(CLONE_NEWNET) || write(ready, &byte, 1) != 1)
		return 254;
	for (;;)
		pause();
}

struct other_netns {
	pid_t pid;
	int fd;
	struct fl_netns *ns;
};

static void netns_start(struct other_netns *other)
{
	char path[64], byte;
	int ready[2];

	assert_int_equal(pipe(ready), 0);
	other->pid = fork();
	if (!other->pid)
		_exit(make_netns(ready[1]));
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)other->pid);
	other->fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(other->fd >= 0);
	assert_int_equal(fl_netns_resolve_fd(fake.table, other->fd, &other->ns), 0);
}

static void netns_end(struct other_netns *other)
{
	int status;

	close(other->fd);
	kill(other->pid, SIGKILL);
	assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
}

static void ask_to_move(int fd, const struct other_netns *to)
{
	uint32_t buf[128];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	size_t len = client_build(buf, FL_FAMILY_DEVLINK, 0, DEVLINK_CMD_RELOAD, 1);
	struct nlattr attr = { NLA_HDRLEN + sizeof(uint32_t), DEVLINK_ATTR_NETNS_FD };

	memcpy((char *)buf + len, &attr, sizeof(attr));
	memcpy((char *)buf + len + sizeof(attr), &to->fd, sizeof(uint32_t));
	nlh->nlmsg_len = len + attr.nla_len;
	client_send(fd, FL_WIRE_NETLINK, FL_WIRE_F_NETNS, 0, 0, buf, nlh->nlmsg_len, &to->fd, 1);
}

/* What a request names is known when it begins to wait, and not kept alive: neither by the request
 * that hangs, nor by one that its client left behind. */
static void test_named_namespace_is_let_go(void **state)
{
	struct other_netns first, second;
	int fd;

	if (getuid() || fl_netns_cannot_move(fake.table))
		skip();
	fd = client_open();
	netns_start(&first);
	netns_start(&second);
	ask_to_move(fd, &first);
	assert_true(fake_wait(&fake.hanging, 1, true));
	assert_true(fake.target == first.ns->cookie);
	netns_end(&first);
	assert_true(fake_wait(&fake.deaths, 1, true));
	ask_to_move(fd, &second);
	close(fd);
	netns_end(&second);
	assert_true(fake_wait(&fake.deaths, 2, true));
	assert_int_equal(fake_read(&fake.late_done), 0);
	fake_release();
	assert_true(fake_wait(&fake.late_done, 2, true));
	assert_true(__atomic_load_n(&fake.target, __ATOMIC_SEQ_CST) == second.ns->cookie);
	fl_netns_put(first.ns);
	fl_netns_put(second.ns);
}

static int cancel(int fd, uint64_t number)
{
	return client_call(fd, FL_WIRE_CANCEL, (uint32_t)number, (uint32_t)(number >> 32), NULL, 0, -1)
		.error;
}

static int cancel_17(void)
{
	return -cancel(client_open(), 17);
}

static int cancel_17_as_nobody(void)
{
	return setuid(65534) ? 254 : cancel_17();
}

/* An operation is told to stop by its owner, or by who may change things. */
static void test_cancel(void **state)
{
	struct fl_client *owner = fl_client_new("pid 1 uid 1");
	int fd;

	if (getuid()) {
		fl_client_put(owner);
		skip();
	}
	fd = client_open();
	fl_client_set_owner(owner, 1);
	assert_int_equal(cancel(fd, 17), 0);
	assert_int_equal(cancel(fd, 18), -ENOENT);
	assert_int_equal(cancel(fd, 17 + (1ULL << 32)), -ENOENT);
	client_admit_all();
	assert_int_equal(client_in_child(cancel_17_as_nobody), EPERM);
	__atomic_store_n(&fake.op_client, owner, __ATOMIC_SEQ_CST);
	assert_int_equal(client_in_child(cancel_17_as_nobody), EPERM);
	assert_int_equal(cancel(fd, 17), 0);
	fl_client_set_owner(owner, 65534);
	assert_int_equal(client_in_child(cancel_17_as_nobody), 0);
	assert_int_equal(fake_read(&fake.cancelled), 3);
	fl_client_put(owner);
	close(fd);
}

static void inspect(int fd, const char *what, int want, const char *text)
{
	static char buf[1 << 20];
	int file = memfd_create("inspect", MFD_CLOEXEC);
	ssize_t len;

	assert_int_equal(client_call(fd, FL_WIRE_INSPECT, 0, 0, what, strlen(what), file).error,
			 want);
	len = pread(file, buf, sizeof(buf) - 1, 0);
	assert_true(len >= 0);
	buf[len] = '\0';
	if (text && !strstr(buf, text))
		fail_msg("no %s in %s", text, buf);
	close(file);
}

static void test_inspect(void **state)
{
	int fd = client_open(), ends[2];

	inspect(fd, "instances", 0, "\"handle\":\"fake/dev99\"");
	inspect(fd, "lanes", 0, "\"kind\":\"flash\"");
	inspect(fd, "lanes", 0, "\"idle\":1");
	inspect(fd, "locks", 0, "\"name\":\"commit\"");
	inspect(fd, "stats", 0, "\"open\":1");
	inspect(fd, "secrets", -EINVAL, NULL);
	inspect(fd, "", -EINVAL, NULL);
	/* A pipe could keep us waiting. */
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(client_call(fd, FL_WIRE_INSPECT, 0, 0, "stats", 5, ends[1]).error, -EBADF);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

/* However many files come at once, each is closed. */
static void test_inspect_storm(void **state)
{
	unsigned int fds = fake_count_fds();
	int fd = client_open();

	for (int i = 0; i < 500; i++) {
		int file = memfd_create("inspect", MFD_CLOEXEC);

		client_send(fd, FL_WIRE_INSPECT, 0, 0, 0, "secrets", 7, &file, 1);
		close(file);
	}
	assert_int_equal(client_call(fd, FL_WIRE_NAME, 0, 0, NULL, 0, -1).error, 0);
	close(fd);
	assert_true(fake_wait_fds(fds));
}

static void knob(int fd, enum fl_wire_knob what, const char *path, const char *value, int want,
		 const char *text)
{
	char payload[256], got[FL_KNOB_TEXT_MAX + 1];
	size_t path_len = strlen(path) + 1;
	struct fl_wire_reply reply;

	memcpy(payload, path, path_len);
	strcpy(payload + path_len, value);
	reply = client_call_text(fd, FL_WIRE_KNOB, what, 0, payload, path_len + strlen(value), got,
				 sizeof(got));
	assert_int_equal(reply.error, want);
	assert_int_equal(reply.value0, strlen(text));
	assert_string_equal(got, text);
}

static void test_knob(void **state)
{
	int fd = client_open();

	knob(fd, FL_WIRE_KNOB_WRITE, "sys/fake", "some", 0, "");
	knob(fd, FL_WIRE_KNOB_READ, "sys/fake", "", 0, "some\n");
	knob(fd, FL_WIRE_KNOB_WRITE, "sys/fake", "later", 0, "");
	knob(fd, FL_WIRE_KNOB_READ, "sys/fake", "", 0, "later\n");
	knob(fd, FL_WIRE_KNOB_WRITE, "sys/fake", "bad", -EINVAL, "sys/fake cannot be bad");
	knob(fd, FL_WIRE_KNOB_READ, "sys/none", "", -ENOENT, "");
	knob(fd, FL_WIRE_KNOB_WRITE, "sys/none", "1", -ENOENT, "");
	knob(fd, FL_WIRE_KNOB_LIST, "sys", "", 0, "sys/fake\n");
	knob(fd, 77, "sys/fake", "", -EINVAL, "");
	/* No end of the path. */
	assert_int_equal(client_call(fd, FL_WIRE_KNOB, FL_WIRE_KNOB_READ, 0, "sys", 3, -1).error,
			 -EINVAL);
	close(fd);
}

/* ---- everything at once ----------------------------------------------------------- */

static int storm_over;

static void *storm_events(void *arg)
{
	struct fl_netns *ns = fl_netns_initial(fake.table);

	for (uint32_t i = 0; !__atomic_load_n(&storm_over, __ATOMIC_SEQ_CST); i++) {
		fake_event(ns, i, i % 512);
		usleep(200);
	}
	return NULL;
}

/* Comes, subscribes, asks a little of everything, leaves in the middle. */
static void *storm_client(void *arg)
{
	static const uint8_t cmds[] = { DEVLINK_CMD_GET, DEVLINK_CMD_PORT_SET };
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	uint32_t buf[1024];

	while (!__atomic_load_n(&storm_over, __ATOMIC_SEQ_CST)) {
		int fd = client_open();

		if (rand_r(&seed) % 2)
			client_call(fd, FL_WIRE_BIND, 0, UINT32_MAX, NULL, 0, -1);
		for (int i = rand_r(&seed) % 20; i > 0; i--) {
			client_ask(fd, cmds[rand_r(&seed) % 2],
				   rand_r(&seed) % 3 ? NLM_F_ACK : NLM_F_DUMP, rand_r(&seed) % 100);
			if (rand_r(&seed) % 2)
				client_recv(fd, buf, sizeof(buf));
		}
		close(fd);
	}
	return NULL;
}

static void test_storm(void **state)
{
	pthread_t threads[5];
	unsigned int fds = fake_count_fds();

	storm_over = 0;
	fl_thread_start(&threads[0], "events", 0, storm_events, NULL);
	for (uintptr_t i = 1; i < 5; i++)
		fl_thread_start(&threads[i], "client", 0, storm_client, (void *)i);
	usleep(1500000);
	__atomic_store_n(&storm_over, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	assert_true(fake_wait(&fake.running, 0, true));
	assert_true(fake_wait(&fake.clients, 0, true));
	assert_true(fake_wait_fds(fds));
}

/* The server ends in the middle of all that. */
static void test_stop_in_storm(void **state)
{
	int fds[50];

	for (int i = 0; i < 50; i++) {
		fds[i] = client_open();
		client_call(fds[i], FL_WIRE_BIND, 0, UINT32_MAX, NULL, 0, -1);
		for (int n = 0; n < 5; n++)
			client_ask(fds[i], i % 2 ? DEVLINK_CMD_PORT_SET : DEVLINK_CMD_PORT_DEL, 0,
				   0);
	}
	fake_stop_server();
	for (int i = 0; i < 50; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hang_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token_of_the_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_sessions, setup_few, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permission_private, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permission_public, setup_public, teardown),
		cmocka_unit_test_setup_teardown(test_namespace_is_let_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named_namespace_is_let_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup_public, teardown),
		cmocka_unit_test_setup_teardown(test_inspect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inspect_storm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_knob, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_in_storm, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
