/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload.c - the reload of a PF: through legacy mode, so that its SFs and their ports are
 * gone afterwards; and the activation of a flashed image, with a reset or without.
 */
#include "mlx5-private.h"

#include <errno.h>

#define PATCH_CMDS 4 /* an activation without a reset */

static struct mlx5_call *call_begin(struct fl_op *op, struct fl_txn *txn,
				    enum devlink_reload_action action)
{
	struct mlx5_call *call = mlx5_call_begin(op, txn, NULL);

	if (call)
		call->action = action;
	return call;
}

/* ---- down --------------------------------------------------------------------------- */

/* The children's and the SFs' devices are gone: so are the ports, and the mode is legacy. */
static void all_gone(struct mlx5_call *call)
{
	mlx5_rate_nodes_del(call->txn);
	mlx5_pf_ports_del(call->pf, call->txn);
	mlx5_eswitch_set_switchdev(call->pf, false);
	mlx5_eswitch_publish(call->pf, call->txn);
}

/* Also if op was told to stop meanwhile: they are gone. Coming up is what it fails in then. */
static int is_down(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	all_gone(call);
	return mlx5_call_end(op, 0);
}

static int reset_check(struct mlx5_pf *pf, struct fl_extack *extack)
{
	unsigned int sfs = mlx5_sf_count(pf);

	if (!sfs)
		return 0;
	fl_extack_set(extack,
		      "mlx5_core: %u SFs exist: a firmware reset would end them, delete them first",
		      sfs);
	return -EBUSY;
}

int mlx5_pf_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
			enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	int err = 0;

	if (limit == DEVLINK_RELOAD_LIMIT_NO_RESET)
		return 0;
	if (action == DEVLINK_RELOAD_ACTION_FW_ACTIVATE)
		err = reset_check(func->pf, fl_txn_extack(txn));
	if (err)
		return err;
	if (!call_begin(op, txn, action))
		return -ENOMEM;
	fl_op_then(op, is_down);
	mlx5_children_detach_spawn(op, func);
	return mlx5_sf_remove_all(op);
}

/* ---- up ----------------------------------------------------------------------------- */

static int children_attached(struct fl_op *op)
{
	return mlx5_call_end(op, fl_op_result(op));
}

static int is_up(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return mlx5_call_end(op, fl_op_result(op));
	mlx5_info_publish(call->pf->func, call->txn);
	mlx5_pf_ports_add(call->pf, call->txn);
	fl_op_then(op, children_attached);
	return mlx5_children_attach(op, call->pf->func, call->txn);
}

static int was_reset(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return mlx5_call_end(op, fl_op_result(op));
	if (call->action == DEVLINK_RELOAD_ACTION_FW_ACTIVATE) {
		mlx5_version_activate(call->pf);
		mlx5_syndrome_take(call->pf);
		mlx5_fw_revive(call->pf->fw);
		mlx5_health_tell_well(call->pf, call->txn);
	}
	fl_op_then(op, is_up);
	return mlx5_fw_exec(op, call->pf->fw, &call->pf->unit, MLX5_BRINGUP_CMDS);
}

static int was_patched(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return mlx5_call_end(op, fl_op_result(op));
	mlx5_version_activate(call->pf);
	mlx5_info_publish(call->pf->func, call->txn);
	return mlx5_call_end(op, 0);
}

int mlx5_pf_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		      enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	struct mlx5_call *call = call_begin(op, txn, action);
	struct mlx5_pf *pf;

	if (!call)
		return -ENOMEM;
	pf = call->pf;
	*ret_performed = 1u << action;
	if (limit == DEVLINK_RELOAD_LIMIT_NO_RESET) {
		fl_op_then(op, was_patched);
		return mlx5_fw_exec(op, pf->fw, &pf->unit, PATCH_CMDS);
	}
	mlx5_params_take(pf->func, txn);
	fl_op_then(op, was_reset);
	if (action != DEVLINK_RELOAD_ACTION_FW_ACTIVATE)
		return 0;
	*ret_performed |= 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	return mlx5_step_run(op, pf->nic, &pf->unit, MLX5_STEP_RESET);
}

/* ---- recovery ------------------------------------------------------------------------- */

/* What failed half-way is as dead as before, and what is gone is gone: that is committed, for
 * the edits of a recovery that failed are not kept. */
static void stay_down(struct fl_op *op, struct mlx5_call *call)
{
	struct fl_txn *kept = call->txn;
	int err;

	mlx5_fw_kill(call->pf->fw);
	err = fl_txn_begin(op, fl_txn_devlink(kept), &call->txn);
	if (!err) {
		all_gone(call);
		err = fl_txn_commit(call->txn);
	}
	call->txn = kept;
	if (err && !fl_op_parked(op))
		fl_log(FL_LOG_ERR, "%s: shows what is gone: error %d",
		       fl_device_name(call->func->dev), -err);
}

static int recovered(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);
	int err = fl_op_result(op);

	if (err) {
		stay_down(op, call);
		mlx5_syndrome_restore(call->pf, call->syndrome);
		return mlx5_call_end(op, err);
	}
	mlx5_health_tell_well(call->pf, call->txn);
	mlx5_vf_report_reset(call->pf);
	return mlx5_call_end(op, 0);
}

static int recover_children(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	mlx5_info_publish(call->pf->func, call->txn);
	mlx5_pf_ports_add(call->pf, call->txn);
	return mlx5_children_attach(op, call->pf->func, call->txn);
}

static int recover_bring_up(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	/* From here on an error is another one. */
	call->syndrome = mlx5_syndrome_take(call->pf);
	mlx5_fw_revive(call->pf->fw);
	fl_op_then(op, recover_children);
	return mlx5_fw_exec(op, call->pf->fw, &call->pf->unit, MLX5_BRINGUP_CMDS);
}

static int recover_reset(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_cancelled(op))
		return -ECANCELED;
	all_gone(call);
	fl_op_then(op, recover_bring_up);
	return mlx5_step_run(op, call->pf->nic, &call->pf->unit, MLX5_STEP_RESET);
}

int mlx5_pf_recover(struct fl_op *op, struct fl_txn *txn)
{
	struct mlx5_call *call = mlx5_call_begin(op, txn, NULL);

	if (!call)
		return -ENOMEM;
	mlx5_fw_kill(call->pf->fw); /* a client may ask without need */
	fl_op_then(op, recovered);
	fl_op_then(op, recover_reset);
	mlx5_children_detach_spawn(op, call->func);
	return mlx5_sf_remove_all(op);
}
