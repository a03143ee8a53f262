/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver.h - what a driver calls, and what is called in it.
 *
 * Threads:   a callback is a step of an operation (lane/lane.h): it runs on a worker, may
 *            not sleep (unless its fl_driver says `blocks`), and returns a value or
 *            FL_LATER. No lock is held; what the operation is alone on is said at each
 *            callback. Callbacks for different lanes run at the same time.
 * Changes:   all edits of an instance go through a transaction (struct fl_txn). They are
 *            seen by nobody until fl_txn_commit(), then all at once. Notifications are
 *            encoded when they are asked for and leave at the commit, in that order.
 * Errors:    negative errno. Inside a transaction errors stick and are returned by the
 *            commit, so setters return nothing.
 * Ownership: strings and structs given to finelink are copied.
 */
#ifndef FL_CORE_DRIVER_H
#define FL_CORE_DRIVER_H

#include "bus/bus.h"
#include "core/driver-cell.h"
#include "core/driver-dpipe.h"
#include "core/driver-health.h"
#include "core/driver-linecard.h"
#include "core/driver-port.h"
#include "core/driver-rate.h"
#include "core/driver-region.h"
#include "core/driver-resource.h"
#include "core/driver-sb.h"
#include "core/driver-selftest.h"
#include "core/driver-shared.h"
#include "core/driver-trap.h"
#include "nl/devlink-attrs.h"
#include "nl/extack.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_plane;
struct fl_devlink;
struct fl_netns;
struct fl_txn;

/* ---- the plane -------------------------------------------------------------------- */

struct fl_bus_root *fl_plane_bus(struct fl_plane *plane);
struct fl_sched *fl_plane_sched(struct fl_plane *plane);

/* ---- instances -------------------------------------------------------------------- */

/* A port as PORT_NEW asks for it. */
struct fl_port_new_attrs {
	enum devlink_port_flavour flavour;
	bool has_index, has_controller, has_sfnum;
	uint32_t index;      /* DEVLINK_ATTR_PORT_INDEX */
	uint32_t controller; /* DEVLINK_ATTR_PORT_CONTROLLER_NUMBER */
	uint32_t sfnum;      /* DEVLINK_ATTR_PORT_PCI_SF_NUMBER */
	uint16_t pfnum;      /* DEVLINK_ATTR_PORT_PCI_PF_NUMBER */
};

#define FL_HW_ADDR_MAX 32

/* One change of a port function; which fields are set is in `set`. */
enum fl_port_fn_set {
	FL_PORT_FN_HW_ADDR = 1 << 0,
	FL_PORT_FN_STATE = 1 << 1,
	FL_PORT_FN_CAPS = 1 << 2,
	FL_PORT_FN_MAX_IO_EQS = 1 << 3,
};
struct fl_port_fn_change {
	unsigned int set;
	uint8_t hw_addr[FL_HW_ADDR_MAX];
	uint8_t hw_addr_len;
	uint8_t state;         /* enum devlink_port_fn_state */
	uint32_t caps_value;   /* bits of DEVLINK_PORT_FN_ATTR_CAPS: values ... */
	uint32_t caps_mask;    /* ... and which of them are meant */
	uint32_t max_io_eqs;
};

/* A parameter's value; which member counts is the parameter's type. */
union fl_param_value {
	uint8_t vu8;
	uint16_t vu16;
	uint32_t vu32;
	uint64_t vu64;
	bool vbool;
	char vstr[32]; /* __DEVLINK_PARAM_MAX_STRING_VALUE */
};
enum fl_param_type {
	FL_PARAM_U8, FL_PARAM_U16, FL_PARAM_U32, FL_PARAM_U64, FL_PARAM_STRING, FL_PARAM_BOOL,
};

struct fl_flash_request {
	const char *file_name;   /* DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME */
	const char *component;   /* or NULL */
	uint32_t overwrite_mask; /* DEVLINK_FLASH_OVERWRITE_* */
	const void *data;        /* the file's bytes, or NULL if the driver reads none */
	size_t size;
};

