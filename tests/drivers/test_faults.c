/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_faults.c - the NIC when things go wrong: nothing is left behind, nobody waits for
 * ever, and what fails is what was hit and no more. */
#include "tests/drivers/rig.h"

#define SWITCHDEV DEVLINK_ESWITCH_MODE_SWITCHDEV
#define LEGACY DEVLINK_ESWITCH_MODE_LEGACY
#define REINIT DEVLINK_RELOAD_ACTION_DRIVER_REINIT
#define ATTACHED DEVLINK_PORT_FN_OPSTATE_ATTACHED
#define DETACHED DEVLINK_PORT_FN_OPSTATE_DETACHED

#define SF "mlx5_core.sf.1" /* the first one: the PF is 0 */

static void config_with(struct mlx5_config *config, const struct mlx5_fault *fault)
{
	rig_config(config);
	config->switchdev = true;
	config->faults[config->fault_count++] = *fault;
}

/* A plane with a NIC that has the fault. */
static void up_with(struct rig *rig, const struct mlx5_fault *fault)
{
	struct mlx5_config config;

	config_with(&config, fault);
	rig_up(rig, &config);
}

static void expect_empty(struct rig *rig)
{
	rig_settle(rig);
	assert_int_equal(rig_devices(rig, "auxiliary", "mlx5_core.sf"), 0);
	assert_int_equal(rig_instances(rig), 1);
}

/* The whole life of an SF; gives the first error, and goes on by trying again. */
static int sf_life(struct rig *rig)
{
	static const uint8_t addr[6] = { 2, 0, 0, 0, 0, 9 };
	uint32_t index = 0;
	int err, first = 0;

	while ((err = rig_sf_add(rig, PF0, 0, 7, &index)))
		first = first ? first : err;
	assert_int_equal(index, SF0);
	while ((err = rig_port_hw_addr(rig, PF0, index, addr)))
		first = first ? first : err;
	while ((err = rig_port_state(rig, PF0, index, true)))
		first = first ? first : err;
	rig_settle(rig);
	while ((err = rig_port_state(rig, PF0, index, false)))
		first = first ? first : err;
	assert_true(rig_await_opstate(rig, PF0, index, DETACHED));
	while ((err = rig_port_del(rig, PF0, index)))
		first = first ? first : err;
	return first;
}

/* Each firmware command of the port's life fails once: the client is told, nothing is left,
 * and the same again goes well. */
static void test_each_port_command(void **state)
{
	enum { COMMANDS = 2 + 1 + 2 + 2 + 2 };
	struct mlx5_fault fault = { .step = MLX5_STEP_FW_CMD,
				    .match = "0000:03:00.0/32768",
				    .error = EREMOTEIO,
				    .times = 1 };
	struct rig rig;

	for (fault.after = 0; fault.after <= COMMANDS; fault.after++) {
		up_with(&rig, &fault);
		assert_int_equal(sf_life(&rig), fault.after < COMMANDS ? -EREMOTEIO : 0);
		expect_empty(&rig);
		rig_down(&rig);
	}
}

/* Each command of the bring-up: the function stays detached, without an instance. */
static void test_each_bringup_command(void **state)
{
	struct mlx5_fault fault = {
		.step = MLX5_STEP_FW_CMD, .match = SF, .error = EIO, .times = 1
	};
	struct rig_port port;
	struct rig rig;
	uint32_t index;

	for (fault.after = 0; fault.after < 6; fault.after++) {
		up_with(&rig, &fault);
		index = rig_sf_up(&rig, PF0, 7);
		rig_settle(&rig);
		assert_int_equal(rig_port(&rig, PF0, index, &port), 0);
		assert_int_equal(port.state, DEVLINK_PORT_FN_STATE_ACTIVE);
		assert_int_equal(port.opstate, DETACHED);
		assert_int_equal(rig_instances(&rig), 1);
		assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 0);
		assert_int_equal(rig_port_state(&rig, PF0, index, false), 0);
		rig_settle(&rig);
		assert_int_equal(rig_port_state(&rig, PF0, index, true), 0);
		assert_true(rig_await_opstate(&rig, PF0, index, ATTACHED));
		rig_down(&rig);
	}
}

