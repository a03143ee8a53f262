/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_rule.c - who goes first at a lane (L2): what shuts it, what lasts, what passes, and who gives
 * up. Where somebody must not have gone yet, the patience is longer than the test; where he must go,
 * it is short, and the test waits for it.
 */
#include "task.h"

#define LONG_NS (10 * FL_NS_PER_S)
#define SHORT_NS (20 * FL_NS_PER_MS)
#define NAP_US 20000
#define QUEUED 10

static struct fl_sched *sched;
static struct fl_lane *pf, *sf1, *sf2, *sf3;
static struct fl_client *client;

static void up(uint64_t patience_ns, uint64_t deadline_ns)
{
	sched = sched_new((struct fl_sched_config){ .workers = 3,
						    .patience_ns = patience_ns,
						    .deadline_ns = deadline_ns,
						    .max_wait_ns = PATIENCE_NS });
	pf = lane_new(sched, NULL, "pf");
	sf1 = lane_new(sched, pf, "sf1");
	sf2 = lane_new(sched, pf, "sf2");
	sf3 = lane_new(sched, pf, "sf3");
	client = fl_client_new("pid 1 uid 0");
}

static void down(void)
{
	fl_client_put(client);
	lane_end(sf3);
	lane_end(sf2);
	lane_end(sf1);
	lane_end(pf);
	sched_end(sched);
}

static struct task *asked_new(const char *kind, struct fl_lane *lane, fl_step run)
{
	struct task *task = task_new(kind, lane, run);

	task->op.client = fl_client_get(client);
	return task;
}

static struct task *lasting_new(const char *kind, struct fl_lane *lane, fl_step run)
{
	struct task *task = task_new(kind, lane, run);

	task->type.flags |= FL_OP_LASTS;
	return task;
}

static struct task *hold(struct task *task)
{
	task_submit(task);
	wait_until(seen(&task->waiting));
	return task;
}

static void release(struct task *task)
{
	task_release(task, 0);
	task_end(task, 0);
}

/* Nothing lasts yet: who is to be alone shuts the lane, and is next. */
static void test_shuts(void **state)
{
	struct task *holder, *reload, *late;

	up(LONG_NS, PATIENCE_NS);
	holder = hold(task_new("holder", sf1, step_hold));
	reload = task_submit(task_new("reload", pf, step_hold));
	late = task_submit(task_new("late", sf2, step_noop));
	usleep(NAP_US);
	assert_int_equal(seen(&reload->runs) + seen(&late->runs), 0);
	release(holder);
	wait_until(seen(&reload->waiting));
	assert_int_equal(seen(&late->runs), 0);
	release(reload);
	task_end(late, 0);
	down();
}

/* Once the holder has had the patience, others pass, also those that queued; and when it is over the
 * lane is shut again, for what has come since has no such right. */
static void test_passes_what_lasts(void **state)
{
	struct task *holder, *reload, *queued, *fresh, *late;

	up(SHORT_NS, PATIENCE_NS);
	holder = hold(task_new("holder", sf1, step_hold));
	reload = task_submit(task_new("reload", pf, step_hold));
	queued = task_submit(task_new("queued", sf2, step_noop));
	task_end(queued, 0);
	for (int i = 0; i < QUEUED; i++)
		task_end(task_submit(task_new("passes", sf2, step_noop)), 0);
	fresh = hold(task_new("fresh", sf3, step_hold));
	assert_int_equal(seen(&reload->runs), 0);
	release(holder);
	/* What is fresh begins to last, too. */
	late = task_submit(task_new("late", sf2, step_noop));
	task_end(late, 0);
	assert_int_equal(seen(&reload->runs), 0);
	release(fresh);
	wait_until(seen(&reload->waiting));
	release(reload);
	down();
}

/* What is declared to last shuts nothing from the beginning; but another one of its kind waits for
 * who is to be alone. */
