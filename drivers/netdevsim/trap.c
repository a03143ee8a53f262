/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap.c - packet traps, their groups and policers. No packet comes, so traps count nothing;
 * the counters of what was dropped are one higher at each look.
 */
#include "netdevsim-private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_PORT FL_TRAP_METADATA_IN_PORT
#define FA_COOKIE (FL_TRAP_METADATA_IN_PORT | FL_TRAP_METADATA_FA_COOKIE)

/* ---- what there is ------------------------------------------------------------------ */

#define POLICER(number, packets, peak)                                                           \
	{                                                                                        \
		.id = (number), .rate = (packets), .min_rate = 1, .max_rate = 8000,              \
		.burst = (peak), .min_burst = 8, .max_burst = 65536,                             \
	}

static const struct fl_trap_policer policers[NSIM_TRAP_POLICERS] = {
	POLICER(1, 1000, 128),
	POLICER(2, 2000, 256),
	POLICER(3, 3000, 512),
};

static const struct fl_trap_group groups[] = {
	{ .name = "l2_drops", .generic = true },
	{ .name = "l3_drops", .generic = true, .policer = 1 },
	{ .name = "l3_exceptions", .generic = true, .policer = 1 },
	{ .name = "buffer_drops", .generic = true, .policer = 2 },
	{ .name = "acl_drops", .generic = true, .policer = 3 },
	{ .name = "mc_snooping", .generic = true, .policer = 3 },
};

#define TRAP(text, of, kind, first, is_generic, tells)                                           \
	{                                                                                        \
		.name = (text), .group = (of), .generic = (is_generic),                          \
		.type = DEVLINK_TRAP_TYPE_##kind, .action = DEVLINK_TRAP_ACTION_##first,         \
		.metadata = (tells),                                                             \
	}

static const struct fl_trap traps[] = {
	TRAP("source_mac_is_multicast", "l2_drops", DROP, DROP, true, IN_PORT),
	TRAP("vlan_tag_mismatch", "l2_drops", DROP, DROP, true, IN_PORT),
	TRAP("ingress_vlan_filter", "l2_drops", DROP, DROP, true, IN_PORT),
	TRAP("ingress_spanning_tree_filter", "l2_drops", DROP, DROP, true, IN_PORT),
	TRAP("port_list_is_empty", "l2_drops", DROP, DROP, true, IN_PORT),
	TRAP("port_loopback_filter", "l2_drops", DROP, DROP, true, IN_PORT),
	TRAP("fid_miss", "l2_drops", EXCEPTION, TRAP, false, IN_PORT),
	TRAP("blackhole_route", "l3_drops", DROP, DROP, true, IN_PORT),
	TRAP("ttl_value_is_too_small", "l3_exceptions", EXCEPTION, TRAP, true, IN_PORT),
	TRAP("tail_drop", "buffer_drops", DROP, DROP, true, IN_PORT),
	TRAP("ingress_flow_action_drop", "acl_drops", DROP, DROP, true, FA_COOKIE),
	TRAP("egress_flow_action_drop", "acl_drops", DROP, DROP, true, FA_COOKIE),
	TRAP("igmp_query", "mc_snooping", CONTROL, MIRROR, true, IN_PORT),
	TRAP("igmp_v1_report", "mc_snooping", CONTROL, TRAP, true, IN_PORT),
};

/* ---- making and removing them -------------------------------------------------------- */

int nsim_traps_init(struct nsim_dev *dev)
{
	bool whole;

	dev->drop_cell = fl_cell_new();
	whole = dev->drop_cell;
	for (int i = 0; i < NSIM_TRAP_POLICERS; i++) {
		dev->policer_cells[i] = fl_cell_new();
		whole = whole && dev->policer_cells[i];
	}
	if (!whole)
		return -ENOMEM;
	fl_cell_set_ticking(dev->drop_cell, true);
	for (int i = 0; i < NSIM_TRAP_POLICERS; i++)
		fl_cell_set_ticking(dev->policer_cells[i], true);
	return 0;
}

void nsim_traps_reset(struct nsim_dev *dev)
{
	fl_cell_set_failing(dev->drop_cell, false);
	for (int i = 0; i < NSIM_TRAP_POLICERS; i++)
		fl_cell_set_failing(dev->policer_cells[i], false);
}

void nsim_traps_done(struct nsim_dev *dev)
{
	fl_cell_put(dev->drop_cell);
	for (int i = 0; i < NSIM_TRAP_POLICERS; i++)
		fl_cell_put(dev->policer_cells[i]);
	free(dev->cookie);
}

