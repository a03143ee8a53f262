/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_bind.c - taking the driver of a PF, an SF or an eth device away, and giving it back; with
 * what is below, and while that is busy or hangs. */
#include "tests/drivers/rig.h"

#include "base/thread.h"

#define ATTACHED DEVLINK_PORT_FN_OPSTATE_ATTACHED
#define DETACHED DEVLINK_PORT_FN_OPSTATE_DETACHED

#define SF "mlx5_core.sf.1" /* the first one: the PF is 0 */
#define SF_ETH "mlx5_core.eth.1"
#define SF_PORT 1u /* of its netdev, on its own instance */

static void config_switchdev(struct mlx5_config *config)
{
	rig_config(config);
	config->switchdev = true;
}

/* Whether the netdev's port of an instance has its reporter tx; -1: there is no port. */
static int netdev(struct rig *rig, const char *bus, const char *dev, uint32_t port)
{
	static const uint16_t of_port[] = { DEVLINK_ATTR_PORT_INDEX, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_GET, bus, dev);
	int has = -1;

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, port);
	if (!rig_request_end(request)) {
		request = rig_request(rig, DEVLINK_CMD_HEALTH_REPORTER_GET, bus, dev);
		fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, port);
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_HEALTH_REPORTER_NAME, "tx");
		has = !request_run(request) && answer_attr(request->req.reply.buf, of_port);
		request_done(request);
		free(request);
	}
	return has;
}

static void test_pf(void **state)
{
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;

	config_switchdev(&config);
	config.vfs = 2;
	rig_up(&rig, &config);
	for (uint32_t sf = 0; sf < 5; sf++)
		assert_int_equal(rig_sf_up(&rig, PF0, sf), SF0 + sf);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 1 + 2 + 5);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(rig_unbind(&rig, "pci", PF0), 0);
		rig_settle(&rig);
		assert_int_equal(rig_instances(&rig), 0);
		assert_int_equal(rig_devices(&rig, "auxiliary", ""), 0);
		assert_int_equal(rig_devices(&rig, "pci", ""), 1); /* the PF, unbound */
		assert_int_equal(rig_unbind(&rig, "pci", PF0), -ENODEV);
		assert_int_equal(rig_bind(&rig, "pci", PF0), 0);
		assert_int_equal(rig_bind(&rig, "pci", PF0), -EBUSY);
		rig_settle(&rig);
		assert_int_equal(rig_instances(&rig), 1 + 2);
		assert_int_equal(rig_port(&rig, PF0, UPLINK, &port), 0);
		assert_int_equal(rig_port(&rig, PF0, SF0, &port), -ENODEV);
		assert_int_equal(rig_port(&rig, PF0, 2, &port), 0);
		assert_string_equal(port.nested, "0000:03:00.2");
		assert_int_equal(netdev(&rig, "pci", PF0, UPLINK), 1);
		/* Index and sfnum are free again. */
		assert_int_equal(rig_sf_up(&rig, PF0, 0), SF0);
		rig_settle(&rig);
	}
	rig_down(&rig);
}

static void test_sf(void **state)
{
	struct mlx5_config config;
	struct rig_port port;
	struct rig rig;

	config_switchdev(&config);
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
	rig_settle(&rig);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(rig_unbind(&rig, "auxiliary", SF), 0);
		assert_true(rig_await_opstate(&rig, PF0, SF0, DETACHED));
		rig_settle(&rig);
		assert_int_equal(rig_port(&rig, PF0, SF0, &port), 0);
		assert_int_equal(port.state, DEVLINK_PORT_FN_STATE_ACTIVE);
		assert_string_equal(port.nested, "");
		assert_false(rig_has_instance(&rig, "auxiliary", SF));
		assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 0);
		assert_int_equal(rig_bind(&rig, "auxiliary", SF), 0);
		assert_true(rig_await_opstate(&rig, PF0, SF0, ATTACHED));
		rig_settle(&rig);
		assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.1"), 1);
		assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), 1);
	}
	/* One without a driver can be deleted like any other. */
	assert_int_equal(rig_unbind(&rig, "auxiliary", SF), 0);
	assert_int_equal(rig_port_del(&rig, PF0, SF0), 0);
	rig_settle(&rig);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.sf"), 0);
	assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
	rig_down(&rig);
}

