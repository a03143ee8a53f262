/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resource.h - resources as core/ keeps them. */
#ifndef FL_CORE_RESOURCE_H
#define FL_CORE_RESOURCE_H

#include "core/instance.h"

struct fl_resource_node {
	struct fl_resource desc; /* desc.name is the tree's own copy */
	uint64_t size_new;       /* what a client has set; desc.size otherwise */
	bool size_valid;         /* not less than its children together */
	struct fl_cell *occ;     /* counted, or NULL */
};

/* Where in the image the occupancy of a resource stands. */
struct fl_resource_occ_at {
	uint32_t offset;
	struct fl_cell *occ; /* the node's */
};

/*
 * All resources of a device (key 0 of FL_OBJ_RESOURCE), or of a port (FL_PORT_KEY(port, 0) of
 * FL_OBJ_PORT_RESOURCE); parents before their children. Answers are whole trees, so a tree is
 * one object. Its image is a message with the handle, followed by one DEVLINK_ATTR_RESOURCE
 * for each resource at the top, which an answer puts into its list.
 */
struct fl_resource_tree {
	struct fl_obj obj;
	struct fl_resource_node *node;
	size_t count;
	uint32_t *top; /* offsets in the image of those at the top, and of its end */
	size_t tops;
	struct fl_resource_occ_at *occ; /* ascending */
	size_t occs;
};

/* NULL if there are none. Context: RCU read section. */
const struct fl_resource_tree *fl_resource_tree(const struct fl_version *version);
const struct fl_resource_tree *fl_port_resource_tree(const struct fl_version *version,
						     uint32_t port);

/* Puts one message (flags, seq, portid as given) with as many of the resources at the top, from
 * *from on, as fit into msg and into `room` bytes; *from is set behind them. Returns 0, or
 * -EMSGSIZE if not even one did (msg is as it was), or -ENOMEM. Context: RCU read section. */
int fl_resource_put(struct fl_msg *msg, const struct fl_resource_tree *tree, size_t room,
		    uint16_t flags, uint32_t seq, uint32_t portid, size_t *from);

/* Sets the size that a client asks for: -EINVAL with extack. */
int fl_resource_size_set(struct fl_txn *txn, uint64_t id, uint64_t size);

/* Whether all of the device's parents are as large as their children together. */
bool fl_resources_valid(struct fl_txn *txn);

#endif
