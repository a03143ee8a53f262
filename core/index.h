/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * index.h - things found by a name: instances by their handle, knobs by their path. Read under
 * RCU, without a lock; what is in it is the user's to keep until a grace period after its removal.
 */
#ifndef FL_CORE_INDEX_H
#define FL_CORE_INDEX_H

#include <stdbool.h>

#include "base/lock.h"
#include "base/pmap.h"

/* How an index's things are named. */
struct fl_index_ops {
	uint64_t (*hash)(const void *name);
	bool (*is)(const void *thing, const void *name);
};

/*
 * Rules:
 * 1. ops, lock: never change.
 * 2. root: by hash; read under RCU, written under lock.
 */
struct fl_index {
	const struct fl_index_ops *ops;
	struct fl_lock *lock; /* its user's: it stands in the table of locks */
	struct fl_pmap_node *root;
};

/* The thing of that name, or NULL. Context: RCU read section, or the index's lock. */
void *fl_index_find(const struct fl_index *index, const void *name);
/* Enters thing. Returns 0; -EEXIST: the name is taken; -ENOSPC: too many names of one hash;
 * -ENOMEM. Context: may allocate. */
int fl_index_add(struct fl_index *index, const void *name, void *thing);
/* Takes thing out, for which it tries until it has the memory: there is no way back from a
 * removal. False: it is not there. Context: may allocate. */
bool fl_index_del(struct fl_index *index, const void *name, const void *thing);

/* The things in the order of their hashes, from that hash on. Context: as fl_index_find(). */
void fl_index_iter_init(struct fl_pmap_iter *iter, const struct fl_index *index, uint64_t from);

/* Reserves the nodes for taking one entry out of a map, however long it takes. */
void fl_index_reserve_removal(struct fl_pmap_edit *edit);

/* Frees the index's own memory. Context: its end. */
void fl_index_done(struct fl_index *index);

#endif
