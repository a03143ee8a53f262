/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nested.c - the link between a port function and the instance that runs on it.
 *
 * The link is looked up while answering, because the nested instance registers and moves
 * by itself. When it does, the port announces itself again: an operation posted to the
 * port's lane, never a wait (rule 3).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/port.h"
#include "core/txn.h"

bool fl_devlink_put_nested(struct fl_msg *msg, uint16_t type, const struct fl_devlink *nested,
			   const struct fl_netns *asker)
{
	const struct fl_version *version = fl_devlink_version(nested);
	size_t nest;

	if (!version->registered)
		return false;
	nest = fl_msg_nest(msg, type, true);
	fl_devlink_put_handle(msg, nested);
	if (version->ns != asker)
		fl_msg_put_u32(msg, DEVLINK_ATTR_NETNS_ID,
			       (uint32_t)fl_netns_id_in(version->ns, asker));
	fl_msg_nest_end(msg, nest);
	return true;
}

struct announce {
	struct fl_op op;
	struct fl_devlink *parent;
	uint32_t port;
};

static int announce_run(struct fl_op *op)
{
	struct announce *announce = FL_CONTAINER_OF(op, struct announce, op);
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, announce->parent, &txn);
	if (err)
		return err;
	if (fl_txn_obj(txn, FL_OBJ_PORT, announce->port))
		fl_port_notify(txn, announce->port);
	return fl_txn_commit(txn);
}

static void announce_free(struct fl_op *op)
{
	struct announce *announce = FL_CONTAINER_OF(op, struct announce, op);

	fl_devlink_put(announce->parent);
	free(announce);
}

static const struct fl_op_type announce_type = {
	.kind = "announce",
	.run = announce_run,
	.free = announce_free,
};

static void announce_post(struct fl_devlink *parent, uint32_t port)
{
	struct fl_lane *lane = fl_port_lane_get(parent, port);
	struct announce *announce = calloc(1, sizeof(*announce));

	if (!lane)
		lane = fl_lane_get(parent->lane);
	if (announce) {
		announce->parent = fl_devlink_get(parent);
		announce->port = port;
		fl_op_init(&announce->op, &announce_type, lane, NULL);
		fl_op_submit(&announce->op);
	} else {
		fl_log(FL_LOG_WARN, "out of memory: %s/%u does not announce its nested instance",
		       fl_devlink_dev_name(parent), port);
	}
	fl_lane_put(lane);
}

void fl_nested_changed(struct fl_devlink *dl)
{
	struct fl_devlink *parent = NULL;
	struct fl_nested_in *in;
	uint32_t port = 0;

	fl_rcu_read_lock();
	in = fl_rcu_deref(dl->nested_in);
	if (in) {
		parent = fl_devlink_get(in->parent);
		port = in->port;
	}
	fl_rcu_read_unlock();
	if (parent)
		announce_post(parent, port);
	fl_devlink_put(parent);
}

static void nested_in_free_rcu(struct fl_rcu_head *head)
{
	struct fl_nested_in *in = FL_CONTAINER_OF(head, struct fl_nested_in, rcu);

	fl_devlink_put(in->parent);
	free(in);
}

static void nested_in_set(struct fl_devlink *nested, struct fl_nested_in *in)
{
	struct fl_nested_in *old;

	old = __atomic_exchange_n(&nested->nested_in, in, __ATOMIC_SEQ_CST);
	if (old)
		fl_rcu_call(&old->rcu, nested_in_free_rcu);
}

/* What changed since the port was encoded, before the link was there, nobody announced. */
static void nested_catch_up(struct fl_devlink *nested, uint64_t seq, struct fl_devlink *parent,
			    uint32_t port)
{
	bool changed;

	fl_rcu_read_lock();
	changed = fl_devlink_version(nested)->seq != seq;
	fl_rcu_read_unlock();
	if (changed)
		announce_post(parent, port);
}

void fl_nested_link(struct fl_devlink *nested, uint64_t seq, struct fl_nested_in *in,
		    struct fl_devlink *parent, uint32_t port)
{
	in->parent = fl_devlink_get(parent);
	in->port = port;
	nested_in_set(nested, in);
	nested_catch_up(nested, seq, parent, port);
}

void fl_nested_unlink(struct fl_devlink *nested, const struct fl_devlink *parent, uint32_t port)
{
	struct fl_nested_in *in;
	bool unlinked = false;

	fl_rcu_read_lock();
	in = fl_rcu_deref(nested->nested_in);
	if (in && in->parent == parent && in->port == port)
		unlinked = __atomic_compare_exchange_n(&nested->nested_in, &in, NULL, false,
						       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	fl_rcu_read_unlock();
	if (unlinked)
		fl_rcu_call(&in->rcu, nested_in_free_rcu);
}

/* A port holds what is nested, and is held by the link back: either end breaks that. */
void fl_nested_forget(struct fl_devlink *dl)
{
	const struct fl_obj *obj;
	struct fl_pmap_iter iter;

	nested_in_set(dl, NULL);
	fl_rcu_read_lock();
	fl_pmap_iter_init(&iter, fl_devlink_version(dl)->objs[FL_OBJ_PORT], 0);
	while ((obj = fl_pmap_iter_next(&iter))) {
		if (fl_obj_port(obj)->nested)
			fl_nested_unlink(fl_obj_port(obj)->nested, dl, obj->key);
	}
	fl_rcu_read_unlock();
}
