/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * step.c - the engine: steps, frames, waits and wakers.
 *
 * `turn` is one word: | 29 bits generation | 32 bits status | 3 bits state |.
 *  RUN    steps run, or are about to; nobody has ended this generation's wait.
 *  WAIT   parked in a wait; whoever moves it to WOKEN makes the operation ready.
 *  WOKEN  the wait is over with `status`, even if it has not begun yet.
 *  JOIN   parked until the last child ends; set and left under children_lock only.
 *  RETRY  parked until its time has come; left by the timer only.
 *
 *  T1  The generation changes, by the running thread, before each step and with each wait
 *      that has no waker; so a waker ends the wait of the step that made it, or none.
 *  T2  RUN -> WOKEN and WAIT -> WOKEN happen once per generation, by compare-and-swap.
 *  T3  `cancelled` is stored before `turn` is looked at; the running thread stores `turn`
 *      before it looks at `cancelled`. So no cancellation falls between two waits.
 */
#include "lane/lane-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum turn_state { TURN_RUN, TURN_WAIT, TURN_WOKEN, TURN_JOIN, TURN_RETRY };

#define TURN_STATE(turn) ((enum turn_state)((turn)&7))
#define TURN_GENERATION(turn) ((turn) >> 35)
#define TURN_STATUS(turn) ((int)(uint32_t)((turn) >> 3))
#define TURN(generation, status, state)                                                          \
	((uint64_t)(generation) << 35 | (uint64_t)(uint32_t)(status) << 3 | (uint64_t)(state))

#define RETRY_NS (2 * FL_NS_PER_MS) /* memory comes back, and nobody else tells of it */

static _Thread_local struct fl_op *current;

void fl_step_assert_current(const struct fl_op *op, const char *what)
{
	if (current == op)
		return;
	if (!current)
		fl_breach("L7 (where steps run)", "%s for operation '%s' on lane '%s' outside its steps",
			  what, op->type->kind, op->lane->name);
	fl_breach("L7 (where steps run)",
		  "%s for operation '%s' on lane '%s' in a step of operation '%s' on lane '%s'", what,
		  op->type->kind, op->lane->name, current->type->kind, current->lane->name);
}

/* ---- turn ------------------------------------------------------------------------- */

