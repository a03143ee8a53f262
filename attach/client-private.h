/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-private.h - what the files of the client library share. */
#ifndef FL_ATTACH_CLIENT_PRIVATE_H
#define FL_ATTACH_CLIENT_PRIVATE_H

#include <poll.h>

#include "attach/client.h"
#include "attach/wire.h"
#include "base/util.h"

struct fl_link {
	int fd;
	uint32_t seq;    /* of the request made last */
	uint32_t rcvmax; /* the largest buffer received into */
	void *buf;       /* of fl_link_talk(); made when first needed */
};

/* Descriptors that go with a packet, and the flags that say what they are. */
struct fl_link_fds {
	unsigned int count;
	uint32_t flags;
	int fd[2];
};

/* Sends one packet; does not wait. arg: arg0 and arg1, or NULL for zeros. */
int fl_link_send_packet(struct fl_link *link, enum fl_wire_kind kind, const uint32_t arg[2],
			const void *payload, size_t len, const struct fl_link_fds *fds);

/* The moment timeout_ms from now, or -1 for never. */
int64_t fl_link_deadline(int timeout_ms);
/* poll() until something is ready: 0, -ETIMEDOUT or poll()'s error. */
int fl_link_wait(struct pollfd *fds, unsigned int count, int64_t deadline);

/* Writes "text: meaning of err" into error, if there is one, and returns err. */
int fl_link_fail(struct fl_link_error *error, int err, const char *fmt, ...) FL_PRINTF(3, 4);
/* The same for a connect() to the plane's socket, with what to do about it. */
int fl_link_fail_connect(struct fl_link_error *error, int err, const char *path);

#endif
