/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device.c - the birth of a device, and what it is. */
#include "bus/bus-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 1024

int fl_bus_root_new(struct fl_sched *sched, struct fl_bus_root **ret_root)
{
	struct fl_bus_root *root = calloc(1, sizeof(*root));

	if (!root)
		return -ENOMEM;
	root->sched = sched;
	fl_lock_init(&root->lock, bus);
	*ret_root = root;
	return 0;
}

void fl_bus_root_free(struct fl_bus_root *root)
{
	struct fl_driver_entry *entry;

	if (!root)
		return;
	/* Retired nodes and devices may still be on their way. */
	fl_rcu_barrier();
	fl_pmap_free(root->index);
	while ((entry = root->drivers)) {
		root->drivers = entry->next;
		free(entry);
	}
	free(root->ids);
	fl_lock_done(&root->lock);
	free(root);
}

struct fl_sched *fl_bus_root_sched(const struct fl_bus_root *root)
{
	return root->sched;
}

/* How much of an auxiliary device's name its driver must have: all up to the last dot. */
static size_t match_len(const struct fl_device_desc *desc)
{
	const char *dot;

	if (desc->match)
		return strlen(desc->match);
	dot = strrchr(desc->name, '.');
	return dot ? (size_t)(dot - desc->name) : strlen(desc->name);
}

static struct fl_device *device_new(struct fl_bus_root *root, const struct fl_device_desc *desc)
{
	size_t name_len = strlen(desc->name), match = match_len(desc);
	struct fl_device *dev = calloc(1, sizeof(*dev) + name_len + match + 2);

	if (!dev)
		return NULL;
	dev->root = root;
	dev->bus = desc->bus;
	dev->refs = 1;
	dev->seq = __atomic_fetch_add(&root->seq, 1, __ATOMIC_RELAXED);
	CDS_INIT_LIST_HEAD(&dev->children);
	CDS_INIT_LIST_HEAD(&dev->sibling);
	memcpy(dev->name, desc->name, name_len);
	dev->match_off = (uint16_t)(name_len + 1);
	memcpy(dev->name + dev->match_off, desc->match ? desc->match : desc->name, match);
	if (desc->parent)
		dev->parent = fl_device_get(desc->parent);
	return dev;
}

static int device_lane_new(struct fl_device *dev)
{
	char name[sizeof("auxiliary/") + NAME_MAX_BYTES];

	snprintf(name, sizeof(name), "%s/%s", dev->bus, dev->name);
	return fl_lane_new(dev->root->sched, dev->parent ? dev->parent->lane : NULL, name, dev,
			   &dev->lane);
}

int fl_device_add(struct fl_bus_root *root, const struct fl_device_desc *desc,
		  struct fl_device **ret_dev)
{
	struct fl_device *dev;
	int err;

	if (!desc->name[0] || strlen(desc->name) >= NAME_MAX_BYTES || strchr(desc->name, '/') ||
	    match_len(desc) >= NAME_MAX_BYTES)
		return -EINVAL;
	dev = device_new(root, desc);
	if (!dev)
		return -ENOMEM;
	err = device_lane_new(dev);
	if (err)
		goto out_put;
	/* From the moment it is linked, a removal may take it away: hold it. */
	fl_device_get(dev);
	dev->platform = desc->platform;
	dev->platform_free = desc->platform_free;
	dev->platform_gone = desc->gone;
	err = fl_device_link(dev);
	if (err) {
		/* What was not taken over stays the caller's. */
		dev->platform_free = NULL;
		fl_lane_discard(dev->lane);
		fl_device_put(dev);
		goto out_put;
	}
	if (ret_dev)
		*ret_dev = dev;
	else
		fl_device_put(dev);
	return 0;
out_put:
	fl_device_put(dev);
	return err;
}

struct fl_device *fl_device_get(struct fl_device *dev)
{
	__atomic_add_fetch(&dev->refs, 1, __ATOMIC_RELAXED);
	return dev;
}

static void device_free_rcu(struct fl_rcu_head *head)
{
	free(FL_CONTAINER_OF(head, struct fl_device, rcu));
}

void fl_device_put(struct fl_device *dev)
{
	struct fl_device *parent;

	if (!dev || __atomic_sub_fetch(&dev->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (dev->platform_free)
		dev->platform_free(dev->platform);
	parent = dev->parent;
	fl_lane_put(dev->lane);
	fl_rcu_call(&dev->rcu, device_free_rcu);
	fl_device_put(parent);
}

const char *fl_device_name(const struct fl_device *dev)
{
	return dev->name;
}

const char *fl_device_bus(const struct fl_device *dev)
{
	return dev->bus;
}

struct fl_device *fl_device_parent(const struct fl_device *dev)
{
	return dev->parent;
}

struct fl_lane *fl_device_lane(const struct fl_device *dev)
{
	return dev->lane;
}

struct fl_bus_root *fl_device_root(const struct fl_device *dev)
{
	return dev->root;
}

void *fl_device_platform(const struct fl_device *dev)
{
	return dev->platform;
}

bool fl_device_goes(struct fl_device *dev)
{
	bool goes;

	fl_lock_take(&dev->root->lock);
	goes = dev->closed;
	fl_lock_drop(&dev->root->lock);
	return goes;
}

const struct fl_driver *fl_device_driver(const struct fl_device *dev)
{
	return __atomic_load_n(&dev->driver, __ATOMIC_ACQUIRE);
}

void fl_device_set_data(struct fl_device *dev, void *data)
{
	__atomic_store_n(&dev->data, data, __ATOMIC_RELEASE);
}

void *fl_device_data(const struct fl_device *dev)
{
	return __atomic_load_n(&dev->data, __ATOMIC_ACQUIRE);
}
