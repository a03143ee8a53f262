/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.c - steps that only take time: attaching, detaching, resetting. */
#include "mlx5-private.h"

#include <errno.h>
#include <stdlib.h>

struct mlx5_attempt mlx5_step_attempt(struct mlx5_nic *nic, struct mlx5_unit *unit,
				      enum mlx5_step step, const char *name)
{
	uint64_t thrown = mlx5_dice_throw(&unit->dice, step);
	struct mlx5_attempt attempt = {
		.ns = mlx5_latency(nic->config.latency_ns[step], nic->config.jitter,
				   mlx5_dice_more(thrown, 0)),
		.fate = mlx5_faults_decide(&nic->faults, step, name, mlx5_dice_more(thrown, 1)),
	};

	return attempt;
}

static int timed_out(struct fl_op *op)
{
	return fl_op_result(op) ? fl_op_result(op) : -ETIMEDOUT;
}

int mlx5_step_stuck(struct fl_op *op, struct mlx5_nic *nic, int fate)
{
	uint64_t deaf_ns = mlx5_fate_deaf_ns(&nic->faults, fate);

	if (deaf_ns)
		return mlx5_fate_deaf(op, deaf_ns);
	return fl_op_sleep(op, nic->config.command_timeout_ns, timed_out);
}


static int slept(struct fl_op *op)
{
	return fl_op_result(op);
}

/* A step that fails does so after its time. */
struct failure {
	void *saved;
	int err;
};

static int failed(struct fl_op *op)
{
	struct failure *failure = fl_op_data(op);
	int err = fl_op_result(op) ? fl_op_result(op) : failure->err;

	fl_op_set_data(op, failure->saved);
	free(failure);
	return err;
}

static int fail_after(struct fl_op *op, struct mlx5_attempt attempt)
{
	struct failure *failure = calloc(1, sizeof(*failure));

	if (!failure)
		return -ENOMEM;
	failure->saved = fl_op_data(op);
	failure->err = attempt.fate;
	fl_op_set_data(op, failure);
	return fl_op_sleep(op, attempt.ns, failed);
}

int mlx5_step_run(struct fl_op *op, struct mlx5_nic *nic, struct mlx5_unit *unit,
		  enum mlx5_step step)
{
	struct mlx5_attempt attempt;

	attempt = mlx5_step_attempt(nic, unit, step, fl_lane_name(fl_op_lane(op)));
	if (attempt.fate > 0)
		return mlx5_step_stuck(op, nic, attempt.fate);
	if (fl_op_cancelled(op))
		return -ECANCELED;
	mlx5_latency_allow(op, attempt.ns);
	if (attempt.fate)
		return fail_after(op, attempt);
	return attempt.ns ? fl_op_sleep(op, attempt.ns, slept) : 0;
}
