/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nested.c - the link between a port function and the instance that runs on it, between a line
 * card and its own, or between an instance and those that share what it stands for.
 *
 * The link is looked up while answering, because the nested instance registers and moves
 * by itself. When it does, what shows it announces itself again: an operation posted to its
 * lane, never a wait (rule 3).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/linecard.h"
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

int fl_devlink_put_all_nested(struct fl_msg *msg, size_t at, const struct fl_version *version,
			      const struct fl_netns *asker)
{
	const struct fl_obj *obj;
	struct fl_pmap_iter iter;
	size_t before = msg->len;
	int err;

	if (!version->objs[FL_OBJ_NESTED])
		return 0;
	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_NESTED], 0);
	while ((obj = fl_pmap_iter_next(&iter)))
		fl_devlink_put_nested(msg, DEVLINK_ATTR_NESTED_DEVLINK, fl_obj_nested(obj)->nested,
				      asker);
	err = msg->err;
	if (err) {
		msg->len = at;
		msg->err = 0;
	} else {
		((struct nlmsghdr *)(msg->buf + at))->nlmsg_len += msg->len - before;
	}
	return err;
}

/* What shows the nested instance. */
struct shower {
	struct fl_devlink *dl;
	enum fl_obj_kind kind;
	uint32_t index;
};

struct announce {
	struct fl_op op;
	struct shower by; /* referenced */
};

static int announce_run(struct fl_op *op)
{
	const struct shower *by = &FL_CONTAINER_OF(op, struct announce, op)->by;
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, by->dl, &txn);
	if (err)
		return err;
	if (by->kind == FL_OBJ_NESTED)
		fl_txn_notify(txn);
	else if (by->kind == FL_OBJ_LINECARD)
		fl_linecard_notify(txn, by->index);
	else
		fl_port_notify(txn, by->index);
	return fl_txn_commit(txn);
}

static void announce_free(struct fl_op *op)
{
	struct announce *announce = FL_CONTAINER_OF(op, struct announce, op);

	fl_devlink_put(announce->by.dl);
	free(announce);
}

static const struct fl_op_type announce_type = {
	.kind = "announce",
	.run = announce_run,
	.free = announce_free,
};

/* NULL: what showed the nested instance is gone, which has been told. To announce that at the
 * lane of the whole instance would wait for everything below it, and hold up what comes after. */
static struct fl_lane *shower_lane_get(const struct shower *by)
{
	const struct fl_port *port;
	struct fl_lane *lane = NULL;

	fl_rcu_read_lock();
	if (by->kind == FL_OBJ_PORT) {
		port = fl_port_find(fl_devlink_version(by->dl), by->index);
		if (port)
			lane = port->lane ? port->lane : fl_devlink_ports_lane(by->dl);
	} else if (by->kind == FL_OBJ_LINECARD) {
		lane = fl_rcu_deref(by->dl->sublane[FL_SUBLANE_LINECARDS]);
	} else {
		lane = by->dl->lane; /* of one that other instances share: nothing is below it */
	}
	if (lane)
		fl_lane_get(lane);
	fl_rcu_read_unlock();
	return lane;
}

static void announce_post(const struct shower *by)
{
	struct fl_lane *lane = shower_lane_get(by);
	struct announce *announce;

	if (!lane)
		return;
	announce = calloc(1, sizeof(*announce));
	if (announce) {
		announce->by = *by;
		fl_devlink_get(by->dl);
		fl_op_init(&announce->op, &announce_type, lane, NULL);
		fl_op_submit(&announce->op);
	} else {
		fl_log(FL_LOG_WARN, "out of memory: %s/%u does not announce its nested instance",
		       fl_devlink_dev_name(by->dl), by->index);
	}
	fl_lane_put(lane);
}

