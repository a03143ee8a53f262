/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* param.c - the parameters max_macs, test1 and test2, and the knobs that show them. */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct fl_param params[] = {
	{
		.name = "max_macs", .generic = true, .type = FL_PARAM_U32,
		.cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT, .unset = true,
	},
	{
		.name = "test1", .type = FL_PARAM_BOOL,
		.cmodes = 1u << DEVLINK_PARAM_CMODE_DRIVERINIT, .unset = true,
	},
	{
		.name = "test2", .type = FL_PARAM_U32,
		.cmodes = 1u << DEVLINK_PARAM_CMODE_RUNTIME,
		.has_default = true, .def.vu32 = 1234, .value.vu32 = 1234,
	},
};

/* The first is announced at once, the others with the values that they get here. */
void nsim_params_register(struct nsim_dev *dev, struct fl_txn *txn)
{
	union fl_param_value max_macs = { .vu32 = dev->values.max_macs };
	union fl_param_value test1 = { .vbool = dev->values.test1 };

	fl_params_register(txn, params, FL_ARRAY_SIZE(params));
	fl_param_value_set(txn, "max_macs", DEVLINK_PARAM_CMODE_DRIVERINIT, &max_macs, true);
	fl_param_value_set(txn, "test1", DEVLINK_PARAM_CMODE_DRIVERINIT, &test1, true);
}

void nsim_params_load(struct nsim_dev *dev, struct fl_txn *txn)
{
	union fl_param_value value;

	if (!fl_param_value_get(txn, "max_macs", DEVLINK_PARAM_CMODE_DRIVERINIT, &value))
		__atomic_store_n(&dev->values.max_macs, value.vu32, __ATOMIC_RELAXED);
	if (!fl_param_value_get(txn, "test1", DEVLINK_PARAM_CMODE_DRIVERINIT, &value))
		__atomic_store_n(&dev->values.test1, value.vbool, __ATOMIC_RELAXED);
}

int nsim_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
		   enum devlink_param_cmode cmode, const union fl_param_value *value)
{
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));

	if (strcmp(name, "test2"))
		return -EOPNOTSUPP;
	__atomic_store_n(&dev->values.test2, value->vu32, __ATOMIC_RELAXED);
	return 0;
}

/* ---- the knob test2: behind the parameter's back, so nobody is told ------------------- */

static int test2_run(struct fl_op *op, struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_call_dev(call);
	union fl_param_value value = { .vu32 = 0 };
	struct fl_txn *txn;
	int err;

	err = fl_knob_parse_u32(call->text, &value.vu32);
	if (!err)
		err = nsim_txn_begin(op, dev, &txn);
	if (err)
		return err;
	fl_param_value_set(txn, "test2", DEVLINK_PARAM_CMODE_RUNTIME, &value, false);
	err = fl_txn_commit(txn);
	if (!err)
		__atomic_store_n(&dev->values.test2, value.vu32, __ATOMIC_RELAXED);
	return err;
}

static int test2_write(struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_knob_dev(call);
	/* Its memory stays while a write begins (fl_knob_ops). */
	struct fl_devlink *dl = __atomic_load_n(&dev->dl, __ATOMIC_ACQUIRE);
	struct fl_lane *lane;
	int err;

	if (!dl)
		return -ENODEV;
	lane = fl_params_lane_get(dl);
	err = nsim_knob_post(call, lane, test2_run);
	fl_lane_put(lane);
	return err;
}

static ssize_t test2_read(void *arg, char *buf, size_t cap)
{
	return nsim_u32_ops.read(arg, buf, cap);
}

const struct fl_knob_ops nsim_test2_ops = {
	.write = test2_write, .read = test2_read, .gone = nsim_knob_gone,
};
