/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netns/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/lock.h"
#include "base/thread.h"
#include "netns/netns.h"
#include "netns/nsid.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define OWN_NETNS "/proc/thread-self/ns/net"
#define EVENT_BYTES (4 << 20)

static void cannot(struct fl_place *place, int err, const char *text)
{
	place->cannot_err = err;
	snprintf(place->cannot, sizeof(place->cannot), "%s: %s", text, strerror(-err));
}

/* The cookie of the calling thread's namespace. The socket is of a kind that the kernel
 * frees at once, so that it does not hold the namespace a moment longer. */
static int own_cookie(void *arg)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (sock < 0)
		return -errno;
	if (getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		err = errno == ENOPROTOOPT ? -EOPNOTSUPP : -errno;
	close(sock);
	if (!err)
		*(uint64_t *)arg = cookie;
	return err;
}

static int own_socket(void *arg)
{
	return fl_nsid_socket();
}

int fl_place_check(const struct fl_place *place, int fd, bool *ret_home)
{
	struct stat st;

	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET || fstat(fd, &st))
		return -EINVAL;
	/* Home is open, so nobody else can have its inode number. */
	*ret_home = st.st_dev == place->home_dev && st.st_ino == place->home_ino;
	return 0;
}

int fl_place_visit(const struct fl_place *place, int fd, int (*fn)(void *arg), void *arg)
{
	int ret;

	fl_assert_may_block("a visit to a network namespace");
	if (setns(fd, CLONE_NEWNET))
		return -errno;
	ret = fn(arg);
	if (setns(place->home_fd, CLONE_NEWNET))
		fl_breach("threads stay at home", "cannot return to the initial namespace: %s",
			  strerror(errno));
	return ret;
}

int fl_place_cookie(const struct fl_place *place, int fd, uint64_t *ret_cookie)
{
	return fl_place_visit(place, fd, own_cookie, ret_cookie);
}

int fl_place_socket(const struct fl_place *place, int fd)
{
	return fl_place_visit(place, fd, own_socket, NULL);
}

/* ---- the watch namespace ---------------------------------------------------------- */

static int event_socket(int rcvbuf)
{
	int sock = fl_nsid_socket(), group = RTNLGRP_NSID, bytes = rcvbuf ? rcvbuf : EVENT_BYTES;
	int err;

	if (sock < 0)
		return sock;
	if ((setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) &&
	     setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes))) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))) {
		err = -errno;
		close(sock);
		return err;
	}
	return sock;
}

/* Opens what the plane needs in the namespace that the thread has just made. */
static int open_watch(struct fl_place *place, int rcvbuf)
{
	int nsid, err;

	place->watch_fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (place->watch_fd < 0)
		return -errno;
	place->event_sock = event_socket(rcvbuf);
	if (place->event_sock < 0)
		return place->event_sock;
	place->resync_sock = fl_nsid_socket();
	if (place->resync_sock < 0)
		return place->resync_sock;
	err = fl_nsid_assign(place->resync_sock, place->home_fd, FL_WATCH_ID_HOME);
	if (err)
		return err;
	/* Needs the right to change things at home, as giving ids there does. */
	return fl_nsid_in(place->resync_sock, FL_WATCH_ID_HOME, FL_WATCH_ID_HOME, &nsid);
}

struct watch_start {
	struct fl_place *place;
	int rcvbuf;
};

/* Runs on a thread of its own: if there is no way back home, the thread just ends. */
static void *make_watch(void *arg)
{
	struct watch_start *start = arg;
	struct fl_place *place = start->place;
	int err;

	if (unshare(CLONE_NEWNET)) {
		cannot(place, -errno,
		       "this process may not make or enter network namespaces (it needs "
		       "CAP_SYS_ADMIN)");
		return NULL;
	}
	err = open_watch(place, start->rcvbuf);
	if (err)
		cannot(place, err,
		       "this process may not give ids to network namespaces (it needs "
		       "CAP_NET_ADMIN)");
	else if (setns(place->home_fd, CLONE_NEWNET))
		cannot(place, -errno,
		       "this process cannot return to its network namespace, which belongs to "
		       "another user namespace");
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_watch(struct fl_place *place)
{
	close_fd(&place->event_sock);
	close_fd(&place->resync_sock);
	close_fd(&place->watch_fd);
}

static int init_home(struct fl_place *place)
{
	struct stat st;

	place->home_fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (place->home_fd < 0 || fstat(place->home_fd, &st))
		return -errno;
	place->home_dev = st.st_dev;
	place->home_ino = st.st_ino;
	return own_cookie(&place->home_cookie);
}

int fl_place_init(struct fl_place *place, int watch_rcvbuf)
{
	struct watch_start start = { .place = place, .rcvbuf = watch_rcvbuf };
	pthread_t thread;
	int err;

	fl_assert_may_block("making the watch namespace");
	*place = (struct fl_place){
		.home_fd = -1, .watch_fd = -1, .event_sock = -1, .resync_sock = -1
	};
	err = init_home(place);
	if (err == -EOPNOTSUPP) {
		/* Everything is home then: one namespace, and no way to tell another. */
		cannot(place, err, "this kernel tells no namespace cookies");
		return 0;
	}
	if (!err)
		err = fl_thread_start(&thread, "fl-netns-make", 0, make_watch, &start);
	if (err) {
		fl_place_done(place);
		return err;
	}
	pthread_join(thread, NULL);
	if (place->cannot_err)
		close_watch(place);
	return 0;
}

void fl_place_done(struct fl_place *place)
{
	close_watch(place);
	close_fd(&place->home_fd);
}
