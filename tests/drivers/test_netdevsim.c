/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_netdevsim.c - the knobs of netdevsim, and what clients see when they are turned. */
#include "drivers/netdevsim/netdevsim.h"

#include <dirent.h>
#include <libmnl/libmnl.h>

#include "core/knob.h"
#include "tests/drivers/rig.h"

#define BUS "netdevsim"
#define NEW "sys/bus/netdevsim/new_device"
#define DEL "sys/bus/netdevsim/del_device"
#define SYSFS "sys/bus/netdevsim/devices/netdevsim10/"
#define DEBUGFS "sys/kernel/debug/netdevsim/netdevsim10/"
#define NSIM "netdevsim10"
#define VF0 128u
#define SWITCHDEV DEVLINK_ESWITCH_MODE_SWITCHDEV
#define LEGACY DEVLINK_ESWITCH_MODE_LEGACY

/* ---- knobs ------------------------------------------------------------------------------- */

struct write {
	struct fl_knob_call call;
	int done, err;
};

static void write_done(struct fl_knob_call *call, int err)
{
	struct write *write = FL_CONTAINER_OF(call, struct write, call);

	write->err = err;
	__atomic_store_n(&write->done, 1, __ATOMIC_RELEASE); /* the last look at it */
}

static void write_begin(struct rig *rig, struct write *write, const char *path, const char *text)
{
	int err;

	memset(write, 0, sizeof(*write));
	write->call.plane = rig->plane;
	write->call.complete = write_done;
	snprintf(write->call.text, sizeof(write->call.text), "%s\n", text);
	err = fl_knob_write(path, &write->call);
	if (err != FL_LATER)
		write_done(&write->call, err);
}

static int write_end(struct write *write)
{
	for (int i = 0; i < 30000 && !__atomic_load_n(&write->done, __ATOMIC_ACQUIRE); i++)
		rig_nap_ms(1);
	assert_true(__atomic_load_n(&write->done, __ATOMIC_ACQUIRE));
	return write->err;
}

static char why[160]; /* the last write failed */

static int knob(struct rig *rig, const char *path, const char *text)
{
	struct write *write = malloc(sizeof(*write));
	int err;

	assert_non_null(write);
	write_begin(rig, write, path, text);
	err = write_end(write);
	snprintf(why, sizeof(why), "%s", write->call.extack.msg);
	free(write);
	return err;
}

static void assert_knob(struct rig *rig, const char *path, const char *text)
{
	char buf[FL_KNOB_TEXT_MAX] = "";
	ssize_t len = fl_knob_read(rig->plane, path, buf, sizeof(buf) - 1);

	assert_in_range(len, 0, sizeof(buf) - 1);
	buf[len] = 0;
	assert_string_equal(buf, text);
}

static bool has_knob(struct rig *rig, const char *path)
{
	char buf[FL_KNOB_TEXT_MAX];

	return fl_knob_read(rig->plane, path, buf, sizeof(buf)) != -ENOENT;
}

static unsigned int count_knobs(struct rig *rig, const char *prefix)
{
	char buf[FL_KNOB_TEXT_MAX * 4];
	unsigned int count;

	fl_knob_list(rig->plane, prefix, 0, buf, sizeof(buf), &count);
	return count;
}

/* ---- the plane --------------------------------------------------------------------------- */

/* A plane with netdevsim10 of four ports, as the knob makes it; or without any. */
static struct nsim_bus *up(struct rig *rig, bool with_device)
{
	struct nsim_bus *bus;

	rig_up(rig, NULL);
	assert_int_equal(nsim_bus_new(rig->plane, &bus), 0);
	if (with_device)
		assert_int_equal(knob(rig, NEW, "10 4"), 0);
	return bus;
}

static bool has_port(struct rig *rig, uint32_t index)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_GET, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, index);
	return rig_request_end(request) == 0;
}

/* The name of a port's network device. */
static void assert_netdev(struct rig *rig, const char *dev, uint32_t index, const char *name)
{
	static const uint16_t path[] = { DEVLINK_ATTR_PORT_NETDEV_NAME, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_GET, BUS, dev);

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, index);
	assert_int_equal(request_run(request), 0);
	assert_string_equal(fl_attr_str(answer_attr(request->req.reply.buf, path)), name);
	request_done(request);
	free(request);
}

static int reload(struct rig *rig)
{
	return rig_reload(rig, BUS, NSIM, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0);
}

static int eswitch(struct rig *rig, uint16_t mode)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_ESWITCH_SET, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_ESWITCH_MODE, mode);
	return rig_request_end(request);
}

