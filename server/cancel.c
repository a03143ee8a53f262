/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/cancel.h"

#include <errno.h>
#include <pthread.h>

#include "base/thread.h"
#include "core/plane.h"
#include "server/server-private.h"
#include "server/session.h"

#define ADMINS 2 /* who look at once; more are told EBUSY */

void fl_cancel_quota_init(struct fl_cancel_quota *quota)
{
	sem_init(&quota->of_admins, 0, ADMINS);
	sem_init(&quota->of_others, 0, 1);
}

static void wait_for_all(sem_t *sem, int count)
{
	while (count--)
		while (sem_wait(sem) && errno == EINTR)
			;
	sem_destroy(sem);
}

void fl_cancel_quota_done(struct fl_cancel_quota *quota)
{
	wait_for_all(&quota->of_admins, ADMINS);
	wait_for_all(&quota->of_others, 1);
}

static uint64_t number_of(const struct fl_wire_hdr *hdr)
{
	return (uint64_t)hdr->arg1 << 32 | hdr->arg0;
}

/* An operation is its client's; one of the plane itself is nobody's. */
static bool is_own(const struct fl_session *session, const struct fl_op *op)
{
	const struct fl_client *client = fl_op_client(op);

	return client && fl_client_owner(client) == fl_client_owner(session->client);
}

static int cancel(struct fl_session *session, bool admin)
{
	struct fl_sched *sched = fl_plane_sched(session->server->plane);
	struct fl_op *op;
	int err = fl_sched_find(sched, number_of(&session->packet.hdr), &op);

	if (err)
		return err;
	if (admin || is_own(session, op))
		fl_op_cancel_by(op, fl_client_name(session->client));
	else
		err = -EPERM;
	fl_op_put(op);
	return err;
}

static bool is_admin(const struct fl_session *session)
{
	return fl_permission_known(session) == FL_PERMISSION_ADMIN;
}

static sem_t *quota_of(const struct fl_session *session)
{
	struct fl_cancel_quota *quota = &session->server->cancel;

	return is_admin(session) ? &quota->of_admins : &quota->of_others;
}

static void cancel_back(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);

	fl_session_came_back(session);
	fl_session_run(session);
}

static void *cancel_main(void *arg)
{
	struct fl_session *session = arg;
	sem_t *quota = quota_of(session);

	session->result = cancel(session, is_admin(session));
	session->answered = true;
	sem_post(quota); /* the scheduler is not used any more */
	fl_session_come_back(session, cancel_back);
	return NULL;
}

bool fl_cancel_work(struct fl_session *session, struct fl_wire_reply *reply)
{
	pthread_t thread;

	if (session->answered) {
		session->answered = false;
		reply->error = session->result;
		return true;
	}
	if (fl_request_permission(session) == FL_LATER)
		return false;
	if (sem_trywait(quota_of(session))) {
		reply->error = -EBUSY;
		return true;
	}
	fl_session_go_away(session);
	reply->error = fl_thread_start(&thread, "fl-cancel", 0, cancel_main, session);
	if (!reply->error) {
		pthread_detach(thread);
		return false;
	}
	fl_session_came_back(session);
	sem_post(quota_of(session));
	return true;
}
