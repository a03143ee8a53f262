/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* removal.c - sealing a lane, telling who stands on it, parking who does not listen. */
#include "lane/lane-private.h"

#include <errno.h>

/* fl_op.listed: an operation may end while it is being parked. */
enum parked_list { PARKED_NO, PARKED_LISTED, PARKED_OVER };

int fl_lane_seal(struct fl_lane *lane, struct fl_op *sealer)
{
	int err = -ENODEV;

	fl_lock_take(&lane->lock);
	if (!lane->sealed) {
		__atomic_store_n(&lane->sealer, sealer, __ATOMIC_SEQ_CST);
		__atomic_store_n(&lane->sealed, 1, __ATOMIC_SEQ_CST);
		cds_list_splice(&lane->queue, &lane->doomed);
		CDS_INIT_LIST_HEAD(&lane->queue);
		err = 0;
	}
	fl_lock_drop(&lane->lock);
	return err;
}

void fl_lane_unseal(struct fl_lane *lane)
{
	fl_lock_take(&lane->lock);
	__atomic_store_n(&lane->sealer, NULL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&lane->sealed, 0, __ATOMIC_SEQ_CST);
	cds_list_splice(&lane->told, &lane->holders);
	CDS_INIT_LIST_HEAD(&lane->told);
	fl_lock_drop(&lane->lock);
}

/* Whether op is spawner or one of those that await it. */
static bool in_chain(const struct fl_op *spawner, const struct fl_op *op)
{
	while (spawner && spawner != op)
		spawner = spawner->parent;
	return spawner && op;
}

bool fl_lane_sealed_against(const struct fl_lane *lane, const struct fl_op *spawner)
{
	for (; lane; lane = lane->parent)
		/* The lowest seal decides: a removal in progress finishes its own part even
		 * if the lane above is being removed, too. */
		if (__atomic_load_n(&lane->sealed, __ATOMIC_SEQ_CST))
			return !in_chain(spawner, __atomic_load_n(&lane->sealer, __ATOMIC_SEQ_CST));
	return false;
}

