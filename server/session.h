/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session.h - one connection of a client, which stands for one netlink socket.
 *
 * Requests of one session run one at a time, in order; the next packet is read when the
 * one before is done, which is the flow control. At most one part of a session is ever
 * away on another thread (an operation, a look at /proc, an inspection): `away`.
 *
 * Rules of struct fl_session:
 * 1. All of it is the I/O thread's, but while `away` is set: then `request`, `errand` or `knob`
 *    is whoever's has it, until it posts `back`. What was abandoned (core/req.h) stays its
 *    operation's: the session gets another in its place.
 * 2. portid_next, portid and portid_key are written under the lock of the port ids.
 * 3. io, server, ns, pid, uid: never change; client, peer, behalf: once, by FL_WIRE_FOR.
 * 4. Once the peer has hung up, fd is closed at once, so that it does not keep the
 *    peer's namespace alive; the rest lives until its requests are done.
 */
#ifndef FL_SERVER_SESSION_H
#define FL_SERVER_SESSION_H

#include <sys/types.h>

#include "core/req.h"
#include "server/io.h"
#include "server/multicast.h"
#include "server/named-netns.h"
#include "server/permission.h"

struct fl_session_dump;
struct fl_filter;
struct fl_session_knob;

/* A packet of a client: its payload and the descriptors that came with it. */
struct fl_packet {
	struct fl_packet *next;
	struct fl_wire_hdr hdr;
	unsigned char *data; /* in the request's buffer, behind this struct, or by itself */
	size_t len;
	int token, file_fd;	      /* -1: none; file_fd: of FL_WIRE_FOR, the pidfd */
	struct fl_named_netns *netns; /* FL_WIRE_F_NETNS; NULL: none, or none that can be had */
	int netns_err;		      /* why not */
	pid_t pid;		      /* of FL_WIRE_FOR; or a negative errno */
};

/* An answer that waits for room in the socket, after the notifications before it. */
struct fl_out {
	struct fl_out *next;
	uint64_t after; /* the log's end when the answer was given */
	size_t len;
	unsigned char data[];
};

enum fl_session_option {
	FL_SESSION_PKTINFO = 1 << 0,
	FL_SESSION_BROADCAST_ERROR = 1 << 1,
	FL_SESSION_NO_ENOBUFS = 1 << 2,
	FL_SESSION_CAP_ACK = 1 << 3,
	FL_SESSION_EXT_ACK = 1 << 4,
	FL_SESSION_STRICT_CHK = 1 << 5,
};

/* What a session keeps for a packet; larger ones get memory of their own meanwhile. */
#define FL_SESSION_BUF 2048
/* Answers that may wait in a session whose client does not read; more are lost, as in the
 * kernel, and the client is told so. */
#define FL_SESSION_OUT_MAX (256 * 1024)
/* Packets that a client may have left behind when it went away. */
#define FL_SESSION_BACKLOG_MAX (4 * 1024 * 1024)

/* Who has let go of what a parked operation took with it: session, operation, or both. */
enum fl_gone { FL_GONE_SESSION = 1 << 0, FL_GONE_OPERATION = 1 << 1 };

/* A request, and the memory out of which it is executed. */
struct fl_request {
	struct fl_req req;
	struct fl_session *session; /* until it has let go */
	int gone;                   /* atomic: enum fl_gone */
	/* What the session left to it: with references on req.ns and req.client. */
	bool left;
	struct fl_packet packet;
	uint64_t buf[FL_SESSION_BUF / sizeof(uint64_t)];
};

struct fl_session {
	struct fl_io *io;
	struct fl_server *server;
	struct fl_netns *ns;
	struct fl_client *client;
	struct fl_client *peer; /* what client was before; a dump may go on to name it */
	pid_t pid;
	uid_t uid;
	struct fl_behalf behalf;
	uint64_t accepted_ns; /* CLOCK_BOOTTIME */

	struct cds_list_head node;       /* in io->all */
	struct cds_list_head ready_node; /* in io->ready, or empty */
	int fd;                          /* -1: the peer has gone */
	bool readable, writable, hung_up, broken, away;
	/* What epoll is to tell. Level-triggered, so that a get takes no call more than
	 * waiting, reading and answering; hence what cannot be read or written now must not be asked
	 * for: `paused` while a request is away and more wait behind it. */
	bool paused, wants_out;
	uint32_t rcvmax;
	unsigned int options; /* enum fl_session_option */
	unsigned int sndbuf;  /* bytes that the socket takes, as the kernel counts */
	enum fl_permission permission;

	/* netlink's own: port id and groups */
	uint32_t portid; /* 0: not bound */
	uint64_t portid_key;
	struct fl_session *portid_next;
	uint64_t groups; /* bit n-1: group n */
	struct fl_filter *filter;
	struct fl_subscription subscription;

