/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static fl_log_sink log_sink;
static enum fl_log_level log_max = FL_LOG_INFO;

void fl_log_set_sink(fl_log_sink sink, enum fl_log_level max_level)
{
	log_max = max_level;
	__atomic_store_n(&log_sink, sink, __ATOMIC_RELEASE);
}

void fl_log(enum fl_log_level level, const char *fmt, ...)
{
	fl_log_sink sink = __atomic_load_n(&log_sink, __ATOMIC_ACQUIRE);
	char line[512];
	va_list ap;

	if (!sink || level > log_max)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sink(level, line);
}
