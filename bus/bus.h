/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bus.h - devices, drivers, and the auxiliary bus, on lanes.
 *
 * A device has a lane of its own under its parent's. Adding, probing and removing are
 * operations on that lane: children of one parent are probed and removed in parallel
 * (rule 5), and nothing global is held (rule 4). A device that no driver takes stays,
 * unbound.
 *
 *  B1  probe and remove of one device never overlap, and run alone on its lane.
 *  B2  remove is called once for each probe that returned 0, after all children are gone.
 *  B3  A failing probe of a child does not fail its parent.
 *  B4  After removal has begun no child is born (L5).
 *  B5  Removing and unbinding do not stand in line: they seal the device's lane (rule 6). While
 *      an unbinding goes on, who would bind, unbind or remove the device waits for it.
 */
#ifndef FL_BUS_BUS_H
#define FL_BUS_BUS_H

#include "lane/lane.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_bus_root; /* the buses, drivers and devices of one plane */
struct fl_device;

/* How who asked for something is told what became of it: 0 or a negative errno, and why, a sentence
 * or NULL. That may be before the call returns in which he asked. Context: any thread, no lane; may
 * post, must not block. */
typedef void fl_device_told(void *arg, int err, const char *why);

struct fl_driver {
	const char *name; /* as in sysfs: "mlx5_core", "mlx5_core.rdma" */
	const char *bus;  /* "pci", "auxiliary", "netdevsim" */
	/* On the auxiliary bus: the device name up to its last dot, "mlx5_core.sf". On the
	 * others: the `driver` a device was added for. */
	const char *match;
	/* Callbacks may sleep: they get threads of the device's quota. */
	bool blocks;
	/* Context: a step, alone on the device's lane; nothing else held. Valid replies: 0
	 * (bound), -errno (not bound, everything taken back), FL_LATER as any step. */
	int (*probe)(struct fl_op *op, struct fl_device *dev);
	/* Context: the same; all children are gone. Valid replies: 0, FL_LATER (ends in 0).
	 * After the scheduler's deadline for removals the operation is cancelled and waits
	 * give -ECANCELED: finish without them. After another, it is gone on without. */
	int (*remove)(struct fl_op *op, struct fl_device *dev);
};

/* -- not installed -- */
int fl_bus_root_new(struct fl_sched *sched, struct fl_bus_root **ret_root);
void fl_bus_root_free(struct fl_bus_root *root);
/* Whether a device that is added to `bus` for `match` finds a driver. */
bool fl_driver_known(struct fl_bus_root *root, const char *bus, const char *match);
/* -- installed -- */
struct fl_sched *fl_bus_root_sched(const struct fl_bus_root *root);

/* The driver must outlive the root. -EEXIST: a driver with that bus and name is there.
 * Devices that wait for it are not probed by this: add drivers first. */
int fl_driver_register(struct fl_bus_root *root, const struct fl_driver *driver);

struct fl_device_desc {
	const char *bus;  /* must stay valid: a literal */
	const char *name; /* copied: "0000:03:00.0", "mlx5_core.rdma.4" */
	/* Copied; what fl_driver.match is compared to; NULL: from an auxiliary name. */
	const char *match;
	struct fl_device *parent; /* NULL: a root device */
	void *platform;   /* for the driver: what to make; freed by platform_free */
	/* With the memory: at the last reference. Context: any thread; must not block. */
	void (*platform_free)(void *platform);
	/* Called once when the device's removal is over, whoever asked for it; may be NULL.
	 * Context: a worker, no lane; may post, must not block. */
	void (*gone)(void *platform);
};

/* Makes a device and its lane, unprobed. -EEXIST, -ENODEV (the parent goes), -EINVAL (a
 * name that is empty, too long or holds a slash), -ENOMEM; on failure `platform` stays the
 * caller's. The device lives until fl_device_remove...(); the caller gets one reference, or
 * passes NULL for ret_dev. */
int fl_device_add(struct fl_bus_root *root, const struct fl_device_desc *desc,
		  struct fl_device **ret_dev);

