/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* border.h - where nonsense from a driver is stopped. */
#ifndef FL_CORE_BORDER_H
#define FL_CORE_BORDER_H

#include "base/util.h"

struct fl_devlink;

/* What a driver's callback gave, if that is 0 or a negative errno; else -EIO and a message that
 * names driver and callback. */
int fl_border_result(const struct fl_devlink *dl, const char *callback, int err);

/* The same for the value of the callback's first step, which may be FL_LATER. (Values of later
 * steps that are no error numbers stop the program: lane/.) */
int fl_border_step(const struct fl_devlink *dl, const char *callback, int value);

/* Tells what a driver's callback did wrong. */
void fl_border_tell(const struct fl_devlink *dl, const char *callback, const char *fmt, ...)
	FL_PRINTF(3, 4);

#endif
