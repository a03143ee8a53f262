/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * txn.h - the inside of a transaction, for the object files of core/.
 */
#ifndef FL_CORE_TXN_H
#define FL_CORE_TXN_H

#include <urcu/list.h>

#include "core/instance.h"

/* One instance that is nested in the transaction's instance itself. */
struct fl_nested_obj {
	struct fl_obj obj;
	struct fl_devlink *nested; /* referenced */
};

static inline const struct fl_nested_obj *fl_obj_nested(const struct fl_obj *obj)
{
	return (const struct fl_nested_obj *)obj;
}

/* One object that a transaction changes: obj is its new value, NULL once it is removed. */
struct fl_edit {
	struct cds_list_head link;
	enum fl_obj_kind kind;
	uint64_t key;
	struct fl_obj *obj;
	struct fl_obj *replaced; /* filled by the commit */
	bool released;           /* by the commit: a port whose index the driver gets back */
	struct fl_nested_in *nested_in; /* the new link back of what is nested, for the commit, or NULL */
	uint64_t nested_seq;     /* of the nested instance's version when it was set */
};

/* Which fields of a version's instance part a transaction sets. */
enum fl_txn_part {
	FL_TXN_REGISTERED = 1 << 0,
	FL_TXN_RELOAD = 1 << 1, /* reload_failed, stats, remote */
	FL_TXN_NETNS = 1 << 2,
	FL_TXN_INFO = 1 << 3,
	FL_TXN_ESWITCH = 1 << 4,
};

/* Notifications for one namespace, in order. A move has two of them. */
struct fl_event_chain {
	struct fl_netns *ns; /* referenced */
	struct fl_evrec *first, *last;
};

/* Context: the steps of one operation, one after another. */
struct fl_txn {
	struct fl_op *op;
	struct fl_devlink *dl;
	struct fl_extack *extack;
	struct fl_extack own_extack;
	int err;                        /* the first error; the commit returns it */
	unsigned int parts;             /* enum fl_txn_part */
	struct fl_version values;       /* of those parts; what the transaction sees */
	struct cds_list_head edits;     /* in the order of their making */
	unsigned int edit_count;
	struct fl_pmap_node *by_key;    /* edits by kind and key */
	struct fl_pmap_edit by_key_edit;
	struct fl_event_chain events[2];
	unsigned int chains;
	/* fl_txn_no_return(): */
	bool no_return;
	bool unindexed;                 /* some edits are not in by_key */
	bool retell;                    /* notifications got lost: the commit makes them anew */
	struct cds_list_head spare;     /* of fl_edit, for removals */
	struct fl_lane *new_lane;       /* of the port that PORT_NEW asked for; borrowed */
	uint32_t new_lane_index;
};

/* The object as the transaction sees it, or NULL. Not to be changed. Context: RCU read
 * section, or only compared with NULL: an operation that was parked is not alone on its
 * lane any more, and what it did not edit may be freed. */
const struct fl_obj *fl_txn_obj(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key);

/* The object's pending edit, or NULL if the transaction has not changed it. */
struct fl_edit *fl_txn_edit(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key);

/* Makes obj the value of its key; takes it over, also on failure (sticky). NULL removes. */
void fl_txn_set(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t key, struct fl_obj *obj);

/* Encodes obj as it is now and queues it as a notification. Quiet if the instance is
 * not registered. */
void fl_txn_notify_obj(struct fl_txn *txn, const struct fl_obj *obj, uint8_t cmd);

/* Queues a copy of msg as a notification in the namespace that the transaction sees. */
void fl_txn_notify_msg(struct fl_txn *txn, const struct fl_msg *msg, bool has_port, uint32_t port);

/* Walks the objects of a kind as the transaction sees them, in the order of keys. */
void fl_txn_for_each(struct fl_txn *txn, enum fl_obj_kind kind,
		     void (*fn)(struct fl_txn *txn, const struct fl_obj *obj, void *arg),
		     void *arg);

/* The same from the last to the first. */
void fl_txn_for_each_reverse(struct fl_txn *txn, enum fl_obj_kind kind,
			     void (*fn)(struct fl_txn *txn, const struct fl_obj *obj, void *arg),
			     void *arg);

/* The first object of a kind, as the transaction sees it, whose key is at least `from`, or
 * NULL. Context: as fl_txn_obj(). */
const struct fl_obj *fl_txn_next(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t from);

/* A key behind those that the transaction sees of what belongs to one port. */
uint64_t fl_txn_next_port_key(struct fl_txn *txn, enum fl_obj_kind kind, uint32_t port);

/* A key behind all that the transaction sees of a kind. */
uint64_t fl_txn_next_key(struct fl_txn *txn, enum fl_obj_kind kind);

/* Before something that cannot be taken back, such as a reload_down: from here on taking away
 * what is there cannot fail for memory, nor can notifications: the commit tells what changed
 * if they are lost. Returns 0 or -ENOMEM. Context: alone on the instance's lane. */
int fl_txn_no_return(struct fl_txn *txn);
/* Forgets the transaction's error, when its driver has taken away what it failed to add. */
void fl_txn_recover(struct fl_txn *txn);
/* Makes the notifications anew. Returns 0 or -ENOMEM (then it may be tried again). */
int fl_txn_retell(struct fl_txn *txn);
/* As fl_txn_commit(), but if only the commit lacks memory, *ret_kept is true, and txn as it was:
 * to be tried again, or aborted. */
int fl_txn_try_commit(struct fl_txn *txn, bool *ret_kept);

/* Remembers the first error. */
void fl_txn_fail(struct fl_txn *txn, int err);

/* Marks a part of the instance's own values as set by this transaction. */
void fl_txn_touch(struct fl_txn *txn, enum fl_txn_part part);

/* Moves the instance: what is registered is told gone in the old namespace and new in the other. */
void fl_txn_move(struct fl_txn *txn, struct fl_netns *ns);

/* A message about dl that leaves now, not with a commit: flash progress. */
int fl_notify_now(struct fl_devlink *dl, const struct fl_msg *msg);

/* An evrec that carries the messages of `msg`. NULL: out of memory. */
struct fl_evrec *fl_event_new(const struct fl_devlink *dl, const struct fl_msg *msg, bool has_port,
			      uint32_t port);

/* The link back from what is nested: made ready where an object gets `nested` (NULL:
 * nothing), and set by the commit that replaces `was` by `is`. The other half is the object's. */
void fl_nested_prepare(struct fl_txn *txn, struct fl_edit *edit, struct fl_devlink *nested);
void fl_nested_committed(struct fl_txn *txn, struct fl_edit *edit, struct fl_devlink *was,
			 struct fl_devlink *is);

/* Pieces of a commit that need more than the version: core/port.c, core/nested.c. */
void fl_nested_obj_committed(struct fl_txn *txn, struct fl_edit *edit);
void fl_linecard_committed(struct fl_txn *txn, struct fl_edit *edit);
void fl_port_committed(struct fl_txn *txn, struct fl_edit *edit);
void fl_port_aborted(struct fl_txn *txn, const struct fl_edit *edit);
/* core/rate.c */
void fl_rate_committed(const struct fl_edit *edit);
void fl_rate_aborted(struct fl_txn *txn, const struct fl_edit *edit);

#endif
