/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cr-space.c - the region cr-space: the device's configuration registers, caught at fatal errors.
 */
#include "mlx5-private.h"

#include <stdlib.h>
#include <string.h>

#define SNAPSHOTS 8
#define WORD sizeof(uint64_t)

/* Registers that differ from PF to PF and with what went wrong; the first word tells that. */
static uint64_t word_at(const struct mlx5_pf *pf, uint64_t n)
{
	uint64_t syndrome = __atomic_load_n(&pf->health.syndrome, __ATOMIC_RELAXED);

	return n ? mlx5_dice_more(pf->unit.dice.key ^ syndrome, n) : syndrome;
}

void mlx5_cr_space_fill(struct mlx5_pf *pf, uint64_t offset, uint32_t len, uint8_t *data)
{
	while (len) {
		uint64_t word = word_at(pf, offset / WORD);
		uint32_t skip = (uint32_t)(offset % WORD), part = WORD - skip;

		if (part > len)
			part = len;
		memcpy(data, (const uint8_t *)&word + skip, part);
		data += part;
		offset += part;
		len -= part;
	}
}

static int snapshot(struct fl_op *op, struct fl_txn *txn, struct fl_region *region, uint8_t *data)
{
	mlx5_cr_space_fill(fl_region_priv(region), 0, MLX5_CR_SPACE_BYTES, data);
	return 0;
}

static int read_direct(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
		       uint64_t offset, uint32_t len, uint8_t *data)
{
	mlx5_cr_space_fill(fl_region_priv(region), offset, len, data);
	return 0;
}

static const struct fl_region_ops region_ops = { .snapshot = snapshot, .read = read_direct };

void mlx5_cr_space_register(struct mlx5_pf *pf, struct fl_txn *txn)
{
	struct fl_region_desc desc = {
		.name = "cr-space",
		.ops = &region_ops,
		.priv = pf,
		.size = MLX5_CR_SPACE_BYTES,
		.max_snapshots = SNAPSHOTS,
	};
	struct fl_region *region = fl_region_add(txn, &desc), *was;

	fl_driver_lock_take(pf->lock);
	was = pf->health.cr_space;
	pf->health.cr_space = region;
	fl_driver_lock_drop(pf->lock);
	fl_region_put(was);
}

void mlx5_cr_space_catch(struct mlx5_pf *pf, struct fl_devlink *dl)
{
	uint8_t *data = malloc(MLX5_CR_SPACE_BYTES);
	struct fl_region *region;
	int err = -1;

	fl_driver_lock_take(pf->lock);
	region = pf->health.cr_space ? fl_region_get(pf->health.cr_space) : NULL;
	fl_driver_lock_drop(pf->lock);
	if (data && region) {
		mlx5_cr_space_fill(pf, 0, MLX5_CR_SPACE_BYTES, data);
		err = fl_region_snapshot_post(dl, region, data);
	}
	if (err)
		fl_log(FL_LOG_WARN, "%s: cr-space was not caught",
		       fl_lane_name(fl_device_lane(fl_devlink_device(dl))));
	fl_region_put(region);
	free(data);
}
