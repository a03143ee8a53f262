/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadline.c - whoever holds a lane alone is bounded.
 *
 * An operation that nobody awaits has a deadline from the moment when it begins to run. Then it is
 * told to stop, with all that it awaits: its waits end with -ECANCELED, its steps take back what
 * they can, and its lane is free. If it does not return within remove_deadline_ns, a callback of
 * its driver does not: it is stuck, keeps its lane, and whoever waits for it is told so (hold.c).
 * A removal has such a deadline for each of its own parts, also if it is awaited; it is parked
 * instead, so that the lane above goes on without it.
 *
 * The timer of an operation serves one thing after another: queueing of a removal, sleeps and
 * waits, joins, steps that may sleep. While one of these goes on it expires for the deadline, too.
 */
#include "lane/lane-private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

/* ---- what is said of an operation -------------------------------------------------------- */

void fl_op_say(struct fl_op *op, const char *fmt, ...)
{
	char *text, *none = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text && !__atomic_compare_exchange_n(&op->refusal, &none, text, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
		free(text);
}

/* One of those that op awaits, referenced, or NULL. */
static struct fl_op *child_get(struct fl_op *op)
{
	struct fl_op *child = NULL;

	fl_lock_take(&op->children_lock);
	if (!cds_list_empty(&op->children))
		child = fl_op_get(cds_list_first_entry(&op->children, struct fl_op, sibling));
	fl_lock_drop(&op->children_lock);
	return child;
}

void fl_op_name(const struct fl_op *op, char name[FL_OP_NAME_MAX])
{
	struct fl_op *at = fl_op_get((struct fl_op *)op), *below;

	while ((below = child_get(at))) {
		fl_op_put(at);
		at = below;
	}
	snprintf(name, FL_OP_NAME_MAX, "'%s' (operation %llu) on %s", at->type->kind,
		 (unsigned long long)at->number, at->lane->name);
	fl_op_put(at);
}

/* ---- when ----------------------------------------------------------------------------------- */

static uint64_t allowed_ns(const struct fl_op *op)
{
	const struct fl_sched_config *config = &op->lane->sched->config;

	if (op->type->deadline_ns)
		return op->type->deadline_ns;
	return fl_op_removes(op) ? config->remove_deadline_ns : config->deadline_ns;
}

void fl_deadline_begin(struct fl_op *op, uint64_t now_ns)
{
	/* Who awaits it has a deadline, and tells it. */
	if (op->parent && !fl_op_removes(op))
		return;
	__atomic_store_n(&op->deadline_ns, now_ns + allowed_ns(op), __ATOMIC_RELAXED);
	/* A removal that was told while it awaited others has its time for its own part. */
	if (__atomic_load_n(&op->told_ns, __ATOMIC_RELAXED))
		__atomic_store_n(&op->told_ns, now_ns, __ATOMIC_RELAXED);
}

static void allow_until(struct fl_op *op, uint64_t at_ns)
{
	uint64_t was = __atomic_load_n(&op->deadline_ns, __ATOMIC_RELAXED);

	while (was && was < at_ns &&
	       !__atomic_compare_exchange_n(&op->deadline_ns, &was, at_ns, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

void fl_op_allow(struct fl_op *op, uint64_t ns)
{
	struct fl_sched *sched = op->lane->sched;
	uint64_t now_ns = fl_sched_now(sched);

	fl_step_assert_current(op, "fl_op_allow");
	if (ns > sched->config.max_wait_ns)
		ns = sched->config.max_wait_ns;
	/* The timer, if it is armed for earlier, will find out. */
	for (; op; op = op->parent)
		allow_until(op, now_ns + ns + allowed_ns(op));
}

uint64_t fl_deadline_next(const struct fl_op *op)
{
	uint64_t told_ns = __atomic_load_n(&op->told_ns, __ATOMIC_RELAXED);
	uint64_t deadline_ns = __atomic_load_n(&op->deadline_ns, __ATOMIC_RELAXED);

	return deadline_ns && told_ns ? told_ns + op->lane->sched->config.remove_deadline_ns :
					deadline_ns;
}

/* ---- what then -------------------------------------------------------------------------------- */

struct fl_work *fl_deadline_look(struct fl_op *op)
{
	if (__atomic_exchange_n(&op->due_pending, 1, __ATOMIC_SEQ_CST))
		return NULL;
	fl_op_get(op);
	return &op->due;
}

static void time_out(struct fl_op *op)
{
	unsigned int seconds = (unsigned int)(allowed_ns(op) / FL_NS_PER_S);
	char name[FL_OP_NAME_MAX];

	fl_op_name(op, name);
	fl_log(FL_LOG_WARN, "%s is told to stop: %s", name,
	       fl_op_removes(op) ? "its driver takes too long to let go" : "its time is over");
	fl_op_say(op, "%s took too long, and was told to stop after %u s", name, seconds);
	__atomic_store_n(&op->timed_out, 1, __ATOMIC_SEQ_CST);
	fl_op_tell(op, -ECANCELED, FL_TELL_CANCEL);
}

void fl_deadline_due(struct fl_work *work)
{
	struct fl_op *op = FL_CONTAINER_OF(work, struct fl_op, due);
	uint64_t next_ns = fl_deadline_next(op);
	bool over = __atomic_load_n(&op->state, __ATOMIC_RELAXED) == FL_OP_ENDED || fl_op_parked(op);

	if (over || !fl_is_past(next_ns, fl_sched_now(op->lane->sched))) {
		__atomic_store_n(&op->due_pending, 0, __ATOMIC_SEQ_CST);
	} else if (!__atomic_load_n(&op->told_ns, __ATOMIC_RELAXED)) {
		time_out(op);
		__atomic_store_n(&op->due_pending, 0, __ATOMIC_SEQ_CST);
	} else if (!fl_op_removes(op)) {
		fl_hold_set_stuck(op); /* due_pending stays: there is nothing more to do */
	} else if (!fl_park(op)) {
		fl_runq_push(op->lane->sched, work); /* somebody else parks; once more */
		return;
	}
	fl_op_put(op);
}