/* A request that names one string attribute beside the handle. */
static int ask(struct rig *rig, uint8_t cmd, uint16_t attr, const char *text)
{
	struct request *request = rig_request(rig, cmd, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_str(&request->msg, attr, text);
	return rig_request_end(request);
}

/* ---- devices ----------------------------------------------------------------------------- */

static void test_new_and_del(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_true(rig_has_instance(&rig, BUS, NSIM));
	for (uint32_t i = 0; i < 4; i++)
		assert_true(has_port(&rig, i));
	assert_int_equal(knob(&rig, NEW, "10 1"), -ENOSPC);
	assert_int_equal(knob(&rig, NEW, "bad input"), -EINVAL);
	assert_string_equal(why, "Format for adding new device is \"id port_count num_queues\" "
				 "(uint uint unit).");
	assert_int_equal(knob(&rig, NEW, "2147483648"), -EINVAL);
	assert_string_equal(why, "Value of \"id\" is too big.");
	assert_int_equal(knob(&rig, NEW, "11 99999"), -EINVAL);
	assert_int_equal(knob(&rig, NEW, "11 2 8"), 0);
	assert_true(rig_has_instance(&rig, BUS, "netdevsim11"));
	assert_int_equal(knob(&rig, DEL, "11"), 0);
	assert_false(rig_has_instance(&rig, BUS, "netdevsim11"));
	assert_int_equal(rig_devices(&rig, BUS, ""), 1);
	assert_int_equal(knob(&rig, DEL, "11"), -ENOENT);
	assert_int_equal(knob(&rig, DEL, "x"), -EINVAL);
	assert_string_equal(why, "Format for deleting device is \"id\" (uint).");
	assert_int_equal(knob(&rig, DEL, "4294967296"), -EINVAL);
	/* The number is free again at once. */
	assert_int_equal(knob(&rig, NEW, "11"), 0);
	assert_int_equal(knob(&rig, DEL, "10"), 0);
	assert_int_equal(count_knobs(&rig, "sys/kernel/debug/netdevsim/netdevsim10"), 0);
	assert_int_equal(count_knobs(&rig, "sys/bus/netdevsim/devices/netdevsim10"), 0);
	rig_down(&rig);
}

static void test_config(void **state)
{
	struct nsim_config config;
	struct nsim_bus *bus;
	struct rig rig;

	bus = up(&rig, false);
	nsim_config_init(&config);
	config.ports = NSIM_PORTS_MAX + 1;
	assert_int_equal(nsim_device_add(bus, &config), -EINVAL);
	nsim_config_init(&config);
	config.vfs = 5;
	assert_int_equal(nsim_device_add(bus, &config), -EINVAL);
	config.max_vfs = 6;
	config.ports = 129;
	config.switchdev = true;
	assert_int_equal(nsim_device_add(bus, &config), -EINVAL);
	config.ports = 1;
	config.id = 10;
	assert_int_equal(nsim_device_add(bus, &config), 0);
	assert_int_equal(nsim_device_add(bus, &config), -EEXIST);
	rig_settle(&rig);
	assert_knob(&rig, SYSFS "sriov_numvfs", "5\n");
	assert_knob(&rig, DEBUGFS "max_vfs", "6\n");
	assert_true(has_port(&rig, VF0 + 4));
	assert_false(has_port(&rig, VF0 + 5));
	rig_down(&rig);
}

/* An operation that is alone on netdevsim10's lane until it is let go. */
struct holder {
	struct fl_op op;
	struct fl_waker waker;
	int holds;
};

static int holder_over(struct fl_op *op)
{
	return 0;
}

static int holder_run(struct fl_op *op)
{
	struct holder *holder = FL_CONTAINER_OF(op, struct holder, op);

	holder->waker = fl_op_waker(op);
	__atomic_store_n(&holder->holds, 1, __ATOMIC_RELEASE);
	return fl_op_wait(op, 120 * FL_NS_PER_S, holder_over);
}

static void holder_free(struct fl_op *op)
{
	free(FL_CONTAINER_OF(op, struct holder, op));
}

static const struct fl_op_type holder_type = {
	.kind = "hold", .run = holder_run, .free = holder_free,
};

static struct holder *hold_next(struct rig *rig)
{
	struct fl_device *dev = fl_device_find(fl_plane_bus(rig->plane), BUS, NSIM);
	struct holder *holder = calloc(1, sizeof(*holder));

	assert_true(dev && holder);
	fl_op_init(&holder->op, &holder_type, fl_device_lane(dev), NULL);
	assert_int_equal(fl_op_submit(&holder->op), 0);
	fl_device_put(dev);
	return holder;
}

static void await_hold(struct holder *holder)
{
	for (int i = 0; i < 30000 && !__atomic_load_n(&holder->holds, __ATOMIC_ACQUIRE); i++)
		rig_nap_ms(1);
	assert_true(__atomic_load_n(&holder->holds, __ATOMIC_ACQUIRE));
}

static struct holder *hold(struct rig *rig)
{
	struct holder *holder = hold_next(rig);

	await_hold(holder);
	return holder;
}

/* A device is made and removed while another one is busy: nobody waits for it. */
static void test_independent(void **state)
{
	struct write *held = malloc(sizeof(*held)), *others = calloc(50, sizeof(*others));
	struct holder *holder;
	char text[16];
	struct rig rig;

	assert_true(held && others);
	up(&rig, true);
	holder = hold(&rig);
	write_begin(&rig, held, SYSFS "new_port", "7");
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "%d 2", 100 + i);
		write_begin(&rig, &others[i], NEW, text);
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(write_end(&others[i]), 0);
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "%d", 100 + i);
		write_begin(&rig, &others[i], DEL, text);
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(write_end(&others[i]), 0);
	assert_false(__atomic_load_n(&held->done, __ATOMIC_ACQUIRE));
	fl_waker_wake(holder->waker, 0);
	assert_int_equal(write_end(held), 0);
	assert_true(has_port(&rig, 7));
	rig_down(&rig);
	free(held);
	free(others);
}

