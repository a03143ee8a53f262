/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_mlx5.c - what a user of the NIC sees when all goes well. */
#include "tests/drivers/rig.h"

#define SWITCHDEV DEVLINK_ESWITCH_MODE_SWITCHDEV
#define LEGACY DEVLINK_ESWITCH_MODE_LEGACY
#define REINIT DEVLINK_RELOAD_ACTION_DRIVER_REINIT
#define ACTIVATE DEVLINK_RELOAD_ACTION_FW_ACTIVATE
#define NO_RESET DEVLINK_RELOAD_LIMIT_NO_RESET

static void test_config(void **state)
{
	struct mlx5_config config, bad;
	struct rig rig;

	rig_up(&rig, NULL);
	rig_config(&config);
	bad = config;
	strcpy(bad.address, "0000:03:00");
	assert_int_equal(mlx5_nic_add(rig.plane, &bad), -EINVAL);
	strcpy(bad.address, "0000:03:20.0");
	assert_int_equal(mlx5_nic_add(rig.plane, &bad), -EINVAL);
	bad = config;
	bad.ports = 9;
	assert_int_equal(mlx5_nic_add(rig.plane, &bad), -EINVAL);
	bad = config;
	bad.jitter = 0.95;
	assert_int_equal(mlx5_nic_add(rig.plane, &bad), -EINVAL);
	bad = config;
	bad.fault_count = 1; /* neither an error nor a hang */
	assert_int_equal(mlx5_nic_add(rig.plane, &bad), -EINVAL);
	assert_int_equal(rig_devices(&rig, "pci", ""), 0);

	assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
	assert_int_equal(mlx5_nic_add(rig.plane, &config), -EEXIST);
	strcpy(config.address, "0000:04:00.0");
	assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 2);
	rig_down(&rig);
}

static void test_two_ports(void **state)
{
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;

	rig_config(&config);
	config.ports = 2;
	rig_up(&rig, &config);
	assert_int_equal(rig_instances(&rig), 2);
	assert_true(rig_has_instance(&rig, "pci", PF0) && rig_has_instance(&rig, "pci", PF1));
	assert_int_equal(rig_port(&rig, PF0, UPLINK, &port), 0);
	assert_int_equal(port.flavour, DEVLINK_PORT_FLAVOUR_PHYSICAL);
	assert_int_equal(port.type, DEVLINK_PORT_TYPE_ETH);
	assert_int_equal(rig_port(&rig, PF1, 65536 + UPLINK, &port), 0);
	assert_int_equal(rig_eswitch_mode(&rig, PF0), LEGACY);
	/* A PF has an eth and an rdma device, no vnet. */
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.eth."), 2);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma."), 2);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.vnet."), 0);

	/* The second PF counts its ports from its own base, and wants its own number. */
	assert_int_equal(rig_eswitch(&rig, PF1, SWITCHDEV), 0);
	uint32_t index;
	assert_int_equal(rig_sf_add(&rig, PF1, 0, 5, &index), -EOPNOTSUPP);
	assert_int_equal(rig_sf_add(&rig, PF1, 1, 5, &index), 0);
	assert_int_equal(index, 65536 + SF0);
	rig_remove(&rig, "pci", PF1);
	assert_int_equal(rig_instances(&rig), 1);
	rig_down(&rig);
}

struct order {
	char name[17][64]; /* by index, counted from the first instance's */
	uint32_t first;
};

static void note_order(const struct fl_instance_info *info, void *arg)
{
	struct order *order = arg;

	assert_true(info->index - order->first < FL_ARRAY_SIZE(order->name));
	snprintf(order->name[info->index - order->first], sizeof(order->name[0]), "%s", info->dev);
}

/* Instances are listed by index: a PF, what it shares with the others, these, then the VFs,
 * whoever comes up first. */
