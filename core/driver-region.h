/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-region.h - address regions and their snapshots, as a driver makes them.
 *
 * A region belongs to an instance or to a port. Snapshots are made by clients, by the driver
 * when something happens, or both. All regions of an instance share one lane for that, the
 * instance's regions lane, so that several can be caught at the same moment under one id; only
 * those of a port whose function has a lane are on that one, since they go with it.
 */
#ifndef FL_CORE_DRIVER_REGION_H
#define FL_CORE_DRIVER_REGION_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_devlink;
struct fl_lane;
struct fl_op;
struct fl_region;
struct fl_txn;

/* Steps. Context: alone on the region's lane, shared on the instance's. Valid
 * replies: 0, or -errno with a text in fl_txn_extack(). Each may be NULL: -EOPNOTSUPP. */
struct fl_region_ops {
	/* Fills data, as many bytes as the region has, which are zero: REGION_NEW. */
	int (*snapshot)(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
			uint8_t *data);
	/* Fills data with `len` bytes (at most 65,536) that begin at `offset`, all of them in
	 * the region: REGION_READ with DEVLINK_ATTR_REGION_DIRECT. */
	int (*read)(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
		    uint64_t offset, uint32_t len, uint8_t *data);
};

#define FL_REGION_SNAPSHOTS_MAX 4096

struct fl_region_desc {
	const char *name;                /* DEVLINK_ATTR_REGION_NAME, copied */
	const struct fl_region_ops *ops; /* not copied */
	void *priv;
	uint64_t size;                   /* bytes; DEVLINK_ATTR_REGION_SIZE */
	uint32_t max_snapshots;          /* up to FL_REGION_SNAPSHOTS_MAX */
};

/* Makes a region and announces it (REGION_NEW). The caller gets one reference. NULL: sticky
 * -EEXIST (the name is taken), -ENODEV (no such port), -EINVAL (max_snapshots), -ENOMEM.
 * Context: txn's operation is alone on the instance's lane. */
struct fl_region *fl_region_add(struct fl_txn *txn, const struct fl_region_desc *desc);
struct fl_region *fl_port_region_add(struct fl_txn *txn, uint32_t port,
				     const struct fl_region_desc *desc);
/* Removes it with its snapshots and announces that (REGION_DEL of each, then of the region). A
 * port that is deleted takes its regions along. Context: alone on the instance's lane or (of a
 * port that is deleted) on the port's. */
void fl_region_del(struct fl_txn *txn, struct fl_region *region); /* NULL is fine */

/* A reference keeps the memory only. */
struct fl_region *fl_region_get(struct fl_region *region);
void fl_region_put(struct fl_region *region); /* NULL is fine */
const char *fl_region_name(const struct fl_region *region);
void *fl_region_priv(const struct fl_region *region);
uint64_t fl_region_size(const struct fl_region *region);

/* Its lane, one reference: for an operation of the driver's own. */
struct fl_lane *fl_region_lane(const struct fl_region *region);

/* The lowest id that no snapshot of the instance has; for one snapshot, or one of each region.
 * Context: txn's operation is alone on the regions' lane or above, and adds them by this txn. */
uint32_t fl_region_snapshot_id(struct fl_txn *txn);
/* Adds a snapshot, a copy of data (as many bytes as the region has), and announces it
 * (REGION_NEW with DEVLINK_ATTR_REGION_SNAPSHOT_ID). Returns 0; -ENOSPC (max_snapshots are
 * there), -EEXIST (that id is), -ENODEV (no such region), -ENOMEM: then nothing was added, and
 * txn goes on. The same context. */
int fl_region_snapshot_add(struct fl_txn *txn, struct fl_region *region, uint32_t id,
			   const void *data);
/* Deletes it and announces that (REGION_DEL). Returns 0 or -ENOENT. The same context. */
int fl_region_snapshot_del(struct fl_txn *txn, struct fl_region *region, uint32_t id);
/* Adds one by an operation of its own, under a new id; is logged if there is no room. Context:
 * any thread, no lock held, while dl is not freed. Returns 0, -ENODEV, -EBUSY, -ENOMEM. */
int fl_region_snapshot_post(struct fl_devlink *dl, struct fl_region *region, const void *data);

#pragma GCC visibility pop

#endif
