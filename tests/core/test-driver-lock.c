/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-driver-lock.c - a driver's own locks exclude, and misuse of them stops the program. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lock.h"
#include "core/driver-lock.h"

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

static void each_misuse_stops_the_program(void **state)
{
	void (*const misuses[])(void) = { two_at_once, callback_with_it, drop_of_none };

	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			signal(SIGABRT, SIG_DFL);
			close(STDERR_FILENO);
			misuses[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_excludes),
		cmocka_unit_test(each_misuse_stops_the_program),
	};

	return cmocka_run_group_tests_name("core driver lock", tests, set_up, tear_down);
}
