/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_unbind.c - a seal that opens again (rule 6, L5), and removals that take one over. */
#include "lane/lane-private.h"
#include "task.h"

#define DEADLINE_NS (50 * FL_NS_PER_MS)

static struct fl_sched *sched;
static struct fl_lane *pf, *sf, *flash;

static int setup(void **state)
{
	sched = sched_new((struct fl_sched_config){ .workers = 3,
						    .remove_deadline_ns = DEADLINE_NS,
						    .max_wait_ns = PATIENCE_NS });
	pf = lane_new(sched, NULL, "pf");
	sf = lane_new(sched, pf, "sf");
	flash = lane_new(sched, pf, "flash");
	return 0;
}

static int teardown(void **state)
{
	lane_end(flash);
	lane_end(sf);
	lane_end(pf);
	sched_end(sched);
	return 0;
}

static struct task *unbind_new(struct fl_lane *lane, fl_step run)
{
	struct task *task = task_new("unbind", lane, run);

	task->type.flags |= FL_OP_UNBINDS;
	return task;
}

static void assert_refused(struct fl_lane *lane, int err, const char *why)
{
	struct task *task = task_new("late", lane, step_noop);

	assert_int_equal(fl_op_submit(&task->op), err);
	assert_non_null(strstr(fl_op_refusal(&task->op), why));
	task_put(task);
}

static void test_seals_and_opens(void **state)
{
	struct task *holder = task_submit(task_new("holder", sf, step_hold));
	struct task *queued, *unbind;

	wait_until(seen(&holder->waiting));
	queued = task_submit(task_new("reload", pf, step_noop));
	unbind = task_submit(unbind_new(pf, step_hold));
	assert_refused(sf, -ENODEV, "is being removed");
	task_end(queued, -ENODEV);
	fl_waker_drop(holder->waker);
	task_end(holder, -ECANCELED);
	wait_until(seen(&unbind->waiting));
	assert_refused(pf, -ENODEV, "is being removed");
	task_release(unbind, 0);
	task_end(unbind, 0);
	assert_false(fl_lane_sealed(sf));
	task_end(task_submit(task_new("bind", pf, step_noop)), 0);
}

/* What was declared to last may finish. */
static void test_spares_a_flash(void **state)
{
	struct task *holder = task_new("flash", flash, step_hold), *unbind;

	holder->type.flags |= FL_OP_LASTS;
	task_submit(holder);
	wait_until(seen(&holder->waiting));
	unbind = task_submit(unbind_new(pf, step_noop));
	usleep(3 * DEADLINE_NS / FL_NS_PER_US);
	assert_int_equal(seen(&unbind->ended) + seen(&holder->ended), 0);
	assert_false(fl_op_parked(&holder->op));
	task_release(holder, 0);
	task_end(holder, 0);
	task_end(unbind, 0);
}

static int asleep(struct fl_op *op)
{
	struct task *task = task_of(op);

	note(&task->runs);
	while (!seen(task->arg))
		usleep(1000);
	return 0;
}

static struct task *sleeper(struct task *task, int *wake)
{
	task->type.flags |= FL_OP_BLOCKS;
	task->arg = wake;
	task_submit(task);
	wait_until(seen(&task->runs));
	return task;
}

/* The lane does not open beside something that was parked. */
static void test_opens_when_all_is_over(void **state)
{
	int wake = 0;
	struct task *deaf = sleeper(task_new("attach", sf, asleep), &wake);

	task_end(task_submit(unbind_new(pf, step_noop)), 0);
	assert_true(fl_op_parked(&deaf->op));
	assert_refused(pf, -EBUSY, "'attach' (operation 1) on sf of the driver before does not return");
	assert_refused(sf, -ENODEV, "is being removed");
	note(&wake);
	task_end(deaf, 0);
	assert_false(fl_lane_sealed(pf));
	task_end(task_submit(task_new("bind", pf, step_noop)), 0);
	task_end(task_submit(task_new("launch", sf, step_noop)), 0);
}

/* The unbinding itself does not return: the same. */
static void test_hangs_itself(void **state)
{
	int wake = 0;
	struct task *unbind = sleeper(unbind_new(pf, asleep), &wake);

	wait_until(fl_op_parked(&unbind->op));
	wait_until(__atomic_load_n(&pf->opens, __ATOMIC_SEQ_CST));
	assert_refused(pf, -EBUSY, "'unbind' (operation 1) on pf of the driver before");
	note(&wake);
	task_end(unbind, 0);
	wait_until(!fl_lane_sealed(pf));
	task_end(task_submit(task_new("bind", pf, step_noop)), 0);
}

/* A removal does not wait for what an unbinding had to leave behind. */
static void test_removal_takes_over(void **state)
{
	int wake = 0;
	struct task *deaf = sleeper(task_new("attach", sf, asleep), &wake);

	task_end(task_submit(unbind_new(pf, step_noop)), 0);
	task_end(task_submit(task_remove_new("remove", pf, step_noop)), 0);
	note(&wake);
	task_end(deaf, 0);
	assert_refused(pf, -ENODEV, "is being removed"); /* for ever */
}

static int removes_below(struct fl_op *op)
{
	struct task *task = task_of(op), *posted = task->arg;

	assert_int_equal(fl_op_submit(&posted->op), 0);
	assert_int_equal(fl_op_spawn(op, &task->child->op), 0);
	return fl_op_join(op, step_result);
}

/* One that was asked for before queues behind who awaits the removal: they would wait for each
 * other. The awaited one takes its seal, and the other ends. */
static void overtaken(struct task *posted)
{
	struct task *reload = task_new("reload", pf, removes_below);

	reload->arg = posted;
	reload->child = task_remove_new("remove", sf, step_noop);
	task_submit(reload);
	task_end(reload, 0);
	task_end(reload->child, 0);
	assert_int_equal(posted->runs, 0);
	task_end(posted, -ENODEV);
	assert_refused(sf, -ENODEV, "is being removed");
}

static void test_overtakes_a_removal(void **state)
{
	overtaken(task_remove_new("remove", sf, step_noop));
}

static void test_overtakes_an_unbinding(void **state)
{
	overtaken(unbind_new(sf, step_noop));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_seals_and_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spares_a_flash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opens_when_all_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangs_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_takes_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overtakes_a_removal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overtakes_an_unbinding, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
