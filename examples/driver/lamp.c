/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lamp.c - a driver for finelink as a plug-in: a NIC with some ports, and a lamp that blinks.
 * docs/write-a-driver.md goes through it step by step. Build it with `make`, then:
 *   finelink run -t lamp.yaml -- devlink dev info
 */
#include <errno.h>
#include <finelink/finelink.h>
#include <stdlib.h>

static struct fl_plane *plane; /* the only one: finelink_plugin_init() is called once */

/* One device. It is its instance's, which frees it when nobody can reach it any more. */
struct lamp {
	struct fl_devlink *dl;
	uint32_t ports; /* alone on the device: as many as at the last reload */
};

/* ---- parameters ------------------------------------------------------------------- */

/* finelink shows the values and checks their ranges; the driver hears of changes. */
static const struct fl_param params[] = {
	{ .name = "blink_hz", .type = FL_PARAM_U32, .value.vu32 = 2,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_RUNTIME },
	/* driverinit: what is set now is in force from the next reload on */
	{ .name = "ports", .type = FL_PARAM_U32, .value.vu32 = 2, .min = 1, .max = 8,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT },
};

static int blink_changed(struct fl_op *op)
{
	return fl_op_result(op); /* -ECANCELED: the device is being removed */
}

static int lamp_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
			  enum devlink_param_cmode cmode, const union fl_param_value *value)
{
	if (value->vu32 > 50) {
		fl_extack_set(fl_txn_extack(txn), "lamp: too quick for a bulb");
		return -EINVAL;
	}
	/* The device takes its time. No thread waits: this step ends, another continues. */
	return fl_op_sleep(op, 5 * FL_NS_PER_MS, blink_changed);
}

/* ---- up and down: at probe, and at a reload --------------------------------------- */

static void lamp_up(struct lamp *lamp, struct fl_txn *txn)
{
	union fl_param_value ports;

	if (!fl_param_value_get(txn, "ports", DEVLINK_PARAM_CMODE_DRIVERINIT, &ports))
		lamp->ports = ports.vu32;
	for (uint32_t i = 0; i < lamp->ports; i++) {
		struct fl_port_attrs attrs = {
			.index = i,
			.flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL,
			.phys_number = i + 1,
		};

		fl_port_add(txn, &attrs);
		fl_port_type_set(txn, i, DEVLINK_PORT_TYPE_ETH);
		fl_port_notify(txn, i);
	}
}

static int lamp_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
			    enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	struct lamp *lamp = fl_devlink_priv(fl_txn_devlink(txn));

	for (uint32_t i = lamp->ports; i-- > 0;)
		fl_port_del(txn, i);
	return 0;
}

static int lamp_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
			  enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	lamp_up(fl_devlink_priv(fl_txn_devlink(txn)), txn);
	*ret_performed = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	return 0;
}

static const struct fl_devlink_ops lamp_ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = lamp_reload_down,
	.reload_up = lamp_reload_up,
	.param_set = lamp_param_set,
	.free = free,
};

/* ---- the device -------------------------------------------------------------------- */

/* All that clients see comes with the commit; before it there is nothing to take back. */
static int lamp_register(struct fl_op *op, struct lamp *lamp)
{
	/* `options` of the topology, or NULL */
	const char *serial = fl_device_platform(fl_devlink_device(lamp->dl));
	const struct fl_info_version version = { FL_VERSION_RUNNING, "fw", "1.0", false };
	struct fl_txn *txn;
	int err = fl_txn_begin(op, lamp->dl, &txn);

	if (err)
		return err;
	fl_txn_register(txn);
	fl_params_register(txn, params, FL_ARRAY_SIZE(params));
	fl_info_set(txn, "lamp", serial, NULL, &version, 1);
	lamp_up(lamp, txn);
	return fl_txn_commit(txn);
}

static int lamp_probe(struct fl_op *op, struct fl_device *dev)
{
	struct lamp *lamp = calloc(1, sizeof(*lamp));
	int err;

	if (!lamp)
		return -ENOMEM;
	err = fl_devlink_alloc(plane, dev, &lamp_ops, lamp, &lamp->dl);
	if (err) {
		free(lamp);
		return err;
	}
	fl_device_set_data(dev, lamp->dl);
	err = lamp_register(op, lamp);
	if (err)
		fl_devlink_free(lamp->dl); /* and lamp with it */
	return err;
}

static int lamp_remove(struct fl_op *op, struct fl_device *dev)
{
	return fl_devlink_remove(op, fl_device_data(dev));
}

static const struct fl_driver lamp_driver = {
	.name = "lamp",
	.bus = "toys",
	.match = "lamp", /* `driver` of the topology */
	.probe = lamp_probe,
	.remove = lamp_remove,
};

int finelink_plugin_init(struct fl_plane *the_plane)
{
	plane = the_plane;
	return fl_driver_register(fl_plane_bus(plane), &lamp_driver);
}
