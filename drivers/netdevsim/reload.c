/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload.c - what a reload takes down and builds up. Parameters, resources and most knobs
 * stay; ports made by new_port do not come back, and neither do VFs.
 */
#include "netdevsim-private.h"

#include <errno.h>

static bool is_set(const bool *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* ---- down --------------------------------------------------------------------------- */

void nsim_down(struct nsim_dev *dev, struct fl_txn *txn)
{
	dev->down = true;
	nsim_dir_drop(&dev->snapshot_dir);
	if (dev->num_vfs) {
		__atomic_store_n(&dev->num_vfs, 0, __ATOMIC_RELAXED);
		if (nsim_is_switchdev(txn))
			nsim_legacy_enable(dev, txn);
	}
	/* In switchdev mode there may be nodes without a single VF. */
	nsim_rate_nodes_del(dev, txn);
	nsim_ports_del(dev, txn, false);
	nsim_health_exit(dev, txn);
	nsim_fib_destroy(dev, txn);
	nsim_traps_unregister(dev, txn);
	nsim_region_exit(dev, txn);
}

int nsim_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		     enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));

	if (is_set(&dev->values.dont_allow_reload)) {
		fl_extack_set(fl_txn_extack(txn),
			      "netdevsim: User forbid the reload for testing purposes");
		return -EOPNOTSUPP;
	}
	if (dev->down)
		nsim_ports_del(dev, txn, false); /* those of new_port */
	else
		nsim_down(dev, txn);
	return 0;
}

/* ---- up ----------------------------------------------------------------------------- */

static int ports_add(struct nsim_dev *dev, struct fl_txn *txn)
{
	int err = nsim_netns_enter(dev, txn);

	for (unsigned int i = 0; i < dev->port_count && !err; i++)
		err = nsim_port_add(dev, txn, false, i);
	return err;
}

int nsim_up(struct nsim_dev *dev, struct fl_txn *txn)
{
	int err;

	nsim_rate_free_buried(dev);
	nsim_region_init(dev, txn);
	nsim_traps_register(dev, txn);
	err = nsim_fib_create(dev, txn);
	if (err)
		goto out_traps;
	err = nsim_health_init(dev, txn);
	if (err)
		goto out_fib;
	err = ports_add(dev, txn);
	if (!err)
		err = nsim_snapshot_knob_add(dev);
	if (err)
		goto out_ports;
	dev->down = false;
	return 0;
out_ports:
	nsim_ports_del(dev, txn, false);
	nsim_health_exit(dev, txn);
out_fib:
	nsim_fib_destroy(dev, txn);
out_traps:
	nsim_traps_unregister(dev, txn);
	nsim_region_exit(dev, txn);
	return err;
}

int nsim_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		   enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));

	if (is_set(&dev->values.fail_reload)) {
		fl_extack_set(fl_txn_extack(txn),
			      "netdevsim: User setup the reload to fail for testing purposes");
		return -EINVAL;
	}
	*ret_performed = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	__atomic_store_n(&dev->values.fw_update_status, true, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->values.fw_update_overwrite_mask, 0, __ATOMIC_RELAXED);
	nsim_params_load(dev, txn);
	return nsim_up(dev, txn);
}
