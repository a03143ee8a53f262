/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * info.c - INFO_GET: driver, serial numbers and versions, as the driver published them.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/commands.h"
#include "core/txn.h"
#include "nl/ctrl.h"

static uint16_t version_attr(enum fl_info_version_kind kind)
{
	switch (kind) {
	case FL_VERSION_FIXED:
		return DEVLINK_ATTR_INFO_VERSION_FIXED;
	case FL_VERSION_RUNNING:
		return DEVLINK_ATTR_INFO_VERSION_RUNNING;
	case FL_VERSION_STORED:
		return DEVLINK_ATTR_INFO_VERSION_STORED;
	}
	return 0;
}

static void put_version(struct fl_msg *msg, const struct fl_info_version *version)
{
	size_t nest = fl_msg_nest(msg, version_attr(version->kind), false);

	fl_msg_put_str(msg, DEVLINK_ATTR_INFO_VERSION_NAME, version->name);
	fl_msg_put_str(msg, DEVLINK_ATTR_INFO_VERSION_VALUE, version->value);
	fl_msg_nest_end(msg, nest);
}

void fl_info_set(struct fl_txn *txn, const char *driver, const char *serial,
		 const char *board_serial, const struct fl_info_version *versions, size_t count)
{
	struct fl_msg msg;

	fl_txn_touch(txn, FL_TXN_INFO);
	free(txn->values.info);
	fl_msg_init(&msg);
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_INFO_GET, 1);
	fl_devlink_put_handle(&msg, txn->dl);
	if (serial)
		fl_msg_put_str(&msg, DEVLINK_ATTR_INFO_SERIAL_NUMBER, serial);
	if (board_serial)
		fl_msg_put_str(&msg, DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER, board_serial);
	for (size_t i = 0; i < count; i++)
		put_version(&msg, &versions[i]);
	if (driver)
		fl_msg_put_str(&msg, DEVLINK_ATTR_INFO_DRIVER_NAME, driver);
	fl_msg_end(&msg);
	txn->values.info = fl_image_new(&msg);
	fl_msg_done(&msg);
	if (!txn->values.info)
		fl_txn_fail(txn, -ENOMEM);
}

int fl_info_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = !version->info ? -EOPNOTSUPP :
			fl_image_put(&req->reply, version->info, DEVLINK_CMD_INFO_GET, 0,
				     req->nlh->nlmsg_seq, req->portid);
	fl_rcu_read_unlock();
	return err;
}

int fl_info_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	struct fl_instance_iter iter;
	const struct fl_version *version;
	struct fl_devlink *dl;
	int more = 0;

	fl_rcu_read_lock();
	fl_instance_iter_init(&iter, req->ns, dump->position[0]);
	while (!more && (dl = fl_instance_iter_next(&iter, &version))) {
		if (version->info &&
		    fl_image_put(dump->msg, version->info, DEVLINK_CMD_INFO_GET, NLM_F_MULTI,
				 req->nlh->nlmsg_seq, req->portid))
			more = 1;
		else
			dump->position[0] = dl->index + 1ULL;
	}
	fl_rcu_read_unlock();
	dump->full = more;
	return more;
}
