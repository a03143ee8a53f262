/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_parked.c - operations that do not listen: a removal goes on without them, others come
 * to the same place, and then they wake up.
 */
#include "tests/drivers/rig.h"

#include "base/thread.h"

#define SWITCHDEV DEVLINK_ESWITCH_MODE_SWITCHDEV
#define LEGACY DEVLINK_ESWITCH_MODE_LEGACY
#define REINIT DEVLINK_RELOAD_ACTION_DRIVER_REINIT
#define ATTACHED DEVLINK_PORT_FN_OPSTATE_ATTACHED
#define DETACHED DEVLINK_PORT_FN_OPSTATE_DETACHED
#define PORT "0000:03:00.0/32768"

static const struct fl_sched_config quick = { .workers = 2, .remove_deadline_ns = 100 * MS };

/* ---- what does not listen --------------------------------------------------------------- */

/* In place of the profile's deafness, which lasts for some time: one that lasts until the test says
 * so. A fault's deaf_ns says which; from 1 on. */
#define DEAFS 4
static struct {
	int begun, released; /* atomic */
} deafs[DEAFS];

struct deaf {
	void *saved;
	uint64_t which;
};

static int deaf_over(struct fl_op *op)
{
	struct deaf *deaf = fl_op_data(op);
	int err = fl_op_result(op);

	__atomic_store_n(&deafs[deaf->which].begun, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&deafs[deaf->which].released, __ATOMIC_SEQ_CST))
		rig_nap_ms(1);
	fl_op_set_data(op, deaf->saved);
	free(deaf);
	return err;
}

int __wrap_mlx5_fate_deaf(struct fl_op *op, uint64_t ns);
int __wrap_mlx5_fate_deaf(struct fl_op *op, uint64_t ns)
{
	struct deaf *deaf = calloc(1, sizeof(*deaf));

	assert_non_null(deaf);
	*deaf = (struct deaf){ fl_op_data(op), ns };
	fl_op_set_data(op, deaf);
	return fl_op_block(op, deaf_over);
}

static void await_deaf(unsigned int which)
{
	for (int ms = 0; !__atomic_load_n(&deafs[which].begun, __ATOMIC_SEQ_CST); ms++) {
		assert_true(ms < 60000);
		rig_nap_ms(1);
	}
}

static void release(unsigned int which)
{
	__atomic_store_n(&deafs[which].released, 1, __ATOMIC_SEQ_CST);
}

static void up_with(struct rig *rig, struct mlx5_config *config)
{
	for (int i = 0; i < DEAFS; i++) {
		__atomic_store_n(&deafs[i].begun, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&deafs[i].released, 0, __ATOMIC_SEQ_CST);
	}
	rig_up_sched(rig, config, &quick);
}

/* A NIC on which one step does not listen, number 1. */
static void up(struct rig *rig, enum mlx5_step step, const char *match, unsigned int after)
{
	struct mlx5_config config;

	rig_config(&config);
	config.switchdev = true;
	config.vfs = 1;
	config.faults[config.fault_count] =
		(struct mlx5_fault){ .step = step, .deaf_ns = 1, .after = after, .times = 1 };
	snprintf(config.faults[config.fault_count++].match, sizeof(config.faults[0].match), "%s",
		 match);
	up_with(rig, &config);
}

/* A command that somebody else gives meanwhile. */
struct aside {
	struct rig *rig;
	int (*run)(struct rig *rig);
	pthread_t thread;
	int err, over;
};

