/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/die.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void fl_breach(const char *rule, const char *fmt, ...)
{
	char line[1024];
	size_t len;
	va_list ap;

	snprintf(line, sizeof(line), "finelink: breach of %s: ", rule);
	len = strlen(line);
	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	len = strlen(line);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		abort(); /* nowhere to say it: the core still tells */
	abort();
}
