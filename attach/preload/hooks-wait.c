// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * hooks-wait.c - the hooked functions that ask whether something is there.
 *
 * They work on our descriptors as they are. Only who asks without waiting must find what
 * a kernel would have put there during send(): if nothing is ready and an answer may be
 * under way, it is waited for, and the question asked once more.
 */
#include <errno.h>

#include "attach/preload/hooks.h"
#include "attach/preload/shim.h"

static bool is_zero(const struct timespec *timeout)
{
	return timeout && !timeout->tv_sec && !timeout->tv_nsec;
}

static bool sync_fd(int fd)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	return bits & FL_NLSOCK_UNSYNCED && fl_nlsock_sync(&sock);
}

static bool sync_poll(const struct pollfd *fds, nfds_t count)
{
	bool synced = false;

	if (shim_fd_last_unsynced() < 0)
		return false;
	for (nfds_t i = 0; i < count; i++)
		if (fds[i].fd >= 0 && (fds[i].events & POLLIN))
			synced |= sync_fd(fds[i].fd);
	return synced;
}

static bool sync_set(int count, const fd_set *set)
{
	bool synced = false;

	if (!set || shim_fd_last_unsynced() < 0)
		return false;
	for (int fd = 0; fd < count; fd++)
		if (FD_ISSET(fd, set))
			synced |= sync_fd(fd);
	return synced;
}

/* What an epoll watches cannot be asked; the socket that sent last is the likely one. */
static bool sync_last(void)
{
	int fd = shim_fd_last_unsynced();

	return fd >= 0 && sync_fd(fd);
}

SHIM_EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready = shim_real()->poll(fds, count, timeout);

	if (!ready && !timeout && sync_poll(fds, count))
		ready = shim_real()->poll(fds, count, 0);
	return ready;
}

SHIM_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		      const sigset_t *sigmask)
{
	int ready = shim_real()->ppoll(fds, count, timeout, sigmask);

	if (!ready && is_zero(timeout) && sync_poll(fds, count))
		ready = shim_real()->ppoll(fds, count, timeout, sigmask);
	return ready;
}

SHIM_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
	int ready = shim_real()->__poll_chk(fds, count, timeout, size);

	if (!ready && !timeout && sync_poll(fds, count))
		ready = shim_real()->poll(fds, count, 0);
	return ready;
}

SHIM_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
			    const sigset_t *sigmask, size_t size)
{
	int ready = shim_real()->__ppoll_chk(fds, count, timeout, sigmask, size);

	if (!ready && is_zero(timeout) && sync_poll(fds, count))
		ready = shim_real()->ppoll(fds, count, timeout, sigmask);
	return ready;
}

/* select() clears its sets when nothing is ready; so the question is kept. The sets may
 * be larger than an fd_set, but those that a question without waiting needs are not. */
struct question {
	fd_set sets[3];
	bool asked;
};

static void keep(struct question *q, int count, fd_set *r, fd_set *w, fd_set *e)
{
	q->asked = r && count <= FD_SETSIZE && shim_fd_last_unsynced() >= 0;
	if (!q->asked)
		return;
	q->sets[0] = *r;
	if (w)
		q->sets[1] = *w;
	if (e)
		q->sets[2] = *e;
}

static bool ask_again(const struct question *q, int count, fd_set *r, fd_set *w, fd_set *e)
{
	if (!q->asked || !sync_set(count, &q->sets[0]))
		return false;
	*r = q->sets[0];
	if (w)
		*w = q->sets[1];
	if (e)
		*e = q->sets[2];
	return true;
}

SHIM_EXPORT int select(int count, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
	struct question q = { .asked = false };

	if (timeout && !timeout->tv_sec && !timeout->tv_usec)
		keep(&q, count, r, w, e);
	int ready = shim_real()->select(count, r, w, e, timeout);
	if (!ready && ask_again(&q, count, r, w, e))
		ready = shim_real()->select(count, r, w, e, timeout);
	return ready;
}

SHIM_EXPORT int pselect(int count, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout,
			const sigset_t *sigmask)
{
	struct question q = { .asked = false };

	if (is_zero(timeout))
		keep(&q, count, r, w, e);
	int ready = shim_real()->pselect(count, r, w, e, timeout, sigmask);
	if (!ready && ask_again(&q, count, r, w, e))
		ready = shim_real()->pselect(count, r, w, e, timeout, sigmask);
	return ready;
}

SHIM_EXPORT int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	int ready = shim_real()->epoll_wait(epfd, events, max, timeout);

	if (!ready && !timeout && sync_last())
		ready = shim_real()->epoll_wait(epfd, events, max, 0);
	return ready;
}

SHIM_EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout,
			    const sigset_t *sigmask)
{
	int ready = shim_real()->epoll_pwait(epfd, events, max, timeout, sigmask);

	if (!ready && !timeout && sync_last())
		ready = shim_real()->epoll_pwait(epfd, events, max, 0, sigmask);
	return ready;
}

SHIM_EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int max,
			     const struct timespec *timeout, const sigset_t *sigmask)
{
	int ready = shim_real()->epoll_pwait2(epfd, events, max, timeout, sigmask);

	if (!ready && is_zero(timeout) && sync_last())
		ready = shim_real()->epoll_pwait2(epfd, events, max, timeout, sigmask);
	return ready;
}