/* A write that queues when its device is unbound ends at once, and so does what comes while that goes
 * on; the knob may be gone by then. */
static void test_knob_goes(void **state)
{
	static const char unbind[] = "sys/bus/netdevsim/drivers/netdevsim/unbind";
	struct write *writes = calloc(4, sizeof(*writes));
	struct holder *first;
	struct rig rig;

	assert_non_null(writes);
	up(&rig, true);
	first = hold(&rig);
	write_begin(&rig, &writes[1], DEBUGFS "max_vfs", "7");
	write_begin(&rig, &writes[2], DEBUGFS "health/break_health", "bang");
	write_begin(&rig, &writes[3], DEBUGFS "test2", "7");
	write_begin(&rig, &writes[0], unbind, NSIM);
	assert_int_equal(write_end(&writes[0]), 0);
	fl_rcu_barrier();
	for (int i = 1; i < 4; i++)
		assert_int_equal(write_end(&writes[i]), -ENODEV);
	fl_waker_drop(first->waker);
	assert_int_equal(knob(&rig, "sys/bus/netdevsim/drivers/netdevsim/bind", NSIM), 0);
	assert_knob(&rig, DEBUGFS "max_vfs", "4\n");
	rig_down(&rig);
	free(writes);
}

static void test_bind(void **state)
{
	static const char bind[] = "sys/bus/netdevsim/drivers/netdevsim/bind";
	static const char unbind[] = "sys/bus/netdevsim/drivers/netdevsim/unbind";
	struct rig rig;

	up(&rig, true);
	assert_int_equal(knob(&rig, bind, NSIM), -EBUSY);
	assert_int_equal(knob(&rig, unbind, "nosuch"), -ENODEV);
	assert_int_equal(knob(&rig, DEBUGFS "max_macs", "5"), 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(knob(&rig, unbind, NSIM), 0);
		assert_false(rig_has_instance(&rig, BUS, NSIM));
		assert_int_equal(count_knobs(&rig, DEBUGFS), 0);
		assert_true(has_knob(&rig, SYSFS "sriov_numvfs"));
		assert_int_equal(knob(&rig, SYSFS "new_port", "9"), -ENODEV);
		assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "1"), -ENOENT);
		assert_int_equal(knob(&rig, unbind, NSIM), -ENODEV);
		assert_int_equal(knob(&rig, bind, NSIM), 0);
		assert_true(has_port(&rig, 3));
		assert_knob(&rig, DEBUGFS "max_macs", "32\n");
	}
	assert_int_equal(knob(&rig, unbind, NSIM), 0);
	assert_int_equal(knob(&rig, DEL, "10"), 0);
	rig_down(&rig);
}

/* ---- ports ------------------------------------------------------------------------------- */

