/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-private.h - the server itself.
 *
 * Rules of struct fl_server:
 * 1. plane, config, ios, io_count, errands, nsfs_dev, nsfs_ino: never change after the start.
 * 2. feeds: read under RCU, written under feed_lock. portids: has its own lock.
 * 3. sessions, accepted, refused, next_io: atomic.
 * 4. reserve_fd: I/O thread 0's, which accepts.
 */
#ifndef FL_SERVER_SERVER_PRIVATE_H
#define FL_SERVER_SERVER_PRIVATE_H

#include "base/lock.h"
#include "server/cancel.h"
#include "server/inspect.h"
#include "server/io.h"
#include "server/port-id.h"
#include "server/server.h"

struct fl_server {
	struct fl_plane *plane;
	struct fl_server_config config;
	unsigned int io_count;
	struct fl_io **ios;
	struct fl_errands *errands;
	struct fl_inspect_quota inspect;
	struct fl_cancel_quota cancel;
	struct fl_portid_table portids;
	struct fl_lock feed_lock;
	struct fl_pmap_node *feeds; /* by the namespace's cookie */
	unsigned int sessions;
	unsigned int next_io;
	uint64_t accepted, refused;
	int reserve_fd; /* given up for a moment to refuse a client when none are left */
	uint64_t nsfs_dev; /* the device of namespace files */
};

/* Accepts who waits, up to a bound. Context: I/O thread 0. */
void fl_server_accept(struct fl_server *server);

#endif
