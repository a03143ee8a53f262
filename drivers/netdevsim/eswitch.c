/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* eswitch.c - the mode, and the number of VFs, whose ports exist in switchdev mode. */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The instance knows the mode, so that a change that is given up leaves it as it was. */
bool nsim_is_switchdev(struct fl_txn *txn)
{
	return fl_eswitch_mode(txn) == DEVLINK_ESWITCH_MODE_SWITCHDEV;
}

void nsim_legacy_enable(struct nsim_dev *dev, struct fl_txn *txn)
{
	nsim_rate_nodes_del(dev, txn);
	nsim_ports_del(dev, txn, true);
	nsim_vf_ports_clear(txn, dev->vf_ports);
	fl_eswitch_set(txn, DEVLINK_ESWITCH_MODE_LEGACY, -1, -1);
}

int nsim_switchdev_enable(struct nsim_dev *dev, struct fl_txn *txn)
{
	uint32_t vfs = __atomic_load_n(&dev->num_vfs, __ATOMIC_RELAXED);
	int err = 0;

	/* No VF has a port: those that could not be committed before are forgotten. */
	nsim_ports_del(dev, txn, true);
	nsim_rate_free_buried(dev);
	dev->vf_ports = vfs;
	for (uint32_t i = 0; i < vfs && !err; i++)
		err = nsim_port_add(dev, txn, true, i);
	if (err) {
		fl_extack_set(fl_txn_extack(txn),
			      "netdevsim: Failed to initialize VFs' netdevsim ports");
		nsim_ports_del(dev, txn, true);
		return err;
	}
	fl_eswitch_set(txn, DEVLINK_ESWITCH_MODE_SWITCHDEV, -1, -1);
	return 0;
}

int nsim_eswitch_mode_set(struct fl_op *op, struct fl_txn *txn, enum devlink_eswitch_mode mode)
{
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));

	if ((int)mode == fl_eswitch_mode(txn))
		return 0;
	if (mode == DEVLINK_ESWITCH_MODE_SWITCHDEV)
		return nsim_switchdev_enable(dev, txn);
	if (mode != DEVLINK_ESWITCH_MODE_LEGACY)
		return -EINVAL;
	nsim_legacy_enable(dev, txn);
	return 0;
}

/* ---- sriov_numvfs ------------------------------------------------------------------- */

static int numvfs_check(const struct nsim_dev *dev, uint32_t vfs, struct fl_extack *extack)
{
	if (dev->num_vfs && vfs) {
		fl_extack_set(extack, "%u VFs are enabled: disable them first, by writing 0",
			      dev->num_vfs);
		return -EBUSY;
	}
	if (vfs > dev->max_vfs) {
		fl_extack_set(extack, "the device has at most %u VFs (max_vfs)", dev->max_vfs);
		return -ENOMEM;
	}
	return 0;
}

static void num_vfs_set(struct nsim_dev *dev, uint32_t vfs)
{
	__atomic_store_n(&dev->num_vfs, vfs, __ATOMIC_RELAXED);
}

static int numvfs_run(struct fl_op *op, struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_call_dev(call);
	uint32_t vfs, before = dev->num_vfs;
	struct fl_txn *txn;
	int err;

	err = fl_knob_parse_u32(call->text, &vfs);
	if (err)
		return err;
	err = nsim_txn_begin(op, dev, &txn);
	if (err)
		return err == -ENODEV ? -ENOENT : err;
	if (vfs != before)
		err = numvfs_check(dev, vfs, &call->extack);
	if (!err && vfs != before) {
		num_vfs_set(dev, vfs);
		if (nsim_is_switchdev(txn) && vfs)
			err = nsim_switchdev_enable(dev, txn);
		else if (nsim_is_switchdev(txn))
			nsim_legacy_enable(dev, txn);
	}
	if (err)
		fl_txn_abort(txn);
	else
		err = fl_txn_commit(txn);
	if (err)
		num_vfs_set(dev, before);
	return err;
}

static int numvfs_write(struct fl_knob_call *call)
{
	return nsim_knob_post(call, NULL, numvfs_run);
}

static ssize_t numvfs_read(void *arg, char *buf, size_t cap)
{
	struct nsim_knob *knob = arg;

	return snprintf(buf, cap, "%u\n", __atomic_load_n(&knob->dev->num_vfs, __ATOMIC_RELAXED));
}

const struct fl_knob_ops nsim_numvfs_ops = {
	.write = numvfs_write, .read = numvfs_read, .gone = nsim_knob_gone,
};

/* ---- max_vfs ------------------------------------------------------------------------ */

#define MAX_VFS_DIGITS 9

static int max_vfs_run(struct fl_op *op, struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_call_dev(call);
	uint32_t vfs;

	if (strlen(call->text) >= MAX_VFS_DIGITS)
		return -ENOSPC;
	if (fl_knob_parse_u32(call->text, &vfs))
		return -EINVAL;
	if (vfs > NSIM_VFS_MAX) {
		fl_extack_set(&call->extack, "at most %u VFs", NSIM_VFS_MAX);
		return -ENOMEM;
	}
	if (dev->num_vfs) {
		fl_extack_set(&call->extack, "%u VFs are enabled: disable them first",
			      dev->num_vfs);
		return -EBUSY;
	}
	__atomic_store_n(&dev->max_vfs, vfs, __ATOMIC_RELAXED);
	return 0;
}

static int max_vfs_write(struct fl_knob_call *call)
{
	return nsim_knob_post(call, NULL, max_vfs_run);
}

static ssize_t max_vfs_read(void *arg, char *buf, size_t cap)
{
	struct nsim_knob *knob = arg;

	return snprintf(buf, cap, "%u\n", __atomic_load_n(&knob->dev->max_vfs, __ATOMIC_RELAXED));
}

const struct fl_knob_ops nsim_max_vfs_ops = {
	.write = max_vfs_write, .read = max_vfs_read, .gone = nsim_knob_gone,
};