static void test_ports(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_netdev(&rig, NSIM, 2, "eth2");
	assert_int_equal(knob(&rig, SYSFS "del_port", "2"), 0);
	assert_false(has_port(&rig, 2));
	assert_int_equal(knob(&rig, SYSFS "del_port", "2"), -ENOENT);
	assert_int_equal(knob(&rig, SYSFS "del_port", "x"), -EINVAL);
	assert_int_equal(knob(&rig, SYSFS "new_port", "7"), 0);
	assert_netdev(&rig, NSIM, 7, "eth2");
	assert_int_equal(knob(&rig, SYSFS "new_port", "7"), -EEXIST);
	assert_int_equal(knob(&rig, SYSFS "new_port", "8 00:11:22:33:44:55"), 0);
	assert_int_equal(knob(&rig, SYSFS "new_port", "9 01:11:22:33:44:55"), -EINVAL);
	assert_string_equal(why, "The supplied perm_addr is not a valid MAC address");
	assert_int_equal(knob(&rig, SYSFS "new_port", "-1"), -EINVAL);
	assert_int_equal(knob(&rig, NEW, "11"), 0);
	assert_netdev(&rig, "netdevsim11", 0, "eth5");
	/* A reload brings back those that were there at first, by the lowest free names. */
	assert_int_equal(reload(&rig), 0);
	assert_false(has_port(&rig, 7) || has_port(&rig, 8));
	assert_netdev(&rig, NSIM, 2, "eth2");
	rig_down(&rig);
}

static void test_many_names(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_int_equal(knob(&rig, NEW, "1 300"), 0);
	assert_netdev(&rig, "netdevsim1", 299, "eth303");
	assert_int_equal(knob(&rig, DEL, "10"), 0);
	assert_int_equal(knob(&rig, NEW, "10 5"), 0);
	assert_netdev(&rig, NSIM, 0, "eth0");
	assert_netdev(&rig, NSIM, 4, "eth304");
	rig_down(&rig);
}

/* ---- VFs and the eswitch ------------------------------------------------------------------ */

static void test_vfs(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_knob(&rig, SYSFS "sriov_numvfs", "0\n");
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "5"), -ENOMEM);
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "three"), -EINVAL);
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "3"), 0);
	assert_knob(&rig, SYSFS "sriov_numvfs", "3\n");
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "2"), -EBUSY);
	assert_false(has_port(&rig, VF0));
	assert_int_equal(eswitch(&rig, SWITCHDEV), 0);
	assert_true(has_port(&rig, VF0) && has_port(&rig, VF0 + 2));
	assert_false(has_port(&rig, VF0 + 3));
	assert_true(has_knob(&rig, DEBUGFS "ports/130/tx_max"));
	assert_int_equal(eswitch(&rig, SWITCHDEV), 0);
	assert_int_equal(knob(&rig, DEBUGFS "max_vfs", "8"), -EBUSY);
	/* No VFs: their ports go, and so does switchdev mode. */
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "0"), 0);
	assert_false(has_port(&rig, VF0));
	assert_false(has_knob(&rig, DEBUGFS "ports/130/tx_max"));
	assert_int_equal(knob(&rig, DEBUGFS "max_vfs", "8"), 0);
	assert_int_equal(knob(&rig, DEBUGFS "max_vfs", "1234567890"), -ENOSPC);
	assert_int_equal(knob(&rig, DEBUGFS "max_vfs", "9x"), -EINVAL);
	assert_knob(&rig, DEBUGFS "max_vfs", "8\n");
	assert_int_equal(eswitch(&rig, SWITCHDEV), 0);
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "8"), 0);
	assert_true(has_port(&rig, VF0 + 7));
	/* A reload disables them. */
	assert_int_equal(reload(&rig), 0);
	assert_false(has_port(&rig, VF0));
	assert_knob(&rig, SYSFS "sriov_numvfs", "0\n");
	assert_true(has_port(&rig, 0));
	rig_down(&rig);
}

static int rate(struct rig *rig, uint32_t port, const char *node, uint16_t attr, uint64_t value,
		const char *parent)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_RATE_SET, BUS, NSIM);

	assert_non_null(request);
	if (node)
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_RATE_NODE_NAME, node);
	else
		fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, port);
	if (attr)
		fl_msg_put_u64(&request->msg, attr, value);
	if (parent)
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_RATE_PARENT_NODE_NAME, parent);
	return rig_request_end(request);
}

static int node(struct rig *rig, uint8_t cmd, const char *name)
{
	return ask(rig, cmd, DEVLINK_ATTR_RATE_NODE_NAME, name);
}

