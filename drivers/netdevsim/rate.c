/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rate.c - transmit rates of VFs and of groups of them, in whole Mbit/s. */
#include "drivers/netdevsim/netdevsim-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_SPEED_MAX 5000 /* Mbit/s */
#define BYTES_PER_UNIT 125000 /* of 1 Mbit, in a second */

/* Never changes; freed a grace period after another one took its place. */
struct nsim_name {
	struct fl_rcu_head rcu;
	char text[];
};

/* ---- knobs: tx_share, tx_max, rate_parent --------------------------------------------- */

static void name_free_rcu(struct fl_rcu_head *head)
{
	free(FL_CONTAINER_OF(head, struct nsim_name, rcu));
}

static int parent_set(struct nsim_rate *rate, const char *name)
{
	struct nsim_name *fresh = NULL, *old = rate->parent;
	size_t size = name ? strlen(name) + 1 : 0;

	if (name) {
		fresh = malloc(sizeof(*fresh) + size);
		if (!fresh)
			return -ENOMEM;
		memcpy(fresh->text, name, size);
	}
	fl_rcu_assign(rate->parent, fresh);
	if (old)
		fl_rcu_call(&old->rcu, name_free_rcu);
	return 0;
}

/* Empty without a parent. */
static ssize_t parent_read(void *arg, char *buf, size_t cap)
{
	struct nsim_rate *rate = ((struct nsim_knob *)arg)->value;
	const struct nsim_name *name = fl_rcu_deref(rate->parent);

	return name ? snprintf(buf, cap, "%s\n", name->text) : 0;
}

static const struct fl_knob_ops parent_ops = { .read = parent_read, .gone = nsim_knob_gone };

static void rate_free_rcu(struct fl_rcu_head *head)
{
	struct nsim_rate *rate = FL_CONTAINER_OF(head, struct nsim_rate, rcu);

	free(rate->parent);
	free(rate);
}

void nsim_rate_free(struct nsim_rate *rate)
{
	if (!rate)
		return;
	nsim_dir_drop(&rate->dir);
	fl_rcu_call(&rate->rcu, rate_free_rcu);
}

/* A name too long for a path has no knobs; the rates work without. */
static int knob_add(struct nsim_rate *rate, struct nsim_dev *dev, const char *dir,
		    const char *file, const struct fl_knob_ops *ops, void *value)
{
	char name[FL_KNOB_PATH_MAX + 1];
	int len = snprintf(name, sizeof(name), "%s/%s", dir, file), err;

	if (len >= (int)sizeof(name))
		return 0;
	err = nsim_debugfs_add(&rate->dir, dev, name, ops, value);
	return err == -ENAMETOOLONG ? 0 : err;
}

static struct nsim_rate *rate_new(struct nsim_dev *dev, const char *dir)
{
	struct nsim_rate *rate = calloc(1, sizeof(*rate));
	int err;

	if (!rate)
		return NULL;
	err = knob_add(rate, dev, dir, "tx_share", &nsim_u16_ro_ops, &rate->tx_share);
	if (!err)
		err = knob_add(rate, dev, dir, "tx_max", &nsim_u16_ro_ops, &rate->tx_max);
	if (!err)
		err = knob_add(rate, dev, dir, "rate_parent", &parent_ops, rate);
	if (!err)
		return rate;
	nsim_rate_free(rate);
	return NULL;
}

struct nsim_rate *nsim_rate_leaf_new(struct nsim_dev *dev, uint32_t index)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "ports/%u", index);
	return rate_new(dev, dir);
}

/* ---- what clients set ------------------------------------------------------------------ */

static int to_units(uint64_t bytes, struct fl_extack *extack, uint16_t *value)
{
	uint64_t units = bytes / BYTES_PER_UNIT;

	if (bytes % BYTES_PER_UNIT) {
		fl_extack_set(extack, "netdevsim: TX rate value not in link speed units of 1Mbps.");
		return -EINVAL;
	}
	if (units > LINK_SPEED_MAX) {
		fl_extack_set(extack,
			      "netdevsim: TX rate value exceed link maximum speed 5000Mbps.");
		return -EINVAL;
	}
	__atomic_store_n(value, (uint16_t)units, __ATOMIC_RELAXED);
	return 0;
}

static int tx_share_set(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *target,
			uint64_t share)
{
	struct nsim_rate *rate = target->priv;

	return to_units(share, fl_txn_extack(txn), &rate->tx_share);
}

static int tx_max_set(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *target,
		      uint64_t max)
{
	struct nsim_rate *rate = target->priv;

	return to_units(max, fl_txn_extack(txn), &rate->tx_max);
}

static int rate_parent_set(struct fl_op *op, struct fl_txn *txn,
			   const struct fl_rate_target *target,
			   const struct fl_rate_target *parent)
{
	return parent_set(target->priv, parent ? parent->node : NULL);
}

static int node_new(struct fl_op *op, struct fl_txn *txn, const char *name, void **ret_priv)
{
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));
	char dir[FL_KNOB_PATH_MAX + 1];
	struct nsim_rate *rate;

	if (!nsim_is_switchdev(txn)) {
		fl_extack_set(fl_txn_extack(txn),
			      "netdevsim: Node creation allowed only in switchdev mode.");
		return -EOPNOTSUPP;
	}
	snprintf(dir, sizeof(dir), "rate_nodes/%s", name);
	rate = rate_new(dev, dir);
	if (!rate)
		return -ENOMEM;
	*ret_priv = rate;
	return 0;
}

static int node_del(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *target)
{
	nsim_rate_free(target->priv);
	return 0;
}

static void node_gone(const struct fl_rate_target *node, void *arg)
{
	nsim_rate_free(node->priv);
}

void nsim_rate_nodes_del(struct fl_txn *txn)
{
	fl_rate_nodes_del(txn, node_gone, NULL);
}

const struct fl_rate_ops nsim_rate_ops = {
	.leaf = { .tx_share = tx_share_set, .tx_max = tx_max_set, .parent = rate_parent_set },
	.node = { .tx_share = tx_share_set, .tx_max = tx_max_set, .parent = rate_parent_set },
	.node_new = node_new,
	.node_del = node_del,
};
