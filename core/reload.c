/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload.c - down, move, parameters, up: what a reload does, in the order of SEMANTICS.
 * Who may ask for one, and how: reload-cmd.c.
 */
#include <errno.h>

#include "base/log.h"
#include "core/border.h"
#include "core/param.h"
#include "core/reload.h"

static struct fl_reload *reload_of(struct fl_op *op)
{
	return fl_op_data(op);
}

/* Leaves op's data as it was found. */
static int reload_end(struct fl_op *op, int err)
{
	fl_op_set_data(op, reload_of(op)->outer);
	return err;
}

static void set_failed(struct fl_txn *txn, bool failed)
{
	fl_txn_touch(txn, FL_TXN_RELOAD);
	if (txn->values.reload_failed == failed)
		return;
	txn->values.reload_failed = failed;
	fl_txn_notify(txn);
}

static void count(struct fl_reload *reload)
{
	struct fl_txn *txn = reload->txn;

	for (unsigned int action = 0; action < FL_RELOAD_ACTIONS; action++) {
		if (reload->performed & 1u << action)
			txn->values.stats.count[reload->limit][action]++;
	}
	fl_txn_notify(txn);
}

/* The transaction has failed, and the driver is down. */
static int reload_recover(struct fl_op *op, int err)
{
	struct fl_txn *txn = reload_of(op)->txn;

	fl_txn_recover(txn);
	set_failed(txn, true);
	return reload_end(op, err);
}

static int reload_after_second_down(struct fl_op *op)
{
	struct fl_reload *reload = reload_of(op);
	const struct fl_devlink *dl = reload->txn->dl;

	if (fl_op_result(op))
		fl_log(FL_LOG_ERR, "%s/%s: its driver stays up after a reload that failed",
		       fl_devlink_bus_name(dl), fl_devlink_dev_name(dl));
	return reload_recover(op, reload->err);
}

static int reload_down(struct fl_op *op, struct fl_reload *reload, bool netns_change)
{
	const struct fl_devlink *dl = reload->txn->dl;

	return fl_border_step(dl, "reload_down",
			      dl->ops->reload_down(op, reload->txn, netns_change, reload->action,
						   reload->limit));
}

static int reload_after_up(struct fl_op *op)
{
	struct fl_reload *reload = reload_of(op);
	struct fl_txn *txn = reload->txn;
	int err = fl_op_result(op);

	if (!err && txn->err) {
		/* It is up, but what it told of that got lost. */
		reload->err = txn->err;
		fl_op_then(op, reload_after_second_down);
		return reload_down(op, reload, false);
	}
	if (err)
		return reload_recover(op, err);
	set_failed(txn, false);
	count(reload);
	return reload_end(op, 0);
}

static int reload_up(struct fl_op *op, struct fl_reload *reload)
{
	const struct fl_devlink_ops *ops = reload->txn->dl->ops;

	fl_op_then(op, reload_after_up);
	if (!ops->reload_up)
		return 0;
	return fl_border_step(reload->txn->dl, "reload_up",
			      ops->reload_up(op, reload->txn, reload->action, reload->limit,
					     &reload->performed));
}

static void reload_move(struct fl_reload *reload)
{
	struct fl_txn *txn = reload->txn;

	if (reload->target && reload->target != txn->values.ns)
		fl_txn_move(txn, reload->target);
}

static int reload_after_down(struct fl_op *op)
{
	struct fl_reload *reload = reload_of(op);
	int err = fl_op_result(op);

	if (err && !reload->forced)
		return reload_end(op, err);
	reload->begun = true;
	reload_move(reload);
	if (err) {
		/* The device refused and stays as it is, but not where it was. */
		return reload_recover(op, err);
	}
	if (reload->action == DEVLINK_RELOAD_ACTION_DRIVER_REINIT)
		fl_params_reload(reload->txn);
	if (reload->txn->err)
		return reload_recover(op, reload->txn->err);
	return reload_up(op, reload);
}

int fl_reload_run(struct fl_op *op, struct fl_reload *reload)
{
	int err = fl_txn_no_return(reload->txn);

	if (err)
		return err;
	reload->outer = fl_op_data(op);
	fl_op_set_data(op, reload);
	fl_op_then(op, reload_after_down);
	if (!reload->txn->dl->ops->reload_down)
		return -EOPNOTSUPP;
	return reload_down(op, reload, reload->target != NULL);
}
