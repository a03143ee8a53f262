/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pmap.c - the persistent map as a radix trie of 4 bits a level.
 *
 * A node holds what its keys have in common (prefix) and up to 16 slots, each a value
 * or a node further down; levels at which all keys agree have no node, and every node
 * but a root has at least two slots. A value lies in the first node in which its slot
 * is its own; if that is above the last level, its whole key is kept after the slots.
 * 16 slots rather than 64, because what counts is the bytes copied for one change and
 * those reserved for the worst one: a path of 16 nodes of the largest class.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/lock.h"
#include "base/pmap.h"
#include "base/rcu.h"
#include "base/util.h"

#define BITS 4
#define FANOUT (1 << BITS)
#define CLASSES FL_PMAP_CLASSES
#define LARGEST (CLASSES - 1)
/* No path is longer, and one change makes at most one node for each of its levels. */
#define LEVELS FL_PMAP_LEVELS
/* Smaller nodes are reserved for the usual depth only: a larger one always does too. */
#define USUAL_DEPTH 4
/* Spares that a thread keeps from one edit for its next, of each class, in changes. */
#define KEPT_CHANGES 4

struct fl_pmap_node {
	union {
		struct fl_rcu_head rcu; /* once retired and unreachable */
		struct {		/* in one list of an edit */
			struct fl_pmap_node *next, *prev;
		} link;
	};
	uint64_t edit;	 /* the edit that made it */
	uint64_t prefix; /* its keys with shift + BITS bits cleared */
	uint16_t used;	 /* slots that are taken */
	uint16_t data;	 /* those of them that hold a value */
	uint8_t shift;	 /* position in the key of the bits that choose a slot */
	uint8_t size;
	uintptr_t word[]; /* a slot for each bit of used, then, if shift, a key for each of data */
};

_Static_assert(sizeof(uintptr_t) == sizeof(uint64_t), "keys and pointers share words");

/* Chosen so that malloc's header makes each a multiple of 16. */
static const uint8_t class_words[CLASSES] = { 2, 6, 16, 2 * FANOUT };

/* The slots of one node taken apart, to be changed and put together again. */
struct flat {
	uint64_t prefix;
	uint16_t used, data;
	uint8_t shift;
	uintptr_t slot[FANOUT];
	uint64_t key[FANOUT];
};

/* What is left of a subtree after a change: a node, a single value, or nothing. */
struct rest {
	struct fl_pmap_node *node;
	uint64_t key;
	void *value;
};

static uint64_t prefix_of(uint64_t key, unsigned int shift)
{
	return shift + BITS >= 64 ? 0 : key >> (shift + BITS) << (shift + BITS);
}

static unsigned int slot_of(uint64_t key, unsigned int shift)
{
	return (key >> shift) & (FANOUT - 1);
}

static unsigned int count_below(uint16_t map, unsigned int slot)
{
	return (unsigned int)__builtin_popcount(map & ((1U << slot) - 1));
}

static unsigned int count(uint16_t map)
{
	return (unsigned int)__builtin_popcount(map);
}

static uint64_t key_at(const struct fl_pmap_node *node, unsigned int slot)
{
	if (!node->shift)
		return node->prefix | slot;
	return node->word[count(node->used) + count_below(node->data, slot)];
}

/* Position of the slot bits at the first level on which two keys differ. */
static unsigned int shift_between(uint64_t a, uint64_t b)
{
	return (unsigned int)(63 - __builtin_clzll(a ^ b)) / BITS * BITS;
}

/* ---- reading ---------------------------------------------------------------------- */

void *fl_pmap_get(const struct fl_pmap_node *node, uint64_t key)
{
	while (node && node->prefix == prefix_of(key, node->shift)) {
		unsigned int slot = slot_of(key, node->shift);
		uintptr_t word;

		if (!(node->used >> slot & 1))
			return NULL;
		word = node->word[count_below(node->used, slot)];
		if (node->data >> slot & 1)
			return key_at(node, slot) == key ? (void *)word : NULL;
		node = (const struct fl_pmap_node *)word;
	}
	return NULL;
}

static void iter_push(struct fl_pmap_iter *iter, const struct fl_pmap_node *node,
		      unsigned int from_slot)
{
	iter->node[iter->depth] = node;
	iter->index[iter->depth] = (uint8_t)count_below(node->used, from_slot);
	iter->left[iter->depth] = (uint16_t)(node->used >> from_slot << from_slot);
	iter->depth++;
}

