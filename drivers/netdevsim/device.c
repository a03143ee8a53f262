/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device.c - a device: its life, its driver's probe and remove, its instance. */
#include "netdevsim-private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- life --------------------------------------------------------------------------- */

struct nsim_dev *nsim_dev_get(struct nsim_dev *dev)
{
	__atomic_add_fetch(&dev->refs, 1, __ATOMIC_RELAXED);
	return dev;
}

void nsim_dev_put(struct nsim_dev *dev)
{
	if (!dev || __atomic_sub_fetch(&dev->refs, 1, __ATOMIC_ACQ_REL))
		return;
	nsim_ports_forget(dev);
	nsim_rate_free_buried(dev);
	nsim_netns_leave(dev);
	nsim_region_forget(dev);
	nsim_health_forget(dev);
	free(dev->health.recovered);
	nsim_traps_done(dev);
	nsim_resources_done(dev);
	fl_driver_lock_free(dev->lock);
	fl_lane_put(dev->lane);
	fl_netns_put(dev->home);
	nsim_bus_put(dev->bus);
	free(dev);
}

static struct nsim_dev *dev_new(struct nsim_bus *bus, const struct nsim_config *config)
{
	struct nsim_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	dev->refs = 1;
	dev->bus = nsim_bus_get(bus);
	dev->id = config->id;
	dev->port_count = config->ports;
	dev->queues = config->queues;
	dev->max_vfs = config->max_vfs;
	dev->first_vfs = config->vfs;
	dev->first_switchdev = config->switchdev;
	CDS_INIT_LIST_HEAD(&dev->ports);
	dev->lock = fl_driver_lock_new();
	if (!dev->lock || nsim_traps_init(dev) || nsim_resources_init(dev)) {
		nsim_dev_put(dev);
		return NULL;
	}
	return dev;
}

/* ---- the device on its bus ----------------------------------------------------------- */

static void platform_free(void *platform)
{
	nsim_dev_put(platform);
}

static void platform_gone(void *platform)
{
	nsim_dir_drop(&((struct nsim_dev *)platform)->sysfs);
}

static int sysfs_init(struct nsim_dev *dev)
{
	int err;

	err = nsim_sysfs_add(&dev->sysfs, dev, "new_port", &nsim_new_port_ops);
	if (!err)
		err = nsim_sysfs_add(&dev->sysfs, dev, "del_port", &nsim_del_port_ops);
	if (!err)
		err = nsim_sysfs_add(&dev->sysfs, dev, "sriov_numvfs", &nsim_numvfs_ops);
	return err;
}

/* Takes dev over, also on failure. */
static int dev_add(struct nsim_dev *dev, struct fl_device **ret_device)
{
	struct fl_device_desc desc = {
		.bus = NSIM_NAME,
		.match = NSIM_NAME,
		.platform = dev,
		.platform_free = platform_free,
		.gone = platform_gone,
	};
	char name[32];
	int err;

	/* The knobs first: once the device is on the bus, it may be removed with them. */
	err = sysfs_init(dev);
	snprintf(name, sizeof(name), NSIM_NAME "%u", dev->id);
	desc.name = name;
	if (!err)
		err = fl_device_add(fl_plane_bus(dev->bus->plane), &desc, ret_device);
	if (err) {
		nsim_dir_drop(&dev->sysfs);
		nsim_dev_put(dev);
		return err;
	}
	__atomic_store_n(&dev->lane, fl_lane_get(fl_device_lane(*ret_device)), __ATOMIC_RELEASE);
	return 0;
}

static int config_check(const struct nsim_config *config)
{
	if (config->id > INT_MAX || config->ports > NSIM_PORTS_MAX)
		return -EINVAL;
	if (config->max_vfs > NSIM_VFS_MAX || config->vfs > config->max_vfs)
		return -EINVAL;
	/* The VFs' ports would have indices that are taken. */
	if (config->switchdev && config->vfs && config->ports > NSIM_VF_BASE)
		return -EINVAL;
	return 0;
}

int nsim_device_make(struct nsim_bus *bus, const struct nsim_config *config, struct fl_netns *home,
		     struct fl_device **ret_device)
{
	struct nsim_dev *dev;
	int err;

	err = config_check(config);
	if (err)
		return err;
	dev = dev_new(bus, config);
	if (!dev)
		return -ENOMEM;
	dev->home = home ? fl_netns_get(home) : NULL;
	return dev_add(dev, ret_device);
}

int nsim_device_add(struct nsim_bus *bus, const struct nsim_config *config)
{
	struct fl_device *device;
	int err;

	err = nsim_device_make(bus, config, NULL, &device);
	if (err)
		return err;
	err = fl_device_probe_post(device, NULL);
	if (err)
		fl_device_remove_post(device, NULL, NULL, NULL);
	fl_device_put(device);
	return err;
}

void nsim_config_init(struct nsim_config *config)
{
	*config = (struct nsim_config){ .ports = 1, .queues = 1, .max_vfs = 4 };
}

/* ---- the instance --------------------------------------------------------------------- */

