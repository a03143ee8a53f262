/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region.c - the region "dummy", whose snapshots are random bytes. */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdlib.h>

#define REGION_SIZE (32 * 1024)
#define SNAPSHOTS_MAX 16

static int dummy_snapshot(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
			  uint8_t *data)
{
	nsim_random_fill(data, REGION_SIZE);
	return 0;
}

static const struct fl_region_ops dummy_ops = { .snapshot = dummy_snapshot };

/* ---- the knob take_snapshot ----------------------------------------------------------- */

static int snapshot_take(struct nsim_dev *dev, struct fl_txn *txn)
{
	uint8_t *data = malloc(REGION_SIZE);
	int err;

	if (!data)
		return -ENOMEM;
	nsim_random_fill(data, REGION_SIZE);
	err = fl_region_snapshot_add(txn, dev->region, fl_region_snapshot_id(txn), data);
	free(data);
	return err;
}

static int snapshot_run(struct fl_op *op, struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_call_dev(call);
	struct fl_txn *txn;
	int err;

	/* A reload may have come before and left none. */
	err = dev->region ? nsim_txn_begin(op, dev, &txn) : -ENODEV;
	if (err)
		return err;
	err = snapshot_take(dev, txn);
	if (!err)
		return fl_txn_commit(txn);
	if (err == -ENOSPC)
		fl_extack_set(&call->extack, "there are %d snapshots, which is all that fit",
			      SNAPSHOTS_MAX);
	fl_txn_abort(txn);
	return err;
}

static int snapshot_write(struct fl_knob_call *call)
{
	/* The knob holds a reference on the region. */
	struct fl_lane *lane = fl_region_lane(((struct nsim_knob *)call->arg)->value);
	int err = nsim_knob_post(call, lane, snapshot_run);

	fl_lane_put(lane);
	return err;
}

static void snapshot_gone(void *arg)
{
	fl_region_put(((struct nsim_knob *)arg)->value);
	nsim_knob_gone(arg);
}

static const struct fl_knob_ops snapshot_ops = { .write = snapshot_write, .gone = snapshot_gone };

int nsim_snapshot_knob_add(struct nsim_dev *dev)
{
	int err;

	if (!dev->region)
		return 0; /* the error is txn's */
	err = nsim_debugfs_add(&dev->snapshot_dir, dev, "take_snapshot", &snapshot_ops,
			       dev->region);
	if (!err)
		fl_region_get(dev->region);
	return err;
}

/* ---- making and removing it ------------------------------------------------------------- */

void nsim_region_init(struct nsim_dev *dev, struct fl_txn *txn)
{
	const struct fl_region_desc dummy = {
		.name = "dummy",
		.ops = &dummy_ops,
		.size = REGION_SIZE,
		.max_snapshots = SNAPSHOTS_MAX,
	};

	dev->region = fl_region_add(txn, &dummy);
}

void nsim_region_forget(struct nsim_dev *dev)
{
	fl_region_put(dev->region);
	dev->region = NULL;
}

void nsim_region_exit(struct nsim_dev *dev, struct fl_txn *txn)
{
	fl_region_del(txn, dev->region);
	nsim_region_forget(dev);
}
