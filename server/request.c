/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request.c - netlink messages, from the check of the header to the acknowledgement. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nl/ctrl.h"
#include "server/dump.h"
#include "server/filter.h"
#include "server/output.h"
#include "server/server-private.h"
#include "server/session.h"

/* What only this file returns besides an errno: the request is answered otherwise (a
 * dump), or waits for something about its sender to be found: its permission, what its
 * descriptor means. */
#define REQUEST_ANSWERED 2
#define REQUEST_ASKED 3

/* The first command whose header is checked for what older ones ignore. */
#define DEVLINK_STRICT_FROM DEVLINK_CMD_NOTIFY_FILTER_SET
#define CTRL_STRICT_FROM (CTRL_CMD_GETPOLICY + 1)

static const struct nlmsghdr *request_message(const struct fl_session *session)
{
	return (const struct nlmsghdr *)(session->packet.data + session->offset);
}

/* Whether a whole message is at session->offset. */
static bool request_is_there(const struct fl_session *session)
{
	size_t left = session->packet.len - session->offset;
	const struct nlmsghdr *nlh = request_message(session);

	return session->offset < session->packet.len && left >= NLMSG_HDRLEN &&
	       nlh->nlmsg_len >= NLMSG_HDRLEN && nlh->nlmsg_len <= left;
}

