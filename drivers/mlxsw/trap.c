/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap.c - packet traps, their groups and policers; and control packets that come to the CPU all
 * the time, more of them than a policer lets through, so that something is counted.
 */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POLICERS 2

static const struct fl_trap_policer policers[POLICERS] = {
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

/* What one counter of packets and one of bytes count. */
struct counted {
	struct fl_cell *packets, *bytes;
};

/*
 * Rules:
 * 1. refs, stopped, policer: atomic. One reference is the timer's until it sees that it was
 *    stopped.
 * 2. The rest never changes.
 */
struct mlxsw_traffic {
	int refs;
	bool stopped;
	struct fl_sched *sched;
	struct fl_timer timer;
	struct counted of_trap[FL_ARRAY_SIZE(traps)], of_group[FL_ARRAY_SIZE(groups)];
	struct fl_cell *dropped[POLICERS];
	uint32_t policer[FL_ARRAY_SIZE(groups)]; /* its id, or 0 */
};

static size_t group_index(const char *name)
{
	size_t i = 0;

	while (strcmp(groups[i].name, name))
		i++;
	return i;
}

static bool counted_init(struct counted *counted)
{
	counted->packets = fl_cell_new();
	counted->bytes = fl_cell_new();
	return counted->packets && counted->bytes;
}

static void counted_done(struct counted *counted)
{
	fl_cell_put(counted->packets);
	fl_cell_put(counted->bytes);
}

static void count(struct counted *counted, uint64_t packets)
{
	fl_cell_add(counted->packets, packets);
	fl_cell_add(counted->bytes, packets * PACKET_BYTES);
}

static void traffic_put(struct mlxsw_traffic *traffic)
{
	if (!traffic || __atomic_sub_fetch(&traffic->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++)
		counted_done(&traffic->of_trap[i]);
	for (size_t i = 0; i < FL_ARRAY_SIZE(groups); i++)
		counted_done(&traffic->of_group[i]);
	for (size_t i = 0; i < POLICERS; i++)
		fl_cell_put(traffic->dropped[i]);
	free(traffic);
}

static bool comes(const struct fl_trap *trap)
{
	return trap->type == DEVLINK_TRAP_TYPE_CONTROL;
}

/* What comes of one trap in one period; if it has a policer, that drops a packet more. */
static void trap_tick(struct mlxsw_traffic *traffic, size_t trap)
{
	size_t group = group_index(traps[trap].group);
	uint32_t policer = __atomic_load_n(&traffic->policer[group], __ATOMIC_RELAXED);

	count(&traffic->of_trap[trap], 1 + trap % 3);
	count(&traffic->of_group[group], 1 + trap % 3);
	if (policer)
		fl_cell_add(traffic->dropped[policer - 1], 1);
}

static void traffic_tick(struct fl_timer *timer)
{
	struct mlxsw_traffic *traffic = FL_CONTAINER_OF(timer, struct mlxsw_traffic, timer);

	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++) {
		if (comes(&traps[i]))
			trap_tick(traffic, i);
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
	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++)
		whole = whole && counted_init(&traffic->of_trap[i]);
	for (size_t i = 0; i < FL_ARRAY_SIZE(groups); i++)
		whole = whole && counted_init(&traffic->of_group[i]);
	for (size_t i = 0; i < POLICERS && whole; i++) {
		traffic->dropped[i] = fl_cell_new();
		whole = traffic->dropped[i];
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
	struct mlxsw_traffic *traffic = sw->traffic;
	struct fl_trap_policer policers_now[POLICERS];
	struct fl_trap_group groups_now[FL_ARRAY_SIZE(groups)];
	struct fl_trap traps_now[FL_ARRAY_SIZE(traps)];

	memcpy(policers_now, policers, sizeof(policers));
	for (size_t i = 0; i < POLICERS; i++)
		policers_now[i].dropped = traffic->dropped[i];
	memcpy(groups_now, groups, sizeof(groups));
	for (size_t i = 0; i < FL_ARRAY_SIZE(groups); i++) {
		groups_now[i].rx_packets = traffic->of_group[i].packets;
		groups_now[i].rx_bytes = traffic->of_group[i].bytes;
		__atomic_store_n(&traffic->policer[i], groups[i].policer, __ATOMIC_RELAXED);
	}
	memcpy(traps_now, traps, sizeof(traps));
	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++) {
		traps_now[i].rx_packets = traffic->of_trap[i].packets;
		traps_now[i].rx_bytes = traffic->of_trap[i].bytes;
	}
	fl_trap_policers_register(txn, policers_now, FL_ARRAY_SIZE(policers_now));
	fl_trap_groups_register(txn, groups_now, FL_ARRAY_SIZE(groups_now));
	fl_traps_register(txn, traps_now, FL_ARRAY_SIZE(traps_now));
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
	struct mlxsw *sw = mlxsw_of(txn);

	__atomic_store_n(&sw->traffic->policer[group_index(group)], policer, __ATOMIC_RELAXED);
	return mlxsw_command(op, sw);
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
