/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debugfs.c - the knobs that are there as long as the driver is bound. */
#include "netdevsim-private.h"

#define PLAIN(name, kind) { #name, &nsim_##kind##_ops, offsetof(struct nsim_values, name) }
#define SPECIAL(name, ops) { #name, &(ops), offsetof(struct nsim_values, name) }

static const struct {
	const char *name;
	const struct fl_knob_ops *ops;
	size_t offset; /* in nsim_values */
} knobs[] = {
	PLAIN(fw_update_status, bool),
	PLAIN(fw_update_overwrite_mask, u32),
	PLAIN(fw_update_flash_chunk_time_ms, u32),
	PLAIN(max_macs, u32),
	PLAIN(test1, bool),
	SPECIAL(test2, nsim_test2_ops),
	PLAIN(dont_allow_reload, bool),
	PLAIN(fail_reload, bool),
	PLAIN(fail_trap_group_set, bool),
	PLAIN(fail_trap_policer_set, bool),
	SPECIAL(fail_trap_policer_counter_get, nsim_fail_policer_counter_ops),
	SPECIAL(fail_trap_drop_counter_get, nsim_fail_drop_counter_ops),
};

int nsim_debugfs_init(struct nsim_dev *dev)
{
	int err = 0;

	for (size_t i = 0; i < FL_ARRAY_SIZE(knobs) && !err; i++)
		err = nsim_debugfs_add(&dev->debugfs, dev, knobs[i].name, knobs[i].ops,
				       (char *)&dev->values + knobs[i].offset);
	if (!err)
		err = nsim_debugfs_add(&dev->debugfs, dev, "trap_flow_action_cookie",
				       &nsim_cookie_ops, NULL);
	if (!err)
		err = nsim_debugfs_add(&dev->debugfs, dev, "max_vfs", &nsim_max_vfs_ops, NULL);
	return err;
}
