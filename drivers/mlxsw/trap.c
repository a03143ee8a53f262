/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap.c - packet traps, their groups and policers; and control packets that come to the CPU all
 * the time, so that something is counted.
 */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct fl_trap_policer policers[MLXSW_POLICERS] = {
	{ .id = 1,
	  .rate = 10240,
	  .min_rate = 1,
	  .max_rate = 1ull << 24,
	  .burst = 4096,
	  .min_burst = 16,
	  .max_burst = 1ull << 24 },
	{ .id = 2,
	  .rate = 20480,
	  .min_rate = 1,
	  .max_rate = 1ull << 24,
	  .burst = 8192,
	  .min_burst = 16,
	  .max_burst = 1ull << 24 },
};

static const struct fl_trap_group groups[] = {
	{ .name = "l2_drops", .generic = true, .policer = 1 },
	{ .name = "l3_drops", .generic = true, .policer = 1 },
	{ .name = "l3_exceptions", .generic = true, .policer = 1 },
	{ .name = "buffer_drops", .generic = true, .policer = 1 },
	{ .name = "stp", .generic = true, .policer = 2 },
	{ .name = "lacp", .generic = true, .policer = 2 },
	{ .name = "lldp", .generic = true, .policer = 2 },
	{ .name = "bgp", .generic = true, .policer = 2 },
	{ .name = "pkt_sample", .generic = false },
};

#define TRAP(text, of, kind, first)                                                                \
	{                                                                                          \
		.name = (text), .group = (of), .generic = true, .type = DEVLINK_TRAP_TYPE_##kind,  \
		.action = DEVLINK_TRAP_ACTION_##first, .metadata = FL_TRAP_METADATA_IN_PORT,       \
	}

static const struct fl_trap traps[] = {
	TRAP("source_mac_is_multicast", "l2_drops", DROP, DROP),
	TRAP("vlan_tag_mismatch", "l2_drops", DROP, DROP),
	TRAP("ingress_vlan_filter", "l2_drops", DROP, DROP),
	TRAP("port_list_is_empty", "l2_drops", DROP, DROP),
	TRAP("blackhole_route", "l3_drops", DROP, DROP),
	TRAP("non_ip", "l3_drops", DROP, DROP),
	TRAP("ttl_value_is_too_small", "l3_exceptions", EXCEPTION, TRAP),
	TRAP("mtu_value_is_too_small", "l3_exceptions", EXCEPTION, TRAP),
	TRAP("unresolved_neigh", "l3_exceptions", EXCEPTION, TRAP),
	TRAP("tail_drop", "buffer_drops", DROP, DROP),
	TRAP("early_drop", "buffer_drops", DROP, DROP),
	TRAP("stp", "stp", CONTROL, TRAP),
	TRAP("lacp", "lacp", CONTROL, TRAP),
	TRAP("lldp", "lldp", CONTROL, TRAP),
	TRAP("ipv4_bgp", "bgp", CONTROL, TRAP),
};

/* ---- traffic ---------------------------------------------------------------------- */

#define PERIOD_NS (100 * FL_NS_PER_MS)
#define PACKET_BYTES 64

/*
 * Rules: refs, stopped: atomic. One reference is the timer's until it sees that it was stopped.
 */
struct mlxsw_traffic {
	int refs;
	bool stopped;
	struct fl_sched *sched;
	struct fl_timer timer;
	struct fl_cell *packets[FL_ARRAY_SIZE(traps)], *bytes[FL_ARRAY_SIZE(traps)];
};

static void traffic_put(struct mlxsw_traffic *traffic)
{
	if (!traffic || __atomic_sub_fetch(&traffic->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++) {
		fl_cell_put(traffic->packets[i]);
		fl_cell_put(traffic->bytes[i]);
	}
	free(traffic);
}

static bool comes(const struct fl_trap *trap)
{
	return trap->type == DEVLINK_TRAP_TYPE_CONTROL;
}

static void traffic_tick(struct fl_timer *timer)
{
	struct mlxsw_traffic *traffic = FL_CONTAINER_OF(timer, struct mlxsw_traffic, timer);

	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++) {
		if (!comes(&traps[i]))
			continue;
		fl_cell_add(traffic->packets[i], 1 + i % 3);
		fl_cell_add(traffic->bytes[i], (1 + i % 3) * PACKET_BYTES);
	}
	if (__atomic_load_n(&traffic->stopped, __ATOMIC_ACQUIRE) ||
	    fl_timer_arm(traffic->sched, timer, PERIOD_NS))
		traffic_put(traffic);
}

