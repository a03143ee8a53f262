/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_removal.c - removal wins (L5, L6): seal, fail, tell, park. */
#include "task.h"

#include "base/thread.h"

#define AHEAD 500

static struct fl_sched *sched;
static struct fl_lane *pf, *sf, *eth;

static int setup_deadline(uint64_t ns)
{
	sched = sched_new((struct fl_sched_config){ .workers = 3,
						    .remove_deadline_ns = ns,
						    .max_wait_ns = PATIENCE_NS });
	pf = lane_new(sched, NULL, "pf");
	sf = lane_new(sched, pf, "sf");
	eth = lane_new(sched, sf, "eth");
	return 0;
}

static int setup(void **state)
{
	return setup_deadline(50 * FL_NS_PER_MS);
}

/* Where somebody must be in time. */
static int setup_slow(void **state)
{
	return setup_deadline(400 * FL_NS_PER_MS);
}

static int teardown(void **state)
{
	lane_end(eth);
	lane_end(sf);
	lane_end(pf);
	sched_end(sched);
	return 0;
}

static uint64_t parked_count(void)
{
	struct fl_sched_stats stats;

	fl_sched_stats(sched, &stats);
	return stats.parked;
}

static void assert_refused(struct fl_lane *lane)
{
	struct task *task = task_new("late", lane, step_noop);

	assert_int_equal(fl_op_submit(&task->op), -ENODEV);
	assert_non_null(strstr(fl_op_refusal(&task->op), "is being removed"));
	assert_int_equal(task->ended, 0);
	task_put(task);
}

static void test_many_ahead(void **state)
{
	struct task *holder = task_submit(task_new("holder", sf, step_hold));
	struct task *task[AHEAD], *removal, *other;
	struct fl_lane *none = NULL;

	wait_until(seen(&holder->waiting));
	for (int i = 0; i < AHEAD; i++)
		task[i] = task_submit(task_new("queued", i % 2 ? sf : eth, step_noop));
	removal = task_submit(task_remove_new("remove", sf, step_noop));
	/* From the moment of the submit: */
	assert_true(fl_lane_sealed(sf));
	assert_true(fl_lane_sealed(eth));
	assert_int_equal(fl_lane_new(sched, eth, "born", NULL, &none), -ENODEV);
	assert_refused(sf);
	assert_refused(eth);
	other = task_submit(task_new("beside", pf, step_noop));
	task_end(removal, 0);
	assert_true(fl_op_cancelled(&holder->op));
	fl_waker_drop(holder->waker);
	task_end(holder, -ECANCELED);
	for (int i = 0; i < AHEAD; i++) {
		task_await(task[i]);
		assert_int_equal(task[i]->runs + task[i]->left, 0);
		task_end(task[i], -ENODEV);
	}
	task_end(other, 0);
	assert_refused(sf); /* for ever */
	assert_int_equal(parked_count(), 0);
}

/* Queued below the sealed lane. The holder is told first, ends, and so lets go who has not
 * been told yet: that one must not run all the same. Often, for it is a race. */
static void test_queued_below(void **state)
{
	for (int i = 0; i < 300; i++) {
		struct fl_lane *top = lane_new(sched, pf, "top"),
			       *leaf = lane_new(sched, top, "leaf");
		struct task *holder = task_submit(task_new("holder", leaf, step_hold));
		struct task *queued[8], *removal;

		wait_until(seen(&holder->waiting));
		for (int j = 0; j < 8; j++)
			queued[j] = task_submit(task_new("queued", leaf, step_noop));
		removal = task_submit(task_remove_new("remove", top, step_noop));
		for (int j = 0; j < 8; j++)
			task_end(queued[j], -ENODEV);
		task_end(removal, 0);
		fl_waker_drop(holder->waker);
		task_end(holder, -ECANCELED);
		fl_lane_put(leaf);
		fl_lane_put(top);
	}
}

/* ---- one that never listens --------------------------------------------------------- */

struct deaf {
	int go, err;
};

/* Waits again however often it is told to stop. */
static int deaf_again(struct fl_op *op)
{
	struct task *task = task_of(op);
	struct deaf *deaf = task->arg;

	note(&task->runs);
	if (seen(&deaf->go))
		return 0;
	usleep(1000);
	return fl_op_sleep(op, FL_NS_PER_MS, deaf_again);
}

