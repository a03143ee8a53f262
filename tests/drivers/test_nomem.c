/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_nomem.c - commands that change a device behind a driver, once for every allocation that
 * they and what follows from them make, with that one failing: whatever the command said, asked
 * again it does what was asked.
 */
#include "drivers/mlxsw/mlxsw.h"
#include "drivers/netdevsim/netdevsim.h"

#include "core/knob.h"
#include "tests/core/nomem.h"
#include "tests/drivers/rig.h"

#define MOST_ALLOCATIONS 4000
#define SWITCHDEV DEVLINK_ESWITCH_MODE_SWITCHDEV
#define LEGACY DEVLINK_ESWITCH_MODE_LEGACY
#define NSIM "netdevsim10"
#define NSIM_VF0 128u
#define NSIM_VFS 2u

static int fails_at; /* which allocation of the next command; 0: none */
static bool reached; /* one has failed */

/* Runs a command, and waits for what follows from it. */
static int command(struct rig *rig, struct request *request)
{
	int err;

	assert_non_null(request);
	if (fails_at)
		nomem_begin(fails_at, 1);
	err = request_run(request);
	rig_settle(rig);
	if (fails_at)
		reached = nomem_end();
	request_done(request);
	free(request);
	return err;
}

/* One change and the way back from it, each without memory in turn. */
struct change {
	int (*there)(struct rig *rig);
	int (*back)(struct rig *rig); /* NULL: there is none */
	void (*check_there)(struct rig *rig);
	void (*check_back)(struct rig *rig);
};

static void go(struct rig *rig, int (*way)(struct rig *rig), void (*check)(struct rig *rig),
	       int nth)
{
	int err;

	reached = false;
	fails_at = nth;
	err = nth ? way(rig) : 0;
	fails_at = 0;
	if (err && err != -ENOMEM)
		print_error("allocation %d: error %d\n", nth, err);
	assert_true(!err || (reached && err == -ENOMEM));
	err = way(rig);
	if (err)
		print_error("allocation %d: then error %d\n", nth, err);
	assert_int_equal(err, 0);
	check(rig);
}

static void for_each_allocation(struct rig *rig, const struct change *change)
{
	bool more = true;

	for (int nth = 1; more; nth++) {
		assert_true(nth < MOST_ALLOCATIONS);
		go(rig, change->there, change->check_there, nth);
		more = reached;
		if (!change->back)
			continue;
		go(rig, change->back, change->check_back, nth);
		more |= reached;
	}
}

/* ---- netdevsim ----------------------------------------------------------------------------- */

static struct request *nsim_request(struct rig *rig, uint8_t cmd)
{
	return rig_request(rig, cmd, "netdevsim", NSIM);
}

static int nsim_eswitch(struct rig *rig, uint16_t mode)
{
	struct request *request = nsim_request(rig, DEVLINK_CMD_ESWITCH_SET);

	assert_non_null(request);
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_ESWITCH_MODE, mode);
	return command(rig, request);
}

/* Sets the rate of a VF. */
static int nsim_rate(struct rig *rig, uint32_t port)
{
	struct request *request = nsim_request(rig, DEVLINK_CMD_RATE_SET);

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, port);
	fl_msg_put_u64(&request->msg, DEVLINK_ATTR_RATE_TX_MAX, 125000);
	return rig_request_end(request);
}

static int nsim_switchdev(struct rig *rig)
{
	return nsim_eswitch(rig, SWITCHDEV);
}

/* Whatever is shown in between can be set. */
static int nsim_legacy(struct rig *rig)
{
	int err = nsim_eswitch(rig, LEGACY);

	for (uint32_t vf = 0; err && vf < NSIM_VFS; vf++)
		nsim_rate(rig, NSIM_VF0 + vf);
	return err;
}

static void nsim_check_switchdev(struct rig *rig)
{
	for (uint32_t vf = 0; vf < NSIM_VFS; vf++)
		assert_int_equal(nsim_rate(rig, NSIM_VF0 + vf), 0);
}

