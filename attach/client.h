/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.h - a session with a plane, for programs that know finelink (cli/, tests).
 *
 * A link is one connection to a plane and speaks attach/wire.h. Its descriptor is
 * non-blocking: fl_link_send() and fl_link_recv() never wait, so that one thread can
 * drive thousands of links under one epoll; the other calls wait, with a deadline.
 *
 * Threads:  a link belongs to one thread at a time; different links share nothing.
 * Errors:   negative errno, and a sentence for a person in fl_link_error.text where the
 *           function takes one (may be NULL).
 */
#ifndef FL_ATTACH_CLIENT_H
#define FL_ATTACH_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <sys/types.h>

#include "attach/wire.h"

struct fl_link;

/* Why a call failed, as one sentence without newline. */
struct fl_link_error {
	char text[320];
};

/* The path of the plane's socket: `path` if not NULL, else FINELINK_SOCKET, else
 * /run/finelink/finelink.sock for root and $XDG_RUNTIME_DIR/finelink.sock for a user.
 * Makes it absolute. Errors: -ENAMETOOLONG (it must fit sockaddr_un), -ENOENT (a user
 * without XDG_RUNTIME_DIR), -EINVAL (empty). */
int fl_link_path(const char *path, char *ret_path, size_t cap, struct fl_link_error *error);

/* Connects to the plane at `path` (NULL: as fl_link_path()). The link's network namespace
 * is that of the calling thread, or the one that netns_fd (-1: none) refers to; then the
 * thread visits that namespace for the moment of socket().
 * Errors: those of fl_link_path(), of connect(), of setns(). */
int fl_link_open(const char *path, int netns_fd, struct fl_link **ret_link,
		 struct fl_link_error *error);
/* Closes the session; what it asked for goes on. NULL is fine. */
void fl_link_free(struct fl_link *link);

/* The descriptor, for epoll: readable when fl_link_recv() has something. */
int fl_link_fd(const struct fl_link *link);

/* A sequence number for the next request; never 0. */
uint32_t fl_link_seq(struct fl_link *link);

/* Sets a SOL_NETLINK option (NETLINK_EXT_ACK, NETLINK_CAP_ACK, ...) for what is sent after
 * it. Does not wait. Errors: those of fl_link_send(). */
int fl_link_set(struct fl_link *link, uint32_t option, uint32_t value);

/* Sends one or more netlink messages. netns_fd: the namespace that a NETNS_FD attribute
 * in it means, or -1; the caller keeps it. Does not wait.
 * Errors: -EAGAIN (the plane has not read what was sent before; try again when the
 * descriptor is writable), -EMSGSIZE, -ECONNRESET (the plane is gone). */
int fl_link_send(struct fl_link *link, const void *msg, size_t len, int netns_fd);

/* Receives one datagram of netlink messages. Does not wait. Returns its length, which is
 * at most cap, or -EAGAIN, -ENOBUFS (notifications were lost), -EMSGSIZE (larger than cap;
 * it is gone), -ECONNRESET (the plane is gone). */
ssize_t fl_link_recv(struct fl_link *link, void *buf, size_t cap);

/* Takes a port id and joins multicast groups 1..32, given as bits. timeout_ms as below. */
int fl_link_bind(struct fl_link *link, uint32_t groups, int timeout_ms, uint32_t *ret_portid);

/* Sends a request and waits until it is answered: calls fn (may be NULL) for each message
 * of the answer until its ACK, error or DONE; messages of other sequence numbers (that is,
 * notifications) are passed over. The request must have NLM_F_ACK or NLM_F_DUMP set and a
 * sequence number from fl_link_seq(). Returns 0, what fn returned if that was not 0, the
 * errno in the answer with its extended ACK in error, -ETIMEDOUT after timeout_ms (-1:
 * no limit), or an error of send and recv. */
int fl_link_talk(struct fl_link *link, const struct nlmsghdr *request, int netns_fd,
		 int timeout_ms, int (*fn)(const struct nlmsghdr *msg, void *arg), void *arg,
		 struct fl_link_error *error);

/* Looks a generic netlink family up; ret_group: the id of its multicast group `group`
 * (both may be NULL). -ENOENT if the plane has none. */
int fl_link_family(struct fl_link *link, const char *family, const char *group, int timeout_ms,
		   uint16_t *ret_id, uint32_t *ret_group);

/* Asks the plane about itself ("instances", "lanes", "locks", "stats", ...). *ret_json is
 * a NUL-terminated JSON text on the heap, which the caller frees.
 * Errors: -ENOENT (it does not know `what`), -ETIMEDOUT, -ENOMEM, -EMFILE, -ECONNRESET. */
int fl_link_inspect(struct fl_link *link, const char *what, int timeout_ms, char **ret_json,
		    struct fl_link_error *error);

/* Tells the operation with that number to stop. Errors: -ENOENT (there is none, or it is over),
 * -EPERM, -EBUSY, -ETIMEDOUT, -ECONNRESET. */
int fl_link_cancel(struct fl_link *link, uint64_t number, int timeout_ms);

/* The most that a knob's path and value take together, bytes; and its text. */
#define FL_LINK_KNOB_MAX 4224

/* Reads, writes or lists knobs (core/knob.h; `finelink device`). value: what is written, else
 * "". skip: how many a list passes over. ret_text: what was read, the list, or why it failed
 * (""). Errors: those of the knob, -ENOENT, -EPERM, -ENAMETOOLONG, -ETIMEDOUT, -ECONNRESET. */
int fl_link_knob(struct fl_link *link, enum fl_wire_knob what, uint32_t skip, const char *path,
		 const char *value, int timeout_ms, char *ret_text, size_t cap);

#endif