void fl_pmap_iter_init(struct fl_pmap_iter *iter, const struct fl_pmap_node *node, uint64_t from)
{
	iter->depth = 0;
	iter->key = 0;
	while (node && node->prefix == prefix_of(from, node->shift)) {
		unsigned int slot = slot_of(from, node->shift);
		uintptr_t word;

		iter_push(iter, node, slot);
		if (!(node->used >> slot & 1))
			return;
		word = node->word[count_below(node->used, slot)];
		if ((node->data >> slot & 1) && key_at(node, slot) >= from)
			return;
		/* A value before `from`, or a subtree that holds it: past it on this level. */
		iter->left[iter->depth - 1] &= (uint16_t) ~(1U << slot);
		iter->index[iter->depth - 1]++;
		if (node->data >> slot & 1)
			return;
		node = (const struct fl_pmap_node *)word;
	}
	if (node && node->prefix > from)
		iter_push(iter, node, 0);
}

void *fl_pmap_iter_next(struct fl_pmap_iter *iter)
{
	while (iter->depth) {
		int top = iter->depth - 1;
		const struct fl_pmap_node *node = iter->node[top];
		unsigned int slot;
		uintptr_t word;

		if (!iter->left[top]) {
			iter->depth--;
			continue;
		}
		slot = (unsigned int)__builtin_ctz(iter->left[top]);
		iter->left[top] &= (uint16_t)(iter->left[top] - 1);
		word = node->word[iter->index[top]++];
		if (node->data >> slot & 1) {
			iter->key = key_at(node, slot);
			return (void *)word;
		}
		iter_push(iter, (const struct fl_pmap_node *)word, 0);
	}
	return NULL;
}

/* ---- the nodes of an edit --------------------------------------------------------- */

static struct fl_pmap_node *node_new(unsigned int size)
{
	struct fl_pmap_node *node = malloc(sizeof(*node) + class_words[size] * sizeof(uintptr_t));

	if (node)
		node->size = (uint8_t)size;
	return node;
}

static void node_free_rcu(struct fl_rcu_head *head)
{
	free(FL_CONTAINER_OF(head, struct fl_pmap_node, rcu));
}

static void free_list(struct fl_pmap_node *node)
{
	while (node) {
		struct fl_pmap_node *next = node->link.next;

		free(node);
		node = next;
	}
}

static unsigned int reserved(unsigned int size, unsigned int changes)
{
	return changes * (size == LARGEST ? LEVELS : USUAL_DEPTH);
}

/* What one edit reserves and does not use, the next one of the same thread takes: most
 * edits use three nodes of some thirty. */
struct kept {
	struct fl_pmap_node *spare[CLASSES];
	unsigned int spares[CLASSES];
};
static _Thread_local struct kept kept;
static pthread_key_t kept_key;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;
static bool kept_usable; /* written once, by kept_init() */

static void kept_free(void *arg)
{
	struct kept *mine = arg;

	for (unsigned int size = 0; size < CLASSES; size++)
		free_list(mine->spare[size]);
	*mine = (struct kept){ 0 };
}

static void kept_init(void)
{
	kept_usable = !pthread_key_create(&kept_key, kept_free);
}

/* Whether this thread may keep spares: only if they are freed when it ends. */
static bool kept_ready(void)
{
	pthread_once(&kept_once, kept_init);
	return kept_usable &&
	       (pthread_getspecific(kept_key) || !pthread_setspecific(kept_key, &kept));
}

static void spare_push(struct fl_pmap_edit *edit, struct fl_pmap_node *node)
{
	node->link.next = edit->spare[node->size];
	edit->spare[node->size] = node;
	edit->spares[node->size]++;
}

static int spare_fill(struct fl_pmap_edit *edit, unsigned int size, unsigned int want)
{
	while (edit->spares[size] < want) {
		struct fl_pmap_node *node = kept.spare[size];

		if (node) {
			kept.spare[size] = node->link.next;
			kept.spares[size]--;
		} else {
			node = node_new(size);
		}
		if (!node)
			return -ENOMEM;
		spare_push(edit, node);
	}
	return 0;
}

static void spare_release(struct fl_pmap_edit *edit, unsigned int size)
{
	struct fl_pmap_node *node;

	while ((node = edit->spare[size]) && kept.spares[size] < reserved(size, KEPT_CHANGES)) {
		edit->spare[size] = node->link.next;
		node->link.next = kept.spare[size];
		kept.spare[size] = node;
		kept.spares[size]++;
	}
	free_list(edit->spare[size]);
}

