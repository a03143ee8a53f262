/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_enter.c - alone and shared, the order of arrival, births, refusals (L1, L2). */
#include "task.h"

#define MANY 10000

static void test_alone_excludes(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 4 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *sf = lane_new(sched, pf, "sf");
	struct task *holder = task_submit(task_new("holder", pf, step_hold));
	struct task *same, *below;

	wait_until(seen(&holder->waiting));
	same = task_submit(task_new("same", pf, step_noop));
	below = task_submit(task_new("below", sf, step_noop));
	usleep(20000);
	assert_int_equal(seen(&same->runs) + seen(&below->runs), 0);
	task_release(holder, 0);
	task_end(same, 0);
	task_end(below, 0);
	assert_int_equal(holder->left, 1);
	task_end(holder, 0);
	lane_end(sf);
	lane_end(pf);
	sched_end(sched);
}

static void test_siblings_are_parallel(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 2 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *sf[50];
	struct task *task[50];

	for (int i = 0; i < 50; i++) {
		sf[i] = lane_new(sched, pf, "sf");
		task[i] = task_submit(task_new("launch", sf[i], step_hold));
	}
	for (int i = 0; i < 50; i++) /* all of them, before any is released */
		wait_until(seen(&task[i]->waiting));
	for (int i = 0; i < 50; i++) {
		task_release(task[i], 0);
		task_end(task[i], 0);
		lane_end(sf[i]);
	}
	lane_end(pf);
	sched_end(sched);
}

/* Shared, alone, shared: the alone one holds the later shared one back (L2). */
static void test_fifo_over_kinds(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 2 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf");
	struct fl_lane *sf1 = lane_new(sched, pf, "sf1"), *sf2 = lane_new(sched, pf, "sf2");
	struct task *first = task_submit(task_new("first", sf1, step_hold));
	struct task *reload, *late;

	wait_until(seen(&first->waiting));
	reload = task_submit(task_new("reload", pf, step_hold));
	late = task_submit(task_new("late", sf2, step_noop));
	usleep(20000);
	assert_int_equal(seen(&reload->runs) + seen(&late->runs), 0);
	task_release(first, 0);
	wait_until(seen(&reload->waiting));
	usleep(10000);
	assert_int_equal(seen(&late->runs), 0);
	task_release(reload, 0);
	task_end(late, 0);
	task_end(reload, 0);
	task_end(first, 0);
	lane_end(sf1);
	lane_end(sf2);
	lane_end(pf);
	sched_end(sched);
}

/* A request that leaves the queue lets those go that it held back. */
static void test_cancel_queued(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 2 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf");
	struct fl_lane *sf1 = lane_new(sched, pf, "sf1"), *sf2 = lane_new(sched, pf, "sf2");
	struct task *first = task_submit(task_new("first", sf1, step_hold));
	struct task *reload, *late;

	wait_until(seen(&first->waiting));
	reload = task_submit(task_new("reload", pf, step_noop));
	late = task_submit(task_new("late", sf2, step_noop));
	fl_op_cancel(&reload->op);
	task_await(reload);
	assert_int_equal(reload->runs + reload->left, 0);
	task_end(reload, -ECANCELED);
	task_end(late, 0);
	task_release(first, 0);
	task_end(first, 0);
	lane_end(sf1);
	lane_end(sf2);
	lane_end(pf);
	sched_end(sched);
}

static void test_many_queued_keep_order(void **state)
{
	static struct task *task[MANY];
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 4 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *sf = lane_new(sched, pf, "sf");
	struct task *holder = task_submit(task_new("holder", sf, step_hold));

	wait_until(seen(&holder->waiting));
	for (int i = 0; i < MANY; i++)
		task[i] = task_submit(task_new("queued", sf, step_noop));
	task_release(holder, 0);
	task_end(holder, 0);
	for (int i = 0; i < MANY; i++)
		task_await(task[i]);
	for (int i = 1; i < MANY; i++)
		assert_true(task[i - 1]->started_at < task[i]->started_at);
	for (int i = 0; i < MANY; i++)
		task_end(task[i], 0);
	lane_end(sf);
	lane_end(pf);
	sched_end(sched);
}

/* As in 2021: nothing runs beside anything else, not even on another device. */
static void test_bkl(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .workers = 4, .bkl = true });
	struct fl_lane *a = lane_new(sched, NULL, "a"), *b = lane_new(sched, NULL, "b");
	struct task *on_a = task_submit(task_new("on-a", a, step_hold));
	struct task *on_b;

	wait_until(seen(&on_a->waiting));
	on_b = task_submit(task_new("on-b", b, step_noop));
	usleep(20000);
	assert_int_equal(seen(&on_b->runs), 0);
	task_release(on_a, 0);
	task_end(on_b, 0);
	task_end(on_a, 0);
	lane_end(a);
	lane_end(b);
	sched_end(sched);
}

