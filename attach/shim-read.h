/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shim-read.h - which devlink commands only read committed state. */
#ifndef FL_ATTACH_SHIM_READ_H
#define FL_ATTACH_SHIM_READ_H

#include <stdbool.h>
#include <stdint.h>

/* False for what changes something or has to ask a device (diagnose, dpipe entries), and
 * for what the shim does not know. */
bool shim_cmd_reads(uint8_t cmd);

#endif