static void test_park(void **state)
{
	struct deaf deaf = { 0 };
	struct task *holder = task_new("deaf", eth, deaf_again);
	struct task *removal, *beside;

	holder->arg = &deaf;
	task_submit(holder);
	wait_until(seen(&holder->runs));
	removal = task_submit(task_remove_new("remove", sf, step_noop));
	task_end(removal, 0); /* went on without it */
	assert_int_equal(seen(&holder->ended), 0);
	assert_true(fl_op_parked(&holder->op));
	assert_int_equal(parked_count(), 1);
	/* It holds nothing any more, also not the lanes above. */
	beside = task_submit(task_new("beside", pf, step_noop));
	task_end(beside, 0);
	assert_int_equal(fl_sched_drain(sched, PATIENCE_NS), 0);
	/* Its own end, much later, does no harm. */
	note(&deaf.go);
	task_end(holder, 0);
	task_end(task_submit(task_new("after", pf, step_noop)), 0);
}

static int parked_tries_to_spawn(struct fl_op *op)
{
	struct task *task = task_of(op);
	struct task *child;

	if (!fl_op_parked(op))
		return fl_op_sleep(op, FL_NS_PER_MS, parked_tries_to_spawn);
	child = task_new("child", eth, step_noop);
	task->result = fl_op_spawn(op, &child->op);
	task_put(child);
	return fl_op_join(op, step_noop);
}

static void test_parked_may_not_spawn(void **state)
{
	struct task *holder = task_submit(task_new("holder", sf, parked_tries_to_spawn));
	struct task *removal = task_submit(task_remove_new("remove", sf, step_noop));

	task_end(removal, 0);
	task_await(holder);
	/* It was told before it ran, or was parked. */
	assert_true(!holder->runs || holder->result == -ENODEV);
	task_put(holder);
}

static int deaf_parent(struct fl_op *op)
{
	struct task *task = task_of(op);

	assert_int_equal(fl_op_spawn(op, &task->child->op), 0);
	return fl_op_join(op, step_result);
}

/* The child is parked with the operation that awaits it. */
static void test_park_family(void **state)
{
	struct deaf deaf = { 0 };
	struct task *child = task_new("deaf", eth, deaf_again);
	struct task *parent = task_new("parent", sf, deaf_parent);
	struct task *removal;

	child->arg = &deaf;
	parent->child = child;
	task_submit(parent);
	wait_until(seen(&child->runs));
	removal = task_submit(task_remove_new("remove", pf, step_noop));
	task_end(removal, 0);
	assert_int_equal(seen(&child->ended) + seen(&parent->ended), 0);
	assert_int_equal(parked_count(), 2);
	note(&deaf.go);
	task_end(child, 0);
	task_end(parent, 0);
}

static int parent_of_two(struct fl_op *op)
{
	struct task *task = task_of(op), *removal = task->arg;

	if (!task->runs++) {
		assert_int_equal(fl_op_spawn(op, &task->child->op), 0);
		return fl_op_sleep(op, 5 * FL_NS_PER_MS, parent_of_two);
	}
	assert_int_equal(fl_op_spawn(op, &removal->op), 0);
	return fl_op_join(op, step_result);
}

/* An awaited removal parks an awaited sibling; their parent does not wait for it. */
static void test_park_frees_the_parent(void **state)
{
	struct deaf deaf = { 0 };
	struct task *child = task_new("deaf", eth, deaf_again);
	struct task *removal = task_remove_new("remove", sf, step_noop);
	struct task *parent = task_new("reload", pf, parent_of_two);

	child->arg = &deaf;
	parent->child = child;
	parent->arg = removal;
	task_submit(parent);
	task_end(parent, -ECANCELED);
	task_end(removal, 0);
	assert_int_equal(seen(&child->ended), 0);
	note(&deaf.go);
	task_end(child, 0);
}

/* ---- removals and each other -------------------------------------------------------- */

