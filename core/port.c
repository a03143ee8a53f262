/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port.c - ports: what a driver says of them, and how they are shown. What clients ask of
 * them: port-cmd.c; their functions: port-fn.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "core/health.h"
#include "core/port.h"
#include "core/region.h"
#include "core/txn.h"
#include "nl/ctrl.h"

const struct fl_port *fl_port_find(const struct fl_version *version, uint32_t index)
{
	return fl_pmap_get(version->objs[FL_OBJ_PORT], index);
}

/* ---- encoding --------------------------------------------------------------------- */

static void put_type(struct fl_msg *msg, const struct fl_port *port)
{
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_TYPE, port->state.type);
	if (port->desired != DEVLINK_PORT_TYPE_NOTSET)
		fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_DESIRED_TYPE, port->desired);
	if (port->ifindex) {
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_NETDEV_IFINDEX, port->ifindex);
		fl_msg_put_str(msg, DEVLINK_ATTR_PORT_NETDEV_NAME, port->netdev);
	}
	if (port->ibdev && port->state.type == DEVLINK_PORT_TYPE_IB)
		fl_msg_put_str(msg, DEVLINK_ATTR_PORT_IBDEV_NAME, port->ibdev);
}

static void put_pci(struct fl_msg *msg, const struct fl_port_attrs *attrs)
{
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_CONTROLLER_NUMBER, attrs->controller);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, attrs->pf);
	if (attrs->flavour == DEVLINK_PORT_FLAVOUR_PCI_VF)
		fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_PCI_VF_NUMBER, attrs->vf);
	if (attrs->flavour == DEVLINK_PORT_FLAVOUR_PCI_SF)
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, attrs->sf);
	fl_msg_put_u8(msg, DEVLINK_ATTR_PORT_EXTERNAL, attrs->external);
}

static void put_physical(struct fl_msg *msg, const struct fl_port_attrs *attrs)
{
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_NUMBER, attrs->phys_number);
	if (!attrs->split)
		return;
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_SPLIT_GROUP, attrs->phys_number);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_SPLIT_SUBPORT_NUMBER, attrs->split_subnumber);
}

static void put_attrs(struct fl_msg *msg, const struct fl_port_attrs *attrs)
{
	if (attrs->lanes)
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_LANES, attrs->lanes);
	fl_msg_put_u8(msg, DEVLINK_ATTR_PORT_SPLITTABLE, attrs->splittable);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_FLAVOUR, attrs->flavour);
	switch (attrs->flavour) {
	case DEVLINK_PORT_FLAVOUR_PCI_PF:
	case DEVLINK_PORT_FLAVOUR_PCI_VF:
	case DEVLINK_PORT_FLAVOUR_PCI_SF:
		put_pci(msg, attrs);
		break;
	case DEVLINK_PORT_FLAVOUR_PHYSICAL:
	case DEVLINK_PORT_FLAVOUR_CPU:
	case DEVLINK_PORT_FLAVOUR_DSA:
		put_physical(msg, attrs);
		break;
	case DEVLINK_PORT_FLAVOUR_VIRTUAL:
	case DEVLINK_PORT_FLAVOUR_UNUSED:
		break;
	}
}

static void port_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	struct fl_port *port = (struct fl_port *)obj;

	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_PORT_NEW, 1);
	fl_devlink_put_handle(msg, txn->dl);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, port->state.attrs.index);
	put_type(msg, port);
	put_attrs(msg, &port->state.attrs);
	port->fn_nest = fl_port_fn_encode(msg, port);
	if (port->state.attrs.has_linecard)
		fl_msg_put_u32(msg, DEVLINK_ATTR_LINECARD_INDEX, port->state.attrs.linecard);
	fl_msg_end(msg);
}

/* The function's nest is the last attribute, and the nested handle the last in it: they
 * grow together at the end of the copy. */
static void port_resolve(struct fl_msg *msg, size_t at, const struct fl_obj *obj,
			 const struct fl_netns *asker)
{
	const struct fl_port *port = fl_obj_port(obj);
	size_t before = msg->len;

	if (!port->nested || !port->fn_nest)
		return;
	if (!fl_devlink_put_nested(msg, DEVLINK_PORT_FN_ATTR_DEVLINK, port->nested, asker) ||
	    msg->err)
		return;
	((struct nlattr *)(msg->buf + at + port->fn_nest))->nla_len += msg->len - before;
	((struct nlmsghdr *)(msg->buf + at))->nlmsg_len += msg->len - before;
}

static void port_free(struct fl_obj *obj)
{
	struct fl_port *port = (struct fl_port *)obj;

	fl_lane_put(port->lane);
	fl_devlink_put(port->nested);
	free(port->ibdev);
	free(port->obj.image);
	free(port);
}

