/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-output.c - dumps and notifications, with clients that read slowly or never. */
#include "tests/server/fake.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIG_BIT (1U << (FL_GROUP_CONFIG - 1))

static int setup(void **state)
{
	fake_start(&(struct fake_config){ .objects = 20000, .log_bytes = 256 * 1024 });
	return 0;
}

static int setup_one_thread(void **state)
{
	fake_start(&(struct fake_config){ .objects = 1, .io_threads = 1 });
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	return 0;
}

static int subscribe(void)
{
	int fd = client_open();

	assert_int_equal(client_call(fd, FL_WIRE_BIND, 0, CONFIG_BIT, NULL, 0, -1).error, 0);
	return fd;
}

struct dump {
	unsigned int objects, datagrams;
	size_t largest;
	int done; /* DONE's error, or 1 */
	uint32_t next_index;
};

/* Takes one datagram of a dump apart: objects in order, each once. */
static void dump_take(struct dump *dump, const void *buf, ssize_t len)
{
	const struct nlmsghdr *nlh = buf;

	dump->datagrams++;
	if ((size_t)len > dump->largest)
		dump->largest = (size_t)len;
	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		const char *index = (const char *)nlh + nlh->nlmsg_len - 4;

		assert_true(nlh->nlmsg_flags & NLM_F_MULTI);
		if (nlh->nlmsg_type == NLMSG_DONE) {
			memcpy(&dump->done, nlh + 1, 4);
			return;
		}
		assert_memory_equal(index, &dump->next_index, 4);
		dump->next_index++;
		dump->objects++;
	}
}

static void dump_read(int fd, struct dump *dump)
{
	static uint32_t buf[1 << 17];

	while (dump->done > 0) {
		ssize_t len = client_recv(fd, buf, sizeof(buf));

		assert_true(len > 0 && len <= (ssize_t)sizeof(buf));
		dump_take(dump, buf, len);
	}
}

static void check_dump(uint32_t rcvmax, size_t bound)
{
	struct dump dump = { .done = 1 };
	int fd = client_open();

	client_set_rcvmax(rcvmax);
	client_ask(fd, DEVLINK_CMD_GET, NLM_F_DUMP, -1);
	dump_read(fd, &dump);
	assert_int_equal(dump.done, 0);
	assert_int_equal(dump.objects, fake.objects);
	assert_true(dump.largest <= bound);
	/* And well filled. */
	assert_true(dump.datagrams == 1 || dump.largest > bound - 100);
	assert_true(client_quiet(fd));
	close(fd);
}

static void test_dump_sizes(void **state)
{
	check_dump(0, 3776);
	check_dump(1000, 3776);
	check_dump(8192, 8192);
	check_dump(32768, 32768);
	check_dump(256 * 1024, 256 * 1024);
	check_dump(UINT32_MAX, 256 * 1024);
	fake.objects = 0;
	check_dump(0, 3776);
	fake.objects = 1;
	check_dump(0, 3776);
}

/* While one dump waits for its reader: other requests of the session are answered, a
 * second dump is refused, other sessions do not notice, and it goes on afterwards. */
static void test_dump_waits_for_reader(void **state)
{
	struct dump dump = { .done = 1 };
	static uint32_t buf[1 << 17];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int slow = client_open(), other = client_open();
	bool got = false, busy = false;
	ssize_t len;

	client_ask(slow, DEVLINK_CMD_GET, NLM_F_DUMP, -1);
	assert_true(client_ask_done(slow, DEVLINK_CMD_GET, NLM_F_DUMP, -1));
	assert_true(client_ask_done(slow, DEVLINK_CMD_GET, 0, 7));
	check_dump(0, 3776);
	client_ask(other, DEVLINK_CMD_GET, NLM_F_ACK, 1);
	assert_true(client_recv(other, buf, sizeof(buf)) > 0);
	while (dump.done > 0) {
		len = client_recv(slow, buf, sizeof(buf));
		assert_true(len > 0);
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			assert_int_equal(((struct nlmsgerr *)(nlh + 1))->error, -EBUSY);
			busy = true;
		} else if (!(nlh->nlmsg_flags & NLM_F_MULTI)) {
			got = true;
		} else {
			dump_take(&dump, buf, len);
		}
	}
	assert_int_equal(dump.objects, fake.objects);
	assert_true(busy);
	assert_true(got);
	close(slow);
	close(other);
}

static void test_dump_abandoned(void **state)
{
	unsigned int fds = fake_count_fds();

	for (int i = 0; i < 100; i++) {
		int fd = client_open();

		client_ask(fd, DEVLINK_CMD_GET, NLM_F_DUMP, -1);
		close(fd);
	}
	assert_true(fake_wait_fds(fds));
	assert_true(fake_wait(&fake.clients, 0, true));
}

/* ---- dumps that are prepared by somebody else -------------------------------------- */

