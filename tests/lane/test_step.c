/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_step.c - steps, frames, waits, wakers, children, timers (L3, L4, T1..T3). */
#include "task.h"

#include "base/thread.h"

static struct fl_sched *sched;
static struct fl_lane *pf, *sf, *eth;

static int setup(void **state)
{
	sched = sched_new((struct fl_sched_config){ .workers = 3, .max_wait_ns = PATIENCE_NS });
	pf = lane_new(sched, NULL, "pf");
	sf = lane_new(sched, pf, "sf");
	eth = lane_new(sched, sf, "eth");
	return 0;
}

static int teardown(void **state)
{
	lane_end(eth);
	lane_end(sf);
	lane_end(pf);
	sched_end(sched);
	return 0;
}

/* ---- frames ----------------------------------------------------------------------- */

static int frames_inner_slept(struct fl_op *op)
{
	assert_int_equal(fl_op_result(op), 0);
	return -EIO;
}

static int frames_inner(struct fl_op *op)
{
	return fl_op_sleep(op, FL_NS_PER_MS, frames_inner_slept);
}

static int frames_outer_back(struct fl_op *op)
{
	assert_int_equal(fl_op_result(op), -EIO);
	return -EPROTO;
}

static int frames_back(struct fl_op *op)
{
	assert_int_equal(fl_op_result(op), -EPROTO);
	return -ENOSPC;
}

static int frames_run(struct fl_op *op)
{
	assert_int_equal(fl_op_result(op), 0);
	fl_op_then(op, frames_back);
	fl_op_then(op, frames_outer_back);
	return frames_inner(op);
}

static void test_frames(void **state)
{
	task_end(task_submit(task_new("frames", sf, frames_run)), -ENOSPC);
}

/* ---- sleeping and yielding --------------------------------------------------------- */

static int yields(struct fl_op *op)
{
	struct task *task = task_of(op);

	assert_int_equal(fl_op_result(op), 0);
	return ++task->runs < 100 ? fl_op_yield(op, yields) : 0;
}

static void test_yield(void **state)
{
	struct task *task = task_submit(task_new("yields", sf, yields));

	task_await(task);
	assert_int_equal(task->runs, 100);
	task_end(task, 0);
}

static int sleeps(struct fl_op *op)
{
	return fl_op_sleep(op, 20 * FL_NS_PER_MS, step_result);
}

static void test_sleep(void **state)
{
	uint64_t begin = fl_now_ns();

	task_end(task_submit(task_new("sleeps", sf, sleeps)), 0);
	assert_true(fl_now_ns() - begin >= 20 * FL_NS_PER_MS);
}

static int sleeps_long(struct fl_op *op)
{
	note(&task_of(op)->runs);
	return fl_op_sleep(op, PATIENCE_NS, step_result);
}

static void test_cancel_sleep(void **state)
{
	struct task *task = task_submit(task_new("sleeps", sf, sleeps_long));
	uint64_t begin = fl_now_ns();

	wait_until(seen(&task->runs));
	fl_op_cancel(&task->op);
	task_await(task);
	assert_true(fl_op_cancelled(&task->op));
	assert_true(fl_now_ns() - begin < PATIENCE_NS / 2);
	task_end(task, -ECANCELED);
}

/* Cancelled in its own step: the next wait is over before it begins (T3). */
static int cancels_itself(struct fl_op *op)
{
	fl_op_cancel(op);
	return fl_op_sleep(op, PATIENCE_NS, step_result);
}

static void test_cancel_before_wait(void **state)
{
	task_end(task_submit(task_new("itself", sf, cancels_itself)), -ECANCELED);
}

/* ---- wakers ------------------------------------------------------------------------ */

static void test_wake(void **state)
{
	struct task *task = task_submit(task_new("waits", sf, step_hold));

	wait_until(seen(&task->waiting));
	task_release(task, -EREMOTEIO);
	task_end(task, -EREMOTEIO);
}

