// SPDX-License-Identifier: LGPL-2.1-or-later
/* finelink: the subcommands by name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const char help[] =
	"usage: finelink COMMAND [ARG...]\n"
	"\n"
	"  run      run a program with devlink served by finelink instead of the kernel\n"
	"  launch   launch many pods at once on a plane, and tell how long it took\n"
	"  show     look inside a plane: instances, lanes, locks, statistics\n"
	"  cancel   tell operations of a plane to stop\n"
	"  device   read and write what drivers have in sysfs and debugfs\n"
	"\n"
	"  finelink COMMAND --help tells more; so do the manual pages finelink(1) and\n"
	"  finelink-COMMAND(1).\n"
	"\n"
	"  -h, --help\n"
	"  -V, --version\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} subcommands[] = {
	{ "run", fl_cli_run },
	{ "launch", fl_cli_launch },
	{ "show", fl_cli_show },
	{ "cancel", fl_cli_cancel },
	{ "device", fl_cli_device },
};

/* What is opened from now on must not be taken for them; a COMMAND does not get these. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < FL_ARRAY_SIZE(subcommands); i++)
		if (!strcmp(name, subcommands[i].name))
			return subcommands[i].run(argc - 1, argv + 1);
	if (!strcmp(name, "-h") || !strcmp(name, "--help")) {
		fputs(help, stdout);
		return FL_EXIT_OK;
	}
	if (!strcmp(name, "-V") || !strcmp(name, "--version")) {
		puts("finelink " FL_VERSION);
		return FL_EXIT_OK;
	}
	if (*name)
		fprintf(stderr, "finelink: no command '%s'; try finelink --help\n", name);
	else
		fputs(help, stderr);
	return FL_EXIT_USAGE;
}

/* What was printed into a full disk was not shown, however well all else went. */
static int flushed(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fl_cli_fail(0, "cannot write the output: %s", strerror(errno ?: EIO));
	return status ?: FL_EXIT_SOME_FAILED;
}

int main(int argc, char **argv)
{
	open_standard_files();
	return flushed(run(argc, argv));
}
