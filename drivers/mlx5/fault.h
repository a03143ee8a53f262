/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault.h - what goes wrong on purpose. */
#ifndef FL_DRIVERS_MLX5_FAULT_H
#define FL_DRIVERS_MLX5_FAULT_H

#include "mlx5.h"

/* What becomes of an attempt: 0 (it goes well), a negative errno, MLX5_FATE_HANG, or one that
 * is deaf: see mlx5_fate_deaf_ns(). */
#define MLX5_FATE_HANG 1
#define MLX5_FATE_DEAF 2 /* and the place of its fault */

/* Rules: list, count, steps never change; passed, applied: atomic. */
struct mlx5_faults {
	struct mlx5_fault list[MLX5_FAULTS_MAX];
	unsigned int count;
	unsigned int steps; /* bits of the steps that have a fault at all */
	uint64_t passed[MLX5_FAULTS_MAX];
	uint64_t applied[MLX5_FAULTS_MAX];
};

void mlx5_faults_init(struct mlx5_faults *faults, const struct mlx5_config *config);

/* Decides one attempt of step by the thing called name: its fate. thrown: its dice.
 * Context: any. */
int mlx5_faults_decide(struct mlx5_faults *faults, enum mlx5_step step, const char *name,
		       uint64_t thrown);

/* For how long an attempt with that fate is deaf: 0 if it is not. */
uint64_t mlx5_fate_deaf_ns(const struct mlx5_faults *faults, int fate);
/* Sleeps on a thread of its own, whatever op is told meanwhile: a value for the step before
 * it, 0 or -EBUSY (no thread) or -ENOMEM. */
int mlx5_fate_deaf(struct fl_op *op, uint64_t ns);

/* Whether `match` is a part of name, and not of a longer number: "sf.7" is in
 * "auxiliary/mlx5_core.sf.7", and not in "auxiliary/mlx5_core.sf.71". */
bool mlx5_fault_matches(const char *match, const char *name);

#endif
