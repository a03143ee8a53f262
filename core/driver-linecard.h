/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-linecard.h - line cards of a modular switch, as a driver makes them.
 *
 * A slot is there from the start; which card is in it, or is expected there, is a matter of
 * provisioning: a client names a type, the device prepares ports for it and says so later.
 * Context of all fl_linecard_*() but where it is said: alone on the line cards' lane or above (the
 * ports', the instance's). They announce the card (LINECARD_NEW). Sticky -ENODEV, -ENOMEM.
 */
#ifndef FL_CORE_DRIVER_LINECARD_H
#define FL_CORE_DRIVER_LINECARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_devlink;
struct fl_lane;
struct fl_op;
struct fl_txn;

/*
 * Steps. Context: alone on the instance's linecards lane, shared on those above it. The card
 * already shows that it is being (un)provisioned. Valid replies: 0: it goes on, and the driver ends
 * it by fl_linecard_provision_set(), _clear() or _fail() in an operation of its own, which may come
 * before this one is over; -errno with text in fl_txn_extack(): the card is unprovisioned.
 * `type` lives as long as the operation. Both are required.
 */
struct fl_linecard_ops {
	int (*provision)(struct fl_op *op, struct fl_txn *txn, uint32_t index, const char *type);
	int (*unprovision)(struct fl_op *op, struct fl_txn *txn, uint32_t index);
	/* Whether a provisioned card is what `type` asks for: then asking again is no error.
	 * Context: the same, at once (no step). Valid replies: true, false. NULL: never. */
	bool (*same_provision)(struct fl_devlink *dl, uint32_t index, const char *type);
};

/* Adds a slot, unprovisioned, and announces it; types: the names that a client may give
 * (DEVLINK_ATTR_LINECARD_SUPPORTED_TYPES), copied. Sticky -EEXIST. */
void fl_linecard_add(struct fl_txn *txn, uint32_t index, const char *const *types, size_t count);
/* Removes it and announces that (LINECARD_DEL). */
void fl_linecard_del(struct fl_txn *txn, uint32_t index);

/* The device has what the card needs, whether a client asked for it or not. Sticky -EINVAL: not
 * one of the card's types. */
void fl_linecard_provision_set(struct fl_txn *txn, uint32_t index, const char *type);
void fl_linecard_provision_clear(struct fl_txn *txn, uint32_t index);
void fl_linecard_provision_fail(struct fl_txn *txn, uint32_t index);
/* The card itself is there and runs; only of a provisioned one (sticky -EINVAL). */
void fl_linecard_activate(struct fl_txn *txn, uint32_t index);
/* Back to provisioned; nothing if it is not active. */
void fl_linecard_deactivate(struct fl_txn *txn, uint32_t index);
/* Links the card to the instance of its own device (NULL: unlinks): DEVLINK_ATTR_NESTED_DEVLINK.
 * As fl_port_fn_nested_set(); announces nothing by itself. */
void fl_linecard_nested_set(struct fl_txn *txn, uint32_t index, struct fl_devlink *nested);

/* The lane of the line cards, one reference; NULL: never had any. For an operation of the driver's
 * own. Context: any, while the instance is not freed. */
struct fl_lane *fl_linecards_lane_get(struct fl_devlink *dl);

/* The state as txn sees it, or -ENODEV. */
int fl_linecard_state(struct fl_txn *txn, uint32_t index);

#pragma GCC visibility pop

#endif