static void test_rates(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_int_equal(node(&rig, DEVLINK_CMD_RATE_NEW, "group"), -EOPNOTSUPP);
	assert_string_equal(rig_extack, "netdevsim: Node creation allowed only in switchdev mode.");
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "2"), 0);
	assert_int_equal(eswitch(&rig, SWITCHDEV), 0);
	assert_int_equal(node(&rig, DEVLINK_CMD_RATE_NEW, "group"), 0);
	assert_int_equal(rate(&rig, VF0, NULL, DEVLINK_ATTR_RATE_TX_MAX, 12500000, NULL), 0);
	assert_int_equal(rate(&rig, VF0, NULL, DEVLINK_ATTR_RATE_TX_SHARE, 1250000, NULL), 0);
	assert_knob(&rig, DEBUGFS "ports/128/tx_max", "100\n");
	assert_knob(&rig, DEBUGFS "ports/128/tx_share", "10\n");
	assert_knob(&rig, DEBUGFS "ports/128/rate_parent", "");
	assert_int_equal(rate(&rig, VF0, NULL, DEVLINK_ATTR_RATE_TX_MAX, 125001, NULL), -EINVAL);
	assert_string_equal(rig_extack,
			    "netdevsim: TX rate value not in link speed units of 1Mbps.");
	assert_int_equal(rate(&rig, VF0, NULL, DEVLINK_ATTR_RATE_TX_MAX, 1250000000, NULL),
			 -EINVAL);
	assert_string_equal(rig_extack,
			    "netdevsim: TX rate value exceed link maximum speed 5000Mbps.");
	assert_int_equal(rate(&rig, VF0, NULL, 0, 0, "group"), 0);
	assert_knob(&rig, DEBUGFS "ports/128/rate_parent", "group\n");
	assert_int_equal(rate(&rig, 0, "group", DEVLINK_ATTR_RATE_TX_MAX, 25000000, NULL), 0);
	assert_knob(&rig, DEBUGFS "rate_nodes/group/tx_max", "200\n");
	assert_int_equal(node(&rig, DEVLINK_CMD_RATE_DEL, "group"), -EBUSY);
	assert_int_equal(rate(&rig, VF0, NULL, 0, 0, ""), 0);
	assert_knob(&rig, DEBUGFS "ports/128/rate_parent", "");
	assert_int_equal(node(&rig, DEVLINK_CMD_RATE_DEL, "group"), 0);
	assert_int_equal(count_knobs(&rig, DEBUGFS "rate_nodes/"), 0);
	/* They hold a client off legacy mode, but go with the VFs. */
	assert_int_equal(node(&rig, DEVLINK_CMD_RATE_NEW, "g2"), 0);
	assert_int_equal(rate(&rig, VF0, NULL, 0, 0, "g2"), 0);
	assert_int_equal(eswitch(&rig, LEGACY), -EBUSY);
	assert_int_equal(knob(&rig, SYSFS "sriov_numvfs", "0"), 0);
	assert_int_equal(count_knobs(&rig, DEBUGFS "rate_nodes/"), 0);
	assert_int_equal(count_knobs(&rig, DEBUGFS "ports/"), 0);
	/* And with a reload, and with the device. */
	assert_int_equal(eswitch(&rig, SWITCHDEV), 0);
	assert_int_equal(node(&rig, DEVLINK_CMD_RATE_NEW, "g3"), 0);
	assert_int_equal(reload(&rig), 0);
	assert_int_equal(count_knobs(&rig, DEBUGFS "rate_nodes/"), 0);
	assert_int_equal(eswitch(&rig, SWITCHDEV), 0);
	assert_int_equal(node(&rig, DEVLINK_CMD_RATE_NEW, "g4"), 0);
	rig_down(&rig);
}

/* ---- reloads and parameters --------------------------------------------------------------- */

static void test_reload_knobs(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_int_equal(knob(&rig, DEBUGFS "dont_allow_reload", "y"), 0);
	assert_int_equal(reload(&rig), -EOPNOTSUPP);
	assert_string_equal(rig_extack, "netdevsim: User forbid the reload for testing purposes");
	assert_true(has_port(&rig, 0));
	assert_int_equal(knob(&rig, DEBUGFS "dont_allow_reload", "n"), 0);
	assert_int_equal(knob(&rig, DEBUGFS "fail_reload", "maybe"), -EINVAL);
	assert_int_equal(knob(&rig, DEBUGFS "fail_reload", "1"), 0);
	assert_knob(&rig, DEBUGFS "fail_reload", "Y\n");
	assert_int_equal(reload(&rig), -EINVAL);
	assert_string_equal(rig_extack,
			    "netdevsim: User setup the reload to fail for testing purposes");
	assert_false(has_port(&rig, 0));
	assert_false(has_knob(&rig, DEBUGFS "health/binary_len"));
	assert_int_equal(reload(&rig), -EINVAL);
	/* A port may come meanwhile; the reload that succeeds begins anew. */
	assert_int_equal(knob(&rig, SYSFS "new_port", "0"), 0);
	assert_true(has_port(&rig, 0));
	assert_int_equal(knob(&rig, DEBUGFS "fail_reload", "N"), 0);
	assert_int_equal(reload(&rig), 0);
	assert_true(has_port(&rig, 0) && has_port(&rig, 3));
	assert_netdev(&rig, NSIM, 0, "eth0");
	assert_true(has_knob(&rig, DEBUGFS "health/binary_len"));
	/* One that is down goes like any other. */
	assert_int_equal(knob(&rig, DEBUGFS "fail_reload", "Y"), 0);
	assert_int_equal(reload(&rig), -EINVAL);
	assert_int_equal(knob(&rig, SYSFS "new_port", "5"), 0);
	assert_int_equal(knob(&rig, DEL, "10"), 0);
	rig_down(&rig);
}