/* A child that fails does not fail its parent, nor its siblings (B3). */
static void test_failing_child(void **state)
{
	struct mlx5_fault fault = {
		.step = MLX5_STEP_RDMA_ATTACH, .match = "rdma.1", .error = EIO, .times = 1
	};
	struct fl_device *rdma, *eth;
	struct rig rig;
	uint32_t index;

	up_with(&rig, &fault);
	index = rig_sf_up(&rig, PF0, 7);
	assert_true(rig_await_opstate(&rig, PF0, index, ATTACHED));
	rig_settle(&rig);
	rdma = fl_device_find(fl_plane_bus(rig.plane), "auxiliary", "mlx5_core.rdma.1");
	eth = fl_device_find(fl_plane_bus(rig.plane), "auxiliary", "mlx5_core.eth.1");
	assert_non_null(rdma);
	assert_null(fl_device_driver(rdma));
	assert_non_null(fl_device_driver(eth));
	fl_device_put(rdma);
	fl_device_put(eth);
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), 0);
	rdma = fl_device_find(fl_plane_bus(rig.plane), "auxiliary", "mlx5_core.rdma.1");
	assert_non_null(fl_device_driver(rdma));
	fl_device_put(rdma);
	rig_down(&rig);
}

enum farewell { BY_STATE, BY_PORT_DEL, BY_LEGACY, BY_NIC, FAREWELLS };

static void say_farewell(struct rig *rig, uint32_t index, enum farewell how)
{
	switch (how) {
	case BY_STATE:
		assert_int_equal(rig_port_state(rig, PF0, index, false), 0);
		assert_true(rig_await_opstate(rig, PF0, index, DETACHED));
		break;
	case BY_PORT_DEL:
		assert_int_equal(rig_port_del(rig, PF0, index), 0);
		break;
	case BY_LEGACY:
		/* It queues behind the hanging probe, which only a removal ends. */
		assert_int_equal(rig_port_state(rig, PF0, index, false), 0);
		assert_int_equal(rig_eswitch(rig, PF0, LEGACY), 0);
		break;
	case BY_NIC:
		rig_remove(rig, "pci", PF0);
		assert_int_equal(rig_instances(rig), 0);
		return;
	case FAREWELLS:
		break;
	}
	expect_empty(rig);
}

/* What hangs in its attach hides nothing else: its function is attached, its instance
 * answers, other functions come and go; and it leaves when it is told to. */
static void test_hanging_attach(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_RDMA_ATTACH,
				    .match = "rdma.1",
				    .hang = true };
	struct rig_port port;
	struct rig rig;
	uint32_t index, other;

	for (enum farewell how = BY_STATE; how < FAREWELLS; how++) {
		up_with(&rig, &fault);
		index = rig_sf_up(&rig, PF0, 7);
		assert_true(rig_await_opstate(&rig, PF0, index, ATTACHED));
		assert_true(rig_has_instance(&rig, "auxiliary", SF));
		assert_int_equal(rig_port(&rig, PF0, index, &port), 0);
		assert_string_equal(port.nested, SF);

		assert_int_equal(rig_sf_add(&rig, PF0, 0, 8, &other), 0);
		assert_int_equal(rig_port_state(&rig, PF0, other, true), 0);
		assert_true(rig_await_opstate(&rig, PF0, other, ATTACHED));
		assert_int_equal(rig_reload(&rig, "auxiliary", "mlx5_core.sf.2", REINIT, 0), 0);
		assert_int_equal(rig_port_del(&rig, PF0, other), 0);
		say_farewell(&rig, index, how);
		rig_down(&rig);
	}
}

#define DEAF_NS (6 * FL_NS_PER_S)

/* Deadlines that a test can wait for. */
static const struct fl_sched_config impatient = {
	.workers = 2,
	.patience_ns = 20 * MS,
	.deadline_ns = 1000 * MS,
	.remove_deadline_ns = 200 * MS,
};

/* What would be alone on the PF waits for an attach that does not return, and gives up; what comes
 * after it goes on meanwhile. */
static void test_giving_up_to_be_alone(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_RDMA_ATTACH,
				    .match = "rdma.1",
				    .deaf_ns = DEAF_NS,
				    .times = 1 };
	struct mlx5_config config;
	struct rig rig;
	uint32_t index, other;

	config_with(&config, &fault);
	rig_up_sched(&rig, &config, &impatient);
	index = rig_sf_up(&rig, PF0, 7);
	rig_await_running(&rig, "probe", "mlx5_core.rdma.1");
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), -EBUSY);
	assert_true(rig_extack_has("finelink show lanes") || rig_extack_has("does not return"));
	assert_int_equal(rig_eswitch(&rig, PF0, DEVLINK_ESWITCH_MODE_LEGACY), -EBUSY);
	other = rig_sf_up(&rig, PF0, 8);
	assert_true(rig_await_opstate(&rig, PF0, other, ATTACHED));
	/* By now it is known that it does not return. */
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), -EBUSY);
	assert_int_equal(rig_reload(&rig, "auxiliary", "mlx5_core.sf.2", REINIT, 0), 0);
	/* Only a removal goes past it. */
	assert_int_equal(rig_port_del(&rig, PF0, index), 0);
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), 0);
	rig_await_late(&rig);
	rig_down(&rig);
}

