/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_lock.c - leaf locks: the right order works, each wrong one stops the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/lock.h"
#include "base/rcu.h"
#include "base/util.h"
#include "tests/support/doomed.h"

static struct fl_lock low, high, high2;

FL_NO_TSA static void wrong_order(void)
{
	fl_lock_take(&high);
	fl_lock_take(&low);
}

FL_NO_TSA static void same_level(void)
{
	fl_lock_take(&high);
	fl_lock_take(&high2);
}

FL_NO_TSA static void twice(void)
{
	fl_lock_take(&low);
	fl_lock_take(&low);
}

FL_NO_TSA static void not_held(void)
{
	fl_lock_drop(&low);
}

FL_NO_TSA static void blocks(void)
{
	fl_lock_take(&low);
	fl_assert_may_block("reading a file");
}

FL_NO_TSA static void allocates(void)
{
	fl_lock_take(&low);
	fl_assert_no_lock("allocating");
}

static void blocks_in_rcu(void)
{
	fl_rcu_read_lock();
	fl_assert_may_block("reading a file");
}

/* An out-of-order drop keeps the rest checked. */
FL_NO_TSA static void order_after_drop(void)
{
	fl_lock_take(&low);
	fl_lock_take(&high);
	fl_lock_drop(&low);
	fl_lock_take(&low);
}

static void fine(void)
{
	fl_lock_take(&low);
	fl_lock_take(&high);
	fl_lock_drop(&low);
	fl_lock_drop(&high);
	fl_lock_take(&low);
	fl_lock_drop(&low);
	fl_assert_may_block("nothing");
	fl_rcu_read_lock();
	fl_assert_no_lock("allocating");
	fl_rcu_read_unlock();
}

static const struct {
	const char *name;
	void (*run)(void);
	const char *words[DOOMED_WORDS];
} cases[] = {
	{ "wrong-order",
	  wrong_order,
	  { "lock order", "'commit' (level 30)", "'lane' (level 50)" } },
	{ "same-level", same_level, { "lock order", "'lane'", "'lane'" } },
	{ "twice", twice, { "lock order", "'commit' taken twice" } },
	{ "not-held", not_held, { "lock order", "'commit'", "does not hold" } },
	{ "blocks", blocks, { "leaf locks", "reading a file", "'commit'" } },
	{ "allocates", allocates, { "leaf locks", "allocating", "'commit'" } },
	{ "blocks-in-rcu", blocks_in_rcu, { "RCU", "reading a file" } },
	{ "order-after-drop", order_after_drop, { "lock order", "'commit'", "'lane'" } },
	{ "fine", fine, { NULL } },
};

static void test_breaches(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(cases); i++)
		doomed_check(cases[i].name, cases[i].words);
}

static void test_table(void **state)
{
	for (int i = 0; i < FL_LOCK_CLASSES; i++) {
		assert_true(fl_lock_level((enum fl_lock_class)i) > 0);
		assert_true(strlen(fl_lock_name((enum fl_lock_class)i)) > 0);
		assert_true(strlen(fl_lock_reason((enum fl_lock_class)i)) > 10);
	}
	assert_string_equal(fl_lock_name(FL_LOCK_commit), "commit");
	assert_int_equal(fl_lock_level(FL_LOCK_commit), 30);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_breaches),
	};

	fl_lock_init(&low, commit);
	fl_lock_init(&high, lane);
	fl_lock_init(&high2, lane);
	for (size_t i = 0; argc > 1 && i < FL_ARRAY_SIZE(cases); i++)
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			return 0;
		}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
