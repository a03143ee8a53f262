/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * channels.c - the reporters tx and rx of a function's netdev: its send and receive queues, one
 * of each a channel. They recover one queue, or (asked by a client) all that are broken.
 */
#include "mlx5-private.h"

#include <errno.h>

#define GRACE_MS 500
#define BURST_MS 500
#define RECOVER_CMDS 4 /* a queue: to error, to reset, to ready, armed */
#define QUEUE_SIZE 1024
#define STRIDE 64
#define DUMP_BYTES 256

enum kind { TX, RX };

#define STATE_READY 1
#define STATE_ERROR 3

static uint32_t *broken(struct mlx5_func *func, enum kind kind)
{
	return kind == TX ? &func->tx_broken : &func->rx_broken;
}

static uint32_t queue_number(const struct mlx5_func *func, enum kind kind, unsigned int channel)
{
	return 0x1000 + (uint32_t)func->id * 0x100 + channel * 4 + (kind == TX ? 0 : 1);
}

static void nest_start(struct fl_fmsg *fmsg, const char *name)
{
	fl_fmsg_pair_nest_start(fmsg, name);
	fl_fmsg_obj_nest_start(fmsg);
}

static void nest_end(struct fl_fmsg *fmsg)
{
	fl_fmsg_obj_nest_end(fmsg);
	fl_fmsg_pair_nest_end(fmsg);
}

/* ---- diagnose ------------------------------------------------------------------------ */

static void put_common(struct fl_fmsg *fmsg, enum kind kind)
{
	nest_start(fmsg, "Common config");
	nest_start(fmsg, kind == TX ? "SQ" : "RQ");
	if (kind == RX)
		fl_fmsg_u8_pair_put(fmsg, "type", 1);
	fl_fmsg_u64_pair_put(fmsg, "stride size", STRIDE);
	fl_fmsg_u32_pair_put(fmsg, "size", QUEUE_SIZE);
	fl_fmsg_string_pair_put(fmsg, "ts_format", "FRC");
	nest_start(fmsg, "CQ");
	fl_fmsg_u32_pair_put(fmsg, "stride size", STRIDE);
	fl_fmsg_u32_pair_put(fmsg, "size", QUEUE_SIZE);
	nest_end(fmsg);
	nest_end(fmsg);
	nest_end(fmsg);
}

static void put_completion(struct fl_fmsg *fmsg, uint32_t number, unsigned int channel)
{
	nest_start(fmsg, "CQ");
	fl_fmsg_u32_pair_put(fmsg, "cqn", number + 2);
	fl_fmsg_u8_pair_put(fmsg, "HW status", 0);
	fl_fmsg_u32_pair_put(fmsg, "ci", 0);
	fl_fmsg_u32_pair_put(fmsg, "size", QUEUE_SIZE);
	nest_end(fmsg);
	nest_start(fmsg, "EQ");
	fl_fmsg_u8_pair_put(fmsg, "eqn", (uint8_t)(8 + channel));
	fl_fmsg_u32_pair_put(fmsg, "irqn", 32 + channel);
	fl_fmsg_u32_pair_put(fmsg, "vecidx", channel);
	fl_fmsg_u32_pair_put(fmsg, "ci", 0);
	fl_fmsg_u32_pair_put(fmsg, "size", 2 * QUEUE_SIZE);
	nest_end(fmsg);
}

static void put_queue(struct mlx5_call *call, enum kind kind, unsigned int channel)
{
	bool is_broken = __atomic_load_n(broken(call->func, kind), __ATOMIC_RELAXED) & 1u << channel;
	uint32_t number = queue_number(call->func, kind, channel);
	struct fl_fmsg *fmsg = call->fmsg;

	fl_fmsg_obj_nest_start(fmsg);
	fl_fmsg_u32_pair_put(fmsg, "channel ix", channel);
	if (kind == TX) {
		fl_fmsg_u32_pair_put(fmsg, "tc", 0);
		fl_fmsg_u32_pair_put(fmsg, "txq ix", channel);
	}
	fl_fmsg_u32_pair_put(fmsg, kind == TX ? "sqn" : "rqn", number);
	fl_fmsg_u8_pair_put(fmsg, "HW state", is_broken ? STATE_ERROR : STATE_READY);
	if (kind == TX) {
		fl_fmsg_bool_pair_put(fmsg, "stopped", is_broken);
		fl_fmsg_u32_pair_put(fmsg, "cc", 0);
		fl_fmsg_u32_pair_put(fmsg, "pc", is_broken);
	} else {
		fl_fmsg_u32_pair_put(fmsg, "WQE counter", 0);
		fl_fmsg_u32_pair_put(fmsg, "posted WQEs", is_broken ? 0 : QUEUE_SIZE - 1);
		fl_fmsg_u32_pair_put(fmsg, "cc", 0);
	}
	put_completion(fmsg, number, channel);
	fl_fmsg_obj_nest_end(fmsg);
}

static void put_queues(struct mlx5_call *call, enum kind kind)
{
	put_common(call->fmsg, kind);
	fl_fmsg_arr_pair_nest_start(call->fmsg, kind == TX ? "SQs" : "RQs");
	for (unsigned int i = 0; i < MLX5_CHANNELS; i++)
		put_queue(call, kind, i);
	fl_fmsg_arr_pair_nest_end(call->fmsg);
}

static void tx_fill(struct mlx5_call *call)
{
	put_queues(call, TX);
}

static void rx_fill(struct mlx5_call *call)
{
	put_queues(call, RX);
}

