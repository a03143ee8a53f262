/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mlx5-private.h - NICs, PFs, functions and port functions, as the files of mlx5/ see them.
 *
 *   nic --> pf --+--> port functions (vport): what the eswitch has a port for, a VF or an SF
 *                +--> functions (func): what runs on a device: the PF itself, a VF, an SF
 */
#ifndef FL_DRIVERS_MLX5_MLX5_PRIVATE_H
#define FL_DRIVERS_MLX5_MLX5_PRIVATE_H

#include "fw.h"

#define MLX5_BRINGUP_CMDS 6 /* a function, before its children attach */
#define MLX5_PORT_CMDS 2    /* an SF's port made, or deleted */
#define MLX5_STATE_CMDS 2   /* an SF activated, or deactivated */
#define MLX5_ATTR_CMDS 1    /* any other attribute of a port function */
#define MLX5_ESWITCH_CMDS 4 /* a change of the eswitch's mode */

#define MLX5_PORTS_PER_PF 65536u /* the base of a PF's port indices */
#define MLX5_UPLINK 65535u       /* from the base on */
#define MLX5_SF_FIRST 32768u

/* What the firmware tells by itself. The value that comes along: a syndrome (not 0), or a
 * channel. X(name, file in debugfs) */
#define MLX5_EVENT_LIST(X)                                                                       \
	X(ERROR, "fw_error")                                                                     \
	X(FATAL, "fw_fatal")                                                                     \
	X(TX_TIMEOUT, "tx_timeout")                                                              \
	X(RX_ERROR, "rx_error")

enum mlx5_event {
#define MLX5_EVENT_ENUM(name, file) MLX5_EVENT_##name,
	MLX5_EVENT_LIST(MLX5_EVENT_ENUM)
#undef MLX5_EVENT_ENUM
	MLX5_EVENTS,
};

/* The auxiliary devices of a function, in the order of their attaching. */
enum mlx5_child { MLX5_CHILD_ETH, MLX5_CHILD_RDMA, MLX5_CHILD_VNET, MLX5_CHILDREN };

/*
 * One NIC: a chip.
 * Rules:
 * 1. refs: atomic. faults: see there.
 * 2. shared, shared_index, members: alone on lane.
 * 3. All else never changes.
 */
struct mlx5_nic {
	int refs;
	struct fl_plane *plane;
	struct mlx5_config config;
	struct mlx5_faults faults;
	uint32_t dl_index; /* reserved: of the first PF; the shared instance's, the other PFs' and
			    * then the VFs' follow */
	struct fl_lane *lane; /* the shared instance's */
	struct fl_devlink *shared; /* NULL: no PF is there */
	uint32_t shared_index; /* of the one that will be, or MLX5_INDEX_ANY */
	unsigned int members; /* PFs that are nested in it */
};

struct mlx5_version {
	unsigned int major, minor, sub;
};

#define MLX5_CHANNELS 4 /* of a netdev: a send and a receive queue each */
#define MLX5_TRACES 16

/* One line of the firmware's tracer. */
struct mlx5_trace {
	uint64_t ns;
	uint8_t event;
	char text[54];
};

/* How a PF's firmware and queues are. */
struct mlx5_health {
	uint32_t syndrome; /* of the last error; 0: none */
	uint32_t misses;   /* how often the firmware's heartbeat was missed */
	struct fl_reporter *fw, *fw_fatal, *tx, *rx; /* referenced, or NULL */
	struct fl_region *cr_space;
	struct mlx5_trace traces[MLX5_TRACES];
	unsigned int traced;
	struct fl_knob *knobs[MLX5_EVENTS];
};

/* What was reported: for the reporter's callbacks. */
struct mlx5_report {
	uint32_t value; /* a syndrome or a channel */
	uint32_t misses;
};

/*
 * One physical function.
 * Rules:
 * 1. nic, number, base, fw, func, sf_mask, vfs: never change while the PF is probed.
 * 2. sfs, by_sfnum, sf_words, sf_count, closed: under lock.
 * 3. switchdev, encap_mode: written alone on the PF's lane; atomic, for those who only ask.
 * 4. running, stored, the references and traces in health: under lock. Its numbers: atomic.
 * 5. joins, leaves: alone on the PF's lane; leaves is taken by one exchange.
 * Nothing here belongs to one operation: one that was parked may wake up when others have
 * come and gone. What an operation needs on its way is its own (struct mlx5_call).
 */