static void nsim_check_legacy(struct rig *rig)
{
	assert_int_equal(nsim_rate(rig, NSIM_VF0), -ENODEV);
}

struct write {
	struct fl_knob_call call;
	int over, err;
};

static void written(struct fl_knob_call *call, int err)
{
	struct write *write = FL_CONTAINER_OF(call, struct write, call);

	write->err = err;
	__atomic_store_n(&write->over, 1, __ATOMIC_RELEASE);
}

static int nsim_numvfs(struct rig *rig, unsigned int vfs)
{
	static struct write write;
	int err;

	memset(&write, 0, sizeof(write));
	write.call.plane = rig->plane;
	write.call.complete = written;
	snprintf(write.call.text, sizeof(write.call.text), "%u\n", vfs);
	if (fails_at)
		nomem_begin(fails_at, 1);
	err = fl_knob_write("sys/bus/netdevsim/devices/" NSIM "/sriov_numvfs", &write.call);
	rig_settle(rig);
	if (fails_at)
		reached = nomem_end();
	if (err != FL_LATER)
		return err;
	assert_true(__atomic_load_n(&write.over, __ATOMIC_ACQUIRE));
	return write.err;
}

static int nsim_vfs(struct rig *rig)
{
	return nsim_numvfs(rig, NSIM_VFS);
}

static int nsim_no_vfs(struct rig *rig)
{
	int err = nsim_numvfs(rig, 0);

	for (uint32_t vf = 0; err && vf < NSIM_VFS; vf++)
		nsim_rate(rig, NSIM_VF0 + vf);
	return err;
}

/* Without VFs the mode is legacy. */
static void nsim_check_no_vfs(struct rig *rig)
{
	nsim_check_legacy(rig);
	assert_int_equal(nsim_switchdev(rig), 0);
	nsim_check_legacy(rig);
}

static void for_each_of_nsim(const struct change *change, unsigned int vfs)
{
	struct nsim_config config;
	struct nsim_bus *bus;
	struct rig rig;

	rig_up(&rig, NULL);
	assert_int_equal(nsim_bus_new(rig.plane, &bus), 0);
	nsim_config_init(&config);
	config.id = 10;
	config.vfs = vfs;
	config.switchdev = !vfs;
	assert_int_equal(nsim_device_add(bus, &config), 0);
	rig_settle(&rig);
	for_each_allocation(&rig, change);
	rig_down(&rig);
}

static void test_nsim_eswitch(void **state)
{
	static const struct change change = {
		nsim_switchdev,
		nsim_legacy,
		nsim_check_switchdev,
		nsim_check_legacy,
	};

	for_each_of_nsim(&change, NSIM_VFS);
}

static void test_nsim_vfs(void **state)
{
	static const struct change change = {
		nsim_vfs,
		nsim_no_vfs,
		nsim_check_switchdev,
		nsim_check_no_vfs,
	};

	for_each_of_nsim(&change, 0);
}

static int nsim_reload(struct rig *rig)
{
	return command(rig, nsim_request(rig, DEVLINK_CMD_RELOAD));
}

/* All that a reload builds up is there. */
static void nsim_check_up(struct rig *rig)
{
	static const char *const reporters[] = { "empty", "dummy" };
	struct request *request;

	for (size_t i = 0; i < FL_ARRAY_SIZE(reporters); i++) {
		request = nsim_request(rig, DEVLINK_CMD_HEALTH_REPORTER_GET);
		assert_non_null(request);
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_HEALTH_REPORTER_NAME, reporters[i]);
		assert_int_equal(rig_request_end(request), 0);
	}
	request = nsim_request(rig, DEVLINK_CMD_REGION_GET);
	assert_non_null(request);
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_REGION_NAME, "dummy");
	assert_int_equal(rig_request_end(request), 0);
	request = nsim_request(rig, DEVLINK_CMD_PORT_GET);
	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, 0);
	assert_int_equal(rig_request_end(request), 0);
}

