/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_parking.c - trees that are removed while much on them really sleeps.
 *
 * In each round random operations run on a small tree: some await others below, some sleep on
 * a thread and hear nothing, some are removals of what is below. Then the root is removed,
 * with a deadline so short that parking meets all else. Checked:
 *  L1  who begins alone on a lane finds nobody there, above, or below that is neither awaited
 *      nor parked;
 *  L5  the removal of the root ends while the sleepers sleep; each lane below is gone, or
 *      was left behind with one above it;
 *  L6  each accepted operation ends exactly once; parked() is called for each that was parked
 *      and has not ended, once.
 */
#include "task.h"

#define SFS 3
#define LEAVES 2
#define LANES (1 + SFS * (1 + LEAVES))
#define JOBS 24
#define ROUNDS 60
#define MAX_JOBS 4096 /* of a round, with retries of removals */

struct spot {
	struct spot *up;
	struct fl_lane *lane;
	struct job *alone; /* atomic: who runs alone here, for all that this test knows */
	int gone;          /* atomic: a removal ended well */
};

struct job {
	struct task task;
	struct job *parent;
	struct spot *spot;
	unsigned int seed;
	bool sleeps, fails;
	int entered;
	int told; /* atomic: parked() was called */
};

static struct fl_sched *sched;
static struct spot spots[LANES];
static struct job *jobs[MAX_JOBS];
static int job_count, wake, accepted, ended;

static struct job *job_of(struct fl_op *op)
{
	return FL_CONTAINER_OF(task_of(op), struct job, task);
}

#define CHECK(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "parking: %s (line %d)\n", #cond, __LINE__);             \
			abort();                                                                 \
		}                                                                                \
	} while (0)

/* ---- the checker -------------------------------------------------------------------- */

static bool awaits(const struct job *above, const struct job *job)
{
	while (job && job != above)
		job = job->parent;
	return job;
}

static bool below(const struct spot *spot, const struct spot *above)
{
	while (spot && spot != above)
		spot = spot->up;
	return spot;
}

static void check_alone(struct job *job)
{
	for (int i = 0; i < LANES; i++) {
		struct job *other = __atomic_load_n(&spots[i].alone, __ATOMIC_SEQ_CST);

		if (!other || other == job || awaits(other, job->parent))
			continue;
		if (below(&spots[i], job->spot) || below(job->spot, &spots[i]))
			CHECK(fl_op_parked(&other->task.op));
	}
}

/* Says where it runs first, then looks who else does. */
static void enter(struct job *job)
{
	struct job *before;

	job->entered = 1;
	if (fl_op_parked(&job->task.op))
		return;
	before = __atomic_exchange_n(&job->spot->alone, job, __ATOMIC_SEQ_CST);
	CHECK(!before || fl_op_parked(&before->task.op));
	check_alone(job);
	CHECK(!seen(&job->spot->gone));
}