static void test_dump_prepared(void **state)
{
	struct dump dump = { .done = 1 };
	static uint32_t buf[1 << 17];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	bool answered = false;
	int fd = client_open();
	ssize_t len;

	client_ask(fd, DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1);
	/* Meanwhile the session answers. */
	client_ask(fd, DEVLINK_CMD_GET, 0, 7);
	while (dump.done > 0) {
		len = client_recv(fd, buf, sizeof(buf));
		assert_true(len > 0);
		if (nlh->nlmsg_flags & NLM_F_MULTI)
			dump_take(&dump, buf, len);
		else
			answered = true;
	}
	assert_int_equal(dump.done, 0);
	assert_int_equal(dump.objects, fake.objects);
	assert_true(answered);
	assert_true(fake_wait(&fake.prepared, 0, true));
	close(fd);
}

/* An error in the middle ends it, and another may begin. */
static void test_dump_prepare_fails(void **state)
{
	static uint32_t buf[1 << 17];
	int fd = client_open();

	fake.prepare_error = -ENODEV;
	for (int i = 0; i < 2; i++) {
		struct dump dump = { .done = 1 };

		client_ask(fd, DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1);
		while (dump.done > 0)
			dump_take(&dump, buf, client_recv(fd, buf, sizeof(buf)));
		assert_int_equal(dump.done, -ENODEV);
		assert_true(dump.objects > 0 && dump.objects < fake.objects);
	}
	fake.prepare_error = 0;
	assert_true(fake_wait(&fake.prepared, 0, true));
	close(fd);
}

/* Who leaves while his dump is prepared is let go when that is over, and not before. */
static void test_dump_prepare_abandoned(void **state)
{
	int fds[20];

	fake.prepare_hangs = true;
	for (int i = 0; i < 20; i++) {
		fds[i] = client_open();
		assert_true(client_ask_done(fds[i], DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1));
		/* A second one is refused meanwhile. */
		client_ask(fds[i], DEVLINK_CMD_PORT_GET, NLM_F_DUMP, -1);
		assert_int_equal(client_recv_error(fds[i]), -EBUSY);
		close(fds[i]);
	}
	assert_int_equal(fake_read(&fake.prepared), 0);
	fake_release();
	assert_true(fake_wait(&fake.clients, 0, true));
	assert_true(fake_wait(&fake.prepared, 0, true));
	fake.prepare_hangs = false;
}

/* What a parser refuses is an error before the dump, not its end. */
static void test_dump_refused(void **state)
{
	int fd = client_open();

	client_ask(fd, DEVLINK_CMD_GET, NLM_F_DUMP, 1);
	assert_int_equal(client_recv_error(fd), -EINVAL);
	assert_true(client_quiet(fd));
	close(fd);
}

static void test_events(void **state)
{
	struct fl_netns *ns = fl_netns_initial(fake.table);
	int a = subscribe(), b = subscribe(), bystander = client_open();
	uint32_t buf[256];

	for (uint32_t i = 0; i < 1000; i++) {
		fake_event(ns, i, 0);
		assert_true(client_recv(a, buf, sizeof(buf)) > 0);
		assert_int_equal(fake_number((struct nlmsghdr *)buf), i);
		assert_true(client_recv(b, buf, sizeof(buf)) > 0);
		assert_int_equal(fake_number((struct nlmsghdr *)buf), i);
	}
	assert_true(client_quiet(bystander));
	/* Who leaves the group hears no more. */
	assert_int_equal(client_call(b, FL_WIRE_SETOPT, NETLINK_DROP_MEMBERSHIP, FL_GROUP_CONFIG,
				     NULL, 0, -1).error, 0);
	fake_event(ns, 5, 0);
	assert_true(client_recv(a, buf, sizeof(buf)) > 0);
	assert_true(client_quiet(b));
	close(a);
	close(b);
	close(bystander);
}

struct reader {
	int fd;
	uint32_t events, last, overruns;
	bool gap;
	uint32_t until;
};

static void *read_events(void *arg)
{
	struct reader *reader = arg;
	uint32_t buf[2048];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	while (reader->last != reader->until && client_recv(reader->fd, buf, sizeof(buf)) > 0) {
		if (nlh->nlmsg_type == FL_WIRE_OVERRUN) {
			reader->overruns++;
			continue;
		}
		reader->gap = reader->gap || fake_number(nlh) != reader->last + 1;
		reader->last = fake_number(nlh);
		reader->events++;
	}
	return NULL;
}

/* Paced by the reader that keeps up, so that only the other one falls behind. */
static void test_slow_reader(void **state)
{
	struct fl_netns *ns = fl_netns_initial(fake.table);
	enum { EVENTS = 3000 };
	struct reader good = { .fd = subscribe(), .until = EVENTS };
	struct reader slow = { .fd = subscribe(), .until = EVENTS };
	struct reader deaf = { .fd = subscribe(), .until = EVENTS };
	uint32_t buf[2048];

	assert_int_equal(
		client_call(deaf.fd, FL_WIRE_SETOPT, NETLINK_NO_ENOBUFS, 1, NULL, 0, -1).error, 0);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		fake_event(ns, i, 1024);
		assert_true(client_recv(good.fd, buf, sizeof(buf)) > 0);
		assert_int_equal(fake_number((struct nlmsghdr *)buf), i);
	}
	read_events(&slow);
	assert_int_equal(slow.last, EVENTS);
	assert_true(slow.gap);
	assert_true(slow.events < EVENTS);
	assert_int_equal(slow.overruns, 1);
	read_events(&deaf);
	assert_int_equal(deaf.last, EVENTS);
	assert_true(deaf.gap);
	assert_int_equal(deaf.overruns, 0);
	close(good.fd);
	close(slow.fd);
	close(deaf.fd);
}

