/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nic.c - a NIC: its configuration and its PCI addresses. */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS_MAX 8
#define VFS_MAX 1024
#define SFS_MAX 32767
#define DEPTH_MAX 4096
#define LATENCY_MAX_NS (600 * FL_NS_PER_S)

static const char *const step_keys[MLX5_STEP_COUNT] = {
#define STEP_KEY(name, key, ns) [MLX5_STEP_##name] = (key),
	MLX5_STEPS(STEP_KEY)
#undef STEP_KEY
};

static const uint64_t step_defaults[MLX5_STEP_COUNT] = {
#define STEP_DEFAULT(name, key, ns) [MLX5_STEP_##name] = (ns),
	MLX5_STEPS(STEP_DEFAULT)
#undef STEP_DEFAULT
};

const char *mlx5_step_key(enum mlx5_step step)
{
	return step_keys[step];
}

void mlx5_config_init(struct mlx5_config *config)
{
	memset(config, 0, sizeof(*config));
	strcpy(config->address, "0000:03:00.0");
	config->ports = 2;
	config->max_sfs = 16384;
	config->queue_depth = 32;
	config->function_share = 4;
	config->command_timeout_ns = 20 * FL_NS_PER_S;
	memcpy(config->latency_ns, step_defaults, sizeof(step_defaults));
}

struct address {
	unsigned int domain, bus, dev, fn;
};

static bool parse_address(const char *text, struct address *ret_address)
{
	struct address a;
	int end = 0;

	if (strlen(text) != sizeof("0000:03:00.0") - 1 ||
	    strspn(text, "0123456789abcdef:.") != strlen(text))
		return false;
	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &a.domain, &a.bus, &a.dev, &a.fn, &end) != 4 ||
	    text[end] || a.dev > 31 || a.fn > 7)
		return false;
	*ret_address = a;
	return true;
}

void mlx5_nic_address(const struct mlx5_nic *nic, unsigned int offset, char *ret_address,
		      size_t size)
{
	struct address a = { 0 };
	unsigned int rid;

	parse_address(nic->config.address, &a);
	rid = (a.bus << 8 | a.dev << 3 | a.fn) + offset;
	snprintf(ret_address, size, "%04x:%02x:%02x.%x", a.domain, rid >> 8 & 0xff, rid >> 3 & 0x1f,
		 rid & 7);
}

static bool faults_valid(const struct mlx5_config *config)
{
	for (unsigned int i = 0; i < config->fault_count; i++) {
		const struct mlx5_fault *fault = &config->faults[i];

		if (fault->step >= MLX5_STEP_COUNT || fault->error < 0 || fault->error > 4095 ||
		    (!fault->error && !fault->hang && !fault->deaf_ns) ||
		    fault->deaf_ns > LATENCY_MAX_NS ||
		    !(fault->probability >= 0 && fault->probability <= 1) ||
		    !memchr(fault->match, 0, sizeof(fault->match)))
			return false;
	}
	return true;
}

/* What the struct's comments promise; a topology has been told by line and key before. */
static int validate(const struct mlx5_config *config)
{
	struct address a;
	unsigned int last;

	if (!memchr(config->address, 0, sizeof(config->address)) ||
	    !parse_address(config->address, &a))
		return -EINVAL;
	if (config->ports < 1 || config->ports > PORTS_MAX || config->vfs > VFS_MAX ||
	    config->max_sfs > SFS_MAX || config->queue_depth < 1 ||
	    config->queue_depth > DEPTH_MAX || config->function_share < 1 ||
	    config->command_timeout_ns < FL_NS_PER_MS ||
	    config->command_timeout_ns > LATENCY_MAX_NS ||
	    !(config->jitter >= 0 && config->jitter <= 0.9) ||
	    config->fault_count > MLX5_FAULTS_MAX)
		return -EINVAL;
	/* PFs are functions of one device number; the last VF must still have an address. */
	last = (a.bus << 8 | a.dev << 3 | a.fn) + config->ports * (1 + config->vfs) - 1;
	if (a.fn + config->ports > PORTS_MAX || last > 0xffff)
		return -EINVAL;
	for (int step = 0; step < MLX5_STEP_COUNT; step++)
		if (config->latency_ns[step] > LATENCY_MAX_NS)
			return -EINVAL;
	return faults_valid(config) ? 0 : -EINVAL;
}

struct mlx5_nic *mlx5_nic_get(struct mlx5_nic *nic)
{
	__atomic_add_fetch(&nic->refs, 1, __ATOMIC_RELAXED);
	return nic;
}

