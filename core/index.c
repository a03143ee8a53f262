/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/index.h"

#include <errno.h>

#include "base/log.h"
#include "base/rcu.h"

/* Equal hashes are kept at neighbouring keys; so many are looked at. */
#define SLOTS 4

static void *find(const struct fl_index *index, const struct fl_pmap_node *root, uint64_t hash,
		  const void *name)
{
	void *thing;

	for (int i = 0; i < SLOTS; i++) {
		thing = fl_pmap_get(root, hash + i);
		if (thing && index->ops->is(thing, name))
			return thing;
	}
	return NULL;
}

void *fl_index_find(const struct fl_index *index, const void *name)
{
	return find(index, fl_rcu_deref(index->root), index->ops->hash(name), name);
}

static int insert(struct fl_index *index, struct fl_pmap_edit *edit, uint64_t hash,
		  const void *name, void *thing)
{
	struct fl_pmap_node *root = index->root;

	if (find(index, root, hash, name))
		return -EEXIST;
	for (int i = 0; i < SLOTS; i++) {
		if (fl_pmap_get(root, hash + i))
			continue;
		fl_pmap_set(edit, &root, hash + i, thing);
		fl_rcu_assign(index->root, root);
		return 0;
	}
	return -ENOSPC;
}

int fl_index_add(struct fl_index *index, const void *name, void *thing)
{
	uint64_t hash = index->ops->hash(name);
	struct fl_pmap_edit edit = { 0 };
	int err = fl_pmap_reserve(&edit, 1);

	if (!err) {
		fl_lock_take(index->lock);
		err = insert(index, &edit, hash, name, thing);
		fl_lock_drop(index->lock);
	}
	if (err)
		fl_pmap_edit_abort(&edit);
	else
		fl_pmap_edit_done(&edit);
	return err;
}

void fl_index_reserve_removal(struct fl_pmap_edit *edit)
{
	while (fl_pmap_reserve(edit, 1))
		fl_log(FL_LOG_ERR, "out of memory while an index entry is removed; trying again");
}

bool fl_index_del(struct fl_index *index, const void *name, const void *thing)
{
	uint64_t hash = index->ops->hash(name);
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root;
	bool found = false;

	fl_index_reserve_removal(&edit);
	fl_lock_take(index->lock);
	root = index->root;
	for (int i = 0; i < SLOTS && !found; i++) {
		found = fl_pmap_get(root, hash + i) == thing;
		if (found)
			fl_pmap_set(&edit, &root, hash + i, NULL);
	}
	fl_rcu_assign(index->root, root);
	fl_lock_drop(index->lock);
	fl_pmap_edit_done(&edit);
	return found;
}

void fl_index_iter_init(struct fl_pmap_iter *iter, const struct fl_index *index, uint64_t from)
{
	fl_pmap_iter_init(iter, fl_rcu_deref(index->root), from);
}

void fl_index_done(struct fl_index *index)
{
	fl_pmap_free(index->root);
	index->root = NULL;
}
