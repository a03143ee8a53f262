/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driver.c - the drivers of a plane, and which of them takes a device. */
#include "bus/bus-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Context: under the root's lock. */
static bool registered_locked(const struct fl_bus_root *root, const struct fl_driver *driver)
{
	const struct fl_driver_entry *entry;

	for (entry = root->drivers; entry; entry = entry->next)
		if (strcmp(entry->driver->bus, driver->bus) == 0 &&
		    strcmp(entry->driver->name, driver->name) == 0)
			return true;
	return false;
}

int fl_driver_register(struct fl_bus_root *root, const struct fl_driver *driver)
{
	struct fl_driver_entry *entry;
	bool taken;

	if (!driver->name || !driver->bus || !driver->match || !driver->probe || !driver->remove)
		return -EINVAL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->driver = driver;
	fl_lock_take(&root->lock);
	taken = registered_locked(root, driver);
	if (!taken) {
		entry->next = root->drivers;
		fl_rcu_assign(root->drivers, entry);
	}
	fl_lock_drop(&root->lock);
	if (taken) {
		free(entry);
		return -EEXIST;
	}
	return 0;
}

static const struct fl_driver *find(struct fl_bus_root *root, const char *bus, const char *match)
{
	const struct fl_driver_entry *entry;

	for (entry = fl_rcu_deref(root->drivers); entry; entry = entry->next)
		if (strcmp(entry->driver->match, match) == 0 && strcmp(entry->driver->bus, bus) == 0)
			return entry->driver;
	return NULL;
}

const struct fl_driver *fl_driver_match(const struct fl_device *dev)
{
	return find(dev->root, dev->bus, dev->name + dev->match_off);
}

bool fl_driver_known(struct fl_bus_root *root, const char *bus, const char *match)
{
	return find(root, bus, match);
}
