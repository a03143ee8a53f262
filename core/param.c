/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * param.c - device parameters: what a driver says of them, and how they are shown. What
 * clients ask of them: param-cmd.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/param.h"
#include "core/txn.h"
#include "nl/ctrl.h"

/* ---- encoding --------------------------------------------------------------------- */

static uint8_t attr_type(enum fl_param_type type)
{
	switch (type) {
	case FL_PARAM_U8:
		return DEVLINK_VAR_ATTR_TYPE_U8;
	case FL_PARAM_U16:
		return DEVLINK_VAR_ATTR_TYPE_U16;
	case FL_PARAM_U32:
		return DEVLINK_VAR_ATTR_TYPE_U32;
	case FL_PARAM_U64:
		return DEVLINK_VAR_ATTR_TYPE_U64;
	case FL_PARAM_STRING:
		return DEVLINK_VAR_ATTR_TYPE_STRING;
	case FL_PARAM_BOOL:
		return DEVLINK_VAR_ATTR_TYPE_FLAG;
	}
	return 0;
}

/* A bool's value is a flag; its default is a byte, so that false can be told from none. */
static void put_value(struct fl_msg *msg, uint16_t attr, enum fl_param_type type,
		      const union fl_param_value *value)
{
	switch (type) {
	case FL_PARAM_U8:
		fl_msg_put_u8(msg, attr, value->vu8);
		break;
	case FL_PARAM_U16:
		fl_msg_put_u16(msg, attr, value->vu16);
		break;
	case FL_PARAM_U32:
		fl_msg_put_u32(msg, attr, value->vu32);
		break;
	case FL_PARAM_U64:
		fl_msg_put_u64(msg, attr, value->vu64);
		break;
	case FL_PARAM_STRING:
		fl_msg_put_str(msg, attr, value->vstr);
		break;
	case FL_PARAM_BOOL:
		if (attr == DEVLINK_ATTR_PARAM_VALUE_DEFAULT)
			fl_msg_put_u8(msg, attr, value->vbool);
		else if (value->vbool)
			fl_msg_put_flag(msg, attr);
		break;
	}
}

const union fl_param_value *fl_param_shown(const struct fl_param_obj *param,
					   enum devlink_param_cmode cmode)
{
	if (cmode == DEVLINK_PARAM_CMODE_DRIVERINIT && param->pending.set)
		return &param->pending.value;
	return param->value[cmode].set ? &param->value[cmode].value : NULL;
}

static void put_cmode(struct fl_msg *msg, const struct fl_param_obj *param,
		      enum devlink_param_cmode cmode)
{
	const union fl_param_value *value = fl_param_shown(param, cmode);
	size_t nest;

	if (!value)
		return;
	nest = fl_msg_nest(msg, DEVLINK_ATTR_PARAM_VALUE, false);
	fl_msg_put_u8(msg, DEVLINK_ATTR_PARAM_VALUE_CMODE, cmode);
	put_value(msg, DEVLINK_ATTR_PARAM_VALUE_DATA, param->type, value);
	if (param->has_default)
		put_value(msg, DEVLINK_ATTR_PARAM_VALUE_DEFAULT, param->type, &param->def);
	fl_msg_nest_end(msg, nest);
}

static void param_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_param_obj *param = fl_obj_param(obj);
	size_t nest, list;

	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_PARAM_GET, 1);
	fl_devlink_put_handle(msg, txn->dl);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_PARAM, false);
	fl_msg_put_str(msg, DEVLINK_ATTR_PARAM_NAME, param->name);
	if (param->generic)
		fl_msg_put_flag(msg, DEVLINK_ATTR_PARAM_GENERIC);
	fl_msg_put_u8(msg, DEVLINK_ATTR_PARAM_TYPE, attr_type(param->type));
	list = fl_msg_nest(msg, DEVLINK_ATTR_PARAM_VALUES_LIST, false);
	for (int cmode = 0; cmode < FL_PARAM_CMODES; cmode++)
		put_cmode(msg, param, cmode);
	fl_msg_nest_end(msg, list);
	fl_msg_nest_end(msg, nest);
	fl_msg_end(msg);
}

