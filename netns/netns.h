/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netns.h - the identity, life and death of real network namespaces.
 *
 * A struct fl_netns stands for one kernel namespace, known by its cookie (SO_NETNS_COOKIE,
 * never reused; inode numbers are). It holds no descriptor of the namespace and so never
 * keeps it alive. It carries what is kept per namespace: the index of the instances in
 * it, and the log of notifications that its subscribers read.
 *
 * Rules of struct fl_netns:
 * 1. cookie never changes.
 * 2. instances: read under RCU; written under its index lock.
 * 3. dead, nsid: atomic. dead is set once, when the kernel has told that the namespace is gone.
 * 4. Counted; a reference keeps the memory, not the kernel's namespace.
 * 5. watch_id: atomic; set once. The links and `learnt` are written under the table's
 *    lock and read under RCU; resync is the watcher's.
 *
 * Clauses, which the tests cite:
 *  N1  A namespace that was resolved, and that somebody still references, is reported to
 *      on_death exactly once after it is gone, and never before, whatever ids the kernel
 *      reuses and whatever notices are lost.
 *  N2  No call leaves a descriptor or a socket behind that keeps a namespace alive.
 *  N3  All references to one live namespace are to one struct.
 */
#ifndef FL_NETNS_NETNS_H
#define FL_NETNS_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/pmap.h"
#include "base/rcu.h"
#include "lane/lane.h"

struct fl_evlog;
struct fl_netns_table;

#define FL_NSID_NONE (-1) /* NETNSA_NSID_NOT_ASSIGNED */

struct fl_netns {
	uint64_t cookie;
	int refs;
	int dead;
	int nsid; /* its id in the plane's own namespace, or FL_NSID_NONE */
	struct fl_evlog *log;
	struct fl_lock index_lock;
	struct fl_pmap_node *instances; /* by instance index; core/'s */
	struct fl_netns_table *table;
	/* The rest is netns/'s own. */
	uint32_t watch_id; /* its id in the watch namespace; 0: not watched */
	uint32_t resync;
	struct fl_netns *next_cookie, *next_watch; /* in the table's chains */
	struct fl_netns_learnt *learnt;
	unsigned int learnts;
	struct fl_rcu_head rcu;
};

struct fl_netns_config {
	size_t log_bytes; /* bound of each namespace's log; 0: 4 MiB */
	int watch_rcvbuf; /* of the socket with the notices of death; 0: 4 MiB. Tests lose some */
	/* Called once when a namespace in which something may be is gone. Context: the
	 * watcher thread, no lane, no lock; must not block: it posts operations. */
	void (*on_death)(struct fl_netns *ns, void *arg);
	/* Called after notifications were appended to ns's log. Context: any; must not block. */
	void (*on_events)(struct fl_netns *ns, void *arg);
	void *arg;
};

/* Starts watching. The calling thread's namespace is the initial one. Works without
 * privilege too: then fl_netns_can_move() says why moves are impossible.
 * Returns 0 or a negative errno. */
int fl_netns_table_new(struct fl_sched *sched, const struct fl_netns_config *config,
		       struct fl_netns_table **ret_table);
void fl_netns_table_free(struct fl_netns_table *table);

/* NULL if namespaces can be told apart and watched, else a sentence for the user. */
const char *fl_netns_cannot_move(const struct fl_netns_table *table);

struct fl_netns *fl_netns_initial(struct fl_netns_table *table); /* borrowed */

/* The namespace with that cookie, made if it is not known yet. NULL: out of memory. */
struct fl_netns *fl_netns_get_by_cookie(struct fl_netns_table *table, uint64_t cookie);
/* For drivers too: core/driver.h. */
__attribute__((visibility("default"))) struct fl_netns *fl_netns_get(struct fl_netns *ns);
/* NULL is fine. Context: any, also under a leaf lock; what is last is freed later. For drivers
 * too. */
__attribute__((visibility("default"))) void fl_netns_put(struct fl_netns *ns);

/* Finds the namespace that the open file `fd` (nsfs) means and makes its death known:
 * gives it an nsid in the initial namespace if it has none. The descriptor stays the
 * caller's. Returns 0; -EINVAL (no network namespace); -EPERM (this process may not
 * enter it), -EOPNOTSUPP (the kernel tells no cookies), -ENOMEM, -EMFILE and the like.
 * Context: a thread whose namespace is the initial one; blocks: fl_op_block(). */
int fl_netns_resolve_fd(struct fl_netns_table *table, int fd, struct fl_netns **ret_ns);
/* The same for an nsid as the namespace `asker` counts them. -ENOENT if there is none, or
 * if nothing below /run/netns or /proc leads to it. asker has been resolved, or is initial. */
int fl_netns_resolve_id(struct fl_netns_table *table, struct fl_netns *asker, int nsid,
			struct fl_netns **ret_ns);

/* The id of ns as `asker` counts, from what was learnt so far; FL_NSID_NONE if none.
 * Context: any; does not block. */
int fl_netns_id_in(const struct fl_netns *ns, const struct fl_netns *asker);

/* Makes fl_netns_id_in(ns, asker) known if it can be: as the kernel does when it names one
 * namespace in another, it gives ns an id there if it has none. Context: blocks. */
void fl_netns_learn_id(struct fl_netns *ns, struct fl_netns *asker);

bool fl_netns_dead(const struct fl_netns *ns);
/* The same, ordered with the announcement: either this is true, or what the caller stored
 * before is seen by on_death. (Both sides modify `dead`, so one comes after the other and
 * synchronizes with it.) */
bool fl_netns_dead_now(struct fl_netns *ns);

#endif
