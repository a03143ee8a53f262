// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int fl_cli_fail(int status, const char *fmt, ...)
{
	va_list args;

	fputs("finelink: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int fl_cli_usage(const char *subcommand, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "finelink %s: ", subcommand);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "; try finelink %s --help\n", subcommand);
	return FL_EXIT_USAGE;
}

int fl_cli_number(const char *word, unsigned long min, unsigned long max,
		  unsigned long *ret_value)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || value < min || value > max)
		return -EINVAL;
	*ret_value = value;
	return 0;
}
