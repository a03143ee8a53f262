/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port-id.h - the port ids of netlink sockets: unique within a namespace. */
#ifndef FL_SERVER_PORT_ID_H
#define FL_SERVER_PORT_ID_H

#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"

struct fl_session;

struct fl_portid_table {
	struct fl_lock lock;
	int32_t rover;
	size_t mask;
	struct fl_session **buckets;
};

int fl_portid_table_init(struct fl_portid_table *table, unsigned int max_sessions);
void fl_portid_table_done(struct fl_portid_table *table);

/* Gives the session the port id `portid`, or, if that is 0, one of the plane's choice: its
 * process id if that is free, else a negative one. Returns 0; -EADDRINUSE; -EINVAL (it
 * has another). Context: the session's I/O thread. */
int fl_portid_bind(struct fl_session *session, uint32_t portid);
/* Chooses one if the session has none yet. */
void fl_portid_autobind(struct fl_session *session);
void fl_portid_release(struct fl_session *session);

#endif
