/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netdevsim-private.h - the bus, a device and a port as the files of this driver see them. */
#ifndef FL_DRIVERS_NETDEVSIM_PRIVATE_H
#define FL_DRIVERS_NETDEVSIM_PRIVATE_H

#include <urcu/list.h>

#include "netdevsim.h"

#define NSIM_NAME "netdevsim"
#define NSIM_VF_BASE 128 /* the port index of the first VF */
#define NSIM_TRAP_POLICERS 3

struct nsim_dev;

/* ---- names.c: network devices that do not exist ------------------------------------- */

/* The names and indices that are taken in one namespace. Under the bus's lock. */
struct nsim_netns {
	struct nsim_netns *next;
	uint64_t netns; /* fl_txn_netns() */
	unsigned int devices; /* that are in it */
	uint32_t next_ifindex;
	uint64_t *taken; /* N of "ethN", as bits */
	size_t words, hint; /* no word below hint has a free bit */
};

/*
 * Rules:
 * 1. plane: never changes.
 * 2. spaces and what they hold: under lock.
 * 3. refs: atomic; each knob of the bus holds one.
 */
struct nsim_bus {
	int refs;
	struct fl_plane *plane;
	struct fl_driver_lock *lock;
	struct nsim_netns *spaces;
};

struct nsim_bus *nsim_bus_get(struct nsim_bus *bus);
void nsim_bus_put(struct nsim_bus *bus);