static void test_nsim_reload(void **state)
{
	static const struct change change = {
		.there = nsim_reload,
		.check_there = nsim_check_up,
	};

	for_each_of_nsim(&change, NSIM_VFS);
}

/* ---- mlxsw --------------------------------------------------------------------------------- */

#define SWITCH "0000:05:00.0"

static int card_set(struct rig *rig, const char *type)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_LINECARD_SET, "pci", SWITCH);

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_LINECARD_INDEX, 1);
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_LINECARD_TYPE, type);
	return command(rig, request);
}

static int card_state(struct rig *rig)
{
	static const uint16_t path[] = { DEVLINK_ATTR_LINECARD_STATE, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_LINECARD_GET, "pci", SWITCH);
	int state;

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_LINECARD_INDEX, 1);
	assert_int_equal(request_run(request), 0);
	state = *(const uint8_t *)fl_attr_data(answer_attr(request->req.reply.buf, path));
	request_done(request);
	free(request);
	return state;
}

static int card_provision(struct rig *rig)
{
	return card_set(rig, "16x100G");
}

static int card_unprovision(struct rig *rig)
{
	return card_set(rig, "");
}

/* Its device's probe may have run out of memory: then it is not active. */
static void card_check_provisioned(struct rig *rig)
{
	int state = card_state(rig);

	assert_true(state == DEVLINK_LINECARD_STATE_PROVISIONED ||
		    state == DEVLINK_LINECARD_STATE_ACTIVE);
}

static void card_check_unprovisioned(struct rig *rig)
{
	assert_int_equal(card_state(rig), DEVLINK_LINECARD_STATE_UNPROVISIONED);
	assert_int_equal(rig_devices(rig, "auxiliary", ""), 0);
	/* And nothing is left in the way. */
	assert_int_equal(card_provision(rig), 0);
	assert_int_equal(card_state(rig), DEVLINK_LINECARD_STATE_ACTIVE);
	assert_int_equal(card_unprovision(rig), 0);
	assert_int_equal(rig_devices(rig, "auxiliary", ""), 0);
}

static void test_linecard(void **state)
{
	static const struct change change = {
		card_provision,
		card_unprovision,
		card_check_provisioned,
		card_check_unprovisioned,
	};
	struct mlxsw_config config;
	struct rig rig;

	rig_up(&rig, NULL);
	assert_int_equal(mlxsw_drivers_register(rig.plane), 0);
	mlxsw_config_init(&config);
	strcpy(config.address, SWITCH);
	config.ports = 1;
	config.slots = 1;
	config.provision_ns = 1;
	assert_int_equal(mlxsw_switch_add(rig.plane, &config), 0);
	rig_settle(&rig);
	for_each_allocation(&rig, &change);
	rig_down(&rig);
}

/* ---- mlx5 ---------------------------------------------------------------------------------- */

static void config_fast(struct mlx5_config *config)
{
	rig_config(config);
	memset(config->latency_ns, 0, sizeof(config->latency_ns));
}

static int mlx5_eswitch(struct rig *rig, uint16_t mode)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_ESWITCH_SET, "pci", PF0);

	assert_non_null(request);
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_ESWITCH_MODE, mode);
	return command(rig, request);
}

static int mlx5_switchdev(struct rig *rig)
{
	return mlx5_eswitch(rig, SWITCHDEV);
}

static int mlx5_legacy(struct rig *rig)
{
	return mlx5_eswitch(rig, LEGACY);
}

static void mlx5_check_switchdev(struct rig *rig)
{
	struct rig_port port;

	assert_int_equal(rig_eswitch_mode(rig, PF0), SWITCHDEV);
	assert_int_equal(rig_port(rig, PF0, 1, &port), 0);
	assert_int_equal(rig_sf_up(rig, PF0, 7), SF0);
	rig_settle(rig);
}

static void mlx5_check_legacy(struct rig *rig)
{
	struct rig_port port;

	assert_int_equal(rig_eswitch_mode(rig, PF0), LEGACY);
	assert_int_equal(rig_port(rig, PF0, 1, &port), -ENODEV);
	assert_int_equal(rig_port(rig, PF0, SF0, &port), -ENODEV);
	assert_int_equal(rig_devices(rig, "auxiliary", "mlx5_core.sf."), 0);
}

