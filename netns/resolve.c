/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resolve.c - from what a client says to a namespace, and what one calls another.
 *
 * All questions are asked from the watch namespace: there every namespace of interest
 * has an id, and the kernel translates it to the id that any of them uses for another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "netns/netns-private.h"
#include "netns/nsid.h"

/* Pairs that one namespace keeps. A pair is learnt again when it is asked for again. */
#define LEARNT_MAX 64

int fl_netns_ask_begin(struct fl_netns_table *table)
{
	int sock = -1;

	fl_lock_take(&table->lock);
	if (table->idles)
		sock = table->idle[--table->idles];
	fl_lock_drop(&table->lock);
	return sock >= 0 ? sock : fl_place_socket(&table->place, table->place.watch_fd);
}

void fl_netns_ask_end(struct fl_netns_table *table, int sock)
{
	if (sock < 0)
		return;
	fl_lock_take(&table->lock);
	if (table->idles < FL_NETNS_IDLE_SOCKS) {
		table->idle[table->idles++] = sock;
		sock = -1;
	}
	fl_lock_drop(&table->lock);
	if (sock >= 0)
		close(sock);
}

/* ---- descriptors ------------------------------------------------------------------- */

/* The id of fd in the watch namespace, given now if it had none. */
static int watch_id_of(struct fl_netns_table *table, int sock, int fd, int *ret_id)
{
	int id, err = fl_nsid_of_fd(sock, fd, &id);

	if (!err && id == FL_NSID_NONE) {
		id = (int)__atomic_fetch_add(&table->next_watch_id, 1, __ATOMIC_RELAXED);
		err = fl_nsid_assign(sock, fd, id);
		if (err == -EEXIST) /* by another thread, just now */
			err = fl_nsid_of_fd(sock, fd, &id);
	}
	if (!err)
		*ret_id = id;
	return err;
}

/* The id of fd at home, given now if it had none: clients map it to a name. */
static int home_id_of(int fd, int *ret_id)
{
	int sock = fl_nsid_socket(), err;

	if (sock < 0)
		return sock;
	err = fl_nsid_assign(sock, fd, FL_NSID_NONE);
	if (!err || err == -EEXIST)
		err = fl_nsid_of_fd(sock, fd, ret_id);
	close(sock);
	return err;
}

/* Context: fd keeps the namespace alive, so that what is found cannot be dead. */
static int resolve(struct fl_netns_table *table, int sock, int fd, struct fl_netns **ret_ns)
{
	int err, id, nsid;
	uint64_t cookie;
	struct fl_netns *ns;

	err = watch_id_of(table, sock, fd, &id);
	if (err)
		return err;
	ns = fl_netns_get_by_watch(table, id);
	if (!ns) {
		err = fl_place_cookie(&table->place, fd, &cookie);
		if (err)
			return err;
		ns = fl_netns_get_by_cookie(table, cookie);
		if (!ns)
			return -ENOMEM;
		fl_netns_set_watch(ns, id);
	}
	if (__atomic_load_n(&ns->nsid, __ATOMIC_RELAXED) == FL_NSID_NONE) {
		err = home_id_of(fd, &nsid);
		if (err) {
			fl_netns_put(ns);
			return err;
		}
		__atomic_store_n(&ns->nsid, nsid, __ATOMIC_RELAXED);
	}
	*ret_ns = ns;
	return 0;
}

int fl_netns_resolve_fd(struct fl_netns_table *table, int fd, struct fl_netns **ret_ns)
{
	bool home;
	int sock, err = fl_place_check(&table->place, fd, &home);

	if (err)
		return err;
	if (home) {
		*ret_ns = fl_netns_get(table->initial);
		return 0;
	}
	if (table->place.cannot_err)
		return table->place.cannot_err == -EOPNOTSUPP ? -EOPNOTSUPP : -EPERM;
	sock = fl_netns_ask_begin(table);
	if (sock < 0)
		return sock;
	err = resolve(table, sock, fd, ret_ns);
	fl_netns_ask_end(table, sock);
	return err;
}

/* ---- ids ----------------------------------------------------------------------------- */

struct id_match {
	int sock;
	int target; /* watch id of who counts, or FL_NSID_NONE: the watch namespace itself */
	int nsid;
	int own; /* found: the watch id of the one with that nsid */
	bool found;
};

static bool match_walked(int nsid, int own, void *arg)
{
	struct id_match *match = arg;

	match->found = nsid == match->nsid;
	match->own = own;
	return !match->found;
}

static bool match_fd(int fd, void *arg)
{
	const struct id_match *match = arg;
	int nsid;

	return !fl_nsid_of_fd_in(match->sock, fd, match->target, &nsid) && nsid == match->nsid;
}

/* Looks for a descriptor of the namespace that was matched, and resolves that. */
static int resolve_searched(struct fl_netns_table *table, struct id_match *match,
			    struct fl_netns **ret_ns)
{
	int fd = fl_netns_search(table, match_fd, match), err;

	if (fd < 0)
		return fd;
	err = fl_netns_resolve_fd(table, fd, ret_ns);
	close(fd);
	return err;
}

int fl_netns_resolve_id(struct fl_netns_table *table, struct fl_netns *asker, int nsid,
			struct fl_netns **ret_ns)
{
	struct id_match match = { .target = (int)fl_netns_watch_id(asker), .nsid = nsid };
	struct fl_netns *ns;
	int err;