static void *aside_main(void *arg)
{
	struct aside *aside = arg;

	aside->err = aside->run(aside->rig);
	__atomic_store_n(&aside->over, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Returns when it does not listen any more, as number `deaf`. */
static void aside_begin(struct aside *aside, struct rig *rig, int (*run)(struct rig *rig),
			unsigned int deaf)
{
	*aside = (struct aside){ .rig = rig, .run = run };
	assert_int_equal(fl_thread_start(&aside->thread, "aside", 0, aside_main, aside), 0);
	await_deaf(deaf);
	assert_false(__atomic_load_n(&aside->over, __ATOMIC_SEQ_CST));
}

static bool aside_over(const struct aside *aside)
{
	return __atomic_load_n(&aside->over, __ATOMIC_SEQ_CST);
}

static int aside_end(struct aside *aside)
{
	pthread_join(aside->thread, NULL);
	return aside->err;
}

static unsigned int parked(struct rig *rig)
{
	struct fl_sched_stats stats;

	fl_sched_stats(fl_plane_sched(rig->plane), &stats);
	return stats.parked;
}

/* The SF's port is there, active, with its device; and nothing else is. */
static void expect_one_sf(struct rig *rig, uint32_t index)
{
	struct rig_port port;

	assert_true(rig_await_opstate(rig, PF0, index, ATTACHED));
	rig_settle(rig);
	assert_int_equal(rig_port(rig, PF0, index, &port), 0);
	assert_int_equal(port.state, DEVLINK_PORT_FN_STATE_ACTIVE);
	assert_int_equal(port.opstate, ATTACHED);
	assert_int_equal(rig_devices(rig, "auxiliary", "mlx5_core.sf"), 1);
	assert_true(rig_has_instance(rig, "auxiliary", port.nested));
	assert_int_equal(rig_instances(rig), 3);
}

static int activate(struct rig *rig)
{
	return rig_port_state(rig, PF0, SF0, true);
}

static int deactivate(struct rig *rig)
{
	return rig_port_state(rig, PF0, SF0, false);
}

static int set_address(struct rig *rig)
{
	static const uint8_t addr[6] = { 2, 0, 0, 0, 0, 0xee };

	return rig_port_hw_addr(rig, PF0, SF0, addr);
}

struct port_case {
	int (*run)(struct rig *rig);
	bool active;	    /* before */
	unsigned int after; /* so many commands on the port's lane go before the deaf one */
};

/* A port-set that never listens; its port is deleted without it; the next SF gets the same
 * index and sfnum; then the port-set wakes up, while the successor is busy or idle. */
static void test_port_set(void **state)
{
	static const struct port_case cases[] = {
		{ activate, false, 2 },
		{ set_address, false, 2 },
		{ deactivate, true, 4 },
		{ set_address, true, 4 },
	};
	struct aside late;
	struct rig_port port;
	struct rig rig;
	uint32_t index;

	for (size_t i = 0; i < FL_ARRAY_SIZE(cases); i++) {
		up(&rig, MLX5_STEP_FW_CMD, PORT, cases[i].after);
		assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, &index), 0);
		if (cases[i].active)
			assert_int_equal(activate(&rig), 0);
		rig_settle(&rig);
		aside_begin(&late, &rig, cases[i].run, 1);

		assert_int_equal(rig_port_del(&rig, PF0, SF0), 0);
		assert_int_equal(parked(&rig), 1);
		rig_settle(&rig);
		assert_int_equal(rig_port(&rig, PF0, SF0, &port), -ENODEV);
		assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, &index), 0);
		assert_int_equal(index, SF0);
		assert_int_equal(activate(&rig), 0);
		assert_false(aside_over(&late));
		expect_one_sf(&rig, index);
		release(1);
		while (!aside_over(&late)) /* its own transactions, under way when it wakes */
			assert_int_equal(rig_param_bool(&rig, "pci", PF0, "enable_roce", true), 0);
		assert_true(aside_end(&late) < 0);
		expect_one_sf(&rig, index);
		assert_int_equal(rig_port(&rig, PF0, index, &port), 0);
		assert_int_equal(port.hw_addr[5], 0);
		assert_int_equal(rig_port_del(&rig, PF0, SF0), 0);
		rig_settle(&rig);
		assert_int_equal(rig_instances(&rig), 2);
		rig_down(&rig);
	}
}

/* Several in a row on one index: each wakes up among those that came after it. */
static void test_generations(void **state)
{
	enum { GENERATIONS = 3 };
	struct aside late[GENERATIONS];
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	rig_config(&config);
	config.switchdev = true;
	config.vfs = 1;
	for (unsigned int i = 0; i < GENERATIONS; i++)
		config.faults[config.fault_count++] = (struct mlx5_fault){
			.step = MLX5_STEP_FW_CMD,
			.match = PORT,
			.deaf_ns = 1 + i,
			/* Each lets two commands by of each SF before it, and the fault of each. */
			.after = 2 + (i ? 2 * i + 2 * i : 0),
			.times = 1,
		};
	up_with(&rig, &config);
	for (unsigned int i = 0; i < GENERATIONS; i++) {
		assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, &index), 0);
		assert_int_equal(index, SF0);
		aside_begin(&late[i], &rig, activate, 1 + i);
		assert_int_equal(rig_port_del(&rig, PF0, SF0), 0);
		assert_int_equal(parked(&rig), i + 1);
	}
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, &index), 0);
	assert_int_equal(index, SF0);
	assert_int_equal(activate(&rig), 0);
	for (unsigned int i = 0; i < GENERATIONS; i++) {
		release(1 + i);
		assert_true(aside_end(&late[i]) < 0);
	}
	expect_one_sf(&rig, index);
	rig_down(&rig);
}

static void nic_again(struct rig *rig)
{
	struct mlx5_config config;

	rig_config(&config);
	config.switchdev = true;
	config.vfs = 1;
	assert_int_equal(mlx5_nic_add(rig->plane, &config), 0);
	for (int i = 0; i < 10000 && rig_instances(rig) < 2; i++)
		rig_nap_ms(1);
	assert_int_equal(rig_instances(rig), 2);
}

static int to_legacy(struct rig *rig)
{
	return rig_eswitch(rig, PF0, LEGACY);
}

