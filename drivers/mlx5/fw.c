/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fw.c - the command queue of one PF's firmware. */
#include "fw.h"

#include <errno.h>
#include <stdlib.h>

/* Completions are looked at this often at most, so that one look finds many. By F3 nothing
 * but the news of a request's end comes later for it. */
#define LOOK_NS (100 * FL_NS_PER_US)
#define BATCH 64

enum req_state { REQ_WAITING, REQ_RUNNING, REQ_DONE };

/*
 * A chain of commands that one step asked for.
 * Rules: saved, fw, unit, thrown: never change. waker, state and the rest: under fw->lock.
 * The step that waits frees it; whoever sets REQ_DONE has taken the waker and lets go.
 */
struct fw_req {
	struct cds_list_head link; /* unit->waiting */
	struct mlx5_fw *fw;	   /* referenced */
	struct mlx5_unit *unit;
	struct fl_waker waker;
	void *saved; /* the operation's data before this call */
	bool undo; /* what takes away */
	enum req_state state;
	int status;	   /* once done */
	unsigned int left; /* commands to run, the current one included */
	unsigned int fine; /* so many end well before the one with a fate */
	int fate;	   /* of that one */
	uint64_t thrown;
	uint64_t ready_ns; /* since when the next command could start */
	uint64_t due_ns;   /* when the running one ends */
	size_t slot;	   /* in fw->running */
};

/*
 * Rules: sched, config: never change. refs: atomic. The rest: under lock.
 */
struct mlx5_fw {
	struct fl_sched *sched;
	struct mlx5_fw_config config;
	struct fl_driver_lock *lock;
	struct fl_timer timer;
	bool dead;
	bool armed;		    /* the timer holds a reference */
	uint64_t armed_ns;	    /* for when */
	uint64_t looked_ns;	    /* when completions were last looked at */
	unsigned int waiting;	    /* requests */
	unsigned int count;	    /* commands that run */
	struct cds_list_head turns; /* units with a waiting request and room in their share */
	int refs;
	struct fw_req *running[]; /* a heap by due_ns */
};

/* What is over, to be told without the lock. */
struct done {
	struct fl_waker waker;
	int status;
};

struct batch {
	struct done done[BATCH];
	unsigned int count;
};

/* ---- the heap of running commands: under the lock ------------------------------------ */

static void heap_put(struct mlx5_fw *fw, size_t slot, struct fw_req *req)
{
	fw->running[slot] = req;
	req->slot = slot;
}

