/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * health.c - the reporters fw and fw_fatal. A PF's tell all; those of VFs and SFs, which have
 * no firmware of their own, tell the syndrome, and recover the function by bringing it up anew.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PF_GRACE_MS 60000
#define FUNC_GRACE_MS 30000

/* ---- references ---------------------------------------------------------------------- */

struct fl_reporter *mlx5_reporter_get(struct mlx5_pf *pf, struct fl_reporter **place)
{
	struct fl_reporter *reporter;

	fl_driver_lock_take(pf->lock);
	reporter = *place ? fl_reporter_get(*place) : NULL;
	fl_driver_lock_drop(pf->lock);
	return reporter;
}

void mlx5_reporter_keep(struct mlx5_pf *pf, struct fl_reporter **place,
			struct fl_reporter *reporter)
{
	struct fl_reporter *was;

	fl_driver_lock_take(pf->lock);
	was = *place;
	*place = reporter;
	fl_driver_lock_drop(pf->lock);
	fl_reporter_put(was);
}

void mlx5_health_done(struct mlx5_pf *pf)
{
	mlx5_reporter_keep(pf, &pf->health.fw, NULL);
	mlx5_reporter_keep(pf, &pf->health.fw_fatal, NULL);
	mlx5_reporter_keep(pf, &pf->health.tx, NULL);
	mlx5_reporter_keep(pf, &pf->health.rx, NULL);
	fl_region_put(pf->health.cr_space);
	pf->health.cr_space = NULL;
}

/* ---- asking the firmware ------------------------------------------------------------- */

static int queried(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (!fl_op_result(op))
		call->fill(call);
	return mlx5_call_end(op, fl_op_result(op));
}

int mlx5_health_query(struct fl_op *op, struct fl_txn *txn, struct fl_fmsg *fmsg,
		      const struct mlx5_report *report, unsigned int commands,
		      void (*fill)(struct mlx5_call *call))
{
	struct mlx5_call *call = mlx5_call_begin(op, txn, NULL);

	if (!call)
		return -ENOMEM;
	call->fmsg = fmsg;
	call->report = report;
	call->fill = fill;
	fl_op_then(op, queried);
	return mlx5_fw_exec(op, call->pf->fw, call->func->unit, commands);
}

/* ---- what is told -------------------------------------------------------------------- */

static uint32_t syndrome_of(const struct mlx5_pf *pf)
{
	return __atomic_load_n(&pf->health.syndrome, __ATOMIC_RELAXED);
}

/* From memory that the firmware maps: no command, and no firmware, is needed. */
static int fw_diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		       struct fl_fmsg *fmsg)
{
	struct mlx5_func *func = fl_reporter_priv(reporter);
	uint32_t syndrome = syndrome_of(func->pf);

	fl_fmsg_u8_pair_put(fmsg, "Syndrome", (uint8_t)syndrome);
	if (syndrome)
		fl_fmsg_string_pair_put(fmsg, "Description", mlx5_syndrome_text(syndrome));
	return 0;
}

static void put_report(struct fl_fmsg *fmsg, const struct mlx5_report *report)
{
	if (!report)
		return;
	fl_fmsg_u8_pair_put(fmsg, "syndrome", (uint8_t)report->value);
	fl_fmsg_u32_pair_put(fmsg, "fw_miss_counter", report->misses);
}

/* What the firmware leaves behind at its assertions. */
static void put_health_buffer(struct fl_fmsg *fmsg, struct mlx5_pf *pf)
{
	uint32_t syndrome = syndrome_of(pf);
	uint64_t key = mlx5_dice_more(pf->unit.dice.key, syndrome);

	fl_fmsg_pair_nest_start(fmsg, "health buffer");
	fl_fmsg_obj_nest_start(fmsg);
	fl_fmsg_arr_pair_nest_start(fmsg, "assert_var");
	for (unsigned int i = 0; i < 5; i++)
		fl_fmsg_u32_put(fmsg, syndrome ? (uint32_t)mlx5_dice_more(key, i) : 0);
	fl_fmsg_arr_pair_nest_end(fmsg);
	fl_fmsg_u32_pair_put(fmsg, "assert_exit_ptr", syndrome ? (uint32_t)(key >> 32) : 0);
	fl_fmsg_u32_pair_put(fmsg, "assert_callra", syndrome ? (uint32_t)key : 0);
	fl_fmsg_u32_pair_put(fmsg, "time", (uint32_t)(fl_now_ns() / FL_NS_PER_S));
	fl_fmsg_u32_pair_put(fmsg, "hw_id", 0x212);
	fl_fmsg_u8_pair_put(fmsg, "rfr", mlx5_fw_dead(pf->fw));
	fl_fmsg_u8_pair_put(fmsg, "severity", syndrome ? 3 : 0);
	fl_fmsg_u8_pair_put(fmsg, "irisc_index", 0);
	fl_fmsg_u8_pair_put(fmsg, "synd", (uint8_t)syndrome);
	fl_fmsg_u32_pair_put(fmsg, "ext_synd", 0);
	fl_fmsg_u32_pair_put(fmsg, "raw_fw_ver", mlx5_version_raw(pf));
	fl_fmsg_obj_nest_end(fmsg);
	fl_fmsg_pair_nest_end(fmsg);
}

