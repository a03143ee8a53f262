/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * topology-raw.h - a topology as libcyaml gives it: the right keys at the right places, and
 * every value still a word. libcyaml takes "3x" for 3 and "maybe" for true; so values are
 * converted strictly, in topology.c, where a fault can name its key.
 */
#ifndef FL_DAEMON_TOPOLOGY_RAW_H
#define FL_DAEMON_TOPOLOGY_RAW_H

#include <stdint.h>

#include "daemon/places.h"
#include "drivers/mlx5/mlx5.h"

/* The keys of one fault. X(member, key) */
#define FL_RAW_FAULT_KEYS(X)                                                                     \
	X(step, "step")                                                                          \
	X(match, "match")                                                                        \
	X(error, "errno")                                                                        \
	X(hang, "hang")                                                                          \
	X(deaf, "deaf_ms")                                                                       \
	X(after, "after")                                                                        \
	X(times, "times")                                                                        \
	X(probability, "probability")

/* The keys of one device that hold a word. X(member, key, whose: MLX5, MLXSW, NETDEVSIM, PLUGIN
 * or several of them) */
#define FL_RAW_DEVICE_KEYS(X)                                                                    \
	X(driver, "driver", MLX5 | MLXSW | NETDEVSIM | PLUGIN)                                   \
	X(address, "address", MLX5 | MLXSW | PLUGIN)                                             \
	X(id, "id", NETDEVSIM)                                                                   \
	X(ports, "ports", MLX5 | MLXSW | NETDEVSIM)                                              \
	X(queues, "queues", NETDEVSIM)                                                           \
	X(vfs, "vfs", MLX5 | NETDEVSIM)                                                          \
	X(max_vfs, "max_vfs", NETDEVSIM)                                                         \
	X(max_sfs, "max_sfs", MLX5)                                                              \
	X(jitter, "jitter", MLX5)                                                                \
	X(seed, "seed", MLX5 | MLXSW)                                                            \
	X(lanes, "lanes", MLXSW)                                                                 \
	X(slots, "slots", MLXSW)                                                                 \
	X(hosts, "hosts", MLXSW)                                                                 \
	X(command_ms, "command_ms", MLXSW)                                                       \
	X(provision_ms, "provision_ms", MLXSW)                                                   \
	X(flash_ms, "flash_ms", MLXSW)                                                           \
	X(selftest_ms, "selftest_ms", MLXSW)                                                     \
	X(queue_depth, "queue_depth", MLX5)                                                      \
	X(function_share, "function_share", MLX5)                                                \
	X(command_timeout_ms, "command_timeout_ms", MLX5)                                        \
	X(light_probe, "light_probe", MLX5)                                                      \
	X(switchdev, "switchdev", MLX5 | NETDEVSIM)                                              \
	X(plugin, "plugin", PLUGIN)                                                              \
	X(bus, "bus", PLUGIN)                                                                    \
	X(count, "count", NETDEVSIM | PLUGIN)                                                    \
	X(options, "options", PLUGIN)

struct fl_raw_fault {
#define FL_RAW_MEMBER(member, ...) char *member;
	FL_RAW_FAULT_KEYS(FL_RAW_MEMBER)
};

struct fl_raw_latency {
	char *step[MLX5_STEP_COUNT];
};

struct fl_raw_device {
	FL_RAW_DEVICE_KEYS(FL_RAW_MEMBER)
#undef FL_RAW_MEMBER
	struct fl_raw_latency *latency;
	struct fl_raw_fault *faults;
	uint32_t faults_count;
};

struct fl_raw_topology {
	struct fl_raw_device *devices;
	uint32_t devices_count;
};

/* Loads text. Returns 0; -EINVAL with *ret_path and *ret_message on the heap; -ENOMEM. */
int fl_raw_load(const char *text, size_t len, struct fl_raw_topology **ret_raw, char **ret_path,
		char **ret_message);
void fl_raw_free(struct fl_raw_topology *raw); /* NULL is fine */

#endif
