/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-index.c - the index by name: equal hashes, neighbours, holes, and readers meanwhile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "base/thread.h"
#include "base/util.h"
#include "core/index.h"

#define ROUNDS 20000

struct thing {
	const char *name; /* its first character is its hash */
};

static uint64_t thing_hash(const void *name)
{
	return *(const unsigned char *)name;
}

static bool thing_is(const void *thing, const void *name)
{
	return !strcmp(((const struct thing *)thing)->name, name);
}

static const struct fl_index_ops ops = { thing_hash, thing_is };
static struct fl_lock lock;
static struct fl_index things;

static int set_up(void **state)
{
	fl_rcu_register_thread();
	fl_lock_init(&lock, plane_index);
	things = (struct fl_index){ .ops = &ops, .lock = &lock };
	return 0;
}

static int tear_down(void **state)
{
	fl_index_done(&things);
	fl_rcu_barrier();
	fl_lock_done(&lock);
	fl_rcu_unregister_thread();
	return 0;
}

static void *find(const char *name)
{
	void *found;

	fl_rcu_read_lock();
	found = fl_index_find(&things, name);
	fl_rcu_read_unlock();
	return found;
}

static unsigned int count(void)
{
	struct fl_pmap_iter iter;
	unsigned int n = 0;

	fl_rcu_read_lock();
	fl_index_iter_init(&iter, &things, 0);
	while (fl_pmap_iter_next(&iter))
		n++;
	fl_rcu_read_unlock();
	return n;
}

/* "b" hashes to where the second "a" is. */
static void equal_hashes(void **state)
{
	static struct thing a[] = { { "a1" }, { "a2" }, { "a3" }, { "a4" }, { "a5" } };
	static struct thing b = { "b" }, again = { "a2" };

	for (int i = 0; i < 3; i++)
		assert_int_equal(fl_index_add(&things, a[i].name, &a[i]), 0);
	assert_int_equal(fl_index_add(&things, "a2", &again), -EEXIST);
	assert_int_equal(fl_index_add(&things, "b", &b), 0);
	assert_int_equal(fl_index_add(&things, a[3].name, &a[3]), -ENOSPC);
	assert_ptr_equal(find("b"), &b);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(find(a[i].name), &a[i]);

	/* A hole before others hides nothing, and is filled again. */
	assert_true(fl_index_del(&things, "a1", &a[0]));
	assert_false(fl_index_del(&things, "a1", &a[0]));
	assert_null(find("a1"));
	assert_ptr_equal(find("a3"), &a[2]);
	assert_int_equal(fl_index_add(&things, "a3", &again), -EEXIST);
	assert_int_equal(fl_index_add(&things, a[4].name, &a[4]), 0);
	assert_ptr_equal(find("a5"), &a[4]);
	assert_int_equal(count(), 4);

	/* Of two of one name only the one that is meant goes. */
	assert_false(fl_index_del(&things, "a2", &again));
	assert_ptr_equal(find("a2"), &a[1]);
	for (int i = 1; i < 5; i++)
		assert_int_equal(fl_index_del(&things, a[i].name, &a[i]), i != 3);
	assert_true(fl_index_del(&things, "b", &b));
	assert_int_equal(count(), 0);
}

static int over; /* atomic */

static void *reader_main(void *arg)
{
	uintptr_t missed = 0;

	fl_rcu_register_thread();
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		missed += !find("c-stays");
	fl_rcu_unregister_thread();
	return (void *)missed;
}

/* What is not touched is found at every moment. */
static void readers(void **state)
{
	static struct thing stays = { "c-stays" }, others[] = { { "c1" }, { "b1" }, { "d1" } };
	pthread_t thread;
	void *missed;

	assert_int_equal(fl_index_add(&things, others[0].name, &others[0]), 0);
	assert_int_equal(fl_index_add(&things, stays.name, &stays), 0);
	assert_int_equal(fl_thread_start(&thread, "reader", 0, reader_main, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct thing *other = &others[i % 3];

		if (!fl_index_del(&things, other->name, other))
			assert_int_equal(fl_index_add(&things, other->name, other), 0);
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	pthread_join(thread, &missed);
	assert_null(missed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(equal_hashes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(readers, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("index by name", tests, NULL, NULL);
}