static void job_leaving(struct fl_op *op, int err)
{
	struct job *job = job_of(op), *me = job;

	__atomic_compare_exchange_n(&job->spot->alone, &me, NULL, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

static void job_ended(struct fl_op *op, int err)
{
	struct job *job = job_of(op);

	note(&job->task.ended);
	CHECK(seen(&job->task.ended) == 1);
	CHECK(job->entered || err == -ENODEV);
	if (!err && (job->task.type.flags & FL_OP_REMOVES))
		note(&job->spot->gone);
	note(&ended);
}

static void job_parked(struct fl_op *op)
{
	struct job *job = job_of(op);

	CHECK(fl_op_parked(op));
	note(&job->told);
	CHECK(seen(&job->told) == 1);
}

static void job_free(struct fl_op *op)
{
	free(job_of(op));
	__atomic_sub_fetch(&tasks_alive, 1, __ATOMIC_SEQ_CST);
}

/* ---- what the operations do --------------------------------------------------------- */

static struct job *job_new(struct spot *spot, struct job *parent, unsigned int seed, fl_step run)
{
	struct job *job = calloc(1, sizeof(*job));
	int index = __atomic_fetch_add(&job_count, 1, __ATOMIC_SEQ_CST);

	CHECK(index < MAX_JOBS);
	__atomic_add_fetch(&tasks_alive, 1, __ATOMIC_SEQ_CST);
	job->task.type = (struct fl_op_type){ .kind = "job", .run = run, .ended = job_ended,
					      .leaving = job_leaving, .parked = job_parked,
					      .free = job_free };
	job->spot = spot;
	job->parent = parent;
	job->seed = seed;
	job->sleeps = seed % 5 == 0;
	job->fails = seed % 7 == 0;
	if (job->sleeps)
		job->task.type.flags |= FL_OP_BLOCKS;
	fl_op_init(&job->task.op, &job->task.type, spot->lane, NULL);
	jobs[index] = job_of(fl_op_get(&job->task.op)); /* until the round is over */
	return job;
}

static int job_last(struct fl_op *op)
{
	struct job *job = job_of(op);

	while (job->sleeps && !seen(&wake))
		usleep(500);
	return job->fails ? -EIO : 0;
}

static int job_run(struct fl_op *op);

static void spawn_some(struct fl_op *op, struct job *job)
{
	for (int i = 0; i < LANES; i++)
		if (fl_lane_below(spots[i].lane, fl_op_lane(op)) && rand_r(&job->seed) % 3 == 0)
			if (!fl_op_spawn(op, &job_new(&spots[i], job, rand_r(&job->seed),
						      job_run)->task.op))
				note(&accepted);
}

static int job_run(struct fl_op *op)
{
	struct job *job = job_of(op);

	enter(job);
	switch (rand_r(&job->seed) % 3) {
	case 0:
		return job_last(op);
	case 1:
		return fl_op_sleep(op, 1 + rand_r(&job->seed) % 3000000, job_last);
	default:
		spawn_some(op, job);
		return fl_op_join(op, job_last);
	}
}

static int remove_below(struct fl_op *op);

/* What is below is gone, left behind, or being refused somebody else. */
static int remove_joined(struct fl_op *op)
{
	struct job *job = job_of(op);

	for (int i = 0; i < LANES; i++)
		if (spots[i].up == job->spot && !seen(&spots[i].gone) &&
		    !fl_lane_abandoned(spots[i].lane))
			return fl_op_cancelled(op) ? -ECANCELED :
						     fl_op_sleep(op, FL_NS_PER_MS, remove_below);
	return job_last(op);
}

static struct job *removal_new(struct spot *spot, struct job *parent, unsigned int seed);

static int remove_below(struct fl_op *op)
{
	struct job *job = job_of(op);

	for (int i = 0; i < LANES; i++)
		if (spots[i].up == job->spot && !seen(&spots[i].gone)) {
			struct job *child = removal_new(&spots[i], job, rand_r(&job->seed));

			if (!fl_op_spawn(op, &child->task.op))
				note(&accepted);
		}
	return fl_op_join(op, remove_joined);
}

static int remove_run(struct fl_op *op)
{
	enter(job_of(op));
	return remove_below(op);
}

static struct job *removal_new(struct spot *spot, struct job *parent, unsigned int seed)
{
	struct job *job = job_new(spot, parent, seed, remove_run);

	job->task.type.flags |= FL_OP_REMOVES;
	job->task.type.kind = "remove";
	job->fails = job->fails && !parent;
	return job;
}

/* ---- rounds ------------------------------------------------------------------------- */

static void tree_up(void)
{
	struct spot *spot = spots;

	memset(spots, 0, sizeof(spots));
	spot++->lane = lane_new(sched, NULL, "pf");
	for (int sf = 0; sf < SFS; sf++) {
		struct spot *up = spot++;

		up->up = spots;
		up->lane = lane_new(sched, up->up->lane, "sf");
		for (int leaf = 0; leaf < LEAVES; leaf++, spot++) {
			spot->up = up;
			spot->lane = lane_new(sched, up->lane, "leaf");
		}
	}
}

static void submit_some(unsigned int *seed)
{
	for (int i = 0; i < JOBS; i++) {
		struct spot *spot = &spots[rand_r(seed) % LANES];
		struct job *job = spot != spots && rand_r(seed) % 6 == 0 ?
					  removal_new(spot, NULL, rand_r(seed)) :
					  job_new(spot, NULL, rand_r(seed), job_run);

		if (!fl_op_submit(&job->task.op))
			note(&accepted);
		if (rand_r(seed) % 4 == 0)
			usleep(rand_r(seed) % 2000);
	}
}

static void check_round(struct task *removal)
{
	struct fl_sched_stats stats;

	for (int i = 1; i < LANES; i++) {
		const struct spot *spot = &spots[i];

		while (spot->up && !fl_lane_abandoned(spot->lane))
			spot = spot->up;
		CHECK(seen(&spots[i].gone) || spot->up);
	}
	assert_int_equal(fl_sched_drain(sched, PATIENCE_NS), 0);
	for (int i = 0; i < job_count; i++)
		CHECK(seen(&jobs[i]->told) || !jobs[i]->entered || seen(&jobs[i]->task.ended));
	note(&wake);
	wait_until((fl_sched_stats(sched, &stats), stats.ended == stats.submitted));
	assert_int_equal(seen(&ended), seen(&accepted));
	assert_int_equal(removal->ended_err, 0);
}

static uint64_t parked_in_round(unsigned int seed)
{
	struct fl_sched_stats stats;
	struct job *removal;

	sched = sched_new((struct fl_sched_config){ .workers = 3, .max_wait_ns = PATIENCE_NS,
						    .remove_deadline_ns = 4 * FL_NS_PER_MS });
	job_count = wake = accepted = ended = 0;
	tree_up();
	submit_some(&seed);
	removal = removal_new(spots, NULL, seed);
	removal->sleeps = removal->fails = false;
	removal->task.type.flags = FL_OP_REMOVES;
	note(&accepted);
	assert_int_equal(fl_op_submit(&removal->task.op), 0);
	wait_until(seen(&removal->task.ended));
	check_round(&removal->task);
	fl_sched_stats(sched, &stats);
	for (int i = 0; i < job_count; i++)
		task_put(&jobs[i]->task);
	for (int i = 0; i < LANES; i++)
		fl_lane_put(spots[i].lane);
	sched_end(sched);
	return stats.parked;
}

static void test_parking(void **state)
{
	const char *given = getenv("FL_STRESS_SEED");
	unsigned int first = given ? (unsigned int)atoi(given) : 1;
	uint64_t parked = 0;

	for (unsigned int i = 0; i < ROUNDS; i++)
		parked += parked_in_round(first * 1000 + i);
	print_message("seed %u: %llu parked\n", first, (unsigned long long)parked);
	assert_true(parked > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
