/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * named-netns.h - a network namespace that a client named by a descriptor.
 *
 * An open descriptor keeps its namespace alive, and what asks for it may queue for long, also after
 * its client has gone. So what the descriptor means is found out as soon as its sender is known to be
 * allowed to change things, on an errand thread, and the descriptor is closed: if the namespace dies
 * while the request waits, whatever is in it comes home at once.
 */
#ifndef FL_SERVER_NAMED_NETNS_H
#define FL_SERVER_NAMED_NETNS_H

#include <stdbool.h>

struct fl_named_netns;
struct fl_netns;
struct fl_server;
struct fl_session;

/* One reference; takes over fd, a file of nsfs. NULL: out of memory, and fd is closed. */
struct fl_named_netns *fl_named_netns_new(struct fl_server *server, int fd);
struct fl_named_netns *fl_named_netns_get(struct fl_named_netns *named); /* NULL is fine */
void fl_named_netns_put(struct fl_named_netns *named);			 /* NULL is fine */

/* Begins to find it out. May be called again. Context: the session's I/O thread. */
void fl_named_netns_begin(struct fl_named_netns *named);
/* Begins if that was not done, and waits: true once it is known; false: the session is away, and
 * works on the same packet again when it is. Context: as above. */
bool fl_named_netns_await(struct fl_named_netns *named, struct fl_session *session);
/* What was found, borrowed; NULL: not to be found, for the reason *ret_err (fl_netns_resolve_fd()). */
struct fl_netns *fl_named_netns_found(const struct fl_named_netns *named, int *ret_err);

#endif