/* A firmware that does not answer costs a command's time-out, and what it was for: the RoCE device.
 * Whoever waited goes on then. */
static void test_hang_times_out(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_RDMA_ATTACH,
				    .match = "rdma.1",
				    .hang = true,
				    .times = 2 };
	struct mlx5_config config;
	struct fl_device *rdma;
	struct rig rig;
	uint32_t index;

	config_with(&config, &fault);
	config.command_timeout_ns = 200 * MS;
	rig_up(&rig, &config);
	index = rig_sf_up(&rig, PF0, 7);
	rig_await_waiting(&rig, "probe", "mlx5_core.rdma.1");
	/* Behind its own hung attach, and with another one. */
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), 0);
	rdma = fl_device_find(fl_plane_bus(rig.plane), "auxiliary", "mlx5_core.rdma.1");
	assert_non_null(rdma);
	assert_null(fl_device_driver(rdma));
	fl_device_put(rdma);
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), 0);
	rdma = fl_device_find(fl_plane_bus(rig.plane), "auxiliary", "mlx5_core.rdma.1");
	assert_non_null(fl_device_driver(rdma));
	fl_device_put(rdma);
	assert_int_equal(rig_port_del(&rig, PF0, index), 0);
	rig_down(&rig);
}

/* Even the PF's own children hide nothing. */
static void test_hanging_attach_of_pf(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_RDMA_ATTACH,
				    .match = "rdma.0",
				    .hang = true };
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	config_with(&config, &fault);
	rig_up(&rig, NULL);
	assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
	for (int i = 0; i < 10000 && !rig_instances(&rig); i++)
		rig_nap_ms(1);
	index = rig_sf_up(&rig, PF0, 7);
	assert_true(rig_await_opstate(&rig, PF0, index, ATTACHED));
	rig_remove(&rig, "pci", PF0);
	rig_down(&rig);
}

static void test_hanging_bringup(void **state)
{
	struct mlx5_fault fault = {
		.step = MLX5_STEP_FW_CMD, .match = SF, .after = 3, .hang = true
	};
	struct rig rig;
	uint32_t index;

	for (enum farewell how = BY_STATE; how < FAREWELLS; how++) {
		up_with(&rig, &fault);
		index = rig_sf_up(&rig, PF0, 7);
		rig_nap_ms(5);
		assert_int_equal(rig_instances(&rig), 1);
		say_farewell(&rig, index, how);
		rig_down(&rig);
	}
}

/* A driver that does not let go is told to stop after the removals' deadline. */
static void test_hanging_detach(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_RDMA_DETACH,
				    .match = "rdma.1",
				    .hang = true };
	struct rig rig;
	uint32_t index;

	for (enum farewell how = BY_STATE; how < FAREWELLS; how++) {
		up_with(&rig, &fault);
		index = rig_sf_up(&rig, PF0, 7);
		rig_settle(&rig);
		say_farewell(&rig, index, how);
		rig_down(&rig);
	}
}

static void test_failing_detach(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_ETH_DETACH, .error = EIO };
	struct rig rig;
	uint32_t index;

	up_with(&rig, &fault);
	index = rig_sf_up(&rig, PF0, 7);
	rig_settle(&rig);
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), 0);
	say_farewell(&rig, index, BY_STATE);
	rig_down(&rig);
}

static bool reload_failed(struct rig *rig, const char *bus, const char *dev)
{
	static const uint16_t path[] = { DEVLINK_ATTR_RELOAD_FAILED, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_GET, bus, dev);
	bool failed;

	assert_non_null(request);
	assert_int_equal(request_run(request), 0);
	failed = fl_attr_u8(answer_attr(request->req.reply.buf, path));
	request_done(request);
	free(request);
	return failed;
}

