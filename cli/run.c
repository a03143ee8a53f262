// SPDX-License-Identifier: LGPL-2.1-or-later
/* finelink run: runs a program with devlink served by a plane. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/client.h"
#include "attach/wire.h"
#include "cli/attach-way.h"
#include "cli/cli.h"
#include "cli/private-plane.h"

static const char help[] =
	"usage: finelink run [-t TOPOLOGY] [-c SOCKET] [--attach WAY] [--serialize lanes|bkl] [-v]\n"
	"                    [--] COMMAND [ARG...]\n"
	"Runs COMMAND, and what it starts, with devlink served by finelink instead of the kernel:\n"
	"by the plane at SOCKET (or at $FINELINK_SOCKET), else by a private one that lives as\n"
	"long as COMMAND. Everything else is the kernel's as ever.\n"
	"\n"
	"  -t, --topology FILE     the private plane's devices (finelink-topology(5));\n"
	"                          default: one two-port mlx5 NIC, pci/0000:03:00.0 and .1\n"
	"  -c, --connect SOCKET    a plane that runs already\n"
	"      --attach WAY        preload: by LD_PRELOAD, for dynamically linked programs; seccomp: by\n"
	"                          a system call filter, for any; auto (default): preload, with the\n"
	"                          filter for static programs that COMMAND starts; seccomp alone if\n"
	"                          COMMAND itself is static; seccomp-all: sockets at any number\n"
	"      --serialize HOW     of the private plane: lanes (default), or bkl: one lock around\n"
	"                          every operation\n"
	"  -v, --verbose           say how COMMAND is attached; the private plane logs what goes on;\n"
	"                          twice: everything\n"
	"  -h, --help\n"
	"\n"
	"The exit status is COMMAND's; 128+N if signal N ended it; 127 if it was not found, 126 if\n"
	"it could not be run, 125 if finelink failed before, 2 for a wrong command line.\n";

struct run_options {
	const char *topology, *connect;
	enum fl_attach_way attach;
	bool bkl, private_only; /* private_only: an option was given that only a private plane has */
	int verbose;
	char **command;
};

static const struct option options[] = {
	{ "topology", required_argument, NULL, 't' },
	{ "connect", required_argument, NULL, 'c' },
	{ "serialize", required_argument, NULL, 'S' },
	{ "attach", required_argument, NULL, 'A' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int parse_one(int opt, struct run_options *out)
{
	switch (opt) {
	case 't':
		out->topology = optarg;
		out->private_only = true;
		return -1;
	case 'c':
		out->connect = optarg;
		return -1;
	case 'S':
		if (strcmp(optarg, "lanes") && strcmp(optarg, "bkl"))
			return fl_cli_usage("run", "--serialize is lanes or bkl, not %s", optarg);
		out->bkl = !strcmp(optarg, "bkl");
		out->private_only = true;
		return -1;
	case 'A':
		if (fl_attach_parse(optarg, &out->attach))
			return fl_cli_usage("run", "--attach is auto, preload, seccomp or seccomp-all, not %s", optarg);
		return -1;
	case 'v':
		out->verbose++;
		return -1;
	case 'h':
		fputs(help, stdout);
		return FL_EXIT_OK;
	}
	fputs("try finelink run --help\n", stderr); /* getopt has said what is wrong */
	return FL_EXIT_USAGE;
}

/* -1 to go on, or the exit status. */
static int parse(int argc, char **argv, struct run_options *out)
{
	static char program[] = "finelink run";
	int opt, status;

	argv[0] = program; /* for getopt's messages */
	while ((opt = getopt_long(argc, argv, "+t:c:vh", options, NULL)) != -1) {
		status = parse_one(opt, out);
		if (status >= 0)
			return status;
	}
	if (optind == argc)
		return fl_cli_usage("run", "a COMMAND is needed");
	if (out->connect && out->private_only)
		return fl_cli_usage("run", "--topology and --serialize are for a private plane, "
					   "not for the one at %s", out->connect);
	out->command = argv + optind;
	return -1;
}

/* The plane that is there already: its socket, or "" if a private one is wanted. */
static int find_plane(const struct run_options *run, char *path, size_t cap)
{
	const char *named = run->connect ?: getenv(FL_WIRE_ENV);
	struct fl_link_error error = { "" };
	struct fl_link *link;

	*path = 0;
	if (!named || (!run->connect && (!*named || run->private_only)))
		return 0;
	if (fl_link_path(named, path, cap, &error) || fl_link_open(path, -1, &link, &error)) {
		fl_cli_fail(0, "%s", error.text);
		return -ENOTCONN;
	}
	fl_link_free(link);
	return 0;
}

/* With SIGCHLD ignored there is nothing to wait for; COMMAND gets it as it was. */
static struct sigaction child_action;

static _Noreturn void exec_command(char **command, const sigset_t *mask)
{
	sigaction(SIGCHLD, &child_action, NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	int status = errno == ENOENT ? FL_EXIT_NOT_FOUND : FL_EXIT_CANNOT_EXEC;

	fl_cli_fail(0, "%s: %s", command[0], strerror(errno));
	_exit(status);
}

/* Signals that end or steer the COMMAND when they are sent to finelink. */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };

static void block_signals(sigset_t *ret_blocked, sigset_t *ret_before)
{
	sigemptyset(ret_blocked);
	sigaddset(ret_blocked, SIGCHLD);
	for (size_t i = 0; i < FL_ARRAY_SIZE(forwarded); i++)
		sigaddset(ret_blocked, forwarded[i]);
	sigprocmask(SIG_BLOCK, ret_blocked, ret_before);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, &child_action);
}

/* A blocked signal is kept although it is ignored. */
static bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* The blocked signal that wants the end before COMMAND has begun, or 0. */
static int pending_end(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t pending;

	for (size_t i = 0; !sigpending(&pending) && i < FL_ARRAY_SIZE(ends); i++)
		if (sigismember(&pending, ends[i]) && !is_ignored(ends[i]))
			return ends[i];
	return 0;
}

static bool end_is_pending(void)
{
	return pending_end() != 0;
}

/* Reaps what has ended. True with *ret_status if COMMAND is among it. */
static bool reap(pid_t command, struct fl_private_plane *plane, int *ret_status)
{
	bool found = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == command) {
			*ret_status = WIFSIGNALED(status) ? FL_EXIT_SIGNAL + WTERMSIG(status) :
							    WEXITSTATUS(status);
			found = true;
		} else if (fl_private_plane_reaped(plane, pid)) {
			fl_cli_fail(0, "the private plane has ended before COMMAND");
		}
	}
	return found;
}

