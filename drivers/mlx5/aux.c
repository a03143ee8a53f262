/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aux.c - a function's eth, rdma and vnet devices, and the drivers that attach to them. */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

/* An eth device's data, if who attaches or detaches it shows its netdev, or takes it away. */
static char shown_by_parent;

static int eth_attached(struct fl_op *op)
{
	struct fl_device *dev = fl_lane_owner(fl_op_lane(op));
	int err = fl_op_result(op);

	if (err || fl_device_data(dev) == &shown_by_parent)
		return err;
	err = mlx5_netdev_attached(op, child_func(dev));
	/* That it is parked, or the function is going: whoever removes it tells. */
	return err == -ENOMEM ? err : 0;
}

static int eth_probe(struct fl_op *op, struct fl_device *dev)
{
	fl_op_then(op, eth_attached);
	return child_probe(op, dev);
}

static int eth_remove(struct fl_op *op, struct fl_device *dev)
{
	if (fl_device_data(dev) != &shown_by_parent)
		mlx5_netdev_detached_post(dev, child_func(dev));
	return child_remove(op, dev);
}

#define CHILD_DRIVER(child, text, probe_step, remove_step)                                         \
	[child] = {                                                                                \
		.name = (text),                                                                    \
		.bus = "auxiliary",                                                                \
		.match = (text),                                                                   \
		.probe = (probe_step),                                                             \
		.remove = (remove_step),                                                           \
	}

const struct fl_driver mlx5_child_drivers[MLX5_CHILDREN] = {
	CHILD_DRIVER(MLX5_CHILD_ETH, "mlx5_core.eth", eth_probe, eth_remove),
	CHILD_DRIVER(MLX5_CHILD_RDMA, "mlx5_core.rdma", child_probe, child_remove),
	CHILD_DRIVER(MLX5_CHILD_VNET, "mlx5_core.vnet", child_probe, child_remove),
};

/* Puts dev (NULL: none) in the child's place, taking its reference over, and gives what was
 * there with its own: an operation that was parked may be at it, too. */
static struct fl_device *child_swap(struct mlx5_func *func, enum mlx5_child child,
				    struct fl_device *dev)
{
	struct fl_device *was;

	fl_driver_lock_take(func->pf->lock);
	was = func->children[child];
	func->children[child] = dev;
	fl_driver_lock_drop(func->pf->lock);
	return was;
}

static bool child_there(struct mlx5_func *func, enum mlx5_child child)
{
	bool there;

	fl_driver_lock_take(func->pf->lock);
	there = func->children[child];
	fl_driver_lock_drop(func->pf->lock);
	return there;
}

/* Adds one child and starts its probe, awaited by op or (NULL) by nobody. What fails is the
 * child's alone (B3). */
static void child_start(struct fl_op *op, struct mlx5_func *func, enum mlx5_child child,
			bool shown)
{
	char name[48];
	struct fl_device_desc desc = {
		.bus = "auxiliary",
		.name = name,
		.parent = func->dev,
		.platform = (void *)&kinds[child],
	};
	struct fl_device *dev;
	int err;

	snprintf(name, sizeof(name), "%s.%d", kinds[child].name, func->id);
	err = fl_device_add(fl_device_root(func->dev), &desc, &dev);
	if (!err) {
		fl_device_set_data(dev, shown ? &shown_by_parent : NULL);
		err = op ? fl_device_probe_spawn(op, dev) : fl_device_probe_post(dev, NULL);
		fl_device_put(child_swap(func, child, dev));
	}
	if (err) /* -ENODEV: the function itself goes */
		fl_log(err == -ENODEV ? FL_LOG_DEBUG : FL_LOG_WARN, "%s: not attached: error %d",
		       name, -err);
}

static void children_start(struct fl_op *op, struct mlx5_func *func, bool shown)
{
	unsigned int enabled = __atomic_load_n(&func->enabled, __ATOMIC_RELAXED);

	for (int i = 0; i < MLX5_CHILDREN; i++)
		if ((enabled & 1u << i) && !child_there(func, i))
			child_start(op, func, i, shown);
}

/* What is needed once they are attached: hung on the operation. */
struct attaching {
	void *saved;
	struct mlx5_func *func;
	struct fl_txn *txn;
};

