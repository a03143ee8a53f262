/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flash.c - writing an image: it is stored when that ends well, and runs from the next
 * activation on. Each PF has an image of its own, so that what one PF does touches nothing
 * of its neighbour.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLASH_STEPS 50
#define ERASE_STEPS 10
#define IMAGE_BYTES (16u << 20)

struct flash {
	void *saved;
	struct mlx5_pf *pf;
	struct fl_txn *txn;
	struct mlx5_attempt attempt;
	struct mlx5_version version;
	const char *component; /* the request's */
	unsigned int step;
	uint64_t bytes;
};

static int flash_step(struct fl_op *op);

/* A mark in the write at which an image that fails shows it. */
static bool fails_here(const struct flash *flash)
{
	return flash->attempt.fate && flash->step == FLASH_STEPS / 2;
}

static void tell(const struct flash *flash)
{
	unsigned int written = flash->step - ERASE_STEPS;

	if (flash->step == 0)
		fl_flash_notify(flash->txn, "Preparing to flash", flash->component, 0, 0, 0);
	else if (flash->step == 1)
		fl_flash_notify(flash->txn, "Erasing", flash->component, 0, 0, 0);
	else if (flash->step >= ERASE_STEPS)
		fl_flash_notify(flash->txn, "Flashing", flash->component,
				flash->bytes * written / (FLASH_STEPS - ERASE_STEPS), flash->bytes,
				0);
}

static int flash_slept(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	flash->step++;
	return flash_step(op);
}

static int flash_step(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);

	if (mlx5_fw_dead(flash->pf->fw)) {
		fl_extack_set(fl_txn_extack(flash->txn),
			      "mlx5_core: the firmware does not respond: recover the device first");
		return -EIO;
	}
	tell(flash);
	if (fails_here(flash)) {
		if (flash->attempt.fate > 0)
			return mlx5_step_stuck(op, flash->pf->nic, flash->attempt.fate);
		fl_extack_set(fl_txn_extack(flash->txn),
			      "mlx5_core: the firmware refused the image at %u%%",
			      flash->step * 100 / FLASH_STEPS);
		return flash->attempt.fate;
	}
	if (flash->step == FLASH_STEPS)
		return 0;
	return fl_op_sleep(op, flash->attempt.ns / FLASH_STEPS, flash_slept);
}

static int flash_done(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);
	int err = fl_op_result(op);

	fl_op_set_data(op, flash->saved);
	if (!err) {
		mlx5_version_store(flash->pf, flash->version);
		mlx5_info_publish(flash->pf->func, flash->txn);
	}
	free(flash);
	return err;
}

int mlx5_flash_update(struct fl_op *op, struct fl_txn *txn, const struct fl_flash_request *request)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	struct flash *flash;

	if (request->component && strcmp(request->component, "fw") != 0) {
		fl_extack_set(fl_txn_extack(txn),
			      "selected component is not supported by the device");
		return -EINVAL;
	}
	flash = calloc(1, sizeof(*flash));
	if (!flash)
		return -ENOMEM;
	flash->saved = fl_op_data(op);
	flash->pf = func->pf;
	flash->txn = txn;
	flash->component = request->component;
	flash->bytes = request->size ? request->size : IMAGE_BYTES;
	flash->version = mlx5_version_of(request->file_name, mlx5_version_stored(func->pf));
	flash->attempt = mlx5_step_attempt(func->pf->nic, func->unit, MLX5_STEP_FLASH,
					   fl_lane_name(fl_op_lane(op)));
	fl_op_set_data(op, flash);
	fl_op_then(op, flash_done);
	return flash_step(op);
}
