/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_deadline.c - whoever holds a lane alone is bounded (L4): told to stop at the deadline, and
 * what does not return keeps nobody waiting. And time that did not pass does not count.
 */
#include <signal.h>
#include <sys/wait.h>

#include "task.h"

#define DEADLINE_NS (50 * FL_NS_PER_MS)
#define TOLD_NS (50 * FL_NS_PER_MS)

static struct fl_sched *sched;
static struct fl_lane *pf, *sf;
static struct fl_client *client;

static int setup(void **state)
{
	sched = sched_new((struct fl_sched_config){ .workers = 3,
						    .patience_ns = 10 * FL_NS_PER_MS,
						    .deadline_ns = DEADLINE_NS,
						    .remove_deadline_ns = TOLD_NS,
						    .max_wait_ns = PATIENCE_NS });
	pf = lane_new(sched, NULL, "pf");
	sf = lane_new(sched, pf, "sf");
	client = fl_client_new("pid 1 uid 0");
	return 0;
}

static int teardown(void **state)
{
	fl_client_put(client);
	lane_end(sf);
	lane_end(pf);
	sched_end(sched);
	return 0;
}

static struct task *asked_new(const char *kind, struct fl_lane *lane, fl_step run)
{
	struct task *task = task_new(kind, lane, run);

	task->op.client = fl_client_get(client);
	return task;
}

/* ---- told to stop --------------------------------------------------------------------------- */

static void test_told(void **state)
{
	struct task *hang = task_submit(task_new("hang", sf, step_hold));

	wait_until(seen(&hang->waiting));
	task_await(hang);
	assert_int_equal(hang->result, -ECANCELED);
	assert_non_null(strstr(fl_op_refusal(&hang->op), "took too long, and was told to stop"));
	fl_waker_drop(hang->waker);
	task_end(hang, -ETIMEDOUT);
	task_end(task_submit(task_new("next", sf, step_noop)), 0);
}

static int parent_run(struct fl_op *op)
{
	assert_int_equal(fl_op_spawn(op, &task_of(op)->child->op), 0);
	return fl_op_join(op, step_result);
}

/* What is awaited has no deadline of its own: its parent's tells it. */
static void test_told_with_its_children(void **state)
{
	struct task *parent = task_new("parent", pf, parent_run);
	struct task *child = task_new("child", sf, step_hold);

	parent->child = child;
	task_submit(parent);
	task_end(parent, -ETIMEDOUT);
	fl_waker_drop(child->waker);
	task_end(child, -ECANCELED);
}

static int allowed(struct fl_op *op)
{
	fl_op_allow(op, 10 * DEADLINE_NS);
	return fl_op_sleep(op, 4 * DEADLINE_NS, step_result);
}

/* A step that is known to take long has its time, and so has who awaits it. */
static void test_allowed(void **state)
{
	struct task *parent = task_new("parent", pf, parent_run);
	struct task *child = task_new("child", sf, allowed);

	parent->child = child;
	task_submit(parent);
	task_end(parent, 0);
	task_end(child, 0);
	task_end(task_submit(task_new("flash", sf, allowed)), 0);
}

static int again(struct fl_op *op)
{
	struct task *task = task_of(op);

	assert_int_equal(fl_op_result(op), 0);
	if (++task->runs > 1 && !fl_op_cancelled(op))
		fl_op_cancel(op);
	return task->runs < 5 ? fl_op_retry(op, again) : 0;
}

/* What waits for memory waits also if it was told to stop, and does not spin. */
static void test_retry(void **state)
{
	uint64_t start = fl_now_ns();
	struct task *task = task_submit(task_new("retry", sf, again));

	task_end(task, 0);
	assert_true(fl_now_ns() - start >= 4 * 2 * FL_NS_PER_MS);
}

/* ---- what does not return --------------------------------------------------------------------- */

static int asleep(struct fl_op *op)
{
	struct task *task = task_of(op);

	note(&task->runs);
	while (!seen(task->arg))
		usleep(1000);
	return 0;
}

static struct task *sleeper(struct fl_lane *lane, int *wake)
{
	struct task *task = task_new("asleep", lane, asleep);

	task->type.flags |= FL_OP_BLOCKS;
	task->arg = wake;
	task_submit(task);
	wait_until(seen(&task->runs));
	return task;
}

static bool is_stuck(struct fl_lane *lane)
{
	struct task *probe = asked_new("probe", lane, step_noop);
	bool stuck;

	task_submit(probe);
	task_await(probe);
	stuck = probe->ended_err == -EBUSY;
	if (stuck)
		assert_non_null(strstr(fl_op_refusal(&probe->op), "does not return"));
	else
		assert_int_equal(probe->ended_err, 0);
	task_put(probe);
	return stuck;
}

/* Whoever waits for it, or comes later, is told so; what it does not keep goes on. */
static void test_stuck(void **state)
{
	struct fl_lane *other = lane_new(sched, pf, "other");
	int wake = 0;
	struct task *deaf = sleeper(sf, &wake);
	struct task *queued = task_submit(asked_new("queued", sf, step_noop));
	struct task *patient = task_submit(task_new("news", sf, step_noop));

	task_end(queued, -EBUSY);
	assert_true(is_stuck(sf));
	/* Also who would be alone above it. */
	assert_true(is_stuck(pf));
	task_end(task_submit(asked_new("beside", other, step_noop)), 0);
	assert_int_equal(seen(&patient->ended) + seen(&deaf->ended), 0);
	note(&wake);
	task_end(deaf, 0);
	task_end(patient, 0);
	assert_false(is_stuck(sf));
	assert_false(is_stuck(pf));
	lane_end(other);
}

