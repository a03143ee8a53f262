/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "server/dump.h"
#include "server/filter.h"
#include "server/knob.h"
#include "server/output.h"
#include "server/server-private.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Packets of one session in one turn, and messages in them (S3). */
#define SESSION_SHARE 16
#define SESSION_SHARE_MESSAGES 64

static void session_free(struct fl_session *session)
{
	fl_server_knob_free(session);
	fl_request_free(session->request);
	fl_client_put(session->client);
	fl_client_put(session->peer);
	fl_netns_put(session->ns);
	free(session);
}

/* Lets go of the connection and of what makes sense only with one. */
static void session_close_fd(struct fl_session *session)
{
	if (session->fd < 0)
		return;
	fl_multicast_set_groups(session, 0);
	fl_portid_release(session);
	fl_output_drop(session);
	fl_dump_free(session);
	fl_filter_free(session->filter);
	session->filter = NULL;
	/* A copy of the descriptor in a process that forked meanwhile would keep both the
	 * events and the connection. */
	epoll_ctl(session->io->epfd, EPOLL_CTL_DEL, session->fd, NULL);
	shutdown(session->fd, SHUT_RDWR);
	close(session->fd);
	session->fd = -1;
	__atomic_sub_fetch(&session->io->sessions, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&session->server->sessions, 1, __ATOMIC_RELAXED);
}

void fl_session_end(struct fl_session *session)
{
	session_close_fd(session);
	fl_packet_drop_backlog(session);
	cds_list_del_init(&session->node);
	cds_list_del_init(&session->ready_node);
	if (session->away)
		return;
	if (session->working)
		fl_packet_done(session, NULL);
	session_free(session);
}

void fl_session_go_away(struct fl_session *session)
{
	session->away = true;
	fl_io_get(session->io);
}

void fl_session_came_back(struct fl_session *session)
{
	session->away = false;
	fl_io_put(session->io);
}

/* The I/O thread is gone, and has closed the connection before. */
static void session_lost(struct fl_session *session)
{
	struct fl_request *left = session->request;

	if (session->parked && session->knob) {
		fl_server_knob_leave(session);
	} else if (session->parked) {
		session->request = NULL;
		fl_packet_leave(session, left, session->packet.len);
		fl_request_leave(session, left);
	}
	fl_packet_done(session, NULL);
	session_free(session);
}

void fl_session_come_back(struct fl_session *session,
			  void (*run)(struct fl_io *io, struct fl_io_node *node))
{
	struct fl_io *io = session->io;

	session->back.run = run;
	/* Of our own: the session's may be gone as soon as it is posted. */
	fl_io_get(io);
	if (!fl_io_post(io, &session->back)) {
		session_lost(session);
		fl_io_put(io);
	}
	fl_io_put(io);
}

static uint32_t session_wants(const struct fl_session *session)
{
	return EPOLLRDHUP | (session->paused ? 0 : EPOLLIN) | (session->wants_out ? EPOLLOUT : 0);
}

void fl_session_arm(struct fl_session *session)
{
	struct epoll_event event = { .events = session_wants(session), .data.ptr = session };

	if (session->fd >= 0 &&
	    epoll_ctl(session->io->epfd, EPOLL_CTL_MOD, session->fd, &event))
		session->hung_up = true;
}

static void session_pause(struct fl_session *session, bool pause)
{
	if (session->paused == pause)
		return;
	session->paused = pause;
	fl_session_arm(session);
}

/* The next packet into session->packet; false if there is none now. */
static bool session_take(struct fl_session *session)
{
	int got;

	if (session->backlog)
		return fl_packet_from_backlog(session);
	if (session->fd < 0 || !session->readable)
		return false;
	/* If there is another, epoll will tell. */
	session->readable = false;
	got = fl_packet_receive(session);
	if (got == -EPIPE)
		session->hung_up = true;
	else if (got < 0)
		session->broken = true;
	return got > 0;
}

/* Works on packets; true if there may be more than this turn's share. */
static bool session_work(struct fl_session *session)
{
	for (int n = 0; n < SESSION_SHARE; n++) {
		if (session->away || session->broken)
			return false;
		if (!session->working) {
			if (!session_take(session))
				return false;
			session->working = true;
			session->offset = 0;
		}
		if (!fl_packet_work(session))
			return !session->away;
		session->working = false;
	}
	return true;
}

/* Sends what waits; true if there may be more than this turn's share. */
static bool session_send(struct fl_session *session)
{
	int err;

	if (session->fd < 0 || !session->writable)
		return false;
	err = fl_output_flush(session);
	if (!err && fl_dump_sending(session))
		err = fl_dump_continue(session);
	return err > 0;
}

