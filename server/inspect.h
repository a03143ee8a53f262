/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inspect.h - the plane as JSON, for `finelink show`.
 *
 * Made on a thread of its own, of a small quota, because it may be large and because the
 * file it goes to is the client's.
 */
#ifndef FL_SERVER_INSPECT_H
#define FL_SERVER_INSPECT_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct fl_server;
struct fl_session;
struct fl_wire_reply;

#define FL_INSPECT_THREADS 4 /* being made at once; more are told EBUSY */
#define FL_INSPECT_FILE_THREADS 16 /* being made, written or closed, e.g. of a slow file */

struct fl_inspect_quota {
	sem_t making;
};
void fl_inspect_quota_init(struct fl_inspect_quota *quota);
/* Waits until nothing is being made; what is still being written needs no plane. */
void fl_inspect_quota_done(struct fl_inspect_quota *quota);

/* Works on session->packet, an FL_WIRE_INSPECT. True when done, with *reply: -EBUSY, -EBADF (not a
 * regular file), -EPERM, -EINVAL (nothing of that name); false while a part of it is away. */
bool fl_inspect_work(struct fl_session *session, struct fl_wire_reply *reply);

/* Closes a client's descriptor whose close may block. Context: any; does not block. */
void fl_inspect_dispose(int fd);

#endif