/*
 * What clients ask of the instance itself, its ports' functions and its parameters; callbacks that
 * are NULL are refused as the kernel does without them. Those that get an op are steps. Valid
 * replies, where nothing else is said: 0: the edits of txn are committed; -errno, with a text for
 * the client in fl_txn_extack(): none of them is, and nothing has changed. Any errno up to 4095;
 * something else is logged with the callback's name and becomes -EIO. What is pointed to by
 * arguments lives as long as the operation.
 * reload_actions, reload_limits: enum devlink_reload_action and _limit as bits
 * (1 << DEVLINK_RELOAD_ACTION_...).
 */
struct fl_devlink_ops {
	uint32_t reload_actions;
	uint32_t reload_limits;
	uint32_t flash_overwrite; /* supported DEVLINK_ATTR_FLASH_UPDATE_OVERWRITE_MASK bits */
	bool flash_component;     /* accepts a component name */
	bool flash_reads_file;    /* wants `data`; else the file name means something to it */

	/* Frees priv, once, when nothing reaches the instance any more. Context: the thread of
	 * RCU callbacks: must not wait for a grace period. NULL: priv is not the instance's. */
	void (*free)(void *priv);

	/* Context: alone on the instance's device lane (and so on everything below).
	 * netns_change: a namespace was named, even if it is the present one. Also called after a
	 * reload_up that returned 0, if the transaction failed on the way (for memory): then what
	 * that made is to go again. Valid replies: 0, -errno: the reload is over, the device is as
	 * it was. */
	int (*reload_down)(struct fl_op *op, struct fl_txn *txn, bool netns_change,
			   enum devlink_reload_action action, enum devlink_reload_limit limit);
	/* Context: as reload_down, after a move and after pending driverinit values became
	 * current. Valid replies: 0 with *ret_performed: bits of the actions done; -errno: the
	 * instance stays down, with reload_failed; the edits made so far are kept. */
	int (*reload_up)(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
			 enum devlink_reload_limit limit, uint32_t *ret_performed);

	/* Picks the index of a new port and holds what must be unique (sfnum). Context: any
	 * thread, no lane, at once: a table under a fl_driver_lock. Valid replies: 0 with
	 * *ret_index; -EEXIST, -ENOSPC, -EOPNOTSUPP, -EINVAL with a text in extack. The name of
	 * the port's lane follows from the index. */
	int (*port_reserve)(struct fl_devlink *dl, const struct fl_port_new_attrs *attrs,
			    uint32_t *ret_index, struct fl_extack *extack);
	/* Gives an index back: one that never became a port, or, after the commit of port_del,
	 * one that no longer is. Context: any thread, no lane, at once. */
	void (*port_release)(struct fl_devlink *dl, uint32_t index);
	/* Makes the port in txn (fl_port_add()). Context: alone on the new port's lane, shared on
	 * the instance's. Valid replies: 0, and txn has the port; -errno: port_release follows. */
	int (*port_new)(struct fl_op *op, struct fl_txn *txn, uint32_t index,
			const struct fl_port_new_attrs *attrs);
	/* Removes it in txn (fl_port_del()). Context: alone on the port's lane, which is sealed,
	 * shared on the instance's. Valid replies: 0; -errno: the port stays, its lane opens. */
	int (*port_del)(struct fl_op *op, struct fl_txn *txn, uint32_t index);
	/* The driver applies what succeeded to txn by fl_port_fn_*(). Capabilities and ranges of
	 * the uAPI have been checked. Context: alone on the port's lane, shared on the
	 * instance's. Valid replies: 0; -errno: as above, though the device may keep a part. */
	int (*port_fn_set)(struct fl_op *op, struct fl_txn *txn, uint32_t index,
			   const struct fl_port_fn_change *change);

	/* ESWITCH_SET, in this order, of what is asked for; the driver shows it by
	 * fl_eswitch_set(). mode: of the type named devlink_eswitch_..._mode. Context:
	 * alone on the instance's lane. Valid replies: 0, -errno: those after it are not called;
	 * what those before it have set stays. */
	int (*eswitch_mode_set)(struct fl_op *op, struct fl_txn *txn,
				enum devlink_eswitch_mode mode);
	int (*eswitch_inline_mode_set)(struct fl_op *op, struct fl_txn *txn, uint8_t mode);
	int (*eswitch_encap_mode_set)(struct fl_op *op, struct fl_txn *txn, uint8_t mode);