void mlx5_nic_put(struct mlx5_nic *nic)
{
	if (!nic || __atomic_sub_fetch(&nic->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fl_lane_put(nic->lane);
	free(nic);
}

void mlx5_nic_serial(const struct mlx5_config *config, char ret_serial[MLX5_SERIAL_SIZE])
{
	uint64_t key = mlx5_dice_key(config->seed, config->address);

	snprintf(ret_serial, MLX5_SERIAL_SIZE, "MT2334X%05u", (unsigned int)(key % 100000));
}

/* The shared instance follows the first PF, as where the kernel probes one after another. */
uint32_t mlx5_nic_pf_index(const struct mlx5_nic *nic, unsigned int number)
{
	return nic->dl_index + number + (number > 0);
}

uint32_t mlx5_index_take(struct mlx5_nic *nic, uint32_t *reserved)
{
	uint32_t index = *reserved;

	*reserved = MLX5_INDEX_ANY;
	return index != MLX5_INDEX_ANY ? index : fl_devlink_index_reserve(nic->plane, 1);
}

static int lane_new(struct mlx5_nic *nic)
{
	char serial[MLX5_SERIAL_SIZE], name[8 + MLX5_SERIAL_SIZE];

	mlx5_nic_serial(&nic->config, serial);
	snprintf(name, sizeof(name), "chip/%s", serial);
	return fl_lane_new(fl_plane_sched(nic->plane), NULL, name, NULL, &nic->lane);
}

static struct mlx5_nic *nic_new(struct fl_plane *plane, const struct mlx5_config *config)
{
	struct mlx5_nic *nic = calloc(1, sizeof(*nic));

	if (!nic)
		return NULL;
	nic->refs = 1;
	nic->plane = plane;
	nic->config = *config;
	mlx5_faults_init(&nic->faults, config);
	if (lane_new(nic)) {
		free(nic);
		return NULL;
	}
	nic->dl_index = fl_devlink_index_reserve(plane, 1 + config->ports * (1 + config->vfs));
	nic->shared_index = nic->dl_index + 1;
	return nic;
}

/* The addresses that its VFs will have must be free too. */
static bool addresses_free(const struct mlx5_nic *nic)
{
	unsigned int functions = nic->config.ports * (1 + nic->config.vfs);
	struct fl_device *dev;
	char address[32];

	for (unsigned int i = 0; i < functions; i++) {
		mlx5_nic_address(nic, i, address, sizeof(address));
		dev = fl_device_find(fl_plane_bus(nic->plane), "pci", address);
		fl_device_put(dev);
		if (dev)
			return false;
	}
	return true;
}

static int pf_add(struct mlx5_nic *nic, unsigned int number, struct fl_device **ret_dev)
{
	struct mlx5_func *func;
	char address[32];
	int err;

	func = mlx5_pf_new(nic, number);
	if (!func)
		return -ENOMEM;
	mlx5_nic_address(nic, number, address, sizeof(address));
	err = mlx5_func_device_add(func, "pci", address, ret_dev);
	if (err) {
		fl_auxiliary_id_free(fl_plane_bus(nic->plane), func->id);
		mlx5_func_put(func);
	}
	return err;
}

int mlx5_nic_add(struct fl_plane *plane, const struct mlx5_config *config)
{
	struct fl_device *devs[PORTS_MAX];
	struct mlx5_nic *nic;
	unsigned int count = 0;
	int err;

	err = validate(config);
	if (err)
		return err;
	nic = nic_new(plane, config);
	if (!nic)
		return -ENOMEM;
	if (!addresses_free(nic))
		err = -EEXIST;
	while (!err && count < config->ports) {
		err = pf_add(nic, count, &devs[count]);
		if (!err)
			count++;
	}
	for (unsigned int i = 0; i < count && !err; i++)
		err = fl_device_probe_post(devs[i], NULL);
	while (count) {
		if (err)
			fl_device_remove_post(devs[count - 1], NULL, NULL, NULL);
		fl_device_put(devs[--count]);
	}
	mlx5_nic_put(nic);
	return err;
}

int mlx5_drivers_register(struct fl_plane *plane)
{
	struct fl_bus_root *root = fl_plane_bus(plane);
	int err;

	err = fl_driver_register(root, &mlx5_pci_driver);
	if (!err)
		err = fl_driver_register(root, &mlx5_sf_driver);
	for (int i = 0; i < MLX5_CHILDREN && !err; i++)
		err = fl_driver_register(root, &mlx5_child_drivers[i]);
	return err;
}
