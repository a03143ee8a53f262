// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "lane/lane.h"

#define SETTLE_MS_DEFAULT 2000
#define SETTLE_MS_MAX 600000

static const char help[] =
	"usage: finelinkd [-t TOPOLOGY] [-s SOCKET] [OPTION...]\n"
	"Serves a plane of devlink devices to programs run by `finelink run` and their like.\n"
	"\n"
	"  -t, --topology FILE     the devices, as YAML; - is standard input (see\n"
	"                          finelink-topology(5)); default: one two-port mlx5 NIC\n"
	"  -s, --socket PATH       where to listen; default: $FINELINK_SOCKET, else\n"
	"                          /run/finelink/finelink.sock, for a user\n"
	"                          $XDG_RUNTIME_DIR/finelink.sock\n"
	"      --serialize HOW     lanes (default), or bkl: one lock around every operation\n"
	"      --private           the plane is its starter's: whoever has this uid may change\n"
	"                          things, and only they and root can connect\n"
	"      --patience-ms N     how long an operation that is to be alone on a device holds\n"
	"                          others back while it waits: 1 to 10000; default 250\n"
	"      --settle-ms N       wait at most so long for the first probes before being\n"
	"                          ready; default 2000\n"
	"      --listen-fd N       serve this inherited listening socket instead\n"
	"      --ready-fd N        write a line there when ready, then close it\n"
	"  -v, --verbose           log what goes on; twice: everything\n"
	"  -h, --help\n"
	"  -V, --version\n";

enum { OPT_SERIALIZE = 256, OPT_PRIVATE, OPT_PATIENCE, OPT_SETTLE, OPT_LISTEN_FD, OPT_READY_FD };

static const struct option options[] = {
	{ "topology", required_argument, NULL, 't' },
	{ "socket", required_argument, NULL, 's' },
	{ "serialize", required_argument, NULL, OPT_SERIALIZE },
	{ "private", no_argument, NULL, OPT_PRIVATE },
	{ "patience-ms", required_argument, NULL, OPT_PATIENCE },
	{ "settle-ms", required_argument, NULL, OPT_SETTLE },
	{ "listen-fd", required_argument, NULL, OPT_LISTEN_FD },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "finelinkd: %s%s%s; try --help\n", what, *value ? ": " : "", value);
	return 2;
}

/* A number from 0 to max. Returns 0 or -EINVAL. */
static int parse_number(const char *word, unsigned long max, unsigned long *ret_value)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || value > max)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static int parse_number_option(int opt, const char *word, struct fl_options *out)
{
	unsigned long value;

	if (parse_number(word, opt == OPT_SETTLE ? SETTLE_MS_MAX : INT_MAX, &value))
		return usage_error(opt == OPT_SETTLE ? "--settle-ms needs a number up to 600000" :
						       "a descriptor is a number",
				   word);
	if (opt == OPT_SETTLE)
		out->settle_ms = (unsigned int)value;
	else if (opt == OPT_LISTEN_FD)
		out->listen_fd = (int)value;
	else
		out->ready_fd = (int)value;
	return -1;
}

static int parse_patience(const char *word, struct fl_options *out)
{
	unsigned long value;

	if (parse_number(word, FL_PATIENCE_MAX_NS / FL_NS_PER_MS, &value) || !value)
		return usage_error("--patience-ms needs a number from 1 to 10000", word);
	out->patience_ms = (unsigned int)value;
	return -1;
}

static int parse_serialize(const char *word, struct fl_options *out)
{
	if (strcmp(word, "lanes") && strcmp(word, "bkl"))
		return usage_error("--serialize is lanes or bkl, not", word);
	out->bkl = !strcmp(word, "bkl");
	return -1;
}

static int parse_one(int opt, struct fl_options *out)
{
	switch (opt) {
	case 't':
		out->topology = optarg;
		return -1;
	case 's':
		out->socket = optarg;
		return -1;
	case OPT_SERIALIZE:
		return parse_serialize(optarg, out);
	case OPT_PRIVATE:
		out->private_plane = true;
		return -1;
	case OPT_PATIENCE:
		return parse_patience(optarg, out);
	case OPT_SETTLE:
	case OPT_LISTEN_FD:
	case OPT_READY_FD:
		return parse_number_option(opt, optarg, out);
	case 'v':
		out->log_level = out->log_level < FL_LOG_INFO ? FL_LOG_INFO : FL_LOG_DEBUG;
		return -1;
	case 'h':
		fputs(help, stdout);
		return 0;
	case 'V':
		puts("finelinkd " FL_VERSION);
		return 0;
	}
	fprintf(stderr, "finelinkd: try --help\n"); /* getopt has said what is wrong */
	return 2;
}

int fl_options_parse(int argc, char **argv, struct fl_options *ret_options)
{
	struct fl_options out = {
		.listen_fd = -1,
		.ready_fd = -1,
		.settle_ms = SETTLE_MS_DEFAULT,
		.log_level = FL_LOG_WARN,
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "t:s:vhV", options, NULL)) != -1) {
		status = parse_one(opt, &out);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return usage_error("one argument too many", argv[optind]);
	if (out.socket && out.listen_fd >= 0)
		return usage_error("--socket and --listen-fd exclude each other", "");
	*ret_options = out;
	return -1;
}
