/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-resource.h - resources of the device and of its ports, as a driver makes them.
 *
 * Resources form trees. A client sets a new size; the driver takes it over in reload_up by
 * fl_resource_size_take(). Until then both sizes show. A reload is refused while a set size
 * leaves a parent smaller than its children together.
 * Context of all calls: alone on the instance's lane; of those for a port, on the port's.
 */
#ifndef FL_CORE_DRIVER_RESOURCE_H
#define FL_CORE_DRIVER_RESOURCE_H

#include <stdint.h>

#include "core/driver-cell.h"
#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_txn;

#define FL_RESOURCE_TOP 0 /* as a parent: none */

struct fl_resource {
	const char *name;  /* DEVLINK_ATTR_RESOURCE_NAME; copied */
	uint64_t id;       /* DEVLINK_ATTR_RESOURCE_ID: among those of the device or port; not 0 */
	uint64_t parent;   /* its id, or FL_RESOURCE_TOP */
	uint64_t size;     /* in units */
	uint64_t size_min, size_max, size_granularity; /* what a client may set; granularity > 0 */
	enum devlink_resource_unit unit;
};

/* Adds one. Sticky -EEXIST (the id), -EINVAL (no such parent, no granularity), -ENOMEM. */
void fl_resource_register(struct fl_txn *txn, const struct fl_resource *resource);
/* Removes all of the device. */
void fl_resources_unregister(struct fl_txn *txn);

/* Publishes how much of it is in use, in units (DEVLINK_ATTR_RESOURCE_OCC); NULL: no longer
 * told. Sticky -EINVAL: no such resource. */
void fl_resource_occ_set(struct fl_txn *txn, uint64_t id, struct fl_cell *occ);

/* The size that a client has set last, which thereby becomes the size. -EINVAL: no such
 * resource. */
int fl_resource_size_take(struct fl_txn *txn, uint64_t id, uint64_t *ret_size);

/* The same for a port. They go with fl_port_resources_unregister(), before the port. */
void fl_port_resource_register(struct fl_txn *txn, uint32_t port,
			       const struct fl_resource *resource);
void fl_port_resources_unregister(struct fl_txn *txn, uint32_t port);
void fl_port_resource_occ_set(struct fl_txn *txn, uint32_t port, uint64_t id, struct fl_cell *occ);

#pragma GCC visibility pop

#endif
