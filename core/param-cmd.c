/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * param-cmd.c - what clients ask of parameters: PARAM_GET, PARAM_SET.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/param.h"

/* The parameter that the request names. Context: RCU read section. */
static int req_param(struct fl_req *req, struct fl_devlink **ret_dl,
		     const struct fl_param_obj **ret_param)
{
	const struct fl_version *version;
	const struct fl_param_obj *param;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink(req, &dl, &version);
	if (err)
		return err;
	if (!req->tb[DEVLINK_ATTR_PARAM_NAME]) {
		fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_PARAM_NAME);
		return -EINVAL;
	}
	param = fl_param_find(version, fl_attr_str(req->tb[DEVLINK_ATTR_PARAM_NAME]));
	if (!param)
		return -EINVAL;
	*ret_dl = dl;
	*ret_param = param;
	return 0;
}

int fl_param_get_doit(struct fl_req *req)
{
	const struct fl_param_obj *param;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = req_param(req, &dl, &param);
	if (!err)
		err = !fl_obj_shown(&param->obj) ? -EOPNOTSUPP :
			fl_obj_put(&req->reply, &param->obj, DEVLINK_CMD_PARAM_GET, 0,
				   req->nlh->nlmsg_seq, req->portid, req->ns);
	fl_rcu_read_unlock();
	return err;
}

int fl_param_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_PARAM, DEVLINK_CMD_PARAM_GET);
}

/* ---- PARAM_SET -------------------------------------------------------------------- */

struct param_set {
	struct fl_param_obj *param; /* as it was when the command got its turn */
	enum devlink_param_cmode cmode;
	union fl_param_value value;
	char name[];
};

static int parse_type(struct fl_req *req, const struct fl_param_obj *param)
{
	static const uint8_t types[] = {
		[FL_PARAM_U8] = DEVLINK_VAR_ATTR_TYPE_U8,
		[FL_PARAM_U16] = DEVLINK_VAR_ATTR_TYPE_U16,
		[FL_PARAM_U32] = DEVLINK_VAR_ATTR_TYPE_U32,
		[FL_PARAM_U64] = DEVLINK_VAR_ATTR_TYPE_U64,
		[FL_PARAM_STRING] = DEVLINK_VAR_ATTR_TYPE_STRING,
		[FL_PARAM_BOOL] = DEVLINK_VAR_ATTR_TYPE_FLAG,
	};
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_PARAM_TYPE];

	if (!attr) {
		fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_PARAM_TYPE);
		return -EINVAL;
	}
	return fl_attr_u8(attr) == types[param->type] ? 0 : -EINVAL;
}

static int parse_string(const struct nlattr *attr, union fl_param_value *value)
{
	size_t len = strnlen(fl_attr_data(attr), fl_attr_len(attr));

	if (len == fl_attr_len(attr) || len >= sizeof(value->vstr))
		return -EINVAL;
	memcpy(value->vstr, fl_attr_data(attr), len + 1);
	return 0;
}

static int parse_number(const struct nlattr *attr, size_t size, void *value)
{
	if (fl_attr_len(attr) != size)
		return -EINVAL;
	memcpy(value, fl_attr_data(attr), size);
	return 0;
}

static int parse_data(const struct nlattr *attr, enum fl_param_type type,
		      union fl_param_value *value)
{
	if (type == FL_PARAM_BOOL) {
		if (attr && fl_attr_len(attr))
			return -EINVAL;
		value->vbool = attr != NULL;
		return 0;
	}
	if (!attr)
		return -EINVAL;
	switch (type) {
	case FL_PARAM_U8:
		return parse_number(attr, 1, &value->vu8);
	case FL_PARAM_U16:
		return parse_number(attr, 2, &value->vu16);
	case FL_PARAM_U32:
		return parse_number(attr, 4, &value->vu32);
	case FL_PARAM_U64:
		return parse_number(attr, 8, &value->vu64);
	case FL_PARAM_STRING:
		return parse_string(attr, value);
	case FL_PARAM_BOOL:
		break;
	}
	return -EINVAL;
}

