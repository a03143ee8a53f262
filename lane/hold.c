/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold.c - taking and giving back one lane: the queue and the grant. The rule is told at the top
 * of lane.h.
 *
 * Requests to be alone and shared ones queue in lists of their own, so that each grant looks at the
 * heads only. The first of those that are to be alone, while holders keep it out, has the lane's
 * timer: for when the oldest holder begins to last, so that others may pass, and for when it gives
 * up. Nobody else needs one: the others that are to be alone came later, and so give up later;
 * and a shared request waits for something that has a deadline itself.
 */
#include "lane/lane-private.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"

#define LOOK_AGAIN_NS FL_NS_PER_MS

/* Requests that leave a queue without having been granted, under one hold of the lock. */
struct leavers {
	struct fl_op *op[FL_CHUNK];
	int count;
	struct fl_op *holder; /* who keeps them out, referenced; NULL: nobody any more */
};

static struct fl_op_hold *first_of(struct cds_list_head *list)
{
	return cds_list_empty(list) ? NULL : cds_list_first_entry(list, struct fl_op_hold, link);
}

static struct cds_list_head *queue_for(struct fl_lane *lane, const struct fl_op_hold *hold)
{
	if (hold->alone)
		return &lane->alones;
	return fl_op_lasts(fl_hold_op((struct fl_op_hold *)hold)) ? &lane->lasters : &lane->shareds;
}

/* ---- what lasts --------------------------------------------------------------------- */

/*
 * When a hold begins to last for who is first in line. With g the moment of its grant and f the
 * one since which somebody is first, its age t - g has to exceed a quarter of t - f: that is so
 * from g + (g - f) / 3 on; and never before the patience, never after 8 patiences.
 */
static uint64_t lasts_at(const struct fl_lane *lane, const struct fl_op_hold *hold)
{
	uint64_t patience = lane->sched->config.patience_ns;
	uint64_t age = 0;

	if (lane->first_ns && hold->since_ns > lane->first_ns)
		age = (hold->since_ns - lane->first_ns) / (FL_PATIENCE_PART - 1);
	if (age < patience)
		age = patience;
	if (age > FL_PATIENCE_MOST * patience)
		age = FL_PATIENCE_MOST * patience;
	return hold->since_ns + age;
}

/* Whether something that holds the lane lasts: the oldest holder, if any that was not declared. */
static bool lasts(struct fl_lane *lane, uint64_t now_ns) FL_REQUIRES(lane->lock)
{
	const struct fl_op_hold *oldest = first_of(&lane->holders);

	return lane->declared || (oldest && now_ns >= lasts_at(lane, oldest));
}

/* ---- deadlines of who waits ----------------------------------------------------------- */

/* How long somebody has been alone on lane, counted from any moment that suits. */
static uint64_t alone_total(const struct fl_lane *lane, uint64_t now_ns)
{
	uint64_t total = lane->alone_sum_ns, since_ns;

	if (!lane->alone)
		return total;
	since_ns = cds_list_first_entry(&lane->holders, struct fl_op_hold, link)->since_ns;
	return now_ns > since_ns ? total + now_ns - since_ns : total;
}

/* Until when who is to be alone may wait. What it waited while others were alone does not count. */
static uint64_t waits_until(const struct fl_op_hold *hold, uint64_t now_ns)
{
	const struct fl_lane *lane = hold->lane;
	const struct fl_op *op = fl_hold_op((struct fl_op_hold *)hold);
	uint64_t still_ns = alone_total(lane, now_ns) - op->still_ns;

	return hold->since_ns + lane->sched->config.deadline_ns + still_ns;
}

uint64_t fl_hold_until(const struct fl_op_hold *hold, uint64_t now_ns)
{
	return hold->alone && hold->state == FL_HOLD_QUEUED ? waits_until(hold, now_ns) : 0;
}

void fl_hold_timer_cancel(struct fl_lane *lane)
{
	lane->first_ns = 0;
	if (!lane->look_ns)
		return;
	fl_timer_cancel(lane->sched, &lane->timer);
	lane->look_ns = 0;
}

/* Arms the timer for who is first in line. One that is armed for earlier will find out. True: the
 * timer thread has to be woken, without the lock. */
