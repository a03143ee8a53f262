/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * once.h - what changes something is carried out once, whatever signals come.
 *
 * A signal ends the program's wait for the answer; with SA_RESTART the kernel makes the same
 * call again. So the call of a thread is kept until its answer has arrived there: the same
 * call again gets the same result, any other drops it.
 */
#ifndef FL_ATTACH_SECCOMP_ONCE_H
#define FL_ATTACH_SECCOMP_ONCE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#define FL_ONCE_BUCKETS 64

struct fl_call;
struct fl_once_record;

struct fl_once_bucket {
	pthread_mutex_t lock; /* a few list links; `done` is waited for on it */
	pthread_cond_t done;
	struct fl_once_record *first;
};

struct fl_once {
	struct fl_once_bucket bucket[FL_ONCE_BUCKETS];
};

void fl_once_init(struct fl_once *once);

/* Carries out run(call) and replies, unless the call was carried out before. hash: of what
 * the call's pointers point to. Returns FL_CALL_REPLIED, FL_CALL_GONE or -ENOMEM. */
int64_t fl_once(struct fl_call *call, uint64_t hash, int64_t (*run)(struct fl_call *call, void *arg),
		void *arg);

/* A call that is not one of these: whatever the thread had asked before is over. Also ends
 * a wait of an earlier call of the thread; that one was interrupted. */
void fl_once_other(struct fl_call *call);

/* A call that waits in `cancel`, an eventfd; until it ends or another call of the thread. */
int fl_once_wait_begin(struct fl_call *call, int cancel);
void fl_once_wait_end(struct fl_call *call);

#endif
