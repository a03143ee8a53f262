/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hold.c - taking and giving back one lane: the queue and the grant. */
#include "lane/lane-private.h"

#include <errno.h>

static bool compatible(const struct fl_lane *lane, const struct fl_op_hold *hold)
{
	return hold->alone ? !lane->held : !lane->alone;
}

static void hold_grant(struct fl_lane *lane, struct fl_op_hold *hold) FL_REQUIRES(lane->lock)
{
	fl_assert(compatible(lane, hold));
	hold->state = FL_HOLD_HELD;
	cds_list_add_tail(&hold->link, &lane->holders);
	lane->held++;
	if (hold->alone)
		lane->alone = fl_hold_op(hold);
}

/* Takes from the head of the queue what can be granted, into the list of ready operations.
 * True: stopped early, so that the lock is not held for long. */
static bool grant_some(struct fl_lane *lane, struct cds_list_head *ready) FL_REQUIRES(lane->lock)
{
	for (int i = 0; i < FL_CHUNK; i++) {
		struct fl_op_hold *hold;

		if (cds_list_empty(&lane->queue))
			return false;
		hold = cds_list_first_entry(&lane->queue, struct fl_op_hold, link);
		if (!compatible(lane, hold))
			return false;
		cds_list_del(&hold->link);
		lane->queued--;
		hold_grant(lane, hold);
		cds_list_add_tail(&fl_hold_op(hold)->work.link, ready);
	}
	return true;
}

/* Grants what can be granted at lane, whose lock is held, and drops the lock. */
static void grant_and_drop(struct fl_lane *lane) FL_RELEASE(lane->lock)
{
	CDS_LIST_HEAD(ready);
	bool more;

	while ((more = grant_some(lane, &ready))) {
		fl_lock_drop(&lane->lock);
		fl_runq_push_list(lane->sched, &ready);
		fl_lock_take(&lane->lock);
	}
	fl_lock_drop(&lane->lock);
	fl_runq_push_list(lane->sched, &ready);
}

static int admit(struct fl_op *op, struct fl_lane *lane) FL_REQUIRES(lane->lock)
{
	int doomed = __atomic_load_n(&op->doomed, __ATOMIC_SEQ_CST);

	if (doomed)
		return doomed;
	return lane->sealed && lane->sealer != op ? -ENODEV : 0;
}

/* 0: held; FL_LATER: queued. */
static int take(struct fl_op *op, struct fl_op_hold *hold)
{
	struct fl_lane *lane = hold->lane;
	int err;

	fl_lock_take(&lane->lock);
	err = admit(op, lane);
	if (!err && cds_list_empty(&lane->queue) && compatible(lane, hold)) {
		hold_grant(lane, hold);
	} else if (!err) {
		err = FL_LATER;
		hold->state = FL_HOLD_QUEUED;
		cds_list_add_tail(&hold->link, &lane->queue);
		lane->queued++;
	}
	fl_lock_drop(&lane->lock);
	return err;
}

int fl_hold_enter(struct fl_op *op)
{
	int at = __atomic_load_n(&op->entered, __ATOMIC_RELAXED);
	int err;

	while (at < op->depth) {
		struct fl_op_hold *hold = &op->path[at];

		/* Still set: it queued here, and goes on because it was granted or doomed. */
		if (!op->queueing) {
			op->queueing = 1;
			err = take(op, hold);
			if (err == FL_LATER)
				return err;
			if (err)
				fl_op_doom(op, err);
		}
		if (__atomic_load_n(&op->doomed, __ATOMIC_SEQ_CST))
			break;
		op->queueing = 0;
		__atomic_store_n(&op->entered, ++at, __ATOMIC_SEQ_CST);
	}
	return __atomic_load_n(&op->doomed, __ATOMIC_SEQ_CST);
}

bool fl_hold_unqueue(struct fl_op *op)
{
	for (;;) {
		int at = __atomic_load_n(&op->entered, __ATOMIC_SEQ_CST);
		struct fl_op_hold *hold = &op->path[at];

		if (at >= op->depth)
			return false;
		fl_lock_take(&hold->lane->lock);
		if (hold->state == FL_HOLD_QUEUED) {
			cds_list_del(&hold->link);
			hold->lane->queued--;
			hold->state = FL_HOLD_FREE;
			grant_and_drop(hold->lane); /* it may have held others back */
			return true;
		}
		fl_lock_drop(&hold->lane->lock);
		if (__atomic_load_n(&op->entered, __ATOMIC_SEQ_CST) == at)
			return false;
	}
}

void fl_hold_release(struct fl_op *op)
{
	for (int i = op->depth - 1; i >= 0; i--) {
		struct fl_op_hold *hold = &op->path[i];
		struct fl_lane *lane = hold->lane;

		fl_lock_take(&lane->lock);
		if (hold->state != FL_HOLD_HELD) {
			fl_lock_drop(&lane->lock);
			continue;
		}
		cds_list_del(&hold->link);
		hold->state = FL_HOLD_FREE;
		lane->held--;
		if (hold->alone)
			lane->alone = NULL;
		grant_and_drop(lane);
	}
}
