/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * timer.c - one thread, a binary heap, and the clock.
 *
 * An expired timer of an operation decides the wait (a compare-and-swap) while the lock is
 * held; so once fl_timer_cancel() has returned, nothing of that timer is under way any more
 * and the operation may arm it again.
 *
 * Time that did not pass. A process that is stopped and continued, or frozen, finds that
 * CLOCK_MONOTONIC went on; yet nobody here could have done anything, so no deadline may have
 * run out. While something is armed the thread looks at the clock every TICK_NS. Whoever asks
 * for the time gets at most STILL_NS more than at the last look; and when the thread looks
 * later than that, the rest is taken for lost.
 */
#include "lane/lane-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/futex.h"
#include "base/thread.h"

#define HEAP_FIRST 4096
/* Timers that are due within this of each other share one wake-up of the thread. */
#define COALESCE_NS (40 * FL_NS_PER_US)
#define BATCH 64
#define TICK_NS (100 * FL_NS_PER_MS)
/* Later than so, the thread was not just waiting for a CPU. */
#define STILL_NS (500 * FL_NS_PER_MS)

/* ---- the clock ------------------------------------------------------------------------- */

uint64_t fl_sched_now(const struct fl_sched *sched)
{
	const struct fl_timers *timers = &sched->timers;
	uint64_t ticked_ns, lost_ns, now_ns;
	uint32_t seq;

	do {
		seq = __atomic_load_n(&timers->clock_seq, __ATOMIC_ACQUIRE);
		ticked_ns = __atomic_load_n(&timers->ticked_ns, __ATOMIC_ACQUIRE);
		lost_ns = __atomic_load_n(&timers->lost_ns, __ATOMIC_ACQUIRE);
	} while (seq & 1 || seq != __atomic_load_n(&timers->clock_seq, __ATOMIC_RELAXED));
	now_ns = fl_now_ns();
	if (ticked_ns && now_ns > ticked_ns + STILL_NS)
		now_ns = ticked_ns + STILL_NS;
	return now_ns - lost_ns;
}

static void clock_set(struct fl_timers *timers, uint64_t ticked_ns, uint64_t lost_ns)
	FL_REQUIRES(timers->lock)
{
	__atomic_add_fetch(&timers->clock_seq, 1, __ATOMIC_ACQ_REL);
	__atomic_store_n(&timers->ticked_ns, ticked_ns, __ATOMIC_RELEASE);
	__atomic_store_n(&timers->lost_ns, lost_ns, __ATOMIC_RELEASE);
	__atomic_add_fetch(&timers->clock_seq, 1, __ATOMIC_RELEASE);
}

/* The thread looks. Without a timer nothing has to be looked at again. */
static void clock_tick(struct fl_timers *timers) FL_REQUIRES(timers->lock)
{
	uint64_t mono_ns = fl_now_ns(), lost_ns = timers->lost_ns;

	if (timers->ticked_ns && mono_ns > timers->ticked_ns + STILL_NS)
		lost_ns += mono_ns - timers->ticked_ns - STILL_NS;
	clock_set(timers, timers->count ? mono_ns : 0, lost_ns);
}

/* ---- the heap -------------------------------------------------------------------------- */

static void heap_put(struct fl_timers *timers, size_t at, struct fl_heap_entry entry)
{
	timers->heap[at] = entry;
	entry.timer->heap_index = (uint32_t)at + 1;
}

static void heap_up(struct fl_timers *timers, size_t at, struct fl_heap_entry entry)
{
	while (at && timers->heap[(at - 1) / 2].at_ns > entry.at_ns) {
		heap_put(timers, at, timers->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(timers, at, entry);
}

static void heap_down(struct fl_timers *timers, size_t at, struct fl_heap_entry entry)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < timers->count &&
		    timers->heap[child + 1].at_ns < timers->heap[child].at_ns)
			child++;
		if (child >= timers->count || timers->heap[child].at_ns >= entry.at_ns)
			break;
		heap_put(timers, at, timers->heap[child]);
		at = child;
	}
	heap_put(timers, at, entry);
}

