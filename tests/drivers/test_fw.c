/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_fw.c - the simulated firmware's command queue, by the clauses of fw.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "drivers/mlx5/fw.h"

#define MS FL_NS_PER_MS

struct rig {
	struct fl_sched *sched;
	struct fl_lane *root;
	struct mlx5_fw *fw;
	struct mlx5_faults faults;
};

static void rig_up_timeout(struct rig *rig, unsigned int depth, unsigned int share,
			   uint64_t latency_ns, uint64_t timeout_ns, const struct mlx5_fault *fault)
{
	struct fl_sched_config sched = { .workers = 2, .max_wait_ns = 20 * MS };
	struct mlx5_fw_config config = {
		.depth = depth, .share = share, .latency_ns = latency_ns, .timeout_ns = timeout_ns,
		.faults = &rig->faults,
	};
	struct mlx5_config faults;

	mlx5_config_init(&faults);
	if (fault) {
		faults.faults[0] = *fault;
		faults.fault_count = 1;
	}
	mlx5_faults_init(&rig->faults, &faults);
	assert_int_equal(fl_sched_new(&sched, &rig->sched), 0);
	assert_int_equal(fl_lane_new(rig->sched, NULL, "root", NULL, &rig->root), 0);
	assert_int_equal(mlx5_fw_new(rig->sched, &config, &rig->fw), 0);
}

static void rig_up(struct rig *rig, unsigned int depth, unsigned int share, uint64_t latency_ns,
		   const struct mlx5_fault *fault)
{
	rig_up_timeout(rig, depth, share, latency_ns, 60 * FL_NS_PER_S, fault);
}

static void rig_settle(struct rig *rig)
{
	assert_int_equal(fl_sched_drain(rig->sched, 60 * FL_NS_PER_S), 0);
}

static void rig_down(struct rig *rig)
{
	unsigned int running, waiting;

	rig_settle(rig);
	mlx5_fw_load(rig->fw, &running, &waiting);
	assert_int_equal(running, 0);
	assert_int_equal(waiting, 0);
	mlx5_fw_put(rig->fw);
	fl_lane_discard(rig->root);
	fl_lane_put(rig->root);
	fl_rcu_barrier();
	fl_sched_free(rig->sched);
}

/* An operation on a lane of its own that asks for commands. */
struct ask {
	struct fl_op op;
	struct mlx5_fw *fw;
	struct mlx5_unit *unit;
	unsigned int commands;
	void *data; /* what must still be there afterwards */
	int *ret_err;
	uint64_t *ret_ended;
};

static int ask_done(struct fl_op *op)
{
	struct ask *ask = FL_CONTAINER_OF(op, struct ask, op);

	assert_ptr_equal(fl_op_data(op), ask->data);
	return fl_op_result(op);
}

static int ask_run(struct fl_op *op)
{
	struct ask *ask = FL_CONTAINER_OF(op, struct ask, op);

	ask->data = &ask->commands;
	fl_op_set_data(op, ask->data);
	fl_op_then(op, ask_done);
	return mlx5_fw_exec(op, ask->fw, ask->unit, ask->commands);
}

static void ask_ended(struct fl_op *op, int err)
{
	struct ask *ask = FL_CONTAINER_OF(op, struct ask, op);

	*ask->ret_err = err;
	if (ask->ret_ended)
		__atomic_store_n(ask->ret_ended, fl_now_ns(), __ATOMIC_RELAXED);
}

static void ask_free(struct fl_op *op)
{
	free(FL_CONTAINER_OF(op, struct ask, op));
}

static const struct fl_op_type ask_type = {
	.kind = "ask",
	.run = ask_run,
	.ended = ask_ended,
	.free = ask_free,
};

/* Gives the operation, referenced. */
static struct fl_op *post(struct rig *rig, struct mlx5_unit *unit, const char *lane_name,
			  unsigned int commands, int *ret_err, uint64_t *ret_ended)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	struct fl_lane *lane;

	*ret_err = 1;
	ask->fw = rig->fw;
	ask->unit = unit;
	ask->commands = commands;
	ask->ret_err = ret_err;
	ask->ret_ended = ret_ended;
	assert_int_equal(fl_lane_new(rig->sched, rig->root, lane_name, NULL, &lane), 0);
	fl_op_init(&ask->op, &ask_type, lane, NULL);
	fl_lane_put(lane);
	fl_op_get(&ask->op);
	assert_int_equal(fl_op_submit(&ask->op), 0);
	return &ask->op;
}

