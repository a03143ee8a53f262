/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire.h - what passes between an attached program and the plane.
 *
 * A generic-netlink socket of an attached program is an AF_UNIX SOCK_SEQPACKET
 * connection to the plane, made when and where the program called socket(): the
 * plane reads the namespace from the accepted connection (SO_NETNS_COOKIE; an accepted
 * socket belongs to the namespace of its peer) and the credentials from SO_PEERCRED.
 *
 * Plane to program: each packet is one datagram of a netlink socket, nothing around
 * it; so recv(), MSG_PEEK, MSG_TRUNC, poll and epoll work on the descriptor itself.
 * One packet is special: a lone nlmsghdr of type FL_WIRE_OVERRUN says that
 * notifications were lost, and is to be shown as the error ENOBUFS.
 *
 * Program to plane: each packet is a struct fl_wire_hdr, then the payload of its kind,
 * with descriptors as SCM_RIGHTS. If FL_WIRE_F_TOKEN is set the first descriptor is a
 * token: the write end of a pipe, on which the plane writes one struct fl_wire_reply
 * when the request is done and its answer is queued. End of file instead means that
 * the plane or the connection is gone. A token needs no state in the program, so it
 * works across fork, exec, dup and threads. The reader of a token may have gone away:
 * writing it must neither wait nor raise SIGPIPE.
 *
 * Requests of one connection are carried out in their order. So the reply to FL_WIRE_NAME
 * also says that the answers to all earlier requests are queued (of a dump, as much as
 * fits); a program that polls for an answer instead of waiting for it is synchronized so.
 */
#ifndef FL_ATTACH_WIRE_H
#define FL_ATTACH_WIRE_H

#include <stdint.h>

#define FL_WIRE_VERSION 1

/* The environment variable that names the socket of the plane, and the defaults. */
#define FL_WIRE_ENV "FINELINK_SOCKET"
#define FL_WIRE_SOCKET_ROOT "/run/finelink/finelink.sock"
#define FL_WIRE_SOCKET_USER "finelink.sock" /* under $XDG_RUNTIME_DIR */

/* The largest netlink message that a program may send, as the kernel's default socket
 * buffer would allow; larger ones get EMSGSIZE. */
#define FL_WIRE_MSG_MAX 65536

/* How many sessions a plane admits follows from its limit of open files: some are for the process
 * itself, and of the rest a quarter is for what comes with requests (tokens, namespaces). The other
 * way round, the limit that so many sessions take. */
#define FL_WIRE_SPARE_FILES 64
#define FL_WIRE_SESSIONS(files) (((files)-FL_WIRE_SPARE_FILES) / 4 * 3)
#define FL_WIRE_FILES(sessions) (((sessions) + 2) / 3 * 4 + FL_WIRE_SPARE_FILES)

enum fl_wire_kind {
	FL_WIRE_NETLINK = 1, /* payload: netlink messages */
	FL_WIRE_BIND,        /* arg0: port id (0: the plane chooses), arg1: groups 1..32 as bits;
	                      * reply: value0 = port id; EADDRINUSE, EINVAL */
	FL_WIRE_NAME,        /* reply: value0 = port id (0: not bound), value1 = groups bits */
	FL_WIRE_SETOPT,      /* arg0: a SOL_NETLINK option name, arg1: its value */
	FL_WIRE_GETOPT,      /* arg0: a SOL_NETLINK option name; reply: value0; ENOPROTOOPT.
	                      * NETLINK_LIST_MEMBERSHIPS: value1 = groups 1..64 as bits */
	FL_WIRE_INSPECT,     /* payload: what ("instances", "lanes", "locks", "stats", ...), then the
	                      * second descriptor is a file into which the plane writes JSON */
	FL_WIRE_KNOB,        /* arg0: enum fl_wire_knob; payload: a knob's path (core/knob.h), NUL, for a
	                      * write the text; for a list a prefix, arg1: how many to skip.
	                      * reply: value0 bytes of text follow it on the token: what was
	                      * read, a list (one path a line), or why a write failed. It comes
	                      * when the write is over. ENOENT, EACCES, EPERM, EINVAL, the driver's */
	FL_WIRE_FOR,         /* the connection is on behalf of another process, whose pidfd is the
	                      * second descriptor: from now on only what both may do is granted.
	                      * It is looked at now and when something is to be changed first.
	                      * Once, as the first packet; EBADF (no pidfd), ESRCH: it may
	                      * change nothing; EALREADY */
	FL_WIRE_CANCEL,      /* arg0, arg1: the low and the high half of an operation's number, which
	                      * is told to stop. ENOENT (no such operation), EPERM, EBUSY */
};

enum fl_wire_knob {
	FL_WIRE_KNOB_READ,
	FL_WIRE_KNOB_WRITE,
	FL_WIRE_KNOB_LIST,
};

enum fl_wire_flags {
	FL_WIRE_F_TOKEN = 1 << 0, /* the first descriptor is a token */
	FL_WIRE_F_NETNS = 1 << 1, /* the next descriptor is the namespace that the message's
	                           * NETNS_FD or NETNS_PID attribute means; without it such an
	                           * attribute does not resolve */
};

struct fl_wire_hdr {
	uint16_t version;
	uint16_t kind;
	uint32_t flags;
	uint32_t rcvmax; /* the largest buffer that this program has received into here, bytes;
	                  * 0: none yet */
	uint32_t arg0;
	uint32_t arg1;
};

struct fl_wire_reply {
	int32_t error; /* 0 or a negative errno: of the request's carriage, not of the command,
	                * whose error is in its netlink answer */
	uint32_t value0;
	uint64_t value1;
};

/* nlmsg_type of the packet that stands for ENOBUFS; NLMSG_OVERRUN, which the kernel
 * defines and never sends. */
#define FL_WIRE_OVERRUN 0x4

#endif
