/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linecard.c - line cards: what a driver says of them. What clients ask of them: linecard-cmd.c.
 */
#include "core/linecard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/txn.h"
#include "nl/ctrl.h"

/* ---- types ------------------------------------------------------------------------ */

static void types_put(struct fl_linecard_types *types)
{
	if (!types || __atomic_sub_fetch(&types->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (size_t i = 0; i < types->count; i++)
		free(types->name[i]);
	free(types);
}

static struct fl_linecard_types *types_new(const char *const *names, size_t count)
{
	struct fl_linecard_types *types = calloc(1, sizeof(*types) + count * sizeof(char *));

	if (!types)
		return NULL;
	types->refs = 1;
	for (; types->count < count; types->count++) {
		types->name[types->count] = strdup(names[types->count]);
		if (!types->name[types->count]) {
			types_put(types);
			return NULL;
		}
	}
	return types;
}

const char *fl_linecard_type_find(const struct fl_linecard_obj *card, const char *name)
{
	for (size_t i = 0; i < card->types->count; i++) {
		if (!strcmp(card->types->name[i], name))
			return card->types->name[i];
	}
	return NULL;
}

/* ---- encoding --------------------------------------------------------------------- */

static void linecard_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_linecard_obj *card = (const struct fl_linecard_obj *)obj;
	size_t nest;

	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_LINECARD_NEW, 1);
	fl_devlink_put_handle(msg, txn->dl);
	fl_msg_put_u32(msg, DEVLINK_ATTR_LINECARD_INDEX, obj->key);
	fl_msg_put_u8(msg, DEVLINK_ATTR_LINECARD_STATE, card->state);
	if (card->type)
		fl_msg_put_str(msg, DEVLINK_ATTR_LINECARD_TYPE, card->type);
	if (card->types->count) {
		nest = fl_msg_nest(msg, DEVLINK_ATTR_LINECARD_SUPPORTED_TYPES, true);
		for (size_t i = 0; i < card->types->count; i++)
			fl_msg_put_str(msg, DEVLINK_ATTR_LINECARD_TYPE, card->types->name[i]);
		fl_msg_nest_end(msg, nest);
	}
	fl_msg_end(msg);
}

static void linecard_resolve(struct fl_msg *msg, size_t at, const struct fl_obj *obj,
			     const struct fl_netns *asker)
{
	const struct fl_linecard_obj *card = (const struct fl_linecard_obj *)obj;
	size_t before = msg->len;

	if (!card->nested)
		return;
	if (!fl_devlink_put_nested(msg, DEVLINK_ATTR_NESTED_DEVLINK, card->nested, asker) ||
	    msg->err)
		return;
	((struct nlmsghdr *)(msg->buf + at))->nlmsg_len += msg->len - before;
}

static void linecard_free(struct fl_obj *obj)
{
	struct fl_linecard_obj *card = (struct fl_linecard_obj *)obj;

	types_put(card->types);
	fl_devlink_put(card->nested);
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops linecard_ops = {
	.kind = FL_OBJ_LINECARD,
	.encode = linecard_encode,
	.resolve = linecard_resolve,
	.free = linecard_free,
	.cmd_new = DEVLINK_CMD_LINECARD_NEW,
	.cmd_del = DEVLINK_CMD_LINECARD_DEL,
};

/* ---- edits ------------------------------------------------------------------------ */

/* The card as something to write to: the pending copy, made at the first change. */
static struct fl_linecard_obj *linecard_write(struct fl_txn *txn, uint32_t index)
{
	struct fl_edit *edit = fl_txn_edit(txn, FL_OBJ_LINECARD, index);
	const struct fl_linecard_obj *old;
	struct fl_linecard_obj *copy;

	if (edit && edit->obj)
		return (struct fl_linecard_obj *)edit->obj;
	copy = calloc(1, sizeof(*copy));
	if (!copy) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	fl_rcu_read_lock();
	old = (const struct fl_linecard_obj *)fl_txn_obj(txn, FL_OBJ_LINECARD, index);
	if (old) {
		*copy = *old;
		copy->obj.image = NULL;
		__atomic_add_fetch(&copy->types->refs, 1, __ATOMIC_RELAXED);
		if (copy->nested)
			fl_devlink_get(copy->nested);
	}
	fl_rcu_read_unlock();
	if (!old) {
		free(copy);
		fl_txn_fail(txn, -ENODEV);
		return NULL;
	}
	fl_txn_set(txn, FL_OBJ_LINECARD, index, &copy->obj);
	return txn->err ? NULL : copy;
}

void fl_linecard_notify(struct fl_txn *txn, uint32_t index)
{
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_LINECARD, index);
	if (obj)
		fl_txn_notify_obj(txn, obj, DEVLINK_CMD_LINECARD_NEW);
	fl_rcu_read_unlock();
}

