/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port-cmd.c - what clients ask of ports: PORT_GET, PORT_SET, PORT_NEW, PORT_DEL, and their
 * parameters, of which there are none. Splitting: port-split.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/port.h"

int fl_req_port(const struct fl_req *req, struct fl_devlink **ret_dl,
		const struct fl_version **ret_version, const struct fl_port **ret_port)
{
	const struct fl_version *version;
	const struct fl_port *port;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink(req, &dl, &version);
	if (err)
		return err;
	if (!req->tb[DEVLINK_ATTR_PORT_INDEX])
		return -EINVAL;
	port = fl_port_find(version, fl_attr_u32(req->tb[DEVLINK_ATTR_PORT_INDEX]));
	if (!port)
		return -ENODEV;
	*ret_dl = dl;
	*ret_version = version;
	*ret_port = port;
	return 0;
}

int fl_req_port_get(const struct fl_req *req, struct fl_devlink **ret_dl, uint32_t *ret_index,
		    struct fl_port_place *ret_place)
{
	const struct fl_version *version;
	const struct fl_port *port;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_port(req, &dl, &version, &port);
	if (!err && !fl_devlink_try_get(dl))
		err = -ENODEV;
	if (!err) {
		*ret_dl = dl;
		*ret_index = port->state.attrs.index;
	}
	if (!err && ret_place) {
		ret_place->lane = fl_lane_get(port->lane ? port->lane : fl_devlink_ports_lane(dl));
		ret_place->added = port->added;
	}
	fl_rcu_read_unlock();
	return err;
}

/* ---- PORT_GET --------------------------------------------------------------------- */

int fl_port_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	const struct fl_port *port;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_port(req, &dl, &version, &port);
	if (!err)
		err = fl_obj_put(&req->reply, &port->obj, DEVLINK_CMD_PORT_NEW, 0,
				 req->nlh->nlmsg_seq, req->portid, req->ns);
	fl_rcu_read_unlock();
	return err;
}

int fl_port_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	return fl_dump_objs(req, dump, FL_OBJ_PORT, DEVLINK_CMD_PORT_NEW);
}

/* ---- PORT_SET --------------------------------------------------------------------- */

static int port_set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	int err = fl_op_result(op);

	if (!err)
		fl_port_notify(cmd->txn, cmd->port);
	return err;
}

static int port_set_function(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_PORT_FUNCTION];
	struct fl_port_fn_change *change = cmd->arg;
	struct fl_port_state state;
	int err = fl_op_result(op);

	if (err || !attr)
		return err;
	err = fl_port_read(cmd->txn, cmd->port, &state);
	if (!err)
		err = fl_port_fn_parse(attr, &state, change, &cmd->req->extack);
	if (err)
		return err;
	fl_op_then(&cmd->op, port_set_done);
	if (!change->set || !cmd->dl->ops->port_fn_set)
		return 0;
	return fl_border_step(cmd->dl, "port_fn_set",
			      cmd->dl->ops->port_fn_set(&cmd->op, cmd->txn, cmd->port, change));
}

static int port_set_type_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	if (fl_op_result(op))
		return fl_op_result(op);
	fl_port_desired_set(cmd->txn, cmd->port, fl_attr_u16(cmd->req->tb[DEVLINK_ATTR_PORT_TYPE]));
	fl_port_notify(cmd->txn, cmd->port);
	/* The type stays, should the function be refused then. */
	cmd->keep = true;
	return 0;
}

static int port_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_PORT_TYPE];
	const struct fl_port_ops *ops = cmd->dl->ops->port;
	struct fl_port_state state;
	int err;

	err = fl_port_read(cmd->txn, cmd->port, &state);
	if (err)
		return err;
	fl_op_then(op, port_set_function);
	if (!attr)
		return 0;
	if (!ops || !ops->type_set)
		return -EOPNOTSUPP;
	if (fl_attr_u16(attr) == state.type)
		return 0;
	fl_op_then(op, port_set_type_done);
	return fl_border_step(cmd->dl, "port.type_set",
			      ops->type_set(op, cmd->txn, cmd->port, fl_attr_u16(attr)));
}

