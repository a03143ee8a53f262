/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sb.h - shared buffers as core/ keeps them. */
#ifndef FL_CORE_SB_H
#define FL_CORE_SB_H

#include "core/instance.h"

/* A buffer in a version; its image is SB_GET's. */
struct fl_sb_obj {
	struct fl_obj obj;
	struct fl_sb sb;
	struct fl_sb_pool pool[]; /* fl_sb_pools() of them */
};

/* What one port has in one buffer. Quotas: of the pools, of the ingress traffic classes, of the
 * egress ones. It has no image: counters show in each answer. */
struct fl_sb_port_obj {
	struct fl_obj obj;
	uint32_t count;
	struct fl_sb_quota quota[];
};

static inline unsigned int fl_sb_pools(const struct fl_sb *sb)
{
	return (unsigned int)sb->ingress_pools + sb->egress_pools;
}

static inline unsigned int fl_sb_tcs(const struct fl_sb *sb, enum devlink_sb_pool_type type)
{
	return type == DEVLINK_SB_POOL_TYPE_INGRESS ? sb->ingress_tcs : sb->egress_tcs;
}

/* Where a traffic class has its quota. */
static inline unsigned int fl_sb_tc_quota(const struct fl_sb *sb, enum devlink_sb_pool_type type,
					  unsigned int tc)
{
	return fl_sb_pools(sb) + (type == DEVLINK_SB_POOL_TYPE_INGRESS ? 0 : sb->ingress_tcs) + tc;
}

/* Context: RCU read section. */
const struct fl_sb_obj *fl_sb_find(const struct fl_version *version, uint32_t sb);
const struct fl_sb_port_obj *fl_sb_port_find(const struct fl_version *version, uint32_t sb,
					     uint32_t port);

/* What a client has set, as transactions see it; sticky errors. */
void fl_sb_pool_apply(struct fl_txn *txn, uint32_t sb, uint16_t pool, uint32_t size,
		      enum devlink_sb_threshold_type threshold_type);
void fl_sb_quota_apply(struct fl_txn *txn, uint32_t sb, uint32_t port, unsigned int quota,
		       uint16_t pool, uint32_t threshold);

#endif
