/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/dump.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/rcu.h"
#include "nl/ctrl.h"
#include "server/output.h"
#include "server/server-private.h"
#include "server/session.h"

/* What the kernel sends to a socket that has not read yet: a page without its overhead. */
#define DUMP_DATAGRAM_MIN 3776
/* Datagrams of one session in one turn (S3). */
#define DUMP_SHARE 16
/* How many of them may be in the socket ahead of the reader. */
#define DUMP_AHEAD 4

/* How far it has come; put back if a datagram finds no room after all. */
struct dump_place {
	bool ended;
	int error; /* what DONE tells, once ended */
	struct fl_dump dump;
	struct fl_ctrl_dump ctrl;
};

/*
 * Rules:
 * 1. All of it is the I/O thread's; but while `away`, req and place.dump are those of the
 *    operation that prepares the next part, until it posts `back`.
 * 2. session is NULL once the session is gone. Then the dump ends when it comes back.
 */
struct fl_session_dump {
	struct fl_session *session;
	bool active, away;
	struct fl_io *io; /* while away: referenced, as are req's ns and client */
	struct fl_io_node back;
	int prepared; /* what the operation gave */
	int gone;     /* atomic: enum fl_gone */
	size_t bound;
	const struct fl_command *command; /* NULL: nlctrl */
	struct fl_req req;
	struct dump_place place;
	size_t request_cap;
	struct nlmsghdr *request; /* a copy */
};

bool fl_dump_active(const struct fl_session *session)
{
	return session->dump && session->dump->active;
}

bool fl_dump_sending(const struct fl_session *session)
{
	return fl_dump_active(session) && !session->dump->away;
}

static void dump_end(struct fl_session_dump *dump)
{
	dump->active = false;
	if (dump->place.dump.arg)
		dump->command->dump_done(&dump->place.dump);
	dump->place.dump.arg = NULL;
}

static void dump_free(struct fl_session_dump *dump)
{
	dump_end(dump);
	free(dump->request);
	free(dump);
}

void fl_dump_free(struct fl_session *session)
{
	struct fl_session_dump *dump = session->dump;

	if (!dump)
		return;
	session->dump = NULL;
	dump->session = NULL;
	if (!dump->away)
		dump_free(dump);
}

/* ---- what a device has to answer -------------------------------------------------- */

static void dump_go_away(struct fl_session_dump *dump)
{
	dump->away = true;
	dump->io = fl_io_get(dump->session->io);
	fl_netns_get(dump->req.ns);
	fl_client_get(dump->req.client);
}

static void dump_came_back(struct fl_session_dump *dump)
{
	dump->away = false;
	fl_client_put(dump->req.client);
	fl_netns_put(dump->req.ns);
	fl_io_put(dump->io);
	dump->io = NULL;
}

static void dump_prepared(struct fl_session_dump *dump, int err)
{
	if (!err)
		return;
	dump->place.ended = true;
	dump->place.error = err;
}

static void dump_back(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session_dump *dump = FL_CONTAINER_OF(node, struct fl_session_dump, back);

	dump_came_back(dump);
	dump_prepared(dump, dump->prepared);
	if (dump->session)
		fl_session_run(dump->session);
	else
		dump_free(dump);
}

static void dump_complete(struct fl_req *req, int err)
{
	struct fl_session_dump *dump = FL_CONTAINER_OF(req, struct fl_session_dump, req);
	struct fl_io *io = dump->io;

	dump->prepared = err;
	dump->back.run = dump_back;
	/* Of our own: the dump may be gone as soon as it is posted. */
	fl_io_get(io);
	if (!fl_io_post(io, &dump->back)) {
		dump_came_back(dump);
		dump_free(dump);
	}
	fl_io_put(io);
}

/* Ends for the client, as an error does, what its operation keeps. */
static void dump_tell_parked(struct fl_session *session, const struct fl_session_dump *dump)
{
	struct fl_extack extack = { 0 };
	struct fl_msg msg;
	struct iovec out;

	fl_extack_set(&extack, FL_PARKED_TEXT);
	fl_msg_init_fixed(&msg, session->io->datagram, FL_IO_DATAGRAM_MAX);
	fl_extack_put_done(&msg, dump->request, dump->req.portid, -ENODEV, &extack,
			   session->options & FL_SESSION_EXT_ACK);
	out = (struct iovec){ msg.buf, msg.len };
	fl_output_answer(session, &out, 1);
}

