/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_health.c - the NIC's errors: who is told, what they find, what is left out, and that
 * the device works again; its transmit rates and the capabilities of its functions.
 */
#include "tests/drivers/rig.h"

#include <libmnl/libmnl.h>

#include "base/thread.h"
#include "core/knob.h"

#define SWITCHDEV DEVLINK_ESWITCH_MODE_SWITCHDEV
#define LEGACY DEVLINK_ESWITCH_MODE_LEGACY
#define REINIT DEVLINK_RELOAD_ACTION_DRIVER_REINIT
#define ATTACHED DEVLINK_PORT_FN_OPSTATE_ATTACHED
#define DEBUGFS "sys/kernel/debug/mlx5/0000:03:00.0/"
#define SF "mlx5_core.sf.1"
#define NO_PORT UINT32_MAX

/* ---- asking ------------------------------------------------------------------------ */

/* Writes a file of the PF's. The driver ends such a write at once. */
static int knob(struct rig *rig, const char *file, const char *text)
{
	struct fl_knob_call *call = calloc(1, sizeof(*call));
	char path[FL_KNOB_PATH_MAX];
	int err;

	assert_non_null(call);
	call->plane = rig->plane;
	snprintf(call->text, sizeof(call->text), "%s", text);
	snprintf(path, sizeof(path), DEBUGFS "%s", file);
	err = fl_knob_write(path, call);
	snprintf(rig_extack, sizeof(rig_extack), "%s", call->extack.msg);
	free(call);
	return err;
}

static const char *knob_value(struct rig *rig, const char *file)
{
	static char text[64];
	char path[FL_KNOB_PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), DEBUGFS "%s", file);
	len = fl_knob_read(rig->plane, path, text, sizeof(text) - 1);
	if (len < 0)
		return "none";
	text[len] = 0;
	return text;
}

static struct request *about(struct rig *rig, uint8_t cmd, const char *bus, const char *dev,
			     uint32_t port, const char *reporter)
{
	struct request *request = rig_request(rig, cmd, bus, dev);

	assert_non_null(request);
	if (port != NO_PORT)
		fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, port);
	if (reporter)
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_HEALTH_REPORTER_NAME, reporter);
	return request;
}

/* A number of whatever size. */
static uint64_t value_of(const struct nlattr *attr)
{
	uint64_t value = 0;

	assert_true(fl_attr_len(attr) <= sizeof(value));
	memcpy(&value, fl_attr_data(attr), fl_attr_len(attr));
	return value;
}

static uint64_t number(const void *message, uint16_t attr)
{
	const uint16_t path[] = { DEVLINK_ATTR_HEALTH_REPORTER, attr, 0 };
	const struct nlattr *at = answer_attr(message, path);

	return at ? value_of(at) : UINT64_MAX;
}

/* "error 2 1": state, errors, recoveries; "none". */
static const char *health(struct rig *rig, const char *bus, const char *dev, uint32_t port,
			  const char *reporter)
{
	struct request *request =
		about(rig, DEVLINK_CMD_HEALTH_REPORTER_GET, bus, dev, port, reporter);
	static char text[64];
	const void *message;

	snprintf(text, sizeof(text), "none");
	if (!request_run(request)) {
		message = request->req.reply.buf;
		snprintf(text, sizeof(text), "%s %u %u",
			 number(message, DEVLINK_ATTR_HEALTH_REPORTER_STATE) ? "error" : "healthy",
			 (unsigned int)number(message, DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT),
			 (unsigned int)number(message, DEVLINK_ATTR_HEALTH_REPORTER_RECOVER_COUNT));
	}
	request_done(request);
	free(request);
	return text;
}

static const char *pf_health(struct rig *rig, const char *reporter)
{
	return health(rig, "pci", PF0, NO_PORT, reporter);
}

static const char *port_health(struct rig *rig, const char *reporter)
{
	return health(rig, "pci", PF0, UPLINK, reporter);
}

/* Waits until that is the answer. */
static bool await_health(struct rig *rig, uint32_t port, const char *reporter, const char *text)
{
	for (int i = 0; i < 10000; i++) {
		if (!strcmp(health(rig, "pci", PF0, port, reporter), text))
			return true;
		rig_nap_ms(1);
	}
	return false;
}

static int recover(struct rig *rig, const char *bus, const char *dev, uint32_t port,
		   const char *reporter)
{
	return rig_request_end(
		about(rig, DEVLINK_CMD_HEALTH_REPORTER_RECOVER, bus, dev, port, reporter));
}

