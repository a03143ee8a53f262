/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* walk.c - looking in: copies of lanes and operations, for `finelink show`. */
#include "lane/lane-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct walk {
	struct fl_sched *sched;
	void (*lane)(const struct fl_lane_info *info, void *arg);
	void (*op)(const struct fl_op_info *info, void *arg);
	void *arg;
	uint64_t number; /* looks for this one, and tells nothing; 0: tells all */
	struct fl_op *found;
	struct fl_op *ops[FL_WALK_QUEUE]; /* references */
	unsigned int op_count;
};

static enum fl_op_state op_state(const struct fl_op *op)
{
	enum fl_op_state state = (enum fl_op_state)__atomic_load_n(&op->state, __ATOMIC_RELAXED);

	return fl_op_parked(op) && state != FL_OP_ENDED ? FL_OP_PARKED : state;
}

/* For whom op queues: who is alone at that lane, else who has held it for longest. Context: the
 * lane's lock. */
static uint64_t waits_for(struct fl_lane *lane) FL_REQUIRES(lane->lock)
{
	if (lane->alone)
		return lane->alone->number;
	if (cds_list_empty(&lane->holders))
		return 0;
	return fl_hold_op(cds_list_first_entry(&lane->holders, struct fl_op_hold, link))->number;
}

static void describe_queueing(struct fl_op *op, struct fl_op_info *info)
{
	int at = __atomic_load_n(&op->entered, __ATOMIC_SEQ_CST);
	struct fl_op_hold *hold = &op->path[at];

	if (at >= op->depth)
		return;
	snprintf(info->waits_at, sizeof(info->waits_at), "%s", hold->lane->name);
	fl_lock_take(&hold->lane->lock);
	if (hold->state == FL_HOLD_QUEUED) {
		info->waits_for = waits_for(hold->lane);
		if (info->removes && hold->lane == op->lane)
			info->until_ns = op->park_at_ns;
		else if (op->client && !info->removes)
			info->until_ns = fl_hold_until(hold, fl_sched_now(op->lane->sched));
	}
	fl_lock_drop(&hold->lane->lock);
}

static void describe_running(struct fl_op *op, struct fl_op_info *info)
{
	const struct fl_op_hold *own = &op->path[op->depth - 1];

	info->until_ns = fl_deadline_next(op);
	info->wait = (enum fl_op_wait)__atomic_load_n(&op->wait, __ATOMIC_RELAXED);
	if (info->wait == FL_OP_WAIT_BELOW) {
		fl_lock_take(&op->children_lock);
		if (!cds_list_empty(&op->children))
			info->waits_for = cds_list_first_entry(&op->children, struct fl_op, sibling)
						  ->number;
		fl_lock_drop(&op->children_lock);
	}
	fl_lock_take(&own->lane->lock);
	info->stuck = own->stuck;
	fl_lock_drop(&own->lane->lock);
}

static void tell_op(struct walk *walk, struct fl_op *op)
{
	struct fl_op_info info = {
		.number = op->number,
		.state = op_state(op),
		.queued_ns = __atomic_load_n(&op->queued_ns, __ATOMIC_RELAXED),
		.started_ns = __atomic_load_n(&op->started_ns, __ATOMIC_RELAXED),
		.cancelled = fl_op_cancelled(op),
		.removes = fl_op_removes(op),
		.blocks = op->type->flags & FL_OP_BLOCKS,
		.lasts = fl_op_lasts(op),
	};

	if (!walk->op)
		return;
	snprintf(info.lane, sizeof(info.lane), "%s", op->lane->name);
	snprintf(info.kind, sizeof(info.kind), "%s", op->type->kind);
	snprintf(info.client, sizeof(info.client), "%s",
		 op->client ? fl_client_name(op->client) : "");
	if (info.state == FL_OP_QUEUED)
		describe_queueing(op, &info);
	else if (info.state != FL_OP_ENDED)
		describe_running(op, &info);
	walk->op(&info, walk->arg);
}

static void tell_ops(struct walk *walk)
{
	for (unsigned int i = 0; i < walk->op_count; i++) {
		tell_op(walk, walk->ops[i]);
		fl_op_put(walk->ops[i]);
	}
	walk->op_count = 0;
}

static void copy_list(struct walk *walk, struct cds_list_head *list)
{
	struct fl_op_hold *hold;

	cds_list_for_each_entry(hold, list, link) {
		if (walk->op_count == FL_WALK_QUEUE)
			break;
		walk->ops[walk->op_count++] = fl_op_get(fl_hold_op(hold));
	}
}

/* References on those that queue at lane and on the one that is alone there: so each
 * operation is found at one lane. */
