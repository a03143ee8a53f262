// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/devices.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "finelink/plugin.h"

struct adding {
	struct fl_plane *plane;
	struct nsim_bus *netdevsim;
	const char *name;
	const struct fl_topology *topology;
	char *error;
};

static int add_fail(struct adding *adding, size_t index, int err, const char *fmt, ...)
	FL_PRINTF(4, 5);

static int add_fail(struct adding *adding, size_t index, int err, const char *fmt, ...)
{
	char message[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (asprintf(&adding->error, "%s:%u: devices[%zu]: %s", adding->name,
		     adding->topology->devices[index].line, index, message) < 0)
		adding->error = NULL;
	return err;
}

/* A plug-in stays loaded for the rest of the process: its drivers outlive the plane. */
static int plugin_load(struct adding *adding, size_t index, const char *path)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int (*init)(struct fl_plane *plane);
	int err;

	if (!object)
		return add_fail(adding, index, -ENOENT, "plugin: %s", dlerror());
	*(void **)&init = dlsym(object, FINELINK_PLUGIN_ENTRY);
	if (!init)
		return add_fail(adding, index, -EINVAL, "plugin: %s has no function " FINELINK_PLUGIN_ENTRY,
				path);
	err = init(adding->plane);
	if (err)
		return add_fail(adding, index, err, "plugin: %s: %s", path, strerror(-err));
	return 0;
}

/* Whether an earlier device has named the same path. */
static bool plugin_is_loaded(const struct fl_topology *topology, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (topology->devices[i].kind == FL_TOPOLOGY_PLUGIN &&
		    !strcmp(topology->devices[i].plugin.plugin, topology->devices[index].plugin.plugin))
			return true;
	return false;
}

static int plugins_load(struct adding *adding)
{
	const struct fl_topology *topology = adding->topology;
	int err = 0;

	for (size_t i = 0; i < topology->count && !err; i++)
		if (topology->devices[i].kind == FL_TOPOLOGY_PLUGIN && !plugin_is_loaded(topology, i))
			err = plugin_load(adding, i, topology->devices[i].plugin.plugin);
	return err;
}

static int foreign_add_one(struct adding *adding, size_t index, const char *address)
{
	const struct fl_topology_foreign *foreign = &adding->topology->devices[index].plugin;
	struct fl_device_desc desc = {
		.bus = foreign->bus,
		.name = address,
		.match = foreign->driver,
		.platform_free = free,
	};
	struct fl_device *dev;
	int err;

	if (foreign->options) {
		desc.platform = strdup(foreign->options);
		if (!desc.platform)
			return -ENOMEM;
	}
	err = fl_device_add(fl_plane_bus(adding->plane), &desc, &dev);
	if (err) {
		free(desc.platform);
		return add_fail(adding, index, err, "%s/%s: %s", foreign->bus, address, strerror(-err));
	}
	err = fl_device_probe_post(dev, NULL);
	fl_device_put(dev);
	if (err)
		return add_fail(adding, index, err, "%s/%s: probe: %s", foreign->bus, address,
				strerror(-err));
	return 0;
}

static int foreign_add(struct adding *adding, size_t index)
{
	const struct fl_topology_foreign *foreign = &adding->topology->devices[index].plugin;
	int err = 0;

	/* The bus would leave it there, unbound, without a word. */
	if (!fl_driver_known(fl_plane_bus(adding->plane), foreign->bus, foreign->driver))
		return add_fail(adding, index, -ENOENT, "%s brings no driver '%s' of the bus '%s'",
				foreign->plugin, foreign->driver, foreign->bus);
	if (!foreign->count)
		return foreign_add_one(adding, index, foreign->address);
	for (unsigned int i = 0; i < foreign->count && !err; i++) {
		char address[64];

		snprintf(address, sizeof(address), "%s.%u", foreign->address, i);
		err = foreign_add_one(adding, index, address);
	}
	return err;
}

static int mlx5_add(struct adding *adding, size_t index)
{
	const struct mlx5_config *config = &adding->topology->devices[index].mlx5;
	int err = mlx5_nic_add(adding->plane, config);

	return err ? add_fail(adding, index, err, "%s: %s", config->address, strerror(-err)) : 0;
}

static int mlxsw_add(struct adding *adding, size_t index)
{
	const struct mlxsw_config *config = &adding->topology->devices[index].mlxsw;
	int err = mlxsw_switch_add(adding->plane, config);

	return err ? add_fail(adding, index, err, "%s: %s", config->address, strerror(-err)) : 0;
}

static int netdevsim_add(struct adding *adding, size_t index)
{
	const struct fl_topology_netdevsim *netdevsim = &adding->topology->devices[index].netdevsim;
	struct nsim_config config = netdevsim->config;
	int err = 0;

	for (unsigned int i = 0; i < netdevsim->count && !err; i++) {
		config.id = netdevsim->config.id + i;
		err = nsim_device_add(adding->netdevsim, &config);
	}
	return err ? add_fail(adding, index, err, "netdevsim%u: %s", config.id, strerror(-err)) : 0;
}

static int device_add(struct adding *adding, size_t index)
{
	switch (adding->topology->devices[index].kind) {
	case FL_TOPOLOGY_MLX5:
		return mlx5_add(adding, index);
	case FL_TOPOLOGY_MLXSW:
		return mlxsw_add(adding, index);
	case FL_TOPOLOGY_NETDEVSIM:
		return netdevsim_add(adding, index);
	case FL_TOPOLOGY_PLUGIN:
		return foreign_add(adding, index);
	}
	return -EINVAL;
}

int fl_devices_add(struct fl_plane *plane, const char *name, const struct fl_topology *topology,
		   char **ret_error)
{
	struct adding adding = { .plane = plane, .name = name, .topology = topology };
	int err = mlx5_drivers_register(plane);

	err = err ?: mlxsw_drivers_register(plane);
	err = err ?: nsim_bus_new(plane, &adding.netdevsim);
	err = err ?: plugins_load(&adding);
	for (size_t i = 0; i < topology->count && !err; i++)
		err = device_add(&adding, i);
	if (err)
		*ret_error = adding.error ?: strdup(strerror(-err));
	return err;
}
