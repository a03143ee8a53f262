/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latency.c - how long a step takes this time. */
#include "latency.h"

#include <string.h>

/* Shorter ones are within every deadline. */
#define ALLOW_FROM_NS FL_NS_PER_S

/* Weyl's constant for 64 bits, and the two multipliers of splitmix64's finalizer. */
#define GOLDEN 0x9e3779b97f4a7c15ULL
#define MIX1 0xbf58476d1ce4e5b9ULL
#define MIX2 0x94d049bb133111ebULL

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * MIX1;
	x = (x ^ (x >> 27)) * MIX2;
	return x ^ (x >> 31);
}

uint64_t mlx5_dice_key(uint64_t seed, const char *name)
{
	uint64_t key = mix(seed + GOLDEN);

	for (; *name; name++)
		key = mix(key ^ (unsigned char)*name) + GOLDEN;
	return key;
}

uint64_t mlx5_dice_more(uint64_t thrown, uint64_t k)
{
	return mix(thrown + (k + 1) * GOLDEN);
}

uint64_t mlx5_dice_throw(struct mlx5_dice *dice, enum mlx5_step step)
{
	uint64_t nth = __atomic_fetch_add(&dice->thrown[step], 1, __ATOMIC_RELAXED);

	return mlx5_dice_more(mlx5_dice_more(dice->key, step), nth);
}

double mlx5_dice_unit(uint64_t thrown)
{
	return (double)(thrown >> 11) * 0x1.0p-53;
}

uint64_t mlx5_latency(uint64_t base_ns, double jitter, uint64_t thrown)
{
	if (jitter <= 0)
		return base_ns;
	return (uint64_t)((double)base_ns * (1 - jitter + 2 * jitter * mlx5_dice_unit(thrown)));
}

void mlx5_latency_allow(struct fl_op *op, uint64_t ns)
{
	if (ns >= ALLOW_FROM_NS)
		fl_op_allow(op, ns);
}
