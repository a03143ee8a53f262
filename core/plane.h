/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plane.h - one set of devices with its lanes and namespaces.
 */
#ifndef FL_CORE_PLANE_H
#define FL_CORE_PLANE_H

#include "core/driver.h"
#include "netns/netns.h"

struct fl_plane_config {
	struct fl_sched_config sched;
	size_t log_bytes; /* of each namespace's notifications; 0: the default of netns/ */
	/* Called after notifications were appended for ns. Context: any thread; must not block. */
	void (*on_events)(struct fl_netns *ns, void *arg);
	void *arg;
};

/* Starts a plane: scheduler, namespaces (the caller's is the initial one), bus.
 * Returns 0 or a negative errno. Context: may block. */
int fl_plane_new(const struct fl_plane_config *config, struct fl_plane **ret_plane);
/* Removes all devices (in parallel), then ends everything. Context: may block. */
void fl_plane_free(struct fl_plane *plane);

/* For the server, which is made after the plane: where on_events goes. Once, before clients. */
void fl_plane_set_on_events(struct fl_plane *plane,
			    void (*on_events)(struct fl_netns *ns, void *arg), void *arg);

struct fl_netns_table *fl_plane_netns(struct fl_plane *plane);

/* What `finelink show` lists of one instance; a copy. */
struct fl_instance_info {
	char bus[32], dev[64], driver[32];
	uint32_t index;
	uint64_t netns_cookie;
	bool in_initial_netns, reload_failed;
	unsigned int ports, params;
	uint64_t version; /* how many commits */
};
/* Context: any thread, holds nothing during fn. Returns 0 or -ENOMEM. */
int fl_plane_walk(struct fl_plane *plane,
		  void (*fn)(const struct fl_instance_info *info, void *arg), void *arg);

#endif