static void dump_let_go(struct fl_session_dump *dump, enum fl_gone who)
{
	if (!fl_let_go(&dump->gone, who))
		return;
	dump_came_back(dump);
	dump_free(dump);
}

static void dump_parked(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session_dump *dump = FL_CONTAINER_OF(node, struct fl_session_dump, back);
	struct fl_session *session = dump->session;

	if (session) {
		session->dump = NULL;
		dump->session = NULL;
		dump_tell_parked(session, dump);
	}
	dump_let_go(dump, FL_GONE_SESSION);
	if (session)
		fl_session_run(session);
}

static void dump_abandon(struct fl_req *req)
{
	struct fl_session_dump *dump = FL_CONTAINER_OF(req, struct fl_session_dump, req);
	struct fl_io *io = fl_io_get(dump->io);

	dump->back.run = dump_parked;
	if (!fl_io_post(io, &dump->back))
		dump_let_go(dump, FL_GONE_SESSION);
	fl_io_put(io);
}

static void dump_release(struct fl_req *req)
{
	dump_let_go(FL_CONTAINER_OF(req, struct fl_session_dump, req), FL_GONE_OPERATION);
}

/* Asks the command for what the next datagram is to show. False if that comes later. */
static bool dump_prepare(struct fl_session_dump *dump)
{
	struct fl_dump *next = &dump->place.dump;
	int err;

	if (!next->wants || dump->place.ended)
		return true;
	next->wants = false;
	dump_go_away(dump);
	err = dump->command->prepare(&dump->req, next);
	if (err == FL_LATER)
		return false;
	dump_came_back(dump);
	dump_prepared(dump, err);
	return true;
}

/* ---- its beginning ---------------------------------------------------------------- */