/* Begins a generation (T1). Context: the running thread. */
static void turn_next(struct fl_op *op)
{
	uint64_t turn = __atomic_load_n(&op->turn, __ATOMIC_RELAXED);
	uint64_t next = TURN(TURN_GENERATION(turn) + 1, 0, TURN_RUN);

	__atomic_store_n(&op->turn, next, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&op->cancelled, __ATOMIC_SEQ_CST))
		return;
	/* T3. If this fails, the canceller did it. */
	__atomic_compare_exchange_n(&op->turn, &next,
				    TURN(TURN_GENERATION(next), -ECANCELED, TURN_WOKEN), false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Ends the wait of this generation. True: the caller must make op ready. */
static bool turn_claim(struct fl_op *op, uint64_t generation, int status)
{
	uint64_t turn = __atomic_load_n(&op->turn, __ATOMIC_SEQ_CST);
	uint64_t woken = TURN(generation, status, TURN_WOKEN);

	do {
		if (TURN_GENERATION(turn) != TURN_GENERATION(woken))
			return false;
		if (TURN_STATE(turn) != TURN_RUN && TURN_STATE(turn) != TURN_WAIT)
			return false;
	} while (!__atomic_compare_exchange_n(&op->turn, &turn, woken, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return TURN_STATE(turn) == TURN_WAIT;
}

void fl_step_interrupt(struct fl_op *op, int status)
{
	uint64_t turn = __atomic_load_n(&op->turn, __ATOMIC_SEQ_CST);

	/* If the generation changes meanwhile, turn_next() has seen `cancelled`. */
	if (turn_claim(op, TURN_GENERATION(turn), status))
		fl_op_make_ready(op);
}

/* The wait is over because its time is. NULL: it was over already. */
static struct fl_work *wait_expire(struct fl_op *op)
{
	uint64_t turn = __atomic_load_n(&op->turn, __ATOMIC_SEQ_CST);
	uint64_t generation = TURN_GENERATION(turn);

	if (op->later == FL_LATER_RETRY) { /* nothing else ends it */
		__atomic_store_n(&op->turn, TURN(generation, 0, TURN_WOKEN), __ATOMIC_SEQ_CST);
		return &op->work;
	}
	if (!turn_claim(op, generation, op->later == FL_LATER_SLEEP ? 0 : -ETIMEDOUT))
		return NULL;
	return &op->work;
}

struct fl_work *fl_step_expire(struct fl_timer *timer, uint64_t now_ns, uint64_t *ret_again_ns)
{
	struct fl_op *op = FL_CONTAINER_OF(timer, struct fl_op, timer);
	enum fl_later later = op->calls ? FL_LATER_NONE : (enum fl_later)op->later;
	bool waits = later == FL_LATER_SLEEP || later == FL_LATER_WAIT || later == FL_LATER_RETRY;
	uint64_t next_ns;
	bool late;

	/* A removal that waits for others; a parked one has parked them with it. */
	if (!op->started || (later == FL_LATER_JOIN && fl_op_removes(op))) {
		if (fl_op_parked(op))
			return NULL;
		*ret_again_ns = now_ns + fl_removal_look_ns(op);
		return fl_lane_look(op->lane);
	}
	if (waits && now_ns >= op->wait_at_ns)
		return wait_expire(op);
	/* It is to be told to stop, or was and does not return. */
	next_ns = fl_deadline_next(op);
	late = fl_is_past(next_ns, now_ns);
	if (late)
		next_ns = now_ns + op->lane->sched->config.remove_deadline_ns;
	if (waits && (!next_ns || op->wait_at_ns < next_ns))
		next_ns = op->wait_at_ns;
	*ret_again_ns = next_ns;
	return late ? fl_deadline_look(op) : NULL;
}

/* ---- what steps call -------------------------------------------------------------- */

static void arrange(struct fl_op *op, const char *what, enum fl_later later, fl_step next)
{
	fl_step_assert_current(op, what);
	if (op->later != FL_LATER_NONE)
		fl_breach("L4 (one continuation)",
			  "%s in operation '%s' on lane '%s', which has arranged to be continued "
			  "already",
			  what, op->type->kind, op->lane->name);
	op->later = later;
	op->step = next;
}

static void check_deadline(const struct fl_op *op, const char *what, uint64_t ns)
{
	uint64_t max = op->lane->sched->config.max_wait_ns;

	if (!ns)
		fl_breach("L4 (waits have deadlines)",
			  "%s without a deadline in operation '%s' on lane '%s'", what,
			  op->type->kind, op->lane->name);
	if (ns > max)
		fl_breach("L4 (waits have deadlines)",
			  "%s for %llu ms in operation '%s' on lane '%s' (at most %llu ms)", what,
			  (unsigned long long)(ns / FL_NS_PER_MS), op->type->kind, op->lane->name,
			  (unsigned long long)(max / FL_NS_PER_MS));
}

int fl_op_sleep(struct fl_op *op, uint64_t ns, fl_step next)
{
	if (!ns)
		return fl_op_yield(op, next);
	check_deadline(op, "fl_op_sleep", ns);
	arrange(op, "fl_op_sleep", FL_LATER_SLEEP, next);
	op->wait_at_ns = fl_sched_now(op->lane->sched) + ns;
	turn_next(op);
	return FL_LATER;
}

int fl_op_retry(struct fl_op *op, fl_step next)
{
	arrange(op, "fl_op_retry", FL_LATER_RETRY, next);
	op->wait_at_ns = fl_sched_now(op->lane->sched) + RETRY_NS;
	turn_next(op);
	return FL_LATER;
}

int fl_op_wait(struct fl_op *op, uint64_t deadline_ns, fl_step next)
{
	check_deadline(op, "fl_op_wait", deadline_ns);
	arrange(op, "fl_op_wait", FL_LATER_WAIT, next);
	op->wait_at_ns = fl_sched_now(op->lane->sched) + deadline_ns;
	return FL_LATER;
}

int fl_op_join(struct fl_op *op, fl_step next)
{
	arrange(op, "fl_op_join", FL_LATER_JOIN, next);
	turn_next(op);
	return FL_LATER;
}

int fl_op_yield(struct fl_op *op, fl_step next)
{
	arrange(op, "fl_op_yield", FL_LATER_YIELD, next);
	turn_next(op);
	return FL_LATER;
}

int fl_op_block(struct fl_op *op, fl_step next)
{
	arrange(op, "fl_op_block", FL_LATER_BLOCK, next);
	turn_next(op);
	if (!op->slot) {
		char *refusal = NULL;

		fl_block_reserve(op, &refusal); /* op->slot tells */
		free(refusal);
	}
	return FL_LATER;
}

struct fl_waker fl_op_waker(struct fl_op *op)
{
	fl_step_assert_current(op, "fl_op_waker");
	return (struct fl_waker){
		.op = fl_op_get(op),
		.turn = TURN_GENERATION(__atomic_load_n(&op->turn, __ATOMIC_RELAXED)),
	};
}

void fl_waker_wake(struct fl_waker waker, int status)
{
	if (turn_claim(waker.op, waker.turn, status))
		fl_op_make_ready(waker.op);
	fl_op_put(waker.op);
}

void fl_waker_drop(struct fl_waker waker)
{
	fl_op_put(waker.op);
}

int fl_op_result(const struct fl_op *op)
{
	return op->result;
}

void fl_op_then(struct fl_op *op, fl_step next)
{
	fl_step_assert_current(op, "fl_op_then");
	if (op->frame_count == FL_OP_FRAMES)
		fl_breach("frames", "fl_op_then() more than %d deep in operation '%s' on lane '%s'",
			  FL_OP_FRAMES, op->type->kind, op->lane->name);
	op->frames[op->frame_count++] = next;
}

/* ---- the engine ------------------------------------------------------------------- */

int fl_step_begin(struct fl_op *op)
{
	uint64_t now_ns = fl_sched_now(op->lane->sched);
	int err;

	/* Either a parking finds it started, or it finds itself doomed. */
	fl_lock_take(&op->children_lock);
	err = __atomic_load_n(&op->doomed, __ATOMIC_SEQ_CST);
	op->started = !err;
	fl_lock_drop(&op->children_lock);
	if (err)
		return err;
	op->step = op->type->run;
	op->later = FL_LATER_VALUE;
	__atomic_store_n(&op->started_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&op->busy_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&op->state, FL_OP_RUNNING, __ATOMIC_RELAXED);
	fl_deadline_begin(op, now_ns);
	return 0;
}

bool fl_step_children_over(struct fl_op *parent)
{
	uint64_t turn = __atomic_load_n(&parent->turn, __ATOMIC_RELAXED);

	if (TURN_STATE(turn) != TURN_JOIN)
		return false;
	__atomic_store_n(&parent->turn, TURN(TURN_GENERATION(turn), 0, TURN_WOKEN),
			 __ATOMIC_SEQ_CST);
	return true;
}

/* Nobody waits for ever for what is below. The timer is armed before: once the wait has begun, it
 * may be over. */
static void join_begin(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	bool removes = fl_op_removes(op);
	uint64_t at_ns;

	if (removes)
		__atomic_store_n(&op->busy_ns, 0, __ATOMIC_RELAXED);
	if (!__atomic_load_n(&op->children_running, __ATOMIC_ACQUIRE))
		return;
	at_ns = removes ? fl_sched_now(sched) + fl_removal_look_ns(op) : fl_deadline_next(op);
	if (at_ns)
		fl_timer_arm_at(sched, &op->timer, at_ns);
}

static void join_end(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	uint64_t now_ns;

	fl_timer_cancel(sched, &op->timer);
	if (!fl_op_removes(op))
		return;
	now_ns = fl_sched_now(sched);
	__atomic_store_n(&op->busy_ns, now_ns, __ATOMIC_RELAXED);
	fl_deadline_begin(op, now_ns);
}

static void set_waiting(struct fl_op *op, enum fl_op_wait wait)
{
	__atomic_store_n(&op->wait, wait, __ATOMIC_RELAXED);
	__atomic_store_n(&op->state, FL_OP_WAITING, __ATOMIC_RELAXED);
}

/* True: there is nothing to wait for. */
static bool park_join(struct fl_op *op)
{
	uint64_t turn = __atomic_load_n(&op->turn, __ATOMIC_RELAXED);
	bool over;

	set_waiting(op, FL_OP_WAIT_BELOW);
	join_begin(op);
	fl_lock_take(&op->children_lock);
	over = !op->children_running;
	if (!over)
		__atomic_store_n(&op->turn, TURN(TURN_GENERATION(turn), 0, TURN_JOIN),
				 __ATOMIC_SEQ_CST);
	fl_lock_drop(&op->children_lock);
	return over;
}

/* For when the timer of one that sleeps or waits is to expire. */
static uint64_t wait_next(const struct fl_op *op)
{
	uint64_t next_ns = fl_deadline_next(op);

	return next_ns && next_ns < op->wait_at_ns ? next_ns : op->wait_at_ns;
}

static void park_retry(struct fl_op *op)
{
	uint64_t turn = __atomic_load_n(&op->turn, __ATOMIC_RELAXED);

	set_waiting(op, FL_OP_WAIT_TIMER);
	__atomic_store_n(&op->turn, TURN(TURN_GENERATION(turn), 0, TURN_RETRY), __ATOMIC_SEQ_CST);
	fl_timer_arm_at(op->lane->sched, &op->timer, wait_next(op));
}

static bool park_wait(struct fl_op *op)
{
	uint64_t turn = __atomic_load_n(&op->turn, __ATOMIC_SEQ_CST);
	uint64_t generation = TURN_GENERATION(turn);

	if (TURN_STATE(turn) == TURN_WOKEN)
		return true;
	set_waiting(op, op->later == FL_LATER_SLEEP ? FL_OP_WAIT_TIMER : FL_OP_WAIT_WAKER);
	fl_timer_arm_at(op->lane->sched, &op->timer, wait_next(op));
	turn = TURN(generation, 0, TURN_RUN);
	/* After this another thread may go on with op, or have freed it. */
	return !__atomic_compare_exchange_n(&op->turn, &turn, TURN(generation, 0, TURN_WAIT),
					    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* After a step that returned FL_LATER. True: go on at once; else op is not ours any more. */
static bool park(struct fl_op *op, bool borrowed)
{
	/* One that does not listen and waits again and again must not keep the thread. */
	bool elsewhere = borrowed || fl_op_cancelled(op);
	bool at_once = true;

	switch ((enum fl_later)op->later) {
	case FL_LATER_NONE:
	case FL_LATER_VALUE:
		fl_breach("L4 (one continuation)",
			  "a step of operation '%s' on lane '%s' returned FL_LATER without having "
			  "arranged to be continued",
			  op->type->kind, op->lane->name);
	case FL_LATER_YIELD:
	case FL_LATER_BLOCK:
		fl_op_make_ready(op);
		return false;
	case FL_LATER_RETRY:
		park_retry(op);
		return false;
	case FL_LATER_JOIN:
		at_once = park_join(op);
		break;
	case FL_LATER_SLEEP:
	case FL_LATER_WAIT:
		at_once = park_wait(op);
		break;
	}
	if (at_once && elsewhere) {
		fl_op_make_ready(op);
		return false;
	}
	return at_once;
}

/* Takes the value that the next step continues after. */
static void settle(struct fl_op *op)
{
	switch ((enum fl_later)op->later) {
	case FL_LATER_NONE:
	case FL_LATER_VALUE:
		break;
	case FL_LATER_YIELD:
		op->result = 0;
		break;
	case FL_LATER_BLOCK:
		op->result = op->slot ? 0 : -EBUSY;
		break;
	case FL_LATER_RETRY:
		fl_timer_cancel(op->lane->sched, &op->timer);
		op->result = 0;
		break;
	case FL_LATER_JOIN:
		join_end(op);
		fl_lock_take(&op->children_lock);
		op->result = op->children_error;
		op->children_error = 0;
		fl_lock_drop(&op->children_lock);
		break;
	case FL_LATER_SLEEP:
	case FL_LATER_WAIT:
		fl_timer_cancel(op->lane->sched, &op->timer);
		op->result = TURN_STATUS(__atomic_load_n(&op->turn, __ATOMIC_SEQ_CST));
		break;
	}
	op->later = FL_LATER_NONE;
	__atomic_store_n(&op->wait, FL_OP_WAIT_NONE, __ATOMIC_RELAXED);
	__atomic_store_n(&op->state, FL_OP_RUNNING, __ATOMIC_RELAXED);
}

/* L7. `what` it came back from. */
void fl_step_assert_clean(const struct fl_op *op, const char *what)
{
	char text[200];

	if (fl_may_block())
		return;
	snprintf(text, sizeof(text), "%s of operation '%s' on lane '%s' returned", what,
		 op->type->kind, op->lane->name);
	fl_assert_may_block(text);
}

/* A step that may sleep may also sleep for too long: the timer looks after it. */
static int call_blocking(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	uint64_t next_ns = fl_deadline_next(op);
	fl_step step = op->step;
	int value;

	__atomic_store_n(&op->wait, FL_OP_WAIT_CALLBACK, __ATOMIC_RELAXED);
	op->calls = 1;
	if (next_ns)
		fl_timer_arm_at(sched, &op->timer, next_ns);
	value = step(op);
	if (next_ns)
		fl_timer_cancel(sched, &op->timer);
	op->calls = 0;
	__atomic_store_n(&op->wait, FL_OP_WAIT_NONE, __ATOMIC_RELAXED);
	return value;
}

static int call_step(struct fl_op *op, bool blocks)
{
	int value;

	turn_next(op);
	current = op;
	value = blocks ? call_blocking(op) : op->step(op);
	current = NULL;
	fl_step_assert_clean(op, "a step");
	if (value > 0 && value != FL_LATER)
		fl_breach("step values", "a step of operation '%s' on lane '%s' returned %d",
			  op->type->kind, op->lane->name, value);
	if (value != FL_LATER && op->later != FL_LATER_NONE)
		fl_breach("L4 (one continuation)",
			  "a step of operation '%s' on lane '%s' arranged to be continued and "
			  "returned %d",
			  op->type->kind, op->lane->name, value);
	return value;
}

/* Runs one step. True: op goes on here; false: it is elsewhere or over. A thread that was
 * borrowed for one step is given back after it. */
static bool run_one(struct fl_op *op)
{
	struct fl_sched *sched = op->lane->sched;
	bool borrowed = op->slot && !(op->type->flags & FL_OP_BLOCKS);
	bool blocks = fl_block_is_mine();
	int value;

	settle(op);
	if (blocks && !fl_block_step_begin(sched))
		return false;
	value = call_step(op, blocks);
	if (blocks && !fl_block_step_end(sched))
		return false;
	if (borrowed && op->later != FL_LATER_BLOCK)
		fl_block_release(op);
	if (value == FL_LATER)
		return park(op, borrowed);
	op->result = value;
	if (!op->frame_count) {
		fl_op_finish(op, value);
		return false;
	}
	op->step = op->frames[--op->frame_count];
	op->later = FL_LATER_VALUE;
	if (!borrowed)
		return true;
	fl_op_make_ready(op);
	return false;
}

void fl_step_run(struct fl_op *op)
{
	while (run_one(op))
		;
}
