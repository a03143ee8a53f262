/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remove.c - taking a device away: its children in parallel, then its driver, then itself.
 *
 * A removal does not fail. What it needs and cannot have at the moment (memory, a child
 * whose own removal is just being refused) it tries again. A driver's remove is told to
 * stop after the scheduler's deadline for removals; if it does not, the removal that awaits
 * it goes on without it, and so does one that finds a child whose removal was parked before.
 * Unbinding is the same, but the device stays: its lane is not sealed. What is below goes first,
 * by removals of its own, so that what hangs there is told to stop; those that queue behind the
 * unbinding already are let by.
 */
#include "bus/bus-private.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

#define RETRY_NS (1 * FL_NS_PER_MS)

static int remove_children(struct fl_op *op);
static int remove_unlink(struct fl_op *op);
static int unbind_again(struct fl_op *op);

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

/* overtakes: a child's own removal that queues further up would never come, should that lane be
 * held by who awaits op. */
static int spawn_children(struct fl_op *op, struct fl_device *dev, bool overtakes)
{
	struct fl_device **children;
	size_t count;
	int err, first = children_get(dev, &children, &count);

	if (first)
		return first;
	for (size_t i = 0; i < count; i++) {
		err = fl_device_remove_spawn(op, children[i]);
		if (err == -ENODEV && overtakes)
			fl_lane_overtake(children[i]->lane);
		if (err && !first)
			first = err;
		fl_device_put(children[i]);
	}
	free(children);
	return first;
}

int fl_device_remove_children_spawn(struct fl_op *op, struct fl_device *dev)
{
	return spawn_children(op, dev, false);
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

		if (!abandoned || fl_lane_abandoned(child->lane)) {
			if (abandoned)
				fl_log(FL_LOG_ERR, "%s %s: its removal hangs; going on without it",
				       child->bus, child->name);
			unlink_tree(child);
		}
		fl_device_put(child);
	}
	free(children);
}

/* Context: the timer thread. The driver's waits end with -ECANCELED. */
static void watchdog_bites(struct fl_timer *watchdog)
{
	struct fl_device_op *dop = FL_CONTAINER_OF(watchdog, struct fl_device_op, watchdog);

	fl_log(FL_LOG_WARN, "%s %s: its driver takes too long to let go: told to stop",
	       dop->dev->bus, dop->dev->name);
	fl_op_cancel(&dop->op);
	fl_op_put(&dop->op);
}

static void watchdog_arm(struct fl_device_op *dop)
{
	struct fl_sched *sched = dop->dev->root->sched;

	fl_timer_init(&dop->watchdog, watchdog_bites);
	fl_op_get(&dop->op);
	if (fl_timer_arm(sched, &dop->watchdog, fl_sched_config(sched)->remove_deadline_ns))
		fl_op_put(&dop->op);
}

static int remove_called(struct fl_op *op)
{
	struct fl_device_op *dop = fl_device_op_of(op);

	if (fl_timer_cancel(dop->dev->root->sched, &dop->watchdog))
		fl_op_put(op);
	return remove_unlink(op);
}

static int remove_call(struct fl_op *op)
{
	struct fl_device *dev = fl_device_op_of(op)->dev;
	const struct fl_driver *driver;

	/* An unbinding that was parked may come back at this moment: one of the two calls. */
	driver = __atomic_exchange_n(&dev->driver, NULL, __ATOMIC_ACQ_REL);
	if (!driver)
		return remove_unlink(op);
	watchdog_arm(fl_device_op_of(op));
	fl_op_then(op, remove_called);
	fl_assert_may_block("remove");
	return driver->remove(op, dev);
}

static int remove_blocking(struct fl_op *op)
{
	/* Without a thread of its own a sleeping driver would hold a shared one (rule 4). */
	if (fl_op_result(op) == -EBUSY)
		return fl_op_cancelled(op) ? -ECANCELED
					   : fl_op_sleep(op, RETRY_NS, remove_children);
	return remove_call(op);
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
	if (!has_children(dev))
		return remove_driver(op);
	if (fl_op_cancelled(op))
		return -ECANCELED;
	if (fl_device_op_of(op)->unbinds)
		return unbind_again(op);
	return fl_op_sleep(op, RETRY_NS, remove_children);
}

static int remove_children(struct fl_op *op)
{
	struct fl_device_op *dop = fl_device_op_of(op);

	/* What could not be started, the next round starts. */
	spawn_children(op, dop->dev, !dop->unbinds);
	return fl_op_join(op, remove_joined);
}

