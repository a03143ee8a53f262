/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cli.h - what the subcommands of `finelink` share. */
#ifndef FL_CLI_CLI_H
#define FL_CLI_CLI_H

#include "base/util.h"

/* Exit statuses; `finelink run` has its COMMAND's, and these of its own. */
enum fl_exit {
	FL_EXIT_OK = 0,
	FL_EXIT_SOME_FAILED = 1,  /* launch: some pods; show: the plane did not tell;
				     * cancel: some operations */
	FL_EXIT_USAGE = 2,
	FL_EXIT_NO_PLANE = 3,     /* no plane to be reached or started, or it lacks what it takes */
	FL_EXIT_RUN_FAILED = 125, /* run: before COMMAND could be tried */
	FL_EXIT_CANNOT_EXEC = 126,
	FL_EXIT_NOT_FOUND = 127,
	FL_EXIT_SIGNAL = 128,     /* and the signal's number */
};

/* Each takes the arguments from its own name on and returns the exit status. */
int fl_cli_run(int argc, char **argv);
int fl_cli_launch(int argc, char **argv);
int fl_cli_show(int argc, char **argv);
int fl_cli_cancel(int argc, char **argv);
int fl_cli_device(int argc, char **argv);

/* Prints "finelink: ..." to standard error. Returns status. */
int fl_cli_fail(int status, const char *fmt, ...) FL_PRINTF(2, 3);
/* The same for a wrong command line; adds "try finelink SUBCOMMAND --help". Returns 2. */
int fl_cli_usage(const char *subcommand, const char *fmt, ...) FL_PRINTF(2, 3);

/* The number in word if it is one from min to max. 0 or -EINVAL. */
int fl_cli_number(const char *word, unsigned long min, unsigned long max,
		  unsigned long *ret_value);

#endif