static const struct fl_obj_ops port_ops = {
	.kind = FL_OBJ_PORT,
	.of_port = true,
	.encode = port_encode,
	.resolve = port_resolve,
	.free = port_free,
	.cmd_new = DEVLINK_CMD_PORT_NEW,
	.cmd_del = DEVLINK_CMD_PORT_DEL,
};

/* ---- edits ------------------------------------------------------------------------ */

static int port_copy(struct fl_txn *txn, uint32_t index, struct fl_port *copy)
{
	const struct fl_obj *obj;
	int err = -ENODEV;

	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_PORT, index);
	if (obj) {
		*copy = *fl_obj_port(obj);
		copy->obj.image = NULL;
		if (copy->ibdev)
			copy->ibdev = strdup(copy->ibdev);
		err = fl_obj_port(obj)->ibdev && !copy->ibdev ? -ENOMEM : 0;
	}
	if (!err && copy->lane)
		fl_lane_get(copy->lane);
	if (!err && copy->nested)
		fl_devlink_get(copy->nested);
	fl_rcu_read_unlock();
	return err;
}

/* The port as something to write to: the pending copy, made at the first change. */
static struct fl_port *port_write(struct fl_txn *txn, uint32_t index)
{
	struct fl_edit *edit = fl_txn_edit(txn, FL_OBJ_PORT, index);
	struct fl_port *copy;
	int err;

	if (edit) {
		if (!edit->obj)
			fl_txn_fail(txn, -ENODEV);
		return (struct fl_port *)edit->obj;
	}
	copy = malloc(sizeof(*copy));
	if (!copy) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	err = port_copy(txn, index, copy);
	if (err) {
		free(copy);
		fl_txn_fail(txn, err);
		return NULL;
	}
	fl_txn_set(txn, FL_OBJ_PORT, index, &copy->obj);
	return txn->err ? NULL : copy;
}

static bool port_lane_keep(struct fl_txn *txn, struct fl_port *port)
{
	const struct fl_port *old;

	fl_rcu_read_lock();
	old = fl_port_find(fl_devlink_version(txn->dl), port->state.attrs.index);
	if (old && old->lane) {
		port->lane = fl_lane_get(old->lane);
		port->added = old->added;
	}
	fl_rcu_read_unlock();
	return port->lane;
}

static int port_lane_init(struct fl_txn *txn, struct fl_port *port)
{
	const struct fl_port_attrs *attrs = &port->state.attrs;
	char name[96];

	if (txn->new_lane && txn->new_lane_index == attrs->index) {
		port->lane = fl_lane_get(txn->new_lane);
		port->added = true;
		return 0;
	}
	if (!attrs->has_lane)
		return 0;
	/* One that goes and comes again in one transaction stays the same thing to those that
	 * queue at its lane. */
	if (port_lane_keep(txn, port))
		return 0;
	snprintf(name, sizeof(name), "%s/%u", fl_lane_name(txn->dl->lane), attrs->index);
	return fl_lane_new(fl_plane_sched(txn->dl->plane), fl_devlink_ports_lane(txn->dl), name,
			   NULL, &port->lane);
}

void fl_port_add(struct fl_txn *txn, const struct fl_port_attrs *attrs)
{
	struct fl_port *port;
	int err;

	if (fl_txn_obj(txn, FL_OBJ_PORT, attrs->index)) {
		fl_txn_fail(txn, -EEXIST);
		return;
	}
	/* The function's nest grows at the end of the message while answering. */
	if (attrs->has_linecard && attrs->fn) {
		fl_txn_fail(txn, -EINVAL);
		return;
	}
	port = calloc(1, sizeof(*port));
	if (!port) {
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	port->obj.ops = &port_ops;
	port->obj.key = attrs->index;
	port->state.attrs = *attrs;
	port->state.type = DEVLINK_PORT_TYPE_NOTSET;
	port->state.hw_addr_len = attrs->fn & FL_PORT_FN_HW_ADDR ? 6 : 0;
	err = port_lane_init(txn, port);
	if (err) {
		port_free(&port->obj);
		fl_txn_fail(txn, err);
		return;
	}
	fl_txn_set(txn, FL_OBJ_PORT, attrs->index, &port->obj);
	fl_port_notify(txn, attrs->index);
}

void fl_port_del(struct fl_txn *txn, uint32_t index)
{
	const struct fl_obj *obj;

	fl_port_reporters_del(txn, index);
	fl_port_regions_del(txn, index);
	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_PORT, index);
	if (obj)
		fl_txn_notify_obj(txn, obj, DEVLINK_CMD_PORT_DEL);
	fl_rcu_read_unlock();
	if (obj)
		fl_txn_set(txn, FL_OBJ_PORT, index, NULL);
	else
		fl_txn_fail(txn, -ENODEV);
}

