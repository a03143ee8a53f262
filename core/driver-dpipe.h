/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-dpipe.h - the tables of a device's packet pipeline, as a driver shows them.
 *
 * Headers are described once, for all instances of a driver; tables come and go. What is in a
 * table the device is asked for each time.
 * Context of fl_dpipe_table_*(): alone on the instance's lane. Nothing of it is announced.
 */
#ifndef FL_CORE_DRIVER_DPIPE_H
#define FL_CORE_DRIVER_DPIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/driver-cell.h"
#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_op;
struct fl_txn;
struct fl_dpipe_answer;

/* ---- headers and fields ----------------------------------------------------------- */

struct fl_dpipe_field {
	const char *name; /* DEVLINK_ATTR_DPIPE_FIELD_NAME */
	uint32_t id;	  /* in its header */
	uint32_t bitwidth;
	enum devlink_dpipe_field_mapping_type mapping; /* what a value can be mapped to */
};

struct fl_dpipe_header {
	const char *name; /* DEVLINK_ATTR_DPIPE_HEADER_NAME */
	uint32_t id;	  /* of a global one: enum devlink_dpipe_header_id */
	bool global;	  /* one that all drivers share */
	const struct fl_dpipe_field *fields;
	size_t field_count;
};

/* The global ones. Fields: DEVLINK_DPIPE_FIELD_... */
extern const struct fl_dpipe_header fl_dpipe_header_ethernet;
extern const struct fl_dpipe_header fl_dpipe_header_ipv4;
extern const struct fl_dpipe_header fl_dpipe_header_ipv6;

/* ---- tables ----------------------------------------------------------------------- */

/* What of a packet is matched or changed. */
struct fl_dpipe_ref {
	uint32_t type; /* enum devlink_dpipe_match_type or devlink_dpipe_action_type */
	const struct fl_dpipe_header *header;
	uint32_t header_index; /* which, if a packet has several */
	uint32_t field;	       /* id */
};

struct fl_dpipe_table {
	const char *name;     /* DEVLINK_ATTR_DPIPE_TABLE_NAME; copied */
	struct fl_cell *size; /* how many entries it has room for; NULL: 0 */
	bool counters;	      /* entries are counted, at first */
	bool counters_extern; /* whether they are is not the client's to say: -EOPNOTSUPP */
	bool has_resource;    /* told: which resource it takes, and how much for one entry */
	uint64_t resource_id, resource_units;
	const struct fl_dpipe_ref *matches, *actions; /* what they refer to must stay valid */
	size_t match_count, action_count;
	void *priv; /* given to the callbacks */
};

/* Adds a table. Sticky -EEXIST (the name), -ENOMEM, -EMSGSIZE (too much for one message). */
void fl_dpipe_table_register(struct fl_txn *txn, const struct fl_dpipe_table *table);
/* Sticky -ENODEV. */
void fl_dpipe_table_unregister(struct fl_txn *txn, const char *name);

/* ---- what is in them -------------------------------------------------------------- */

struct fl_dpipe_value {
	struct fl_dpipe_ref ref;
	const void *value, *mask; /* mask NULL: not told */
	uint16_t size;		  /* bytes of each */
	bool has_mapping;
	uint32_t mapping; /* an ifindex, say */
};

struct fl_dpipe_entry {
	uint64_t index;
	bool has_counter;
	uint64_t counter;
	const struct fl_dpipe_value *matches, *actions;
	size_t match_count, action_count;
};

/* Adds an entry to the answer; everything is copied. Errors stick and end the request: -ENOMEM,
 * -EMSGSIZE (one entry must fit in 3776 bytes). Context: a step of `entries`. */
void fl_dpipe_entry_put(struct fl_dpipe_answer *answer, const struct fl_dpipe_entry *entry);

/*
 * Steps. Context: alone on the instance's dpipe lane, shared on the instance's. Valid replies: 0;
 * -errno with text in fl_txn_extack() ends the request. Strings live as long as the operation.
 */
struct fl_dpipe_ops {
	const struct fl_dpipe_header *const *headers; /* NULL: HEADERS_GET is not supported */
	size_t header_count;
	/* Tells what is in a table now by fl_dpipe_entry_put(); counters only if they are on.
	 * NULL: -EINVAL, as the kernel has it. */
	int (*entries)(struct fl_op *op, struct fl_txn *txn, const char *table, void *priv,
		       bool counters, struct fl_dpipe_answer *answer);
	/* Begins or ends to count, only where that is a change; may be NULL: nothing to do. With
	 * -errno it stays as it was. */
	int (*counters_set)(struct fl_op *op, struct fl_txn *txn, const char *table, void *priv,
			    bool counters);
};

#pragma GCC visibility pop

#endif
