/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * req.h - one request of a client, from the server to the command that answers it.
 *
 * The server parses and checks permission, then calls the command's handler on one of
 * its I/O threads, where nothing may block. A handler that only reads answers at once,
 * under RCU. One that changes something queues an operation and returns FL_LATER; it
 * calls fl_req_complete() when the operation is over.
 */
#ifndef FL_CORE_REQ_H
#define FL_CORE_REQ_H

#include "lane/lane.h"
#include "netns/netns.h"
#include "nl/extack.h"
#include "nl/devlink-attrs.h"
#include "nl/msg.h"
#include "nl/policy.h"

struct fl_plane;

/* Owned by the server; lives until complete() or release() has been called or the handler
 * returned. */
struct fl_req {
	struct fl_plane *plane;
	struct fl_netns *ns;         /* of the asking socket; referenced */
	struct fl_client *client;
	const struct fl_cmd *cmd;
	const struct nlmsghdr *nlh;  /* the whole request */
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	uint32_t portid;             /* of the asking socket: goes into replies */
	struct fl_netns *target_ns;  /* what NETNS_FD or NETNS_PID means; the server's. NULL: nothing,
	                              * or nothing that can be had, for the reason target_err */
	int target_err;
	struct fl_extack extack;
	struct fl_msg reply;         /* messages to send before the ACK */
	void (*complete)(struct fl_req *req, int err); /* the server's */
	/* The server's, instead of complete(): abandon() when the operation was parked, which
	 * tells the asker so and leaves all of the request to the operation; release() when that
	 * ends after all. Each once, in any order, on any threads. NULL: the asker waits on. */
	void (*abandon)(struct fl_req *req);
	void (*release)(struct fl_req *req);
};

/* Starts the reply message of this request: `cmd` of the family, not multi-part. */
void fl_req_begin(struct fl_req *req, uint8_t cmd);

/* Ends a request for which the handler returned FL_LATER. Once. Context: any thread. */
void fl_req_complete(struct fl_req *req, int err);

/* What the asker is told, with ENODEV, whose operation was parked. */
#define FL_PARKED_TEXT "The device was removed while its driver did not answer"

/* What the kernel puts at most into one message of a dump, however much the client takes. */
#define FL_DUMP_MESSAGE_MAX 32448

/* A dump that goes on over many messages. */
struct fl_dump {
	uint64_t position[4]; /* the command's own: keys to go on from; zero at the start */
	struct fl_msg *msg;   /* a fixed buffer: one datagram */
	bool full;            /* set when an object did not fit */
	bool wants;           /* prepare() is called before the next dumpit(); so at the start */
	void *arg;            /* what prepare() got for dumpit() */
};

/* Bytes that one more message of a dump may still have, headers of attributes included. */
static inline size_t fl_dump_room(const struct fl_msg *msg)
{
	size_t end = msg->begun + FL_DUMP_MESSAGE_MAX;

	if (end > msg->cap)
		end = msg->cap;
	return end > msg->len ? end - msg->len : 0;
}

struct fl_command {
	/* 0 (reply, if any, is in req->reply), -errno with extack, or FL_LATER. */
	int (*doit)(struct fl_req *req);
	/* Puts messages until one does not fit. 1: there is more; 0: done; -errno. */
	int (*dumpit)(struct fl_req *req, struct fl_dump *dump);
	/* For dumps that the device has to answer; may be NULL. Gets what dumpit() is to show
	 * whenever dump->wants. 0, -errno (it ends the dump), or FL_LATER, followed by
	 * fl_req_complete(); req and dump are the operation's until then. */
	int (*prepare)(struct fl_req *req, struct fl_dump *dump);
	/* Frees dump->arg, once the dump is over. */
	void (*dump_done)(struct fl_dump *dump);
};

/* Indexed by DEVLINK_CMD_*; both NULL: not built. */
extern const struct fl_command fl_commands[];
extern const unsigned int fl_commands_len;

#endif
