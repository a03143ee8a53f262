/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * instance.h - a devlink instance and its versions, as core/ sees them.
 *
 * Clauses (model/README.md checks them, docs/CONCURRENCY.md argues them):
 *  C1  A version never changes after it was published; it is freed a grace period after
 *      the next one replaced it.
 *  C2  A commit applies its edits to the version that is current at that moment, under
 *      the commit lock; two operations that edit different objects lose nothing.
 *  C3  The notifications of a commit are appended to the log after its version was
 *      published and before the commit lock is dropped: who reads a notification and
 *      then asks, is answered from that version or a newer one, and the notifications
 *      of one instance are in the order of its commits.
 *  C4  The reply follows the notifications.
 *  C5  The edits of an operation that was parked are refused; but a removal that was parked
 *      may take its instance away when it comes that far, if it still is there.
 */
#ifndef FL_CORE_INSTANCE_H
#define FL_CORE_INSTANCE_H

#include <string.h>

#include "base/lock.h"
#include "core/driver.h"
#include "core/object.h"
#include "core/req.h"
#include "netns/netns.h"

#define FL_RELOAD_ACTIONS 3 /* __DEVLINK_RELOAD_ACTION_MAX */
#define FL_RELOAD_LIMITS 2  /* __DEVLINK_RELOAD_LIMIT_MAX */

struct fl_reload_stats {
	uint32_t count[FL_RELOAD_LIMITS][FL_RELOAD_ACTIONS];
};

/* The state of one instance as of one commit (C1). */
struct fl_version {
	uint64_t seq;                /* how many commits made it */
	bool registered;
	bool reload_failed;
	struct fl_reload_stats stats;  /* what local reloads did */
	struct fl_reload_stats remote; /* what others did to us */
	struct fl_netns *ns;         /* referenced */
	struct fl_image *dev;        /* DEV NEW */
	struct fl_image *info;       /* INFO_GET, or NULL */
	struct fl_image *eswitch;    /* ESWITCH_GET, or NULL */
	int eswitch_mode, eswitch_inline, eswitch_encap;
	struct fl_pmap_node *objs[FL_OBJ_KINDS];
	uint32_t obj_count[FL_OBJ_KINDS];
	struct fl_rcu_head rcu;      /* last: whoever retires the version writes it */
};

/* Copies what a version says. Context: RCU read section, or the commit lock. */
static inline void fl_version_copy(struct fl_version *to, const struct fl_version *from)
{
	memcpy(to, from, offsetof(struct fl_version, rcu));
}

/* What of an instance can be busy by itself, beside its port functions and reporters; each
 * has a lane under the instance's, or under that of its ports (fl_devlink_ports_lane()).
 * X(name, name of the lane) */
#define FL_SUBLANE_LIST(X)                                                                       \
	X(FLASH, "flash")                                                                        \
	X(PARAMS, "params")                                                                      \
	X(RATES, "rates")                                                                        \
	X(TRAPS, "traps")                                                                        \
	X(REGIONS, "regions")                                                                    \
	X(RESOURCES, "resources")                                                                \
	X(SB, "sb")                                                                              \
	X(DPIPE, "dpipe")                                                                        \
	X(SELFTESTS, "selftests")                                                                \
	X(LINECARDS, "linecards")                                                                \
	X(PORTS, "ports") /* last: those under it are let go first */

enum fl_sublane {
#define FL_SUBLANE_ENUM(name, text) FL_SUBLANE_##name,
	FL_SUBLANE_LIST(FL_SUBLANE_ENUM)
#undef FL_SUBLANE_ENUM
	FL_SUBLANES,
};

/* Who shows this instance as nested: a port function or a line card of another one, or that
 * one itself (FL_OBJ_NESTED). */
struct fl_nested_in {
	struct fl_rcu_head rcu;
	struct fl_devlink *parent; /* referenced */
	enum fl_obj_kind kind;
	uint32_t index; /* of the port or line card; else that of the nested instance */
};

/*
 * Rules of struct fl_devlink:
 * 1. plane, device, driver, lanes, ops, priv, handle, index: never change after alloc.
 * 2. version: read under RCU, written under commit_lock.
 * 3. nested_in: read under RCU, written by the operation that links, exchanged atomically.
 * 4. refs: atomic; a reference keeps the memory only.
 * 5. last_*: unregister.c's, on the device's lane.
 */
struct fl_devlink {
	struct fl_version *version;
	struct fl_plane *plane;
	struct fl_device *device;    /* NULL: stands for none (driver-shared.h) ... */
	const struct fl_driver *driver; /* ... but was made by this one */
	struct fl_lane *lane;        /* the device's, or whoever made it gave one */
	struct fl_lane *sublane[FL_SUBLANES]; /* below it; NULL: what it is for is not there */
	const struct fl_devlink_ops *ops;
	void *priv;
	bool owns_priv;
	struct fl_lock commit_lock;
	struct fl_nested_in *nested_in;
	void *homecoming; /* return.c's: made when the instance leaves home, so that its
			   * return cannot fail for memory; exchanged atomically */
	void (*last_edits)(struct fl_txn *txn);
	void *last_op_data;
	bool last_frees;
	int refs;
	uint32_t index;
	uint16_t dev_off;      /* of the device name, in a message */
	uint16_t handle_len;   /* bytes of the attributes BUS_NAME, DEV_NAME, INDEX */
	unsigned char *handle;
	struct fl_rcu_head rcu;
};

