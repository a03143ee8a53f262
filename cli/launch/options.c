// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/wire.h"
#include "cli/cli.h"

#define RDMA_ATTACH_MS 100
#define PODS 1000
#define TIMEOUT_S 60

static const char help[] =
	"usage: finelink launch [--pods N] [--function sf|vf] [--rdma-attach-ms MS]\n"
	"                       [--netns real|none] [--during idle|flash|hang]\n"
	"                       [--serialize lanes|bkl] [--json] [-c SOCKET]\n"
	"Launches N pods at once: for each, a port is added, its function is given an address and\n"
	"activated, and when its drivers are attached its instance is reloaded into the pod's\n"
	"network namespace. Then checks them, and takes everything down again.\n"
	"\n"
	"      --pods N            default 1000\n"
	"      --function KIND     sf (default), or vf: the VFs are there, none is added\n"
	"      --rdma-attach-ms MS how long attaching one RoCE device takes; default 100\n"
	"      --netns KIND        real (default): a network namespace for each pod, made before\n"
	"                          the clock starts; none: reload in place, as for a VM\n"
	"      --during WHAT       what else happens on the same PF: idle (default), nothing; flash:\n"
	"                          its firmware is flashed all the while (15 s); hang: one more SF\n"
	"                          hangs in its RoCE attach\n"
	"      --serialize HOW     lanes (default), or bkl: one lock around every operation\n"
	"      --no-compare        do not measure a few pods with bkl as well\n"
	"      --timeout S         give up after so long without any progress; default 60\n"
	"      --device HANDLE     the PF, such as pci/0000:03:00.0; default: the first that can\n"
	"  -c, --connect SOCKET    a plane that runs already (also by $FINELINK_SOCKET); default: a\n"
	"                          private one\n"
	"      --json              print one JSON object instead of the summary\n"
	"  -v, --verbose           the private plane logs what goes on; twice: everything\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 all pods were launched, checked and taken down; 1 some were not (each\n"
	"reason is told once); 2 wrong command line; 3 no plane, or it or this system lacks what\n"
	"it takes; 128+N ended by signal N, after cleaning up.\n";

enum {
	OPT_PODS = 256,
	OPT_FUNCTION,
	OPT_RDMA,
	OPT_NETNS,
	OPT_DURING,
	OPT_SERIALIZE,
	OPT_NO_COMPARE,
	OPT_TIMEOUT,
	OPT_DEVICE,
	OPT_JSON,
};