static void test_limits(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ .max_ops = 4,
								     .max_ops_client = 2 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *other_pf = lane_new(sched, NULL, "pf2");
	struct fl_client *client = fl_client_new("pid 42 (devlink)");
	struct fl_client *other = fl_client_new("pid 43 (devlink)");
	struct task *task[5], *unasked, *hold;

	for (int i = 0; i < 5; i++) {
		task[i] = task_new("queued", i < 3 ? pf : other_pf, step_hold);
		task[i]->op.client = fl_client_get(i < 3 ? client : other);
	}
	/* What has no client counts, too. */
	unasked = task_submit(task_new("unasked", other_pf, step_noop));
	hold = task_submit(task_new("hold", other_pf, step_hold));
	task_end(unasked, 0);
	task_submit(task[0]);
	task_submit(task[1]);
	assert_int_equal(fl_op_submit(&task[2]->op), -EBUSY);
	assert_string_equal(fl_op_refusal(&task[2]->op), "client pid 42 (devlink) has 2 operations "
							 "already (limit 2); try again later");
	task_submit(task[3]);
	assert_int_equal(fl_op_submit(&task[4]->op), -EBUSY);
	assert_string_equal(fl_op_refusal(&task[4]->op),
			    "the plane has 4 operations already (limit 4); try again later");
	assert_int_equal(task[2]->ended + task[4]->ended, 0);
	wait_until(seen(&hold->waiting));
	task_release(hold, 0);
	task_end(hold, 0);
	task_put(task[2]);
	task_put(task[4]);
	for (int i = 0; i < 4; i += i == 1 ? 2 : 1) {
		wait_until(seen(&task[i]->waiting));
		task_release(task[i], 0);
		task_end(task[i], 0);
	}
	/* What was given back can be had again. */
	task[0] = task_new("again", pf, step_noop);
	task[0]->op.client = fl_client_get(client);
	task_end(task_submit(task[0]), 0);
	fl_client_put(client);
	fl_client_put(other);
	lane_end(other_pf);
	lane_end(pf);
	sched_end(sched);
}

static void test_tree(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ 0 });
	struct fl_lane *lane[FL_OP_DEPTH], *other = lane_new(sched, NULL, "other"), *none = NULL;
	int owner;

	lane[0] = NULL;
	for (int i = 1; i < FL_OP_DEPTH; i++)
		assert_int_equal(fl_lane_new(sched, lane[i - 1], "lane", &owner, &lane[i]), 0);
	assert_int_equal(fl_lane_new(sched, lane[FL_OP_DEPTH - 1], "deep", NULL, &none), -EINVAL);
	assert_true(fl_lane_below(lane[5], lane[2]));
	assert_false(fl_lane_below(lane[2], lane[5]));
	assert_false(fl_lane_below(lane[2], lane[2]));
	assert_false(fl_lane_below(lane[5], other));
	assert_null(fl_lane_parent(lane[1]));
	assert_ptr_equal(fl_lane_parent(lane[2]), lane[1]);
	assert_ptr_equal(fl_lane_owner(lane[2]), &owner);
	fl_lane_discard(lane[3]);
	assert_true(fl_lane_sealed(lane[6]));
	assert_false(fl_lane_sealed(lane[2]));
	assert_int_equal(fl_lane_new(sched, lane[6], "late", NULL, &none), -ENODEV);
	assert_null(none);
	for (int i = 1; i < FL_OP_DEPTH; i++) /* parents first: children keep them */
		fl_lane_put(lane[i]);
	lane_end(other);
	sched_end(sched);
}

struct walk_sum {
	unsigned int lanes, queued, ops_queued, ops_waiting;
	char waits_at[64];
};

static void sum_lane(const struct fl_lane_info *info, void *arg)
{
	struct walk_sum *sum = arg;

	sum->lanes++;
	sum->queued += info->queued;
	if (!strcmp(info->name, "sf"))
		assert_string_equal(info->parent, "pf");
}

static void sum_op(const struct fl_op_info *info, void *arg)
{
	struct walk_sum *sum = arg;

	if (info->state == FL_OP_WAITING) {
		sum->ops_waiting++;
		assert_string_equal(info->lane, "sf");
		assert_true(info->started_ns >= info->queued_ns);
	} else {
		sum->ops_queued++;
		assert_int_equal(info->state, FL_OP_QUEUED);
		strcpy(sum->waits_at, info->waits_at);
	}
}

static void test_walk(void **state)
{
	struct fl_sched *sched = sched_new((struct fl_sched_config){ 0 });
	struct fl_lane *pf = lane_new(sched, NULL, "pf"), *sf = lane_new(sched, pf, "sf");
	struct task *holder = task_submit(task_new("holder", sf, step_hold));
	struct walk_sum sum = { 0 };
	struct task *queued;

	wait_until(seen(&holder->waiting));
	wait_until(__atomic_load_n(&holder->op.state, __ATOMIC_SEQ_CST) == FL_OP_WAITING);
	queued = task_submit(task_new("queued", pf, step_noop));
	assert_int_equal(fl_sched_walk(sched, sum_lane, sum_op, &sum), 0);
	assert_int_equal(sum.lanes, 2);
	assert_int_equal(sum.queued, 1);
	assert_int_equal(sum.ops_waiting, 1);
	assert_int_equal(sum.ops_queued, 1);
	assert_string_equal(sum.waits_at, "pf");
	assert_int_equal(fl_sched_drain(sched, FL_NS_PER_MS), -ETIMEDOUT);
	task_release(holder, 0);
	task_end(holder, 0);
	task_end(queued, 0);
	lane_end(sf);
	lane_end(pf);
	sched_end(sched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone_excludes),
		cmocka_unit_test(test_siblings_are_parallel),
		cmocka_unit_test(test_fifo_over_kinds),
		cmocka_unit_test(test_cancel_queued),
		cmocka_unit_test(test_many_queued_keep_order),
		cmocka_unit_test(test_bkl),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
