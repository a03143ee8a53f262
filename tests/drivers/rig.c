/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/drivers/rig.h"

#include <libmnl/libmnl.h>

#include "base/die.h"
#include "base/thread.h"

_Thread_local char rig_extack[160];

/* ---- the plane ----------------------------------------------------------------------- */

void rig_config(struct mlx5_config *config)
{
	static const enum mlx5_step attach[] = { MLX5_STEP_ETH_ATTACH,	MLX5_STEP_RDMA_ATTACH,
						 MLX5_STEP_VNET_ATTACH, MLX5_STEP_ETH_DETACH,
						 MLX5_STEP_RDMA_DETACH, MLX5_STEP_VNET_DETACH };

	mlx5_config_init(config);
	config->ports = 1;
	config->latency_ns[MLX5_STEP_FW_CMD] = MS / 20;
	for (size_t i = 0; i < FL_ARRAY_SIZE(attach); i++)
		config->latency_ns[attach[i]] = MS;
	config->latency_ns[MLX5_STEP_FLASH] = 20 * MS;
	config->latency_ns[MLX5_STEP_RESET] = 5 * MS;
}

void rig_settle(struct rig *rig)
{
	assert_int_equal(fl_sched_drain(fl_plane_sched(rig->plane), 60 * FL_NS_PER_S), 0);
}

void rig_up_sched(struct rig *rig, const struct mlx5_config *config,
		  const struct fl_sched_config *sched)
{
	struct fl_plane_config plane = { .sched = *sched };

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(fl_plane_new(&plane, &rig->plane), 0);
	rig->fixture.plane = rig->plane;
	rig->client = fl_client_new("test");
	assert_non_null(rig->client);
	assert_int_equal(mlx5_drivers_register(rig->plane), 0);
	if (!config)
		return;
	assert_int_equal(mlx5_nic_add(rig->plane, config), 0);
	rig_settle(rig);
}

void rig_up(struct rig *rig, const struct mlx5_config *config)
{
	rig_up_sched(rig, config, &RIG_SCHED);
}

void rig_down(struct rig *rig)
{
	fl_plane_free(rig->plane);
	fl_client_put(rig->client);
}

void rig_nap_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* ---- what is there -------------------------------------------------------------------- */

struct count {
	const char *bus, *prefix;
	unsigned int count;
};

static void count_device(struct fl_device *dev, void *arg)
{
	struct count *count = arg;

	count->count += !strcmp(fl_device_bus(dev), count->bus) &&
			!strncmp(fl_device_name(dev), count->prefix, strlen(count->prefix));
}

unsigned int rig_devices(struct rig *rig, const char *bus, const char *prefix)
{
	struct count count = { bus, prefix, 0 };

	assert_int_equal(fl_bus_walk(fl_plane_bus(rig->plane), count_device, &count), 0);
	return count.count;
}

static void count_instance(const struct fl_instance_info *info, void *arg)
{
	unsigned int *counts = arg;

	counts[!strcmp(info->bus, SHARED_BUS)]++;
}

unsigned int rig_instances(struct rig *rig)
{
	unsigned int counts[2] = { 0 };

	assert_int_equal(fl_plane_walk(rig->plane, count_instance, counts), 0);
	return counts[false];
}

unsigned int rig_shared(struct rig *rig)
{
	unsigned int counts[2] = { 0 };

	assert_int_equal(fl_plane_walk(rig->plane, count_instance, counts), 0);
	return counts[true];
}

static struct fl_devlink *find(struct rig *rig, const char *bus, const char *dev)
{
	struct fl_devlink *dl;

	fl_rcu_read_lock();
	dl = fl_plane_find(rig->plane, bus, dev);
	if (dl)
		dl = fl_devlink_try_get(dl);
	fl_rcu_read_unlock();
	return dl;
}

bool rig_has_instance(struct rig *rig, const char *bus, const char *dev)
{
	struct fl_devlink *dl = find(rig, bus, dev);

	fl_devlink_put(dl);
	return dl;
}

static void set_gone(void *arg, int err, const char *why)
{
	__atomic_store_n((int *)arg, 1, __ATOMIC_SEQ_CST);
}

void rig_remove(struct rig *rig, const char *bus, const char *name)
{
	struct fl_device *dev = fl_device_find(fl_plane_bus(rig->plane), bus, name);
	int gone = 0;

	assert_non_null(dev);
	assert_int_equal(fl_device_remove_post(dev, NULL, set_gone, &gone), 0);
	fl_device_put(dev);
	for (int i = 0; i < 30000 && !__atomic_load_n(&gone, __ATOMIC_SEQ_CST); i++)
		rig_nap_ms(1);
	assert_true(__atomic_load_n(&gone, __ATOMIC_SEQ_CST));
}