static void test_failing_reload(void **state)
{
	/* Of the PF: four commands for its bring-up are spared, and of the function six. */
	struct mlx5_fault pf = { .step = MLX5_STEP_FW_CMD,
				 .match = "pci/0000:03:00.0",
				 .error = EIO,
				 .after = 8,
				 .times = 1 };
	struct mlx5_fault sf = {
		.step = MLX5_STEP_FW_CMD, .match = SF, .error = EIO, .after = 8, .times = 1
	};
	struct rig_port port;
	struct rig rig;

	up_with(&rig, &sf);
	rig_sf_up(&rig, PF0, 7);
	rig_settle(&rig);
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), -EIO);
	assert_true(reload_failed(&rig, "auxiliary", SF));
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 0);
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), 0);
	assert_false(reload_failed(&rig, "auxiliary", SF));
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 1);
	rig_down(&rig);

	up_with(&rig, &pf);
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), -EIO);
	assert_true(reload_failed(&rig, "pci", PF0));
	assert_int_equal(rig_port(&rig, PF0, UPLINK, &port), -ENODEV);
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), 0);
	assert_false(reload_failed(&rig, "pci", PF0));
	assert_int_equal(rig_port(&rig, PF0, UPLINK, &port), 0);
	rig_down(&rig);
}

/* A PF whose bring-up fails shows nothing; removing it takes nothing more. */
/* A reload whose deadline comes in the middle fails, and shows that it did; the next one mends it. */
static void test_deadline_of_a_reload(void **state)
{
	static const struct {
		const char *bus, *dev, *match;
		unsigned int after;
	} cases[] = {
		/* The third of the reload's six commands to come up again. What came before
		 * on such lanes: the first bring-up, and the port's four. */
		{ "pci", PF0, PF0, 6 + 4 + 3 },
		{ "auxiliary", SF, SF, 6 + 3 },
	};
	struct mlx5_config config;
	struct rig rig;

	for (size_t i = 0; i < FL_ARRAY_SIZE(cases); i++) {
		struct mlx5_fault fault = {
			.step = MLX5_STEP_FW_CMD, .after = cases[i].after, .hang = true, .times = 1
		};

		snprintf(fault.match, sizeof(fault.match), "%s", cases[i].match);
		config_with(&config, &fault);
		rig_up_sched(&rig, &config, &impatient);
		rig_sf_up(&rig, PF0, 7);
		rig_settle(&rig);
		assert_int_equal(rig_reload(&rig, cases[i].bus, cases[i].dev, REINIT, 0),
				 -ETIMEDOUT);
		assert_true(rig_extack_has("took too long"));
		assert_true(reload_failed(&rig, cases[i].bus, cases[i].dev));
		assert_int_equal(rig_reload(&rig, cases[i].bus, cases[i].dev, REINIT, 0), 0);
		assert_false(reload_failed(&rig, cases[i].bus, cases[i].dev));
		rig_down(&rig);
	}
}

static void test_failing_pf(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FW_CMD,
				    .match = "0000:03:00.1",
				    .error = EIO };
	struct mlx5_config config;
	struct rig rig;

	config_with(&config, &fault);
	config.ports = 2;
	config.vfs = 2;
	rig_up(&rig, &config);
	assert_int_equal(rig_instances(&rig), 3); /* the first PF and its VFs */
	assert_int_equal(rig_devices(&rig, "pci", ""), 4);
	rig_remove(&rig, "pci", PF1);
	assert_int_equal(rig_devices(&rig, "pci", ""), 3);
	rig_down(&rig);
}

/* The firmware refuses to leave switchdev: no SF has to pay for it. */
static void test_refused_eswitch(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FW_CMD,
				    .match = "pci/0000:03:00.0",
				    .error = EIO,
				    .after = 6,
				    .times = 1 };
	struct mlx5_config config;
	struct rig rig;

	config_with(&config, &fault);
	/* The port's lane begins with the same name: spare its four commands, too. */
	config.faults[0].after += 4;
	rig_up(&rig, &config);
	rig_sf_up(&rig, PF0, 7);
	rig_settle(&rig);
	assert_int_equal(rig_eswitch(&rig, PF0, LEGACY), -EIO);
	assert_int_equal(rig_eswitch_mode(&rig, PF0), SWITCHDEV);
	assert_true(rig_has_instance(&rig, "auxiliary", SF));
	assert_int_equal(rig_eswitch(&rig, PF0, LEGACY), 0);
	expect_empty(&rig);
	rig_down(&rig);
}

static void test_failing_flash(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FLASH, .error = EINVAL, .times = 1 };
	char version[32];
	struct rig rig;

	up_with(&rig, &fault);
	assert_int_equal(rig_flash(&rig, PF0, "fw-22_42_1000.mfa2"), -EINVAL);
	assert_true(rig_extack_has("50%"));
	rig_version(&rig, PF0, DEVLINK_ATTR_INFO_VERSION_STORED, "fw.version", version,
		    sizeof(version));
	assert_string_equal(version, "22.41.1000");
	assert_int_equal(rig_flash(&rig, PF0, "fw-22_42_1000.mfa2"), 0);
	rig_down(&rig);
}

