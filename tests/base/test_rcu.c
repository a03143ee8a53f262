/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_rcu.c - grace periods, callbacks, threads; the same test for both implementations.
 *
 * A cell is poisoned before it is freed: a reader that sees the poison, or a sanitizer
 * that sees a read of freed memory, has found a grace period that was too short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/rcu.h"
#include "base/thread.h"
#include "base/util.h"

#define READERS 3
#define WRITES 3000
#define ALIVE 0x600dULL
#define POISON 0xdeadULL

struct cell {
	uint64_t a, b; /* equal, as long as it is alive */
	uint64_t state;
	struct fl_rcu_head rcu;
};

static struct cell *cell;
static int stop, bad, freed;
static uint64_t reads;

static struct cell *cell_new(uint64_t value)
{
	struct cell *fresh = malloc(sizeof(*fresh));

	*fresh = (struct cell){ .a = value, .b = value, .state = ALIVE };
	return fresh;
}

static void cell_free(struct fl_rcu_head *head)
{
	struct cell *old = FL_CONTAINER_OF(head, struct cell, rcu);

	old->state = POISON;
	free(old);
	__atomic_add_fetch(&freed, 1, __ATOMIC_SEQ_CST);
}

static void *reader_main(void *arg)
{
	uint64_t mine = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct cell *seen;

		fl_rcu_read_lock();
		seen = fl_rcu_deref(cell);
		for (int i = 0; i < 20; i++)
			if (seen->a != seen->b || seen->state != ALIVE)
				__atomic_store_n(&bad, 1, __ATOMIC_SEQ_CST);
		fl_rcu_read_lock(); /* readers nest */
		fl_rcu_read_unlock();
		if (!fl_rcu_read_ongoing() || seen->state != ALIVE)
			__atomic_store_n(&bad, 1, __ATOMIC_SEQ_CST);
		fl_rcu_read_unlock();
		mine++;
	}
	__atomic_add_fetch(&reads, mine, __ATOMIC_SEQ_CST);
	return NULL;
}

static void test_readers_and_a_writer(void **state)
{
	pthread_t reader[READERS];

	cell = cell_new(0);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(fl_thread_start(&reader[i], "reader", 0, reader_main, NULL), 0);
	for (uint64_t i = 1; i <= WRITES; i++) {
		struct cell *old = cell;

		fl_rcu_assign(cell, cell_new(i));
		if (i % 100) {
			fl_rcu_call(&old->rcu, cell_free);
		} else {
			fl_rcu_synchronize();
			cell_free(&old->rcu);
		}
	}
	fl_rcu_barrier();
	assert_int_equal(freed, WRITES);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < READERS; i++)
		pthread_join(reader[i], NULL);
	assert_int_equal(bad, 0);
	assert_true(reads > 0);
	free(cell);
}

/* ---- a reader that stays ------------------------------------------------------------ */

static int inside, leave, called;

static void *stayer_main(void *arg)
{
	fl_rcu_read_lock();
	__atomic_store_n(&inside, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&leave, __ATOMIC_SEQ_CST))
		;
	fl_rcu_read_unlock();
	return NULL;
}

static void note_call(struct fl_rcu_head *head)
{
	__atomic_add_fetch(&called, 1, __ATOMIC_SEQ_CST);
}

/* A callback may use RCU, too: its thread is a reader like any. */
static void call_again(struct fl_rcu_head *head)
{
	static struct fl_rcu_head next;

	fl_rcu_read_lock();
	fl_rcu_read_unlock();
	note_call(head);
	fl_rcu_call(&next, note_call);
}

static void test_callback_waits_for_the_reader(void **state)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	struct fl_rcu_head head;
	pthread_t stayer;

	assert_int_equal(fl_thread_start(&stayer, "stayer", 0, stayer_main, NULL), 0);
	while (!__atomic_load_n(&inside, __ATOMIC_SEQ_CST))
		;
	fl_rcu_call(&head, call_again);
	nanosleep(&pause, NULL);
	assert_int_equal(__atomic_load_n(&called, __ATOMIC_SEQ_CST), 0);
	__atomic_store_n(&leave, 1, __ATOMIC_SEQ_CST);
	pthread_join(stayer, NULL);
	fl_rcu_barrier();
	fl_rcu_barrier(); /* what the callback queued */
	assert_int_equal(__atomic_load_n(&called, __ATOMIC_SEQ_CST), 2);
}

/* ---- the rest of base --------------------------------------------------------------- */

static void *plain_main(void *arg)
{
	fl_rcu_read_lock(); /* registers by itself, and leaves with the thread */
	fl_rcu_read_unlock();
	return arg;
}

static void test_threads_of_others(void **state)
{
	for (int i = 0; i < 100; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, plain_main, NULL), 0);
		pthread_join(thread, NULL);
	}
	fl_rcu_synchronize();
}

static void *named_main(void *arg)
{
	sigset_t mask;

	pthread_getname_np(pthread_self(), arg, 16);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, SIGTERM) ? arg : NULL;
}

static void test_thread(void **state)
{
	char name[16] = "";
	pthread_t thread;
	sigset_t mask;
	void *result;

	assert_int_equal(fl_thread_start(&thread, "a name that is too long", 128 * 1024,
					 named_main, name), 0);
	pthread_join(thread, &result);
	assert_ptr_equal(result, name);
	assert_string_equal(name, "a name that is ");
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));
	assert_true(fl_thread_start(&thread, "tiny", 1, named_main, name) < 0);
}

static char logged[600];

static void sink(enum fl_log_level level, const char *line)
{
	snprintf(logged, sizeof(logged), "%d %s", (int)level, line);
}

static void test_log(void **state)
{
	fl_log(FL_LOG_ERR, "nobody listens");
	fl_log_set_sink(sink, FL_LOG_WARN);
	fl_log(FL_LOG_INFO, "too fine");
	assert_string_equal(logged, "");
	fl_log(FL_LOG_WARN, "%s %d", "device", 7);
	assert_string_equal(logged, "4 device 7");
	fl_log_set_sink(NULL, FL_LOG_WARN);
	fl_log(FL_LOG_ERR, "nobody");
	assert_string_equal(logged, "4 device 7");
}

static void test_util(void **state)
{
	uint64_t now = fl_now_ns();
	unsigned int low[256] = { 0 }, most = 0;

	assert_true(fl_now_ns() >= now);
	assert_true(fl_hash("abc", 3, 0) == fl_hash("abc", 3, 0));
	assert_true(fl_hash("abc", 3, 0) != fl_hash("abd", 3, 0));
	assert_true(fl_hash("abc", 3, 0) != fl_hash("abc", 3, 1));
	for (uint32_t i = 0; i < 25600; i++) /* 100 per bucket */
		low[fl_hash(&i, sizeof(i), 0) % 256]++;
	for (int i = 0; i < 256; i++)
		most = low[i] > most ? low[i] : most;
	assert_true(most < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_and_a_writer),
		cmocka_unit_test(test_callback_waits_for_the_reader),
		cmocka_unit_test(test_threads_of_others),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_util),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
