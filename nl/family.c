/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* family.c - the generic-netlink families that a plane answers for. */
#include "nl/family.h"

#include <string.h>

#include "nl/ctrl.h"
#include "nl/devlink-attrs.h"

static const struct fl_policy getfamily_policy[] = {
	[CTRL_ATTR_FAMILY_ID] = { .type = FL_ATTR_U16 },
	[CTRL_ATTR_FAMILY_NAME] = { .type = FL_ATTR_NUL_STRING, .len = GENL_NAMSIZ - 1 },
};

static const struct fl_policy getpolicy_policy[] = {
	[CTRL_ATTR_FAMILY_ID] = { .type = FL_ATTR_U16 },
	[CTRL_ATTR_FAMILY_NAME] = { .type = FL_ATTR_NUL_STRING, .len = GENL_NAMSIZ - 1 },
	[CTRL_ATTR_OP] = { .type = FL_ATTR_U32 },
};

static const struct fl_cmd ctrl_cmds[] = {
	[CTRL_CMD_GETFAMILY] = {
		.cmd = CTRL_CMD_GETFAMILY,
		.name = "getfamily",
		.flags = FL_CMD_DO | FL_CMD_DO_LOOSE | FL_CMD_DUMP,
		.do_policy = getfamily_policy,
		.do_max = CTRL_ATTR_FAMILY_NAME,
		.dump_policy = getfamily_policy,
		.dump_max = CTRL_ATTR_FAMILY_NAME,
	},
	[CTRL_CMD_GETPOLICY] = {
		.cmd = CTRL_CMD_GETPOLICY,
		.name = "getpolicy",
		.flags = FL_CMD_DUMP,
		.dump_policy = getpolicy_policy,
		.dump_max = CTRL_ATTR_OP,
	},
};
static const unsigned int ctrl_cmds_len = FL_ARRAY_SIZE(ctrl_cmds);

const struct fl_family fl_family_ctrl = {
	.name = "nlctrl",
	.group = "notify",
	.group_id = FL_GROUP_CTRL,
	.version = 2,
	.id = FL_FAMILY_CTRL,
	.resv_start = CTRL_CMD_GETPOLICY + 1,
	.cmds = ctrl_cmds,
	.cmds_len = &ctrl_cmds_len,
};

const struct fl_family fl_family_devlink = {
	.name = DEVLINK_GENL_NAME,
	.group = DEVLINK_GENL_MCGRP_CONFIG_NAME,
	.group_id = FL_GROUP_CONFIG,
	.version = DEVLINK_GENL_VERSION,
	.id = FL_FAMILY_DEVLINK,
	.resv_start = DEVLINK_CMD_SELFTESTS_RUN + 1,
	.cmds = fl_devlink_cmds,
	.cmds_len = &fl_devlink_cmds_len,
};

static const struct fl_family *const families[] = { &fl_family_ctrl, &fl_family_devlink };

const struct fl_family *fl_family_at(unsigned int position)
{
	return position < FL_ARRAY_SIZE(families) ? families[position] : NULL;
}

const struct fl_family *fl_family_by_id(uint16_t id)
{
	for (unsigned int i = 0; i < FL_ARRAY_SIZE(families); i++)
		if (families[i]->id == id)
			return families[i];
	return NULL;
}

const struct fl_family *fl_family_by_name(const char *name)
{
	for (unsigned int i = 0; i < FL_ARRAY_SIZE(families); i++)
		if (!strcmp(families[i]->name, name))
			return families[i];
	return NULL;
}
