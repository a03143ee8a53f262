/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_breach.c - planted breaches: each must stop the program, with the names of both. */
#include "task.h"

#include "base/lock.h"
#include "base/thread-safety.h"
#include "tests/support/doomed.h"

static struct fl_lane *pf, *sf1, *sf2, *eth;
static struct fl_lock leaf;

/* ---- the planted ones -------------------------------------------------------------- */

static int spawn_on(struct fl_op *op, struct fl_lane *lane)
{
	struct task *child = task_new("child", lane, step_noop);

	fl_op_spawn(op, &child->op);
	return fl_op_join(op, step_result);
}

static int upward(struct fl_op *op)
{
	return spawn_on(op, pf);
}

static int sideways(struct fl_op *op)
{
	return spawn_on(op, sf2);
}

static int own_lane(struct fl_op *op)
{
	return spawn_on(op, sf1);
}

static int no_join(struct fl_op *op)
{
	struct task *child = task_new("child", eth, step_hold);

	fl_op_spawn(op, &child->op);
	return 0;
}

static int no_continuation(struct fl_op *op)
{
	return FL_LATER;
}

static int two_continuations(struct fl_op *op)
{
	fl_op_yield(op, step_result);
	return fl_op_sleep(op, FL_NS_PER_MS, step_result);
}

static int value_and_continuation(struct fl_op *op)
{
	fl_op_yield(op, step_result);
	return 0;
}

static int no_deadline(struct fl_op *op)
{
	return fl_op_wait(op, 0, step_result);
}

static int long_deadline(struct fl_op *op)
{
	return fl_op_wait(op, 3600 * FL_NS_PER_S, step_result);
}

FL_NO_TSA static int lock_across_step(struct fl_op *op)
{
	fl_lock_take(&leaf);
	return 0;
}

static int rcu_across_step(struct fl_op *op)
{
	fl_rcu_read_lock();
	return 0;
}

static int wait_in_rcu(struct fl_op *op)
{
	fl_rcu_read_lock();
	fl_rcu_synchronize();
	return 0;
}

static int odd_value(struct fl_op *op)
{
	return 7;
}

static int frames_without_end(struct fl_op *op)
{
	for (int i = 0; i < 100; i++)
		fl_op_then(op, step_result);
	return 0;
}

static struct task *stranger;

static int steps_of_another(struct fl_op *op)
{
	return fl_op_sleep(&stranger->op, FL_NS_PER_MS, step_result);
}

FL_NO_TSA static int submit_under_lock(struct fl_op *op)
{
	fl_lock_take(&leaf);
	fl_op_submit(&stranger->op);
	return 0;
}

/* What is planted, and the words that must be said, in this order. */
static const struct {
	const char *name;
	fl_step run;
	const char *words[DOOMED_WORDS];
} planted[] = {
	{ "upward", upward, { "L3", "'planted' on lane 'sf1'", "'child' on lane 'pf'" } },
	{ "sideways", sideways, { "L3", "'planted' on lane 'sf1'", "'child' on lane 'sf2'" } },
	{ "own-lane", own_lane, { "L3", "'planted' on lane 'sf1'", "'child' on lane 'sf1'" } },
	{ "no-join", no_join, { "L3", "'planted' on lane 'sf1'", "'child' on lane 'eth'" } },
	{ "no-continuation", no_continuation, { "L4", "'planted' on lane 'sf1'", "FL_LATER" } },
	{ "two-continuations", two_continuations, { "L4", "fl_op_sleep", "'planted'" } },
	{ "value-and-continuation", value_and_continuation, { "L4", "'planted'", "returned 0" } },
	{ "no-deadline", no_deadline, { "L4", "without a deadline", "'planted' on lane 'sf1'" } },
	{ "long-deadline", long_deadline, { "L4", "3600000 ms", "'planted' on lane 'sf1'" } },
	{ "lock-across-step",
	  lock_across_step,
	  { "leaf locks", "step of operation 'planted' on lane 'sf1'", "'driver'" } },
	{ "rcu-across-step",
	  rcu_across_step,
	  { "RCU", "step of operation 'planted' on lane 'sf1'" } },
	{ "wait-in-rcu", wait_in_rcu, { "RCU", "grace period" } },
	{ "odd-value", odd_value, { "step values", "'planted'", "7" } },
	{ "frames", frames_without_end, { "frames", "'planted' on lane 'sf1'" } },
	{ "steps-of-another",
	  steps_of_another,
	  { "L7", "fl_op_sleep", "'stranger' on lane 'sf2'", "'planted' on lane 'sf1'" } },
	{ "submit-under-lock", submit_under_lock, { "leaf locks", "submitting", "'driver'" } },
	{ "nothing", step_noop, { NULL } }, /* the harness itself: must live */
};

static int run_planted(const char *name)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ 0 });

	pf = lane_new(sched, NULL, "pf");
	sf1 = lane_new(sched, pf, "sf1");
	sf2 = lane_new(sched, pf, "sf2");
	eth = lane_new(sched, sf1, "eth");
	fl_lock_init(&leaf, driver);
	stranger = task_new("stranger", sf2, step_noop);
	for (size_t i = 0; i < FL_ARRAY_SIZE(planted); i++)
		if (!strcmp(name, planted[i].name))
			fl_op_submit(&task_new("planted", sf1, planted[i].run)->op);
	fl_sched_drain(sched, 20 * FL_NS_PER_S);
	return 0;
}

static void test_planted(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(planted); i++)
		doomed_check(planted[i].name, planted[i].words);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_planted),
	};

	if (argc > 1)
		return run_planted(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
