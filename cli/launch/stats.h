/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats.h - how long steps took: samples and their percentiles. */
#ifndef FL_CLI_LAUNCH_STATS_H
#define FL_CLI_LAUNCH_STATS_H

#include <stddef.h>
#include <stdint.h>

struct launch_stats {
	uint64_t *samples; /* ns */
	size_t count, cap;
};

/* 0 or -ENOMEM. */
int launch_stats_add(struct launch_stats *stats, uint64_t ns);
void launch_stats_done(struct launch_stats *stats);

struct launch_summary {
	size_t count;
	uint64_t min, p50, p99, max; /* ns; 0 without samples */
};

/* Sorts the samples. A percentile is the smallest sample that is not less than so many
 * of a hundred (nearest rank). */
struct launch_summary launch_stats_summary(struct launch_stats *stats);

/* What `total` would take that took `ns` for `count`, one after another: in proportion. */
uint64_t launch_extrapolate(uint64_t ns, unsigned int count, unsigned int total);

#endif
