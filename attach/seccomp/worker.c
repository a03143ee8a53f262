// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * worker.c - the threads that answer calls.
 *
 * One of them, the leader, waits for the next call and carries it out; so most calls wake one
 * thread, on the CPU of the program that made them. Before it waits for anything (a slow
 * change, a datagram) it makes another the leader: nobody is held up. Who ends a call and is
 * not the leader is parked, or ends. One is always parked; it also takes over from a leader
 * that is stuck where it did not expect to (in a page of the program that does not come).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

#define WORKERS_MAX 16384
#define PARKED_MAX 4
#define STUCK_MS 100
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK (1024 * 1024)
#else
#define STACK (128 * 1024)
#endif

static bool worker_init(struct fl_worker *worker, struct fl_supervisor *sup)
{
	*worker = (struct fl_worker){ .supervisor = sup };
	worker->req = calloc(1, sup->req_size);
	worker->resp = calloc(1, sup->resp_size);
	return worker->req && worker->resp;
}

static void worker_done(struct fl_worker *worker)
{
	free(worker->req);
	free(worker->resp);
	free(worker->iov);
	free(worker->buf);
}

static void work(struct fl_worker *worker)
{
	struct fl_supervisor *sup = worker->supervisor;
	const struct seccomp_notif *req = worker->req;
	struct fl_call call = { .sup = sup,
				.worker = worker,
				.id = req->id,
				.tid = (pid_t)req->pid,
				.nr = req->data.nr,
				.fd = -1 };

	for (unsigned int i = 0; i < FL_ARRAY_SIZE(call.args); i++)
		call.args[i] = req->data.args[i];
	fl_call_handle(&call);
}

static bool is_leader(const struct fl_worker *worker)
{
	return __atomic_load_n(&worker->supervisor->leader, __ATOMIC_ACQUIRE) == worker;
}

static bool nobody_is_left(const struct fl_supervisor *sup)
{
	struct pollfd listener = { sup->listener, 0, 0 };

	return poll(&listener, 1, 0) > 0 && listener.revents & POLLHUP;
}

/* Takes calls until another leads. False: there are none to come. */
static bool lead(struct fl_worker *worker)
{
	struct fl_supervisor *sup = worker->supervisor;

	while (is_leader(worker)) {
		memset(worker->req, 0, sup->req_size);
		if (ioctl(sup->listener, SECCOMP_IOCTL_NOTIF_RECV, worker->req)) {
			/* ENOENT: whoever asked has gone already; or all that could ask. */
			if (errno != EINTR && (errno != ENOENT || nobody_is_left(sup)))
				return false;
			continue;
		}
		__atomic_store_n(&sup->busy_since, fl_now_ns(), __ATOMIC_RELAXED);
		work(worker);
		if (is_leader(worker))
			__atomic_store_n(&sup->busy_since, 0, __ATOMIC_RELAXED);
	}
	return true;
}

static void become_leader(struct fl_worker *worker)
{
	__atomic_store_n(&worker->supervisor->busy_since, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&worker->supervisor->leader, worker, __ATOMIC_RELEASE);
}

/* Whether the leader is busy for so long that somebody else has to lead. */
static bool leader_is_stuck(const struct fl_supervisor *sup)
{
	uint64_t since = __atomic_load_n(&sup->busy_since, __ATOMIC_RELAXED);

	return since && fl_now_ns() - since > STUCK_MS * FL_NS_PER_MS;
}

static void soon(struct timespec *ret_time)
{
	clock_gettime(CLOCK_MONOTONIC, ret_time);
	ret_time->tv_nsec += STUCK_MS * FL_NS_PER_MS;
	if (ret_time->tv_nsec >= (long)FL_NS_PER_S) {
		ret_time->tv_nsec -= FL_NS_PER_S;
		ret_time->tv_sec++;
	}
}

/* Waits to become the leader. False: enough others wait. */
static bool park(struct fl_worker *worker)
{
	struct fl_supervisor *sup = worker->supervisor;
	struct timespec until;
	bool room;

	pthread_mutex_lock(&sup->parking);
	room = sup->parked < PARKED_MAX;
	sup->parked += room;
	while (room && !sup->vacant && !leader_is_stuck(sup)) {
		soon(&until);
		pthread_cond_timedwait(&sup->vacancy, &sup->parking, &until);
	}
	if (room) {
		sup->parked--;
		sup->vacant = false;
		become_leader(worker);
	}
	pthread_mutex_unlock(&sup->parking);
	return room;
}

static int create(struct fl_supervisor *sup);

/* So that there is always one that the next leader can come from. */
static void keep_one_parked(struct fl_supervisor *sup)
{
	bool none;

	pthread_mutex_lock(&sup->parking);
	none = !sup->parked && !sup->coming;
	sup->coming |= none;
	pthread_mutex_unlock(&sup->parking);
	if (none && create(sup)) {
		pthread_mutex_lock(&sup->parking);
		sup->coming = false;
		pthread_mutex_unlock(&sup->parking);
	}
}

static void *worker_main(void *arg)
{
	struct fl_supervisor *sup = arg;
	struct fl_worker worker;
	bool good = worker_init(&worker, sup);

	pthread_mutex_lock(&sup->parking);
	sup->coming = false;
	pthread_mutex_unlock(&sup->parking);
	while (good && park(&worker)) {
		keep_one_parked(sup);
		good = lead(&worker);
	}
	__atomic_sub_fetch(&sup->total, 1, __ATOMIC_ACQ_REL);
	worker_done(&worker);
	return NULL;
}

static int create_thread(struct fl_supervisor *sup)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, worker_main, sup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

static int create(struct fl_supervisor *sup)
{
	int err = -EAGAIN;

	if (__atomic_add_fetch(&sup->total, 1, __ATOMIC_ACQ_REL) <= WORKERS_MAX)
		err = create_thread(sup);
	if (err)
		__atomic_sub_fetch(&sup->total, 1, __ATOMIC_ACQ_REL);
	return err;
}

int fl_worker_before_wait(struct fl_worker *worker)
{
	struct fl_supervisor *sup = worker->supervisor;
	bool found;

	if (!is_leader(worker))
		return 0;
	keep_one_parked(sup);
	pthread_mutex_lock(&sup->parking);
	found = sup->parked || sup->coming;
	if (found) {
		__atomic_store_n(&sup->leader, NULL, __ATOMIC_RELEASE);
		sup->vacant = true;
		pthread_cond_signal(&sup->vacancy);
	}
	pthread_mutex_unlock(&sup->parking);
	if (found)
		return 0;
	fl_supervisor_tell(sup, FL_TOLD_WORKERS,
			   "no more threads to answer the command's netlink "
			   "sockets: calls that would wait fail with ENOBUFS");
	return -ENOBUFS;
}

int fl_workers_start(struct fl_supervisor *sup)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sup->vacancy, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&sup->parking, NULL);
	sup->vacant = sup->coming = true;
	return create(sup);
}
