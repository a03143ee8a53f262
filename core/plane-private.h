/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plane-private.h - the plane, for core/ alone. */
#ifndef FL_CORE_PLANE_PRIVATE_H
#define FL_CORE_PLANE_PRIVATE_H

#include "base/lock.h"
#include "core/index.h"
#include "core/plane.h"

/*
 * Rules:
 * 1. sched, netns, bus: never change.
 * 2. handles, knobs: indexes, with the locks before them.
 * 3. next_index, on_events: atomic.
 */
struct fl_plane {
	struct fl_sched *sched;
	struct fl_netns_table *netns;
	struct fl_bus_root *bus;
	struct fl_lock index_lock;
	struct fl_index handles; /* registered instances, by struct fl_handle */
	struct fl_lock knob_lock;
	struct fl_index knobs; /* by their path */
	uint32_t next_index; /* of instances; given out in ascending order, as in the kernel */
	void (*on_events)(struct fl_netns *ns, void *arg);
	void *on_events_arg;
};

void fl_knobs_init(struct fl_plane *plane);
/* Drops the knobs that are left: those that are there as long as the plane. Context: its end. */
void fl_knobs_free(struct fl_plane *plane);

#endif
