/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lane.c - the tree of lanes.
 *
 * How it works, for all of lane/:
 *
 * Entering. An operation has one hold per lane of its path, from the root down (a spawned
 * one: from below its parent's lane). It takes them one by one (hold.c): granted at once
 * or queued, by the rule that lane.h tells. Whoever releases a lane, or finds that something
 * has begun to last, grants what is now possible and puts those operations into the run
 * queue, where a worker lets them go on entering. So no thread ever waits for a lane, and no
 * two leaf locks of lanes are ever held at once.
 *
 * Why there is no deadlock. Holds are taken downward only, and who queues at a lane waits for
 * those that hold it and for those before it in line, which wait for the same holders; so the
 * waits among entering operations follow the tree. A running operation waits for operations
 * strictly below its lane only (L3); all other waits end by a deadline or by a waker that
 * needs no lane (L4).
 *
 * Running (step.c). A step either returns a value, or has arranged what comes next and
 * returns FL_LATER. One atomic word, `turn`, decides between parking and waking: whoever
 * moves it from WAIT to WOKEN makes the operation ready, nobody else.
 *
 * Removing (removal.c). Submitting a removal seals the lane under its leaf lock. From then
 * on nobody enters it, so who is to be told is a closed set: those queued there, those that
 * hold it, and the children that these await. A worker tells them in small portions; then
 * the removal enters. If it is not alone on its lane after the deadline, wherever on the way
 * it queues, a worker marks those that still hold it as parked, with all that they await,
 * then strips them of their holds. The same befalls whom the removal awaits, later, because
 * those are told by their owner and not by the seal. But one that is a removal and waits
 * itself for what is below is left alone: it parks that, and finishes its own part. A lane
 * whose removal was parked stays sealed for ever; who removes a lane above leaves it behind.
 * An unbinding goes the same way, but at its end the lane opens again, or, if something that
 * was parked there still runs, when that is over (lane->parked counts).
 *
 * Seal against birth and spawn: both sides write first and look then (a seal is set, then
 * lists are walked; a child is linked, then seals are looked at), in sequentially consistent
 * order, so at least one sees the other.
 */
#include "lane/lane-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fl_lane *fl_lane_alloc(struct fl_sched *sched, struct fl_lane *parent, const char *name,
			      void *owner)
{
	size_t len = strnlen(name, FL_NAME_MAX - 1);
	struct fl_lane *lane = calloc(1, sizeof(*lane) + len + 1);

	if (!lane)
		return NULL;
	lane->sched = sched;
	lane->parent = parent;
	lane->owner = owner;
	lane->refs = 1;
	lane->depth = parent ? (uint8_t)(parent->depth + 1) : 0;
	fl_lock_init(&lane->lock, lane);
	CDS_INIT_LIST_HEAD(&lane->alones);
	CDS_INIT_LIST_HEAD(&lane->shareds);
	CDS_INIT_LIST_HEAD(&lane->lasters);
	CDS_INIT_LIST_HEAD(&lane->holders);
	CDS_INIT_LIST_HEAD(&lane->children);
	fl_timer_init_expire(&lane->timer, fl_lane_timer_expire);
	lane->look.fn = fl_lane_look_run;
	memcpy(lane->name, name, len);
	return lane;
}

/* A reader under RCU follows `next` from any sibling, also from one that leaves. */
static void link_child(struct fl_lane *parent, struct fl_lane *lane)
{
	struct cds_list_head *last;

	fl_lock_take(&parent->lock);
	last = parent->children.prev;
	lane->sibling.next = &parent->children;
	lane->sibling.prev = last;
	fl_rcu_assign(last->next, &lane->sibling);
	parent->children.prev = &lane->sibling;
	lane->linked = true;
	fl_lock_drop(&parent->lock);
}

void fl_lane_unlink(struct fl_lane *lane)
{
	struct fl_lane *parent = lane->parent;

	fl_lock_take(&parent->lock);
	if (lane->linked) {
		lane->linked = false;
		lane->sibling.next->prev = lane->sibling.prev;
		fl_rcu_assign(lane->sibling.prev->next, lane->sibling.next);
	}
	fl_lock_drop(&parent->lock);
}

