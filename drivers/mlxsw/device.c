/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device.c - a switch: its life, its driver's probe and remove, its instance. */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- life ------------------------------------------------------------------------- */

void mlxsw_config_init(struct mlxsw_config *config)
{
	*config = (struct mlxsw_config){
		.ports = 16,
		.lanes = 4,
		.slots = 2,
		.hosts = 64,
		.command_ns = 200 * FL_NS_PER_US,
		.provision_ns = FL_NS_PER_S,
		.flash_ns = 2 * FL_NS_PER_S,
		.selftest_ns = 200 * FL_NS_PER_MS,
	};
}

struct mlxsw *mlxsw_get(struct mlxsw *sw)
{
	__atomic_add_fetch(&sw->refs, 1, __ATOMIC_RELAXED);
	return sw;
}

void mlxsw_put(struct mlxsw *sw)
{
	if (!sw || __atomic_sub_fetch(&sw->refs, 1, __ATOMIC_ACQ_REL))
		return;
	mlxsw_slots_done(sw);
	mlxsw_sb_done(sw);
	fl_cell_put(sw->hosts);
	fl_cell_put(sw->erifs);
	fl_cell_put(sw->adjacencies);
	free(sw);
}

static int sizes_init(struct mlxsw *sw)
{
	sw->hosts = fl_cell_new();
	sw->erifs = fl_cell_new();
	sw->adjacencies = fl_cell_new();
	if (!sw->hosts || !sw->erifs || !sw->adjacencies)
		return -ENOMEM;
	fl_cell_set(sw->hosts, sw->config.hosts);
	fl_cell_set(sw->erifs, sw->config.ports);
	/* Every fourth neighbour is somebody's next hop. */
	fl_cell_set(sw->adjacencies, sw->config.hosts / 4);
	return 0;
}

static struct mlxsw *switch_new(struct fl_plane *plane, const struct mlxsw_config *config)
{
	struct mlxsw *sw = calloc(1, sizeof(*sw));

	if (!sw)
		return NULL;
	sw->refs = 1;
	sw->plane = plane;
	sw->config = *config;
	sw->image = sw->running = 1310;
	if (!sizes_init(sw) && !mlxsw_sb_init(sw))
		return sw;
	mlxsw_put(sw);
	return NULL;
}

/* ---- what all files need ---------------------------------------------------------- */

static int waited(struct fl_op *op)
{
	return fl_op_result(op);
}

int mlxsw_wait(struct fl_op *op, uint64_t ns)
{
	/* However long that is set to: it is no reason to be told to stop. */
	fl_op_allow(op, ns);
	return ns ? fl_op_sleep(op, ns, waited) : 0;
}

int mlxsw_command(struct fl_op *op, const struct mlxsw *sw)
{
	return mlxsw_wait(op, sw->config.command_ns);
}

/* Each bit of x changes about half of the result's: the finalizer of splitmix64. */
static uint64_t stir(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t mlxsw_draw(const struct mlxsw *sw, uint64_t a, uint64_t b)
{
	return stir(stir(stir(sw->config.seed) + a) + b);
}

/* ---- the instance ----------------------------------------------------------------- */

void mlxsw_info_publish(struct mlxsw *sw, struct fl_txn *txn)
{
	char running[32];
	const struct fl_info_version versions[] = {
		{ FL_VERSION_FIXED, "hw.revision", "A0", false },
		{ FL_VERSION_FIXED, "fw.psid", "MT_2750110033", false },
		{ FL_VERSION_RUNNING, "fw.version", running, false },
		{ FL_VERSION_RUNNING, "fw", running, false },
	};

	snprintf(running, sizeof(running), "13.2010.%u",
		 __atomic_load_n(&sw->running, __ATOMIC_RELAXED));
	fl_info_set(txn, MLXSW_NAME, NULL, NULL, versions, FL_ARRAY_SIZE(versions));
}

void mlxsw_objects_add(struct mlxsw *sw, struct fl_txn *txn)
{
	mlxsw_sb_register(txn);
	mlxsw_traps_register(sw, txn);
	mlxsw_dpipe_register(sw, txn);
	mlxsw_front_ports_add(sw, txn);
	mlxsw_linecards_add(sw, txn);
}

void mlxsw_objects_del(struct mlxsw *sw, struct fl_txn *txn)
{
	mlxsw_ports_del(sw, txn);
	mlxsw_linecards_del(sw, txn);
	mlxsw_dpipe_unregister(txn);
	mlxsw_traps_unregister(txn);
	mlxsw_sb_unregister(txn);
}

static const struct fl_devlink_ops devlink_ops = {
	.reload_actions =
		1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT | 1u << DEVLINK_RELOAD_ACTION_FW_ACTIVATE,
	.reload_down = mlxsw_reload_down,
	.reload_up = mlxsw_reload_up,
	.flash_update = mlxsw_flash_update,
	.param_validate = mlxsw_param_validate,
	.param_set = mlxsw_param_set,
	.port = &mlxsw_port_ops,
	.sb = &mlxsw_sb_ops,
	.dpipe = &mlxsw_dpipe_ops,
	.linecard = &mlxsw_linecard_ops,
	.selftest = &mlxsw_selftest_ops,
	.trap = &mlxsw_trap_ops,
};

static int instance_register(struct fl_op *op, struct mlxsw *sw)
{
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, sw->dl, &txn);
	if (err)
		return err;
	fl_txn_register(txn);
	mlxsw_params_register(txn);
	mlxsw_info_publish(sw, txn);
	mlxsw_resources_register(sw, txn);
	mlxsw_health_add(sw, txn);
	sw->down = false;
	mlxsw_objects_add(sw, txn);
	return fl_txn_commit(txn);
}