static bool timer_settle(struct fl_lane *lane, uint64_t now_ns) FL_REQUIRES(lane->lock)
{
	const struct fl_op_hold *first = first_of(&lane->alones), *oldest;
	uint64_t at_ns, opens_ns;

	/* A lane that is sealed has nobody in line but who sealed it. */
	if (!first || lane->alone || lane->sealed) {
		fl_hold_timer_cancel(lane);
		return false;
	}
	if (!lane->first_ns)
		lane->first_ns = now_ns;
	at_ns = waits_until(first, now_ns);
	if (!lasts(lane, now_ns)) {
		oldest = first_of(&lane->holders);
		opens_ns = oldest ? lasts_at(lane, oldest) : at_ns;
		at_ns = opens_ns < at_ns ? opens_ns : at_ns;
	}
	if (lane->look_ns && lane->look_ns <= at_ns)
		return false;
	if (lane->look_ns)
		fl_timer_cancel(lane->sched, &lane->timer);
	lane->look_ns = at_ns;
	return fl_timer_arm_quietly(lane->sched, &lane->timer, at_ns);
}

/* ---- the grant -------------------------------------------------------------------------- */

static void hold_grant(struct fl_lane *lane, struct fl_op_hold *hold, uint64_t now_ns)
	FL_REQUIRES(lane->lock)
{
	fl_assert(!lane->alone && (!hold->alone || !lane->held));
	hold->state = FL_HOLD_HELD;
	hold->since_ns = now_ns;
	cds_list_add_tail(&hold->link, &lane->holders);
	lane->held++;
	if (hold->alone) {
		lane->alone = fl_hold_op(hold);
	} else if (fl_op_lasts(fl_hold_op(hold))) {
		lane->declared++;
	}
}

/* Whether hold queued when one that was alone left: it goes before the next. */
static bool goes_first(const struct fl_lane *lane, const struct fl_op_hold *hold)
{
	return hold && (int32_t)(hold->ticket - lane->turn) < 0;
}

/* Which of those that queue may enter now; NULL: none. */
static struct fl_op_hold *next_hold(struct fl_lane *lane, uint64_t now_ns) FL_REQUIRES(lane->lock)
{
	struct fl_op_hold *alone = first_of(&lane->alones);
	struct fl_op_hold *shared = first_of(&lane->shareds);
	struct fl_op_hold *laster = first_of(&lane->lasters);

	if (lane->alone)
		return NULL;
	/* What else queues there ends: fl_hold_fail_some(). */
	if (lane->sealed)
		return alone && fl_hold_op(alone) == lane->sealer && !lane->held ? alone : NULL;
	if (!alone || goes_first(lane, shared))
		return shared ? shared : laster;
	if (goes_first(lane, laster))
		return laster;
	if (!lane->held)
		return alone;
	if (!lasts(lane, now_ns))
		return NULL;
	return shared || lane->declared ? shared : laster;
}

/* Takes from the queue what can be granted, into the list of ready operations. True: stopped
 * early, so that the lock is not held for long. */
static bool grant_some(struct fl_lane *lane, uint64_t now_ns, struct cds_list_head *ready)
	FL_REQUIRES(lane->lock)
{
	for (int i = 0; i < FL_CHUNK; i++) {
		struct fl_op_hold *hold = next_hold(lane, now_ns);

		if (!hold)
			return false;
		cds_list_del(&hold->link);
		lane->queued--;
		hold_grant(lane, hold, now_ns);
		cds_list_add_tail(&fl_hold_op(hold)->work.link, ready);
	}
	return true;
}

/* Grants what can be granted at lane, whose lock is held, and drops the lock. */
static void grant_and_drop(struct fl_lane *lane, uint64_t now_ns) FL_RELEASE(lane->lock)
{
	CDS_LIST_HEAD(ready);
	bool more, wake;

	while ((more = grant_some(lane, now_ns, &ready))) {
		fl_lock_drop(&lane->lock);
		fl_runq_push_list(lane->sched, &ready);
		fl_lock_take(&lane->lock);
	}
	wake = timer_settle(lane, now_ns);
	fl_lock_drop(&lane->lock);
	if (wake)
		fl_timers_wake(lane->sched);
	fl_runq_push_list(lane->sched, &ready);
}

/* Whether who arrives at lane may enter at once. */
static bool may_enter(struct fl_lane *lane, const struct fl_op_hold *hold, uint64_t now_ns)
	FL_REQUIRES(lane->lock)
{
	if (hold->alone)
		return !lane->held && !lane->queued;
	if (lane->alone)
		return false;
	if (cds_list_empty(&lane->alones))
		return true;
	if (!lane->held || !lasts(lane, now_ns))
		return false;
	return !lane->declared || !fl_op_lasts(fl_hold_op((struct fl_op_hold *)hold));
}

/* ---- entering --------------------------------------------------------------------------- */