/* The netdev is shown as long as its eth device is bound, by whatever way that comes or goes. */
static void test_eth(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	config_switchdev(&config);
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
	rig_settle(&rig);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), 1);
		assert_int_equal(rig_unbind(&rig, "auxiliary", SF_ETH), 0);
		rig_settle(&rig);
		assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), -1);
		assert_int_equal(rig_bind(&rig, "auxiliary", SF_ETH), 0);
		assert_int_equal(rig_unbind(&rig, "auxiliary", SF_ETH), 0);
		assert_int_equal(rig_bind(&rig, "auxiliary", SF_ETH), 0);
		rig_settle(&rig);
		assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), 1);
		assert_int_equal(rig_unbind(&rig, "auxiliary", "mlx5_core.eth.0"), 0);
		rig_settle(&rig);
		assert_int_equal(netdev(&rig, "pci", PF0, UPLINK), 0);
		assert_int_equal(rig_bind(&rig, "auxiliary", "mlx5_core.eth.0"), 0);
		assert_int_equal(netdev(&rig, "pci", PF0, UPLINK), 1);
		/* A reload brings it back, too. */
		assert_int_equal(rig_unbind(&rig, "auxiliary", SF_ETH), 0);
		assert_int_equal(
			rig_reload(&rig, "auxiliary", SF, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0),
			0);
		assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), 1);
	}
	rig_param_bool(&rig, "auxiliary", SF, "enable_eth", false);
	rig_reload(&rig, "auxiliary", SF, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0);
	assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), -1);
	rig_param_bool(&rig, "pci", PF0, "enable_eth", false);
	assert_int_equal(rig_reload(&rig, "pci", PF0, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0), 0);
	assert_int_equal(netdev(&rig, "pci", PF0, UPLINK), 0);
	rig_down(&rig);
}

/* Unbinds without waiting for it. */
static void unbind_post(struct rig *rig, const char *bus, const char *name)
{
	struct fl_device *dev = fl_device_find(fl_plane_bus(rig->plane), bus, name);

	assert_non_null(dev);
	assert_int_equal(fl_device_unbind_post(dev, NULL, NULL, NULL), 0);
	fl_device_put(dev);
}

static void bind_post(struct rig *rig, const char *bus, const char *name)
{
	struct fl_device *dev = fl_device_find(fl_plane_bus(rig->plane), bus, name);

	assert_non_null(dev);
	assert_int_equal(fl_device_probe_post(dev, NULL), 0);
	fl_device_put(dev);
}

/* A reload, or another binding, that waits already when an eth device is unbound brings the netdev
 * back, too: the news that it is gone come after it. */
static void test_eth_news_are_late(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	config_switchdev(&config);
	config.latency_ns[MLX5_STEP_ETH_ATTACH] = 500 * MS;
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
	rig_settle(&rig);
	for (int reload = 0; reload < 2; reload++) {
		assert_int_equal(rig_unbind(&rig, "auxiliary", SF_ETH), 0);
		rig_settle(&rig);
		assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), -1);
		bind_post(&rig, "auxiliary", SF_ETH);
		rig_await_waiting(&rig, "probe", SF_ETH);
		/* It stands on the SF's lane now, and waits for the probe. */
		unbind_post(&rig, "auxiliary", SF_ETH);
		if (reload)
			assert_int_equal(rig_reload(&rig, "auxiliary", SF,
						    DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0),
					 0);
		else
			assert_int_equal(rig_bind(&rig, "auxiliary", SF_ETH), 0);
		rig_settle(&rig);
		assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), 1);
	}
	rig_down(&rig);
}

/* A sibling that hangs does not hide the netdev; an eth device that fails shows none. */
static void test_eth_and_siblings(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	config_switchdev(&config);
	config.faults[config.fault_count++] = (struct mlx5_fault){ .step = MLX5_STEP_RDMA_ATTACH,
								   .match = "rdma.1",
								   .hang = true };
	config.faults[config.fault_count++] =
		(struct mlx5_fault){ .step = MLX5_STEP_ETH_ATTACH, .match = "eth.2", .error = EIO };
	rig_up(&rig, &config);
	rig_sf_up(&rig, PF0, 1);
	rig_sf_up(&rig, PF0, 2);
	assert_true(rig_await_opstate(&rig, PF0, SF0 + 1, ATTACHED));
	for (int ms = 0; ms < 30000 && netdev(&rig, "auxiliary", SF, SF_PORT) != 1; ms++)
		rig_nap_ms(1);
	assert_int_equal(netdev(&rig, "auxiliary", SF, SF_PORT), 1);
	assert_int_equal(rig_reload(&rig, "auxiliary", "mlx5_core.sf.2",
				    DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0),
			 0);
	assert_int_equal(netdev(&rig, "auxiliary", "mlx5_core.sf.2", SF_PORT), -1);
	rig_down(&rig);
}

/* An SF is none of the flash's affairs; its PF goes when the flash is over, as in the kernel. */
static void test_during_flash(void **state)
{
	struct rig_flashing flashing;
	struct mlx5_config config;
	struct rig rig;

	config_switchdev(&config);
	config.latency_ns[MLX5_STEP_FLASH] = 3 * FL_NS_PER_S;
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
	rig_settle(&rig);
	rig_flash_begin(&rig, PF0, &flashing);
	assert_int_equal(rig_unbind(&rig, "auxiliary", SF), 0);
	assert_int_equal(rig_bind(&rig, "auxiliary", SF), 0);
	assert_false(rig_flash_is_over(&flashing));
	assert_int_equal(rig_unbind(&rig, "pci", PF0), 0);
	assert_int_equal(rig_flash_end(&flashing), 0);
	assert_int_equal(rig_instances(&rig), 0);
	assert_int_equal(rig_bind(&rig, "pci", PF0), 0);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 1);
	rig_down(&rig);
}

