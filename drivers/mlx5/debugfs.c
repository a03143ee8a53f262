/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * debugfs.c - files of a PF by which the firmware's events are made to happen. Written: the
 * syndrome, or the channel. Read: what is wrong now.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct file {
	struct fl_device *dev; /* referenced: it keeps the PF */
	struct mlx5_pf *pf;
	enum mlx5_event event;
};

static int file_write(struct fl_knob_call *call)
{
	struct file *file = call->arg;
	uint32_t value;
	int err;

	err = fl_knob_parse_u32(call->text, &value);
	if (err)
		return err;
	err = mlx5_event(file->pf, file->event, value);
	if (err == -EINVAL)
		fl_extack_set(&call->extack,
			      file->event == MLX5_EVENT_ERROR || file->event == MLX5_EVENT_FATAL
				      ? "a syndrome is 1 to 255"
				      : "a channel is 0 to 3");
	return err;
}

static uint32_t value_of(const struct file *file)
{
	const struct mlx5_health *health = &file->pf->health;

	switch (file->event) {
	case MLX5_EVENT_ERROR:
		return __atomic_load_n(&health->syndrome, __ATOMIC_RELAXED);
	case MLX5_EVENT_FATAL:
		return mlx5_fw_dead(file->pf->fw);
	case MLX5_EVENT_TX_TIMEOUT:
		return __atomic_load_n(&file->pf->func->tx_broken, __ATOMIC_RELAXED);
	case MLX5_EVENT_RX_ERROR:
		return __atomic_load_n(&file->pf->func->rx_broken, __ATOMIC_RELAXED);
	case MLX5_EVENTS:
		break;
	}
	return 0;
}

static ssize_t file_read(void *arg, char *buf, size_t cap)
{
	return snprintf(buf, cap, "0x%x\n", value_of(arg));
}

static void file_gone(void *arg)
{
	struct file *file = arg;

	fl_device_put(file->dev);
	free(file);
}

static const struct fl_knob_ops file_ops = {
	.write = file_write,
	.read = file_read,
	.gone = file_gone,
};

static const char *const names[MLX5_EVENTS] = {
#define FILE_NAME(name, file) [MLX5_EVENT_##name] = (file),
	MLX5_EVENT_LIST(FILE_NAME)
#undef FILE_NAME
};

static int file_add(struct mlx5_pf *pf, enum mlx5_event event, struct fl_knob **ret_knob)
{
	struct file *file = calloc(1, sizeof(*file));
	char path[FL_KNOB_PATH_MAX + 1];
	int err;

	if (!file)
		return -ENOMEM;
	file->dev = fl_device_get(pf->func->dev);
	file->pf = pf;
	file->event = event;
	snprintf(path, sizeof(path), "sys/kernel/debug/mlx5/%s/%s", fl_device_name(file->dev),
		 names[event]);
	err = fl_knob_add(pf->nic->plane, path, &file_ops, file, ret_knob);
	if (err)
		file_gone(file);
	return err;
}

static void keep(struct mlx5_pf *pf, enum mlx5_event event, struct fl_knob *knob)
{
	struct fl_knob *was;

	fl_driver_lock_take(pf->lock);
	was = pf->health.knobs[event];
	pf->health.knobs[event] = knob;
	fl_driver_lock_drop(pf->lock);
	fl_knob_remove(was);
}

void mlx5_debugfs_add(struct mlx5_pf *pf)
{
	for (int event = 0; event < MLX5_EVENTS; event++) {
		struct fl_knob *knob = NULL;
		int err = file_add(pf, event, &knob);

		if (err)
			fl_log(FL_LOG_WARN, "%s: no file %s: error %d",
			       fl_device_name(pf->func->dev), names[event], -err);
		keep(pf, event, knob);
	}
}

void mlx5_debugfs_remove(struct mlx5_pf *pf)
{
	for (int event = 0; event < MLX5_EVENTS; event++)
		keep(pf, event, NULL);
}
