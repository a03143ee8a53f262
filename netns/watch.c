/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.c - the thread that hears of the end of namespaces.
 *
 * The kernel tells on the event socket which ids of the watch namespace are gone. If it
 * had to drop a notice, the next read says ENOBUFS; then it is asked for each that was
 * watched before. Ids are never reused there, so both ways agree, in whatever order they
 * come (clause N1).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "netns/netns-private.h"
#include "netns/nsid.h"

#define NOTICE_BYTES 16384
#define RETRY_MS 100

static void netns_die(struct fl_netns_table *table, struct fl_netns *ns)
{
	if (__atomic_exchange_n(&ns->dead, 1, __ATOMIC_ACQ_REL))
		return;
	__atomic_store_n(&ns->nsid, FL_NSID_NONE, __ATOMIC_RELAXED);
	if (table->config.on_death && !__atomic_load_n(&table->stopped, __ATOMIC_ACQUIRE))
		table->config.on_death(ns, table->config.arg);
}

static void on_gone(int watch_id, void *arg)
{
	struct fl_netns_table *table = arg;
	struct fl_netns *ns = fl_netns_get_by_watch(table, watch_id);

	if (ns)
		netns_die(table, ns);
	fl_netns_put(ns);
}

/* ---- after lost notices ------------------------------------------------------------ */

/* Marks what is watched now. What is added later is not marked: it was alive then, and
 * its end will be told. */
static void mark_all(struct fl_netns_table *table)
{
	fl_rcu_read_lock();
	for (unsigned int i = 0; i < FL_NETNS_BUCKETS; i++)
		for (struct fl_netns *ns = fl_rcu_deref(table->by_watch[i]); ns;
		     ns = fl_rcu_deref(ns->next_watch))
			ns->resync = 1;
	fl_rcu_read_unlock();
}

static struct fl_netns *take_marked(struct fl_netns_table *table, unsigned int bucket)
{
	struct fl_netns *ns;

	fl_rcu_read_lock();
	ns = fl_rcu_deref(table->by_watch[bucket]);
	while (ns && (!ns->resync || !fl_netns_try_get(ns)))
		ns = fl_rcu_deref(ns->next_watch);
	fl_rcu_read_unlock();
	return ns;
}

/* Asks for the one namespace: the kernel's list may be short of some that live. */
static int look(struct fl_netns_table *table, struct fl_netns *ns)
{
	int nsid, err;

	err = fl_nsid_in(table->place.resync_sock, (int)fl_netns_watch_id(ns), FL_NSID_NONE, &nsid);
	if (err && err != -ENOENT)
		return err;
	ns->resync = 0;
	if (err)
		netns_die(table, ns);
	return 0;
}

static int resync(struct fl_netns_table *table)
{
	struct fl_netns *ns;
	int err = 0;

	mark_all(table);
	for (unsigned int i = 0; i < FL_NETNS_BUCKETS && !err; i++) {
		while (!err && (ns = take_marked(table, i))) {
			err = look(table, ns);
			fl_netns_put(ns);
		}
	}
	if (err)
		fl_log(FL_LOG_ERR, "netns: cannot ask for the watched namespaces, trying again: %s",
		       strerror(-err));
	return err;
}

/* ---- the thread -------------------------------------------------------------------- */

/* Reads all notices that wait. Returns 0, or -ENOBUFS if some were lost. */
static int read_notices(struct fl_netns_table *table)
{
	char buf[NOTICE_BYTES];
	int lost = 0;

	for (;;) {
		ssize_t len = recv(table->place.event_sock, buf, sizeof(buf), MSG_DONTWAIT);

		if (len >= 0) {
			fl_nsid_gone(buf, (size_t)len, on_gone, table);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			return lost;
		lost = -ENOBUFS;
	}
}

static void *watch(void *arg)
{
	struct fl_netns_table *table = arg;
	struct pollfd fds[] = {
		{ .fd = table->place.event_sock, .events = POLLIN },
		{ .fd = table->stop_fd, .events = POLLIN },
	};
	bool behind = false;

	while (!fds[1].revents) {
		if (poll(fds, 2, behind ? RETRY_MS : -1) < 0)
			continue;
		if (read_notices(table) < 0) {
			fl_log(FL_LOG_WARN, "netns: the kernel lost notices; looking at all");
			behind = true;
		}
		if (behind)
			behind = resync(table) < 0;
	}
	return NULL;
}

int fl_watch_start(struct fl_netns_table *table)
{
	int err;

	table->stop_fd = -1;
	if (table->place.cannot_err)
		return 0;
	table->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (table->stop_fd < 0)
		return -errno;
	err = fl_thread_start(&table->watcher, "fl-netns-watch", 0, watch, table);
	if (err) {
		close(table->stop_fd);
		table->stop_fd = -1;
	}
	return err;
}

void fl_watch_stop(struct fl_netns_table *table)
{
	if (table->stop_fd < 0)
		return;
	eventfd_write(table->stop_fd, 1);
	pthread_join(table->watcher, NULL);
	close(table->stop_fd);
}