/* Who would wait for something that does not return is told so at once. */
static bool waits_in_vain(const struct fl_lane *lane, const struct fl_op_hold *hold)
{
	const struct fl_op *op = fl_hold_op((struct fl_op_hold *)hold);

	return lane->stuck && op->client && !fl_op_removes(op) && (hold->alone || lane->alone);
}

static int admit(struct fl_op *op, const struct fl_op_hold *hold)
{
	const struct fl_lane *lane = hold->lane;
	int doomed = __atomic_load_n(&op->doomed, __ATOMIC_SEQ_CST);

	if (doomed)
		return doomed;
	if (lane->sealed && lane->sealer != op)
		return -ENODEV;
	return waits_in_vain(lane, hold) ? -EBUSY : 0;
}

/* Who keeps others out, referenced: one that is stuck, or else the oldest. */
static struct fl_op *holder_get(struct fl_lane *lane) FL_REQUIRES(lane->lock)
{
	struct fl_op_hold *first = first_of(&lane->holders);

	return first ? fl_op_get(fl_hold_op(first)) : NULL;
}

static void say_stuck(struct fl_op *op, const struct fl_op *holder)
{
	char name[FL_OP_NAME_MAX] = "one";

	if (holder)
		fl_op_name(holder, name);
	fl_op_say(op, "%s was told to stop and does not return; only a removal goes past it", name);
}

static void enqueue(struct fl_lane *lane, struct fl_op_hold *hold, uint64_t now_ns)
	FL_REQUIRES(lane->lock)
{
	hold->state = FL_HOLD_QUEUED;
	hold->since_ns = now_ns;
	hold->ticket = lane->ticket++;
	fl_hold_op(hold)->still_ns = alone_total(lane, now_ns);
	cds_list_add_tail(&hold->link, queue_for(lane, hold));
	lane->queued++;
}

/* 0: held; FL_LATER: queued. */
static int take(struct fl_op *op, struct fl_op_hold *hold, uint64_t now_ns)
{
	struct fl_lane *lane = hold->lane;
	struct fl_op *holder = NULL;
	bool wake = false;
	int err;

	fl_lock_take(&lane->lock);
	err = admit(op, hold);
	if (err == -EBUSY)
		holder = holder_get(lane);
	if (!err && may_enter(lane, hold, now_ns)) {
		hold_grant(lane, hold, now_ns);
	} else if (!err) {
		err = FL_LATER;
		enqueue(lane, hold, now_ns);
		wake = timer_settle(lane, now_ns);
	}
	fl_lock_drop(&lane->lock);
	if (wake)
		fl_timers_wake(lane->sched);
	if (err == -EBUSY)
		say_stuck(op, holder);
	fl_op_put(holder);
	return err;
}

