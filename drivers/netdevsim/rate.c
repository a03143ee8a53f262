/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rate.c - transmit rates of VFs and of groups of them, in whole Mbit/s. */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_SPEED_MAX 5000 /* Mbit/s */
#define BYTES_PER_UNIT 125000 /* of 1 Mbit, in a second */

/* ---- knobs: tx_share, tx_max, rate_parent --------------------------------------------- */

static void rate_put(struct nsim_rate *rate)
{
	if (__atomic_sub_fetch(&rate->refs, 1, __ATOMIC_ACQ_REL))
		return;
	free(rate->parent);
	free(rate);
}

static void knob_gone(void *arg)
{
	struct nsim_knob *knob = arg;

	rate_put(knob->value);
	nsim_knob_gone(knob);
}

static struct nsim_rate *rate_of(void *arg)
{
	return ((struct nsim_knob *)arg)->value;
}

static ssize_t tx_share_read(void *arg, char *buf, size_t cap)
{
	return snprintf(buf, cap, "%u\n",
			__atomic_load_n(&rate_of(arg)->tx_share, __ATOMIC_RELAXED));
}

static ssize_t tx_max_read(void *arg, char *buf, size_t cap)
{
	return snprintf(buf, cap, "%u\n",
			__atomic_load_n(&rate_of(arg)->tx_max, __ATOMIC_RELAXED));
}

/* Empty without a parent. */
static ssize_t parent_read(void *arg, char *buf, size_t cap)
{
	struct nsim_dev *dev = ((struct nsim_knob *)arg)->dev;
	const struct nsim_rate *rate = rate_of(arg);
	int len = 0;

	fl_driver_lock_take(dev->lock);
	if (rate->parent)
		len = snprintf(buf, cap, "%s\n", rate->parent);
	fl_driver_lock_drop(dev->lock);
	return len;
}

static const struct fl_knob_ops tx_share_ops = { .read = tx_share_read, .gone = knob_gone };
static const struct fl_knob_ops tx_max_ops = { .read = tx_max_read, .gone = knob_gone };
static const struct fl_knob_ops parent_ops = { .read = parent_read, .gone = knob_gone };

void nsim_rate_free(struct nsim_rate *rate)
{
	if (!rate)
		return;
	nsim_dir_drop(&rate->dir);
	rate_put(rate);
}

void nsim_rate_bury(struct nsim_dev *dev, struct nsim_rate *rate)
{
	if (!rate)
		return;
	nsim_dir_drop(&rate->dir);
	rate->next = dev->buried;
	dev->buried = rate;
}

void nsim_rate_free_buried(struct nsim_dev *dev)
{
	struct nsim_rate *rate;

	while ((rate = dev->buried)) {
		dev->buried = rate->next;
		rate_put(rate);
	}
}

/* A name too long for a path has no knobs; the rates work without. */
static int knob_add(struct nsim_rate *rate, struct nsim_dev *dev, const char *dir,
		    const char *file, const struct fl_knob_ops *ops)
{
	char name[FL_KNOB_PATH_MAX + 1];
	int len = snprintf(name, sizeof(name), "%s/%s", dir, file), err;

	if (len >= (int)sizeof(name))
		return 0;
	__atomic_add_fetch(&rate->refs, 1, __ATOMIC_RELAXED);
	err = nsim_debugfs_add(&rate->dir, dev, name, ops, rate);
	if (err)
		rate_put(rate);
	return err == -ENAMETOOLONG ? 0 : err;
}

static struct nsim_rate *rate_new(struct nsim_dev *dev, const char *dir)
{
	struct nsim_rate *rate = calloc(1, sizeof(*rate));
	int err;

	if (!rate)
		return NULL;
	rate->refs = 1;
	err = knob_add(rate, dev, dir, "tx_share", &tx_share_ops);
	if (!err)
		err = knob_add(rate, dev, dir, "tx_max", &tx_max_ops);
	if (!err)
		err = knob_add(rate, dev, dir, "rate_parent", &parent_ops);
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
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));
	char *name = parent ? strdup(parent->node) : NULL, *old;
	struct nsim_rate *rate = target->priv;

	if (parent && !name)
		return -ENOMEM;
	fl_driver_lock_take(dev->lock);
	old = rate->parent;
	rate->parent = name;
	fl_driver_lock_drop(dev->lock);
	free(old);
	return 0;
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
	nsim_rate_bury(arg, node->priv);
}

void nsim_rate_nodes_del(struct nsim_dev *dev, struct fl_txn *txn)
{
	fl_rate_nodes_del(txn, node_gone, dev);
}

const struct fl_rate_ops nsim_rate_ops = {
	.leaf = { .tx_share = tx_share_set, .tx_max = tx_max_set, .parent = rate_parent_set },
	.node = { .tx_share = tx_share_set, .tx_max = tx_max_set, .parent = rate_parent_set },
	.node_new = node_new,
	.node_del = node_del,
};