static void test_order(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	for (unsigned int seed = 0; seed < 5; seed++) {
		struct order order = { .first = 0 };
		char name[64];

		rig_config(&config);
		config.ports = 4;
		config.vfs = 3;
		config.seed = seed;
		config.jitter = 0.9;
		config.latency_ns[MLX5_STEP_FW_CMD] = MS / 2;
		rig_up(&rig, &config);
		assert_int_equal(fl_plane_walk(rig.plane, note_order, &order), 0);
		for (unsigned int i = 0; i < 16; i++) {
			snprintf(name, sizeof(name), "0000:03:%02x.%x", i / 8, i % 8);
			assert_string_equal(order.name[i + (i > 0)], name);
		}
		assert_string_equal(order.name[1], "1");
		/* No number twice: what comes again comes behind. */
		rig_remove(&rig, "pci", PF0);
		assert_int_equal(mlx5_nic_add(rig.plane, &config), -EEXIST);
		rig_down(&rig);
	}
}

static void test_sf_life(void **state)
{
	static const uint8_t addr[6] = { 0, 0, 0, 0, 0x88, 0x88 };
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;
	uint32_t index;

	rig_config(&config);
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 88, &index), -EOPNOTSUPP);
	assert_true(rig_extack_has("switchdev"));
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	assert_int_equal(rig_eswitch_mode(&rig, PF0), SWITCHDEV);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 88, &index), 0);
	assert_int_equal(index, SF0);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 88, &index), -EEXIST);

	assert_int_equal(rig_port(&rig, PF0, SF0, &port), 0);
	assert_int_equal(port.flavour, DEVLINK_PORT_FLAVOUR_PCI_SF);
	assert_int_equal(port.type, DEVLINK_PORT_TYPE_ETH);
	assert_int_equal(port.state, DEVLINK_PORT_FN_STATE_INACTIVE);
	assert_int_equal(port.opstate, DEVLINK_PORT_FN_OPSTATE_DETACHED);

	assert_int_equal(rig_port_hw_addr(&rig, PF0, SF0, addr), 0);
	assert_int_equal(rig_port_state(&rig, PF0, SF0, true), 0);
	assert_true(rig_await_opstate(&rig, PF0, SF0, DEVLINK_PORT_FN_OPSTATE_ATTACHED));
	rig_settle(&rig);
	assert_int_equal(rig_port(&rig, PF0, SF0, &port), 0);
	assert_memory_equal(port.hw_addr, addr, 6);
	assert_int_equal(port.state, DEVLINK_PORT_FN_STATE_ACTIVE);
	assert_string_equal(port.nested, "mlx5_core.sf.1");
	assert_true(rig_has_instance(&rig, "auxiliary", "mlx5_core.sf.1"));
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.vnet.1"), 1);

	assert_int_equal(rig_port_state(&rig, PF0, SF0, false), 0);
	assert_true(rig_await_opstate(&rig, PF0, SF0, DEVLINK_PORT_FN_OPSTATE_DETACHED));
	rig_settle(&rig);
	assert_int_equal(rig_port(&rig, PF0, SF0, &port), 0);
	assert_string_equal(port.nested, "");
	assert_memory_equal(port.hw_addr, addr, 6);
	assert_false(rig_has_instance(&rig, "auxiliary", "mlx5_core.sf.1"));
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.sf"), 0);
	assert_int_equal(rig_port_del(&rig, PF0, SF0), 0);
	assert_int_equal(rig_port(&rig, PF0, SF0, &port), -ENODEV);
	/* Index and number are free again, the lowest first. */
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 88, &index), 0);
	assert_int_equal(index, SF0);
	rig_down(&rig);
}

/* The number of a deleted function stays taken until its device has gone. */
static void test_sf_deleted_while_active(void **state)
{
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;
	int err;

	rig_config(&config);
	config.switchdev = true;
	config.latency_ns[MLX5_STEP_RDMA_DETACH] = 100 * MS;
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, &index), 0);
	assert_int_equal(rig_port_state(&rig, PF0, index, true), 0);
	rig_settle(&rig);
	assert_int_equal(rig_port_del(&rig, PF0, index), 0);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 7, NULL), -EEXIST);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 8, &index), 0);
	assert_int_equal(index, SF0 + 1); /* the firmware's function is still there */
	rig_settle(&rig);
	err = rig_sf_add(&rig, PF0, 0, 7, &index);
	assert_int_equal(err, 0);
	assert_int_equal(index, SF0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.sf"), 0);
	rig_down(&rig);
}