static void test_params(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_knob(&rig, DEBUGFS "max_macs", "32\n");
	assert_knob(&rig, DEBUGFS "test1", "Y\n");
	assert_knob(&rig, DEBUGFS "test2", "1234\n");
	assert_int_equal(rig_param_u32(&rig, BUS, NSIM, "max_macs", 16), 0);
	assert_int_equal(rig_param_bool(&rig, BUS, NSIM, "test1", false), 0);
	assert_knob(&rig, DEBUGFS "max_macs", "32\n"); /* from the next reload on */
	assert_int_equal(reload(&rig), 0);
	assert_knob(&rig, DEBUGFS "max_macs", "16\n");
	assert_knob(&rig, DEBUGFS "test1", "N\n");
	assert_int_equal(knob(&rig, DEBUGFS "test2", "77"), 0);
	assert_knob(&rig, DEBUGFS "test2", "77\n");
	assert_int_equal(knob(&rig, DEBUGFS "test2", "77x"), -EINVAL);
	assert_int_equal(knob(&rig, DEBUGFS "test2", " 78"), -EINVAL);
	assert_int_equal(knob(&rig, DEBUGFS "test2", " -18446744073709551537"), -EINVAL);
	assert_int_equal(knob(&rig, DEBUGFS "test2", "+77"), 0);
	assert_int_equal(knob(&rig, DEBUGFS "max_macs", "0x10"), 0);
	assert_knob(&rig, DEBUGFS "max_macs", "16\n");
	rig_down(&rig);
}

static int resource_set(struct rig *rig, uint64_t id, uint64_t size)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_RESOURCE_SET, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_u64(&request->msg, DEVLINK_ATTR_RESOURCE_ID, id);
	fl_msg_put_u64(&request->msg, DEVLINK_ATTR_RESOURCE_SIZE, size);
	return rig_request_end(request);
}

static void test_resources(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_int_equal(resource_set(&rig, 2, 3), 0); /* IPv4/fib, of which 3 are in use */
	assert_int_equal(reload(&rig), 0);
	assert_int_equal(resource_set(&rig, 2, 2), 0);
	assert_int_equal(reload(&rig), -ENOSPC);
	assert_string_equal(rig_extack, "netdevsim: Exceeded number of supported fib entries");
	assert_false(has_port(&rig, 0));
	assert_int_equal(resource_set(&rig, 2, 100), 0);
	assert_int_equal(reload(&rig), 0);
	assert_true(has_port(&rig, 0));
	rig_down(&rig);
}

/* ---- traps -------------------------------------------------------------------------------- */

static int policer_set(struct rig *rig, uint64_t rate)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_TRAP_POLICER_SET, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_TRAP_POLICER_ID, 1);
	fl_msg_put_u64(&request->msg, DEVLINK_ATTR_TRAP_POLICER_RATE, rate);
	return rig_request_end(request);
}

static int group_policer_set(struct rig *rig, uint32_t policer)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_TRAP_GROUP_SET, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_TRAP_GROUP_NAME, "l3_drops");
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_TRAP_POLICER_ID, policer);
	return rig_request_end(request);
}

static int trap_get(struct rig *rig)
{
	return ask(rig, DEVLINK_CMD_TRAP_GET, DEVLINK_ATTR_TRAP_NAME, "fid_miss");
}

static int policer_get(struct rig *rig)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_TRAP_POLICER_GET, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_TRAP_POLICER_ID, 1);
	return rig_request_end(request);
}

static void test_trap_knobs(void **state)
{
	struct rig rig;

	up(&rig, true);
	assert_int_equal(policer_set(&rig, 100), 0);
	assert_int_equal(knob(&rig, DEBUGFS "fail_trap_policer_set", "y"), 0);
	assert_int_equal(policer_set(&rig, 200), -EINVAL);
	assert_string_equal(rig_extack,
			    "netdevsim: User setup the operation to fail for testing purposes");
	assert_int_equal(knob(&rig, DEBUGFS "fail_trap_policer_set", "n"), 0);
	assert_int_equal(policer_set(&rig, 200), 0);

	assert_int_equal(group_policer_set(&rig, 2), 0);
	assert_int_equal(knob(&rig, DEBUGFS "fail_trap_group_set", "y"), 0);
	assert_int_equal(group_policer_set(&rig, 3), -EINVAL);

	assert_int_equal(trap_get(&rig), 0);
	assert_int_equal(knob(&rig, DEBUGFS "fail_trap_drop_counter_get", "y"), 0);
	assert_int_equal(trap_get(&rig), -EMSGSIZE);
	assert_int_equal(reload(&rig), 0); /* which changes nothing of that */
	assert_int_equal(trap_get(&rig), -EMSGSIZE);
	assert_int_equal(knob(&rig, DEBUGFS "fail_trap_drop_counter_get", "n"), 0);
	assert_int_equal(trap_get(&rig), 0);

	assert_int_equal(policer_get(&rig), 0);
	assert_int_equal(knob(&rig, DEBUGFS "fail_trap_policer_counter_get", "y"), 0);
	assert_int_equal(policer_get(&rig), -EMSGSIZE);
	rig_down(&rig);
}