	/* Progress by fl_flash_notify(), which leaves at once. Context: alone on the instance's
	 * flash lane, shared on the instance's: everything else goes on beside it. Valid replies:
	 * 0, -errno: the client is told that it is over in either case. */
	int (*flash_update)(struct fl_op *op, struct fl_txn *txn,
			    const struct fl_flash_request *request);

	/* Whether a value of any cmode can be set, in the units of the parameter; its type and
	 * min..max have been checked. Context: alone on the instance's params lane, at once (no
	 * FL_LATER). Valid replies: 0; -EINVAL or another errno, with a text in extack. */
	int (*param_validate)(struct fl_devlink *dl, const char *name,
			      const union fl_param_value *value, struct fl_extack *extack);
	/* Sets a runtime or permanent value, which finelink then shows; driverinit values wait for
	 * reload_up, and do not come here. Context: alone on the instance's params lane, shared
	 * on the instance's. Valid replies: 0, -errno: the old value stays. */
	int (*param_set)(struct fl_op *op, struct fl_txn *txn, const char *name,
			 enum devlink_param_cmode cmode, const union fl_param_value *value);

	const struct fl_linecard_ops *linecard; /* core/driver-linecard.h */
	const struct fl_port_ops *port; /* core/driver-port.h */
	const struct fl_dpipe_ops *dpipe; /* core/driver-dpipe.h */
	const struct fl_sb_ops *sb; /* core/driver-sb.h */
	const struct fl_selftest_ops *selftest; /* core/driver-selftest.h */
	const struct fl_trap_ops *trap; /* core/driver-trap.h */
	const struct fl_rate_ops *rate; /* core/driver-rate.h */
};

/* Makes an instance for dev, not registered: nobody sees it. Its handle is dev's bus and
 * name, its lane dev's, its namespace the initial one. priv has to outlive the driver's
 * remove, since port_reserve, port_release and the steps of operations that were parked may
 * come after it: the instance frees it (ops->free), or it lives as long as dev's platform data.
 * Returns 0; -ENOMEM; -ENODEV (dev is being removed): then priv stays the caller's. */
int fl_devlink_alloc(struct fl_plane *plane, struct fl_device *dev,
		     const struct fl_devlink_ops *ops, void *priv, struct fl_devlink **ret_dl);
/* Lets it begin in another namespace, that of who asked for the device; should that die before,
 * the instance comes home to the initial one. Returns 0 or -ENOMEM. Context: nobody but the
 * caller knows of dl yet. */
int fl_devlink_begin_in(struct fl_devlink *dl, struct fl_netns *ns);
/* A reference on a namespace, as of a fl_knob_call, does not keep it alive. */
struct fl_netns *fl_netns_get(struct fl_netns *ns);
void fl_netns_put(struct fl_netns *ns); /* NULL is fine */
/* Instances are listed by index, and an index is given out at alloc; who adds several devices
 * that are probed in parallel reserves `count` of them first, to have them listed in the order
 * of the devices. Gives the first one. Context: any. */
uint32_t fl_devlink_index_reserve(struct fl_plane *plane, uint32_t count);
/* fl_devlink_alloc() with a reserved index, which no instance has had before. */
int fl_devlink_alloc_at(struct fl_plane *plane, struct fl_device *dev,
			const struct fl_devlink_ops *ops, void *priv, uint32_t index,
			struct fl_devlink **ret_dl);
/* After fl_txn_unregister() was committed, or if it never was registered. References of
 * readers keep the memory. */
void fl_devlink_free(struct fl_devlink *dl); /* NULL is fine */

/* The part of a driver's remove that must not fail: commits fl_txn_unregister(), by itself or by
 * edits(), which then puts that and more into txn, each time anew; and again and again while
 * memory is short. A step, alone on the device's lane; continues with 0: not registered any more,
 * now fl_devlink_free(); or -ECANCELED: the removal was parked before, and its instance stays. */
int fl_devlink_unregister(struct fl_op *op, struct fl_devlink *dl,
			  void (*edits)(struct fl_txn *txn));
/* The same without edits, and fl_devlink_free(); continues with 0: the whole remove of a driver
 * that keeps nothing of its own. */
int fl_devlink_remove(struct fl_op *op, struct fl_devlink *dl);

