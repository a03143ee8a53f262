/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linecard.h - line cards as core/ keeps them. */
#ifndef FL_CORE_LINECARD_H
#define FL_CORE_LINECARD_H

#include "core/instance.h"

/* The types of a slot never change: counted. */
struct fl_linecard_types {
	int refs; /* atomic */
	size_t count;
	char *name[];
};

/* A line card in a version. */
struct fl_linecard_obj {
	struct fl_obj obj;
	enum devlink_linecard_state state;
	struct fl_linecard_types *types;
	const char *type;	   /* one of them, or NULL */
	struct fl_devlink *nested; /* referenced, or NULL */
};

/* The name among the card's types, or NULL. */
const char *fl_linecard_type_find(const struct fl_linecard_obj *card, const char *name);

/* Sets state and type (one of the card's, NULL: none) and announces the card. */
void fl_linecard_set(struct fl_txn *txn, uint32_t index, enum devlink_linecard_state state,
		     const char *type);
/* The same of a card that keeps its type until it is unprovisioned. */
void fl_linecard_unprovisioning(struct fl_txn *txn, uint32_t index);
/* Announces it as it is in txn. */
void fl_linecard_notify(struct fl_txn *txn, uint32_t index);

#endif