static void test_cookie(void **state)
{
	static const char path[] = DEBUGFS "trap_flow_action_cookie";
	char buf[FL_KNOB_TEXT_MAX];
	struct rig rig;

	up(&rig, true);
	assert_int_equal(fl_knob_read(rig.plane, path, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(knob(&rig, path, "012"), -EINVAL);
	assert_int_equal(knob(&rig, path, "012x"), -EINVAL);
	assert_int_equal(knob(&rig, path, "00112233445566778899AABBCCDDEEFF"), 0);
	assert_knob(&rig, path, "00112233445566778899aabbccddeeff\n");
	assert_int_equal(knob(&rig, path, "ab"), 0);
	assert_knob(&rig, path, "ab\n");
	rig_down(&rig);
}

/* ---- health ------------------------------------------------------------------------------- */

static int reporter(struct rig *rig, uint8_t cmd, const char *name)
{
	return ask(rig, cmd, DEVLINK_ATTR_HEALTH_REPORTER_NAME, name);
}

static void test_health(void **state)
{
	static const char break_health[] = DEBUGFS "health/break_health";
	struct rig rig;

	up(&rig, true);
	assert_int_equal(knob(&rig, break_health, "first"), 0);
	assert_int_equal(reporter(&rig, DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "dummy"), 0);
	assert_int_equal(reporter(&rig, DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "empty"), 0);
	/* It is well, so there is nothing to do. */
	assert_int_equal(reporter(&rig, DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "empty"), 0);
	assert_int_equal(knob(&rig, DEBUGFS "health/fail_recover", "y"), 0);
	/* The recovery that follows a break by itself tells whoever broke it. */
	assert_int_equal(knob(&rig, break_health, "second"), -EINVAL);
	assert_int_equal(reporter(&rig, DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "dummy"), -EINVAL);
	assert_string_equal(rig_extack,
			    "netdevsim: User setup the recover to fail for testing purposes");
	assert_int_equal(knob(&rig, break_health, "third"), -ECANCELED);
	assert_int_equal(knob(&rig, DEBUGFS "health/fail_recover", "n"), 0);
	assert_int_equal(reporter(&rig, DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "dummy"), 0);
	assert_int_equal(knob(&rig, DEBUGFS "health/binary_len", "3000000000"), 0);
	assert_int_equal(reporter(&rig, DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "dummy"), -ENOMEM);
	assert_int_equal(knob(&rig, DEBUGFS "health/binary_len", "100000"), 0);
	assert_int_equal(reporter(&rig, DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, "dummy"), 0);
	/* A reload makes them anew. */
	assert_int_equal(reload(&rig), 0);
	assert_knob(&rig, DEBUGFS "health/binary_len", "16\n");
	assert_int_equal(knob(&rig, break_health, "fourth"), 0);
	rig_down(&rig);
}

/* ---- region ------------------------------------------------------------------------------- */

static int snapshot_del(struct rig *rig, uint32_t id)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_REGION_DEL, BUS, NSIM);

	assert_non_null(request);
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_REGION_NAME, "dummy");
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_REGION_SNAPSHOT_ID, id);
	return rig_request_end(request);
}

