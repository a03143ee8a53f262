/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packet.c - the packets of attach/wire.h, with the descriptors that come along. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "server/knob.h"
#include "server/permission.h"
#include "server/server-private.h"
#include "server/session.h"

/* One more than a packet may bring, so that the kernel's rounding of the space hands out no
 * descriptor that is not looked at. */
#define PACKET_FDS 4

static void packet_init(struct fl_packet *packet)
{
	packet->next = NULL;
	packet->data = NULL;
	packet->len = 0;
	packet->token = packet->file_fd = -1;
	packet->netns = NULL;
	packet->netns_err = 0;
	packet->pid = -EBADF;
}

/* Closes a descriptor whose last close may block, e.g. a file of a file system in user
 * space: not on an I/O thread. */
static void packet_dispose(int *fd)
{
	if (*fd >= 0)
		fl_inspect_dispose(*fd);
	*fd = -1;
}

static void packet_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void packet_close_fds(struct fl_packet *packet)
{
	packet_close(&packet->token);
	fl_named_netns_put(packet->netns);
	packet->netns = NULL;
	packet_dispose(&packet->file_fd);
}

/* A file of the name space file system can be closed anywhere. Asks for what is cached, so that
 * no other process has a say in how long it takes. */
static bool packet_is_netns(const struct fl_session *session, int fd)
{
	struct statx st;

	return !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) &&
	       makedev(st.stx_dev_major, st.stx_dev_minor) == session->server->nsfs_dev;
}

/* Gives the received descriptors their meaning. False: not what the header says. */
static bool packet_assign_fds(struct fl_session *session, struct fl_packet *packet, int *fds,
			      unsigned int count)
{
	const struct fl_wire_hdr *hdr = &packet->hdr;
	unsigned int used = 0;

	if (hdr->flags & FL_WIRE_F_TOKEN) {
		if (used == count || !fl_token_valid(fds[used]))
			return false;
		packet->token = fds[used];
		fds[used++] = -1;
	}
	if (hdr->flags & FL_WIRE_F_NETNS) {
		if (used == count)
			return false;
		/* Another file than a namespace is like none: it does not resolve. */
		if (packet_is_netns(session, fds[used])) {
			packet->netns = fl_named_netns_new(session->server, fds[used]);
			packet->netns_err = packet->netns ? 0 : -ENOMEM;
			fds[used] = -1;
		}
		used++;
	}
	if (hdr->kind == FL_WIRE_INSPECT) {
		if (used == count)
			return false;
		packet->file_fd = fds[used];
		fds[used++] = -1;
	}
	if (hdr->kind == FL_WIRE_FOR) {
		if (used == count)
			return false;
		packet->pid = fl_pidfd_pid(fds[used]);
		if (packet->pid > 0) {
			packet->file_fd = fds[used];
			fds[used] = -1;
		} else if (packet->pid == -ESRCH) {
			packet_close(&fds[used]); /* a pidfd: that never blocks */
		}
		used++;
	}
	return used == count;
}

static unsigned int packet_collect_fds(struct msghdr *msg, int *fds)
{
	unsigned int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < bytes / sizeof(int) && count < PACKET_FDS; i++)
			memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return count;
}

static bool packet_valid(const struct fl_packet *packet, ssize_t got, int flags)
{
	const uint32_t known = FL_WIRE_F_TOKEN | FL_WIRE_F_NETNS;

	return !(flags & (MSG_TRUNC | MSG_CTRUNC)) && got >= (ssize_t)sizeof(packet->hdr) &&
	       got - sizeof(packet->hdr) <= FL_WIRE_MSG_MAX &&
	       packet->hdr.version == FL_WIRE_VERSION && packet->hdr.kind >= FL_WIRE_NETLINK &&
	       packet->hdr.kind <= FL_WIRE_CANCEL && !(packet->hdr.flags & ~known);
}

/* A socket of ours that came to a number which its program's supervisor does not see is a bare
 * connection: what is sent there is a netlink datagram as it is. The header of a packet
 * begins with what a netlink message's length never is. */
