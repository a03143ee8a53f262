/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lane.h - lanes, and operations that run on them.
 *
 * A lane is the queue of one thing that can be busy by itself. Lanes form trees. An
 * operation enters from the root of its tree down: shared on each lane above its own,
 * alone on its own. Whoever is alone on a lane is thereby alone on everything below it.
 *
 * Who goes first at a lane (rule 1; hold.c). Requests are granted in the order of their
 * arrival. So one that is to be alone shuts the lane: what comes after it waits, and when
 * the holders have left, its turn has come. But it shuts the lane only while nothing that
 * holds it lasts. A hold lasts if its operation was declared so (FL_OP_LASTS), or once it
 * is older than the patience, and than a quarter of the time for which the request has
 * been first in line (of 8 patiences at most): so a stream of operations that each outlast
 * the patience keeps nobody out for long. While something lasts, shared requests pass;
 * those that are to be alone queue; and what is declared to last itself passes only if
 * what lasts is not. When an operation that was alone leaves, the shared requests that
 * queue by then go before the next that is to be alone.
 *
 * An operation is a chain of steps. A step runs on a worker thread, does not block
 * (but see fl_op_block()), and ends in one of two ways: it returns a value (0 or a
 * negative errno), or it arranges to be continued (fl_op_sleep, fl_op_wait,
 * fl_op_join, fl_op_block, fl_op_yield: they return FL_LATER) and returns FL_LATER.
 * fl_op_then() names the step that gets the value, so that steps can call each other
 * like functions:
 *
 *     static int reload_begin(struct fl_op *op)
 *     {
 *             fl_op_then(op, reload_after_down);
 *             return driver_reload_down(op, ...);      // a value, or FL_LATER
 *     }
 *     static int reload_after_down(struct fl_op *op)
 *     {
 *             if (fl_op_result(op) < 0)
 *                     return fl_op_result(op);
 *             ...
 *
 * Clauses (docs/CONCURRENCY.md argues them; the model and the tests cite them):
 *  L1  At most one operation is alone on a lane, and then no other operation that is
 *      not its awaited child runs there or below.
 *  L2  Requests to be alone on one lane are granted in the order in which they arrived
 *      at it. A shared request passes one that is to be alone only while something lasts,
 *      and then it does; it waits for one operation at most that is alone.
 *  L3  An operation waits only for operations on lanes strictly below its own, which
 *      it spawned; they inherit its hold on the lanes from its own upward.
 *  L4  Every other wait has a deadline, and is ended by a waker that needs no lane. An
 *      operation that queues to be alone, or is, has one too (deadline.c).
 *  L5  Once a lane is sealed (by submitting an operation that removes it) nothing begins
 *      there or below but what the removal spawns; what was queued ends with -ENODEV
 *      without having run; what runs is cancelled, except removals below, which are on
 *      their way out anyway; what has not ended by the deadline is parked, with all that it
 *      awaits. A removal that awaits what is below has a deadline for that, too. A lane whose
 *      removal was parked is left behind, with all below it, by the removal of one above. An
 *      unbinding is a removal after which the lane opens again, as soon as nothing runs any
 *      more that it parked; until then a removal may take the lane over.
 *  L6  Every submitted operation ends exactly once, by a call of its type's `ended`.
 *  L7  No step and no callback runs with a leaf lock held or in an RCU read section.
 *
 * Ownership: an operation is embedded in its user's struct, or made by fl_op_new(), and
 * counted; the lane, the scheduler and each waker hold references. type->free runs at the
 * last put.
 */
#ifndef FL_LANE_LANE_H
#define FL_LANE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_sched;
struct fl_lane;
struct fl_op;
struct fl_work;

/* -- not installed -- */
/* ---- scheduler -------------------------------------------------------------------- */

struct fl_sched_config {
	unsigned int workers;          /* threads for steps; 0: one per CPU, at least 2 */
	bool bkl;                      /* one lock around every operation, as in 2021 */
	/* Limits. Awaited children, removals and what has no client count, but the first two
	 * never refuse them: what runs must be able to finish, a removal must always be
	 * possible, and what the plane does by itself follows from what was let in. For the
	 * latter reason a removal is not refused by the last two either. */
	unsigned int max_ops;          /* not ended, whole plane, parked ones too; 0: 262144. Of
					* one root lane so many as are left for all. */
	unsigned int max_ops_client;   /* of one client; 0: 32768 */
	unsigned int max_block_device; /* blocking operations of one root lane; 0: 1024 */
	unsigned int max_block;        /* blocking operations in all; 0: 4096 */
	/* How long one that is to be alone holds others back, while the holders have not left.
	 * FL_PATIENCE_MIN_NS to FL_PATIENCE_MAX_NS; 0: 250 ms. */
	uint64_t patience_ns;
	/* How long an operation queues to be alone while nobody else is, and how long it then
	 * runs until it is told to stop. At least the patience; 0: 30 s. */
	uint64_t deadline_ns;
	/* How long one that was told to stop may go on. Then a removal parks it; and of one that
	 * holds a lane alone everybody is told that it does not return. A removal waits twice that
	 * for what it awaits. 0: 10 s. */
	uint64_t remove_deadline_ns;
	uint64_t max_wait_ns;          /* the longest deadline a wait may have; 0: 600 s */
};

#define FL_PATIENCE_MIN_NS 1000000ULL     /* 1 ms */
#define FL_PATIENCE_MAX_NS 10000000000ULL /* 10 s */

/* Starts workers and timers; config may be NULL. Returns 0, -ENOMEM, -EAGAIN (no threads),
 * -EINVAL (a value out of its range). */
int fl_sched_new(const struct fl_sched_config *config, struct fl_sched **ret_sched);

/* Ends everything: nothing may be queued or running any more (fl_sched_drain()), and all
 * lanes must have been removed. Operations that are parked for ever are left behind with
 * their threads; none of their callbacks runs again. Context: not a step; may block. */
void fl_sched_free(struct fl_sched *sched);

const struct fl_sched_config *fl_sched_config(const struct fl_sched *sched);

/* -- installed -- */
/* The longest deadline that fl_op_sleep() and fl_op_wait() take, in ns. Context: any. */
uint64_t fl_sched_max_wait(const struct fl_sched *sched);

/* The scheduler's time in ns, by which all deadlines are measured: CLOCK_MONOTONIC less the time
 * in which nothing here could run (SIGSTOP, a frozen container). Context: any. */
uint64_t fl_sched_now(const struct fl_sched *sched);

/* ---- clients ---------------------------------------------------------------------- */

/* Who asked: carried by operations for limits and for `finelink show`. Counted. */
struct fl_client;
struct fl_client *fl_client_new(const char *name); /* at most 47 bytes are kept */
struct fl_client *fl_client_get(struct fl_client *client);
void fl_client_put(struct fl_client *client); /* NULL is fine */
const char *fl_client_name(const struct fl_client *client);
/* The user id of whoever may cancel this client's operations; UINT32_MAX: nobody in particular.
 * To be set before the client is shared. */
void fl_client_set_owner(struct fl_client *client, uint32_t uid);
uint32_t fl_client_owner(const struct fl_client *client);

/* ---- lanes ------------------------------------------------------------------------ */

/* A lane under parent (NULL: a root, such as a PF). `owner` is for the user; of the name
 * 63 bytes are kept. Returns 0, -ENOMEM, -EINVAL (deeper than FL_OP_DEPTH - 1 lanes), or
 * -ENODEV if the parent or a lane above it is sealed. A birth that returned 0 happened
 * before the seal. The caller gets one reference. Context: any; allocates. */
int fl_lane_new(struct fl_sched *sched, struct fl_lane *parent, const char *name, void *owner,
		struct fl_lane **ret_lane);

/* A reference keeps the memory, not the lane usable: it may be sealed or gone. */
struct fl_lane *fl_lane_get(struct fl_lane *lane);
void fl_lane_put(struct fl_lane *lane); /* NULL is fine */

const char *fl_lane_name(const struct fl_lane *lane);
void *fl_lane_owner(const struct fl_lane *lane);
struct fl_lane *fl_lane_parent(const struct fl_lane *lane);
struct fl_sched *fl_lane_sched(const struct fl_lane *lane);

/* True once sealed itself, or under a sealed one. Whoever links an object of its own
 * first and then finds this false linked it before the seal; so the removal finds it. */
bool fl_lane_sealed(const struct fl_lane *lane);

/* -- not installed -- */
/* True once the removal of this very lane was parked: the lane stays sealed, and whoever
 * removes one above leaves it behind, with all below it. */
bool fl_lane_abandoned(const struct fl_lane *lane);

/* -- installed -- */
/* Whether lane is strictly below above. */
bool fl_lane_below(const struct fl_lane *lane, const struct fl_lane *above);

/* Seals a lane and everything below it, and unlinks it from its parent, without an
 * operation; what is queued there fails. Context: alone on a lane above it, or nobody has
 * seen the lane yet. The caller's reference stays the caller's. */
void fl_lane_discard(struct fl_lane *lane);

/* ---- timers ----------------------------------------------------------------------- */

/* A timer that calls fn(timer) once. Context: the one timer thread: fn may wake an operation or
 * arm a timer, and nothing slower. */
struct fl_timer {
	union {
		void (*fn)(struct fl_timer *timer);
		struct fl_work *(*expire)(struct fl_timer *timer, uint64_t now_ns,
					  uint64_t *ret_again_ns);
	};
	/* The rest is lane/'s own. */
	uint32_t expires;    /* which of the two */
	uint32_t heap_index; /* the place + 1; 0: not armed */
};
void fl_timer_init(struct fl_timer *timer, void (*fn)(struct fl_timer *timer));
/* Arms timer for `ns` from now. It must not be armed. Returns 0 or -ENOMEM. */
int fl_timer_arm(struct fl_sched *sched, struct fl_timer *timer, uint64_t ns);
/* True if it was armed and now never runs; false if it has run, runs now or was never armed. */
bool fl_timer_cancel(struct fl_sched *sched, struct fl_timer *timer);

/* ---- operations ------------------------------------------------------------------- */

#define FL_LATER 1 /* a step has arranged to be continued */

typedef int (*fl_step)(struct fl_op *op);

enum fl_op_flags {
	/* Seals the lane when submitted, and again lets it open if it ends with an error;
	 * if it ends with 0 the lane is gone: unlinked from its parent (rule 6). If it was
	 * parked the lane stays sealed: fl_lane_abandoned(). */
	FL_OP_REMOVES = 1 << 0,
	/* Steps may sleep: they run on threads of the device's quota, not on workers. */
	FL_OP_BLOCKS = 1 << 1,
	/* Takes long by its nature, like a flash: who is to be alone above it lets others pass
	 * from the beginning, and an unbinding lets it finish. */
	FL_OP_LASTS = 1 << 2,
	/* As FL_OP_REMOVES, but the lane stays: it opens again when the operation is over and
	 * nothing runs any more that it had to park. */
	FL_OP_UNBINDS = 1 << 3,
};

struct fl_op_type {
	const char *kind; /* for messages: "reload", "port-new", "probe" */
	fl_step run; /* the first step, once alone on the lane */
	/* Called once, when the operation is over: after run's chain gave its value and
	 * the holds were released, or without run having been called (-ENODEV sealed,
	 * -ECANCELED). Awaited parents continue after it. May be NULL.
	 * Context: a worker thread, no lane held; does not block. */
	void (*ended)(struct fl_op *op, int err);
	/* While the operation still holds its lanes, after the last step; cannot fail:
	 * where a commit's reply leaves in order. Not called if `run` was not. (A parked
	 * operation holds nothing any more.) May be NULL. Context: as a step; no blocking. */
	void (*leaving)(struct fl_op *op, int err);
	/* Called at most once, after a removal parked the operation and took its holds: whoever
	 * waits for it outside can be told. Its steps may run meanwhile, and `ended` too. Not
	 * called if it ended first. May be NULL. Context: a worker, no lane held; no blocking. */
	void (*parked)(struct fl_op *op);
	/* Frees the containing struct, at the last put; of an operation of fl_op_new():
	 * fl_op_free(), or what ends with that. Context: any thread; must not block. */
	void (*free)(struct fl_op *op);
	enum fl_op_flags flags;
	/* How long it may run until it is told to stop, in ns, if it is not awaited by another.
	 * 0: the scheduler's deadline, for a removal its remove_deadline; fl_op_allow() gives it
	 * more. */
	uint64_t deadline_ns;
};

enum fl_op_state {
	FL_OP_NEW,
	FL_OP_QUEUED,
	FL_OP_RUNNING,
	FL_OP_WAITING,
	FL_OP_ENDED,
	FL_OP_PARKED,
};

#define FL_OP_DEPTH 8   /* lanes from root to leaf, and one for bkl */
#define FL_OP_FRAMES 12 /* fl_op_then() within each other */

/* -- not installed -- */
#include "lane/op-private.h" /* struct fl_op, for embedding; its fields are lane/'s own */

/* Begins with one reference. Takes references on lane and client (client may be NULL: the
 * plane itself). */
void fl_op_init(struct fl_op *op, const struct fl_op_type *type, struct fl_lane *lane,
		struct fl_client *client);
/* -- installed -- */

/* Makes an operation with `size` zeroed bytes of the caller's own (fl_op_own()), aligned for
 * anything. Begins with one reference; takes references on lane and client (which may be NULL:
 * the plane itself). Returns 0 or -ENOMEM. Context: any. */
int fl_op_new(const struct fl_op_type *type, struct fl_lane *lane, struct fl_client *client,
	      size_t size, struct fl_op **ret_op);
void *fl_op_own(struct fl_op *op); /* only of fl_op_new() */
void fl_op_free(struct fl_op *op); /* only in type->free, or as such */

struct fl_op *fl_op_get(struct fl_op *op);
void fl_op_put(struct fl_op *op); /* NULL is fine */

/* Queues op at its lane; its first reference passes to the scheduler, whatever the result
 * (who wants fl_op_refusal() holds another). Returns 0; -ENODEV (sealed), -EBUSY (a limit
 * of client, device or plane), -ENOMEM: then `ended` is not called.
 * It may end without having run: with -ENODEV (sealed since), -ECANCELED, or -EBUSY: what runs
 * below has not ended until the deadline, or what is alone there does not return. One without a
 * client does not end with -EBUSY, but queues anew behind the others.
 * Context: any thread; never blocks. */
int fl_op_submit(struct fl_op *op);

/* Why op was refused, ended with -EBUSY, or was told to stop: a sentence for an extended ACK, or
 * NULL if there is nothing to say. Lives as op does. Context: after the submit was refused, or in
 * `ended`. */
const char *fl_op_refusal(const struct fl_op *op);

/* Starts child as an awaited child of the running op: it inherits op's hold and enters
 * from op's lane downward. Its lane must be strictly below op's (or the program stops).
 * op must fl_op_join() before it returns its last value. Results as fl_op_submit();
 * -ENODEV also if op is parked, or if a lane it stands on is sealed by a removal that is
 * neither op nor one that awaits it. Context: a step of op. */
int fl_op_spawn(struct fl_op *op, struct fl_op *child);

/* Continues with next when all children spawned so far have ended; fl_op_result() is
 * then 0 or the first error of a child since the last join; -ECANCELED also for a child that
 * was parked, which is not waited for. Being cancelled does not end a join: the children are
 * told, and their end ends it. In a removal it parks who takes too long (L5). */
int fl_op_join(struct fl_op *op, fl_step next);

/* Continues with next after ns nanoseconds (at most max_wait_ns); fl_op_result() is 0, or
 * -ECANCELED, at once if the operation is cancelled already. */
int fl_op_sleep(struct fl_op *op, uint64_t ns, fl_step next);

/* Continues with next on a thread that may sleep (of the device's quota), for one
 * blocking system call; what comes after next is on a worker again. fl_op_result() is 0,
 * or -EBUSY: no thread, next runs on a worker. */
int fl_op_block(struct fl_op *op, fl_step next);

/* Continues with next at once, behind what else is ready. */
int fl_op_yield(struct fl_op *op, fl_step next);

/* Continues with next after a moment (2 ms), also if the operation is cancelled: for what must
 * be tried until there is memory. fl_op_result() is 0. */
int fl_op_retry(struct fl_op *op, fl_step next);

/* The operation, or the one that awaits it, may run for ns and its deadline from now on, if it
 * would be told to stop sooner: for a step that is known to take long. At most max_wait_ns.
 * Context: a step of op. */
void fl_op_allow(struct fl_op *op, uint64_t ns);

/* A wait for something that is no operation. fl_op_waker() first, hand the waker to
 * whoever will end the wait, then fl_op_wait() in the same step. next runs with
 * fl_op_result() = the status of the first waker, -ETIMEDOUT after the deadline (more than
 * 0, at most max_wait_ns), or -ECANCELED if the operation is cancelled. A waker may come
 * before fl_op_wait() and long after the wait is over; it ends no other wait. */
struct fl_waker {
	struct fl_op *op; /* a reference */
	uint64_t turn;    /* the wait that it may end */
};
struct fl_waker fl_op_waker(struct fl_op *op);
int fl_op_wait(struct fl_op *op, uint64_t deadline_ns /* from now */, fl_step next);

/* Ends the wait if it still goes on, and drops the waker's reference. Exactly once per
 * waker. Context: any thread, needs no lane; never blocks. */
void fl_waker_wake(struct fl_waker waker, int status);
/* Drops the waker's reference without waking. */
void fl_waker_drop(struct fl_waker waker);

/* The value of the step, wait or children that the current step continues after. */
int fl_op_result(const struct fl_op *op);

/* Pushes next as the receiver of the value that the steps after it return. */
void fl_op_then(struct fl_op *op, fl_step next);

/* True once the operation has been told to stop (its deadline has passed, it was cancelled, or
 * its lane or one above was sealed). A step that loops should look; all waits but joins end with
 * -ECANCELED. One whose deadline has passed ends with -ETIMEDOUT where its steps gave that. */
bool fl_op_cancelled(const struct fl_op *op);

/* True once a removal went on without this operation: its edits are refused. */
bool fl_op_parked(const struct fl_op *op);

/* Tells op and its awaited children to stop. Context: any. */
void fl_op_cancel(struct fl_op *op);

/* A pointer for callbacks whose steps run as part of an operation that is not theirs (a
 * driver's). A callback that sets it saves what was there and puts it back before it returns
 * its last value. */
void fl_op_set_data(struct fl_op *op, void *data);
void *fl_op_data(const struct fl_op *op);

struct fl_lane *fl_op_lane(const struct fl_op *op);
struct fl_client *fl_op_client(const struct fl_op *op);
const char *fl_op_kind(const struct fl_op *op);
/* Its number, by which `finelink show lanes` and `finelink cancel` name it; from 1 on, 0 before
 * the submit. No other operation of the scheduler has it. */
uint64_t fl_op_number(const struct fl_op *op);

/* -- not installed -- */
/* ---- looking in ------------------------------------------------------------------- */

/* What a running operation waits for. */
enum fl_op_wait {
	FL_OP_WAIT_NONE,
	FL_OP_WAIT_TIMER,    /* fl_op_sleep() */
	FL_OP_WAIT_WAKER,    /* fl_op_wait(): the device, as a rule */
	FL_OP_WAIT_BELOW,    /* fl_op_join() */
	FL_OP_WAIT_CALLBACK, /* a step that may sleep, on a thread of its own */
};

/* What `finelink show` tells of one operation; a copy. Times in ns of fl_sched_now(), 0 if
 * there is none. */
struct fl_op_info {
	uint64_t number;
	char lane[64];
	char kind[24];
	char client[48];
	enum fl_op_state state;
	uint64_t queued_ns, started_ns;
	uint64_t until_ns;  /* when it gives up, is told to stop, or is gone on without */
	bool cancelled, removes, blocks, lasts;
	bool stuck;         /* was told to stop, and does not return */
	enum fl_op_wait wait;
	char waits_at[64];  /* the lane at which it queues, or "" */
	uint64_t waits_for; /* the number of another operation, or 0 */
};
struct fl_lane_info {
	char name[64];
	char parent[64];
	bool sealed;
	unsigned int holders; /* shared or alone */
	unsigned int queued;
};
/* Calls back with copies, holding nothing; parents before their children. Not one
 * instant's picture: each lane is copied by itself. Of a queue the first FL_WALK_QUEUE
 * operations are told; fl_lane_info.queued counts all. Parked operations come last.
 * Either callback may be NULL. Context: any thread that may allocate. Returns 0 or -ENOMEM. */
#define FL_WALK_QUEUE 1024
int fl_sched_walk(struct fl_sched *sched,
		  void (*lane)(const struct fl_lane_info *info, void *arg),
		  void (*op)(const struct fl_op_info *info, void *arg), void *arg);

/* fl_op_cancel(), with who did it for fl_op_refusal(). Context: any thread that may allocate. */
void fl_op_cancel_by(struct fl_op *op, const char *who);

/* The operation with that number, one reference. Returns 0, -ENOENT (it is over, or there never
 * was one) or -ENOMEM. Context: as fl_sched_walk(). */
int fl_sched_find(struct fl_sched *sched, uint64_t number, struct fl_op **ret_op);

struct fl_sched_stats {
	uint64_t submitted, ended, refused, parked;
	unsigned int ops; /* queued and running now, without the parked */
	unsigned int lanes, block_threads;
};
void fl_sched_stats(struct fl_sched *sched, struct fl_sched_stats *ret_stats);

/* Waits until no operation is queued or running (parked ones aside). For tests and
 * shutdown. Returns 0 or -ETIMEDOUT. Context: not from a step; may block. */
int fl_sched_drain(struct fl_sched *sched, uint64_t deadline_ns);
/* -- installed -- */

#pragma GCC visibility pop

#endif