int fl_lane_new(struct fl_sched *sched, struct fl_lane *parent, const char *name, void *owner,
		struct fl_lane **ret_lane)
{
	struct fl_lane *above = parent ? parent : sched->top;
	struct fl_lane *lane;

	fl_assert_no_lock("making a lane");
	if (above->depth + 1 >= FL_OP_DEPTH)
		return -EINVAL;
	/* For its timer. */
	if (fl_timers_reserve(sched))
		return -ENOMEM;
	lane = fl_lane_alloc(sched, above, name, owner);
	if (!lane) {
		fl_timers_unreserve(sched);
		return -ENOMEM;
	}
	if (above != sched->top)
		fl_lane_get(above);
	__atomic_add_fetch(&sched->refs, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&sched->lanes, 1, __ATOMIC_RELAXED);
	link_child(above, lane);
	/* Linked first, looked then: see the top of this file. */
	if (fl_lane_sealed(above)) {
		fl_lane_put(lane);
		return -ENODEV;
	}
	*ret_lane = lane;
	return 0;
}

struct fl_lane *fl_lane_get(struct fl_lane *lane)
{
	__atomic_add_fetch(&lane->refs, 1, __ATOMIC_RELAXED);
	return lane;
}

bool fl_lane_try_get(struct fl_lane *lane)
{
	int refs = __atomic_load_n(&lane->refs, __ATOMIC_RELAXED);

	while (refs)
		if (__atomic_compare_exchange_n(&lane->refs, &refs, refs + 1, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

static void lane_free(struct fl_rcu_head *head)
{
	struct fl_lane *lane = FL_CONTAINER_OF(head, struct fl_lane, rcu);

	fl_lock_done(&lane->lock);
	free(lane);
}

void fl_lane_put(struct fl_lane *lane)
{
	/* The last reference to a lane may be the last but one to its parent. */
	while (lane && !__atomic_sub_fetch(&lane->refs, 1, __ATOMIC_ACQ_REL)) {
		struct fl_lane *parent = lane->parent;
		struct fl_sched *sched = lane->sched;

		fl_lane_unlink(lane);
		fl_timers_unreserve(sched);
		fl_rcu_call(&lane->rcu, lane_free);
		__atomic_sub_fetch(&sched->lanes, 1, __ATOMIC_RELAXED);
		lane = parent != sched->top ? parent : NULL;
		fl_sched_put(sched);
	}
}

const char *fl_lane_name(const struct fl_lane *lane)
{
	return lane->name;
}

void *fl_lane_owner(const struct fl_lane *lane)
{
	return lane->owner;
}

struct fl_lane *fl_lane_root(struct fl_lane *lane)
{
	while (lane->depth > 1)
		lane = lane->parent;
	return lane;
}

struct fl_lane *fl_lane_parent(const struct fl_lane *lane)
{
	return lane->parent != lane->sched->top ? lane->parent : NULL;
}

struct fl_sched *fl_lane_sched(const struct fl_lane *lane)
{
	return lane->sched;
}

bool fl_lane_sealed(const struct fl_lane *lane)
{
	for (; lane; lane = lane->parent)
		if (__atomic_load_n(&lane->sealed, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

bool fl_lane_abandoned(const struct fl_lane *lane)
{
	return __atomic_load_n(&lane->abandoned, __ATOMIC_SEQ_CST);
}

bool fl_lane_below(const struct fl_lane *lane, const struct fl_lane *above)
{
	if (lane->sched != above->sched || lane->depth <= above->depth)
		return false;
	while (lane->depth > above->depth)
		lane = lane->parent;
	return lane == above;
}

void fl_lane_discard(struct fl_lane *lane)
{
	if (!fl_lane_seal(lane, NULL))
		while (fl_lane_tell(lane))
			;
	fl_lane_unlink(lane);
}