static void append_value(char *text, size_t cap, const struct nlattr *attr, uint8_t type)
{
	size_t len = strlen(text);

	if (type == DEVLINK_VAR_ATTR_TYPE_U8 || type == DEVLINK_VAR_ATTR_TYPE_U32 ||
	    type == DEVLINK_VAR_ATTR_TYPE_U64)
		snprintf(text + len, cap - len, "%llu ", (unsigned long long)value_of(attr));
	else if (type == DEVLINK_VAR_ATTR_TYPE_FLAG)
		snprintf(text + len, cap - len, "%d ", fl_attr_u8(attr));
	else if (type == DEVLINK_VAR_ATTR_TYPE_NUL_STRING)
		snprintf(text + len, cap - len, "'%s' ", fl_attr_str(attr));
	else
		snprintf(text + len, cap - len, "[%u] ", (unsigned int)fl_attr_len(attr));
}

/* How the nests that are open end; they go on from message to message. */
static const char *open_nests[32];
static unsigned int depth;
static uint8_t value_type;

static void append_items(char *text, size_t cap, const struct nlattr *fmsg)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, fmsg)
	{
		size_t len = strlen(text);

		switch (mnl_attr_get_type(attr)) {
		case DEVLINK_ATTR_FMSG_PAIR_NEST_START:
			open_nests[depth++] = "";
			break;
		case DEVLINK_ATTR_FMSG_OBJ_NAME:
			snprintf(text + len, cap - len, "%s=", fl_attr_str(attr));
			break;
		case DEVLINK_ATTR_FMSG_OBJ_NEST_START:
			snprintf(text + len, cap - len, "{ ");
			open_nests[depth++] = "} ";
			break;
		case DEVLINK_ATTR_FMSG_ARR_NEST_START:
			snprintf(text + len, cap - len, "[ ");
			open_nests[depth++] = "] ";
			break;
		case DEVLINK_ATTR_FMSG_NEST_END:
			assert_true(depth > 0);
			snprintf(text + len, cap - len, "%s", open_nests[--depth]);
			break;
		case DEVLINK_ATTR_FMSG_OBJ_VALUE_TYPE:
			value_type = fl_attr_u8(attr);
			break;
		case DEVLINK_ATTR_FMSG_OBJ_VALUE_DATA:
			append_value(text, cap, attr, value_type);
			break;
		}
	}
}

/* What a formatted message says, in one line. */
static char told[1 << 17];

static const char *tell(const struct request *request)
{
	static const uint16_t path[] = { DEVLINK_ATTR_FMSG, 0 };
	size_t at = 0;

	told[0] = 0;
	depth = 0;
	while (at + NLMSG_HDRLEN <= request->req.reply.len) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(request->req.reply.buf + at);
		const struct nlattr *fmsg;

		if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && (fmsg = answer_attr(nlh, path)))
			append_items(told, sizeof(told), fmsg);
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	assert_int_equal(depth, 0);
	return told;
}

static int diagnose(struct rig *rig, const char *bus, const char *dev, uint32_t port,
		    const char *reporter)
{
	struct request *request =
		about(rig, DEVLINK_CMD_HEALTH_REPORTER_DIAGNOSE, bus, dev, port, reporter);
	int err = request_run(request);

	if (!err)
		tell(request);
	request_done(request);
	free(request);
	return err;
}

static int dump(struct rig *rig, uint32_t port, const char *reporter)
{
	struct request *request =
		about(rig, DEVLINK_CMD_HEALTH_REPORTER_DUMP_GET, "pci", PF0, port, reporter);
	int err = request_dump(request, 3776, NULL);

	if (!err)
		tell(request);
	request_done(request);
	free(request);
	return err;
}

static bool says(const char *text)
{
	if (strstr(told, text))
		return true;
	print_message("no %s in: %s\n", text, told);
	return false;
}

static unsigned int snapshots(struct rig *rig)
{
	static const uint16_t path[] = { DEVLINK_ATTR_REGION_SNAPSHOTS, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_REGION_GET, "pci", PF0);
	const struct nlattr *nest, *attr;
	unsigned int count = 0;

	fl_msg_put_str(&request->msg, DEVLINK_ATTR_REGION_NAME, "cr-space");
	assert_int_equal(request_run(request), 0);
	nest = answer_attr(request->req.reply.buf, path);
	if (nest)
		mnl_attr_for_each_nested(attr, nest) count++;
	request_done(request);
	free(request);
	return count;
}