void nsim_traps_register(struct nsim_dev *dev, struct fl_txn *txn)
{
	struct fl_trap_policer counted[NSIM_TRAP_POLICERS];
	struct fl_trap dropped[FL_ARRAY_SIZE(traps)];

	memcpy(counted, policers, sizeof(counted));
	for (int i = 0; i < NSIM_TRAP_POLICERS; i++) {
		fl_cell_set(dev->policer_cells[i], 0);
		counted[i].dropped = dev->policer_cells[i];
	}
	memcpy(dropped, traps, sizeof(dropped));
	fl_cell_set(dev->drop_cell, 0);
	for (size_t i = 0; i < FL_ARRAY_SIZE(traps); i++)
		dropped[i].dropped = dev->drop_cell;
	fl_trap_policers_register(txn, counted, FL_ARRAY_SIZE(counted));
	fl_trap_groups_register(txn, groups, FL_ARRAY_SIZE(groups));
	fl_traps_register(txn, dropped, FL_ARRAY_SIZE(dropped));
}

void nsim_traps_unregister(struct nsim_dev *dev, struct fl_txn *txn)
{
	fl_traps_unregister(txn);
	fl_trap_groups_unregister(txn);
	fl_trap_policers_unregister(txn);
}

/* ---- what clients change ------------------------------------------------------------- */

static struct nsim_values *values_of(const struct fl_txn *txn)
{
	return &((struct nsim_dev *)fl_devlink_priv(fl_txn_devlink(txn)))->values;
}

static bool is_set(const bool *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static int action_set(struct fl_op *op, struct fl_txn *txn, const char *trap, void *priv,
		      enum devlink_trap_action action)
{
	return 0;
}

static int group_policer_set(struct fl_op *op, struct fl_txn *txn, const char *group, void *priv,
			     uint32_t policer)
{
	return is_set(&values_of(txn)->fail_trap_group_set) ? -EINVAL : 0;
}

static int policer_set(struct fl_op *op, struct fl_txn *txn, uint32_t policer, uint64_t rate,
		       uint64_t burst)
{
	if (!is_set(&values_of(txn)->fail_trap_policer_set))
		return 0;
	fl_extack_set(fl_txn_extack(txn),
		      "netdevsim: User setup the operation to fail for testing purposes");
	return -EINVAL;
}

const struct fl_trap_ops nsim_trap_ops = {
	.action_set = action_set,
	.group_policer_set = group_policer_set,
	.policer_set = policer_set,
};

/* ---- knobs: counters that fail -------------------------------------------------------- */

static int fail_drop_counter_write(struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_knob_dev(call);
	int err = nsim_bool_ops.write(call);

	if (!err)
		fl_cell_set_failing(dev->drop_cell,
				    is_set(&dev->values.fail_trap_drop_counter_get));
	return err;
}

static int fail_policer_counter_write(struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_knob_dev(call);
	int err = nsim_bool_ops.write(call);

	for (int i = 0; i < NSIM_TRAP_POLICERS && !err; i++)
		fl_cell_set_failing(dev->policer_cells[i],
				    is_set(&dev->values.fail_trap_policer_counter_get));
	return err;
}

static ssize_t bool_read(void *arg, char *buf, size_t cap)
{
	return nsim_bool_ops.read(arg, buf, cap);
}

const struct fl_knob_ops nsim_fail_drop_counter_ops = {
	.write = fail_drop_counter_write, .read = bool_read, .gone = nsim_knob_gone,
};
const struct fl_knob_ops nsim_fail_policer_counter_ops = {
	.write = fail_policer_counter_write, .read = bool_read, .gone = nsim_knob_gone,
};

/* ---- knob: the cookie of packets that a flow's action dropped ------------------------- */

static int cookie_write(struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_knob_dev(call);
	size_t len = strlen(call->text);
	char *cookie, *old;

	if (len % 2 || len + 2 > FL_KNOB_TEXT_MAX ||
	    strspn(call->text, "0123456789abcdefABCDEF") != len) {
		fl_extack_set(&call->extack, "not an even number of hex digits, or too many");
		return -EINVAL;
	}
	cookie = strdup(call->text);
	if (!cookie)
		return -ENOMEM;
	for (char *c = cookie; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	fl_driver_lock_take(dev->lock);
	old = dev->cookie;
	dev->cookie = cookie;
	fl_driver_lock_drop(dev->lock);
	free(old);
	return 0;
}

static ssize_t cookie_read(void *arg, char *buf, size_t cap)
{
	struct nsim_dev *dev = ((struct nsim_knob *)arg)->dev;
	int len = -EINVAL;

	fl_driver_lock_take(dev->lock);
	if (dev->cookie)
		len = snprintf(buf, cap, "%s\n", dev->cookie);
	fl_driver_lock_drop(dev->lock);
	return len;
}

const struct fl_knob_ops nsim_cookie_ops = {
	.write = cookie_write, .read = cookie_read, .gone = nsim_knob_gone,
};
