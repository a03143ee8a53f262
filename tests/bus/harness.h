/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* harness.h - a bus with drivers that take note of what is called in them. */
#ifndef TESTS_BUS_HARNESS_H
#define TESTS_BUS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "base/thread.h"
#include "base/util.h"
#include "bus/bus.h"

#define DRAIN_NS (60 * FL_NS_PER_S)

struct bus {
	struct fl_sched *sched;
	struct fl_bus_root *root;
};

static inline void bus_up(struct bus *bus, const struct fl_sched_config *config)
{
	struct fl_sched_config defaults = { .workers = 2 };

	assert_int_equal(fl_sched_new(config ? config : &defaults, &bus->sched), 0);
	assert_int_equal(fl_bus_root_new(bus->sched, &bus->root), 0);
}

static inline void bus_settle(struct bus *bus)
{
	assert_int_equal(fl_sched_drain(bus->sched, DRAIN_NS), 0);
}

static inline void count_device(struct fl_device *dev, void *arg)
{
	(*(unsigned int *)arg)++;
}

static inline unsigned int bus_count(struct bus *bus)
{
	unsigned int count = 0;

	assert_int_equal(fl_bus_walk(bus->root, count_device, &count), 0);
	return count;
}

static inline void remove_root(struct fl_device *dev, void *arg)
{
	if (!fl_device_parent(dev))
		fl_device_remove_post(dev, NULL, NULL, NULL);
}

static inline void bus_down(struct bus *bus)
{
	assert_int_equal(fl_bus_walk(bus->root, remove_root, NULL), 0);
	bus_settle(bus);
	assert_int_equal(bus_count(bus), 0);
	/* Freed devices free their parents: as deep as the tree. */
	for (int i = 0; i < 4; i++)
		fl_rcu_barrier();
	fl_bus_root_free(bus->root);
	fl_sched_free(bus->sched);
}

static inline struct fl_device *add(struct bus *bus, const char *name, const char *match,
				    struct fl_device *parent, void *platform)
{
	struct fl_device_desc desc = {
		.bus = "test", .name = name, .match = match, .parent = parent, .platform = platform,
	};
	struct fl_device *dev = NULL;

	assert_int_equal(fl_device_add(bus->root, &desc, &dev), 0);
	return dev;
}

#endif
