/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_pmap.c - the persistent map against a plain model, and under readers. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pmap.h"
#include "base/rcu.h"
#include "base/thread.h"
#include "base/util.h"

static uint64_t seed;

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 20;
}

static int setup(void **state)
{
	seed = 1;
	return 0;
}

/* ---- the model: every key of a small universe, sorted, and its value or NULL -------- */

#define KEYS 400

struct model {
	uint64_t key[KEYS];
	void *value[KEYS];
};

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t dense_key(int i)
{
	return (uint64_t)i;
}

static uint64_t port_key(int i)
{
	return i < 2 ? (uint64_t)i : 32768 + (uint64_t)i;
}

static uint64_t random_key(int i)
{
	return fl_hash(&i, sizeof(i), 7);
}

/* Neighbours on all levels: the deepest tree there can be, and full nodes in it. */
static uint64_t deep_key(int i)
{
	return i < 256 ? (uint64_t)(i % 16) << (i / 16 * 4)
		       : ~(1ULL << (i - 256) % 64) - (i - 256) / 64;
}

static uint64_t edge_key(int i)
{
	return i < KEYS / 2 ? (uint64_t)i : UINT64_MAX - (uint64_t)i;
}

static void model_init(struct model *model, uint64_t (*key)(int i))
{
	memset(model, 0, sizeof(*model));
	for (int i = 0; i < KEYS; i++)
		model->key[i] = key(i);
	qsort(model->key, KEYS, sizeof(model->key[0]), compare_keys);
}

static void check_equal(const struct model *model, const struct fl_pmap_node *root)
{
	struct fl_pmap_iter iter;

	fl_pmap_iter_init(&iter, root, 0);
	for (int i = 0; i < KEYS; i++) {
		/* The deep universe has keys twice: only the first of them is used. */
		if (i && model->key[i] == model->key[i - 1])
			continue;
		assert_ptr_equal(fl_pmap_get(root, model->key[i]), model->value[i]);
		if (!model->value[i])
			continue;
		assert_ptr_equal(fl_pmap_iter_next(&iter), model->value[i]);
		assert_true(iter.key == model->key[i]);
	}
	assert_null(fl_pmap_iter_next(&iter));
	assert_null(fl_pmap_iter_next(&iter));
}

/* The walk from `from` begins at the first key that is there and not below it. */
static void check_from(const struct model *model, const struct fl_pmap_node *root, uint64_t from)
{
	struct fl_pmap_iter iter;
	int i = 0;
	void *value;

	while (i < KEYS && (model->key[i] < from || !model->value[i]))
		i++;
	fl_pmap_iter_init(&iter, root, from);
	value = fl_pmap_iter_next(&iter);
	if (i == KEYS) {
		assert_null(value);
		return;
	}
	assert_ptr_equal(value, model->value[i]);
	assert_true(iter.key == model->key[i]);
}

static void random_change(struct model *model, struct fl_pmap_edit *edit,
			  struct fl_pmap_node **root, unsigned int keep)
{
	int i = (int)(rnd() % KEYS);
	void *value = rnd() % 100 < keep ? (void *)(uintptr_t)(rnd() | 1) : NULL;

	while (i && model->key[i] == model->key[i - 1])
		i--;
	assert_ptr_equal(fl_pmap_set(edit, root, model->key[i], value), model->value[i]);
	model->value[i] = value;
}

#define OLD 16

/* Edits of some changes each; some are aborted; the last roots must stay as they were. */
static void run_random(uint64_t (*key)(int i), int edits)
{
	static struct model model, old_model[OLD], draft;
	struct fl_pmap_node *root = NULL, *old_root[OLD], *next;
	struct fl_pmap_edit edit = { 0 };
	int olds = 0;

	model_init(&model, key);
	fl_rcu_read_lock();
	for (int n = 0; n < edits; n++) {
		unsigned int changes = (unsigned int)(rnd() % 9);

		draft = model;
		next = root;
		assert_int_equal(fl_pmap_reserve(&edit, changes), 0);
		/* Fill up, then drain, so that both growing and shrinking are seen. */
		for (unsigned int i = 0; i < changes; i++)
			random_change(&draft, &edit, &next, n * 4 / edits % 2 ? 25 : 80);
		check_equal(&draft, next);
		check_equal(&model, root);
		if (rnd() % 4 == 0) {
			fl_pmap_edit_abort(&edit);
			continue;
		}
		old_model[olds] = model;
		old_root[olds++] = root;
		model = draft;
		root = next;
		fl_pmap_edit_done(&edit);
		check_from(&model, root, model.key[rnd() % KEYS] + rnd() % 3 - 1);
		check_from(&model, root, rnd() << (rnd() % 44));
		if (olds < OLD)
			continue;
		while (olds--)
			check_equal(&old_model[olds], old_root[olds]);
		olds = 0;
		fl_rcu_read_unlock();
		fl_rcu_read_lock();
	}
	fl_rcu_read_unlock();
	fl_pmap_free(root);
	fl_rcu_barrier();
}

