/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plane-private.h - the plane, for core/ alone. */
#ifndef FL_CORE_PLANE_PRIVATE_H
#define FL_CORE_PLANE_PRIVATE_H

#include "base/lock.h"
#include "core/plane.h"

/*
 * Rules:
 * 1. sched, netns, bus: never change.
 * 2. handles: read under RCU, written under index_lock. knobs: likewise, knob_lock.
 * 3. next_index, on_events: atomic.
 */
struct fl_plane {
	struct fl_sched *sched;
	struct fl_netns_table *netns;
	struct fl_bus_root *bus;
	struct fl_lock index_lock;
	struct fl_pmap_node *handles; /* registered instances, by hash of their handle */
	struct fl_lock knob_lock;
	struct fl_pmap_node *knobs; /* by hash of their path */
	uint32_t next_index; /* of instances; given out in ascending order, as in the kernel */
	void (*on_events)(struct fl_netns *ns, void *arg);
	void *on_events_arg;
};

/* Reserves the nodes for taking one entry out of an index. There is no way back from a
 * removal, so it tries until it gets them. */
void fl_plane_reserve_removal(struct fl_pmap_edit *edit);

/* Drops the knobs that are left: those that are there as long as the plane. Context: its end. */
void fl_knobs_free(struct fl_plane *plane);

#endif