static void up(struct rig *rig, const struct mlx5_fault *fault, unsigned int vfs)
{
	struct mlx5_config config;

	rig_config(&config);
	config.switchdev = true;
	config.vfs = vfs;
	if (fault)
		config.faults[config.fault_count++] = *fault;
	rig_up(rig, &config);
}

static uint32_t sf_up(struct rig *rig)
{
	uint32_t index;

	assert_int_equal(rig_sf_add(rig, PF0, 0, 7, &index), 0);
	assert_int_equal(rig_port_state(rig, PF0, index, true), 0);
	assert_true(rig_await_opstate(rig, PF0, index, ATTACHED));
	rig_settle(rig);
	return index;
}

/* ---- reporters --------------------------------------------------------------------- */

static void test_reporters(void **state)
{
	struct rig rig;

	up(&rig, NULL, 0);
	sf_up(&rig);
	assert_string_equal(pf_health(&rig, "fw"), "healthy 0 0");
	assert_string_equal(pf_health(&rig, "fw_fatal"), "healthy 0 0");
	assert_string_equal(pf_health(&rig, "vnic"), "healthy 0 0");
	assert_string_equal(port_health(&rig, "tx"), "healthy 0 0");
	assert_string_equal(port_health(&rig, "rx"), "healthy 0 0");
	assert_string_equal(pf_health(&rig, "tx"), "none");
	assert_string_equal(health(&rig, "auxiliary", SF, NO_PORT, "fw_fatal"), "healthy 0 0");
	assert_string_equal(health(&rig, "auxiliary", SF, NO_PORT, "tx"), "none");

	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "fw"), 0);
	assert_string_equal(told, "{ Syndrome=0 } ");
	assert_int_equal(diagnose(&rig, "auxiliary", SF, NO_PORT, "fw"), 0);
	assert_string_equal(told, "{ Syndrome=0 } ");
	assert_int_equal(diagnose(&rig, "auxiliary", SF, NO_PORT, "fw_fatal"), -EOPNOTSUPP);
	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "vnic"), 0);
	assert_true(says("{ vNIC env counters={ total_error_queues=0 "));
	assert_true(says("invalid_command=0 quota_exceeded_command=0 "));
	assert_true(says("icm_consumption=224 } } "));
	assert_int_equal(diagnose(&rig, "pci", PF0, UPLINK, "tx"), 0);
	assert_true(says("{ Common config={ SQ={ stride size=64 size=1024 ts_format='FRC' CQ={ "));
	assert_true(says("SQs=[ { channel ix=0 tc=0 txq ix=0 sqn=4096 HW state=1 stopped=0 "));
	assert_true(says("{ channel ix=3 "));
	assert_int_equal(diagnose(&rig, "pci", PF0, UPLINK, "rx"), 0);
	assert_true(says("RQs=[ { channel ix=0 rqn=4097 HW state=1 WQE counter=0 "));
	/* One that comes with the port goes with it, and comes again. */
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), 0);
	assert_string_equal(port_health(&rig, "tx"), "healthy 0 0");
	rig_down(&rig);
}

static void test_vnic_counts(void **state)
{
	struct mlx5_fault params = {
		.step = MLX5_STEP_FW_CMD, .match = "0000:03:00.0/params", .error = EIO, .times = 2
	};
	struct rig rig;

	up(&rig, &params, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_param_string(&rig, "pci", PF0, "flow_steering_mode", "dmfs"),
				 i < 2 ? -EIO : 0);
	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "vnic"), 0);
	assert_true(says("invalid_command=2 "));
	rig_down(&rig);
}

static void test_bad_events(void **state)
{
	static const char *const files[] = { "fw_error", "fw_fatal", "tx_timeout", "rx_error" };
	struct rig rig;

	up(&rig, NULL, 0);
	for (size_t i = 0; i < FL_ARRAY_SIZE(files); i++) {
		assert_int_equal(knob(&rig, files[i], ""), -EINVAL);
		assert_int_equal(knob(&rig, files[i], "one"), -EINVAL);
		assert_int_equal(knob(&rig, files[i], "-1"), -EINVAL);
		assert_int_equal(knob(&rig, files[i], i < 2 ? "256" : "4"), -EINVAL);
		assert_true(rig_extack[0]);
		assert_string_equal(knob_value(&rig, files[i]), "0x0\n");
	}
	assert_int_equal(knob(&rig, "fw_fatal", "0"), -EINVAL);
	rig_settle(&rig);
	assert_string_equal(pf_health(&rig, "fw_fatal"), "healthy 0 0");
	rig_remove(&rig, "pci", PF0);
	assert_string_equal(knob_value(&rig, "fw_error"), "none");
	rig_down(&rig);
}

