/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread.h - threads that RCU knows. */
#ifndef FL_BASE_THREAD_H
#define FL_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* Starts fn(arg) on a new thread that is registered with RCU, blocks all signals and
 * carries `name` (at most 15 bytes are shown). stack_bytes 0 means the default.
 * Returns 0 or a negative errno; *ret_thread is set before fn runs. */
int fl_thread_start(pthread_t *ret_thread, const char *name, size_t stack_bytes,
		    void *(*fn)(void *arg), void *arg);

#endif
