/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus-private.h - devices and drivers as the files of bus/ see them. */
#ifndef FL_BUS_BUS_PRIVATE_H
#define FL_BUS_BUS_PRIVATE_H

#include <urcu/list.h>

#include "base/lock.h"
#include "base/pmap.h"
#include "base/rcu.h"
#include "base/util.h"
#include "bus/bus.h"

/* One driver that was registered; they are never taken out before the root goes. */
struct fl_driver_entry {
	const struct fl_driver *driver;
	struct fl_driver_entry *next;
};

/*
 * Rules:
 * 1. sched: never changes.
 * 2. index (devices by the hash of bus and name), drivers: read under RCU, written under lock.
 * 3. ids, id_words, id_hint: under lock.
 * 4. seq, devices: atomic.
 */
struct fl_bus_root {
	struct fl_sched *sched;
	struct fl_lock lock;
	struct fl_pmap_node *index;
	struct fl_driver_entry *drivers;
	uint64_t *ids; /* auxiliary ids that are taken, as bits */
	size_t id_words;
	size_t id_hint; /* no word below has a free bit */
	uint64_t seq;
	unsigned int devices;
};

/*
 * Rules:
 * 1. root, bus, name, match, parent, lane, platform*, seq: never change.
 * 2. data: by the driver, on the device's lane; atomic, for operations that were parked.
 * 3. driver: written on the lane and under the root's lock; atomic.
 * 4. chain: read under RCU, written under the root's lock.
 * 5. children, sibling, flags, gone: under the root's lock.
 * 6. refs: atomic; the index holds one.
 */
struct fl_device {
	struct fl_bus_root *root;
	const char *bus;
	struct fl_device *parent;
	struct fl_lane *lane;
	void *platform;
	void (*platform_free)(void *platform);
	void (*platform_gone)(void *platform);
	void *data;
	const struct fl_driver *driver;
	struct fl_device *chain; /* the next one with the same hash */
	struct cds_list_head children;
	struct cds_list_head sibling;
	void (*gone)(void *arg); /* of a removal that another one took over */
	void *gone_arg;
	uint64_t seq; /* in which order devices were added */
	int refs;
	bool listed;  /* in the index and among its parent's children */
	bool closed;  /* removal has begun: no child is linked any more (B4) */
	bool removed; /* removal is over */
	uint16_t match_off; /* of the match string, in name */
	struct fl_rcu_head rcu;
	char name[]; /* and, if it is another, the match string */
};

/* One probe or removal. */
struct fl_device_op {
	struct fl_op op;
	struct fl_device *dev; /* referenced */
	const struct fl_driver *driver; /* that matched when it was queued */
	void (*gone)(void *arg);
	void *gone_arg;
	void (*told)(void *arg, int err); /* when a probe or an unbinding is over */
	void *told_arg;
	int probe_err; /* what became of a probe */
	bool unbinds;  /* the device stays */
	struct fl_timer watchdog; /* of driver->remove; while armed it has a reference */
};

/* NULL: out of memory. The op's type says what it does. */
struct fl_device_op *fl_device_op_new(struct fl_device *dev, const struct fl_op_type *type,
				      struct fl_client *client);
void fl_device_op_free(struct fl_op *op);

static inline struct fl_device_op *fl_device_op_of(struct fl_op *op)
{
	return FL_CONTAINER_OF(op, struct fl_device_op, op);
}

/* The driver that takes dev, or NULL. */
const struct fl_driver *fl_driver_match(const struct fl_device *dev);

/* index.c: devices by bus and name. */
uint64_t fl_device_hash(const char *bus, const char *name);
/* Links dev in the index and below its parent. -EEXIST, -ENODEV (the parent goes), -ENOMEM. */
int fl_device_link(struct fl_device *dev);
/* Takes it out again, once; 0 or -ENOMEM. Drops the index's reference. */
int fl_device_unlink(struct fl_device *dev);

#endif