/* An error that ends nothing: it is told, with what the firmware left behind. */
static void test_error(void **state)
{
	struct rig rig;

	up(&rig, NULL, 0);
	sf_up(&rig);
	assert_int_equal(knob(&rig, "fw_error", "0x9"), 0);
	rig_settle(&rig);
	assert_string_equal(pf_health(&rig, "fw"), "error 1 0");
	assert_string_equal(pf_health(&rig, "fw_fatal"), "healthy 0 0");
	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "fw"), 0);
	assert_string_equal(told, "{ Syndrome=9 Description='firmware CRC error' } ");
	assert_int_equal(dump(&rig, NO_PORT, "fw"), 0);
	assert_true(says("{ syndrome=9 fw_miss_counter=0 health buffer={ assert_var=[ "));
	assert_true(says(" synd=9 ext_synd=0 "));
	assert_true(says("dump fw traces=[ { timestamp="));
	assert_true(says("event_id=0 msg='firmware CRC error' } "));
	assert_int_equal(snapshots(&rig), 0);
	assert_true(rig_has_instance(&rig, "auxiliary", SF));
	rig_down(&rig);
}

struct stuck {
	struct rig *rig;
	pthread_t thread;
	int err, over;
};

static void *stuck_main(void *arg)
{
	struct stuck *stuck = arg;

	stuck->err = rig_port_state(stuck->rig, PF0, SF0 + 1, true);
	__atomic_store_n(&stuck->over, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* A fatal error: commands that hang for ever end, so that the recovery gets its lane; the
 * region is caught; the PF is reset and works again, without SFs. */
static void test_fatal(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_FW_CMD,
				    .match = "0000:03:00.0/32769",
				    .after = 2,
				    .hang = true,
				    .times = 1 };
	struct stuck stuck;
	struct rig rig;
	uint32_t index;

	up(&rig, &fault, 2);
	stuck = (struct stuck){ .rig = &rig };
	sf_up(&rig);
	assert_int_equal(rig_sf_add(&rig, PF0, 0, 8, &index), 0);
	assert_int_equal(fl_thread_start(&stuck.thread, "stuck", 0, stuck_main, &stuck), 0);
	rig_await_waiting(&rig, "port-set", "0000:03:00.0/32769");
	assert_false(__atomic_load_n(&stuck.over, __ATOMIC_SEQ_CST));

	assert_int_equal(knob(&rig, "fw_fatal", "1"), 0);
	pthread_join(stuck.thread, NULL);
	assert_int_equal(stuck.err, -EIO);
	assert_true(await_health(&rig, NO_PORT, "fw_fatal", "healthy 1 1"));
	rig_settle(&rig);
	assert_int_equal(snapshots(&rig), 1);
	assert_int_equal(dump(&rig, NO_PORT, "fw_fatal"), 0);
	assert_true(says("{ syndrome=1 fw_miss_counter=1 health buffer={ "));
	assert_true(says(" rfr=1 severity=3 "));
	assert_true(says("crdump_data="));
	assert_string_equal(knob_value(&rig, "fw_fatal"), "0x0\n");
	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "fw"), 0);
	assert_string_equal(told, "{ Syndrome=0 } ");
	/* The functions: SFs are gone, VFs were told and recovered. */
	assert_int_equal(rig_eswitch_mode(&rig, PF0), LEGACY);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.sf"), 0);
	assert_string_equal(health(&rig, "pci", "0000:03:00.1", NO_PORT, "fw_fatal"),
			    "healthy 1 1");
	assert_string_equal(health(&rig, "pci", "0000:03:00.2", NO_PORT, "fw_fatal"),
			    "healthy 1 1");
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma."), 3);
	/* It works again. */
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	assert_int_equal(sf_up(&rig), SF0);
	rig_down(&rig);
}

/* Within the grace period nothing recovers by itself: the firmware stays dead, what asks it
 * fails at once, what takes away goes well, until a client asks for the recovery. */
