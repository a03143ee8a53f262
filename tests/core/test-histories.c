/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-histories.c - many writers and readers on shared instances; every reader checks
 * what it saw against what it must have seen (C1 to C4):
 *
 *   half      an object, or an instance's objects among each other, are seen half changed
 *   older     a reader that has read a notification is answered from before it
 *   backward  a reader is answered from an older state than it was answered from before
 *   lost      an operation's edit is gone after it was acknowledged
 *   place     an instance is seen in a namespace in which it is not
 *   mirror    the last notification about an object is not what a get then shows
 *
 * usage: test-histories [--expect NAMES]  with a fault planted in the commit: it must be
 *        found, as one of the names
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/thread.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

#define PORTS 6
#define WRITERS 3
#define READERS 3
#define RUN_NS (2 * FL_NS_PER_S)

static struct fixture *fixture;
static struct fl_devlink *dl, *mover_dl, *nested_dl;
static struct fl_netns *place[2]; /* the initial namespace and another one */
static int stop;
static pthread_mutex_t finding_lock = PTHREAD_MUTEX_INITIALIZER;
static char finding[32];

static void found(const char *what, const char *fmt, unsigned long a, unsigned long b)
{
	pthread_mutex_lock(&finding_lock);
	if (!*finding) {
		snprintf(finding, sizeof(finding), "%s", what);
		printf("%s: ", what);
		printf(fmt, a, b);
		printf("\n");
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&finding_lock);
}