static void put_traces(struct fl_fmsg *fmsg, struct mlx5_pf *pf)
{
	struct mlx5_trace traces[MLX5_TRACES];
	unsigned int traced;

	fl_driver_lock_take(pf->lock);
	memcpy(traces, pf->health.traces, sizeof(traces));
	traced = pf->health.traced;
	fl_driver_lock_drop(pf->lock);
	fl_fmsg_arr_pair_nest_start(fmsg, "dump fw traces");
	for (unsigned int i = traced > MLX5_TRACES ? traced - MLX5_TRACES : 0; i < traced; i++) {
		const struct mlx5_trace *trace = &traces[i % MLX5_TRACES];

		fl_fmsg_obj_nest_start(fmsg);
		fl_fmsg_u64_pair_put(fmsg, "timestamp", trace->ns);
		fl_fmsg_bool_pair_put(fmsg, "lost", false);
		fl_fmsg_u8_pair_put(fmsg, "event_id", trace->event);
		fl_fmsg_string_pair_put(fmsg, "msg", trace->text);
		fl_fmsg_obj_nest_end(fmsg);
	}
	fl_fmsg_arr_pair_nest_end(fmsg);
}

/* The core dump takes a command; the traces stand in the host's memory. */
static void fw_dump_fill(struct mlx5_call *call)
{
	put_report(call->fmsg, call->report);
	put_health_buffer(call->fmsg, call->pf);
	put_traces(call->fmsg, call->pf);
}

static int fw_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		   struct fl_fmsg *fmsg, void *ctx)
{
	return mlx5_health_query(op, txn, fmsg, ctx, 1, fw_dump_fill);
}

/* By the window into the configuration space, which works without the firmware. */
static int fatal_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		      struct fl_fmsg *fmsg, void *ctx)
{
	struct mlx5_func *func = fl_reporter_priv(reporter);
	uint8_t *data = malloc(MLX5_CR_SPACE_BYTES);

	if (!data)
		return -ENOMEM;
	mlx5_cr_space_fill(func->pf, 0, MLX5_CR_SPACE_BYTES, data);
	put_report(fmsg, ctx);
	put_health_buffer(fmsg, func->pf);
	fl_fmsg_binary_pair_put(fmsg, "crdump_data", data, MLX5_CR_SPACE_BYTES);
	free(data);
	return 0;
}

static int pf_recover(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter, void *ctx)
{
	return mlx5_pf_recover(op, txn);
}

static int func_recover(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
			void *ctx)
{
	return mlx5_func_recover(op, txn);
}

static const struct fl_reporter_ops pf_fw_ops = { .diagnose = fw_diagnose, .dump = fw_dump };
static const struct fl_reporter_ops pf_fatal_ops = { .recover = pf_recover, .dump = fatal_dump };
static const struct fl_reporter_ops func_fw_ops = { .diagnose = fw_diagnose };
static const struct fl_reporter_ops func_fatal_ops = { .recover = func_recover };

/* ---- the reporters ------------------------------------------------------------------- */

static struct fl_reporter *add(struct mlx5_func *func, struct fl_txn *txn, const char *name,
			       const struct fl_reporter_ops *ops, uint64_t grace_ms)
{
	struct fl_reporter_desc desc = {
		.name = name,
		.ops = ops,
		.priv = func,
		.grace_period_ms = grace_ms,
		.recovers_device = ops->recover != NULL,
	};

	return fl_reporter_add(txn, &desc);
}

void mlx5_health_register(struct mlx5_func *func, struct fl_txn *txn)
{
	struct mlx5_pf *pf = func->pf;

	if (!func->vport) {
		mlx5_reporter_keep(pf, &pf->health.fw, add(func, txn, "fw", &pf_fw_ops, 0));
		mlx5_reporter_keep(pf, &pf->health.fw_fatal,
				   add(func, txn, "fw_fatal", &pf_fatal_ops, PF_GRACE_MS));
	} else {
		fl_reporter_put(add(func, txn, "fw", &func_fw_ops, 0));
		mlx5_reporter_keep(pf, &func->fatal,
				   add(func, txn, "fw_fatal", &func_fatal_ops, FUNC_GRACE_MS));
	}
	fl_reporter_put(add(func, txn, "vnic", &mlx5_vnic_ops, 0));
}

static void is_well(struct mlx5_pf *pf, struct fl_txn *txn, struct fl_reporter **place)
{
	struct fl_reporter *reporter = mlx5_reporter_get(pf, place);

	if (reporter)
		fl_reporter_state_set(txn, reporter, DEVLINK_HEALTH_REPORTER_STATE_HEALTHY);
	fl_reporter_put(reporter);
}

uint32_t mlx5_syndrome_take(struct mlx5_pf *pf)
{
	return __atomic_exchange_n(&pf->health.syndrome, 0, __ATOMIC_RELAXED);
}

void mlx5_syndrome_restore(struct mlx5_pf *pf, uint32_t syndrome)
{
	uint32_t none = 0;

	__atomic_compare_exchange_n(&pf->health.syndrome, &none, syndrome, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

void mlx5_health_tell_well(struct mlx5_pf *pf, struct fl_txn *txn)
{
	is_well(pf, txn, &pf->health.fw);
	is_well(pf, txn, &pf->health.fw_fatal);
}
