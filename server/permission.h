/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * permission.h - who may change things.
 *
 * In a private plane: its owner, and root. Else whoever has CAP_NET_ADMIN in the plane's
 * own user namespace, which is looked up in /proc once per session, when first needed, on
 * a thread of its own. A connection tells the uid of who made it, not its capabilities;
 * so a process that may have gained them afterwards by an exec is refused:
 *  S6  Permission is given only if the process of the peer's pid was there when the
 *      connection was accepted, has the uid that connected, and, unless that is root,
 *      has not been made undumpable (as a program with privileges of its own is).
 * A connection on behalf of another process (FL_WIRE_FOR) gives what both may: that process
 * is looked up in the same way, in a private plane too, and twice:
 *  S7  It must have been allowed already when it was named, and still be the same process
 *      with the same user when it first changes something: an exec gains nothing for those
 *      who share its socket, and nobody inherits its id.
 */
#ifndef FL_SERVER_PERMISSION_H
#define FL_SERVER_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fl_server;
struct fl_session;

enum fl_permission { FL_PERMISSION_UNKNOWN, FL_PERMISSION_DENIED, FL_PERMISSION_ADMIN };

/* Work that is not for an I/O thread: on one of the errand threads. */
struct fl_errand {
	struct fl_errand *next;
	void (*run)(struct fl_errand *errand);
};

/* On whose behalf a peer is connected. */
struct fl_behalf {
	pid_t pid; /* 0: its own; -1: of somebody who has gone */
	uid_t uid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
};

/* What is known about the session, or can be told at once. */
enum fl_permission fl_permission_known(const struct fl_session *session);

/* Finds out by /proc; to be run as an errand. Fills session->permission. */
void fl_permission_find(struct fl_session *session);

/* From now on the session is on behalf of the process `pid` of `pidfd`, too; to be run as an
 * errand. Returns 0; -ESRCH: it has gone, and the session may change nothing. */
int fl_permission_behalf(struct fl_session *session, pid_t pid, int pidfd);

/* The process of a pidfd, as this process sees it. -EBADF: it is none; -ESRCH: it has ended, or
 * cannot be seen from here. Reads what is this process's own in /proc. */
pid_t fl_pidfd_pid(int fd);

/* The errand threads. Errands never depend on another process. */
struct fl_errands;
int fl_errands_start(struct fl_errands **ret_errands);
void fl_errands_stop(struct fl_errands *errands); /* NULL is fine; all errands are done */
void fl_errands_post(struct fl_errands *errands, struct fl_errand *errand);

#endif
