// SPDX-License-Identifier: LGPL-2.1-or-later
/* number.c - the numbers that our sockets get in the program. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

/* Numbers looked at from the lowest on before going on behind the highest that was given: so
 * a program with few sockets gets the lowest, one with thousands does not wait for it. */
#define LOOKS 64

void fl_numbers_init(struct fl_supervisor *sup)
{
	for (unsigned int i = 0; i < FL_NUMBER_SLOTS; i++)
		pthread_mutex_init(&sup->numbers[i].lock, NULL);
}

/* 0: free; 1: not; or a negative errno. */
static int look(const struct fl_call *call, unsigned int number)
{
	int fd = fl_target_getfd(call->target, number);

	if (fd >= 0) {
		close(fd);
		return 1;
	}
	return fd == -EBADF ? 0 : fd;
}

/* The first free one of [from, end); -EMFILE if there is none. */
static int find(const struct fl_call *call, unsigned int from, unsigned int end)
{
	for (; from < end; from++) {
		int taken = look(call, from);

		if (taken < 0)
			return taken;
		if (!taken)
			return from;
	}
	return -EMFILE;
}

static int choose(const struct fl_call *call, const struct fl_number_slot *slot, unsigned int least,
		  unsigned int limit)
{
	unsigned int soon = limit - least < LOOKS ? limit : least + LOOKS;
	int number = find(call, least, soon);

	if (number == -EMFILE && slot->next > soon && slot->next < limit)
		number = find(call, slot->next, limit);
	if (number == -EMFILE)
		number = find(call, soon, limit);
	return number;
}

static int limit_of(const struct fl_call *call, unsigned int *ret_limit)
{
	struct rlimit limit;

	if (prlimit(call->tid, RLIMIT_NOFILE, NULL, &limit))
		return errno == ESRCH ? -ESRCH : -EMFILE;
	*ret_limit = limit.rlim_cur < INT32_MAX ? limit.rlim_cur : INT32_MAX;
	return 0;
}

/* Puts a copy of fd there and replies, at once for the program. */
static int64_t give(struct fl_call *call, int fd, int number, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = call->id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = fd,
		.newfd = number,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int got;

	do {
		got = ioctl(call->sup->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	} while (got < 0 && errno == EINTR);
	if (got >= 0)
		return FL_CALL_REPLIED;
	switch (errno) {
	case ENOENT:
	case EINPROGRESS: /* answered; it cannot have been by us */
		return FL_CALL_GONE;
	case EBADF: /* the limit has changed just now */
		return -EMFILE;
	default:
		return -errno;
	}
}

int64_t fl_number_give(struct fl_call *call, int fd, unsigned int least, bool cloexec)
{
	pid_t tgid = fl_target_tgid(call->target);
	struct fl_number_slot *slot = &call->sup->numbers[(unsigned int)tgid % FL_NUMBER_SLOTS];
	unsigned int limit = 0;
	int64_t result;
	int number;

	if (least < call->sup->base)
		least = call->sup->base;
	number = limit_of(call, &limit);
	if (!number && least >= limit)
		number = -EMFILE;
	if (number == -EMFILE)
		fl_supervisor_tell(call->sup, FL_TOLD_NUMBERS,
				   "a program's limit of open files (%u) leaves no number for a "
				   "netlink socket: raise it above %u (ulimit -n)",
				   limit, call->sup->base);
	if (number)
		return number == -ESRCH ? FL_CALL_GONE : number;
	if (pthread_mutex_trylock(&slot->lock)) {
		fl_worker_before_wait(call->worker);
		pthread_mutex_lock(&slot->lock);
	}
	if (slot->tgid != tgid) {
		slot->tgid = tgid;
		slot->next = 0;
	}
	number = choose(call, slot, least, limit);
	result = number < 0 ? number : give(call, fd, number, cloexec);
	if (result == FL_CALL_REPLIED)
		slot->next = number + 1;
	pthread_mutex_unlock(&slot->lock);
	return result == -ESRCH ? FL_CALL_GONE : result;
}