static void test_second_removal(void **state)
{
	struct task *holder = task_submit(task_new("holder", sf, step_hold));
	struct task *removal, *second;

	wait_until(seen(&holder->waiting));
	removal = task_submit(task_remove_new("remove", sf, step_noop));
	second = task_remove_new("again", sf, step_noop);
	assert_int_equal(fl_op_submit(&second->op), -ENODEV);
	task_put(second);
	task_end(removal, 0);
	fl_waker_drop(holder->waker);
	task_end(holder, -ECANCELED);
}

static int step_fails(struct fl_op *op)
{
	return -EBUSY;
}

static void test_failed_removal_unseals(void **state)
{
	task_end(task_submit(task_remove_new("remove", sf, step_fails)), -EBUSY);
	assert_false(fl_lane_sealed(sf));
	task_end(task_submit(task_new("after", eth, step_noop)), 0);
	/* And it may be removed after all, by one that tells again. */
	task_end(task_submit(task_remove_new("remove", sf, step_noop)), 0);
}

static void test_cancelled_removal_unseals(void **state)
{
	struct task *holder = task_submit(task_new("holder", pf, step_hold));
	struct task *removal;

	wait_until(seen(&holder->waiting));
	removal = task_submit(task_remove_new("remove", sf, step_noop));
	fl_op_cancel(&removal->op);
	task_end(removal, -ECANCELED);
	assert_false(fl_lane_sealed(sf));
	task_release(holder, 0);
	task_end(holder, 0);
}

/* The bus removes like this: each removal spawns those below; posted ones come between. */
static int remove_below(struct fl_op *op)
{
	struct task *task = task_of(op);
	struct fl_lane *below = fl_op_lane(op) == pf ? sf : fl_op_lane(op) == sf ? eth : NULL;
	struct task *child;

	note(&task->runs);
	if (!below)
		return fl_op_sleep(op, 5 * FL_NS_PER_MS, step_result);
	child = task_remove_new("remove", below, remove_below);
	task->result = fl_op_spawn(op, &child->op);
	assert_true(!task->result || task->result == -ENODEV);
	task_put(child);
	return fl_op_join(op, step_result);
}

static void test_nested_removals(void **state)
{
	struct task *on_sf = task_submit(task_remove_new("remove", sf, remove_below));
	struct task *on_pf;

	wait_until(seen(&on_sf->runs));
	/* Comes while the one below runs, which is let finish its own part. */
	on_pf = task_submit(task_remove_new("remove", pf, remove_below));
	task_end(on_sf, 0);
	task_end(on_pf, 0);
	assert_int_equal(parked_count(), 0);
}

/* The lane of a running operation is removed by itself: it is told, ends, then goes. */
static int posts_own_removal(struct fl_op *op)
{
	struct task *task = task_of(op);

	task_submit(task->child);
	return fl_op_sleep(op, PATIENCE_NS, step_result);
}

static void test_removes_itself(void **state)
{
	struct task *task = task_new("recover", sf, posts_own_removal);
	struct task *removal = task_remove_new("remove", sf, step_noop);

	task->child = removal;
	task_submit(task);
	task_end(task, -ECANCELED);
	task_end(removal, 0);
}

/* ---- those that really sleep -------------------------------------------------------- */

/* On a thread of its own, which hears nothing. */
static int asleep(struct fl_op *op)
{
	struct task *task = task_of(op);
	struct deaf *deaf = task->arg;

	note(&task->runs);
	while (!seen(&deaf->go))
		usleep(1000);
	return deaf->err;
}

static struct task *sleeper_new(struct task *task, struct deaf *deaf)
{
	task->arg = deaf;
	task->type.flags |= FL_OP_BLOCKS;
	return task;
}

/* The deadline runs, though the removal queues far above: an operation alone on the PF awaits
 * one that sleeps on the SF. */
static void test_deadline_wherever_it_queues(void **state)
{
	struct deaf deaf = { 0 };
	struct task *parent = task_new("reload", pf, deaf_parent);
	struct task *child = sleeper_new(task_new("asleep", sf, asleep), &deaf);
	struct task *removal;

	parent->child = child;
	task_submit(parent);
	wait_until(seen(&child->runs));
	removal = task_submit(task_remove_new("remove", sf, step_noop));
	task_end(parent, -ECANCELED);
	task_end(removal, 0);
	assert_int_equal(seen(&child->ended), 0);
	assert_int_equal(parked_count(), 1);
	note(&deaf.go);
	task_end(child, 0);
}