/* What the driver keeps of a device that it has no more. */
static void forget(struct mlxsw *sw)
{
	struct fl_devlink *dl = sw->dl;

	mlxsw_traffic_stop(sw);
	mlxsw_slots_forget(sw);
	mlxsw_health_forget(sw);
	sw->dl = NULL;
	fl_devlink_free(dl);
}

static int probed(struct fl_op *op)
{
	struct mlxsw *sw = fl_op_data(op);
	int err = fl_op_result(op);

	if (!err)
		err = mlxsw_slots_init(sw);
	if (!err)
		err = mlxsw_traffic_start(sw);
	if (!err)
		err = instance_register(op, sw);
	if (err)
		forget(sw);
	return err;
}

static int probe(struct fl_op *op, struct fl_device *device)
{
	struct mlxsw *sw = fl_device_platform(device);
	int err;

	err = fl_devlink_alloc(sw->plane, device, &devlink_ops, sw, &sw->dl);
	if (err)
		return err;
	fl_op_set_data(op, sw);
	fl_op_then(op, probed);
	return mlxsw_command(op, sw);
}

static void last_edits(struct fl_txn *txn)
{
	mlxsw_linecards_unlink(mlxsw_of(txn), txn);
	fl_txn_unregister(txn);
}

static int unregistered(struct fl_op *op)
{
	if (!fl_op_result(op))
		forget(fl_op_data(op));
	return 0;
}

static int remove_driver(struct fl_op *op, struct fl_device *device)
{
	struct mlxsw *sw = fl_device_platform(device);

	fl_op_set_data(op, sw);
	fl_op_then(op, unregistered);
	return fl_devlink_unregister(op, sw->dl, last_edits);
}

static const struct fl_driver driver = {
	.name = MLXSW_NAME,
	.bus = "pci",
	.match = MLXSW_NAME,
	.probe = probe,
	.remove = remove_driver,
};

/* ---- the device on its bus -------------------------------------------------------- */

int mlxsw_drivers_register(struct fl_plane *plane)
{
	int err = fl_driver_register(fl_plane_bus(plane), &driver);

	return err ? err : fl_driver_register(fl_plane_bus(plane), &mlxsw_card_driver);
}

static void platform_free(void *platform)
{
	mlxsw_put(platform);
}

static bool config_is_right(const struct mlxsw_config *config)
{
	return config->ports >= 1 && config->ports <= MLXSW_PORTS_MAX && config->lanes >= 1 &&
	       config->lanes <= 8 && !(config->lanes & (config->lanes - 1)) &&
	       config->slots <= MLXSW_SLOTS_MAX && config->hosts <= MLXSW_HOSTS_MAX;
}

int mlxsw_switch_add(struct fl_plane *plane, const struct mlxsw_config *config)
{
	struct fl_device_desc desc = {
		.bus = "pci",
		.name = config->address,
		.match = MLXSW_NAME,
		.platform_free = platform_free,
	};
	struct fl_device *device;
	struct mlxsw *sw;
	int err;

	if (!config_is_right(config))
		return -EINVAL;
	sw = switch_new(plane, config);
	if (!sw)
		return -ENOMEM;
	desc.platform = sw;
	err = fl_device_add(fl_plane_bus(plane), &desc, &device);
	if (err) {
		mlxsw_put(sw);
		return err;
	}
	err = fl_device_probe_post(device, NULL);
	if (err)
		fl_device_discard(device);
	fl_device_put(device);
	return err;
}
