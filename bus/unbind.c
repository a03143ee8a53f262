/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * unbind.c - taking the driver away from a device that stays; and who waits for that.
 *
 * An unbinding seals the device's lane like a removal. Binding it again, unbinding it once more, and
 * removing it wait until it is over (B5): their operations stand in dev->waiting meanwhile, a removal
 * before the others, and are submitted then.
 */
#include "bus/bus-private.h"

#include <errno.h>
#include <stdlib.h>

/* ---- one operation on a device ---------------------------------------------------------- */

struct fl_device_op *fl_device_op_new(struct fl_device *dev, enum fl_device_op_kind kind,
				      const struct fl_op_type *type, struct fl_client *client)
{
	struct fl_device_op *dop = calloc(1, sizeof(*dop));

	if (!dop)
		return NULL;
	dop->dev = fl_device_get(dev);
	dop->kind = kind;
	fl_op_init(&dop->op, type, dev->lane, client);
	return dop;
}

void fl_device_op_free(struct fl_op *op)
{
	struct fl_device_op *dop = fl_device_op_of(op);

	fl_device_put(dop->dev);
	free(dop);
}

void fl_device_op_tell(struct fl_device_op *dop, int err, const char *why)
{
	fl_device_told *told;

	fl_lock_take(&dop->dev->root->lock);
	told = dop->told;
	dop->told = NULL;
	fl_lock_drop(&dop->dev->root->lock);
	if (told)
		told(dop->told_arg, err, why);
}

/* ---- waiting for an unbinding ------------------------------------------------------------- */

/* The next of those that wait; NULL: none, and the unbinding is over. */
static struct fl_device_op *next_waiting(struct fl_device *dev)
{
	struct fl_device_op *dop;

	fl_lock_take(&dev->root->lock);
	dop = dev->waiting;
	if (dop)
		dev->waiting = dop->next;
	else
		dev->unbinding = false;
	if (dop && dop->kind == FL_DEVICE_REMOVE)
		dev->removal_waits = false;
	fl_lock_drop(&dev->root->lock);
	return dop;
}

/* Submits those that wait, up to the next unbinding, which goes on with the others. */
static void submit_waiting(struct fl_device *dev)
{
	struct fl_device_op *dop;

	while ((dop = next_waiting(dev))) {
		bool unbinds = dop->kind == FL_DEVICE_UNBIND;
		int err;

		fl_op_get(&dop->op);
		err = fl_op_submit(&dop->op);
		if (err && dop->kind == FL_DEVICE_REMOVE && err == -ENODEV)
			fl_device_removal_over(dop, err);
		else if (err)
			fl_device_op_tell(dop, err, fl_op_refusal(&dop->op));
		fl_op_put(&dop->op);
		if (unbinds && !err)
			return;
	}
}

/* Whether dop has to wait; if not, and it is an unbinding, others have to wait for it. */
static int wait_if_unbinding(struct fl_device_op *dop, bool *ret_waits)
{
	bool removes = dop->kind == FL_DEVICE_REMOVE;
	struct fl_device *dev = dop->dev;
	struct fl_device_op **at = &dev->waiting;
	int err = 0;

	fl_lock_take(&dev->root->lock);
	*ret_waits = dev->unbinding;
	if (!dev->unbinding) {
		dev->unbinding = dop->kind == FL_DEVICE_UNBIND;
	} else if (removes && dev->removal_waits) {
		err = -ENODEV;
	} else {
		while (*at && !removes)
			at = &(*at)->next;
		dop->next = *at;
		*at = dop;
		dev->removal_waits |= removes;
	}
	fl_lock_drop(&dev->root->lock);
	return err;
}

int fl_device_op_post(struct fl_device_op *dop, fl_device_told *told, void *arg)
{
	bool unbinds = dop->kind == FL_DEVICE_UNBIND, waits;
	struct fl_device *dev = fl_device_get(dop->dev);
	int err;

	dop->told = told;
	dop->told_arg = arg;
	err = wait_if_unbinding(dop, &waits);
	if (err) {
		fl_op_put(&dop->op);
	} else if (!waits) {
		fl_op_get(&dop->op);
		err = fl_op_submit(&dop->op);
		if (err == -EBUSY && told) {
			fl_device_op_tell(dop, err, fl_op_refusal(&dop->op));
			err = 0;
		}
		fl_op_put(&dop->op);
		if (err && unbinds)
			submit_waiting(dev);
	}
	fl_device_put(dev);
	return err;
}

/* ---- unbinding ------------------------------------------------------------------------------ */

static int unbind_run(struct fl_op *op)
{
	return fl_device_driver(fl_device_op_of(op)->dev) ? fl_device_take_down(op) : -ENODEV;
}

/* Once: when it ends, or was parked. */
static void unbind_over(struct fl_device_op *dop, int err, const char *why)
{
	if (__atomic_exchange_n(&dop->over, true, __ATOMIC_SEQ_CST))
		return;
	fl_device_op_tell(dop, err, why);
	submit_waiting(dop->dev);
}

static void unbind_ended(struct fl_op *op, int err)
{
	unbind_over(fl_device_op_of(op), err ? -ENODEV : 0, NULL);
}

static void unbind_parked(struct fl_op *op)
{
	unbind_over(fl_device_op_of(op), -EBUSY, FL_DEVICE_HANGS);
}

static const struct fl_op_type unbind_type = {
	.kind = "unbind",
	.run = unbind_run,
	.ended = unbind_ended,
	.parked = unbind_parked,
	.free = fl_device_op_free,
	.flags = FL_OP_UNBINDS,
};

int fl_device_unbind_post(struct fl_device *dev, struct fl_client *client, fl_device_told *unbound,
			  void *arg)
{
	struct fl_device_op *dop;

	dop = fl_device_op_new(dev, FL_DEVICE_UNBIND, &unbind_type, client);
	return dop ? fl_device_op_post(dop, unbound, arg) : -ENOMEM;
}