/* On a PF with so many VFs; prepare: what is there before; NULL: nothing more. */
static void try_mlx5(const struct change *change, bool switchdev, unsigned int vfs,
		     void (*prepare)(struct rig *rig))
{
	struct mlx5_config config;
	struct rig rig;

	config_fast(&config);
	config.switchdev = switchdev;
	config.vfs = vfs;
	rig_up(&rig, &config);
	if (prepare)
		prepare(&rig);
	for_each_allocation(&rig, change);
	rig_down(&rig);
}

static void test_mlx5_eswitch(void **state)
{
	static const struct change change = {
		mlx5_switchdev,
		mlx5_legacy,
		mlx5_check_switchdev,
		mlx5_check_legacy,
	};

	try_mlx5(&change, false, 1, NULL);
}

static int sf_state(struct rig *rig, uint8_t active)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_SET, "pci", PF0);
	size_t nest;

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, SF0);
	nest = fl_msg_nest(&request->msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put_u8(&request->msg, DEVLINK_PORT_FN_ATTR_STATE, active);
	fl_msg_nest_end(&request->msg, nest);
	return command(rig, request);
}

/* If it was refused, then what it has begun is taken back by what a client would try next. */
static int sf_active(struct rig *rig)
{
	int err = sf_state(rig, true);

	fails_at = 0;
	if (err)
		assert_int_equal(sf_state(rig, false), 0);
	return err;
}

static int sf_inactive(struct rig *rig)
{
	return sf_state(rig, false);
}

static void sf_check_active(struct rig *rig)
{
	struct rig_port port;

	assert_int_equal(rig_port(rig, PF0, SF0, &port), 0);
	assert_int_equal(port.state, DEVLINK_PORT_FN_STATE_ACTIVE);
	assert_int_equal(rig_devices(rig, "auxiliary", "mlx5_core.sf."), 1);
}

static void sf_check_inactive(struct rig *rig)
{
	struct rig_port port;

	assert_int_equal(rig_port(rig, PF0, SF0, &port), 0);
	assert_int_equal(port.state, DEVLINK_PORT_FN_STATE_INACTIVE);
	assert_int_equal(rig_devices(rig, "auxiliary", "mlx5_core.sf."), 0);
}

static void sf_add(struct rig *rig)
{
	uint32_t index;

	assert_int_equal(rig_sf_add(rig, PF0, 0, 7, &index), 0);
}

static void test_sf_state(void **state)
{
	static const struct change change = {
		sf_active,
		sf_inactive,
		sf_check_active,
		sf_check_inactive,
	};

	try_mlx5(&change, true, 0, sf_add);
}

static int sf_new(struct rig *rig)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_NEW, "pci", PF0);

	assert_non_null(request);
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_PORT_FLAVOUR, DEVLINK_PORT_FLAVOUR_PCI_SF);
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, 0);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, 7);
	return command(rig, request);
}

static int sf_del(struct rig *rig)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_DEL, "pci", PF0);

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, SF0);
	return command(rig, request);
}

static int sf_new_once(struct rig *rig)
{
	int err = sf_new(rig);

	/* It may have been made, and only the answer got lost. */
	return err == -EEXIST ? 0 : err;
}

static int sf_del_once(struct rig *rig)
{
	int err = sf_del(rig);

	return err == -ENODEV ? 0 : err;
}

static void sf_check_new(struct rig *rig)
{
	assert_int_equal(rig_port_state(rig, PF0, SF0, true), 0);
	rig_settle(rig);
	sf_check_active(rig);
}

static void sf_check_del(struct rig *rig)
{
	struct rig_port port;

	assert_int_equal(rig_port(rig, PF0, SF0, &port), -ENODEV);
	assert_int_equal(rig_devices(rig, "auxiliary", "mlx5_core.sf."), 0);
}