static void port_set_over(struct fl_cmd_op *cmd, int err)
{
	free(cmd->arg);
}

static const struct fl_cmd_op_type port_set_type_op = {
	FL_CMD_OP("port-set", 0),
	.work = port_set_work,
	.over = port_set_over,
};

int fl_port_set_doit(struct fl_req *req)
{
	struct fl_port_fn_change *change;
	struct fl_port_place place;
	struct fl_devlink *dl;
	uint32_t port;
	int err;

	err = fl_req_port_get(req, &dl, &port, &place);
	if (err)
		return err;
	change = calloc(1, sizeof(*change));
	if (change) {
		err = fl_cmd_op_post(req, &port_set_type_op, dl, place.lane, port, change);
	} else {
		fl_devlink_put(dl);
		err = -ENOMEM;
	}
	if (err < 0)
		free(change);
	fl_lane_put(place.lane);
	return err;
}

/* ---- PORT_NEW --------------------------------------------------------------------- */

struct port_new {
	struct fl_port_new_attrs attrs;
	struct fl_lane *lane;
};

/* A driver that says that it made the port, but did not, is stopped here. */
static int port_new_check(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	if (fl_op_result(op) || fl_txn_obj(cmd->txn, FL_OBJ_PORT, cmd->port))
		return fl_op_result(op);
	if (cmd->txn->err) /* it wanted to */
		return cmd->txn->err;
	fl_log(FL_LOG_ERR, "%s/%s: its driver's port_new returned 0 but added no port %u",
	       fl_devlink_bus_name(cmd->dl), fl_devlink_dev_name(cmd->dl), cmd->port);
	fl_extack_set(&cmd->req->extack, "The driver did not make the port");
	return -EIO;
}

static int port_new_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct port_new *new = cmd->arg;

	fl_op_then(op, port_new_check);
	cmd->txn->new_lane = new->lane;
	cmd->txn->new_lane_index = cmd->port;
	return fl_border_step(cmd->dl, "port_new",
			      cmd->dl->ops->port_new(op, cmd->txn, cmd->port, &new->attrs));
}

static void port_new_reply(struct fl_cmd_op *cmd)
{
	const struct fl_port *port;

	fl_rcu_read_lock();
	port = fl_port_find(fl_devlink_version(cmd->dl), cmd->port);
	if (port)
		fl_obj_put(&cmd->req->reply, &port->obj, DEVLINK_CMD_PORT_NEW, 0,
			   cmd->req->nlh->nlmsg_seq, cmd->req->portid, cmd->req->ns);
	fl_rcu_read_unlock();
}

static void port_new_undo(struct fl_devlink *dl, uint32_t index, struct port_new *new)
{
	if (new->lane)
		fl_lane_discard(new->lane);
	dl->ops->port_release(dl, index);
}

static void port_new_free(struct port_new *new)
{
	fl_lane_put(new->lane);
	free(new);
}

static void port_new_over(struct fl_cmd_op *cmd, int err)
{
	if (err)
		port_new_undo(cmd->dl, cmd->port, cmd->arg);
	port_new_free(cmd->arg);
}

static const struct fl_cmd_op_type port_new_type = {
	FL_CMD_OP("port-new", 0),
	.work = port_new_work,
	.reply = port_new_reply,
	.over = port_new_over,
};

