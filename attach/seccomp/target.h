/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * target.h - the threads that make calls: by their id to a pidfd.
 *
 * Rules of struct fl_target:
 * 1. tid, pidfd, whole_process: never change.
 * 2. refs: under the lock of the cache. tgid: atomic; 0 until it is asked for.
 */
#ifndef FL_ATTACH_SECCOMP_TARGET_H
#define FL_ATTACH_SECCOMP_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/lock.h"

#define FL_TARGETS 256

struct fl_target {
	pid_t tid, tgid;
	int pidfd;
	bool whole_process; /* the pidfd is the process's: this kernel has none of threads */
	unsigned int refs;
};

/* A cache: what falls out is opened again. */
struct fl_targets {
	struct fl_lock lock;
	struct fl_target *slot[FL_TARGETS];
};

void fl_targets_init(struct fl_targets *targets);

/* The thread with this id. The reference does not keep it alive; whether it is the one that
 * made the call is known when the call is still valid afterwards.
 * Errors: -ESRCH, -EMFILE, -ENOMEM. */
int fl_target_get(struct fl_targets *targets, pid_t tid, struct fl_target **ret_target);
void fl_target_put(struct fl_targets *targets, struct fl_target *target); /* NULL is fine */
/* It is not what its id says any more: whoever comes next opens it anew. */
void fl_target_forget(struct fl_targets *targets, struct fl_target *target);

/* A copy of the thread's descriptor. -EBADF: it has none there; -ESRCH; -EPERM. */
int fl_target_getfd(const struct fl_target *target, int fd);
/* The id of its process; 0: it is gone. */
pid_t fl_target_tgid(struct fl_target *target);

#endif
