// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "nl/msg.h"

#define SF_MAX 65536
#define REQUEST_BYTES 512

struct launch_to launch_target_to(const struct launch_target *target)
{
	return (struct launch_to){ target->family, &target->handle };
}

/* Sends what is in msg and waits for its answer. */
static int talk(struct launch_target *target, const struct fl_msg *msg,
		int (*fn)(const struct nlmsghdr *nlh, void *arg), void *arg,
		struct fl_link_error *error)
{
	if (msg->err)
		return msg->err;
	return fl_link_talk(target->link, (const struct nlmsghdr *)msg->buf, -1, LAUNCH_TALK_MS, fn,
			    arg, error);
}

struct instances {
	struct launch_handle *handles;
	size_t count;
	int err;
};

static int instances_add(const struct nlmsghdr *nlh, void *arg)
{
	struct instances *instances = arg;
	struct launch_handle handle, *bigger;

	if (launch_handle_parse(nlh, &handle, NULL))
		return 0;
	bigger = realloc(instances->handles, (instances->count + 1) * sizeof(handle));
	if (!bigger)
		return -ENOMEM;
	instances->handles = bigger;
	instances->handles[instances->count++] = handle;
	return 0;
}

static int eswitch_mode(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == DEVLINK_ATTR_ESWITCH_MODE)
			*(int *)arg = mnl_attr_get_u16(attr);
	return 0;
}

/* The eswitch's mode of the target's handle, or a negative errno: it has none. */
static int get_eswitch_mode(struct launch_target *target, struct fl_link_error *error)
{
	uint32_t buf[REQUEST_BYTES / 4];
	struct fl_msg msg;
	int mode = -EOPNOTSUPP, err;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	launch_request_plain(&msg, launch_target_to(target), fl_link_seq(target->link),
			     DEVLINK_CMD_ESWITCH_GET);
	err = talk(target, &msg, eswitch_mode, &mode, error);
	return err ?: mode;
}

/* Puts the instance in front of the reason. */
static void tell_of(const struct launch_handle *handle, struct fl_link_error *error)
{
	struct fl_link_error reason = *error;

	snprintf(error->text, sizeof(error->text), "%.32s/%.100s: %.100s", handle->bus, handle->dev,
		 reason.text);
}

/* Sets target->handle to the first instance with an eswitch. */
static int find_first(struct launch_target *target, struct fl_link_error *error)
{
	struct instances instances = { 0 };
	uint32_t buf[REQUEST_BYTES / 4];
	struct fl_msg msg;
	int err, mode = -ENODEV;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	launch_request_plain(&msg, (struct launch_to){ target->family, NULL },
			     fl_link_seq(target->link), DEVLINK_CMD_GET);
	err = talk(target, &msg, instances_add, &instances, error);
	/* Who may not ask one of them may ask none. */
	for (size_t i = 0; i < instances.count && !err && mode < 0 && mode != -EPERM; i++) {
		target->handle = instances.handles[i];
		mode = get_eswitch_mode(target, error);
	}
	free(instances.handles);
	if (err || mode >= 0)
		return err;
	if (mode == -EPERM)
		tell_of(&target->handle, error);
	else
		snprintf(error->text, sizeof(error->text), "the plane has no instance with an eswitch");
	return mode;
}

static int find_named(struct launch_target *target, const char *device, struct fl_link_error *error)
{
	const char *slash = strchr(device, '/');
	int mode;

	snprintf(target->handle.bus, sizeof(target->handle.bus), "%.*s", (int)(slash - device), device);
	snprintf(target->handle.dev, sizeof(target->handle.dev), "%s", slash + 1);
	mode = get_eswitch_mode(target, error);
	if (mode >= 0)
		return 0;
	tell_of(&target->handle, error);
	return mode;
}

/* A PF's number is the function of its PCI address. */
static uint16_t pf_number(const struct launch_handle *handle)
{
	const char *dot = strrchr(handle->dev, '.');

	return !strcmp(handle->bus, "pci") && dot ? (uint16_t)atoi(dot + 1) : 0;
}

int launch_target_open(const char *socket, const char *device, struct launch_target *ret_target)
{
	struct launch_target target = { .socket = socket };
	struct fl_link_error error = { "" };
	int err = fl_link_open(socket, -1, &target.link, &error);

	if (err)
		return fl_cli_fail(err, "%s", error.text);
	fl_link_set(target.link, NETLINK_EXT_ACK, 1);
	err = fl_link_family(target.link, DEVLINK_GENL_NAME, DEVLINK_GENL_MCGRP_CONFIG_NAME,
			     LAUNCH_TALK_MS, &target.family, &target.group);
	if (err)
		snprintf(error.text, sizeof(error.text), "%s: no devlink: %s", socket, strerror(-err));
	else
		err = device ? find_named(&target, device, &error) : find_first(&target, &error);
	if (err) {
		fl_link_free(target.link);
		return fl_cli_fail(err, "%s", error.text);
	}
	target.pf = pf_number(&target.handle);
	*ret_target = target;
	return 0;
}