static void heap_remove(struct fl_timers *timers, struct fl_timer *timer)
{
	size_t at = timer->heap_index - 1;
	struct fl_heap_entry last = timers->heap[--timers->count];

	timer->heap_index = 0;
	if (last.timer == timer)
		return;
	if (at && timers->heap[(at - 1) / 2].at_ns > last.at_ns)
		heap_up(timers, at, last);
	else
		heap_down(timers, at, last);
}

static int heap_grow(struct fl_timers *timers, size_t need)
{
	size_t capacity = HEAP_FIRST;
	struct fl_heap_entry *fresh, *old;

	while (capacity < need)
		capacity *= 2;
	fresh = malloc(capacity * sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	fl_lock_take(&timers->lock);
	old = fresh;
	if (capacity > timers->capacity) {
		old = timers->heap;
		if (timers->count)
			memcpy(fresh, old, timers->count * sizeof(*fresh));
		timers->heap = fresh;
		__atomic_store_n(&timers->capacity, capacity, __ATOMIC_RELEASE);
	}
	fl_lock_drop(&timers->lock);
	free(old);
	return 0;
}

int fl_timers_reserve(struct fl_sched *sched)
{
	struct fl_timers *timers = &sched->timers;
	size_t need = __atomic_add_fetch(&timers->reserved, 1, __ATOMIC_RELAXED);
	int err;

	if (need <= __atomic_load_n(&timers->capacity, __ATOMIC_ACQUIRE))
		return 0;
	err = heap_grow(timers, need);
	if (err)
		fl_timers_unreserve(sched);
	return err;
}

void fl_timers_unreserve(struct fl_sched *sched)
{
	__atomic_sub_fetch(&sched->timers.reserved, 1, __ATOMIC_RELAXED);
}

void fl_timer_init(struct fl_timer *timer, void (*fn)(struct fl_timer *timer))
{
	*timer = (struct fl_timer){ .fn = fn };
}

void fl_timer_init_expire(struct fl_timer *timer,
			  struct fl_work *(*expire)(struct fl_timer *timer, uint64_t now_ns,
						    uint64_t *ret_again_ns))
{
	*timer = (struct fl_timer){ .expire = expire, .expires = 1 };
}

bool fl_timer_arm_quietly(struct fl_sched *sched, struct fl_timer *timer, uint64_t at_ns)
{
	struct fl_timers *timers = &sched->timers;
	bool wake;

	fl_lock_take(&timers->lock);
	fl_assert(!timer->heap_index && timers->count < timers->capacity);
	if (!timers->ticked_ns)
		clock_set(timers, fl_now_ns(), timers->lost_ns);
	heap_up(timers, timers->count++, (struct fl_heap_entry){ at_ns, timer });
	wake = at_ns < timers->sleeps_until;
	if (wake) {
		timers->sleeps_until = 0;
		__atomic_add_fetch(&timers->seq, 1, __ATOMIC_RELAXED);
	}
	fl_lock_drop(&timers->lock);
	return wake;
}

void fl_timers_wake(struct fl_sched *sched)
{
	fl_futex_wake(&sched->timers.seq, 1);
}

void fl_timer_arm_at(struct fl_sched *sched, struct fl_timer *timer, uint64_t at_ns)
{
	if (fl_timer_arm_quietly(sched, timer, at_ns))
		fl_timers_wake(sched);
}

int fl_timer_arm(struct fl_sched *sched, struct fl_timer *timer, uint64_t ns)
{
	int err = fl_timers_reserve(sched);

	fl_assert(!timer->expires);
	if (!err)
		fl_timer_arm_at(sched, timer, fl_sched_now(sched) + ns);
	return err;
}

bool fl_timer_cancel(struct fl_sched *sched, struct fl_timer *timer)
{
	struct fl_timers *timers = &sched->timers;
	bool armed;

	fl_lock_take(&timers->lock);
	armed = timer->heap_index;
	if (armed)
		heap_remove(timers, timer);
	fl_lock_drop(&timers->lock);
	if (armed && !timer->expires)
		fl_timers_unreserve(sched);
	return armed;
}

/* Expires what is due. Operations and lanes go to `ready`; the first timer with a function ends
 * the batch and is returned: its function is called without the lock. */
static struct fl_timer *expire(struct fl_timers *timers, uint64_t now_ns,
			       struct cds_list_head *ready) FL_REQUIRES(timers->lock)
{
	for (int i = 0; i < BATCH && timers->count && timers->heap[0].at_ns <= now_ns; i++) {
		struct fl_timer *timer = timers->heap[0].timer;
		uint64_t again_ns = 0;
		struct fl_work *work;

		heap_remove(timers, timer);
		if (!timer->expires)
			return timer;
		work = timer->expire(timer, now_ns, &again_ns);
		if (again_ns) {
			heap_up(timers, timers->count++,
				(struct fl_heap_entry){ again_ns, timer });
		}
		if (work)
			cds_list_add_tail(&work->link, ready);
	}
	return NULL;
}

/* Until when the thread may sleep; 0: something is due. */
static uint64_t next_sleep(const struct fl_timers *timers, uint64_t now_ns)
{
	uint64_t at_ns;

	if (!timers->count)
		return timers->ticked_ns ? now_ns + TICK_NS : UINT64_MAX;
	at_ns = timers->heap[0].at_ns;
	if (at_ns <= now_ns)
		return 0;
	if (at_ns < now_ns + COALESCE_NS)
		return now_ns + COALESCE_NS;
	return at_ns < now_ns + TICK_NS ? at_ns : now_ns + TICK_NS;
}

/* One round; false: the scheduler ends. */
static bool timers_turn(struct fl_sched *sched)
{
	struct fl_timers *timers = &sched->timers;
	void (*fn)(struct fl_timer *timer) = NULL;
	uint64_t now_ns, until_ns = 0, lost_ns;
	struct fl_timer *timer;
	CDS_LIST_HEAD(ready);
	bool stopping;
	uint32_t seq;

	fl_lock_take(&timers->lock);
	clock_tick(timers);
	now_ns = fl_sched_now(sched);
	lost_ns = timers->lost_ns;
	timer = expire(timers, now_ns, &ready);
	if (timer)
		fn = timer->fn;
	else
		until_ns = next_sleep(timers, now_ns);
	timers->sleeps_until = until_ns;
	seq = __atomic_load_n(&timers->seq, __ATOMIC_RELAXED);
	stopping = timers->stopping;
	fl_lock_drop(&timers->lock);
	fl_runq_push_list(sched, &ready);
	if (stopping)
		return false;
	if (timer) {
		fl_timers_unreserve(sched);
		fn(timer);
	} else if (until_ns) {
		fl_futex_wait(&timers->seq, seq, until_ns == UINT64_MAX ? 0 : until_ns + lost_ns);
	}
	return true;
}

static void *timer_main(void *arg)
{
	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
	while (timers_turn(arg))
		;
	return NULL;
}

int fl_timers_start(struct fl_sched *sched)
{
	int err = heap_grow(&sched->timers, HEAP_FIRST);

	if (err)
		return err;
	err = fl_thread_start(&sched->timers.thread, "fl-timer", 0, timer_main, sched);
	if (err) {
		free(sched->timers.heap);
		sched->timers.heap = NULL;
	}
	return err;
}

void fl_timers_stop(struct fl_sched *sched)
{
	struct fl_timers *timers = &sched->timers;

	fl_lock_take(&timers->lock);
	timers->stopping = true;
	__atomic_add_fetch(&timers->seq, 1, __ATOMIC_RELAXED);
	fl_lock_drop(&timers->lock);
	fl_futex_wake(&timers->seq, 1);
	pthread_join(timers->thread, NULL);
}
