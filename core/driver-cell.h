/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-cell.h - counter cells: numbers that a driver publishes, and that readers read
 * while they are answered, without asking the driver.
 *
 * Threads:   all of this from any thread, at any time; nothing blocks.
 * Ownership: counted; whatever is made with a cell (a trap, a resource ...) holds a reference
 *            of its own, so that a reader never finds it freed.
 */
#ifndef FL_CORE_DRIVER_CELL_H
#define FL_CORE_DRIVER_CELL_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_cell;

/* A cell of value 0 with one reference. NULL: out of memory. */
struct fl_cell *fl_cell_new(void);
/* A reference keeps the memory; the value may change at any time. */
struct fl_cell *fl_cell_get(struct fl_cell *cell); /* NULL is fine */
void fl_cell_put(struct fl_cell *cell);            /* NULL is fine */

void fl_cell_add(struct fl_cell *cell, uint64_t n);
void fl_cell_set(struct fl_cell *cell, uint64_t value);
uint64_t fl_cell_value(const struct fl_cell *cell);

/* For simulated hardware: a cell that each reader finds one higher than the reader before. */
void fl_cell_set_ticking(struct fl_cell *cell, bool ticking);
/* For simulated faults: reading fails, and so does the answer that shows the cell. */
void fl_cell_set_failing(struct fl_cell *cell, bool failing);

#pragma GCC visibility pop

#endif
