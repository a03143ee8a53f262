/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_noop.c - CPU time and memory of an operation that does nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/util.h"
#include "lane/lane.h"

static int run(struct fl_op *op)
{
	return 0;
}

static void op_free(struct fl_op *op)
{
	free(op);
}

static const struct fl_op_type noop = { .kind = "noop", .run = run, .free = op_free };

static double cpu_us(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return 1e6 * (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 200000;
	struct fl_lane *pf, *sf, *eth;
	struct fl_sched *sched;
	double before, spent;

	if (fl_sched_new(NULL, &sched) || fl_lane_new(sched, NULL, "pf", NULL, &pf) ||
	    fl_lane_new(sched, pf, "sf", NULL, &sf) || fl_lane_new(sched, sf, "eth", NULL, &eth))
		return 1;
	before = cpu_us();
	for (int i = 0; i < count; i++) {
		struct fl_op *op = malloc(sizeof(*op));

		fl_op_init(op, &noop, eth, NULL);
		if (fl_op_submit(op))
			return 1;
		if (i % 1000 == 999 && fl_sched_drain(sched, 10 * FL_NS_PER_S))
			return 1;
	}
	if (fl_sched_drain(sched, 10 * FL_NS_PER_S))
		return 1;
	spent = cpu_us() - before;
	printf("%d operations: %.2f us of CPU each; sizeof(struct fl_op) %zu\n", count,
	       spent / count, sizeof(struct fl_op));
	fl_lane_discard(eth);
	fl_lane_discard(sf);
	fl_lane_discard(pf);
	fl_lane_put(eth);
	fl_lane_put(sf);
	fl_lane_put(pf);
	fl_sched_free(sched);
	return 0;
}
