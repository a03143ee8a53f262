/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reads.h - which devlink commands only read committed state. */
#ifndef FL_ATTACH_NLSOCK_READS_H
#define FL_ATTACH_NLSOCK_READS_H

#include <stdbool.h>
#include <stdint.h>

/* False for what changes something or has to ask a device (diagnose, dpipe entries), and
 * for what is not known here. */
bool fl_nlsock_cmd_reads(uint8_t cmd);

#endif
