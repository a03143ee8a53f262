/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * function.c - what runs on a function's device: its instance, brought up, reloaded and
 * taken down. The instance is committed before the children attach, so that a child that
 * hangs hides nothing else.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdlib.h>

/* ---- life ------------------------------------------------------------------------- */

struct mlx5_func *mlx5_func_new(struct mlx5_pf *pf, struct mlx5_vport *vport, int id,
				uint32_t dl_index)
{
	struct mlx5_func *func = calloc(1, sizeof(*func));

	if (!func)
		return NULL;
	func->refs = 1;
	func->id = id;
	func->dl_index = dl_index;
	func->pf = pf;
	func->vport = vport ? mlx5_vport_get(vport) : NULL;
	func->unit = vport ? &vport->unit : &pf->unit;
	return func;
}

struct mlx5_func *mlx5_func_get(struct mlx5_func *func)
{
	__atomic_add_fetch(&func->refs, 1, __ATOMIC_RELAXED);
	return func;
}

void mlx5_func_put(struct mlx5_func *func)
{
	if (!func || __atomic_sub_fetch(&func->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fl_reporter_put(func->fatal);
	if (func->vport)
		mlx5_vport_put(func->vport);
	else
		mlx5_pf_free(func->pf);
	free(func);
}

static void platform_free(void *platform)
{
	mlx5_func_put(platform);
}

/* The name is free now, and so is the number in it. */
static void platform_gone(void *platform)
{
	struct mlx5_func *func = platform;

	fl_auxiliary_id_free(fl_plane_bus(func->pf->nic->plane), func->id);
	if (func->vport)
		mlx5_vport_device_gone(func->vport);
}

int mlx5_func_device_add(struct mlx5_func *func, const char *bus, const char *name,
			 struct fl_device **ret_dev)
{
	struct fl_device_desc desc = {
		.bus = bus,
		.name = name,
		.match = func->vport && func->vport->is_sf ? NULL : "mlx5_core",
		.parent = func->vport ? func->pf->func->dev : NULL,
		.platform = func,
		.platform_free = platform_free,
		.gone = platform_gone,
	};

	return fl_device_add(fl_plane_bus(func->pf->nic->plane), &desc, ret_dev);
}

int mlx5_func_dl_alloc(struct mlx5_func *func, const struct fl_devlink_ops *ops,
		       struct fl_devlink **ret_dl)
{
	struct mlx5_nic *nic = func->pf->nic;

	return fl_devlink_alloc_at(nic->plane, func->dev, ops, func,
				   mlx5_index_take(nic, &func->dl_index), ret_dl);
}

void mlx5_func_dl_free(struct mlx5_func *func)
{
	fl_devlink_free(func->dl);
	func->dl = NULL;
}

/* ---- reload ----------------------------------------------------------------------- */

static int reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		       enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));

	mlx5_netdev_del(func, txn);
	return mlx5_children_detach(op, func);
}

struct reload_up {
	void *saved;
	struct mlx5_func *func;
	struct fl_txn *txn;
};

static int reload_brought_up(struct fl_op *op)
{
	struct reload_up *up = fl_op_data(op);
	struct mlx5_func *func = up->func;
	struct fl_txn *txn = up->txn;
	int err = fl_op_result(op);

	fl_op_set_data(op, up->saved);
	free(up);
	return err ? err : mlx5_children_attach(op, func, txn);
}

static int reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		     enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	struct reload_up *up = calloc(1, sizeof(*up));

	if (!up)
		return -ENOMEM;
	up->saved = fl_op_data(op);
	up->func = func;
	up->txn = txn;
	mlx5_params_take(func, txn);
	*ret_performed = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	fl_op_set_data(op, up);
	fl_op_then(op, reload_brought_up);
	return mlx5_fw_exec(op, func->pf->fw, func->unit, MLX5_BRINGUP_CMDS);
}

static int children_are_back(struct fl_op *op)
{
	return mlx5_call_end(op, fl_op_result(op));
}

/* The edits of a recovery that fails are not kept, but the netdev is gone. */
static int recover_failed(struct fl_op *op)
{
	int err = fl_op_result(op);

	mlx5_netdev_gone(op, mlx5_call(op)->func);
	return mlx5_call_end(op, err);
}

static int recover_brought_up(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return recover_failed(op);
	fl_op_then(op, children_are_back);
	return mlx5_children_attach(op, call->func, call->txn);
}