/* A parameter that its driver has given no value yet does not show. */
static bool param_shown(const struct fl_obj *obj)
{
	const struct fl_param_obj *param = fl_obj_param(obj);

	for (int cmode = 0; cmode < FL_PARAM_CMODES; cmode++) {
		if ((param->cmodes & 1u << cmode) && !fl_param_shown(param, cmode))
			return false;
	}
	return true;
}

static void param_free(struct fl_obj *obj)
{
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops param_ops = {
	.kind = FL_OBJ_PARAM,
	.encode = param_encode,
	.shown = param_shown,
	.free = param_free,
	.cmd_new = DEVLINK_CMD_PARAM_NEW,
	.cmd_del = DEVLINK_CMD_PARAM_DEL,
};

/* ---- finding ---------------------------------------------------------------------- */

const struct fl_param_obj *fl_param_find(const struct fl_version *version, const char *name)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_PARAM], 0);
	while ((obj = fl_pmap_iter_next(&iter))) {
		if (!strcmp(fl_obj_param(obj)->name, name))
			return fl_obj_param(obj);
	}
	return NULL;
}

struct find {
	const char *name;
	const struct fl_param_obj *found;
	uint64_t next_key;
};

static void find_one(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct find *find = arg;

	find->next_key = obj->key + 1;
	if (!strcmp(fl_obj_param(obj)->name, find->name))
		find->found = fl_obj_param(obj);
}

const struct fl_param_obj *fl_param_find_txn(struct fl_txn *txn, const char *name)
{
	struct find find = { .name = name };

	fl_txn_for_each(txn, FL_OBJ_PARAM, find_one, &find);
	return find.found;
}

/* ---- edits ------------------------------------------------------------------------ */

