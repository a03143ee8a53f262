/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-driver-lock.c - a driver's own locks exclude, and misuse of them stops the program. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/lock.h"
#include "base/util.h"
#include "core/driver-lock.h"
#include "tests/support/doomed.h"

#define TURNS 20000

static struct fl_driver_lock *lock, *other;
static unsigned int count; /* under lock */

static void *add(void *unused)
{
	for (int i = 0; i < TURNS; i++) {
		fl_driver_lock_take(lock);
		count++;
		fl_driver_lock_drop(lock);
	}
	return NULL;
}

static void it_excludes(void **state)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(count, 2 * TURNS);
}

static void two_at_once(void)
{
	fl_driver_lock_take(lock);
	fl_driver_lock_take(other);
}

static void callback_with_it(void)
{
	fl_driver_lock_take(lock);
	fl_assert_may_block("a callback");
}

static void drop_of_none(void)
{
	fl_driver_lock_drop(lock);
}

static const struct {
	const char *name;
	void (*run)(void);
	const char *words[DOOMED_WORDS];
} misuses[] = {
	{ "two-at-once", two_at_once, { "lock order", "'driver'", "'driver'" } },
	{ "callback-with-it", callback_with_it, { "leaf locks", "a callback", "'driver'" } },
	{ "drop-of-none", drop_of_none, { "lock order", "'driver'", "does not hold" } },
	{ "nothing", NULL, { NULL } },
};

static void each_misuse_stops_the_program(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(misuses); i++)
		doomed_check(misuses[i].name, misuses[i].words);
}

static int misuse(const char *name)
{
	lock = fl_driver_lock_new();
	other = fl_driver_lock_new();
	for (size_t i = 0; i < FL_ARRAY_SIZE(misuses); i++)
		if (!strcmp(name, misuses[i].name) && misuses[i].run)
			misuses[i].run();
	return 0;
}

static int set_up(void **state)
{
	lock = fl_driver_lock_new();
	other = fl_driver_lock_new();
	return !lock || !other;
}

static int tear_down(void **state)
{
	fl_driver_lock_free(lock);
	fl_driver_lock_free(other);
	fl_driver_lock_free(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_excludes),
		cmocka_unit_test(each_misuse_stops_the_program),
	};

	if (argc > 1)
		return misuse(argv[1]);
	return cmocka_run_group_tests_name("core driver lock", tests, set_up, tear_down);
}
