/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-port.h - what clients change of ports beside their functions: splitting a port into
 * several, joining them again, and choosing between Ethernet and InfiniBand.
 */
#ifndef FL_CORE_DRIVER_PORT_H
#define FL_CORE_DRIVER_PORT_H

#include <stdint.h>

#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_devlink;
struct fl_lane;
struct fl_op;
struct fl_txn;

/*
 * Steps; any may be NULL: -EOPNOTSUPP. Context: as said at each, shared on the lanes above that.
 * Valid replies: 0; -errno with text in fl_txn_extack(): nothing has changed, and nothing of txn is
 * kept.
 */
struct fl_port_ops {
	/* PORT_SPLIT. Alone on the lane of the instance's ports (fl_ports_lane_get()), shared on
	 * the instance's: ports go and others come, with what they have (fl_port_del(),
	 * fl_port_add(), fl_sb_port_set() ...). The port is splittable; count is a power of two,
	 * 2..lanes. */
	int (*split)(struct fl_op *op, struct fl_txn *txn, uint32_t index, uint32_t count);
	/* PORT_UNSPLIT, the same context. Whether the port is one of a split the driver looks. */
	int (*unsplit)(struct fl_op *op, struct fl_txn *txn, uint32_t index);
	/* PORT_SET of a type that the port does not have (DEVLINK_ATTR_PORT_TYPE: Ethernet,
	 * InfiniBand or auto). Alone on the port's lane, or the ports' if it has none. The
	 * driver sets the type it comes to by fl_port_type_set(), now or later. */
	int (*type_set)(struct fl_op *op, struct fl_txn *txn, uint32_t index,
			enum devlink_port_type type);
};

/* Where ports come and go, one reference: for an operation of the driver's own that adds or
 * removes some, or what they have. A lane of its own, with those of shared buffers, line cards,
 * regions, resources and rates below it, if the driver has split or unsplit; else the
 * instance's. Context: any, while the instance is not freed. */
struct fl_lane *fl_ports_lane_get(struct fl_devlink *dl);

/* The InfiniBand device of a port of that type (DEVLINK_ATTR_PORT_IBDEV_NAME); NULL: none.
 * Announces nothing; finish with fl_port_notify(). Sticky -ENODEV, -ENOMEM. */
void fl_port_ibdev_set(struct fl_txn *txn, uint32_t index, const char *name);

#pragma GCC visibility pop

#endif