static void test_grace(void **state)
{
	struct rig rig;
	uint32_t index;

	up(&rig, NULL, 0);
	assert_int_equal(knob(&rig, "fw_fatal", "1"), 0);
	assert_true(await_health(&rig, NO_PORT, "fw_fatal", "healthy 1 1"));
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	index = sf_up(&rig);
	assert_int_equal(knob(&rig, "fw_fatal", "0xb"), 0);
	assert_true(await_health(&rig, NO_PORT, "fw_fatal", "error 2 1"));
	rig_settle(&rig);
	assert_string_equal(knob_value(&rig, "fw_fatal"), "0x1\n");
	assert_int_equal(snapshots(&rig), 2);

	assert_int_equal(rig_sf_add(&rig, PF0, 0, 8, NULL), -EIO);
	assert_int_equal(rig_flash(&rig, PF0, "image"), -EIO);
	assert_true(rig_extack_has("recover"));
	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "vnic"), -EIO);
	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "fw"), 0);
	assert_string_equal(told, "{ Syndrome=11 Description='HW fatal error' } ");
	assert_int_equal(rig_port_state(&rig, PF0, index, false), 0);
	assert_int_equal(rig_port_del(&rig, PF0, index), 0);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 1);

	assert_int_equal(recover(&rig, "pci", PF0, NO_PORT, "fw_fatal"), 0);
	assert_string_equal(pf_health(&rig, "fw_fatal"), "healthy 2 2");
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	sf_up(&rig);
	rig_down(&rig);
}

static void *recover_main(void *arg)
{
	struct stuck *stuck = arg;

	fl_rcu_register_thread();
	stuck->err = recover(stuck->rig, "pci", PF0, NO_PORT, "fw_fatal");
	fl_rcu_unregister_thread();
	return NULL;
}

/* An error while the last one is being recovered from is not forgotten with it. */
static void test_fatal_during_recovery(void **state)
{
	struct mlx5_config config;
	struct stuck stuck;
	struct rig rig;

	rig_config(&config);
	config.latency_ns[MLX5_STEP_RDMA_ATTACH] = 500 * MS;
	rig_up(&rig, &config);
	assert_int_equal(knob(&rig, "fw_fatal", "1"), 0);
	assert_true(await_health(&rig, NO_PORT, "fw_fatal", "healthy 1 1"));
	rig_settle(&rig);
	assert_int_equal(knob(&rig, "fw_fatal", "1"), 0);
	assert_true(await_health(&rig, NO_PORT, "fw_fatal", "error 2 1"));
	rig_settle(&rig);
	stuck = (struct stuck){ .rig = &rig };
	assert_int_equal(fl_thread_start(&stuck.thread, "recover", 0, recover_main, &stuck), 0);
	rig_await_waiting(&rig, "probe", "mlx5_core.rdma.0");
	assert_string_equal(knob_value(&rig, "fw_fatal"), "0x0\n");
	assert_int_equal(knob(&rig, "fw_fatal", "0xb"), 0);
	pthread_join(stuck.thread, NULL);
	assert_int_equal(stuck.err, 0);
	rig_settle(&rig);
	assert_string_equal(pf_health(&rig, "fw_fatal"), "error 3 2");
	assert_string_equal(knob_value(&rig, "fw_fatal"), "0x1\n");
	assert_int_equal(diagnose(&rig, "pci", PF0, NO_PORT, "fw"), 0);
	assert_string_equal(told, "{ Syndrome=11 Description='HW fatal error' } ");
	rig_down(&rig);
}

/* A recovery that fails leaves the firmware dead; the next one may go well. */
static void test_failing_recovery(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_RESET, .error = EIO, .times = 1 };
	struct rig_port port;
	struct rig rig;

	up(&rig, &fault, 0);
	sf_up(&rig);
	assert_int_equal(knob(&rig, "fw_fatal", "1"), 0);
	rig_settle(&rig);
	assert_string_equal(pf_health(&rig, "fw_fatal"), "error 1 0");
	/* What is shown is what is left. */
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core"), 0);
	assert_int_equal(rig_port(&rig, PF0, SF0, &port), -ENODEV);
	assert_int_equal(rig_port(&rig, PF0, UPLINK, &port), -ENODEV);
	assert_int_equal(rig_eswitch_mode(&rig, PF0), LEGACY);
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), -EIO);
	assert_int_equal(recover(&rig, "pci", PF0, NO_PORT, "fw_fatal"), 0);
	assert_string_equal(pf_health(&rig, "fw_fatal"), "healthy 1 1");
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	sf_up(&rig);
	rig_down(&rig);
}

