/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "server/dump.h"
#include "server/session.h"

/* Notifications that leave by one system call, and by one turn. */
#define OUTPUT_BATCH FL_OUTPUT_ANSWERS
#define OUTPUT_SHARE (4 * OUTPUT_BATCH)

#define OUTPUT_EVERYTHING UINT64_MAX

void fl_output_want_room(struct fl_session *session)
{
	session->writable = false;
	if (session->wants_out)
		return;
	session->wants_out = true;
	fl_session_arm(session);
}

/* While nothing waits for room, the reads of the client should not wake us. */
static void output_want_no_room(struct fl_session *session)
{
	session->wants_out = false;
	fl_session_arm(session);
}

/* Sends datagrams; returns how many found room, with *ret_err = 0, -EAGAIN or, for one that
 * can never be sent, -EMSGSIZE. A peer that has gone takes everything. */
static unsigned int output_sendmmsg(struct fl_session *session, const struct iovec *iov,
				    unsigned int count, int *ret_err)
{
	struct mmsghdr msgs[OUTPUT_BATCH];
	int sent;

	*ret_err = 0;
	if (count == 1) {
		sent = send(session->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent = sent < 0 ? sent : 1;
	} else {
		memset(msgs, 0, count * sizeof(msgs[0]));
		for (unsigned int i = 0; i < count; i++) {
			msgs[i].msg_hdr.msg_iov = (struct iovec *)&iov[i];
			msgs[i].msg_hdr.msg_iovlen = 1;
		}
		sent = sendmmsg(session->fd, msgs, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (sent >= 0)
		return (unsigned int)sent;
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		*ret_err = -EAGAIN;
		return 0;
	case EMSGSIZE:
		*ret_err = -EMSGSIZE;
		return 0;
	}
	session->hung_up = true;
	return count;
}

int fl_output_send(struct fl_session *session, const void *data, size_t len)
{
	const struct iovec iov = { (void *)data, len };
	int err;

	output_sendmmsg(session, &iov, 1, &err);
	if (err == -EMSGSIZE) {
		fl_log(FL_LOG_WARN, "%s: %zu bytes are more than its socket can take",
		       fl_client_name(session->client), len);
		session->overrun = true;
		err = 0;
	}
	return err;
}

static int output_overrun(struct fl_session *session)
{
	const struct nlmsghdr lost = { .nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = FL_WIRE_OVERRUN };
	int err;

	if (!session->overrun)
		return 0;
	session->overrun = false;
	err = fl_output_send(session, &lost, sizeof(lost));
	if (err)
		session->overrun = true;
	else
		FL_IO_STAT_ADD(session->io, overruns, 1);
	return err;
}

static void output_lost(struct fl_session *session)
{
	if (!(session->options & FL_SESSION_NO_ENOBUFS))
		session->overrun = true;
}

/* Collects what the session is to hear of its log up to `limit`. before[i] is where the
 * reader stood before record i. */
static unsigned int output_collect(struct fl_session *session, uint64_t limit,
				   struct fl_evrec **recs, uint64_t *before, bool *ret_more)
{
	struct fl_subscription *sub = &session->subscription;
	unsigned int count = 0;
	int err;

	*ret_more = true;
	for (unsigned int looked = 0; count < OUTPUT_BATCH && looked < OUTPUT_SHARE; looked++) {
		if (sub->position >= limit)
			break;
		before[count] = sub->position;
		err = fl_evlog_read(session->ns->log, &sub->position, &recs[count]);
		if (err == -ENOBUFS) {
			output_lost(session);
			/* What was read before the loss goes out before the word of it. */
			if (count || session->overrun)
				return count;
			continue;
		}
		if (err) {
			*ret_more = false;
			return count;
		}
		if (fl_multicast_wanted(session, recs[count]))
			count++;
		else
			fl_evrec_put(recs[count]);
	}
	*ret_more = sub->position < limit;
	return count;
}

/* One batch of notifications. Returns 0 (none left up to limit), 1 (more), -EAGAIN. */
static int output_events(struct fl_session *session, uint64_t limit)
{
	struct fl_evrec *recs[OUTPUT_BATCH];
	uint64_t before[OUTPUT_BATCH];
	struct iovec iov[OUTPUT_BATCH];
	unsigned int count, sent;
	bool more, lost = session->overrun;
	int err = output_overrun(session);

	if (err || !session->subscription.feed)
		return err;
	count = output_collect(session, limit, recs, before, &more);
	if (!count)
		return more || session->overrun != lost;
	for (unsigned int i = 0; i < count; i++)
		iov[i] = (struct iovec){ recs[i]->data, recs[i]->len };
	sent = output_sendmmsg(session, iov, count, &err);
	FL_IO_STAT_ADD(session->io, events, sent);
	if (err == -EMSGSIZE)
		sent++;
	if (sent < count) {
		session->subscription.position = before[sent];
		/* If a loss was noticed behind these, it will be again. */
		session->overrun = false;
		more = true;
	}
	if (err == -EMSGSIZE) {
		output_lost(session);
		more = true;
		err = 0;
	}
	for (unsigned int i = 0; i < count; i++)
		fl_evrec_put(recs[i]);
	return err ? err : more;
}

static int output_events_until(struct fl_session *session, uint64_t limit)
{
	int err;

	for (int n = 0; n < OUTPUT_SHARE / OUTPUT_BATCH; n++) {
		err = output_events(session, limit);
		if (err <= 0)
			return err;
	}
	return 1;
}

int fl_output_notifications(struct fl_session *session)
{
	if (!session->subscription.feed)
		return 0;
	return output_events_until(session, fl_evlog_end(session->ns->log));
}

/* Keeps an answer for later, or loses it if the client has let too many wait. */
static void output_keep(struct fl_session *session, const struct iovec *datagram, uint64_t after)
{
	struct fl_out *out = NULL;

	if (session->out_bytes + datagram->iov_len <= FL_SESSION_OUT_MAX)
		out = malloc(sizeof(*out) + datagram->iov_len);
	if (!out) {
		output_lost(session);
		FL_IO_STAT_ADD(session->io, replies_dropped, 1);
		return;
	}
	out->next = NULL;
	out->after = after;
	out->len = datagram->iov_len;
	memcpy(out->data, datagram->iov_base, out->len);
	*session->out_tail = out;
	session->out_tail = &out->next;
	session->out_bytes += out->len;
}

void fl_output_answer(struct fl_session *session, const struct iovec *datagrams, unsigned int count)
{
	uint64_t after = 0;
	unsigned int sent = 0;
	int err = 0;

	if (session->fd < 0 || !count)
		return;
	if (session->subscription.feed)
		after = fl_evlog_end(session->ns->log);
	if (session->out || !session->writable)
		err = -EAGAIN;
	else if (session->subscription.feed || session->overrun)
		err = output_events_until(session, after);
	if (!err)
		sent = output_sendmmsg(session, datagrams, count, &err);
	FL_IO_STAT_ADD(session->io, replies, sent);
	if (err == -EMSGSIZE) {
		output_lost(session);
		sent++;
	}
	for (; sent < count; sent++)
		output_keep(session, &datagrams[sent], after);
	if (err == -EAGAIN && session->writable)
		fl_output_want_room(session);
	else if (session->out)
		fl_io_make_ready(session->io, session);
}

static int output_kept(struct fl_session *session)
{
	struct fl_out *out = session->out;
	int err = output_events_until(session, out->after);

	if (!err)
		err = fl_output_send(session, out->data, out->len);
	if (err)
		return err;
	session->out = out->next;
	if (!session->out)
		session->out_tail = &session->out;
	session->out_bytes -= out->len;
	free(out);
	FL_IO_STAT_ADD(session->io, replies, 1);
	return 0;
}

int fl_output_flush(struct fl_session *session)
{
	int err = 0;

	for (int n = 0; !err && session->out; n++)
		err = n < OUTPUT_SHARE ? output_kept(session) : 1;
	if (!err)
		err = output_events_until(session, OUTPUT_EVERYTHING);
	if (err == -EAGAIN)
		fl_output_want_room(session);
	else if (!err && session->wants_out && !fl_dump_sending(session))
		output_want_no_room(session);
	return err;
}

void fl_output_drop(struct fl_session *session)
{
	struct fl_out *out = session->out, *next;

	for (; out; out = next) {
		next = out->next;
		free(out);
	}
	session->out = NULL;
	session->out_tail = &session->out;
	session->out_bytes = 0;
}