static struct mlxsw_traffic *traffic_new(struct fl_sched *sched)
{
	struct mlxsw_traffic *traffic = calloc(1, sizeof(*traffic));
	bool whole = true;

	if (!traffic)
		return NULL;
	traffic->refs = 1;
	traffic->sched = sched;
	fl_timer_init(&traffic->timer, traffic_tick);
	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++) {
		traffic->packets[i] = fl_cell_new();
		traffic->bytes[i] = fl_cell_new();
		whole = whole && traffic->packets[i] && traffic->bytes[i];
	}
	if (whole)
		return traffic;
	traffic_put(traffic);
	return NULL;
}

int mlxsw_traffic_start(struct mlxsw *sw)
{
	struct mlxsw_traffic *traffic = traffic_new(fl_plane_sched(sw->plane));
	int err;

	if (!traffic)
		return -ENOMEM;
	sw->traffic = traffic;
	__atomic_add_fetch(&traffic->refs, 1, __ATOMIC_RELAXED);
	err = fl_timer_arm(traffic->sched, &traffic->timer, PERIOD_NS);
	if (err)
		traffic_put(traffic);
	return err;
}

void mlxsw_traffic_stop(struct mlxsw *sw)
{
	struct mlxsw_traffic *traffic = sw->traffic;

	if (!traffic)
		return;
	sw->traffic = NULL;
	__atomic_store_n(&traffic->stopped, true, __ATOMIC_RELEASE);
	if (fl_timer_cancel(traffic->sched, &traffic->timer))
		traffic_put(traffic);
	traffic_put(traffic);
}

/* ---- what there is ---------------------------------------------------------------- */

void mlxsw_traps_register(struct mlxsw *sw, struct fl_txn *txn)
{
	struct fl_trap_policer counted[MLXSW_POLICERS];
	struct fl_trap counting[FL_ARRAY_SIZE(traps)];

	memcpy(counted, policers, sizeof(counted));
	for (size_t i = 0; i < MLXSW_POLICERS; i++)
		counted[i].dropped = sw->policed;
	memcpy(counting, traps, sizeof(counting));
	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++) {
		counting[i].rx_packets = sw->traffic->packets[i];
		counting[i].rx_bytes = sw->traffic->bytes[i];
	}
	fl_trap_policers_register(txn, counted, FL_ARRAY_SIZE(counted));
	fl_trap_groups_register(txn, groups, FL_ARRAY_SIZE(groups));
	fl_traps_register(txn, counting, FL_ARRAY_SIZE(counting));
}

void mlxsw_traps_unregister(struct fl_txn *txn)
{
	fl_traps_unregister(txn);
	fl_trap_groups_unregister(txn);
	fl_trap_policers_unregister(txn);
}

/* ---- what clients set: a command each --------------------------------------------- */

static int action_set(struct fl_op *op, struct fl_txn *txn, const char *trap, void *priv,
		      enum devlink_trap_action action)
{
	if (action == DEVLINK_TRAP_ACTION_MIRROR) {
		fl_extack_set(fl_txn_extack(txn), MLXSW_NAME ": Packets cannot be mirrored");
		return -EOPNOTSUPP;
	}
	return mlxsw_command(op, mlxsw_of(txn));
}

static int group_policer_set(struct fl_op *op, struct fl_txn *txn, const char *group, void *priv,
			     uint32_t policer)
{
	return mlxsw_command(op, mlxsw_of(txn));
}

static int policer_set(struct fl_op *op, struct fl_txn *txn, uint32_t policer, uint64_t rate,
		       uint64_t burst)
{
	if (burst & (burst - 1)) {
		fl_extack_set(fl_txn_extack(txn),
			      MLXSW_NAME ": Policer burst size is not power of two");
		return -EINVAL;
	}
	return mlxsw_command(op, mlxsw_of(txn));
}

const struct fl_trap_ops mlxsw_trap_ops = {
	.action_set = action_set,
	.group_policer_set = group_policer_set,
	.policer_set = policer_set,
};
