/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linecard.c - slots for line cards. Provisioning one takes the ASIC a while, in which only the
 * slot's own lane is busy; then its ports are there, and a device of its own, which has an
 * instance: once that is registered, the card is active.
 */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CARD_NAME "mlxsw_core.lc"

static const char *const types[MLXSW_TYPES] = { "16x100G", "16x200G" };

/* ---- what goes on in a slot: an operation after another --------------------------- */

enum work {
	WORK_PROVISION,
	WORK_UNPROVISION,
	WORK_ACTIVATE,
};

struct card_op {
	struct mlxsw *sw;	   /* referenced */
	struct fl_devlink *dl;	   /* of the switch, referenced */
	struct fl_devlink *nested; /* of the card, referenced; WORK_ACTIVATE */
	unsigned int slot, turn;
	enum work work;
};

static struct card_op *card_op(struct fl_op *op)
{
	return fl_op_own(op);
}

static void card_op_free(struct fl_op *op)
{
	struct card_op *card = card_op(op);

	fl_devlink_put(card->nested);
	fl_devlink_put(card->dl);
	mlxsw_put(card->sw);
	fl_op_free(op);
}

/* Another change has begun, or a reload: what this one was for is over. */
static bool is_stale(const struct card_op *card)
{
	const struct mlxsw_slot *slot = &card->sw->slots[card->slot];

	return card->sw->down || __atomic_load_n(&slot->turn, __ATOMIC_RELAXED) != card->turn;
}

/* Posts what goes on with a slot, on lane. */
static int card_post(struct mlxsw *sw, struct fl_devlink *dl, const struct card_op *what,
		     const struct fl_op_type *type, struct fl_lane *lane)
{
	struct card_op *card;
	struct fl_op *op;
	int err;

	err = fl_op_new(type, lane, NULL, sizeof(*card), &op);
	if (err)
		return err;
	card = card_op(op);
	card->sw = mlxsw_get(sw);
	card->dl = fl_devlink_get(dl);
	card->nested = what->nested ? fl_devlink_get(what->nested) : NULL;
	card->slot = what->slot;
	card->turn = what->turn;
	card->work = what->work;
	return fl_op_submit(op);
}

/* ---- the card's own device -------------------------------------------------------- */

struct card_device {
	struct mlxsw *sw;      /* referenced */
	struct fl_devlink *dl; /* of the switch, referenced */
	unsigned int slot, turn;
	int id;
};

static void card_device_free(void *platform)
{
	struct card_device *card = platform;

	fl_auxiliary_id_free(fl_plane_bus(card->sw->plane), card->id);
	fl_devlink_put(card->dl);
	mlxsw_put(card->sw);
	free(card);
}

static int device_make(struct card_op *card, struct fl_device **ret_device)
{
	struct card_device *platform = calloc(1, sizeof(*platform));
	struct fl_bus_root *root = fl_plane_bus(card->sw->plane);
	struct fl_device_desc desc = {
		.bus = "auxiliary",
		.parent = fl_devlink_device(card->dl),
		.platform = platform,
		.platform_free = card_device_free,
	};
	char name[32];
	int err;

	if (!platform)
		return -ENOMEM;
	platform->id = fl_auxiliary_id_alloc(root);
	if (platform->id < 0) {
		err = platform->id;
		free(platform);
		return err;
	}
	platform->sw = mlxsw_get(card->sw);
	platform->dl = fl_devlink_get(card->dl);
	platform->slot = card->slot;
	platform->turn = card->turn;
	snprintf(name, sizeof(name), CARD_NAME ".%d", platform->id);
	desc.name = name;
	err = fl_device_add(root, &desc, ret_device);
	if (err)
		card_device_free(platform);
	return err;
}

/* Both references pass over. */
static void card_replace(struct mlxsw_slot *slot, struct fl_device *device)
{
	fl_device_put(slot->card);
	slot->card = device;
}

