/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.h - the command line of `finelink launch`. */
#ifndef FL_CLI_LAUNCH_OPTIONS_H
#define FL_CLI_LAUNCH_OPTIONS_H

#include <stdbool.h>

#define LAUNCH_PODS_MAX 30000
#define LAUNCH_VFS_MAX 1024 /* of one PF */

enum launch_during { LAUNCH_IDLE, LAUNCH_FLASH, LAUNCH_HANG };

struct launch_options {
	unsigned int pods;
	bool vf;
	unsigned int rdma_attach_ms;
	bool netns; /* real ones; else the functions are reloaded in place, as for VMs */
	enum launch_during during;
	bool bkl;
	bool json;
	bool compare; /* measure a small run with bkl too */
	unsigned int timeout_s; /* without any progress */
	const char *connect;    /* NULL: a private plane */
	const char *device;     /* NULL: the first that can */
	int verbose;
};

/* -1 to go on, or the exit status. */
int launch_options_parse(int argc, char **argv, struct launch_options *ret_options);

const char *launch_during_name(enum launch_during during);

#endif
