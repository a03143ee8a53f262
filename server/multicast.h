/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * multicast.h - who hears which notifications.
 *
 * A feed joins one namespace's log with the sessions that subscribe in it. A commit
 * marks it dirty and wakes the I/O threads with subscribers; without subscribers that is
 * one lookup under RCU.
 *
 * Rules of struct fl_feed:
 * 1. key, ns: never change. subscribers: under the server's feed lock.
 * 2. refs, parts[].dirty, parts[].count: atomic.
 * 3. parts[i].sessions: I/O thread i's.
 * 4. Found under RCU; freed a grace period after the last reference.
 */
#ifndef FL_SERVER_MULTICAST_H
#define FL_SERVER_MULTICAST_H

#include "base/pmap.h"
#include "base/rcu.h"
#include "netns/evlog.h"
#include "netns/netns.h"
#include "server/io.h"

struct fl_session;
struct fl_wire_reply;

struct fl_feed_part {
	struct fl_io_node node;
	struct fl_feed *feed;
	int dirty;
	unsigned int count;
	struct cds_list_head sessions;
};

struct fl_feed {
	struct fl_netns *ns;
	int refs;
	unsigned int subscribers;
	unsigned int part_count;
	struct fl_rcu_head rcu;
	struct fl_feed_part parts[];
};

/* A session's place in its namespace's log. */
struct fl_subscription {
	struct fl_feed *feed; /* NULL: in no group */
	struct cds_list_head node;
	uint64_t position;
};

/* Of the plane: notifications were appended for ns. Context: any thread; does not block. */
void fl_multicast_on_events(struct fl_netns *ns, void *arg);

/* Makes the session a member of the groups in `groups` (bit n-1: group n), and of no
 * others. Returns 0 or -ENOMEM. Context: the session's I/O thread. */
int fl_multicast_set_groups(struct fl_session *session, uint64_t groups);

/* Whether the session is to hear rec: its group, and its filter. */
bool fl_multicast_wanted(const struct fl_session *session, const struct fl_evrec *rec);

/* The highest group number that a socket may join; the kernel has as many. */
#define FL_MULTICAST_GROUPS 64

#endif