	if (nsid < 0 || !match.target)
		return -ENOENT;
	if (table->place.cannot_err)
		return table->place.cannot_err == -EOPNOTSUPP ? -EOPNOTSUPP : -EPERM;
	match.sock = fl_netns_ask_begin(table);
	if (match.sock < 0)
		return match.sock;
	err = fl_nsid_walk(match.sock, match.target, match_walked, &match);
	if (err)
		goto out_ask;
	/* What the list lacks may be there all the same: see resync() in watch.c. */
	ns = match.found ? fl_netns_get_by_watch(table, match.own) : NULL;
	if (!ns)
		err = resolve_searched(table, &match, ret_ns);
	else if (fl_netns_dead(ns))
		err = -ENOENT;
	if (!err && ns)
		*ret_ns = ns;
	else
		fl_netns_put(ns);
out_ask:
	fl_netns_ask_end(table, match.sock);
	return err;
}

/* ---- pairs --------------------------------------------------------------------------- */

static struct fl_netns_learnt *find_learnt(const struct fl_netns *ns, uint64_t asker)
{
	struct fl_netns_learnt *learnt = fl_rcu_deref(ns->learnt);

	while (learnt && learnt->asker != asker)
		learnt = fl_rcu_deref(learnt->next);
	return learnt;
}

int fl_netns_id_in(const struct fl_netns *ns, const struct fl_netns *asker)
{
	const struct fl_netns_learnt *learnt;
	int nsid;

	if (asker == asker->table->initial)
		return __atomic_load_n(&ns->nsid, __ATOMIC_RELAXED);
	fl_rcu_read_lock();
	learnt = find_learnt(ns, asker->cookie);
	nsid = learnt ? learnt->nsid : FL_NSID_NONE;
	fl_rcu_read_unlock();
	return nsid;
}

static void learnt_free_rcu(struct fl_rcu_head *head)
{
	free(FL_CONTAINER_OF(head, struct fl_netns_learnt, rcu));
}

/* Takes out the pair that was learnt first. Context: the table's lock. */
static struct fl_netns_learnt *forget_oldest(struct fl_netns *ns)
{
	struct fl_netns_learnt **at = &ns->learnt, *oldest;

	while ((*at)->next)
		at = &(*at)->next;
	oldest = *at;
	fl_rcu_assign(*at, NULL);
	ns->learnts--;
	return oldest;
}

static void learn(struct fl_netns *ns, const struct fl_netns *asker, int nsid)
{
	struct fl_netns_learnt *learnt = calloc(1, sizeof(*learnt)), *forgotten = NULL;

	if (!learnt)
		return; /* it can be learnt another time */
	learnt->asker = asker->cookie;
	learnt->nsid = nsid;
	fl_lock_take(&ns->table->lock);
	if (find_learnt(ns, asker->cookie)) {
		fl_lock_drop(&ns->table->lock);
		free(learnt);
		return;
	}
	if (ns->learnts == LEARNT_MAX)
		forgotten = forget_oldest(ns);
	learnt->next = ns->learnt;
	fl_rcu_assign(ns->learnt, learnt);
	ns->learnts++;
	fl_lock_drop(&ns->table->lock);
	if (forgotten)
		fl_rcu_call(&forgotten->rcu, learnt_free_rcu);
}

/* A descriptor of ns, from wherever one can be had. */
static int open_again(struct fl_netns_table *table, int sock, const struct fl_netns *ns)
{
	struct id_match match = { .sock = sock,
				  .target = FL_NSID_NONE,
				  .nsid = (int)fl_netns_watch_id(ns) };

	if (ns == table->initial)
		return dup(table->place.home_fd);
	return fl_netns_search(table, match_fd, &match);
}

/* Gives ns an id in asker, as the kernel would when it names one in the other. */
static void assign_in(struct fl_netns_table *table, int sock, struct fl_netns *ns,
		      struct fl_netns *asker)
{
	int asker_fd = open_again(table, sock, asker), ns_fd = -1, there;

	if (asker_fd < 0)
		return;
	ns_fd = open_again(table, sock, ns);
	if (ns_fd < 0)
		goto out_asker;
	there = fl_place_socket(&table->place, asker_fd);
	if (there >= 0) {
		fl_nsid_assign(there, ns_fd, FL_NSID_NONE);
		close(there);
	}
	close(ns_fd);
out_asker:
	close(asker_fd);
}

void fl_netns_learn_id(struct fl_netns *ns, struct fl_netns *asker)
{
	struct fl_netns_table *table = ns->table;
	int id = (int)fl_netns_watch_id(ns), target = (int)fl_netns_watch_id(asker);
	int sock, nsid = FL_NSID_NONE;

	if (ns == asker || !id || !target || table->place.cannot_err ||
	    fl_netns_id_in(ns, asker) != FL_NSID_NONE)
		return;
	sock = fl_netns_ask_begin(table);
	if (sock < 0)
		return;
	if (!fl_nsid_in(sock, id, target, &nsid) && nsid == FL_NSID_NONE) {
		assign_in(table, sock, ns, asker);
		(void)fl_nsid_in(sock, id, target, &nsid);
	}
	fl_netns_ask_end(table, sock);
	if (nsid != FL_NSID_NONE && asker != table->initial)
		learn(ns, asker, nsid);
}
