/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* knob.c - the knobs of one device: groups of them, and those that are a plain value. */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- groups ------------------------------------------------------------------------- */

void nsim_knob_gone(void *arg)
{
	struct nsim_knob *knob = arg;

	nsim_dev_put(knob->dev);
	free(knob);
}

static int knob_add(struct nsim_dir *dir, struct nsim_dev *dev, const char *path,
		    const struct fl_knob_ops *ops, void *value)
{
	struct nsim_knob *knob = calloc(1, sizeof(*knob));
	int err;

	if (!knob)
		return -ENOMEM;
	knob->dev = nsim_dev_get(dev);
	knob->value = value;
	err = fl_knob_add(dev->bus->plane, path, ops, knob, &knob->knob);
	if (err) {
		nsim_knob_gone(knob);
		return err;
	}
	knob->next = dir->first;
	dir->first = knob;
	return 0;
}

int nsim_sysfs_add(struct nsim_dir *dir, struct nsim_dev *dev, const char *name,
		   const struct fl_knob_ops *ops)
{
	char path[FL_KNOB_PATH_MAX + 1];

	snprintf(path, sizeof(path), "sys/bus/netdevsim/devices/netdevsim%u/%s", dev->id, name);
	return knob_add(dir, dev, path, ops, NULL);
}

int nsim_debugfs_add(struct nsim_dir *dir, struct nsim_dev *dev, const char *name,
		     const struct fl_knob_ops *ops, void *value)
{
	char path[FL_KNOB_PATH_MAX + 1];
	int len;

	len = snprintf(path, sizeof(path), "sys/kernel/debug/netdevsim/netdevsim%u/%s", dev->id,
		       name);
	if (len >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return knob_add(dir, dev, path, ops, value);
}

void nsim_dir_drop(struct nsim_dir *dir)
{
	struct nsim_knob *knob = dir->first, *next;

	dir->first = NULL;
	for (; knob; knob = next) {
		next = knob->next;
		fl_knob_remove(knob->knob);
	}
}

int nsim_knob_post(struct fl_knob_call *call, struct fl_lane *lane,
		   int (*run)(struct fl_op *op, struct fl_knob_call *call))
{
	struct nsim_dev *dev = nsim_knob_dev(call);

	if (!lane)
		lane = __atomic_load_n(&dev->lane, __ATOMIC_ACQUIRE);
	if (!lane)
		return -EBUSY;
	call->arg = dev;
	return fl_knob_post(call, lane, run);
}

/* ---- values ------------------------------------------------------------------------- */

static void *value_of(void *arg)
{
	return ((struct nsim_knob *)arg)->value;
}

static int bool_write(struct fl_knob_call *call)
{
	bool value;
	int err = fl_knob_parse_bool(call->text, &value);

	if (!err)
		__atomic_store_n((bool *)value_of(call->arg), value, __ATOMIC_RELAXED);
	return err;
}

static ssize_t bool_read(void *arg, char *buf, size_t cap)
{
	return snprintf(buf, cap, "%c\n",
			__atomic_load_n((bool *)value_of(arg), __ATOMIC_RELAXED) ? 'Y' : 'N');
}

static int u32_write(struct fl_knob_call *call)
{
	uint32_t value;
	int err = fl_knob_parse_u32(call->text, &value);

	if (!err)
		__atomic_store_n((uint32_t *)value_of(call->arg), value, __ATOMIC_RELAXED);
	return err;
}

static ssize_t u32_read(void *arg, char *buf, size_t cap)
{
	return snprintf(buf, cap, "%u\n",
			__atomic_load_n((uint32_t *)value_of(arg), __ATOMIC_RELAXED));
}

const struct fl_knob_ops nsim_bool_ops = {
	.write = bool_write, .read = bool_read, .gone = nsim_knob_gone,
};
const struct fl_knob_ops nsim_u32_ops = {
	.write = u32_write, .read = u32_read, .gone = nsim_knob_gone,
};
