/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* name.h - the name that marks a socket of ours: "\0finelink/", a letter for raw or datagram,
 * '/', and random digits. */
#ifndef FL_ATTACH_NLSOCK_NAME_H
#define FL_ATTACH_NLSOCK_NAME_H

#include <stddef.h>
#include <sys/un.h>

#define FL_NLSOCK_NAME "\0finelink/"
#define FL_NLSOCK_NAME_LEN (sizeof(FL_NLSOCK_NAME) - 1)
/* By who answers for it, and what was asked for. One does not touch the other's: what the
 * shim sends is not what a program sends. */
#define FL_NLSOCK_NAME_SHIM "rd"
#define FL_NLSOCK_NAME_SUPERVISOR "RD"
#define FL_NLSOCK_NAME_RANDOM 16
#define FL_NLSOCK_NAME_SOCKLEN                                                                     \
	((socklen_t)(offsetof(struct sockaddr_un, sun_path) + FL_NLSOCK_NAME_LEN + 2 +             \
		     FL_NLSOCK_NAME_RANDOM))

#endif
