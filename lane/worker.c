/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* worker.c - the run queue, and the threads that run steps from it. */
#include "lane/lane-private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/futex.h"
#include "base/thread.h"

/* Whether somebody should be woken. One at a time: a woken worker wakes the next. */
static bool runq_wake(struct fl_runq *runq) FL_REQUIRES(runq->lock)
{
	if (!runq->idle || runq->waking)
		return false;
	runq->waking = true;
	__atomic_add_fetch(&runq->seq, 1, __ATOMIC_RELAXED);
	return true;
}

void fl_runq_push_list(struct fl_sched *sched, struct cds_list_head *list)
{
	struct fl_runq *runq = &sched->runq;
	bool wake;

	if (cds_list_empty(list))
		return;
	fl_lock_take(&runq->lock);
	cds_list_splice(list, runq->list.prev);
	wake = runq_wake(runq);
	fl_lock_drop(&runq->lock);
	CDS_INIT_LIST_HEAD(list);
	if (wake)
		fl_futex_wake(&runq->seq, 1);
}

void fl_runq_push(struct fl_sched *sched, struct fl_work *work)
{
	struct fl_runq *runq = &sched->runq;
	bool wake;

	fl_lock_take(&runq->lock);
	cds_list_add_tail(&work->link, &runq->list);
	wake = runq_wake(runq);
	fl_lock_drop(&runq->lock);
	if (wake)
		fl_futex_wake(&runq->seq, 1);
}

/* The next thing to do, or NULL when the scheduler ends. Sleeps while there is none. */
static struct fl_work *runq_pop(struct fl_runq *runq)
{
	struct fl_work *work = NULL;
	bool wake = false;

	fl_lock_take(&runq->lock);
	while (!runq->stopping && cds_list_empty(&runq->list)) {
		uint32_t seq = __atomic_load_n(&runq->seq, __ATOMIC_RELAXED);

		runq->idle++;
		fl_lock_drop(&runq->lock);
		fl_futex_wait(&runq->seq, seq, 0);
		fl_lock_take(&runq->lock);
		runq->idle--;
		runq->waking = false;
	}
	if (!runq->stopping) {
		work = cds_list_first_entry(&runq->list, struct fl_work, link);
		cds_list_del(&work->link);
		wake = !cds_list_empty(&runq->list) && runq_wake(runq);
	}
	fl_lock_drop(&runq->lock);
	if (wake)
		fl_futex_wake(&runq->seq, 1);
	return work;
}

static void *worker_main(void *arg)
{
	struct fl_sched *sched = arg;
	struct fl_work *work;

	while ((work = runq_pop(&sched->runq)))
		work->fn(work);
	return NULL;
}

static unsigned int default_workers(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 2 ? 2 : (unsigned int)cpus;
}

int fl_workers_start(struct fl_sched *sched)
{
	unsigned int count = sched->config.workers;
	int err;

	if (!count)
		count = sched->config.workers = default_workers();
	sched->threads = calloc(count, sizeof(*sched->threads));
	if (!sched->threads)
		return -ENOMEM;
	for (; sched->thread_count < count; sched->thread_count++) {
		err = fl_thread_start(&sched->threads[sched->thread_count], "fl-worker", 0,
				      worker_main, sched);
		if (err) {
			fl_workers_stop(sched);
			return err;
		}
	}
	return 0;
}

/* What is left belongs to parked operations, and to a removal that did not need it. */
static void drop_rest(struct fl_runq *runq)
{
	struct fl_work *work, *next;

	cds_list_for_each_entry_safe(work, next, &runq->list, link) {
		if (work->fn == fl_lane_look_run)
			fl_lane_put(FL_CONTAINER_OF(work, struct fl_lane, look));
		else if (work->fn == fl_deadline_due)
			fl_op_put(FL_CONTAINER_OF(work, struct fl_op, due));
	}
}

void fl_workers_stop(struct fl_sched *sched)
{
	struct fl_runq *runq = &sched->runq;

	fl_lock_take(&runq->lock);
	runq->stopping = true;
	__atomic_add_fetch(&runq->seq, 1, __ATOMIC_RELAXED);
	fl_lock_drop(&runq->lock);
	fl_futex_wake(&runq->seq, INT_MAX);
	for (unsigned int i = 0; i < sched->thread_count; i++)
		pthread_join(sched->threads[i], NULL);
	sched->thread_count = 0;
	drop_rest(runq);
	free(sched->threads);
	sched->threads = NULL;
}