/* What hangs below is told to stop: neither the SF's own unbinding nor its PF's waits for it. */
static void test_hung(void **state)
{
	static const char *const unbound[][2] = { { "auxiliary", SF }, { "pci", PF0 } };
	struct mlx5_config config;
	struct rig rig;

	for (size_t i = 0; i < FL_ARRAY_SIZE(unbound); i++) {
		config_switchdev(&config);
		config.faults[config.fault_count++] = (struct mlx5_fault){
			.step = MLX5_STEP_RDMA_ATTACH, .match = "rdma.1", .hang = true, .times = 1
		};
		rig_up(&rig, &config);
		assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
		rig_await_waiting(&rig, "probe", "mlx5_core.rdma.1");
		assert_int_equal(rig_unbind(&rig, unbound[i][0], unbound[i][1]), 0);
		assert_int_equal(rig_bind(&rig, unbound[i][0], unbound[i][1]), 0);
		rig_settle(&rig);
		assert_true(rig_has_instance(&rig, unbound[i][0], unbound[i][1]));
		rig_down(&rig);
	}
}

struct deletion {
	struct rig *rig;
	uint32_t sfs;
	pthread_t thread;
};

static void *delete_ports(void *arg)
{
	struct deletion *deletion = arg;

	fl_rcu_register_thread();
	for (uint32_t sf = 0; sf < deletion->sfs; sf++)
		rig_port_del(deletion->rig, PF0, SF0 + sf); /* 0, or it went with the PF */
	fl_rcu_unregister_thread();
	return NULL;
}

/* SFs whose removal queues behind the unbinding of their PF, when that begins. */
static void test_among_deletions(void **state)
{
	struct mlx5_config config;
	struct deletion deletion;
	struct rig rig;

	config_switchdev(&config);
	rig_up(&rig, &config);
	for (int round = 0; round < 20; round++) {
		for (uint32_t sf = 0; sf < 8; sf++)
			assert_int_equal(rig_sf_up(&rig, PF0, sf), SF0 + sf);
		deletion = (struct deletion){ .rig = &rig, .sfs = 8 };
		assert_int_equal(
			fl_thread_start(&deletion.thread, "deletion", 0, delete_ports, &deletion),
			0);
		if (round % 2)
			rig_nap_ms(1);
		assert_int_equal(rig_unbind(&rig, "pci", PF0), 0);
		pthread_join(deletion.thread, NULL);
		rig_settle(&rig);
		assert_int_equal(rig_devices(&rig, "auxiliary", ""), 0);
		assert_int_equal(rig_bind(&rig, "pci", PF0), 0);
		rig_settle(&rig);
		if (rig_eswitch_mode(&rig, PF0) != DEVLINK_ESWITCH_MODE_SWITCHDEV)
			assert_int_equal(rig_eswitch(&rig, PF0, DEVLINK_ESWITCH_MODE_SWITCHDEV), 0);
	}
	rig_down(&rig);
}

/* Unbound while it is probed: nothing is attached to a function that has no driver any more. */
static void test_during_probe(void **state)
{
	struct mlx5_config config;
	struct fl_device *sf;
	struct rig rig;

	config_switchdev(&config);
	config.latency_ns[MLX5_STEP_FW_CMD] = 50 * MS;
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
	rig_await_waiting(&rig, "probe", SF);
	sf = fl_device_find(fl_plane_bus(rig.plane), "auxiliary", SF);
	assert_non_null(sf);
	assert_int_equal(fl_device_unbind_post(sf, NULL, NULL, NULL), 0);
	rig_settle(&rig);
	assert_null(fl_device_driver(sf));
	assert_int_equal(rig_instances(&rig), 1);
	assert_int_equal(rig_devices(&rig, "auxiliary", SF), 1);
	assert_int_equal(rig_devices(&rig, "auxiliary", SF_ETH), 0);
	assert_int_equal(rig_bind(&rig, "auxiliary", SF), 0);
	rig_settle(&rig);
	assert_int_equal(rig_devices(&rig, "auxiliary", SF_ETH), 1);
	fl_device_put(sf);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pf),
		cmocka_unit_test(test_sf),
		cmocka_unit_test(test_eth),
		cmocka_unit_test(test_eth_news_are_late),
		cmocka_unit_test(test_eth_and_siblings),
		cmocka_unit_test(test_during_flash),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_among_deletions),
		cmocka_unit_test(test_during_probe),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests_name("mlx5 bind", tests, NULL, NULL);
}
