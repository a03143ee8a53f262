/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region.h - regions and snapshots as core/ keeps them. */
#ifndef FL_CORE_REGION_H
#define FL_CORE_REGION_H

#include "core/driver-region.h"
#include "core/instance.h"

/* The bytes of a snapshot. Written by the one operation that takes it, until its commit; never
 * after. Counted: every version that has the snapshot holds it. */
struct fl_blob {
	int refs;
	uint64_t serial; /* no other has it; not 0 */
	uint8_t data[];
};

/* Zeroed, one reference. NULL: out of memory. */
struct fl_blob *fl_blob_new(uint64_t size);
struct fl_blob *fl_blob_get(struct fl_blob *blob);
void fl_blob_put(struct fl_blob *blob); /* NULL is fine */

/* What of a region never changes, and what drivers hold on to. Counted. */
struct fl_region {
	int refs;
	struct fl_lane *lane; /* referenced */
	const struct fl_region_ops *ops;
	void *priv;
	uint64_t size;
	uint64_t key;
	uint32_t max_snapshots;
	uint32_t port;
	bool has_port;
	char name[];
};

struct fl_snapshot {
	uint32_t id;
	struct fl_blob *blob; /* referenced */
};

/* A region in a version; see struct fl_obj for who may write when. */
struct fl_region_obj {
	struct fl_obj obj;
	struct fl_region *region; /* referenced */
	uint32_t count;
	struct fl_snapshot *snapshot; /* in the order in which they were made */
};

static inline const struct fl_region_obj *fl_obj_region(const struct fl_obj *obj)
{
	return (const struct fl_region_obj *)obj;
}

/* Finds by name. Context: RCU read section. */
const struct fl_region_obj *fl_region_find(const struct fl_version *version, const char *name);
const struct fl_region_obj *fl_port_region_find(const struct fl_version *version, uint32_t port,
						const char *name);
/* NULL: there is none. Context: as the object's. */
const struct fl_snapshot *fl_region_snapshot(const struct fl_region_obj *obj, uint32_t id);

/* The region as txn sees it, NULL if it is removed. Context: as fl_txn_obj(). */
const struct fl_region_obj *fl_region_obj(struct fl_txn *txn, const struct fl_region *region);

/* Whether any snapshot of the instance has that id. */
bool fl_region_id_taken(struct fl_txn *txn, uint32_t id);
/* As fl_region_snapshot_add(), with a reference of the caller's to what becomes its data. */
int fl_region_snapshot_keep(struct fl_txn *txn, struct fl_region *region, uint32_t id,
			    struct fl_blob *blob);

/* The message that tells of a snapshot. */
void fl_region_snapshot_encode(struct fl_msg *msg, const struct fl_devlink *dl,
			       const struct fl_region *region, uint32_t id, uint8_t cmd,
			       uint32_t seq, uint32_t portid);

/* The region that a request names, which has DEVLINK_ATTR_REGION_NAME. -ENODEV: no such port;
 * -EINVAL: no such region. Context: RCU read section. */
int fl_req_region(const struct fl_req *req, const struct fl_version *version,
		  const struct fl_region_obj **ret_obj);

/* Removes the regions of a port that is deleted. */
void fl_port_regions_del(struct fl_txn *txn, uint32_t port);

#endif