static void copy_lane(struct walk *walk, struct fl_lane *lane, struct fl_lane_info *ret_info)
{
	fl_lock_take(&lane->lock);
	ret_info->sealed = lane->sealed;
	ret_info->holders = lane->held;
	ret_info->queued = lane->queued;
	if (lane->alone && lane->alone->lane == lane)
		walk->ops[walk->op_count++] = fl_op_get(lane->alone);
	copy_list(walk, &lane->alones);
	copy_list(walk, &lane->shareds);
	copy_list(walk, &lane->lasters);
	fl_lock_drop(&lane->lock);
}

/* Looks for walk->number at lane. */
static void search_list(struct walk *walk, struct cds_list_head *list)
{
	struct fl_op_hold *hold;

	cds_list_for_each_entry(hold, list, link) {
		if (walk->found)
			return;
		if (fl_hold_op(hold)->number == walk->number)
			walk->found = fl_op_get(fl_hold_op(hold));
	}
}

static void search_lane(struct walk *walk, struct fl_lane *lane)
{
	fl_lock_take(&lane->lock);
	if (lane->alone && lane->alone->number == walk->number)
		walk->found = fl_op_get(lane->alone);
	search_list(walk, &lane->alones);
	search_list(walk, &lane->shareds);
	search_list(walk, &lane->lasters);
	fl_lock_drop(&lane->lock);
}

static void tell_lane(struct walk *walk, struct fl_lane *lane)
{
	struct fl_lane_info info = { 0 };

	copy_lane(walk, lane, &info);
	if (lane != walk->sched->top && walk->lane) {
		snprintf(info.name, sizeof(info.name), "%s", lane->name);
		snprintf(info.parent, sizeof(info.parent), "%s", lane->parent->name);
		walk->lane(&info, walk->arg);
	}
	tell_ops(walk);
}

/* References on the lanes directly below lane. */
static int get_children(struct fl_lane *lane, struct fl_lane ***ret_children, size_t *ret_count)
{
	struct fl_lane **children = NULL;
	size_t count = 0, room = 0;
	struct cds_list_head *at;
	int err = 0;

	fl_rcu_read_lock();
	for (at = fl_rcu_deref(lane->children.next); at != &lane->children;
	     at = fl_rcu_deref(at->next)) {
		struct fl_lane *child = FL_CONTAINER_OF(at, struct fl_lane, sibling);

		if (count == room) {
			size_t more = room ? 2 * room : 16;
			struct fl_lane **grown = realloc(children, more * sizeof(*children));

			if (!grown) {
				err = -ENOMEM;
				break;
			}
			children = grown;
			room = more;
		}
		if (fl_lane_try_get(child))
			children[count++] = child;
	}
	fl_rcu_read_unlock();
	*ret_children = children;
	*ret_count = count;
	return err;
}

static int walk_below(struct walk *walk, struct fl_lane *lane)
{
	struct fl_lane **children;
	size_t count;
	int err;

	if (walk->number)
		search_lane(walk, lane);
	else
		tell_lane(walk, lane);
	err = get_children(lane, &children, &count);
	for (size_t i = 0; i < count; i++) {
		if (!err && !walk->found)
			err = walk_below(walk, children[i]);
		fl_lane_put(children[i]);
	}
	free(children);
	return err;
}

static void tell_parked(struct walk *walk)
{
	struct fl_sched *sched = walk->sched;
	struct fl_op_hold *hold;

	fl_lock_take(&sched->top->lock);
	cds_list_for_each_entry(hold, &sched->parked, link) {
		if (walk->op_count == FL_WALK_QUEUE)
			break;
		walk->ops[walk->op_count++] = fl_op_get(fl_hold_op(hold));
	}
	fl_lock_drop(&sched->top->lock);
	tell_ops(walk);
}

int fl_sched_walk(struct fl_sched *sched,
		  void (*lane)(const struct fl_lane_info *info, void *arg),
		  void (*op)(const struct fl_op_info *info, void *arg), void *arg)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	int err;

	fl_assert_no_lock("walking the lanes");
	if (!walk)
		return -ENOMEM;
	walk->sched = sched;
	walk->lane = lane;
	walk->op = op;
	walk->arg = arg;
	err = walk_below(walk, sched->top);
	if (!err)
		tell_parked(walk);
	free(walk);
	return err;
}

int fl_sched_find(struct fl_sched *sched, uint64_t number, struct fl_op **ret_op)
{
	struct walk *walk = number ? calloc(1, sizeof(*walk)) : NULL;
	int err = number ? -ENOMEM : -ENOENT;

	fl_assert_no_lock("walking the lanes");
	if (!walk)
		return err;
	walk->sched = sched;
	walk->number = number;
	err = walk_below(walk, sched->top);
	if (!err && !walk->found)
		err = -ENOENT;
	if (!err)
		*ret_op = walk->found;
	else
		fl_op_put(walk->found);
	free(walk);
	return err;
}
