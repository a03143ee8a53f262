/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * private-plane.h - a finelinkd of this program's own.
 *
 * It listens at a socket in a folder that only its owner can enter, is in a session of its
 * own (a ^C at the terminal is for the program that uses it, which may still have to clean
 * up), and ends with this process.
 */
#ifndef FL_CLI_PRIVATE_PLANE_H
#define FL_CLI_PRIVATE_PLANE_H

#include <stdbool.h>
#include <sys/types.h>

struct fl_private_plane;

struct fl_private_plane_config {
	const char *topology;      /* a file, or NULL */
	const char *topology_text; /* YAML instead of a file, or NULL */
	bool bkl;
	int verbose; /* how many -v */
	bool (*stopping)(void); /* whether to wait no longer for it to be ready */
};

/* Starts it and waits until it is ready. Returns 0 or a negative errno; what was wrong has
 * been told on standard error, by finelinkd itself where it could start. -EINTR (untold):
 * config->stopping() said so. */
int fl_private_plane_start(const struct fl_private_plane_config *config,
			   struct fl_private_plane **ret_plane);

/* Ends it, waits for that, removes its folder. NULL is fine. */
void fl_private_plane_stop(struct fl_private_plane *plane);

const char *fl_private_plane_socket(const struct fl_private_plane *plane);
pid_t fl_private_plane_pid(const struct fl_private_plane *plane);

/* To be called for each child that was reaped by others: true if it was the plane, which
 * then is not waited for again. */
bool fl_private_plane_reaped(struct fl_private_plane *plane, pid_t pid);

#endif