/* A reset by `reload fw_activate` cures, too, and runs the flashed image. */
static void test_cured_by_activation(void **state)
{
	struct mlx5_fault fault = { .step = MLX5_STEP_RESET, .error = EIO, .times = 1 };
	char version[32];
	struct rig rig;

	up(&rig, &fault, 0);
	assert_int_equal(rig_flash(&rig, PF0, "fw-22_42_1000.mfa2"), 0);
	assert_int_equal(knob(&rig, "fw_fatal", "1"), 0);
	rig_settle(&rig);
	assert_string_equal(pf_health(&rig, "fw_fatal"), "error 1 0");
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), -EIO);
	assert_int_equal(rig_reload(&rig, "pci", PF0, DEVLINK_RELOAD_ACTION_FW_ACTIVATE, 0), 0);
	rig_settle(&rig);
	assert_string_equal(knob_value(&rig, "fw_fatal"), "0x0\n");
	assert_string_equal(pf_health(&rig, "fw_fatal"), "healthy 1 0");
	rig_version(&rig, PF0, DEVLINK_ATTR_INFO_VERSION_RUNNING, "fw.version", version,
		    sizeof(version));
	assert_string_equal(version, "22.42.1000");
	rig_down(&rig);
}

static void test_queues(void **state)
{
	static const struct {
		const char *file, *reporter, *bad, *slice, *buffer;
	} kinds[] = {
		{ "tx_timeout", "tx", "{ channel ix=2 tc=0 txq ix=2 sqn=4104 HW state=3 stopped=1 ",
		  "SX Slice={ data=[ [256] ] } SQ={ QPC={ ", "send_buff={ " },
		{ "rx_error", "rx", "{ channel ix=2 rqn=4105 HW state=3 ",
		  "RX Slice={ data=[ [256] ] } RQ={ QPC={ ", "receive_buff={ " },
	};
	/* The reporter's lane; a fault for the first recovery: a dump takes two commands. */
	struct mlx5_fault fault = {
		.step = MLX5_STEP_FW_CMD, .after = 2, .error = EREMOTEIO, .times = 1
	};
	struct rig rig;

	for (size_t i = 0; i < FL_ARRAY_SIZE(kinds); i++) {
		snprintf(fault.match, sizeof(fault.match), "/%s", kinds[i].reporter);
		up(&rig, &fault, 0);
		assert_int_equal(knob(&rig, kinds[i].file, "2"), 0);
		rig_settle(&rig);
		assert_string_equal(port_health(&rig, kinds[i].reporter), "error 1 0");
		assert_string_equal(knob_value(&rig, kinds[i].file), "0x4\n");
		assert_int_equal(diagnose(&rig, "pci", PF0, UPLINK, kinds[i].reporter), 0);
		assert_true(says(kinds[i].bad));
		assert_int_equal(dump(&rig, UPLINK, kinds[i].reporter), 0);
		assert_true(says(kinds[i].slice) && says(kinds[i].buffer));
		assert_int_equal(recover(&rig, "pci", PF0, UPLINK, kinds[i].reporter), 0);
		assert_string_equal(port_health(&rig, kinds[i].reporter), "healthy 1 1");
		assert_string_equal(knob_value(&rig, kinds[i].file), "0x0\n");
		/* And by itself, as many as come in a burst. */
		assert_int_equal(knob(&rig, kinds[i].file, "0"), 0);
		assert_true(await_health(&rig, UPLINK, kinds[i].reporter, "healthy 2 2"));
		assert_string_equal(knob_value(&rig, kinds[i].file), "0x0\n");
		rig_down(&rig);
	}
}

