/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * futex.h - sleeping until a word changes: for threads that have nothing to do.
 *
 * The word carries the memory ordering by its own atomic accesses; these calls only
 * save the spinning. Both may return early.
 */
#ifndef FL_BASE_FUTEX_H
#define FL_BASE_FUTEX_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

/* Sleeps while *word == expected, at most until at_ns of CLOCK_MONOTONIC (0: no limit). */
static inline void fl_futex_wait(uint32_t *word, uint32_t expected, uint64_t at_ns)
{
	struct timespec at = { .tv_sec = (time_t)(at_ns / FL_NS_PER_S),
			       .tv_nsec = (long)(at_ns % FL_NS_PER_S) };

	syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
		at_ns ? &at : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

static inline void fl_futex_wake(uint32_t *word, int threads)
{
	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, threads, NULL, NULL, 0);
}

#endif