int fl_pmap_reserve(struct fl_pmap_edit *edit, unsigned int changes)
{
	static atomic_uint_fast64_t edits;
	int err = 0;

	fl_assert_no_lock("fl_pmap_reserve");
	if (!edit->id)
		edit->id = atomic_fetch_add_explicit(&edits, 1, memory_order_relaxed) + 1;
	if (changes > UINT32_MAX / LEVELS)
		return -ENOMEM;
	for (unsigned int size = 0; size < CLASSES && !err; size++)
		err = spare_fill(edit, size, edit->spares[size] + reserved(size, changes));
	return err;
}

/* A node of at least that many words, in the edit's list of fresh ones. */
static struct fl_pmap_node *fresh_take(struct fl_pmap_edit *edit, unsigned int words)
{
	unsigned int size = 0;
	struct fl_pmap_node *node;

	while (size < LARGEST && (class_words[size] < words || !edit->spare[size]))
		size++;
	node = edit->spare[size];
	if (!node)
		fl_breach("map edits", "a change was not reserved");
	edit->spare[size] = node->link.next;
	edit->spares[size]--;
	node->edit = edit->id;
	node->link.prev = NULL;
	node->link.next = edit->fresh;
	if (edit->fresh)
		edit->fresh->link.prev = node;
	edit->fresh = node;
	return node;
}

static bool is_fresh(const struct fl_pmap_edit *edit, const struct fl_pmap_node *node)
{
	return node->edit == edit->id;
}

/* The map that is being made does not contain node any more. */
static void node_drop(struct fl_pmap_edit *edit, struct fl_pmap_node *node)
{
	if (!is_fresh(edit, node)) {
		node->link.next = edit->retired;
		edit->retired = node;
		return;
	}
	if (node->link.prev)
		node->link.prev->link.next = node->link.next;
	else
		edit->fresh = node->link.next;
	if (node->link.next)
		node->link.next->link.prev = node->link.prev;
	spare_push(edit, node);
}

/* ---- changing --------------------------------------------------------------------- */

static void flat_begin(struct flat *flat, uint64_t key, unsigned int shift)
{
	flat->prefix = prefix_of(key, shift);
	flat->shift = (uint8_t)shift;
	flat->used = flat->data = 0;
}

static void flat_take_apart(struct flat *flat, const struct fl_pmap_node *node)
{
	unsigned int index = 0, key_index = count(node->used);

	flat->prefix = node->prefix;
	flat->shift = node->shift;
	flat->used = node->used;
	flat->data = node->data;
	for (unsigned int left = node->used; left; left &= left - 1) {
		unsigned int slot = (unsigned int)__builtin_ctz(left);

		flat->slot[slot] = node->word[index++];
		if (node->shift && (node->data >> slot & 1))
			flat->key[slot] = node->word[key_index++];
	}
}

static void flat_put(struct flat *flat, unsigned int slot, struct rest rest)
{
	uint16_t bit = (uint16_t)(1U << slot);

	flat->used &= (uint16_t)~bit;
	flat->data &= (uint16_t)~bit;
	if (rest.node) {
		flat->used |= bit;
		flat->slot[slot] = (uintptr_t)rest.node;
	} else if (rest.value) {
		flat->used |= bit;
		flat->data |= bit;
		flat->slot[slot] = (uintptr_t)rest.value;
		flat->key[slot] = rest.key;
	}
}

/* Puts flat together: in old itself if this edit made it and it is large enough. */
static struct fl_pmap_node *flat_make(struct fl_pmap_edit *edit, const struct flat *flat,
				      struct fl_pmap_node *old)
{
	unsigned int index = 0, key_index = count(flat->used);
	unsigned int words = key_index + (flat->shift ? count(flat->data) : 0);
	struct fl_pmap_node *node = old;

	if (!old || !is_fresh(edit, old) || class_words[old->size] < words) {
		node = fresh_take(edit, words);
		if (old)
			node_drop(edit, old);
	}
	node->prefix = flat->prefix;
	node->shift = flat->shift;
	node->used = flat->used;
	node->data = flat->data;
	for (unsigned int left = flat->used; left; left &= left - 1) {
		unsigned int slot = (unsigned int)__builtin_ctz(left);

		node->word[index++] = flat->slot[slot];
		if (flat->shift && (flat->data >> slot & 1))
			node->word[key_index++] = flat->key[slot];
	}
	return node;
}

/* What replaces old in the node above: no node stays for less than two slots. */
static struct rest flat_finish(struct fl_pmap_edit *edit, const struct flat *flat,
			       struct fl_pmap_node *old)
{
	unsigned int slot;

