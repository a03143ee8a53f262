/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attach.h - attaching any program by a seccomp filter with user notification.
 *
 * The command runs under a filter that hands over the making of generic netlink sockets, and
 * what is done with descriptors in a reserved high range of numbers, or with any socket. Threads
 * of this process answer. In order:
 *   fl_seccomp_new()       before fork()
 *   fl_seccomp_child()     in the child, before exec()
 *   fl_seccomp_start()     in the parent
 * If this process ends, the kernel answers ENOSYS to what would be handed over.
 */
#ifndef FL_ATTACH_SECCOMP_ATTACH_H
#define FL_ATTACH_SECCOMP_ATTACH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/util.h"

struct fl_supervisor;

struct fl_seccomp_config {
	const char *socket; /* of the plane; absolute */
	bool all_sockets;   /* answer at any number, at the price of a look at each socket call */
	/* A line for the user, without newline. Context: any thread. */
	void (*tell)(const char *text);
};

/* Why the filter cannot be had: what is missing, and what to do; without newline. */
struct fl_seccomp_error {
	char text[256];
};

/* Makes the filter. 0 or a negative errno with error filled. */
int fl_seccomp_new(const struct fl_seccomp_config *config, struct fl_supervisor **ret_sup,
		   struct fl_seccomp_error *error);
/* Only if it was not started: threads may use it. NULL is fine. */
void fl_seccomp_free(struct fl_supervisor *sup);

/* In the child: waits for the parent's word and loads the filter if it says so. Returns 0 to
 * go on, or -ECANCELED: the parent does not want the command to run, or has gone. */
int fl_seccomp_child(struct fl_supervisor *sup);

/* In the parent: looks whether what it takes can be done to the child, has it load the
 * filter, starts to answer. required: without the filter the child is told to give up, else
 * to go on without. 0 or a negative errno with error filled. */
int fl_seccomp_start(struct fl_supervisor *sup, pid_t child, bool required,
		     struct fl_seccomp_error *error);
/* Instead: the child is to go on without a filter. */
void fl_seccomp_skip(struct fl_supervisor *sup);

/* Whether the filter sets no_new_privs, which ordinary users need. */
bool fl_seccomp_sets_no_new_privs(void);

#endif