/* Errors of all kinds while everything comes and goes: nobody hangs, nothing leaks. */
static void test_storm_of_errors(void **state)
{
	static const char *const files[] = { "fw_error", "fw_fatal", "tx_timeout", "rx_error" };
	struct mlx5_config config;
	struct rig rig;
	uint32_t index;

	for (unsigned int round = 0; round < 6; round++) {
		rig_config(&config);
		config.switchdev = true;
		config.vfs = 3;
		config.jitter = 0.8;
		config.seed = round;
		config.latency_ns[MLX5_STEP_RESET] = MS;
		rig_up(&rig, NULL);
		assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
		for (unsigned int i = 0; i < 40; i++) {
			knob(&rig, files[(i + round) % 4], i % 4 < 2 ? "1" : "3");
			if (rig_sf_add(&rig, PF0, 0, i, &index) == 0) {
				rig_port_state(&rig, PF0, index, true);
				if (i % 3 == 0)
					rig_port_del(&rig, PF0, index);
			}
			if (i % 8 == 7 && rig_has_instance(&rig, "pci", PF0)) {
				recover(&rig, "pci", PF0, NO_PORT, "fw_fatal");
				rig_eswitch(&rig, PF0, SWITCHDEV);
			}
			if (i == 30 && round % 2)
				rig_remove(&rig, "pci", PF0);
		}
		rig_down(&rig);
	}
}

/* ---- rates ------------------------------------------------------------------------- */

/* A request about the leaf of a port, or about a node. */
static struct request *rate(struct rig *rig, uint8_t cmd, uint32_t port, const char *node)
{
	struct request *request = rig_request(rig, cmd, "pci", PF0);

	assert_non_null(request);
	if (node)
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_RATE_NODE_NAME, node);
	else
		fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, port);
	return request;
}

static int rate_max(struct rig *rig, uint32_t port, const char *node, uint64_t max)
{
	struct request *request = rate(rig, DEVLINK_CMD_RATE_SET, port, node);

	fl_msg_put_u64(&request->msg, DEVLINK_ATTR_RATE_TX_MAX, max);
	return rig_request_end(request);
}

static int rate_parent(struct rig *rig, uint32_t port, const char *parent)
{
	struct request *request = rate(rig, DEVLINK_CMD_RATE_SET, port, NULL);

	fl_msg_put_str(&request->msg, DEVLINK_ATTR_RATE_PARENT_NODE_NAME, parent);
	return rig_request_end(request);
}

/* tx_max as it is shown, or a negative errno. */
static int64_t rate_shown(struct rig *rig, uint32_t port, const char *node)
{
	static const uint16_t path[] = { DEVLINK_ATTR_RATE_TX_MAX, 0 };
	struct request *request = rate(rig, DEVLINK_CMD_RATE_GET, port, node);
	int64_t value = request_run(request);

	if (!value)
		value = (int64_t)fl_attr_uint(answer_attr(request->req.reply.buf, path));
	request_done(request);
	free(request);
	return value;
}

static int node_new(struct rig *rig, const char *node)
{
	return rig_request_end(rate(rig, DEVLINK_CMD_RATE_NEW, 0, node));
}

static int node_del(struct rig *rig, const char *node)
{
	return rig_request_end(rate(rig, DEVLINK_CMD_RATE_DEL, 0, node));
}

static void test_rates(void **state)
{
	struct rig rig;
	uint32_t index;

	up(&rig, NULL, 1);
	index = sf_up(&rig);
	assert_int_equal(rate_shown(&rig, index, NULL), 0);
	assert_int_equal(rate_shown(&rig, 1, NULL), 0); /* the VF's */
	assert_true(rate_shown(&rig, UPLINK, NULL) < 0);
	assert_int_equal(rate_max(&rig, index, NULL, 125000), 0);
	assert_int_equal(rate_shown(&rig, index, NULL), 125000);
	assert_int_equal(rate_max(&rig, index, NULL, 125001), -EINVAL);
	assert_true(rig_extack_has("link speed units of 1Mbps"));
	assert_int_equal(rate_max(&rig, index, NULL, 100001ULL * 125000), -EINVAL);
	assert_true(rig_extack_has("exceed link maximum speed 100000"));
	assert_int_equal(rate_shown(&rig, index, NULL), 125000);

	assert_int_equal(node_new(&rig, "group"), 0);
	assert_int_equal(rate_max(&rig, 0, "group", 250000), 0);
	assert_int_equal(rate_shown(&rig, 0, "group"), 250000);
	assert_int_equal(rate_parent(&rig, index, "group"), 0);
	assert_int_equal(node_del(&rig, "group"), -EBUSY);
	assert_int_equal(rig_eswitch(&rig, PF0, LEGACY), -EBUSY);
	assert_string_equal(rig_extack, "Rate node(s) exists.");
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.sf"), 1);
	assert_int_equal(rig_port_del(&rig, PF0, index), 0);
	assert_true(rate_shown(&rig, index, NULL) < 0);
	rig_settle(&rig); /* the sfnum is free again */
	assert_int_equal(node_del(&rig, "group"), 0);
	/* A reload takes nodes along, and what hangs on them. */
	index = sf_up(&rig);
	assert_int_equal(node_new(&rig, "group"), 0);
	assert_int_equal(rate_parent(&rig, index, "group"), 0);
	assert_int_equal(rig_reload(&rig, "pci", PF0, REINIT, 0), 0);
	assert_int_equal(rate_shown(&rig, 0, "group"), -ENODEV);
	assert_int_equal(node_new(&rig, "group"), -EOPNOTSUPP);
	assert_int_equal(rig_eswitch(&rig, PF0, SWITCHDEV), 0);
	assert_int_equal(node_new(&rig, "group"), 0);
	rig_down(&rig);
}