static bool packet_is_bare(const struct fl_packet *packet, ssize_t got)
{
	uint32_t first;

	_Static_assert(FL_WIRE_MSG_MAX < (FL_WIRE_NETLINK << 16 | FL_WIRE_VERSION),
		       "a length must not look like a header");
	memcpy(&first, &packet->hdr, sizeof(first));
	return got >= (ssize_t)sizeof(first) && got <= FL_WIRE_MSG_MAX && first <= FL_WIRE_MSG_MAX;
}

/* Makes one payload of what was received as header and payload. */
static bool packet_keep_bare(struct fl_session *session, struct fl_packet *packet,
			     unsigned char *buf, size_t got)
{
	size_t head = got < sizeof(packet->hdr) ? got : sizeof(packet->hdr), rest = got - head;
	unsigned char *data = malloc(got);

	if (!data)
		return false;
	memcpy(data, &packet->hdr, head);
	memcpy(data + head, buf, rest < FL_SESSION_BUF ? rest : FL_SESSION_BUF);
	if (rest > FL_SESSION_BUF)
		memcpy(data + head + FL_SESSION_BUF, session->io->tail, rest - FL_SESSION_BUF);
	packet->hdr = (struct fl_wire_hdr){ .version = FL_WIRE_VERSION, .kind = FL_WIRE_NETLINK };
	packet->data = data;
	packet->len = got;
	return true;
}

/* Where the payload stays: in buf, where it was received, if it fits there. */
static bool packet_keep_data(struct fl_session *session, struct fl_packet *packet,
			     unsigned char *buf, size_t len)
{
	packet->len = len;
	packet->data = buf;
	if (len <= FL_SESSION_BUF)
		return true;
	packet->data = malloc(len);
	if (!packet->data)
		return false;
	memcpy(packet->data, buf, FL_SESSION_BUF);
	memcpy(packet->data + FL_SESSION_BUF, session->io->tail, len - FL_SESSION_BUF);
	return true;
}

static ssize_t packet_recvmsg(struct fl_session *session, struct fl_packet *packet,
			      unsigned char *buf, struct msghdr *msg)
{
	struct iovec iov[] = { { &packet->hdr, sizeof(packet->hdr) },
			       { buf, FL_SESSION_BUF },
			       { session->io->tail, FL_WIRE_MSG_MAX - FL_SESSION_BUF + 1 } };
	ssize_t got;

	msg->msg_iov = iov;
	msg->msg_iovlen = FL_ARRAY_SIZE(iov);
	do {
		got = recvmsg(session->fd, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	msg->msg_iov = NULL;
	return got < 0 ? -errno : got;
}

/* buf: FL_SESSION_BUF bytes, where a small payload stays. */
static int packet_receive(struct fl_session *session, struct fl_packet *packet, unsigned char *buf)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(PACKET_FDS * sizeof(int))];
	} control;
	struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
	int fds[PACKET_FDS] = { -1, -1, -1, -1 };
	unsigned int count = 0;
	ssize_t got;
	bool good;

	packet_init(packet);
	got = packet_recvmsg(session, packet, buf, &msg);
	if (got <= 0)
		return got == -EAGAIN ? 0 : -EPIPE;
	if (msg.msg_controllen)
		count = packet_collect_fds(&msg, fds);
	if (packet_is_bare(packet, got))
		good = !count && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
		       packet_keep_bare(session, packet, buf, (size_t)got);
	else
		good = packet_valid(packet, got, msg.msg_flags) &&
		       packet_assign_fds(session, packet, fds, count) &&
		       packet_keep_data(session, packet, buf, (size_t)got - sizeof(packet->hdr));
	for (unsigned int i = 0; i < count; i++)
		packet_dispose(&fds[i]);
	if (!good) {
		packet_close_fds(packet);
		packet_init(packet);
		return -EBADMSG;
	}
	if (packet->hdr.rcvmax > session->rcvmax)
		session->rcvmax = packet->hdr.rcvmax;
	/* Of somebody who may change nothing it is not worth the trouble. */
	if (packet->netns && fl_permission_known(session) == FL_PERMISSION_ADMIN)
		fl_named_netns_begin(packet->netns);
	return 1;
}