	if (count(flat->used) > 1)
		return (struct rest){ .node = flat_make(edit, flat, old) };
	node_drop(edit, old);
	if (!flat->used)
		return (struct rest){ 0 };
	slot = (unsigned int)__builtin_ctz(flat->used);
	if (!flat->data)
		return (struct rest){ .node = (struct fl_pmap_node *)flat->slot[slot] };
	return (struct rest){ .key = flat->shift ? flat->key[slot] : (flat->prefix | slot),
			      .value = (void *)flat->slot[slot] };
}

/* A node for two neighbours that shared a slot; at least one of them is a value. */
static struct fl_pmap_node *pair_make(struct fl_pmap_edit *edit, uint64_t key, struct rest a,
				      struct rest b)
{
	unsigned int shift = shift_between(key, b.key);
	struct flat flat;

	flat_begin(&flat, key, shift);
	flat_put(&flat, slot_of(key, shift), a);
	flat_put(&flat, slot_of(b.key, shift), b);
	return flat_make(edit, &flat, NULL);
}

/* Adds an entry that does not belong under node: a new node above both. */
static struct rest set_beside(struct fl_pmap_edit *edit, struct fl_pmap_node *node,
			      struct rest entry)
{
	struct rest other = { .node = node };
	uint64_t key = node->prefix;

	if (count(node->used) == 1) { /* a root with one value */
		unsigned int slot = (unsigned int)__builtin_ctz(node->used);

		key = key_at(node, slot);
		other = (struct rest){ .key = key, .value = (void *)node->word[0] };
		node_drop(edit, node);
	}
	return (struct rest){ .node = pair_make(edit, key, other, entry) };
}

static struct rest set_under(struct fl_pmap_edit *edit, struct fl_pmap_node *node,
			     struct rest entry, void **old)
{
	unsigned int slot = slot_of(entry.key, node->shift);
	struct rest same = { .node = node }, put = entry;
	struct flat flat;

	if (node->prefix != prefix_of(entry.key, node->shift))
		return entry.value ? set_beside(edit, node, entry) : same;
	if (!(node->used >> slot & 1)) {
		if (!entry.value)
			return same;
	} else {
		uintptr_t word = node->word[count_below(node->used, slot)];

		if (!(node->data >> slot & 1)) {
			put = set_under(edit, (struct fl_pmap_node *)word, entry, old);
			if (put.node == (struct fl_pmap_node *)word)
				return same;
		} else if (key_at(node, slot) == entry.key) {
			*old = (void *)word;
		} else if (entry.value) {
			struct rest there = { .key = key_at(node, slot), .value = (void *)word };

			put = (struct rest){ .node = pair_make(edit, there.key, there, entry) };
		} else {
			return same;
		}
	}
	flat_take_apart(&flat, node);
	flat_put(&flat, slot, put);
	return flat_finish(edit, &flat, node);
}

void *fl_pmap_set(struct fl_pmap_edit *edit, struct fl_pmap_node **root, uint64_t key, void *value)
{
	struct rest rest = { .key = key, .value = value };
	void *old = NULL;

	if (*root)
		rest = set_under(edit, *root, rest, &old);
	if (rest.value) {
		struct flat flat;

		flat_begin(&flat, rest.key, 0);
		flat_put(&flat, slot_of(rest.key, 0), rest);
		rest.node = flat_make(edit, &flat, NULL);
	}
	*root = rest.node;
	return old;
}

/* ---- ending ----------------------------------------------------------------------- */

static void release_spares(struct fl_pmap_edit *edit)
{
	bool keep = kept_ready();

	for (unsigned int size = 0; size < CLASSES; size++) {
		if (keep)
			spare_release(edit, size);
		else
			free_list(edit->spare[size]);
	}
}

void fl_pmap_edit_done(struct fl_pmap_edit *edit)
{
	struct fl_pmap_node *node = edit->retired;

	/* The fresh ones are published: another edit may already have retired some, and
	 * linked them elsewhere. Their list is not looked at again. */
	while (node) {
		struct fl_pmap_node *next = node->link.next;

		fl_rcu_call(&node->rcu, node_free_rcu);
		node = next;
	}
	release_spares(edit);
	*edit = (struct fl_pmap_edit){ 0 };
}

void fl_pmap_edit_abort(struct fl_pmap_edit *edit)
{
	/* The retired ones stay in the map; a later edit links them anew. */
	free_list(edit->fresh);
	release_spares(edit);
	*edit = (struct fl_pmap_edit){ 0 };
}

void fl_pmap_free(struct fl_pmap_node *root)
{
	unsigned int index = 0;

	if (!root)
		return;
	for (unsigned int left = root->used; left; left &= left - 1, index++)
		if (!(root->data >> __builtin_ctz(left) & 1))
			fl_pmap_free((struct fl_pmap_node *)root->word[index]);
	free(root);
}