static void test_declared(void **state)
{
	struct task *flash, *reload, *second, *hang;

	up(LONG_NS, PATIENCE_NS);
	flash = hold(lasting_new("flash", sf1, step_hold));
	reload = task_submit(task_new("reload", pf, step_hold));
	for (int i = 0; i < QUEUED; i++)
		task_end(task_submit(task_new("passes", sf2, step_noop)), 0);
	second = task_submit(lasting_new("second flash", sf2, step_hold));
	hang = hold(task_new("hang", sf3, step_hold));
	usleep(NAP_US);
	assert_int_equal(seen(&second->runs) + seen(&reload->runs), 0);
	release(hang);
	release(flash);
	wait_until(seen(&reload->waiting));
	assert_int_equal(seen(&second->runs), 0);
	release(reload);
	wait_until(seen(&second->waiting));
	release(second);
	down();
}

/* A flash passes what merely hangs. */
static void test_flash_beside_a_hang(void **state)
{
	struct task *hang, *reload, *flash;

	up(SHORT_NS, PATIENCE_NS);
	hang = hold(task_new("hang", sf1, step_hold));
	reload = task_submit(task_new("reload", pf, step_hold));
	flash = hold(lasting_new("flash", sf2, step_hold));
	assert_int_equal(seen(&reload->runs), 0);
	release(flash);
	release(hang);
	wait_until(seen(&reload->waiting));
	release(reload);
	down();
}

/* Between two that are alone, what has queued meanwhile goes first, all of it; in line those that
 * are to be alone keep their order. */
static void test_between_two(void **state)
{
	struct task *reload[QUEUED], *between[QUEUED];

	up(LONG_NS, PATIENCE_NS);
	for (int i = 0; i < QUEUED; i++)
		reload[i] = task_submit(task_new("reload", pf, step_hold));
	for (int i = 0; i < QUEUED; i++) {
		wait_until(seen(&reload[i]->waiting));
		for (int j = i + 1; j < QUEUED; j++)
			assert_int_equal(seen(&reload[j]->runs), 0);
		between[i] = task_submit(task_new("between", i % 2 ? sf1 : sf2, step_hold));
		release(reload[i]);
		wait_until(seen(&between[i]->waiting));
		usleep(NAP_US / QUEUED);
		assert_true(i + 1 == QUEUED || !seen(&reload[i + 1]->runs));
		release(between[i]);
	}
	down();
}

/* A command gives up at its deadline; what comes after it goes on, and so does what has nobody who
 * would ask again. */
static void test_gives_up(void **state)
{
	struct task *hang, *reload, *again, *homecoming;

	up(SHORT_NS, 200 * FL_NS_PER_MS);
	hang = task_new("hang", sf1, step_hold);
	hang->type.deadline_ns = PATIENCE_NS;
	hold(hang);
	reload = asked_new("reload", pf, step_noop);
	task_submit(reload);
	homecoming = task_submit(task_new("return", pf, step_noop));
	again = task_submit(asked_new("reload", pf, step_noop));
	task_await(reload);
	task_await(again);
	assert_string_equal(fl_op_refusal(&reload->op) + strlen("after 0 s "),
			    "'hang' (operation 1) on sf1 still runs; see: finelink show lanes");
	assert_int_equal(reload->runs + again->runs, 0);
	task_end(reload, -EBUSY);
	task_end(again, -EBUSY);
	usleep(NAP_US);
	assert_int_equal(seen(&homecoming->ended), 0);
	release(hang);
	task_end(homecoming, 0);
	down();
}

/* While another is alone, the deadline stands still. */
static void test_deadline_stands_still(void **state)
{
	struct task *first, *second;

	up(SHORT_NS, 100 * FL_NS_PER_MS);
	first = task_new("first", pf, step_hold);
	first->type.deadline_ns = PATIENCE_NS;
	hold(first);
	second = task_submit(asked_new("second", pf, step_noop));
	usleep(300000);
	assert_int_equal(seen(&second->ended), 0);
	release(first);
	task_end(second, 0);
	down();
}

/* ---- an endless stream -------------------------------------------------------------------- */

struct stream {
	int stop, over;
	uint64_t ns; /* how long each operation takes */
};

static int stream_over(struct fl_op *op)
{
	note(&((struct stream *)task_of(op)->arg)->over);
	return 0;
}

static int stream_run(struct fl_op *op)
{
	struct stream *stream = task_of(op)->arg;

	return fl_op_sleep(op, stream->ns, stream_over);
}