static void heap_up(struct mlx5_fw *fw, size_t slot, struct fw_req *req)
{
	while (slot && fw->running[(slot - 1) / 2]->due_ns > req->due_ns) {
		heap_put(fw, slot, fw->running[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	heap_put(fw, slot, req);
}

static void heap_down(struct mlx5_fw *fw, size_t slot, struct fw_req *req)
{
	size_t child;

	while ((child = 2 * slot + 1) < fw->count) {
		if (child + 1 < fw->count &&
		    fw->running[child + 1]->due_ns < fw->running[child]->due_ns)
			child++;
		if (fw->running[child]->due_ns >= req->due_ns)
			break;
		heap_put(fw, slot, fw->running[child]);
		slot = child;
	}
	heap_put(fw, slot, req);
}

static void heap_del(struct mlx5_fw *fw, struct fw_req *req)
{
	struct fw_req *last = fw->running[--fw->count];
	size_t slot = req->slot;

	if (last == req)
		return;
	if (slot && fw->running[(slot - 1) / 2]->due_ns > last->due_ns)
		heap_up(fw, slot, last);
	else
		heap_down(fw, slot, last);
}

/* ---- whose turn it is: under the lock ------------------------------------------------ */

/* Puts unit where it belongs after its queue or its share has changed; at the head if it
 * goes on with a request that has begun. */
static void unit_settle(struct mlx5_fw *fw, struct mlx5_unit *unit, bool goes_on)
{
	bool may = !cds_list_empty(&unit->waiting) && unit->running < fw->config.share;

	if (may && goes_on) {
		cds_list_del(&unit->turn);
		cds_list_add(&unit->turn, &fw->turns);
	} else if (may && cds_list_empty(&unit->turn)) {
		cds_list_add_tail(&unit->turn, &fw->turns);
	} else if (!may && !cds_list_empty(&unit->turn)) {
		cds_list_del_init(&unit->turn);
	}
}

static void req_wait(struct mlx5_fw *fw, struct fw_req *req, uint64_t ready_ns, bool goes_on)
{
	req->state = REQ_WAITING;
	req->ready_ns = ready_ns;
	if (goes_on)
		cds_list_add(&req->link, &req->unit->waiting);
	else
		cds_list_add_tail(&req->link, &req->unit->waiting);
	fw->waiting++;
	unit_settle(fw, req->unit, goes_on);
}

static void req_unwait(struct mlx5_fw *fw, struct fw_req *req)
{
	cds_list_del(&req->link);
	fw->waiting--;
	unit_settle(fw, req->unit, false);
}

static void req_start(struct mlx5_fw *fw, struct fw_req *req, uint64_t now)
{
	uint64_t start = req->ready_ns > now ? req->ready_ns : now;
	uint64_t thrown = mlx5_dice_more(req->thrown, req->left);

	req->state = REQ_RUNNING;
	req->unit->running++;
	req->due_ns = start + mlx5_latency(fw->config.latency_ns, fw->config.jitter, thrown);
	if (!req->fine && req->fate == MLX5_FATE_HANG)
		req->due_ns = start + fw->config.timeout_ns;
	fw->count++;
	heap_up(fw, fw->count - 1, req);
}

/* Fills the free places; a place became free at `now`, which may have passed (F3). */
static void start_all(struct mlx5_fw *fw, uint64_t now)
{
	struct mlx5_unit *unit;
	struct fw_req *req;

	while (fw->count < fw->config.depth && !cds_list_empty(&fw->turns)) {
		unit = cds_list_first_entry(&fw->turns, struct mlx5_unit, turn);
		req = cds_list_first_entry(&unit->waiting, struct fw_req, link);
		cds_list_del_init(&unit->turn);
		req_start(fw, req, now);
		req_unwait(fw, req);
	}
}

static void req_done(struct fw_req *req, int status, struct batch *batch)
{
	req->state = REQ_DONE;
	req->status = status;
	batch->done[batch->count].waker = req->waker;
	batch->done[batch->count++].status = status;
}

/* The command that ends first has ended. */
static void complete_first(struct mlx5_fw *fw, struct batch *batch)
{
	struct fw_req *req = fw->running[0];
	uint64_t at = req->due_ns;

	heap_del(fw, req);
	req->unit->running--;
	req->left--;
	if (!req->fine && req->fate) {
		__atomic_add_fetch(&req->unit->failed, 1, __ATOMIC_RELAXED);
		req_done(req, req->fate == MLX5_FATE_HANG ? -ETIMEDOUT : req->fate, batch);
	} else if (!req->left) {
		req_done(req, 0, batch);
	} else {
		if (req->fine)
			req->fine--;
		req_wait(fw, req, at, true);
	}
	unit_settle(fw, req->unit, false);
	start_all(fw, at);
}

/* ---- time ---------------------------------------------------------------------------- */

static void tell(const struct batch *batch)
{
	for (unsigned int i = 0; i < batch->count; i++)
		fl_waker_wake(batch->done[i].waker, batch->done[i].status);
}

/* True unless the timer runs right now: then it arms anew by itself. Context: as arm(). */
static bool disarm(struct mlx5_fw *fw)
{
	if (!fw->armed)
		return true;
	if (!fl_timer_cancel(fw->sched, &fw->timer))
		return false;
	fw->armed = false;
	__atomic_sub_fetch(&fw->refs, 1, __ATOMIC_RELAXED); /* the caller has one */
	return true;
}

/* Sees to it that the next completion is looked at. Context: under the lock, with a reference.
 * Gives -ENOMEM if no timer can be had. */
static int arm(struct mlx5_fw *fw, uint64_t now)
{
	uint64_t at;

	if (!fw->count) {
		disarm(fw); /* one that was to time out may be far off, and holds us */
		return 0;
	}
	at = fw->running[0]->due_ns;
	if (at < fw->looked_ns + LOOK_NS)
		at = fw->looked_ns + LOOK_NS;
	if (fw->armed && (fw->armed_ns <= at || !disarm(fw)))
		return 0;
	if (fl_timer_arm(fw->sched, &fw->timer, at > now ? at - now : 0))
		return -ENOMEM;
	fw->armed = true;
	fw->armed_ns = at;
	mlx5_fw_get(fw);
	return 0;
}

/* Ends everything with an error: no timer can be had, and nobody may wait for ever; or the
 * firmware died. */
static void fail_all(struct mlx5_fw *fw, int err)
{
	struct batch batch;
	bool more;

	do {
		batch.count = 0;
		fl_driver_lock_take(fw->lock);
		while (batch.count < BATCH && fw->count) {
			struct fw_req *req = fw->running[0];

			heap_del(fw, req);
			req->unit->running--;
			unit_settle(fw, req->unit, false);
			req_done(req, req->undo && err == -EIO ? 0 : err, &batch);
		}
		start_all(fw, fl_sched_now(fw->sched));
		more = fw->count != 0;
		if (!more)
			disarm(fw);
		fl_driver_lock_drop(fw->lock);
		tell(&batch);
	} while (more);
}

/* Completes what is due, at most a batch. Gives whether there is more. */
static bool look_once(struct mlx5_fw *fw, struct batch *batch, int *ret_err)
{
	uint64_t now;

	batch->count = 0;
	fl_driver_lock_take(fw->lock);
	now = fl_sched_now(fw->sched);
	while (batch->count < BATCH && fw->count && fw->running[0]->due_ns <= now)
		complete_first(fw, batch);
	if (batch->count < BATCH) {
		fw->armed = false;
		fw->looked_ns = now;
		*ret_err = arm(fw, now);
	}
	fl_driver_lock_drop(fw->lock);
	tell(batch);
	return batch->count == BATCH;
}

/* Context: the timer thread. */
static void fw_look(struct fl_timer *timer)
{
	struct mlx5_fw *fw = FL_CONTAINER_OF(timer, struct mlx5_fw, timer);
	struct batch batch;
	int err = 0;

	while (look_once(fw, &batch, &err))
		;
	if (err)
		fail_all(fw, err);
	mlx5_fw_put(fw);
}

/* ---- requests ------------------------------------------------------------------------ */

static int exec_done(struct fl_op *op);

/* Forgets a request that nobody waits for any more (F4). Gives its waker back, if it was
 * not over yet. */
static bool req_forget(struct fw_req *req, struct fl_waker *ret_waker)
{
	struct mlx5_fw *fw = req->fw;
	bool was_on;
	int err = 0;

	fl_driver_lock_take(fw->lock);
	was_on = req->state != REQ_DONE;
	if (req->state == REQ_WAITING) {
		req_unwait(fw, req);
	} else if (req->state == REQ_RUNNING) {
		heap_del(fw, req);
		req->unit->running--;
		unit_settle(fw, req->unit, false);
		start_all(fw, fl_sched_now(fw->sched));
		err = arm(fw, fl_sched_now(fw->sched));
	}
	req->state = REQ_DONE;
	*ret_waker = req->waker;
	fl_driver_lock_drop(fw->lock);
	if (err)
		fail_all(fw, err);
	return was_on;
}

/* A wait ends at its deadline although the request goes on: waits again. Gives whether. */
static bool req_wait_again(struct fl_op *op, struct fw_req *req)
{
	struct fl_waker fresh = fl_op_waker(op), stale;
	bool is_on;

	fl_driver_lock_take(req->fw->lock);
	is_on = req->state != REQ_DONE;
	stale = is_on ? req->waker : fresh;
	if (is_on)
		req->waker = fresh;
	fl_driver_lock_drop(req->fw->lock);
	fl_waker_drop(stale);
	return is_on;
}

static int req_sleep(struct fl_op *op, struct fw_req *req)
{
	return fl_op_wait(op, fl_sched_max_wait(req->fw->sched), exec_done);
}

static int exec_done(struct fl_op *op)
{
	struct fw_req *req = fl_op_data(op);
	int err = fl_op_result(op);
	struct fl_waker waker;
	uint64_t deaf_ns;

	if (err == -ETIMEDOUT && req_wait_again(op, req))
		return req_sleep(op, req);
	if (err == -ETIMEDOUT)
		err = req->status; /* it ended when the deadline did */
	if (req_forget(req, &waker))
		fl_waker_drop(waker);
	fl_op_set_data(op, req->saved);
	deaf_ns = mlx5_fate_deaf_ns(req->fw->config.faults, err);
	mlx5_fw_put(req->fw);
	free(req);
	return deaf_ns ? mlx5_fate_deaf(op, deaf_ns) : err;
}

/* Decides beforehand how far the chain gets. */
static void req_decide(struct fw_req *req, unsigned int commands, const char *name)
{
	struct mlx5_faults *faults = req->fw->config.faults;

	req->left = commands;
	for (req->fine = 0; req->fine < commands; req->fine++) {
		uint64_t thrown = mlx5_dice_more(~req->thrown, req->fine);

		req->fate = mlx5_faults_decide(faults, MLX5_STEP_FW_CMD, name, thrown);
		if (req->fate)
			return;
	}
}

/* Queues a request, unless the firmware is dead. */
static int req_queue(struct mlx5_fw *fw, struct fw_req *req)
{
	uint64_t now;
	int err = -EIO;

	fl_driver_lock_take(fw->lock);
	if (!fw->dead) {
		now = fl_sched_now(fw->sched);
		req_wait(fw, req, now, false);
		start_all(fw, now);
		err = arm(fw, now);
	}
	fl_driver_lock_drop(fw->lock);
	if (err == -ENOMEM)
		fail_all(fw, err);
	return err == -EIO ? err : 0;
}

static int exec(struct fl_op *op, struct mlx5_fw *fw, struct mlx5_unit *unit,
		unsigned int commands, bool undo)
{
	struct fw_req *req;

	if (!commands || (undo && mlx5_fw_dead(fw)))
		return 0;
	if (fl_op_cancelled(op))
		return -ECANCELED;
	req = calloc(1, sizeof(*req));
	if (!req)
		return -ENOMEM;
	req->fw = mlx5_fw_get(fw);
	req->unit = unit;
	req->undo = undo;
	req->saved = fl_op_data(op);
	req->thrown = mlx5_dice_throw(&unit->dice, MLX5_STEP_FW_CMD);
	req_decide(req, commands, fl_lane_name(fl_op_lane(op)));
	req->waker = fl_op_waker(op);
	mlx5_latency_allow(op, commands * fw->config.latency_ns);
	fl_op_set_data(op, req);
	if (!req_queue(fw, req))
		return req_sleep(op, req);
	fl_waker_drop(req->waker);
	fl_op_set_data(op, req->saved);
	mlx5_fw_put(fw);
	free(req);
	return undo ? 0 : -EIO;
}

int mlx5_fw_exec(struct fl_op *op, struct mlx5_fw *fw, struct mlx5_unit *unit,
		 unsigned int commands)
{
	return exec(op, fw, unit, commands, false);
}

int mlx5_fw_undo(struct fl_op *op, struct mlx5_fw *fw, struct mlx5_unit *unit,
		 unsigned int commands)
{
	return exec(op, fw, unit, commands, true);
}

/* ---- death --------------------------------------------------------------------------- */

static void set_dead(struct mlx5_fw *fw, bool dead)
{
	fl_driver_lock_take(fw->lock);
	fw->dead = dead;
	fl_driver_lock_drop(fw->lock);
}

void mlx5_fw_kill(struct mlx5_fw *fw)
{
	set_dead(fw, true);
	fail_all(fw, -EIO);
}

void mlx5_fw_revive(struct mlx5_fw *fw)
{
	set_dead(fw, false);
}

bool mlx5_fw_dead(struct mlx5_fw *fw)
{
	bool dead;

	fl_driver_lock_take(fw->lock);
	dead = fw->dead;
	fl_driver_lock_drop(fw->lock);
	return dead;
}

/* ---- the firmware itself ------------------------------------------------------------- */

int mlx5_fw_new(struct fl_sched *sched, const struct mlx5_fw_config *config,
		struct mlx5_fw **ret_fw)
{
	struct mlx5_fw *fw = calloc(1, sizeof(*fw) + config->depth * sizeof(fw->running[0]));

	if (!fw)
		return -ENOMEM;
	fw->lock = fl_driver_lock_new();
	if (!fw->lock) {
		free(fw);
		return -ENOMEM;
	}
	fw->sched = sched;
	fw->config = *config;
	fw->refs = 1;
	fl_timer_init(&fw->timer, fw_look);
	CDS_INIT_LIST_HEAD(&fw->turns);
	*ret_fw = fw;
	return 0;
}

struct mlx5_fw *mlx5_fw_get(struct mlx5_fw *fw)
{
	__atomic_add_fetch(&fw->refs, 1, __ATOMIC_RELAXED);
	return fw;
}

void mlx5_fw_put(struct mlx5_fw *fw)
{
	if (!fw || __atomic_sub_fetch(&fw->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fl_driver_lock_free(fw->lock);
	free(fw);
}

void mlx5_unit_init(struct mlx5_unit *unit, uint64_t seed, const char *name)
{
	unit->dice.key = mlx5_dice_key(seed, name);
	CDS_INIT_LIST_HEAD(&unit->waiting);
	CDS_INIT_LIST_HEAD(&unit->turn);
}

void mlx5_fw_load(struct mlx5_fw *fw, unsigned int *ret_running, unsigned int *ret_waiting)
{
	fl_driver_lock_take(fw->lock);
	*ret_running = fw->count;
	*ret_waiting = fw->waiting;
	fl_driver_lock_drop(fw->lock);
}