static int remove_run(struct fl_op *op)
{
	struct fl_device *dev = fl_device_op_of(op)->dev;

	fl_lock_take(&dev->root->lock);
	dev->closed = true;
	fl_lock_drop(&dev->root->lock);
	return remove_children(op);
}

static int remove_unlink(struct fl_op *op)
{
	struct fl_device *dev = fl_device_op_of(op)->dev;

	if (fl_device_op_of(op)->unbinds || fl_device_unlink(dev) == 0)
		return 0;
	return fl_op_cancelled(op) ? fl_op_yield(op, remove_unlink)
				   : fl_op_sleep(op, RETRY_NS, remove_unlink);
}

/* A removal that ends with an error was overtaken, before it ran, by one above it, which will
 * remove the device: whom this one was to tell, that one tells. Unless it was parked: then
 * the one above has left the device behind. */
static void remove_ended(struct fl_op *op, int err)
{
	struct fl_device_op *dop = fl_device_op_of(op);
	struct fl_device *dev = dop->dev;
	void (*gone)(void *arg) = NULL;
	void *gone_arg = NULL;
	bool removed_now;

	fl_lock_take(&dev->root->lock);
	removed_now = (!err || fl_op_parked(op)) && !dev->removed;
	if (removed_now)
		dev->removed = true;
	if (!dev->removed && dop->gone) {
		dev->gone = dop->gone;
		dev->gone_arg = dop->gone_arg;
		dop->gone = NULL;
	} else if (dev->removed) {
		gone = dev->gone;
		gone_arg = dev->gone_arg;
		dev->gone = NULL;
	}
	fl_lock_drop(&dev->root->lock);
	if (removed_now && dev->platform_gone)
		dev->platform_gone(dev->platform);
	if (dop->gone)
		dop->gone(dop->gone_arg);
	if (gone)
		gone(gone_arg);
}

static const struct fl_op_type remove_type = {
	.kind = "remove",
	.run = remove_run,
	.ended = remove_ended,
	.free = fl_device_op_free,
	.flags = FL_OP_REMOVES,
};

int fl_device_remove_post(struct fl_device *dev, struct fl_client *client, void (*gone)(void *arg),
			  void *arg)
{
	struct fl_device_op *dop = fl_device_op_new(dev, &remove_type, client);

	if (!dop)
		return -ENOMEM;
	dop->gone = gone;
	dop->gone_arg = arg;
	return fl_op_submit(&dop->op);
}

int fl_device_remove_spawn(struct fl_op *op, struct fl_device *dev)
{
	struct fl_device_op *dop = fl_device_op_new(dev, &remove_type, fl_op_client(op));

	return dop ? fl_op_spawn(op, &dop->op) : -ENOMEM;
}

/* ---- unbinding -------------------------------------------------------------------- */

static int unbind_run(struct fl_op *op)
{
	return fl_device_driver(fl_device_op_of(op)->dev) ? remove_children(op) : -ENODEV;
}

static void unbind_ended(struct fl_op *op, int err)
{
	struct fl_device_op *dop = fl_device_op_of(op);

	if (dop->told)
		dop->told(dop->told_arg, err ? -ENODEV : 0);
}

static const struct fl_op_type unbind_type = {
	.kind = "unbind",
	.run = unbind_run,
	.ended = unbind_ended,
	.free = fl_device_op_free,
};

static int unbind_submit(struct fl_device *dev, struct fl_client *client,
			 void (*unbound)(void *arg, int err), void *arg)
{
	struct fl_device_op *dop = fl_device_op_new(dev, &unbind_type, client);

	if (!dop)
		return -ENOMEM;
	dop->unbinds = true;
	dop->told = unbound;
	dop->told_arg = arg;
	return fl_op_submit(&dop->op);
}

/* A child's removal queues behind this operation, and would for ever: gets in line behind it. */
static int unbind_again(struct fl_op *op)
{
	struct fl_device_op *dop = fl_device_op_of(op);
	int err = unbind_submit(dop->dev, fl_op_client(op), dop->told, dop->told_arg);

	if (err == -ENOMEM || err == -EBUSY)
		return fl_op_sleep(op, RETRY_NS, remove_children);
	if (!err)
		dop->told = NULL;
	return err;
}

int fl_device_unbind_post(struct fl_device *dev, struct fl_client *client,
			  void (*unbound)(void *arg, int err), void *arg)
{
	struct fl_device **children;
	size_t count = 0;

	if (fl_device_driver(dev) && !children_get(dev, &children, &count)) {
		for (size_t i = 0; i < count; i++) {
			fl_device_remove_post(children[i], client, NULL, NULL);
			fl_device_put(children[i]);
		}
		free(children);
	}
	return unbind_submit(dev, client, unbound, arg);
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