static void test_chain(void **state)
{
	struct mlx5_unit unit = { 0 };
	uint64_t start, ended;
	struct rig rig;
	int err;

	rig_up(&rig, 4, 2, 5 * MS, NULL);
	mlx5_unit_init(&unit, 0, "u");
	start = fl_now_ns();
	fl_op_put(post(&rig, &unit, "lane", 6, &err, &ended));
	rig_settle(&rig);
	assert_int_equal(err, 0);
	assert_true(ended - start >= 30 * MS && ended - start < 300 * MS);
	rig_down(&rig);
}

/* F1, F3: the queue keeps its rate, neither faster nor slower than depth allows, although
 * this program looks at it now and then only. */
static void test_rate(void **state)
{
	enum { UNITS = 100, CHAIN = 10 };
	struct mlx5_unit units[UNITS];
	uint64_t start, took, exact = UNITS * CHAIN * MS / 4;
	int err[UNITS];
	struct rig rig;

	memset(units, 0, sizeof(units));
	rig_up(&rig, 4, 4, MS, NULL);
	start = fl_now_ns();
	for (int i = 0; i < UNITS; i++) {
		mlx5_unit_init(&units[i], 0, "u");
		fl_op_put(post(&rig, &units[i], "lane", CHAIN, &err[i], NULL));
	}
	rig_settle(&rig);
	took = fl_now_ns() - start;
	assert_true(took >= exact - MS);
	assert_true(took < exact * 3 / 2);
	for (int i = 0; i < UNITS; i++)
		assert_int_equal(err[i], 0);
	rig_down(&rig);
}

/* F1: one function alone gets its share and no more. */
static void test_share(void **state)
{
	struct mlx5_unit unit = { 0 };
	uint64_t start, took;
	struct rig rig;
	int err[40];

	rig_up(&rig, 32, 2, 2 * MS, NULL);
	mlx5_unit_init(&unit, 0, "u");
	start = fl_now_ns();
	for (int i = 0; i < 40; i++)
		fl_op_put(post(&rig, &unit, "lane", 1, &err[i], NULL));
	rig_settle(&rig);
	took = fl_now_ns() - start;
	assert_true(took >= 40 / 2 * 2 * MS - MS);
	rig_down(&rig);
}

/* F2: who asks for much does not keep out who asks for little. */
static void test_turns(void **state)
{
	struct mlx5_unit greedy = { 0 }, modest = { 0 };
	uint64_t last_greedy = 0, modest_ended = 0, start;
	int err[200], modest_err;
	struct rig rig;

	rig_up(&rig, 2, 2, MS, NULL);
	mlx5_unit_init(&greedy, 0, "greedy");
	mlx5_unit_init(&modest, 0, "modest");
	start = fl_now_ns();
	for (int i = 0; i < 200; i++)
		fl_op_put(post(&rig, &greedy, "greedy", 1, &err[i], &last_greedy));
	fl_op_put(post(&rig, &modest, "modest", 1, &modest_err, &modest_ended));
	rig_settle(&rig);
	assert_int_equal(modest_err, 0);
	assert_true(modest_ended - start < (last_greedy - start) / 2);
	rig_down(&rig);
}

static void test_fault(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FW_CMD,
				    .match = "sf.7",
				    .error = EREMOTEIO,
				    .after = 3,
				    .times = 1 };
	struct mlx5_unit unit = { 0 };
	uint64_t start, ended;
	struct rig rig;
	int err, other;

	rig_up(&rig, 4, 4, 5 * MS, &fault);
	mlx5_unit_init(&unit, 0, "u");
	start = fl_now_ns();
	fl_op_put(post(&rig, &unit, "sf.7", 6, &err, &ended));
	fl_op_put(post(&rig, &unit, "sf.70", 6, &other, NULL));
	rig_settle(&rig);
	assert_int_equal(err, -EREMOTEIO);
	assert_int_equal(other, 0);
	/* The fourth command fails, after its time; the others are not run. */
	assert_true(ended - start >= 20 * MS);
	fl_op_put(post(&rig, &unit, "sf.7", 6, &err, NULL));
	rig_settle(&rig);
	assert_int_equal(err, 0);
	rig_down(&rig);
}