void fl_linecard_add(struct fl_txn *txn, uint32_t index, const char *const *types, size_t count)
{
	struct fl_linecard_obj *card;
	int err = fl_devlink_sublane_init(txn->dl, FL_SUBLANE_LINECARDS);

	if (!err && fl_txn_obj(txn, FL_OBJ_LINECARD, index))
		err = -EEXIST;
	if (err) {
		fl_txn_fail(txn, err);
		return;
	}
	card = calloc(1, sizeof(*card));
	if (card)
		card->types = types_new(types, count);
	if (!card || !card->types) {
		free(card);
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	card->obj.ops = &linecard_ops;
	card->state = DEVLINK_LINECARD_STATE_UNPROVISIONED;
	fl_txn_set(txn, FL_OBJ_LINECARD, index, &card->obj);
	fl_linecard_notify(txn, index);
}

void fl_linecard_del(struct fl_txn *txn, uint32_t index)
{
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_LINECARD, index);
	if (obj)
		fl_txn_notify_obj(txn, obj, DEVLINK_CMD_LINECARD_DEL);
	fl_rcu_read_unlock();
	if (obj)
		fl_txn_set(txn, FL_OBJ_LINECARD, index, NULL);
	else
		fl_txn_fail(txn, -ENODEV);
}

void fl_linecard_set(struct fl_txn *txn, uint32_t index, enum devlink_linecard_state state,
		     const char *type)
{
	struct fl_linecard_obj *card = linecard_write(txn, index);
	const char *own = card && type ? fl_linecard_type_find(card, type) : NULL;

	if (!card)
		return;
	if (type && !own)
		fl_txn_fail(txn, -EINVAL);
	card->state = state;
	card->type = own;
	fl_linecard_notify(txn, index);
}

void fl_linecard_provision_set(struct fl_txn *txn, uint32_t index, const char *type)
{
	fl_linecard_set(txn, index, DEVLINK_LINECARD_STATE_PROVISIONED, type);
}

void fl_linecard_provision_clear(struct fl_txn *txn, uint32_t index)
{
	fl_linecard_set(txn, index, DEVLINK_LINECARD_STATE_UNPROVISIONED, NULL);
}

static void state_set(struct fl_txn *txn, uint32_t index, enum devlink_linecard_state state)
{
	struct fl_linecard_obj *card = linecard_write(txn, index);

	if (card)
		card->state = state;
	fl_linecard_notify(txn, index);
}

void fl_linecard_unprovisioning(struct fl_txn *txn, uint32_t index)
{
	state_set(txn, index, DEVLINK_LINECARD_STATE_UNPROVISIONING);
}

/* Tells still which type it was. */
void fl_linecard_provision_fail(struct fl_txn *txn, uint32_t index)
{
	state_set(txn, index, DEVLINK_LINECARD_STATE_PROVISIONING_FAILED);
}

void fl_linecard_activate(struct fl_txn *txn, uint32_t index)
{
	if (fl_linecard_state(txn, index) != DEVLINK_LINECARD_STATE_PROVISIONED)
		fl_txn_fail(txn, -EINVAL);
	else
		state_set(txn, index, DEVLINK_LINECARD_STATE_ACTIVE);
}

void fl_linecard_deactivate(struct fl_txn *txn, uint32_t index)
{
	if (fl_linecard_state(txn, index) == DEVLINK_LINECARD_STATE_ACTIVE)
		state_set(txn, index, DEVLINK_LINECARD_STATE_PROVISIONED);
}

int fl_linecard_state(struct fl_txn *txn, uint32_t index)
{
	const struct fl_linecard_obj *card;
	int state = -ENODEV;

	fl_rcu_read_lock();
	card = (const struct fl_linecard_obj *)fl_txn_obj(txn, FL_OBJ_LINECARD, index);
	if (card)
		state = card->state;
	fl_rcu_read_unlock();
	return state;
}

struct fl_lane *fl_linecards_lane_get(struct fl_devlink *dl)
{
	struct fl_lane *lane = fl_rcu_deref(dl->sublane[FL_SUBLANE_LINECARDS]);

	return lane ? fl_lane_get(lane) : NULL;
}

void fl_linecard_nested_set(struct fl_txn *txn, uint32_t index, struct fl_devlink *nested)
{
	struct fl_linecard_obj *card = linecard_write(txn, index);

	if (!card)
		return;
	fl_devlink_put(card->nested);
	card->nested = nested ? fl_devlink_get(nested) : NULL;
	fl_nested_prepare(txn, fl_txn_edit(txn, FL_OBJ_LINECARD, index), nested);
}

void fl_linecard_committed(struct fl_txn *txn, struct fl_edit *edit)
{
	const struct fl_linecard_obj *old = (const struct fl_linecard_obj *)edit->replaced;
	const struct fl_linecard_obj *now = (const struct fl_linecard_obj *)edit->obj;

	fl_nested_committed(txn, edit, old ? old->nested : NULL, now ? now->nested : NULL);
}