void fl_op_doom(struct fl_op *op, int err)
{
	int none = 0;

	__atomic_compare_exchange_n(&op->doomed, &none, err, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

/* Takes references on up to FL_CHUNK children that have not been told as much yet. */
static int pick_children(struct fl_op *op, enum fl_tell as, struct fl_op **child)
{
	struct fl_op *at;
	int count = 0;

	fl_lock_take(&op->children_lock);
	cds_list_for_each_entry(at, &op->children, sibling) {
		if (at->told_as >= as)
			continue;
		at->told_as = as;
		child[count++] = fl_op_get(at);
		if (count == FL_CHUNK)
			break;
	}
	fl_lock_drop(&op->children_lock);
	return count;
}

static void tell_children(struct fl_op *op, int err, enum fl_tell as)
{
	struct fl_op *child[FL_CHUNK];
	int count;

	/* As deep as the tree of lanes: a child's lane is below its parent's. */
	do {
		count = pick_children(op, as, child);
		for (int i = 0; i < count; i++) {
			fl_op_tell(child[i], err, as);
			fl_op_put(child[i]);
		}
	} while (count == FL_CHUNK);
}

void fl_op_tell(struct fl_op *op, int err, enum fl_tell as)
{
	fl_op_doom(op, err);
	/* Removals below are not stopped half-way: they are on their way out anyway. */
	if (as == FL_TELL_SEAL && fl_op_removes(op)) {
		if (fl_hold_unqueue(op))
			fl_op_make_ready(op);
		return;
	}
	__atomic_store_n(&op->cancelled, 1, __ATOMIC_SEQ_CST);
	if (fl_hold_unqueue(op)) {
		fl_op_make_ready(op);
		return;
	}
	fl_step_interrupt(op, -ECANCELED);
	tell_children(op, err, as);
}

void fl_op_cancel(struct fl_op *op)
{
	fl_op_tell(op, -ECANCELED, FL_TELL_CANCEL);
}

static bool fail_doomed(struct fl_lane *lane)
{
	CDS_LIST_HEAD(ready);
	int count = 0;

	fl_lock_take(&lane->lock);
	while (count < FL_CHUNK && !cds_list_empty(&lane->doomed)) {
		struct fl_op_hold *hold =
			cds_list_first_entry(&lane->doomed, struct fl_op_hold, link);
		struct fl_op *op = fl_hold_op(hold);

		cds_list_del(&hold->link);
		lane->queued--;
		hold->state = FL_HOLD_FREE;
		fl_op_doom(op, -ENODEV);
		cds_list_add_tail(&op->work.link, &ready);
		count++;
	}
	fl_lock_drop(&lane->lock);
	fl_runq_push_list(lane->sched, &ready);
	return count == FL_CHUNK;
}

static bool tell_holders(struct fl_lane *lane)
{
	struct fl_op *op[FL_CHUNK];
	int count = 0;

	fl_lock_take(&lane->lock);
	while (count < FL_CHUNK && !cds_list_empty(&lane->holders)) {
		struct fl_op_hold *hold =
			cds_list_first_entry(&lane->holders, struct fl_op_hold, link);

		cds_list_move(&hold->link, &lane->told);
		op[count++] = fl_op_get(fl_hold_op(hold));
	}
	fl_lock_drop(&lane->lock);
	for (int i = 0; i < count; i++) {
		fl_op_tell(op[i], -ENODEV, FL_TELL_SEAL);
		fl_op_put(op[i]);
	}
	return count == FL_CHUNK;
}

bool fl_lane_tell(struct fl_lane *lane)
{
	bool more = fail_doomed(lane);

	return tell_holders(lane) || more;
}

/* ---- parking ---------------------------------------------------------------------- */

/* Marks op as parked. False: it has ended, or was parked by another. */
static bool mark_parked(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	bool marked = false;

	fl_lock_take(&op->children_lock);
	if (!op->over && !op->parked) {
		__atomic_store_n(&op->parked, 1, __ATOMIC_SEQ_CST);
		marked = true;
	}
	fl_lock_drop(&op->children_lock);
	if (marked)
		__atomic_add_fetch(&sched->parked_ever, 1, __ATOMIC_RELAXED);
	return marked;
}

/* Its hold on its own lane has been stripped, so that hold's link is free to use. */
static void list_parked(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;

	fl_lock_take(&sched->top.lock);
	if (op->listed == PARKED_NO) {
		op->listed = PARKED_LISTED;
		cds_list_add_tail(&op->path[op->depth - 1].link, &sched->parked);
	}
	fl_lock_drop(&sched->top.lock);
}

void fl_parked_del(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;

	fl_lock_take(&sched->top.lock);
	if (op->listed == PARKED_LISTED)
		cds_list_del(&op->path[op->depth - 1].link);
	op->listed = PARKED_OVER;
	fl_lock_drop(&sched->top.lock);
}

/* Parks op and all that it awaits: they stand on its lanes. Whether op was parked now. */
static bool park_family(struct fl_op *op)
{
	struct fl_op *child[FL_CHUNK];
	int count;

	if (!mark_parked(op))
		return false;
	do {
		count = pick_children(op, FL_TELL_PARK, child);
		for (int i = 0; i < count; i++) {
			park_family(child[i]);
			fl_op_put(child[i]);
		}
	} while (count == FL_CHUNK);
	fl_op_tell(op, -ENODEV, FL_TELL_PARK);
	fl_hold_release(op);
	list_parked(op);
	fl_live_sub(op->lane->sched);
	return true;
}

static int pick_holders(struct fl_lane *lane, struct fl_op **op)
{
	struct fl_op_hold *hold;
	int count = 0;

	fl_lock_take(&lane->lock);
	/* The work may come late: the removal may have entered, or be over, or be another. */
	if (lane->sealer && lane->sealer != lane->alone && fl_now_ns() >= lane->park_at_ns) {
		cds_list_splice(&lane->holders, &lane->told);
		CDS_INIT_LIST_HEAD(&lane->holders);
		cds_list_for_each_entry(hold, &lane->told, link) {
			op[count++] = fl_op_get(fl_hold_op(hold));
			if (count == FL_CHUNK)
				break;
		}
	}
	fl_lock_drop(&lane->lock);
	return count;
}

void fl_lane_overdue(struct fl_work *work)
{
	struct fl_lane *lane = FL_CONTAINER_OF(work, struct fl_lane, overdue);
	struct fl_op *op[FL_CHUNK];
	int count;

	__atomic_store_n(&lane->overdue_pending, 0, __ATOMIC_SEQ_CST);
	count = pick_holders(lane, op);
	for (int i = 0; i < count; i++) {
		/* Parking the one that is awaited from above lets its parent go on; what it
		 * awaits itself is parked with it and stays its own. */
		if (park_family(op[i]))
			fl_op_child_leave(op[i], -ECANCELED);
		fl_op_put(op[i]);
	}
	/* Those that were about to end are gone when we come again. */
	if (count && !__atomic_exchange_n(&lane->overdue_pending, 1, __ATOMIC_SEQ_CST))
		fl_runq_push(lane->sched, &lane->overdue);
	else
		fl_lane_put(lane);
}
