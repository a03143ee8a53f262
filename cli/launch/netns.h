/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netns.h - network namespaces for pods. */
#ifndef FL_CLI_LAUNCH_NETNS_H
#define FL_CLI_LAUNCH_NETNS_H

#include <stdatomic.h>

/* Makes `count` network namespaces; each lives as long as its descriptor in fds (closed on
 * exec), which is the caller's. Stops early when *stop is not 0. Returns how many were
 * made, or the negative errno of the first that failed (then none are left): -EPERM (needs
 * CAP_SYS_ADMIN), -ENOSPC (the system's limit of namespaces), -EMFILE, -ENOMEM. */
int launch_netns_make(unsigned int count, int *fds, const atomic_int *stop);

#endif