static void device_add(struct card_op *card)
{
	struct fl_device *device;
	int err;

	err = device_make(card, &device);
	if (!err) {
		err = fl_device_probe_post(device, NULL);
		card_replace(&card->sw->slots[card->slot], device);
	}
	if (err)
		fl_log(FL_LOG_WARN, MLXSW_NAME " %s: lc %u: no device of its own: error %d",
		       card->sw->config.address, card->slot + 1, -err);
}

/* ---- done: alone on the switch's ports --------------------------------------------- */

/* The device that was in the slot before: its removal may not have been begun. */
static int device_go(const struct mlxsw_slot *slot)
{
	int err = slot->card ? fl_device_remove_post(slot->card, NULL, NULL, NULL) : 0;

	return err == -ENODEV ? 0 : err;
}

static int work_commit(struct fl_op *op)
{
	struct card_op *card = card_op(op);
	struct mlxsw_slot *slot = &card->sw->slots[card->slot];
	bool provisions = card->work == WORK_PROVISION;
	struct fl_txn *txn;
	int err;

	err = device_go(slot);
	if (!err)
		err = fl_txn_begin(op, card->dl, &txn);
	if (err)
		return err;
	if (provisions) {
		/* Where the card could not be unprovisioned. */
		mlxsw_card_ports_del(card->sw, txn, card->slot);
		mlxsw_card_ports_add(card->sw, txn, card->slot);
		fl_linecard_provision_set(txn, card->slot + 1, types[slot->type]);
	} else {
		mlxsw_card_ports_del(card->sw, txn, card->slot);
		fl_linecard_nested_set(txn, card->slot + 1, NULL);
		fl_linecard_provision_clear(txn, card->slot + 1);
	}
	err = fl_txn_commit(txn);
	if (err)
		return err;
	__atomic_store_n(&slot->provisioned, provisions, __ATOMIC_RELAXED);
	if (provisions) {
		device_add(card);
	} else {
		card_replace(slot, NULL);
		fl_devlink_put(slot->nested);
		slot->nested = NULL;
	}
	return 0;
}

static int work_fail(struct fl_op *op, int why)
{
	struct card_op *card = card_op(op);
	struct fl_txn *txn;
	int err;

	fl_log(FL_LOG_WARN, MLXSW_NAME " %s: lc %u: provisioning failed: error %d",
	       card->sw->config.address, card->slot + 1, -why);
	err = fl_txn_begin(op, card->dl, &txn);
	if (err)
		return err;
	fl_linecard_provision_fail(txn, card->slot + 1);
	return fl_txn_commit(txn);
}

static int done_run(struct fl_op *op)
{
	struct card_op *card = card_op(op);
	int err;

	if (is_stale(card))
		return 0;
	if (card->work == WORK_PROVISION && card->sw->config.broken_slots & 1u << (card->slot + 1))
		return work_fail(op, -EIO);
	err = work_commit(op);
	if (err == -ENOMEM && !fl_lane_sealed(fl_op_lane(op)))
		return fl_op_retry(op, done_run);
	return err && !fl_op_parked(op) ? work_fail(op, err) : err;
}

static const struct fl_op_type done_type = {
	.kind = "linecard-done",
	.run = done_run,
	.free = card_op_free,
};

/* ---- begun: on the slot's lane ---------------------------------------------------- */

static int provisioned(struct fl_op *op)
{
	struct card_op *card = card_op(op);
	struct fl_lane *lane;
	int err;

	if (fl_op_result(op))
		return fl_op_result(op);
	lane = fl_ports_lane_get(card->dl);
	err = card_post(card->sw, card->dl, card, &done_type, lane);
	fl_lane_put(lane);
	if (err == -ENOMEM && !fl_lane_sealed(fl_op_lane(op)))
		return fl_op_retry(op, provisioned);
	return err;
}

static int begun_run(struct fl_op *op)
{
	fl_op_allow(op, card_op(op)->sw->config.provision_ns);
	return fl_op_sleep(op, card_op(op)->sw->config.provision_ns, provisioned);
}

