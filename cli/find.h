/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* find.h - where finelink's own other programs are. */
#ifndef FL_CLI_FIND_H
#define FL_CLI_FIND_H

/* The absolute path of finelinkd: beside this program, in the build tree that this program
 * is in, where it is installed, or in PATH. On the heap; NULL: nowhere, or no memory. */
char *fl_find_daemon(void);

/* The same for the library that a program is run with (LD_PRELOAD); not in PATH. */
char *fl_find_shim(void);

#endif
