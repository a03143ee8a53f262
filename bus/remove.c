/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remove.c - taking a device away: its children in parallel, then its driver, then itself.
 *
 *   remove_run            no child is born any more
 *   fl_device_take_down   the removals of all children, awaited (an unbinding begins here)
 *   remove_joined         those that hang are left behind; the others are gone, or once more
 *   remove_driver         the driver's remove, on a thread of its own if it may sleep
 *   remove_unlink         the device leaves the tree (not in an unbinding)
 *
 * A removal does not fail. What it needs and cannot have at the moment, such as memory, it tries
 * again. A driver's remove is told to stop after the scheduler's deadline for removals; if it does
 * not return, the removal is parked, and so whoever awaits it goes on without it.
 */
#include "bus/bus-private.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

static int remove_unlink(struct fl_op *op);

/* The children of dev, referenced; NULL if there are none. -ENOMEM. */
static int children_get(struct fl_device *dev, struct fl_device ***ret_children, size_t *ret_count)
{
	struct fl_device **children = NULL;
	struct fl_device *child;
	size_t count, room = 0;

	for (;;) {
		count = 0;
		fl_lock_take(&dev->root->lock);
		cds_list_for_each_entry(child, &dev->children, sibling) {
			if (count < room)
				children[count] = fl_device_get(child);
			count++;
		}
		fl_lock_drop(&dev->root->lock);
		if (count <= room)
			break;
		for (size_t i = 0; i < room; i++)
			fl_device_put(children[i]);
		free(children);
		room = count + 8;
		children = calloc(room, sizeof(struct fl_device *));
		if (!children)
			return -ENOMEM;
	}
	*ret_children = children;
	*ret_count = count;
	return 0;
}

int fl_device_remove_children_spawn(struct fl_op *op, struct fl_device *dev)
{
	struct fl_device **children;
	size_t count;
	int err, first = children_get(dev, &children, &count);

	if (first)
		return first;
	for (size_t i = 0; i < count; i++) {
		err = fl_device_remove_spawn(op, children[i]);
		if (err && !first)
			first = err;
		fl_device_put(children[i]);
	}
	free(children);
	return first;
}

static bool has_children(struct fl_device *dev)
{
	bool has;

	fl_lock_take(&dev->root->lock);
	has = !cds_list_empty(&dev->children);
	fl_lock_drop(&dev->root->lock);
	return has;
}

static void unlink_below(struct fl_device *dev, bool abandoned);

static void unlink_tree(struct fl_device *dev)
{
	unlink_below(dev, false);
	if (!has_children(dev))
		fl_device_unlink(dev);
}

bool fl_device_leave_behind(struct fl_device *dev)
{
	if (!fl_lane_abandoned(dev->lane))
		return false;
	fl_log(FL_LOG_ERR, "%s %s: its removal hangs; going on without it", dev->bus, dev->name);
	unlink_tree(dev);
	return true;
}

/* Takes the children of dev out of the tree, with all below them; or only those that are
 * abandoned. What memory does not suffice for stays: the caller looks, and tries again. */
