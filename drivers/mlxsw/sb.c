/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sb.c - the shared buffer, and the traffic in it: with each snapshot each quota is found
 * somewhere else, below what its pool holds.
 */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdlib.h>

#define CELL 96 /* bytes */
#define BUFFER_CELLS 174762
#define INGRESS_POOLS 4
#define EGRESS_POOLS 4
#define INGRESS_TCS 8
#define EGRESS_TCS 16
#define DYNAMIC_MIN 3 /* alphas, from 1/64 to 8 */
#define DYNAMIC_MAX 16
#define DYNAMIC_FIRST 10
#define BUSY_CELLS 512 /* of one quota at most */

#define INGRESS(cells)                                                                             \
	{                                                                                          \
		DEVLINK_SB_POOL_TYPE_INGRESS, (cells)*CELL, DEVLINK_SB_THRESHOLD_TYPE_DYNAMIC,     \
			CELL                                                                       \
	}
#define EGRESS(cells)                                                                              \
	{                                                                                          \
		DEVLINK_SB_POOL_TYPE_EGRESS, (cells)*CELL, DEVLINK_SB_THRESHOLD_TYPE_DYNAMIC, CELL \
	}

static const struct fl_sb buffer = {
	.size = BUFFER_CELLS * CELL,
	.ingress_pools = INGRESS_POOLS,
	.egress_pools = EGRESS_POOLS,
	.ingress_tcs = INGRESS_TCS,
	.egress_tcs = EGRESS_TCS,
};

static const struct fl_sb_pool pools[MLXSW_SB_POOLS] = {
	INGRESS(129584), INGRESS(0), INGRESS(0), INGRESS(0),
	EGRESS(137834),	 EGRESS(0),  EGRESS(0),	 EGRESS(0),
};

_Static_assert(INGRESS_POOLS + EGRESS_POOLS == MLXSW_SB_POOLS, "pools");
_Static_assert(MLXSW_SB_POOLS + INGRESS_TCS + EGRESS_TCS == MLXSW_SB_QUOTAS, "quotas");

/* ---- cells ------------------------------------------------------------------------ */

/* Of ports, by index from 1 on: they stay while ports come and go. */
static size_t cells(const struct mlxsw *sw)
{
	return (size_t)mlxsw_panels(sw) * sw->config.lanes * MLXSW_SB_QUOTAS * 2;
}

static struct fl_cell **port_cells(const struct mlxsw *sw, uint32_t port)
{
	return &sw->occ[(size_t)(port - 1) * MLXSW_SB_QUOTAS * 2];
}

int mlxsw_sb_init(struct mlxsw *sw)
{
	sw->occ = calloc(cells(sw), sizeof(*sw->occ));
	if (!sw->occ)
		return -ENOMEM;
	for (size_t i = 0; i < cells(sw); i++) {
		sw->occ[i] = fl_cell_new();
		if (!sw->occ[i])
			return -ENOMEM;
	}
	return 0;
}

void mlxsw_sb_done(struct mlxsw *sw)
{
	for (size_t i = 0; sw->occ && i < cells(sw); i++)
		fl_cell_put(sw->occ[i]);
	free(sw->occ);
}

/* ---- what there is ---------------------------------------------------------------- */

void mlxsw_sb_register(struct fl_txn *txn)
{
	fl_sb_register(txn, &buffer, pools);
}

void mlxsw_sb_unregister(struct fl_txn *txn)
{
	fl_sb_unregister(txn, buffer.index);
}

/* At first all of a port's traffic goes through the first pool of its direction. */
void mlxsw_sb_port_add(struct mlxsw *sw, struct fl_txn *txn, uint32_t port)
{
	struct fl_sb_quota quotas[MLXSW_SB_QUOTAS];
	struct fl_cell **occ = port_cells(sw, port);

	for (unsigned int i = 0; i < MLXSW_SB_QUOTAS; i++) {
		bool egress = i >= MLXSW_SB_POOLS + INGRESS_TCS;

		quotas[i] = (struct fl_sb_quota){
			.pool = i < MLXSW_SB_POOLS ? i
				: egress	   ? INGRESS_POOLS
						   : 0,
			.threshold = DYNAMIC_FIRST,
			.cur = occ[2 * i],
			.max = occ[2 * i + 1],
		};
		fl_cell_set(quotas[i].cur, 0);
		fl_cell_set(quotas[i].max, 0);
	}
	fl_sb_port_set(txn, buffer.index, port, quotas);
}

/* ---- what clients set ------------------------------------------------------------- */

static uint32_t whole_cells(uint32_t bytes)
{
	return (uint32_t)(((uint64_t)bytes + CELL - 1) / CELL * CELL);
}

