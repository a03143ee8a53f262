/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mlx5.h - a simulated ConnectX-class NIC: PFs, VFs and SFs with their auxiliary eth, rdma
 * and vnet devices, and a firmware that takes its time. It stands for the mlx5 driver in
 * names, parameters and order; it moves no packets. No thread sleeps in it.
 *
 * VFs have their devices and instances in both modes of the eswitch, their ports in
 * switchdev only. Each PF has a firmware image of its own, so that what one PF does
 * touches nothing of its neighbour. A PF's own children are not awaited by its probe.
 */
#ifndef FL_DRIVERS_MLX5_MLX5_H
#define FL_DRIVERS_MLX5_MLX5_H

#include <finelink/finelink.h>

/* The steps whose time and failure can be set. X(name, key in a topology, default ns) */
#define MLX5_STEPS(X)                                                                            \
	X(FW_CMD, "fw_cmd", 500 * FL_NS_PER_US)                                                  \
	X(ETH_ATTACH, "eth_attach", 15 * FL_NS_PER_MS)                                           \
	X(RDMA_ATTACH, "rdma_attach", 100 * FL_NS_PER_MS)                                        \
	X(VNET_ATTACH, "vnet_attach", 20 * FL_NS_PER_MS)                                         \
	X(ETH_DETACH, "eth_detach", 5 * FL_NS_PER_MS)                                            \
	X(RDMA_DETACH, "rdma_detach", 20 * FL_NS_PER_MS)                                         \
	X(VNET_DETACH, "vnet_detach", 5 * FL_NS_PER_MS)                                          \
	X(FLASH, "flash", 5 * FL_NS_PER_S)                                                       \
	X(RESET, "reset", 1 * FL_NS_PER_S)

enum mlx5_step {
#define MLX5_STEP_ENUM(name, key, ns) MLX5_STEP_##name,
	MLX5_STEPS(MLX5_STEP_ENUM)
#undef MLX5_STEP_ENUM
	MLX5_STEP_COUNT,
};

/* What goes wrong, where and how often. The first that matches applies. */
struct mlx5_fault {
	enum mlx5_step step;
	/* Part of the name of the lane it is for, "": any. Not of a longer number: "sf.7" is
	 * not in "auxiliary/mlx5_core.sf.71". A port's lane: "pci/0000:03:00.0/32768". */
	char match[64];
	int error;          /* a positive errno, or 0 with hang */
	bool hang;          /* the firmware never answers: it times out, or is cancelled before */
	uint64_t deaf_ns;   /* or: sleeps for so long, whatever it is told, then goes on */
	unsigned int after; /* lets so many pass first */
	unsigned int times; /* then applies so often; 0: for ever */
	double probability; /* 0 or 1: always; drawn from the seed */
};

#define MLX5_FAULTS_MAX 32

/* One NIC, as a topology describes it. */
struct mlx5_config {
	char address[32];       /* "0000:03:00.0": of the first PF; the others follow by function */
	unsigned int ports;     /* PFs: 1..8, default 2 */
	unsigned int vfs;       /* VFs of each PF: 0..1024 */
	unsigned int max_sfs;   /* of each PF: default 16384, at most 32767 */
	uint64_t latency_ns[MLX5_STEP_COUNT];
	double jitter;          /* each latency is drawn from 1 +/- jitter; 0..0.9; default 0 */
	unsigned int queue_depth; /* of the firmware's command queue per PF; default 32 */
	unsigned int function_share; /* commands of one function in the queue at most; default 4 */
	/* How long the driver waits for an answer of the firmware: 1 ms to 600 s; default 20 s, less
	 * than any command's deadline. (The kernel's driver waits 60 s: MLX5_TO_CMD_MS.) */
	uint64_t command_timeout_ns;
	uint64_t seed;
	bool light_probe;       /* fresh SFs attach no children until they are reloaded */
	bool switchdev;         /* start in switchdev mode; default legacy */
	struct mlx5_fault faults[MLX5_FAULTS_MAX];
	unsigned int fault_count;
};

/* The defaults above: the default profile. */
void mlx5_config_init(struct mlx5_config *config);
const char *mlx5_step_key(enum mlx5_step step);

/* Registers the drivers mlx5_core (pci), mlx5_core.sf and the auxiliary ones. Once per plane. */
int mlx5_drivers_register(struct fl_plane *plane);

/* Adds a NIC: its PFs are probed in parallel by posted operations. -EEXIST: an address of its
 * functions is taken; -EINVAL: a value out of the ranges above; -ENOMEM; -EBUSY. */
int mlx5_nic_add(struct fl_plane *plane, const struct mlx5_config *config);

#endif
