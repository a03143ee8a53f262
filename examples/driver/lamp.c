/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lamp.c - a driver for finelink as a plug-in: a NIC with two ports, and a lamp that blinks.
 * docs/write-a-driver.md goes through it step by step. Build it with `make`, then:
 *   finelink run -t lamp.yaml -- devlink dev info
 */
#include <errno.h>
#include <finelink/finelink.h>
#include <stdlib.h>

#define PORTS 2
#define RETRY_NS (10 * FL_NS_PER_MS)

static struct fl_plane *plane; /* the only one: finelink_plugin_init() is called once */

/* One device. It is its instance's, which frees it when nobody can reach it any more. */
struct lamp {
	struct fl_devlink *dl;
	uint32_t queues; /* of the device's lane: taken over at a reload */
};

/* ---- the health reporter "bulb" --------------------------------------------------- */

/* The device takes its time. No thread waits for it: the step ends, another continues. */
static int bulb_changed(struct fl_op *op)
{
	return fl_op_result(op); /* -ECANCELED: the device is being removed */
}

static int bulb_recover(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
			void *ctx)
{
	return fl_op_sleep(op, 20 * FL_NS_PER_MS, bulb_changed);
}

static int bulb_diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
			 struct fl_fmsg *fmsg)
{
	struct lamp *lamp = fl_reporter_priv(reporter);
	union fl_param_value hz;
	int err = fl_param_value_get(txn, "blink_hz", DEVLINK_PARAM_CMODE_RUNTIME, &hz);

	if (err)
		return err;
	fl_fmsg_u32_pair_put(fmsg, "blink_hz", hz.vu32);
	fl_fmsg_u32_pair_put(fmsg, "queues", lamp->queues);
	return 0;
}

static int bulb_test(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter)
{
	return fl_health_report(reporter, "the bulb is said to be broken", NULL, NULL);
}

static const struct fl_reporter_ops bulb_ops = {
	.recover = bulb_recover,
	.diagnose = bulb_diagnose,
	.test = bulb_test,
};

/* ---- ports and parameters --------------------------------------------------------- */

static void ports_add(struct fl_txn *txn)
{
	for (uint32_t i = 0; i < PORTS; i++) {
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

/* finelink shows the values and checks their ranges; the driver hears of changes. */
static const struct fl_param params[] = {
	{ .name = "blink_hz", .type = FL_PARAM_U32, .value.vu32 = 2,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_RUNTIME },
	/* driverinit: what is set now is in force from the next reload on */
	{ .name = "queues", .type = FL_PARAM_U32, .value.vu32 = 4, .min = 1, .max = 64,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT },
};

static int lamp_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
			  enum devlink_param_cmode cmode, const union fl_param_value *value)
{
	if (value->vu32 > 50) {
		fl_extack_set(fl_txn_extack(txn), "lamp: %u Hz is too quick for a bulb", value->vu32);
		return -EINVAL;
	}
	return fl_op_sleep(op, 5 * FL_NS_PER_MS, bulb_changed);
}

/* ---- reload ------------------------------------------------------------------------ */

static int lamp_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
			    enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	for (uint32_t i = PORTS; i-- > 0;)
		fl_port_del(txn, i);
	return 0;
}

static int lamp_up(struct lamp *lamp, struct fl_txn *txn)
{
	union fl_param_value queues;
	int err = fl_param_value_get(txn, "queues", DEVLINK_PARAM_CMODE_DRIVERINIT, &queues);

	if (err)
		return err;
	lamp->queues = queues.vu32;
	ports_add(txn);
	return 0;
}

static int lamp_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
			  enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	*ret_performed = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	return lamp_up(fl_devlink_priv(fl_txn_devlink(txn)), txn);
}

/* ---- the instance ------------------------------------------------------------------ */

static const struct fl_devlink_ops lamp_ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = lamp_reload_down,
	.reload_up = lamp_reload_up,
	.param_set = lamp_param_set,
	.free = free,
};

static int lamp_fill(struct lamp *lamp, struct fl_txn *txn)
{
	/* `options` of the topology, or NULL */
	const char *serial = fl_device_platform(fl_devlink_device(lamp->dl));
	const struct fl_info_version version = { FL_VERSION_RUNNING, "fw", "1.0", false };
	const struct fl_reporter_desc bulb = { .name = "bulb", .ops = &bulb_ops, .priv = lamp };

	fl_txn_register(txn);
	fl_params_register(txn, params, FL_ARRAY_SIZE(params));
	fl_info_set(txn, "lamp", serial, NULL, &version, 1);
	fl_reporter_put(fl_reporter_add(txn, &bulb)); /* its callbacks get it: not kept here */
	return lamp_up(lamp, txn);
}

/* All that clients see comes with the commit; before it there is nothing to take back. */
static int lamp_register(struct fl_op *op, struct lamp *lamp)
{
	struct fl_txn *txn;
	int err = fl_txn_begin(op, lamp->dl, &txn);

	if (err)
		return err;
	err = lamp_fill(lamp, txn);
	if (!err)
		return fl_txn_commit(txn);
	fl_txn_abort(txn);
	return err;
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
	fl_device_set_data(dev, lamp);
	err = lamp_register(op, lamp);
	if (err)
		fl_devlink_free(lamp->dl); /* and lamp with it */
	return err;
}

/* A removal does not fail: memory comes back. All that the instance has goes with it. */
static int lamp_unregister(struct fl_op *op)
{
	struct lamp *lamp = fl_op_data(op);
	struct fl_txn *txn;
	int err = fl_txn_begin(op, lamp->dl, &txn);

	if (!err) {
		fl_txn_unregister(txn);
		err = fl_txn_commit(txn);
	}
	if (err && fl_op_cancelled(op))
		return fl_op_yield(op, lamp_unregister);
	if (err)
		return fl_op_sleep(op, RETRY_NS, lamp_unregister);
	fl_devlink_free(lamp->dl);
	return 0;
}

static int lamp_remove(struct fl_op *op, struct fl_device *dev)
{
	fl_op_set_data(op, fl_device_data(dev));
	return lamp_unregister(op);
}

/* Were probe and remove to sleep in system calls, `.blocks = true` would give them threads of
 * their own, and nothing else would change. */
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
