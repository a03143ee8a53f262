/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/named-netns.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/plane.h"
#include "server/server-private.h"
#include "server/session.h"

/*
 * Rules of struct fl_named_netns:
 * 1. server: never changes. begun: of the I/O thread of the session whose packet it came with.
 * 2. fd, ns, err: the errand's from the begin on; ns and err stay what they are once it is found.
 * 3. refs: atomic. waiter: atomic; the session that is away for it, then FOUND.
 */
struct fl_named_netns {
	struct fl_errand errand;
	struct fl_server *server;
	int refs;
	int fd;
	bool begun;
	struct fl_netns *ns;
	int err;
	struct fl_session *waiter;
};

static char found;
#define FOUND ((struct fl_session *)(void *)&found)

struct fl_named_netns *fl_named_netns_new(struct fl_server *server, int fd)
{
	struct fl_named_netns *named = calloc(1, sizeof(*named));

	if (!named) {
		close(fd);
		return NULL;
	}
	named->server = server;
	named->fd = fd;
	named->refs = 1;
	return named;
}

struct fl_named_netns *fl_named_netns_get(struct fl_named_netns *named)
{
	if (named)
		__atomic_add_fetch(&named->refs, 1, __ATOMIC_RELAXED);
	return named;
}

void fl_named_netns_put(struct fl_named_netns *named)
{
	if (!named || __atomic_sub_fetch(&named->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (named->fd >= 0)
		close(named->fd);
	fl_netns_put(named->ns);
	free(named);
}

static void go_on(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);

	fl_session_came_back(session);
	fl_session_run(session);
}

static void find(struct fl_errand *errand)
{
	struct fl_named_netns *named = FL_CONTAINER_OF(errand, struct fl_named_netns, errand);
	struct fl_netns_table *table = fl_plane_netns(named->server->plane);
	struct fl_session *waiter;

	named->err = fl_netns_resolve_fd(table, named->fd, &named->ns);
	close(named->fd);
	named->fd = -1;
	waiter = __atomic_exchange_n(&named->waiter, FOUND, __ATOMIC_ACQ_REL);
	fl_named_netns_put(named);
	if (waiter)
		fl_session_come_back(waiter, go_on);
}

void fl_named_netns_begin(struct fl_named_netns *named)
{
	if (named->begun)
		return;
	named->begun = true;
	fl_named_netns_get(named);
	named->errand.run = find;
	fl_errands_post(named->server->errands, &named->errand);
}

bool fl_named_netns_await(struct fl_named_netns *named, struct fl_session *session)
{
	struct fl_session *nobody = NULL;

	fl_named_netns_begin(named);
	fl_session_go_away(session);
	if (__atomic_compare_exchange_n(&named->waiter, &nobody, session, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return false;
	fl_session_came_back(session);
	return true;
}

struct fl_netns *fl_named_netns_found(const struct fl_named_netns *named, int *ret_err)
{
	*ret_err = named->err;
	return named->ns;
}