static void test_random(void **state)
{
	run_random(dense_key, 1200);
	run_random(port_key, 1200);
	run_random(random_key, 1200);
	run_random(deep_key, 1200);
	run_random(edge_key, 1200);
}

static void test_empty(void **state)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root = NULL;
	struct fl_pmap_iter iter;

	assert_null(fl_pmap_get(NULL, 0));
	fl_pmap_iter_init(&iter, NULL, 0);
	assert_null(fl_pmap_iter_next(&iter));
	assert_int_equal(fl_pmap_reserve(&edit, 3), 0);
	assert_null(fl_pmap_set(&edit, &root, 5, NULL));
	assert_null(root);
	assert_null(fl_pmap_set(&edit, &root, UINT64_MAX, &edit));
	assert_ptr_equal(fl_pmap_set(&edit, &root, UINT64_MAX, NULL), &edit);
	assert_null(root);
	fl_pmap_edit_done(&edit);
	fl_pmap_edit_done(&edit);
	fl_pmap_edit_abort(&edit);
	fl_pmap_free(NULL);
	assert_int_equal(fl_pmap_reserve(&edit, UINT32_MAX), -12 /* ENOMEM */);
	fl_pmap_edit_abort(&edit);
}

static unsigned int spares(const struct fl_pmap_edit *edit)
{
	unsigned int sum = 0;

	for (unsigned int size = 0; size < FL_PMAP_CLASSES; size++)
		sum += edit->spares[size];
	return sum;
}

/* One reserved change is enough on a path of 16 full nodes, and uses all of them. */
static void test_worst_reserve(void **state)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root = NULL;
	unsigned int before;

	for (int level = 0; level < 16; level++) {
		assert_int_equal(fl_pmap_reserve(&edit, 15), 0);
		for (uint64_t i = 1; i < 16; i++)
			fl_pmap_set(&edit, &root, i << (4 * level), &edit);
		fl_pmap_edit_done(&edit);
	}
	for (int turn = 0; turn < 3; turn++) {
		assert_int_equal(fl_pmap_reserve(&edit, 1), 0);
		before = spares(&edit);
		fl_pmap_set(&edit, &root, 0, turn == 1 ? NULL : &edit);
		assert_int_equal(before - spares(&edit), FL_PMAP_LEVELS);
		fl_pmap_edit_done(&edit);
	}
	fl_pmap_free(root);
	fl_rcu_barrier();
}

/* A change among many entries copies one path: its cost does not grow with their number. */
static void test_change_copies_path(void **state)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root = NULL;
	unsigned int before;

	for (uint64_t key = 0; key < 65536; key += 64) {
		assert_int_equal(fl_pmap_reserve(&edit, 64), 0);
		for (uint64_t i = 0; i < 64; i++)
			assert_null(fl_pmap_set(&edit, &root, key + i, &edit));
		fl_pmap_edit_done(&edit);
	}
	assert_int_equal(fl_pmap_reserve(&edit, 2), 0);
	before = spares(&edit);
	assert_ptr_equal(fl_pmap_set(&edit, &root, 4711, &seed), &edit);
	assert_int_equal(before - spares(&edit), 4);
	/* Again in the same edit: in place. */
	assert_ptr_equal(fl_pmap_set(&edit, &root, 4711, &edit), &seed);
	assert_int_equal(before - spares(&edit), 4);
	fl_pmap_edit_done(&edit);
	fl_pmap_free(root);
	fl_rcu_barrier();
}

static size_t heap_bytes(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return 0;
#else
	return mallinfo2().uordblks;
#endif
#else
	return mallinfo2().uordblks;
#endif
}