static int port_new_parse(struct fl_req *req, struct fl_port_new_attrs *ret_attrs)
{
	struct fl_port_new_attrs attrs = { 0 };
	const struct nlattr **tb = req->tb;

	if (!tb[DEVLINK_ATTR_PORT_FLAVOUR] || !tb[DEVLINK_ATTR_PORT_PCI_PF_NUMBER]) {
		fl_extack_set(&req->extack, "Port flavour or PCI PF are not specified");
		return -EINVAL;
	}
	attrs.flavour = fl_attr_u16(tb[DEVLINK_ATTR_PORT_FLAVOUR]);
	attrs.pfnum = fl_attr_u16(tb[DEVLINK_ATTR_PORT_PCI_PF_NUMBER]);
	if (tb[DEVLINK_ATTR_PORT_INDEX]) {
		attrs.has_index = true;
		attrs.index = fl_attr_u32(tb[DEVLINK_ATTR_PORT_INDEX]);
	}
	if (tb[DEVLINK_ATTR_PORT_CONTROLLER_NUMBER]) {
		attrs.has_controller = true;
		attrs.controller = fl_attr_u32(tb[DEVLINK_ATTR_PORT_CONTROLLER_NUMBER]);
	}
	if (attrs.flavour == DEVLINK_PORT_FLAVOUR_PCI_SF && tb[DEVLINK_ATTR_PORT_PCI_SF_NUMBER]) {
		attrs.has_sfnum = true;
		attrs.sfnum = fl_attr_u32(tb[DEVLINK_ATTR_PORT_PCI_SF_NUMBER]);
	}
	*ret_attrs = attrs;
	return 0;
}

/* A lane of its own for the port that will be: other ports' commands do not see it. */
static int port_new_post(struct fl_req *req, struct fl_devlink *dl, struct port_new *new)
{
	uint32_t index;
	char name[96];
	int err;

	err = fl_border_result(dl, "port_reserve",
			       dl->ops->port_reserve(dl, &new->attrs, &index, &req->extack));
	if (err)
		goto out_put_devlink;
	snprintf(name, sizeof(name), "%s/%u", fl_lane_name(dl->lane), index);
	err = fl_lane_new(fl_plane_sched(dl->plane), fl_devlink_ports_lane(dl), name, NULL,
			  &new->lane);
	if (err)
		goto out_release;
	fl_devlink_get(dl);
	err = fl_cmd_op_post(req, &port_new_type, dl, new->lane, index, new);
	if (err < 0)
		goto out_release_get;
	fl_devlink_put(dl);
	return err;

out_release_get:
	port_new_undo(dl, index, new);
	goto out_put_devlink;
out_release:
	dl->ops->port_release(dl, index);
out_put_devlink:
	fl_devlink_put(dl);
	return err;
}

int fl_port_new_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	struct port_new *new;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	new = calloc(1, sizeof(*new));
	if (!new)
		err = -ENOMEM;
	else if (!dl->ops->port_new)
		err = -EOPNOTSUPP;
	else
		err = port_new_parse(req, &new->attrs);
	if (err)
		fl_devlink_put(dl);
	else
		err = port_new_post(req, dl, new);
	if (err < 0 && new)
		port_new_free(new);
	return err;
}

/* ---- PORT_DEL --------------------------------------------------------------------- */

static int port_del_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	if (!fl_txn_obj(cmd->txn, FL_OBJ_PORT, cmd->port))
		return -ENODEV;
	return fl_border_step(cmd->dl, "port_del",
			      cmd->dl->ops->port_del(op, cmd->txn, cmd->port));
}

static const struct fl_cmd_op_type port_del_type = {
	FL_CMD_OP("port-del", FL_OP_REMOVES),
	.work = port_del_work,
};

int fl_port_del_doit(struct fl_req *req)
{
	struct fl_port_place place;
	struct fl_devlink *dl;
	uint32_t port;
	int err;

	err = fl_req_port_get(req, &dl, &port, &place);
	if (err)
		return err;
	if (!dl->ops->port_del || !place.added) {
		fl_devlink_put(dl);
		err = -EOPNOTSUPP;
	} else {
		err = fl_cmd_op_post(req, &port_del_type, dl, place.lane, port, NULL);
	}
	fl_lane_put(place.lane);
	return err;
}

/* ---- PORT_PARAM_GET, PORT_PARAM_SET: refused, once the port was found ------------- */

int fl_port_param_doit(struct fl_req *req)
{
	const struct fl_version *version;
	const struct fl_port *port;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_port(req, &dl, &version, &port);
	fl_rcu_read_unlock();
	if (err)
		return err;
	fl_extack_set(&req->extack, "Port params are not supported");
	return -EINVAL;
}

int fl_port_param_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	fl_extack_set(&req->extack, "Port params are not supported");
	return 0;
}
