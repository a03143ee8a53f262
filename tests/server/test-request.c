/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-request.c - headers, options, names, and the order of answers. */
#include "tests/server/fake.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
	fake_start(&(struct fake_config){ .objects = 3 });
	return 0;
}

static int setup_one_thread(void **state)
{
	fake_start(&(struct fake_config){ .objects = 3, .io_threads = 1 });
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	return 0;
}

static int ask_error(int fd, uint16_t type, uint16_t flags, uint8_t cmd)
{
	uint32_t buf[64];
	size_t len = client_build(buf, type, flags, cmd, -1);

	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, len, NULL, 0);
	return client_recv_error(fd);
}

static void test_headers(void **state)
{
	int fd = client_open();
	uint32_t buf[64] = { 0 };
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

	assert_int_equal(ask_error(fd, 0x99, 0, 1), -ENOENT);
	assert_int_equal(ask_error(fd, FL_FAMILY_DEVLINK, 0, 0), -EOPNOTSUPP);
	assert_int_equal(ask_error(fd, FL_FAMILY_DEVLINK, 0, 250), -EOPNOTSUPP);
	assert_int_equal(ask_error(fd, FL_FAMILY_DEVLINK, NLM_F_DUMP, DEVLINK_CMD_PORT_SET),
			 -EOPNOTSUPP);
	assert_int_equal(ask_error(fd, FL_FAMILY_DEVLINK, 0, DEVLINK_CMD_GET), -EINVAL);
	/* Commands from NOTIFY_FILTER_SET on do not take flags that mean nothing. */
	assert_int_equal(ask_error(fd, FL_FAMILY_DEVLINK, NLM_F_ACK, DEVLINK_CMD_NOTIFY_FILTER_SET),
			 0);
	assert_int_equal(ask_error(fd, FL_FAMILY_DEVLINK, NLM_F_EXCL | NLM_F_ACK,
				   DEVLINK_CMD_NOTIFY_FILTER_SET), -EINVAL);
	/* Control messages and what is no request are acknowledged, if asked. */
	assert_int_equal(ask_error(fd, NLMSG_NOOP, NLM_F_ACK, 0), 0);
	*nlh = (struct nlmsghdr){ 20, FL_FAMILY_DEVLINK, NLM_F_ACK, 7, 0 };
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, 20, NULL, 0);
	assert_int_equal(client_recv_error(fd), 0);
	/* Without its generic header. */
	*nlh = (struct nlmsghdr){ 16, FL_FAMILY_DEVLINK, NLM_F_REQUEST, 8, 0 };
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, 16, NULL, 0);
	assert_int_equal(client_recv_error(fd), -EINVAL);
	/* A length beyond the packet, or below a header: nothing happens. */
	nlh->nlmsg_len = 17;
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, 16, NULL, 0);
	nlh->nlmsg_len = 3;
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, 16, NULL, 0);
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, 5, NULL, 0);
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, 0, NULL, 0);
	assert_true(client_quiet(fd));
	close(fd);
}

static void test_get(void **state)
{
	int fd = client_open();
	uint32_t buf[256], seq;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	seq = client_ask(fd, DEVLINK_CMD_GET, NLM_F_ACK, 2);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_type, FL_FAMILY_DEVLINK);
	assert_int_equal(nlh->nlmsg_seq, seq);
	assert_int_equal(nlh->nlmsg_pid, getpid());
	assert_int_equal(client_recv_error(fd), 0);
	/* Without an ACK there is only the reply, and a lookup of nothing is an error anyway. */
	client_ask(fd, DEVLINK_CMD_GET, 0, 1);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_type, FL_FAMILY_DEVLINK);
	client_ask(fd, DEVLINK_CMD_GET, 0, 3);
	assert_int_equal(client_recv_error(fd), -ENODEV);
	assert_true(client_quiet(fd));
	close(fd);
}

static void test_ext_ack(void **state)
{
	int fd = client_open();
	uint32_t buf[256];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	ssize_t plain, capped, extended;

	client_ask(fd, DEVLINK_CMD_GET, 0, 3);
	plain = client_recv(fd, buf, sizeof(buf));
	assert_int_equal(client_call(fd, FL_WIRE_SETOPT, NETLINK_CAP_ACK, 1, NULL, 0, -1).error, 0);
	client_ask(fd, DEVLINK_CMD_GET, 0, 3);
	capped = client_recv(fd, buf, sizeof(buf));
	assert_true(capped < plain);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_CAPPED);
	assert_int_equal(client_call(fd, FL_WIRE_SETOPT, NETLINK_EXT_ACK, 1, NULL, 0, -1).error, 0);
	client_ask(fd, DEVLINK_CMD_GET, 0, 3);
	extended = client_recv(fd, buf, sizeof(buf));
	assert_true(extended > capped);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	assert_non_null(memmem(buf, (size_t)extended, "no such object", 14));
	close(fd);
}

