/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* op.c - an operation from its submit to its end. */
#include "base/futex.h"
#include "lane/lane-private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void fl_op_init(struct fl_op *op, const struct fl_op_type *type, struct fl_lane *lane,
		struct fl_client *client)
{
	memset(op, 0, sizeof(*op));
	op->type = type;
	op->lane = fl_lane_get(lane);
	op->client = client ? fl_client_get(client) : NULL;
	op->refs = 1;
	op->work.fn = fl_op_resume;
	op->due.fn = fl_deadline_due;
	fl_lock_init(&op->children_lock, op);
	CDS_INIT_LIST_HEAD(&op->children);
	fl_timer_init_expire(&op->timer, fl_step_expire);
}

struct fl_op *fl_op_get(struct fl_op *op)
{
	__atomic_add_fetch(&op->refs, 1, __ATOMIC_RELAXED);
	return op;
}

void fl_op_put(struct fl_op *op)
{
	/* The last put of a child may be the last but one of its parent. */
	while (op && !__atomic_sub_fetch(&op->refs, 1, __ATOMIC_ACQ_REL)) {
		struct fl_op *parent = op->parent;

		fl_lane_put(op->lane);
		fl_client_put(op->client);
		free(op->refusal);
		fl_lock_done(&op->children_lock);
		op->type->free(op);
		op = parent;
	}
}

struct fl_lane *fl_op_lane(const struct fl_op *op)
{
	return op->lane;
}

struct fl_client *fl_op_client(const struct fl_op *op)
{
	return op->client;
}

const char *fl_op_kind(const struct fl_op *op)
{
	return op->type->kind;
}

uint64_t fl_op_number(const struct fl_op *op)
{
	return op->number;
}

const char *fl_op_refusal(const struct fl_op *op)
{
	return __atomic_load_n(&op->refusal, __ATOMIC_ACQUIRE);
}

bool fl_op_cancelled(const struct fl_op *op)
{
	return __atomic_load_n(&op->cancelled, __ATOMIC_SEQ_CST);
}

bool fl_op_parked(const struct fl_op *op)
{
	return __atomic_load_n(&op->parked, __ATOMIC_SEQ_CST);
}

/* ---- submit ----------------------------------------------------------------------- */

/* The lanes of op's path, from the one below its parent's (or the root) to its own. */
static void set_path(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	unsigned int above; /* depth of the first lane that it enters */

	if (op->parent)
		above = op->parent->lane->depth + 1;
	else
		above = sched->config.bkl ? 0 : 1;
	op->depth = (uint8_t)(op->lane->depth - above + 1);
	for (struct fl_lane *lane = op->lane; lane && lane->depth >= above; lane = lane->parent) {
		struct fl_op_hold *hold = &op->path[lane->depth - above];

		hold->lane = lane;
		hold->index = (uint8_t)(lane->depth - above);
		hold->alone = lane == op->lane || lane == sched->top;
	}
}

/* What runs must be able to finish, a removal must always be possible, and what the plane
 * does by itself follows from what was let in before (a return from a dead namespace). */
static bool exempt(const struct fl_op *op)
{
	return op->parent || fl_op_removes(op) || !op->client;
}

static int reserve_client(struct fl_op *op)
{
	unsigned int limit = op->lane->sched->config.max_ops_client;

	if (!op->client)
		return 0;
	if (fl_client_ops_add(op->client) <= limit || exempt(op))
		return 0;
	fl_client_ops_sub(op->client);
	fl_op_say(op, "client %s has %u operations already (limit %u); try again later",
	       fl_client_name(op->client), limit, limit);
	return -EBUSY;
}

static void release_client(struct fl_op *op)
{
	if (op->client)
		fl_client_ops_sub(op->client);
}

static void release_plane(struct fl_op *op)
{
	__atomic_sub_fetch(&op->lane->sched->ops, 1, __ATOMIC_RELAXED);
	if (op->asked)
		__atomic_sub_fetch(&fl_lane_root(op->lane)->asked, 1, __ATOMIC_RELAXED);
	op->asked = 0;
}

/* Of one device so many operations may be asked for as are still free for all: whatever some
 * devices take, something is left for the next. */
static int reserve_plane(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	struct fl_lane *root = fl_lane_root(op->lane);
	unsigned int limit = sched->config.max_ops;
	unsigned int all = __atomic_add_fetch(&sched->ops, 1, __ATOMIC_RELAXED), here;

	if (exempt(op))
		return 0;
	op->asked = 1;
	here = __atomic_add_fetch(&root->asked, 1, __ATOMIC_RELAXED);
	if (all <= limit && here <= limit - all + 1)
		return 0;
	release_plane(op);
	if (all > limit)
		fl_op_say(op, "the plane has %u operations already (limit %u); try again later",
			  limit, limit);
	else
		fl_op_say(op,
			  "device %s has %u operations already, as many as are left for all "
			  "(limit %u); try again later",
			  root->name, here - 1, limit);
	return -EBUSY;
}