static unsigned char *packet_buf(struct fl_request *request)
{
	return request ? (unsigned char *)request->buf : NULL;
}

int fl_packet_receive(struct fl_session *session)
{
	return packet_receive(session, &session->packet, packet_buf(session->request));
}

static bool packet_to_backlog(struct fl_session *session, const struct fl_packet *packet)
{
	struct fl_packet *copy = malloc(sizeof(*copy) + packet->len);

	if (!copy)
		return false;
	*copy = *packet;
	copy->data = (unsigned char *)(copy + 1);
	memcpy(copy->data, packet->data, packet->len);
	*session->backlog_tail = copy;
	session->backlog_tail = &copy->next;
	session->backlog_bytes += sizeof(*copy) + copy->len;
	return true;
}

void fl_packet_receive_rest(struct fl_session *session)
{
	/* Not the session's own buffer: a request may still be executed out of it. */
	unsigned char *buf = session->io->datagram;
	struct fl_packet packet;
	bool kept = true;

	while (kept && session->backlog_bytes < FL_SESSION_BACKLOG_MAX) {
		if (packet_receive(session, &packet, buf) <= 0)
			break;
		kept = packet_to_backlog(session, &packet);
		if (!kept)
			packet_close_fds(&packet);
		if (packet.data != buf)
			free(packet.data);
	}
}

bool fl_packet_from_backlog(struct fl_session *session)
{
	struct fl_packet *packet = session->backlog;

	if (!packet)
		return false;
	session->backlog = packet->next;
	if (!session->backlog)
		session->backlog_tail = &session->backlog;
	session->backlog_bytes -= sizeof(*packet) + packet->len;
	session->packet = *packet;
	session->packet.next = packet; /* the memory, for fl_packet_done() */
	return true;
}

void fl_packet_drop_backlog(struct fl_session *session)
{
	struct fl_packet *packet = session->backlog, *next;

	for (; packet; packet = next) {
		next = packet->next;
		packet_close_fds(packet);
		free(packet);
	}
	session->backlog = NULL;
	session->backlog_tail = &session->backlog;
	session->backlog_bytes = 0;
}

/* buf: the payload's, if it is not the packet's own. */
static void packet_free(struct fl_packet *packet, const unsigned char *buf)
{
	packet_close_fds(packet);
	if (packet->next)
		free(packet->next);
	else if (packet->data != buf)
		free(packet->data);
	packet_init(packet);
}

void fl_packet_done(struct fl_session *session, const struct fl_wire_reply *reply)
{
	if (reply && session->packet.token >= 0)
		fl_token_write(session->packet.token, reply);
	packet_free(&session->packet, packet_buf(session->request));
}

int fl_packet_leave(struct fl_session *session, struct fl_request *left, size_t offset)
{
	struct fl_packet *packet = &session->packet;
	size_t rest = packet->len > offset ? packet->len - offset : 0;
	unsigned char *data = packet_buf(session->request);
	int token = packet->token;

	left->packet = *packet;
	left->packet.token = -1;
	packet_init(packet);
	packet->token = token;
	if (data && rest > FL_SESSION_BUF)
		data = malloc(rest);
	if (!data)
		return -ENOMEM;
	if (rest)
		memcpy(data, left->packet.data + offset, rest);
	packet->data = data;
	packet->len = rest;
	packet->netns = fl_named_netns_get(left->packet.netns);
	packet->netns_err = left->packet.netns_err;
	return 0;
}

void fl_packet_free_left(struct fl_request *left)
{
	packet_free(&left->packet, packet_buf(left));
}

