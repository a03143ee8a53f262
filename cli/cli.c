// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One write a line: a private plane's log goes to the same place. */
static void say(const char *who, const char *fmt, va_list args, const char *tail)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		return;
	fprintf(stderr, "%s: %s%s\n", who, text, tail);
	free(text);
}

int fl_cli_fail(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("finelink", fmt, args, "");
	va_end(args);
	return status;
}

int fl_cli_usage(const char *subcommand, const char *fmt, ...)
{
	char who[32], tail[64];
	va_list args;

	snprintf(who, sizeof(who), "finelink %s", subcommand);
	snprintf(tail, sizeof(tail), "; try finelink %s --help", subcommand);
	va_start(args, fmt);
	say(who, fmt, args, tail);
	va_end(args);
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
