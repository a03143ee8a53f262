// SPDX-License-Identifier: LGPL-2.1-or-later
/* finelink cancel: telling operations of a plane to stop. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/client.h"
#include "cli/cli.h"

#define ANSWER_MS 10000

static const char help[] =
	"usage: finelink cancel NUMBER... [-c SOCKET]\n"
	"Tells operations to stop, by the numbers that `finelink show lanes` prints. One that\n"
	"queues ends at once; one that runs takes back what it can, and whoever asked for it is\n"
	"told. Whoever asked for an operation may cancel it, and who may change the plane any.\n"
	"\n"
	"  -c, --connect SOCKET  the plane; default: $FINELINK_SOCKET, else\n"
	"                        /run/finelink/finelink.sock, for a user\n"
	"                        $XDG_RUNTIME_DIR/finelink.sock\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 all were told; 1 some were not; 2 wrong command line; 3 no plane there.\n";

static const struct option options[] = {
	{ "connect", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* 0: it is none. */
static uint64_t number_of(const char *word)
{
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)*word))
		return 0;
	errno = 0;
	number = strtoull(word, &end, 10);
	return errno || *end ? 0 : number;
}

static int cancel(struct fl_link *link, const char *word)
{
	int err = fl_link_cancel(link, number_of(word), ANSWER_MS);

	switch (err) {
	case 0:
		return FL_EXIT_OK;
	case -ENOENT:
		return fl_cli_fail(FL_EXIT_SOME_FAILED, "operation %s: there is none, or it is over",
				   word);
	case -EPERM:
		return fl_cli_fail(FL_EXIT_SOME_FAILED,
				   "operation %s: only its owner may cancel it, or who may change the "
				   "plane",
				   word);
	case -EBUSY:
		return fl_cli_fail(FL_EXIT_SOME_FAILED,
				   "operation %s: others cancel at the moment; try again", word);
	default:
		return fl_cli_fail(FL_EXIT_SOME_FAILED, "operation %s: %s", word, strerror(-err));
	}
}

/* -1 to go on, or the exit status. */
static int parse(int argc, char **argv, const char **ret_socket)
{
	static char program[] = "finelink cancel";
	int opt;

	argv[0] = program; /* for getopt's messages */
	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (opt == 'c') {
			*ret_socket = optarg;
		} else if (opt == 'h') {
			fputs(help, stdout);
			return FL_EXIT_OK;
		} else {
			fputs("try finelink cancel --help\n", stderr);
			return FL_EXIT_USAGE;
		}
	}
	if (optind == argc)
		return fl_cli_usage("cancel", "the number of an operation is missing");
	for (int i = optind; i < argc; i++)
		if (!number_of(argv[i]))
			return fl_cli_usage("cancel", "not the number of an operation: %s", argv[i]);
	return -1;
}

int fl_cli_cancel(int argc, char **argv)
{
	const char *socket = NULL;
	struct fl_link_error error = { "" };
	struct fl_link *link;
	int status = parse(argc, argv, &socket);

	if (status >= 0)
		return status;
	if (fl_link_open(socket, -1, &link, &error))
		return fl_cli_fail(FL_EXIT_NO_PLANE, "%s", error.text);
	status = FL_EXIT_OK;
	for (int i = optind; i < argc; i++)
		if (cancel(link, argv[i]))
			status = FL_EXIT_SOME_FAILED;
	fl_link_free(link);
	return status;
}
