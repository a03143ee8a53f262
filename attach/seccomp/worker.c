// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * worker.c - the threads that answer calls.
 *
 * A worker carries out a call from beginning to end, also if that takes hours (a receive,
 * a slow change). So before the last idle one begins, another is started; some idle ones
 * stay, the rest end.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

#define WORKERS_MAX 16384
#define IDLE_MAX 4
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK (1024 * 1024)
#else
#define STACK (128 * 1024)
#endif

static int start(struct fl_supervisor *sup);

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

bool fl_worker_may_wait(const struct fl_supervisor *sup)
{
	return __atomic_load_n(&sup->idle, __ATOMIC_RELAXED) > 0;
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
	if (!__atomic_sub_fetch(&sup->idle, 1, __ATOMIC_ACQ_REL) && start(sup))
		fl_supervisor_tell(sup, FL_TOLD_WORKERS,
				   "no more threads to answer the command's netlink sockets: "
				   "calls that would wait now fail with ENOBUFS");
	fl_call_handle(&call);
}

static void *worker_main(void *arg)
{
	struct fl_supervisor *sup = arg;
	struct fl_worker worker;
	bool good = worker_init(&worker, sup);

	/* Counted as idle when it was started. */
	while (good) {
		memset(worker.req, 0, sup->req_size);
		if (ioctl(sup->listener, SECCOMP_IOCTL_NOTIF_RECV, worker.req)) {
			/* ENOENT: whoever asked has gone already; or nobody is under the filter. */
			if (errno == EINTR || errno == ENOENT)
				continue;
			break;
		}
		work(&worker);
		if (__atomic_add_fetch(&sup->idle, 1, __ATOMIC_ACQ_REL) > IDLE_MAX)
			break;
	}
	__atomic_sub_fetch(&sup->idle, 1, __ATOMIC_ACQ_REL);
	__atomic_sub_fetch(&sup->total, 1, __ATOMIC_ACQ_REL);
	worker_done(&worker);
	return NULL;
}

static int create(struct fl_supervisor *sup)
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

static int start(struct fl_supervisor *sup)
{
	int err = -EAGAIN;

	if (__atomic_add_fetch(&sup->total, 1, __ATOMIC_ACQ_REL) <= WORKERS_MAX) {
		__atomic_add_fetch(&sup->idle, 1, __ATOMIC_ACQ_REL);
		err = create(sup);
		if (!err)
			return 0;
		__atomic_sub_fetch(&sup->idle, 1, __ATOMIC_ACQ_REL);
	}
	__atomic_sub_fetch(&sup->total, 1, __ATOMIC_ACQ_REL);
	return err;
}

int fl_workers_start(struct fl_supervisor *sup)
{
	return start(sup);
}
