/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-removal.c - the server and the real core: a device is removed while its driver sleeps in
 * a callback and hears nothing. Whoever waits for that is told, and his socket goes on.
 */
#include "tests/server/fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/rcu.h"
#include "base/util.h"
#include "core/knob.h"
#include "tests/core/fixture.h"

#define DEADLINE_NS (200 * FL_NS_PER_MS) /* of removals */

static struct fixture *fixture;
static struct fl_server *server;
static char folder[] = "/tmp/fl-removal-XXXXXX";
static int asleep, wake; /* atomic: callbacks that sleep; whether they may go on */

/* ---- the driver that is deaf at port 1 -------------------------------------------------- */

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void sleep_deaf(void)
{
	__atomic_add_fetch(&asleep, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&wake, __ATOMIC_SEQ_CST))
		nap();
	__atomic_sub_fetch(&asleep, 1, __ATOMIC_SEQ_CST);
}

/* It goes on as if nothing had happened. */
static int deaf_fn_set_late(struct fl_op *op)
{
	struct fl_txn *txn = fl_op_data(op);

	sleep_deaf();
	fl_extack_set(fl_txn_extack(txn), "nobody hears this");
	fl_port_fn_max_io_eqs_set(txn, 1, 77);
	fl_port_notify(txn, 1);
	fl_op_set_data(op, NULL);
	return 0;
}

static int deaf_fn_set(struct fl_op *op, struct fl_txn *txn, uint32_t index,
		       const struct fl_port_fn_change *change)
{
	fl_port_fn_max_io_eqs_set(txn, index, change->max_io_eqs);
	if (index != 1)
		return 0;
	fl_op_set_data(op, txn);
	return fl_op_block(op, deaf_fn_set_late);
}

static const struct fl_devlink_ops deaf_ops = {
	.port_fn_set = deaf_fn_set,
};

static int deaf_knob_run(struct fl_op *op, struct fl_knob_call *call)
{
	sleep_deaf();
	fl_extack_set(&call->extack, "nobody hears this");
	return -EINVAL;
}

static int deaf_knob_write(struct fl_knob_call *call)
{
	return fl_knob_post(call, call->arg, deaf_knob_run);
}

static const struct fl_knob_ops deaf_knob = { .write = deaf_knob_write };

/* ---- the plane -------------------------------------------------------------------------- */

static int serve(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_non_null(mkdtemp(folder));
	snprintf(client_path, sizeof(client_path), "%s/s", folder);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", client_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static int set_up(void **state)
{
	struct fl_server_config config = { .private_plane = true };

	fl_rcu_register_thread();
	fixture = fixture_new(&(struct fl_sched_config){ .remove_deadline_ns = DEADLINE_NS });
	fixture->knobs.ops = &deaf_ops;
	config.listen_fd = serve();
	return fl_server_new(fixture->plane, &config, &server);
}

static int tear_down(void **state)
{
	__atomic_store_n(&wake, 1, __ATOMIC_SEQ_CST);
	fl_server_free(server);
	fixture_free(fixture);
	unlink(client_path);
	rmdir(folder);
	fl_rcu_unregister_thread();
	return 0;
}

static void await(int *counter, int value)
{
	for (int ms = 0; __atomic_load_n(counter, __ATOMIC_SEQ_CST) != value; ms++) {
		assert_true(ms < 30000);
		nap();
	}
}

/* ---- the client ------------------------------------------------------------------------- */

static uint32_t seq;

static size_t build(uint32_t *buf, const struct fl_devlink *dl, uint8_t cmd, uint32_t port)
{
	struct fl_msg msg;
	size_t nest;

	fl_msg_init_fixed(&msg, buf, 512);
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, NLM_F_REQUEST | NLM_F_ACK, ++seq, 0, cmd, 1);
	fl_msg_put_str(&msg, DEVLINK_ATTR_BUS_NAME, fl_devlink_bus_name(dl));
	fl_msg_put_str(&msg, DEVLINK_ATTR_DEV_NAME, fl_devlink_dev_name(dl));
	fl_msg_put_u32(&msg, DEVLINK_ATTR_PORT_INDEX, port);
	if (cmd == DEVLINK_CMD_PORT_SET) {
		nest = fl_msg_nest(&msg, DEVLINK_ATTR_PORT_FUNCTION, true);
		fl_msg_put_u32(&msg, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, 8 + seq);
		fl_msg_nest_end(&msg, nest);
	}
	fl_msg_end(&msg);
	return msg.len;
}

static void ask(int fd, const struct fl_devlink *dl, uint8_t cmd, uint32_t port)
{
	uint32_t buf[128];
	size_t len = build(buf, dl, cmd, port);

	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, len, NULL, 0);
}

