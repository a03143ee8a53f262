/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fixture.h - a plane with a driver of the tests', and requests that are made by calling
 * the commands' handlers as the server would.
 */
#ifndef FL_TESTS_CORE_FIXTURE_H
#define FL_TESTS_CORE_FIXTURE_H

#include "core/instance.h"
#include "core/plane.h"
#include "core/req.h"

#define FIXTURE_BUS "test"

/* How the driver's instances behave; set before fixture_add(). Counters are atomic. */
struct fixture_knobs {
	unsigned int ports;
	uint64_t delay_ns;     /* of each callback that can wait */
	int fail_down, fail_up, fail_fn_set;
	int downs, ups;
	const struct fl_devlink_ops *ops; /* instead of the fixture's own; NULL: these */
};

struct fixture {
	struct fl_plane *plane;
	struct fixture_knobs knobs;
};

/* sched: NULL: the defaults, but for the number of workers. */
struct fixture *fixture_new(const struct fl_sched_config *sched);
void fixture_free(struct fixture *fixture);

/* Adds instance test/<name> and waits until it is registered; one reference. */
struct fl_devlink *fixture_add(struct fixture *fixture, const char *name);

/* A request under construction, and its answer. */
struct request {
	struct fl_req req;
	unsigned char buf[4096];
	struct fl_msg msg;
	int err;
	int done;
};

/* Starts a request about dl (NULL: no handle) from namespace ns (NULL: the initial one). */
void request_init(struct request *request, struct fixture *fixture, struct fl_netns *ns,
		  uint8_t cmd, const struct fl_devlink *dl);
/* Parses, runs, and waits for the end. Returns what the client would see: 0 or -errno. */
int request_run(struct request *request);
/* The same as a dump, in datagrams of at most `bound` bytes, which are put behind each other into
 * req.reply. *ret_datagrams: how many; may be NULL. */
int request_dump(struct request *request, size_t bound, unsigned int *ret_datagrams);
void request_done(struct request *request);

/* Finds an attribute in a message of the answer (offset `at`), in the nests of `path`
 * (ends with 0). NULL if it is not there. */
const struct nlattr *answer_attr(const void *message, const uint16_t *path);

/* The types of a message's attributes in order, behind those of the handle: "135 130 134N(0)"; N:
 * marked as a nest. What is in nests that are marked, or are resources, in parentheses. */
const char *answer_shape(const void *message, char *text, size_t cap);

/* One operation of the test's own on a lane, awaited. */
int fixture_operation(struct fixture *fixture, struct fl_lane *lane,
		      int (*run)(struct fl_op *op, void *arg), void *arg);

#endif
