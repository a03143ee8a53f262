/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-rate.h - transmit rates of ports and groups of ports, as a driver makes them.
 *
 * A leaf belongs to a port and is the driver's to make; nodes are made by clients. What is
 * changed on a leaf is an operation on its port's lane (the instance's rates lane if the port
 * has none), what is changed on a node on the instance's rates lane. A node is not deleted
 * while it is somebody's parent.
 */
#ifndef FL_CORE_DRIVER_RATE_H
#define FL_CORE_DRIVER_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_op;
struct fl_txn;

#define FL_RATE_TCS 8 /* DEVLINK_RATE_TCS_MAX */

/* The leaf or node that is changed, and what it hangs on. Lives as long as the operation. */
struct fl_rate_target {
	uint32_t port;    /* of a leaf */
	const char *node; /* name of a node, NULL: a leaf */
	void *priv;       /* the driver's: of fl_rate_leaf_add() or node_new */
};

/*
 * Steps. Context: alone on the lane said above, shared on those over it. Valid replies: 0:
 * finelink then shows the value; -errno with text in fl_txn_extack(). What was set before a
 * failure in one request stays set, as in the kernel. NULL: -EOPNOTSUPP with a text.
 * Units: bytes a second; priority, weight and tc_bw are numbers that mean what the device makes of
 * them, bounded by the uAPI's policy.
 */
struct fl_rate_set_ops {
	int (*tx_share)(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
			uint64_t share); /* bytes a second; DEVLINK_ATTR_RATE_TX_SHARE */
	int (*tx_max)(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		      uint64_t max); /* bytes a second, 0: unlimited; DEVLINK_ATTR_RATE_TX_MAX */
	int (*tx_priority)(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
			   uint32_t priority);
	int (*tx_weight)(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
			 uint32_t weight);
	/* parent NULL: none. Cycles have been refused. The parent stays until this is over. */
	int (*parent)(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		      const struct fl_rate_target *parent);
	int (*tc_bw)(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		     const uint32_t tc_bw[FL_RATE_TCS]); /* shares of the traffic classes */
};

struct fl_rate_ops {
	struct fl_rate_set_ops leaf, node;
	/* Steps; both or none: without them clients make no nodes. Context: alone on the rates
	 * lane, shared on those above it. Valid replies: 0 with *ret_priv, kept with the node;
	 * -errno with text in fl_txn_extack(): there is no node. */
	int (*node_new)(struct fl_op *op, struct fl_txn *txn, const char *name, void **ret_priv);
	/* Also undoes a node_new whose first values were refused. Context: the same. Valid
	 * replies: 0, -errno: told to the client; the node is gone whatever is replied. */
	int (*node_del)(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate);
};

/* Makes the leaf of a port and announces it (RATE_NEW). parent: a node's name or NULL. Sticky
 * -EEXIST, -ENODEV (no such node). Context: alone on the port's lane or above. */
void fl_rate_leaf_add(struct fl_txn *txn, uint32_t port, void *priv, const char *parent);
/* Removes it and announces that (RATE_DEL), before the port goes; nothing if there is none. */
void fl_rate_leaf_del(struct fl_txn *txn, uint32_t port);

/* Makes a node by the driver itself and announces it. Sticky -EEXIST, -ENODEV (no such parent),
 * -EINVAL (the name is empty or a number). Context: alone on the instance's lane. */
void fl_rate_node_add(struct fl_txn *txn, const char *name, void *priv, const char *parent);

/* Removes all nodes, from leaves as parents too, announcing nothing; gone() is called for each,
 * its children first let go. Context: alone on the instance's lane. */
void fl_rate_nodes_del(struct fl_txn *txn,
		       void (*gone)(const struct fl_rate_target *node, void *arg), void *arg);

#pragma GCC visibility pop

#endif