static void wait_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* A command that hangs outlives the deadlines of waits, ends when cancelled, and gives its place to
 * those behind it (F4). */
static void test_hang(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FW_CMD, .match = "bad", .hang = true };
	struct mlx5_unit unit = { 0 }, other = { 0 };
	unsigned int running, waiting;
	struct fl_op *op, *behind;
	int err, behind_err;
	struct rig rig;

	rig_up(&rig, 1, 1, MS, &fault);
	mlx5_unit_init(&unit, 0, "u");
	mlx5_unit_init(&other, 0, "o");
	op = post(&rig, &unit, "bad", 2, &err, NULL);
	wait_ms(10);
	behind = post(&rig, &other, "good", 2, &behind_err, NULL);
	wait_ms(60); /* three deadlines */
	mlx5_fw_load(rig.fw, &running, &waiting);
	assert_int_equal(running, 1);
	assert_int_equal(waiting, 1);
	fl_op_cancel(op);
	rig_settle(&rig);
	assert_int_equal(err, -ECANCELED);
	assert_int_equal(behind_err, 0);
	fl_op_put(op);
	fl_op_put(behind);
	rig_down(&rig);
}

/* It times out by itself, and then gives its place to those behind it (F5). */
static void test_timeout(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FW_CMD, .match = "bad", .hang = true };
	struct mlx5_unit unit = { 0 }, other = { 0 };
	uint64_t start = fl_now_ns(), ended;
	struct fl_op *op, *behind;
	int err, behind_err;
	struct rig rig;

	rig_up_timeout(&rig, 1, 1, MS, 80 * MS, &fault);
	mlx5_unit_init(&unit, 0, "u");
	mlx5_unit_init(&other, 0, "o");
	op = post(&rig, &unit, "bad", 2, &err, &ended);
	behind = post(&rig, &other, "good", 2, &behind_err, NULL);
	rig_settle(&rig);
	assert_int_equal(err, -ETIMEDOUT);
	assert_int_equal(behind_err, 0);
	assert_true(ended - start >= 80 * MS);
	fl_op_put(op);
	fl_op_put(behind);
	rig_down(&rig);
}

/* Cancelled at all moments: what is queued, what runs, what has just ended. */
static void test_cancel_storm(void **state)
{
	enum { OPS = 400 };
	struct mlx5_unit units[8];
	struct fl_op *ops[OPS];
	int err[OPS], ended = 0, cancelled = 0;
	struct rig rig;

	memset(units, 0, sizeof(units));
	rig_up(&rig, 4, 2, MS / 5, NULL);
	for (int i = 0; i < 8; i++)
		mlx5_unit_init(&units[i], 0, "u");
	for (int i = 0; i < OPS; i++)
		ops[i] = post(&rig, &units[i % 8], "lane", 1 + i % 4, &err[i], NULL);
	for (int i = 0; i < OPS; i++) {
		if (i % 2)
			fl_op_cancel(ops[OPS - 1 - i / 2]);
		if (i % 40 == 0)
			wait_ms(2);
	}
	rig_settle(&rig);
	for (int i = 0; i < OPS; i++) {
		ended += err[i] == 0;
		cancelled += err[i] == -ECANCELED;
		fl_op_put(ops[i]);
	}
	assert_int_equal(ended + cancelled, OPS);
	assert_true(ended >= OPS / 2);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),	     cmocka_unit_test(test_rate),
		cmocka_unit_test(test_share),	     cmocka_unit_test(test_turns),
		cmocka_unit_test(test_fault),	     cmocka_unit_test(test_hang),
		cmocka_unit_test(test_timeout),	     cmocka_unit_test(test_cancel_storm),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
