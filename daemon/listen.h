/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listen.h - the socket at which a plane is reached. */
#ifndef FL_DAEMON_LISTEN_H
#define FL_DAEMON_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

struct fl_listen {
	int fd;
	char *path; /* NULL: inherited, not ours to remove */
	dev_t dev;  /* of the socket file, to remove no other */
	ino_t ino;
};

/* Why it failed, as a sentence without newline. */
struct fl_listen_error {
	char text[256];
};

/* Makes a listening socket at path, mode 0600 if `only_owner`, else open to all (changes
 * ask for privilege by themselves). What a plane that is gone left there is replaced; what
 * is anything else is not. Returns 0 or a negative errno: -EADDRINUSE (somebody listens),
 * -ENAMETOOLONG, -EEXIST (no socket), those of bind(). Context: one thread (umask). */
int fl_listen_at(const char *path, bool only_owner, struct fl_listen *ret_listen,
		 struct fl_listen_error *error);

/* Checks that the inherited descriptor is what fl_server_new() needs. -EBADF, -EINVAL. */
int fl_listen_inherit(int fd, struct fl_listen *ret_listen, struct fl_listen_error *error);

/* Removes the socket file if it is still the one that was made. The descriptor is the
 * server's by now. */
void fl_listen_done(struct fl_listen *listen);

#endif