static bool as_number(const struct fl_param_obj *param, const union fl_param_value *value,
		      uint64_t *ret_number)
{
	switch (param->type) {
	case FL_PARAM_U8:
		*ret_number = value->vu8;
		return true;
	case FL_PARAM_U16:
		*ret_number = value->vu16;
		return true;
	case FL_PARAM_U32:
		*ret_number = value->vu32;
		return true;
	case FL_PARAM_U64:
		*ret_number = value->vu64;
		return true;
	case FL_PARAM_STRING:
	case FL_PARAM_BOOL:
		break;
	}
	return false;
}

static int check_value(struct fl_req *req, struct fl_devlink *dl, const struct fl_param_obj *param,
		       const union fl_param_value *value)
{
	uint64_t number;

	if (param->max && as_number(param, value, &number) &&
	    (number < param->min || number > param->max)) {
		fl_extack_set(&req->extack, "%s must be within %llu..%llu", param->name,
			      (unsigned long long)param->min, (unsigned long long)param->max);
		return -ERANGE;
	}
	if (!dl->ops->param_validate)
		return 0;
	return fl_border_result(dl, "param_validate",
				dl->ops->param_validate(dl, param->name, value, &req->extack));
}

static int param_set_parse(struct fl_req *req, struct fl_devlink *dl,
			   const struct fl_param_obj *param, struct param_set *set)
{
	bool reset = req->tb[DEVLINK_ATTR_PARAM_RESET_DEFAULT];
	int err;

	err = parse_type(req, param);
	if (!err && !reset)
		err = parse_data(req->tb[DEVLINK_ATTR_PARAM_VALUE_DATA], param->type, &set->value);
	if (!err && !reset)
		err = check_value(req, dl, param, &set->value);
	if (err)
		return err;
	if (!req->tb[DEVLINK_ATTR_PARAM_VALUE_CMODE]) {
		fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_PARAM_VALUE_CMODE);
		return -EINVAL;
	}
	set->cmode = fl_attr_u8(req->tb[DEVLINK_ATTR_PARAM_VALUE_CMODE]);
	if (!(param->cmodes & 1u << set->cmode))
		return -EOPNOTSUPP;
	if (reset && !param->has_default)
		return -EOPNOTSUPP;
	if (reset)
		set->value = param->def;
	return 0;
}

static int param_set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct param_set *set = cmd->arg;

	if (!fl_op_result(op))
		fl_param_store(cmd->txn, set->name, set->cmode, &set->value);
	return fl_op_result(op);
}

static int param_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct param_set *set = cmd->arg;
	int err;

	err = fl_param_dup(cmd->txn, set->name, &set->param);
	if (err)
		return err == -ENOENT ? -EINVAL : err;
	err = param_set_parse(cmd->req, cmd->dl, set->param, set);
	if (err)
		return err;
	fl_op_then(op, param_set_done);
	if (set->cmode == DEVLINK_PARAM_CMODE_DRIVERINIT || !cmd->dl->ops->param_set)
		return 0;
	return fl_border_step(
		cmd->dl, "param_set",
		cmd->dl->ops->param_set(op, cmd->txn, set->name, set->cmode, &set->value));
}

static void param_set_over(struct fl_cmd_op *cmd, int err)
{
	struct param_set *set = cmd->arg;

	free(set->param);
	free(set);
}

static const struct fl_cmd_op_type param_set_type = {
	FL_CMD_OP("param-set", 0),
	.work = param_set_work,
	.over = param_set_over,
};

int fl_param_set_doit(struct fl_req *req)
{
	const struct fl_param_obj *param;
	struct param_set *set = NULL;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = req_param(req, &dl, &param);
	if (!err) {
		set = calloc(1, sizeof(*set) + strlen(param->name) + 1);
		err = set ? 0 : -ENOMEM;
	}
	if (!err)
		strcpy(set->name, param->name);
	if (!err && !fl_devlink_try_get(dl))
		err = -ENODEV;
	fl_rcu_read_unlock();
	if (!err)
		err = fl_cmd_op_post(req, &param_set_type, dl, dl->sublane[FL_SUBLANE_PARAMS], 0,
				     set);
	if (err < 0)
		free(set);
	return err;
}