static void expect_parked(int fd)
{
	uint32_t buf[512];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	ssize_t len = client_recv(fd, buf, sizeof(buf));

	assert_true(len > 0);
	assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(((const struct nlmsgerr *)(nlh + 1))->error, -ENODEV);
	assert_non_null(memmem(buf, (size_t)len, FL_PARKED_TEXT, sizeof(FL_PARKED_TEXT)));
}

/* ---- the tests -------------------------------------------------------------------------- */

static void gone(void *arg, int err, const char *why)
{
	__atomic_store_n((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static void command_is_parked(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "deaf"),
			  *other = fixture_add(fixture, "other");
	int fd = client_open(), removed = 0;
	struct fl_sched_stats stats;
	uint32_t buf[512];

	client_call(fd, FL_WIRE_SETOPT, NETLINK_EXT_ACK, 1, NULL, 0, -1);
	ask(fd, dl, DEVLINK_CMD_PORT_SET, 1);
	ask(fd, other, DEVLINK_CMD_PORT_SET, 2);
	ask(fd, dl, DEVLINK_CMD_PORT_SET, 2);
	await(&asleep, 1);
	assert_true(client_quiet(fd));
	assert_int_equal(fl_device_remove_post(fl_devlink_device(dl), NULL, gone, &removed), 0);
	expect_parked(fd);
	assert_int_equal(client_recv_error(fd), 0);
	assert_int_equal(client_recv_error(fd), -ENODEV);
	await(&removed, 1);
	assert_int_equal(__atomic_load_n(&asleep, __ATOMIC_SEQ_CST), 1);
	ask(fd, other, DEVLINK_CMD_PORT_GET, 2);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(client_recv_error(fd), 0);

	/* It wakes up, with the client there and asking. */
	__atomic_store_n(&wake, 1, __ATOMIC_SEQ_CST);
	do {
		ask(fd, other, DEVLINK_CMD_PORT_SET, 2);
		assert_int_equal(client_recv_error(fd), 0);
		fl_sched_stats(fl_plane_sched(fixture->plane), &stats);
	} while (stats.submitted != stats.ended);
	assert_int_equal(stats.parked, 1);
	assert_true(client_quiet(fd));
	__atomic_store_n(&wake, 0, __ATOMIC_SEQ_CST);
	close(fd);
	fl_devlink_put(other);
	fl_devlink_put(dl);
}

/* The client has left before, and its operation wakes up when nothing of it is there. */
static void client_is_gone(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "left");
	int fd = client_open(), removed = 0;

	ask(fd, dl, DEVLINK_CMD_PORT_SET, 1);
	await(&asleep, 1);
	close(fd);
	assert_int_equal(fl_device_remove_post(fl_devlink_device(dl), NULL, gone, &removed), 0);
	await(&removed, 1);
	__atomic_store_n(&wake, 1, __ATOMIC_SEQ_CST);
	await(&asleep, 0);
	__atomic_store_n(&wake, 0, __ATOMIC_SEQ_CST);
	fl_devlink_put(dl);
}

static const char knob_path[] = "sys/deaf";

static void knob_is_parked(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "knob");
	char payload[64], text[FL_KNOB_TEXT_MAX + 1];
	int fd = client_open(), removed = 0, ends[2];
	struct fl_wire_reply reply;
	struct fl_knob *knob;

	assert_int_equal(fl_knob_add(fixture->plane, knob_path, &deaf_knob, dl->lane, &knob), 0);
	memcpy(payload, knob_path, sizeof(knob_path));
	payload[sizeof(knob_path)] = '1';
	assert_int_equal(pipe(ends), 0);
	client_send(fd, FL_WIRE_KNOB, FL_WIRE_F_TOKEN, FL_WIRE_KNOB_WRITE, 0, payload,
		    sizeof(knob_path) + 1, &ends[1], 1);
	close(ends[1]);
	await(&asleep, 1);
	assert_int_equal(fl_device_remove_post(fl_devlink_device(dl), NULL, gone, &removed), 0);
	assert_int_equal(read(ends[0], &reply, sizeof(reply)), sizeof(reply));
	assert_int_equal(reply.error, -ENODEV);
	assert_int_equal(read(ends[0], text, reply.value0), sizeof(FL_PARKED_TEXT) - 1);
	assert_memory_equal(text, FL_PARKED_TEXT, sizeof(FL_PARKED_TEXT) - 1);
	await(&removed, 1);
	assert_int_equal(__atomic_load_n(&asleep, __ATOMIC_SEQ_CST), 1);
	__atomic_store_n(&wake, 1, __ATOMIC_SEQ_CST);
	await(&asleep, 0);
	__atomic_store_n(&wake, 0, __ATOMIC_SEQ_CST);
	fl_knob_remove(knob);
	close(ends[0]);
	close(fd);
	fl_devlink_put(dl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_is_parked),
		cmocka_unit_test(client_is_gone),
		cmocka_unit_test(knob_is_parked),
	};

	return cmocka_run_group_tests_name("removal under clients", tests, set_up, tear_down);
}