static int reload(struct rig *rig)
{
	return rig_reload(rig, "pci", PF0, REINIT, 0);
}

static int activate_fw(struct rig *rig)
{
	return rig_reload(rig, "pci", PF0, DEVLINK_RELOAD_ACTION_FW_ACTIVATE, 0);
}

static int flash(struct rig *rig)
{
	return rig_flash(rig, PF0, "fw-22_42_1000.mfa2");
}

static int add_sf(struct rig *rig)
{
	uint32_t index;

	return rig_sf_add(rig, PF0, 0, 9, &index);
}

struct pf_case {
	int (*run)(struct rig *rig);
	enum mlx5_step step;
	const char *match;
	unsigned int after;
};

/* What does not listen on a PF that is removed, and added again. */
static void test_pf(void **state)
{
	static const struct pf_case cases[] = {
		/* Six commands for its bring-up come before. */
		{ to_legacy, MLX5_STEP_FW_CMD, "pci/" PF0, 6 },
		{ reload, MLX5_STEP_FW_CMD, "pci/" PF0, 6 },
		{ reload, MLX5_STEP_RDMA_ATTACH, "rdma.0", 1 },
		{ activate_fw, MLX5_STEP_RESET, "", 0 },
		{ flash, MLX5_STEP_FLASH, "", 0 },
		{ add_sf, MLX5_STEP_FW_CMD, PORT, 0 },
	};
	struct aside late;
	struct rig rig;
	uint32_t index;

	for (size_t i = 0; i < FL_ARRAY_SIZE(cases); i++) {
		up(&rig, cases[i].step, cases[i].match, cases[i].after);
		aside_begin(&late, &rig, cases[i].run, 1);
		rig_remove(&rig, "pci", PF0);
		assert_true(parked(&rig) >= 1);
		assert_int_equal(rig_instances(&rig), 0);
		nic_again(&rig);
		assert_false(aside_over(&late));
		assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, &index), 0);
		assert_int_equal(rig_port_state(&rig, PF0, index, true), 0);
		expect_one_sf(&rig, index);
		release(1);
		assert_true(aside_end(&late) < 0);
		rig_settle(&rig);
		expect_one_sf(&rig, index);
		rig_down(&rig);
	}
}

/* A reload goes on without a driver that does not let go, and a device of that name comes again;
 * then the driver wakes up. */
static void test_detach(void **state)
{
	struct fl_device *eth;
	struct rig rig;
	uint32_t index;

	up(&rig, MLX5_STEP_ETH_DETACH, "eth.0", 0);
	assert_int_equal(reload(&rig), 0);
	assert_int_equal(parked(&rig), 1);
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	index = rig_sf_up(&rig, PF0, 7);
	expect_one_sf(&rig, index);
	release(1);
	rig_await_late(&rig);
	expect_one_sf(&rig, index);
	eth = fl_device_find(fl_plane_bus(rig.plane), "auxiliary", "mlx5_core.eth.0");
	assert_non_null(eth);
	assert_non_null(fl_device_driver(eth));
	fl_device_put(eth);
	assert_int_equal(reload(&rig), 0);
	rig_down(&rig);
}

/* The probe of an SF that does not listen, at each of its stages; the SF is given up and
 * started again. */
static void test_probe(void **state)
{
	static const struct pf_case cases[] = {
		{ NULL, MLX5_STEP_FW_CMD, "mlx5_core.sf.2", 0 },
		{ NULL, MLX5_STEP_RDMA_ATTACH, "rdma.2", 0 },
		{ NULL, MLX5_STEP_ETH_DETACH, "eth.2", 0 },
	};
	struct rig_port port;
	struct rig rig;
	uint32_t index;
	int err = 0;

	for (size_t i = 0; i < FL_ARRAY_SIZE(cases); i++) {
		up(&rig, cases[i].step, cases[i].match, cases[i].after);
		assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, &index), 0);
		assert_int_equal(activate(&rig), 0);
		if (cases[i].step == MLX5_STEP_ETH_DETACH)
			rig_settle(&rig);
		else
			await_deaf(1);
		assert_int_equal(deactivate(&rig), 0);
		assert_true(rig_await_opstate(&rig, PF0, index, DETACHED));
		for (int wait = 0; wait < 5000 && (err = activate(&rig)) == -EBUSY; wait++)
			rig_nap_ms(1);
		assert_int_equal(err, 0);
		assert_true(rig_await_opstate(&rig, PF0, index, ATTACHED));
		release(1);
		rig_await_late(&rig);
		expect_one_sf(&rig, index);
		assert_int_equal(rig_port_del(&rig, PF0, SF0), 0);
		rig_settle(&rig);
		assert_int_equal(rig_port(&rig, PF0, SF0, &port), -ENODEV);
		assert_int_equal(rig_instances(&rig), 2);
		rig_down(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_set),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_pf),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_probe),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