static void test_several_in_one_packet(void **state)
{
	int fd = client_open();
	uint32_t buf[192], answer[256];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)answer;
	size_t len = 0;
	uint32_t seqs[3];
	const uint8_t cmds[] = { DEVLINK_CMD_GET, DEVLINK_CMD_PORT_SET, DEVLINK_CMD_GET };

	for (int i = 0; i < 3; i++)
		len += client_build(buf + len / 4, FL_FAMILY_DEVLINK, 0, cmds[i], i);
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, len, NULL, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(client_recv(fd, answer, sizeof(answer)) > 0);
		assert_int_equal(nlh->nlmsg_type, FL_FAMILY_DEVLINK);
		seqs[i] = nlh->nlmsg_seq;
	}
	assert_int_equal(seqs[1], seqs[0] + 1);
	assert_int_equal(seqs[2], seqs[1] + 1);
	close(fd);
}

/* atomic */
static int bystander = -1;
static bool bystander_was_answered;

/* The first of many requests in a packet is followed by one of another client; by the last it is
 * answered. */
static void on_get(int n)
{
	int fd = __atomic_load_n(&bystander, __ATOMIC_SEQ_CST);
	uint32_t answer[64];

	if (n == 1)
		client_ask(fd, DEVLINK_CMD_GET, 0, 0);
	if (n == 2 && recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
		__atomic_store_n(&bystander_was_answered, true, __ATOMIC_SEQ_CST);
}

static void test_many_in_one_packet(void **state)
{
	static uint32_t buf[16384];
	int fd = client_open(), other = client_open();
	size_t len = 0;

	__atomic_store_n(&bystander, other, __ATOMIC_SEQ_CST);
	assert_int_equal(client_call(other, FL_WIRE_NAME, 0, 0, NULL, 0, -1).error, 0);
	__atomic_store_n(&fake.on_get, on_get, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 1000; i++)
		len += client_build(buf + len / 4, FL_FAMILY_DEVLINK, 0, DEVLINK_CMD_GET,
				    i == 0 ? 1 : i == 999 ? 2 : 0);
	assert_int_equal(client_call(fd, FL_WIRE_NETLINK, 0, 0, buf, len, -1).error, 0);
	__atomic_store_n(&fake.on_get, NULL, __ATOMIC_SEQ_CST);
	assert_true(__atomic_load_n(&bystander_was_answered, __ATOMIC_SEQ_CST));
	for (int i = 0; i < 1000; i++)
		assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_true(client_quiet(fd));
	close(fd);
	close(other);
}

static void test_nlctrl(void **state)
{
	int fd = client_open();
	uint32_t buf[4096];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	struct fl_msg msg;
	size_t len;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	fl_msg_begin(&msg, GENL_ID_CTRL, NLM_F_REQUEST, 5, 0, CTRL_CMD_GETFAMILY, 1);
	fl_msg_put_str(&msg, CTRL_ATTR_FAMILY_NAME, "devlink");
	fl_msg_end(&msg);
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, msg.len, NULL, 0);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_type, GENL_ID_CTRL);
	assert_int_equal(nlh->nlmsg_seq, 5);

	len = client_build(buf, GENL_ID_CTRL, NLM_F_DUMP, CTRL_CMD_GETFAMILY, -1);
	client_send(fd, FL_WIRE_NETLINK, 0, 0, 0, buf, len, NULL, 0);
	do {
		assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	} while (!memmem(buf, sizeof(buf), "devlink", 8));
	close(fd);
}

