/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netdevsim.h - the kernel's netdevsim in names, values, limits, texts and knobs: the device
 * with which clients of devlink are tested. It moves no packets: its ports carry the index and
 * the name of a network device that does not exist. No thread sleeps in it.
 *
 * Devices are made and removed by the knobs sys/bus/netdevsim/new_device ("ID [PORTS
 * [QUEUES]]") and del_device ("ID"), or by nsim_device_add().
 */
#ifndef FL_DRIVERS_NETDEVSIM_NETDEVSIM_H
#define FL_DRIVERS_NETDEVSIM_NETDEVSIM_H

#include <finelink/finelink.h>

#define NSIM_PORTS_MAX 4096 /* of one device, VFs aside */
#define NSIM_VFS_MAX 4096

/* One device, as a topology describes it. */
struct nsim_config {
	unsigned int id;     /* of netdevsim/netdevsim<id>: 0..INT_MAX */
	unsigned int ports;  /* at first, and again after a reload: 0..NSIM_PORTS_MAX; default 1 */
	unsigned int queues; /* of each port; default 1; nothing here depends on it */
	unsigned int vfs;    /* enabled at first: 0..max_vfs; default 0 */
	unsigned int max_vfs; /* 0..NSIM_VFS_MAX; default 4 */
	bool switchdev;      /* start in switchdev mode; default legacy; VFs have ports then, from
			      * index 128 on, so that there may be at most 128 others */
};
void nsim_config_init(struct nsim_config *config);

/* The bus of one plane. */
struct nsim_bus;

/* Makes the bus and its knobs, and registers the driver. Once per plane, as long as which the
 * bus lives. Returns 0, -EEXIST, -ENOMEM. Context: may allocate. */
int nsim_bus_new(struct fl_plane *plane, struct nsim_bus **ret_bus);

/* Adds a device and posts its probe. -EEXIST: the id is taken; -EINVAL (a value is out of its
 * range), -ENOMEM, -EBUSY (the plane is too busy). Context: any, may allocate. */
int nsim_device_add(struct nsim_bus *bus, const struct nsim_config *config);

#endif
