/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * txn.c - collecting the edits of one operation. Committing them: commit.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "core/plane.h"
#include "core/txn.h"
#include "nl/ctrl.h"

static uint64_t edit_key(enum fl_obj_kind kind, uint64_t key)
{
	return (uint64_t)kind << 56 | key;
}

int fl_txn_begin(struct fl_op *op, struct fl_devlink *dl, struct fl_txn **ret_txn)
{
	struct fl_txn *txn = calloc(1, sizeof(*txn));

	if (!txn)
		return -ENOMEM;
	txn->op = fl_op_get(op);
	txn->dl = fl_devlink_get(dl);
	txn->extack = &txn->own_extack;
	CDS_INIT_LIST_HEAD(&txn->edits);
	CDS_INIT_LIST_HEAD(&txn->spare);
	fl_rcu_read_lock();
	fl_version_copy(&txn->values, fl_devlink_version(dl));
	fl_netns_get(txn->values.ns);
	fl_rcu_read_unlock();
	*ret_txn = txn;
	return 0;
}

struct fl_devlink *fl_txn_devlink(const struct fl_txn *txn)
{
	return txn->dl;
}

struct fl_op *fl_txn_op(const struct fl_txn *txn)
{
	return txn->op;
}

struct fl_extack *fl_txn_extack(const struct fl_txn *txn)
{
	return txn->extack;
}

uint64_t fl_txn_netns(const struct fl_txn *txn)
{
	const struct fl_netns *ns = txn->values.ns;

	return ns == fl_netns_initial(fl_plane_netns(txn->dl->plane)) ? 0 : ns->cookie;
}

void fl_txn_fail(struct fl_txn *txn, int err)
{
	if (!txn->err)
		txn->err = err;
}

void fl_txn_touch(struct fl_txn *txn, enum fl_txn_part part)
{
	unsigned int first = part & ~txn->parts;

	/* What the snapshot pointed to is the version's. */
	if (first & FL_TXN_RELOAD)
		txn->values.dev = NULL;
	if (first & FL_TXN_INFO)
		txn->values.info = NULL;
	if (first & FL_TXN_ESWITCH)
		txn->values.eswitch = NULL;
	txn->parts |= part;
}

struct fl_edit *fl_txn_edit(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key)
{
	struct fl_edit *edit = fl_pmap_get(txn->by_key, edit_key(kind, key));

	if (edit || !txn->unindexed)
		return edit;
	cds_list_for_each_entry(edit, &txn->edits, link) {
		if (edit->kind == kind && edit->key == key)
			return edit;
	}
	return NULL;
}

const struct fl_obj *fl_txn_obj(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key)
{
	const struct fl_edit *edit = fl_txn_edit(txn, kind, key);
	const struct fl_obj *obj;

	if (edit)
		return edit->obj;
	fl_rcu_read_lock();
	obj = fl_pmap_get(fl_devlink_version(txn->dl)->objs[kind], key);
	fl_rcu_read_unlock();
	return obj;
}

static struct fl_edit *spare_edit(struct fl_txn *txn)
{
	struct fl_edit *edit;

	if (cds_list_empty(&txn->spare))
		return NULL;
	edit = cds_list_first_entry(&txn->spare, struct fl_edit, link);
	cds_list_del(&edit->link);
	return edit;
}

static struct fl_edit *edit_new(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key, bool removes)
{
	struct fl_edit *edit = calloc(1, sizeof(*edit));

	if (!edit && removes)
		edit = spare_edit(txn);
	if (!edit)
		return NULL;
	edit->kind = kind;
	edit->key = key;
	if (!fl_pmap_reserve(&txn->by_key_edit, 1)) {
		fl_pmap_set(&txn->by_key_edit, &txn->by_key, edit_key(kind, key), edit);
	} else if (txn->no_return && removes) {
		txn->unindexed = true;
	} else {
		free(edit);
		return NULL;
	}
	cds_list_add_tail(&edit->link, &txn->edits);
	txn->edit_count++;
	return edit;
}

