/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * object.h - what a version is made of: immutable objects that carry their own message.
 *
 * An image is a whole netlink message as a dump sends it; answering is copying it and
 * writing the asker's sequence number and port id into the copy. The command in the
 * image may be replaced too: PORT_NEW and PORT_DEL tell the same.
 */
#ifndef FL_CORE_OBJECT_H
#define FL_CORE_OBJECT_H

#include "base/rcu.h"
#include "netns/evlog.h"
#include "nl/msg.h"

/* Never changes after it was made. */
struct fl_image {
	uint32_t len; /* bytes, a multiple of 4 */
	unsigned char data[];
};

/* The kinds of objects of which an instance has many. One file in core/ each. */
enum fl_obj_kind {
	FL_OBJ_PORT,          /* key: port index */
	FL_OBJ_LINECARD,      /* key: line card index */
	/* Those below: place in the order of registration, if nothing else is said. */
	FL_OBJ_POLICER,       /* key: policer id */
	FL_OBJ_TRAP_GROUP,
	FL_OBJ_TRAP,
	FL_OBJ_RATE,
	FL_OBJ_REGION,
	FL_OBJ_PORT_REGION,   /* key: FL_PORT_KEY */
	FL_OBJ_PARAM,
	FL_OBJ_PORT_PARAM,    /* key: FL_PORT_KEY */
	FL_OBJ_REPORTER,
	FL_OBJ_PORT_REPORTER, /* key: FL_PORT_KEY */
	FL_OBJ_RESOURCE,
	FL_OBJ_PORT_RESOURCE, /* key: FL_PORT_KEY */
	FL_OBJ_SB,            /* key: shared buffer index */
	FL_OBJ_PORT_SB,       /* key: FL_PORT_KEY of a shared buffer's index */
	FL_OBJ_DPIPE_TABLE,
	FL_OBJ_NESTED,        /* key: index of an instance that is nested in the instance itself */
	FL_OBJ_KINDS,
};

/* Keys have 56 bits: of what belongs to a port, the port's index and a place among 2^24. */
#define FL_PORT_KEY(port, place) ((uint64_t)(port) << 24 | (place))
#define FL_PORT_KEY_PORT(key) ((uint32_t)((key) >> 24))

struct fl_netns;
struct fl_obj;
struct fl_txn;

/* What the kinds have in common, for transactions. */
struct fl_obj_ops {
	enum fl_obj_kind kind;
	/* Fills msg with the object's message, the header included. */
	void (*encode)(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj);
	/* Adds what is resolved while answering to the copy that ends msg (offset `at`).
	 * NULL: nothing. Context: RCU read section. */
	void (*resolve)(struct fl_msg *msg, size_t at, const struct fl_obj *obj,
			const struct fl_netns *asker);
	/* Fills msg with its notification, where that is not what a dump sends; NULL: it is. */
	void (*notice)(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj,
		       uint8_t cmd);
	/* After the commit that made `now` of `old`; either may be NULL. NULL: nothing.
	 * Context: the transaction's, in an RCU read section. */
	void (*committed)(const struct fl_obj *old, const struct fl_obj *now);
	/* False: it is there, but not to be seen yet. NULL: always true. */
	bool (*shown)(const struct fl_obj *obj);
	/* Drops what the object holds, then its memory; no reader sees it any more. */
	void (*free)(struct fl_obj *obj);
	uint8_t cmd_new, cmd_del; /* of its notifications; 0: never told when the instance
				   * is registered, moved or unregistered */
	bool of_port;             /* its notifications pass filters by port index */
};

/*
 * Rules:
 * 1. Written by the one transaction that made it, until its commit; never after.
 * 2. Freed a grace period after the version that dropped it.
 */
struct fl_obj {
	struct fl_rcu_head rcu;
	const struct fl_obj_ops *ops;
	struct fl_image *image;
	uint64_t key;
};

/* An image of the message that was begun and ended in `msg`. NULL: out of memory, or
 * msg has an error. */
struct fl_image *fl_image_new(const struct fl_msg *msg);

/* Puts a copy of image for an asker. Returns 0 or -EMSGSIZE (then msg is as it was). */
int fl_image_put(struct fl_msg *msg, const struct fl_image *image, uint8_t cmd, uint16_t flags,
		 uint32_t seq, uint32_t portid);

static inline bool fl_obj_shown(const struct fl_obj *obj)
{
	return !obj->ops->shown || obj->ops->shown(obj);
}

/* Makes obj->image anew from its fields. Returns 0 or -ENOMEM. Context: its transaction. */
int fl_obj_encode(const struct fl_txn *txn, struct fl_obj *obj);

/* Puts a copy of the object's message for an asker in namespace `asker`. Returns 0,
 * -EMSGSIZE (msg is as it was) or -ENOMEM; -ENODATA if it shows a counter that cannot be read. */
int fl_obj_put(struct fl_msg *msg, const struct fl_obj *obj, uint8_t cmd, uint16_t flags,
	       uint32_t seq, uint32_t portid, const struct fl_netns *asker);

#endif
