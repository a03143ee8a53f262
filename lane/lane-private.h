/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lane-private.h - what the files of lane/ share. */
#ifndef FL_LANE_LANE_PRIVATE_H
#define FL_LANE_LANE_PRIVATE_H

#include <pthread.h>

#include "base/die.h"
#include "base/lock.h"
#include "base/rcu.h"
#include "base/util.h"
#include "lane/lane.h"

/* How many entries of a list are dealt with under one hold of a leaf lock. */
#define FL_CHUNK 32

#define FL_NAME_MAX 64

/* The patience, so often, is as old as a hold has to be at most to last; and it has to be older
 * than this part of the time for which somebody has waited. */
#define FL_PATIENCE_MOST 8
#define FL_PATIENCE_PART 4

/*
 * Rules of struct fl_lane:
 * 1. sched, parent, owner, depth, name: never change.
 * 2. refs, sealed, sealer, opens, abandoned, look_pending, parked, asked, block_ops: atomic. sealed,
 *    sealer and opens are written under lock; sealer may be followed only there.
 * 3. The queues, holders, held, queued, declared, stuck, alone, ticket, turn, first_ns, alone_sum_ns,
 *    look_ns, seals: under lock. timer: armed and cancelled under lock, only while
 *    somebody is first in line.
 * 4. sibling, linked: written under the parent's lock; sibling.next is read under RCU.
 * 5. to_look: of the work that is pending.
 * 6. alone is a pointer to look at only under lock: its operation then holds the lane.
 */
struct fl_lane {
	struct fl_sched *sched;
	struct fl_lane *parent; /* a reference */
	void *owner;
	int refs;
	uint8_t depth; /* lanes above it */
	bool linked;
	uint8_t sealed;
	uint8_t opens;        /* an unbinding is over that had to park something */
	uint8_t abandoned;    /* the removal was parked */
	uint8_t look_pending;

	struct fl_lock lock;
	/* Requests, each list in the order of their arrival. */
	struct cds_list_head alones;  /* to be alone */
	struct cds_list_head shareds; /* shared */
	struct cds_list_head lasters; /* shared, of what is declared to last */
	struct cds_list_head holders; /* granted ones, the oldest first, until it is sealed */
	unsigned int held;
	unsigned int declared; /* shared holders that are declared to last */
	unsigned int stuck;    /* holders that were told to stop in vain */
	unsigned int queued;
	uint32_t ticket;       /* of the next request */
	uint32_t turn;         /* shared requests with earlier tickets go first */
	struct fl_op *alone;
	uint64_t alone_sum_ns; /* how long others were before, as far as it matters to who queues */
	uint64_t first_ns;     /* since when the first of alones waits for holders; 0: none does */
	uint64_t look_ns;      /* for when the timer is armed, or was; 0: it is not */
	struct fl_timer timer; /* of who is first in line */
	struct fl_work look;   /* finds out what has begun to last, who gives up, whom to park */

	struct fl_op *sealer; /* the removal or unbinding, until it is over */
	uint32_t seals;       /* how often it was sealed: who was told knows the last */
	unsigned int to_look; /* at how many holders a removal has not looked yet */
	unsigned int parked;  /* operations there or below that were parked, and still run */

	unsigned int asked;     /* of a root: operations there and below that clients asked for */
	unsigned int block_ops; /* of a root: its blocking operations */
	struct cds_list_head children;
	struct cds_list_head sibling;
	struct fl_rcu_head rcu;
	char name[];
};

enum fl_hold_state { FL_HOLD_FREE, FL_HOLD_QUEUED, FL_HOLD_HELD };

/* What a step has arranged, and so what its FL_LATER means. NONE: it runs. */
enum fl_later {
	FL_LATER_NONE,
	FL_LATER_VALUE, /* go on with the value that is there */
	FL_LATER_YIELD,
	FL_LATER_BLOCK,
	FL_LATER_JOIN,
	FL_LATER_SLEEP,
	FL_LATER_WAIT,
	FL_LATER_RETRY,
};