static void test_reactivation_waits_for_detach(void **state)
{
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	rig_config(&config);
	config.switchdev = true;
	config.latency_ns[MLX5_STEP_RDMA_DETACH] = 100 * MS;
	rig_up(&rig, &config);
	rig_sf_add(&rig, PF0, 0, 7, &index);
	assert_int_equal(rig_port_state(&rig, PF0, index, true), 0);
	assert_int_equal(rig_port_state(&rig, PF0, index, true), 0); /* nothing new */
	rig_settle(&rig);
	assert_int_equal(rig_port_state(&rig, PF0, index, false), 0);
	assert_int_equal(rig_port_state(&rig, PF0, index, true), -EBUSY);
	assert_true(rig_await_opstate(&rig, PF0, index, DEVLINK_PORT_FN_OPSTATE_DETACHED));
	assert_int_equal(rig_port_state(&rig, PF0, index, true), 0);
	assert_true(rig_await_opstate(&rig, PF0, index, DEVLINK_PORT_FN_OPSTATE_ATTACHED));
	rig_down(&rig);
}

static void test_enable_params(void **state)
{
	static const char *const sf = "mlx5_core.sf.1";
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	rig_config(&config);
	config.switchdev = true;
	rig_up(&rig, &config);
	rig_sf_add(&rig, PF0, 0, 7, &index);
	rig_port_state(&rig, PF0, index, true);
	rig_settle(&rig);
	assert_int_equal(rig_param_bool(&rig, "auxiliary", sf, "enable_vnet", false), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.vnet"), 1); /* not yet */
	assert_int_equal(rig_reload(&rig, "auxiliary", sf, REINIT, 0), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.vnet"), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 1);
	rig_param_bool(&rig, "auxiliary", sf, "enable_roce", false);
	rig_param_bool(&rig, "auxiliary", sf, "enable_eth", false);
	rig_param_bool(&rig, "auxiliary", sf, "enable_vnet", true);
	assert_int_equal(rig_reload(&rig, "auxiliary", sf, REINIT, 0), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.eth.1"), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.vnet.1"), 1);
	assert_int_equal(rig_reload(&rig, "auxiliary", sf, ACTIVATE, 0), -EOPNOTSUPP);

	assert_int_equal(rig_param_u32(&rig, "auxiliary", sf, "max_macs", 100), -EINVAL);
	assert_int_equal(rig_param_u32(&rig, "auxiliary", sf, "max_macs", 64), 0);
	assert_true(rig_param_u32(&rig, "auxiliary", sf, "io_eq_size", 63) < 0);
	assert_int_equal(rig_param_string(&rig, "pci", PF0, "flow_steering_mode", "hmfs"), 0);
	assert_int_equal(rig_param_string(&rig, "pci", PF0, "flow_steering_mode", "x"), -EINVAL);
	rig_down(&rig);
}

static void test_light_probe(void **state)
{
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	rig_config(&config);
	config.switchdev = true;
	config.light_probe = true;
	rig_up(&rig, &config);
	rig_sf_add(&rig, PF0, 0, 7, &index);
	rig_port_state(&rig, PF0, index, true);
	rig_settle(&rig);
	assert_true(rig_has_instance(&rig, "auxiliary", "mlx5_core.sf.1"));
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 0);
	assert_int_equal(rig_reload(&rig, "auxiliary", "mlx5_core.sf.1", REINIT, 0), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 1);
	rig_down(&rig);
}

static void add_active(struct rig *rig, unsigned int count)
{
	uint32_t index;

	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(rig_sf_add(rig, PF0, 0, i, &index), 0);
		assert_int_equal(rig_port_state(rig, PF0, index, true), 0);
	}
}

