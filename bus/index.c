/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* index.c - finding devices by bus and name, without a lock. */
#include "bus/bus-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t fl_device_hash(const char *bus, const char *name)
{
	return fl_hash(name, strlen(name), fl_hash(bus, strlen(bus), 0));
}

static bool device_is(const struct fl_device *dev, const char *bus, const char *name)
{
	return strcmp(dev->name, name) == 0 && strcmp(dev->bus, bus) == 0;
}

/* Context: RCU read section, or the root's lock. */
static struct fl_device *lookup(const struct fl_pmap_node *index, const char *bus,
				const char *name)
{
	struct fl_device *dev = fl_pmap_get(index, fl_device_hash(bus, name));

	while (dev && !device_is(dev, bus, name))
		dev = fl_rcu_deref(dev->chain);
	return dev;
}

/* Context: under the root's lock. */
static int link_locked(struct fl_device *dev, struct fl_pmap_edit *edit)
{
	struct fl_bus_root *root = dev->root;
	struct fl_pmap_node *index = root->index;
	uint64_t hash = fl_device_hash(dev->bus, dev->name);

	if (dev->parent && (dev->parent->closed || fl_lane_sealed(dev->parent->lane)))
		return -ENODEV;
	if (lookup(index, dev->bus, dev->name))
		return -EEXIST;
	dev->chain = fl_pmap_get(index, hash);
	fl_pmap_set(edit, &index, hash, dev);
	fl_rcu_assign(root->index, index);
	if (dev->parent)
		cds_list_add_tail(&dev->sibling, &dev->parent->children);
	dev->listed = true;
	return 0;
}

/* Context: under the root's lock. A reader that stands on dev still gets on by its chain. */
static void unlink_locked(struct fl_device *dev, struct fl_pmap_edit *edit)
{
	struct fl_bus_root *root = dev->root;
	struct fl_pmap_node *index = root->index;
	uint64_t hash = fl_device_hash(dev->bus, dev->name);
	struct fl_device *before = fl_pmap_get(index, hash);

	if (before == dev) {
		fl_pmap_set(edit, &index, hash, dev->chain);
		fl_rcu_assign(root->index, index);
	} else {
		while (before->chain != dev)
			before = before->chain;
		fl_rcu_assign(before->chain, dev->chain);
	}
	if (dev->parent)
		cds_list_del(&dev->sibling);
	dev->listed = false;
}

int fl_device_unlink(struct fl_device *dev)
{
	struct fl_bus_root *root = dev->root;
	struct fl_pmap_edit edit = { 0 };
	int err = fl_pmap_reserve(&edit, 1);
	bool was_listed;

	if (err) {
		fl_pmap_edit_abort(&edit);
		return err;
	}
	fl_lock_take(&root->lock);
	was_listed = dev->listed;
	if (was_listed)
		unlink_locked(dev, &edit);
	fl_lock_drop(&root->lock);
	fl_pmap_edit_done(&edit);
	if (was_listed) {
		__atomic_sub_fetch(&root->devices, 1, __ATOMIC_RELAXED);
		fl_device_put(dev);
	}
	return 0;
}

/* A reference, unless the last one is gone already. */
static bool try_get(struct fl_device *dev)
{
	int refs = __atomic_load_n(&dev->refs, __ATOMIC_RELAXED);

	while (refs > 0)
		if (__atomic_compare_exchange_n(&dev->refs, &refs, refs + 1, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

struct fl_device *fl_device_find(struct fl_bus_root *root, const char *bus, const char *name)
{
	struct fl_device *dev;

	fl_rcu_read_lock();
	dev = lookup(fl_rcu_deref(root->index), bus, name);
	if (dev && !try_get(dev))
		dev = NULL;
	fl_rcu_read_unlock();
	return dev;
}

static int link_once(struct fl_device *dev)
{
	struct fl_bus_root *root = dev->root;
	struct fl_pmap_edit edit = { 0 };
	int err = fl_pmap_reserve(&edit, 1);

	if (!err) {
		fl_lock_take(&root->lock);
		err = link_locked(dev, &edit);
		fl_lock_drop(&root->lock);
	}
	if (err) {
		fl_pmap_edit_abort(&edit);
		return err;
	}
	fl_pmap_edit_done(&edit);
	__atomic_add_fetch(&root->devices, 1, __ATOMIC_RELAXED);
	return 0;
}

/* A name that is taken by what a removal left behind is free. */
static bool free_name(struct fl_device *dev)
{
	struct fl_device *taken = fl_device_find(dev->root, dev->bus, dev->name);
	bool freed = taken && fl_device_leave_behind(taken);

	fl_device_put(taken);
	return freed;
}

int fl_device_link(struct fl_device *dev)
{
	int err = link_once(dev);

	return err == -EEXIST && free_name(dev) ? link_once(dev) : err;
}

/* References to all devices of one moment, at most `room` of them; gives their number. */
static size_t snapshot(struct fl_bus_root *root, struct fl_device **devs, size_t room)
{
	struct fl_pmap_iter iter;
	struct fl_device *dev;
	size_t count = 0;

	fl_rcu_read_lock();
	fl_pmap_iter_init(&iter, fl_rcu_deref(root->index), 0);
	while ((dev = fl_pmap_iter_next(&iter)))
		for (; dev; dev = fl_rcu_deref(dev->chain))
			if (count < room && try_get(dev))
				devs[count++] = dev;
	fl_rcu_read_unlock();
	return count;
}

static int by_seq(const void *a, const void *b)
{
	const struct fl_device *x = *(struct fl_device *const *)a;
	const struct fl_device *y = *(struct fl_device *const *)b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

int fl_bus_walk(struct fl_bus_root *root, void (*fn)(struct fl_device *dev, void *arg), void *arg)
{
	size_t room = __atomic_load_n(&root->devices, __ATOMIC_RELAXED) + 64;
	struct fl_device **devs = NULL, **more;
	size_t count;

	for (;; room *= 2) {
		more = realloc(devs, room * sizeof(*devs));
		if (!more) {
			free(devs);
			return -ENOMEM;
		}
		devs = more;
		count = snapshot(root, devs, room);
		if (count < room)
			break;
		while (count)
			fl_device_put(devs[--count]);
	}
	qsort(devs, count, sizeof(*devs), by_seq);
	for (size_t i = 0; i < count; i++) {
		fn(devs[i], arg);
		fl_device_put(devs[i]);
	}
	free(devs);
	return 0;
}
