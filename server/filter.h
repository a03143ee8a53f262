/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filter.h - DEVLINK_CMD_NOTIFY_FILTER_SET: which notifications one socket wants. */
#ifndef FL_SERVER_FILTER_H
#define FL_SERVER_FILTER_H

#include <stdbool.h>

#include "core/req.h"
#include "netns/evlog.h"

struct fl_filter;

/* Makes a filter of a request's attributes; NULL in *ret_filter if it names nothing.
 * Returns 0 or -ENOMEM. */
int fl_filter_new(const struct nlattr *const *tb, struct fl_filter **ret_filter);
void fl_filter_free(struct fl_filter *filter); /* NULL is fine */

/* What only one of the two sides names does not count. */
bool fl_filter_match(const struct fl_filter *filter, const struct fl_evrec *rec);

#endif