void fl_txn_set(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key, struct fl_obj *obj)
{
	struct fl_edit *edit = fl_txn_edit(txn, kind, key);

	/* What it failed to add before. */
	if (!edit && !obj && txn->no_return && !fl_txn_obj(txn, kind, key))
		return;
	if (!edit)
		edit = edit_new(txn, kind, key, !obj);
	if (!edit) {
		if (obj)
			obj->ops->free(obj);
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	if (edit->obj && edit->obj != obj)
		edit->obj->ops->free(edit->obj);
	edit->obj = obj;
	if (obj)
		obj->key = key;
}

struct each {
	struct fl_txn *txn;
	struct fl_pmap_iter committed, pending;
	const struct fl_obj *obj;
	const struct fl_edit *edit;
	enum fl_obj_kind kind;
};

static void each_step_pending(struct each *each)
{
	each->edit = fl_pmap_iter_next(&each->pending);
	if (each->edit && each->edit->kind != each->kind)
		each->edit = NULL;
}

/* The next object in the order of keys; a pending edit hides the committed object. */
static bool each_next(struct each *each, const struct fl_obj **ret_obj)
{
	if (!each->obj && !each->edit)
		return false;
	if (each->edit && (!each->obj || each->edit->key <= each->obj->key)) {
		if (each->obj && each->obj->key == each->edit->key)
			each->obj = fl_pmap_iter_next(&each->committed);
		*ret_obj = each->edit->obj;
		each_step_pending(each);
	} else {
		*ret_obj = each->txn->unindexed ?
				   fl_txn_obj(each->txn, each->kind, each->obj->key) :
				   each->obj;
		each->obj = fl_pmap_iter_next(&each->committed);
	}
	return true;
}

static void each_init(struct each *each, struct fl_txn *txn, enum fl_obj_kind kind, uint64_t from)
{
	each->txn = txn;
	each->kind = kind;
	fl_pmap_iter_init(&each->committed, fl_devlink_version(txn->dl)->objs[kind], from);
	fl_pmap_iter_init(&each->pending, txn->by_key, edit_key(kind, from));
	each->obj = fl_pmap_iter_next(&each->committed);
	each_step_pending(each);
}

void fl_txn_for_each(struct fl_txn *txn, enum fl_obj_kind kind,
		     void (*fn)(struct fl_txn *txn, const struct fl_obj *obj, void *arg), void *arg)
{
	const struct fl_obj *obj;
	struct each each;

	fl_rcu_read_lock();
	each_init(&each, txn, kind, 0);
	while (each_next(&each, &obj)) {
		if (obj)
			fn(txn, obj, arg);
	}
	fl_rcu_read_unlock();
}

const struct fl_obj *fl_txn_next(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t from)
{
	const struct fl_obj *obj = NULL;
	struct each each;

	fl_rcu_read_lock();
	each_init(&each, txn, kind, from);
	while (!obj && each_next(&each, &obj))
		;
	fl_rcu_read_unlock();
	return obj;
}

struct objs {
	const struct fl_obj **obj;
	size_t count, room;
	bool lacks; /* memory for more */
};

static void collect(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct objs *objs = arg;
	const struct fl_obj **more;

	if (objs->lacks)
		return;
	if (objs->count == objs->room) {
		more = realloc(objs->obj, 2 * (objs->room + 8) * sizeof(*more));
		if (!more) {
			objs->lacks = true;
			return;
		}
		objs->obj = more;
		objs->room = 2 * (objs->room + 8);
	}
	objs->obj[objs->count++] = obj;
}

struct below {
	uint64_t bound;
	const struct fl_obj *last;
};

static void last_below(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct below *below = arg;

	if (obj->key < below->bound)
		below->last = obj;
}

/* Slowly, but without memory. */
static void for_each_by_steps(struct fl_txn *txn, enum fl_obj_kind kind,
			      void (*fn)(struct fl_txn *txn, const struct fl_obj *obj, void *arg),
			      void *arg)
{
	struct below below = { .bound = UINT64_MAX };

	for (;;) {
		below.last = NULL;
		fl_txn_for_each(txn, kind, last_below, &below);
		if (!below.last)
			return;
		below.bound = below.last->key;
		fn(txn, below.last, arg);
	}
}

void fl_txn_for_each_reverse(struct fl_txn *txn, enum fl_obj_kind kind,
			     void (*fn)(struct fl_txn *txn, const struct fl_obj *obj, void *arg),
			     void *arg)
{
	struct objs objs = { 0 };

	fl_rcu_read_lock();
	fl_txn_for_each(txn, kind, collect, &objs);
	if (objs.lacks)
		for_each_by_steps(txn, kind, fn, arg);
	while (!objs.lacks && objs.count)
		fn(txn, objs.obj[--objs.count], arg);
	fl_rcu_read_unlock();
	free(objs.obj);
}

static void last_key(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	*(uint64_t *)arg = obj->key + 1;
}

uint64_t fl_txn_next_key(struct fl_txn *txn, enum fl_obj_kind kind)
{
	uint64_t next = 0;

	fl_txn_for_each(txn, kind, last_key, &next);
	return next;
}

uint64_t fl_txn_next_port_key(struct fl_txn *txn, enum fl_obj_kind kind, uint32_t port)
{
	uint64_t next = FL_PORT_KEY(port, 0);
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	while ((obj = fl_txn_next(txn, kind, next)) && FL_PORT_KEY_PORT(obj->key) == port)
		next = obj->key + 1;
	fl_rcu_read_unlock();
	return next;
}

/* The chain of the namespace that the transaction sees now. */
static struct fl_event_chain *event_chain(struct fl_txn *txn)
{
	struct fl_event_chain *chain;

	if (txn->chains && txn->events[txn->chains - 1].ns == txn->values.ns)
		return &txn->events[txn->chains - 1];
	fl_assert(txn->chains < FL_ARRAY_SIZE(txn->events));
	chain = &txn->events[txn->chains++];
	chain->ns = fl_netns_get(txn->values.ns);
	return chain;
}

static void event_append(struct fl_txn *txn, struct fl_evrec *rec)
{
	struct fl_event_chain *chain = event_chain(txn);

	if (chain->last)
		chain->last->next = rec;
	else
		chain->first = rec;
	chain->last = rec;
}

struct fl_evrec *fl_event_new(const struct fl_devlink *dl, const struct fl_msg *msg, bool has_port,
			      uint32_t port)
{
	struct fl_evrec *rec;

	if (msg->err)
		return NULL;
	rec = fl_evrec_new(msg->len);
	if (!rec)
		return NULL;
	memcpy(rec->data, msg->buf, msg->len);
	rec->group = FL_GROUP_CONFIG;
	rec->cmd = ((const struct genlmsghdr *)(msg->buf + NLMSG_HDRLEN))->cmd;
	rec->has_port = has_port;
	rec->port_index = port;
	rec->bus_off = FL_BUS_OFF;
	rec->dev_off = dl->dev_off;
	return rec;
}

/* A notification that cannot be made. */
static void event_fail(struct fl_txn *txn, int err)
{
	if (err == -ENOMEM && txn->no_return)
		txn->retell = true;
	else
		fl_txn_fail(txn, err);
}

void fl_txn_notify_msg(struct fl_txn *txn, const struct fl_msg *msg, bool has_port, uint32_t port)
{
	struct fl_evrec *rec;

	if (!txn->values.registered)
		return;
	rec = fl_event_new(txn->dl, msg, has_port, port);
	if (!rec)
		event_fail(txn, -ENOMEM);
	else
		event_append(txn, rec);
}

static uint32_t obj_port(const struct fl_obj *obj)
{
	return obj->ops->kind == FL_OBJ_PORT ? (uint32_t)obj->key : FL_PORT_KEY_PORT(obj->key);
}

void fl_txn_notify_obj(struct fl_txn *txn, const struct fl_obj *obj, uint8_t cmd)
{
	struct fl_edit *edit = fl_txn_edit(txn, obj->ops->kind, obj->key);
	struct fl_msg msg;
	int err = 0;

	if (!txn->values.registered || !fl_obj_shown(obj))
		return;
	if (edit && edit->obj == obj)
		err = fl_obj_encode(txn, edit->obj);
	fl_msg_init(&msg);
	if (!err && obj->ops->notice)
		obj->ops->notice(&msg, txn, obj, cmd);
	else if (!err)
		err = fl_obj_put(&msg, obj, cmd, 0, 0, 0, txn->values.ns);
	/* What shows a counter that cannot be read is not told. */
	if (err && err != -ENODATA)
		event_fail(txn, err);
	else if (!err)
		fl_txn_notify_msg(txn, &msg, obj->ops->of_port, obj_port(obj));
	fl_msg_done(&msg);
}

static void put_nested(struct fl_txn *txn, const struct fl_obj *obj, void *msg)
{
	fl_devlink_put_nested(msg, DEVLINK_ATTR_NESTED_DEVLINK, fl_obj_nested(obj)->nested,
			      txn->values.ns);
}

static void txn_notify_dev(struct fl_txn *txn, uint8_t cmd)
{
	struct fl_image *image;
	struct fl_msg msg;

	image = fl_devlink_encode(txn->dl, txn->values.reload_failed, &txn->values.stats,
				  &txn->values.remote);
	if (!image) {
		event_fail(txn, -ENOMEM);
		return;
	}
	fl_msg_init(&msg);
	if (!fl_image_put(&msg, image, cmd, 0, 0, 0)) {
		fl_txn_for_each(txn, FL_OBJ_NESTED, put_nested, &msg);
		fl_msg_end(&msg);
		fl_txn_notify_msg(txn, &msg, false, 0);
	} else {
		event_fail(txn, -ENOMEM);
	}
	fl_msg_done(&msg);
	free(image);
}

void fl_txn_notify(struct fl_txn *txn)
{
	txn_notify_dev(txn, DEVLINK_CMD_NEW);
}

static void notify_new(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	if (obj->ops->cmd_new)
		fl_txn_notify_obj(txn, obj, obj->ops->cmd_new);
}

static void notify_del(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	if (obj->ops->cmd_del)
		fl_txn_notify_obj(txn, obj, obj->ops->cmd_del);
}

/* The orders of SEMANTICS. */
static void announce_new(struct fl_txn *txn)
{
	static const enum fl_obj_kind order[] = {
		FL_OBJ_LINECARD, FL_OBJ_PORT, FL_OBJ_POLICER, FL_OBJ_TRAP_GROUP, FL_OBJ_TRAP,
		FL_OBJ_RATE, FL_OBJ_REGION, FL_OBJ_PARAM,
	};

	txn_notify_dev(txn, DEVLINK_CMD_NEW);
	for (size_t i = 0; i < FL_ARRAY_SIZE(order); i++)
		fl_txn_for_each(txn, order[i], notify_new, NULL);
}

static void announce_gone(struct fl_txn *txn)
{
	static const struct {
		enum fl_obj_kind kind;
		bool reverse; /* the latest goes first */
	} order[] = {
		{ FL_OBJ_PARAM, false },      { FL_OBJ_REGION, true }, { FL_OBJ_RATE, true },
		{ FL_OBJ_TRAP, true },        { FL_OBJ_TRAP_GROUP, true },
		{ FL_OBJ_POLICER, true },     { FL_OBJ_PORT, false },
		{ FL_OBJ_LINECARD, true },
	};

	for (size_t i = 0; i < FL_ARRAY_SIZE(order); i++) {
		if (order[i].reverse)
			fl_txn_for_each_reverse(txn, order[i].kind, notify_del, NULL);
		else
			fl_txn_for_each(txn, order[i].kind, notify_del, NULL);
	}
	txn_notify_dev(txn, DEVLINK_CMD_DEL);
}

void fl_txn_register(struct fl_txn *txn)
{
	fl_assert(!txn->values.registered);
	txn->values.registered = true;
	fl_txn_touch(txn, FL_TXN_REGISTERED);
	announce_new(txn);
}

void fl_txn_unregister(struct fl_txn *txn)
{
	fl_assert(txn->values.registered);
	announce_gone(txn);
	txn->values.registered = false;
	fl_txn_touch(txn, FL_TXN_REGISTERED);
}

void fl_txn_move(struct fl_txn *txn, struct fl_netns *ns)
{
	struct fl_netns *old = txn->values.ns;

	fl_assert(!(txn->parts & FL_TXN_NETNS));
	announce_gone(txn);
	txn->values.ns = fl_netns_get(ns);
	fl_netns_put(old);
	fl_txn_touch(txn, FL_TXN_NETNS);
	announce_new(txn);
}

/* ---- without a way back ----------------------------------------------------------- */

int fl_txn_no_return(struct fl_txn *txn)
{
	struct fl_edit *edit;
	unsigned int count = 0;

	for (int kind = 0; kind < FL_OBJ_KINDS; kind++)
		count += txn->values.obj_count[kind];
	for (; count; count--) {
		edit = calloc(1, sizeof(*edit));
		if (!edit)
			return -ENOMEM;
		cds_list_add(&edit->link, &txn->spare);
	}
	txn->no_return = true;
	return 0;
}

void fl_txn_recover(struct fl_txn *txn)
{
	if (!txn->err)
		return;
	txn->err = 0;
	txn->retell = true;
	/* What could not be encoded stays as it was. */
	if (!txn->values.info)
		txn->parts &= ~FL_TXN_INFO;
	if (!txn->values.eswitch)
		txn->parts &= ~FL_TXN_ESWITCH;
}

static void retell_edits(struct fl_txn *txn)
{
	const struct fl_obj *was;
	struct fl_edit *edit;

	fl_rcu_read_lock();
	cds_list_for_each_entry(edit, &txn->edits, link) {
		was = fl_pmap_get(fl_devlink_version(txn->dl)->objs[edit->kind], edit->key);
		if (edit->obj)
			notify_new(txn, edit->obj, NULL);
		else if (was)
			notify_del(txn, was, NULL);
	}
	fl_rcu_read_unlock();
	txn_notify_dev(txn, DEVLINK_CMD_NEW);
}

/* In the old namespace all goes that was there, in the new one all comes that is. */
static void retell_move(struct fl_txn *txn)
{
	struct fl_txn was = { .op = txn->op, .dl = txn->dl, .no_return = true };

	CDS_INIT_LIST_HEAD(&was.edits);
	fl_rcu_read_lock();
	fl_version_copy(&was.values, fl_devlink_version(txn->dl));
	announce_gone(&was);
	fl_rcu_read_unlock();
	txn->events[0] = was.events[0];
	txn->chains = was.chains;
	txn->retell |= was.retell || was.err;
	announce_new(txn);
}

int fl_txn_retell(struct fl_txn *txn)
{
	while (txn->chains) {
		struct fl_event_chain *chain = &txn->events[--txn->chains];

		fl_evrec_put_chain(chain->first);
		fl_netns_put(chain->ns);
		*chain = (struct fl_event_chain){ 0 };
	}
	txn->retell = false;
	if (txn->parts & FL_TXN_NETNS)
		retell_move(txn);
	else
		retell_edits(txn);
	return txn->retell ? -ENOMEM : 0;
}

int fl_notify_now(struct fl_devlink *dl, const struct fl_msg *msg)
{
	struct fl_evrec *rec, *dropped = NULL;
	struct fl_netns *ns;
	bool registered;

	fl_rcu_read_lock();
	ns = fl_netns_get(fl_devlink_version(dl)->ns);
	registered = fl_devlink_version(dl)->registered;
	fl_rcu_read_unlock();
	rec = registered ? fl_event_new(dl, msg, false, 0) : NULL;
	if (rec) {
		fl_evlog_append(ns->log, rec, &dropped);
		fl_evrec_put_chain(dropped);
		fl_netns_kick(ns);
	}
	fl_netns_put(ns);
	return registered && !rec ? -ENOMEM : 0;
}
