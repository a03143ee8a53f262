/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* eswitch.c - the embedded switch: legacy or switchdev, and what leaving it costs. */
#include "mlx5-private.h"

#include <errno.h>

bool mlx5_eswitch_switchdev(const struct mlx5_pf *pf)
{
	return __atomic_load_n(&pf->switchdev, __ATOMIC_ACQUIRE);
}

void mlx5_eswitch_set_switchdev(struct mlx5_pf *pf, bool on)
{
	__atomic_store_n(&pf->switchdev, on, __ATOMIC_RELEASE);
}

void mlx5_eswitch_publish(struct mlx5_pf *pf, struct fl_txn *txn)
{
	fl_eswitch_set(txn,
		       mlx5_eswitch_switchdev(pf) ? DEVLINK_ESWITCH_MODE_SWITCHDEV
						  : DEVLINK_ESWITCH_MODE_LEGACY,
		       DEVLINK_ESWITCH_INLINE_MODE_NONE,
		       __atomic_load_n(&pf->encap_mode, __ATOMIC_RELAXED));
}

static struct mlx5_pf *txn_pf(struct fl_txn *txn)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));

	return func->pf;
}

static int is_switchdev(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return mlx5_call_end(op, fl_op_result(op));
	mlx5_eswitch_set_switchdev(call->pf, true);
	mlx5_vf_ports_add(call->pf, call->txn);
	mlx5_eswitch_publish(call->pf, call->txn);
	return mlx5_call_end(op, 0);
}

/* Also if op was told to stop meanwhile. */
static int sfs_are_gone(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	mlx5_sf_ports_del(call->pf, call->txn);
	mlx5_vf_ports_del(call->pf, call->txn);
	mlx5_eswitch_set_switchdev(call->pf, false);
	mlx5_eswitch_publish(call->pf, call->txn);
	return mlx5_call_end(op, 0);
}

/* The firmware is asked first: what it refuses costs no SF. */
static int is_legacy(struct fl_op *op)
{
	if (fl_op_result(op))
		return mlx5_call_end(op, fl_op_result(op));
	fl_op_then(op, sfs_are_gone);
	return mlx5_sf_remove_all(op);
}

int mlx5_eswitch_mode_set(struct fl_op *op, struct fl_txn *txn, enum devlink_eswitch_mode mode)
{
	struct mlx5_pf *pf = txn_pf(txn);
	bool switchdev = mode == DEVLINK_ESWITCH_MODE_SWITCHDEV;

	if (!switchdev && mode != DEVLINK_ESWITCH_MODE_LEGACY)
		return -EINVAL;
	/* As it is shown: a change that could not be committed is made once more. */
	if ((int)mode == fl_eswitch_mode(txn))
		return 0;
	if (!mlx5_call_begin(op, txn, NULL))
		return -ENOMEM;
	fl_op_then(op, switchdev ? is_switchdev : is_legacy);
	return mlx5_fw_exec(op, pf->fw, &pf->unit, MLX5_ESWITCH_CMDS);
}

int mlx5_eswitch_inline_mode_set(struct fl_op *op, struct fl_txn *txn, uint8_t mode)
{
	/* This generation needs no inlined headers. */
	if (mode == DEVLINK_ESWITCH_INLINE_MODE_NONE)
		return 0;
	fl_extack_set(fl_txn_extack(txn), "mlx5_core: Inline mode can't be set");
	return -EOPNOTSUPP;
}

int mlx5_eswitch_encap_mode_set(struct fl_op *op, struct fl_txn *txn, uint8_t mode)
{
	struct mlx5_pf *pf = txn_pf(txn);

	if (mode != DEVLINK_ESWITCH_ENCAP_MODE_NONE && mode != DEVLINK_ESWITCH_ENCAP_MODE_BASIC)
		return -EOPNOTSUPP;
	__atomic_store_n(&pf->encap_mode, mode, __ATOMIC_RELAXED);
	mlx5_eswitch_publish(pf, txn);
	return 0;
}