static void test_region(void **state)
{
	static const char take[] = DEBUGFS "take_snapshot";
	char buf[8];
	struct rig rig;

	up(&rig, true);
	assert_int_equal(fl_knob_read(rig.plane, take, buf, sizeof(buf)), -EACCES);
	for (int i = 0; i < 16; i++)
		assert_int_equal(knob(&rig, take, ""), 0);
	assert_int_equal(knob(&rig, take, ""), -ENOSPC);
	assert_int_equal(snapshot_del(&rig, 7), 0);
	assert_int_equal(snapshot_del(&rig, 7), -EINVAL);
	assert_int_equal(ask(&rig, DEVLINK_CMD_REGION_NEW, DEVLINK_ATTR_REGION_NAME, "dummy"), 0);
	/* All of them go with a reload, and while it has failed so does the knob. */
	assert_int_equal(reload(&rig), 0);
	assert_int_equal(snapshot_del(&rig, 0), -EINVAL);
	assert_int_equal(knob(&rig, take, ""), 0);
	assert_int_equal(knob(&rig, DEBUGFS "fail_reload", "y"), 0);
	assert_int_equal(reload(&rig), -EINVAL);
	assert_int_equal(knob(&rig, take, ""), -ENOENT);
	assert_int_equal(knob(&rig, DEBUGFS "fail_reload", "n"), 0);
	assert_int_equal(reload(&rig), 0);
	assert_int_equal(knob(&rig, take, ""), 0);
	rig_down(&rig);
}

/* ---- flash -------------------------------------------------------------------------------- */

/* Any file that can be read as a firmware; NULL if the system has none. */
static char *some_firmware(void)
{
	DIR *dir = opendir("/lib/firmware");
	char *name = NULL, path[512];
	struct dirent *entry;

	while (dir && !name && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/lib/firmware/%s", entry->d_name);
		FILE *file = fopen(path, "r");

		if (file && getc(file) != EOF)
			name = strdup(entry->d_name);
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return name;
}

static int flash(struct rig *rig, const char *file, uint32_t overwrite)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_FLASH_UPDATE, BUS, NSIM);
	struct nla_bitfield32 mask = { overwrite, overwrite };

	assert_non_null(request);
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME, file);
	if (overwrite)
		fl_msg_put(&request->msg, DEVLINK_ATTR_FLASH_UPDATE_OVERWRITE_MASK, &mask,
			   sizeof(mask));
	return rig_request_end(request);
}

static void test_flash(void **state)
{
	char *file = some_firmware();
	uint64_t start;
	struct rig rig;

	up(&rig, true);
	assert_int_equal(flash(&rig, "finelink/no-such-file", 0), -ENOENT);
	assert_string_equal(rig_extack, "failed to locate the requested firmware file");
	assert_knob(&rig, DEBUGFS "fw_update_flash_chunk_time_ms", "10\n");
	if (file) {
		assert_int_equal(knob(&rig, DEBUGFS "fw_update_flash_chunk_time_ms", "0"), 0);
		assert_int_equal(flash(&rig, file, DEVLINK_FLASH_OVERWRITE_SETTINGS), -EOPNOTSUPP);
		assert_int_equal(knob(&rig, DEBUGFS "fw_update_overwrite_mask", "1"), 0);
		assert_int_equal(flash(&rig, file, DEVLINK_FLASH_OVERWRITE_SETTINGS), 0);
		assert_int_equal(knob(&rig, DEBUGFS "fw_update_flash_chunk_time_ms", "1"), 0);
		start = fl_now_ns();
		assert_int_equal(flash(&rig, file, 0), 0);
		assert_true(fl_now_ns() - start >= 500 * MS);
		/* A reload allows no overwriting again. */
		assert_int_equal(reload(&rig), 0);
		assert_knob(&rig, DEBUGFS "fw_update_overwrite_mask", "0\n");
	}
	free(file);
	rig_down(&rig);
}

/* The device goes while everything of it is used. */
static void test_removal_under_load(void **state)
{
	struct write *writes = calloc(6, sizeof(*writes));
	struct rig rig;

	assert_non_null(writes);
	up(&rig, true);
	for (int round = 0; round < 20; round++) {
		write_begin(&rig, &writes[0], SYSFS "new_port", "9");
		write_begin(&rig, &writes[1], SYSFS "sriov_numvfs", "4");
		write_begin(&rig, &writes[2], DEBUGFS "health/break_health", "bang");
		write_begin(&rig, &writes[3], DEBUGFS "test2", "5");
		write_begin(&rig, &writes[4], DEL, "10");
		write_begin(&rig, &writes[5], DEBUGFS "max_vfs", "5");
		for (int i = 0; i < 6; i++)
			write_end(&writes[i]);
		assert_int_equal(writes[4].err, 0);
		assert_false(rig_has_instance(&rig, BUS, NSIM));
		assert_int_equal(knob(&rig, NEW, "10 4"), 0);
		assert_int_equal(eswitch(&rig, SWITCHDEV), 0);
	}
	rig_down(&rig);
	free(writes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_and_del),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_independent),
		cmocka_unit_test(test_knob_goes),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_vfs),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_reload_knobs),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_trap_knobs),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_region),
		cmocka_unit_test(test_flash),
		cmocka_unit_test(test_removal_under_load),
	};

	return cmocka_run_group_tests_name("netdevsim", tests, NULL, NULL);
}
