/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port.h - ports as core/ keeps them. */
#ifndef FL_CORE_PORT_H
#define FL_CORE_PORT_H

#include "core/instance.h"

/* A port in a version; see struct fl_obj for who may write when. */
struct fl_port {
	struct fl_obj obj;
	struct fl_port_state state;
	uint32_t ifindex;
	char netdev[16];             /* IFNAMSIZ; "" for none */
	bool added;                  /* by PORT_NEW: PORT_DEL may remove it */
	struct fl_lane *lane;        /* of its function, referenced; NULL: the instance's */
	struct fl_devlink *nested;   /* on its function, referenced, or NULL */
	enum devlink_port_type desired; /* that a client has set, or notset */
	char *ibdev;                 /* or NULL */
	uint16_t fn_nest;            /* where DEVLINK_ATTR_PORT_FUNCTION is in the image, or 0 */
};

static inline const struct fl_port *fl_obj_port(const struct fl_obj *obj)
{
	return (const struct fl_port *)obj;
}

/* The port of a version. Context: RCU read section. */
const struct fl_port *fl_port_find(const struct fl_version *version, uint32_t index);

/* The port that the request names, found in *ret_version: -EINVAL if it names none, -ENODEV.
 * Context: RCU read section. */
int fl_req_port(const struct fl_req *req, struct fl_devlink **ret_dl,
		const struct fl_version **ret_version, const struct fl_port **ret_port);
/* Where operations on a port queue. */
struct fl_port_place {
	struct fl_lane *lane; /* referenced */
	bool added;           /* by PORT_NEW */
};

/* The same for operations: the instance with a reference; ret_place may be NULL. Context: any. */
int fl_req_port_get(const struct fl_req *req, struct fl_devlink **ret_dl, uint32_t *ret_index,
		    struct fl_port_place *ret_place);

/* Remembers the type that a client asked for. */
void fl_port_desired_set(struct fl_txn *txn, uint32_t index, enum devlink_port_type type);

/* Puts DEVLINK_ATTR_PORT_FUNCTION without its end, so that a nested handle can follow;
 * nothing if the port has no function. Returns the offset of the nest, or 0. */
size_t fl_port_fn_encode(struct fl_msg *msg, const struct fl_port *port);

/* Reads DEVLINK_ATTR_PORT_FUNCTION and checks it against what the port's function
 * supports. Returns 0 or a negative errno with extack. */
int fl_port_fn_parse(const struct nlattr *attr, const struct fl_port_state *state,
		     struct fl_port_fn_change *ret_change, struct fl_extack *extack);

#endif
