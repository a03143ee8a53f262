/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request.h - the devlink requests of a launch. */
#ifndef FL_CLI_LAUNCH_REQUEST_H
#define FL_CLI_LAUNCH_REQUEST_H

#include "cli/launch/view.h"
#include "nl/devlink-attrs.h"
#include "nl/msg.h"

/* Where a request goes. */
struct launch_to {
	uint16_t family;
	const struct launch_handle *handle;
};

/* Each puts one whole message (with NLM_F_ACK) into msg; msg->err tells if it did not fit. */

/* A command with the handle alone, such as DEVLINK_CMD_GET; handle NULL: a dump. */
void launch_request_plain(struct fl_msg *msg, struct launch_to to, uint32_t seq, uint8_t cmd);
void launch_request_port(struct fl_msg *msg, struct launch_to to, uint32_t seq, uint8_t cmd,
			 uint32_t index);
void launch_request_port_new(struct fl_msg *msg, struct launch_to to, uint32_t seq, uint16_t pf,
			     uint32_t sf);
/* hw_addr: LAUNCH_MAC bytes or NULL; state: enum devlink_port_fn_state or -1. */
void launch_request_function(struct fl_msg *msg, struct launch_to to, uint32_t seq,
			     uint32_t index, const uint8_t *hw_addr, int state);
/* netns_fd -1: in place. */
void launch_request_reload(struct fl_msg *msg, struct launch_to to, uint32_t seq, int netns_fd);
void launch_request_eswitch(struct fl_msg *msg, struct launch_to to, uint32_t seq,
			    enum devlink_eswitch_mode mode);
void launch_request_flash(struct fl_msg *msg, struct launch_to to, uint32_t seq,
			  const char *file_name);

#endif
