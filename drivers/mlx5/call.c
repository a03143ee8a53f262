/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call.c - what one call of a callback needs from step to step: its operation's own. */
#include "mlx5-private.h"

#include <stdlib.h>

struct mlx5_call *mlx5_call_begin(struct fl_op *op, struct fl_txn *txn, struct mlx5_vport *vport)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	struct mlx5_call *call = calloc(1, sizeof(*call));

	if (!call) {
		mlx5_vport_put(vport);
		return NULL;
	}
	call->saved = fl_op_data(op);
	call->txn = txn;
	call->func = func;
	call->pf = func->pf;
	call->vport = vport;
	fl_op_set_data(op, call);
	return call;
}

int mlx5_call_end(struct fl_op *op, int err)
{
	struct mlx5_call *call = fl_op_data(op);

	fl_op_set_data(op, call->saved);
	mlx5_vport_put(call->vport);
	free(call);
	return err;
}