static void test_leaving_switchdev(void **state)
{
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;

	rig_config(&config);
	config.switchdev = true;
	rig_up(&rig, &config);
	add_active(&rig, 5);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 6);
	assert_int_equal(rig_eswitch(&rig, PF0, LEGACY), 0);
	assert_int_equal(rig_instances(&rig), 1);
	assert_int_equal(rig_port(&rig, PF0, SF0, &port), -ENODEV);
	assert_int_equal(rig_port(&rig, PF0, UPLINK, &port), 0);
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	add_active(&rig, 1);
	rig_down(&rig);
}

static void test_pf_reload(void **state)
{
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;

	rig_config(&config);
	config.switchdev = true;
	rig_up(&rig, &config);
	add_active(&rig, 3);
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), 0);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 1);
	assert_int_equal(rig_eswitch_mode(&rig, PF0), LEGACY);
	assert_int_equal(rig_port(&rig, PF0, UPLINK, &port), 0);
	assert_int_equal(rig_port(&rig, PF0, SF0, &port), -ENODEV);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.0"), 1);
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	add_active(&rig, 3); /* the numbers are free */
	rig_down(&rig);
}

static void expect_version(struct rig *rig, uint16_t kind, const char *value)
{
	char now[32];

	rig_version(rig, PF0, kind, "fw.version", now, sizeof(now));
	assert_string_equal(now, value);
	rig_version(rig, PF0, kind, "fw", now, sizeof(now));
	assert_string_equal(now, value);
}

static void test_flash_and_activate(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	rig_config(&config);
	config.switchdev = true;
	rig_up(&rig, &config);
	expect_version(&rig, DEVLINK_ATTR_INFO_VERSION_RUNNING, "22.41.1000");
	expect_version(&rig, DEVLINK_ATTR_INFO_VERSION_STORED, "22.41.1000");
	assert_int_equal(rig_flash(&rig, PF0, "fw-22_42_1000.mfa2"), 0);
	expect_version(&rig, DEVLINK_ATTR_INFO_VERSION_RUNNING, "22.41.1000");
	expect_version(&rig, DEVLINK_ATTR_INFO_VERSION_STORED, "22.42.1000");

	add_active(&rig, 1);
	assert_int_equal(rig_reload(&rig, "pci", PF0, ACTIVATE, 0), -EBUSY);
	assert_true(rig_extack_has("SFs"));
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 2); /* nothing has changed */
	assert_int_equal(rig_reload(&rig, "pci", PF0, ACTIVATE, NO_RESET), 0);
	assert_int_equal(rig_instances(&rig), 2);
	expect_version(&rig, DEVLINK_ATTR_INFO_VERSION_RUNNING, "22.42.1000");

	assert_int_equal(rig_flash(&rig, PF0, "other"), 0);
	assert_int_equal(rig_port_del(&rig, PF0, SF0), 0);
	rig_settle(&rig);
	assert_int_equal(rig_reload(&rig, "pci", PF0, ACTIVATE, 0), 0);
	expect_version(&rig, DEVLINK_ATTR_INFO_VERSION_RUNNING, "22.42.1001");
	assert_int_equal(rig_eswitch_mode(&rig, PF0), LEGACY);
	rig_down(&rig);
}