static const struct fl_op_type begun_type = {
	.kind = "linecard-begin",
	.run = begun_run,
	.free = card_op_free,
};

static int begin(struct mlxsw *sw, struct fl_txn *txn, uint32_t index, enum work work)
{
	struct mlxsw_slot *slot = &sw->slots[index - 1];
	struct card_op what = {
		.slot = index - 1,
		.turn = __atomic_add_fetch(&slot->turn, 1, __ATOMIC_RELAXED),
		.work = work,
	};

	return card_post(sw, fl_txn_devlink(txn), &what, &begun_type, slot->lane);
}

static int type_index(const char *type)
{
	for (int i = 0; i < MLXSW_TYPES; i++) {
		if (!strcmp(types[i], type))
			return i;
	}
	return -EINVAL;
}

static int provision(struct fl_op *op, struct fl_txn *txn, uint32_t index, const char *type)
{
	struct mlxsw *sw = mlxsw_of(txn);

	__atomic_store_n(&sw->slots[index - 1].type, type_index(type), __ATOMIC_RELAXED);
	return begin(sw, txn, index, WORK_PROVISION);
}

/* The card's own device goes at once, its ports when the ASIC is through. */
static int unprovision(struct fl_op *op, struct fl_txn *txn, uint32_t index)
{
	struct mlxsw *sw = mlxsw_of(txn);

	device_go(&sw->slots[index - 1]); /* if this fails, it goes with the ports */
	return begin(sw, txn, index, WORK_UNPROVISION);
}

static bool same_provision(struct fl_devlink *dl, uint32_t index, const char *type)
{
	struct mlxsw *sw = fl_devlink_priv(dl);

	return __atomic_load_n(&sw->slots[index - 1].type, __ATOMIC_RELAXED) == type_index(type);
}

const struct fl_linecard_ops mlxsw_linecard_ops = {
	.provision = provision,
	.unprovision = unprovision,
	.same_provision = same_provision,
};

/* ---- activation: the card's own instance is there --------------------------------- */

static int activate_run(struct fl_op *op)
{
	struct card_op *card = card_op(op);
	struct mlxsw_slot *slot = &card->sw->slots[card->slot];
	struct fl_txn *txn;
	int err;

	if (is_stale(card))
		return 0;
	err = fl_txn_begin(op, card->dl, &txn);
	if (err)
		return err;
	fl_linecard_nested_set(txn, card->slot + 1, card->nested);
	fl_linecard_activate(txn, card->slot + 1);
	err = fl_txn_commit(txn);
	if (err)
		return err;
	fl_devlink_put(slot->nested);
	slot->nested = fl_devlink_get(card->nested);
	return 0;
}

static const struct fl_op_type activate_type = {
	.kind = "linecard-activate",
	.run = activate_run,
	.free = card_op_free,
};

static const struct fl_devlink_ops card_devlink_ops = { 0 };

static int card_register(struct fl_op *op, struct fl_devlink *dl)
{
	static const struct fl_info_version versions[] = {
		{ FL_VERSION_FIXED, "hw.revision", "0", false },
		{ FL_VERSION_FIXED, "fw.psid", "MT_0000000749", false },
		{ FL_VERSION_RUNNING, "ini.version", "4", false },
		{ FL_VERSION_RUNNING, "fw", "19.2010.1310", false },
	};
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, dl, &txn);
	if (err)
		return err;
	fl_txn_register(txn);
	fl_info_set(txn, CARD_NAME, NULL, NULL, versions, FL_ARRAY_SIZE(versions));
	return fl_txn_commit(txn);
}