/* Events, reply, ACK, and only then the token. */
static void test_order(void **state)
{
	uint32_t buf[256], number;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int fd = client_open();

	assert_int_equal(
		client_call(fd, FL_WIRE_BIND, 0, 1U << (FL_GROUP_CONFIG - 1), NULL, 0, -1).error,
		0);
	for (int i = 0; i < 20; i++) {
		assert_true(client_ask_done(fd, DEVLINK_CMD_PORT_SET, NLM_F_ACK, 0));
		assert_true(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
		assert_int_equal(nlh->nlmsg_pid, 0);
		number = fake_number(nlh);
		assert_true(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
		assert_int_equal(nlh->nlmsg_pid, getpid());
		assert_int_equal(fake_number(nlh), number);
		assert_true(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
		assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	}
	close(fd);
}

/* Requests of one session do not overtake each other, also not a fast one a slow one. */
static void test_one_at_a_time(void **state)
{
	uint32_t buf[256], first, second;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int fd = client_open();

	first = client_ask(fd, DEVLINK_CMD_PORT_SET, 0, 0);
	second = client_ask(fd, DEVLINK_CMD_GET, 0, 0);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_seq, first);
	assert_true(client_recv(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(nlh->nlmsg_seq, second);
	close(fd);
}

static int set(int fd, uint32_t name, uint32_t value)
{
	return client_call(fd, FL_WIRE_SETOPT, name, value, NULL, 0, -1).error;
}

static void test_options(void **state)
{
	static const uint32_t flags[] = { NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR,
					  NETLINK_NO_ENOBUFS, NETLINK_CAP_ACK, NETLINK_EXT_ACK,
					  NETLINK_GET_STRICT_CHK };
	struct fl_wire_reply reply;
	int fd = client_open();

	for (size_t i = 0; i < FL_ARRAY_SIZE(flags); i++) {
		assert_int_equal(client_call(fd, FL_WIRE_GETOPT, flags[i], 0, NULL, 0, -1).value0,
				 0);
		assert_int_equal(set(fd, flags[i], 5), 0);
		assert_int_equal(client_call(fd, FL_WIRE_GETOPT, flags[i], 0, NULL, 0, -1).value0,
				 1);
		assert_int_equal(set(fd, flags[i], 0), 0);
		assert_int_equal(client_call(fd, FL_WIRE_GETOPT, flags[i], 0, NULL, 0, -1).value0,
				 0);
	}
	assert_int_equal(set(fd, NETLINK_RX_RING, 1), -ENOPROTOOPT);
	assert_int_equal(set(fd, NETLINK_LIST_MEMBERSHIPS, 1), -ENOPROTOOPT);
	assert_int_equal(set(fd, 77, 1), -ENOPROTOOPT);
	assert_int_equal(
		client_call(fd, FL_WIRE_GETOPT, NETLINK_ADD_MEMBERSHIP, 0, NULL, 0, -1).error,
		-ENOPROTOOPT);
	assert_int_equal(set(fd, NETLINK_ADD_MEMBERSHIP, 0), -EINVAL);
	assert_int_equal(set(fd, NETLINK_ADD_MEMBERSHIP, 65), -EINVAL);
	assert_int_equal(set(fd, NETLINK_DROP_MEMBERSHIP, 500), -EINVAL);
	assert_int_equal(set(fd, NETLINK_ADD_MEMBERSHIP, 64), 0);
	assert_int_equal(set(fd, NETLINK_ADD_MEMBERSHIP, FL_GROUP_CONFIG), 0);
	reply = client_call(fd, FL_WIRE_GETOPT, NETLINK_LIST_MEMBERSHIPS, 0, NULL, 0, -1);
	assert_true(reply.value1 == (1ULL << 63 | 1ULL << (FL_GROUP_CONFIG - 1)));
	/* Members need not be bound. */
	reply = client_call(fd, FL_WIRE_NAME, 0, 0, NULL, 0, -1);
	assert_int_equal(reply.value0, 0);
	assert_int_equal(reply.value1, 1 << (FL_GROUP_CONFIG - 1));
	assert_int_equal(set(fd, NETLINK_DROP_MEMBERSHIP, FL_GROUP_CONFIG), 0);
	reply = client_call(fd, FL_WIRE_GETOPT, NETLINK_LIST_MEMBERSHIPS, 0, NULL, 0, -1);
	assert_true(reply.value1 == 1ULL << 63);
	close(fd);
}

static void test_bind(void **state)
{
	int a = client_open(), b = client_open(), c = client_open(), d;
	struct fl_wire_reply reply;

	reply = client_call(a, FL_WIRE_BIND, 0, 0xffffffff, NULL, 0, -1);
	assert_int_equal(reply.error, 0);
	assert_int_equal(reply.value0, getpid());
	/* Once bound, only the same id; the groups are set anew. */
	assert_int_equal(client_call(a, FL_WIRE_BIND, 0, 0, NULL, 0, -1).error, -EINVAL);
	assert_int_equal(client_call(a, FL_WIRE_BIND, 77, 0, NULL, 0, -1).error, -EINVAL);
	assert_int_equal(client_call(a, FL_WIRE_BIND, (uint32_t)getpid(), 1, NULL, 0, -1).error, 0);
	reply = client_call(a, FL_WIRE_NAME, 0, 0, NULL, 0, -1);
	assert_int_equal(reply.value0, getpid());
	assert_int_equal(reply.value1, 1);

	assert_int_equal(client_call(b, FL_WIRE_BIND, (uint32_t)getpid(), 0, NULL, 0, -1).error,
			 -EADDRINUSE);
	reply = client_call(b, FL_WIRE_BIND, 0, 0, NULL, 0, -1);
	assert_int_equal(reply.error, 0);
	assert_true((int32_t)reply.value0 <= -4097);
	assert_int_equal(client_call(c, FL_WIRE_BIND, 5, 0, NULL, 0, -1).value0, 5);
	/* What is closed is free again. */
	close(a);
	for (int tries = 0; tries < 1000; tries++) {
		d = client_open();
		reply = client_call(d, FL_WIRE_BIND, (uint32_t)getpid(), 0, NULL, 0, -1);
		close(d);
		if (!reply.error)
			break;
		usleep(1000);
	}
	assert_int_equal(reply.error, 0);
	close(b);
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ext_ack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_in_one_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_in_one_packet, setup_one_thread,
						teardown),
		cmocka_unit_test_setup_teardown(test_nlctrl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