static const struct fl_devlink_ops devlink_ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = nsim_reload_down,
	.reload_up = nsim_reload_up,
	.eswitch_mode_set = nsim_eswitch_mode_set,
	.flash_overwrite = DEVLINK_FLASH_OVERWRITE_SETTINGS | DEVLINK_FLASH_OVERWRITE_IDENTIFIERS,
	.flash_component = true,
	.flash_reads_file = true,
	.flash_update = nsim_flash_update,
	.param_set = nsim_param_set,
	.trap = &nsim_trap_ops,
	.rate = &nsim_rate_ops,
};

int nsim_txn_begin(struct fl_op *op, struct nsim_dev *dev, struct fl_txn **ret_txn)
{
	return dev->dl ? fl_txn_begin(op, dev->dl, ret_txn) : -ENODEV;
}

static void info_publish(struct fl_txn *txn)
{
	static const struct fl_info_version versions[] = {
		{ FL_VERSION_STORED, "fw.mgmt", "10.20.30", true },
		{ FL_VERSION_RUNNING, "fw.mgmt", "10.20.30", true },
	};

	fl_info_set(txn, NSIM_NAME, NULL, NULL, versions, FL_ARRAY_SIZE(versions));
}

/* By single stores: somebody may still read a knob of the time before. */
static void values_init(struct nsim_dev *dev)
{
	struct nsim_values *values = &dev->values;

#define SET(name, value) __atomic_store_n(&values->name, (value), __ATOMIC_RELAXED)
	SET(fw_update_status, true);
	SET(fw_update_overwrite_mask, 0);
	SET(fw_update_flash_chunk_time_ms, 10);
	SET(max_macs, 32);
	SET(test1, true);
	SET(test2, 1234);
	SET(dont_allow_reload, false);
	SET(fail_reload, false);
	SET(fail_trap_group_set, false);
	SET(fail_trap_policer_set, false);
	SET(fail_trap_policer_counter_get, false);
	SET(fail_trap_drop_counter_get, false);
#undef SET
}

/* What a topology asks for beyond what a device is born with. */
static int first_eswitch(struct nsim_dev *dev, struct fl_txn *txn)
{
	__atomic_store_n(&dev->num_vfs, dev->first_vfs, __ATOMIC_RELAXED);
	fl_eswitch_set(txn, DEVLINK_ESWITCH_MODE_LEGACY, -1, -1);
	return dev->first_switchdev ? nsim_switchdev_enable(dev, txn) : 0;
}

static int instance_fill(struct nsim_dev *dev, struct fl_txn *txn)
{
	int err;

	fl_txn_register(txn);
	nsim_resources_register(dev, txn);
	nsim_params_register(dev, txn);
	info_publish(txn);
	err = nsim_up(dev, txn);
	return err ? err : first_eswitch(dev, txn);
}

/* What is not seen any more; the device may get a driver again. */
static void dev_reset(struct nsim_dev *dev)
{
	struct fl_devlink *dl = dev->dl;

	nsim_dir_drop(&dev->debugfs);
	nsim_dir_drop(&dev->snapshot_dir);
	nsim_region_forget(dev);
	nsim_health_forget(dev);
	nsim_ports_forget(dev);
	nsim_netns_leave(dev);
	__atomic_store_n(&dev->dl, NULL, __ATOMIC_RELEASE);
	fl_devlink_free(dl);
}

static int instance_register(struct fl_op *op, struct nsim_dev *dev)
{
	struct fl_txn *txn;
	int err;

	if (dev->home) {
		err = fl_devlink_begin_in(dev->dl, dev->home);
		if (err)
			return err;
	}
	err = nsim_debugfs_init(dev);
	if (!err)
		err = fl_txn_begin(op, dev->dl, &txn);
	if (err)
		return err;
	err = instance_fill(dev, txn);
	if (!err)
		return fl_txn_commit(txn);
	fl_txn_abort(txn);
	return err;
}

static int probe(struct fl_op *op, struct fl_device *device)
{
	struct nsim_dev *dev = fl_device_platform(device);
	struct fl_devlink *dl;
	int err;

	values_init(dev);
	nsim_traps_reset(dev);
	err = fl_devlink_alloc(dev->bus->plane, device, &devlink_ops, dev, &dl);
	if (err)
		return err;
	__atomic_store_n(&dev->dl, dl, __ATOMIC_RELEASE);
	err = instance_register(op, dev);
	if (err)
		dev_reset(dev);
	return err;
}

static void last_edits(struct fl_txn *txn)
{
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));

	if (dev->down)
		nsim_ports_del(dev, txn, false); /* those of new_port */
	else
		nsim_down(dev, txn);
	fl_txn_unregister(txn);
}

static int unregistered(struct fl_op *op)
{
	if (!fl_op_result(op))
		dev_reset(fl_op_data(op));
	return 0;
}

static int remove_driver(struct fl_op *op, struct fl_device *device)
{
	struct nsim_dev *dev = fl_device_platform(device);

	fl_op_set_data(op, dev);
	/* VFs that the topology asked for are not enabled again at the next probe. */
	dev->first_vfs = 0;
	dev->first_switchdev = false;
	fl_op_then(op, unregistered);
	return fl_devlink_unregister(op, dev->dl, last_edits);
}

const struct fl_driver nsim_driver = {
	.name = NSIM_NAME,
	.bus = NSIM_NAME,
	.match = NSIM_NAME,
	.probe = probe,
	.remove = remove_driver,
};