static int card_probe(struct fl_op *op, struct fl_device *device)
{
	struct card_device *card = fl_device_platform(device);
	struct card_op what = {
		.slot = card->slot,
		.turn = card->turn,
		.work = WORK_ACTIVATE,
	};
	struct fl_devlink *dl;
	struct fl_lane *lane;
	int err;

	err = fl_devlink_alloc(card->sw->plane, device, &card_devlink_ops, card, &dl);
	if (err)
		return err;
	err = card_register(op, dl);
	if (err) {
		fl_devlink_free(dl);
		return err;
	}
	fl_device_set_data(device, dl);
	what.nested = dl;
	lane = fl_linecards_lane_get(card->dl);
	err = card_post(card->sw, card->dl, &what, &activate_type, lane);
	fl_lane_put(lane);
	if (err)
		fl_log(FL_LOG_WARN, "%s: its line card does not become active: error %d",
		       fl_device_name(device), -err);
	return 0;
}

static int card_remove(struct fl_op *op, struct fl_device *device)
{
	return fl_devlink_remove(op, fl_device_data(device));
}

const struct fl_driver mlxsw_card_driver = {
	.name = CARD_NAME,
	.bus = "auxiliary",
	.match = CARD_NAME,
	.probe = card_probe,
	.remove = card_remove,
};

/* ---- slots ------------------------------------------------------------------------ */

int mlxsw_slots_init(struct mlxsw *sw)
{
	struct fl_lane *above = fl_device_lane(fl_devlink_device(sw->dl));
	char name[96];
	int err = 0;

	for (unsigned int i = 0; i < sw->config.slots && !err; i++) {
		snprintf(name, sizeof(name), "%s/lc%u", fl_lane_name(above), i + 1);
		err = fl_lane_new(fl_plane_sched(sw->plane), above, name, NULL, &sw->slots[i].lane);
	}
	return err;
}

/* What the instance goes with. */
void mlxsw_slots_forget(struct mlxsw *sw)
{
	for (unsigned int i = 0; i < sw->config.slots; i++) {
		struct mlxsw_slot *slot = &sw->slots[i];

		__atomic_add_fetch(&slot->turn, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->provisioned, false, __ATOMIC_RELAXED);
		card_replace(slot, NULL);
		fl_devlink_put(slot->nested);
		slot->nested = NULL;
		if (slot->lane)
			fl_lane_discard(slot->lane);
		fl_lane_put(slot->lane);
		slot->lane = NULL;
	}
}

void mlxsw_slots_done(struct mlxsw *sw)
{
	for (unsigned int i = 0; i < sw->config.slots; i++) {
		fl_device_put(sw->slots[i].card);
		fl_devlink_put(sw->slots[i].nested);
		fl_lane_put(sw->slots[i].lane);
	}
}

/* The ASIC keeps what was provisioned over a reload; what had only begun is begun in vain. */
void mlxsw_linecards_add(struct mlxsw *sw, struct fl_txn *txn)
{
	for (unsigned int i = 0; i < sw->config.slots; i++) {
		struct mlxsw_slot *slot = &sw->slots[i];

		fl_linecard_add(txn, i + 1, types, MLXSW_TYPES);
		if (!slot->provisioned)
			continue;
		mlxsw_card_ports_add(sw, txn, i);
		fl_linecard_provision_set(txn, i + 1, types[slot->type]);
		if (!slot->nested)
			continue;
		fl_linecard_nested_set(txn, i + 1, slot->nested);
		fl_linecard_activate(txn, i + 1);
	}
}

void mlxsw_linecards_del(struct mlxsw *sw, struct fl_txn *txn)
{
	for (unsigned int i = sw->config.slots; i-- > 0;) {
		if (!sw->slots[i].provisioned)
			__atomic_add_fetch(&sw->slots[i].turn, 1, __ATOMIC_RELAXED);
		fl_linecard_del(txn, i + 1);
	}
}

/* A card's instance holds its device, which holds the switch's instance: a ring while a line card
 * holds the card's. After a reload_down there are no line cards. */
void mlxsw_linecards_unlink(struct mlxsw *sw, struct fl_txn *txn)
{
	for (unsigned int i = 0; !sw->down && i < sw->config.slots; i++)
		if (sw->slots[i].nested)
			fl_linecard_nested_set(txn, i + 1, NULL);
}
