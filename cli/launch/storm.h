/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * storm.h - many pods on their way at once, each with a session of its own, all driven by
 * one thread under one epoll.
 *
 * A pod goes through its steps one after another: up (port add, function set, attached,
 * reload) and down (instance back, deactivate, detached, port del). A step is a request
 * that is answered, or something to be seen in the port's notifications, which one
 * subscribed session reads for all. When notifications are lost, or nothing has moved for a
 * while, the ports are listed instead.
 *
 * Threads: one; nothing here may be shared.
 */
#ifndef FL_CLI_LAUNCH_STORM_H
#define FL_CLI_LAUNCH_STORM_H

#include <stdatomic.h>

#include "cli/launch/stats.h"
#include "cli/launch/target.h"

/* The steps of a pod. X(name, text, "what a person calls it", waits for a notification) */
#define LAUNCH_STEPS(X)                                                                          \
	X(ADD, "port add", false)                                                                \
	X(SET, "function set", false)                                                            \
	X(ATTACH, "attached", true)                                                              \
	X(RELOAD, "reload", false)                                                               \
	X(RETURN, "instance back", true)                                                         \
	X(DEACTIVATE, "deactivate", false)                                                       \
	X(DETACH, "detached", true)                                                              \
	X(DELETE, "port del", false)

enum launch_step {
#define LAUNCH_STEP_ENUM(name, text, waits) LAUNCH_STEP_##name,
	LAUNCH_STEPS(LAUNCH_STEP_ENUM)
#undef LAUNCH_STEP_ENUM
	LAUNCH_STEP_COUNT,
};
const char *launch_step_name(enum launch_step step);

struct launch_storm;

struct launch_storm_config {
	struct launch_target *target;
	unsigned int pods;
	bool vf;
	bool hang; /* the pods stay at ATTACH: that is what they are for */
	const uint32_t *sfs;                  /* of SFs: their numbers */
	const struct launch_port_view *ports; /* of VFs: theirs */
	int *netns; /* a namespace for each, which the storm closes to destroy it; NULL: none */
	unsigned int timeout_s;
	const atomic_int *signals; /* how many have asked for the end */
	bool ends_with_plane;      /* so the first signal ends the taking down, too */
	/* Called now and then; may be NULL. */
	void (*progress)(const char *what, unsigned int done, unsigned int failed,
			 unsigned int total);
};

/* 0 or a negative errno, told on standard error. */
int launch_storm_new(const struct launch_storm_config *config, struct launch_storm **ret_storm);
void launch_storm_free(struct launch_storm *storm); /* NULL is fine; takes nothing down */

/* Brings all pods up. Returns 0 when each is up or has failed, -EINTR after a signal. */
int launch_storm_up(struct launch_storm *storm);

/* Looks at every pod that is up: its port, and from inside its namespace its instance.
 * What is not as it should be fails the pod. 0 or a negative errno (told). */
int launch_storm_check(struct launch_storm *storm);

/* Takes down what there is of every pod. Returns 0, or -EINTR after a second signal. */
int launch_storm_down(struct launch_storm *storm);

/* Whether a flash update's progress has been notified so far. */
bool launch_storm_saw_flash(struct launch_storm *storm);
/* Reads the notifications that are there. */
void launch_storm_listen(struct launch_storm *storm);

#define LAUNCH_REASONS_MAX 16
#define LAUNCH_LEFT_MAX 16
#define LAUNCH_LEFT_LEN 112

struct launch_result {
	unsigned int up, checked, down, failed, leftover;
	uint64_t up_ns, down_ns; /* from the first request to the last pod */
	struct launch_stats steps[LAUNCH_STEP_COUNT];
	struct launch_reason {
		char text[224];
		unsigned int count;
	} reasons[LAUNCH_REASONS_MAX];
	unsigned int reason_count;
	char left[LAUNCH_LEFT_MAX][LAUNCH_LEFT_LEN]; /* the first of the leftover: ports, instances */
};
/* Owned by the storm. */
struct launch_result *launch_storm_result(struct launch_storm *storm);

#endif
