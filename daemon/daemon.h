/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon.h - finelinkd, all of it. */
#ifndef FL_DAEMON_DAEMON_H
#define FL_DAEMON_DAEMON_H

/* The one thing beside the driver API that libfinelink shows, for the finelinkd that it is
 * built with. Returns the exit status. Context: the main thread, with no other. */
__attribute__((visibility("default"))) int fl_daemon_main(int argc, char **argv);

#endif
