/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mlxsw.h - a simulated switch ASIC in the manner of mlxsw's Spectrum: front-panel ports that
 * split, a shared buffer with traffic in it, tables of its packet pipeline, slots for line cards,
 * resources, traps. It moves no packets. No thread sleeps in it.
 */
#ifndef FL_DRIVERS_MLXSW_MLXSW_H
#define FL_DRIVERS_MLXSW_MLXSW_H

#include <finelink/finelink.h>

#define MLXSW_PORTS_MAX 128
#define MLXSW_SLOTS_MAX 8
#define MLXSW_HOSTS_MAX 65536

/* One switch, as a topology describes it. */
struct mlxsw_config {
	char address[32];      /* "0000:05:00.0" */
	unsigned int ports;    /* on the front panel: 1..MLXSW_PORTS_MAX; default 16 */
	unsigned int lanes;    /* of each port: 1, 2, 4 or 8; default 4 */
	unsigned int slots;    /* for line cards: 0..MLXSW_SLOTS_MAX; default 2 */
	unsigned int hosts;    /* neighbours in its tables: 0..MLXSW_HOSTS_MAX; default 64 */
	uint64_t command_ns;   /* of one command to the firmware; default 0.2 ms */
	uint64_t provision_ns; /* until a line card's ports are there; default 1 s */
	uint64_t flash_ns;     /* of writing an image; default 2 s */
	uint64_t selftest_ns;  /* default 0.2 s */
	uint64_t seed;	       /* of its traffic */
	uint32_t broken_slots; /* bits 1 << slot: provisioning them fails; default 0 */
};

/* The defaults above. */
void mlxsw_config_init(struct mlxsw_config *config);

/* Registers the drivers mlxsw_spectrum (pci) and mlxsw_core.lc (auxiliary). Once per plane. */
int mlxsw_drivers_register(struct fl_plane *plane);

/* Adds a switch and posts its probe. -EEXIST: the address is taken; -EINVAL: a value out of the
 * ranges above; -ENOMEM; -EBUSY. */
int mlxsw_switch_add(struct fl_plane *plane, const struct mlxsw_config *config);

#endif
