/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pmap.h - a persistent ordered map from 64-bit keys to pointers.
 *
 * A map is a root pointer. An edit copies only the path from the root to the entry
 * and leaves every older root as it was; so a reader that holds a root under RCU sees
 * one consistent map for as long as it stays in its read section, and the cost of a
 * change does not grow with the number of entries.
 *
 * Rules:
 * 1. Nodes never change after their root is published.
 * 2. An edit is split in three: reserve (allocates, may fail), set (cannot fail, does
 *    not allocate, may run under a leaf lock), done (hands replaced nodes to RCU).
 * 3. Roots of one map form a line: each edit starts at the newest root. A node that an
 *    edit replaced belongs to older roots only, and is freed after a grace period.
 * 4. One edit may change several maps; it publishes their roots after its last set.
 */
#ifndef FL_BASE_PMAP_H
#define FL_BASE_PMAP_H

#include <stddef.h>
#include <stdint.h>

struct fl_pmap_node;

#define FL_PMAP_CLASSES 4 /* sizes of nodes */
#define FL_PMAP_LEVELS 16 /* nodes on a path, at most */

/* An edit in progress. Context: one thread; plain data, `= {0}` starts it. */
struct fl_pmap_edit {
	uint64_t id; /* set by the first reserve */
	struct fl_pmap_node *spare[FL_PMAP_CLASSES]; /* reserved nodes, not used yet */
	unsigned int spares[FL_PMAP_CLASSES];
	struct fl_pmap_node *fresh;   /* nodes that this edit made: may be changed in place */
	struct fl_pmap_node *retired; /* nodes that this edit replaced */
};

/* The value at key, or NULL. Context: RCU read section, or the only writer. */
void *fl_pmap_get(const struct fl_pmap_node *root, uint64_t key);

/* Makes sure that `changes` further calls of fl_pmap_set() will find their nodes, however
 * the maps look by then (some 6 KiB a change, for the worst case; what is not used is kept
 * for the thread's next edit). Returns 0 or -ENOMEM: end the edit then too.
 * Context: no leaf lock held. */
int fl_pmap_reserve(struct fl_pmap_edit *edit, unsigned int changes);

/* Sets key to value (NULL removes it) in the map at *root, and replaces *root by the
 * new root (NULL when empty). Returns the value that was there. The caller frees it by
 * its own RCU callback. Context: may run under a leaf lock; aborts if not reserved. */
void *fl_pmap_set(struct fl_pmap_edit *edit, struct fl_pmap_node **root, uint64_t key,
		  void *value);

/* Ends an edit whose new roots have been published: retired nodes are freed after a
 * grace period, spares at once. Context: no leaf lock held. */
void fl_pmap_edit_done(struct fl_pmap_edit *edit);

/* Ends an edit whose roots were not published: what it made is freed, what it would
 * have replaced stays. */
void fl_pmap_edit_abort(struct fl_pmap_edit *edit);

/* Frees the nodes of a whole map that no reader can see any more (not the values). */
void fl_pmap_free(struct fl_pmap_node *root);

/* Walks in ascending order of keys. Context: one RCU read section for the whole walk. */
struct fl_pmap_iter {
	const struct fl_pmap_node *node[FL_PMAP_LEVELS];
	uint16_t left[FL_PMAP_LEVELS]; /* slots still to visit */
	uint8_t index[FL_PMAP_LEVELS]; /* where the next of them lies */
	int depth;
	uint64_t key; /* of the entry last returned */
};

/* Starts at the first key that is at least `from`. */
void fl_pmap_iter_init(struct fl_pmap_iter *iter, const struct fl_pmap_node *root, uint64_t from);

/* The next value, or NULL at the end; its key is iter->key. */
void *fl_pmap_iter_next(struct fl_pmap_iter *iter);

#endif