static void test_vfs(void **state)
{
	static const uint8_t addr[6] = { 2, 0, 0, 0, 0, 1 };
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;

	rig_config(&config);
	config.ports = 2;
	config.vfs = 9;
	rig_up(&rig, &config);
	assert_int_equal(rig_instances(&rig), 2 + 18);
	/* Two PFs, then the VFs of the first, then those of the second. */
	assert_true(rig_has_instance(&rig, "pci", "0000:03:00.2"));
	assert_true(rig_has_instance(&rig, "pci", "0000:03:01.2"));
	assert_true(rig_has_instance(&rig, "pci", "0000:03:02.3"));
	assert_false(rig_has_instance(&rig, "pci", "0000:03:02.4"));
	assert_int_equal(rig_port(&rig, PF0, 1, &port), -ENODEV);
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	assert_int_equal(rig_port(&rig, PF0, 1, &port), 0);
	assert_int_equal(port.flavour, DEVLINK_PORT_FLAVOUR_PCI_VF);
	assert_string_equal(port.nested, "0000:03:00.2");
	assert_int_equal(rig_port_hw_addr(&rig, PF0, 1, addr), 0);
	assert_int_equal(rig_port(&rig, PF0, 1, &port), 0);
	assert_memory_equal(port.hw_addr, addr, 6);
	assert_int_equal(rig_port_state(&rig, PF0, 1, true), -EOPNOTSUPP);
	assert_int_equal(rig_port_del(&rig, PF0, 1), -EOPNOTSUPP);
	assert_int_equal(rig_reload(&rig, "pci", "0000:03:00.2", REINIT, 0), 0);
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), 0);
	assert_int_equal(rig_instances(&rig), 2 + 18);
	assert_int_equal(rig_port(&rig, PF0, 1, &port), -ENODEV);
	rig_remove(&rig, "pci", PF0);
	assert_int_equal(rig_instances(&rig), 1 + 9);
	rig_down(&rig);
}

static void test_vfs_in_switchdev_from_the_start(void **state)
{
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;

	rig_config(&config);
	config.vfs = 2;
	config.switchdev = true;
	rig_up(&rig, &config);
	assert_int_equal(rig_port(&rig, PF0, 2, &port), 0);
	assert_string_equal(port.nested, "0000:03:00.2");
	rig_remove(&rig, "pci", "0000:03:00.2");
	rig_settle(&rig);
	assert_int_equal(rig_port(&rig, PF0, 2, &port), 0);
	assert_string_equal(port.nested, "");
	rig_down(&rig);
}

static uint64_t time_to_attach(struct rig *rig, unsigned int sfs)
{
	uint64_t start = fl_now_ns();

	add_active(rig, sfs);
	rig_settle(rig);
	return fl_now_ns() - start;
}

/* The same NIC as in 2021: all goes well, one after another. */
static void test_bkl(void **state)
{
	struct fl_sched_config sched = RIG_SCHED;
	struct mlx5_config config;
	uint64_t lanes, bkl;
	struct rig rig;

	rig_config(&config);
	config.switchdev = true;
	config.latency_ns[MLX5_STEP_RDMA_ATTACH] = 40 * MS;
	rig_up(&rig, &config);
	lanes = time_to_attach(&rig, 10);
	rig_down(&rig);
	sched.bkl = true;
	rig_up_sched(&rig, &config, &sched);
	bkl = time_to_attach(&rig, 10);
	assert_int_equal(rig_instances(&rig), 11);
	assert_true(bkl >= 10 * 40 * MS);
	assert_true(bkl > lanes * 2);
	assert_int_equal(rig_eswitch(&rig, PF0, LEGACY), 0);
	assert_int_equal(rig_instances(&rig), 1);
	rig_down(&rig);
}

static void test_sf_limit(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	rig_config(&config);
	config.switchdev = true;
	config.max_sfs = 2;
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 1, NULL), 0);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 2, NULL), 0);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 3, NULL), -ENOSPC);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_two_ports),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_sf_life),
		cmocka_unit_test(test_sf_deleted_while_active),
		cmocka_unit_test(test_reactivation_waits_for_detach),
		cmocka_unit_test(test_enable_params),
		cmocka_unit_test(test_light_probe),
		cmocka_unit_test(test_leaving_switchdev),
		cmocka_unit_test(test_pf_reload),
		cmocka_unit_test(test_flash_and_activate),
		cmocka_unit_test(test_vfs),
		cmocka_unit_test(test_vfs_in_switchdev_from_the_start),
		cmocka_unit_test(test_bkl),
		cmocka_unit_test(test_sf_limit),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