/* A reference keeps the memory; whether the instance is registered, and where, only its
 * version tells. */
struct fl_devlink *fl_devlink_get(struct fl_devlink *dl);
void fl_devlink_put(struct fl_devlink *dl); /* NULL is fine */

void *fl_devlink_priv(const struct fl_devlink *dl);
struct fl_device *fl_devlink_device(const struct fl_devlink *dl); /* NULL: driver-shared.h */
struct fl_plane *fl_devlink_plane(const struct fl_devlink *dl);

/* ---- transactions ----------------------------------------------------------------- */

/* Begins the edits of op on dl. op must be alone on the lane of what it edits.
 * Transactions given to callbacks are committed by finelink; a driver begins its own in
 * probe, remove and in what it does by itself. Returns 0 or -ENOMEM. */
int fl_txn_begin(struct fl_op *op, struct fl_devlink *dl, struct fl_txn **ret_txn);
/* Applies all edits to the current version by one pointer swap, appends the
 * notifications, frees txn. Returns 0; -ENOMEM; -ECANCELED (op was parked, and txn does
 * more than unregister): then nothing was applied. */
int fl_txn_commit(struct fl_txn *txn);
void fl_txn_abort(struct fl_txn *txn); /* NULL is fine */

struct fl_devlink *fl_txn_devlink(const struct fl_txn *txn);
struct fl_op *fl_txn_op(const struct fl_txn *txn);
/* Where the error text goes; never NULL. */
struct fl_extack *fl_txn_extack(const struct fl_txn *txn);
/* Which namespace txn sees the instance in: a number that no other namespace ever has, 0 for
 * the plane's initial one. In reload_up it is the new one. */
uint64_t fl_txn_netns(const struct fl_txn *txn);

/* Registers or unregisters the instance as part of txn: DEV NEW first, or DEV DEL last,
 * with the notifications of every object in the order of SEMANTICS. */
void fl_txn_register(struct fl_txn *txn);
void fl_txn_unregister(struct fl_txn *txn);

/* Announces the instance (DEV NEW). */
void fl_txn_notify(struct fl_txn *txn);

/* ---- ports ------------------------------------------------------------------------ */

struct fl_port_attrs {
	uint32_t index;
	enum devlink_port_flavour flavour;
	uint32_t phys_number;      /* physical: DEVLINK_ATTR_PORT_NUMBER */
	bool split;
	uint32_t split_subnumber;
	uint32_t lanes;            /* 0: not told */
	bool splittable;
	uint32_t controller;       /* pcipf, pcivf, pcisf */
	bool external;
	uint16_t pf;
	uint16_t vf;
	uint32_t sf;
	uint8_t switch_id[32];     /* DEVLINK_ATTR_... of representors; length 0: none */
	uint8_t switch_id_len;
	bool has_linecard;         /* on a line card; only without a function */
	uint32_t linecard;         /* DEVLINK_ATTR_LINECARD_INDEX */
	/* What the function supports; none of them: no DEVLINK_ATTR_PORT_FUNCTION. */
	unsigned int fn; /* enum fl_port_fn_set */
	uint32_t fn_caps;          /* the capability bits that exist */
	/* A lane of its own under the instance's, for its function; else the instance's. */
	bool has_lane;
};

/* Adds a port, type notset, and announces it. Function values start at zero, state
 * inactive, opstate detached. Sticky -EEXIST. */
void fl_port_add(struct fl_txn *txn, const struct fl_port_attrs *attrs);
/* Removes it and announces that (PORT_DEL). */
void fl_port_del(struct fl_txn *txn, uint32_t index);
/* Announces it as it is in txn. */
void fl_port_notify(struct fl_txn *txn, uint32_t index);

/* Setters announce nothing; finish with fl_port_notify(). */
void fl_port_type_set(struct fl_txn *txn, uint32_t index, enum devlink_port_type type);
/* ifindex 0 and NULL: none. */
void fl_port_netdev_set(struct fl_txn *txn, uint32_t index, uint32_t ifindex, const char *name);
void fl_port_fn_hw_addr_set(struct fl_txn *txn, uint32_t index, const uint8_t *addr, size_t len);
void fl_port_fn_state_set(struct fl_txn *txn, uint32_t index, enum devlink_port_fn_state state);
void fl_port_fn_opstate_set(struct fl_txn *txn, uint32_t index,
			    enum devlink_port_fn_opstate opstate);
