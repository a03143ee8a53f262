// SPDX-License-Identifier: LGPL-2.1-or-later
/* number.c - the numbers that our sockets get in the program. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

/* A program with a few sockets gets the lowest number that is free, as from the kernel. With more
 * that would be a look at each; then it is the last that was given, if it is free again, or one
 * behind it: below FD_SETSIZE, where select() reaches, while there are such. */
#define LOOKS_FROM_LOWEST 8
#define LOOKS_WHEN_FULL 16 /* below FD_SETSIZE, once all there were found taken */

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

/* Round and round: from `next` to the end, then from the start. */
static int find_round(const struct fl_call *call, unsigned int next, unsigned int from,
		      unsigned int end)
{
	int number;

	if (next < from || next >= end)
		next = from;
	number = find(call, next, end);
	return number == -EMFILE ? find(call, from, next) : number;
}

/* In [from, end), below FD_SETSIZE. */
static int choose_low(const struct fl_call *call, struct fl_number_slot *slot, unsigned int from,
		      unsigned int end)
{
	unsigned int few = end - from < LOOKS_FROM_LOWEST ? end : from + LOOKS_FROM_LOWEST, some;
	int number = find(call, from, few);

	if (number == -EMFILE && !slot->low_full) {
		number = find_round(call, slot->low, few, end);
	} else if (number == -EMFILE) {
		some = slot->low < few || slot->low >= end ? few : slot->low;
		slot->low = end - some < LOOKS_WHEN_FULL ? end : some + LOOKS_WHEN_FULL;
		number = find(call, some, slot->low);
	}
	slot->low_full = number == -EMFILE;
	if (number >= (int)few)
		slot->low = number;
	return number;
}

static int choose(const struct fl_call *call, struct fl_number_slot *slot, unsigned int limit)
{
	unsigned int base = call->sup->base;
	unsigned int low_end = limit < FD_SETSIZE ? limit : FD_SETSIZE;
	int number = -EMFILE;

	if (base < low_end)
		number = choose_low(call, slot, base, low_end);
	else
		low_end = base;
	if (number != -EMFILE)
		return number;
	number = find_round(call, slot->high, low_end, limit);
	if (number >= 0)
		slot->high = number;
	return number == -EMFILE ? find(call, base, low_end) : number;
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
	bool exact = least >= call->sup->base; /* the program named it: the lowest from there */
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
		slot->low = slot->high = 0;
		slot->low_full = false;
	}
	number = exact ? find(call, least, limit) : choose(call, slot, limit);
	result = number < 0 ? number : give(call, fd, number, cloexec);
	pthread_mutex_unlock(&slot->lock);
	return result == -ESRCH ? FL_CALL_GONE : result;
}
