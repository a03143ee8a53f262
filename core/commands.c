/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commands.c - which command is answered by what. A command that is missing here is not
 * built yet: give its object a file, and its handlers a line.
 */
#include "base/util.h"
#include "core/commands.h"

const struct fl_command fl_commands[] = {
	[DEVLINK_CMD_GET] = { fl_instance_get_doit, fl_instance_get_dumpit },
	[DEVLINK_CMD_PORT_GET] = { fl_port_get_doit, fl_port_get_dumpit },
	[DEVLINK_CMD_PORT_SET] = { fl_port_set_doit, NULL },
	[DEVLINK_CMD_PORT_NEW] = { fl_port_new_doit, NULL },
	[DEVLINK_CMD_PORT_DEL] = { fl_port_del_doit, NULL },
	[DEVLINK_CMD_PORT_SPLIT] = { fl_port_split_doit, NULL },
	[DEVLINK_CMD_PORT_UNSPLIT] = { fl_port_unsplit_doit, NULL },
	[DEVLINK_CMD_ESWITCH_GET] = { fl_eswitch_get_doit, NULL },
	[DEVLINK_CMD_ESWITCH_SET] = { fl_eswitch_set_doit, NULL },
	[DEVLINK_CMD_RELOAD] = { fl_reload_doit, NULL },
	[DEVLINK_CMD_PARAM_GET] = { fl_param_get_doit, fl_param_get_dumpit },
	[DEVLINK_CMD_PARAM_SET] = { fl_param_set_doit, NULL },
	[DEVLINK_CMD_RESOURCE_SET] = { fl_resource_set_doit, NULL },
	[DEVLINK_CMD_RESOURCE_DUMP] = { fl_resource_dump_doit, fl_resource_dump_dumpit },
	[DEVLINK_CMD_TRAP_GET] = { fl_trap_get_doit, fl_trap_get_dumpit },
	[DEVLINK_CMD_TRAP_SET] = { fl_trap_set_doit, NULL },
	[DEVLINK_CMD_TRAP_GROUP_GET] = { fl_trap_group_get_doit, fl_trap_group_get_dumpit },
	[DEVLINK_CMD_TRAP_GROUP_SET] = { fl_trap_group_set_doit, NULL },
	[DEVLINK_CMD_TRAP_POLICER_GET] = { fl_trap_policer_get_doit, fl_trap_policer_get_dumpit },
	[DEVLINK_CMD_TRAP_POLICER_SET] = { fl_trap_policer_set_doit, NULL },
	[DEVLINK_CMD_PORT_PARAM_GET] = { fl_port_param_doit, fl_port_param_get_dumpit },
	[DEVLINK_CMD_PORT_PARAM_SET] = { fl_port_param_doit, NULL },
	[DEVLINK_CMD_DPIPE_TABLE_GET] = { fl_dpipe_table_get_doit, NULL },
	[DEVLINK_CMD_DPIPE_ENTRIES_GET] = { fl_dpipe_entries_get_doit, NULL },
	[DEVLINK_CMD_DPIPE_HEADERS_GET] = { fl_dpipe_headers_get_doit, NULL },
	[DEVLINK_CMD_DPIPE_TABLE_COUNTERS_SET] = { fl_dpipe_table_counters_set_doit, NULL },
	[DEVLINK_CMD_SB_GET] = { fl_sb_get_doit, fl_sb_get_dumpit },
	[DEVLINK_CMD_SB_POOL_GET] = { fl_sb_pool_get_doit, fl_sb_pool_get_dumpit },
	[DEVLINK_CMD_SB_POOL_SET] = { fl_sb_pool_set_doit, NULL },
	[DEVLINK_CMD_SB_PORT_POOL_GET] = { fl_sb_port_pool_get_doit, fl_sb_port_pool_get_dumpit },
	[DEVLINK_CMD_SB_PORT_POOL_SET] = { fl_sb_port_pool_set_doit, NULL },
	[DEVLINK_CMD_SB_TC_POOL_BIND_GET] = { fl_sb_tc_pool_bind_get_doit,
					      fl_sb_tc_pool_bind_get_dumpit },
	[DEVLINK_CMD_SB_TC_POOL_BIND_SET] = { fl_sb_tc_pool_bind_set_doit, NULL },
	[DEVLINK_CMD_SB_OCC_SNAPSHOT] = { fl_sb_occ_snapshot_doit, NULL },
	[DEVLINK_CMD_SB_OCC_MAX_CLEAR] = { fl_sb_occ_max_clear_doit, NULL },
	[DEVLINK_CMD_SELFTESTS_GET] = { fl_selftests_get_doit, fl_selftests_get_dumpit },
	[DEVLINK_CMD_SELFTESTS_RUN] = { fl_selftests_run_doit, NULL },
	[DEVLINK_CMD_RATE_GET] = { fl_rate_get_doit, fl_rate_get_dumpit },
	[DEVLINK_CMD_RATE_SET] = { fl_rate_set_doit, NULL },
	[DEVLINK_CMD_RATE_NEW] = { fl_rate_new_doit, NULL },
	[DEVLINK_CMD_RATE_DEL] = { fl_rate_del_doit, NULL },
	[DEVLINK_CMD_INFO_GET] = { fl_info_get_doit, fl_info_get_dumpit },
	[DEVLINK_CMD_FLASH_UPDATE] = { fl_flash_update_doit, NULL },
	[DEVLINK_CMD_HEALTH_REPORTER_GET] = { fl_health_get_doit, fl_health_get_dumpit },
	[DEVLINK_CMD_HEALTH_REPORTER_SET] = { fl_health_set_doit, NULL },
	[DEVLINK_CMD_HEALTH_REPORTER_RECOVER] = { fl_health_recover_doit, NULL },
	[DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE] = { fl_health_diagnose_doit, NULL },
	[DEVLINK_CMD_HEALTH_REPORTER_DUMP_GET] = { NULL, fl_health_dump_get_dumpit,
						   fl_health_dump_get_prepare },
	[DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR] = { fl_health_dump_clear_doit, NULL },
	[DEVLINK_CMD_HEALTH_REPORTER_TEST] = { fl_health_test_doit, NULL },
};

const unsigned int fl_commands_len = FL_ARRAY_SIZE(fl_commands);