static void packet_bind(struct fl_session *session, struct fl_wire_reply *reply)
{
	const struct fl_wire_hdr *hdr = &session->packet.hdr;
	uint64_t groups = (session->groups & ~(uint64_t)UINT32_MAX) | hdr->arg1;

	/* Bound once, a socket can only be bound to the same id again, which 0 is not. */
	if (session->portid && hdr->arg0 != session->portid)
		reply->error = -EINVAL;
	else
		reply->error = fl_portid_bind(session, hdr->arg0);
	if (!reply->error)
		reply->error = fl_multicast_set_groups(session, groups);
	reply->value0 = session->portid;
}

static int behalf_name(struct fl_session *session)
{
	struct fl_client *client;
	char name[48];

	/* Root may speak for anybody; of others it is told who they are. */
	snprintf(name, sizeof(name), "pid %d uid %u", (int)session->behalf.pid,
		 (unsigned int)(session->uid ? session->uid : session->behalf.uid));
	client = fl_client_new(name);
	if (!client)
		return -ENOMEM;
	fl_client_set_owner(client, session->uid ? session->uid : session->behalf.uid);
	session->peer = session->client;
	session->client = session->request->req.client = client;
	return 0;
}

static void behalf_found(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);
	struct fl_wire_reply reply = { .error = session->result };

	fl_session_came_back(session);
	if (!reply.error)
		reply.error = behalf_name(session);
	/* Closing a pidfd never blocks. */
	packet_close(&session->packet.file_fd);
	fl_packet_done(session, &reply);
	session->working = false;
	fl_session_run(session);
}

static void behalf_find(struct fl_errand *errand)
{
	struct fl_session *session = FL_CONTAINER_OF(errand, struct fl_session, errand);
	const struct fl_packet *packet = &session->packet;

	session->result = fl_permission_behalf(session, packet->pid, packet->file_fd);
	fl_session_come_back(session, behalf_found);
}

/* From now on the session is another process's, too. True when done. */
static bool packet_for(struct fl_session *session, struct fl_wire_reply *reply)
{
	reply->error = session->behalf.pid ? -EALREADY : session->packet.pid;
	if (session->behalf.pid)
		return true;
	/* Until it is found out: nobody, who may nothing. */
	session->behalf.pid = -1;
	session->permission = FL_PERMISSION_DENIED;
	if (reply->error < 0)
		return true;
	fl_session_go_away(session);
	session->errand.run = behalf_find;
	fl_errands_post(session->server->errands, &session->errand);
	return false;
}

bool fl_packet_work(struct fl_session *session)
{
	const struct fl_wire_hdr *hdr = &session->packet.hdr;
	struct fl_wire_reply reply = { 0 };

	/* What was asked of the socket has gone with it; what was asked of the plane has not, nor
	 * on whose behalf. */
	if (session->fd < 0 && hdr->kind != FL_WIRE_NETLINK && hdr->kind != FL_WIRE_FOR) {
		fl_packet_done(session, NULL);
		return true;
	}
	switch ((enum fl_wire_kind)hdr->kind) {
	case FL_WIRE_NETLINK:
		if (session->fd >= 0)
			fl_portid_autobind(session);
		if (!fl_request_work(session))
			return false;
		break;
	case FL_WIRE_BIND:
		packet_bind(session, &reply);
		break;
	case FL_WIRE_NAME:
		reply.value0 = session->portid;
		reply.value1 = (uint32_t)session->groups;
		break;
	case FL_WIRE_SETOPT:
		reply.error = fl_option_set(session, hdr->arg0, hdr->arg1);
		break;
	case FL_WIRE_GETOPT:
		reply.error = fl_option_get(session, hdr->arg0, &reply);
		break;
	case FL_WIRE_INSPECT:
		if (!fl_inspect_work(session, &reply))
			return false;
		break;
	case FL_WIRE_KNOB:
		if (!fl_server_knob_work(session))
			return false;
		fl_packet_done(session, NULL);
		return true;
	case FL_WIRE_FOR:
		if (!packet_for(session, &reply))
			return false;
		break;
	case FL_WIRE_CANCEL:
		if (!fl_cancel_work(session, &reply))
			return false;
		break;
	}
	fl_packet_done(session, &reply);
	return true;
}
