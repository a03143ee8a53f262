/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dpipe.h - tables of the packet pipeline as core/ keeps them. */
#ifndef FL_CORE_DPIPE_H
#define FL_CORE_DPIPE_H

#include "core/instance.h"

/* What of a table never changes: counted, so that operations keep it. */
struct fl_dpipe_desc {
	int refs;		     /* atomic */
	struct fl_dpipe_table table; /* name, matches and actions are our own copies */
};

/* A table in a version. Its image is TABLE_GET's answer with this table alone. */
struct fl_dpipe_obj {
	struct fl_obj obj;
	struct fl_dpipe_desc *desc;
	bool counters;
	uint32_t table_at; /* where DEVLINK_ATTR_DPIPE_TABLE is in the image, to its end */
	uint32_t size_at;  /* and the value of DEVLINK_ATTR_DPIPE_TABLE_SIZE */
};

struct fl_dpipe_desc *fl_dpipe_desc_get(struct fl_dpipe_desc *desc);
void fl_dpipe_desc_put(struct fl_dpipe_desc *desc); /* NULL is fine */

/* By name, as a transaction sees it; one reference. -EINVAL: there is none. */
int fl_dpipe_desc_find(struct fl_txn *txn, const char *name, uint64_t *ret_key,
		       struct fl_dpipe_desc **ret_desc, bool *ret_counters);
void fl_dpipe_counters_apply(struct fl_txn *txn, uint64_t key, bool counters);

/* Put DEVLINK_ATTR_DPIPE_MATCH or _ACTION, or one of those with its value. */
void fl_dpipe_match_put(struct fl_msg *msg, const struct fl_dpipe_ref *ref);
void fl_dpipe_action_put(struct fl_msg *msg, const struct fl_dpipe_ref *ref);

#endif
