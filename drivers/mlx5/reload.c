/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload.c - the reload of a PF: through legacy mode, so that its SFs and their ports are
 * gone afterwards; and the activation of a flashed image, with a reset or without.
 */
#include "drivers/mlx5/mlx5-private.h"

#include <errno.h>

#define PATCH_CMDS 4 /* an activation without a reset */

static struct mlx5_pf *pf_enter(struct fl_op *op, struct fl_txn *txn,
				enum devlink_reload_action action)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	struct mlx5_pf *pf = func->pf;

	pf->saved = fl_op_data(op);
	pf->txn = txn;
	pf->action = action;
	fl_op_set_data(op, pf);
	return pf;
}

static struct mlx5_pf *pf_leave(struct fl_op *op)
{
	struct mlx5_pf *pf = fl_op_data(op);

	fl_op_set_data(op, pf->saved);
	return pf;
}

/* ---- down --------------------------------------------------------------------------- */

static int is_down(struct fl_op *op)
{
	struct mlx5_pf *pf = pf_leave(op);

	if (fl_op_cancelled(op))
		return -ECANCELED;
	mlx5_pf_ports_del(pf, pf->txn);
	mlx5_eswitch_set_switchdev(pf, false);
	mlx5_eswitch_publish(pf, pf->txn);
	return 0;
}

int mlx5_pf_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
			enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	struct mlx5_pf *pf;

	if (limit == DEVLINK_RELOAD_LIMIT_NO_RESET)
		return 0;
	pf = pf_enter(op, txn, action);
	if (action == DEVLINK_RELOAD_ACTION_FW_ACTIVATE && mlx5_sf_count(pf)) {
		pf_leave(op);
		fl_extack_set(fl_txn_extack(txn),
			      "mlx5_core: %u SFs exist: a firmware reset would end them, delete "
			      "them first",
			      mlx5_sf_count(pf));
		return -EBUSY;
	}
	mlx5_children_detach_spawn(op, pf->func);
	mlx5_sf_remove_all_spawn(op, pf);
	return fl_op_join(op, is_down);
}

/* ---- up ----------------------------------------------------------------------------- */

static int is_up(struct fl_op *op)
{
	struct mlx5_pf *pf = pf_leave(op);
	int err = fl_op_result(op);

	if (err)
		return err;
	mlx5_info_publish(pf->func, pf->txn);
	mlx5_pf_ports_add(pf, pf->txn);
	return mlx5_children_attach(op, pf->func);
}

static int was_reset(struct fl_op *op)
{
	struct mlx5_pf *pf = fl_op_data(op);
	int err = fl_op_result(op);

	if (err) {
		pf_leave(op);
		return err;
	}
	if (pf->action == DEVLINK_RELOAD_ACTION_FW_ACTIVATE)
		pf->running = pf->stored;
	fl_op_then(op, is_up);
	return mlx5_fw_exec(op, pf->fw, &pf->unit, MLX5_BRINGUP_CMDS);
}

static int was_patched(struct fl_op *op)
{
	struct mlx5_pf *pf = pf_leave(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	pf->running = pf->stored;
	mlx5_info_publish(pf->func, pf->txn);
	return 0;
}

int mlx5_pf_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		      enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	struct mlx5_pf *pf = pf_enter(op, txn, action);

	*ret_performed = 1u << action;
	if (limit == DEVLINK_RELOAD_LIMIT_NO_RESET) {
		fl_op_then(op, was_patched);
		return mlx5_fw_exec(op, pf->fw, &pf->unit, PATCH_CMDS);
	}
	pf->func->enabled = mlx5_params_children(pf->func, txn);
	fl_op_then(op, was_reset);
	if (action != DEVLINK_RELOAD_ACTION_FW_ACTIVATE)
		return 0;
	*ret_performed |= 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	return mlx5_step_run(op, pf->nic, &pf->unit, MLX5_STEP_RESET);
}
