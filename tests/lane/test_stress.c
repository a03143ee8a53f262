/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_stress.c - random operations on a tree, watched by a checker.
 *
 * Every operation sleeps, waits, spawns, joins, posts, fails and is cancelled by dice;
 * removals and births go on meanwhile. The checker keeps, per lane, who says that it runs
 * alone there and how many run below. It knows nothing of lane/'s own books:
 *  L1  whoever enters a step on a lane finds nobody else alone on it or above (but those
 *      that await it), and nobody below (but those that it awaits);
 *  L5  no operation starts on a lane whose removal has begun to run;
 *  L6  each accepted operation ends exactly once, each refused one never.
 */
#include "task.h"

#include "base/thread.h"

#define PFS 2
#define SFS 4
#define LEAVES 2
#define NODES (PFS * (1 + SFS * (1 + LEAVES)))
#define POSTERS 3
#define POSTS 2000
#define OUTSTANDING 100 /* enough to queue, few enough to meet */

struct node {
	struct node *up;
	struct fl_lane *lane; /* replaced when it was removed; under swap */
	pthread_mutex_t swap;
	struct watch *watch; /* goes with the lane */
};

/* The checker's view of one life of a lane. */
struct watch {
	struct watch *up;
	struct job *alone; /* atomic: who runs alone here */
	int shared;        /* atomic: how many run below */
	int removing;      /* atomic: its removal runs */
};

struct job {
	struct task task;
	struct job *parent;
	struct watch *watch;
	unsigned int seed;
	int entered, steps, depth;
};

static struct fl_sched *sched;
static struct fl_client *client;
static struct node nodes[NODES];
static struct watch *watches[POSTERS * POSTS + NODES];
static int watch_count, accepted, ended, ran, refused, removed;

static struct job *job_of(struct fl_op *op)
{
	return FL_CONTAINER_OF(task_of(op), struct job, task);
}

static struct watch *watch_new(struct watch *up)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	watch->up = up;
	watches[__atomic_fetch_add(&watch_count, 1, __ATOMIC_SEQ_CST)] = watch;
	return watch;
}

#define CHECK(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "stress: %s (line %d)\n", #cond, __LINE__);              \
			abort();                                                                 \
		}                                                                                \
	} while (0)

static bool awaits(const struct job *above, const struct job *job)
{
	while (job && job != above)
		job = job->parent;
	return job;
}

/* L1: says where it runs first, then looks who else does. */
static void enter(struct job *job)
{
	struct job *none = NULL;

	note(&ran);
	job->entered = 1;
	CHECK(__atomic_compare_exchange_n(&job->watch->alone, &none, job, false, __ATOMIC_SEQ_CST,
					  __ATOMIC_SEQ_CST));
	CHECK(!seen(&job->watch->shared));
	CHECK(!seen(&job->watch->removing));
	for (struct watch *up = job->watch->up; up; up = up->up) {
		struct job *above;

		__atomic_add_fetch(&up->shared, 1, __ATOMIC_SEQ_CST);
		above = __atomic_load_n(&up->alone, __ATOMIC_SEQ_CST);
		CHECK(!above || awaits(above, job->parent));
		CHECK(!seen(&up->removing) || (above && fl_op_parked(&above->task.op)) ||
		      awaits(above, job->parent));
	}
}

static void leave(struct job *job)
{
	for (struct watch *up = job->watch->up; up; up = up->up)
		__atomic_sub_fetch(&up->shared, 1, __ATOMIC_SEQ_CST);
	CHECK(job->watch->alone == job);
	__atomic_store_n(&job->watch->alone, NULL, __ATOMIC_SEQ_CST);
}

/* ---- what the operations do --------------------------------------------------------- */

static int job_step(struct fl_op *op);

static void job_leaving(struct fl_op *op, int err)
{
	leave(job_of(op));
}

static void job_ended(struct fl_op *op, int err)
{
	struct job *job = job_of(op);

	note(&job->task.ended);
	CHECK(seen(&job->task.ended) == 1);
	CHECK(job->entered || err == -ENODEV || err == -ECANCELED || err == -EBUSY);
	note(&ended);
}

static void job_free(struct fl_op *op)
{
	struct job *job = job_of(op);
	struct job *parent = job->parent;

	free(job);
	if (parent)
		fl_op_put(&parent->task.op);
	__atomic_sub_fetch(&tasks_alive, 1, __ATOMIC_SEQ_CST);
}

static int job_run(struct fl_op *op)
{
	enter(job_of(op));
	return job_step(op);
}

