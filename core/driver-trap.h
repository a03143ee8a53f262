/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-trap.h - packet traps, their groups and policers, as a driver makes them.
 *
 * Order: policers, then groups, then traps; and back. Where a group names a policer or a trap a
 * group, it has to be there (sticky -EINVAL). Names are copied, cells are counted.
 * Context of all fl_trap*() calls: alone on the instance's lane.
 */
#ifndef FL_CORE_DRIVER_TRAP_H
#define FL_CORE_DRIVER_TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/driver-cell.h"
#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_op;
struct fl_txn;

/* Which packets of a trap a user can tell more of: DEVLINK_ATTR_TRAP_METADATA. */
enum fl_trap_metadata {
	FL_TRAP_METADATA_IN_PORT = 1 << 0,
	FL_TRAP_METADATA_FA_COOKIE = 1 << 1,
};

struct fl_trap_policer {
	uint32_t id; /* DEVLINK_ATTR_TRAP_POLICER_ID; not 0, which means none */
	uint64_t rate, min_rate, max_rate;    /* packets a second, both bounds inclusive */
	uint64_t burst, min_burst, max_burst; /* packets */
	struct fl_cell *dropped;              /* packets, or NULL: has no statistics */
};

struct fl_trap_group {
	const char *name;      /* DEVLINK_ATTR_TRAP_GROUP_NAME */
	bool generic;          /* one of the names that all drivers share */
	uint32_t policer;      /* at first, or 0 */
	/* What was trapped in the group: the driver adds to it; NULL: stays 0. */
	struct fl_cell *rx_packets, *rx_bytes;
	void *priv;            /* given to the callbacks */
};

struct fl_trap {
	const char *name;      /* DEVLINK_ATTR_TRAP_NAME */
	const char *group;
	bool generic;
	enum devlink_trap_type type;
	enum devlink_trap_action action; /* at first */
	unsigned int metadata; /* enum fl_trap_metadata */
	struct fl_cell *rx_packets, *rx_bytes; /* as of the group */
	struct fl_cell *dropped; /* packets that the device dropped itself; NULL: not told */
	void *priv;
};

/*
 * What clients change. All are steps. Context: alone on the instance's traps lane, shared on the
 * instance's. Strings live as long as the step's operation. Valid replies: 0: finelink then
 * shows the new value; -errno with text in fl_txn_extack(): the old one stays.
 */
struct fl_trap_ops {
	/* TRAP_SET, and TRAP_GROUP_SET for each trap of a group. A trap that is not of type drop
	 * comes here only with the action that it has. Required. */
	int (*action_set)(struct fl_op *op, struct fl_txn *txn, const char *trap, void *priv,
			  enum devlink_trap_action action);
	/* TRAP_GROUP_SET of all at once; then action_set is not called for each. Optional. */
	int (*group_action_set)(struct fl_op *op, struct fl_txn *txn, const char *group, void *priv,
				enum devlink_trap_action action);
	/* Binds a group to a policer, or to none (0). NULL: -EOPNOTSUPP. */
	int (*group_policer_set)(struct fl_op *op, struct fl_txn *txn, const char *group,
				 void *priv, uint32_t policer);
	/* Packets a second, and packets, within the policer's bounds. NULL: -EOPNOTSUPP. */
	int (*policer_set)(struct fl_op *op, struct fl_txn *txn, uint32_t policer, uint64_t rate,
			   uint64_t burst);
};

/* Add and announce them (TRAP_POLICER_NEW, TRAP_GROUP_NEW, TRAP_NEW). Sticky -EEXIST, -EINVAL. */
void fl_trap_policers_register(struct fl_txn *txn, const struct fl_trap_policer *policers,
			       size_t count);
void fl_trap_groups_register(struct fl_txn *txn, const struct fl_trap_group *groups, size_t count);
void fl_traps_register(struct fl_txn *txn, const struct fl_trap *traps, size_t count);

/* Remove all of them, the latest first, and announce that (..._DEL). */
void fl_traps_unregister(struct fl_txn *txn);
void fl_trap_groups_unregister(struct fl_txn *txn);
void fl_trap_policers_unregister(struct fl_txn *txn);

#pragma GCC visibility pop

#endif
