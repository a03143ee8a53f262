/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commit.c - applying a transaction: prepare everything that can fail, then swap one
 * pointer and append the notifications under the commit lock (C2, C3), then clean up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "core/txn.h"

struct commit {
	struct fl_txn *txn;
	struct fl_version *next;
	struct fl_pmap_edit nodes;
	struct fl_image *old_dev, *old_info, *old_eswitch;
	struct fl_version *old;
	struct fl_netns *was_in; /* referenced: where the instance was before */
	struct fl_netns *old_ns; /* the replaced version's reference on it, if it moved */
	struct fl_evrec *dropped[2];
	bool in_plane_index, in_netns_index;
	bool takes_away;         /* does nothing but unregister */
};

static void txn_free(struct fl_txn *txn)
{
	struct fl_edit *edit, *next;

	cds_list_for_each_entry_safe(edit, next, &txn->edits, link) {
		free(edit->nested_in);
		free(edit);
	}
	cds_list_for_each_entry_safe(edit, next, &txn->spare, link)
		free(edit);
	for (unsigned int i = 0; i < txn->chains; i++) {
		fl_evrec_put_chain(txn->events[i].first);
		fl_netns_put(txn->events[i].ns);
	}
	fl_pmap_edit_done(&txn->by_key_edit);
	fl_pmap_free(txn->by_key);
	fl_netns_put(txn->values.ns);
	fl_devlink_put(txn->dl);
	fl_op_put(txn->op);
	free(txn);
}

void fl_txn_abort(struct fl_txn *txn)
{
	struct fl_edit *edit;

	if (!txn)
		return;
	cds_list_for_each_entry(edit, &txn->edits, link) {
		if (edit->kind == FL_OBJ_PORT)
			fl_port_aborted(txn, edit);
		if (edit->kind == FL_OBJ_RATE)
			fl_rate_aborted(txn, edit);
		if (edit->obj)
			edit->obj->ops->free(edit->obj);
	}
	if (txn->parts & FL_TXN_INFO)
		free(txn->values.info);
	if (txn->parts & FL_TXN_ESWITCH)
		free(txn->values.eswitch);
	txn_free(txn);
}

static int encode_edits(struct fl_txn *txn)
{
	struct fl_edit *edit;
	int err;

	cds_list_for_each_entry(edit, &txn->edits, link) {
		err = edit->obj ? fl_obj_encode(txn, edit->obj) : 0;
		if (err)
			return err;
	}
	return 0;
}

static bool takes_away(const struct fl_txn *txn)
{
	const struct fl_edit *edit;

	if (txn->parts != FL_TXN_REGISTERED || txn->values.registered)
		return false;
	cds_list_for_each_entry(edit, &txn->edits, link) {
		if (edit->obj)
			return false;
	}
	return true;
}

/* C5. A parked removal that takes its instance away at last is let through, once: nobody
 * else would do it, and everybody would see the instance for ever. */
static bool refused(const struct commit *c, bool registered)
{
	return fl_op_parked(c->txn->op) && !(c->takes_away && registered);
}

static int commit_prepare(struct commit *c)
{
	struct fl_txn *txn = c->txn;
	int err = txn->err;

	c->takes_away = takes_away(txn);
	/* Asked again under the lock. Here it keeps the indexes from naming what is refused. */
	if (!err && refused(c, true))
		err = -ECANCELED;
	if (!err && txn->retell)
		err = fl_txn_retell(txn);
	if (!err)
		err = encode_edits(txn);
	if (err)
		return err;
	c->next = calloc(1, sizeof(*c->next));
	if (!c->next)
		return -ENOMEM;
	if (txn->parts & FL_TXN_RELOAD) {
		txn->values.dev = fl_devlink_encode(txn->dl, txn->values.reload_failed,
						    &txn->values.stats, &txn->values.remote);
		if (!txn->values.dev)
			return -ENOMEM;
	}
	if (txn->parts & FL_TXN_NETNS && fl_return_prepare(txn->dl))
		return -ENOMEM;
	return fl_pmap_reserve(&c->nodes, txn->edit_count);
}

/* The indexes list before the version says so and after it said so; readers look at the
 * version, so that they see an instance in exactly one namespace. */
