/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server.h - serving a plane to clients over a listening socket. */
#ifndef FL_SERVER_SERVER_H
#define FL_SERVER_SERVER_H

#include "core/plane.h"

struct fl_server;

struct fl_server_config {
	int listen_fd;           /* AF_UNIX SOCK_SEQPACKET, listening, non-blocking; the server's from now */
	unsigned int io_threads; /* 0: one per CPU */
	unsigned int max_sessions; /* 0: 65536; at most what RLIMIT_NOFILE admits */
	/* A private plane: whoever has the uid of this process may change things, as well as root.
	 * Else: CAP_NET_ADMIN in the initial user namespace. */
	bool private_plane;
};

int fl_server_new(struct fl_plane *plane, const struct fl_server_config *config,
		  struct fl_server **ret_server);
/* Stops accepting, ends all sessions. Operations that clients asked for go on. May block. */
void fl_server_free(struct fl_server *server);

#endif