static bool request_is_dump(const struct nlmsghdr *nlh)
{
	return (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

static int request_check_header(struct fl_session *session, const struct nlmsghdr *nlh,
				const struct genlmsghdr *genl, unsigned int strict_from)
{
	uint16_t flags = nlh->nlmsg_flags;

	if (genl->cmd < strict_from)
		return 0;
	if (genl->reserved) {
		fl_extack_set(&session->request->req.extack, "genlmsghdr.reserved field is not 0");
		return -EINVAL;
	}
	if (request_is_dump(nlh))
		flags &= ~NLM_F_DUMP;
	if (flags & ~(NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO)) {
		fl_extack_set(&session->request->req.extack,
			      "ambiguous or reserved bits set in nlmsg_flags");
		return -EINVAL;
	}
	return 0;
}

static int request_ctrl(struct fl_session *session, const struct nlmsghdr *nlh)
{
	int err;

	if (!request_is_dump(nlh))
		return fl_ctrl_do(nlh, session->portid, &session->request->req.reply, &session->request->req.extack);
	err = fl_dump_begin(session, nlh, NULL, NULL, &session->request->req.extack);
	return err ? err : REQUEST_ANSWERED;
}

static void request_permission_found(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);

	fl_session_came_back(session);
	fl_session_run(session);
}

static void request_find_permission(struct fl_errand *errand)
{
	struct fl_session *session = FL_CONTAINER_OF(errand, struct fl_session, errand);

	fl_permission_find(session);
	fl_session_come_back(session, request_permission_found);
}

int fl_request_permission(struct fl_session *session)
{
	switch (fl_permission_known(session)) {
	case FL_PERMISSION_ADMIN:
		return 0;
	case FL_PERMISSION_DENIED:
		return -EPERM;
	case FL_PERMISSION_UNKNOWN:
		break;
	}
	fl_session_go_away(session);
	session->errand.run = request_find_permission;
	fl_errands_post(session->server->errands, &session->errand);
	return FL_LATER;
}

static int request_filter_set(struct fl_session *session)
{
	struct fl_filter *filter;
	int err = fl_filter_new(session->request->req.tb, &filter);

	if (err)
		return err;
	fl_filter_free(session->filter);
	session->filter = filter;
	return 0;
}

/* What the message says of a namespace. True when it is known; false: the session is away. */
static bool request_find_netns(struct fl_session *session)
{
	struct fl_req *req = &session->request->req;
	struct fl_named_netns *named = session->packet.netns;

	req->target_ns = NULL;
	req->target_err = session->packet.netns_err;
	if (!named || !(req->tb[DEVLINK_ATTR_NETNS_FD] || req->tb[DEVLINK_ATTR_NETNS_PID]))
		return true;
	if (!fl_named_netns_await(named, session))
		return false;
	req->target_ns = fl_named_netns_found(named, &req->target_err);
	return true;
}

static int request_do(struct fl_session *session, const struct nlmsghdr *nlh,
		      const struct fl_cmd *cmd, const struct fl_command *command)
{
	struct fl_req *req = &session->request->req;
	int err;

	err = fl_cmd_parse(cmd, nlh, req->tb, FL_ARRAY_SIZE(req->tb), &req->extack);
	if (err)
		return err;
	if (cmd->cmd == DEVLINK_CMD_NOTIFY_FILTER_SET)
		return request_filter_set(session);
	if (!command || !command->doit)
		return -EOPNOTSUPP;
	if (!request_find_netns(session))
		return REQUEST_ASKED;
	req->cmd = cmd;
	req->nlh = nlh;
	req->portid = session->portid;
	/* From the call on it may be completed by another thread. */
	fl_session_go_away(session);
	err = command->doit(req);
	if (err != FL_LATER)
		fl_session_came_back(session);
	return err;
}

static const struct fl_cmd *request_find_cmd(const struct nlmsghdr *nlh, uint8_t number)
{
	enum fl_cmd_flags mode = request_is_dump(nlh) ? FL_CMD_DUMP : FL_CMD_DO;
	const struct fl_cmd *cmd = &fl_devlink_cmds[number];

	return number < fl_devlink_cmds_len && cmd->name && cmd->flags & mode ? cmd : NULL;
}

static int request_devlink(struct fl_session *session, const struct nlmsghdr *nlh,
			   const struct genlmsghdr *genl)
{
	const struct fl_cmd *cmd = request_find_cmd(nlh, genl->cmd);
	const struct fl_command *command =
		genl->cmd < fl_commands_len ? &fl_commands[genl->cmd] : NULL;
	int err;

	if (!cmd)
		return -EOPNOTSUPP;
	if (cmd->flags & (FL_CMD_ADMIN | FL_CMD_UNS_ADMIN)) {
		err = fl_request_permission(session);
		if (err)
			return err == FL_LATER ? REQUEST_ASKED : err;
	}
	if (!request_is_dump(nlh))
		return request_do(session, nlh, cmd, command);
	if (!command || !command->dumpit)
		return -EOPNOTSUPP;
	err = fl_dump_begin(session, nlh, cmd, command, &session->request->req.extack);
	return err ? err : REQUEST_ANSWERED;
}

/* Executes one message. Returns 0, a negative errno, FL_LATER or REQUEST_... */
static int request_execute(struct fl_session *session, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = (const struct genlmsghdr *)(nlh + 1);
	bool ctrl = nlh->nlmsg_type == FL_FAMILY_CTRL;
	int err;

	memset(session->request->req.tb, 0, sizeof(session->request->req.tb));
	memset(&session->request->req.extack, 0, sizeof(session->request->req.extack));
	fl_msg_reset(&session->request->req.reply);
	if (!(nlh->nlmsg_flags & NLM_F_REQUEST) || nlh->nlmsg_type < NLMSG_MIN_TYPE)
		return 0;
	if (!ctrl && nlh->nlmsg_type != FL_FAMILY_DEVLINK)
		return -ENOENT;
	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EINVAL;
	err = request_check_header(session, nlh, genl, ctrl ? CTRL_STRICT_FROM : DEVLINK_STRICT_FROM);
	if (err)
		return err;
	return ctrl ? request_ctrl(session, nlh) : request_devlink(session, nlh, genl);
}

/* Collects the messages of a reply, each a datagram of its own, as in the kernel, where the end
 * of many goes along with the last; sends when `out` is full but for one. Returns how many are
 * left in it. */
static unsigned int request_reply(struct fl_session *session, struct iovec *out, unsigned int cap)
{
	const struct fl_msg *reply = &session->request->req.reply;
	unsigned int count = 0;
	struct nlmsghdr *nlh;

	for (size_t at = 0; at < reply->len; at += NLMSG_ALIGN(nlh->nlmsg_len)) {
		nlh = (struct nlmsghdr *)(reply->buf + at);
		if (nlh->nlmsg_type == NLMSG_DONE && count) {
			out[count - 1].iov_len = NLMSG_ALIGN(out[count - 1].iov_len) +
						 nlh->nlmsg_len;
			continue;
		}
		if (count == cap - 1) {
			fl_output_answer(session, out, count);
			count = 0;
		}
		out[count++] = (struct iovec){ nlh, nlh->nlmsg_len };
	}
	return count;
}

/* The reply, if it succeeded, then the ACK, if it was asked for or there is an error. */
static void request_answer(struct fl_session *session, const struct nlmsghdr *nlh, int err)
{
	struct fl_msg *reply = &session->request->req.reply, ack;
	struct iovec out[FL_OUTPUT_ANSWERS];
	unsigned int count = 0;

	if (session->fd < 0)
		return;
	if (!err && reply->err)
		err = reply->err;
	if (!err)
		count = request_reply(session, out, FL_OUTPUT_ANSWERS);
	if (err || nlh->nlmsg_flags & NLM_F_ACK) {
		fl_msg_init_fixed(&ack, session->io->ack, FL_IO_ACK_MAX);
		fl_extack_put_ack(&ack, nlh, session->portid, err, &session->request->req.extack,
				  session->options & FL_SESSION_CAP_ACK,
				  session->options & FL_SESSION_EXT_ACK);
		out[count++] = (struct iovec){ ack.buf, ack.len };
	}
	fl_output_answer(session, out, count);
}

/* Steps behind the message, as far as it says it reaches. */
static void request_next(struct fl_session *session, const struct nlmsghdr *nlh)
{
	/* A large reply's memory is not for keeping. */
	if (session->request->req.reply.cap > FL_SESSION_BUF)
		fl_msg_done(&session->request->req.reply);
	session->offset += NLMSG_ALIGN(nlh->nlmsg_len);
}

bool fl_request_work(struct fl_session *session)
{
	for (; request_is_there(session); session->share--) {
		const struct nlmsghdr *nlh = request_message(session);
		int err;

		if (!session->share)
			return false;
		err = request_execute(session, nlh);

		if (err == FL_LATER || err == REQUEST_ASKED)
			return false;
		FL_IO_STAT_ADD(session->io, requests, 1);
		if (err != REQUEST_ANSWERED)
			request_answer(session, nlh, err);
		request_next(session, nlh);
	}
	return true;
}

static void request_completed(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);
	const struct nlmsghdr *nlh = request_message(session);

	fl_session_came_back(session);
	FL_IO_STAT_ADD(io, requests, 1);
	request_answer(session, nlh, session->result);
	request_next(session, nlh);
	fl_session_run(session);
}

