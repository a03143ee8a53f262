/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * supervisor.h - what the files of attach/seccomp share.
 *
 * Rules of struct fl_supervisor:
 * 1. All but what follows never changes after the workers were started.
 * 2. targets, socks, numbers: have locks of their own.
 * 3. leader, busy_since, total, told: atomic.
 * 4. parked, vacant, coming: under `parking`.
 */
#ifndef FL_ATTACH_SECCOMP_SUPERVISOR_H
#define FL_ATTACH_SECCOMP_SUPERVISOR_H

#include <pthread.h>
#include <linux/seccomp.h>
#include <sys/un.h>

#include "attach/seccomp/attach.h"
#include "attach/seccomp/call.h"

#define FL_NUMBER_SLOTS 64

/* Where to look for a free number in a process; a hint. */
struct fl_number_slot {
	/* Held while a number is chosen and taken, so that two calls of one process do not
	 * choose the same; system calls in between, so no leaf lock. */
	pthread_mutex_t lock;
	pid_t tgid;
	unsigned int low, high; /* the last given, below FD_SETSIZE and above */
	bool low_full;		/* none was free below, when last looked */
};

struct fl_supervisor {
	struct fl_seccomp_config config;
	struct sockaddr_un plane;
	unsigned int base; /* the lowest number that is handed over */
	int filter;	   /* a file that holds the filter's program */
	int pair[2];	   /* this process's end, the command's */
	int listener;
	int own_netns;
	uint64_t own_netns_dev, own_netns_ino;
	size_t req_size, resp_size;

	struct fl_targets targets;
	struct fl_socks socks;
	struct fl_number_slot numbers[FL_NUMBER_SLOTS];
	unsigned int told; /* enum fl_seccomp_told */

	struct fl_worker *leader; /* who takes the next call; NULL: somebody is about to */
	uint64_t busy_since;	  /* the leader carries out a call; ns, or 0 */
	unsigned int total;	  /* of workers */
	/* Nobody sleeps under it but in vacancy; no leaf lock, for that. */
	pthread_mutex_t parking;
	pthread_cond_t vacancy;
	unsigned int parked;
	bool vacant; /* one of the parked is to lead */
	bool coming; /* one was started, to park */
};

/* What is said once. */
enum fl_seccomp_told {
	FL_TOLD_NUMBERS = 1 << 0,
	FL_TOLD_WORKERS = 1 << 1,
	FL_TOLD_GETFD = 1 << 2,
	FL_TOLD_LEFT = 1 << 3,
};
void fl_supervisor_tell(struct fl_supervisor *sup, enum fl_seccomp_told what, const char *fmt, ...)
	FL_PRINTF(3, 4);

/* ---- pass.c ----------------------------------------------------------------------- */

/* Sends a descriptor, or a negative errno. Context: also a child that may only make system
 * calls. */
void fl_pass_send(int to, int err_or_fd);
/* The descriptor or errno that the other side sent; -EIO: it has gone. */
int fl_pass_receive(int from);

/* ---- filter.c --------------------------------------------------------------------- */

/* A file with the filter for descriptors from `base` on, as struct sock_filter[]; all_sockets:
 * calls for sockets alone are handed over below it, too. */
int fl_filter_make(unsigned int base, bool all_sockets, int *ret_fd);
/* Puts the calling thread, and what it starts, under the filter; ret_listener. */
int fl_filter_load(int fd, bool no_new_privs, int *ret_listener);

/* ---- worker.c --------------------------------------------------------------------- */

/* Starts the first workers. */
int fl_workers_start(struct fl_supervisor *sup);
/* To be called before anything that may last: somebody else takes calls from now on. -ENOBUFS:
 * nobody can; then the worker must not wait. */
int fl_worker_before_wait(struct fl_worker *worker);

/* ---- number.c --------------------------------------------------------------------- */

/* Gives the program a copy of fd at a number that is free in the range that is handed over, and
 * replies with it: at the lowest from `least` on, if that says more than the range; else at a
 * low one. FL_CALL_REPLIED, FL_CALL_GONE, -EMFILE. */
int64_t fl_number_give(struct fl_call *call, int fd, unsigned int least, bool cloexec);
void fl_numbers_init(struct fl_supervisor *sup);

/* ---- door.c ----------------------------------------------------------------------- */

/* A connection to the plane, made in the caller's network namespace and on its behalf. */
int fl_door_open(struct fl_call *call, int type);

#endif
