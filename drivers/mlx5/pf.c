/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pf.c - physical functions: probe, ports, and what their instances can do. */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- life ------------------------------------------------------------------------- */

static int pf_init(struct mlx5_pf *pf)
{
	const struct mlx5_config *config = &pf->nic->config;
	struct mlx5_fw_config fw = {
		.depth = config->queue_depth,
		.share = config->function_share,
		.latency_ns = config->latency_ns[MLX5_STEP_FW_CMD],
		.timeout_ns = config->command_timeout_ns,
		.jitter = config->jitter,
		.faults = &pf->nic->faults,
	};
	char name[48];
	int err;

	snprintf(name, sizeof(name), "%s/pf%u", config->address, pf->number);
	mlx5_unit_init(&pf->unit, config->seed, name);
	err = mlx5_fw_new(fl_plane_sched(pf->nic->plane), &fw, &pf->fw);
	if (!err)
		err = mlx5_sf_table_init(pf);
	if (!err)
		err = mlx5_vf_table_init(pf);
	return err;
}

struct mlx5_func *mlx5_pf_new(struct mlx5_nic *nic, unsigned int number)
{
	struct mlx5_pf *pf = calloc(1, sizeof(*pf));
	int id;

	if (!pf)
		return NULL;
	pf->nic = mlx5_nic_get(nic);
	pf->number = number;
	pf->base = number * MLX5_PORTS_PER_PF;
	pf->running = pf->stored = mlx5_version_shipped;
	pf->encap_mode = DEVLINK_ESWITCH_ENCAP_MODE_BASIC;
	pf->lock = fl_driver_lock_new();
	if (!pf->lock || pf_init(pf))
		goto out_free;
	id = fl_auxiliary_id_alloc(fl_plane_bus(nic->plane));
	if (id < 0)
		goto out_free;
	pf->func = mlx5_func_new(pf, NULL, id, mlx5_nic_pf_index(nic, number));
	if (!pf->func)
		goto out_free_id;
	return pf->func;
out_free_id:
	fl_auxiliary_id_free(fl_plane_bus(nic->plane), id);
out_free:
	mlx5_pf_free(pf);
	return NULL;
}

void mlx5_pf_free(struct mlx5_pf *pf)
{
	mlx5_sf_table_done(pf);
	mlx5_vf_table_done(pf);
	mlx5_health_done(pf);
	mlx5_shared_done(pf);
	mlx5_fw_put(pf->fw);
	fl_driver_lock_free(pf->lock);
	mlx5_nic_put(pf->nic);
	free(pf);
}

struct fl_devlink *mlx5_pf_dl_get(struct mlx5_pf *pf)
{
	struct fl_devlink *dl;

	fl_driver_lock_take(pf->lock);
	dl = pf->closed || !pf->func->dl ? NULL : fl_devlink_get(pf->func->dl);
	fl_driver_lock_drop(pf->lock);
	return dl;
}

/* ---- ports ------------------------------------------------------------------------- */

void mlx5_pf_ports_add(struct mlx5_pf *pf, struct fl_txn *txn)
{
	struct fl_port_attrs uplink = {
		.index = pf->base + MLX5_UPLINK,
		.flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL,
		.phys_number = pf->number,
	};

	fl_port_add(txn, &uplink);
	fl_port_type_set(txn, uplink.index, DEVLINK_PORT_TYPE_ETH);
	fl_port_notify(txn, uplink.index);
	if (mlx5_eswitch_switchdev(pf))
		mlx5_vf_ports_add(pf, txn);
}

void mlx5_pf_port_del(struct fl_txn *txn, uint32_t index)
{
	struct fl_port_state state;

	if (fl_port_read(txn, index, &state))
		return;
	fl_rate_leaf_del(txn, index);
	fl_port_del(txn, index);
}

void mlx5_pf_ports_del(struct mlx5_pf *pf, struct fl_txn *txn)
{
	mlx5_sf_ports_del(pf, txn);
	mlx5_vf_ports_del(pf, txn);
	mlx5_pf_port_del(txn, pf->base + MLX5_UPLINK);
}

/* ---- probe ------------------------------------------------------------------------- */

const struct fl_devlink_ops mlx5_pf_ops = {
	.reload_actions =
		1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT | 1u << DEVLINK_RELOAD_ACTION_FW_ACTIVATE,
	.reload_limits = 1u << DEVLINK_RELOAD_LIMIT_NO_RESET,
	.flash_component = true,
	.reload_down = mlx5_pf_reload_down,
	.reload_up = mlx5_pf_reload_up,
	.port_reserve = mlx5_sf_port_reserve,
	.port_release = mlx5_sf_port_release,
	.port_new = mlx5_sf_port_new,
	.port_del = mlx5_sf_port_del,
	.port_fn_set = mlx5_vport_fn_set,
	.eswitch_mode_set = mlx5_eswitch_mode_set,
	.eswitch_inline_mode_set = mlx5_eswitch_inline_mode_set,
	.eswitch_encap_mode_set = mlx5_eswitch_encap_mode_set,
	.flash_update = mlx5_flash_update,
	.param_validate = mlx5_param_validate,
	.param_set = mlx5_param_set,
	.rate = &mlx5_rate_ops,
};

static void dl_publish(struct mlx5_pf *pf, struct fl_devlink *dl)
{
	fl_driver_lock_take(pf->lock);
	pf->func->dl = dl;
	pf->closed = !dl;
	fl_driver_lock_drop(pf->lock);
}

static int pf_register(struct fl_op *op, struct mlx5_pf *pf)
{
	struct mlx5_func *func = pf->func;
	struct fl_devlink *dl;
	struct fl_txn *txn;
	int err;

	err = mlx5_shared_prepare(pf);
	if (!err)
		err = mlx5_func_dl_alloc(func, &mlx5_pf_ops, &dl);
	if (err)
		return err;
	dl_publish(pf, dl);
	mlx5_shared_join(pf, dl);
	err = fl_txn_begin(op, dl, &txn);
	if (!err) {
		fl_txn_register(txn);
		mlx5_params_register(func, txn);
		mlx5_params_take(func, txn);
		mlx5_info_publish(func, txn);
		mlx5_eswitch_publish(pf, txn);
		mlx5_health_register(func, txn);
		mlx5_cr_space_register(pf, txn);
		mlx5_pf_ports_add(pf, txn);
		err = fl_txn_commit(txn);
	}
	if (err) {
		dl_publish(pf, NULL);
		mlx5_shared_leave(pf, dl);
		fl_devlink_free(dl);
	}
	return err;
}

static int pf_brought_up(struct fl_op *op)
{
	struct mlx5_func *func = fl_op_data(op);
	int err = fl_op_result(op);

	if (!err)
		err = pf_register(op, func->pf);
	if (err)
		return err;
	mlx5_debugfs_add(func->pf);
	mlx5_vf_devices_add(func->pf);
	/* Not awaited: a PF whose own RoCE device hangs still serves its functions. */
	mlx5_children_start(func);
	return 0;
}

int mlx5_pf_probe(struct fl_op *op, struct mlx5_func *func)
{
	mlx5_eswitch_set_switchdev(func->pf, func->pf->nic->config.switchdev);
	mlx5_fw_revive(func->pf->fw);
	__atomic_store_n(&func->pf->health.syndrome, 0, __ATOMIC_RELAXED);
	fl_op_then(op, pf_brought_up);
	return mlx5_fw_exec(op, func->pf->fw, func->unit, MLX5_BRINGUP_CMDS);
}
