/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place.h - the two namespaces that the plane itself keeps open, and visits to others.
 *
 * Home is the initial namespace: every thread of the plane is in it. The watch namespace
 * is one of our own, with nothing in it: in it, and nowhere else, each namespace of
 * interest gets an id that we choose and never choose again, so that the kernel's notice
 * of an end ("id 17 is gone") can mean one namespace only. In the initial namespace ids
 * are reused at once, and the notice of the old owner's end may come after that of the
 * new owner's id.
 *
 * Rules of struct fl_place: nothing changes after init.
 */
#ifndef FL_NETNS_PLACE_H
#define FL_NETNS_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FL_WATCH_ID_HOME 1 /* the initial namespace's id in the watch namespace */

struct fl_place {
	int home_fd;
	dev_t home_dev;
	ino_t home_ino;
	uint64_t home_cookie;
	int watch_fd;	  /* -1: there is none */
	int event_sock;	  /* in the watch namespace: notices of an end */
	int resync_sock;  /* in it too: the watcher's own questions */
	int cannot_err;	  /* why there is none, */
	char cannot[160]; /* as a sentence */
};

/* Returns 0 (also without a watch namespace) or a negative errno. Context: blocks. */
int fl_place_init(struct fl_place *place, int watch_rcvbuf);
void fl_place_done(struct fl_place *place);

/* Whether fd is a network namespace (0 or -EINVAL), and whether it is the initial one. */
int fl_place_check(const struct fl_place *place, int fd, bool *ret_home);

/* Enters the namespace fd, calls fn there, and comes back, or stops the program if that
 * fails. Returns fn's result or a negative errno. Context: a thread at home; blocks. */
int fl_place_visit(const struct fl_place *place, int fd, int (*fn)(void *arg), void *arg);

/* The cookie of the namespace fd. -EOPNOTSUPP: the kernel tells none. */
int fl_place_cookie(const struct fl_place *place, int fd, uint64_t *ret_cookie);

/* An rtnetlink socket in the namespace fd, or a negative errno. */
int fl_place_socket(const struct fl_place *place, int fd);

#endif
