/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resource.c - the resources of routing tables. There are no routes here: what is in use is
 * what a kernel has in a namespace where nothing is configured.
 */
#include "netdevsim-private.h"

#include <errno.h>

enum {
	IPV4 = 1,
	IPV4_FIB,
	IPV4_FIB_RULES,
	IPV6,
	IPV6_FIB,
	IPV6_FIB_RULES,
	NEXTHOPS,
};

static const struct {
	const char *name;
	uint64_t id, parent;
} tree[] = {
	{ "IPv4", IPV4, FL_RESOURCE_TOP },
	{ "fib", IPV4_FIB, IPV4 },
	{ "fib-rules", IPV4_FIB_RULES, IPV4 },
	{ "IPv6", IPV6, FL_RESOURCE_TOP },
	{ "fib", IPV6_FIB, IPV6 },
	{ "fib-rules", IPV6_FIB_RULES, IPV6 },
	{ "nexthops", NEXTHOPS, FL_RESOURCE_TOP },
};

/* Those that something is put into; in the order of nsim_dev.fib_cells. */
static const struct {
	uint64_t id, used;
	const char *what;
} tables[] = {
	{ IPV4_FIB, 3, "fib entries" },
	{ IPV4_FIB_RULES, 0, "fib rule entries" },
	{ IPV6_FIB, 1, "fib entries" },
	{ IPV6_FIB_RULES, 0, "fib rule entries" },
	{ NEXTHOPS, 0, "nexthops" },
};

int nsim_resources_init(struct nsim_dev *dev)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(tables); i++) {
		dev->fib_cells[i] = fl_cell_new();
		if (!dev->fib_cells[i])
			return -ENOMEM;
		fl_cell_set(dev->fib_cells[i], tables[i].used);
	}
	return 0;
}

void nsim_resources_done(struct nsim_dev *dev)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(tables); i++)
		fl_cell_put(dev->fib_cells[i]);
}

void nsim_resources_register(struct nsim_dev *dev, struct fl_txn *txn)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(tree); i++) {
		struct fl_resource resource = {
			.name = tree[i].name,
			.id = tree[i].id,
			.parent = tree[i].parent,
			.size = UINT64_MAX,
			.size_max = UINT64_MAX,
			.size_granularity = 1,
			.unit = DEVLINK_RESOURCE_UNIT_ENTRY,
		};

		fl_resource_register(txn, &resource);
	}
}

int nsim_fib_create(struct nsim_dev *dev, struct fl_txn *txn)
{
	int err = 0;

	for (size_t i = 0; i < FL_ARRAY_SIZE(tables); i++) {
		uint64_t size;

		if (fl_resource_size_take(txn, tables[i].id, &size))
			continue;
		if (size >= tables[i].used || err)
			continue;
		fl_extack_set(fl_txn_extack(txn), "netdevsim: Exceeded number of supported %s",
			      tables[i].what);
		err = -ENOSPC;
	}
	for (size_t i = 0; i < FL_ARRAY_SIZE(tables) && !err; i++)
		fl_resource_occ_set(txn, tables[i].id, dev->fib_cells[i]);
	return err;
}

void nsim_fib_destroy(struct nsim_dev *dev, struct fl_txn *txn)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(tables); i++)
		fl_resource_occ_set(txn, tables[i].id, NULL);
}