static bool going(void)
{
	return !__atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* ---- values: the address and max_io_eqs of a port always tell the same number ------ */

static uint32_t port_number(const void *message, bool *ret_whole)
{
	static const uint16_t eqs_path[] = { DEVLINK_ATTR_PORT_FUNCTION,
					     DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, 0 };
	static const uint16_t addr_path[] = { DEVLINK_ATTR_PORT_FUNCTION,
					      DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, 0 };
	const struct nlattr *eqs = answer_attr(message, eqs_path);
	const struct nlattr *addr = answer_attr(message, addr_path);
	const uint8_t *bytes = fl_attr_data(addr);
	uint32_t number = fl_attr_u32(eqs);

	*ret_whole =
		number == ((uint32_t)bytes[2] << 24 | bytes[3] << 16 | bytes[4] << 8 | bytes[5]);
	return number;
}

static uint32_t port_generation(const void *message)
{
	static const uint16_t path[] = { DEVLINK_ATTR_PORT_NETDEV_IFINDEX, 0 };
	const struct nlattr *attr = answer_attr(message, path);

	return attr ? fl_attr_u32(attr) : 0;
}

static uint32_t moves(const void *message)
{
	static const uint16_t path[] = {
		DEVLINK_ATTR_DEV_STATS, DEVLINK_ATTR_RELOAD_STATS, DEVLINK_ATTR_RELOAD_ACTION_INFO,
		DEVLINK_ATTR_RELOAD_ACTION_STATS, DEVLINK_ATTR_RELOAD_STATS_ENTRY,
		DEVLINK_ATTR_RELOAD_STATS_VALUE, 0 };

	return fl_attr_u32(answer_attr(message, path));
}

static uint32_t port_index(const void *message)
{
	static const uint16_t path[] = { DEVLINK_ATTR_PORT_INDEX, 0 };

	return fl_attr_u32(answer_attr(message, path));
}

static bool about(const void *message, const struct fl_devlink *which)
{
	static const uint16_t path[] = { DEVLINK_ATTR_DEV_NAME, 0 };

	return !strcmp(fl_attr_str(answer_attr(message, path)), fl_devlink_dev_name(which));
}

/* ---- writers ---------------------------------------------------------------------- */

static uint32_t ask_port(uint32_t port)
{
	struct request request;
	uint32_t number;
	bool whole;

	request_init(&request, fixture, place[0], DEVLINK_CMD_PORT_GET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
	fl_assert(!request_run(&request));
	number = port_number(request.req.reply.buf, &whole);
	if (!whole)
		found("half", "port %lu shows number %lu with another address", port, number);
	request_done(&request);
	return number;
}

static void write_port(uint32_t port, uint32_t number)
{
	uint8_t addr[6] = { 0, 0, number >> 24, number >> 16, number >> 8, number };
	struct request request;
	size_t nest;

	request_init(&request, fixture, place[0], DEVLINK_CMD_PORT_SET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
	nest = fl_msg_nest(&request.msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put(&request.msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, addr, sizeof(addr));
	fl_msg_put_u32(&request.msg, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, number);
	fl_msg_nest_end(&request.msg, nest);
	fl_assert(!request_run(&request));
	request_done(&request);
}

/* Each port has one writer, so what it wrote is what it must read. */
static void *port_writer(void *arg)
{
	uint32_t first = (uintptr_t)arg;

	for (uint32_t number = 1; going(); number++) {
		for (uint32_t port = first; port < PORTS && going(); port += WRITERS) {
			write_port(port, number);
			if (ask_port(port) != number)
				found("lost", "port %lu does not show number %lu any more", port,
				      number);
		}
	}
	return NULL;
}

/* All ports of the instance get the same generation in one commit. */
static int set_generation(struct fl_op *op, void *arg)
{
	uint32_t *generation = arg;
	struct fl_txn *txn;

	fl_assert(!fl_txn_begin(op, dl, &txn));
	for (uint32_t port = 0; port < PORTS; port++) {
		fl_port_netdev_set(txn, port, *generation, "eth");
		fl_port_notify(txn, port);
	}
	return fl_txn_commit(txn);
}

static int do_move(struct fl_op *op, void *arg)
{
	uint32_t *count = arg;
	struct fl_txn *txn;

	fl_assert(!fl_txn_begin(op, mover_dl, &txn));
	fl_txn_touch(txn, FL_TXN_RELOAD);
	txn->values.stats.count[0][DEVLINK_RELOAD_ACTION_DRIVER_REINIT] = *count;
	fl_txn_move(txn, place[*count % 2]);
	return fl_txn_commit(txn);
}

/* Moves a nested instance too: the port that shows it must announce itself. */
static int do_move_nested(struct fl_op *op, void *arg)
{
	uint32_t *count = arg;
	struct fl_txn *txn;

	fl_assert(!fl_txn_begin(op, nested_dl, &txn));
	fl_txn_move(txn, place[*count % 2]);
	return fl_txn_commit(txn);
}

static int link_nested(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	fl_assert(!fl_txn_begin(op, dl, &txn));
	fl_port_fn_nested_set(txn, 0, nested_dl);
	fl_port_notify(txn, 0);
	return fl_txn_commit(txn);
}

static void *instance_writer(void *arg)
{
	for (uint32_t i = 1; going(); i++) {
		fl_assert(!fixture_operation(fixture, dl->lane, set_generation, &i));
		fl_assert(!fixture_operation(fixture, mover_dl->lane, do_move, &i));
		fl_assert(!fixture_operation(fixture, nested_dl->lane, do_move_nested, &i));
	}
	return NULL;
}

/* ---- readers ---------------------------------------------------------------------- */

struct reader {
	uint64_t position[2];
	uint32_t told[PORTS], seen[PORTS];
	uint32_t told_moves, seen_moves;
};

static void read_event(struct reader *reader, const struct fl_evrec *rec)
{
	bool whole;

	if (rec->cmd == DEVLINK_CMD_PORT_NEW && about(rec->data, dl))
		reader->told[port_index(rec->data)] = port_number(rec->data, &whole);
	if ((rec->cmd == DEVLINK_CMD_NEW || rec->cmd == DEVLINK_CMD_DEL) &&
	    about(rec->data, mover_dl) && moves(rec->data) > reader->told_moves)
		reader->told_moves = moves(rec->data);
}

static void read_events(struct reader *reader)
{
	struct fl_evrec *rec;
	int err;

	for (int i = 0; i < 2; i++) {
		while ((err = fl_evlog_read(place[i]->log, &reader->position[i], &rec)) !=
		       -EAGAIN) {
			if (err)
				continue;
			read_event(reader, rec);
			fl_evrec_put(rec);
		}
	}
}

static void check_ports(struct reader *reader)
{
	uint32_t number;

	for (uint32_t port = 0; port < PORTS; port++) {
		number = ask_port(port);
		if (number < reader->told[port])
			found("older", "a port was told with %lu and shown with %lu",
			      reader->told[port], number);
		if (number < reader->seen[port])
			found("backward", "a port was shown with %lu, then with %lu",
			      reader->seen[port], number);
		reader->seen[port] = number;
	}
}

/* One datagram of a dump is one read section: all ports are of one version. */
static void check_dump(void)
{
	static _Thread_local unsigned char buf[16384] __attribute__((aligned(8)));
	struct fl_msg msg;
	struct fl_dump dump = { .msg = &msg };
	struct request request;
	uint32_t first = 0;
	int n = 0;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	request_init(&request, fixture, place[0], DEVLINK_CMD_PORT_GET, dl);
	fl_msg_end(&request.msg);
	request.req.nlh = (struct nlmsghdr *)request.buf;
	fl_assert(!fl_nl_parse(request.req.nlh, GENL_HDRLEN, request.req.cmd->dump_policy,
			       request.req.cmd->dump_max, true, request.req.tb,
			       &request.req.extack));
	fl_assert(!fl_commands[DEVLINK_CMD_PORT_GET].dumpit(&request.req, &dump));
	for (size_t at = 0; at < msg.len; n++) {
		uint32_t generation = port_generation(buf + at);

		if (n && generation != first)
			found("half", "one version shows generations %lu and %lu", first,
			      generation);
		first = generation;
		at += ((struct nlmsghdr *)(buf + at))->nlmsg_len;
	}
	if (n != PORTS)
		found("half", "one version shows %lu of %lu ports", n, PORTS);
	request_done(&request);
}

static void check_place(struct reader *reader)
{
	struct request request;
	uint32_t count;

	for (unsigned int i = 0; i < 2; i++) {
		request_init(&request, fixture, place[i], DEVLINK_CMD_GET, mover_dl);
		if (!request_run(&request)) {
			count = moves(request.req.reply.buf);
			if (count % 2 != i)
				found("place", "after %lu moves it is shown in namespace %lu",
				      count, i);
			if (count < reader->told_moves)
				found("older", "%lu moves were told, %lu are shown",
				      reader->told_moves, count);
			if (count < reader->seen_moves)
				found("backward", "%lu moves were shown, then %lu",
				      reader->seen_moves, count);
			reader->seen_moves = count;
		}
		request_done(&request);
	}
}

static void *reader(void *arg)
{
	struct reader state = { 0 };

	for (int i = 0; i < 2; i++)
		state.position[i] = fl_evlog_end(place[i]->log);
	while (going()) {
		read_events(&state);
		check_ports(&state);
		read_events(&state);
		check_dump();
		read_events(&state);
		check_place(&state);
	}
	return NULL;
}

/* ---- the mirror: what is left of a subscriber who only listens --------------------- */

static struct fl_evrec *last_port[PORTS];

static void *mirror(void *arg)
{
	uint64_t *position = arg;
	struct fl_evrec *rec;
	int err;

	for (;;) {
		err = fl_evlog_read(place[0]->log, position, &rec);
		if (err == -EAGAIN && !going())
			return NULL;
		if (err == -EAGAIN)
			usleep(100);
		if (err)
			continue;
		if (rec->cmd == DEVLINK_CMD_PORT_NEW && about(rec->data, dl)) {
			fl_evrec_put(last_port[port_index(rec->data)]);
			last_port[port_index(rec->data)] = rec;
		} else {
			fl_evrec_put(rec);
		}
	}
}

static void mirror_catch_up(uint64_t *position)
{
	fl_assert(!fl_sched_drain(fl_plane_sched(fixture->plane), 10 * FL_NS_PER_S));
	mirror(position);
}

static bool same(const void *a, const void *b)
{
	size_t len = ((const struct nlmsghdr *)a)->nlmsg_len, head = NLMSG_HDRLEN + GENL_HDRLEN;

	return len == ((const struct nlmsghdr *)b)->nlmsg_len &&
	       !memcmp((const char *)a + head, (const char *)b + head, len - head);
}

static void check_mirror(void)
{
	struct request request;

	for (uint32_t port = 0; port < PORTS; port++) {
		request_init(&request, fixture, place[0], DEVLINK_CMD_PORT_GET, dl);
		fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
		fl_assert(!request_run(&request));
		if (last_port[port] && !same(last_port[port]->data, request.req.reply.buf))
			found("mirror", "port %lu was last told with %lu bytes that differ", port,
			      last_port[port]->len);
		request_done(&request);
		fl_evrec_put(last_port[port]);
	}
}

/* ---- the run ---------------------------------------------------------------------- */

static void run(void)
{
	pthread_t threads[WRITERS + READERS + 2];
	uint64_t mirror_position = fl_evlog_end(place[0]->log);
	uint64_t end = fl_now_ns() + RUN_NS;
	int n = 0;

	for (uintptr_t i = 0; i < WRITERS; i++)
		fl_assert(
			!fl_thread_start(&threads[n++], "port-writer", 0, port_writer, (void *)i));
	for (int i = 0; i < READERS; i++)
		fl_assert(!fl_thread_start(&threads[n++], "reader", 0, reader, NULL));
	fl_assert(!fl_thread_start(&threads[n++], "writer", 0, instance_writer, NULL));
	fl_assert(!fl_thread_start(&threads[n++], "mirror", 0, mirror, &mirror_position));
	while (going() && fl_now_ns() < end)
		usleep(10000);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	while (n)
		pthread_join(threads[--n], NULL);
	mirror_catch_up(&mirror_position);
	check_mirror();
}

static int verdict(const char *expect)
{
	if (!expect) {
		if (!*finding)
			printf("histories: nothing found\n");
		return *finding ? 1 : 0;
	}
	if (*finding && strstr(expect, finding))
		return 0;
	printf("the planted fault '%s' was not found (found: '%s')\n", expect, finding);
	return 1;
}

int main(int argc, char **argv)
{
	const char *expect = argc == 3 && !strcmp(argv[1], "--expect") ? argv[2] : NULL;

	fl_rcu_register_thread();
	fixture = fixture_new(NULL);
	fixture->knobs.ports = PORTS;
	dl = fixture_add(fixture, "shared");
	mover_dl = fixture_add(fixture, "mover");
	nested_dl = fixture_add(fixture, "nested");
	place[0] = fl_netns_get(fl_netns_initial(fl_plane_netns(fixture->plane)));
	place[1] = fl_netns_get_by_cookie(fl_plane_netns(fixture->plane), UINT64_MAX);
	fl_assert(place[1]);
	fl_assert(!fixture_operation(fixture, dl->lane, link_nested, NULL));
	run();
	fl_devlink_put(dl);
	fl_devlink_put(mover_dl);
	fl_devlink_put(nested_dl);
	fl_netns_put(place[0]);
	fl_netns_put(place[1]);
	fixture_free(fixture);
	fl_rcu_barrier();
	fl_rcu_unregister_thread();
	return verdict(expect);
}
