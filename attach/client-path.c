// SPDX-License-Identifier: LGPL-2.1-or-later
/* client-path.c - where the plane's socket is, and what to say when it is not. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/client-private.h"
#include "attach/wire.h"

int fl_link_fail(struct fl_link_error *error, int err, const char *fmt, ...)
{
	va_list args;

	if (!error)
		return err;
	va_start(args, fmt);
	int len = vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(error->text))
		snprintf(error->text + len, sizeof(error->text) - len, ": %s",
			 strerrordesc_np(-err) ? strerrordesc_np(-err) : "unknown error");
	return err;
}

int fl_link_fail_connect(struct fl_link_error *error, int err, const char *path)
{
	const char *hint = "";

	switch (-err) {
	case ENOENT:
		hint = " (is finelinkd running? \"finelink run\" needs none)";
		break;
	case ECONNREFUSED:
		hint = " (finelinkd has ended and left its socket behind)";
		break;
	case EACCES:
	case EPERM:
		hint = " (a private plane is for who started it)";
		break;
	case EPROTOTYPE:
		hint = " (another program's socket)";
		break;
	}
	return fl_link_fail(error, err, "cannot reach a plane at %s%s", path, hint);
}

/* What the user named, in the order of fl_link_path(); tail: to be put after it. */
static int choose(const char *path, const char **ret_base, const char **ret_tail,
		  struct fl_link_error *error)
{
	const char *named = getenv(FL_WIRE_ENV);

	*ret_tail = "";
	if (!path && named && *named)
		path = named;
	if (path) {
		if (!*path)
			return fl_link_fail(error, -EINVAL,
					    "the path of the plane's socket is empty");
		*ret_base = path;
		return 0;
	}
	if (geteuid() == 0) {
		*ret_base = FL_WIRE_SOCKET_ROOT;
		return 0;
	}
	path = getenv("XDG_RUNTIME_DIR");
	if (!path || !*path)
		return fl_link_fail(error, -ENOENT,
				    "no socket named (set " FL_WIRE_ENV " or XDG_RUNTIME_DIR)");
	*ret_base = path;
	*ret_tail = "/" FL_WIRE_SOCKET_USER;
	return 0;
}

int fl_link_path(const char *path, char *ret_path, size_t cap, struct fl_link_error *error)
{
	const char *base = "", *tail = "";
	char dir[PATH_MAX] = "";
	int err = choose(path, &base, &tail, error);

	if (err)
		return err;
	if (base[0] != '/' && !getcwd(dir, sizeof(dir)))
		return fl_link_fail(error, -errno, "no working directory for %s", base);
	size_t len = strlen(dir) + (*dir ? 1 : 0) + strlen(base) + strlen(tail);
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path);
	if (len >= max || len >= cap)
		return fl_link_fail(error, -ENAMETOOLONG,
				    "the plane's socket %.160s%s has %zu bytes, at most %zu fit",
				    base, tail, len, max - 1);
	snprintf(ret_path, cap, "%s%s%s%s", dir, *dir ? "/" : "", base, tail);
	return 0;
}
