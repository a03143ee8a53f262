/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.h - what the program has to say to its operator.
 *
 * A line goes to the sink that the program set, or nowhere. A sink must not block:
 * finelinkd's keeps lines in a ring that one thread writes out, so that a log that
 * stalls stalls nobody (rule 4).
 */
#ifndef FL_BASE_LOG_H
#define FL_BASE_LOG_H

#include "base/util.h"

#pragma GCC visibility push(default) /* for plug-ins */

enum fl_log_level { FL_LOG_ERR = 3, FL_LOG_WARN = 4, FL_LOG_INFO = 6, FL_LOG_DEBUG = 7 };

/* -- not installed -- */
typedef void (*fl_log_sink)(enum fl_log_level level, const char *line);

/* Context: once, before other threads start. NULL discards. */
void fl_log_set_sink(fl_log_sink sink, enum fl_log_level max_level);

/* -- installed -- */
/* Context: any; never blocks. */
void fl_log(enum fl_log_level level, const char *fmt, ...) FL_PRINTF(2, 3);

#pragma GCC visibility pop

#endif