void fl_nested_changed(struct fl_devlink *dl)
{
	struct shower by = { 0 };
	struct fl_nested_in *in;

	fl_rcu_read_lock();
	in = fl_rcu_deref(dl->nested_in);
	if (in)
		by = (struct shower){ fl_devlink_get(in->parent), in->kind, in->index };
	fl_rcu_read_unlock();
	if (by.dl)
		announce_post(&by);
	fl_devlink_put(by.dl);
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

/* What changed since the shower was encoded, before the link was there, nobody announced. */
static void nested_catch_up(struct fl_devlink *nested, uint64_t seq, const struct shower *by)
{
	bool changed;

	fl_rcu_read_lock();
	changed = fl_devlink_version(nested)->seq != seq;
	fl_rcu_read_unlock();
	if (changed)
		announce_post(by);
}

static void nested_link(struct fl_devlink *nested, uint64_t seq, struct fl_nested_in *in,
			const struct shower *by)
{
	in->parent = fl_devlink_get(by->dl);
	in->kind = by->kind;
	in->index = by->index;
	nested_in_set(nested, in);
	nested_catch_up(nested, seq, by);
}

/* Nothing happens if nested is linked elsewhere by now. */
static void nested_unlink(struct fl_devlink *nested, const struct shower *by)
{
	struct fl_nested_in *in;
	bool unlinked = false;

	fl_rcu_read_lock();
	in = fl_rcu_deref(nested->nested_in);
	if (in && in->parent == by->dl && in->kind == by->kind && in->index == by->index)
		unlinked = __atomic_compare_exchange_n(&nested->nested_in, &in, NULL, false,
						       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	fl_rcu_read_unlock();
	if (unlinked)
		fl_rcu_call(&in->rcu, nested_in_free_rcu);
}

void fl_nested_prepare(struct fl_txn *txn, struct fl_edit *edit, struct fl_devlink *nested)
{
	if (!nested || !edit)
		return;
	if (!edit->nested_in)
		edit->nested_in = calloc(1, sizeof(*edit->nested_in));
	if (!edit->nested_in)
		fl_txn_fail(txn, -ENOMEM);
	fl_rcu_read_lock();
	edit->nested_seq = fl_devlink_version(nested)->seq;
	fl_rcu_read_unlock();
}

void fl_nested_committed(struct fl_txn *txn, struct fl_edit *edit, struct fl_devlink *was,
			 struct fl_devlink *is)
{
	const struct shower by = { txn->dl, edit->kind, edit->key };

	if (was == is)
		return;
	if (was)
		nested_unlink(was, &by);
	if (!is)
		return;
	nested_link(is, edit->nested_seq, edit->nested_in, &by);
	edit->nested_in = NULL;
}

/* ---- what is nested in the instance itself ----------------------------------------- */

/* All of it is resolved while answering. */
static void nested_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
}

static void nested_free(struct fl_obj *obj)
{
	fl_devlink_put(fl_obj_nested(obj)->nested);
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops nested_ops = {
	.kind = FL_OBJ_NESTED,
	.encode = nested_encode,
	.free = nested_free,
};

void fl_devlink_nested_add(struct fl_txn *txn, struct fl_devlink *nested)
{
	struct fl_nested_obj *obj;

	if (fl_txn_obj(txn, FL_OBJ_NESTED, nested->index)) {
		fl_txn_fail(txn, -EEXIST);
		return;
	}
	obj = calloc(1, sizeof(*obj));
	if (!obj) {
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	obj->obj.ops = &nested_ops;
	obj->nested = fl_devlink_get(nested);
	fl_txn_set(txn, FL_OBJ_NESTED, nested->index, &obj->obj);
	fl_nested_prepare(txn, fl_txn_edit(txn, FL_OBJ_NESTED, nested->index), nested);
}

void fl_devlink_nested_del(struct fl_txn *txn, struct fl_devlink *nested)
{
	if (fl_txn_obj(txn, FL_OBJ_NESTED, nested->index))
		fl_txn_set(txn, FL_OBJ_NESTED, nested->index, NULL);
	else
		fl_txn_fail(txn, -ENOENT);
}

void fl_nested_obj_committed(struct fl_txn *txn, struct fl_edit *edit)
{
	const struct fl_obj *old = edit->replaced, *now = edit->obj;

	fl_nested_committed(txn, edit, old ? fl_obj_nested(old)->nested : NULL,
			    now ? fl_obj_nested(now)->nested : NULL);
}

/* ---- an instance that goes ----------------------------------------------------------- */

static struct fl_devlink *nested_of(const struct fl_obj *obj, enum fl_obj_kind kind)
{
	if (kind == FL_OBJ_NESTED)
		return fl_obj_nested(obj)->nested;
	return kind == FL_OBJ_PORT ? fl_obj_port(obj)->nested
				   : ((const struct fl_linecard_obj *)obj)->nested;
}

static void forget_kind(struct fl_devlink *dl, enum fl_obj_kind kind)
{
	const struct fl_obj *obj;
	struct fl_devlink *nested;
	struct fl_pmap_iter iter;

	fl_pmap_iter_init(&iter, fl_devlink_version(dl)->objs[kind], 0);
	while ((obj = fl_pmap_iter_next(&iter))) {
		nested = nested_of(obj, kind);
		if (nested)
			nested_unlink(nested, &(struct shower){ dl, kind, obj->key });
	}
}

/* What shows an instance holds what is nested, and is held by the link back: either end breaks that. */
void fl_nested_forget(struct fl_devlink *dl)
{
	nested_in_set(dl, NULL);
	fl_rcu_read_lock();
	forget_kind(dl, FL_OBJ_PORT);
	forget_kind(dl, FL_OBJ_LINECARD);
	forget_kind(dl, FL_OBJ_NESTED);
	fl_rcu_read_unlock();
}