void launch_target_close(struct launch_target *target)
{
	fl_link_free(target->link);
	target->link = NULL;
}

int launch_target_switchdev(struct launch_target *target)
{
	struct fl_link_error error = { "" };
	uint32_t buf[REQUEST_BYTES / 4];
	struct fl_msg msg;
	int err = get_eswitch_mode(target, &error);

	if (err == DEVLINK_ESWITCH_MODE_SWITCHDEV)
		return 0;
	if (err >= 0) {
		fl_msg_init_fixed(&msg, buf, sizeof(buf));
		launch_request_eswitch(&msg, launch_target_to(target), fl_link_seq(target->link),
				       DEVLINK_ESWITCH_MODE_SWITCHDEV);
		err = talk(target, &msg, NULL, NULL, &error);
	}
	if (err)
		fl_cli_fail(0, "cannot set %s/%s to switchdev mode: %s", target->handle.bus,
			    target->handle.dev, error.text);
	return err;
}

struct port_walk {
	const struct launch_handle *handle;
	void (*fn)(const struct launch_port_view *view, void *arg);
	void *arg;
};

static int port_walk_message(const struct nlmsghdr *nlh, void *arg)
{
	struct port_walk *walk = arg;
	struct launch_port_view view;

	if (!launch_port_view_parse(nlh, &view) && launch_handle_equal(&view.owner, walk->handle))
		walk->fn(&view, walk->arg);
	return 0;
}

int launch_target_ports(struct launch_target *target,
			void (*fn)(const struct launch_port_view *view, void *arg), void *arg)
{
	struct port_walk walk = { &target->handle, fn, arg };
	struct fl_link_error error = { "" };
	uint32_t buf[REQUEST_BYTES / 4];
	struct fl_msg msg;
	int err;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	launch_request_plain(&msg, (struct launch_to){ target->family, NULL },
			     fl_link_seq(target->link), DEVLINK_CMD_PORT_GET);
	err = talk(target, &msg, port_walk_message, &walk, &error);
	if (err)
		fl_cli_fail(0, "cannot list the ports: %s", error.text);
	return err;
}

struct sf_pick {
	uint16_t pf;
	bool taken[SF_MAX];
};

static void sf_pick_port(const struct launch_port_view *view, void *arg)
{
	struct sf_pick *pick = arg;

	if (view->flavour == DEVLINK_PORT_FLAVOUR_PCI_SF && view->pf == pick->pf && view->sf < SF_MAX)
		pick->taken[view->sf] = true;
}

int launch_target_pick_sfs(struct launch_target *target, unsigned int count, uint32_t *ret_sfs)
{
	struct sf_pick *pick = calloc(1, sizeof(*pick));
	unsigned int found = 0;
	int err;

	if (!pick)
		return -ENOMEM;
	pick->pf = target->pf;
	err = launch_target_ports(target, sf_pick_port, pick);
	for (uint32_t sf = 1; sf < SF_MAX && found < count && !err; sf++)
		if (!pick->taken[sf])
			ret_sfs[found++] = sf;
	free(pick);
	if (!err && found < count)
		err = fl_cli_fail(-ENOSPC, "only %u of %u SF numbers are free", found, count);
	return err;
}

struct vf_pick {
	uint16_t pf;
	unsigned int count, found;
	struct launch_port_view *ports;
};

static void vf_pick_port(const struct launch_port_view *view, void *arg)
{
	struct vf_pick *pick = arg;

	if (view->flavour == DEVLINK_PORT_FLAVOUR_PCI_VF && view->pf == pick->pf &&
	    *view->nested.bus && !view->nested_elsewhere && pick->found++ < pick->count)
		pick->ports[pick->found - 1] = *view;
}

int launch_target_pick_vfs(struct launch_target *target, unsigned int count,
			   struct launch_port_view *ret_ports)
{
	struct vf_pick pick = { target->pf, count, 0, ret_ports };
	int err = launch_target_ports(target, vf_pick_port, &pick);

	if (!err && pick.found < count)
		err = fl_cli_fail(-ENOSPC, "the PF has %u VFs that could be launched, not %u", pick.found,
				  count);
	return err;
}
