/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_own.c - operations of fl_op_new(): the memory of their user's, and its end. */
#include "task.h"

static struct fl_sched *sched;
static struct fl_lane *pf;
static int freed;

struct greeting {
	char text[13]; /* an odd size */
	long double aligned;
	int ended_err;
	int *ended;
};

static int setup(void **state)
{
	sched = sched_new((struct fl_sched_config){ .workers = 2 });
	pf = lane_new(sched, NULL, "pf");
	return 0;
}

static int teardown(void **state)
{
	lane_end(pf);
	sched_end(sched);
	return 0;
}

static int greet(struct fl_op *op)
{
	struct greeting *greeting = fl_op_own(op);

	strcpy(greeting->text, "good morning");
	fl_op_set_data(op, greeting);
	return -EDOM;
}

static void greet_ended(struct fl_op *op, int err)
{
	struct greeting *greeting = fl_op_own(op);

	greeting->ended_err = err;
	note(greeting->ended);
}

static void greet_free(struct fl_op *op)
{
	note(&freed);
	fl_op_free(op);
}

static const struct fl_op_type greet_type = {
	.kind = "greet",
	.run = greet,
	.ended = greet_ended,
	.free = greet_free,
};

static void test_own(void **state)
{
	struct greeting *greeting;
	struct fl_op *op;
	int ended = 0;

	freed = 0;
	assert_int_equal(fl_op_new(&greet_type, pf, NULL, sizeof(*greeting), &op), 0);
	greeting = fl_op_own(op);
	assert_int_equal((uintptr_t)greeting % _Alignof(max_align_t), 0);
	for (size_t i = 0; i < sizeof(*greeting); i++)
		assert_int_equal(((unsigned char *)greeting)[i], 0);
	assert_null(fl_op_data(op));
	greeting->ended = &ended;
	fl_op_get(op);
	assert_int_equal(fl_op_submit(op), 0);
	assert_int_equal(fl_sched_drain(sched, PATIENCE_NS), 0);
	assert_int_equal(seen(&ended), 1);
	assert_int_equal(greeting->ended_err, -EDOM);
	assert_string_equal(greeting->text, "good morning");
	assert_ptr_equal(fl_op_data(op), greeting);
	assert_int_equal(seen(&freed), 0);
	fl_op_put(op);
	assert_int_equal(seen(&freed), 1);
}

static void test_too_large(void **state)
{
	struct fl_op *op = NULL;

	assert_int_equal(fl_op_new(&greet_type, pf, NULL, SIZE_MAX, &op), -ENOMEM);
	assert_null(op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
