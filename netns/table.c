/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.c - the namespaces that somebody references, by cookie and by watch id.
 *
 * Chains rather than a map, because the last put must take an entry out without
 * allocating. It leaves that to RCU's thread, so that put may be called anywhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"
#include "netns/evlog.h"
#include "netns/netns-private.h"

#define LOG_BYTES (4 << 20)

static unsigned int bucket_of_cookie(uint64_t cookie)
{
	return fl_hash(&cookie, sizeof(cookie), 0) % FL_NETNS_BUCKETS;
}

static unsigned int bucket_of_watch(uint32_t watch_id)
{
	return watch_id % FL_NETNS_BUCKETS;
}

/* ---- references ------------------------------------------------------------------- */

struct fl_netns *fl_netns_get(struct fl_netns *ns)
{
	__atomic_add_fetch(&ns->refs, 1, __ATOMIC_RELAXED);
	return ns;
}

bool fl_netns_try_get(struct fl_netns *ns)
{
	int refs = __atomic_load_n(&ns->refs, __ATOMIC_RELAXED);

	while (refs > 0)
		if (__atomic_compare_exchange_n(&ns->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static void learnt_free(struct fl_netns_learnt *learnt)
{
	while (learnt) {
		struct fl_netns_learnt *next = learnt->next;

		free(learnt);
		learnt = next;
	}
}

static void netns_free(struct fl_netns *ns)
{
	fl_evlog_free(ns->log);
	fl_pmap_free(ns->instances);
	learnt_free(ns->learnt);
	fl_lock_done(&ns->index_lock);
	fl_netns_table_put(ns->table);
	free(ns);
}

static void free_rcu(struct fl_rcu_head *head)
{
	netns_free(FL_CONTAINER_OF(head, struct fl_netns, rcu));
}

static void unlink_cookie(struct fl_netns_table *table, struct fl_netns *ns)
{
	struct fl_netns **at = &table->by_cookie[bucket_of_cookie(ns->cookie)];

	while (*at != ns)
		at = &(*at)->next_cookie;
	fl_rcu_assign(*at, ns->next_cookie);
}

static void unlink_watch(struct fl_netns_table *table, struct fl_netns *ns)
{
	struct fl_netns **at = &table->by_watch[bucket_of_watch(ns->watch_id)];

	while (*at != ns)
		at = &(*at)->next_watch;
	fl_rcu_assign(*at, ns->next_watch);
}

static void unlink_rcu(struct fl_rcu_head *head)
{
	struct fl_netns *ns = FL_CONTAINER_OF(head, struct fl_netns, rcu);
	struct fl_netns_table *table = ns->table;

	fl_lock_take(&table->lock);
	unlink_cookie(table, ns);
	if (ns->watch_id)
		unlink_watch(table, ns);
	fl_lock_drop(&table->lock);
	fl_rcu_call(&ns->rcu, free_rcu);
}

void fl_netns_put(struct fl_netns *ns)
{
	if (ns && __atomic_sub_fetch(&ns->refs, 1, __ATOMIC_ACQ_REL) == 0)
		fl_rcu_call(&ns->rcu, unlink_rcu);
}

/* ---- finding ---------------------------------------------------------------------- */

static struct fl_netns *find_cookie(struct fl_netns_table *table, uint64_t cookie)
{
	struct fl_netns *ns = fl_rcu_deref(table->by_cookie[bucket_of_cookie(cookie)]);

	while (ns && (ns->cookie != cookie || !fl_netns_try_get(ns)))
		ns = fl_rcu_deref(ns->next_cookie);
	return ns;
}

struct fl_netns *fl_netns_get_by_watch(struct fl_netns_table *table, int watch_id)
{
	struct fl_netns *ns;

	if (watch_id <= 0)
		return NULL;
	fl_rcu_read_lock();
	ns = fl_rcu_deref(table->by_watch[bucket_of_watch((uint32_t)watch_id)]);
	while (ns && (ns->watch_id != (uint32_t)watch_id || !fl_netns_try_get(ns)))
		ns = fl_rcu_deref(ns->next_watch);
	fl_rcu_read_unlock();
	return ns;
}

static struct fl_netns *netns_new(struct fl_netns_table *table, uint64_t cookie)
{
	struct fl_netns *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return NULL;
	ns->log = fl_evlog_new(table->config.log_bytes ? table->config.log_bytes : LOG_BYTES);
	if (!ns->log) {
		free(ns);
		return NULL;
	}
	ns->cookie = cookie;
	ns->refs = 1;
	ns->nsid = FL_NSID_NONE;
	ns->table = table;
	fl_netns_table_get(table);
	fl_lock_init(&ns->index_lock, netns_index);
	return ns;
}

struct fl_netns *fl_netns_get_by_cookie(struct fl_netns_table *table, uint64_t cookie)
{
	struct fl_netns **bucket = &table->by_cookie[bucket_of_cookie(cookie)];
	struct fl_netns *ns, *made;

	fl_rcu_read_lock();
	ns = find_cookie(table, cookie);
	fl_rcu_read_unlock();
	if (ns)
		return ns;
	made = netns_new(table, cookie);
	if (!made)
		return NULL;
	fl_lock_take(&table->lock);
	ns = find_cookie(table, cookie);
	if (!ns) {
		made->next_cookie = *bucket;
		fl_rcu_assign(*bucket, made);
	}
	fl_lock_drop(&table->lock);
	if (!ns)
		return made;
	netns_free(made);
	return ns;
}

void fl_netns_set_watch(struct fl_netns *ns, int watch_id)
{
	struct fl_netns_table *table = ns->table;
	struct fl_netns **bucket = &table->by_watch[bucket_of_watch((uint32_t)watch_id)];

	fl_lock_take(&table->lock);
	if (!ns->watch_id) {
		__atomic_store_n(&ns->watch_id, (uint32_t)watch_id, __ATOMIC_RELAXED);
		ns->next_watch = *bucket;
		fl_rcu_assign(*bucket, ns);
	}
	fl_lock_drop(&table->lock);
}

uint32_t fl_netns_watch_id(const struct fl_netns *ns)
{
	return __atomic_load_n(&ns->watch_id, __ATOMIC_RELAXED);
}

bool fl_netns_dead(const struct fl_netns *ns)
{
	return __atomic_load_n(&ns->dead, __ATOMIC_ACQUIRE);
}

bool fl_netns_dead_now(struct fl_netns *ns)
{
	return __atomic_fetch_or(&ns->dead, 0, __ATOMIC_ACQ_REL);
}

void fl_netns_kick(struct fl_netns *ns)
{
	struct fl_netns_table *table = ns->table;

	if (table->config.on_events && !__atomic_load_n(&table->stopped, __ATOMIC_ACQUIRE))
		table->config.on_events(ns, table->config.arg);
}

/* ---- the table -------------------------------------------------------------------- */

void fl_netns_table_get(struct fl_netns_table *table)
{
	__atomic_add_fetch(&table->refs, 1, __ATOMIC_RELAXED);
}

void fl_netns_table_put(struct fl_netns_table *table)
{
	if (__atomic_sub_fetch(&table->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fl_lock_done(&table->lock);
	free(table);
}

int fl_netns_table_new(struct fl_sched *sched, const struct fl_netns_config *config,
		       struct fl_netns_table **ret_table)
{
	struct fl_netns_table *table = calloc(1, sizeof(*table));
	int err;

	if (!table)
		return -ENOMEM;
	table->config = *config;
	table->refs = 1;
	table->next_watch_id = FL_WATCH_ID_HOME + 1;
	fl_lock_init(&table->lock, netns_table);
	err = fl_place_init(&table->place, config->watch_rcvbuf);
	if (err)
		goto out_put_table;
	table->initial = fl_netns_get_by_cookie(table, table->place.home_cookie);
	err = table->initial ? 0 : -ENOMEM;
	if (err)
		goto out_place;
	fl_netns_set_watch(table->initial, FL_WATCH_ID_HOME);
	err = fl_watch_start(table);
	if (err)
		goto out_initial;
	*ret_table = table;
	return 0;
out_initial:
	fl_netns_put(table->initial);
out_place:
	fl_place_done(&table->place);
out_put_table:
	fl_netns_table_put(table);
	return err;
}

void fl_netns_table_free(struct fl_netns_table *table)
{
	if (!table)
		return;
	__atomic_store_n(&table->stopped, 1, __ATOMIC_RELEASE);
	fl_watch_stop(table);
	while (table->idles)
		close(table->idle[--table->idles]);
	fl_place_done(&table->place);
	fl_netns_put(table->initial);
	/* Once for entries to leave the chains, once for their memory. */
	fl_rcu_barrier();
	fl_rcu_barrier();
	fl_netns_table_put(table);
}

const char *fl_netns_cannot_move(const struct fl_netns_table *table)
{
	return table->place.cannot_err ? table->place.cannot : NULL;
}

struct fl_netns *fl_netns_initial(struct fl_netns_table *table)
{
	return table->initial;
}