static int remove_parent(struct fl_op *op)
{
	struct task *task = task_of(op);

	note(&task->runs);
	task->result = fl_op_spawn(op, &task->child->op);
	return fl_op_join(op, task->after ? task->after : step_noop);
}

static void test_awaited_removal_sleeps(void **state)
{
	struct deaf deaf = { .err = -EBUSY };
	struct task *removal = task_remove_new("remove", pf, remove_parent);
	struct task *child = sleeper_new(task_remove_new("asleep", sf, asleep), &deaf);

	removal->child = child;
	removal->after = step_fails;
	task_submit(removal);
	wait_until(seen(&child->runs));
	assert_false(fl_lane_abandoned(sf));
	task_end(removal, -EBUSY);
	assert_int_equal(seen(&child->ended), 0);
	assert_int_equal(parked_count(), 1);
	assert_true(fl_lane_abandoned(sf));
	assert_false(fl_lane_abandoned(pf));
	/* What was left behind does not open again, even if all removals end with an error. */
	note(&deaf.go);
	task_end(child, -EBUSY);
	assert_false(fl_lane_sealed(pf));
	assert_true(fl_lane_sealed(eth));
	assert_refused(sf);
	task_end(task_submit(task_remove_new("remove", pf, step_noop)), 0);
}

static int takes_a_while(struct fl_op *op)
{
	/* Longer than it takes until somebody looks. */
	return fl_op_sleep(op, 200 * FL_NS_PER_MS, step_noop);
}

/* Only what sleeps is left behind: the removal between waits for it, too, and then has time
 * for its own part. */
static void test_nested_removals_of_a_sleeper(void **state)
{
	struct deaf deaf = { 0 };
	struct task *removal = task_remove_new("remove", pf, remove_parent);
	struct task *middle = task_remove_new("remove", sf, remove_parent);
	struct task *child = sleeper_new(task_remove_new("asleep", eth, asleep), &deaf);

	removal->child = middle;
	middle->child = child;
	middle->after = takes_a_while;
	task_submit(removal);
	task_end(removal, 0);
	assert_int_equal(seen(&middle->ended), 1);
	assert_int_equal(parked_count(), 1);
	assert_false(fl_lane_abandoned(sf));
	assert_true(fl_lane_abandoned(eth));
	task_end(middle, 0);
	note(&deaf.go);
	task_end(child, 0);
}

/* The same if somebody else began in the middle, and the one above comes later. */
static void test_removal_above_one_that_awaits_a_sleeper(void **state)
{
	struct deaf deaf = { 0 };
	struct task *middle = task_remove_new("remove", sf, remove_parent);
	struct task *child = sleeper_new(task_remove_new("asleep", eth, asleep), &deaf);
	struct task *removal;

	middle->child = child;
	middle->after = takes_a_while;
	task_submit(middle);
	wait_until(seen(&child->runs));
	removal = task_submit(task_remove_new("remove", pf, step_noop));
	task_end(removal, 0);
	task_end(middle, 0);
	assert_int_equal(parked_count(), 1);
	note(&deaf.go);
	task_end(child, 0);
}

/* One that somebody else began hangs: the one above goes on without it. */
static void test_removal_above_a_sleeper(void **state)
{
	struct deaf deaf = { 0 };
	struct task *first = sleeper_new(task_remove_new("asleep", sf, asleep), &deaf);
	struct task *removal = task_remove_new("remove", pf, remove_parent);
	struct task *child = task_remove_new("remove", sf, step_noop);

	removal->child = child;
	task_submit(first);
	wait_until(seen(&first->runs));
	task_submit(removal);
	task_await(removal);
	assert_int_equal(removal->result, -ENODEV); /* nothing enters there */
	task_end(removal, 0);
	assert_int_equal(seen(&first->ended) + child->ended, 0);
	assert_true(fl_lane_abandoned(sf));
	task_put(child);
	note(&deaf.go);
	task_end(first, 0);
}

