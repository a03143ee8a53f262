// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/request.h"

static void begin(struct fl_msg *msg, struct launch_to to, uint32_t seq, uint8_t cmd)
{
	uint16_t flags = NLM_F_REQUEST | NLM_F_ACK | (to.handle ? 0 : NLM_F_DUMP);

	fl_msg_begin(msg, to.family, flags, seq, 0, cmd, DEVLINK_GENL_VERSION);
	if (!to.handle)
		return;
	fl_msg_put_str(msg, DEVLINK_ATTR_BUS_NAME, to.handle->bus);
	fl_msg_put_str(msg, DEVLINK_ATTR_DEV_NAME, to.handle->dev);
}

void launch_request_plain(struct fl_msg *msg, struct launch_to to, uint32_t seq, uint8_t cmd)
{
	begin(msg, to, seq, cmd);
	fl_msg_end(msg);
}

void launch_request_port(struct fl_msg *msg, struct launch_to to, uint32_t seq, uint8_t cmd,
			 uint32_t index)
{
	begin(msg, to, seq, cmd);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, index);
	fl_msg_end(msg);
}

void launch_request_port_new(struct fl_msg *msg, struct launch_to to, uint32_t seq, uint16_t pf,
			     uint32_t sf)
{
	begin(msg, to, seq, DEVLINK_CMD_PORT_NEW);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_FLAVOUR, DEVLINK_PORT_FLAVOUR_PCI_SF);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, pf);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, sf);
	fl_msg_end(msg);
}

void launch_request_function(struct fl_msg *msg, struct launch_to to, uint32_t seq,
			     uint32_t index, const uint8_t *hw_addr, int state)
{
	size_t nest;

	begin(msg, to, seq, DEVLINK_CMD_PORT_SET);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, index);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	if (hw_addr)
		fl_msg_put(msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, hw_addr, LAUNCH_MAC);
	if (state >= 0)
		fl_msg_put_u8(msg, DEVLINK_PORT_FN_ATTR_STATE, (uint8_t)state);
	fl_msg_nest_end(msg, nest);
	fl_msg_end(msg);
}

void launch_request_reload(struct fl_msg *msg, struct launch_to to, uint32_t seq, int netns_fd)
{
	begin(msg, to, seq, DEVLINK_CMD_RELOAD);
	if (netns_fd >= 0)
		fl_msg_put_u32(msg, DEVLINK_ATTR_NETNS_FD, (uint32_t)netns_fd);
	fl_msg_end(msg);
}

void launch_request_eswitch(struct fl_msg *msg, struct launch_to to, uint32_t seq,
			    enum devlink_eswitch_mode mode)
{
	begin(msg, to, seq, DEVLINK_CMD_ESWITCH_SET);
	fl_msg_put_u16(msg, DEVLINK_ATTR_ESWITCH_MODE, mode);
	fl_msg_end(msg);
}

void launch_request_flash(struct fl_msg *msg, struct launch_to to, uint32_t seq,
			  const char *file_name)
{
	begin(msg, to, seq, DEVLINK_CMD_FLASH_UPDATE);
	fl_msg_put_str(msg, DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME, file_name);
	fl_msg_end(msg);
}