/* Each of its operations outlasts the patience, and before one is over two others have begun. */
static void test_stream(void **state)
{
	struct stream stream = { .ns = 3 * SHORT_NS };
	int begun = 0;
	struct task *reload = NULL;
	bool first;

	up(SHORT_NS, PATIENCE_NS);
	for (uint64_t end = fl_now_ns() + PATIENCE_NS; fl_now_ns() < end; begun++) {
		struct task *task = task_new("stream", begun % 2 ? sf1 : sf2, stream_run);
		struct fl_lane *own = lane_new(sched, pf, "own");

		fl_lane_put(task->op.lane);
		task->op.lane = own;
		task->arg = &stream;
		task_submit(task);
		task_put(task);
		if (begun == 5)
			reload = task_submit(task_new("reload", pf, step_noop));
		if (reload && seen(&reload->ended))
			break;
		usleep(10000);
	}
	first = seen(&reload->ended);
	assert_int_equal(fl_sched_drain(sched, PATIENCE_NS), 0);
	assert_true(first);
	task_end(reload, 0);
	print_message("granted beside %d operations\n", begun);
	down();
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void test_config(void **state)
{
	static const struct fl_sched_config bad[] = {
		{ .patience_ns = 1 },
		{ .patience_ns = 3600 * FL_NS_PER_S, .deadline_ns = 7200 * FL_NS_PER_S },
		{ .patience_ns = FL_NS_PER_S, .deadline_ns = FL_NS_PER_MS },
	};
	struct fl_sched *none = NULL;

	for (size_t i = 0; i < FL_ARRAY_SIZE(bad); i++)
		assert_int_equal(fl_sched_new(&bad[i], &none), -EINVAL);
	assert_null(none);
}

/* One that declares everything to last keeps nobody out for ever: its operations queue behind who
 * is to be alone. */
static void test_all_declared(void **state)
{
	struct task *holder, *reload, *queued[QUEUED];

	up(LONG_NS, PATIENCE_NS);
	holder = hold(lasting_new("first", sf1, step_hold));
	reload = task_submit(task_new("reload", pf, step_noop));
	for (int i = 0; i < QUEUED; i++)
		queued[i] = task_submit(lasting_new("more", i % 2 ? sf2 : sf3, step_noop));
	usleep(NAP_US);
	for (int i = 0; i < QUEUED; i++)
		assert_int_equal(seen(&queued[i]->runs), 0);
	release(holder);
	task_end(reload, 0);
	for (int i = 0; i < QUEUED; i++)
		task_end(queued[i], 0);
	down();
}

/* Of one device so many operations are taken as are left for all. */
static void test_share_of_a_device(void **state)
{
	struct fl_sched_config config = { .max_ops = 16 };
	struct task *task[16], *other[16], *refused;
	struct fl_lane *a, *b;
	int on_a = 0, on_b = 0;

	sched = sched_new(config);
	a = lane_new(sched, NULL, "a");
	b = lane_new(sched, NULL, "b");
	client = fl_client_new("pid 1 uid 0");
	for (;; on_a++) {
		refused = asked_new("on a", a, step_hold);
		if (fl_op_submit(&refused->op))
			break;
		task[on_a] = refused;
	}
	assert_int_equal(on_a, 8);
	assert_string_equal(fl_op_refusal(&refused->op),
			    "device a has 8 operations already, as many as are left for all "
			    "(limit 16); try again later");
	task_put(refused);
	for (;; on_b++) {
		refused = asked_new("on b", b, step_hold);
		if (fl_op_submit(&refused->op))
			break;
		other[on_b] = refused;
	}
	assert_int_equal(on_b, 4);
	task_put(refused);
	for (int i = 0; i < on_a; i++) {
		wait_until(seen(&task[i]->waiting));
		release(task[i]);
	}
	for (int i = 0; i < on_b; i++) {
		wait_until(seen(&other[i]->waiting));
		release(other[i]);
	}
	fl_client_put(client);
	lane_end(a);
	lane_end(b);
	sched_end(sched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shuts),
		cmocka_unit_test(test_passes_what_lasts),
		cmocka_unit_test(test_declared),
		cmocka_unit_test(test_flash_beside_a_hang),
		cmocka_unit_test(test_between_two),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_deadline_stands_still),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_all_declared),
		cmocka_unit_test(test_share_of_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
