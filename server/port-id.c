/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/port-id.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/util.h"
#include "server/server-private.h"
#include "server/session.h"

/* Where the kernel's choice of negative ids begins, downward. */
#define PORTID_FIRST (-4097)

int fl_portid_table_init(struct fl_portid_table *table, unsigned int max_sessions)
{
	size_t buckets = 64;

	while (buckets < max_sessions / 4)
		buckets *= 2;
	table->buckets = calloc(buckets, sizeof(table->buckets[0]));
	if (!table->buckets)
		return -ENOMEM;
	table->mask = buckets - 1;
	fl_lock_init(&table->lock, session);
	if (getrandom(&table->rover, sizeof(table->rover), GRND_NONBLOCK) < 0)
		table->rover = PORTID_FIRST;
	return 0;
}

void fl_portid_table_done(struct fl_portid_table *table)
{
	if (!table->buckets)
		return;
	fl_lock_done(&table->lock);
	free(table->buckets);
}

static struct fl_session **portid_bucket(struct fl_portid_table *table, uint64_t key)
{
	return &table->buckets[key & table->mask];
}

/* Links the session under portid if no other of its namespace has it. */
static bool portid_insert(struct fl_portid_table *table, struct fl_session *session,
			  uint32_t portid) FL_REQUIRES(table->lock)
{
	uint64_t key = fl_hash(&portid, sizeof(portid), session->ns->cookie);
	struct fl_session **bucket = portid_bucket(table, key);

	for (struct fl_session *s = *bucket; s; s = s->portid_next)
		if (s->portid == portid && s->ns->cookie == session->ns->cookie)
			return false;
	session->portid = portid;
	session->portid_key = key;
	session->portid_next = *bucket;
	*bucket = session;
	return true;
}

static int32_t portid_rove(struct fl_portid_table *table) FL_REQUIRES(table->lock)
{
	if (table->rover > PORTID_FIRST || table->rover == INT32_MIN)
		table->rover = PORTID_FIRST;
	return table->rover--;
}

int fl_portid_bind(struct fl_session *session, uint32_t portid)
{
	struct fl_portid_table *table = &session->server->portids;
	pid_t pid = session->behalf.pid > 0 ? session->behalf.pid : session->pid;
	bool done;

	if (session->portid)
		return portid == session->portid ? 0 : -EINVAL;
	fl_lock_take(&table->lock);
	if (portid) {
		done = portid_insert(table, session, portid);
	} else {
		done = pid > 0 && portid_insert(table, session, (uint32_t)pid);
		/* There are more of them than sessions. */
		while (!done)
			done = portid_insert(table, session, (uint32_t)portid_rove(table));
	}
	fl_lock_drop(&table->lock);
	return done ? 0 : -EADDRINUSE;
}

void fl_portid_autobind(struct fl_session *session)
{
	if (!session->portid)
		fl_portid_bind(session, 0);
}

void fl_portid_release(struct fl_session *session)
{
	struct fl_portid_table *table = &session->server->portids;

	if (!session->portid)
		return;
	fl_lock_take(&table->lock);
	for (struct fl_session **p = portid_bucket(table, session->portid_key); *p;
	     p = &(*p)->portid_next) {
		if (*p == session) {
			*p = session->portid_next;
			break;
		}
	}
	fl_lock_drop(&table->lock);
	session->portid = 0;
}
