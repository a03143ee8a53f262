/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cancel.h - telling an operation to stop, for `finelink cancel`.
 *
 * An operation is looked for by its number among all that there are. So that is done on a thread of
 * its own, of a small quota; those who may cancel only what is theirs have another, of one.
 */
#ifndef FL_SERVER_CANCEL_H
#define FL_SERVER_CANCEL_H

#include <semaphore.h>
#include <stdbool.h>

struct fl_session;
struct fl_wire_reply;

struct fl_cancel_quota {
	sem_t of_admins, of_others;
};
void fl_cancel_quota_init(struct fl_cancel_quota *quota);
/* Waits until nobody looks for an operation any more. */
void fl_cancel_quota_done(struct fl_cancel_quota *quota);

/* Works on session->packet, an FL_WIRE_CANCEL. True when done, with *reply: -ENOENT (no such
 * operation, any more), -EPERM (it is somebody else's), -EBUSY, -ENOMEM; false while it is away. */
bool fl_cancel_work(struct fl_session *session, struct fl_wire_reply *reply);

#endif