struct mlx5_pf {
	struct mlx5_nic *nic; /* referenced */
	unsigned int number;
	uint32_t base; /* of its port indices */
	struct mlx5_fw *fw;
	struct mlx5_func *func; /* its own; the device's platform, borrowed */
	struct mlx5_unit unit;
	int switchdev;
	int encap_mode;
	struct mlx5_version running, stored;
	struct mlx5_health health;
	struct fl_op *joins, *leaves; /* ready for when it comes and goes */

	struct fl_driver_lock *lock;
	bool closed;
	struct mlx5_vport **sfs; /* by index - base - MLX5_SF_FIRST */
	struct mlx5_vport **by_sfnum;
	uint32_t sfnum_mask;
	uint64_t *sf_words; /* which of sfs are taken */
	unsigned int sf_count;
	struct mlx5_vport **vfs;
};

/*
 * A port function: it stands for a VF or an SF in its PF's eswitch. An SF's lives from
 * port_reserve until both its port and its device are gone; only then its sfnum is free.
 * Rules:
 * 1. pf, index, is_sf, number: never change. refs: atomic.
 * 2. port, leaving, dev, device, func, next: under pf->lock.
 * 3. dl_index: of whoever adds the device.
 */
struct mlx5_vport {
	int refs;
	struct mlx5_pf *pf; /* outlives it: through func, table or operation */
	uint32_t index;
	uint32_t number; /* sfnum, or which VF */
	bool is_sf;
	bool port;    /* reserved, or there */
	bool leaving; /* the port is being deleted: no device begins any more */
	bool dev;     /* a device is there, or on its way out */
	struct fl_device *device; /* that one, referenced */
	struct mlx5_func *func;   /* whose instance is registered; only to compare */
	struct mlx5_vport *next; /* the next one with the same hash of sfnum */
	uint32_t dl_index; /* of its first instance, or MLX5_INDEX_ANY */
	bool no_roce;      /* the capability was taken away; atomic */
	struct mlx5_unit unit;
};

/*
 * A function that a device stands for: the device's platform data.
 * Rules:
 * 1. pf, vport, unit, id: never change. refs: atomic.
 * 2. dev, dl, dl_index: alone on the device's lane. children, fatal: under
 *    pf->lock. enabled, tx_broken, rx_broken: atomic.
 */
struct mlx5_func {
	int refs;
	int id; /* of its auxiliary devices */
	struct mlx5_pf *pf;
	struct mlx5_vport *vport; /* referenced; NULL: the PF itself */
	struct mlx5_unit *unit;
	struct fl_device *dev; /* while it is probed */
	struct fl_devlink *dl;
	uint32_t dl_index; /* of the instance that will be, or MLX5_INDEX_ANY */
	struct fl_device *children[MLX5_CHILDREN]; /* referenced */
	struct fl_reporter *fatal; /* a VF's or SF's fw_fatal, referenced, or NULL */
	uint32_t tx_broken, rx_broken; /* bits of channels of its netdev */
	unsigned int enabled; /* bits of enum mlx5_child: which to attach */
};

/*
 * One call of a callback, for its steps: hung on the operation by mlx5_call_begin(), freed by
 * mlx5_call_end(), so that an operation that was parked touches nothing of its successors.
 */
struct mlx5_call {
	void *saved; /* the operation's data before ours */
	struct fl_txn *txn;
	struct mlx5_func *func; /* txn's: kept by the instance, and that by the operation */
	struct mlx5_pf *pf;
	struct mlx5_vport *vport; /* referenced; NULL: about the PF */
	const struct fl_port_fn_change *change;
	unsigned int pending; /* which of its parts are left */
	enum devlink_reload_action action;
	struct fl_fmsg *fmsg; /* of a diagnosis or dump, and what fills it at last */
	void (*fill)(struct mlx5_call *call);
	const struct mlx5_report *report; /* what it is about, or NULL; the operation's */
	const char *label;
	uint32_t syndrome; /* from which it recovers */
};

/* ---- call.c ----------------------------------------------------------------------- */

/* Begins a call about the PF or, with a reference that passes over, a port function. NULL:
 * out of memory; then the reference is dropped. */
