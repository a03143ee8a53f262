/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output.h - what goes out to one client: notifications, answers, parts of dumps.
 *
 *  S4  An answer is sent after every notification that was in the log before it.
 *  S5  A client that does not read costs at most FL_SESSION_OUT_MAX bytes; then answers
 *      are lost, and it is told so once (FL_WIRE_OVERRUN). Nobody waits for it.
 */
#ifndef FL_SERVER_OUTPUT_H
#define FL_SERVER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct fl_session;

/* Sends up to FL_OUTPUT_ANSWERS datagrams, or keeps copies of those that find no room. */
#define FL_OUTPUT_ANSWERS 16
void fl_output_answer(struct fl_session *session, const struct iovec *datagrams, unsigned int count);

/* Sends what waits: notifications, kept answers. Returns 0 (nothing left), 1 (the turn's
 * share is used up), -EAGAIN (the socket is full: the session waits for it). */
int fl_output_flush(struct fl_session *session);

/* Sends the notifications that are in the log now. Returns as fl_output_flush(). */
int fl_output_notifications(struct fl_session *session);

/* Sends one datagram at once. Returns 0, -EAGAIN (full), or 0 too if the peer has gone. */
int fl_output_send(struct fl_session *session, const void *data, size_t len);

/* Asks epoll to tell when there is room again. */
void fl_output_want_room(struct fl_session *session);

/* Drops what waits. */
void fl_output_drop(struct fl_session *session);

#endif
