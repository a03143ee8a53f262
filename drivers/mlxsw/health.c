/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* health.c - the reporter of fatal firmware errors, and what can be read of the ASIC's memory. */
#include "mlxsw-private.h"

#include <stdint.h>

#define CR_SPACE_BYTES 4096

/* ---- reporter --------------------------------------------------------------------- */

static int fatal_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		      struct fl_fmsg *fmsg, void *ctx)
{
	struct mlxsw *sw = fl_reporter_priv(reporter);

	fl_fmsg_pair_nest_start(fmsg, "event");
	fl_fmsg_obj_nest_start(fmsg);
	fl_fmsg_string_pair_put(fmsg, "desc", ctx ? "assert" : "none");
	fl_fmsg_u32_pair_put(fmsg, "irisc_id", ctx ? 3 : 0);
	fl_fmsg_u64_pair_put(fmsg, "cr_timestamp", mlxsw_draw(sw, 'h', 0) >> 32);
	fl_fmsg_obj_nest_end(fmsg);
	fl_fmsg_pair_nest_end(fmsg);
	return 0;
}

static int fatal_test(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter)
{
	/* Its own error, by an operation behind this one. */
	return fl_health_report(reporter, "FW fatal event occurred", (void *)(uintptr_t)1, NULL);
}

static const struct fl_reporter_ops fatal_ops = {
	.dump = fatal_dump,
	.test = fatal_test,
};

/* ---- region ----------------------------------------------------------------------- */

static void cr_space_fill(struct mlxsw *sw, uint64_t offset, uint32_t len, uint8_t *data)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = mlxsw_draw(sw, 'c', (offset + i) / 4) >> (offset + i) % 4 * 8;
}

static int cr_space_snapshot(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
			     uint8_t *data)
{
	cr_space_fill(fl_region_priv(region), 0, CR_SPACE_BYTES, data);
	return 0;
}

static int cr_space_read(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
			 uint64_t offset, uint32_t len, uint8_t *data)
{
	cr_space_fill(fl_region_priv(region), offset, len, data);
	return 0;
}

static const struct fl_region_ops cr_space_ops = {
	.snapshot = cr_space_snapshot,
	.read = cr_space_read,
};

void mlxsw_health_add(struct mlxsw *sw, struct fl_txn *txn)
{
	const struct fl_reporter_desc fatal = {
		.name = "fw_fatal",
		.ops = &fatal_ops,
		.priv = sw,
	};
	const struct fl_region_desc cr_space = {
		.name = "cr-space",
		.ops = &cr_space_ops,
		.priv = sw,
		.size = CR_SPACE_BYTES,
		.max_snapshots = 4,
	};

	sw->reporter = fl_reporter_add(txn, &fatal);
	sw->region = fl_region_add(txn, &cr_space);
}

void mlxsw_health_forget(struct mlxsw *sw)
{
	fl_reporter_put(sw->reporter);
	fl_region_put(sw->region);
	sw->reporter = NULL;
	sw->region = NULL;
}
