/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event.c - what the firmware tells by itself, and what follows. A fatal error ends all
 * commands at once, before anybody is told: who waits for the firmware lets go of its lanes,
 * and the recovery can begin.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the tracer ---------------------------------------------------------------------- */

void mlx5_trace(struct mlx5_pf *pf, enum mlx5_event event, const char *text)
{
	struct mlx5_trace trace = { .ns = fl_now_ns(), .event = (uint8_t)event };

	snprintf(trace.text, sizeof(trace.text), "%s", text);
	fl_driver_lock_take(pf->lock);
	pf->health.traces[pf->health.traced++ % MLX5_TRACES] = trace;
	fl_driver_lock_drop(pf->lock);
}

/* ---- syndromes ----------------------------------------------------------------------- */

static const char *const syndromes[] = {
	[0x1] = "firmware internal error",
	[0x7] = "irisc not responding",
	[0x8] = "unrecoverable hardware error",
	[0x9] = "firmware CRC error",
	[0xa] = "ICM fetch PCI error",
	[0xb] = "HW fatal error",
	[0xc] = "async EQ buffer overrun",
	[0xd] = "EQ error",
	[0xe] = "invalid EQ referenced",
	[0xf] = "FFSER error",
	[0x10] = "high temperature",
	[0x12] = "ICM fetch PCI data poisoned",
	[0x13] = "trust lockdown",
};

const char *mlx5_syndrome_text(uint32_t syndrome)
{
	if (syndrome < FL_ARRAY_SIZE(syndromes) && syndromes[syndrome])
		return syndromes[syndrome];
	return "unrecognized error";
}

/* ---- delivery ------------------------------------------------------------------------ */

static int report(struct mlx5_pf *pf, struct fl_reporter **place, uint32_t value, const char *text)
{
	struct fl_reporter *reporter = mlx5_reporter_get(pf, place);
	struct mlx5_report *ctx;
	int err;

	if (!reporter)
		return -ENODEV;
	ctx = calloc(1, sizeof(*ctx));
	if (ctx) {
		ctx->value = value;
		ctx->misses = __atomic_load_n(&pf->health.misses, __ATOMIC_RELAXED);
		err = fl_health_report(reporter, text, ctx, free);
	} else {
		err = -ENOMEM;
	}
	fl_reporter_put(reporter);
	return err;
}

static void set_syndrome(struct mlx5_pf *pf, enum mlx5_event event, uint32_t syndrome)
{
	__atomic_store_n(&pf->health.syndrome, syndrome, __ATOMIC_RELAXED);
	mlx5_trace(pf, event, mlx5_syndrome_text(syndrome));
}

static int fatal(struct mlx5_pf *pf, uint32_t syndrome)
{
	struct fl_devlink *dl = mlx5_pf_dl_get(pf);
	char text[64];
	int err;

	if (!dl)
		return -ENODEV;
	__atomic_add_fetch(&pf->health.misses, 1, __ATOMIC_RELAXED);
	set_syndrome(pf, MLX5_EVENT_FATAL, syndrome);
	mlx5_fw_kill(pf->fw);
	mlx5_cr_space_catch(pf, dl);
	snprintf(text, sizeof(text), "fatal firmware error, syndrome 0x%x", syndrome);
	err = report(pf, &pf->health.fw_fatal, syndrome, text);
	fl_devlink_put(dl);
	return err;
}

static int error(struct mlx5_pf *pf, uint32_t syndrome)
{
	char text[64];

	set_syndrome(pf, MLX5_EVENT_ERROR, syndrome);
	snprintf(text, sizeof(text), "firmware error, syndrome 0x%x", syndrome);
	return report(pf, &pf->health.fw, syndrome, text);
}

static int queue(struct mlx5_pf *pf, enum mlx5_event event, uint32_t channel)
{
	bool tx = event == MLX5_EVENT_TX_TIMEOUT;
	char text[54];

	snprintf(text, sizeof(text), "%s on channel %u", tx ? "TX timeout" : "error CQE of an RQ",
		 channel);
	mlx5_trace(pf, event, text);
	__atomic_or_fetch(tx ? &pf->func->tx_broken : &pf->func->rx_broken, 1u << channel,
			  __ATOMIC_RELAXED);
	return report(pf, tx ? &pf->health.tx : &pf->health.rx, channel, text);
}

int mlx5_event(struct mlx5_pf *pf, enum mlx5_event event, uint32_t value)
{
	switch (event) {
	case MLX5_EVENT_ERROR:
		return value && value <= UINT8_MAX ? error(pf, value) : -EINVAL;
	case MLX5_EVENT_FATAL:
		return value && value <= UINT8_MAX ? fatal(pf, value) : -EINVAL;
	case MLX5_EVENT_TX_TIMEOUT:
	case MLX5_EVENT_RX_ERROR:
		return value < MLX5_CHANNELS ? queue(pf, event, value) : -EINVAL;
	case MLX5_EVENTS:
		break;
	}
	return -EINVAL;
}
