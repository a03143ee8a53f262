/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rate.c - transmit rates: a leaf for each VF and SF, nodes that clients make. Each is an
 * element of the device's scheduler, which one command changes; finelink keeps the values.
 */
#include "mlx5-private.h"

#include <errno.h>

#define BYTES_PER_MBIT 125000
#define LINK_MBIT 100000
#define NODE_CMDS 2 /* an element and its group */

static int unit_check(struct fl_txn *txn, uint64_t bytes)
{
	uint64_t mbit = bytes / BYTES_PER_MBIT;

	if (bytes % BYTES_PER_MBIT) {
		fl_extack_set(fl_txn_extack(txn),
			      "mlx5_core: TX rate value %lluBps not in link speed units of 1Mbps",
			      (unsigned long long)bytes);
		return -EINVAL;
	}
	if (mbit > LINK_MBIT) {
		fl_extack_set(fl_txn_extack(txn),
			      "mlx5_core: TX rate value %lluMbps exceed link maximum speed %u",
			      (unsigned long long)mbit, LINK_MBIT);
		return -EINVAL;
	}
	return 0;
}

static int done(struct fl_op *op)
{
	return mlx5_call_end(op, fl_op_result(op));
}

/* Begins commands for a leaf, which count as its function's, or for a node: the PF's. */
static struct mlx5_call *begin(struct fl_op *op, struct fl_txn *txn,
			       const struct fl_rate_target *rate)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	struct mlx5_vport *vport = rate->node ? NULL : mlx5_vport_get_at(func->pf, rate->port);
	struct mlx5_call *call = mlx5_call_begin(op, txn, vport);

	if (call)
		fl_op_then(op, done);
	return call;
}

static struct mlx5_unit *unit_of(struct mlx5_call *call)
{
	return call->vport ? &call->vport->unit : &call->pf->unit;
}

static int set(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate)
{
	struct mlx5_call *call = begin(op, txn, rate);

	return call ? mlx5_fw_exec(op, call->pf->fw, unit_of(call), MLX5_ATTR_CMDS) : -ENOMEM;
}

static int tx_share(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		    uint64_t share)
{
	int err = unit_check(txn, share);

	return err ? err : set(op, txn, rate);
}

static int tx_max(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		  uint64_t max)
{
	int err = unit_check(txn, max);

	return err ? err : set(op, txn, rate);
}

static int tx_priority(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		       uint32_t priority)
{
	return set(op, txn, rate);
}

static int tx_weight(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		     uint32_t weight)
{
	return set(op, txn, rate);
}

static int parent_set(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		      const struct fl_rate_target *parent)
{
	return set(op, txn, rate);
}

static int tc_bw(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate,
		 const uint32_t shares[FL_RATE_TCS])
{
	return set(op, txn, rate);
}

static int node_new(struct fl_op *op, struct fl_txn *txn, const char *name, void **ret_priv)
{
	struct fl_rate_target node = { .node = name };
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	struct mlx5_call *call;

	if (!mlx5_eswitch_switchdev(func->pf)) {
		fl_extack_set(fl_txn_extack(txn),
			      "mlx5_core: Rate node creation supported only in switchdev mode");
		return -EOPNOTSUPP;
	}
	*ret_priv = NULL;
	call = begin(op, txn, &node);
	return call ? mlx5_fw_exec(op, call->pf->fw, unit_of(call), NODE_CMDS) : -ENOMEM;
}

static int node_del(struct fl_op *op, struct fl_txn *txn, const struct fl_rate_target *rate)
{
	struct mlx5_call *call = begin(op, txn, rate);

	return call ? mlx5_fw_undo(op, call->pf->fw, unit_of(call), NODE_CMDS) : -ENOMEM;
}

static void node_gone(const struct fl_rate_target *node, void *arg)
{
}

void mlx5_rate_nodes_del(struct fl_txn *txn)
{
	fl_rate_nodes_del(txn, node_gone, NULL);
}

#define SETTERS                                                                                    \
	{                                                                                          \
		.tx_share = tx_share, .tx_max = tx_max, .tx_priority = tx_priority,                \
		.tx_weight = tx_weight, .parent = parent_set, .tc_bw = tc_bw,                      \
	}

const struct fl_rate_ops mlx5_rate_ops = {
	.leaf = SETTERS,
	.node = SETTERS,
	.node_new = node_new,
	.node_del = node_del,
};