static void param_register(struct fl_txn *txn, const struct fl_param *desc, uint64_t key)
{
	size_t name_size = strlen(desc->name) + 1;
	struct fl_param_obj *param = calloc(1, sizeof(*param) + name_size);

	if (!param) {
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	param->obj.ops = &param_ops;
	param->generic = desc->generic;
	param->has_default = desc->has_default;
	param->type = desc->type;
	param->cmodes = desc->cmodes;
	param->min = desc->min;
	param->max = desc->max;
	param->def = desc->def;
	memcpy(param->name, desc->name, name_size);
	for (int cmode = 0; cmode < FL_PARAM_CMODES; cmode++) {
		param->value[cmode].set = (desc->cmodes & 1u << cmode) &&
			!(desc->unset && cmode == DEVLINK_PARAM_CMODE_DRIVERINIT);
		param->value[cmode].value = desc->value;
	}
	fl_txn_set(txn, FL_OBJ_PARAM, key, &param->obj);
	if (!txn->err)
		fl_txn_notify_obj(txn, &param->obj, DEVLINK_CMD_PARAM_NEW);
}

void fl_params_register(struct fl_txn *txn, const struct fl_param *params, size_t count)
{
	struct find find = { .name = "" };

	fl_txn_for_each(txn, FL_OBJ_PARAM, find_one, &find);
	for (size_t i = 0; i < count && !txn->err; i++)
		param_register(txn, &params[i], find.next_key + i);
}

static void announce_del(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	uint64_t *end = arg;

	*end = obj->key + 1;
	fl_txn_notify_obj(txn, obj, DEVLINK_CMD_PARAM_DEL);
}

void fl_params_unregister(struct fl_txn *txn)
{
	uint64_t end = 0;

	fl_txn_for_each(txn, FL_OBJ_PARAM, announce_del, &end);
	for (uint64_t key = 0; key < end; key++) {
		if (fl_txn_obj(txn, FL_OBJ_PARAM, key))
			fl_txn_set(txn, FL_OBJ_PARAM, key, NULL);
	}
}

int fl_param_dup(struct fl_txn *txn, const char *name, struct fl_param_obj **ret_copy)
{
	size_t size = sizeof(struct fl_param_obj) + strlen(name) + 1;
	struct fl_param_obj *copy = malloc(size);
	const struct fl_param_obj *param;

	if (!copy)
		return -ENOMEM;
	fl_rcu_read_lock();
	param = fl_param_find_txn(txn, name);
	if (param)
		memcpy(copy, param, size);
	fl_rcu_read_unlock();
	if (!param) {
		free(copy);
		return -ENOENT;
	}
	copy->obj.image = NULL;
	*ret_copy = copy;
	return 0;
}

/* The parameter as something to write to. */
static struct fl_param_obj *param_write(struct fl_txn *txn, const char *name)
{
	struct fl_param_obj *copy;
	struct fl_edit *edit;
	int err;

	err = fl_param_dup(txn, name, &copy);
	if (err) {
		fl_txn_fail(txn, err);
		return NULL;
	}
	edit = fl_txn_edit(txn, FL_OBJ_PARAM, copy->obj.key);
	if (edit) {
		free(copy);
		return (struct fl_param_obj *)edit->obj;
	}
	fl_txn_set(txn, FL_OBJ_PARAM, copy->obj.key, &copy->obj);
	return txn->err ? NULL : copy;
}

void fl_param_value_set(struct fl_txn *txn, const char *name, enum devlink_param_cmode cmode,
			const union fl_param_value *value, bool notify)
{
	struct fl_param_obj *param = param_write(txn, name);

	if (!param)
		return;
	param->value[cmode].set = true;
	param->value[cmode].value = *value;
	if (cmode == DEVLINK_PARAM_CMODE_DRIVERINIT) {
		/* The default of a driverinit parameter is what its driver set last. */
		param->has_default = true;
		param->def = *value;
		param->pending.set = false;
	}
	if (notify)
		fl_txn_notify_obj(txn, &param->obj, DEVLINK_CMD_PARAM_NEW);
}

void fl_param_store(struct fl_txn *txn, const char *name, enum devlink_param_cmode cmode,
		    const union fl_param_value *value)
{
	struct fl_param_obj *param = param_write(txn, name);
	struct fl_param_slot *slot;

	if (!param)
		return;
	slot = cmode == DEVLINK_PARAM_CMODE_DRIVERINIT ? &param->pending : &param->value[cmode];
	slot->set = true;
	slot->value = *value;
	fl_txn_notify_obj(txn, &param->obj, DEVLINK_CMD_PARAM_NEW);
}

struct fl_lane *fl_params_lane_get(struct fl_devlink *dl)
{
	return fl_lane_get(dl->sublane[FL_SUBLANE_PARAMS]);
}

int fl_param_value_get(struct fl_txn *txn, const char *name, enum devlink_param_cmode cmode,
		       union fl_param_value *ret_value)
{
	const struct fl_param_obj *param;
	int err = 0;

	fl_rcu_read_lock();
	param = fl_param_find_txn(txn, name);
	if (!param)
		err = -ENOENT;
	else if (!param->value[cmode].set)
		err = -EOPNOTSUPP;
	else
		*ret_value = param->value[cmode].value;
	fl_rcu_read_unlock();
	return err;
}

/* At most so many parameters are taken over at once; drivers have a few dozen. */
#define PENDING_BATCH 64

struct pending {
	const struct fl_param_obj *param[PENDING_BATCH];
	unsigned int count;
};

static void pending_collect(struct fl_txn *txn, const struct fl_obj *obj, void *arg)
{
	struct pending *pending = arg;

	if (fl_obj_param(obj)->pending.set && pending->count < PENDING_BATCH)
		pending->param[pending->count++] = fl_obj_param(obj);
}

static void pending_apply(struct fl_txn *txn, const char *name)
{
	struct fl_param_obj *param = param_write(txn, name);

	if (!param)
		return;
	param->value[DEVLINK_PARAM_CMODE_DRIVERINIT] = param->pending;
	param->pending.set = false;
}

void fl_params_reload(struct fl_txn *txn)
{
	struct pending pending;

	fl_rcu_read_lock();
	do {
		pending.count = 0;
		fl_txn_for_each(txn, FL_OBJ_PARAM, pending_collect, &pending);
		for (unsigned int i = 0; i < pending.count; i++)
			pending_apply(txn, pending.param[i]->name);
	} while (pending.count == PENDING_BATCH && !txn->err);
	fl_rcu_read_unlock();
}
