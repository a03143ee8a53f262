/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* knob.c - the plane's table of knobs, and what is done with one. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cmd-op.h"
#include "core/knob.h"
#include "core/plane-private.h"

/* Rules: 1. plane, ops, arg, path: never change. 2. Freed a grace period after removal. */
struct fl_knob {
	struct fl_rcu_head rcu;
	struct fl_plane *plane;
	const struct fl_knob_ops *ops;
	void *arg;
	char path[];
};

static uint64_t path_hash(const void *name)
{
	return fl_hash(name, strlen(name), 0);
}

static bool path_is(const void *thing, const void *name)
{
	return !strcmp(((const struct fl_knob *)thing)->path, name);
}

static const struct fl_index_ops path_ops = { path_hash, path_is };

void fl_knobs_init(struct fl_plane *plane)
{
	fl_lock_init(&plane->knob_lock, knobs);
	plane->knobs = (struct fl_index){ .ops = &path_ops, .lock = &plane->knob_lock };
}

int fl_knob_add(struct fl_plane *plane, const char *path, const struct fl_knob_ops *ops, void *arg,
		struct fl_knob **ret_knob)
{
	size_t len = strlen(path);
	struct fl_knob *knob;
	int err;

	if (!len || len > FL_KNOB_PATH_MAX || *path == '/')
		return -EINVAL;
	knob = calloc(1, sizeof(*knob) + len + 1);
	if (!knob)
		return -ENOMEM;
	knob->plane = plane;
	knob->ops = ops;
	knob->arg = arg;
	memcpy(knob->path, path, len);
	err = fl_index_add(&plane->knobs, knob->path, knob);
	if (err) {
		free(knob);
		return err;
	}
	*ret_knob = knob;
	return 0;
}

static void knob_free(struct fl_knob *knob)
{
	if (knob->ops->gone)
		knob->ops->gone(knob->arg);
	free(knob);
}

static void knob_free_rcu(struct fl_rcu_head *head)
{
	knob_free(FL_CONTAINER_OF(head, struct fl_knob, rcu));
}

void fl_knob_remove(struct fl_knob *knob)
{
	if (!knob)
		return;
	fl_index_del(&knob->plane->knobs, knob->path, knob);
	fl_rcu_call(&knob->rcu, knob_free_rcu);
}

void fl_knobs_free(struct fl_plane *plane)
{
	struct fl_pmap_iter iter;
	struct fl_knob *knob;

	fl_index_iter_init(&iter, &plane->knobs, 0);
	while ((knob = fl_pmap_iter_next(&iter)))
		knob_free(knob);
	fl_index_done(&plane->knobs);
	fl_lock_done(&plane->knob_lock);
}

/* ---- reading and writing ---------------------------------------------------------- */

void fl_knob_complete(struct fl_knob_call *call, int err)
{
	call->complete(call, err);
}

int fl_knob_write(const char *path, struct fl_knob_call *call)
{
	size_t len = strlen(call->text);
	struct fl_knob *knob;
	int err = -ENOENT;

	if (len && call->text[len - 1] == '\n')
		call->text[len - 1] = '\0';
	fl_rcu_read_lock();
	knob = fl_index_find(&call->plane->knobs, path);
	if (knob) {
		call->arg = knob->arg;
		err = knob->ops->write ? knob->ops->write(call) : -EACCES;
	}
	fl_rcu_read_unlock();
	return err;
}

ssize_t fl_knob_read(struct fl_plane *plane, const char *path, char *buf, size_t cap)
{
	struct fl_knob *knob;
	ssize_t len = -ENOENT;

	fl_rcu_read_lock();
	knob = fl_index_find(&plane->knobs, path);
	if (knob)
		len = knob->ops->read ? knob->ops->read(knob->arg, buf, cap) : -EACCES;
	fl_rcu_read_unlock();
	return len;
}