/* ---- functions --------------------------------------------------------------------- */

static int caps(struct rig *rig, uint32_t index, uint32_t selector, uint32_t value)
{
	struct nla_bitfield32 field = { .value = value, .selector = selector };
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_SET, "pci", PF0);
	size_t nest;

	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, index);
	nest = fl_msg_nest(&request->msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put(&request->msg, DEVLINK_PORT_FN_ATTR_CAPS, &field, sizeof(field));
	fl_msg_nest_end(&request->msg, nest);
	return rig_request_end(request);
}

static int io_eqs(struct rig *rig, uint32_t index, uint32_t value)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_SET, "pci", PF0);
	size_t nest;

	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, index);
	nest = fl_msg_nest(&request->msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put_u32(&request->msg, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, value);
	fl_msg_nest_end(&request->msg, nest);
	return rig_request_end(request);
}

static uint32_t fn_attr(struct rig *rig, uint32_t index, uint16_t attr)
{
	const uint16_t path[] = { DEVLINK_ATTR_PORT_FUNCTION, attr, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_GET, "pci", PF0);
	uint32_t value;

	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, index);
	assert_int_equal(request_run(request), 0);
	memcpy(&value, fl_attr_data(answer_attr(request->req.reply.buf, path)), sizeof(value));
	request_done(request);
	free(request);
	return value;
}

static void test_capabilities(void **state)
{
	static const uint32_t of_vfs[] = { DEVLINK_PORT_FN_CAP_MIGRATABLE,
					   DEVLINK_PORT_FN_CAP_IPSEC_CRYPTO,
					   DEVLINK_PORT_FN_CAP_IPSEC_PACKET };
	struct rig rig;
	uint32_t index, all = DEVLINK_PORT_FN_CAP_ROCE;

	up(&rig, NULL, 1);
	index = sf_up(&rig);
	for (size_t i = 0; i < FL_ARRAY_SIZE(of_vfs); i++) {
		assert_int_equal(caps(&rig, 1, of_vfs[i], of_vfs[i]), 0);
		all |= of_vfs[i];
		assert_int_equal(fn_attr(&rig, 1, DEVLINK_PORT_FN_ATTR_CAPS), all);
		assert_int_equal(caps(&rig, index, of_vfs[i], of_vfs[i]), -EOPNOTSUPP);
	}
	assert_int_equal(io_eqs(&rig, index, 32), 0);
	assert_int_equal(fn_attr(&rig, index, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS), 32);
	assert_int_equal(io_eqs(&rig, index, 1u << 24), -EINVAL);
	assert_int_equal(fn_attr(&rig, index, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS), 32);

	/* Without the capability there is no RoCE on the function, from its next start on. */
	assert_int_equal(caps(&rig, index, DEVLINK_PORT_FN_CAP_ROCE, 0), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.2"), 1);
	assert_int_equal(rig_reload(&rig, "auxiliary", "mlx5_core.sf.2", REINIT, 0), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.2"), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.eth.2"), 1);
	assert_int_equal(caps(&rig, index, DEVLINK_PORT_FN_CAP_ROCE, DEVLINK_PORT_FN_CAP_ROCE), 0);
	assert_int_equal(rig_reload(&rig, "auxiliary", "mlx5_core.sf.2", REINIT, 0), 0);
	assert_int_equal(rig_devices(&rig, "auxiliary", "mlx5_core.rdma.2"), 1);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reporters),
		cmocka_unit_test(test_vnic_counts),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_fatal_during_recovery),
		cmocka_unit_test(test_failing_recovery),
		cmocka_unit_test(test_cured_by_activation),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_storm_of_errors),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_capabilities),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