static void test_sf(void **state)
{
	static const struct change change = {
		sf_new_once,
		sf_del_once,
		sf_check_new,
		sf_check_del,
	};

	try_mlx5(&change, true, 0, NULL);
}

/* ---- unbinding, recovery, reload ------------------------------------------------------------- */

static int without_memory(struct rig *rig, int (*fn)(struct rig *rig))
{
	int err;

	if (fails_at)
		nomem_begin(fails_at, 1);
	err = fn(rig);
	rig_settle(rig);
	if (fails_at)
		reached = nomem_end();
	return err;
}

static int unbind_pf(struct rig *rig)
{
	return rig_unbind(rig, "pci", PF0);
}

static int bind_pf(struct rig *rig)
{
	return rig_bind(rig, "pci", PF0);
}

static int pf_unbound(struct rig *rig)
{
	int err = without_memory(rig, unbind_pf);

	return err == -ENODEV ? 0 : err;
}

static int pf_bound(struct rig *rig)
{
	int err = without_memory(rig, bind_pf);

	return err == -EBUSY ? 0 : err;
}

static void check_unbound(struct rig *rig)
{
	assert_int_equal(rig_instances(rig), 0);
	assert_int_equal(rig_shared(rig), 0);
	assert_int_equal(rig_devices(rig, "auxiliary", ""), 0);
	assert_int_equal(rig_devices(rig, "pci", ""), 1);
}

static void check_bound(struct rig *rig)
{
	assert_int_equal(rig_shared(rig), 1);
	assert_int_equal(rig_sf_up(rig, PF0, 7), SF0);
	rig_settle(rig);
	sf_check_active(rig);
}

static void test_bind(void **state)
{
	static const struct change change = {
		pf_unbound,
		pf_bound,
		check_unbound,
		check_bound,
	};

	try_mlx5(&change, true, 1, NULL);
}

/* The first recovery is the device's own; later ones, in its grace period, are the client's. */
static int pf_recover(struct rig *rig)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "pci", PF0);
	static struct write write;
	int err;

	assert_non_null(request);
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_HEALTH_REPORTER_NAME, "fw_fatal");
	memset(&write, 0, sizeof(write));
	write.call.plane = rig->plane;
	write.call.complete = written;
	strcpy(write.call.text, "7\n");
	if (fails_at)
		nomem_begin(fails_at, 1);
	err = fl_knob_write("sys/kernel/debug/mlx5/" PF0 "/fw_fatal", &write.call);
	rig_settle(rig);
	if (!err)
		err = request_run(request);
	rig_settle(rig);
	if (fails_at)
		reached = nomem_end();
	request_done(request);
	free(request);
	return err;
}

static int pf_reload(struct rig *rig)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_RELOAD, "pci", PF0);

	assert_non_null(request);
	return command(rig, request);
}

static void check_recovered(struct rig *rig)
{
	struct rig_port port;

	mlx5_check_legacy(rig);
	assert_int_equal(rig_port(rig, PF0, UPLINK, &port), 0);
	assert_int_equal(rig_devices(rig, "auxiliary", "mlx5_core.eth.0"), 1);
	assert_int_equal(mlx5_switchdev(rig), 0);
	assert_int_equal(rig_sf_up(rig, PF0, 7), SF0);
	rig_settle(rig);
	sf_check_active(rig);
}

static void test_recover(void **state)
{
	static const struct change change = {
		pf_recover,
		pf_reload,
		check_recovered,
		check_recovered,
	};

	try_mlx5(&change, false, 1, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nsim_eswitch), cmocka_unit_test(test_nsim_vfs),
		cmocka_unit_test(test_nsim_reload),  cmocka_unit_test(test_linecard),
		cmocka_unit_test(test_mlx5_eswitch), cmocka_unit_test(test_sf_state),
		cmocka_unit_test(test_sf),	     cmocka_unit_test(test_bind),
		cmocka_unit_test(test_recover),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests_name("drivers without memory", tests, NULL, NULL);
}
