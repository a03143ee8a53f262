/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* task.h - operations for the tests of lanes: they note what happened to them. */
#ifndef FL_TESTS_LANE_TASK_H
#define FL_TESTS_LANE_TASK_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "base/util.h"
#include "lane/lane.h"

/* Long enough for a loaded machine under a sanitizer; a test that needs it all fails. */
#define PATIENCE_NS (60 * FL_NS_PER_S)

/* All fields are atomic where two threads touch them. */
struct task {
	struct fl_op op;
	struct fl_op_type type;
	int waiting; /* the waker is there */
	struct fl_waker waker;
	int runs, result;
	int left, ended, ended_err;
	unsigned int started_at, ended_at; /* places in the order of all events */
	struct task *child;
	fl_step after;
	void *arg;
};

static unsigned int events;
static int tasks_alive;

static inline struct task *task_of(struct fl_op *op)
{
	return FL_CONTAINER_OF(op, struct task, op);
}

static inline int seen(int *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void note(int *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
}

static inline unsigned int event(void)
{
	return __atomic_add_fetch(&events, 1, __ATOMIC_SEQ_CST);
}

static void task_ended(struct fl_op *op, int err)
{
	struct task *task = task_of(op);

	task->ended_err = err;
	__atomic_store_n(&task->ended_at, event(), __ATOMIC_SEQ_CST);
	note(&task->ended);
}

static void task_leaving(struct fl_op *op, int err)
{
	note(&task_of(op)->left);
}

static void task_free(struct fl_op *op)
{
	__atomic_sub_fetch(&tasks_alive, 1, __ATOMIC_SEQ_CST);
	free(task_of(op));
}

/* The caller has one reference, the scheduler's is the other. */
static inline struct task *task_new(const char *kind, struct fl_lane *lane, fl_step run)
{
	struct task *task = calloc(1, sizeof(*task));

	assert_non_null(task);
	__atomic_add_fetch(&tasks_alive, 1, __ATOMIC_SEQ_CST);
	task->type = (struct fl_op_type){
		.kind = kind, .run = run, .ended = task_ended, .leaving = task_leaving,
		.free = task_free,
	};
	fl_op_init(&task->op, &task->type, lane, NULL);
	fl_op_get(&task->op);
	return task;
}

static inline struct task *task_remove_new(const char *kind, struct fl_lane *lane, fl_step run)
{
	struct task *task = task_new(kind, lane, run);

	task->type.flags |= FL_OP_REMOVES;
	return task;
}

static inline void task_put(struct task *task)
{
	fl_op_put(&task->op);
}

static inline struct task *task_submit(struct task *task)
{
	assert_int_equal(fl_op_submit(&task->op), 0);
	return task;
}

/* A step that does nothing. */
static inline int step_noop(struct fl_op *op)
{
	struct task *task = task_of(op);

	__atomic_store_n(&task->started_at, event(), __ATOMIC_SEQ_CST);
	note(&task->runs);
	return 0;
}

static inline int step_result(struct fl_op *op)
{
	struct task *task = task_of(op);

	__atomic_store_n(&task->result, fl_op_result(op), __ATOMIC_SEQ_CST);
	return fl_op_result(op);
}

/* A step that stays until task_release(), or until it is cancelled. */
static inline int step_hold(struct fl_op *op)
{
	struct task *task = task_of(op);

	__atomic_store_n(&task->started_at, event(), __ATOMIC_SEQ_CST);
	note(&task->runs);
	task->waker = fl_op_waker(op);
	note(&task->waiting);
	return fl_op_wait(op, PATIENCE_NS, step_result);
}

static inline void task_release(struct task *task, int status)
{
	fl_waker_wake(task->waker, status);
}

#define wait_until(cond)                                                                         \
	do {                                                                                     \
		uint64_t wait_end = fl_now_ns() + PATIENCE_NS;                                   \
		while (!(cond) && fl_now_ns() < wait_end)                                        \
			usleep(100);                                                             \
		assert_true(cond);                                                               \
	} while (0)

static inline void task_await(struct task *task)
{
	wait_until(seen(&task->ended));
}

/* Waits for its end, checks it, puts it. */
static inline void task_end(struct task *task, int err)
{
	task_await(task);
	assert_int_equal(task->ended, 1);
	assert_int_equal(task->ended_err, err);
	task_put(task);
}

static inline struct fl_lane *lane_new(struct fl_sched *sched, struct fl_lane *parent,
				       const char *name)
{
	struct fl_lane *lane;

	assert_int_equal(fl_lane_new(sched, parent, name, NULL, &lane), 0);
	return lane;
}

static inline void lane_end(struct fl_lane *lane)
{
	fl_lane_discard(lane);
	fl_lane_put(lane);
}

static inline struct fl_sched *sched_new(struct fl_sched_config config)
{
	struct fl_sched *sched;

	assert_int_equal(fl_sched_new(&config, &sched), 0);
	return sched;
}

/* Everything that was made is gone, too. */
static inline void sched_end(struct fl_sched *sched)
{
	struct fl_sched_stats stats;

	assert_int_equal(fl_sched_drain(sched, PATIENCE_NS), 0);
	fl_sched_stats(sched, &stats);
	assert_int_equal(stats.ops, 0);
	assert_int_equal(stats.submitted, stats.ended);
	wait_until(!seen(&tasks_alive));
	wait_until((fl_sched_stats(sched, &stats), stats.lanes == 0));
	fl_sched_free(sched);
}

#endif