#define MANY 100

static int spawn_many(struct fl_op *op)
{
	struct task **child = task_of(op)->arg;

	for (int i = 0; i < MANY; i++)
		assert_int_equal(fl_op_spawn(op, &child[i]->op), 0);
	return fl_op_join(op, step_noop);
}

/* More than are dealt with in one portion; some of them hold the lane, or are awaited. */
static void many_sleep(bool awaited)
{
	struct task *removal = task_remove_new("remove", sf, awaited ? spawn_many : step_noop);
	struct task *task[MANY];
	struct fl_lane *lane[MANY];
	struct deaf deaf = { 0 };

	removal->arg = task;
	for (int i = 0; i < MANY; i++) {
		lane[i] = lane_new(sched, sf, "leaf");
		task[i] = awaited ? task_remove_new("deaf", lane[i], deaf_again) :
				    task_new("deaf", lane[i], deaf_again);
		task[i]->arg = &deaf;
		if (!awaited)
			task_submit(task[i]);
	}
	for (int i = 0; i < MANY && !awaited; i++)
		wait_until(seen(&task[i]->runs));
	task_end(task_submit(removal), 0);
	assert_int_equal(parked_count(), MANY);
	note(&deaf.go);
	for (int i = 0; i < MANY; i++) {
		task_end(task[i], 0);
		fl_lane_put(lane[i]);
	}
}

static void test_many_held(void **state)
{
	many_sleep(false);
}

static void test_many_awaited(void **state)
{
	many_sleep(true);
}

/* ---- a birth at the same moment ----------------------------------------------------- */

#define BIRTHS 400

struct nursery {
	struct fl_lane *parent;
	int ready, begin;
	struct fl_lane *born;
	int linked; /* in the user's own list, before the seal was looked at */
	int accepted;
};

static void *nursery_main(void *arg)
{
	struct nursery *nursery = arg;

	note(&nursery->ready);
	while (!seen(&nursery->begin))
		;
	if (fl_lane_new(sched, nursery->parent, "born", NULL, &nursery->born))
		return NULL;
	note(&nursery->linked);
	if (!fl_lane_sealed(nursery->born))
		note(&nursery->accepted);
	return NULL;
}

static int sees_births(struct fl_op *op)
{
	struct task *task = task_of(op);
	struct nursery *nursery = task->arg;

	task->result = seen(&nursery->linked);
	return 0;
}

static void test_birth_at_the_same_moment(void **state)
{
	int accepted = 0;

	for (int i = 0; i < BIRTHS; i++) {
		struct nursery nursery = { .parent = lane_new(sched, pf, "parent") };
		struct task *removal = task_remove_new("remove", nursery.parent, sees_births);
		pthread_t thread;

		removal->arg = &nursery;
		assert_int_equal(fl_thread_start(&thread, "birth", 0, nursery_main, &nursery), 0);
		while (!seen(&nursery.ready))
			;
		note(&nursery.begin);
		for (int spin = i * 40; spin; spin--)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
		task_submit(removal);
		task_await(removal);
		pthread_join(thread, NULL);
		/* Refused, or seen by the removal. */
		assert_true(!nursery.accepted || removal->result);
		accepted += nursery.accepted;
		if (nursery.born)
			assert_refused(nursery.born);
		task_end(removal, 0);
		fl_lane_put(nursery.born);
		fl_lane_put(nursery.parent);
	}
	print_message("%d of %d births came first\n", accepted, BIRTHS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queued_below, setup, teardown),
		cmocka_unit_test_setup_teardown(test_park, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parked_may_not_spawn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_park_family, setup, teardown),
		cmocka_unit_test_setup_teardown(test_park_frees_the_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_removal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_removal_unseals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_removal_unseals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nested_removals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline_wherever_it_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_awaited_removal_sleeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nested_removals_of_a_sleeper, setup_slow,
						teardown),
		cmocka_unit_test_setup_teardown(test_removal_above_one_that_awaits_a_sleeper,
						setup_slow, teardown),
		cmocka_unit_test_setup_teardown(test_removal_above_a_sleeper, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_awaited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_birth_at_the_same_moment, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