static int indexes_before(struct commit *c)
{
	struct fl_txn *txn = c->txn;
	bool appears = (txn->parts & FL_TXN_REGISTERED) && txn->values.registered;
	int err;

	if (appears) {
		err = fl_plane_index_add(txn->dl->plane, txn->dl);
		if (err)
			return err;
		c->in_plane_index = true;
	}
	if (appears || ((txn->parts & FL_TXN_NETNS) && txn->values.registered)) {
		err = fl_netns_index_add(txn->values.ns, txn->dl);
		if (err)
			return err;
		c->in_netns_index = true;
	}
	return 0;
}

static void commit_undo(struct commit *c)
{
	struct fl_txn *txn = c->txn;

	if (c->in_netns_index)
		fl_netns_index_del(txn->values.ns, txn->dl);
	if (c->in_plane_index)
		fl_plane_index_del(txn->dl->plane, txn->dl);
	if (txn->parts & FL_TXN_RELOAD) {
		free(txn->values.dev);
		txn->values.dev = NULL;
	}
	fl_pmap_edit_abort(&c->nodes);
	free(c->next);
}

static void apply_edits(struct commit *c)
{
	struct fl_version *next = c->next;
	struct fl_edit *edit;

	cds_list_for_each_entry(edit, &c->txn->edits, link) {
		edit->replaced =
			fl_pmap_set(&c->nodes, &next->objs[edit->kind], edit->key, edit->obj);
		next->obj_count[edit->kind] += !!edit->obj - !!edit->replaced;
	}
}

/* Only what this transaction set: the rest is whatever others have committed meanwhile. */
static void apply_parts(struct commit *c)
{
	const struct fl_txn *txn = c->txn;
	struct fl_version *next = c->next;

	if (txn->parts & FL_TXN_REGISTERED)
		next->registered = txn->values.registered;
	if (txn->parts & FL_TXN_RELOAD) {
		c->old_dev = next->dev;
		next->dev = txn->values.dev;
		next->reload_failed = txn->values.reload_failed;
		next->stats = txn->values.stats;
		next->remote = txn->values.remote;
	}
	if (txn->parts & FL_TXN_INFO) {
		c->old_info = next->info;
		next->info = txn->values.info;
	}
	if (txn->parts & FL_TXN_ESWITCH) {
		c->old_eswitch = next->eswitch;
		next->eswitch = txn->values.eswitch;
		next->eswitch_mode = txn->values.eswitch_mode;
		next->eswitch_inline = txn->values.eswitch_inline;
		next->eswitch_encap = txn->values.eswitch_encap;
	}
	if (txn->parts & FL_TXN_NETNS) {
		c->old_ns = next->ns;
		next->ns = fl_netns_get(txn->values.ns);
	}
}

static int commit_swap(struct commit *c)
{
	struct fl_txn *txn = c->txn;
	struct fl_devlink *dl = txn->dl;

	fl_lock_take(&dl->commit_lock);
	if (refused(c, dl->version->registered)) {
		fl_lock_drop(&dl->commit_lock);
		return -ECANCELED;
	}
	c->old = dl->version;
	c->was_in = fl_netns_get(c->old->ns);
	fl_version_copy(c->next, c->old);
	c->next->seq++;
	apply_edits(c);
	apply_parts(c);
	fl_rcu_assign(dl->version, c->next);
	for (unsigned int i = 0; i < txn->chains; i++) {
		if (txn->events[i].first)
			fl_evlog_append(txn->events[i].ns->log, txn->events[i].first,
					&c->dropped[i]);
		txn->events[i].first = NULL;
	}
	fl_lock_drop(&dl->commit_lock);
	return 0;
}

static void version_free_rcu(struct fl_rcu_head *head)
{
	free(FL_CONTAINER_OF(head, struct fl_version, rcu));
}

static void obj_free_rcu(struct fl_rcu_head *head)
{
	struct fl_obj *obj = FL_CONTAINER_OF(head, struct fl_obj, rcu);

	obj->ops->free(obj);
}

/* Images and the namespace that only the old version showed go with it. */
struct leftover {
	struct fl_rcu_head rcu;
	struct fl_image *dev, *info, *eswitch;
	struct fl_netns *ns;
};

static void leftover_free_rcu(struct fl_rcu_head *head)
{
	struct leftover *left = FL_CONTAINER_OF(head, struct leftover, rcu);

	free(left->dev);
	free(left->info);
	free(left->eswitch);
	fl_netns_put(left->ns);
	free(left);
}

