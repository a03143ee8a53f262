/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* auxiliary.c - the numbers in the names of auxiliary devices. */
#include "bus/bus-private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64
#define FIRST_WORDS 16

/* The lowest free id, taken; -1 if all words are full. Context: under the root's lock. */
static int take_locked(struct fl_bus_root *root)
{
	int bit;

	while (root->id_hint < root->id_words && root->ids[root->id_hint] == UINT64_MAX)
		root->id_hint++;
	if (root->id_hint == root->id_words)
		return -1;
	bit = __builtin_ctzll(~root->ids[root->id_hint]);
	root->ids[root->id_hint] |= 1ULL << bit;
	return (int)(root->id_hint * WORD_BITS) + bit;
}

/* Makes room for more ids than `seen` words hold. Context: no lock. */
static int grow(struct fl_bus_root *root, size_t seen)
{
	size_t words = seen ? seen * 2 : FIRST_WORDS;
	uint64_t *ids, *old;

	if (words > INT_MAX / WORD_BITS)
		return -ENOSPC;
	ids = calloc(words, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	old = ids;
	fl_lock_take(&root->lock);
	if (root->id_words == seen) {
		if (seen)
			memcpy(ids, root->ids, seen * sizeof(*ids));
		old = root->ids;
		root->ids = ids;
		root->id_words = words;
	}
	fl_lock_drop(&root->lock);
	free(old);
	return 0;
}

int fl_auxiliary_id_alloc(struct fl_bus_root *root)
{
	size_t words;
	int id, err;

	for (;;) {
		fl_lock_take(&root->lock);
		id = take_locked(root);
		words = root->id_words;
		fl_lock_drop(&root->lock);
		if (id >= 0)
			return id;
		err = grow(root, words);
		if (err)
			return err;
	}
}

void fl_auxiliary_id_free(struct fl_bus_root *root, int id)
{
	size_t word = (size_t)id / WORD_BITS;

	if (id < 0)
		return;
	fl_lock_take(&root->lock);
	root->ids[word] &= ~(1ULL << (id % WORD_BITS));
	if (word < root->id_hint)
		root->id_hint = word;
	fl_lock_drop(&root->lock);
}