int fl_hold_enter(struct fl_op *op)
{
	int at = __atomic_load_n(&op->entered, __ATOMIC_RELAXED);
	uint64_t now_ns = fl_sched_now(op->lane->sched);
	int err;

	while (at < op->depth) {
		struct fl_op_hold *hold = &op->path[at];

		/* Still set: it queued here, and goes on because it was granted or doomed. */
		if (!op->queueing) {
			op->queueing = 1;
			err = take(op, hold, now_ns);
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

/* ---- leaving ------------------------------------------------------------------------------ */

/* Takes hold out of the queue. Who comes after it has a patience of its own. */
static void dequeue(struct fl_lane *lane, struct fl_op_hold *hold) FL_REQUIRES(lane->lock)
{
	if (hold == first_of(&lane->alones))
		fl_hold_timer_cancel(lane);
	cds_list_del(&hold->link);
	lane->queued--;
	hold->state = FL_HOLD_FREE;
}

bool fl_hold_unqueue(struct fl_op *op)
{
	for (;;) {
		int at = __atomic_load_n(&op->entered, __ATOMIC_SEQ_CST);
		struct fl_op_hold *hold;
		struct fl_lane *lane;

		if (at >= op->depth)
			return false;
		hold = &op->path[at];
		lane = hold->lane;
		fl_lock_take(&lane->lock);
		if (hold->state == FL_HOLD_QUEUED) {
			dequeue(lane, hold);
			/* It may have held others back. */
			grant_and_drop(lane, fl_sched_now(lane->sched));
			return true;
		}
		fl_lock_drop(&lane->lock);
		if (__atomic_load_n(&op->entered, __ATOMIC_SEQ_CST) == at)
			return false;
	}
}

static void release(struct fl_lane *lane, struct fl_op_hold *hold, uint64_t now_ns)
	FL_REQUIRES(lane->lock)
{
	if (hold->alone)
		lane->alone_sum_ns = alone_total(lane, now_ns);
	cds_list_del(&hold->link);
	hold->state = FL_HOLD_FREE;
	lane->held--;
	lane->stuck -= hold->stuck;
	hold->stuck = 0;
	if (hold->alone) {
		lane->alone = NULL;
		lane->turn = lane->ticket;
	} else if (fl_op_lasts(fl_hold_op(hold))) {
		lane->declared--;
	}
}

void fl_hold_release(struct fl_op *op)
{
	uint64_t now_ns = fl_sched_now(op->lane->sched);

	for (int i = op->depth - 1; i >= 0; i--) {
		struct fl_op_hold *hold = &op->path[i];
		struct fl_lane *lane = hold->lane;

		fl_lock_take(&lane->lock);
		if (hold->state != FL_HOLD_HELD) {
			fl_lock_drop(&lane->lock);
			continue;
		}
		release(lane, hold, now_ns);
		grant_and_drop(lane, now_ns);
	}
}

/* One of those that queue and may not stay; NULL: none. */
static struct fl_op_hold *next_to_fail(struct fl_lane *lane) FL_REQUIRES(lane->lock)
{
	struct fl_op_hold *alone = first_of(&lane->alones);

	/* Who sealed the lane comes when all others have left. */
	if (alone && fl_hold_op(alone) != lane->sealer)
		return alone;
	return !cds_list_empty(&lane->shareds) ? first_of(&lane->shareds) : first_of(&lane->lasters);
}

bool fl_hold_fail_some(struct fl_lane *lane)
{
	struct fl_op_hold *hold;
	CDS_LIST_HEAD(ready);
	int count = 0;

	fl_lock_take(&lane->lock);
	while (lane->sealed && count < FL_CHUNK && (hold = next_to_fail(lane))) {
		dequeue(lane, hold);
		fl_op_doom(fl_hold_op(hold), -ENODEV);
		cds_list_add_tail(&fl_hold_op(hold)->work.link, &ready);
		count++;
	}
	fl_lock_drop(&lane->lock);
	fl_runq_push_list(lane->sched, &ready);
	return count == FL_CHUNK;
}

/* ---- giving up ------------------------------------------------------------------------------ */

static void leave(struct fl_lane *lane, struct fl_op_hold *hold, struct leavers *leavers)
	FL_REQUIRES(lane->lock)
{
	dequeue(lane, hold);
	leavers->op[leavers->count++] = fl_hold_op(hold);
}

/* They end with -EBUSY. Nobody else has them now: they are in no queue, and not ready. */
static void let_end(struct leavers *leavers)
{
	for (int i = 0; i < leavers->count; i++) {
		fl_op_doom(leavers->op[i], -EBUSY);
		fl_op_make_ready(leavers->op[i]);
	}
	fl_op_put(leavers->holder);
}

/* Where nobody would ask again, it queues anew, behind those that came meanwhile. */
static void queue_anew(struct fl_lane *lane, struct fl_op_hold *hold, uint64_t now_ns)
	FL_REQUIRES(lane->lock)
{
	dequeue(lane, hold);
	enqueue(lane, hold, now_ns);
}

/* Lets those at the head of the line give up whose deadline has passed; at most FL_CHUNK of
 * them. Gives one that queues anew, referenced, or NULL. */
static struct fl_op *give_up(struct fl_lane *lane, uint64_t now_ns, struct leavers *leavers)
	FL_REQUIRES(lane->lock)
{
	struct fl_op_hold *first;
	struct fl_op *anew = NULL;

	for (int i = 0; i < FL_CHUNK && (first = first_of(&lane->alones)); i++) {
		if (now_ns < waits_until(first, now_ns))
			break;
		if (fl_hold_op(first)->client) {
			leave(lane, first, leavers);
			continue;
		}
		if (!anew)
			anew = fl_op_get(fl_hold_op(first));
		queue_anew(lane, first, now_ns);
	}
	return anew;
}

static void tell_given_up(const struct leavers *leavers, const struct fl_op *anew, uint64_t ns)
{
	unsigned int seconds = (unsigned int)(ns / FL_NS_PER_S);
	char name[FL_OP_NAME_MAX] = "something", who[FL_OP_NAME_MAX];

	if (leavers->holder)
		fl_op_name(leavers->holder, name);
	for (int i = 0; i < leavers->count; i++)
		fl_op_say(leavers->op[i], "after %u s %s still runs; see: finelink show lanes",
			  seconds, name);
	if (!anew)
		return;
	fl_op_name(anew, who);
	fl_log(FL_LOG_WARN, "%s has waited for %u s and goes on waiting: %s still runs", who, seconds,
	       name);
}

struct fl_work *fl_lane_timer_expire(struct fl_timer *timer, uint64_t now_ns, uint64_t *ret_again_ns)
{
	/* The lane is there: the timer is armed only while somebody queues at it. */
	struct fl_lane *lane = FL_CONTAINER_OF(timer, struct fl_lane, timer);
	struct fl_work *look = fl_lane_look(lane);

	/* Somebody looks already, who may have looked here before. */
	if (!look)
		*ret_again_ns = now_ns + LOOK_AGAIN_NS;
	return look;
}

void fl_hold_look(struct fl_lane *lane)
{
	uint64_t now_ns = fl_sched_now(lane->sched);
	struct leavers leavers = { .count = 0 };
	struct fl_op *anew = NULL;

	fl_lock_take(&lane->lock);
	/* It has expired, or was even armed anew since. */
	if (lane->look_ns)
		fl_timer_cancel(lane->sched, &lane->timer);
	lane->look_ns = 0;
	leavers.holder = holder_get(lane);
	if (!lane->alone && !lane->sealed)
		anew = give_up(lane, now_ns, &leavers);
	grant_and_drop(lane, now_ns);
	tell_given_up(&leavers, anew, lane->sched->config.deadline_ns);
	let_end(&leavers);
	fl_op_put(anew);
}

/* ---- what does not return -------------------------------------------------------------------- */

/* Takes out of list those that have a client. */
static void pick_clients(struct fl_lane *lane, struct cds_list_head *list,
			 struct leavers *leavers) FL_REQUIRES(lane->lock)
{
	struct fl_op_hold *hold, *next;

	cds_list_for_each_entry_safe(hold, next, list, link) {
		if (leavers->count == FL_CHUNK)
			break;
		if (fl_hold_op(hold)->client && !fl_op_removes(fl_hold_op(hold)))
			leave(lane, hold, leavers);
	}
}

/* Some of those that wait at lane for what does not return. True: there may be more. */
static bool fail_some(struct fl_lane *lane)
{
	struct leavers leavers = { .count = 0 };
	bool more;

	fl_lock_take(&lane->lock);
	leavers.holder = holder_get(lane);
	if (lane->stuck) {
		pick_clients(lane, &lane->alones, &leavers);
		if (lane->alone) {
			pick_clients(lane, &lane->shareds, &leavers);
			pick_clients(lane, &lane->lasters, &leavers);
		}
	}
	more = leavers.count == FL_CHUNK;
	grant_and_drop(lane, fl_sched_now(lane->sched));
	for (int i = 0; i < leavers.count; i++)
		say_stuck(leavers.op[i], leavers.holder);
	let_end(&leavers);
	return more;
}

static void clear_stuck(struct fl_op *op)
{
	for (int i = op->depth - 1; i >= 0; i--) {
		struct fl_op_hold *hold = &op->path[i];

		fl_lock_take(&hold->lane->lock);
		hold->lane->stuck -= hold->stuck;
		hold->stuck = 0;
		fl_lock_drop(&hold->lane->lock);
	}
}

void fl_hold_clear_stuck(struct fl_lane *lane)
{
	struct fl_op_hold *first;
	struct fl_op *op;

	do {
		fl_lock_take(&lane->lock);
		first = first_of(&lane->holders);
		op = first && first->stuck ? fl_op_get(fl_hold_op(first)) : NULL;
		fl_lock_drop(&lane->lock);
		if (op)
			clear_stuck(op);
		fl_op_put(op);
	} while (op);
}

void fl_hold_set_stuck(struct fl_op *op)
{
	char name[FL_OP_NAME_MAX];

	for (int i = op->depth - 1; i >= 0; i--) {
		struct fl_op_hold *hold = &op->path[i];
		bool set;

		fl_lock_take(&hold->lane->lock);
		set = hold->state == FL_HOLD_HELD && !hold->stuck;
		if (set) {
			hold->stuck = 1;
			hold->lane->stuck++;
		}
		/* To the front, where it is found; it is old anyway. Those of a sealed lane are
		 * in the order in which they are told. */
		if (set && !hold->lane->sealed) {
			cds_list_del(&hold->link);
			cds_list_add(&hold->link, &hold->lane->holders);
		}
		fl_lock_drop(&hold->lane->lock);
		while (set && fail_some(hold->lane))
			;
	}
	/* Looked after it was written; who seals does likewise. */
	if (fl_lane_sealed_against(op->lane, op))
		clear_stuck(op);
	fl_op_name(op, name);
	fl_log(FL_LOG_WARN, "%s was told to stop and does not return", name);
}