static void unlink_below(struct fl_device *dev, bool abandoned)
{
	struct fl_device **children;
	size_t count;

	if (children_get(dev, &children, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct fl_device *child = children[i];

		if (abandoned)
			fl_device_leave_behind(child);
		else
			unlink_tree(child);
		fl_device_put(child);
	}
	free(children);
}

static int remove_call(struct fl_op *op)
{
	struct fl_device *dev = fl_device_op_of(op)->dev;
	const struct fl_driver *driver;

	/* An unbinding that was parked may come back at this moment: one of the two calls. */
	driver = __atomic_exchange_n(&dev->driver, NULL, __ATOMIC_ACQ_REL);
	if (!driver)
		return remove_unlink(op);
	fl_op_then(op, remove_unlink);
	fl_assert_may_block("remove");
	return driver->remove(op, dev);
}

static int remove_blocking(struct fl_op *op)
{
	/* Without a thread of its own a sleeping driver would hold a shared one (rule 4). */
	return fl_op_result(op) == -EBUSY ? fl_op_retry(op, fl_device_take_down) : remove_call(op);
}

static int remove_driver(struct fl_op *op)
{
	const struct fl_driver *driver = fl_device_driver(fl_device_op_of(op)->dev);

	if (!driver)
		return remove_unlink(op);
	return driver->blocks ? fl_op_block(op, remove_blocking) : remove_call(op);
}

static int remove_joined(struct fl_op *op)
{
	struct fl_device *dev = fl_device_op_of(op)->dev;

	unlink_below(dev, true);
	/* What could not be started for want of memory, the next round starts. */
	return has_children(dev) ? fl_op_retry(op, fl_device_take_down) : remove_driver(op);
}

int fl_device_take_down(struct fl_op *op)
{
	fl_device_remove_children_spawn(op, fl_device_op_of(op)->dev);
	return fl_op_join(op, remove_joined);
}

static int remove_run(struct fl_op *op)
{
	struct fl_device *dev = fl_device_op_of(op)->dev;

	fl_lock_take(&dev->root->lock);
	dev->closed = true;
	fl_lock_drop(&dev->root->lock);
	return fl_device_take_down(op);
}

static int remove_unlink(struct fl_op *op)
{
	struct fl_device_op *dop = fl_device_op_of(op);

	if (dop->kind == FL_DEVICE_UNBIND || !fl_device_unlink(dop->dev))
		return 0;
	return fl_op_retry(op, remove_unlink);
}

/* A removal that ends with an error, or was refused, was overtaken, before it ran, by one from above,
 * which will remove the device: whom this one was to tell, that one tells. Unless it was parked:
 * then the one above has left the device behind. */
void fl_device_removal_over(struct fl_device_op *dop, int err)
{
	struct fl_device *dev = dop->dev;
	fl_device_told *gone = NULL;
	void *gone_arg = NULL;
	bool removed_now;

	fl_lock_take(&dev->root->lock);
	removed_now = (!err || fl_op_parked(&dop->op)) && !dev->removed;
	if (removed_now)
		dev->removed = true;
	if (!dev->removed && dop->told) {
		dev->gone = dop->told;
		dev->gone_arg = dop->told_arg;
		dop->told = NULL;
	} else if (dev->removed) {
		gone = dev->gone;
		gone_arg = dev->gone_arg;
		dev->gone = NULL;
	}
	fl_lock_drop(&dev->root->lock);
	if (removed_now && dev->platform_gone)
		dev->platform_gone(dev->platform);
	fl_device_op_tell(dop, 0, NULL);
	if (gone)
		gone(gone_arg, 0, NULL);
}

static void remove_ended(struct fl_op *op, int err)
{
	fl_device_removal_over(fl_device_op_of(op), err);
}

static void remove_parked(struct fl_op *op)
{
	fl_device_op_tell(fl_device_op_of(op), -EBUSY, FL_DEVICE_HANGS);
}

static const struct fl_op_type remove_type = {
	.kind = "remove",
	.run = remove_run,
	.ended = remove_ended,
	.parked = remove_parked,
	.free = fl_device_op_free,
	.flags = FL_OP_REMOVES,
};

static struct fl_device_op *remove_new(struct fl_device *dev, struct fl_client *client)
{
	return fl_device_op_new(dev, FL_DEVICE_REMOVE, &remove_type, client);
}

int fl_device_remove_post(struct fl_device *dev, struct fl_client *client, fl_device_told *gone,
			  void *arg)
{
	struct fl_device_op *dop = remove_new(dev, client);

	return dop ? fl_device_op_post(dop, gone, arg) : -ENOMEM;
}

int fl_device_remove_spawn(struct fl_op *op, struct fl_device *dev)
{
	struct fl_device_op *dop = remove_new(dev, fl_op_client(op));

	return dop ? fl_op_spawn(op, &dop->op) : -ENOMEM;
}

void fl_device_discard(struct fl_device *dev)
{
	bool removed_now;

	/* Nothing is done twice if somebody who walks the tree removes it at the same time. */
	fl_lane_discard(dev->lane);
	fl_lock_take(&dev->root->lock);
	removed_now = !dev->removed;
	dev->closed = true;
	dev->removed = true;
	fl_lock_drop(&dev->root->lock);
	if (fl_device_unlink(dev))
		fl_log(FL_LOG_ERR, "%s %s: out of memory: its name stays taken", dev->bus,
		       dev->name);
	if (removed_now && dev->platform_gone)
		dev->platform_gone(dev->platform);
}