/* The function's eth device, referenced, or NULL. */
static struct fl_device *eth_get(struct mlx5_func *func)
{
	struct fl_device *eth;

	fl_driver_lock_take(func->pf->lock);
	eth = func->children[MLX5_CHILD_ETH];
	if (eth)
		fl_device_get(eth);
	fl_driver_lock_drop(func->pf->lock);
	return eth;
}

bool mlx5_eth_bound(struct mlx5_func *func)
{
	struct fl_device *eth = eth_get(func);
	bool bound = eth && fl_device_driver(eth);

	fl_device_put(eth);
	return bound;
}

/* From here on an eth device that goes or comes does so by itself. Gives whether it is bound. */
static bool eth_let_go(struct mlx5_func *func)
{
	struct fl_device *eth = eth_get(func);
	bool bound;

	if (!eth)
		return false;
	bound = fl_device_driver(eth);
	fl_device_set_data(eth, NULL);
	fl_device_put(eth);
	return bound;
}

static int attached(struct fl_op *op)
{
	struct attaching *attaching = fl_op_data(op);

	if (eth_let_go(attaching->func))
		mlx5_netdev_add(attaching->func, attaching->txn);
	fl_op_set_data(op, attaching->saved);
	free(attaching);
	return 0;
}

int mlx5_children_attach(struct fl_op *op, struct mlx5_func *func, struct fl_txn *txn)
{
	struct attaching *attaching = malloc(sizeof(*attaching));

	if (!attaching)
		return -ENOMEM;
	*attaching = (struct attaching){ fl_op_data(op), func, txn };
	children_start(op, func, true);
	fl_op_set_data(op, attaching);
	return fl_op_join(op, attached);
}

void mlx5_children_start(struct mlx5_func *func)
{
	children_start(NULL, func, false);
}

/* The attaching that follows a probe: an operation of its own, so that the probe is over and
 * the device bound, and can be unbound, whatever a child does. */
struct attach {
	struct fl_device *dev; /* referenced: it keeps func */
	struct mlx5_func *func;
};

static int attach_over(struct fl_op *op)
{
	return 0;
}

static int attach_run(struct fl_op *op)
{
	struct attach *attach = fl_op_own(op);

	/* An unbinding may have queued before this, while the probe ran. */
	if (!fl_device_driver(attach->dev))
		return 0;
	children_start(op, attach->func, false);
	return fl_op_join(op, attach_over);
}

static void attach_free(struct fl_op *op)
{
	struct attach *attach = fl_op_own(op);

	fl_device_put(attach->dev);
	fl_op_free(op);
}

static const struct fl_op_type attach_type = {
	.kind = "attach",
	.run = attach_run,
	.free = attach_free,
};

int mlx5_children_attach_post(struct mlx5_func *func)
{
	struct attach *attach;
	struct fl_op *op;
	int err;

	err = fl_op_new(&attach_type, fl_device_lane(func->dev), NULL, sizeof(*attach), &op);
	if (err)
		return err;
	attach = fl_op_own(op);
	attach->dev = fl_device_get(func->dev);
	attach->func = func;
	return fl_op_submit(op);
}

void mlx5_children_detach_spawn(struct fl_op *op, struct mlx5_func *func)
{
	for (int i = 0; i < MLX5_CHILDREN; i++) {
		struct fl_device *dev = child_swap(func, i, NULL);
		int err;

		if (!dev)
			continue;
		fl_device_set_data(dev, &shown_by_parent);
		/* -ENODEV: somebody else removes it already. */
		err = fl_device_remove_spawn(op, dev);
		if (err && err != -ENODEV) {
			fl_log(FL_LOG_WARN, "%s: not detached: error %d", fl_device_name(dev),
			       -err);
			dev = child_swap(func, i, dev);
		}
		fl_device_put(dev);
	}
}

void mlx5_children_forget(struct mlx5_func *func)
{
	for (int i = 0; i < MLX5_CHILDREN; i++)
		fl_device_put(child_swap(func, i, NULL));
}

/* Also if op was told to stop: they are gone. */
static int detached(struct fl_op *op)
{
	return 0;
}

int mlx5_children_detach(struct fl_op *op, struct mlx5_func *func)
{
	mlx5_children_detach_spawn(op, func);
	return fl_op_join(op, detached);
}
