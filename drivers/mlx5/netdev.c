/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netdev.c - what devlink shows of a function's netdev: the reporters tx and rx; of a VF or SF
 * also the port to which they belong, on its own instance (a PF's is the uplink's). All that comes
 * and goes with the eth device. It belongs to that one's lane; but what takes it away needs the
 * function's, for the reporters have theirs below that. So:
 *
 * - An eth device that attaches or detaches as part of a reload or recovery leaves it to the
 *   transaction of that: before it is all there, after it all is.
 * - One that attaches by itself shows it at once, whatever its siblings do.
 * - One that goes by itself posts to the function's lane.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdlib.h>

#define FUNC_PORT 1

static uint32_t port_index(const struct mlx5_func *func)
{
	return func->vport ? FUNC_PORT : func->pf->base + MLX5_UPLINK;
}

void mlx5_netdev_add(struct mlx5_func *func, struct fl_txn *txn)
{
	const struct fl_port_attrs attrs = {
		.index = FUNC_PORT,
		.flavour = DEVLINK_PORT_FLAVOUR_VIRTUAL,
	};

	if (func->vport) {
		fl_port_add(txn, &attrs);
		fl_port_type_set(txn, FUNC_PORT, DEVLINK_PORT_TYPE_ETH);
		fl_port_notify(txn, FUNC_PORT);
	}
	mlx5_channels_register(func, txn, port_index(func));
}

/* A PF's reporters; its port stays. */
static void reporter_del(struct mlx5_pf *pf, struct fl_txn *txn, struct fl_reporter **place)
{
	struct fl_reporter *reporter = mlx5_reporter_get(pf, place);

	fl_reporter_del(txn, reporter);
	fl_reporter_put(reporter);
}

void mlx5_netdev_del(struct mlx5_func *func, struct fl_txn *txn)
{
	struct fl_port_state state;

	if (!func->vport) {
		reporter_del(func->pf, txn, &func->pf->health.tx);
		reporter_del(func->pf, txn, &func->pf->health.rx);
	} else if (!fl_port_read(txn, FUNC_PORT, &state)) {
		fl_port_del(txn, FUNC_PORT);
	}
}

/* ---- by itself ------------------------------------------------------------------------ */

/* The function's instance, referenced; NULL once it is on its way out. */
static struct fl_devlink *func_dl_get(struct mlx5_func *func)
{
	struct fl_devlink *dl;

	if (!func->vport)
		return mlx5_pf_dl_get(func->pf);
	fl_driver_lock_take(func->pf->lock);
	dl = func->vport->func == func ? fl_devlink_get(func->dl) : NULL;
	fl_driver_lock_drop(func->pf->lock);
	return dl;
}

/* An operation's own transaction. */
static int edit(struct fl_op *op, struct mlx5_func *func,
		void (*fn)(struct mlx5_func *func, struct fl_txn *txn))
{
	struct fl_devlink *dl = func_dl_get(func);
	struct fl_txn *txn;
	int err;

	if (!dl)
		return -ENODEV;
	err = fl_txn_begin(op, dl, &txn);
	if (!err) {
		fn(func, txn);
		err = fl_txn_commit(txn);
	}
	fl_devlink_put(dl);
	return err;
}

int mlx5_netdev_attached(struct fl_op *op, struct mlx5_func *func)
{
	return edit(op, func, mlx5_netdev_add);
}

void mlx5_netdev_gone(struct fl_op *op, struct mlx5_func *func)
{
	int err = edit(op, func, mlx5_netdev_del);

	if (err == -ENOMEM)
		fl_log(FL_LOG_ERR, "%s: out of memory: its port stays", fl_device_name(func->dev));
}

struct detached {
	struct fl_device *dev; /* referenced: it keeps func */
	struct mlx5_func *func;
};

static int detached_run(struct fl_op *op)
{
	struct detached *detached = fl_op_own(op);
	int err;

	/* One that has come back meanwhile shows the netdev. */
	if (mlx5_eth_bound(detached->func))
		return 0;
	err = edit(op, detached->func, mlx5_netdev_del);
	/* -ENODEV: it went with something else. */
	return err == -ENOMEM && !fl_lane_sealed(fl_op_lane(op)) ? fl_op_retry(op, detached_run) : 0;
}

static void detached_free(struct fl_op *op)
{
	struct detached *detached = fl_op_own(op);

	fl_device_put(detached->dev);
	fl_op_free(op);
}

static const struct fl_op_type detached_type = {
	.kind = "netdev-gone",
	.run = detached_run,
	.free = detached_free,
};

void mlx5_netdev_detached_post(struct fl_device *dev, struct mlx5_func *func)
{
	struct fl_lane *lane = fl_device_lane(fl_device_parent(dev));
	struct detached *detached;
	struct fl_op *op;

	/* With the function all of it goes. */
	if (fl_lane_sealed(lane))
		return;
	if (fl_op_new(&detached_type, lane, NULL, sizeof(*detached), &op)) {
		fl_log(FL_LOG_ERR, "%s: out of memory: its port stays", fl_device_name(dev));
		return;
	}
	detached = fl_op_own(op);
	detached->dev = fl_device_get(fl_device_parent(dev));
	detached->func = func;
	fl_op_submit(op); /* -ENODEV: as above */
}
