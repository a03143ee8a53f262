/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sched.c - a scheduler's beginning, end and counts. */
#include "lane/lane-private.h"

#include <errno.h>
#include <stdlib.h>

#include "base/futex.h"

static void set_defaults(struct fl_sched_config *config)
{
	static const struct fl_sched_config defaults = {
		.max_ops = 262144,
		.max_ops_client = 32768,
		.max_block_device = 1024,
		.max_block = 4096,
		.patience_ns = 250 * FL_NS_PER_MS,
		.deadline_ns = 30 * FL_NS_PER_S,
		.remove_deadline_ns = 10 * FL_NS_PER_S,
		.max_wait_ns = 600 * FL_NS_PER_S,
	};

#define SET_DEFAULT(field)                                                                       \
	if (!config->field)                                                                      \
	config->field = defaults.field
	SET_DEFAULT(max_ops);
	SET_DEFAULT(max_ops_client);
	SET_DEFAULT(max_block_device);
	SET_DEFAULT(max_block);
	SET_DEFAULT(remove_deadline_ns);
	SET_DEFAULT(patience_ns);
	SET_DEFAULT(deadline_ns);
	SET_DEFAULT(max_wait_ns);
#undef SET_DEFAULT
}

static int check_config(const struct fl_sched_config *config)
{
	if (config->patience_ns < FL_PATIENCE_MIN_NS || config->patience_ns > FL_PATIENCE_MAX_NS)
		return -EINVAL;
	return config->deadline_ns < config->patience_ns ? -EINVAL : 0;
}

static void sched_destroy(struct fl_sched *sched)
{
	fl_lock_done(&sched->runq.lock);
	fl_lock_done(&sched->block.lock);
	fl_lock_done(&sched->timers.lock);
	if (sched->top)
		fl_lock_done(&sched->top->lock);
	free(sched->top);
	free(sched->timers.heap);
	free(sched);
}

void fl_sched_put(struct fl_sched *sched)
{
	if (!__atomic_sub_fetch(&sched->refs, 1, __ATOMIC_ACQ_REL))
		sched_destroy(sched);
}

int fl_sched_new(const struct fl_sched_config *config, struct fl_sched **ret_sched)
{
	struct fl_sched *sched = calloc(1, sizeof(*sched));
	int err;

	if (!sched)
		return -ENOMEM;
	if (config)
		sched->config = *config;
	set_defaults(&sched->config);
	sched->refs = 1;
	fl_lock_init(&sched->runq.lock, runq);
	CDS_INIT_LIST_HEAD(&sched->runq.list);
	fl_lock_init(&sched->timers.lock, timer);
	CDS_INIT_LIST_HEAD(&sched->parked);
	fl_block_init(sched);
	err = check_config(&sched->config);
	if (err)
		goto out_put;
	sched->top = fl_lane_alloc(sched, NULL, "", NULL);
	err = sched->top ? fl_timers_start(sched) : -ENOMEM;
	if (err)
		goto out_put;
	err = fl_workers_start(sched);
	if (err)
		goto out_timers;
	*ret_sched = sched;
	return 0;

out_timers:
	fl_timers_stop(sched);
out_put:
	fl_sched_put(sched);
	return err;
}

void fl_sched_free(struct fl_sched *sched)
{
	unsigned int live;

	if (!sched)
		return;
	fl_assert_may_block("ending a scheduler");
	live = __atomic_load_n(&sched->live, __ATOMIC_SEQ_CST);
	if (live)
		fl_breach("the end of a scheduler", "fl_sched_free() with %u operations running", live);
	fl_block_stop(sched);
	fl_workers_stop(sched);
	fl_timers_stop(sched);
	fl_rcu_barrier(); /* lanes on their way out */
	fl_sched_put(sched);
}

const struct fl_sched_config *fl_sched_config(const struct fl_sched *sched)
{
	return &sched->config;
}

uint64_t fl_sched_max_wait(const struct fl_sched *sched)
{
	return sched->config.max_wait_ns;
}

void fl_sched_stats(struct fl_sched *sched, struct fl_sched_stats *ret_stats)
{
	fl_lock_take(&sched->block.lock);
	ret_stats->block_threads = sched->block.threads;
	fl_lock_drop(&sched->block.lock);
	ret_stats->submitted = __atomic_load_n(&sched->submitted, __ATOMIC_RELAXED);
	ret_stats->ended = __atomic_load_n(&sched->ended, __ATOMIC_RELAXED);
	ret_stats->refused = __atomic_load_n(&sched->refused, __ATOMIC_RELAXED);
	ret_stats->parked = __atomic_load_n(&sched->parked_ever, __ATOMIC_RELAXED);
	ret_stats->ops = __atomic_load_n(&sched->live, __ATOMIC_RELAXED);
	ret_stats->lanes = __atomic_load_n(&sched->lanes, __ATOMIC_RELAXED);
}

int fl_sched_drain(struct fl_sched *sched, uint64_t deadline_ns)
{
	uint64_t until_ns = fl_now_ns() + deadline_ns;
	int err = 0;

	fl_assert_may_block("draining a scheduler");
	__atomic_add_fetch(&sched->drainers, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		uint32_t drained = __atomic_load_n(&sched->drained, __ATOMIC_SEQ_CST);

		if (!__atomic_load_n(&sched->live, __ATOMIC_SEQ_CST))
			break;
		if (fl_now_ns() >= until_ns) {
			err = -ETIMEDOUT;
			break;
		}
		fl_futex_wait(&sched->drained, drained, until_ns);
	}
	__atomic_sub_fetch(&sched->drainers, 1, __ATOMIC_SEQ_CST);
	return err;
}
