/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attach-way.h - how `finelink run` attaches its COMMAND. */
#ifndef FL_CLI_ATTACH_WAY_H
#define FL_CLI_ATTACH_WAY_H

#include <stdbool.h>
#include <sys/types.h>

enum fl_attach_way {
	FL_ATTACH_AUTO,
	FL_ATTACH_PRELOAD,
	FL_ATTACH_SECCOMP,
	FL_ATTACH_SECCOMP_ALL, /* every socket call, whatever the descriptor's number */
};

struct fl_supervisor;

/* What was chosen for a COMMAND. */
struct fl_attach {
	const char *command;
	bool asked;	  /* for the way, by --attach */
	bool is_static;	  /* COMMAND is statically linked */
	bool preload;	  /* by LD_PRELOAD */
	bool required;	  /* the filter; else it is for static programs that COMMAND starts */
	bool all_sockets; /* by the filter, at any number */
	bool verbose;
	char missing[288];		  /* why there is no filter, for -v */
	struct fl_supervisor *supervisor; /* NULL: without a filter */
};

/* 0, or -EINVAL: no such way. */
int fl_attach_parse(const char *word, enum fl_attach_way *ret_way);

/* Chooses, and sets the environment for COMMAND. Says what is wrong. 0 or a negative errno. */
int fl_attach_prepare(enum fl_attach_way way, const char *command, const char *socket, bool verbose,
		      struct fl_attach *ret_attach);
/* In the child, before exec(): 0 or -ECANCELED. */
int fl_attach_child(struct fl_attach *attach);
/* In the parent, after fork(). Says what was chosen, or what is missing; then the child knows
 * whether it is to go on. */
void fl_attach_parent(struct fl_attach *attach, pid_t child);
/* Instead of both, if there is no child. */
void fl_attach_cancel(struct fl_attach *attach);

#endif
