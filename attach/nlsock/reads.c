// SPDX-License-Identifier: LGPL-2.1-or-later
/* reads.c - which devlink commands only read committed state. */
#include "attach/nlsock/reads.h"

#include "nl/devlink-attrs.h"

/* Answered by the plane on arrival, in order. To be missing here costs a command a token
 * (a pipe); to be here wrongly lets send() return too early. */
static const bool reads[UINT8_MAX + 1] = {
	[DEVLINK_CMD_GET] = true,
	[DEVLINK_CMD_PORT_GET] = true,
	[DEVLINK_CMD_SB_GET] = true,
	[DEVLINK_CMD_SB_POOL_GET] = true,
	[DEVLINK_CMD_SB_PORT_POOL_GET] = true,
	[DEVLINK_CMD_SB_TC_POOL_BIND_GET] = true,
	[DEVLINK_CMD_ESWITCH_GET] = true,
	[DEVLINK_CMD_RESOURCE_DUMP] = true,
	[DEVLINK_CMD_PARAM_GET] = true,
	[DEVLINK_CMD_REGION_GET] = true,
	[DEVLINK_CMD_PORT_PARAM_GET] = true,
	[DEVLINK_CMD_INFO_GET] = true,
	[DEVLINK_CMD_HEALTH_REPORTER_GET] = true,
	[DEVLINK_CMD_TRAP_GET] = true,
	[DEVLINK_CMD_TRAP_GROUP_GET] = true,
	[DEVLINK_CMD_TRAP_POLICER_GET] = true,
	[DEVLINK_CMD_RATE_GET] = true,
	[DEVLINK_CMD_LINECARD_GET] = true,
	[DEVLINK_CMD_SELFTESTS_GET] = true,
};

bool fl_nlsock_cmd_reads(uint8_t cmd)
{
	return reads[cmd];
}
