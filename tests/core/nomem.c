/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/core/nomem.h"

#include <stddef.h>
#include <limits.h>

/* Atomic. How many succeed before those that fail; and the last of these. */
static int passed = INT_MIN, first, last;

static bool fails(void)
{
	int at;

	if (__atomic_load_n(&passed, __ATOMIC_RELAXED) == INT_MIN)
		return false;
	at = __atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED);
	return at >= __atomic_load_n(&first, __ATOMIC_RELAXED) &&
	       at <= __atomic_load_n(&last, __ATOMIC_RELAXED);
}

void nomem_begin(int nth, int count)
{
	__atomic_store_n(&first, nth, __ATOMIC_SEQ_CST);
	__atomic_store_n(&last, nth + count - 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&passed, 0, __ATOMIC_SEQ_CST);
}

bool nomem_end(void)
{
	int at = __atomic_exchange_n(&passed, INT_MIN, __ATOMIC_SEQ_CST);

	return at >= __atomic_load_n(&first, __ATOMIC_SEQ_CST);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}
