// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * wait.c - waiting for a datagram, until a signal for the program ends that.
 *
 * The filter asks for WAIT_KILLABLE_RECV: from the moment a call was handed over, the program
 * waits for the reply whatever signals come, but a kill. Else a reply that comes while a
 * signal wakes the program is thrown away unseen, and a call that the kernel then makes again
 * cannot be told from a new one. In the kernel too nothing of netlink ends by a signal but a
 * receive that waits. So here who waits looks every few milliseconds whether a signal is
 * pending, and then lets the kernel do what it does: run the handler, and make the call again
 * or fail with EINTR.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"
#include "base/util.h"

#define LOOK_MIN_MS 2
#define LOOK_MAX_MS 50
#define LOOKS_SHARED 4 /* of a signal that another thread may take, before it is ours */

#define BIT(signal) (1ULL << ((signal)-1))
#define STOPS (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

struct waiter {
	struct fl_call *call;
	int status; /* /proc/TID/status, open */
	unsigned int look_ms, shared;
	int64_t deadline; /* ns; 0: none */
};

static uint64_t mask_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 16) : 0;
}

/* Whether the wait has to end for a signal: 0, FL_CALL_RESTART, -EINTR, -ESRCH. */
static int look(struct waiter *w)
{
	char text[4096];
	ssize_t got = pread(w->status, text, sizeof(text) - 1, 0);
	uint64_t may, own, shared;
	const char *line;

	if (got <= 0)
		return -ESRCH;
	text[got] = 0;
	may = (mask_of(text, "\nSigCgt:") | (STOPS & ~mask_of(text, "\nSigIgn:"))) &
	      ~mask_of(text, "\nSigBlk:");
	may |= BIT(SIGSTOP);
	own = mask_of(text, "\nSigPnd:") & may;
	shared = mask_of(text, "\nShdPnd:") & may;
	line = strstr(text, "\nThreads:");
	if (own || (shared && (fl_target_tgid(w->call->target) == w->call->tid ||
			       (line && atoi(line + 9) == 1))))
		return FL_CALL_RESTART;
	/* The kernel may have chosen another thread, and only the chosen one may be told to
	 * restart; but if nobody takes it, it is to end some wait. */
	w->shared = shared ? w->shared + 1 : 0;
	return w->shared > LOOKS_SHARED ? -EINTR : 0;
}

/* ns until the next look; 0: the deadline has passed. */
static int64_t next_look(struct waiter *w)
{
	unsigned int workers = __atomic_load_n(&w->call->sup->total, __ATOMIC_RELAXED);
	int64_t ns = (int64_t)((w->look_ms + workers / 8) * FL_NS_PER_MS), left;

	w->look_ms = w->look_ms * 2 < LOOK_MAX_MS ? w->look_ms * 2 : LOOK_MAX_MS;
	if (!w->deadline)
		return ns;
	left = w->deadline - (int64_t)fl_now_ns();
	if (left <= 0)
		return 0;
	return left < ns ? left : ns;
}

static int wait_looking(struct waiter *w)
{
	struct pollfd fds[2] = { { w->call->fd, POLLIN, 0 },
				 { w->call->target->pidfd, POLLIN, 0 } };

	for (;;) {
		int64_t sleep_ns = next_look(w);
		struct timespec left = { sleep_ns / (int64_t)FL_NS_PER_S,
					 sleep_ns % (int64_t)FL_NS_PER_S };
		int got, err;

		if (!sleep_ns)
			return -EAGAIN;
		got = ppoll(fds, 2, &left, NULL);
		if (fds[1].revents || !fl_call_valid(w->call))
			return -ESRCH;
		if (got > 0)
			return 0;
		err = look(w);
		if (err)
			return err;
	}
}

static int64_t find_deadline(int fd)
{
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);

	if (getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &len) ||
	    (!timeout.tv_sec && !timeout.tv_usec))
		return 0;
	return (int64_t)(fl_now_ns() + (uint64_t)timeout.tv_sec * FL_NS_PER_S +
			 (uint64_t)timeout.tv_usec * FL_NS_PER_US);
}

int fl_call_wait_readable(struct fl_call *call, int64_t *deadline)
{
	struct waiter w = { .call = call, .look_ms = LOOK_MIN_MS };
	char path[32];
	int err;

	err = fl_worker_before_wait(call->worker);
	if (err)
		return err;
	if (*deadline < 0)
		*deadline = find_deadline(call->fd);
	w.deadline = *deadline;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)call->tid);
	w.status = open(path, O_RDONLY | O_CLOEXEC);
	if (w.status < 0)
		return errno == ENOENT || errno == ESRCH ? -ESRCH : -ENOBUFS;
	err = fl_call_valid(call) ? wait_looking(&w) : -ESRCH;
	close(w.status);
	/* A receive with a timeout is not made again. */
	return err == FL_CALL_RESTART && w.deadline ? -EINTR : err;
}
