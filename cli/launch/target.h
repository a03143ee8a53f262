/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* target.h - the PF on which pods are launched, as one client sees it. */
#ifndef FL_CLI_LAUNCH_TARGET_H
#define FL_CLI_LAUNCH_TARGET_H

#include "attach/client.h"
#include "cli/launch/request.h"
#include "cli/launch/view.h"

#define LAUNCH_TALK_MS 60000

struct launch_target {
	const char *socket;
	struct fl_link *link; /* for requests that are waited for */
	uint16_t family;
	uint32_t group; /* "config" */
	struct launch_handle handle;
	uint16_t pf;
};

/* Connects to the plane at socket and finds the PF: `device` if not NULL, else the first
 * instance that has an eswitch. Returns 0 or a negative errno; told on standard error. */
int launch_target_open(const char *socket, const char *device, struct launch_target *ret_target);
void launch_target_close(struct launch_target *target);

/* Sets switchdev mode if it is not set. 0 or a negative errno (told). */
int launch_target_switchdev(struct launch_target *target);

/* Calls fn for each port of the PF. 0 or a negative errno (told). */
int launch_target_ports(struct launch_target *target,
			void (*fn)(const struct launch_port_view *view, void *arg), void *arg);

/* Picks `count` sfnums that no port of the PF has, ascending from 1. 0 or a negative
 * errno: -ENOSPC, those of asking (told). */
int launch_target_pick_sfs(struct launch_target *target, unsigned int count, uint32_t *ret_sfs);

/* Picks `count` VF ports of the PF. The same, -ENOSPC if there are not so many. */
int launch_target_pick_vfs(struct launch_target *target, unsigned int count,
			   struct launch_port_view *ret_ports);

struct launch_to launch_target_to(const struct launch_target *target);

#endif
