/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port-split.c - PORT_SPLIT and PORT_UNSPLIT: what the device makes of its lanes. Other ports
 * come and go by them, so they are alone on all ports and on what those have; not on the
 * instance, where they would wait for a flash.
 */
#include <errno.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/port.h"

static int check_split(struct fl_cmd_op *cmd, uint32_t *ret_count)
{
	struct fl_extack *extack = &cmd->req->extack;
	struct fl_port_state state;
	uint32_t count;

	if (fl_port_read(cmd->txn, cmd->port, &state))
		return -ENODEV;
	count = fl_attr_u32(cmd->req->tb[DEVLINK_ATTR_PORT_SPLIT_COUNT]);
	if (!state.attrs.splittable) {
		fl_extack_set(extack, state.attrs.split ? "Port cannot be split further"
							: "Port cannot be split");
		return -EINVAL;
	}
	if (count < 2 || count & (count - 1) || count > state.attrs.lanes) {
		fl_extack_set(extack, "Invalid split count");
		return -EINVAL;
	}
	*ret_count = count;
	return 0;
}

static int split_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	uint32_t count;
	int err;

	err = check_split(cmd, &count);
	if (err)
		return err;
	return fl_border_step(cmd->dl, "port.split",
			      cmd->dl->ops->port->split(op, cmd->txn, cmd->port, count));
}

static const struct fl_cmd_op_type split_type = {
	FL_CMD_OP("port-split", 0),
	.work = split_work,
};

int fl_port_split_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	uint32_t port;
	int err;

	err = fl_req_port_get(req, &dl, &port, NULL);
	if (err)
		return err;
	if (!req->tb[DEVLINK_ATTR_PORT_SPLIT_COUNT]) {
		fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_PORT_SPLIT_COUNT);
		err = -EINVAL;
	} else if (!dl->ops->port || !dl->ops->port->split) {
		err = -EOPNOTSUPP;
	}
	if (!err)
		return fl_cmd_op_post(req, &split_type, dl, fl_devlink_ports_lane(dl), port, NULL);
	fl_devlink_put(dl);
	return err;
}

static int unsplit_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	if (!fl_txn_obj(cmd->txn, FL_OBJ_PORT, cmd->port))
		return -ENODEV;
	return fl_border_step(cmd->dl, "port.unsplit",
			      cmd->dl->ops->port->unsplit(op, cmd->txn, cmd->port));
}

static const struct fl_cmd_op_type unsplit_type = {
	FL_CMD_OP("port-unsplit", 0),
	.work = unsplit_work,
};

int fl_port_unsplit_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	uint32_t port;
	int err;

	err = fl_req_port_get(req, &dl, &port, NULL);
	if (err)
		return err;
	if (dl->ops->port && dl->ops->port->unsplit)
		return fl_cmd_op_post(req, &unsplit_type, dl, fl_devlink_ports_lane(dl), port,
				      NULL);
	fl_devlink_put(dl);
	return -EOPNOTSUPP;
}