/* Takes note of the namespace that dev is in as txn sees it. 0 or -ENOMEM. */
int nsim_netns_enter(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_netns_leave(struct nsim_dev *dev);
/* The lowest free name "ethN" there and the next index. 0 or -ENOMEM. */
int nsim_netdev_get(struct nsim_dev *dev, unsigned int *ret_number, uint32_t *ret_ifindex);
void nsim_netdev_put(struct nsim_dev *dev, unsigned int number);

/* ---- knob.c: files below a device ---------------------------------------------------- */

struct nsim_knob;

/* Knobs that come and go together. Context: alone on the device's lane, or before anybody
 * knows of it. */
struct nsim_dir {
	struct nsim_knob *first;
};

/* A knob's argument. */
struct nsim_knob {
	struct nsim_knob *next;
	struct fl_knob *knob;
	struct nsim_dev *dev; /* referenced */
	void *value;          /* in dev, or NULL */
};

/* Adds a knob below sys/bus/netdevsim/devices/netdevsimN/ ... */
int nsim_sysfs_add(struct nsim_dir *dir, struct nsim_dev *dev, const char *name,
		   const struct fl_knob_ops *ops);
/* ... or below sys/kernel/debug/netdevsim/netdevsimN/. value: what nsim_*_ops read and write. */
int nsim_debugfs_add(struct nsim_dir *dir, struct nsim_dev *dev, const char *name,
		     const struct fl_knob_ops *ops, void *value);
void nsim_dir_drop(struct nsim_dir *dir);

/* Of values that are atomic: bool, uint32_t. */
extern const struct fl_knob_ops nsim_bool_ops, nsim_u32_ops;
/* For the callback of a knob. */
void nsim_knob_gone(void *arg);
/* For writes: */
static inline struct nsim_dev *nsim_knob_dev(const struct fl_knob_call *call)
{
	return ((struct nsim_knob *)call->arg)->dev;
}
/* A write as an operation on a lane of the device (NULL: its own), which finds the device by
 * nsim_call_dev(): the knob may be gone by then, the device is not. */
int nsim_knob_post(struct fl_knob_call *call, struct fl_lane *lane,
		   int (*run)(struct fl_op *op, struct fl_knob_call *call));
static inline struct nsim_dev *nsim_call_dev(const struct fl_knob_call *call)
{
	return call->arg;
}

/* ---- ports -------------------------------------------------------------------------- */

/*
 * Rules:
 * 1. index, vf: never change.
 * 2. The rest: on the device's lane.
 */
struct nsim_port {
	struct cds_list_head link;
	uint32_t index;
	bool vf;
	unsigned int netdev; /* N of its "ethN" */
	struct nsim_rate *rate; /* of a VF */
};

/* Adds and announces a port: number is that of the VF, or else the index. -EEXIST, -ENOMEM.
 * Context: alone on the device's lane. */
int nsim_port_add(struct nsim_dev *dev, struct fl_txn *txn, bool vf, uint32_t number);
/* Those of VFs, or all of them: the latest first. */
void nsim_ports_del(struct nsim_dev *dev, struct fl_txn *txn, bool only_vfs);
/* Those of `count` VFs that txn shows still, since a change before was not committed. */
void nsim_vf_ports_clear(struct fl_txn *txn, uint32_t count);
/* Gives back what the driver holds of all ports, and tells nobody. */
void nsim_ports_forget(struct nsim_dev *dev);
extern const struct fl_knob_ops nsim_new_port_ops, nsim_del_port_ops;

/* ---- rate.c ------------------------------------------------------------------------- */

/*
 * A leaf or a node, as knobs show it.
 * Rules:
 * 1. refs: atomic; its maker and each knob hold one.
 * 2. tx_share, tx_max: atomic.
 * 3. parent: under the device's lock.
 * 4. next: alone on the device's lane.
 */
struct nsim_rate {
	int refs;
	struct nsim_rate *next; /* among the buried */
	uint16_t tx_share, tx_max; /* Mbit/s */
	char *parent;              /* a node's name, or NULL */
	struct nsim_dir dir;
};

extern const struct fl_rate_ops nsim_rate_ops;
/* What a leaf needs, with the knobs below ports/<index>/. NULL: out of memory. */
struct nsim_rate *nsim_rate_leaf_new(struct nsim_dev *dev, uint32_t index);
void nsim_rate_free(struct nsim_rate *rate); /* NULL is fine */
/* All nodes go. */
void nsim_rate_nodes_del(struct nsim_dev *dev, struct fl_txn *txn);
/* What goes with the eswitch's mode is still shown if that is not committed: it is kept until none
 * of it can be. NULL is fine. Alone on the device's lane, like the following. */
void nsim_rate_bury(struct nsim_dev *dev, struct nsim_rate *rate);
void nsim_rate_free_buried(struct nsim_dev *dev);

/* ---- health.c ----------------------------------------------------------------------- */

/*
 * Rules:
 * 1. empty, dummy, dir: on the device's lane.
 * 2. binary_len, fail_recover: atomic.
 * 3. recovered: on dummy's lane.
 */
struct nsim_health {
	struct fl_reporter *empty, *dummy; /* referenced; NULL while there are none */
	struct nsim_dir dir;
	uint32_t binary_len;
	bool fail_recover;
	char *recovered; /* the message of the last error that was recovered from */
};

int nsim_health_init(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_health_exit(struct nsim_dev *dev, struct fl_txn *txn);
/* Gives back what the driver holds, and tells nobody. */
void nsim_health_forget(struct nsim_dev *dev);
void nsim_random_fill(void *buf, size_t len);

/* ---- the device --------------------------------------------------------------------- */

/* What debugfs sets: all of it atomic. */
struct nsim_values {
	bool fw_update_status;
	uint32_t fw_update_overwrite_mask;
	uint32_t fw_update_flash_chunk_time_ms;
	uint32_t max_macs;
	bool test1;
	uint32_t test2;
	bool dont_allow_reload, fail_reload;
	bool fail_trap_group_set, fail_trap_policer_set;
	bool fail_trap_policer_counter_get, fail_trap_drop_counter_get;
};

/*
 * Rules:
 * 1. bus, id, port_count, queues, lane, cells: never change once the device was added.
 * 2. values, num_vfs, max_vfs: atomic.
 * 3. cookie, and the parents of rates: under lock.
 * 4. The rest: alone on the device's lane.
 * 5. refs: atomic; the device (as its platform data) and each knob hold one.
 */
struct nsim_dev {
	int refs;
	struct nsim_bus *bus; /* referenced */
	struct fl_lane *lane; /* the device's, referenced; NULL until it is on the bus */
	struct fl_netns *home; /* where its instance begins; referenced; NULL: the initial one */
	unsigned int id, port_count, queues;
	unsigned int first_vfs; /* what the topology asks for; 0 once they were enabled */
	bool first_switchdev;
	uint32_t num_vfs, max_vfs;
	struct nsim_values values;

	struct fl_devlink *dl; /* while the driver is bound */
	bool down; /* by a reload whose other half has not gone well */
	struct cds_list_head ports; /* in the order of their making */
	uint32_t vf_ports; /* how many VFs have had ports since */
	struct nsim_rate *buried;
	struct nsim_netns *netns;

	struct fl_region *region; /* referenced */
	struct nsim_health health;
	struct fl_cell *policer_cells[NSIM_TRAP_POLICERS], *drop_cell;
	struct fl_cell *fib_cells[5];
	struct fl_driver_lock *lock;
	char *cookie; /* trap_flow_action_cookie, as hex digits; NULL: none */

	struct nsim_dir sysfs, debugfs, snapshot_dir;
};

struct nsim_dev *nsim_dev_get(struct nsim_dev *dev);
void nsim_dev_put(struct nsim_dev *dev);

extern const struct fl_driver nsim_driver;

/* As nsim_device_add(), but not probed yet. home: the namespace in which it begins; NULL: the
 * initial one. */
int nsim_device_make(struct nsim_bus *bus, const struct nsim_config *config, struct fl_netns *home,
		     struct fl_device **ret_device);

/* A transaction of a knob's own, on the device's lane. -ENODEV: no driver is bound. */
int nsim_txn_begin(struct fl_op *op, struct nsim_dev *dev, struct fl_txn **ret_txn);

/* reload.c: what a reload takes down and builds up; also at probe and removal. */
int nsim_up(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_down(struct nsim_dev *dev, struct fl_txn *txn);
int nsim_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		     enum devlink_reload_action action, enum devlink_reload_limit limit);
int nsim_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		   enum devlink_reload_limit limit, uint32_t *ret_performed);

/* eswitch.c */
int nsim_eswitch_mode_set(struct fl_op *op, struct fl_txn *txn, enum devlink_eswitch_mode mode);
bool nsim_is_switchdev(struct fl_txn *txn);
void nsim_legacy_enable(struct nsim_dev *dev, struct fl_txn *txn);
int nsim_switchdev_enable(struct nsim_dev *dev, struct fl_txn *txn);
extern const struct fl_knob_ops nsim_numvfs_ops, nsim_max_vfs_ops;

/* param.c, flash.c, trap.c, resource.c, debugfs.c */
void nsim_params_register(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_params_load(struct nsim_dev *dev, struct fl_txn *txn);
int nsim_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
		   enum devlink_param_cmode cmode, const union fl_param_value *value);
extern const struct fl_knob_ops nsim_test2_ops;
int nsim_flash_update(struct fl_op *op, struct fl_txn *txn, const struct fl_flash_request *request);
extern const struct fl_trap_ops nsim_trap_ops;
extern const struct fl_knob_ops nsim_fail_policer_counter_ops, nsim_fail_drop_counter_ops;
extern const struct fl_knob_ops nsim_cookie_ops;
int nsim_traps_init(struct nsim_dev *dev);
void nsim_traps_reset(struct nsim_dev *dev);
void nsim_traps_register(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_traps_unregister(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_traps_done(struct nsim_dev *dev);
int nsim_resources_init(struct nsim_dev *dev);
void nsim_resources_register(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_resources_done(struct nsim_dev *dev);
/* Takes the sizes that were set into force and tells how much is in use; -ENOSPC: too small. */
int nsim_fib_create(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_fib_destroy(struct nsim_dev *dev, struct fl_txn *txn);
int nsim_debugfs_init(struct nsim_dev *dev);

/* region.c */
void nsim_region_init(struct nsim_dev *dev, struct fl_txn *txn);
void nsim_region_exit(struct nsim_dev *dev, struct fl_txn *txn);
/* The knob take_snapshot, which a reload takes away first and brings back last. */
int nsim_snapshot_knob_add(struct nsim_dev *dev);
/* Gives back what the driver holds, and tells nobody. */
void nsim_region_forget(struct nsim_dev *dev);

#endif