/* During a flash that hangs, functions come and go; the NIC's removal ends it. */
static void test_hanging_flash(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FLASH, .hang = true };
	struct rig_flashing flashing;
	struct rig rig;
	uint32_t index;

	up_with(&rig, &fault);
	rig_flash_begin(&rig, PF0, &flashing);
	index = rig_sf_up(&rig, PF0, 7);
	assert_true(rig_await_opstate(&rig, PF0, index, ATTACHED));
	assert_int_equal(rig_reload(&rig, "auxiliary", SF, REINIT, 0), 0);
	assert_int_equal(rig_port_del(&rig, PF0, index), 0);
	assert_false(rig_flash_is_over(&flashing));
	rig_remove(&rig, "pci", PF0);
	assert_true(rig_flash_end(&flashing) < 0);
	rig_down(&rig);
}

/* A NIC is removed, or its PF reloaded, while 50 SFs come up, at different moments. */
static void test_storms(void **state)
{
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	for (unsigned int round = 0; round < 12; round++) {
		rig_config(&config);
		config.switchdev = true;
		config.jitter = 0.5;
		config.seed = round;
		config.latency_ns[MLX5_STEP_RDMA_ATTACH] = round * 4 * MS;
		rig_up(&rig, &config);
		for (unsigned int i = 0; i < 50; i++) {
			assert_int_equal(rig_sf_add(&rig, PF0, 0, i, &index), 0);
			assert_int_equal(rig_port_state(&rig, PF0, index, true), 0);
			if (i % 3 == round % 3 && round % 2)
				assert_int_equal(rig_port_del(&rig, PF0, index), 0);
		}
		if (round % 3 == 0) {
			assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), 0);
			expect_empty(&rig);
		} else if (round % 3 == 1) {
			rig_remove(&rig, "pci", PF0);
			assert_int_equal(rig_instances(&rig), 0);
			assert_int_equal(rig_devices(&rig, "auxiliary", ""), 0);
		}
		rig_down(&rig); /* or the whole plane goes */
	}
}

/* Chance everywhere: whatever happens, the plane comes down and nothing leaks. */
static void test_chaos(void **state)
{
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	for (unsigned int round = 0; round < 8; round++) {
		rig_config(&config);
		config.switchdev = true;
		config.vfs = 3;
		config.jitter = 0.9;
		config.seed = 1000 + round;
		for (int step = 0; step < MLX5_STEP_COUNT; step++)
			config.faults[config.fault_count++] = (struct mlx5_fault){
				.step = step, .match = "mlx5_core", .error = EIO, .probability = 0.1
			};
		config.faults[config.fault_count++] =
			(struct mlx5_fault){ .step = MLX5_STEP_RDMA_ATTACH,
					     .match = "rdma",
					     .hang = true,
					     .probability = 0.05 };
		rig_up(&rig, NULL);
		assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
		rig_nap_ms(20);
		for (unsigned int i = 0; i < 30; i++) {
			if (rig_sf_add(&rig, PF0, 0, i, &index))
				continue;
			rig_port_state(&rig, PF0, index, true);
			if (i % 4 == 1)
				rig_port_state(&rig, PF0, index, false);
			if (i % 4 == 2)
				rig_port_del(&rig, PF0, index);
		}
		rig_down(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_port_command),
		cmocka_unit_test(test_each_bringup_command),
		cmocka_unit_test(test_failing_child),
		cmocka_unit_test(test_hanging_attach),
		cmocka_unit_test(test_giving_up_to_be_alone),
		cmocka_unit_test(test_hang_times_out),
		cmocka_unit_test(test_deadline_of_a_reload),
		cmocka_unit_test(test_hanging_attach_of_pf),
		cmocka_unit_test(test_hanging_bringup),
		cmocka_unit_test(test_hanging_detach),
		cmocka_unit_test(test_failing_detach),
		cmocka_unit_test(test_failing_reload),
		cmocka_unit_test(test_failing_pf),
		cmocka_unit_test(test_refused_eswitch),
		cmocka_unit_test(test_failing_flash),
		cmocka_unit_test(test_hanging_flash),
		cmocka_unit_test(test_storms),
		cmocka_unit_test(test_chaos),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
