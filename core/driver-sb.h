/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-sb.h - shared buffers, as a driver makes them.
 *
 * A buffer has pools, ingress pools first, and each port has a quota in each pool and for each
 * traffic class. What clients set shows once the driver took it; what is occupied shows from
 * counter cells, which a snapshot fills.
 * Context of all fl_sb_*() calls: alone on the instance's lane, those of a port also on the ports'
 * (fl_ports_lane_get()). Nothing of it is announced.
 */
#ifndef FL_CORE_DRIVER_SB_H
#define FL_CORE_DRIVER_SB_H

#include <stdint.h>

#include "core/driver-cell.h"
#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_op;
struct fl_txn;

struct fl_sb {
	uint32_t index; /* DEVLINK_ATTR_SB_INDEX, below 2^24 */
	uint32_t size;	/* bytes; DEVLINK_ATTR_SB_SIZE */
	uint16_t ingress_pools,
		egress_pools;		  /* DEVLINK_ATTR_SB_..._POOL_COUNT; together <= 65535 */
	uint16_t ingress_tcs, egress_tcs; /* DEVLINK_ATTR_SB_..._TC_COUNT */
};

/* Which are the ingress pools and which the egress ones the driver says in `type`; the kernel
 * leaves that to it too. */
struct fl_sb_pool {
	enum devlink_sb_pool_type type;
	uint32_t size;				       /* bytes; DEVLINK_ATTR_SB_POOL_SIZE */
	enum devlink_sb_threshold_type threshold_type; /* static: bytes; dynamic: an alpha */
	uint32_t cell_size;			       /* bytes; DEVLINK_ATTR_SB_POOL_CELL_SIZE */
};

/* Of one port: in a pool, or of a traffic class, which is bound to a pool. */
struct fl_sb_quota {
	uint16_t pool;	    /* of a traffic class: DEVLINK_ATTR_SB_POOL_INDEX */
	uint32_t threshold; /* DEVLINK_ATTR_SB_THRESHOLD, as the pool's threshold type says */
	/* Bytes, as of the last snapshot, and the most since the last clear (32 bits show). NULL:
	 * not told; both or none. */
	struct fl_cell *cur, *max; /* DEVLINK_ATTR_SB_OCC_CUR, _MAX */
};

/* Which quota a client sets. */
struct fl_sb_target {
	uint32_t sb, port;
	uint16_t pool;			/* of a traffic class: the one to bind it to */
	enum devlink_sb_pool_type type; /* of a traffic class */
	uint16_t tc;			/* of a traffic class */
};

/*
 * Steps; any may be NULL: -EOPNOTSUPP. Context: alone on the instance's sb lane, shared on those
 * above it. Sizes are bytes, thresholds bytes or alphas, as the pool has it. Indexes, pool types
 * and threshold types of the uAPI have been checked, sizes and thresholds have not. Valid replies: 0: finelink then shows the new value; -errno with text in
 * fl_txn_extack(): the old one stays. Sizes and thresholds may be rounded in place to what the
 * device has; they and the target live as long as the operation.
 */
struct fl_sb_ops {
	int (*pool_set)(struct fl_op *op, struct fl_txn *txn, uint32_t sb, uint16_t pool,
			uint32_t *size, enum devlink_sb_threshold_type threshold_type);
	int (*port_pool_set)(struct fl_op *op, struct fl_txn *txn,
			     const struct fl_sb_target *target, uint32_t *threshold);
	int (*tc_bind_set)(struct fl_op *op, struct fl_txn *txn, const struct fl_sb_target *target,
			   uint32_t *threshold);
	/* Fills all cells of a buffer with what is occupied now. */
	int (*occ_snapshot)(struct fl_op *op, struct fl_txn *txn, uint32_t sb);
	/* Begins the maxima anew. */
	int (*occ_max_clear)(struct fl_op *op, struct fl_txn *txn, uint32_t sb);
};

/* Adds a buffer; pools: ingress_pools + egress_pools of them. Sticky -EEXIST, -EINVAL, -ENOMEM. */
void fl_sb_register(struct fl_txn *txn, const struct fl_sb *sb, const struct fl_sb_pool *pools);
/* Removes it with what all ports have in it. Sticky -ENODEV. */
void fl_sb_unregister(struct fl_txn *txn, uint32_t sb);

/* A pool as txn sees it, or -ENODEV. Context: also a callback's. */
int fl_sb_pool_read(struct fl_txn *txn, uint32_t sb, uint16_t pool, struct fl_sb_pool *ret_pool);

/* What a port has in a buffer: one quota for each pool, then for each ingress traffic class, then
 * for each egress one. Cells are counted. Replaces what it had. Sticky -ENODEV, -EINVAL (a
 * quota's pool does not exist), -ENOMEM. */
void fl_sb_port_set(struct fl_txn *txn, uint32_t sb, uint32_t port,
		    const struct fl_sb_quota *quotas);
/* Before the port goes. Nothing if it has none. */
void fl_sb_port_del(struct fl_txn *txn, uint32_t sb, uint32_t port);

#pragma GCC visibility pop

#endif