/* How an operation is told to stop; a stronger telling follows a weaker one. */
enum fl_tell {
	FL_TELL_NONE,
	FL_TELL_SEAL, /* a lane that it stands on goes: not heard by running removals */
	FL_TELL_CANCEL,
	FL_TELL_PARK,
	FL_TELL_STRIP, /* parked before: its holds go */
};

struct fl_runq {
	struct fl_lock lock;
	struct cds_list_head list; /* of fl_work */
	uint32_t seq;              /* futex of idle workers; changed under lock */
	unsigned int idle;
	bool waking; /* a worker has been woken and has not come yet */
	bool stopping;
};

struct fl_block {
	struct fl_lock lock;
	struct cds_list_head list; /* of fl_op.work: operations that need a thread that may sleep */
	unsigned int queued, idle, threads, in_step;
	uint32_t seq;  /* futex of idle threads; changed under lock */
	uint32_t done; /* futex of block_stop(); changed under lock */
	bool stopping;
	bool retrying;
	struct fl_timer retry;
	struct fl_work retry_work;
};

struct fl_heap_entry {
	uint64_t at_ns;
	struct fl_timer *timer;
};

struct fl_timers {
	struct fl_lock lock;
	struct fl_heap_entry *heap;
	size_t count, capacity; /* capacity is also read without the lock; it only grows */
	size_t reserved;        /* atomic: entries that may be needed at once */
	uint64_t sleeps_until;  /* of the thread; UINT64_MAX: until something is armed */
	uint32_t seq;           /* futex of the thread */
	bool stopping;
	pthread_t thread;
	/* The clock (fl_sched_now()): written under lock, read without. */
	uint32_t clock_seq;     /* odd while it is being written */
	uint64_t ticked_ns;     /* CLOCK_MONOTONIC when the thread looked last; 0: it need not */
	uint64_t lost_ns;       /* what CLOCK_MONOTONIC is ahead */
};

struct fl_sched {
	struct fl_sched_config config;
	int refs; /* its owner, its lanes, its threads that may be left behind */
	int stopped;
	struct fl_runq runq;
	pthread_t *threads;
	unsigned int thread_count;
	struct fl_block block;
	struct fl_timers timers;
	/* Above all roots. Holds their list, and with bkl it is the one lock of 2021.
	 * Its lock also guards `parked`. */
	struct fl_lane *top;
	struct cds_list_head parked; /* by path[depth - 1].link */
	int parking; /* atomic: somebody parks; one at a time, for families overlap */
	/* Atomic counts. */
	uint64_t submitted, ended, refused, parked_ever;
	uint64_t numbers;       /* given to operations so far */
	unsigned int ops;       /* not ended, parked ones too */
	unsigned int live;      /* not ended, not parked */
	unsigned int lanes;
	unsigned int block_ops; /* blocking operations */
	unsigned int drainers;  /* threads in fl_sched_drain() */
	uint32_t drained;       /* their futex: changes when live becomes 0 */
};

static inline struct fl_op *fl_hold_op(struct fl_op_hold *hold)
{
	return FL_CONTAINER_OF(hold - hold->index, struct fl_op, path[0]);
}

/* A removal, or an unbinding: it seals its lane. */
static inline bool fl_op_removes(const struct fl_op *op)
{
	return op->type->flags & (FL_OP_REMOVES | FL_OP_UNBINDS);
}

static inline bool fl_op_unbinds(const struct fl_op *op)
{
	return op->type->flags & FL_OP_UNBINDS;
}

static inline bool fl_op_lasts(const struct fl_op *op)
{
	return op->type->flags & FL_OP_LASTS;
}

/* When something is late; 0 stands for never. */
static inline bool fl_is_past(uint64_t at_ns, uint64_t now_ns)
{
	return at_ns && now_ns >= at_ns;
}

/* lane.c */
/* A lane that is not linked yet, nor are there references on what is above. NULL: out of memory. */
struct fl_lane *fl_lane_alloc(struct fl_sched *sched, struct fl_lane *parent, const char *name,
			      void *owner);
bool fl_lane_try_get(struct fl_lane *lane);
/* The lane of the device at the root. */
struct fl_lane *fl_lane_root(struct fl_lane *lane);
/* Takes lane out of its parent's list; it stays sealed. */
void fl_lane_unlink(struct fl_lane *lane);

