/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * eswitch.c - the embedded switch's mode: ESWITCH_GET, ESWITCH_SET.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/rate.h"
#include "nl/ctrl.h"

static struct fl_image *eswitch_encode(const struct fl_devlink *dl, int mode, int inline_mode,
				       int encap_mode)
{
	struct fl_image *image;
	struct fl_msg msg;

	fl_msg_init(&msg);
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_ESWITCH_GET, 1);
	fl_devlink_put_handle(&msg, dl);
	if (mode >= 0)
		fl_msg_put_u16(&msg, DEVLINK_ATTR_ESWITCH_MODE, mode);
	if (inline_mode >= 0)
		fl_msg_put_u8(&msg, DEVLINK_ATTR_ESWITCH_INLINE_MODE, inline_mode);
	if (encap_mode >= 0)
		fl_msg_put_u8(&msg, DEVLINK_ATTR_ESWITCH_ENCAP_MODE, encap_mode);
	fl_msg_end(&msg);
	image = fl_image_new(&msg);
	fl_msg_done(&msg);
	return image;
}

void fl_eswitch_set(struct fl_txn *txn, int mode, int inline_mode, int encap_mode)
{
	fl_txn_touch(txn, FL_TXN_ESWITCH);
	free(txn->values.eswitch);
	txn->values.eswitch = eswitch_encode(txn->dl, mode, inline_mode, encap_mode);
	txn->values.eswitch_mode = mode;
	txn->values.eswitch_inline = inline_mode;
	txn->values.eswitch_encap = encap_mode;
	if (!txn->values.eswitch)
		fl_txn_fail(txn, -ENOMEM);
}

int fl_eswitch_mode(struct fl_txn *txn)
{
	if (!txn->values.eswitch || txn->values.eswitch_mode < 0)
		return -EOPNOTSUPP;
	return txn->values.eswitch_mode;
}

int fl_eswitch_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = !version->eswitch ? -EOPNOTSUPP :
			fl_image_put(&req->reply, version->eswitch, DEVLINK_CMD_ESWITCH_GET, 0,
				     req->nlh->nlmsg_seq, req->portid);
	fl_rcu_read_unlock();
	return err;
}

/* ---- ESWITCH_SET: mode, then inline mode, then encap mode ------------------------- */

static int set_encap(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_ESWITCH_ENCAP_MODE];

	if (fl_op_result(op) || !attr)
		return fl_op_result(op);
	cmd->keep |= cmd->req->tb[DEVLINK_ATTR_ESWITCH_INLINE_MODE] != NULL;
	if (!cmd->dl->ops->eswitch_encap_mode_set)
		return -EOPNOTSUPP;
	return fl_border_step(cmd->dl, "eswitch_encap_mode_set",
			      cmd->dl->ops->eswitch_encap_mode_set(op, cmd->txn, fl_attr_u8(attr)));
}

static int set_inline(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_ESWITCH_INLINE_MODE];

	if (fl_op_result(op))
		return fl_op_result(op);
	/* What is set stays set if the rest fails: the device is not asked to go back. */
	cmd->keep = cmd->req->tb[DEVLINK_ATTR_ESWITCH_MODE] != NULL;
	fl_op_then(op, set_encap);
	if (!attr)
		return 0;
	if (!cmd->dl->ops->eswitch_inline_mode_set)
		return -EOPNOTSUPP;
	return fl_border_step(
		cmd->dl, "eswitch_inline_mode_set",
		cmd->dl->ops->eswitch_inline_mode_set(op, cmd->txn, fl_attr_u8(attr)));
}

static int eswitch_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr *attr = cmd->req->tb[DEVLINK_ATTR_ESWITCH_MODE];
	int err;

	fl_op_then(op, set_inline);
	if (!attr)
		return 0;
	if (!cmd->dl->ops->eswitch_mode_set)
		return -EOPNOTSUPP;
	err = fl_rate_nodes_check(cmd->txn);
	if (err)
		return err;
	return fl_border_step(cmd->dl, "eswitch_mode_set",
			      cmd->dl->ops->eswitch_mode_set(op, cmd->txn, fl_attr_u16(attr)));
}

static const struct fl_cmd_op_type eswitch_set_type = {
	FL_CMD_OP("eswitch-set", 0),
	.work = eswitch_set_work,
};

int fl_eswitch_set_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink_get(req, &dl);
	return err ? err : fl_cmd_op_post(req, &eswitch_set_type, dl, dl->lane, 0, NULL);
}