static void obj_committed(const struct fl_edit *edit)
{
	const struct fl_obj *obj = edit->obj ? edit->obj : edit->replaced;

	if (obj && obj->ops->committed)
		obj->ops->committed(edit->replaced, edit->obj);
}

static void commit_retire(struct commit *c, struct leftover *left)
{
	struct fl_edit *edit;

	left->dev = c->old_dev;
	left->info = c->old_info;
	left->eswitch = c->old_eswitch;
	left->ns = c->old_ns;
	fl_rcu_call(&left->rcu, leftover_free_rcu);
	fl_rcu_call(&c->old->rcu, version_free_rcu);
	fl_pmap_edit_done(&c->nodes);
	cds_list_for_each_entry(edit, &c->txn->edits, link) {
		if (edit->kind == FL_OBJ_PORT)
			fl_port_committed(c->txn, edit);
		if (edit->kind == FL_OBJ_LINECARD)
			fl_linecard_committed(c->txn, edit);
		if (edit->kind == FL_OBJ_NESTED)
			fl_nested_obj_committed(c->txn, edit);
		if (edit->kind == FL_OBJ_RATE)
			fl_rate_committed(edit);
		obj_committed(edit);
		if (edit->replaced)
			fl_rcu_call(&edit->replaced->rcu, obj_free_rcu);
	}
}

static void indexes_after(struct commit *c)
{
	struct fl_txn *txn = c->txn;
	bool vanishes = (txn->parts & FL_TXN_REGISTERED) && !txn->values.registered;

	if (vanishes)
		fl_plane_index_del(txn->dl->plane, txn->dl);
	if (vanishes || ((txn->parts & FL_TXN_NETNS) && c->was_in != txn->values.ns))
		fl_netns_index_del(c->was_in, txn->dl);
}

/* What others have to do now that the version is there. */
static void commit_tell(struct commit *c)
{
	struct fl_txn *txn = c->txn;
	struct fl_edit *edit;

	for (unsigned int i = 0; i < txn->chains; i++) {
		fl_evrec_put_chain(c->dropped[i]);
		fl_netns_kick(txn->events[i].ns);
	}
	cds_list_for_each_entry(edit, &txn->edits, link) {
		if (edit->released)
			txn->dl->ops->port_release(txn->dl, edit->key);
	}
	if (txn->parts & (FL_TXN_REGISTERED | FL_TXN_NETNS))
		fl_nested_changed(txn->dl);
	/* It may have died between the resolution and the index: then its walk missed us. */
	if ((txn->parts & (FL_TXN_REGISTERED | FL_TXN_NETNS)) && txn->values.registered &&
	    fl_netns_dead_now(txn->values.ns))
		fl_return_post(txn->dl, txn->values.ns);
}

/* Of an operation that only asked. */
static bool changes_nothing(const struct fl_txn *txn)
{
	return !txn->err && !txn->edit_count && !txn->parts && !txn->chains;
}

int fl_txn_commit(struct fl_txn *txn)
{
	bool kept;
	int err = fl_txn_try_commit(txn, &kept);

	if (kept)
		fl_txn_abort(txn);
	return err;
}

int fl_txn_try_commit(struct fl_txn *txn, bool *ret_kept)
{
	struct commit c = { .txn = txn };
	struct leftover *left;
	int err;

	fl_assert_may_block("fl_txn_commit()");
	*ret_kept = false;
	if (changes_nothing(txn)) {
		err = fl_op_parked(txn->op) ? -ECANCELED : 0;
		txn_free(txn);
		return err;
	}
	left = calloc(1, sizeof(*left));
	err = left ? commit_prepare(&c) : -ENOMEM;
	if (!err)
		err = indexes_before(&c);
	/* Once it is published, and if this operation is parked now, a removal may replace and
	 * free what commit_retire() still looks at. */
	fl_rcu_read_lock();
	if (!err)
		err = commit_swap(&c);
	if (!err)
		commit_retire(&c, left);
	fl_rcu_read_unlock();
	if (err) {
		free(left);
		commit_undo(&c);
		*ret_kept = err == -ENOMEM && !txn->err;
		if (!*ret_kept)
			fl_txn_abort(txn);
		return err;
	}
	indexes_after(&c);
	commit_tell(&c);
	fl_netns_put(c.was_in);
	txn_free(txn);
	return 0;
}
