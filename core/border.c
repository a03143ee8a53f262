/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "core/border.h"
#include "core/instance.h"

#define ERRNO_MAX 4095 /* as the kernel's MAX_ERRNO */

void fl_border_tell(const struct fl_devlink *dl, const char *callback, const char *fmt, ...)
{
	const struct fl_driver *driver = fl_devlink_driver(dl);
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fl_log(FL_LOG_ERR, "%s/%s: driver %s, callback %s: %s", fl_devlink_bus_name(dl),
	       fl_devlink_dev_name(dl), driver ? driver->name : "(none)", callback, text);
}

int fl_border_step(const struct fl_devlink *dl, const char *callback, int value)
{
	return value == FL_LATER ? value : fl_border_result(dl, callback, value);
}

int fl_border_result(const struct fl_devlink *dl, const char *callback, int err)
{
	if (err <= 0 && err >= -ERRNO_MAX)
		return err;
	fl_border_tell(dl, callback, "returned %d, which is no error number", err);
	return -EIO;
}
