/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rig.h - a plane with one mlx5 NIC, and commands to it as a client would give them: by
 * the handlers that the server calls.
 */
#ifndef TESTS_DRIVERS_RIG_H
#define TESTS_DRIVERS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "drivers/mlx5/mlx5.h"
#include "tests/core/fixture.h"

#define MS FL_NS_PER_MS
#define PF0 "0000:03:00.0"
#define PF1 "0000:03:00.1"
#define SF0 32768u
#define UPLINK 65535u
#define SHARED_BUS "devlink_index"

struct rig {
	struct fixture fixture; /* its driver is not used, its requests are */
	struct fl_plane *plane;
	struct fl_client *client; /* whose requests they are */
};

/* A NIC whose steps take next to no time. */
void rig_config(struct mlx5_config *config);
/* A plane with that NIC (NULL: none), all of it probed. */
void rig_up(struct rig *rig, const struct mlx5_config *config);
/* The same with other limits; the rig's own: */
#define RIG_SCHED ((struct fl_sched_config){ .workers = 2, .remove_deadline_ns = 300 * MS })
void rig_up_sched(struct rig *rig, const struct mlx5_config *config,
		  const struct fl_sched_config *sched);
void rig_down(struct rig *rig);
void rig_settle(struct rig *rig);
void rig_nap_ms(unsigned int ms);

/* How many devices there are on a bus, of those whose name begins with `prefix`. */
unsigned int rig_devices(struct rig *rig, const char *bus, const char *prefix);
/* The instances of functions, and those that chips share. */
unsigned int rig_instances(struct rig *rig);
unsigned int rig_shared(struct rig *rig);
bool rig_has_instance(struct rig *rig, const char *bus, const char *dev);
/* Removes a device and waits; gone once this returns. */
void rig_remove(struct rig *rig, const char *bus, const char *dev);
/* Takes a device's driver away, or gives it one, and waits: what it was told, -ENODEV. */
int rig_unbind(struct rig *rig, const char *bus, const char *dev);
int rig_bind(struct rig *rig, const char *bus, const char *dev);

/* The extended ACK of this thread's last answer. */
extern _Thread_local char rig_extack[160];
bool rig_extack_has(const char *part);

/* A request in the making: handle, then what the callers put. NULL if there is no such
 * instance. request_run(), rig_request_end(). */
struct request *rig_request(struct rig *rig, uint8_t cmd, const char *bus, const char *dev);
int rig_request_end(struct request *request);

int rig_eswitch(struct rig *rig, const char *dev, uint16_t mode);
int rig_eswitch_mode(struct rig *rig, const char *dev);
int rig_sf_add(struct rig *rig, const char *dev, uint16_t pf, uint32_t sfnum, uint32_t *ret_index);
/* Makes the port of an SF and activates it; gives its index. What comes of it is not waited for. */
uint32_t rig_sf_up(struct rig *rig, const char *dev, uint32_t sfnum);
int rig_port_del(struct rig *rig, const char *dev, uint32_t index);
int rig_port_state(struct rig *rig, const char *dev, uint32_t index, bool active);
int rig_port_hw_addr(struct rig *rig, const char *dev, uint32_t index, const uint8_t *addr);
int rig_reload(struct rig *rig, const char *bus, const char *dev, int action, int limit);
int rig_param_bool(struct rig *rig, const char *bus, const char *dev, const char *name, bool on);
int rig_param_string(struct rig *rig, const char *bus, const char *dev, const char *name,
		     const char *value);
int rig_param_u32(struct rig *rig, const char *bus, const char *dev, const char *name,
		  uint32_t value);
int rig_flash(struct rig *rig, const char *dev, const char *file);
/* Waits until an operation of that kind, on a lane whose name has that part, waits itself. */
void rig_await_waiting(struct rig *rig, const char *kind, const char *lane);
/* ... is inside a callback that has not returned. */
void rig_await_running(struct rig *rig, const char *kind, const char *lane);
/* Waits until those that were parked have woken up and ended, too. */
void rig_await_late(struct rig *rig);
/* A flash in a thread of its own; returns when its operation runs. */
struct rig_flashing {
	struct rig *rig;
	const char *dev;
	pthread_t thread;
	int err;
	bool over; /* atomic */
};
void rig_flash_begin(struct rig *rig, const char *dev, struct rig_flashing *flashing);
bool rig_flash_is_over(const struct rig_flashing *flashing);
/* Waits for its end, and gives what the client got. */
int rig_flash_end(struct rig_flashing *flashing);
/* A version as `devlink dev info` tells it. */
void rig_version(struct rig *rig, const char *dev, uint16_t kind, const char *name,
		 char *ret_value, size_t size);

struct rig_port {
	uint8_t state, opstate, hw_addr[6];
	uint16_t flavour, type;
	char nested[64]; /* device name of the nested instance, or "" */
};
int rig_port(struct rig *rig, const char *dev, uint32_t index, struct rig_port *ret_port);
/* Waits until the port shows that opstate. */
bool rig_await_opstate(struct rig *rig, const char *dev, uint32_t index, uint8_t opstate);

#endif