struct mlx5_call *mlx5_call_begin(struct fl_op *op, struct fl_txn *txn, struct mlx5_vport *vport);
static inline struct mlx5_call *mlx5_call(struct fl_op *op)
{
	return fl_op_data(op);
}
/* Gives the operation's data back. Returns err: a step's last words. */
int mlx5_call_end(struct fl_op *op, int err);

/* ---- nic.c ------------------------------------------------------------------------ */

struct mlx5_nic *mlx5_nic_get(struct mlx5_nic *nic);
void mlx5_nic_put(struct mlx5_nic *nic);
#define MLX5_INDEX_ANY UINT32_MAX
/* Takes a reserved index of an instance away from where it is kept, or else a new one: no two
 * instances ever have the same. */
uint32_t mlx5_index_take(struct mlx5_nic *nic, uint32_t *reserved);
/* The PCI address of the function that is `offset` functions after the NIC's first. */
void mlx5_nic_address(const struct mlx5_nic *nic, unsigned int offset, char *ret_address,
		      size_t size);

/* The index reserved for the PF's first instance. */
uint32_t mlx5_nic_pf_index(const struct mlx5_nic *nic, unsigned int number);
#define MLX5_SERIAL_SIZE 16
/* The chip's serial number. */
void mlx5_nic_serial(const struct mlx5_config *config, char ret_serial[MLX5_SERIAL_SIZE]);

/* ---- shared.c --------------------------------------------------------------------- */

/* Makes ready what the other two need, so that they cannot fail. 0 or -ENOMEM. All three alone on
 * the PF's lane. */
int mlx5_shared_prepare(struct mlx5_pf *pf);
/* The PF's instance, not registered yet, is to be nested in the chip's shared one, which is made
 * if it is not there. Only posts. */
void mlx5_shared_join(struct mlx5_pf *pf, struct fl_devlink *pf_dl);
/* It is not registered any more; once after each join. Only posts. */
void mlx5_shared_leave(struct mlx5_pf *pf, struct fl_devlink *pf_dl);
void mlx5_shared_done(struct mlx5_pf *pf);

/* ---- step.c ----------------------------------------------------------------------- */

/* One attempt of a step: how long it takes, and its fate. */
struct mlx5_attempt {
	uint64_t ns;
	int fate;
};
struct mlx5_attempt mlx5_step_attempt(struct mlx5_nic *nic, struct mlx5_unit *unit,
				      enum mlx5_step step, const char *name);
/* Lets a step take its time as part of op: a value as mlx5_fw_exec(). */
int mlx5_step_run(struct fl_op *op, struct mlx5_nic *nic, struct mlx5_unit *unit,
		  enum mlx5_step step);
/* What an attempt comes to whose fate is to hang or to be deaf: a value for the step before
 * it, -ETIMEDOUT, -ECANCELED or (deaf) 0. */
int mlx5_step_stuck(struct fl_op *op, struct mlx5_nic *nic, int fate);

/* ---- pf.c ------------------------------------------------------------------------- */

/* A PF with its function; refs of the function keep both. NULL: out of memory. */
struct mlx5_func *mlx5_pf_new(struct mlx5_nic *nic, unsigned int number);
void mlx5_pf_free(struct mlx5_pf *pf);
int mlx5_pf_probe(struct fl_op *op, struct mlx5_func *func);
int mlx5_pf_remove(struct fl_op *op, struct mlx5_func *func);
/* Adds the uplink's port, and in switchdev the VFs'; deletes all that are there. */
void mlx5_pf_ports_add(struct mlx5_pf *pf, struct fl_txn *txn);
void mlx5_pf_ports_del(struct mlx5_pf *pf, struct fl_txn *txn);
/* Deletes a port if it is there. */
void mlx5_pf_port_del(struct fl_txn *txn, uint32_t index);
/* The PF's instance, referenced; NULL once it is on its way out. Context: any. */
struct fl_devlink *mlx5_pf_dl_get(struct mlx5_pf *pf);
extern const struct fl_devlink_ops mlx5_pf_ops;

/* Resets the firmware and brings everything up anew: a value for the step before it. Alone on
 * the PF's lane. */
int mlx5_pf_recover(struct fl_op *op, struct fl_txn *txn);