/* The server's end of the only connection. */
static int server_end(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_un addr = { 0 };
		socklen_t len = sizeof(addr), int_len = sizeof(int);
		int listens;

		if (!getsockname(fd, (struct sockaddr *)&addr, &len) &&
		    !strcmp(addr.sun_path, client_path) &&
		    !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) && !listens)
			return fd;
	}
	return -1;
}

static void append_large_and_small(int n)
{
	fake_event(fl_netns_initial(fake.table), 1, 16384);
	fake_event(fl_netns_initial(fake.table), 2, 0);
}

/* A notification that is larger than the socket can take is lost, and the client told so, also if
 * others follow at once. */
static void test_large_event(void **state)
{
	int fd = subscribe(), least = 0;
	uint32_t buf[2048];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	assert_int_equal(setsockopt(server_end(), SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
	__atomic_store_n(&fake.on_get, append_large_and_small, __ATOMIC_SEQ_CST);
	assert_true(client_ask_done(fd, DEVLINK_CMD_GET, 0, 0));
	__atomic_store_n(&fake.on_get, NULL, __ATOMIC_SEQ_CST);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_type, FL_WIRE_OVERRUN);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(fake_number(nlh), 2);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0); /* the answer */
	assert_true(client_quiet(fd));
	close(fd);
}

/* A client that asks and never reads: nobody waits, its answers are lost in the end, it is
 * told so, and the session goes on. */
static void test_flood(void **state)
{
	int flood = client_open(), other = client_open();
	uint32_t buf[512], replies = 0, overruns = 0;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	for (int i = 0; i < 20000; i++)
		client_ask(flood, DEVLINK_CMD_GET, 0, 1);
	assert_true(client_ask_done(flood, DEVLINK_CMD_GET, 0, 1));
	client_ask(other, DEVLINK_CMD_GET, 0, 1);
	assert_true(client_recv(other, buf, sizeof(buf)) > 0);
	while (!client_quiet(flood)) {
		assert_true(client_recv(flood, buf, sizeof(buf)) > 0);
		if (nlh->nlmsg_type == FL_WIRE_OVERRUN)
			overruns++;
		else
			replies++;
	}
	assert_true(replies < 20000);
	assert_true(overruns >= 1);
	client_ask(flood, DEVLINK_CMD_GET, 0, 1);
	assert_true(client_recv(flood, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_type, FL_FAMILY_DEVLINK);
	close(flood);
	close(other);
}

static void filter(int fd, const char *bus, const char *dev, int port)
{
	uint32_t buf[64];
	struct fl_msg msg;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0,
		     DEVLINK_CMD_NOTIFY_FILTER_SET, 1);
	if (bus)
		fl_msg_put_str(&msg, DEVLINK_ATTR_BUS_NAME, bus);
	if (dev)
		fl_msg_put_str(&msg, DEVLINK_ATTR_DEV_NAME, dev);
	if (port >= 0)
		fl_msg_put_u32(&msg, DEVLINK_ATTR_PORT_INDEX, (uint32_t)port);
	fl_msg_end(&msg);
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, msg.len, NULL, 0);
	assert_int_equal(client_recv_error(fd), 0);
}

/* The numbers of what passes of: 1 dev0/1, 2 dev0/2, 3 dev1/1, 4 dev0 without port. */
static unsigned int passes(int fd)
{
	struct fl_netns *ns = fl_netns_initial(fake.table);
	unsigned int got = 0;
	uint32_t buf[256];

	fake_event_port(ns, 1, "dev0", 1);
	fake_event_port(ns, 2, "dev0", 2);
	fake_event_port(ns, 3, "dev1", 1);
	fake_event(ns, 4, 0);
	while (!client_quiet(fd)) {
		assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
		got = got * 10 + fake_number((struct nlmsghdr *)buf);
	}
	return got;
}

static void test_filter(void **state)
{
	int fd = subscribe();

	assert_int_equal(passes(fd), 1234);
	filter(fd, "fake", "dev0", -1);
	assert_int_equal(passes(fd), 124);
	filter(fd, "fake", "dev0", 2);
	assert_int_equal(passes(fd), 24);
	filter(fd, NULL, NULL, 1);
	assert_int_equal(passes(fd), 134);
	filter(fd, "other", NULL, -1);
	assert_int_equal(passes(fd), 0);
	filter(fd, NULL, NULL, -1);
	assert_int_equal(passes(fd), 1234);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dump_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_waits_for_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_abandoned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_prepared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_prepare_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_prepare_abandoned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_event, setup_one_thread, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filter, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
