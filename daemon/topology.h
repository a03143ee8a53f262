/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * topology.h - which devices a plane has, from a YAML file (finelink-topology(5)).
 *
 * An error is one line for the user, "FILE:LINE: KEY: what is wrong", on the heap; the
 * caller frees it.
 */
#ifndef FL_DAEMON_TOPOLOGY_H
#define FL_DAEMON_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/mlx5/mlx5.h"
#include "drivers/mlxsw/mlxsw.h"
#include "drivers/netdevsim/netdevsim.h"

/* A device of a plug-in: added on `bus` for the driver that matches `driver`. */
struct fl_topology_foreign {
	char *plugin; /* path of the shared object, relative ones from the topology's folder */
	char *driver, *bus, *address;
	char *options;      /* given to the driver as its platform data (a string), or NULL */
	unsigned int count; /* 0: one, named `address`; else that many, "ADDRESS.0" and on */
};

/* Netdevsim devices with ids from config.id on. */
struct fl_topology_netdevsim {
	struct nsim_config config;
	unsigned int count; /* at least 1 */
};

enum fl_topology_kind {
	FL_TOPOLOGY_MLX5,
	FL_TOPOLOGY_MLXSW,
	FL_TOPOLOGY_NETDEVSIM,
	FL_TOPOLOGY_PLUGIN,
};

struct fl_topology_device {
	enum fl_topology_kind kind;
	unsigned int line; /* where it starts, for errors in making it; 0: in no file */
	union {
		struct mlx5_config mlx5;
		struct mlxsw_config mlxsw;
		struct fl_topology_netdevsim netdevsim;
		struct fl_topology_foreign plugin;
	};
};

struct fl_topology {
	struct fl_topology_device *devices;
	size_t count;
};

/* One two-port mlx5 NIC at 0000:03:00.0. */
int fl_topology_default(struct fl_topology **ret_topology);

/* Returns 0; -EINVAL or the errno of reading, with *ret_error set; -ENOMEM (no text). */
int fl_topology_load(const char *path, struct fl_topology **ret_topology, char **ret_error);
/* The same of a text in memory; `name` stands for the file in errors. */
int fl_topology_parse(const char *name, const char *text, size_t len,
		      struct fl_topology **ret_topology, char **ret_error);
void fl_topology_free(struct fl_topology *topology); /* NULL is fine */

#endif