/* ---- reload.c, eswitch.c, flash.c, info.c, params.c: the PF's operations ------------- */

int mlx5_pf_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
			enum devlink_reload_action action, enum devlink_reload_limit limit);
int mlx5_pf_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		      enum devlink_reload_limit limit, uint32_t *ret_performed);

/* Publishes the eswitch as it is. */
void mlx5_eswitch_publish(struct mlx5_pf *pf, struct fl_txn *txn);
bool mlx5_eswitch_switchdev(const struct mlx5_pf *pf);
void mlx5_eswitch_set_switchdev(struct mlx5_pf *pf, bool on);
int mlx5_eswitch_mode_set(struct fl_op *op, struct fl_txn *txn, enum devlink_eswitch_mode mode);
int mlx5_eswitch_inline_mode_set(struct fl_op *op, struct fl_txn *txn, uint8_t mode);
int mlx5_eswitch_encap_mode_set(struct fl_op *op, struct fl_txn *txn, uint8_t mode);

int mlx5_flash_update(struct fl_op *op, struct fl_txn *txn, const struct fl_flash_request *request);

extern const struct mlx5_version mlx5_version_shipped;
/* The version that an image's file name tells, or else the one after `last`. */
struct mlx5_version mlx5_version_of(const char *file_name, struct mlx5_version last);
void mlx5_info_publish(struct mlx5_func *func, struct fl_txn *txn);
/* An image was stored, or what is stored runs now. Context: any. */
void mlx5_version_store(struct mlx5_pf *pf, struct mlx5_version version);
void mlx5_version_activate(struct mlx5_pf *pf);
struct mlx5_version mlx5_version_stored(struct mlx5_pf *pf);
/* What runs, as registers tell it. */
uint32_t mlx5_version_raw(struct mlx5_pf *pf);

void mlx5_params_register(struct mlx5_func *func, struct fl_txn *txn);
/* Takes over which children the parameters in force ask for. */
void mlx5_params_take(struct mlx5_func *func, struct fl_txn *txn);
int mlx5_param_validate(struct fl_devlink *dl, const char *name, const union fl_param_value *value,
			struct fl_extack *extack);
int mlx5_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
		   enum devlink_param_cmode cmode, const union fl_param_value *value);

/* ---- vport.c: what port functions have in common ------------------------------------ */

/* NULL: out of memory. */
struct mlx5_vport *mlx5_vport_new(struct mlx5_pf *pf, uint32_t index, bool is_sf, uint32_t number);
struct mlx5_vport *mlx5_vport_get(struct mlx5_vport *vport);
void mlx5_vport_put(struct mlx5_vport *vport);
/* The port function at index, referenced, or NULL. */
struct mlx5_vport *mlx5_vport_get_at(struct mlx5_pf *pf, uint32_t index);
void mlx5_vport_port_add(struct mlx5_vport *vport, struct fl_txn *txn);
int mlx5_vport_fn_set(struct fl_op *op, struct fl_txn *txn, uint32_t index,
		      const struct fl_port_fn_change *change);
/* The function has registered its instance, or its device is gone: posts the news to the
 * port's lane, if there is a port. */
void mlx5_vport_attach_post(struct mlx5_vport *vport, struct mlx5_func *func);
void mlx5_vport_detach_post(struct mlx5_vport *vport);
/* Makes a function on vport with its device, and posts the probe. Takes over id. -ENODEV: its
 * port is being deleted. */
int mlx5_vport_device_add(struct mlx5_vport *vport, const char *bus, const char *name, int id);
/* The device's removal is over. */
void mlx5_vport_device_gone(struct mlx5_vport *vport);

/* ---- sf.c ------------------------------------------------------------------------- */

int mlx5_sf_table_init(struct mlx5_pf *pf);
void mlx5_sf_table_done(struct mlx5_pf *pf);
int mlx5_sf_port_reserve(struct fl_devlink *dl, const struct fl_port_new_attrs *attrs,
			 uint32_t *ret_index, struct fl_extack *extack);
void mlx5_sf_port_release(struct fl_devlink *dl, uint32_t index);
int mlx5_sf_port_new(struct fl_op *op, struct fl_txn *txn, uint32_t index,
		     const struct fl_port_new_attrs *attrs);