struct told {
	int err, over;
};

static void tell(void *arg, int err, const char *why)
{
	struct told *told = arg;

	told->err = err;
	__atomic_store_n(&told->over, 1, __ATOMIC_SEQ_CST);
}

static int await_told(int err, struct told *told)
{
	if (err)
		return err;
	for (int i = 0; i < 30000 && !__atomic_load_n(&told->over, __ATOMIC_SEQ_CST); i++)
		rig_nap_ms(1);
	assert_true(__atomic_load_n(&told->over, __ATOMIC_SEQ_CST));
	return told->err;
}

int rig_unbind(struct rig *rig, const char *bus, const char *name)
{
	struct fl_device *dev = fl_device_find(fl_plane_bus(rig->plane), bus, name);
	struct told told = { 0 };
	int err = dev ? fl_device_unbind_post(dev, NULL, tell, &told) : -ENODEV;

	fl_device_put(dev);
	return await_told(err, &told);
}

int rig_bind(struct rig *rig, const char *bus, const char *name)
{
	struct fl_device *dev = fl_device_find(fl_plane_bus(rig->plane), bus, name);
	struct told told = { 0 };
	int err = dev ? fl_device_probe_call(dev, NULL, tell, &told) : -ENODEV;

	fl_device_put(dev);
	return await_told(err, &told);
}

/* ---- requests -------------------------------------------------------------------------- */

struct request *rig_request(struct rig *rig, uint8_t cmd, const char *bus, const char *dev)
{
	struct fl_devlink *dl = find(rig, bus, dev);
	struct request *request;

	if (!dl)
		return NULL;
	request = calloc(1, sizeof(*request));
	fl_assert(request);
	request_init(request, &rig->fixture, NULL, cmd, dl);
	request->req.client = rig->client;
	fl_devlink_put(dl);
	return request;
}

bool rig_extack_has(const char *part)
{
	return strstr(rig_extack, part);
}

static void keep_extack(const struct request *request)
{
	snprintf(rig_extack, sizeof(rig_extack), "%s", request->req.extack.msg);
}

int rig_request_end(struct request *request)
{
	int err = request_run(request);

	keep_extack(request);
	request_done(request);
	free(request);
	return err;
}

int rig_eswitch(struct rig *rig, const char *dev, uint16_t mode)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_ESWITCH_SET, "pci", dev);

	if (!request)
		return -ENODEV;
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_ESWITCH_MODE, mode);
	return rig_request_end(request);
}

int rig_eswitch_mode(struct rig *rig, const char *dev)
{
	static const uint16_t path[] = { DEVLINK_ATTR_ESWITCH_MODE, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_ESWITCH_GET, "pci", dev);
	int mode;

	assert_non_null(request);
	assert_int_equal(request_run(request), 0);
	mode = fl_attr_u16(answer_attr(request->req.reply.buf, path));
	request_done(request);
	free(request);
	return mode;
}

int rig_sf_add(struct rig *rig, const char *dev, uint16_t pf, uint32_t sfnum, uint32_t *ret_index)
{
	static const uint16_t path[] = { DEVLINK_ATTR_PORT_INDEX, 0 };
	struct request *request = rig_request(rig, DEVLINK_CMD_PORT_NEW, "pci", dev);
	int err;

	if (!request)
		return -ENODEV;
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_PORT_FLAVOUR, DEVLINK_PORT_FLAVOUR_PCI_SF);
	fl_msg_put_u16(&request->msg, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, pf);
	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, sfnum);
	err = request_run(request);
	keep_extack(request);
	if (!err && ret_index)
		*ret_index = fl_attr_u32(answer_attr(request->req.reply.buf, path));
	request_done(request);
	free(request);
	return err;
}

static struct request *port_request(struct rig *rig, uint8_t cmd, const char *dev, uint32_t index)
{
	struct request *request = rig_request(rig, cmd, "pci", dev);

	if (request)
		fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PORT_INDEX, index);
	return request;
}

int rig_port_del(struct rig *rig, const char *dev, uint32_t index)
{
	struct request *request = port_request(rig, DEVLINK_CMD_PORT_DEL, dev, index);

	return request ? rig_request_end(request) : -ENODEV;
}