/* Passes signals on until COMMAND ends. What the terminal sends, COMMAND gets by itself. */
static int attend(pid_t command, struct fl_private_plane *plane, const sigset_t *signals)
{
	int status = 0;

	for (;;) {
		siginfo_t info;
		int signal = sigwaitinfo(signals, &info);

		if (signal == SIGCHLD && reap(command, plane, &status))
			return status;
		if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
			kill(command, signal);
	}
}

static int run_command(const struct run_options *run, const char *socket,
		       struct fl_private_plane *plane, const sigset_t *signals,
		       const sigset_t *before)
{
	struct fl_attach attach;
	pid_t pid;

	if (fl_attach_prepare(run->attach, run->command[0], socket, run->verbose > 0, &attach))
		return FL_EXIT_RUN_FAILED;
	pid = fork();
	if (pid < 0) {
		fl_attach_cancel(&attach);
		return fl_cli_fail(FL_EXIT_RUN_FAILED, "cannot start a process: %s", strerror(errno));
	}
	if (pid == 0) {
		if (fl_attach_child(&attach))
			_exit(FL_EXIT_RUN_FAILED);
		exec_command(run->command, before);
	}
	fl_attach_parent(&attach, pid);
	return attend(pid, plane, signals);
}

int fl_cli_run(int argc, char **argv)
{
	struct run_options run = { 0 };
	struct fl_private_plane *plane = NULL;
	sigset_t signals, before;
	char socket[4096];
	int status = parse(argc, argv, &run);

	if (status >= 0)
		return status;
	if (find_plane(&run, socket, sizeof(socket)))
		return FL_EXIT_RUN_FAILED;
	block_signals(&signals, &before);
	if (!*socket) {
		struct fl_private_plane_config config = {
			.topology = run.topology,
			.bkl = run.bkl,
			.verbose = run.verbose,
			.stopping = end_is_pending,
		};

		status = fl_private_plane_start(&config, &plane);
		if (status)
			return status == -EINTR ? FL_EXIT_SIGNAL + pending_end() : FL_EXIT_RUN_FAILED;
		snprintf(socket, sizeof(socket), "%s", fl_private_plane_socket(plane));
	}
	/* From now on the terminal's signals are COMMAND's, too. */
	if (end_is_pending())
		status = FL_EXIT_SIGNAL + pending_end();
	else
		status = run_command(&run, socket, plane, &signals, &before);
	fl_private_plane_stop(plane);
	return status;
}
