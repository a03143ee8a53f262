// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/stats.h"

#include <errno.h>
#include <stdlib.h>

int launch_stats_add(struct launch_stats *stats, uint64_t ns)
{
	if (stats->count == stats->cap) {
		size_t cap = stats->cap ? stats->cap * 2 : 64;
		uint64_t *samples = realloc(stats->samples, cap * sizeof(*samples));

		if (!samples)
			return -ENOMEM;
		stats->samples = samples;
		stats->cap = cap;
	}
	stats->samples[stats->count++] = ns;
	return 0;
}

void launch_stats_done(struct launch_stats *stats)
{
	free(stats->samples);
	*stats = (struct launch_stats){ 0 };
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t percentile(const struct launch_stats *stats, unsigned int percent)
{
	size_t rank = (stats->count * percent + 99) / 100;

	return stats->samples[rank ? rank - 1 : 0];
}

struct launch_summary launch_stats_summary(struct launch_stats *stats)
{
	struct launch_summary summary = { .count = stats->count };

	if (!stats->count)
		return summary;
	qsort(stats->samples, stats->count, sizeof(*stats->samples), compare);
	summary.min = stats->samples[0];
	summary.p50 = percentile(stats, 50);
	summary.p99 = percentile(stats, 99);
	summary.max = stats->samples[stats->count - 1];
	return summary;
}

uint64_t launch_extrapolate(uint64_t ns, unsigned int count, unsigned int total)
{
	return count ? (uint64_t)((double)ns / count * total) : 0;
}
