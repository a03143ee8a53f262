/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * param.c - where the firmware is loaded from at a reload, and how often the regions of the ACL
 * tables are hashed anew, which nothing here shows.
 */
#include "mlxsw-private.h"

#include <errno.h>
#include <string.h>

#define POLICY "fw_load_policy"
#define INTERVAL "acl_region_rehash_interval"
#define INTERVAL_MIN_MS 3000
#define INTERVAL_FIRST_MS 5000

static const struct fl_param params[] = {
	{ .name = POLICY, .generic = true, .type = FL_PARAM_U8,
	  .cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT, .has_default = true,
	  .def.vu8 = DEVLINK_PARAM_FW_LOAD_POLICY_VALUE_DRIVER,
	  .value.vu8 = DEVLINK_PARAM_FW_LOAD_POLICY_VALUE_DRIVER },
	{ .name = INTERVAL, .type = FL_PARAM_U32, .cmodes = 1u << DEVLINK_PARAM_CMODE_RUNTIME,
	  .has_default = true, .def.vu32 = INTERVAL_FIRST_MS, .value.vu32 = INTERVAL_FIRST_MS },
};

void mlxsw_params_register(struct fl_txn *txn)
{
	fl_params_register(txn, params, FL_ARRAY_SIZE(params));
}

/* The tables are made anew, and hashed at the interval that new ones have. */
void mlxsw_params_reset(struct fl_txn *txn)
{
	const union fl_param_value first = { .vu32 = INTERVAL_FIRST_MS };

	fl_param_value_set(txn, INTERVAL, DEVLINK_PARAM_CMODE_RUNTIME, &first, true);
}

int mlxsw_param_validate(struct fl_devlink *dl, const char *name, const union fl_param_value *value,
			 struct fl_extack *extack)
{
	if (!strcmp(name, POLICY) && value->vu8 != DEVLINK_PARAM_FW_LOAD_POLICY_VALUE_DRIVER &&
	    value->vu8 != DEVLINK_PARAM_FW_LOAD_POLICY_VALUE_FLASH) {
		fl_extack_set(extack, MLXSW_NAME ": 'fw_load_policy' must be 'driver' or 'flash'");
		return -EINVAL;
	}
	if (!strcmp(name, INTERVAL) && value->vu32 && value->vu32 < INTERVAL_MIN_MS) {
		fl_extack_set(extack, MLXSW_NAME ": the interval is 0 (off) or at least %u ms",
			      INTERVAL_MIN_MS);
		return -EINVAL;
	}
	return 0;
}

/* The first new hashing is at once. */
int mlxsw_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
		    enum devlink_param_cmode cmode, const union fl_param_value *value)
{
	return mlxsw_command(op, mlxsw_of(txn));
}