	/* what comes in */
	struct fl_packet packet; /* being worked on, if `working` */
	bool working;
	size_t offset; /* of the message being worked on */
	unsigned int share; /* messages that this turn may still work on */
	struct fl_packet *backlog, **backlog_tail;
	size_t backlog_bytes;

	/* the request */
	struct fl_request *request;
	int result;
	bool answered; /* by the other thread: result is there */
	bool parked;   /* request, or knob, is its operation's for good */
	struct fl_io_node back;
	struct fl_errand errand;
	struct fl_session_knob *knob; /* being written */

	/* what goes out */
	struct fl_out *out, **out_tail;
	size_t out_bytes;
	bool overrun; /* FL_WIRE_OVERRUN is to be sent */
	struct fl_session_dump *dump;
};

/* Takes over the accepted fd; the session then is the I/O thread's. Returns 0 or a
 * negative errno (fd closed). Context: any I/O thread. */
int fl_session_new(struct fl_io *io, int fd);

/* Does what there is to do, up to a bound; may free the session. */
void fl_session_run(struct fl_session *session);
/* What epoll has to say. */
void fl_session_event(struct fl_session *session, uint32_t events);
/* Tells epoll about a change of `paused` or `wants_out`. */
void fl_session_arm(struct fl_session *session);
/* Closes the connection and forgets what was asked but has not begun; frees the session unless a
 * part of it is away. */
void fl_session_end(struct fl_session *session);

/* Sends `session` off: the caller is about to give a part of it to another thread, which
 * ends by fl_session_come_back(). */
void fl_session_go_away(struct fl_session *session);
/* Lets go of what session and operation have; true for the last: it frees that. */
static inline bool fl_let_go(int *gone, enum fl_gone who)
{
	return __atomic_fetch_or(gone, who, __ATOMIC_SEQ_CST);
}

/* Continues with run() on the session's I/O thread; frees the session if that thread is
 * gone, but not what was abandoned. Context: any thread. */
void fl_session_come_back(struct fl_session *session,
			  void (*run)(struct fl_io *io, struct fl_io_node *node));
/* To be called first in run(). */
void fl_session_came_back(struct fl_session *session);

/* ---- packet.c --------------------------------------------------------------------- */

/* Reads one packet into session->packet. Returns 1; 0 (nothing there); -EPIPE (end of
 * file), -EBADMSG (malformed: the connection is to be closed). */
int fl_packet_receive(struct fl_session *session);
/* Reads the rest that a departed client has left, into the backlog. */
void fl_packet_receive_rest(struct fl_session *session);
/* Takes the oldest packet of the backlog; false if there is none. */
bool fl_packet_from_backlog(struct fl_session *session);
/* Works on session->packet. True when done, false when a part of it is away or this turn's share
 * is used up. */
bool fl_packet_work(struct fl_session *session);
/* Tells the token, closes the descriptors, frees the memory. */
void fl_packet_done(struct fl_session *session, const struct fl_wire_reply *reply);
void fl_packet_drop_backlog(struct fl_session *session);
/* Leaves the packet to `left`, which was executed out of it, and keeps a copy of what begins at
 * `offset` in the session's new request. Returns 0 or -ENOMEM (then the session has no packet). */
int fl_packet_leave(struct fl_session *session, struct fl_request *left, size_t offset);
/* Frees what fl_packet_leave() left. */
void fl_packet_free_left(struct fl_request *left);

/* ---- request.c -------------------------------------------------------------------- */

/* Works on the netlink messages of session->packet from session->offset on. True when
 * all are done, false when one is away or this turn's share is used up. */
bool fl_request_work(struct fl_session *session);
/* A request for a session that has none. NULL: out of memory. */
struct fl_request *fl_request_new(struct fl_session *session);
void fl_request_free(struct fl_request *request);
/* Leaves the parked request, from which the session has taken what it needs, to its operation. */
void fl_request_leave(struct fl_session *session, struct fl_request *request);

/* 0, -EPERM, or FL_LATER: it is being found out, the session is away and works on the
 * same packet again afterwards. */
int fl_request_permission(struct fl_session *session);

/* ---- token.c ---------------------------------------------------------------------- */

/* Writes reply to the pipe `fd` unless that would block. False if fd is no pipe. */
bool fl_token_valid(int fd);
void fl_token_write(int fd, const struct fl_wire_reply *reply);
/* The same with text behind it, at most FL_KNOB_TEXT_MAX bytes: a pipe takes both whole. */
void fl_token_write_text(int fd, const struct fl_wire_reply *reply, const char *text, size_t len);

/* ---- option.c --------------------------------------------------------------------- */

int fl_option_set(struct fl_session *session, uint32_t name, uint32_t value);
int fl_option_get(const struct fl_session *session, uint32_t name, struct fl_wire_reply *reply);

#endif
