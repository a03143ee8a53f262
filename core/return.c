/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * return.c - bringing instances home from a namespace that died: a reload into the
 * initial namespace, each on its own lane, all at once.
 *
 *  N7  The operation looks again on its lane: an instance that has moved on, or is gone,
 *      is left alone.
 *  N8  The instance comes home in any case; if its reload failed, with reload_failed set.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/plane.h"
#include "core/reload.h"

/* Submits that may fail for want of memory, one within the other, before that is given up. */
#define REFUSALS_MAX 64

struct homecoming {
	struct fl_op op;
	struct fl_devlink *dl;
	struct fl_netns *dead;
	struct fl_reload reload;
	unsigned int refusals; /* submits since it last queued */
};

static struct homecoming *homecoming(struct fl_op *op)
{
	return FL_CONTAINER_OF(op, struct homecoming, op);
}

static int return_begin(struct fl_op *op);

static int return_commit(struct fl_op *op)
{
	struct homecoming *home = homecoming(op);
	bool kept;
	int err = fl_txn_try_commit(home->reload.txn, &kept);

	if (kept && !fl_lane_sealed(home->dl->lane))
		return fl_op_retry(op, return_commit);
	if (kept)
		fl_txn_abort(home->reload.txn);
	home->reload.txn = NULL;
	if (err)
		fl_log(FL_LOG_ERR, "%s/%s could not be brought home (error %d)",
		       fl_devlink_bus_name(home->dl), fl_devlink_dev_name(home->dl), -err);
	return err;
}

static int return_done(struct fl_op *op)
{
	struct homecoming *home = homecoming(op);
	int err = fl_op_result(op);

	if (!home->reload.begun) {
		/* Nobody else brings it home. */
		fl_txn_abort(home->reload.txn);
		home->reload.txn = NULL;
		return fl_lane_sealed(home->dl->lane) ? err : fl_op_retry(op, return_begin);
	}
	if (err)
		fl_log(FL_LOG_WARN, "%s/%s came home with a failed reload (error %d)",
		       fl_devlink_bus_name(home->dl), fl_devlink_dev_name(home->dl), -err);
	return return_commit(op);
}

static int return_begin(struct fl_op *op)
{
	struct homecoming *home = homecoming(op);
	struct fl_reload *reload = &home->reload;
	bool there;
	int err;

	fl_rcu_read_lock();
	there = fl_devlink_in(home->dl, home->dead);
	fl_rcu_read_unlock();
	if (!there)
		return 0;
	err = fl_txn_begin(op, home->dl, &reload->txn);
	if (err == -ENOMEM && !fl_lane_sealed(home->dl->lane))
		return fl_op_retry(op, return_begin);
	if (err)
		return err;
	reload->action = DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	reload->limit = DEVLINK_RELOAD_LIMIT_UNSPEC;
	if (!reload->target)
		reload->target = fl_netns_get(fl_netns_initial(fl_plane_netns(home->dl->plane)));
	reload->forced = true;
	reload->begun = false;
	reload->performed = 0;
	fl_op_then(op, return_done);
	return fl_reload_run(op, reload);
}

static void return_ended(struct fl_op *op, int err)
{
	homecoming(op)->refusals = 0;
}

/* The namespace in which dl is, if that is dead; referenced. NULL also if dl is going. */
static struct fl_netns *dead_home(const struct fl_devlink *dl)
{
	const struct fl_version *version;
	struct fl_netns *ns = NULL;

	if (fl_lane_sealed(dl->lane))
		return NULL;
	fl_rcu_read_lock();
	version = fl_devlink_version(dl);
	if (version->registered && fl_netns_dead_now(version->ns))
		ns = fl_netns_get(version->ns);
	fl_rcu_read_unlock();
	return ns;
}

/* Keeps the memory for the next return; if the instance was elsewhere already, that
 * namespace may have died meanwhile without finding any. */
static void return_free(struct fl_op *op)
{
	struct homecoming *home = homecoming(op);
	struct fl_devlink *dl = home->dl;
	struct homecoming next = { .refusals = home->refusals };
	struct fl_netns *dead;

	fl_netns_put(home->reload.target);
	fl_netns_put(home->dead);
	*home = next;
	free(__atomic_exchange_n(&dl->homecoming, home, __ATOMIC_ACQ_REL));
	dead = next.refusals < REFUSALS_MAX ? dead_home(dl) : NULL;
	if (dead)
		fl_return_post(dl, dead);
	fl_netns_put(dead);
	fl_devlink_put(dl);
}

static const struct fl_op_type return_type = {
	.kind = "return",
	.run = return_begin,
	.ended = return_ended,
	.free = return_free,
};

int fl_return_prepare(struct fl_devlink *dl)
{
	struct homecoming *home;

	if (__atomic_load_n(&dl->homecoming, __ATOMIC_RELAXED))
		return 0;
	home = calloc(1, sizeof(*home));
	if (!home)
		return -ENOMEM;
	free(__atomic_exchange_n(&dl->homecoming, home, __ATOMIC_ACQ_REL));
	return 0;
}

void fl_return_post(struct fl_devlink *dl, struct fl_netns *dead)
{
	struct homecoming *home = __atomic_exchange_n(&dl->homecoming, NULL, __ATOMIC_ACQ_REL);

	/* None is left while a return is on its way; it looks again when it ends. */
	if (!home)
		return;
	home->dl = fl_devlink_get(dl);
	home->dead = fl_netns_get(dead);
	fl_op_init(&home->op, &return_type, dl->lane, NULL);
	home->refusals++;
	fl_op_submit(&home->op); /* -ENODEV: the instance is being removed */
}