/* hold.c: one lane of an operation's path. */
/* Goes on entering. 0: holds all lanes; FL_LATER: queued; or the error to end with. */
int fl_hold_enter(struct fl_op *op);
/* Takes op out of the queue in which it is. True: then the caller must make it ready. */
bool fl_hold_unqueue(struct fl_op *op);
/* Gives back what op still holds, and makes those ready that wait for it. */
void fl_hold_release(struct fl_op *op);
/* The lane is sealed: nobody is first in line any more. */
void fl_hold_timer_cancel(struct fl_lane *lane) FL_REQUIRES(lane->lock);
/* Takes out some of those that queue at the sealed lane, and lets them end with -ENODEV. True: there
 * may be more. */
bool fl_hold_fail_some(struct fl_lane *lane);
/* op was told to stop in vain: who waits for it, and has a client, ends with -EBUSY from now on.
 * Context: a worker. */
void fl_hold_set_stuck(struct fl_op *op);
/* The lane is sealed, so that what is stuck there will be parked: nobody waits in vain for it. */
void fl_hold_clear_stuck(struct fl_lane *lane);
/* Until when hold, which is queued, may wait; 0: it need not give up. */
uint64_t fl_hold_until(const struct fl_op_hold *hold, uint64_t now_ns);
struct fl_work *fl_lane_timer_expire(struct fl_timer *timer, uint64_t now_ns,
				     uint64_t *ret_again_ns);
/* Opens the lane if something has begun to last, and lets those in line give up that are late. */
void fl_hold_look(struct fl_lane *lane);

/* removal.c */
/* -ENODEV if it is sealed already. sealer may be NULL. */
int fl_lane_seal(struct fl_lane *lane, struct fl_op *sealer);
/* Of a removal that is over with an error. */
void fl_lane_unseal(struct fl_lane *lane, const struct fl_op *sealer);
/* Of an unbinding that is over, or of a lane on which something parked is: opens it, if nothing
 * runs there that was parked. */
void fl_lane_reopen(struct fl_lane *lane, const struct fl_op *sealer);
/* op, which was parked, is over. */
void fl_parked_over(struct fl_op *op);
/* Goes on without op, and without what it awaits. One at a time: false, another one is at it. */
bool fl_park(struct fl_op *op);
/* Fails some of what was queued on the sealed lane, or tells some of its holders.
 * True: there may be more. */
bool fl_lane_tell(struct fl_lane *lane);
/* From here on op has a deadline for those that it told. */
void fl_removal_await_told(struct fl_op *op);
/* How often a removal looks whether whom it waits for has had his time. */
uint64_t fl_removal_look_ns(const struct fl_op *op);
/* The work of looking, to be put into the run queue; NULL: it is there. Context: any. */
struct fl_work *fl_lane_look(struct fl_lane *lane);
void fl_lane_look_run(struct fl_work *work);
/* Whether a submit below or at lane is refused; spawner may be NULL. */
bool fl_lane_sealed_against(const struct fl_lane *lane, const struct fl_op *spawner);
/* Says why op is refused: -ENODEV, or, if its lane will open again when what an unbinding had to park
 * is over, -EBUSY. */
int fl_lane_seal_error(struct fl_op *op);
/* Keeps op from starting: it ends with err, unless it was doomed before or runs. */
void fl_op_doom(struct fl_op *op, int err);
void fl_op_tell(struct fl_op *op, int err, enum fl_tell as);
/* Takes op out of the list of the parked. */
void fl_parked_del(struct fl_op *op);

/* op.c */
void fl_op_make_ready(struct fl_op *op);
/* Goes on with op, started or not. Context: a worker. */
void fl_op_resume(struct fl_work *work);
/* Ends op: with the value of its steps, or without having run. */
void fl_op_finish(struct fl_op *op, int err);
/* Takes child from those that its parent waits for, if it is among them. */
void fl_op_child_leave(struct fl_op *child, int err);
/* So many operations less are queued or running. */
void fl_live_sub(struct fl_sched *sched, unsigned int count);

