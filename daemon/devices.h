/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* devices.h - making a topology's devices on a plane. */
#ifndef FL_DAEMON_DEVICES_H
#define FL_DAEMON_DEVICES_H

#include "core/plane.h"
#include "daemon/topology.h"

/* Registers the drivers and loads the plug-ins that topology names, then adds its devices;
 * their probes are posted, not awaited. `name` is the file's, for *ret_error: a sentence
 * on the heap. The topology must live as long as the plane. Returns 0 or a negative errno. */
int fl_devices_add(struct fl_plane *plane, const char *name, const struct fl_topology *topology,
		   char **ret_error);

#endif