static struct job *job_new(struct fl_lane *lane, struct watch *watch, struct job *parent,
			   unsigned int seed, fl_step run)
{
	struct job *job = calloc(1, sizeof(*job));

	__atomic_add_fetch(&tasks_alive, 1, __ATOMIC_SEQ_CST);
	job->task.type = (struct fl_op_type){ .kind = "job", .run = run, .ended = job_ended,
					      .leaving = job_leaving, .free = job_free };
	job->watch = watch;
	job->seed = seed;
	job->depth = parent ? parent->depth + 1 : 0;
	job->parent = parent;
	if (parent)
		fl_op_get(&parent->task.op);
	fl_op_init(&job->task.op, &job->task.type, lane, NULL);
	return job;
}

static void submitted(int err)
{
	if (!err)
		note(&accepted);
	else if (err == -ENODEV)
		note(&refused);
	else
		CHECK(!"an unexpected refusal");
}

/* A reference to a node's present lane, and its watch. */
static struct fl_lane *node_get(struct node *node, struct watch **ret_watch)
{
	struct fl_lane *lane;

	pthread_mutex_lock(&node->swap);
	lane = node->lane ? fl_lane_get(node->lane) : NULL;
	*ret_watch = node->watch;
	pthread_mutex_unlock(&node->swap);
	return lane;
}

static void spawn_some(struct fl_op *op, struct job *job)
{
	for (int i = 0; i < NODES; i++) {
		struct watch *watch;
		struct fl_lane *lane = node_get(&nodes[i], &watch);

		if (lane && fl_lane_below(lane, fl_op_lane(op)) && rand_r(&job->seed) % 2)
			submitted(fl_op_spawn(op, &job_new(lane, watch, job, rand_r(&job->seed),
							   job_run)->task.op));
		fl_lane_put(lane);
	}
}

static int wake_myself(struct fl_op *op, struct job *job)
{
	struct fl_waker waker = fl_op_waker(op);

	if (rand_r(&job->seed) % 2)
		fl_waker_wake(waker, 0);
	else
		fl_waker_drop(waker);
	return fl_op_wait(op, 1 + rand_r(&job->seed) % 200000, job_step);
}

static int job_step(struct fl_op *op)
{
	struct job *job = job_of(op);

	CHECK(job->watch->alone == job || fl_op_parked(op));
	if (job->steps++ > 4)
		return 0;
	switch (rand_r(&job->seed) % 8) {
	case 0:
		return fl_op_sleep(op, rand_r(&job->seed) % 300000, job_step);
	case 1:
		return fl_op_yield(op, job_step);
	case 2:
		return wake_myself(op, job);
	case 3:
		if (job->depth < 2) {
			spawn_some(op, job);
			return fl_op_join(op, job_step);
		}
		return 0;
	case 4:
		return fl_op_block(op, job_step);
	case 5:
		fl_op_cancel(op);
		return job_step(op);
	case 6:
		return -EIO;
	default:
		return 0;
	}
}

/* ---- removals and births ------------------------------------------------------------ */

static int remove_run(struct fl_op *op)
{
	struct job *job = job_of(op);

	enter(job);
	note(&job->watch->removing);
	return fl_op_sleep(op, rand_r(&job->seed) % 100000, step_result);
}

static int remove_fails(struct fl_op *op)
{
	enter(job_of(op));
	return -EBUSY;
}

