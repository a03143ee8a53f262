/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * io.h - the threads that move bytes between clients and the plane.
 *
 * Each session belongs to one I/O thread, which alone touches it. Other threads reach it
 * only through the thread's inbox. Nothing here blocks but epoll_wait().
 *
 *  S1  A node posted to an inbox is run exactly once on the I/O thread, or fl_io_post()
 *      returned false: the thread is gone, and the poster owns the node again.
 *  S2  A post is never missed by a thread that goes to sleep: the sleeper announces
 *      itself before it looks at the inbox, the poster posts before it looks for sleepers.
 *  S3  A turn does a bounded amount of work for one session before the others get theirs.
 *
 * Rules of struct fl_io:
 * 1. inbox, asleep, stopping, refs, sessions, stats: atomic.
 * 2. server, epfd, evfd, index: never change after the start.
 * 3. everything else: the thread's own.
 */
#ifndef FL_SERVER_IO_H
#define FL_SERVER_IO_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/list.h>

#include "attach/wire.h"

struct fl_io;
struct fl_server;
struct fl_session;

struct fl_io_node {
	struct fl_io_node *next;
	void (*run)(struct fl_io *io, struct fl_io_node *node);
};

/* Counters that only the I/O thread adds to, and anybody reads. */
struct fl_io_stats {
	uint64_t requests, replies, replies_dropped, events, overruns, dumps, dump_datagrams, malformed;
};

#define FL_IO_STAT_ADD(io, name, n)                                                              \
	__atomic_store_n(&(io)->stats.name, (io)->stats.name + (n), __ATOMIC_RELAXED)

/* The largest datagram of a dump; fl_dump_bound() says how large one may be. */
#define FL_IO_DATAGRAM_MAX (256 * 1024)

struct fl_io {
	struct fl_io_node *inbox;
	int asleep;
	int stopping;
	int refs;
	unsigned int sessions;
	struct fl_io_stats stats;

	struct fl_server *server;
	int epfd, evfd;
	unsigned int index;
	pthread_t thread;

	struct cds_list_head all;   /* every session of this thread */
	struct cds_list_head ready; /* those that have more to do */
	bool closing;               /* the thread is about to end: no session goes on */

	/* Scratch, overwritten by each use. */
	unsigned char *ack;      /* an error message that repeats the request */
	unsigned char *datagram; /* FL_IO_DATAGRAM_MAX: one part of a dump */
	unsigned char *tail;     /* FL_WIRE_MSG_MAX + 1: what exceeds a session's own buffer */
};

/* Room for an NLMSG_ERROR that repeats the largest request, with its texts. */
#define FL_IO_ACK_MAX (FL_WIRE_MSG_MAX + 1024)

int fl_io_start(struct fl_server *server, unsigned int index, struct fl_io **ret_io);
/* Ends all sessions of the thread and the thread; the caller's reference stays. Requests that are
 * still executed keep one, too. NULL is fine. Context: may block; not from an I/O thread. */
void fl_io_stop(struct fl_io *io);

/* A reference keeps the memory and the inbox, not the thread. Context: any. */
struct fl_io *fl_io_get(struct fl_io *io);
void fl_io_put(struct fl_io *io);

/* Hands node to the I/O thread (S1, S2). The caller keeps io alive for the whole call.
 * Context: any thread; never blocks. */
bool fl_io_post(struct fl_io *io, struct fl_io_node *node);

/* Runs session again in this turn or the next. Context: the I/O thread. */
void fl_io_make_ready(struct fl_io *io, struct fl_session *session);

#endif
