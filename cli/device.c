// SPDX-License-Identifier: LGPL-2.1-or-later
/* finelink device: the knobs of a plane's drivers. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/client.h"
#include "cli/cli.h"

/* As long as a device takes to be made; ^C ends the waiting, not what was asked for. */
#define FOR_EVER (-1)

static const char help[] =
	"usage: finelink device list [PREFIX] [-c SOCKET]\n"
	"       finelink device read PATH [-c SOCKET]\n"
	"       finelink device write PATH VALUE [-c SOCKET]\n"
	"Reads and writes what drivers have in sysfs and debugfs, by the paths that the kernel\n"
	"has, without the leading slash:\n"
	"\n"
	"  finelink device write sys/bus/netdevsim/new_device \"10 4\"\n"
	"  finelink device list sys/kernel/debug/netdevsim\n"
	"\n"
	"A write returns when it is done.\n"
	"\n"
	"  -c, --connect SOCKET  the plane; default: $FINELINK_SOCKET, else\n"
	"                        /run/finelink/finelink.sock, for a user\n"
	"                        $XDG_RUNTIME_DIR/finelink.sock\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0; 1 the plane or the driver refused; 2 wrong command line; 3 no plane\n"
	"there.\n";

static const struct option options[] = {
	{ "connect", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int refused(const char *what, const char *path, int err, const char *why)
{
	if (*why)
		return fl_cli_fail(FL_EXIT_SOME_FAILED, "cannot %s %s: %s (%s)", what, path, why,
				   strerror(-err));
	return fl_cli_fail(FL_EXIT_SOME_FAILED, "cannot %s %s: %s", what, path, strerror(-err));
}

static unsigned int count_lines(const char *text)
{
	unsigned int count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static const char *without_slash(const char *path)
{
	return *path == '/' ? path + 1 : path;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Prints the lines of text, which it changes, in their order. */
static int print_sorted(char *text)
{
	size_t count = count_lines(text), i = 0;
	char **lines = calloc(count + 1, sizeof(*lines)), *rest = text;

	if (!lines)
		return fl_cli_fail(FL_EXIT_SOME_FAILED, "%s", strerror(ENOMEM));
	while (i < count)
		lines[i++] = strsep(&rest, "\n");
	qsort(lines, count, sizeof(*lines), by_name);
	for (i = 0; i < count; i++)
		puts(lines[i]);
	free(lines);
	return FL_EXIT_OK;
}

/* Comes in pieces; what is added or removed meanwhile may be missed or shown twice. */
static int device_list(struct fl_link *link, int argc, char **argv)
{
	const char *prefix = argc ? without_slash(argv[0]) : "sys/";
	char text[FL_LINK_KNOB_MAX], *all = NULL;
	size_t len = 0;
	FILE *gather = open_memstream(&all, &len);
	unsigned int skip = 0;
	int err, status;

	if (!gather)
		return fl_cli_fail(FL_EXIT_SOME_FAILED, "%s", strerror(errno));
	do {
		err = fl_link_knob(link, FL_WIRE_KNOB_LIST, skip, prefix, "", FOR_EVER, text,
				   sizeof(text));
		if (err)
			break;
		fputs(text, gather);
		skip += count_lines(text);
	} while (*text);
	if (fclose(gather))
		status = fl_cli_fail(FL_EXIT_SOME_FAILED, "%s", strerror(errno));
	else
		status = err ? refused("list", prefix, err, text) : print_sorted(all);
	free(all);
	return status;
}

static int device_read(struct fl_link *link, int argc, char **argv)
{
	const char *path = without_slash(argv[0]);
	char text[FL_LINK_KNOB_MAX];
	int err = fl_link_knob(link, FL_WIRE_KNOB_READ, 0, path, "", FOR_EVER, text, sizeof(text));

	if (err)
		return refused("read", path, err, text);
	fputs(text, stdout);
	return FL_EXIT_OK;
}

static int device_write(struct fl_link *link, int argc, char **argv)
{
	const char *path = without_slash(argv[0]);
	char text[FL_LINK_KNOB_MAX];
	int err = fl_link_knob(link, FL_WIRE_KNOB_WRITE, 0, path, argv[1], FOR_EVER, text,
			       sizeof(text));

	return err ? refused("write", path, err, text) : FL_EXIT_OK;
}

struct verb {
	const char *name;
	int least, most; /* arguments behind it */
	int (*run)(struct fl_link *link, int argc, char **argv);
};

static const struct verb verbs[] = {
	{ "list", 0, 1, device_list },
	{ "read", 1, 1, device_read },
	{ "write", 2, 2, device_write },
};

/* NULL unless it is there and has the arguments that it takes. */
static const struct verb *find_verb(int argc, char **argv)
{
	for (size_t i = 0; argc && i < FL_ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, argv[0]))
			return argc > verbs[i].least && argc - 1 <= verbs[i].most ? &verbs[i]
										  : NULL;
	return NULL;
}

/* -1 to go on, or the exit status. */
static int parse(int argc, char **argv, const char **ret_socket)
{
	static char program[] = "finelink device";
	int option;

	argv[0] = program; /* for getopt's messages */
	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'c') {
			*ret_socket = optarg;
		} else if (option == 'h') {
			fputs(help, stdout);
			return FL_EXIT_OK;
		} else {
			fputs("try finelink device --help\n", stderr);
			return FL_EXIT_USAGE;
		}
	}
	return -1;
}

int fl_cli_device(int argc, char **argv)
{
	const char *socket = NULL;
	const struct verb *verb;
	struct fl_link_error error;
	struct fl_link *link;
	int status = parse(argc, argv, &socket);

	if (status >= 0)
		return status;
	argc -= optind;
	argv += optind;
	verb = find_verb(argc, argv);
	if (!verb)
		return fl_cli_usage("device",
				    "list [PREFIX], read PATH or write PATH VALUE is needed");
	if (fl_link_open(socket, -1, &link, &error))
		return fl_cli_fail(FL_EXIT_NO_PLANE, "%s", error.text);
	status = verb->run(link, argc - 1, argv + 1);
	fl_link_free(link);
	return status;
}
