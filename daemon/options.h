/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.h - the command line of finelinkd. */
#ifndef FL_DAEMON_OPTIONS_H
#define FL_DAEMON_OPTIONS_H

#include <stdbool.h>

#include "base/log.h"

struct fl_options {
	const char *topology; /* NULL: the default one */
	const char *socket;   /* NULL: the default one */
	int listen_fd;        /* inherited instead of `socket`, or -1 */
	int ready_fd;         /* told when the plane is ready, or -1 */
	bool private_plane;
	bool bkl;
	unsigned int patience_ms; /* 0: the scheduler's */
	unsigned int settle_ms;
	enum fl_log_level log_level;
};

/* Returns -1 to go on, or the exit status: 0 after --help and --version, 2 for a wrong
 * command line (told on standard error). */
int fl_options_parse(int argc, char **argv, struct fl_options *ret_options);

#endif
