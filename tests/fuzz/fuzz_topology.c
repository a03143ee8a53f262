/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_topology.c - any text as a topology file. What is accepted is in the ranges that the
 * drivers rely on; what is not gets one line that says where.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "daemon/topology.h"
#include "tests/fuzz/fuzz.h"

#define NAME "fuzz.yaml"

static void check_mlx5(const struct mlx5_config *config)
{
	fl_assert(memchr(config->address, '\0', sizeof(config->address)));
	fl_assert(strlen(config->address) == strlen("0000:03:00.0"));
	fl_assert(config->ports >= 1 && config->ports <= 8 && config->vfs <= 1024);
	fl_assert(config->max_sfs <= 32767);
	fl_assert(config->jitter >= 0 && config->jitter <= 0.9);
	fl_assert(config->queue_depth && config->function_share);
	fl_assert(config->fault_count <= MLX5_FAULTS_MAX);
	for (unsigned int i = 0; i < MLX5_STEP_COUNT; i++)
		fl_assert(config->latency_ns[i] <= 600 * FL_NS_PER_S);
	for (unsigned int i = 0; i < config->fault_count; i++) {
		const struct mlx5_fault *fault = &config->faults[i];

		fl_assert(fault->step < MLX5_STEP_COUNT && fault->error >= 0);
		fl_assert(fault->hang + !!fault->error + !!fault->deaf_ns == 1);
		fl_assert(memchr(fault->match, '\0', sizeof(fault->match)));
		fl_assert(fault->probability >= 0 && fault->probability <= 1);
	}
}

static void check_netdevsim(const struct fl_topology_netdevsim *netdevsim)
{
	const struct nsim_config *config = &netdevsim->config;

	fl_assert(netdevsim->count && config->id <= INT_MAX - (netdevsim->count - 1));
	fl_assert(config->ports <= NSIM_PORTS_MAX && config->max_vfs <= NSIM_VFS_MAX);
	fl_assert(config->vfs <= config->max_vfs && config->queues);
}

static void check_foreign(const struct fl_topology_foreign *foreign)
{
	fl_assert(foreign->plugin && strchr(foreign->plugin, '/'));
	fl_assert(*foreign->driver && strlen(foreign->driver) <= 63);
	fl_assert(*foreign->bus && strlen(foreign->bus) <= 31);
	fl_assert(*foreign->address && strlen(foreign->address) <= 48);
}

static void check_topology(const struct fl_topology *topology, unsigned int lines)
{
	for (size_t i = 0; i < topology->count; i++) {
		const struct fl_topology_device *device = &topology->devices[i];

		fl_assert(device->line >= 1 && device->line <= lines);
		switch (device->kind) {
		case FL_TOPOLOGY_MLX5:
			check_mlx5(&device->mlx5);
			break;
		case FL_TOPOLOGY_NETDEVSIM:
			check_netdevsim(&device->netdevsim);
			break;
		case FL_TOPOLOGY_PLUGIN:
			check_foreign(&device->plugin);
			break;
		default:
			break;
		}
	}
}

/* "fuzz.yaml:LINE: ...": one line, that a terminal shows as it is. */
static void check_error(const char *error, unsigned int lines)
{
	unsigned long line;
	char *end;

	fl_assert(!strncmp(error, NAME ":", strlen(NAME ":")));
	line = strtoul(error + strlen(NAME ":"), &end, 10);
	fl_assert(line >= 1 && line <= lines);
	fl_assert(!strncmp(end, ": ", 2) && end[2]);
	for (; *end; end++) {
		fl_assert((unsigned char)*end >= ' ' && *end != 0x7f);
		fl_assert((unsigned char)end[0] != 0xc2 || (unsigned char)end[1] >= 0xa0);
	}
}

/* YAML ends lines with CR and other characters too: an upper bound. */
static unsigned int count_lines(const uint8_t *data, size_t size)
{
	unsigned int lines = 2;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int lines = count_lines(data, size);
	struct fl_topology *topology = NULL;
	char *error = NULL;
	int err;

	err = fl_topology_parse(NAME, (const char *)data, size, &topology, &error);
	if (!err) {
		fl_assert(topology && !error);
		check_topology(topology, lines);
	} else {
		fl_assert(err == -EINVAL && !topology && error);
		check_error(error, lines);
	}
	fl_topology_free(topology);
	free(error);
	return 0;
}