/* The bus of handles that name an instance by its index. */
#define FL_INDEX_BUS "devlink_index"

#define FL_BUS_OFF (NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN) /* of the bus name, in a message */

const char *fl_devlink_bus_name(const struct fl_devlink *dl);
const char *fl_devlink_dev_name(const struct fl_devlink *dl);
/* NULL: the device has none at the moment. */
const struct fl_driver *fl_devlink_driver(const struct fl_devlink *dl);

/* NULL if the last reference is gone already. Context: RCU read section. */
struct fl_devlink *fl_devlink_try_get(struct fl_devlink *dl);

/* Makes a lane for what the instance turns out to have; nothing if it is there. Returns 0,
 * -ENOMEM or -ENODEV. Context: alone on the instance's lane. */
int fl_devlink_sublane_init(struct fl_devlink *dl, enum fl_sublane which);

/* Where ports come and go, with the lanes of all that ports have below it: of its own where the
 * device splits ports, else the instance's. Not a reference. */
struct fl_lane *fl_devlink_ports_lane(const struct fl_devlink *dl);

/* The current version. Context: RCU read section, or alone on what is asked for. */
static inline const struct fl_version *fl_devlink_version(const struct fl_devlink *dl)
{
	return fl_rcu_deref(dl->version);
}

/* True if ns contains the instance. Context: RCU read section. */
bool fl_devlink_in(const struct fl_devlink *dl, const struct fl_netns *ns);

/* The instance that the request names, and the version by which it is where the asker
 * is: what is answered must come from that one, the next may be elsewhere. -EINVAL
 * without a full handle, -ENODEV if the asker's namespace has none such.
 * Context: RCU read section, no reference is taken. */
int fl_req_devlink(const struct fl_req *req, struct fl_devlink **ret_dl,
		   const struct fl_version **ret_version);
/* The same with a reference, for operations. Context: any. */
int fl_req_devlink_get(const struct fl_req *req, struct fl_devlink **ret_dl);

/* Puts BUS_NAME, DEV_NAME and INDEX. */
void fl_devlink_put_handle(struct fl_msg *msg, const struct fl_devlink *dl);
/* Puts the nest `type` with the handle of nested, and its namespace id if it is not
 * where `asker` is. Returns whether it was put (a nested instance that is not registered
 * is not shown). Context: RCU read section. */
bool fl_devlink_put_nested(struct fl_msg *msg, uint16_t type, const struct fl_devlink *nested,
			   const struct fl_netns *asker);

/* Puts what is nested in the instance itself at the end of its message at offset `at`, which was
 * just put. Returns 0 or -EMSGSIZE, -ENOMEM: then the message is taken back. Context: RCU read
 * section. */
int fl_devlink_put_all_nested(struct fl_msg *msg, size_t at, const struct fl_version *version,
			      const struct fl_netns *asker);

/* Encodes DEV NEW, but for what is nested. NULL: out of memory. */
struct fl_image *fl_devlink_encode(const struct fl_devlink *dl, bool reload_failed,
				   const struct fl_reload_stats *stats,
				   const struct fl_reload_stats *remote);

/* The plane's index of registered instances by handle. fl_plane_index_add() gives -EEXIST for a
 * handle that is taken. Context: may allocate. */
int fl_plane_index_add(struct fl_plane *plane, struct fl_devlink *dl);
void fl_plane_index_del(struct fl_plane *plane, struct fl_devlink *dl);
struct fl_devlink *fl_plane_find(struct fl_plane *plane, const char *bus, const char *dev);

/* The index of instances that a namespace lists; what is really in it the versions say. */
int fl_netns_index_add(struct fl_netns *ns, struct fl_devlink *dl);
void fl_netns_index_del(struct fl_netns *ns, struct fl_devlink *dl);

/* Walks the instances in ns from *position on; sets *position past the one returned.
 * Context: one RCU read section. */
struct fl_instance_iter {
	struct fl_pmap_iter iter;
	const struct fl_netns *ns;
};
void fl_instance_iter_init(struct fl_instance_iter *iter, const struct fl_netns *ns, uint64_t from);
struct fl_devlink *fl_instance_iter_next(struct fl_instance_iter *iter,
					 const struct fl_version **ret_version);

/* Posts the announcement of what shows dl as nested, if there is one. */
void fl_nested_changed(struct fl_devlink *dl);

/* Makes sure that the next fl_return_post() of dl finds its memory. Returns 0 or -ENOMEM.
 * Context: alone on dl's lane. */
int fl_return_prepare(struct fl_devlink *dl);

/* Ends all links of an instance that goes: to its parent, and of its ports and line cards. */
void fl_nested_forget(struct fl_devlink *dl);

/* Posts the return of dl to the initial namespace, if it is still in `dead` then. */
void fl_return_post(struct fl_devlink *dl, struct fl_netns *dead);

#endif
