/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_block.c - steps that really sleep: threads of the device's quota. */
#include "task.h"

#include <pthread.h>
#include <time.h>

#define SLEEPERS 1000
#define ROUNDS 200

static int step_nanosleep(struct fl_op *op)
{
	const struct timespec second = { .tv_sec = 1 };
	struct task *task = task_of(op);

	note(&task->runs);
	nanosleep(&second, NULL);
	return 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int probe_run(struct fl_op *op)
{
	return fl_op_sleep(op, FL_NS_PER_MS, step_noop);
}

/* The median time of some operations on lane, one after another. */
static uint64_t probe_median_ns(struct fl_lane *lane)
{
	uint64_t ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begin = fl_now_ns();

		task_end(task_submit(task_new("probe", lane, probe_run)), 0);
		ns[i] = fl_now_ns() - begin;
	}
	qsort(ns, ROUNDS, sizeof(ns[0]), compare_u64);
	return ns[ROUNDS / 2];
}

/* A thousand probes of a plug-in's driver sleep in the kernel; another device does not
 * notice. Generous: a loaded machine has noise, a blocked worker costs a second. */
static void test_sleepers_of_another_device(void **state)
{
	static struct task *task[SLEEPERS];
	static struct fl_lane *sf[SLEEPERS];
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 2 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *other = lane_new(sched, NULL, "other");
	uint64_t idle_ns = probe_median_ns(other), busy_ns;
	int at_once = 0, ended_before = 0;

	for (int i = 0; i < SLEEPERS; i++) {
		sf[i] = lane_new(sched, pf, "sf");
		task[i] = task_new("probe", sf[i], step_nanosleep);
		task[i]->type.flags |= FL_OP_BLOCKS;
		task_submit(task[i]);
	}
	busy_ns = probe_median_ns(other);
	for (int i = 0; i < SLEEPERS; i++) {
		at_once += seen(&task[i]->runs);
		ended_before += seen(&task[i]->ended);
	}
	print_message("idle %.0f us, beside %d sleepers (%d over) %.0f us\n", (double)idle_ns / 1e3,
		      at_once, ended_before, (double)busy_ns / 1e3);
	for (int i = 0; i < SLEEPERS; i++) {
		task_end(task[i], 0);
		lane_end(sf[i]);
	}
	assert_true(busy_ns < 10 * idle_ns + 10 * FL_NS_PER_MS);
	lane_end(pf);
	lane_end(other);
	sched_end(sched);
}

/* All of them sleep at once: nobody's sleep waits for another's. */
static void test_sleepers_are_parallel(void **state)
{
	struct task *task[100];
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 2 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *sf[100];
	uint64_t begin = fl_now_ns();

	for (int i = 0; i < 100; i++) {
		sf[i] = lane_new(sched, pf, "sf");
		task[i] = task_new("probe", sf[i], step_nanosleep);
		task[i]->type.flags |= FL_OP_BLOCKS;
		task_submit(task[i]);
	}
	for (int i = 0; i < 100; i++) {
		task_end(task[i], 0);
		lane_end(sf[i]);
	}
	assert_true(fl_now_ns() - begin < 20 * FL_NS_PER_S); /* 100 s one after another */
	lane_end(pf);
	sched_end(sched);
}

static int blocks_once_back(struct fl_op *op)
{
	struct task *task = task_of(op);

	task->result = fl_op_result(op);
	note(&task->waiting);
	while (!seen(&task->runs)) /* sleeps on its thread until the test lets it go */
		usleep(1000);
	return -EXDEV;
}

static int blocks_once_after(struct fl_op *op)
{
	return fl_op_result(op) == -EXDEV ? 0 : -EINVAL;
}

static int blocks_once(struct fl_op *op)
{
	fl_op_then(op, blocks_once_after);
	return fl_op_block(op, blocks_once_back);
}

static int block_is_refused_back(struct fl_op *op)
{
	return fl_op_result(op) == -EBUSY ? 0 : -EINVAL;
}

static int block_is_refused(struct fl_op *op)
{
	return fl_op_block(op, block_is_refused_back);
}

