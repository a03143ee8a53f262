/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* knob.c - FL_WIRE_KNOB: `finelink device`, and whatever serves the knobs as files. */
#include "server/knob.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "attach/wire.h"
#include "core/knob.h"
#include "server/server-private.h"
#include "server/session.h"

/* A write that is being prepared, is away, or has come back. */
struct fl_session_knob {
	struct fl_knob_call call; /* with a reference on its client */
	struct fl_session *session;
	struct fl_named_netns *netns; /* where the writer is, if that is elsewhere */
	bool begun;
	int err;
	int gone; /* atomic: enum fl_gone */
};

static void knob_answer(struct fl_session *session, int err, const char *text, size_t len)
{
	struct fl_wire_reply reply = { .error = err, .value0 = (uint32_t)len };

	if (session->packet.token >= 0)
		fl_token_write_text(session->packet.token, &reply, text, len);
}

/* The payload is a path, NUL, and what is written, which need not end with one. */
static int knob_split(const struct fl_packet *packet, const char **ret_path, const char **ret_text,
		      size_t *ret_len)
{
	const char *data = (const char *)packet->data;
	size_t path_len = strnlen(data, packet->len);

	if (!path_len || path_len > FL_KNOB_PATH_MAX || path_len == packet->len)
		return -EINVAL;
	*ret_path = data;
	*ret_text = data + path_len + 1;
	*ret_len = strnlen(*ret_text, packet->len - path_len - 1);
	return *ret_len > FL_KNOB_TEXT_MAX ? -EINVAL : 0;
}

static void knob_read(struct fl_session *session, const char *path)
{
	char text[FL_KNOB_TEXT_MAX];
	ssize_t len = fl_knob_read(session->server->plane, path, text, sizeof(text));

	knob_answer(session, len < 0 ? (int)len : 0, text, len < 0 ? 0 : (size_t)len);
}

static void knob_list(struct fl_session *session, const char *prefix)
{
	char text[FL_KNOB_TEXT_MAX];
	unsigned int count;
	size_t len = fl_knob_list(session->server->plane, prefix, session->packet.hdr.arg1, text,
				  sizeof(text), &count);

	knob_answer(session, 0, text, len);
}

static void knob_back(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);

	fl_session_came_back(session);
	fl_session_run(session);
}

static void knob_complete(struct fl_knob_call *call, int err)
{
	struct fl_session_knob *knob = FL_CONTAINER_OF(call, struct fl_session_knob, call);

	knob->err = err;
	fl_session_come_back(knob->session, knob_back);
}

static void knob_free(struct fl_session_knob *knob)
{
	fl_named_netns_put(knob->netns);
	fl_client_put(knob->call.client);
	free(knob);
}

static void knob_written(struct fl_session *session, struct fl_session_knob *knob, int err)
{
	const char *why = knob->call.extack.msg;

	knob_answer(session, err, why, err ? strlen(why) : 0);
	knob_free(knob);
}

void fl_server_knob_free(struct fl_session *session)
{
	if (session->knob)
		knob_free(session->knob);
	session->knob = NULL;
}

/* ---- parked operations ------------------------------------------------------------ */

void fl_server_knob_leave(struct fl_session *session)
{
	struct fl_session_knob *knob = session->knob;

	session->parked = false;
	session->knob = NULL;
	if (fl_let_go(&knob->gone, FL_GONE_SESSION))
		knob_free(knob);
}

static void knob_parked(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);

	fl_session_came_back(session);
	fl_server_knob_leave(session);
	knob_answer(session, -ENODEV, FL_PARKED_TEXT, strlen(FL_PARKED_TEXT));
	fl_packet_done(session, NULL);
	session->working = false;
	fl_session_run(session);
}

static void knob_abandon(struct fl_knob_call *call)
{
	struct fl_session *session = FL_CONTAINER_OF(call, struct fl_session_knob, call)->session;

	session->parked = true;
	fl_session_come_back(session, knob_parked);
}

static void knob_release(struct fl_knob_call *call)
{
	struct fl_session_knob *knob = FL_CONTAINER_OF(call, struct fl_session_knob, call);

	if (fl_let_go(&knob->gone, FL_GONE_OPERATION))
		knob_free(knob);
}

/* ---- writing ---------------------------------------------------------------------- */

/* The socket was made where its maker is, and tells. */
static void name_writer(struct fl_session *session, struct fl_session_knob *knob)
{
	int fd;

	knob->call.elsewhere = session->ns != fl_netns_initial(fl_plane_netns(knob->call.plane));
	if (!knob->call.elsewhere)
		return;
	fd = ioctl(session->fd, SIOCGSKNS);
	if (fd < 0)
		knob->call.ns_err = -errno;
	else if (!(knob->netns = fl_named_netns_new(session->server, fd)))
		knob->call.ns_err = -ENOMEM;
}

static struct fl_session_knob *knob_new(struct fl_session *session, const char *text, size_t len)
{
	struct fl_session_knob *knob = calloc(1, sizeof(*knob));

	if (!knob)
		return NULL;
	knob->session = session;
	knob->call.plane = session->server->plane;
	knob->call.client = fl_client_get(session->client);
	knob->call.complete = knob_complete;
	knob->call.abandon = knob_abandon;
	knob->call.release = knob_release;
	memcpy(knob->call.text, text, len);
	name_writer(session, knob);
	return knob;
}

/* True when done. */
static bool knob_write(struct fl_session *session, const char *path, const char *text, size_t len)
{
	struct fl_session_knob *knob = session->knob;
	int err;

	if (!knob)
		knob = session->knob = knob_new(session, text, len);
	if (!knob) {
		knob_answer(session, -ENOMEM, NULL, 0);
		return true;
	}
	if (knob->netns) {
		if (!fl_named_netns_await(knob->netns, session))
			return false;
		knob->call.ns = fl_named_netns_found(knob->netns, &knob->call.ns_err);
	}
	knob->begun = true;
	fl_session_go_away(session);
	err = fl_knob_write(path, &knob->call);
	if (err == FL_LATER)
		return false;
	fl_session_came_back(session);
	session->knob = NULL;
	knob_written(session, knob, err);
	return true;
}

bool fl_server_knob_work(struct fl_session *session)
{
	struct fl_session_knob *knob = session->knob;
	const char *path, *text;
	size_t len;
	int err;

	if (knob && knob->begun) {
		session->knob = NULL;
		knob_written(session, knob, knob->err);
		return true;
	}
	err = fl_request_permission(session);
	if (err == FL_LATER)
		return false;
	if (!err)
		err = knob_split(&session->packet, &path, &text, &len);
	if (err) {
		knob_answer(session, err, NULL, 0);
		return true;
	}
	switch ((enum fl_wire_knob)session->packet.hdr.arg0) {
	case FL_WIRE_KNOB_READ:
		knob_read(session, path);
		return true;
	case FL_WIRE_KNOB_WRITE:
		return knob_write(session, path, text, len);
	case FL_WIRE_KNOB_LIST:
		knob_list(session, path);
		return true;
	}
	knob_answer(session, -EINVAL, NULL, 0);
	return true;
}