int rig_port_state(struct rig *rig, const char *dev, uint32_t index, bool active)
{
	struct request *request = port_request(rig, DEVLINK_CMD_PORT_SET, dev, index);
	size_t nest;

	if (!request)
		return -ENODEV;
	nest = fl_msg_nest(&request->msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put_u8(&request->msg, DEVLINK_PORT_FN_ATTR_STATE, active);
	fl_msg_nest_end(&request->msg, nest);
	return rig_request_end(request);
}

uint32_t rig_sf_up(struct rig *rig, const char *dev, uint32_t sfnum)
{
	uint32_t index;

	assert_int_equal(rig_sf_add(rig, dev, 0, sfnum, &index), 0);
	assert_int_equal(rig_port_state(rig, dev, index, true), 0);
	return index;
}

int rig_port_hw_addr(struct rig *rig, const char *dev, uint32_t index, const uint8_t *addr)
{
	struct request *request = port_request(rig, DEVLINK_CMD_PORT_SET, dev, index);
	size_t nest;

	if (!request)
		return -ENODEV;
	nest = fl_msg_nest(&request->msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put(&request->msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, addr, 6);
	fl_msg_nest_end(&request->msg, nest);
	return rig_request_end(request);
}

int rig_reload(struct rig *rig, const char *bus, const char *dev, int action, int limit)
{
	struct nla_bitfield32 limits = { .value = 1u << limit, .selector = 1u << limit };
	struct request *request = rig_request(rig, DEVLINK_CMD_RELOAD, bus, dev);

	if (!request)
		return -ENODEV;
	fl_msg_put_u8(&request->msg, DEVLINK_ATTR_RELOAD_ACTION, action);
	if (limit)
		fl_msg_put(&request->msg, DEVLINK_ATTR_RELOAD_LIMITS, &limits, sizeof(limits));
	return rig_request_end(request);
}

static struct request *param_request(struct rig *rig, const char *bus, const char *dev,
				     const char *name, uint8_t type, uint8_t cmode)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_PARAM_SET, bus, dev);

	assert_non_null(request);
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_PARAM_NAME, name);
	fl_msg_put_u8(&request->msg, DEVLINK_ATTR_PARAM_TYPE, type);
	fl_msg_put_u8(&request->msg, DEVLINK_ATTR_PARAM_VALUE_CMODE, cmode);
	return request;
}

int rig_param_bool(struct rig *rig, const char *bus, const char *dev, const char *name, bool on)
{
	struct request *request = param_request(rig, bus, dev, name, DEVLINK_VAR_ATTR_TYPE_FLAG,
						DEVLINK_PARAM_CMODE_DRIVERINIT);

	if (on)
		fl_msg_put_flag(&request->msg, DEVLINK_ATTR_PARAM_VALUE_DATA);
	return rig_request_end(request);
}

int rig_param_string(struct rig *rig, const char *bus, const char *dev, const char *name,
		     const char *value)
{
	struct request *request = param_request(rig, bus, dev, name, DEVLINK_VAR_ATTR_TYPE_STRING,
						DEVLINK_PARAM_CMODE_RUNTIME);

	fl_msg_put_str(&request->msg, DEVLINK_ATTR_PARAM_VALUE_DATA, value);
	return rig_request_end(request);
}

int rig_param_u32(struct rig *rig, const char *bus, const char *dev, const char *name,
		  uint32_t value)
{
	struct request *request = param_request(rig, bus, dev, name, DEVLINK_VAR_ATTR_TYPE_U32,
						DEVLINK_PARAM_CMODE_DRIVERINIT);

	fl_msg_put_u32(&request->msg, DEVLINK_ATTR_PARAM_VALUE_DATA, value);
	return rig_request_end(request);
}

int rig_flash(struct rig *rig, const char *dev, const char *file)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_FLASH_UPDATE, "pci", dev);

	if (!request)
		return -ENODEV;
	fl_msg_put_str(&request->msg, DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME, file);
	return rig_request_end(request);
}

/* ---- what runs -------------------------------------------------------------------------- */

struct sought {
	const char *kind, *lane;
	enum fl_op_state state;
	bool found;
};

static void look_at(const struct fl_op_info *info, void *arg)
{
	struct sought *sought = arg;

	if (info->state == sought->state && !strcmp(info->kind, sought->kind) &&
	    strstr(info->lane, sought->lane))
		sought->found = true;
}

static void await(struct rig *rig, struct sought sought)
{
	for (int ms = 0; ms < 60000 && !sought.found; ms++) {
		assert_int_equal(fl_sched_walk(fl_plane_sched(rig->plane), NULL, look_at, &sought),
				 0);
		if (!sought.found)
			rig_nap_ms(1);
	}
	assert_true(sought.found);
}

void rig_await_waiting(struct rig *rig, const char *kind, const char *lane)
{
	await(rig, (struct sought){ .kind = kind, .lane = lane, .state = FL_OP_WAITING });
}

void rig_await_running(struct rig *rig, const char *kind, const char *lane)
{
	await(rig, (struct sought){ .kind = kind, .lane = lane, .state = FL_OP_RUNNING });
}

void rig_await_late(struct rig *rig)
{
	struct fl_sched_stats stats;

	for (int wait = 0; wait < 60000; wait++) {
		fl_sched_stats(fl_plane_sched(rig->plane), &stats);
		if (stats.submitted == stats.ended)
			return;
		rig_nap_ms(1);
	}
	fail_msg("what was parked did not end");
}