/* A removal goes past it, and so does all that waits above. */
static void test_removal_of_what_is_stuck(void **state)
{
	int wake = 0;
	struct task *deaf = sleeper(sf, &wake);

	wait_until(is_stuck(sf));
	task_end(task_submit(task_remove_new("remove", sf, step_noop)), 0);
	assert_true(fl_op_parked(&deaf->op));
	assert_false(is_stuck(pf));
	note(&wake);
	task_end(deaf, 0);
}

/* From the seal on: who comes then waits until it is parked. */
static void test_wait_for_removal_of_what_is_stuck(void **state)
{
	struct fl_lane *rdma = lane_new(sched, sf, "rdma");
	struct task *removal = task_remove_new("remove", sf, step_noop), *reload;
	int wake = 0;
	struct task *deaf = sleeper(rdma, &wake);

	wait_until(is_stuck(rdma));
	reload = asked_new("reload", pf, step_noop);
	task_submit(removal);
	task_submit(reload);
	task_await(reload);
	/* On a slow machine it gives up, as it would for whatever takes long. */
	if (reload->ended_err) {
		assert_int_equal(reload->ended_err, -EBUSY);
		assert_null(strstr(fl_op_refusal(&reload->op), "does not return"));
	}
	task_put(reload);
	task_end(removal, 0);
	note(&wake);
	task_end(deaf, 0);
	lane_end(rdma);
}

/* A removal whose own part does not return is gone on without. */
static void test_removal_parks_itself(void **state)
{
	struct task *removal = task_remove_new("remove", sf, asleep);
	int wake = 0;

	removal->type.flags |= FL_OP_BLOCKS;
	removal->arg = &wake;
	task_submit(removal);
	wait_until(fl_op_parked(&removal->op));
	task_end(task_submit(asked_new("reload", pf, step_noop)), 0);
	assert_true(fl_lane_abandoned(sf));
	note(&wake);
	task_end(removal, 0);
}

/* ---- cancelling by number ----------------------------------------------------------------------- */

static void test_find(void **state)
{
	struct task *holder = task_submit(task_new("holder", sf, step_hold));
	struct task *queued = task_submit(task_new("queued", sf, step_noop));
	uint64_t last = fl_op_number(&queued->op);
	struct fl_op *found = NULL;

	assert_int_equal(fl_sched_find(sched, last, &found), 0);
	assert_ptr_equal(found, &queued->op);
	fl_op_cancel(found);
	fl_op_put(found);
	task_end(queued, -ECANCELED);
	assert_int_equal(fl_sched_find(sched, fl_op_number(&holder->op), &found), 0);
	assert_ptr_equal(found, &holder->op);
	fl_op_cancel(found);
	fl_op_put(found);
	fl_waker_drop(holder->waker);
	task_end(holder, -ECANCELED);
	assert_int_equal(fl_sched_find(sched, last, &found), -ENOENT);
	assert_int_equal(fl_sched_find(sched, last + 1, &found), -ENOENT);
	assert_int_equal(fl_sched_find(sched, 0, &found), -ENOENT);
}

/* ---- time that did not pass ------------------------------------------------------------------------ */

#define STOP_NS (3 * FL_NS_PER_S)

static int waited(struct fl_op *op)
{
	return fl_op_result(op);
}

/* Waits for 1.5 s at most, with a deadline of 1.5 s, and is woken after half a second of running. */
static int waits(struct fl_op *op)
{
	struct task *task = task_of(op);

	task->waker = fl_op_waker(op);
	note(&task->waiting);
	return fl_op_wait(op, STOP_NS / 2, waited);
}

static int stopped_main(int ready)
{
	struct fl_sched *own;
	struct task *hang, *reload;
	struct fl_lane *a, *b;
	uint64_t before, after;

	fl_rcu_register_thread();
	own = sched_new((struct fl_sched_config){ .workers = 2, .deadline_ns = STOP_NS / 2 });
	a = lane_new(own, NULL, "a");
	b = lane_new(own, a, "b");
	hang = task_submit(task_new("hang", b, waits));
	reload = task_new("reload", a, step_noop);
	reload->op.client = fl_client_new("pid 1 uid 0");
	task_submit(reload);
	wait_until(seen(&hang->waiting));
	before = fl_sched_now(own);
	if (write(ready, "1", 1) != 1)
		return 1;
	usleep(700000); /* in the middle of which it is stopped */
	after = fl_sched_now(own);
	task_release(hang, 0);
	task_await(hang);
	task_await(reload);
	if (hang->ended_err || reload->ended_err)
		fprintf(stderr, "stopped: hang %d, reload %d, %llu ms\n", hang->ended_err,
			reload->ended_err, (unsigned long long)((after - before) / FL_NS_PER_MS));
	return hang->ended_err || reload->ended_err;
}

/* A process that was stopped for longer than its deadlines goes on as if nothing had been. */
static void test_stopped(void **state)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(stopped_main(ready[1]));
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	usleep(STOP_NS / FL_NS_PER_US);
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped), /* first: it forks */
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_with_its_children, setup, teardown),
		cmocka_unit_test_setup_teardown(test_allowed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_of_what_is_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_for_removal_of_what_is_stuck, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_removal_parks_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
