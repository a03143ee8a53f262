/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netns-private.h - what the files of netns/ share. */
#ifndef FL_NETNS_NETNS_PRIVATE_H
#define FL_NETNS_NETNS_PRIVATE_H

#include <pthread.h>

#include "base/lock.h"
#include "netns/netns.h"
#include "netns/place.h"

#define FL_NETNS_BUCKETS 4096
#define FL_NETNS_IDLE_SOCKS 8

/*
 * Rules of struct fl_netns_table:
 * 1. config, place, initial, watcher and stop_fd never change after new().
 * 2. by_cookie, by_watch and the chains: written under lock, read under RCU. An entry
 *    whose count is 0 may still be in them: fl_netns_try_get() decides.
 * 3. next_watch_id, refs, stopped: atomic. idle: under lock.
 */
struct fl_netns_table {
	struct fl_netns_config config;
	struct fl_place place;
	struct fl_netns *initial;
	pthread_t watcher;
	int stop_fd;
	int stopped; /* no callback any more */
	int refs;    /* of the table's memory: its owner, and each entry */
	uint32_t next_watch_id;
	struct fl_lock lock;
	int idle[FL_NETNS_IDLE_SOCKS]; /* sockets in the watch namespace, to ask with */
	unsigned int idles;
	struct fl_netns *by_cookie[FL_NETNS_BUCKETS];
	struct fl_netns *by_watch[FL_NETNS_BUCKETS];
};

struct fl_netns_learnt {
	struct fl_rcu_head rcu;
	struct fl_netns_learnt *next;
	uint64_t asker;
	int nsid;
};

/* A reference if there is one left to have. Context: RCU read section, or referenced. */
bool fl_netns_try_get(struct fl_netns *ns);

/* The watched namespace with that id in the watch namespace, or NULL. */
struct fl_netns *fl_netns_get_by_watch(struct fl_netns_table *table, int watch_id);

/* Makes ns the one with that id, once. Context: something keeps the namespace alive. */
void fl_netns_set_watch(struct fl_netns *ns, int watch_id);
uint32_t fl_netns_watch_id(const struct fl_netns *ns);

void fl_netns_table_get(struct fl_netns_table *table);
void fl_netns_table_put(struct fl_netns_table *table);

/* The watcher: starts if there is a watch namespace. Context: may block. */
int fl_watch_start(struct fl_netns_table *table);
void fl_watch_stop(struct fl_netns_table *table);

/* A socket in the watch namespace, or a negative errno; and its return. */
int fl_netns_ask_begin(struct fl_netns_table *table);
void fl_netns_ask_end(struct fl_netns_table *table, int sock);

/* Opens one namespace after another that /run/netns and /proc lead to, until match says
 * yes. Returns its descriptor, -ENOENT, or another negative errno. Context: blocks. */
int fl_netns_search(struct fl_netns_table *table, bool (*match)(int fd, void *arg), void *arg);

#endif
