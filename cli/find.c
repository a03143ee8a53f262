// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/find.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

/* The path that fmt gives, if it can be accessed so; resolved, on the heap. */
static char *try_path(int mode, const char *fmt, ...) FL_PRINTF(2, 3);

static char *try_path(int mode, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(path) || access(path, mode))
		return NULL;
	return realpath(path, NULL);
}

/* The folder of this program; "" if /proc is not there. */
static void own_folder(char *folder, size_t cap)
{
	ssize_t len = readlink("/proc/self/exe", folder, cap - 1);
	char *slash;

	folder[len > 0 ? len : 0] = 0;
	slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
}

static char *find_in_path(const char *name)
{
	const char *from = getenv("PATH");

	while (from && *from) {
		size_t len = strcspn(from, ":");
		char *found = len ? try_path(X_OK, "%.*s/%s", (int)len, from, name) : NULL;

		if (found)
			return found;
		from += len + (from[len] == ':');
	}
	return NULL;
}

char *fl_find_daemon(void)
{
	char folder[PATH_MAX];
	char *found;

	own_folder(folder, sizeof(folder));
	found = try_path(X_OK, "%s/finelinkd", folder);
	found = found ?: try_path(X_OK, "%s/../daemon/finelinkd", folder);
	found = found ?: try_path(X_OK, "%s", FL_DAEMON_INSTALLED);
	return found ?: find_in_path("finelinkd");
}

char *fl_find_shim(void)
{
	char folder[PATH_MAX];
	char *found;

	own_folder(folder, sizeof(folder));
	found = try_path(R_OK, "%s/%s", folder, FL_SHIM_NAME);
	found = found ?: try_path(R_OK, "%s/../attach/%s", folder, FL_SHIM_NAME);
	/* Where it was installed, as seen from here; then as it was configured. */
	found = found ?: try_path(R_OK, "%s/../%s/%s", folder, FL_LIBDIR, FL_SHIM_NAME);
	return found ?: try_path(R_OK, "%s", FL_SHIM_INSTALLED);
}