static int reserve_timer(struct fl_op *op)
{
	int err = fl_timers_reserve(op->lane->sched);

	if (err)
		fl_op_say(op, "out of memory for another operation");
	return err;
}

static int reserve(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	int err;

	err = reserve_client(op);
	if (err)
		return err;
	err = reserve_plane(op);
	if (err)
		goto out_client;
	err = reserve_timer(op);
	if (err)
		goto out_plane;
	if (!(op->type->flags & FL_OP_BLOCKS))
		return 0;
	err = fl_block_reserve(op, &op->refusal);
	if (!err)
		return 0;
	fl_timers_unreserve(sched);
out_plane:
	release_plane(op);
out_client:
	release_client(op);
	return err;
}

static void unreserve(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;

	fl_block_release(op);
	fl_timers_unreserve(sched);
	release_plane(op);
	release_client(op);
}

static int child_join(struct fl_op *parent, struct fl_op *child)
{
	int err = -ENODEV;

	fl_lock_take(&parent->children_lock);
	if (!parent->parked) {
		/* In front of those that have been told to stop, see pick_children(). */
		cds_list_add(&child->sibling, &parent->children);
		child->awaited = 1;
		__atomic_add_fetch(&parent->children_running, 1, __ATOMIC_RELAXED);
		err = 0;
	}
	fl_lock_drop(&parent->children_lock);
	return err;
}

void fl_op_child_leave(struct fl_op *child, int err)
{
	struct fl_op *parent = child->parent;
	bool ready = false;

	if (!parent)
		return;
	fl_lock_take(&parent->children_lock);
	if (child->awaited) {
		child->awaited = 0;
		cds_list_del(&child->sibling);
		if (err && !parent->children_error)
			parent->children_error = err;
		if (!__atomic_sub_fetch(&parent->children_running, 1, __ATOMIC_ACQ_REL))
			ready = fl_step_children_over(parent);
	}
	fl_lock_drop(&parent->children_lock);
	if (ready)
		fl_op_make_ready(parent);
}

/* Whether op may not begin. Who seals its own lane finds out there. */
static bool sealed_against(const struct fl_op *op)
{
	const struct fl_lane *lane = fl_op_removes(op) ? op->lane->parent : op->lane;

	return fl_lane_sealed_against(lane, op->parent);
}

/* Linked to its parent first, then seals are looked at: see lane.c. */
static int admit(struct fl_op *op)
{
	int err = op->parent ? child_join(op->parent, op) : 0;

	if (!err && sealed_against(op))
		err = -ENODEV;
	if (!err && fl_op_removes(op))
		err = fl_lane_seal(op->lane, op);
	if (!err)
		return 0;
	fl_op_child_leave(op, 0);
	return fl_lane_seal_error(op);
}

static int submit(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	int err;

	fl_assert_no_lock("submitting an operation");
	fl_assert(op->type->free && op->type->run && !op->depth);
	op->number = __atomic_add_fetch(&sched->numbers, 1, __ATOMIC_RELAXED);
	set_path(op);
	err = reserve(op);
	if (err)
		goto out_refused;
	err = admit(op);
	if (err)
		goto out_unreserve;
	__atomic_add_fetch(&sched->submitted, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&op->queued_ns, fl_sched_now(sched), __ATOMIC_RELAXED);
	__atomic_store_n(&op->state, FL_OP_QUEUED, __ATOMIC_RELAXED);
	__atomic_add_fetch(&sched->live, 1, __ATOMIC_RELAXED);
	/* From here on op may end at any moment. A removal tells first, on a worker. */
	if (fl_op_removes(op) || fl_hold_enter(op) != FL_LATER)
		fl_op_make_ready(op);
	return 0;

out_unreserve:
	unreserve(op);
out_refused:
	__atomic_add_fetch(&sched->refused, 1, __ATOMIC_RELAXED);
	fl_op_put(op);
	return err;
}

int fl_op_submit(struct fl_op *op)
{
	return submit(op);
}