static int wakes_before_wait(struct fl_op *op)
{
	fl_waker_wake(fl_op_waker(op), -ERANGE);
	return fl_op_wait(op, PATIENCE_NS, step_result);
}

static void test_wake_before_wait(void **state)
{
	task_end(task_submit(task_new("early", sf, wakes_before_wait)), -ERANGE);
}

static int late_second_wait(struct fl_op *op)
{
	assert_int_equal(fl_op_result(op), -ETIMEDOUT);
	note(&task_of(op)->runs);
	return fl_op_sleep(op, 30 * FL_NS_PER_MS, step_result);
}

static int late_run(struct fl_op *op)
{
	struct task *task = task_of(op);

	task->waker = fl_op_waker(op);
	return fl_op_wait(op, FL_NS_PER_MS, late_second_wait);
}

/* A waker that comes after the deadline must not end the wait after it (T1). */
static void test_late_waker(void **state)
{
	struct task *task = task_submit(task_new("late", sf, late_run));

	wait_until(seen(&task->runs));
	task_release(task, -EBADMSG);
	task_end(task, 0);
}

/* One that comes when the operation is over keeps the memory, and nothing else. */
static void test_waker_after_the_end(void **state)
{
	struct task *task = task_submit(task_new("waits", sf, step_hold));
	struct fl_waker waker;

	wait_until(seen(&task->waiting));
	waker = task->waker;
	fl_op_cancel(&task->op);
	task_end(task, -ECANCELED);
	assert_int_equal(seen(&tasks_alive), 1);
	fl_waker_wake(waker, 0);
	assert_int_equal(seen(&tasks_alive), 0);
}

static int two_wakers(struct fl_op *op)
{
	struct task *task = task_of(op);
	struct fl_waker other = fl_op_waker(op);

	task->waker = fl_op_waker(op);
	fl_waker_drop(other);
	note(&task->waiting);
	return fl_op_wait(op, PATIENCE_NS, step_result);
}

static void test_waker_drop(void **state)
{
	struct task *task = task_submit(task_new("two", sf, two_wakers));

	wait_until(seen(&task->waiting));
	task_release(task, 0);
	task_end(task, 0);
}

#define RACES 20000

struct race {
	struct fl_waker waker[8];
	int full[8];
	int over;
};

static int race_next(struct fl_op *op)
{
	struct task *task = task_of(op);
	struct race *race = task->arg;
	int at;

	assert_true(fl_op_result(op) == 0 || fl_op_result(op) == -ETIMEDOUT);
	if (++task->runs == RACES)
		return 0;
	at = task->runs % 8;
	if (__atomic_load_n(&race->full[at], __ATOMIC_ACQUIRE)) /* the waking thread is behind */
		return fl_op_sleep(op, FL_NS_PER_US * 10, race_next);
	race->waker[at] = fl_op_waker(op);
	__atomic_store_n(&race->full[at], 1, __ATOMIC_RELEASE);
	return fl_op_wait(op, 50 * FL_NS_PER_US, race_next);
}

static void *race_main(void *arg)
{
	struct race *race = arg;
	bool over;

	do {
		over = __atomic_load_n(&race->over, __ATOMIC_SEQ_CST);
		for (int i = 0; i < 8; i++)
			if (__atomic_load_n(&race->full[i], __ATOMIC_ACQUIRE)) {
				fl_waker_wake(race->waker[i], 0);
				__atomic_store_n(&race->full[i], 0, __ATOMIC_RELEASE);
			}
	} while (!over);
	return NULL;
}

