/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/plane.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/rcu.h"
#include "drivers/mlx5/mlx5.h"
#include "drivers/mlxsw/mlxsw.h"
#include "drivers/netdevsim/netdevsim.h"
#include "netns/evlog.h"
#include "tests/fuzz/fuzz.h"

/* A millisecond in the plane. */
#define SHORT_NS 1000

static struct {
	struct fl_plane *plane;
	uint64_t state;  /* of its instances, when it was made */
	uint64_t events; /* seen */
} fuzz;

/* ---- time ------------------------------------------------------------------------- */

int __real_fl_op_sleep(struct fl_op *op, uint64_t ns, fl_step next);
int __wrap_fl_op_sleep(struct fl_op *op, uint64_t ns, fl_step next);

int __wrap_fl_op_sleep(struct fl_op *op, uint64_t ns, fl_step next)
{
	return __real_fl_op_sleep(op, ns < SHORT_NS ? ns : SHORT_NS, next);
}

/* ---- devices ---------------------------------------------------------------------- */

static void add_netdevsims(struct fl_plane *plane)
{
	struct nsim_config config;
	struct nsim_bus *bus;

	fl_assert(!nsim_bus_new(plane, &bus));
	nsim_config_init(&config);
	config.id = 10;
	config.ports = 4;
	fl_assert(!nsim_device_add(bus, &config));
	config.id = 11;
	config.ports = 1;
	config.vfs = 2;
	config.switchdev = true;
	fl_assert(!nsim_device_add(bus, &config));
}

static void add_mlx5(struct fl_plane *plane)
{
	struct mlx5_config config;

	fl_assert(!mlx5_drivers_register(plane));
	mlx5_config_init(&config);
	strcpy(config.address, "0000:03:00.0");
	config.ports = 1;
	config.vfs = 1;
	config.max_sfs = 4;
	config.switchdev = true;
	for (unsigned int i = 0; i < MLX5_STEP_COUNT; i++)
		config.latency_ns[i] = SHORT_NS;
	fl_assert(!mlx5_nic_add(plane, &config));
}

static void add_mlxsw(struct fl_plane *plane)
{
	struct mlxsw_config config;

	fl_assert(!mlxsw_drivers_register(plane));
	mlxsw_config_init(&config);
	strcpy(config.address, "0000:05:00.0");
	config.ports = 2;
	config.slots = 1;
	config.hosts = 3;
	config.command_ns = config.provision_ns = config.flash_ns = config.selftest_ns = SHORT_NS;
	fl_assert(!mlxsw_switch_add(plane, &config));
}

/* ---- the plane -------------------------------------------------------------------- */

void fuzz_plane_drop(void)
{
	if (!fuzz.plane)
		return;
	fl_plane_free(fuzz.plane);
	fl_rcu_barrier();
	fuzz.plane = NULL;
}

static void plane_drain(void)
{
	fl_assert(!fl_sched_drain(fl_plane_sched(fuzz.plane), FUZZ_DEADLINE_NS));
}

static void add_state(const struct fl_instance_info *info, void *arg)
{
	uint64_t *state = arg;

	*state +=
		fl_hash(info->dev, strlen(info->dev), info->version ^ (uint64_t)info->ports << 32);
}

static uint64_t plane_state(void)
{
	uint64_t state = 0;

	fl_assert(!fl_plane_walk(fuzz.plane, add_state, &state));
	return state;
}

static struct fl_evlog *plane_log(void)
{
	return fl_netns_initial(fl_plane_netns(fuzz.plane))->log;
}

struct fl_plane *fuzz_plane(void)
{
	const struct fl_plane_config config = {
		.sched = { .workers = 2, .remove_deadline_ns = FL_NS_PER_S },
	};
	static bool registered;

	if (fuzz.plane)
		return fuzz.plane;
	if (!registered) {
		registered = true;
		fl_rcu_register_thread();
		atexit(fuzz_plane_drop);
	}
	fl_assert(!fl_plane_new(&config, &fuzz.plane));
	add_netdevsims(fuzz.plane);
	add_mlx5(fuzz.plane);
	add_mlxsw(fuzz.plane);
	plane_drain();
	fuzz.state = plane_state();
	fuzz.events = fl_evlog_end(plane_log());
	return fuzz.plane;
}

static void check_events(void)
{
	struct fl_evrec *rec;

	while (!fl_evlog_read(plane_log(), &fuzz.events, &rec)) {
		fl_assert(fuzz_check_messages(rec->data, rec->len) == 1);
		fl_evrec_put(rec);
	}
}

bool fuzz_plane_settle(void)
{
	plane_drain();
	check_events();
	return plane_state() != fuzz.state;
}
