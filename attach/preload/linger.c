// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * linger.c - looking for the answer to a read for a moment before going to sleep.
 *
 * A read is answered in less time than it takes to put a thread to sleep and wake it again,
 * so sleeping would double what the asker waits. Where lingering does not help (one CPU, a
 * busy plane) it is left off for a while.
 */
#include "attach/preload/shim.h"
#include "base/util.h"

#include <time.h>

#define LINGER_NS (20 * FL_NS_PER_US)
#define LEAVE_OFF 32 /* reads, after one that was not answered in time */

static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
	int fd;
	unsigned int left_off;
	uint64_t until_ns; /* 0: not lingering */
} linger;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * FL_NS_PER_S + now.tv_nsec;
}

void shim_linger_begin(int fd)
{
	linger.fd = fd;
	linger.until_ns = 0;
	if (linger.left_off)
		linger.left_off--;
	else
		linger.until_ns = now_ns() + LINGER_NS;
}

bool shim_lingers(int fd)
{
	if (!linger.until_ns || linger.fd != fd)
		return false;
	if (now_ns() < linger.until_ns)
		return true;
	linger.until_ns = 0;
	linger.left_off = LEAVE_OFF;
	return false;
}