/* step.c */
/* 0, or what op has been doomed to end with instead. */
int fl_step_begin(struct fl_op *op);
void fl_step_run(struct fl_op *op);
/* Ends the wait that goes on, for a reason other than its waker. */
void fl_step_interrupt(struct fl_op *op, int status);
/* The timer of an operation has expired. Returns what to put into the run queue, or NULL;
 * *ret_again_ns stays, or says when it is to expire again.
 * Context: the timer lock. */
struct fl_work *fl_step_expire(struct fl_timer *timer, uint64_t now_ns, uint64_t *ret_again_ns);
/* Stops the program unless op's step runs on this thread. */
void fl_step_assert_current(const struct fl_op *op, const char *what);
/* Stops the program if a callback of op has left a lock or an RCU read section open. */
void fl_step_assert_clean(const struct fl_op *op, const char *what);
/* Called with the children lock held: whether the parent is to be made ready. */
bool fl_step_children_over(struct fl_op *parent) FL_REQUIRES(parent->children_lock);

/* deadline.c */
/* op begins to run, or a removal comes back to its own part: from now on it has a deadline. */
void fl_deadline_begin(struct fl_op *op, uint64_t now_ns);
/* When somebody is to look at op next, because it is to be told to stop or does not listen; 0:
 * never. Context: any. */
uint64_t fl_deadline_next(const struct fl_op *op);
/* The work of looking, to be put into the run queue; NULL: it is there. Context: who knows that op
 * is there, any. */
struct fl_work *fl_deadline_look(struct fl_op *op);
void fl_deadline_due(struct fl_work *work);
/* Says why op ends without having run, or is told to stop. The first word counts. */
void fl_op_say(struct fl_op *op, const char *fmt, ...) FL_PRINTF(2, 3);
/* "'reload' (operation 17) on pci/0000:03:00.0": what op waits for, or op itself. Context: op
 * stays. */
#define FL_OP_NAME_MAX 160
void fl_op_name(const struct fl_op *op, char name[FL_OP_NAME_MAX]);

/* sched.c */
void fl_sched_put(struct fl_sched *sched);

/* worker.c */
int fl_workers_start(struct fl_sched *sched);
void fl_workers_stop(struct fl_sched *sched);
void fl_runq_push(struct fl_sched *sched, struct fl_work *work);
/* Empties list (of fl_work.link) into the run queue. */
void fl_runq_push_list(struct fl_sched *sched, struct cds_list_head *list);

/* block.c */
void fl_block_init(struct fl_sched *sched);
/* Waits until all its threads are gone, or inside a step of a parked operation. */
void fl_block_stop(struct fl_sched *sched);
/* Counts op against the quotas. 0, or -EBUSY with *ret_refusal (malloc'd or NULL). */
int fl_block_reserve(struct fl_op *op, char **ret_refusal);
void fl_block_release(struct fl_op *op);
/* Continues op on a thread that may sleep. Context: a worker. */
void fl_block_push(struct fl_op *op);
/* Around a step on such a thread. False: the scheduler is gone, leave op behind. */
bool fl_block_step_begin(struct fl_sched *sched);
bool fl_block_step_end(struct fl_sched *sched);
/* Whether the calling thread is one of them. */
bool fl_block_is_mine(void);

/* timer.c */
int fl_timers_start(struct fl_sched *sched);
void fl_timers_stop(struct fl_sched *sched);
/* Makes room for one more timer that may be armed; 0 or -ENOMEM. */
int fl_timers_reserve(struct fl_sched *sched);
void fl_timers_unreserve(struct fl_sched *sched);
void fl_timer_init_expire(struct fl_timer *timer,
			  struct fl_work *(*expire)(struct fl_timer *timer, uint64_t now_ns,
						    uint64_t *ret_again_ns));
/* Arms a timer for which there is room, for when fl_sched_now() is at_ns. */
void fl_timer_arm_at(struct fl_sched *sched, struct fl_timer *timer, uint64_t at_ns);
/* The same under a lane's lock. True: fl_timers_wake() has to follow without it. */
bool fl_timer_arm_quietly(struct fl_sched *sched, struct fl_timer *timer, uint64_t at_ns);
void fl_timers_wake(struct fl_sched *sched);

/* client.c */
unsigned int fl_client_ops_add(struct fl_client *client);
void fl_client_ops_sub(struct fl_client *client);

#endif
