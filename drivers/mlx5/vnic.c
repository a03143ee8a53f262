/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vnic.c - the reporter vnic: what went wrong between a function and the device. */
#include "mlx5-private.h"

#define ICM_PAGES_IDLE 96
#define ICM_PAGES_CHILD 64

static uint32_t icm_pages(const struct mlx5_func *func)
{
	unsigned int enabled = __atomic_load_n(&func->enabled, __ATOMIC_RELAXED);

	return ICM_PAGES_IDLE + ICM_PAGES_CHILD * (uint32_t)__builtin_popcount(enabled);
}

static void fill(struct mlx5_call *call)
{
	uint32_t failed = __atomic_load_n(&call->func->unit->failed, __ATOMIC_RELAXED);
	struct fl_fmsg *fmsg = call->fmsg;

	fl_fmsg_pair_nest_start(fmsg, "vNIC env counters");
	fl_fmsg_obj_nest_start(fmsg);
	fl_fmsg_u32_pair_put(fmsg, "total_error_queues", 0);
	fl_fmsg_u32_pair_put(fmsg, "send_queue_priority_update_flow", 0);
	fl_fmsg_u32_pair_put(fmsg, "comp_eq_overrun", 0);
	fl_fmsg_u32_pair_put(fmsg, "async_eq_overrun", 0);
	fl_fmsg_u32_pair_put(fmsg, "cq_overrun", 0);
	fl_fmsg_u32_pair_put(fmsg, "invalid_command", failed);
	fl_fmsg_u32_pair_put(fmsg, "quota_exceeded_command", 0);
	fl_fmsg_u64_pair_put(fmsg, "nic_receive_steering_discard", 0);
	fl_fmsg_u64_pair_put(fmsg, "generated_pkt_steering_fail", 0);
	fl_fmsg_u64_pair_put(fmsg, "handled_pkt_steering_fail", 0);
	fl_fmsg_u32_pair_put(fmsg, "icm_consumption", icm_pages(call->func));
	fl_fmsg_obj_nest_end(fmsg);
	fl_fmsg_pair_nest_end(fmsg);
}

static int diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		    struct fl_fmsg *fmsg)
{
	return mlx5_health_query(op, txn, fmsg, NULL, 1, fill);
}

const struct fl_reporter_ops mlx5_vnic_ops = { .diagnose = diagnose };
