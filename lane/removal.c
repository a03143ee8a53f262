/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* removal.c - sealing a lane, telling who stands on it, parking who does not listen; and opening
 * it again after an unbinding. */
#include "lane/lane-private.h"

#include <errno.h>

/* fl_op.listed: an operation may end while it is being parked. */
enum parked_list { PARKED_NO, PARKED_LISTED, PARKED_OVER };

/* Whether op is spawner or one of those that await it. */
static bool in_chain(const struct fl_op *spawner, const struct fl_op *op)
{
	while (spawner && spawner != op)
		spawner = spawner->parent;
	return spawner && op;
}

/*
 * Whether a removal takes over a lane that is sealed already: from an unbinding that is over and had
 * to leave something behind; and, if it is awaited, from a removal or an unbinding that has not
 * begun. That one still queues on its way, and would do so for as long as who awaits us is alone
 * above.
 */
static bool takes_over(const struct fl_lane *lane, const struct fl_op *op) FL_REQUIRES(lane->lock)
{
	const struct fl_op *sealer = lane->sealer;

	if (!op || fl_op_unbinds(op))
		return false;
	if (lane->opens)
		return true;
	return op->parent && sealer && !in_chain(op->parent, sealer) &&
	       __atomic_load_n(&sealer->state, __ATOMIC_SEQ_CST) == FL_OP_QUEUED;
}

int fl_lane_seal(struct fl_lane *lane, struct fl_op *sealer)
{
	struct fl_op *before = NULL;
	int err = 0;

	fl_lock_take(&lane->lock);
	if (lane->sealed && !takes_over(lane, sealer)) {
		err = -ENODEV;
	} else {
		if (lane->sealer)
			before = fl_op_get(lane->sealer);
		__atomic_store_n(&lane->abandoned, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&lane->opens, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&lane->sealer, sealer, __ATOMIC_SEQ_CST);
		__atomic_store_n(&lane->sealed, 1, __ATOMIC_SEQ_CST);
		lane->seals++;
		fl_hold_timer_cancel(lane);
	}
	fl_lock_drop(&lane->lock);
	if (before)
		fl_op_tell(before, -ENODEV, FL_TELL_SEAL);
	fl_op_put(before);
	if (!err)
		fl_hold_clear_stuck(lane);
	return err;
}

/* Context: under the lock. */
static void unseal(struct fl_lane *lane) FL_REQUIRES(lane->lock)
{
	__atomic_store_n(&lane->sealer, NULL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&lane->abandoned, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&lane->opens, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&lane->sealed, 0, __ATOMIC_SEQ_CST);
}

void fl_lane_unseal(struct fl_lane *lane, const struct fl_op *sealer)
{
	fl_lock_take(&lane->lock);
	if (lane->sealer == sealer)
		unseal(lane);
	fl_lock_drop(&lane->lock);
}

void fl_lane_reopen(struct fl_lane *lane, const struct fl_op *sealer)
{
	fl_lock_take(&lane->lock);
	/* Else somebody else has it. */
	if (lane->sealed && (sealer ? lane->sealer == sealer : lane->opens)) {
		__atomic_store_n(&lane->sealer, NULL, __ATOMIC_SEQ_CST);
		/* Written first, looked then: so does who was parked and ends (fl_parked_over()). */
		__atomic_store_n(&lane->opens, 1, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&lane->parked, __ATOMIC_SEQ_CST))
			unseal(lane);
	}
	fl_lock_drop(&lane->lock);
}

/* One that was parked at lane or below, referenced, or NULL. */
static struct fl_op *parked_get(struct fl_lane *lane)
{
	struct fl_sched *sched = lane->sched;
	struct fl_op *found = NULL;
	struct fl_op_hold *hold;

	fl_lock_take(&sched->top->lock);
	cds_list_for_each_entry(hold, &sched->parked, link) {
		struct fl_op *op = fl_hold_op(hold);

		if (op->lane != lane && !fl_lane_below(op->lane, lane))
			continue;
		found = fl_op_get(op);
		break;
	}
	fl_lock_drop(&sched->top->lock);
	return found;
}