static const struct option options[] = {
	{ "pods", required_argument, NULL, OPT_PODS },
	{ "function", required_argument, NULL, OPT_FUNCTION },
	{ "rdma-attach-ms", required_argument, NULL, OPT_RDMA },
	{ "netns", required_argument, NULL, OPT_NETNS },
	{ "during", required_argument, NULL, OPT_DURING },
	{ "serialize", required_argument, NULL, OPT_SERIALIZE },
	{ "no-compare", no_argument, NULL, OPT_NO_COMPARE },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "connect", required_argument, NULL, 'c' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char *const during_names[] = { "idle", "flash", "hang" };

const char *launch_during_name(enum launch_during during)
{
	return during_names[during];
}

/* What was given of the options that only a private plane has. */
struct given {
	const char *private_only;
};

/* The index of word among `count` words, told as an error if it is none of them. */
static int choose(const char *option, const char *word, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return i;
	fl_cli_usage("launch", "--%s is %s, %s%s%s, not %s", option, words[0], words[1],
		     count > 2 ? " or " : "", count > 2 ? words[2] : "", word);
	return -1;
}

static int parse_choice(int opt, const char *word, struct launch_options *out)
{
	static const char *const functions[] = { "sf", "vf" };
	static const char *const netns[] = { "none", "real" };
	static const char *const serialize[] = { "lanes", "bkl" };
	int choice;

	if (opt == OPT_FUNCTION) {
		choice = choose("function", word, functions, 2);
		out->vf = choice == 1;
	} else if (opt == OPT_NETNS) {
		choice = choose("netns", word, netns, 2);
		out->netns = choice == 1;
	} else if (opt == OPT_SERIALIZE) {
		choice = choose("serialize", word, serialize, 2);
		out->bkl = choice == 1;
	} else {
		choice = choose("during", word, during_names, 3);
		out->during = choice > 0 ? (enum launch_during)choice : LAUNCH_IDLE;
	}
	return choice < 0 ? FL_EXIT_USAGE : -1;
}

static int parse_number(int opt, const char *word, struct launch_options *out)
{
	const char *name = opt == OPT_PODS ? "pods" : opt == OPT_RDMA ? "rdma-attach-ms" : "timeout";
	unsigned long max = opt == OPT_PODS ? LAUNCH_PODS_MAX : opt == OPT_RDMA ? 60000 : 86400;
	unsigned long min = opt == OPT_RDMA ? 0 : 1, value;

	if (fl_cli_number(word, min, max, &value))
		return fl_cli_usage("launch", "--%s is a number from %lu to %lu, not %s", name, min,
				    max, word);
	if (opt == OPT_PODS)
		out->pods = (unsigned int)value;
	else if (opt == OPT_RDMA)
		out->rdma_attach_ms = (unsigned int)value;
	else
		out->timeout_s = (unsigned int)value;
	return -1;
}

static int parse_one(int opt, struct launch_options *out, struct given *given)
{
	if (opt == OPT_RDMA)
		given->private_only = "--rdma-attach-ms";
	if (opt == OPT_SERIALIZE)
		given->private_only = "--serialize";
	switch (opt) {
	case OPT_PODS:
	case OPT_RDMA:
	case OPT_TIMEOUT:
		return parse_number(opt, optarg, out);
	case OPT_FUNCTION:
	case OPT_NETNS:
	case OPT_SERIALIZE:
	case OPT_DURING:
		return parse_choice(opt, optarg, out);
	case OPT_NO_COMPARE:
		out->compare = false;
		return -1;
	case OPT_DEVICE:
		out->device = optarg;
		return -1;
	case OPT_JSON:
		out->json = true;
		return -1;
	case 'c':
		out->connect = optarg;
		return -1;
	case 'v':
		out->verbose++;
		return -1;
	case 'h':
		fputs(help, stdout);
		return FL_EXIT_OK;
	}
	fputs("try finelink launch --help\n", stderr); /* getopt has said what is wrong */
	return FL_EXIT_USAGE;
}

static int check(struct launch_options *out, const struct given *given)
{
	const char *named = getenv(FL_WIRE_ENV);

	if (!out->connect && named && *named)
		out->connect = named;
	if (out->connect && out->during == LAUNCH_HANG && !given->private_only)
		return fl_cli_usage("launch", "--during hang needs a plane with that fault: a private "
					      "one, not the one at %s", out->connect);
	if (out->connect && given->private_only)
		return fl_cli_usage("launch", "%s shapes a private plane, not the one at %s",
				    given->private_only, out->connect);
	if (out->vf && out->pods > LAUNCH_VFS_MAX)
		return fl_cli_usage("launch", "a PF has at most %d VFs, not %u", LAUNCH_VFS_MAX,
				    out->pods);
	if (out->device && !strchr(out->device, '/'))
		return fl_cli_usage("launch", "--device is a handle such as pci/0000:03:00.0, not %s",
				    out->device);
	return -1;
}

int launch_options_parse(int argc, char **argv, struct launch_options *ret_options)
{
	static char program[] = "finelink launch";
	struct launch_options out = {
		.pods = PODS,
		.rdma_attach_ms = RDMA_ATTACH_MS,
		.netns = true,
		.compare = true,
		.timeout_s = TIMEOUT_S,
	};
	struct given given = { NULL };
	int opt, status;

	argv[0] = program; /* for getopt's messages */
	while ((opt = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		status = parse_one(opt, &out, &given);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return fl_cli_usage("launch", "one argument too many: %s", argv[optind]);
	status = check(&out, &given);
	if (status < 0)
		*ret_options = out;
	return status;
}