int fl_op_spawn(struct fl_op *op, struct fl_op *child)
{
	fl_step_assert_current(op, "fl_op_spawn");
	if (!fl_lane_below(child->lane, op->lane))
		fl_breach("L3 (wait only downward)",
			  "operation '%s' on lane '%s' awaits operation '%s' on lane '%s', "
			  "which is not below it",
			  op->type->kind, op->lane->name, child->type->kind, child->lane->name);
	child->parent = fl_op_get(op);
	return submit(child);
}

/* ---- on a worker ------------------------------------------------------------------ */

void fl_op_make_ready(struct fl_op *op)
{
	fl_runq_push(op->lane->sched, &op->work);
}

/* Tells, then enters. 0: op may start. */
static int enter(struct fl_op *op)
{
	int err;

	if (fl_op_removes(op) && !op->told) {
		if (fl_lane_tell(op->lane)) {
			fl_op_make_ready(op); /* in small portions: others want the worker, too */
			return FL_LATER;
		}
		op->told = 1;
		fl_removal_await_told(op);
	}
	err = fl_hold_enter(op);
	if (err == FL_LATER)
		return err;
	if (fl_op_removes(op))
		fl_timer_cancel(op->lane->sched, &op->timer);
	/* It may have queued below the sealed lane and be granted before it was told. */
	return err || !sealed_against(op) ? err : -ENODEV;
}

void fl_op_resume(struct fl_work *work)
{
	struct fl_op *op = FL_CONTAINER_OF(work, struct fl_op, work);

	if (!op->started) {
		int err = enter(op);

		if (err == FL_LATER)
			return;
		if (!err)
			err = fl_step_begin(op);
		if (err) {
			fl_op_finish(op, err);
			return;
		}
	}
	if (op->slot)
		fl_block_push(op);
	else
		fl_step_run(op);
}

/* ---- the end ---------------------------------------------------------------------- */

static void check_joined(struct fl_op *op) FL_REQUIRES(op->children_lock)
{
	struct fl_op *child;

	if (!op->children_running)
		return;
	child = cds_list_first_entry(&op->children, struct fl_op, sibling);
	fl_breach("L3 (join what is awaited)",
		  "operation '%s' on lane '%s' ends while its child '%s' on lane '%s' runs "
		  "(%u unjoined)",
		  op->type->kind, op->lane->name, child->type->kind, child->lane->name,
		  op->children_running);
}

/* From here on op cannot be parked. Whether it has been. */
static bool set_over(struct fl_op *op)
{
	bool parked;

	fl_lock_take(&op->children_lock);
	check_joined(op);
	op->over = 1;
	parked = op->parked;
	fl_lock_drop(&op->children_lock);
	__atomic_store_n(&op->state, FL_OP_ENDED, __ATOMIC_RELAXED);
	return parked;
}

static void end_removal(struct fl_op *op, int err, bool parked)
{
	struct fl_lane *lane = op->lane;

	if (fl_op_unbinds(op)) {
		fl_lane_reopen(lane, op);
		return;
	}
	if (err && !parked) {
		fl_lane_unseal(lane, op);
		return;
	}
	if (!err)
		fl_lane_unlink(lane);
	fl_lock_take(&lane->lock);
	if (lane->sealer == op)
		__atomic_store_n(&lane->sealer, NULL, __ATOMIC_SEQ_CST);
	fl_lock_drop(&lane->lock);
}

void fl_live_sub(struct fl_sched *sched, unsigned int count)
{
	if (__atomic_sub_fetch(&sched->live, count, __ATOMIC_SEQ_CST))
		return;
	__atomic_add_fetch(&sched->drained, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&sched->drainers, __ATOMIC_SEQ_CST))
		fl_futex_wake(&sched->drained, INT_MAX);
}

void fl_op_finish(struct fl_op *op, int err)
{
	struct fl_sched *sched = op->lane->sched;
	bool parked = set_over(op);

	/* That it was told to stop is why its waits ended. */
	if (err == -ECANCELED && __atomic_load_n(&op->timed_out, __ATOMIC_SEQ_CST))
		err = -ETIMEDOUT;
	if (op->started && op->type->leaving) {
		op->type->leaving(op, err);
		fl_step_assert_clean(op, "leaving()");
	}
	if (fl_op_removes(op))
		end_removal(op, err, parked);
	fl_hold_release(op);
	if (parked)
		fl_parked_over(op);
	unreserve(op);
	if (op->type->ended) {
		op->type->ended(op, err);
		fl_step_assert_clean(op, "ended()");
	}
	fl_op_child_leave(op, err);
	__atomic_add_fetch(&sched->ended, 1, __ATOMIC_RELAXED);
	fl_op_put(op);
	if (!parked)
		fl_live_sub(sched, 1);
}