size_t fl_knob_list(struct fl_plane *plane, const char *prefix, unsigned int skip, char *buf,
		    size_t cap, unsigned int *ret_count)
{
	size_t prefix_len = strlen(prefix), used = 0, len;
	unsigned int count = 0, seen = 0;
	struct fl_pmap_iter iter;
	struct fl_knob *knob;

	fl_rcu_read_lock();
	fl_index_iter_init(&iter, &plane->knobs, 0);
	while ((knob = fl_pmap_iter_next(&iter))) {
		if (strncmp(knob->path, prefix, prefix_len) || seen++ < skip)
			continue;
		len = strlen(knob->path);
		if (used + len + 1 > cap)
			break;
		memcpy(buf + used, knob->path, len);
		buf[used + len] = '\n';
		used += len + 1;
		count++;
	}
	fl_rcu_read_unlock();
	*ret_count = count;
	return used;
}

/* ---- a write as an operation ------------------------------------------------------ */

struct knob_op {
	struct fl_op op;
	struct fl_knob_call *call;
	int (*run)(struct fl_op *op, struct fl_knob_call *call);
	bool can_abandon; /* call can; set before the submit */
	int answered;     /* atomic: who sets it, `parked` or `ended`, answers */
};

static int knob_op_run(struct fl_op *op)
{
	struct knob_op *knob_op = FL_CONTAINER_OF(op, struct knob_op, op);

	return knob_op->run(op, knob_op->call);
}

static void knob_op_ended(struct fl_op *op, int err)
{
	struct knob_op *knob_op = FL_CONTAINER_OF(op, struct knob_op, op);
	struct fl_knob_call *call = knob_op->call;

	if (__atomic_exchange_n(&knob_op->answered, 1, __ATOMIC_SEQ_CST)) {
		call->release(call);
		return;
	}
	fl_extack_refusal(&call->extack, op, err);
	fl_knob_complete(call, err);
}

static void knob_op_parked(struct fl_op *op)
{
	struct knob_op *knob_op = FL_CONTAINER_OF(op, struct knob_op, op);

	if (knob_op->can_abandon &&
	    !__atomic_exchange_n(&knob_op->answered, 1, __ATOMIC_SEQ_CST))
		knob_op->call->abandon(knob_op->call);
}

static void knob_op_free(struct fl_op *op)
{
	free(FL_CONTAINER_OF(op, struct knob_op, op));
}

static const struct fl_op_type knob_op_type = {
	.kind = "knob",
	.run = knob_op_run,
	.ended = knob_op_ended,
	.parked = knob_op_parked,
	.free = knob_op_free,
};

int fl_knob_post(struct fl_knob_call *call, struct fl_lane *lane,
		 int (*run)(struct fl_op *op, struct fl_knob_call *call))
{
	struct knob_op *knob_op = calloc(1, sizeof(*knob_op));
	int err;

	if (!knob_op)
		return -ENOMEM;
	knob_op->call = call;
	knob_op->can_abandon = call->abandon;
	knob_op->run = run;
	fl_op_init(&knob_op->op, &knob_op_type, lane, call->client);
	fl_op_get(&knob_op->op);
	err = fl_op_submit(&knob_op->op);
	fl_extack_refusal(&call->extack, &knob_op->op, err);
	fl_op_put(&knob_op->op);
	return err ? err : FL_LATER;
}

/* ---- text ------------------------------------------------------------------------- */

int fl_knob_parse_bool(const char *text, bool *ret_value)
{
	const char *at = text;

	/* "on" and "off" differ in their second letter. */
	if (tolower((unsigned char)*at) == 'o')
		at++;
	if (*at && strchr(at == text ? "1yYtT" : "nN", *at)) {
		*ret_value = true;
		return 0;
	}
	if (*at && strchr(at == text ? "0nNfF" : "fF", *at)) {
		*ret_value = false;
		return 0;
	}
	return -EINVAL;
}

int fl_knob_parse_u32(const char *text, uint32_t *ret_value)
{
	const char *digits = *text == '+' ? text + 1 : text;
	unsigned long long value;
	char *end;

	/* strtoull() would take blanks and a minus after them, and wrap around. */
	if (!isdigit((unsigned char)*digits))
		return -EINVAL;
	errno = 0;
	value = strtoull(digits, &end, 0);
	if (errno || *end || value > UINT32_MAX)
		return -EINVAL;
	*ret_value = value;
	return 0;
}
