/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fw.h - the simulated firmware of one PF: a command queue.
 *
 *  F1  At most `depth` commands run at once, and of one function at most `share`.
 *  F2  Functions that have something to run take turns, one request a turn: a request that
 *      has begun goes on before another begins, so that many at once do not all end last.
 *      The requests of one function begin in the order of their asking.
 *  F3  A command takes its time from when it could start, however late this program looks:
 *      the firmware does not wait for a busy host.
 *  F4  A request that was cancelled is forgotten at once, with its place in the queue.
 *  F5  A command that hangs keeps its place in the queue until it times out (-ETIMEDOUT).
 *  F6  A firmware that is dead runs nothing: what was asked of it fails at once (-EIO), what
 *      takes something away is taken for done. It stays so until it is revived by a reset.
 */
#ifndef FL_DRIVERS_MLX5_FW_H
#define FL_DRIVERS_MLX5_FW_H

#include <urcu/list.h>

#include "fault.h"
#include "latency.h"

struct mlx5_fw;

/* What one function has at the firmware. Zero it and mlx5_fw_unit_init(). All of it but
 * the dice is under the firmware's lock. */
struct mlx5_unit {
	struct mlx5_dice dice;
	struct cds_list_head waiting; /* its requests that do not run, first come first */
	struct cds_list_head turn;    /* among the functions that may start one */
	unsigned int running;
	unsigned int failed; /* commands that did, for diagnosis; atomic */
};

struct mlx5_fw_config {
	unsigned int depth, share;
	uint64_t latency_ns, timeout_ns;
	double jitter;
	struct mlx5_faults *faults; /* outlives the firmware */
};

/* -ENOMEM. One reference. */
int mlx5_fw_new(struct fl_sched *sched, const struct mlx5_fw_config *config,
		struct mlx5_fw **ret_fw);
struct mlx5_fw *mlx5_fw_get(struct mlx5_fw *fw);
void mlx5_fw_put(struct mlx5_fw *fw); /* NULL is fine */

void mlx5_unit_init(struct mlx5_unit *unit, uint64_t seed, const char *name);

/* Runs `commands` commands of unit, one after another, as a part of op: a value for the
 * step before it. 0; the errno of a fault; -ETIMEDOUT; -ECANCELED; -ENOMEM; -EIO: the firmware is
 * dead. Faults match the name of op's lane. */
int mlx5_fw_exec(struct fl_op *op, struct mlx5_fw *fw, struct mlx5_unit *unit,
		 unsigned int commands);

/* The same for what takes away (F6). */
int mlx5_fw_undo(struct fl_op *op, struct mlx5_fw *fw, struct mlx5_unit *unit,
		 unsigned int commands);

/* F6. Context: any thread, no lock held; never blocks. */
void mlx5_fw_kill(struct mlx5_fw *fw);
void mlx5_fw_revive(struct mlx5_fw *fw);
bool mlx5_fw_dead(struct mlx5_fw *fw);

/* How many commands run and how many requests wait, at this moment. For tests. */
void mlx5_fw_load(struct mlx5_fw *fw, unsigned int *ret_running, unsigned int *ret_waiting);

#endif