static int tx_diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		       struct fl_fmsg *fmsg)
{
	return mlx5_health_query(op, txn, fmsg, NULL, MLX5_CHANNELS, tx_fill);
}

static int rx_diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		       struct fl_fmsg *fmsg)
{
	return mlx5_health_query(op, txn, fmsg, NULL, MLX5_CHANNELS, rx_fill);
}

/* ---- dump ---------------------------------------------------------------------------- */

static void put_resource(struct mlx5_call *call, const char *name, uint64_t number)
{
	uint8_t data[DUMP_BYTES];

	mlx5_cr_space_fill(call->pf, number * DUMP_BYTES % MLX5_CR_SPACE_BYTES, sizeof(data), data);
	if (name)
		nest_start(call->fmsg, name);
	fl_fmsg_binary_pair_put(call->fmsg, "data", data, sizeof(data));
	if (name)
		nest_end(call->fmsg);
}

/* Of one queue all there is; of all queues an overview. */
static void put_dump(struct mlx5_call *call, enum kind kind)
{
	const char *queue = kind == TX ? "SQ" : "RQ";

	put_resource(call, kind == TX ? "SX Slice" : "RX Slice", 1);
	if (call->report) {
		uint32_t number = queue_number(call->func, kind, call->report->value);

		nest_start(call->fmsg, queue);
		put_resource(call, "QPC", number);
		put_resource(call, kind == TX ? "send_buff" : "receive_buff", number + 2);
		nest_end(call->fmsg);
		return;
	}
	fl_fmsg_arr_pair_nest_start(call->fmsg, kind == TX ? "SQs" : "RQs");
	for (unsigned int i = 0; i < MLX5_CHANNELS; i++) {
		uint32_t number = queue_number(call->func, kind, i);

		fl_fmsg_obj_nest_start(call->fmsg);
		nest_start(call->fmsg, queue);
		fl_fmsg_u32_pair_put(call->fmsg, "index", number);
		put_resource(call, NULL, number);
		nest_end(call->fmsg);
		fl_fmsg_obj_nest_end(call->fmsg);
	}
	fl_fmsg_arr_pair_nest_end(call->fmsg);
}

static void tx_dump_fill(struct mlx5_call *call)
{
	put_dump(call, TX);
}

static void rx_dump_fill(struct mlx5_call *call)
{
	put_dump(call, RX);
}

static int tx_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		   struct fl_fmsg *fmsg, void *ctx)
{
	return mlx5_health_query(op, txn, fmsg, ctx, 2, tx_dump_fill);
}

static int rx_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		   struct fl_fmsg *fmsg, void *ctx)
{
	return mlx5_health_query(op, txn, fmsg, ctx, 2, rx_dump_fill);
}

/* ---- recover ------------------------------------------------------------------------- */

static int recovered(struct fl_op *op, enum kind kind)
{
	struct mlx5_call *call = mlx5_call(op);

	if (!fl_op_result(op))
		__atomic_and_fetch(broken(call->func, kind), ~call->pending, __ATOMIC_RELAXED);
	return mlx5_call_end(op, fl_op_result(op));
}

static int tx_recovered(struct fl_op *op)
{
	return recovered(op, TX);
}

static int rx_recovered(struct fl_op *op)
{
	return recovered(op, RX);
}

static int recover(struct fl_op *op, struct fl_txn *txn, const struct mlx5_report *report,
		   enum kind kind)
{
	struct mlx5_call *call = mlx5_call_begin(op, txn, NULL);

	if (!call)
		return -ENOMEM;
	call->pending = report ? 1u << report->value
			       : __atomic_load_n(broken(call->func, kind), __ATOMIC_RELAXED);
	fl_op_then(op, kind == TX ? tx_recovered : rx_recovered);
	return mlx5_fw_exec(op, call->pf->fw, call->func->unit,
			    RECOVER_CMDS * (unsigned int)__builtin_popcount(call->pending));
}

static int tx_recover(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter, void *ctx)
{
	return recover(op, txn, ctx, TX);
}

static int rx_recover(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter, void *ctx)
{
	return recover(op, txn, ctx, RX);
}

/* ---- the reporters ------------------------------------------------------------------- */

static const struct fl_reporter_ops tx_ops = {
	.recover = tx_recover,
	.dump = tx_dump,
	.diagnose = tx_diagnose,
};

static const struct fl_reporter_ops rx_ops = {
	.recover = rx_recover,
	.dump = rx_dump,
	.diagnose = rx_diagnose,
};

static struct fl_reporter *add(struct mlx5_func *func, struct fl_txn *txn, uint32_t port,
			       const char *name, const struct fl_reporter_ops *ops)
{
	struct fl_reporter_desc desc = {
		.name = name,
		.ops = ops,
		.priv = func,
		.grace_period_ms = GRACE_MS,
		.burst_period_ms = BURST_MS,
	};

	return fl_port_reporter_add(txn, port, &desc);
}

/* The queues are made anew. */
void mlx5_channels_register(struct mlx5_func *func, struct fl_txn *txn, uint32_t port)
{
	struct fl_reporter *tx, *rx;

	__atomic_store_n(&func->tx_broken, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&func->rx_broken, 0, __ATOMIC_RELAXED);
	tx = add(func, txn, port, "tx", &tx_ops);
	rx = add(func, txn, port, "rx", &rx_ops);
	if (!func->vport && tx && rx) {
		mlx5_reporter_keep(func->pf, &func->pf->health.tx, fl_reporter_get(tx));
		mlx5_reporter_keep(func->pf, &func->pf->health.rx, fl_reporter_get(rx));
	}
	fl_reporter_put(tx);
	fl_reporter_put(rx);
}
