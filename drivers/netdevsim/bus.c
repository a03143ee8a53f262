/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus.c - the bus of one plane: its knobs new_device, del_device, bind and unbind. */
#include "netdevsim-private.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- life --------------------------------------------------------------------------- */

struct nsim_bus *nsim_bus_get(struct nsim_bus *bus)
{
	__atomic_add_fetch(&bus->refs, 1, __ATOMIC_RELAXED);
	return bus;
}

void nsim_bus_put(struct nsim_bus *bus)
{
	struct nsim_netns *ns;

	if (__atomic_sub_fetch(&bus->refs, 1, __ATOMIC_ACQ_REL))
		return;
	while ((ns = bus->spaces)) {
		bus->spaces = ns->next;
		free(ns->taken);
		free(ns);
	}
	fl_driver_lock_free(bus->lock);
	free(bus);
}

static void bus_knob_gone(void *arg)
{
	nsim_bus_put(arg);
}

/* ---- new_device, del_device ----------------------------------------------------------- */

/* Reads up to `max` numbers that blanks separate; what follows them does not count. Returns
 * how many there are. */
static unsigned int scan_numbers(const char *text, unsigned long long *numbers, unsigned int max)
{
	unsigned int count = 0;
	char *end;

	while (count < max) {
		text += strspn(text, " \t");
		if (!isdigit((unsigned char)*text))
			break;
		numbers[count++] = strtoull(text, &end, 10);
		text = end;
	}
	return count;
}

static int id_check(unsigned long long id, struct fl_extack *extack)
{
	if (id <= INT_MAX)
		return 0;
	fl_extack_set(extack, "Value of \"id\" is too big.");
	return -EINVAL;
}

static int parse_new_device(struct fl_knob_call *call, struct nsim_config *config)
{
	unsigned long long numbers[3];
	unsigned int count = scan_numbers(call->text, numbers, 3);

	nsim_config_init(config);
	if (!count) {
		fl_extack_set(&call->extack, "Format for adding new device is "
					     "\"id port_count num_queues\" (uint uint unit).");
		return -EINVAL;
	}
	if (id_check(numbers[0], &call->extack))
		return -EINVAL;
	config->id = (unsigned int)numbers[0];
	if (count > 1 && numbers[1] > NSIM_PORTS_MAX) {
		fl_extack_set(&call->extack, "at most %u ports", NSIM_PORTS_MAX);
		return -EINVAL;
	}
	if (count > 1)
		config->ports = (unsigned int)numbers[1];
	if (count > 2)
		config->queues = numbers[2] < UINT_MAX ? (unsigned int)numbers[2] : UINT_MAX;
	return 0;
}

/* As in the kernel, a device that its driver refuses is there all the same. */
static void device_probed(void *arg, int err, const char *why)
{
	fl_knob_complete(arg, 0);
}

static int new_device_write(struct fl_knob_call *call)
{
	struct nsim_config config;
	struct fl_device *device;
	int err;

	err = parse_new_device(call, &config);
	if (err)
		return err;
	if (call->elsewhere && !call->ns) {
		fl_extack_set(&call->extack, "the plane may not enter your network namespace");
		return call->ns_err;
	}
	/* A device begins where its maker is. */
	err = nsim_device_make(call->arg, &config, call->ns, &device);
	if (err == -EEXIST) {
		fl_extack_set(&call->extack, "there is a device %u", config.id);
		return -ENOSPC;
	}
	if (err)
		return err;
	err = fl_device_probe_call(device, call->client, device_probed, call);
	if (err) {
		fl_extack_set(&call->extack, "the device could not be probed now");
		fl_device_remove_post(device, NULL, NULL, NULL);
	}
	fl_device_put(device);
	return err ? err : FL_LATER;
}

static void told(void *arg, int err, const char *why)
{
	struct fl_knob_call *call = arg;

	if (why)
		fl_extack_set(&call->extack, "%s", why);
	fl_knob_complete(call, err);
}

static int del_device_write(struct fl_knob_call *call)
{
	struct nsim_bus *bus = call->arg;
	unsigned long long id;
	struct fl_device *device;
	char name[32];
	int err;

	if (!scan_numbers(call->text, &id, 1)) {
		fl_extack_set(&call->extack, "Format for deleting device is \"id\" (uint).");
		return -EINVAL;
	}
	if (id_check(id, &call->extack))
		return -EINVAL;
	snprintf(name, sizeof(name), NSIM_NAME "%llu", id);
	device = fl_device_find(fl_plane_bus(bus->plane), NSIM_NAME, name);
	if (!device)
		return -ENOENT;
	err = fl_device_remove_post(device, call->client, told, call);
	fl_device_put(device);
	if (err == -ENODEV)
		return -ENOENT; /* it is on its way out */
	return err ? err : FL_LATER;
}

/* ---- bind, unbind --------------------------------------------------------------------- */

static int driver_write(struct fl_knob_call *call,
			int (*post)(struct fl_device *dev, struct fl_client *client,
				    fl_device_told *told, void *arg))
{
	struct nsim_bus *bus = call->arg;
	struct fl_device *device;
	int err;

	device = fl_device_find(fl_plane_bus(bus->plane), NSIM_NAME, call->text);
	if (!device)
		return -ENODEV;
	err = post(device, call->client, told, call);
	fl_device_put(device);
	return err ? err : FL_LATER;
}

static int bind_write(struct fl_knob_call *call)
{
	return driver_write(call, fl_device_probe_call);
}

static int unbind_write(struct fl_knob_call *call)
{
	return driver_write(call, fl_device_unbind_post);
}

/* ---- the bus ---------------------------------------------------------------------------- */

static const struct fl_knob_ops new_device_ops = {
	.write = new_device_write, .gone = bus_knob_gone,
};
static const struct fl_knob_ops del_device_ops = {
	.write = del_device_write, .gone = bus_knob_gone,
};
static const struct fl_knob_ops bind_ops = { .write = bind_write, .gone = bus_knob_gone };
static const struct fl_knob_ops unbind_ops = { .write = unbind_write, .gone = bus_knob_gone };

static int bus_knob_add(struct nsim_bus *bus, const char *path, const struct fl_knob_ops *ops)
{
	struct fl_knob *knob; /* it stays as long as the plane */
	int err = fl_knob_add(bus->plane, path, ops, bus, &knob);

	if (!err)
		nsim_bus_get(bus);
	return err;
}

int nsim_bus_new(struct fl_plane *plane, struct nsim_bus **ret_bus)
{
	struct nsim_bus *bus = calloc(1, sizeof(*bus));
	int err;

	if (!bus)
		return -ENOMEM;
	bus->refs = 1;
	bus->plane = plane;
	bus->lock = fl_driver_lock_new();
	err = bus->lock ? 0 : -ENOMEM;
	if (!err)
		err = fl_driver_register(fl_plane_bus(plane), &nsim_driver);
	if (!err)
		err = bus_knob_add(bus, "sys/bus/netdevsim/new_device", &new_device_ops);
	if (!err)
		err = bus_knob_add(bus, "sys/bus/netdevsim/del_device", &del_device_ops);
	if (!err)
		err = bus_knob_add(bus, "sys/bus/netdevsim/drivers/netdevsim/bind", &bind_ops);
	if (!err)
		err = bus_knob_add(bus, "sys/bus/netdevsim/drivers/netdevsim/unbind", &unbind_ops);
	if (!err)
		*ret_bus = bus;
	nsim_bus_put(bus); /* the knobs hold it */
	return err;
}
