/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latency.h - chance that is the same in every run with the same seed. */
#ifndef FL_DRIVERS_MLX5_LATENCY_H
#define FL_DRIVERS_MLX5_LATENCY_H

#include "mlx5.h"

/*
 * The dice of one function: what it throws depends on the seed, on its own key and on how
 * many throws of that step came before, and on nothing that other functions do.
 * Rules: 1. key never changes. 2. thrown: atomic; the throws of one step of one function
 * come from one lane after another.
 */
struct mlx5_dice {
	uint64_t key;
	uint32_t thrown[MLX5_STEP_COUNT];
};

/* A number that stands for `name` under `seed`. */
uint64_t mlx5_dice_key(uint64_t seed, const char *name);

/* The next throw for step: 64 even bits. */
uint64_t mlx5_dice_throw(struct mlx5_dice *dice, enum mlx5_step step);

/* The k-th number that follows from one throw. */
uint64_t mlx5_dice_more(uint64_t thrown, uint64_t k);

/* From 64 even bits a number in [0, 1). */
double mlx5_dice_unit(uint64_t thrown);

/* base drawn from 1 +/- jitter. */
uint64_t mlx5_latency(uint64_t base_ns, double jitter, uint64_t thrown);

/* Something of op takes so long because it was set to: that is no reason to tell it to stop. */
void mlx5_latency_allow(struct fl_op *op, uint64_t ns);

#endif