static int unbind_over(struct fl_op *op)
{
	struct job *job = job_of(op);

	__atomic_sub_fetch(&job->watch->removing, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* After it the lane opens again. */
static int unbind_run(struct fl_op *op)
{
	struct job *job = job_of(op);

	enter(job);
	note(&job->watch->removing);
	return fl_op_sleep(op, rand_r(&job->seed) % 100000, unbind_over);
}

static void remove_node(struct node *node, struct fl_lane *lane, struct watch *watch,
			unsigned int seed)
{
	bool fails = seed % 4 == 0, unbinds = seed % 4 == 1;
	fl_step run = fails ? remove_fails : unbinds ? unbind_run : remove_run;
	struct job *job = job_new(lane, watch, NULL, seed, run);
	int err;

	job->task.type.flags |= unbinds ? FL_OP_UNBINDS : FL_OP_REMOVES;
	job->task.type.kind = "remove";
	err = fl_op_submit(&job->task.op);
	submitted(err);
	if (err || fails || unbinds)
		return;
	note(&removed);
	/* Its children in this test's list go with it: nobody can use them any more. */
	for (int i = 0; i < NODES; i++) {
		struct fl_lane *gone = NULL;

		pthread_mutex_lock(&nodes[i].swap);
		if (nodes[i].lane &&
		    (nodes[i].lane == lane || fl_lane_below(nodes[i].lane, lane))) {
			gone = nodes[i].lane;
			nodes[i].lane = NULL;
		}
		pthread_mutex_unlock(&nodes[i].swap);
		fl_lane_put(gone);
	}
}

/* Gives a node without a lane a new one, under its parent's present lane. */
static void birth(struct node *node)
{
	struct watch *up_watch = NULL;
	struct fl_lane *up = node->up ? node_get(node->up, &up_watch) : NULL;
	struct fl_lane *lane;

	if (node->up && !up)
		return;
	if (!fl_lane_new(sched, up, "born", NULL, &lane)) {
		pthread_mutex_lock(&node->swap);
		if (!node->lane) {
			node->lane = lane;
			node->watch = watch_new(up_watch);
			lane = NULL;
		}
		pthread_mutex_unlock(&node->swap);
		if (lane)
			fl_lane_discard(lane);
		fl_lane_put(lane);
	}
	fl_lane_put(up);
}

static void *poster_main(void *arg)
{
	unsigned int seed = *(unsigned int *)arg;
	struct fl_op *last = NULL;

	for (int i = 0; i < POSTS; i++) {
		struct node *node = &nodes[rand_r(&seed) % NODES];
		struct watch *watch;
		struct fl_lane *lane = node_get(node, &watch);

		if (!lane) {
			birth(node);
			continue;
		}
		while (seen(&accepted) - seen(&ended) > OUTSTANDING)
			usleep(100);
		/* The higher, the rarer: a PF takes everything below with it. */
		if (rand_r(&seed) % (node->up ? node->up->up ? 16 : 64 : 256) == 0) {
			remove_node(node, lane, watch, rand_r(&seed));
		} else {
			struct job *job = job_new(lane, watch, NULL, rand_r(&seed), job_run);
			struct fl_op *op = fl_op_get(&job->task.op);

			if (rand_r(&seed) % 16 == 0)
				job->task.type.flags |= FL_OP_LASTS;
			if (rand_r(&seed) % 2)
				job->task.op.client = fl_client_get(client);
			submitted(fl_op_submit(op));
			if (last && rand_r(&seed) % 4 == 0)
				fl_op_cancel(last);
			fl_op_put(last);
			last = op;
		}
		fl_lane_put(lane);
	}
	fl_op_put(last);
	return NULL;
}

static void make_tree(void)
{
	struct node *node = nodes;

	for (int pf = 0; pf < PFS; pf++) {
		struct node *pf_node = node++;

		for (int sf = 0; sf < SFS; sf++) {
			struct node *sf_node = node++;

			sf_node->up = pf_node;
			for (int leaf = 0; leaf < LEAVES; leaf++)
				node++->up = sf_node;
		}
	}
	for (int i = 0; i < NODES; i++) {
		pthread_mutex_init(&nodes[i].swap, NULL);
		birth(&nodes[i]);
	}
}

static void end_tree(void)
{
	for (int i = 0; i < NODES; i++)
		if (nodes[i].lane)
			lane_end(nodes[i].lane);
	for (int i = 0; i < watch_count; i++) {
		CHECK(!watches[i]->alone && !watches[i]->shared);
		free(watches[i]);
	}
}

static void test_stress(void **state)
{
	const char *given = getenv("FL_STRESS_SEED");
	unsigned int seed[POSTERS], first = given ? (unsigned int)atoi(given) : 1;
	pthread_t thread[POSTERS];
	struct fl_sched_stats stats;

	/* Holds begin to last, and requests give up, in the middle of all that. */
	sched = sched_new((struct fl_sched_config){ .workers = 4, .max_wait_ns = PATIENCE_NS,
						    .patience_ns = FL_PATIENCE_MIN_NS,
						    .deadline_ns = 3 * FL_PATIENCE_MIN_NS,
						    .remove_deadline_ns = PATIENCE_NS });
	client = fl_client_new("stress");
	make_tree();
	for (int i = 0; i < POSTERS; i++) {
		seed[i] = first * 1000 + (unsigned int)i;
		assert_int_equal(fl_thread_start(&thread[i], "poster", 0, poster_main, &seed[i]),
				 0);
	}
	for (int i = 0; i < POSTERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(fl_sched_drain(sched, PATIENCE_NS), 0);
	fl_sched_stats(sched, &stats);
	print_message("seed %u: %d accepted, %d ran, %d refused, %d removals, %llu parked\n", first,
		      accepted, ran, refused, removed, (unsigned long long)stats.parked);
	assert_int_equal(accepted, ended);
	assert_true(ran > 0 && removed > 0 && refused > 0);
	end_tree();
	fl_client_put(client);
	sched_end(sched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
