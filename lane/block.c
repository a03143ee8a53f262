/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * block.c - threads for steps that may sleep.
 *
 * There is a thread for each operation that was admitted to the quota and has something to
 * run: nobody waits until somebody else's sleep is over. Idle threads are used again, and
 * end after a while.
 */
#include "lane/lane-private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/futex.h"
#include "base/log.h"
#include "base/thread.h"

#define IDLE_NS (2 * FL_NS_PER_S)
#define RETRY_NS (10 * FL_NS_PER_MS)
#define STACK_BYTES (256 * 1024)

static _Thread_local bool is_mine;

bool fl_block_is_mine(void)
{
	return is_mine;
}

/* ---- quotas ----------------------------------------------------------------------- */

/* Removals count, but are never refused: see struct fl_sched_config. */
static bool count_up(struct fl_op *op, unsigned int *count, unsigned int limit)
{
	if (__atomic_add_fetch(count, 1, __ATOMIC_RELAXED) <= limit || fl_op_removes(op))
		return true;
	__atomic_sub_fetch(count, 1, __ATOMIC_RELAXED);
	return false;
}

int fl_block_reserve(struct fl_op *op, char **ret_refusal)
{
	struct fl_sched *sched = op->lane->sched;
	struct fl_lane *root = fl_lane_root(op->lane);
	unsigned int limit = sched->config.max_block_device;
	int len;

	if (!count_up(op, &root->block_ops, limit)) {
		len = asprintf(ret_refusal,
			       "device %s has %u blocking operations already (limit %u); "
			       "try again later",
			       root->name, limit, limit);
		goto out_refused;
	}
	limit = sched->config.max_block;
	if (!count_up(op, &sched->block_ops, limit)) {
		__atomic_sub_fetch(&root->block_ops, 1, __ATOMIC_RELAXED);
		len = asprintf(ret_refusal,
			       "the plane has %u blocking operations already (limit %u); "
			       "try again later",
			       limit, limit);
		goto out_refused;
	}
	op->slot = 1;
	return 0;

out_refused:
	if (len < 0)
		*ret_refusal = NULL;
	return -EBUSY;
}

void fl_block_release(struct fl_op *op)
{
	if (!op->slot)
		return;
	op->slot = 0;
	__atomic_sub_fetch(&fl_lane_root(op->lane)->block_ops, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&op->lane->sched->block_ops, 1, __ATOMIC_RELAXED);
}

/* ---- threads ---------------------------------------------------------------------- */

bool fl_block_step_begin(struct fl_sched *sched)
{
	struct fl_block *block = &sched->block;
	bool go;

	fl_lock_take(&block->lock);
	go = !block->stopping;
	if (go)
		block->in_step++;
	fl_lock_drop(&block->lock);
	return go;
}

bool fl_block_step_end(struct fl_sched *sched)
{
	struct fl_block *block = &sched->block;
	bool go;

	fl_lock_take(&block->lock);
	block->in_step--;
	go = !block->stopping;
	fl_lock_drop(&block->lock);
	return go;
}

/* The next operation, or NULL if there was none for a while or the scheduler ends. Either
 * way the thread is counted no more when it gets NULL. */
static struct fl_op *block_pop(struct fl_block *block)
{
	uint64_t until_ns = fl_now_ns() + IDLE_NS;
	struct fl_op *op = NULL;

	fl_lock_take(&block->lock);
	while (!block->stopping && cds_list_empty(&block->list) && fl_now_ns() < until_ns) {
		uint32_t seq = __atomic_load_n(&block->seq, __ATOMIC_RELAXED);

		block->idle++;
		fl_lock_drop(&block->lock);
		fl_futex_wait(&block->seq, seq, until_ns);
		fl_lock_take(&block->lock);
		block->idle--;
	}
	if (!block->stopping && !cds_list_empty(&block->list)) {
		op = cds_list_first_entry(&block->list, struct fl_op, work.link);
		cds_list_del(&op->work.link);
		block->queued--;
	} else {
		block->threads--;
		__atomic_add_fetch(&block->done, 1, __ATOMIC_RELAXED);
	}
	fl_lock_drop(&block->lock);
	return op;
}

