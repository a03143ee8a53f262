// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/view.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include "nl/devlink-attrs.h"

#define ERRNO_MAX 4095 /* what a kernel can return */

/* Whether an attribute holds a NUL-ended string, and copies it. */
static bool get_string(const struct nlattr *attr, char *out, size_t cap)
{
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return false;
	snprintf(out, cap, "%s", mnl_attr_get_str(attr));
	return true;
}

static uint32_t get_number(const struct nlattr *attr)
{
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	}
	return 0;
}

static void parse_nested(const struct nlattr *nest, struct launch_port_view *view)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case DEVLINK_ATTR_BUS_NAME:
			get_string(attr, view->nested.bus, sizeof(view->nested.bus));
			break;
		case DEVLINK_ATTR_DEV_NAME:
			get_string(attr, view->nested.dev, sizeof(view->nested.dev));
			break;
		case DEVLINK_ATTR_NETNS_ID:
			view->nested_elsewhere = true;
			break;
		}
	}
}

static void parse_function(const struct nlattr *nest, struct launch_port_view *view)
{
	const struct nlattr *attr;

	view->has_function = true;
	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR:
			if (mnl_attr_get_payload_len(attr) == LAUNCH_MAC)
				memcpy(view->hw_addr, mnl_attr_get_payload(attr), LAUNCH_MAC);
			break;
		case DEVLINK_PORT_FN_ATTR_STATE:
			view->active = get_number(attr) == DEVLINK_PORT_FN_STATE_ACTIVE;
			break;
		case DEVLINK_PORT_FN_ATTR_OPSTATE:
			view->attached = get_number(attr) == DEVLINK_PORT_FN_OPSTATE_ATTACHED;
			break;
		case DEVLINK_PORT_FN_ATTR_DEVLINK:
			parse_nested(attr, view);
			break;
		}
	}
}

int launch_port_view_parse(const struct nlmsghdr *nlh, struct launch_port_view *ret_view)
{
	struct launch_port_view view = { .owner.bus = "" };
	const struct nlattr *attr;
	bool has_index = false;

	if (launch_handle_parse(nlh, &view.owner, NULL))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case DEVLINK_ATTR_PORT_INDEX:
			view.index = get_number(attr);
			has_index = true;
			break;
		case DEVLINK_ATTR_PORT_FLAVOUR:
			view.flavour = (uint16_t)get_number(attr);
			break;
		case DEVLINK_ATTR_PORT_PCI_PF_NUMBER:
			view.pf = (uint16_t)get_number(attr);
			break;
		case DEVLINK_ATTR_PORT_PCI_VF_NUMBER:
			view.vf = (uint16_t)get_number(attr);
			break;
		case DEVLINK_ATTR_PORT_PCI_SF_NUMBER:
			view.sf = get_number(attr);
			break;
		case DEVLINK_ATTR_PORT_FUNCTION:
			parse_function(attr, &view);
			break;
		}
	}
	if (!has_index)
		return -EBADMSG;
	*ret_view = view;
	return 0;
}

int launch_handle_parse(const struct nlmsghdr *nlh, struct launch_handle *ret_handle,
			bool *ret_reload_failed)
{
	struct launch_handle handle = { "", "" };
	const struct nlattr *attr;
	bool failed = false;

	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case DEVLINK_ATTR_BUS_NAME:
			get_string(attr, handle.bus, sizeof(handle.bus));
			break;
		case DEVLINK_ATTR_DEV_NAME:
			get_string(attr, handle.dev, sizeof(handle.dev));
			break;
		case DEVLINK_ATTR_RELOAD_FAILED:
			failed = get_number(attr) != 0;
			break;
		}
	}
	if (!*handle.bus || !*handle.dev)
		return -EBADMSG;
	*ret_handle = handle;
	if (ret_reload_failed)
		*ret_reload_failed = failed;
	return 0;
}

bool launch_handle_equal(const struct launch_handle *a, const struct launch_handle *b)
{
	return !strcmp(a->bus, b->bus) && !strcmp(a->dev, b->dev);
}

uint8_t launch_message_cmd(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return 0;
	return genl->cmd;
}

int launch_ack_parse(const struct nlmsghdr *nlh, char *ret_text, size_t cap)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);
	size_t at = sizeof(*ack);
	const struct nlattr *attr;

	*ret_text = 0;
	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ack) ||
	    ack->error > 0 || ack->error < -ERRNO_MAX)
		return -EBADMSG;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return ack->error;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		at += mnl_nlmsg_get_payload_len(&ack->msg);
	if (at > mnl_nlmsg_get_payload_len(nlh))
		return ack->error;
	mnl_attr_for_each(attr, nlh, at)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			get_string(attr, ret_text, cap);
	return ack->error;
}