static int recover_is_down(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (fl_op_result(op))
		return recover_failed(op);
	fl_op_then(op, recover_brought_up);
	return mlx5_fw_exec(op, call->pf->fw, call->func->unit, MLX5_BRINGUP_CMDS);
}

int mlx5_func_recover(struct fl_op *op, struct fl_txn *txn)
{
	struct mlx5_call *call = mlx5_call_begin(op, txn, NULL);

	if (!call)
		return -ENOMEM;
	mlx5_netdev_del(call->func, txn);
	fl_op_then(op, recover_is_down);
	return mlx5_children_detach(op, call->func);
}

static const struct fl_devlink_ops func_ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = reload_down,
	.reload_up = reload_up,
	.param_validate = mlx5_param_validate,
	.param_set = mlx5_param_set,
};

/* ---- probe and remove of VFs and SFs ------------------------------------------------ */

static int func_register(struct fl_op *op, struct mlx5_func *func)
{
	struct fl_txn *txn;
	int err;

	err = mlx5_func_dl_alloc(func, &func_ops, &func->dl);
	if (err)
		return err;
	err = fl_txn_begin(op, func->dl, &txn);
	if (!err) {
		fl_txn_register(txn);
		mlx5_params_register(func, txn);
		mlx5_info_publish(func, txn);
		mlx5_health_register(func, txn);
		mlx5_params_take(func, txn);
		err = fl_txn_commit(txn);
	}
	if (err)
		mlx5_func_dl_free(func);
	return err;
}

static int func_brought_up(struct fl_op *op)
{
	struct mlx5_func *func = fl_op_data(op);
	int err = fl_op_result(op);

	if (!err)
		err = func_register(op, func);
	if (err)
		return err;
	if (!func->vport->is_sf || !func->pf->nic->config.light_probe)
		err = mlx5_children_attach_post(func);
	if (err)
		fl_log(FL_LOG_WARN, "%s: nothing attached: error %d", fl_device_name(func->dev),
		       -err);
	mlx5_vport_attach_post(func->vport, func);
	return 0;
}

static int probe(struct fl_op *op, struct fl_device *dev)
{
	struct mlx5_func *func = fl_device_platform(dev);

	func->dev = dev;
	fl_op_set_data(op, func);
	if (!func->vport)
		return mlx5_pf_probe(op, func);
	fl_op_then(op, func_brought_up);
	return mlx5_fw_exec(op, func->pf->fw, func->unit, MLX5_BRINGUP_CMDS);
}

static void last_edits(struct fl_txn *txn)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));

	fl_txn_unregister(txn);
	/* Ports link to nested instances, and these to their ports: unlink, or both stay. */
	if (!func->vport)
		mlx5_pf_ports_del(func->pf, txn);
}

static int unregistered(struct fl_op *op)
{
	struct mlx5_func *func = fl_op_data(op);

	if (fl_op_result(op))
		return 0; /* parked: its instance stays */
	if (!func->vport)
		mlx5_shared_leave(func->pf, func->dl);
	mlx5_func_dl_free(func);
	/* A device that stays, unbound, has no end that would tell the port. */
	if (func->vport && !fl_device_goes(func->dev))
		mlx5_vport_detach_post(func->vport);
	return 0;
}

static int remove_function(struct fl_op *op, struct fl_device *dev)
{
	struct mlx5_func *func = fl_device_platform(dev);

	fl_op_set_data(op, func);
	mlx5_children_forget(func);
	if (!func->vport)
		mlx5_debugfs_remove(func->pf);
	fl_driver_lock_take(func->pf->lock);
	if (func->vport && func->vport->func == func)
		func->vport->func = NULL;
	else if (!func->vport)
		func->pf->closed = true;
	fl_driver_lock_drop(func->pf->lock);
	fl_op_then(op, unregistered);
	return fl_devlink_unregister(op, func->dl, last_edits);
}

const struct fl_driver mlx5_pci_driver = {
	.name = "mlx5_core",
	.bus = "pci",
	.match = "mlx5_core",
	.probe = probe,
	.remove = remove_function,
};

const struct fl_driver mlx5_sf_driver = {
	.name = "mlx5_core.sf",
	.bus = "auxiliary",
	.match = "mlx5_core.sf",
	.probe = probe,
	.remove = remove_function,
};