/* ---- a flash beside the test ------------------------------------------------------------ */

static void *flash_on(void *arg)
{
	struct rig_flashing *flashing = arg;

	flashing->err = rig_flash(flashing->rig, flashing->dev, "image");
	__atomic_store_n(&flashing->over, true, __ATOMIC_RELEASE);
	return NULL;
}

void rig_flash_begin(struct rig *rig, const char *dev, struct rig_flashing *flashing)
{
	*flashing = (struct rig_flashing){ .rig = rig, .dev = dev };
	assert_int_equal(fl_thread_start(&flashing->thread, "flash", 0, flash_on, flashing), 0);
	rig_await_waiting(rig, "flash-update", dev);
}

bool rig_flash_is_over(const struct rig_flashing *flashing)
{
	return __atomic_load_n(&flashing->over, __ATOMIC_ACQUIRE);
}

int rig_flash_end(struct rig_flashing *flashing)
{
	pthread_join(flashing->thread, NULL);
	return flashing->err;
}

/* ---- answers ---------------------------------------------------------------------------- */

void rig_version(struct rig *rig, const char *dev, uint16_t kind, const char *name, char *ret_value,
		 size_t size)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_INFO_GET, "pci", dev);
	const struct nlattr *version, *attr;
	const struct nlmsghdr *nlh;

	assert_non_null(request);
	assert_int_equal(request_run(request), 0);
	snprintf(ret_value, size, "none");
	nlh = (const struct nlmsghdr *)request->req.reply.buf;
	mnl_attr_for_each(version, nlh, GENL_HDRLEN)
	{
		const char *its_name = "", *its_value = "";

		if (mnl_attr_get_type(version) != kind)
			continue;
		mnl_attr_for_each_nested(attr, version)
		{
			if (mnl_attr_get_type(attr) == DEVLINK_ATTR_INFO_VERSION_NAME)
				its_name = mnl_attr_get_str(attr);
			if (mnl_attr_get_type(attr) == DEVLINK_ATTR_INFO_VERSION_VALUE)
				its_value = mnl_attr_get_str(attr);
		}
		if (!strcmp(its_name, name))
			snprintf(ret_value, size, "%s", its_value);
	}
	request_done(request);
	free(request);
}

static void copy_u8(uint8_t *to, const void *message, uint16_t attr)
{
	const uint16_t path[] = { DEVLINK_ATTR_PORT_FUNCTION, attr, 0 };
	const struct nlattr *at = answer_attr(message, path);

	if (at)
		*to = fl_attr_u8(at);
}

static void parse_port(const void *message, struct rig_port *port)
{
	static const uint16_t flavour[] = { DEVLINK_ATTR_PORT_FLAVOUR, 0 };
	static const uint16_t type[] = { DEVLINK_ATTR_PORT_TYPE, 0 };
	static const uint16_t hw_addr[] = { DEVLINK_ATTR_PORT_FUNCTION,
					    DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, 0 };
	static const uint16_t nested[] = { DEVLINK_ATTR_PORT_FUNCTION, DEVLINK_PORT_FN_ATTR_DEVLINK,
					   DEVLINK_ATTR_DEV_NAME, 0 };
	const struct nlattr *at;

	port->flavour = fl_attr_u16(answer_attr(message, flavour));
	port->type = fl_attr_u16(answer_attr(message, type));
	copy_u8(&port->state, message, DEVLINK_PORT_FN_ATTR_STATE);
	copy_u8(&port->opstate, message, DEVLINK_PORT_FN_ATTR_OPSTATE);
	at = answer_attr(message, hw_addr);
	if (at)
		memcpy(port->hw_addr, fl_attr_data(at), 6);
	at = answer_attr(message, nested);
	if (at)
		snprintf(port->nested, sizeof(port->nested), "%s", fl_attr_str(at));
}

int rig_port(struct rig *rig, const char *dev, uint32_t index, struct rig_port *ret_port)
{
	struct request *request = port_request(rig, DEVLINK_CMD_PORT_GET, dev, index);
	int err;

	if (!request)
		return -ENODEV;
	err = request_run(request);
	memset(ret_port, 0, sizeof(*ret_port));
	if (!err)
		parse_port(request->req.reply.buf, ret_port);
	request_done(request);
	free(request);
	return err;
}

bool rig_await_opstate(struct rig *rig, const char *dev, uint32_t index, uint8_t opstate)
{
	struct rig_port port;

	for (int i = 0; i < 30000; i++) {
		if (rig_port(rig, dev, index, &port))
			return false;
		if (port.opstate == opstate)
			return true;
		rig_nap_ms(1);
	}
	return false;
}
