/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* util.h - the few small things that every layer needs. */
#ifndef FL_BASE_UTIL_H
#define FL_BASE_UTIL_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default) /* for plug-ins */

#define FL_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define FL_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define FL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define FL_NS_PER_US 1000ULL
#define FL_NS_PER_MS 1000000ULL
#define FL_NS_PER_S 1000000000ULL

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t fl_now_ns(void);

/* -- not installed -- */
/* A 64-bit hash of bytes (FNV-1a, then mixed); not for hostile keys alone: users
 * chain equal hashes. */
uint64_t fl_hash(const void *data, size_t len, uint64_t seed);
/* -- installed -- */

#pragma GCC visibility pop

#endif
