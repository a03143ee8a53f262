/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* own.c - what in an operation is its user's: memory beside it, and the data pointer. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lane/lane.h"

struct own {
	struct fl_op op;
	max_align_t bytes[];
};

int fl_op_new(const struct fl_op_type *type, struct fl_lane *lane, struct fl_client *client,
	      size_t size, struct fl_op **ret_op)
{
	struct own *own = NULL;

	if (size <= SIZE_MAX - sizeof(*own))
		own = calloc(1, sizeof(*own) + size);
	if (!own)
		return -ENOMEM;
	fl_op_init(&own->op, type, lane, client);
	*ret_op = &own->op;
	return 0;
}

void *fl_op_own(struct fl_op *op)
{
	return ((struct own *)op)->bytes;
}

void fl_op_free(struct fl_op *op)
{
	free(op);
}

void fl_op_set_data(struct fl_op *op, void *data)
{
	op->data = data;
}

void *fl_op_data(const struct fl_op *op)
{
	return op->data;
}
