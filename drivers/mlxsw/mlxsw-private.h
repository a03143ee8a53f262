/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mlxsw-private.h - what the files of the driver share. */
#ifndef FL_DRIVERS_MLXSW_PRIVATE_H
#define FL_DRIVERS_MLXSW_PRIVATE_H

#include "mlxsw.h"

#define MLXSW_NAME "mlxsw_spectrum"
#define MLXSW_SB_POOLS 8    /* 4 ingress, 4 egress */
#define MLXSW_SB_QUOTAS 32  /* the pools, 8 ingress and 16 egress traffic classes */
#define MLXSW_CARD_PORTS 16 /* of a line card */
#define MLXSW_TYPES 2	    /* of line cards */
#define MLXSW_TABLES 3

/* Where a line card is, or can be.
 * Rules: atomic: turn, type, provisioned. lane: never changes after the probe. card: written
 * alone on the ports' lane, nested: on the line cards', or above. */
struct mlxsw_slot {
	struct fl_lane *lane; /* of what takes its time there */
	unsigned int turn;    /* one more with each change: what was begun before is over */
	int type;	      /* that was asked for last */
	bool provisioned;
	struct fl_device *card;	   /* its own device, referenced, or NULL */
	struct fl_devlink *nested; /* the instance of that, referenced, or NULL */
};

/*
 * Rules:
 * 1. plane, config, cells, refs: never change after switch_add (refs atomic).
 * 2. dl, down, reporter, region: written alone on the device's lane.
 * 3. tick, counting_since, image, running: atomic.
 * 4. Ports have no state here: how a panel is split the instance's version says.
 */
struct mlxsw {
	int refs;
	struct fl_plane *plane;
	struct mlxsw_config config;
	struct fl_devlink *dl;
	bool down;
	struct mlxsw_slot slots[MLXSW_SLOTS_MAX];
	struct fl_cell **occ; /* two for each quota of each port that there can be */
	uint64_t tick;	      /* of the buffer's traffic */
	struct fl_cell *hosts, *erifs, *adjacencies; /* sizes of tables, and use of resources */
	uint64_t counting_since[MLXSW_TABLES];	     /* ns of CLOCK_MONOTONIC, 0: it does not */
	struct mlxsw_traffic *traffic;		     /* to the CPU */
	unsigned int image, running;		     /* firmware: the last part of its version */
	struct fl_reporter *reporter;
	struct fl_region *region;
};

struct mlxsw *mlxsw_get(struct mlxsw *sw);
void mlxsw_put(struct mlxsw *sw); /* NULL is fine */

static inline struct mlxsw *mlxsw_of(struct fl_txn *txn)
{
	return fl_devlink_priv(fl_txn_devlink(txn));
}

/* Continues with the value 0 after one command to the firmware, or an error. */
int mlxsw_command(struct fl_op *op, const struct mlxsw *sw);
int mlxsw_wait(struct fl_op *op, uint64_t ns);

/* A number that looks random and is always the same for the same arguments. */
uint64_t mlxsw_draw(const struct mlxsw *sw, uint64_t a, uint64_t b);

/* device.c: everything but resources, which stay at a reload. */
void mlxsw_objects_add(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_objects_del(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_info_publish(struct mlxsw *sw, struct fl_txn *txn);

/* reload.c */
int mlxsw_reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		      enum devlink_reload_action action, enum devlink_reload_limit limit);
int mlxsw_reload_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		    enum devlink_reload_limit limit, uint32_t *ret_performed);
int mlxsw_flash_update(struct fl_op *op, struct fl_txn *txn,
		       const struct fl_flash_request *request);
extern const struct fl_selftest_ops mlxsw_selftest_ops;

/* port.c. A panel is where a cable goes: those in front, then those of each slot. */
extern const struct fl_port_ops mlxsw_port_ops;
unsigned int mlxsw_panels(const struct mlxsw *sw);
uint32_t mlxsw_panel_base(const struct mlxsw *sw, unsigned int panel);
void mlxsw_front_ports_add(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_card_ports_add(struct mlxsw *sw, struct fl_txn *txn, unsigned int slot);
void mlxsw_card_ports_del(struct mlxsw *sw, struct fl_txn *txn, unsigned int slot);
void mlxsw_ports_del(struct mlxsw *sw, struct fl_txn *txn);

/* sb.c */
extern const struct fl_sb_ops mlxsw_sb_ops;
int mlxsw_sb_init(struct mlxsw *sw);
void mlxsw_sb_done(struct mlxsw *sw);
void mlxsw_sb_register(struct fl_txn *txn);
void mlxsw_sb_unregister(struct fl_txn *txn);
void mlxsw_sb_port_add(struct mlxsw *sw, struct fl_txn *txn, uint32_t port);

/* dpipe.c */
extern const struct fl_dpipe_ops mlxsw_dpipe_ops;
void mlxsw_dpipe_register(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_dpipe_unregister(struct fl_txn *txn);

/* linecard.c */
extern const struct fl_linecard_ops mlxsw_linecard_ops;
extern const struct fl_driver mlxsw_card_driver;
int mlxsw_slots_init(struct mlxsw *sw);
void mlxsw_slots_done(struct mlxsw *sw);
void mlxsw_slots_forget(struct mlxsw *sw);
void mlxsw_linecards_add(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_linecards_del(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_linecards_unlink(struct mlxsw *sw, struct fl_txn *txn);

/* resource.c */
void mlxsw_resources_register(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_resources_take(struct fl_txn *txn);

#define MLXSW_RESOURCE_HASH_SINGLE 3 /* one for each neighbour */
#define MLXSW_RESOURCE_LINEAR 2

/* trap.c; traffic runs while the driver has the device. */
int mlxsw_traffic_start(struct mlxsw *sw);
void mlxsw_traffic_stop(struct mlxsw *sw);
extern const struct fl_trap_ops mlxsw_trap_ops;
void mlxsw_traps_register(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_traps_unregister(struct fl_txn *txn);

/* param.c */
void mlxsw_params_register(struct fl_txn *txn);
/* As a reload leaves them. */
void mlxsw_params_reset(struct fl_txn *txn);
int mlxsw_param_validate(struct fl_devlink *dl, const char *name, const union fl_param_value *value,
			 struct fl_extack *extack);
int mlxsw_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
		    enum devlink_param_cmode cmode, const union fl_param_value *value);

/* health.c */
void mlxsw_health_add(struct mlxsw *sw, struct fl_txn *txn);
void mlxsw_health_forget(struct mlxsw *sw);

#endif
