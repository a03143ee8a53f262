/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table.h - columns of text, as wide as what is in them. */
#ifndef FL_CLI_TABLE_H
#define FL_CLI_TABLE_H

#include <stddef.h>

#define FL_TABLE_COLUMNS 16

struct fl_table {
	unsigned int columns;
	char **cells; /* row by row; the first row is the head */
	size_t count, cap;
	int failed; /* out of memory: prints nothing */
};

void fl_table_begin(struct fl_table *table, unsigned int columns, const char *const *head);
/* Adds a cell; NULL is shown as "-". */
void fl_table_cell(struct fl_table *table, const char *text);
/* Prints to standard output: the head strong on a terminal, numbers to the right. 0 or -ENOMEM. */
int fl_table_print(const struct fl_table *table);
void fl_table_done(struct fl_table *table);

#endif
