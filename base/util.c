/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"

#include <time.h>

uint64_t fl_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * FL_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t fl_hash(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *byte = data;
	uint64_t hash = 0xcbf29ce484222325ULL ^ seed;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 0x100000001b3ULL;
	/* FNV's low bits alone are weak for power-of-two tables. */
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ULL;
	hash ^= hash >> 32;
	return hash;
}