void fl_port_fn_caps_set(struct fl_txn *txn, uint32_t index, uint32_t caps);
void fl_port_fn_max_io_eqs_set(struct fl_txn *txn, uint32_t index, uint32_t max_io_eqs);
/* Links the function to the instance that runs on it (NULL: unlinks). Its handle and
 * namespace are resolved when the port is shown; when `nested` is registered, moved or
 * unregistered, finelink announces the port again by itself. */
void fl_port_fn_nested_set(struct fl_txn *txn, uint32_t index, struct fl_devlink *nested);

/* The port's values as txn sees them (its own edits included); -ENODEV. */
struct fl_port_state {
	struct fl_port_attrs attrs;
	enum devlink_port_type type;
	enum devlink_port_fn_state state;
	enum devlink_port_fn_opstate opstate;
	uint8_t hw_addr[FL_HW_ADDR_MAX];
	uint8_t hw_addr_len;
	uint32_t caps, max_io_eqs;
};
int fl_port_read(struct fl_txn *txn, uint32_t index, struct fl_port_state *ret_state);

/* The lane of a port's function, one reference; NULL if it has none or does not exist. For
 * posting an operation of the driver's own to it. Context: any. */
struct fl_lane *fl_port_lane_get(struct fl_devlink *dl, uint32_t index);

/* ---- parameters ------------------------------------------------------------------- */

struct fl_param {
	const char *name;
	bool generic;
	enum fl_param_type type;
	uint32_t cmodes; /* bits 1 << DEVLINK_PARAM_CMODE_... */
	bool has_default;
	union fl_param_value def;   /* what "reset to default" sets */
	union fl_param_value value; /* the first value of every cmode */
	/* Only u8..u64; 0,0: any. */
	uint64_t min, max;
	/* Values of a driverinit parameter are shown only once set (netdevsim, mlx5 set them). */
	bool unset;
};
void fl_params_register(struct fl_txn *txn, const struct fl_param *params, size_t count);
void fl_params_unregister(struct fl_txn *txn);
/* Sets a value and announces the parameter if `notify`. */
void fl_param_value_set(struct fl_txn *txn, const char *name, enum devlink_param_cmode cmode,
			const union fl_param_value *value, bool notify);
/* The lane of parameter changes, one reference: for an operation of the driver's own that
 * sets one. Context: any, while the instance is not freed. */
struct fl_lane *fl_params_lane_get(struct fl_devlink *dl);
/* The value in force: for driverinit the one taken at the last driver_reinit (what the kernel's
 * devl_param_driverinit_value_get() gives). -EOPNOTSUPP, -ENOENT. */
int fl_param_value_get(struct fl_txn *txn, const char *name, enum devlink_param_cmode cmode,
		       union fl_param_value *ret_value);

/* ---- info, eswitch, flash --------------------------------------------------------- */

enum fl_info_version_kind { FL_VERSION_FIXED, FL_VERSION_RUNNING, FL_VERSION_STORED };
struct fl_info_version {
	enum fl_info_version_kind kind;
	const char *name;  /* "fw.version" */
	const char *value;
	bool component;    /* DEVLINK_INFO_VERSION_TYPE_COMPONENT: may be flashed by name */
};
/* Replaces all that `devlink dev info` shows. Any of the strings may be NULL. */
void fl_info_set(struct fl_txn *txn, const char *driver, const char *serial,
		 const char *board_serial, const struct fl_info_version *versions, size_t count);

/* Publishes the eswitch's state; without it ESWITCH_GET is not supported. -1: not told. */
void fl_eswitch_set(struct fl_txn *txn, int mode, int inline_mode, int encap_mode);
/* The mode as txn sees it, or -EOPNOTSUPP. */
int fl_eswitch_mode(struct fl_txn *txn);

/* One step of a flash update, told at once to all subscribers; done/total in bytes, 0 if
 * unknown; timeout in seconds or 0. Context: the flash operation. */
void fl_flash_notify(struct fl_txn *txn, const char *status, const char *component, uint64_t done,
		     uint64_t total, uint64_t timeout_s);

#pragma GCC visibility pop

#endif
