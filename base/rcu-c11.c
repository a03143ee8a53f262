/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rcu-c11.c - RCU on C11 atomics alone, for ThreadSanitizer builds.
 *
 * Each thread has a slot that holds 0 outside read sections and the epoch at which it
 * entered inside. A grace period advances the epoch and looks at each slot until it is
 * 0 or not older. Both sides touch a slot only by read-modify-write, which puts them in
 * one order:
 *  E1  Entered before the look: the grace period sees it and waits until it leaves; the
 *      leaving store is read by the look, so what the reader did happens before.
 *  E2  Entered after the look: the entry reads what the look wrote, so whatever was
 *      unpublished before the grace period is unseen in that read section.
 *
 * Slots are never freed; a thread that ends leaves its slot to the next one.
 */
#include "base/rcu.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "base/die.h"
#include "base/futex.h"
#include "base/lock.h"

struct slot {
	uint64_t epoch; /* atomic */
	int taken;      /* atomic */
	struct slot *next; /* never changes once linked */
};

static struct slot *slots; /* atomic; only grows, at its head */
static uint64_t epoch_now = 1;
static struct fl_rcu_head *pending; /* atomic; last queued first */
static uint32_t pending_seq;        /* counts queueing, for the sleeping callback thread */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;

static _Thread_local struct slot *mine;
static _Thread_local unsigned int nesting;

static void *callback_main(void *arg);

static void at_thread_exit(void *unused)
{
	fl_rcu_unregister_thread();
}

static void init_once(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_key_create(&exit_key, at_thread_exit);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	fl_assert(!pthread_create(&thread, &attr, callback_main, NULL));
	pthread_attr_destroy(&attr);
}

static struct slot *slot_take(void)
{
	struct slot *slot = __atomic_load_n(&slots, __ATOMIC_ACQUIRE);

	for (; slot; slot = slot->next) {
		int taken = 0;

		if (__atomic_compare_exchange_n(&slot->taken, &taken, 1, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return slot;
	}
	slot = calloc(1, sizeof(*slot));
	fl_assert(slot);
	slot->taken = 1;
	slot->next = __atomic_load_n(&slots, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&slots, &slot->next, slot, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED))
		;
	return slot;
}

void fl_rcu_register_thread(void)
{
	if (mine)
		return;
	pthread_once(&once, init_once);
	mine = slot_take();
	pthread_setspecific(exit_key, mine);
}

void fl_rcu_unregister_thread(void)
{
	if (!mine)
		return;
	fl_assert(!nesting);
	__atomic_store_n(&mine->taken, 0, __ATOMIC_RELEASE);
	pthread_setspecific(exit_key, NULL);
	mine = NULL;
}

void fl_rcu_read_lock(void)
{
	if (nesting++)
		return;
	fl_rcu_register_thread();
	__atomic_exchange_n(&mine->epoch, __atomic_load_n(&epoch_now, __ATOMIC_ACQUIRE),
			    __ATOMIC_ACQ_REL);
}

void fl_rcu_read_unlock(void)
{
	fl_assert(nesting);
	if (--nesting)
		return;
	__atomic_exchange_n(&mine->epoch, 0, __ATOMIC_ACQ_REL);
}

bool fl_rcu_read_ongoing(void)
{
	return nesting != 0;
}

static void wait_for_readers(void)
{
	uint64_t target = __atomic_add_fetch(&epoch_now, 1, __ATOMIC_ACQ_REL);
	/* Read-modify-write as well: a thread that links its slot later reads this. */
	struct slot *slot = __atomic_fetch_add(&slots, 0, __ATOMIC_ACQ_REL);
	const struct timespec pause = { .tv_nsec = 100 * 1000 };

	for (; slot; slot = slot->next)
		for (;;) {
			uint64_t seen = __atomic_fetch_add(&slot->epoch, 0, __ATOMIC_ACQ_REL);

			if (!seen || seen >= target)
				break;
			nanosleep(&pause, NULL);
		}
}

void fl_rcu_call(struct fl_rcu_head *head, void (*func)(struct fl_rcu_head *head))
{
	pthread_once(&once, init_once);
	head->func = func;
	head->next = __atomic_load_n(&pending, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&pending, &head->next, head, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED))
		;
	__atomic_add_fetch(&pending_seq, 1, __ATOMIC_ACQ_REL);
	fl_futex_wake(&pending_seq, 1);
}

/* Callbacks run in the order in which they were queued: barriers rely on it. */
static struct fl_rcu_head *take_pending(void)
{
	struct fl_rcu_head *head = __atomic_exchange_n(&pending, NULL, __ATOMIC_ACQ_REL);
	struct fl_rcu_head *reversed = NULL;

	while (head) {
		struct fl_rcu_head *next = head->next;

		head->next = reversed;
		reversed = head;
		head = next;
	}
	return reversed;
}

static void *callback_main(void *arg)
{
	for (;;) {
		uint32_t seq = __atomic_load_n(&pending_seq, __ATOMIC_ACQUIRE);
		struct fl_rcu_head *head = take_pending();

		if (!head) {
			fl_futex_wait(&pending_seq, seq, 0);
			continue;
		}
		wait_for_readers();
		while (head) {
			struct fl_rcu_head *next = head->next;

			head->func(head);
			head = next;
		}
	}
	return NULL;
}

void fl_rcu_synchronize(void)
{
	fl_assert_may_block("waiting for an RCU grace period");
	wait_for_readers();
}

struct barrier {
	struct fl_rcu_head head;
	uint32_t done;
};

static void barrier_done(struct fl_rcu_head *head)
{
	struct barrier *barrier = FL_CONTAINER_OF(head, struct barrier, head);

	/* The waiter's frame may be gone after the store; a wake of a stale address is
	 * only a spurious wake-up of somebody else. */
	uint32_t *word = &barrier->done;

	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	fl_futex_wake(word, 1);
}

void fl_rcu_barrier(void)
{
	struct barrier barrier = { .done = 0 };

	fl_assert_may_block("waiting for RCU callbacks");
	fl_rcu_call(&barrier.head, barrier_done);
	while (!__atomic_load_n(&barrier.done, __ATOMIC_ACQUIRE))
		fl_futex_wait(&barrier.done, 0, 0);
}
