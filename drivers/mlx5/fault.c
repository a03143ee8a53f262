/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault.c - deciding whether a step fails, hangs or goes well. */
#include "fault.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "latency.h"

void mlx5_faults_init(struct mlx5_faults *faults, const struct mlx5_config *config)
{
	memset(faults, 0, sizeof(*faults));
	faults->count = config->fault_count;
	memcpy(faults->list, config->faults, sizeof(faults->list));
	for (unsigned int i = 0; i < faults->count; i++)
		faults->steps |= 1u << faults->list[i].step;
}

static bool digit_at(const char *s)
{
	return isdigit((unsigned char)*s);
}

bool mlx5_fault_matches(const char *match, const char *name)
{
	size_t len = strlen(match);
	const char *at = name;

	if (!len)
		return true;
	while ((at = strstr(at, match))) {
		bool cuts_front = at > name && digit_at(match) && digit_at(at - 1);
		bool cuts_back = digit_at(match + len - 1) && digit_at(at + len);

		if (!cuts_front && !cuts_back)
			return true;
		at++;
	}
	return false;
}

/* Whether fault i, which is meant for this step and name, applies to this attempt. */
static bool applies(struct mlx5_faults *faults, unsigned int i, uint64_t thrown)
{
	const struct mlx5_fault *fault = &faults->list[i];

	if (__atomic_fetch_add(&faults->passed[i], 1, __ATOMIC_RELAXED) < fault->after)
		return false;
	if (fault->probability > 0 && fault->probability < 1 &&
	    mlx5_dice_unit(mlx5_dice_more(thrown, i)) >= fault->probability)
		return false;
	return !fault->times ||
	       __atomic_fetch_add(&faults->applied[i], 1, __ATOMIC_RELAXED) < fault->times;
}

static int fate_of(const struct mlx5_faults *faults, unsigned int i)
{
	const struct mlx5_fault *fault = &faults->list[i];

	if (fault->deaf_ns)
		return MLX5_FATE_DEAF + (int)i;
	return fault->hang ? MLX5_FATE_HANG : -fault->error;
}

int mlx5_faults_decide(struct mlx5_faults *faults, enum mlx5_step step, const char *name,
		       uint64_t thrown)
{
	if (!(faults->steps & (1u << step)))
		return 0;
	for (unsigned int i = 0; i < faults->count; i++) {
		const struct mlx5_fault *fault = &faults->list[i];

		if (fault->step == step && mlx5_fault_matches(fault->match, name) &&
		    applies(faults, i, thrown))
			return fate_of(faults, i);
	}
	return 0;
}

uint64_t mlx5_fate_deaf_ns(const struct mlx5_faults *faults, int fate)
{
	return fate < MLX5_FATE_DEAF ? 0 : faults->list[fate - MLX5_FATE_DEAF].deaf_ns;
}

/* ---- deafness ------------------------------------------------------------------------ */

struct deaf {
	void *saved; /* the operation's data before ours */
	uint64_t until_ns;
};

static int deaf_over(struct fl_op *op)
{
	struct deaf *deaf = fl_op_data(op);
	int err = fl_op_result(op);
	uint64_t now;

	while (!err && (now = fl_now_ns()) < deaf->until_ns) {
		uint64_t ns = deaf->until_ns - now;

		nanosleep(&(struct timespec){ .tv_sec = (time_t)(ns / FL_NS_PER_S),
					      .tv_nsec = (long)(ns % FL_NS_PER_S) },
			  NULL);
	}
	fl_op_set_data(op, deaf->saved);
	free(deaf);
	return err;
}

int mlx5_fate_deaf(struct fl_op *op, uint64_t ns)
{
	struct deaf *deaf = calloc(1, sizeof(*deaf));

	if (!deaf)
		return -ENOMEM;
	deaf->saved = fl_op_data(op);
	deaf->until_ns = fl_now_ns() + ns;
	fl_op_set_data(op, deaf);
	return fl_op_block(op, deaf_over);
}