static void test_quota(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .max_block_device = 2,
								     .max_block = 3 });
	struct fl_lane *pf = lane_new(sched, NULL, "pci/0000:03:00.0");
	struct fl_lane *other = lane_new(sched, NULL, "pci/0000:04:00.0");
	struct fl_lane *sf[3];
	struct task *task[2], *refused, *removal;

	for (int i = 0; i < 3; i++)
		sf[i] = lane_new(sched, pf, "sf");
	for (int i = 0; i < 2; i++) {
		task[i] = task_submit(task_new("ioctl", sf[i], blocks_once));
		wait_until(seen(&task[i]->waiting));
		assert_int_equal(task[i]->result, 0);
	}
	/* A borrowed thread that is refused: the step runs all the same, and knows. */
	task_end(task_submit(task_new("ioctl", sf[2], block_is_refused)), 0);
	/* One that needs its thread throughout is not admitted. */
	refused = task_new("probe", sf[2], step_nanosleep);
	refused->type.flags |= FL_OP_BLOCKS;
	assert_int_equal(fl_op_submit(&refused->op), -EBUSY);
	assert_string_equal(fl_op_refusal(&refused->op),
			    "device pci/0000:03:00.0 has 2 blocking operations already (limit 2); "
			    "try again later");
	task_put(refused);
	/* A removal is. */
	removal = task_remove_new("remove", sf[2], step_noop);
	removal->type.flags |= FL_OP_BLOCKS;
	task_end(task_submit(removal), 0);
	/* Another device has its own, up to the plane's. */
	refused = task_new("probe", other, step_noop);
	refused->type.flags |= FL_OP_BLOCKS;
	task_end(task_submit(refused), 0);
	for (int i = 0; i < 2; i++) {
		note(&task[i]->runs);
		task_end(task[i], 0);
	}
	for (int i = 0; i < 3; i++)
		lane_end(sf[i]);
	lane_end(pf);
	lane_end(other);
	sched_end(sched);
}

static void test_quota_of_the_plane(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .max_block = 1 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *other = lane_new(sched, NULL, "other");
	struct task *task = task_submit(task_new("ioctl", pf, blocks_once));
	struct task *refused = task_new("probe", other, step_noop);

	wait_until(seen(&task->waiting));
	refused->type.flags |= FL_OP_BLOCKS;
	assert_int_equal(fl_op_submit(&refused->op), -EBUSY);
	assert_string_equal(
		fl_op_refusal(&refused->op),
		"the plane has 1 blocking operations already (limit 1); try again later");
	task_put(refused);
	note(&task->runs);
	task_end(task, 0);
	lane_end(pf);
	lane_end(other);
	sched_end(sched);
}

/* One that sleeps in the kernel and cannot be told: its device goes without it. */
static void test_remove_a_sleeper(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){
		.remove_deadline_ns = 20 * FL_NS_PER_MS });
	struct fl_lane *pf = lane_new(sched, NULL, "pf");
	struct task *task = task_submit(task_new("ioctl", pf, blocks_once));

	wait_until(seen(&task->waiting));
	task_end(task_submit(task_remove_new("remove", pf, step_noop)), 0);
	assert_true(fl_op_parked(&task->op));
	assert_int_equal(seen(&task->ended), 0);
	note(&task->runs);
	task_end(task, 0);
	fl_lane_put(pf);
	sched_end(sched);
}

static int never_returns(struct fl_op *op)
{
	struct task *task = task_of(op);

	note(&task->waiting);
	while (!seen(&task->runs))
		usleep(1000);
	__atomic_store_n(&task->result, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* As the name says, with its lane and its thread, until the end of the program. */
static struct task *left_behind;

/* The scheduler ends while a parked operation sleeps; when that wakes up, nothing of it is
 * called any more. */
static void test_end_with_a_sleeper(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){
		.remove_deadline_ns = 20 * FL_NS_PER_MS });
	struct fl_lane *pf = lane_new(sched, NULL, "pf");
	struct task *task = task_new("hangs", pf, never_returns);

	task->type.flags |= FL_OP_BLOCKS;
	task_submit(task);
	wait_until(seen(&task->waiting));
	task_end(task_submit(task_remove_new("remove", pf, step_noop)), 0);
	assert_int_equal(fl_sched_drain(sched, PATIENCE_NS), 0);
	fl_sched_free(sched);
	note(&task->runs);
	wait_until(seen(&task->result));
	usleep(20000);
	assert_int_equal(seen(&task->ended), 0);
	left_behind = task;
	fl_lane_put(pf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleepers_are_parallel),
		cmocka_unit_test(test_sleepers_of_another_device),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_quota_of_the_plane),
		cmocka_unit_test(test_remove_a_sleeper),
		cmocka_unit_test(test_end_with_a_sleeper), /* the last: it leaves something */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
