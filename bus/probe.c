/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe.c - giving a device to its driver. */
#include "bus/bus-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Binds, unless a removal or an unbinding went on without this probe. Gives whether it is bound. */
static bool bind_to(struct fl_device_op *dop)
{
	struct fl_device *dev = dop->dev;
	bool bound;

	fl_lock_take(&dev->root->lock);
	bound = !dev->closed && !fl_op_parked(&dop->op);
	if (bound)
		__atomic_store_n(&dev->driver, dop->driver, __ATOMIC_RELEASE);
	fl_lock_drop(&dev->root->lock);
	return bound;
}

static int late_remove_done(struct fl_op *op)
{
	return 0;
}

/* A child that fails does not fail its parent: the value is 0 whatever happened (B3). */
static int probe_done(struct fl_op *op)
{
	struct fl_device_op *dop = fl_device_op_of(op);
	int err = fl_op_result(op);

	dop->probe_err = err;
	if (err) {
		/* One that was told to stop has not failed. */
		fl_log(fl_op_cancelled(op) ? FL_LOG_DEBUG : FL_LOG_WARN,
		       "%s %s: probe by %s failed: %s", dop->dev->bus, dop->dev->name,
		       dop->driver->name, strerror(-err));
		return 0;
	}
	if (bind_to(dop))
		return 0;
	dop->probe_err = -ENODEV;
	/* It came back from a park: the removal is over and has not seen this driver (B2). */
	fl_op_then(op, late_remove_done);
	return dop->driver->remove(op, dop->dev);
}

static int probe_run(struct fl_op *op)
{
	struct fl_device_op *dop = fl_device_op_of(op);

	dop->probe_err = fl_device_driver(dop->dev) ? -EBUSY : -ENODEV;
	if (!dop->driver || fl_device_driver(dop->dev))
		return 0;
	fl_op_then(op, probe_done);
	fl_assert_may_block("probe");
	return dop->driver->probe(op, dop->dev);
}

static void probe_ended(struct fl_op *op, int err)
{
	struct fl_device_op *dop = fl_device_op_of(op);

	fl_device_op_tell(dop, err ? err : dop->probe_err, err ? fl_op_refusal(op) : NULL);
}

/* Its device's unbinding or removal went on without it. */
static void probe_parked(struct fl_op *op)
{
	fl_device_op_tell(fl_device_op_of(op), -ENODEV, NULL);
}

static const struct fl_op_type probe_type = {
	.kind = "probe",
	.run = probe_run,
	.ended = probe_ended,
	.parked = probe_parked,
	.free = fl_device_op_free,
};

static const struct fl_op_type probe_blocking_type = {
	.kind = "probe",
	.run = probe_run,
	.ended = probe_ended,
	.parked = probe_parked,
	.free = fl_device_op_free,
	.flags = FL_OP_BLOCKS,
};

static struct fl_device_op *probe_new(struct fl_device *dev, struct fl_client *client)
{
	const struct fl_driver *driver = fl_driver_match(dev);
	struct fl_device_op *dop;

	dop = fl_device_op_new(dev, FL_DEVICE_PROBE,
			       driver && driver->blocks ? &probe_blocking_type : &probe_type, client);
	if (dop)
		dop->driver = driver;
	return dop;
}

int fl_device_probe_call(struct fl_device *dev, struct fl_client *client, fl_device_told *probed,
			 void *arg)
{
	struct fl_device_op *dop = probe_new(dev, client);

	return dop ? fl_device_op_post(dop, probed, arg) : -ENOMEM;
}

int fl_device_probe_post(struct fl_device *dev, struct fl_client *client)
{
	return fl_device_probe_call(dev, client, NULL, NULL);
}

int fl_device_probe_spawn(struct fl_op *op, struct fl_device *dev)
{
	struct fl_device_op *dop = probe_new(dev, fl_op_client(op));

	return dop ? fl_op_spawn(op, &dop->op) : -ENOMEM;
}