/* Takes a device back that was not probed, without an operation: when its first probe was
 * refused. `gone` is called. Context: nobody else was told of the device. */
void fl_device_discard(struct fl_device *dev);

/* Probes on the device's own lane: by itself, or awaited by op (whose lane is above).
 * Results as fl_op_submit(). A failed or refused probe leaves the device unbound.
 * The fl_op_join() of spawned probes gives 0 whatever the drivers returned (B3); -ENODEV if
 * a device went away before its probe began. */
int fl_device_probe_post(struct fl_device *dev, struct fl_client *client);
int fl_device_probe_spawn(struct fl_op *op, struct fl_device *dev);

/* The same as fl_device_probe_post(), with a call when it is over: 0 (its driver took it),
 * what the driver's probe returned, -EBUSY (it has a driver, or something of the driver before
 * does not return), -ENODEV (no driver takes it, or it goes). probed() is not called if this
 * fails. */
int fl_device_probe_call(struct fl_device *dev, struct fl_client *client, fl_device_told *probed,
			 void *arg);

/* Takes the driver away, and all children, which the driver made; the device stays. What runs on it
 * or below is told to stop, but for what was declared to last; what queues there ends. Results as
 * fl_op_submit(); -ENODEV also: it has no driver. unbound() (may be NULL) is told 0, -ENODEV (it had
 * no driver, or it goes) or -EBUSY (its driver does not let go). */
int fl_device_unbind_post(struct fl_device *dev, struct fl_client *client, fl_device_told *unbound,
			  void *arg);

/* Removes: seals the lane, removes all children in parallel, then the driver, then the
 * device. gone() (may be NULL) is told 0 when it is over, or -EBUSY if its driver does not let go:
 * then the device stays as it is, and goes with the one above. -ENODEV: somebody removes it
 * already. */
int fl_device_remove_post(struct fl_device *dev, struct fl_client *client, fl_device_told *gone,
			  void *arg);
int fl_device_remove_spawn(struct fl_op *op, struct fl_device *dev);

/* Spawns the removal of every child of dev (op is alone on dev's lane); then fl_op_join().
 * Gives the first error; the others are on their way. */
int fl_device_remove_children_spawn(struct fl_op *op, struct fl_device *dev);

struct fl_device *fl_device_get(struct fl_device *dev); /* keeps the memory only */
void fl_device_put(struct fl_device *dev);

const char *fl_device_name(const struct fl_device *dev);
const char *fl_device_bus(const struct fl_device *dev);
struct fl_device *fl_device_parent(const struct fl_device *dev);
struct fl_lane *fl_device_lane(const struct fl_device *dev);
struct fl_bus_root *fl_device_root(const struct fl_device *dev);
void *fl_device_platform(const struct fl_device *dev);
/* Whether its removal has begun. In a driver's remove: whether the device goes, too; else it is
 * only unbound. Context: any. */
bool fl_device_goes(struct fl_device *dev);
/* NULL when unbound. A hint unless on the device's lane. */
const struct fl_driver *fl_device_driver(const struct fl_device *dev);
void fl_device_set_data(struct fl_device *dev, void *data); /* on its lane */
void *fl_device_data(const struct fl_device *dev);

/* Finds by bus and name; one reference. Context: any. NULL if there is none. */
struct fl_device *fl_device_find(struct fl_bus_root *root, const char *bus, const char *name);

/* Calls fn for a copy of the list, each device referenced during its call. Returns 0 or -ENOMEM. */
int fl_bus_walk(struct fl_bus_root *root, void (*fn)(struct fl_device *dev, void *arg), void *arg);

/* The lowest unused id for auxiliary devices (mlx5_core.sf.N), -ENOMEM or -ENOSPC; given
 * back when freed. */
int fl_auxiliary_id_alloc(struct fl_bus_root *root);
void fl_auxiliary_id_free(struct fl_bus_root *root, int id);

#pragma GCC visibility pop

#endif
