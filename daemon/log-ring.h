/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log-ring.h - the program's log: a ring of lines that one thread writes to standard error.
 *
 * Whoever logs copies a line into the ring and goes on; when the reader of standard error
 * stalls, lines are dropped and their number is told later (rule 4).
 */
#ifndef FL_DAEMON_LOG_RING_H
#define FL_DAEMON_LOG_RING_H

#include "base/log.h"

/* Becomes the sink of fl_log(). Returns 0 or a negative errno. Once in a process. */
int fl_log_ring_start(const char *prefix, enum fl_log_level max_level);

/* Writes what is left, for as long as the reader takes it but at most wait_ms. Nobody may
 * log after this. */
void fl_log_ring_stop(unsigned int wait_ms);

#endif