/* How large a datagram may be: what the client has shown to take, within bounds. */
static size_t dump_bound(struct fl_session *session)
{
	size_t bound = session->rcvmax;
	int want;
	socklen_t len = sizeof(session->sndbuf);

	if (bound < DUMP_DATAGRAM_MIN)
		bound = DUMP_DATAGRAM_MIN;
	if (bound > FL_DUMP_DATAGRAM_MAX)
		bound = FL_DUMP_DATAGRAM_MAX;
	want = (int)(DUMP_AHEAD * bound);
	if (session->sndbuf < 2 * (unsigned int)want) {
		setsockopt(session->fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
		getsockopt(session->fd, SOL_SOCKET, SO_SNDBUF, &session->sndbuf, &len);
	}
	return bound;
}

/* Keeps the request for as long as the dump lasts. */
static int dump_copy_request(struct fl_session_dump *dump, const struct nlmsghdr *nlh)
{
	struct nlmsghdr *copy;

	if (nlh->nlmsg_len > dump->request_cap) {
		copy = realloc(dump->request, nlh->nlmsg_len);
		if (!copy)
			return -ENOMEM;
		dump->request = copy;
		dump->request_cap = nlh->nlmsg_len;
	}
	memcpy(dump->request, nlh, nlh->nlmsg_len);
	return 0;
}

static void dump_init(struct fl_session *session, const struct fl_cmd *cmd,
		      const struct fl_command *command)
{
	struct fl_session_dump *dump = session->dump;
	struct fl_req *req = &dump->req;

	memset(req, 0, sizeof(*req));
	req->plane = session->server->plane;
	req->ns = session->ns;
	req->client = session->client;
	req->cmd = cmd;
	req->nlh = dump->request;
	req->portid = session->portid;
	req->complete = dump_complete;
	req->abandon = dump_abandon;
	req->release = dump_release;
	memset(&dump->place, 0, sizeof(dump->place));
	dump->place.dump.wants = command && command->prepare;
	dump->command = command;
	dump->session = session;
}

/* Moves what the parser found at fault from the copy to the original request. */
static void dump_blame(const struct fl_session_dump *dump, const struct nlmsghdr *nlh,
		       struct fl_extack *extack)
{
	const char *from = (const char *)dump->request, *to = (const char *)nlh;

	*extack = dump->req.extack;
	if (extack->bad_attr)
		extack->bad_attr = (const void *)(to + ((const char *)extack->bad_attr - from));
	if (extack->miss_nest)
		extack->miss_nest = (const void *)(to + ((const char *)extack->miss_nest - from));
}

/* Puts the next part into msg. Returns 1 (more), 0 (that was all) or a negative errno. */
static int dump_fill(struct fl_session_dump *dump, struct fl_msg *msg)
{
	int got;

	dump->place.dump.msg = msg;
	dump->place.dump.full = false;
	fl_rcu_read_lock();
	if (dump->command)
		got = dump->command->dumpit(&dump->req, &dump->place.dump);
	else
		got = fl_ctrl_dump(dump->request, dump->req.portid, &dump->place.ctrl, msg,
				   &dump->req.extack);
	fl_rcu_read_unlock();
	/* An object that does not even fit an empty datagram would come again for ever. */
	return got > 0 && !msg->len ? -EMSGSIZE : got;
}

/* Ends the dump in msg. False if there is no room: it gets a datagram of its own. */
static bool dump_put_done(const struct fl_session *session, struct fl_msg *msg)
{
	const struct fl_session_dump *dump = session->dump;

	fl_extack_put_done(msg, dump->request, dump->req.portid, dump->place.error,
			   &dump->req.extack, session->options & FL_SESSION_EXT_ACK);
	if (!msg->err)
		return true;
	fl_msg_cancel(msg);
	return false;
}

/* Whether another datagram may be put before the reader. */
static bool dump_has_room(const struct fl_session *session)
{
	int queued;

	return ioctl(session->fd, SIOCOUTQ, &queued) || (unsigned int)queued < session->sndbuf / 2;
}

/* Builds and sends one datagram. Returns 1 (more to come), 0 (over), -EAGAIN, -EINPROGRESS (it
 * is being prepared), or, for the first datagram of a dump only, the error that it began with
 * (nothing was sent). */
static int dump_send_one(struct fl_session *session, bool first)
{
	struct fl_session_dump *dump = session->dump;
	struct dump_place before;
	bool over = false;
	struct fl_msg msg;
	int got, err;

	if (!dump_has_room(session))
		return -EAGAIN;
	if (!dump_prepare(dump))
		return -EINPROGRESS;
	before = dump->place;
	fl_msg_init_fixed(&msg, session->io->datagram, dump->bound);
	got = dump->place.ended ? 0 : dump_fill(dump, &msg);
	if (first && got < 0 && !dump->command)
		return got;
	if (got <= 0) {
		if (!dump->place.ended)
			dump->place.error = got;
		dump->place.ended = true;
		over = dump_put_done(session, &msg);
	}
	/* What it shows may have been told of before (S4). */
	err = fl_output_notifications(session);
	if (!err)
		err = fl_output_send(session, msg.buf, msg.len);
	if (err) {
		dump->place = before;
		return err;
	}
	FL_IO_STAT_ADD(session->io, dump_datagrams, 1);
	return !over;
}

static int dump_parse(struct fl_session_dump *dump, const struct fl_cmd *cmd)
{
	return fl_cmd_parse(cmd, dump->request, dump->req.tb, FL_ARRAY_SIZE(dump->req.tb),
			    &dump->req.extack);
}

int fl_dump_begin(struct fl_session *session, const struct nlmsghdr *nlh, const struct fl_cmd *cmd,
		  const struct fl_command *command, struct fl_extack *extack)
{
	struct fl_session_dump *dump = session->dump;
	int err;

	if (fl_dump_active(session))
		return -EBUSY;
	if (session->fd < 0)
		return 0;
	if (!dump) {
		dump = session->dump = calloc(1, sizeof(*dump));
		if (!dump)
			return -ENOMEM;
	}
	err = dump_copy_request(dump, nlh);
	if (err)
		return err;
	dump_init(session, cmd, command);
	if (cmd)
		err = dump_parse(dump, cmd);
	dump->bound = dump_bound(session);
	/* Answers that wait go first; then the dump begins when they have left. */
	if (!err && !session->out && session->writable) {
		err = dump_send_one(session, true);
		if (err == -EAGAIN)
			fl_output_want_room(session);
	}
	if (err < 0 && err != -EAGAIN && err != -EINPROGRESS) {
		dump_blame(dump, nlh, extack);
		return err;
	}
	FL_IO_STAT_ADD(session->io, dumps, 1);
	dump->active = err || session->out || !session->writable;
	if (!dump->active)
		dump_end(dump);
	else if (session->writable && !dump->away)
		fl_io_make_ready(session->io, session);
	return 0;
}

int fl_dump_continue(struct fl_session *session)
{
	int got;

	for (int n = 0; n < DUMP_SHARE; n++) {
		got = dump_send_one(session, false);
		if (got == -EAGAIN) {
			fl_output_want_room(session);
			return got;
		}
		if (got == -EINPROGRESS)
			return got;
		if (got == 0) {
			dump_end(session->dump);
			return 0;
		}
	}
	return 1;
}