void fl_session_run(struct fl_session *session)
{
	bool more;

	if (session->io->closing) {
		fl_session_end(session);
		return;
	}
	session->share = SESSION_SHARE_MESSAGES;
	more = session_work(session);
	if (session->broken) {
		fl_log(FL_LOG_DEBUG, "%s: malformed packet, connection closed",
		       fl_client_name(session->client));
		FL_IO_STAT_ADD(session->io, malformed, 1);
		fl_session_end(session);
		return;
	}
	if (session_send(session))
		more = true;
	if (session->hung_up && session->fd >= 0) {
		fl_packet_receive_rest(session);
		session_close_fd(session);
		more = true;
	}
	if (session->fd < 0 && !session->away && !session->working && !session->backlog)
		fl_session_end(session);
	else if (more)
		fl_io_make_ready(session->io, session);
	else if (!session->away)
		session_pause(session, false);
}

void fl_session_event(struct fl_session *session, uint32_t events)
{
	if (events & EPOLLIN && session->away)
		session_pause(session, true);
	else if (events & EPOLLIN)
		session->readable = true;
	if (events & EPOLLOUT)
		session->writable = true;
	if (events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR))
		session->hung_up = true;
	fl_session_run(session);
}

/* First act of a session on its own thread. */
static void session_adopt(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);
	struct epoll_event event = { .events = session_wants(session), .data.ptr = session };

	fl_session_came_back(session);
	cds_list_add_tail(&session->node, &io->all);
	__atomic_add_fetch(&io->sessions, 1, __ATOMIC_RELAXED);
	if (epoll_ctl(io->epfd, EPOLL_CTL_ADD, session->fd, &event)) {
		fl_log(FL_LOG_WARN, "%s: epoll refuses the connection: errno %d",
		       fl_client_name(session->client), errno);
		fl_session_end(session);
		return;
	}
	fl_session_run(session);
}

/* Who the peer is and where it stands. */
static int session_identify(struct fl_session *session)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	uint64_t cookie;
	struct timespec now;
	char name[48];

	if (getsockopt(session->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	session->pid = cred.pid;
	session->uid = cred.uid;
	clock_gettime(CLOCK_BOOTTIME, &now);
	session->accepted_ns = (uint64_t)now.tv_sec * FL_NS_PER_S + (uint64_t)now.tv_nsec;
	snprintf(name, sizeof(name), "pid %d uid %u", (int)cred.pid, (unsigned int)cred.uid);
	session->client = fl_client_new(name);
	if (session->client)
		fl_client_set_owner(session->client, session->uid);

	len = sizeof(cookie);
	if (!getsockopt(session->fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		session->ns = fl_netns_get_by_cookie(fl_plane_netns(session->server->plane), cookie);
	else
		return -errno;
	return session->client && session->ns ? 0 : -ENOMEM;
}

static void session_init(struct fl_session *session)
{
	socklen_t len = sizeof(session->sndbuf);

	session->writable = session->readable = true;
	session->packet.token = session->packet.file_fd = -1;
	session->backlog_tail = &session->backlog;
	session->out_tail = &session->out;
	CDS_INIT_LIST_HEAD(&session->node);
	CDS_INIT_LIST_HEAD(&session->ready_node);
	CDS_INIT_LIST_HEAD(&session->subscription.node);
	if (getsockopt(session->fd, SOL_SOCKET, SO_SNDBUF, &session->sndbuf, &len))
		session->sndbuf = 0;
}

int fl_session_new(struct fl_io *io, int fd)
{
	struct fl_session *session = calloc(1, sizeof(*session));
	int err;

	if (!session) {
		close(fd);
		return -ENOMEM;
	}
	session->io = io;
	session->server = io->server;
	session->fd = fd;
	session_init(session);
	err = session_identify(session);
	if (err) {
		close(fd);
		session_free(session);
		return err;
	}
	session->request = fl_request_new(session);
	if (!session->request) {
		close(fd);
		session_free(session);
		return -ENOMEM;
	}
	__atomic_add_fetch(&session->server->sessions, 1, __ATOMIC_RELAXED);
	fl_session_go_away(session);
	session->back.run = session_adopt;
	if (fl_io_post(io, &session->back))
		return 0;
	__atomic_sub_fetch(&session->server->sessions, 1, __ATOMIC_RELAXED);
	close(fd);
	session_free(session);
	fl_io_put(io);
	return -ESHUTDOWN;
}
