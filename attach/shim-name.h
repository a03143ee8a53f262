/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shim-name.h - the name that marks a socket of the shim: "\0finelink/", what the program
 * asked for, '/', and random digits. */
#ifndef FL_ATTACH_SHIM_NAME_H
#define FL_ATTACH_SHIM_NAME_H

#include <stddef.h>
#include <sys/un.h>

#define SHIM_NAME "\0finelink/"
#define SHIM_NAME_LEN (sizeof(SHIM_NAME) - 1)
#define SHIM_NAME_RAW 'r'
#define SHIM_NAME_DGRAM 'd'
#define SHIM_NAME_RANDOM 16
#define SHIM_NAME_SOCKLEN                                                                        \
	((socklen_t)(offsetof(struct sockaddr_un, sun_path) + SHIM_NAME_LEN + 2 + SHIM_NAME_RANDOM))

#endif
