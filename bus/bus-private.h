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
 * 5. children, sibling, waiting, flags, gone: under the root's lock.
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
	struct fl_device_op *waiting; /* for the end of an unbinding: in the order of their turn */
	fl_device_told *gone; /* of a removal that another one took over */
	void *gone_arg;
	uint64_t seq; /* in which order devices were added */
	int refs;
	bool listed;  /* in the index and among its parent's children */
	bool closed;  /* removal has begun: no child is linked any more (B4) */
	bool removed; /* removal is over */
	bool unbinding;
	bool removal_waits;
	uint16_t match_off; /* of the match string, in name */
	struct fl_rcu_head rcu;
	char name[]; /* and, if it is another, the match string */
};

enum fl_device_op_kind { FL_DEVICE_PROBE, FL_DEVICE_REMOVE, FL_DEVICE_UNBIND };

/* One probe, removal or unbinding. */
struct fl_device_op {
	struct fl_op op;
	struct fl_device *dev; /* referenced */
	enum fl_device_op_kind kind;
	const struct fl_driver *driver; /* of a probe: that matched when it was queued */
	int probe_err;                  /* what became of it */
	fl_device_told *told;           /* under the root's lock; NULL: it was told */
	void *told_arg;
	struct fl_device_op *next; /* in dev->waiting */
	bool over;                 /* of an unbinding: atomic; others need not wait any more */
};

/* Whoever asked is told so when his removal was parked. */
#define FL_DEVICE_HANGS "its driver does not let go; see: finelink show lanes"

/* NULL: out of memory. The op's type says what it does. */
struct fl_device_op *fl_device_op_new(struct fl_device *dev, enum fl_device_op_kind kind,
				      const struct fl_op_type *type, struct fl_client *client);
void fl_device_op_free(struct fl_op *op);
/* Submits it, or lets it wait for the end of an unbinding; it is taken over. Results as
 * fl_op_submit(), and then nobody is told; but told() is, if there is one, of -EBUSY, at once. */
int fl_device_op_post(struct fl_device_op *dop, fl_device_told *told, void *arg);
/* Tells who asked, once. */
void fl_device_op_tell(struct fl_device_op *dop, int err, const char *why);
/* A removal is over, or was refused: it tells who asked, or leaves that to the one that goes on. */
void fl_device_removal_over(struct fl_device_op *dop, int err);
/* The steps that an unbinding has in common with a removal: children, then driver. */
int fl_device_take_down(struct fl_op *op);

static inline struct fl_device_op *fl_device_op_of(struct fl_op *op)
{
	return FL_CONTAINER_OF(op, struct fl_device_op, op);
}

/* The driver that takes dev, or NULL. */
const struct fl_driver *fl_driver_match(const struct fl_device *dev);

/* remove.c: takes dev out of the tree if its removal was parked. Gives whether it was. */
bool fl_device_leave_behind(struct fl_device *dev);

/* index.c: devices by bus and name. */
uint64_t fl_device_hash(const char *bus, const char *name);
/* Links dev in the index and below its parent. -EEXIST, -ENODEV (the parent goes), -ENOMEM. */
int fl_device_link(struct fl_device *dev);
/* Takes it out again, once; 0 or -ENOMEM. Drops the index's reference. */
int fl_device_unlink(struct fl_device *dev);

#endif