static void check_bytes(uint64_t (*key)(int i), size_t most)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root = NULL;
	struct fl_pmap_iter iter;
	const int entries = 20000;
	uint64_t began;
	size_t before, bytes;
	int walked = 0;

	fl_rcu_barrier();
	before = heap_bytes();
	for (int i = 0; i < entries; i++) {
		assert_int_equal(fl_pmap_reserve(&edit, 1), 0);
		fl_pmap_set(&edit, &root, key(i), &edit);
		fl_pmap_edit_done(&edit);
	}
	fl_rcu_barrier();
	bytes = heap_bytes() - before;
	began = fl_now_ns();
	for (int turn = 0; turn < 20; turn++) {
		fl_pmap_iter_init(&iter, root, 0);
		while (fl_pmap_iter_next(&iter))
			walked++;
	}
	print_message("%zu bytes and %.1f ns of a walk an entry\n", bytes / (size_t)entries,
		      (double)(fl_now_ns() - began) / walked);
	assert_int_equal(walked, 20 * entries);
	assert_true(bytes / (size_t)entries <= most);
	fl_pmap_free(root);
}

static void test_bytes(void **state)
{
	check_bytes(dense_key, 16);
	check_bytes(port_key, 16);
	check_bytes(random_key, 63);
}

/* ---- readers beside a writer ------------------------------------------------------- */

#define TOKENS 64
#define SPACE 4096

static struct fl_pmap_node *shared_root;
static atomic_bool stop;

/* The writer moves one token in each edit: every version holds all of them, each once. */
static void *read_tokens(void *arg)
{
	unsigned int *walks = arg;

	while (!atomic_load(&stop) || !*walks) {
		struct fl_pmap_iter iter;
		uint64_t seen = 0, last = 0;
		const struct fl_pmap_node *root;
		void *value;

		fl_rcu_read_lock();
		root = fl_rcu_deref(shared_root);
		fl_pmap_iter_init(&iter, root, 0);
		while ((value = fl_pmap_iter_next(&iter))) {
			assert_true(!seen || iter.key > last);
			last = iter.key;
			seen |= 1ULL << ((uintptr_t)value - 1);
			assert_ptr_equal(fl_pmap_get(root, iter.key), value);
		}
		fl_rcu_read_unlock();
		assert_true(seen == UINT64_MAX);
		++*walks;
	}
	return NULL;
}

static void move_token(uint64_t *at, unsigned int token)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root = shared_root;
	uint64_t to = rnd() % SPACE;

	if (fl_pmap_get(root, to))
		return;
	assert_int_equal(fl_pmap_reserve(&edit, 2), 0);
	assert_ptr_equal(fl_pmap_set(&edit, &root, at[token], NULL), (void *)(token + 1UL));
	assert_null(fl_pmap_set(&edit, &root, to, (void *)(token + 1UL)));
	if (rnd() % 8 == 0) {
		fl_pmap_edit_abort(&edit);
		return;
	}
	fl_rcu_assign(shared_root, root);
	fl_pmap_edit_done(&edit);
	at[token] = to;
}

static void test_readers(void **state)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root = NULL;
	uint64_t at[TOKENS];
	unsigned int walks[2] = { 0 };
	pthread_t reader[2];

	assert_int_equal(fl_pmap_reserve(&edit, TOKENS), 0);
	for (unsigned int i = 0; i < TOKENS; i++) {
		at[i] = i * 60;
		fl_pmap_set(&edit, &root, at[i], (void *)(i + 1UL));
	}
	fl_rcu_assign(shared_root, root);
	fl_pmap_edit_done(&edit);
	atomic_store(&stop, false);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fl_thread_start(&reader[i], "reader", 0, read_tokens, &walks[i]),
				 0);
	for (int i = 0; i < 20000; i++)
		move_token(at, (unsigned int)(rnd() % TOKENS));
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++) {
		pthread_join(reader[i], NULL);
		assert_true(walks[i] > 0);
	}
	fl_pmap_free(shared_root);
	shared_root = NULL;
	fl_rcu_barrier();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_random, setup),
		cmocka_unit_test_setup(test_worst_reserve, setup),
		cmocka_unit_test_setup(test_change_copies_path, setup),
		cmocka_unit_test_setup(test_bytes, setup),
		cmocka_unit_test_setup(test_readers, setup),
	};
	int failed;

	fl_rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fl_rcu_unregister_thread();
	return failed;
}
