/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view.h - a port as a netlink message tells it, as far as a launch looks at it.
 *
 * Messages are to be found by NLMSG_OK(): libmnl's own check takes a length of 2^31 or more for a
 * negative one, and lets it pass.
 */
#ifndef FL_CLI_LAUNCH_VIEW_H
#define FL_CLI_LAUNCH_VIEW_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#define LAUNCH_MAC 6

/* The handle of an instance; "" and "" for none. */
struct launch_handle {
	char bus[32], dev[64];
};

struct launch_port_view {
	struct launch_handle owner;
	uint32_t index;
	uint16_t flavour, pf, vf;
	uint32_t sf;
	bool has_function;
	uint8_t hw_addr[LAUNCH_MAC];
	bool active, attached;
	struct launch_handle nested; /* the function's own instance */
	bool nested_elsewhere;       /* it is in another namespace than who is told */
};

/* Reads a PORT_GET answer or a PORT_NEW. Returns 0, or -EBADMSG without handle and index. */
int launch_port_view_parse(const struct nlmsghdr *nlh, struct launch_port_view *ret_view);

/* Reads the handle of any devlink message; *ret_reload_failed may be NULL. -EBADMSG. */
int launch_handle_parse(const struct nlmsghdr *nlh, struct launch_handle *ret_handle,
			bool *ret_reload_failed);

bool launch_handle_equal(const struct launch_handle *a, const struct launch_handle *b);

/* The command of a message, or 0 if it is no generic netlink message. */
uint8_t launch_message_cmd(const struct nlmsghdr *nlh);

/* The error of an NLMSG_ERROR message, and its extended ACK's text (or ""); -EBADMSG for another
 * message or what is no negative errno. */
int launch_ack_parse(const struct nlmsghdr *nlh, char *ret_text, size_t cap);

#endif
