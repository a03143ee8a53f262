/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reload.c - reload, a new firmware image, and the test of the flash memory. */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdlib.h>

#define FLASH_BYTES (4u << 20)
#define FLASH_STEPS 20

/* ---- reload: everything but resources, the reporter and the region ---------------- */

int mlxsw_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		      enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	struct mlxsw *sw = mlxsw_of(txn);

	if (!sw->down)
		mlxsw_objects_del(sw, txn);
	sw->down = true;
	return 0;
}

int mlxsw_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		    enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	struct mlxsw *sw = mlxsw_of(txn);

	/* As mlxsw: the firmware starts anew with each of the two. */
	*ret_performed =
		1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT | 1u << DEVLINK_RELOAD_ACTION_FW_ACTIVATE;
	mlxsw_params_reset(txn);
	mlxsw_resources_take(txn);
	__atomic_store_n(&sw->running, __atomic_load_n(&sw->image, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
	mlxsw_info_publish(sw, txn);
	sw->down = false;
	mlxsw_objects_add(sw, txn);
	return mlxsw_command(op, sw);
}

/* ---- flash ------------------------------------------------------------------------ */

struct flash {
	void *saved;
	struct fl_txn *txn;
	struct mlxsw *sw;
	unsigned int step;
	uint64_t bytes;
};

static int flash_step(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	fl_flash_notify(flash->txn, "Flashing", NULL, flash->bytes * flash->step / FLASH_STEPS,
			flash->bytes, 0);
	if (flash->step++ == FLASH_STEPS)
		return 0;
	return fl_op_sleep(op, flash->sw->config.flash_ns / FLASH_STEPS, flash_step);
}

static int flash_done(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);
	int err = fl_op_result(op);

	fl_op_set_data(op, flash->saved);
	/* It runs from the next reload on. */
	if (!err)
		__atomic_add_fetch(&flash->sw->image, 1, __ATOMIC_RELAXED);
	free(flash);
	return err;
}

int mlxsw_flash_update(struct fl_op *op, struct fl_txn *txn, const struct fl_flash_request *request)
{
	struct flash *flash = calloc(1, sizeof(*flash));

	if (!flash)
		return -ENOMEM;
	flash->saved = fl_op_data(op);
	flash->txn = txn;
	flash->sw = mlxsw_of(txn);
	flash->bytes = request->size ? request->size : FLASH_BYTES;
	fl_op_set_data(op, flash);
	fl_flash_notify(txn, "Preparing to flash", NULL, 0, 0, 0);
	fl_op_then(op, flash_done);
	return fl_op_yield(op, flash_step);
}

/* ---- selftests -------------------------------------------------------------------- */

static int selftest_run(struct fl_op *op, struct fl_txn *txn, enum devlink_attr_selftest_id test,
			enum devlink_selftest_status *ret_status)
{
	*ret_status = DEVLINK_SELFTEST_STATUS_PASS;
	return mlxsw_wait(op, mlxsw_of(txn)->config.selftest_ns);
}

const struct fl_selftest_ops mlxsw_selftest_ops = {
	.tests = 1u << DEVLINK_ATTR_SELFTEST_ID_FLASH,
	.run = selftest_run,
};
