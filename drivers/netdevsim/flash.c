/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flash.c - a firmware update that does nothing, in 500 pieces, each of which takes
 * fw_update_flash_chunk_time_ms.
 */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdlib.h>

#define FLASH_SIZE 500000
#define CHUNK_SIZE 1000
#define SELECT_TIMEOUT_S 81

struct flash {
	void *saved;
	struct nsim_dev *dev;
	struct fl_txn *txn;
	const char *component; /* the request's */
	uint32_t done;
};

static bool tells(const struct flash *flash)
{
	return __atomic_load_n(&flash->dev->values.fw_update_status, __ATOMIC_RELAXED);
}

static void tell_progress(const struct flash *flash)
{
	if (tells(flash))
		fl_flash_notify(flash->txn, "Flashing", flash->component, flash->done, FLASH_SIZE,
				0);
}

static int flash_chunk(struct fl_op *op);

static int flash_slept(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	if (fl_op_cancelled(op))
		return -ECANCELED;
	flash->done += CHUNK_SIZE;
	return flash_chunk(op);
}

static int flash_chunk(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);
	uint64_t max_ns = fl_sched_max_wait(fl_plane_sched(flash->dev->bus->plane));
	uint64_t ns;

	tell_progress(flash);
	if (flash->done == FLASH_SIZE)
		return 0;
	ns = FL_NS_PER_MS * __atomic_load_n(&flash->dev->values.fw_update_flash_chunk_time_ms,
					    __ATOMIC_RELAXED);
	if (!ns)
		return fl_op_yield(op, flash_slept);
	fl_op_allow(op, ns);
	return fl_op_sleep(op, ns < max_ns ? ns : max_ns, flash_slept);
}

static int flash_done(struct fl_op *op)
{
	struct flash *flash = fl_op_data(op);
	int err = fl_op_result(op);

	fl_op_set_data(op, flash->saved);
	if (!err && tells(flash)) {
		fl_flash_notify(flash->txn, "Flash select", flash->component, 0, 0,
				SELECT_TIMEOUT_S);
		fl_flash_notify(flash->txn, "Flashing done", flash->component, 0, 0, 0);
	}
	free(flash);
	return err;
}

int nsim_flash_update(struct fl_op *op, struct fl_txn *txn, const struct fl_flash_request *request)
{
	struct nsim_dev *dev = fl_devlink_priv(fl_txn_devlink(txn));
	uint32_t allowed = __atomic_load_n(&dev->values.fw_update_overwrite_mask, __ATOMIC_RELAXED);
	struct flash *flash;

	if (request->overwrite_mask & ~allowed)
		return -EOPNOTSUPP;
	flash = calloc(1, sizeof(*flash));
	if (!flash)
		return -ENOMEM;
	flash->saved = fl_op_data(op);
	flash->dev = dev;
	flash->txn = txn;
	flash->component = request->component;
	fl_op_set_data(op, flash);
	fl_op_then(op, flash_done);
	if (tells(flash))
		fl_flash_notify(txn, "Preparing to flash", request->component, 0, 0, 0);
	return flash_chunk(op);
}
