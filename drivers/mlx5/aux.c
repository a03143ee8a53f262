/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aux.c - a function's eth, rdma and vnet devices, and the drivers that attach to them. */
#include "drivers/mlx5/mlx5-private.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"

struct child_kind {
	const char *name;
	enum mlx5_step attach, detach;
};

static const struct child_kind kinds[MLX5_CHILDREN] = {
	[MLX5_CHILD_ETH] = { "mlx5_core.eth", MLX5_STEP_ETH_ATTACH, MLX5_STEP_ETH_DETACH },
	[MLX5_CHILD_RDMA] = { "mlx5_core.rdma", MLX5_STEP_RDMA_ATTACH, MLX5_STEP_RDMA_DETACH },
	[MLX5_CHILD_VNET] = { "mlx5_core.vnet", MLX5_STEP_VNET_ATTACH, MLX5_STEP_VNET_DETACH },
};

static struct mlx5_func *child_func(struct fl_device *dev)
{
	return fl_device_platform(fl_device_parent(dev));
}

static int child_probe(struct fl_op *op, struct fl_device *dev)
{
	const struct child_kind *kind = fl_device_platform(dev);
	struct mlx5_func *func = child_func(dev);

	return mlx5_step_run(op, func->pf->nic, func->unit, kind->attach);
}

static int child_remove(struct fl_op *op, struct fl_device *dev)
{
	const struct child_kind *kind = fl_device_platform(dev);
	struct mlx5_func *func = child_func(dev);

	return mlx5_step_run(op, func->pf->nic, func->unit, kind->detach);
}

#define CHILD_DRIVER(child, text)                                                                  \
	[child] = {                                                                                \
		.name = (text),                                                                    \
		.bus = "auxiliary",                                                                \
		.match = (text),                                                                   \
		.probe = child_probe,                                                              \
		.remove = child_remove,                                                            \
	}

const struct fl_driver mlx5_child_drivers[MLX5_CHILDREN] = {
	CHILD_DRIVER(MLX5_CHILD_ETH, "mlx5_core.eth"),
	CHILD_DRIVER(MLX5_CHILD_RDMA, "mlx5_core.rdma"),
	CHILD_DRIVER(MLX5_CHILD_VNET, "mlx5_core.vnet"),
};

/* Adds one child and starts its probe, awaited by op or (NULL) by nobody. What fails is the
 * child's alone (B3). */
static void child_start(struct fl_op *op, struct mlx5_func *func, enum mlx5_child child)
{
	char name[48];
	struct fl_device_desc desc = {
		.bus = "auxiliary",
		.name = name,
		.parent = func->dev,
		.platform = (void *)&kinds[child],
	};
	int err;

	snprintf(name, sizeof(name), "%s.%d", kinds[child].name, func->id);
	err = fl_device_add(fl_device_root(func->dev), &desc, &func->children[child]);
	if (!err)
		err = op ? fl_device_probe_spawn(op, func->children[child])
			 : fl_device_probe_post(func->children[child], NULL);
	if (err)
		fl_log(FL_LOG_WARN, "%s: not attached: error %d", name, -err);
}

static void children_start(struct fl_op *op, struct mlx5_func *func)
{
	for (int i = 0; i < MLX5_CHILDREN; i++)
		if ((func->enabled & 1u << i) && !func->children[i])
			child_start(op, func, i);
}

static int attached(struct fl_op *op)
{
	return 0;
}

int mlx5_children_attach(struct fl_op *op, struct mlx5_func *func)
{
	children_start(op, func);
	return fl_op_join(op, attached);
}

void mlx5_children_attach_post(struct mlx5_func *func)
{
	children_start(NULL, func);
}

void mlx5_children_detach_spawn(struct fl_op *op, struct mlx5_func *func)
{
	for (int i = 0; i < MLX5_CHILDREN; i++) {
		struct fl_device *dev = func->children[i];
		int err;

		if (!dev)
			continue;
		/* -ENODEV: somebody else removes it already. */
		err = fl_device_remove_spawn(op, dev);
		if (err && err != -ENODEV) {
			fl_log(FL_LOG_WARN, "%s: not detached: error %d", fl_device_name(dev),
			       -err);
			continue;
		}
		fl_device_put(dev);
		func->children[i] = NULL;
	}
}

static int detached(struct fl_op *op)
{
	return fl_op_cancelled(op) ? -ECANCELED : 0;
}

int mlx5_children_detach(struct fl_op *op, struct mlx5_func *func)
{
	mlx5_children_detach_spawn(op, func);
	return fl_op_join(op, detached);
}
