/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pod.h - one pod of a storm, and the storm itself: for the files of storm.h only. */
#ifndef FL_CLI_LAUNCH_POD_H
#define FL_CLI_LAUNCH_POD_H

#include "base/util.h"
#include "cli/launch/storm.h"

/* Where a pod is: in a step, or between its ways. */
enum pod_place { POD_NEW, POD_BUSY, POD_UP, POD_FAILED, POD_DOWN };

struct pod {
	enum pod_place place;
	enum launch_step step; /* if busy */
	uint64_t began_ns;     /* of the step */
	struct fl_link *link;
	int netns; /* -1: none (any more) */
	uint32_t seq; /* of the request that is awaited, or 0 */
	uint32_t sf, port;
	uint8_t mac[LAUNCH_MAC];
	bool has_port, activated, moved;
	bool failed;  /* on its way up; it is taken down all the same */
	bool checked; /* by its port */
	/* As the notifications told last: */
	bool attached, nested_elsewhere;
	struct launch_handle nested;
	struct pod *next_by_port; /* in storm->by_port */
};

struct launch_storm {
	struct launch_storm_config config;
	struct pod *pods;
	struct pod **by_port; /* buckets, by port index */
	unsigned int buckets; /* a power of two */
	struct fl_link *events;
	int epoll;
	bool down;          /* which way everybody goes */
	unsigned int begun; /* pods that have been started on this way */
	unsigned int ended; /* and those that have come to its end */
	uint64_t moved_ns;  /* when something moved last */
	uint64_t listed_ns; /* when ports were listed last */
	bool saw_flash;
	struct launch_result result;
};

/* Starts pod on the way that the storm goes; it may come to its end at once. */
void pod_start(struct launch_storm *storm, struct pod *pod);
/* The pod's link is readable. */
void pod_receive(struct launch_storm *storm, struct pod *pod);
/* Its port was told as `view`. */
void pod_see(struct launch_storm *storm, struct pod *pod, const struct launch_port_view *view);
/* It does not come to the end of its step. */
void pod_fail(struct launch_storm *storm, struct pod *pod, const char *fmt, ...) FL_PRINTF(3, 4);
void pod_done(struct pod *pod);

struct pod *storm_find(struct launch_storm *storm, uint32_t port);
void storm_insert(struct launch_storm *storm, struct pod *pod);
/* Counts a reason. */
void storm_reason(struct launch_storm *storm, const char *text);

#endif
