/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cell.h - counter cells as core/ reads them. */
#ifndef FL_CORE_CELL_H
#define FL_CORE_CELL_H

#include "core/driver-cell.h"

/* Reads for an answer: false if the cell fails. Context: any, the reference held. */
bool fl_cell_read(struct fl_cell *cell, uint64_t *ret_value);

#endif
