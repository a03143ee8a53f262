/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cell.c - counter cells. A cell stands alone: nothing is ordered by reading one, so that all
 * accesses are relaxed; only the last reference is given up in order.
 */
#include <stdlib.h>

#include "core/cell.h"

/* Rule: everything is atomic. */
struct fl_cell {
	uint64_t value;
	int refs;
	bool ticking, failing;
};

struct fl_cell *fl_cell_new(void)
{
	struct fl_cell *cell = calloc(1, sizeof(*cell));

	if (cell)
		cell->refs = 1;
	return cell;
}

struct fl_cell *fl_cell_get(struct fl_cell *cell)
{
	if (cell)
		__atomic_add_fetch(&cell->refs, 1, __ATOMIC_RELAXED);
	return cell;
}

void fl_cell_put(struct fl_cell *cell)
{
	if (cell && !__atomic_sub_fetch(&cell->refs, 1, __ATOMIC_ACQ_REL))
		free(cell);
}

void fl_cell_add(struct fl_cell *cell, uint64_t n)
{
	__atomic_add_fetch(&cell->value, n, __ATOMIC_RELAXED);
}

void fl_cell_set(struct fl_cell *cell, uint64_t value)
{
	__atomic_store_n(&cell->value, value, __ATOMIC_RELAXED);
}

uint64_t fl_cell_value(const struct fl_cell *cell)
{
	return __atomic_load_n(&cell->value, __ATOMIC_RELAXED);
}

void fl_cell_set_ticking(struct fl_cell *cell, bool ticking)
{
	__atomic_store_n(&cell->ticking, ticking, __ATOMIC_RELAXED);
}

void fl_cell_set_failing(struct fl_cell *cell, bool failing)
{
	__atomic_store_n(&cell->failing, failing, __ATOMIC_RELAXED);
}

bool fl_cell_read(struct fl_cell *cell, uint64_t *ret_value)
{
	if (__atomic_load_n(&cell->failing, __ATOMIC_RELAXED))
		return false;
	if (__atomic_load_n(&cell->ticking, __ATOMIC_RELAXED))
		*ret_value = __atomic_fetch_add(&cell->value, 1, __ATOMIC_RELAXED);
	else
		*ret_value = fl_cell_value(cell);
	return true;
}
