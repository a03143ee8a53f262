/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_evlog.c - the log of notifications: clauses E1 to E3. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/lock.h"
#include "base/rcu.h"
#include "base/thread.h"
#include "netns/evlog.h"

static struct fl_evrec *rec_new(uint32_t value, size_t len)
{
	struct fl_evrec *rec = fl_evrec_new(len);

	assert_non_null(rec);
	assert_int_equal(rec->len, len);
	memcpy(rec->data, &value, sizeof(value));
	return rec;
}

static void append(struct fl_evlog *log, uint32_t value, size_t len)
{
	struct fl_evrec *dropped;

	fl_evlog_append(log, rec_new(value, len), &dropped);
	fl_evrec_put_chain(dropped);
}

static uint32_t value_of(struct fl_evrec *rec)
{
	uint32_t value;

	memcpy(&value, rec->data, sizeof(value));
	fl_evrec_put(rec);
	return value;
}

static void test_order(void **state)
{
	struct fl_evlog *log = fl_evlog_new(1 << 16);
	struct fl_evrec *chain = NULL, *dropped, *rec;
	uint64_t position = fl_evlog_end(log);

	assert_int_equal(fl_evlog_read(log, &position, &rec), -EAGAIN);
	append(log, 0, 100);
	for (uint32_t i = 3; i; i--) {
		rec = rec_new(i, 50);
		rec->next = chain;
		chain = rec;
	}
	fl_evlog_append(log, chain, &dropped);
	assert_null(dropped);
	assert_int_equal(fl_evlog_end(log), 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(fl_evlog_read(log, &position, &rec), 0);
		assert_int_equal(rec->position, i);
		assert_int_equal(value_of(rec), i);
	}
	assert_int_equal(fl_evlog_read(log, &position, &rec), -EAGAIN);
	fl_evlog_free(log);
}

/* Only the slow reader learns that records have gone; what it holds stays readable. */
static void test_bounded(void **state)
{
	struct fl_evlog *log = fl_evlog_new(10000);
	struct fl_evrec *held, *rec;
	uint64_t slow = 0, quick = 0;
	unsigned int left = 0;

	append(log, 0, 1000);
	assert_int_equal(fl_evlog_read(log, &slow, &held), 0);
	for (uint32_t i = 1; i <= 100; i++) {
		append(log, i, 1000);
		while (fl_evlog_read(log, &quick, &rec) == 0)
			assert_int_equal(value_of(rec), quick - 1);
	}
	assert_int_equal(quick, 101);
	assert_int_equal(value_of(held), 0);
	assert_int_equal(fl_evlog_read(log, &slow, &rec), -ENOBUFS);
	while (fl_evlog_read(log, &slow, &rec) == 0) {
		assert_int_equal(value_of(rec), slow - 1);
		left++;
	}
	assert_int_equal(slow, 101);
	assert_in_range(left, 8, 10);
	fl_evlog_free(log);
}

/* Records of no size are bounded too, and one that is larger than the log is lost. */
static void test_extremes(void **state)
{
	struct fl_evlog *log = fl_evlog_new(1000);
	struct fl_evrec *rec;
	uint64_t position = 0;

	for (uint32_t i = 0; i < 1000; i++)
		append(log, i, 4);
	assert_int_equal(fl_evlog_read(log, &position, &rec), -ENOBUFS);
	assert_int_equal(position, 1000 - 1000 / 128);
	append(log, 1000, 5000);
	assert_int_equal(fl_evlog_read(log, &position, &rec), -ENOBUFS);
	assert_int_equal(fl_evlog_read(log, &position, &rec), -EAGAIN);
	append(log, 1001, 4);
	assert_int_equal(fl_evlog_read(log, &position, &rec), 0);
	assert_int_equal(value_of(rec), 1001);
	fl_evlog_free(log);
	log = fl_evlog_new(0);
	append(log, 0, 4);
	position = 0;
	assert_int_equal(fl_evlog_read(log, &position, &rec), -ENOBUFS);
	fl_evlog_free(log);
}

/* With the innermost lock held any other would stop the program: a reader that has
 * nothing to read takes none, however many there are. */
static void test_idle_readers_take_no_lock(void **state)
{
	struct fl_evlog *log = fl_evlog_new(1 << 16);
	struct fl_lock innermost;
	struct fl_evrec *rec;

	append(log, 0, 100);
	fl_lock_init(&innermost, log);
	fl_lock_take(&innermost);
	for (int i = 0; i < 10000; i++) {
		uint64_t position = 1;

		assert_int_equal(fl_evlog_read(log, &position, &rec), -EAGAIN);
	}
	fl_lock_drop(&innermost);
	fl_lock_done(&innermost);
	fl_evlog_free(log);
}

#define RECORDS 30000U
#define READERS 3

struct reader {
	pthread_t thread;
	struct fl_evlog *log;
	uint64_t read, lost;
};

static void *follow(void *arg)
{
	struct reader *reader = arg;
	uint64_t position = 0, before;
	struct fl_evrec *rec;

	while (position < RECORDS) {
		before = position;
		switch (fl_evlog_read(reader->log, &position, &rec)) {
		case 0:
			assert_true(position == before + 1);
			assert_true(value_of(rec) == before);
			reader->read++;
			break;
		case -ENOBUFS:
			assert_true(position > before);
			reader->lost += position - before;
			break;
		default:
			sched_yield();
		}
	}
	return NULL;
}

static void test_readers(void **state)
{
	struct reader readers[READERS] = { 0 };
	struct fl_evlog *log = fl_evlog_new(64 << 10);

	for (int i = 0; i < READERS; i++) {
		readers[i].log = log;
		assert_int_equal(
			fl_thread_start(&readers[i].thread, "reader", 0, follow, &readers[i]), 0);
	}
	for (uint32_t i = 0; i < RECORDS; i++)
		append(log, i, 4 + i % 200);
	for (int i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].read + readers[i].lost, RECORDS);
		assert_true(readers[i].read > 0);
	}
	fl_evlog_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	 cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_extremes), cmocka_unit_test(test_idle_readers_take_no_lock),
		cmocka_unit_test(test_readers),
	};
	int failed;

	fl_rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fl_rcu_unregister_thread();
	return failed;
}