void fl_port_notify(struct fl_txn *txn, uint32_t index)
{
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_PORT, index);
	if (obj)
		fl_txn_notify_obj(txn, obj, DEVLINK_CMD_PORT_NEW);
	fl_rcu_read_unlock();
}

void fl_port_type_set(struct fl_txn *txn, uint32_t index, enum devlink_port_type type)
{
	struct fl_port *port = port_write(txn, index);

	if (port)
		port->state.type = type;
}

void fl_port_netdev_set(struct fl_txn *txn, uint32_t index, uint32_t ifindex, const char *name)
{
	struct fl_port *port = port_write(txn, index);

	if (!port)
		return;
	port->ifindex = ifindex;
	snprintf(port->netdev, sizeof(port->netdev), "%s", name ? name : "");
}

void fl_port_desired_set(struct fl_txn *txn, uint32_t index, enum devlink_port_type type)
{
	struct fl_port *port = port_write(txn, index);

	if (port)
		port->desired = type;
}

void fl_port_ibdev_set(struct fl_txn *txn, uint32_t index, const char *name)
{
	struct fl_port *port = port_write(txn, index);

	if (!port)
		return;
	free(port->ibdev);
	port->ibdev = name ? strdup(name) : NULL;
	if (name && !port->ibdev)
		fl_txn_fail(txn, -ENOMEM);
}

void fl_port_fn_hw_addr_set(struct fl_txn *txn, uint32_t index, const uint8_t *addr, size_t len)
{
	struct fl_port *port = port_write(txn, index);

	if (!port)
		return;
	fl_assert(len <= FL_HW_ADDR_MAX);
	memcpy(port->state.hw_addr, addr, len);
	port->state.hw_addr_len = len;
}

void fl_port_fn_state_set(struct fl_txn *txn, uint32_t index, enum devlink_port_fn_state state)
{
	struct fl_port *port = port_write(txn, index);

	if (port)
		port->state.state = state;
}

void fl_port_fn_opstate_set(struct fl_txn *txn, uint32_t index,
			    enum devlink_port_fn_opstate opstate)
{
	struct fl_port *port = port_write(txn, index);

	if (port)
		port->state.opstate = opstate;
}

void fl_port_fn_caps_set(struct fl_txn *txn, uint32_t index, uint32_t caps)
{
	struct fl_port *port = port_write(txn, index);

	if (port)
		port->state.caps = caps;
}

void fl_port_fn_max_io_eqs_set(struct fl_txn *txn, uint32_t index, uint32_t max_io_eqs)
{
	struct fl_port *port = port_write(txn, index);

	if (port)
		port->state.max_io_eqs = max_io_eqs;
}

void fl_port_fn_nested_set(struct fl_txn *txn, uint32_t index, struct fl_devlink *nested)
{
	struct fl_port *port = port_write(txn, index);

	if (!port)
		return;
	fl_devlink_put(port->nested);
	port->nested = nested ? fl_devlink_get(nested) : NULL;
	fl_nested_prepare(txn, fl_txn_edit(txn, FL_OBJ_PORT, index), nested);
}

int fl_port_read(struct fl_txn *txn, uint32_t index, struct fl_port_state *ret_state)
{
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_PORT, index);
	if (obj)
		*ret_state = fl_obj_port(obj)->state;
	fl_rcu_read_unlock();
	return obj ? 0 : -ENODEV;
}

struct fl_lane *fl_port_lane_get(struct fl_devlink *dl, uint32_t index)
{
	const struct fl_port *port;
	struct fl_lane *lane = NULL;

	fl_rcu_read_lock();
	port = fl_port_find(fl_devlink_version(dl), index);
	if (port && port->lane)
		lane = fl_lane_get(port->lane);
	fl_rcu_read_unlock();
	return lane;
}

/* ---- what a commit means for lanes and links -------------------------------------- */

void fl_port_committed(struct fl_txn *txn, struct fl_edit *edit)
{
	const struct fl_port *old = fl_obj_port(edit->replaced);
	const struct fl_port *now = fl_obj_port(edit->obj);

	fl_nested_committed(txn, edit, old ? old->nested : NULL, now ? now->nested : NULL);
	/* A removal on the port's own lane ends that lane itself. */
	if (old && old->lane && old->lane != fl_op_lane(txn->op) &&
	    (!now || now->lane != old->lane))
		fl_lane_discard(old->lane);
	edit->released = old && old->added && !(now && now->added);
}

void fl_port_aborted(struct fl_txn *txn, const struct fl_edit *edit)
{
	const struct fl_port *port = fl_obj_port(edit->obj);
	bool fresh;

	if (!port || !port->lane || port->lane == txn->new_lane)
		return;
	fl_rcu_read_lock();
	fresh = !fl_port_find(fl_devlink_version(txn->dl), edit->key);
	fl_rcu_read_unlock();
	if (fresh)
		fl_lane_discard(port->lane);
}
