/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dpipe.c - tables of the packet pipeline: the router's egress interfaces, one for each panel in
 * front, its neighbours on IPv4, and the adjacencies to them. Each entry counts steadily once
 * counters are on.
 */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_ERIF, TABLE_HOST4, TABLE_ADJ };

enum {
	META_ERIF_PORT,
	META_L3_FORWARD,
	META_L3_DROP,
	META_ADJ_INDEX,
	META_ADJ_SIZE,
	META_ADJ_HASH_INDEX,
};

static const struct fl_dpipe_field meta_fields[] = {
	{ "erif_port", META_ERIF_PORT, 32, DEVLINK_DPIPE_FIELD_MAPPING_TYPE_IFINDEX },
	{ "l3_forward", META_L3_FORWARD, 1, DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
	{ "l3_drop", META_L3_DROP, 1, DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
	{ "adj_index", META_ADJ_INDEX, 32, DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
	{ "adj_size", META_ADJ_SIZE, 32, DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
	{ "adj_hash_index", META_ADJ_HASH_INDEX, 32, DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE },
};

static const struct fl_dpipe_header meta = {
	"mlxsw_meta", 0, false, meta_fields, FL_ARRAY_SIZE(meta_fields),
};

static const struct fl_dpipe_header *const headers[] = {
	&meta,
	&fl_dpipe_header_ethernet,
	&fl_dpipe_header_ipv4,
	&fl_dpipe_header_ipv6,
};

#define MATCH(of, which)                                                                           \
	{                                                                                          \
		DEVLINK_DPIPE_MATCH_TYPE_FIELD_EXACT, (of), 0, (which)                             \
	}
#define MODIFY(of, which)                                                                          \
	{                                                                                          \
		DEVLINK_DPIPE_ACTION_TYPE_FIELD_MODIFY, (of), 0, (which)                           \
	}
#define DST_MAC MODIFY(&fl_dpipe_header_ethernet, DEVLINK_DPIPE_FIELD_ETHERNET_DST_MAC)

static const struct fl_dpipe_ref erif_matches[] = { MATCH(&meta, META_ERIF_PORT) };
static const struct fl_dpipe_ref erif_actions[] = {
	MODIFY(&meta, META_L3_FORWARD),
	MODIFY(&meta, META_L3_DROP),
};
static const struct fl_dpipe_ref host4_matches[] = {
	MATCH(&meta, META_ERIF_PORT),
	MATCH(&fl_dpipe_header_ipv4, DEVLINK_DPIPE_FIELD_IPV4_DST_IP),
};
static const struct fl_dpipe_ref host4_actions[] = { DST_MAC };
static const struct fl_dpipe_ref adj_matches[] = {
	MATCH(&meta, META_ADJ_INDEX),
	MATCH(&meta, META_ADJ_SIZE),
	MATCH(&meta, META_ADJ_HASH_INDEX),
};
static const struct fl_dpipe_ref adj_actions[] = { DST_MAC, MODIFY(&meta, META_ERIF_PORT) };

/* ---- entries ---------------------------------------------------------------------- */

struct asked {
	struct mlxsw *sw;
	struct fl_dpipe_answer *answer;
	bool counters;
};

/* Packets since counters are on: a thousand a second and more. */
static uint64_t count(const struct asked *asked, int table, uint64_t index)
{
	uint64_t since = __atomic_load_n(&asked->sw->counting_since[table], __ATOMIC_RELAXED);
	uint64_t now = fl_now_ns();

	if (!since || now < since)
		return 0;
	return (now - since) / FL_NS_PER_MS * (1 + mlxsw_draw(asked->sw, table, index) % 8);
}

static void entry_put(const struct asked *asked, int table, uint64_t index,
		      const struct fl_dpipe_value *matches, size_t match_count,
		      const struct fl_dpipe_value *actions, size_t action_count)
{
	struct fl_dpipe_entry entry = {
		.index = index,
		.has_counter = asked->counters,
		.counter = asked->counters ? count(asked, table, index) : 0,
		.matches = matches,
		.match_count = match_count,
		.actions = actions,
		.action_count = action_count,
	};

	fl_dpipe_entry_put(asked->answer, &entry);
}

static void erif_put(const struct asked *asked, uint32_t index)
{
	uint8_t forward = 1;
	struct fl_dpipe_value match = { erif_matches[0], &index, NULL, sizeof(index), false, 0 };
	struct fl_dpipe_value action = {
		erif_actions[0], &forward, NULL, sizeof(forward), false, 0
	};

	entry_put(asked, TABLE_ERIF, index, &match, 1, &action, 1);
}

/* Neighbours are spread over the interfaces. Values are in the host's byte order, as mlxsw has
 * them. */
static uint32_t host_erif(const struct mlxsw *sw, uint32_t index)
{
	return index % sw->config.ports;
}

static void host_mac(uint32_t index, uint8_t *ret_mac)
{
	const uint8_t mac[6] = { 0x02, 0, 0x5e, index >> 16, index >> 8, index };

	memcpy(ret_mac, mac, sizeof(mac));
}

static void host4_put(const struct asked *asked, uint32_t index)
{
	uint32_t erif = host_erif(asked->sw, index), ip = 0x0a000000 + index + 2;
	uint8_t mac[6];
	struct fl_dpipe_value matches[] = {
		{ host4_matches[0], &erif, NULL, sizeof(erif), false, 0 },
		{ host4_matches[1], &ip, NULL, sizeof(ip), false, 0 },
	};
	struct fl_dpipe_value action = { host4_actions[0], mac, NULL, sizeof(mac), false, 0 };

	host_mac(index, mac);
	entry_put(asked, TABLE_HOST4, index, matches, 2, &action, 1);
}

static void adj_put(const struct asked *asked, uint32_t index)
{
	uint32_t erif = host_erif(asked->sw, index), size = 1, hash = 0;
	uint8_t mac[6];
	struct fl_dpipe_value matches[] = {
		{ adj_matches[0], &index, NULL, sizeof(index), false, 0 },
		{ adj_matches[1], &size, NULL, sizeof(size), false, 0 },
		{ adj_matches[2], &hash, NULL, sizeof(hash), false, 0 },
	};
	struct fl_dpipe_value actions[] = {
		{ adj_actions[0], mac, NULL, sizeof(mac), false, 0 },
		{ adj_actions[1], &erif, NULL, sizeof(erif), false, 0 },
	};

	host_mac(index, mac);
	entry_put(asked, TABLE_ADJ, index, matches, 3, actions, 2);
}

/* ---- tables ----------------------------------------------------------------------- */

static const struct table {
	struct fl_dpipe_table dpipe;
	void (*put)(const struct asked *asked, uint32_t index);
} tables[MLXSW_TABLES] = {
	[TABLE_ERIF] = {
		{ .name = "mlxsw_erif",
		  .matches = erif_matches, .match_count = FL_ARRAY_SIZE(erif_matches),
		  .actions = erif_actions, .action_count = FL_ARRAY_SIZE(erif_actions) },
		erif_put,
	},
	[TABLE_HOST4] = {
		{ .name = "mlxsw_host4",
		  .has_resource = true, .resource_id = MLXSW_RESOURCE_HASH_SINGLE,
		  .resource_units = 1,
		  .matches = host4_matches, .match_count = FL_ARRAY_SIZE(host4_matches),
		  .actions = host4_actions, .action_count = FL_ARRAY_SIZE(host4_actions) },
		host4_put,
	},
	[TABLE_ADJ] = {
		{ .name = "mlxsw_adj",
		  .has_resource = true, .resource_id = MLXSW_RESOURCE_LINEAR,
		  .resource_units = 1,
		  .matches = adj_matches, .match_count = FL_ARRAY_SIZE(adj_matches),
		  .actions = adj_actions, .action_count = FL_ARRAY_SIZE(adj_actions) },
		adj_put,
	},
};

static struct fl_cell *table_size(const struct mlxsw *sw, int table)
{
	return table == TABLE_ERIF ? sw->erifs : table == TABLE_HOST4 ? sw->hosts : sw->adjacencies;
}

void mlxsw_dpipe_register(struct mlxsw *sw, struct fl_txn *txn)
{
	for (int i = 0; i < MLXSW_TABLES; i++) {
		struct fl_dpipe_table table = tables[i].dpipe;

		table.size = table_size(sw, i);
		table.priv = (void *)&tables[i];
		fl_dpipe_table_register(txn, &table);
		__atomic_store_n(&sw->counting_since[i], 0, __ATOMIC_RELAXED);
	}
}

void mlxsw_dpipe_unregister(struct fl_txn *txn)
{
	for (int i = 0; i < MLXSW_TABLES; i++)
		fl_dpipe_table_unregister(txn, tables[i].dpipe.name);
}

/* The firmware is read in one go, then the answer is made. */
struct reading {
	void *saved;
	struct asked asked;
	const struct table *table;
};

static int entries_read(struct fl_op *op)
{
	struct reading *reading = fl_op_data(op);
	int err = fl_op_result(op);
	uint64_t size;

	if (!err) {
		size = fl_cell_value(table_size(reading->asked.sw, reading->table - tables));
		for (uint64_t i = 0; i < size; i++)
			reading->table->put(&reading->asked, i);
	}
	fl_op_set_data(op, reading->saved);
	free(reading);
	return err;
}

static int entries(struct fl_op *op, struct fl_txn *txn, const char *name, void *priv,
		   bool counters, struct fl_dpipe_answer *answer)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return -ENOMEM;
	reading->saved = fl_op_data(op);
	reading->asked = (struct asked){ mlxsw_of(txn), answer, counters };
	reading->table = priv;
	fl_op_set_data(op, reading);
	fl_op_then(op, entries_read);
	return mlxsw_command(op, reading->asked.sw);
}

static int counters_set(struct fl_op *op, struct fl_txn *txn, const char *name, void *priv,
			bool counters)
{
	struct mlxsw *sw = mlxsw_of(txn);
	const struct table *table = priv;

	__atomic_store_n(&sw->counting_since[table - tables], counters ? fl_now_ns() : 0,
			 __ATOMIC_RELAXED);
	return mlxsw_command(op, sw);
}

const struct fl_dpipe_ops mlxsw_dpipe_ops = {
	.headers = headers,
	.header_count = FL_ARRAY_SIZE(headers),
	.entries = entries,
	.counters_set = counters_set,
};