int fl_lane_seal_error(struct fl_op *op)
{
	char name[FL_OP_NAME_MAX] = "something";
	struct fl_op *parked;

	/* One that was spawned on a lane to which its parent may go is refused for the parent. */
	if (!__atomic_load_n(&op->lane->opens, __ATOMIC_SEQ_CST) ||
	    fl_lane_sealed_against(op->lane->parent, op->parent)) {
		fl_op_say(op, "%s is being removed", op->lane->name);
		return -ENODEV;
	}
	parked = parked_get(op->lane);
	if (parked)
		fl_op_name(parked, name);
	fl_op_put(parked);
	fl_op_say(op, "%s of the driver before does not return", name);
	return -EBUSY;
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
	uint64_t none = 0;

	fl_op_doom(op, err);
	/* Removals below are not stopped half-way: they are on their way out anyway. */
	if (as == FL_TELL_SEAL && fl_op_removes(op)) {
		if (fl_hold_unqueue(op))
			fl_op_make_ready(op);
		return;
	}
	/* Who was told by a seal has the deadline of that. */
	if (as == FL_TELL_CANCEL)
		__atomic_compare_exchange_n(&op->told_ns, &none, fl_sched_now(op->lane->sched),
					    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
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

void fl_op_cancel_by(struct fl_op *op, const char *who)
{
	fl_op_say(op, "it was cancelled by %s", who);
	fl_op_cancel(op);
}

/* What an unbinding leaves alone: it was declared to last, and has its own deadline. */
static bool is_spared(const struct fl_lane *lane, const struct fl_op *op)
{
	const struct fl_op *sealer = lane->sealer;

	return sealer && fl_op_unbinds(sealer) && fl_op_lasts(op) && !fl_op_cancelled(op);
}

/* Who has been told goes behind those that have not. */
static bool tell_holders(struct fl_lane *lane)
{
	struct fl_op *op[FL_CHUNK];
	int count = 0, looked = 0;

	fl_lock_take(&lane->lock);
	for (; looked < FL_CHUNK && !cds_list_empty(&lane->holders); looked++) {
		struct fl_op_hold *hold =
			cds_list_first_entry(&lane->holders, struct fl_op_hold, link);

		if (hold->told == lane->seals)
			break;
		hold->told = lane->seals;
		cds_list_del(&hold->link);
		cds_list_add_tail(&hold->link, &lane->holders);
		if (!is_spared(lane, fl_hold_op(hold)))
			op[count++] = fl_op_get(fl_hold_op(hold));
	}
	fl_lock_drop(&lane->lock);
	for (int i = 0; i < count; i++) {
		fl_op_tell(op[i], -ENODEV, FL_TELL_SEAL);
		fl_op_put(op[i]);
	}
	return looked == FL_CHUNK;
}

bool fl_lane_tell(struct fl_lane *lane)
{
	bool more = fl_hold_fail_some(lane);

	return tell_holders(lane) || more;
}

/* ---- parking ---------------------------------------------------------------------- */

/* Marks op as parked. False: it has not begun, has ended, or was parked by another. */
static bool mark_parked(struct fl_op *op)
{
	bool marked;

	fl_lock_take(&op->children_lock);
	marked = op->started && !op->over && !op->parked;
	if (marked)
		__atomic_store_n(&op->parked, 1, __ATOMIC_SEQ_CST);
	fl_lock_drop(&op->children_lock);
	if (!marked)
		return false;
	if (fl_op_removes(op) && !fl_op_unbinds(op))
		__atomic_store_n(&op->lane->abandoned, 1, __ATOMIC_SEQ_CST);
	for (struct fl_lane *lane = op->lane; lane != op->lane->sched->top; lane = lane->parent)
		__atomic_add_fetch(&lane->parked, 1, __ATOMIC_SEQ_CST);
	/* A removal may have its lane now; others wait until it is over after all. */
	if (fl_op_unbinds(op))
		fl_lane_reopen(op->lane, op);
	return true;
}

/* Its hold on its own lane has been stripped, so that hold's link is free to use. False: it is
 * listed already, or over. */
static bool list_parked(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	bool listed;

	fl_lock_take(&sched->top->lock);
	listed = op->listed == PARKED_NO;
	if (listed) {
		op->listed = PARKED_LISTED;
		cds_list_add_tail(&op->path[op->depth - 1].link, &sched->parked);
	}
	fl_lock_drop(&sched->top->lock);
	return listed;
}

void fl_parked_over(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	struct fl_lane *lane;

	fl_lock_take(&sched->top->lock);
	if (op->listed == PARKED_LISTED)
		cds_list_del(&op->path[op->depth - 1].link);
	op->listed = PARKED_OVER;
	fl_lock_drop(&sched->top->lock);
	for (lane = op->lane; lane != sched->top; lane = lane->parent)
		if (!__atomic_sub_fetch(&lane->parked, 1, __ATOMIC_SEQ_CST) &&
		    __atomic_load_n(&lane->opens, __ATOMIC_SEQ_CST))
			fl_lane_reopen(lane, NULL);
}

/* Marks op and all that it awaits: they stand on its lanes. What has not begun will not.
 * Gives how many were marked. */
static unsigned int mark_family(struct fl_op *op)
{
	struct fl_op *child[FL_CHUNK];
	unsigned int marked;
	int count;

	fl_op_doom(op, -ENODEV);
	marked = mark_parked(op);
	do {
		count = pick_children(op, FL_TELL_PARK, child);
		for (int i = 0; i < count; i++) {
			marked += mark_family(child[i]);
			fl_op_put(child[i]);
		}
	} while (count == FL_CHUNK);
	fl_op_tell(op, -ENODEV, FL_TELL_PARK);
	return marked;
}

/* Takes their holds, the lowest first. What has ended since has given them back itself. */
static void strip_family(struct fl_op *op)
{
	struct fl_op *child[FL_CHUNK];
	int count;

	do {
		count = pick_children(op, FL_TELL_STRIP, child);
		for (int i = 0; i < count; i++) {
			strip_family(child[i]);
			fl_op_put(child[i]);
		}
	} while (count == FL_CHUNK);
	if (!fl_op_parked(op))
		return;
	fl_hold_release(op);
	if (list_parked(op) && op->type->parked) {
		op->type->parked(op);
		fl_step_assert_clean(op, "parked()");
	}
}

static void park(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	unsigned int marked = mark_family(op);

	if (!marked)
		return;
	__atomic_add_fetch(&sched->parked_ever, marked, __ATOMIC_RELAXED);
	strip_family(op);
	/* Its parent goes on; what it awaits itself stays its own. */
	fl_op_child_leave(op, -ECANCELED);
	fl_live_sub(sched, marked);
}

bool fl_park(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;

	if (__atomic_exchange_n(&sched->parking, 1, __ATOMIC_SEQ_CST))
		return false;
	park(op);
	__atomic_store_n(&sched->parking, 0, __ATOMIC_SEQ_CST);
	return true;
}

/* ---- deadlines -------------------------------------------------------------------- */

static uint64_t deadline_ns(const struct fl_op *op)
{
	return op->lane->sched->config.remove_deadline_ns;
}

uint64_t fl_removal_look_ns(const struct fl_op *op)
{
	return deadline_ns(op) / 4 + 1;
}

void fl_removal_await_told(struct fl_op *op)
{
	struct fl_lane *lane = op->lane;
	uint64_t at_ns = fl_sched_now(lane->sched) + deadline_ns(op);
	bool held;

	fl_lock_take(&lane->lock);
	op->park_at_ns = at_ns;
	held = lane->held; /* it is sealed: no others come */
	fl_lock_drop(&lane->lock);
	if (held)
		fl_timer_arm_at(lane->sched, &op->timer, at_ns);
}

struct fl_work *fl_lane_look(struct fl_lane *lane)
{
	if (__atomic_exchange_n(&lane->look_pending, 1, __ATOMIC_SEQ_CST))
		return NULL;
	fl_lane_get(lane);
	return &lane->look;
}

/* Whether a removal has waited for op long enough. Who was told gets one deadline. Who was
 * not, a removal or what one spawned, gets one until its owner may tell it, and one more. */
static bool is_late(const struct fl_op *op, bool told, uint64_t now_ns)
{
	uint64_t busy_ns = __atomic_load_n(&op->busy_ns, __ATOMIC_RELAXED);

	return busy_ns && (told || now_ns >= busy_ns + 2 * deadline_ns(op));
}

/* The same of one that was spared: its deadline from when it was told after all. */
static bool is_late_spared(const struct fl_op *op, uint64_t now_ns)
{
	uint64_t told_ns = __atomic_load_n(&op->told_ns, __ATOMIC_RELAXED);

	return told_ns && now_ns >= told_ns + deadline_ns(op);
}

/* Of those that hold lane beside its removal. */
static int pick_holders(struct fl_lane *lane, struct fl_op **late) FL_REQUIRES(lane->lock)
{
	bool unbinds = fl_op_unbinds(lane->sealer);
	uint64_t now_ns = fl_sched_now(lane->sched);
	int count = 0;

	/* The work may come late: the removal may be another, which has not told everybody yet. */
	if (!lane->sealer->park_at_ns || now_ns < lane->sealer->park_at_ns) {
		lane->to_look = 0;
		return 0;
	}
	if (!lane->to_look)
		lane->to_look = lane->held;
	for (int i = 0; i < FL_CHUNK && lane->to_look; i++, lane->to_look--) {
		struct fl_op_hold *hold;
		struct fl_op *op;

		if (cds_list_empty(&lane->holders)) {
			lane->to_look = 0;
			break;
		}
		hold = cds_list_first_entry(&lane->holders, struct fl_op_hold, link);
		op = fl_hold_op(hold);
		cds_list_del(&hold->link);
		cds_list_add_tail(&hold->link, &lane->holders);
		if (unbinds && fl_op_lasts(op) ? is_late_spared(op, now_ns) :
						 is_late(op, !fl_op_removes(op), now_ns))
			late[count++] = fl_op_get(op);
	}
	return count;
}

/* Of those that the removal of lane awaits. */
static int pick_awaited(struct fl_lane *lane, struct fl_op *removal, struct fl_op **late)
{
	uint64_t now_ns = fl_sched_now(lane->sched);
	int count = 0;

	fl_lock_take(&removal->children_lock);
	if (!lane->to_look)
		lane->to_look = removal->children_running;
	for (int i = 0; i < FL_CHUNK && lane->to_look; i++, lane->to_look--) {
		struct fl_op *op;

		if (cds_list_empty(&removal->children)) {
			lane->to_look = 0;
			break;
		}
		op = cds_list_first_entry(&removal->children, struct fl_op, sibling);
		cds_list_del(&op->sibling);
		cds_list_add_tail(&op->sibling, &removal->children);
		if (is_late(op, false, now_ns))
			late[count++] = fl_op_get(op);
	}
	fl_lock_drop(&removal->children_lock);
	return count;
}

/* References on up to FL_CHUNK of those for which the removal of lane has waited long enough. */
static int pick_late(struct fl_lane *lane, struct fl_op **late)
{
	struct fl_op *removal = NULL;
	int count = 0;

	fl_lock_take(&lane->lock);
	if (!lane->sealer || fl_op_parked(lane->sealer))
		lane->to_look = 0;
	else if (lane->sealer == lane->alone)
		removal = fl_op_get(lane->sealer);
	else
		count = pick_holders(lane, late);
	fl_lock_drop(&lane->lock);
	if (removal)
		count = pick_awaited(lane, removal, late);
	fl_op_put(removal);
	return count;
}

/* Parks some of those for which the removal of lane has waited long enough. True: once more. */
static bool park_late(struct fl_lane *lane)
{
	struct fl_sched *sched = lane->sched;
	struct fl_op *late[FL_CHUNK];
	int count;

	if (__atomic_exchange_n(&sched->parking, 1, __ATOMIC_SEQ_CST))
		return true;
	count = pick_late(lane, late);
	for (int i = 0; i < count; i++) {
		park(late[i]);
		fl_op_put(late[i]);
	}
	__atomic_store_n(&sched->parking, 0, __ATOMIC_SEQ_CST);
	return lane->to_look;
}

void fl_lane_look_run(struct fl_work *work)
{
	struct fl_lane *lane = FL_CONTAINER_OF(work, struct fl_lane, look);

	if (!__atomic_load_n(&lane->sealed, __ATOMIC_SEQ_CST)) {
		fl_hold_look(lane);
	} else if (park_late(lane)) { /* in small portions: others want the worker, too */
		fl_runq_push(lane->sched, work);
		return;
	}
	__atomic_store_n(&lane->look_pending, 0, __ATOMIC_SEQ_CST);
	fl_lane_put(lane);
}