static void *block_main(void *arg)
{
	struct fl_sched *sched = arg;
	struct fl_op *op;

	pthread_detach(pthread_self());
	is_mine = true;
	while ((op = block_pop(&sched->block)))
		fl_step_run(op);
	fl_futex_wake(&sched->block.done, INT_MAX);
	fl_sched_put(sched);
	return NULL;
}

/* One more thread; it has been counted. */
static void thread_add(struct fl_sched *sched)
{
	struct fl_block *block = &sched->block;
	pthread_t thread;
	bool retry;
	int err;

	__atomic_add_fetch(&sched->refs, 1, __ATOMIC_RELAXED);
	err = fl_thread_start(&thread, "fl-block", STACK_BYTES, block_main, sched);
	if (!err)
		return;
	fl_log(FL_LOG_WARN, "cannot start a thread for a blocking operation (errno %d); "
			    "trying again", -err);
	fl_lock_take(&block->lock);
	block->threads--;
	retry = !block->retrying;
	block->retrying = true;
	fl_lock_drop(&block->lock);
	if (retry)
		fl_timer_arm_at(sched, &block->retry, fl_sched_now(sched) + RETRY_NS);
	fl_sched_put(sched);
}

/* Whether a thread is missing; it is counted at once. */
static bool thread_missing(struct fl_block *block) FL_REQUIRES(block->lock)
{
	if (block->queued <= block->idle || block->stopping)
		return false;
	block->threads++;
	return true;
}

void fl_block_push(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	struct fl_block *block = &sched->block;
	bool missing;

	fl_lock_take(&block->lock);
	cds_list_add_tail(&op->work.link, &block->list);
	block->queued++;
	missing = thread_missing(block);
	__atomic_add_fetch(&block->seq, 1, __ATOMIC_RELAXED);
	fl_lock_drop(&block->lock);
	if (missing)
		thread_add(sched);
	else
		fl_futex_wake(&block->seq, 1);
}

/* On the timer thread: a worker starts the thread. */
static void retry_expired(struct fl_timer *timer)
{
	struct fl_sched *sched = FL_CONTAINER_OF(timer, struct fl_sched, block.retry);

	/* The timer's room in the heap is reserved for good. */
	__atomic_add_fetch(&sched->timers.reserved, 1, __ATOMIC_RELAXED);
	fl_runq_push(sched, &sched->block.retry_work);
}

static void retry_run(struct fl_work *work)
{
	struct fl_sched *sched = FL_CONTAINER_OF(work, struct fl_sched, block.retry_work);
	struct fl_block *block = &sched->block;
	bool missing;

	fl_lock_take(&block->lock);
	block->retrying = false;
	missing = thread_missing(block);
	fl_lock_drop(&block->lock);
	if (missing)
		thread_add(sched);
}

void fl_block_init(struct fl_sched *sched)
{
	struct fl_block *block = &sched->block;

	fl_lock_init(&block->lock, runq);
	CDS_INIT_LIST_HEAD(&block->list);
	fl_timer_init(&block->retry, retry_expired);
	block->retry_work.fn = retry_run;
	sched->timers.reserved = 1;
}

void fl_block_stop(struct fl_sched *sched)
{
	struct fl_block *block = &sched->block;
	uint32_t done;

	fl_lock_take(&block->lock);
	block->stopping = true;
	__atomic_add_fetch(&block->seq, 1, __ATOMIC_RELAXED);
	fl_lock_drop(&block->lock);
	fl_futex_wake(&block->seq, INT_MAX);
	for (;;) {
		bool over;

		done = __atomic_load_n(&block->done, __ATOMIC_RELAXED);
		fl_lock_take(&block->lock);
		over = block->threads == block->in_step;
		fl_lock_drop(&block->lock);
		if (over)
			return;
		fl_futex_wait(&block->done, done, fl_now_ns() + FL_NS_PER_MS);
	}
}