int mlx5_sf_port_del(struct fl_op *op, struct fl_txn *txn, uint32_t index);
/* Sets the state, as the last part of mlx5_vport_fn_set(): a value for the step before it. */
int mlx5_sf_state_set(struct fl_op *op, bool active);
/* How many SFs there are. */
unsigned int mlx5_sf_count(struct mlx5_pf *pf);
/* Removes all SFs' devices, and joins what op has spawned before: a value for the step before it.
 * As part of a call, alone on the PF's lane. */
int mlx5_sf_remove_all(struct fl_op *op);
/* Deletes the ports of all SFs from txn. Alone on the PF's lane. */
void mlx5_sf_ports_del(struct mlx5_pf *pf, struct fl_txn *txn);
/* Forgets an SF that has neither port nor device any more. Gives whether it did; the
 * caller then drops the table's reference. Context: under pf->lock. */
bool mlx5_sf_forget_locked(struct mlx5_vport *vport);

/* ---- vf.c ------------------------------------------------------------------------- */

int mlx5_vf_table_init(struct mlx5_pf *pf);
void mlx5_vf_table_done(struct mlx5_pf *pf);
/* Adds the ports of all VFs to txn, or deletes them. Alone on the PF's lane. */
void mlx5_vf_ports_add(struct mlx5_pf *pf, struct fl_txn *txn);
void mlx5_vf_ports_del(struct mlx5_pf *pf, struct fl_txn *txn);
/* Tells the VFs that their PF was reset: each recovers by itself. Context: any. */
void mlx5_vf_report_reset(struct mlx5_pf *pf);
/* Adds the devices of all VFs and posts their probes: alone on the PF's lane. */
void mlx5_vf_devices_add(struct mlx5_pf *pf);

/* ---- function.c ------------------------------------------------------------------- */

/* NULL: out of memory. Takes a reference on vport. dl_index: reserved for its instance. */
struct mlx5_func *mlx5_func_new(struct mlx5_pf *pf, struct mlx5_vport *vport, int id,
				uint32_t dl_index);
/* Makes its instance. Alone on the device's lane. */
int mlx5_func_dl_alloc(struct mlx5_func *func, const struct fl_devlink_ops *ops,
		       struct fl_devlink **ret_dl);
struct mlx5_func *mlx5_func_get(struct mlx5_func *func);
void mlx5_func_put(struct mlx5_func *func); /* NULL is fine */
/* Makes a device of func below its PF's (or, for the PF, a root), unprobed. The device's
 * platform is func, whose reference passes on success. The caller gets one of the device. */
int mlx5_func_device_add(struct mlx5_func *func, const char *bus, const char *name,
			 struct fl_device **ret_dev);
/* The instance goes: unregistered, if it was, and freed. Alone on the device's lane. */
void mlx5_func_dl_free(struct mlx5_func *func);
extern const struct fl_driver mlx5_pci_driver, mlx5_sf_driver;

/* Takes the function down and brings it up again: a value for the step before it. Alone on
 * the device's lane. */
int mlx5_func_recover(struct fl_op *op, struct fl_txn *txn);

/* ---- event.c, health.c, vnic.c, channels.c, cr-space.c, debugfs.c: what goes wrong ----- */

/* Delivers an event. Context: any thread, nothing held; does not block. Returns 0; -EINVAL (no
 * such syndrome or channel); -ENODEV (nobody is there to hear it); -EBUSY, -ENOMEM. */
int mlx5_event(struct mlx5_pf *pf, enum mlx5_event event, uint32_t value);
const char *mlx5_syndrome_text(uint32_t syndrome);
/* A line into the tracer. Context: any. */
void mlx5_trace(struct mlx5_pf *pf, enum mlx5_event event, const char *text);

/* The reporters of a function's instance, in the transaction that registers it. */
void mlx5_health_register(struct mlx5_func *func, struct fl_txn *txn);
/* The firmware comes back by a reset, before it is revived: gives the syndrome of what was reported
 * and is over. If it does not come back, that is still it, unless there is another. */
