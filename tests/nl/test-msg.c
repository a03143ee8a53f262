/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-msg.c - building messages: bytes, sticky errors, nests, what is taken back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "nl/msg.h"

/* The whole buffer as hex, to compare with. */
static void assert_bytes(const struct fl_msg *msg, const char *hex)
{
	assert_int_equal(msg->err, 0);
	assert_int_equal(msg->len * 2, strlen(hex));
	for (size_t i = 0; i < msg->len; i++) {
		char byte[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		assert_int_equal(msg->buf[i], strtoul(byte, NULL, 16));
	}
}

static void test_bytes(void **state)
{
	struct fl_msg msg;
	size_t nest;

	fl_msg_init(&msg);
	fl_msg_begin(&msg, 0x16, 0, 0x11223344, 0x55, 7, 1);
	fl_msg_put_u8(&msg, 1, 0xab);
	fl_msg_put_str(&msg, 2, "abc");
	nest = fl_msg_nest(&msg, 3, true);
	fl_msg_put_u16(&msg, 4, 0x1234);
	fl_msg_put_flag(&msg, 5);
	fl_msg_nest_end(&msg, nest);
	fl_msg_put_bitfield32(&msg, 6, 1, 3);
	fl_msg_end(&msg);
	assert_bytes(&msg, "40000000160000004433221155000000"
			   "07010000"
			   "05000100ab000000"
			   "0800020061626300"
			   "10000380"
			   "0600040034120000"
			   "04000500"
			   "0c0006000100000003000000");
	fl_msg_done(&msg);
}

static void test_uint_takes_the_width_it_needs(void **state)
{
	struct fl_msg msg;

	fl_msg_init(&msg);
	fl_msg_put_uint(&msg, 1, UINT32_MAX);
	fl_msg_put_uint(&msg, 1, UINT32_MAX + 1ULL);
	fl_msg_put_u64(&msg, 2, 5);
	assert_bytes(&msg, "08000100ffffffff"
			   "0c0001000000000001000000"
			   "0c0002000500000000000000");
	fl_msg_done(&msg);
}

static void test_attributes_without_a_message(void **state)
{
	struct fl_msg attrs, msg;

	fl_msg_init(&attrs);
	fl_msg_put_u32(&attrs, 1, 2);
	fl_msg_init(&msg);
	fl_msg_begin_plain(&msg, NLMSG_DONE, NLM_F_MULTI, 1, 2);
	fl_msg_put_raw(&msg, attrs.buf, attrs.len);
	fl_msg_put_raw(&msg, "xyz", 3);
	fl_msg_put_raw(&msg, NULL, 0);
	fl_msg_end(&msg);
	assert_bytes(&msg, "1c000000030002000100000002000000"
			   "0800010002000000"
			   "78797a00");
	fl_msg_done(&attrs);
	fl_msg_done(&msg);
}

static void test_grows(void **state)
{
	struct fl_msg msg;
	char data[1000];

	memset(data, 'x', sizeof(data));
	fl_msg_init(&msg);
	for (int i = 0; i < 100; i++) {
		fl_msg_begin(&msg, 0x16, 0, i, 0, 1, 1);
		fl_msg_put(&msg, 1, data, sizeof(data));
		fl_msg_end(&msg);
	}
	assert_int_equal(msg.err, 0);
	assert_int_equal(msg.len, 100 * (20 + 1004));
	for (size_t at = 0; at < msg.len; at += 1024)
		assert_true(mnl_nlmsg_ok((struct nlmsghdr *)(msg.buf + at), (int)(msg.len - at)));
	fl_msg_reset(&msg);
	assert_int_equal(msg.len, 0);
	assert_true(msg.cap > 100000);
	fl_msg_done(&msg);
}

static void test_fixed_is_full(void **state)
{
	uint32_t buf[12];
	struct fl_msg msg;

	/* Room for one of two messages of 28 bytes, and not a byte beyond is written. */
	memset(buf, 0xee, sizeof(buf));
	fl_msg_init_fixed(&msg, buf, 11 * 4 + 3);
	for (int i = 0; i < 2; i++) {
		fl_msg_begin(&msg, 0x16, 0, i, 0, 1, 1);
		fl_msg_put_u32(&msg, 1, i);
		fl_msg_end(&msg);
	}
	assert_int_equal(msg.err, -EMSGSIZE);
	/* Sticky: what would fit does not go in any more. */
	fl_msg_put_flag(&msg, 1);
	assert_int_equal(msg.err, -EMSGSIZE);
	fl_msg_cancel(&msg);
	assert_int_equal(msg.err, 0);
	assert_int_equal(msg.len, 28);
	assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_len, 28);
	assert_int_equal(buf[11], 0xeeeeeeee);
	fl_msg_done(&msg);
}

static void test_exact_fit(void **state)
{
	uint32_t buf[7];
	struct fl_msg msg;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	fl_msg_begin(&msg, 0x16, 0, 0, 0, 1, 1);
	fl_msg_put_u8(&msg, 1, 1);
	fl_msg_end(&msg);
	assert_int_equal(msg.err, 0);
	assert_int_equal(msg.len, sizeof(buf));
}

static void test_cancel_keeps_an_older_error(void **state)
{
	uint32_t buf[8];
	struct fl_msg msg;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	fl_msg_begin(&msg, 0x16, 0, 0, 0, 1, 1);
	fl_msg_end(&msg);
	fl_msg_put(&msg, 1, "0123456789abcdef", 16);
	assert_int_equal(msg.err, -EMSGSIZE);
	fl_msg_begin(&msg, 0x16, 0, 0, 0, 1, 1);
	fl_msg_cancel(&msg);
	assert_int_equal(msg.err, -EMSGSIZE);
	assert_int_equal(msg.len, 20);
}

static void test_nest_cancel(void **state)
{
	struct fl_msg msg;
	size_t outer, inner;

	fl_msg_init(&msg);
	outer = fl_msg_nest(&msg, 1, false);
	inner = fl_msg_nest(&msg, 2, false);
	fl_msg_put_u32(&msg, 3, 4);
	fl_msg_nest_cancel(&msg, inner);
	fl_msg_put_flag(&msg, 5);
	fl_msg_nest_end(&msg, outer);
	assert_bytes(&msg, "0800010004000500");
	fl_msg_done(&msg);
}

static void test_too_long_for_the_length_field(void **state)
{
	static char data[UINT16_MAX];
	struct fl_msg msg;
	size_t nest;

	fl_msg_init(&msg);
	fl_msg_put(&msg, 1, data, UINT16_MAX - 4);
	assert_int_equal(msg.err, 0);
	fl_msg_put(&msg, 1, data, UINT16_MAX - 3);
	assert_int_equal(msg.err, -EMSGSIZE);
	fl_msg_reset(&msg);
	nest = fl_msg_nest(&msg, 1, false);
	fl_msg_put(&msg, 2, data, 40000);
	fl_msg_put(&msg, 2, data, 40000);
	assert_int_equal(msg.err, 0);
	fl_msg_nest_end(&msg, nest);
	assert_int_equal(msg.err, -EMSGSIZE);
	fl_msg_done(&msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_uint_takes_the_width_it_needs),
		cmocka_unit_test(test_attributes_without_a_message),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_fixed_is_full),
		cmocka_unit_test(test_exact_fit),
		cmocka_unit_test(test_cancel_keeps_an_older_error),
		cmocka_unit_test(test_nest_cancel),
		cmocka_unit_test(test_too_long_for_the_length_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
