/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dump.h - one dump of a session, continued as its client reads.
 *
 * A dump is sent in datagrams no larger than the client's receive buffer has shown itself
 * to be. Only a few are in the socket ahead of the reader: a client that does not read
 * costs what its socket holds, and its dump waits.
 */
#ifndef FL_SERVER_DUMP_H
#define FL_SERVER_DUMP_H

#include <stdbool.h>

#include <linux/netlink.h>

#include "core/req.h"
#include "server/io.h"

struct fl_session;

/* The largest datagram, whatever the client could take. */
#define FL_DUMP_DATAGRAM_MAX FL_IO_DATAGRAM_MAX

/* Begins a dump that nlh asks for and sends its first datagram. Returns 0, or a negative
 * errno to be acknowledged: -EBUSY (one is going on), the parser's, -ENOMEM. cmd and
 * command are NULL for a dump of nlctrl. */
int fl_dump_begin(struct fl_session *session, const struct nlmsghdr *nlh, const struct fl_cmd *cmd,
		  const struct fl_command *command, struct fl_extack *extack);

bool fl_dump_active(const struct fl_session *session);
/* The same, and what comes next does not wait for an operation. */
bool fl_dump_sending(const struct fl_session *session);

/* Sends datagrams while there is room. Returns 0 (over), 1 (the turn's share is used up),
 * -EAGAIN (the session waits for room), -EINPROGRESS (the session will be run again). */
int fl_dump_continue(struct fl_session *session);

void fl_dump_free(struct fl_session *session);

#endif
