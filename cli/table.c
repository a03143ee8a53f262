// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fl_table_begin(struct fl_table *table, unsigned int columns, const char *const *head)
{
	*table = (struct fl_table){ .columns = columns };
	for (unsigned int i = 0; i < columns; i++)
		fl_table_cell(table, head[i]);
}

void fl_table_cell(struct fl_table *table, const char *text)
{
	if (table->count == table->cap) {
		size_t cap = table->cap ? table->cap * 2 : 256;
		char **cells = realloc(table->cells, cap * sizeof(*cells));

		if (!cells) {
			table->failed = -ENOMEM;
			return;
		}
		table->cells = cells;
		table->cap = cap;
	}
	table->cells[table->count] = strdup(text && *text ? text : "-");
	if (!table->cells[table->count])
		table->failed = -ENOMEM;
	else
		table->count++;
}

/* Whether every cell of a column below its head is a number, or missing. */
static bool is_numeric(const struct fl_table *table, unsigned int column)
{
	for (size_t i = table->columns + column; i < table->count; i += table->columns)
		if (strspn(table->cells[i], "0123456789.-") != strlen(table->cells[i]))
			return false;
	return true;
}

static int width(const struct fl_table *table, unsigned int column)
{
	size_t widest = 0;

	for (size_t i = column; i < table->count; i += table->columns) {
		size_t len = strlen(table->cells[i]);

		widest = len > widest ? len : widest;
	}
	return (int)widest;
}

int fl_table_print(const struct fl_table *table)
{
	bool strong = isatty(STDOUT_FILENO);
	int widths[FL_TABLE_COLUMNS];

	if (table->failed)
		return table->failed;
	for (unsigned int i = 0; i < table->columns; i++)
		widths[i] = is_numeric(table, i) ? width(table, i) : -width(table, i);
	for (size_t i = 0; i < table->count; i++) {
		unsigned int column = (unsigned int)(i % table->columns);
		bool last = column == table->columns - 1;

		if (strong && i == 0)
			fputs("\033[1m", stdout);
		printf("%*s%s", last && widths[column] < 0 ? 0 : widths[column], table->cells[i],
		       last ? (strong && i < table->columns ? "\033[0m\n" : "\n") : "  ");
	}
	return 0;
}

void fl_table_done(struct fl_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
}
