/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trap.h - packet traps, groups and policers as core/ keeps them. */
#ifndef FL_CORE_TRAP_H
#define FL_CORE_TRAP_H

#include "core/instance.h"

/* What never changes of a trap or group; shared by its objects of all versions. */
struct fl_trap_desc {
	int refs; /* atomic */
	char *name;
	char *group; /* of a trap */
	bool generic;
	enum devlink_trap_type type;
	unsigned int metadata; /* enum fl_trap_metadata */
	struct fl_cell *rx_packets, *rx_bytes, *dropped; /* counted, or NULL */
	void *priv;
};
struct fl_trap_desc *fl_trap_desc_get(struct fl_trap_desc *desc);
void fl_trap_desc_put(struct fl_trap_desc *desc); /* NULL is fine */

struct fl_trap_obj {
	struct fl_obj obj;
	struct fl_trap_desc *desc; /* counted */
	enum devlink_trap_action action;
};

struct fl_trap_group_obj {
	struct fl_obj obj;
	struct fl_trap_desc *desc; /* counted */
	uint32_t policer;          /* 0: none */
};

struct fl_trap_policer_obj {
	struct fl_obj obj;
	struct fl_trap_policer policer; /* `dropped` counted */
};

/* Find by name; as a version or a transaction sees it. Context: RCU read section. */
const struct fl_obj *fl_trap_find(const struct fl_version *version, enum fl_obj_kind kind,
				  const char *name);
/* The description of a trap or group, one reference, and its key. -ENOENT. */
int fl_trap_desc_find(struct fl_txn *txn, enum fl_obj_kind kind, const char *name,
		      uint64_t *ret_key, struct fl_trap_desc **ret_desc);

/* True if there is at least one of a kind. Context: RCU read section. */
bool fl_trap_any(struct fl_txn *txn, enum fl_obj_kind kind);

/* Apply what the driver has done. Errors stick to txn. */
void fl_trap_action_apply(struct fl_txn *txn, uint64_t key, enum devlink_trap_action action);
void fl_trap_group_policer_apply(struct fl_txn *txn, uint64_t key, uint32_t policer);
void fl_trap_policer_apply(struct fl_txn *txn, uint32_t id, uint64_t rate, uint64_t burst);

#endif