static int refuse(struct fl_txn *txn, const char *text)
{
	fl_extack_set(fl_txn_extack(txn), MLXSW_NAME ": %s", text);
	return -EINVAL;
}

static int pool_set(struct fl_op *op, struct fl_txn *txn, uint32_t sb, uint16_t pool,
		    uint32_t *size, enum devlink_sb_threshold_type threshold_type)
{
	if (*size > buffer.size)
		return refuse(txn, "Exceeded shared buffer size");
	*size = whole_cells(*size);
	return mlxsw_command(op, mlxsw_of(txn));
}

/* A threshold in bytes or as an alpha, as its pool has them. */
static int threshold_check(struct fl_txn *txn, uint16_t index, uint32_t *threshold)
{
	struct fl_sb_pool pool;
	int err;

	err = fl_sb_pool_read(txn, buffer.index, index, &pool);
	if (err)
		return err;
	if (pool.threshold_type == DEVLINK_SB_THRESHOLD_TYPE_DYNAMIC)
		return *threshold < DYNAMIC_MIN || *threshold > DYNAMIC_MAX
			       ? refuse(txn, "Invalid dynamic threshold value")
			       : 0;
	if (*threshold > buffer.size)
		return refuse(txn, "Exceeded shared buffer size");
	*threshold = whole_cells(*threshold);
	return 0;
}

static int port_pool_set(struct fl_op *op, struct fl_txn *txn, const struct fl_sb_target *target,
			 uint32_t *threshold)
{
	int err = threshold_check(txn, target->pool, threshold);

	return err ? err : mlxsw_command(op, mlxsw_of(txn));
}

static int tc_bind_set(struct fl_op *op, struct fl_txn *txn, const struct fl_sb_target *target,
		       uint32_t *threshold)
{
	int err;

	if (pools[target->pool].type != target->type)
		return refuse(txn,
			      "Binding egress TC to ingress pools and vice versa is forbidden");
	err = threshold_check(txn, target->pool, threshold);
	return err ? err : mlxsw_command(op, mlxsw_of(txn));
}

/* ---- what is occupied ------------------------------------------------------------- */

/* Quotas of pools and classes that nothing is bound to at first stay empty. */
static bool is_idle(unsigned int quota)
{
	return quota < MLXSW_SB_POOLS && quota % INGRESS_POOLS;
}

static void port_snapshot(struct mlxsw *sw, uint32_t port, uint64_t tick)
{
	struct fl_cell **occ = port_cells(sw, port);

	for (unsigned int i = 0; i < MLXSW_SB_QUOTAS; i++) {
		uint64_t draw = mlxsw_draw(sw, (uint64_t)port << 8 | i, tick);
		uint64_t now = is_idle(i) ? 0 : draw % BUSY_CELLS * CELL;

		fl_cell_set(occ[2 * i], now);
		if (now > fl_cell_value(occ[2 * i + 1]))
			fl_cell_set(occ[2 * i + 1], now);
	}
}

static uint32_t ports_end(const struct mlxsw *sw)
{
	return mlxsw_panel_base(sw, mlxsw_panels(sw));
}

static int snapshot_taken(struct fl_op *op)
{
	struct mlxsw *sw = fl_op_data(op);
	uint64_t tick;

	if (fl_op_result(op))
		return fl_op_result(op);
	tick = __atomic_add_fetch(&sw->tick, 1, __ATOMIC_RELAXED);
	for (uint32_t port = 1; port < ports_end(sw); port++)
		port_snapshot(sw, port, tick);
	return 0;
}

static int max_cleared(struct fl_op *op)
{
	struct mlxsw *sw = fl_op_data(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	for (size_t i = 1; i < cells(sw); i += 2)
		fl_cell_set(sw->occ[i], 0);
	return 0;
}

static int occ_snapshot(struct fl_op *op, struct fl_txn *txn, uint32_t sb)
{
	fl_op_set_data(op, mlxsw_of(txn));
	fl_op_then(op, snapshot_taken);
	return mlxsw_command(op, mlxsw_of(txn));
}

static int occ_max_clear(struct fl_op *op, struct fl_txn *txn, uint32_t sb)
{
	fl_op_set_data(op, mlxsw_of(txn));
	fl_op_then(op, max_cleared);
	return mlxsw_command(op, mlxsw_of(txn));
}

const struct fl_sb_ops mlxsw_sb_ops = {
	.pool_set = pool_set,
	.port_pool_set = port_pool_set,
	.tc_bind_set = tc_bind_set,
	.occ_snapshot = occ_snapshot,
	.occ_max_clear = occ_max_clear,
};
