// SPDX-License-Identifier: LGPL-2.1-or-later
#include "attach/seccomp/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

void fl_targets_init(struct fl_targets *targets)
{
	fl_lock_init(&targets->lock, attach_targets);
}

static pid_t find_tgid(pid_t tid)
{
	char path[32], buf[512];
	const char *line;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	buf[got] = 0;
	line = strstr(buf, "\nTgid:");
	return line ? atoi(line + 6) : 0;
}

pid_t fl_target_tgid(struct fl_target *target)
{
	pid_t tgid = __atomic_load_n(&target->tgid, __ATOMIC_RELAXED);

	if (tgid)
		return tgid;
	tgid = find_tgid(target->tid);
	__atomic_store_n(&target->tgid, tgid, __ATOMIC_RELAXED);
	return tgid;
}

static int target_new(pid_t tid, struct fl_target **ret_target)
{
	struct fl_target *target = calloc(1, sizeof(*target));
	int err;

	if (!target)
		return -ENOMEM;
	target->tid = tid;
	target->refs = 2; /* the cache's and the caller's */
	target->pidfd = syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
	if (target->pidfd < 0 && errno == EINVAL) {
		target->whole_process = true;
		target->tgid = find_tgid(tid);
		target->pidfd = target->tgid ? syscall(SYS_pidfd_open, target->tgid, 0) : -1;
	}
	if (target->pidfd < 0) {
		err = errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
		free(target);
		return err;
	}
	*ret_target = target;
	return 0;
}

static void target_free(struct fl_target *target)
{
	if (!target)
		return;
	close(target->pidfd);
	free(target);
}

/* Drops one reference; returns the target if that was the last. Under the lock. */
static struct fl_target *unref(struct fl_target *target)
{
	return target && !--target->refs ? target : NULL;
}

/* A pidfd of a thread says by itself when the thread is gone; that of a process does not
 * say whose the thread's id is now. */
static bool still_there(const struct fl_target *target)
{
	return !target->whole_process ||
	       !syscall(SYS_tgkill, __atomic_load_n(&target->tgid, __ATOMIC_RELAXED), target->tid,
			0);
}

int fl_target_get(struct fl_targets *targets, pid_t tid, struct fl_target **ret_target)
{
	struct fl_target **slot = &targets->slot[(unsigned int)tid % FL_TARGETS];
	struct fl_target *target, *old;
	int err;

	fl_lock_take(&targets->lock);
	target = *slot;
	if (target && target->tid == tid)
		target->refs++;
	else
		target = NULL;
	fl_lock_drop(&targets->lock);
	if (target && still_there(target)) {
		*ret_target = target;
		return 0;
	}
	fl_target_put(targets, target);
	err = target_new(tid, &target);
	if (err)
		return err;
	fl_lock_take(&targets->lock);
	old = unref(*slot);
	*slot = target;
	fl_lock_drop(&targets->lock);
	target_free(old);
	*ret_target = target;
	return 0;
}

void fl_target_put(struct fl_targets *targets, struct fl_target *target)
{
	struct fl_target *last;

	if (!target)
		return;
	fl_lock_take(&targets->lock);
	last = unref(target);
	fl_lock_drop(&targets->lock);
	target_free(last);
}

void fl_target_forget(struct fl_targets *targets, struct fl_target *target)
{
	struct fl_target **slot = &targets->slot[(unsigned int)target->tid % FL_TARGETS];
	struct fl_target *last = NULL;

	fl_lock_take(&targets->lock);
	if (*slot == target) {
		*slot = NULL;
		last = unref(target);
	}
	fl_lock_drop(&targets->lock);
	target_free(last);
}

int fl_target_getfd(const struct fl_target *target, int fd)
{
	long got = syscall(SYS_pidfd_getfd, target->pidfd, fd, 0);

	return got < 0 ? -errno : (int)got;
}
