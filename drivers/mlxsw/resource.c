/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resource.c - the memory of the ASIC's tables, which can be divided anew at a reload.
 */
#include "mlxsw-private.h"

#define KVD 1
#define HASH_DOUBLE 4
#define COUNTERS 9
#define KVD_SIZE 245760
#define GRANULARITY 128

static const struct {
	const char *name;
	uint64_t id, parent, size, min, max, granularity;
} resources[] = {
	{ "kvd", KVD, FL_RESOURCE_TOP, KVD_SIZE, KVD_SIZE, KVD_SIZE, GRANULARITY },
	{ "linear", MLXSW_RESOURCE_LINEAR, KVD, 98304, 0, KVD_SIZE - 65536, GRANULARITY },
	{ "hash_double", HASH_DOUBLE, KVD, 60416, 32768, KVD_SIZE - 32768, GRANULARITY },
	{ "hash_single", MLXSW_RESOURCE_HASH_SINGLE, KVD, 87040, 32768, KVD_SIZE - 32768,
	  GRANULARITY },
	{ "counters", COUNTERS, FL_RESOURCE_TOP, 24576, 24576, 24576, 1 },
};

void mlxsw_resources_register(struct mlxsw *sw, struct fl_txn *txn)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(resources); i++) {
		struct fl_resource resource = {
			.name = resources[i].name,
			.id = resources[i].id,
			.parent = resources[i].parent,
			.size = resources[i].size,
			.size_min = resources[i].min,
			.size_max = resources[i].max,
			.size_granularity = resources[i].granularity,
			.unit = DEVLINK_RESOURCE_UNIT_ENTRY,
		};

		fl_resource_register(txn, &resource);
	}
	fl_resource_occ_set(txn, MLXSW_RESOURCE_LINEAR, sw->adjacencies);
	fl_resource_occ_set(txn, MLXSW_RESOURCE_HASH_SINGLE, sw->hosts);
}

void mlxsw_resources_take(struct fl_txn *txn)
{
	uint64_t size;

	for (size_t i = 0; i < FL_ARRAY_SIZE(resources); i++)
		fl_resource_size_take(txn, resources[i].id, &size);
}
