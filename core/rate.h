/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rate.h - transmit rates as core/ keeps them.
 *
 * Leaves are changed on their ports' lanes and nodes on the rates lane, so that a leaf may
 * take a node as its parent while that node is about to be deleted. Who comes first is decided
 * by the node's count of children:
 *
 *  R1  A node's count is the number of leaves and nodes whose current version, or whose
 *      change that is being made, has it as its parent.
 *  R2  Who wants a node as parent counts itself before the driver is asked; that fails once
 *      the node is being deleted. Who wants to delete a node marks it, which fails unless the
 *      count is zero.
 */
#ifndef FL_CORE_RATE_H
#define FL_CORE_RATE_H

#include "core/instance.h"
#include "core/txn.h"

/* What is the same of a node in all versions. refs and children are atomic, priv and key do
 * not change once the node is in a version. */
struct fl_rate_node {
	int refs;
	int children; /* -1: is being deleted */
	void *priv;
	uint64_t key;
	char name[];
};

struct fl_rate_node *fl_rate_node_new(const char *name);
struct fl_rate_node *fl_rate_node_get(struct fl_rate_node *node);
void fl_rate_node_put(struct fl_rate_node *node); /* NULL is fine */

/* R2: false if it is being deleted; if it has children. */
bool fl_rate_node_add_child(struct fl_rate_node *node);
void fl_rate_node_drop_child(struct fl_rate_node *node);
bool fl_rate_node_mark(struct fl_rate_node *node);
void fl_rate_node_unmark(struct fl_rate_node *node);

/* Nodes have keys below this, the latest the least, so that they are shown first; a leaf's
 * port is added to it. */
#define FL_RATE_LEAF_KEY (1ULL << 40)

struct fl_rate {
	struct fl_obj obj;
	struct fl_rate_node *node;   /* counted; NULL: a leaf */
	uint32_t port;               /* of a leaf */
	void *leaf_priv;
	struct fl_rate_node *parent; /* counted, and this is one of its children; or NULL */
	bool counted;                /* a change that counted itself at its parent anew */
	uint64_t tx_share, tx_max;
	uint32_t tx_priority, tx_weight;
	uint32_t tc_bw[FL_RATE_TCS];
};

static inline const struct fl_rate *fl_obj_rate(const struct fl_obj *obj)
{
	return (const struct fl_rate *)obj;
}

/* What drivers are told of it. */
void fl_rate_target_init(struct fl_rate_target *target, const struct fl_rate *rate);

/* A node by its name, as a version or a transaction sees it; NULL. Context: RCU read section. */
const struct fl_rate *fl_rate_node_find(const struct fl_version *version, const char *name);
const struct fl_rate *fl_rate_node_find_txn(struct fl_txn *txn, const char *name);

/* Whether a node may have this name: not empty, not a number. */
bool fl_rate_name_ok(const char *name);

/* Adds the node, whose reference passes over; announces nothing. Sticky errors. */
void fl_rate_node_insert(struct fl_txn *txn, struct fl_rate_node *node);
/* The leaf or node as something to write to, or NULL: the error sticks. */
struct fl_rate *fl_rate_write(struct fl_txn *txn, uint64_t key);
/* Sets the parent, where the child has counted itself; the reference passes over. */
void fl_rate_parent_apply(struct fl_txn *txn, uint64_t key, struct fl_rate_node *parent);
void fl_rate_notify(struct fl_txn *txn, uint64_t key);
/* Removes it and announces that. */
void fl_rate_del(struct fl_txn *txn, uint64_t key);

/* -EBUSY with extack if there are nodes: the eswitch does not change its mode then. */
int fl_rate_nodes_check(struct fl_txn *txn);

#endif