uint32_t mlx5_syndrome_take(struct mlx5_pf *pf);
void mlx5_syndrome_restore(struct mlx5_pf *pf, uint32_t syndrome);
/* It came back. Alone on the PF's lane. */
void mlx5_health_tell_well(struct mlx5_pf *pf, struct fl_txn *txn);
/* Forgets what mlx5_event() uses. */
void mlx5_health_done(struct mlx5_pf *pf);
/* A reference on what is kept at `place` of pf->health, or NULL. Context: any. */
struct fl_reporter *mlx5_reporter_get(struct mlx5_pf *pf, struct fl_reporter **place);
/* Keeps another one there (NULL: none), taking its reference over. */
void mlx5_reporter_keep(struct mlx5_pf *pf, struct fl_reporter **place,
			struct fl_reporter *reporter);
/* Asks the firmware `commands` times, then fills fmsg: a value for the step before it. */
int mlx5_health_query(struct fl_op *op, struct fl_txn *txn, struct fl_fmsg *fmsg,
		      const struct mlx5_report *report, unsigned int commands,
		      void (*fill)(struct mlx5_call *call));

extern const struct fl_reporter_ops mlx5_vnic_ops;
/* The reporters tx and rx of a function's netdev, at that port of its instance. */
void mlx5_channels_register(struct mlx5_func *func, struct fl_txn *txn, uint32_t port);

#define MLX5_CR_SPACE_BYTES (64u * 1024)
void mlx5_cr_space_fill(struct mlx5_pf *pf, uint64_t offset, uint32_t len, uint8_t *data);
void mlx5_cr_space_register(struct mlx5_pf *pf, struct fl_txn *txn);
/* Takes a snapshot of it as it is now. Context: any thread; does not block. */
void mlx5_cr_space_catch(struct mlx5_pf *pf, struct fl_devlink *dl);

/* The files by which events are made to happen. Alone on the PF's lane. */
void mlx5_debugfs_add(struct mlx5_pf *pf);
void mlx5_debugfs_remove(struct mlx5_pf *pf);

/* ---- netdev.c --------------------------------------------------------------------- */

/* Shows the netdev in txn, which is not shown there; takes it out if it is. Alone on func's lane,
 * or (add) on that of its eth device. */
void mlx5_netdev_add(struct mlx5_func *func, struct fl_txn *txn);
void mlx5_netdev_del(struct mlx5_func *func, struct fl_txn *txn);
/* The eth device was attached by itself: shows the netdev. 0, -ENOMEM, or another error: func's
 * instance is going. Alone on the eth device's lane. */
int mlx5_netdev_attached(struct fl_op *op, struct mlx5_func *func);
/* It went, and no transaction that is kept took the netdev away. Alone on func's lane. */
void mlx5_netdev_gone(struct fl_op *op, struct mlx5_func *func);
/* It goes by itself. Alone on the eth device's lane. */
void mlx5_netdev_detached_post(struct fl_device *dev, struct mlx5_func *func);

/* ---- rate.c ----------------------------------------------------------------------- */

extern const struct fl_rate_ops mlx5_rate_ops;
/* Removes all nodes. Alone on the PF's lane. */
void mlx5_rate_nodes_del(struct fl_txn *txn);

/* ---- aux.c ------------------------------------------------------------------------ */

/* Attaches the children in func->enabled, in parallel, and shows the netdev in txn: a value
 * for the step before it, 0 whatever became of them (B3), or -ENOMEM. Alone on func's lane. */
int mlx5_children_attach(struct fl_op *op, struct mlx5_func *func, struct fl_txn *txn);
/* The same by an operation of its own, the next on func's lane, without a transaction: an eth
 * device that hangs, or whose sibling does, hides nothing. -ENOMEM, -ENODEV. */
int mlx5_children_attach_post(struct mlx5_func *func);
/* Nobody waits: each attaches by itself once func's lane is free. */
void mlx5_children_start(struct mlx5_func *func);
/* Detaches all; the caller takes the netdev from its transaction. Gives 0: what does not let go is
 * gone on without. */
int mlx5_children_detach(struct fl_op *op, struct mlx5_func *func);
/* The same, as a part of more that op spawns and joins. */
void mlx5_children_detach_spawn(struct fl_op *op, struct mlx5_func *func);
/* The bus has removed the children; what is left are our references. */
void mlx5_children_forget(struct mlx5_func *func);
/* Whether there is an eth device with its driver. A hint unless alone on func's lane. */
bool mlx5_eth_bound(struct mlx5_func *func);
extern const struct fl_driver mlx5_child_drivers[MLX5_CHILDREN];

#endif
