/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/multicast.h"

#include <errno.h>
#include <stdlib.h>

#include "nl/ctrl.h"
#include "server/filter.h"
#include "server/server-private.h"
#include "server/session.h"

static void feed_free_rcu(struct fl_rcu_head *head)
{
	struct fl_feed *feed = FL_CONTAINER_OF(head, struct fl_feed, rcu);

	fl_netns_put(feed->ns);
	free(feed);
}

static void feed_put(struct fl_feed *feed)
{
	if (!__atomic_sub_fetch(&feed->refs, 1, __ATOMIC_ACQ_REL))
		fl_rcu_call(&feed->rcu, feed_free_rcu);
}

/* Fails once the last reference has gone. */
static bool feed_try_get(struct fl_feed *feed)
{
	int refs = __atomic_load_n(&feed->refs, __ATOMIC_RELAXED);

	while (refs)
		if (__atomic_compare_exchange_n(&feed->refs, &refs, refs + 1, true,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* On the I/O thread: every subscriber of this feed has something to read, perhaps. */
static void feed_run(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_feed_part *part = FL_CONTAINER_OF(node, struct fl_feed_part, node);
	struct fl_session *session;

	/* Before the look at the log: what is appended from now on marks it again. */
	__atomic_store_n(&part->dirty, 0, __ATOMIC_SEQ_CST);
	cds_list_for_each_entry(session, &part->sessions, subscription.node)
		fl_io_make_ready(io, session);
	feed_put(part->feed);
}

static void feed_mark(struct fl_server *server, struct fl_feed *feed, unsigned int index)
{
	struct fl_feed_part *part = &feed->parts[index];

	if (!__atomic_load_n(&part->count, __ATOMIC_SEQ_CST) ||
	    __atomic_exchange_n(&part->dirty, 1, __ATOMIC_SEQ_CST) || !feed_try_get(feed))
		return;
	if (!fl_io_post(server->ios[index], &part->node))
		feed_put(feed);
}

void fl_multicast_on_events(struct fl_netns *ns, void *arg)
{
	struct fl_server *server = arg;
	struct fl_feed *feed;

	fl_rcu_read_lock();
	feed = fl_pmap_get(fl_rcu_deref(server->feeds), ns->cookie);
	for (unsigned int i = 0; feed && i < feed->part_count; i++)
		feed_mark(server, feed, i);
	fl_rcu_read_unlock();
}

static struct fl_feed *feed_new(struct fl_server *server, struct fl_netns *ns)
{
	struct fl_feed *feed =
		calloc(1, sizeof(*feed) + server->io_count * sizeof(feed->parts[0]));

	if (!feed)
		return NULL;
	feed->ns = fl_netns_get(ns);
	feed->refs = 1;
	feed->part_count = server->io_count;
	for (unsigned int i = 0; i < feed->part_count; i++) {
		feed->parts[i].node.run = feed_run;
		feed->parts[i].feed = feed;
		CDS_INIT_LIST_HEAD(&feed->parts[i].sessions);
	}
	return feed;
}

/* The feed of ns with one more subscriber; made if there is none. NULL: out of memory. */
static struct fl_feed *feed_join(struct fl_server *server, struct fl_netns *ns)
{
	struct fl_feed *fresh = feed_new(server, ns), *feed;
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root;

	if (!fresh || fl_pmap_reserve(&edit, 1)) {
		if (fresh)
			feed_put(fresh);
		return NULL;
	}
	fl_lock_take(&server->feed_lock);
	root = server->feeds;
	feed = fl_pmap_get(root, ns->cookie);
	if (!feed) {
		feed = fresh;
		fl_pmap_set(&edit, &root, ns->cookie, feed);
		fl_rcu_assign(server->feeds, root);
	}
	feed->subscribers++;
	fl_lock_drop(&server->feed_lock);
	fl_pmap_edit_done(&edit);
	if (feed != fresh)
		feed_put(fresh);
	return feed;
}

static void feed_leave(struct fl_server *server, struct fl_feed *feed)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root;
	/* Without memory for the edit it stays in the map, without subscribers, for the
	 * next one to find. */
	bool can = !fl_pmap_reserve(&edit, 1), last;

	fl_lock_take(&server->feed_lock);
	last = !--feed->subscribers && can;
	if (last) {
		root = server->feeds;
		fl_pmap_set(&edit, &root, feed->ns->cookie, NULL);
		fl_rcu_assign(server->feeds, root);
	}
	fl_lock_drop(&server->feed_lock);
	fl_pmap_edit_done(&edit);
	if (last)
		feed_put(feed);
}

static int multicast_subscribe(struct fl_session *session)
{
	struct fl_subscription *sub = &session->subscription;
	struct fl_feed_part *part;

	sub->feed = feed_join(session->server, session->ns);
	if (!sub->feed)
		return -ENOMEM;
	part = &sub->feed->parts[session->io->index];
	cds_list_add_tail(&sub->node, &part->sessions);
	/* Counted first: what is appended after the place was taken is marked. */
	__atomic_add_fetch(&part->count, 1, __ATOMIC_SEQ_CST);
	sub->position = fl_evlog_end(session->ns->log);
	return 0;
}

static void multicast_unsubscribe(struct fl_session *session)
{
	struct fl_subscription *sub = &session->subscription;
	struct fl_feed *feed = sub->feed;

	cds_list_del_init(&sub->node);
	__atomic_sub_fetch(&feed->parts[session->io->index].count, 1, __ATOMIC_SEQ_CST);
	sub->feed = NULL;
	feed_leave(session->server, feed);
}

int fl_multicast_set_groups(struct fl_session *session, uint64_t groups)
{
	int err;

	if (groups && !session->subscription.feed) {
		err = multicast_subscribe(session);
		if (err)
			return err;
	} else if (!groups && session->subscription.feed) {
		multicast_unsubscribe(session);
	}
	session->groups = groups;
	return 0;
}

bool fl_multicast_wanted(const struct fl_session *session, const struct fl_evrec *rec)
{
	if (!rec->group || rec->group > FL_MULTICAST_GROUPS ||
	    !(session->groups & 1ULL << (rec->group - 1)))
		return false;
	return rec->group != FL_GROUP_CONFIG || !session->filter ||
	       fl_filter_match(session->filter, rec);
}