/* Timer against waker, many times: each wait ends once, or the count is wrong. */
static void test_race_of_waker_and_timer(void **state)
{
	struct race race = { .over = 0 };
	struct task *task = task_new("race", sf, race_next);
	pthread_t thread;

	task->arg = &race;
	assert_int_equal(fl_thread_start(&thread, "race", 0, race_main, &race), 0);
	task_await(task_submit(task));
	__atomic_store_n(&race.over, 1, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	assert_int_equal(task->runs, RACES);
	task_end(task, 0);
}

/* ---- children ---------------------------------------------------------------------- */

#define CHILDREN 200

static int parent_joined(struct fl_op *op)
{
	return step_result(op);
}

static int child_fails(struct fl_op *op)
{
	note(&task_of(op)->runs);
	return -EDOM;
}

static int parent_run(struct fl_op *op)
{
	for (int i = 0; i < CHILDREN; i++) {
		struct task *child = task_new("child", i % 2 ? sf : eth,
					      i == 77 ? child_fails : step_noop);

		assert_int_equal(fl_op_spawn(op, &child->op), 0);
		task_put(child);
	}
	return fl_op_join(op, parent_joined);
}

static void test_children(void **state)
{
	struct task *task = task_submit(task_new("parent", pf, parent_run));

	task_end(task, -EDOM);
}

static int joins_nothing(struct fl_op *op)
{
	return fl_op_join(op, step_result);
}

static void test_join_nothing(void **state)
{
	task_end(task_submit(task_new("parent", pf, joins_nothing)), 0);
}

static int parent_of_holder(struct fl_op *op)
{
	struct task *task = task_of(op);

	assert_int_equal(fl_op_spawn(op, &task->child->op), 0);
	return fl_op_join(op, step_result);
}

/* A deep child shares the lane between; cancelling the parent reaches it. */
static void test_deep_child_and_cancel(void **state)
{
	struct task *child = task_new("child", eth, step_hold);
	struct task *parent = task_new("parent", pf, parent_of_holder);
	struct task *posted;

	parent->child = child;
	task_submit(parent);
	wait_until(seen(&child->waiting));
	posted = task_submit(task_new("posted", sf, step_noop));
	usleep(10000);
	assert_int_equal(seen(&posted->runs) + seen(&parent->ended), 0);
	fl_op_cancel(&parent->op);
	task_end(parent, -ECANCELED);
	assert_true(fl_op_cancelled(&child->op));
	fl_waker_drop(child->waker);
	task_end(child, -ECANCELED);
	task_end(posted, 0);
}

/* ---- timers ------------------------------------------------------------------------ */

#define TIMERS 3000

struct count_timer {
	struct fl_timer timer;
	uint64_t due_ns;
	int fired;
	int *early;
};

static void timer_fired(struct fl_timer *timer)
{
	struct count_timer *count = FL_CONTAINER_OF(timer, struct count_timer, timer);

	if (fl_now_ns() < count->due_ns)
		note(count->early);
	note(&count->fired);
}

static void test_timers(void **state)
{
	static struct count_timer timer[TIMERS];
	unsigned int seed = 1;
	int early = 0, cancelled = 0, fired = 0;

	memset(timer, 0, sizeof(timer));
	for (int i = 0; i < TIMERS; i++) {
		uint64_t ns = (uint64_t)(rand_r(&seed) % 50000) * FL_NS_PER_US;

		timer[i].early = &early;
		timer[i].due_ns = fl_now_ns() + ns;
		fl_timer_init(&timer[i].timer, timer_fired);
		assert_int_equal(fl_timer_arm(sched, &timer[i].timer, ns), 0);
	}
	for (int i = 0; i < TIMERS; i += 3)
		cancelled += fl_timer_cancel(sched, &timer[i].timer);
	for (int i = 0; i < TIMERS; i++)
		if (i % 3)
			wait_until(seen(&timer[i].fired));
	for (int i = 0; i < TIMERS; i++) {
		fired += seen(&timer[i].fired);
		assert_false(fl_timer_cancel(sched, &timer[i].timer));
	}
	assert_int_equal(fired + cancelled, TIMERS);
	assert_int_equal(seen(&early), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_yield, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_sleep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_before_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_before_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_waker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waker_after_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waker_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_race_of_waker_and_timer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_children, setup, teardown),
		cmocka_unit_test_setup_teardown(test_join_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deep_child_and_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
