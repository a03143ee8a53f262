/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rcu.h - the one door to RCU.
 *
 * Everything in finelink that is read without a lock goes through these calls; no
 * other file includes <urcu.h>. There are two implementations behind them: liburcu
 * (memb flavour) for all ordinary builds, and base/rcu-c11.c for ThreadSanitizer
 * builds, which cannot see liburcu's barriers (docs/adr/0002-rcu-behind-one-header.md).
 *
 * Threads:  every thread that reads must be registered; threads made with
 *           fl_thread_start() are. Readers nest.
 * Context:  between fl_rcu_read_lock() and fl_rcu_read_unlock() nothing may block;
 *           fl_assert_may_block() stops the program if it is tried.
 */
#ifndef FL_BASE_RCU_H
#define FL_BASE_RCU_H

#include <stdbool.h>

/* Embedded in what is freed after a grace period. Two words, owned by this header
 * from fl_rcu_call() on until the callback runs. */
struct fl_rcu_head {
	struct fl_rcu_head *next;
	void (*func)(struct fl_rcu_head *head);
};

/* Registers the calling thread as a reader. Context: once per thread. */
void fl_rcu_register_thread(void);
void fl_rcu_unregister_thread(void);

void fl_rcu_read_lock(void);
void fl_rcu_read_unlock(void);

/* True between fl_rcu_read_lock() and its unlock, on the calling thread. */
bool fl_rcu_read_ongoing(void);

/* Runs func(head) on a background thread after every reader that could see the
 * object has left. Context: any, also under a leaf lock; does not allocate. */
void fl_rcu_call(struct fl_rcu_head *head, void (*func)(struct fl_rcu_head *head));

/* Waits for a grace period. Context: may block; not inside a read section. */
void fl_rcu_synchronize(void);

/* Waits until all callbacks queued so far have run. Context: may block. */
void fl_rcu_barrier(void);

/* Publication and reading of pointers that RCU guards. */
#define fl_rcu_assign(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#define fl_rcu_deref(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)

#endif
