/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * unregister.c - what an instance's removal is made of, for all drivers: a removal does not fail,
 * so it is tried until there is memory. What it has to keep meanwhile lies in the instance.
 */
#include "base/log.h"
#include "core/instance.h"
#include "core/txn.h"

static int unregister_once(struct fl_op *op, struct fl_devlink *dl)
{
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, dl, &txn);
	if (err)
		return err;
	if (dl->last_edits)
		dl->last_edits(txn);
	else
		fl_txn_unregister(txn);
	return fl_txn_commit(txn);
}

static int unregister_again(struct fl_op *op)
{
	struct fl_devlink *dl = fl_op_data(op);
	bool frees = dl->last_frees;
	int err = unregister_once(op, dl);

	if (err && !fl_op_parked(op))
		return fl_op_retry(op, unregister_again);
	fl_op_set_data(op, dl->last_op_data);
	if (err)
		fl_log(FL_LOG_ERR, "%s/%s: its removal was parked; its instance stays",
		       fl_devlink_bus_name(dl), fl_devlink_dev_name(dl));
	else if (frees)
		fl_devlink_free(dl);
	return frees ? 0 : err;
}

static int unregister(struct fl_op *op, struct fl_devlink *dl)
{
	dl->last_op_data = fl_op_data(op);
	fl_op_set_data(op, dl);
	return unregister_again(op);
}

int fl_devlink_unregister(struct fl_op *op, struct fl_devlink *dl,
			  void (*edits)(struct fl_txn *txn))
{
	dl->last_edits = edits;
	return unregister(op, dl);
}

int fl_devlink_remove(struct fl_op *op, struct fl_devlink *dl)
{
	dl->last_frees = true;
	return unregister(op, dl);
}