static void request_complete(struct fl_req *req, int err)
{
	struct fl_session *session = FL_CONTAINER_OF(req, struct fl_request, req)->session;

	session->result = err;
	fl_session_come_back(session, request_completed);
}

/* ---- parked operations ------------------------------------------------------------ */

/* The request stays its operation's; the session answers it and goes on with another. */
static void request_parked(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);
	const struct nlmsghdr *nlh = request_message(session);
	struct fl_request *left = session->request;
	int err;

	fl_session_came_back(session);
	session->request = fl_request_new(session);
	err = fl_packet_leave(session, left, session->offset + NLMSG_ALIGN(nlh->nlmsg_len));
	if (!err) {
		FL_IO_STAT_ADD(io, requests, 1);
		fl_extack_set(&session->request->req.extack, FL_PARKED_TEXT);
		request_answer(session, nlh, -ENODEV);
		session->offset = 0;
	}
	fl_request_leave(session, left);
	if (err)
		fl_session_end(session); /* better than a client that waits for ever */
	else
		fl_session_run(session);
}

static void request_abandon(struct fl_req *req)
{
	struct fl_session *session = FL_CONTAINER_OF(req, struct fl_request, req)->session;

	session->parked = true;
	fl_session_come_back(session, request_parked);
}

static void request_release(struct fl_req *req)
{
	struct fl_request *request = FL_CONTAINER_OF(req, struct fl_request, req);

	if (fl_let_go(&request->gone, FL_GONE_OPERATION))
		fl_request_free(request);
}

void fl_request_leave(struct fl_session *session, struct fl_request *request)
{
	session->parked = false;
	request->left = true;
	fl_netns_get(session->ns);
	fl_client_get(session->client);
	if (fl_let_go(&request->gone, FL_GONE_SESSION))
		fl_request_free(request);
}

/* ---- its memory ------------------------------------------------------------------- */

struct fl_request *fl_request_new(struct fl_session *session)
{
	struct fl_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->session = session;
	fl_msg_init(&request->req.reply);
	request->req.plane = session->server->plane;
	request->req.ns = session->ns;
	request->req.client = session->client;
	request->req.complete = request_complete;
	request->req.abandon = request_abandon;
	request->req.release = request_release;
	return request;
}

void fl_request_free(struct fl_request *request)
{
	if (!request)
		return;
	fl_msg_done(&request->req.reply);
	if (request->left) {
		fl_packet_free_left(request);
		fl_client_put(request->req.client);
		fl_netns_put(request->req.ns);
	}
	free(request);
}
