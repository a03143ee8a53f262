/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client finds on a switch: ports that split, buffers, tables, line cards, selftests. */
#include "tests/drivers/rig.h"

#include <libmnl/libmnl.h>

#include "base/thread.h"
#include "drivers/mlxsw/mlxsw.h"
#include "nl/ctrl.h"

#define SW "0000:05:00.0"
#define POOLS 8
#define PATH(...) ((const uint16_t[]){ __VA_ARGS__, 0 })

static void config_quick(struct mlxsw_config *config)
{
	mlxsw_config_init(config);
	snprintf(config->address, sizeof(config->address), SW);
	config->ports = 4;
	config->slots = 2;
	config->command_ns = MS / 20;
	config->provision_ns = 30 * MS;
	config->flash_ns = 5 * MS;
	config->selftest_ns = MS;
}

static void up(struct rig *rig, const struct mlxsw_config *config)
{
	rig_up(rig, NULL);
	assert_int_equal(mlxsw_drivers_register(rig->plane), 0);
	assert_int_equal(mlxsw_switch_add(rig->plane, config), 0);
	rig_settle(rig);
}

static void up_quick(struct rig *rig)
{
	struct mlxsw_config config;

	config_quick(&config);
	up(rig, &config);
}

/* ---- requests --------------------------------------------------------------------- */

struct field {
	uint16_t type;
	uint8_t size; /* bytes; 0: a string */
	uint32_t value;
	const char *text;
};

#define U8(type, value)                                                                            \
	{                                                                                          \
		type, 1, value, NULL                                                               \
	}
#define U16(type, value)                                                                           \
	{                                                                                          \
		type, 2, value, NULL                                                               \
	}
#define U32(type, value)                                                                           \
	{                                                                                          \
		type, 4, value, NULL                                                               \
	}
#define STR(type, text)                                                                            \
	{                                                                                          \
		type, 0, 0, text                                                                   \
	}
#define END                                                                                        \
	{                                                                                          \
		0, 0, 0, NULL                                                                      \
	}

static struct request *ask(struct rig *rig, uint8_t cmd, const struct field *fields, int *ret_err)
{
	struct request *request = rig_request(rig, cmd, "pci", SW);

	assert_non_null(request);
	for (; fields->type; fields++) {
		if (fields->size)
			fl_msg_put(&request->msg, fields->type, &fields->value, fields->size);
		else
			fl_msg_put_str(&request->msg, fields->type, fields->text);
	}
	*ret_err = request_run(request);
	snprintf(rig_extack, sizeof(rig_extack), "%s", request->req.extack.msg);
	return request;
}

static void done(struct request *request)
{
	request_done(request);
	free(request);
}

#define DO(rig, cmd, ...) do_it(rig, cmd, (const struct field[]){ __VA_ARGS__, END })

static int do_it(struct rig *rig, uint8_t cmd, const struct field *fields)
{
	int err;

	done(ask(rig, cmd, fields, &err));
	return err;
}

#define GET(rig, path, cmd, ...) get_it(rig, cmd, path, (const struct field[]){ __VA_ARGS__, END })

/* The number at path in the answer, or -1. */
static int64_t get_it(struct rig *rig, uint8_t cmd, const uint16_t *path,
		      const struct field *fields)
{
	int err;
	struct request *request = ask(rig, cmd, fields, &err);
	const struct nlattr *attr = NULL;
	uint64_t value = 0;

	if (!err)
		attr = answer_attr(request->req.reply.buf, path);
	if (attr) {
		assert_true(mnl_attr_get_payload_len(attr) <= sizeof(value));
		memcpy(&value, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	}
	done(request);
	return attr ? (int64_t)value : -1;
}

/* All messages of a dump, in datagrams of so many bytes. */
static unsigned int dump(struct rig *rig, uint8_t cmd, size_t bytes, unsigned int *ret_datagrams,
			 void (*each)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	struct request *request = rig_request(rig, cmd, "pci", SW);
	unsigned char *buf = malloc(bytes);
	struct fl_dump state = { 0 };
	unsigned int count = 0;
	struct fl_msg msg;
	int more;

	assert_non_null(buf);
	fl_msg_end(&request->msg);
	request->req.nlh = (struct nlmsghdr *)request->buf;
	assert_int_equal(fl_nl_parse(request->req.nlh, GENL_HDRLEN,
				     fl_devlink_cmds[cmd].dump_policy,
				     fl_devlink_cmds[cmd].dump_max, true, request->req.tb,
				     &request->req.extack),
			 0);
	*ret_datagrams = 0;
	do {
		fl_msg_init_fixed(&msg, buf, bytes);
		state.msg = &msg;
		state.full = false;
		fl_rcu_read_lock();
		more = fl_commands[cmd].dumpit(&request->req, &state);
		fl_rcu_read_unlock();
		assert_true(more >= 0);
		assert_true(!more || msg.len);
		for (size_t at = 0; at < msg.len;) {
			const struct nlmsghdr *nlh = (const struct nlmsghdr *)(buf + at);

			each(nlh, arg);
			count++;
			at += NLMSG_ALIGN(nlh->nlmsg_len);
		}
		++*ret_datagrams;
	} while (more);
	free(buf);
	done(request);
	return count;
}

static uint32_t number(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr = answer_attr(nlh, PATH(type));
	uint32_t value = 0;

	assert_non_null(attr);
	memcpy(&value, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	return value;
}

/* ---- line cards, as others need them ----------------------------------------------- */

static int64_t card_state(struct rig *rig, uint32_t index)
{
	return GET(rig, PATH(DEVLINK_ATTR_LINECARD_STATE), DEVLINK_CMD_LINECARD_GET,
		   U32(DEVLINK_ATTR_LINECARD_INDEX, index));
}

static int card_set(struct rig *rig, uint32_t index, const char *type)
{
	return DO(rig, DEVLINK_CMD_LINECARD_SET, U32(DEVLINK_ATTR_LINECARD_INDEX, index),
		  STR(DEVLINK_ATTR_LINECARD_TYPE, type));
}

static void await_card(struct rig *rig, uint32_t index, int64_t state)
{
	for (int i = 0; i < 5000 && card_state(rig, index) != state; i++)
		rig_nap_ms(2);
	assert_int_equal(card_state(rig, index), state);
}

/* ---- ports ------------------------------------------------------------------------ */

static int64_t port(struct rig *rig, uint32_t index, uint16_t type)
{
	return GET(rig, PATH(type), DEVLINK_CMD_PORT_GET, U32(DEVLINK_ATTR_PORT_INDEX, index));
}

static int split(struct rig *rig, uint32_t index, uint32_t count)
{
	return DO(rig, DEVLINK_CMD_PORT_SPLIT, U32(DEVLINK_ATTR_PORT_INDEX, index),
		  U32(DEVLINK_ATTR_PORT_SPLIT_COUNT, count));
}

static int unsplit(struct rig *rig, uint32_t index)
{
	return DO(rig, DEVLINK_CMD_PORT_UNSPLIT, U32(DEVLINK_ATTR_PORT_INDEX, index));
}

static void test_split(void **state)
{
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(port(&rig, 5, DEVLINK_ATTR_PORT_LANES), 4);
	assert_int_equal(port(&rig, 5, DEVLINK_ATTR_PORT_SPLITTABLE), 1);
	assert_int_equal(port(&rig, 0, DEVLINK_ATTR_PORT_FLAVOUR), DEVLINK_PORT_FLAVOUR_CPU);

	assert_int_equal(split(&rig, 5, 2), 0);
	assert_int_equal(port(&rig, 5, DEVLINK_ATTR_PORT_LANES), 2);
	assert_int_equal(port(&rig, 7, DEVLINK_ATTR_PORT_LANES), 2);
	assert_int_equal(port(&rig, 7, DEVLINK_ATTR_PORT_SPLIT_GROUP), 2);
	assert_int_equal(port(&rig, 7, DEVLINK_ATTR_PORT_SPLIT_SUBPORT_NUMBER), 1);
	assert_int_equal(port(&rig, 6, DEVLINK_ATTR_PORT_LANES), -1);
	/* What belongs to a port came with it. */
	assert_int_equal(GET(&rig, PATH(DEVLINK_ATTR_SB_THRESHOLD), DEVLINK_CMD_SB_PORT_POOL_GET,
			     U32(DEVLINK_ATTR_PORT_INDEX, 7), U32(DEVLINK_ATTR_SB_INDEX, 0),
			     U16(DEVLINK_ATTR_SB_POOL_INDEX, 4)),
			 10);

	assert_int_equal(split(&rig, 7, 2), -EINVAL);
	assert_string_equal(rig_extack, "Port cannot be split further");
	assert_int_equal(unsplit(&rig, 7), 0);
	assert_int_equal(port(&rig, 5, DEVLINK_ATTR_PORT_LANES), 4);
	assert_int_equal(port(&rig, 7, DEVLINK_ATTR_PORT_LANES), -1);
	rig_down(&rig);
}

static void test_split_refused(void **state)
{
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(split(&rig, 0, 2), -EINVAL);
	assert_string_equal(rig_extack, "Port cannot be split");
	for (uint32_t count = 0; count < 10; count++) {
		if (count == 2 || count == 4)
			continue;
		assert_int_equal(split(&rig, 1, count), -EINVAL);
		assert_string_equal(rig_extack, "Invalid split count");
	}
	assert_int_equal(unsplit(&rig, 1), -EINVAL);
	assert_string_equal(rig_extack, "mlxsw_spectrum: Port was not split");
	assert_int_equal(split(&rig, 99, 2), -ENODEV);
	assert_int_equal(DO(&rig, DEVLINK_CMD_PORT_SET, U32(DEVLINK_ATTR_PORT_INDEX, 1),
			    U16(DEVLINK_ATTR_PORT_TYPE, DEVLINK_PORT_TYPE_IB)),
			 -EOPNOTSUPP);
	assert_int_equal(DO(&rig, DEVLINK_CMD_PORT_PARAM_GET, U32(DEVLINK_ATTR_PORT_INDEX, 1)),
			 -EINVAL);
	assert_string_equal(rig_extack, "Port params are not supported");
	rig_down(&rig);
}

/* A flash that outlasts the test keeps nothing of this waiting. */
static void test_split_during_flash(void **state)
{
	struct rig_flashing flashing;
	struct mlxsw_config config;
	struct rig rig;

	config_quick(&config);
	config.flash_ns = 3600 * 1000 * MS;
	up(&rig, &config);
	rig_flash_begin(&rig, SW, &flashing);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(split(&rig, 5, 4), 0);
		assert_int_equal(DO(&rig, DEVLINK_CMD_SB_OCC_SNAPSHOT,
				    U32(DEVLINK_ATTR_SB_INDEX, 0)),
				 0);
		assert_int_equal(unsplit(&rig, 6), 0);
	}
	assert_int_equal(card_set(&rig, 1, "16x100G"), 0);
	await_card(&rig, 1, DEVLINK_LINECARD_STATE_ACTIVE);
	assert_int_equal(split(&rig, 17, 2), 0);
	assert_int_equal(port(&rig, 19, DEVLINK_ATTR_LINECARD_INDEX), 1);
	assert_false(rig_flash_is_over(&flashing));
	rig_remove(&rig, "pci", SW);
	assert_true(rig_flash_end(&flashing) < 0);
	rig_down(&rig);
}

struct placed {
	const char *name; /* of the lane, behind that of the switch */
	const char *above;
	bool seen;
};

static void see_lane(const struct fl_lane_info *info, void *arg)
{
	char name[64], above[64];

	for (struct placed *placed = arg; placed->name; placed++) {
		snprintf(name, sizeof(name), "pci/" SW "/%s", placed->name);
		if (strcmp(info->name, name))
			continue;
		snprintf(above, sizeof(above), "pci/" SW "%s", placed->above);
		assert_string_equal(info->parent, above);
		placed->seen = true;
	}
}

/* What ports have a part in is below their lane, so that a split is alone on it; nothing else
 * is. */
static void test_lanes(void **state)
{
	struct placed lanes[] = {
		{ .name = "ports", .above = "" },
		{ .name = "flash", .above = "" },
		{ .name = "params", .above = "" },
		{ .name = "traps", .above = "" },
		{ .name = "dpipe", .above = "" },
		{ .name = "selftests", .above = "" },
		{ .name = "fw_fatal", .above = "" },
		{ .name = "sb", .above = "/ports" },
		{ .name = "linecards", .above = "/ports" },
		{ .name = "regions", .above = "/ports" },
		{ .name = "resources", .above = "/ports" },
		{ .name = NULL },
	};
	struct rig rig;

	up_quick(&rig);
	/* A reporter's lane is made for the first who needs it. */
	DO(&rig, DEVLINK_CMD_HEALTH_REPORTER_DUMP_CLEAR,
	   STR(DEVLINK_ATTR_HEALTH_REPORTER_NAME, "fw_fatal"));
	assert_int_equal(fl_sched_walk(fl_plane_sched(rig.plane), see_lane, NULL, lanes), 0);
	for (const struct placed *placed = lanes; placed->name; placed++) {
		if (!placed->seen)
			print_message("no lane %s\n", placed->name);
		assert_true(placed->seen);
	}
	rig_down(&rig);
}

/* What splits a port and what changes its quotas may come at any time. */
struct meddling {
	struct rig *rig;
	pthread_t thread;
	bool over; /* atomic */
	int odd;   /* an answer that there must not be */
};

static void *meddle(void *arg)
{
	struct meddling *meddling = arg;
	struct rig *rig = meddling->rig;
	int err;

	while (!__atomic_load_n(&meddling->over, __ATOMIC_ACQUIRE)) {
		err = DO(rig, DEVLINK_CMD_SB_PORT_POOL_SET, U32(DEVLINK_ATTR_PORT_INDEX, 7),
			 U32(DEVLINK_ATTR_SB_INDEX, 0), U16(DEVLINK_ATTR_SB_POOL_INDEX, 4),
			 U32(DEVLINK_ATTR_SB_THRESHOLD, 12));
		if (err && err != -ENODEV)
			meddling->odd = err;
	}
	return NULL;
}

static void test_split_against_quotas(void **state)
{
	struct meddling meddling;
	struct rig rig;

	up_quick(&rig);
	meddling = (struct meddling){ .rig = &rig };
	assert_int_equal(fl_thread_start(&meddling.thread, "meddle", 0, meddle, &meddling), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(split(&rig, 5, 2), 0);
		assert_int_equal(unsplit(&rig, 7), 0);
		/* No quota outlives its port. */
		assert_int_equal(DO(&rig, DEVLINK_CMD_SB_PORT_POOL_GET,
				    U32(DEVLINK_ATTR_PORT_INDEX, 7),
				    U32(DEVLINK_ATTR_SB_INDEX, 0),
				    U16(DEVLINK_ATTR_SB_POOL_INDEX, 4)),
				 -ENODEV);
	}
	__atomic_store_n(&meddling.over, true, __ATOMIC_RELEASE);
	pthread_join(meddling.thread, NULL);
	assert_int_equal(meddling.odd, 0);
	rig_down(&rig);
}

/* ---- shared buffers --------------------------------------------------------------- */

static int64_t tc(struct rig *rig, uint16_t what, uint16_t index, uint8_t type)
{
	return GET(rig, PATH(what), DEVLINK_CMD_SB_TC_POOL_BIND_GET,
		   U32(DEVLINK_ATTR_PORT_INDEX, 5), U32(DEVLINK_ATTR_SB_INDEX, 0),
		   U16(DEVLINK_ATTR_SB_TC_INDEX, index), U8(DEVLINK_ATTR_SB_POOL_TYPE, type));
}

static int pool_set(struct rig *rig, uint16_t pool, uint32_t size, uint8_t type)
{
	return DO(rig, DEVLINK_CMD_SB_POOL_SET, U32(DEVLINK_ATTR_SB_INDEX, 0),
		  U16(DEVLINK_ATTR_SB_POOL_INDEX, pool), U32(DEVLINK_ATTR_SB_POOL_SIZE, size),
		  U8(DEVLINK_ATTR_SB_POOL_THRESHOLD_TYPE, type));
}

static int bind_tc(struct rig *rig, uint16_t index, uint8_t type, uint16_t pool, uint32_t threshold)
{
	return DO(rig, DEVLINK_CMD_SB_TC_POOL_BIND_SET, U32(DEVLINK_ATTR_PORT_INDEX, 5),
		  U32(DEVLINK_ATTR_SB_INDEX, 0), U16(DEVLINK_ATTR_SB_TC_INDEX, index),
		  U8(DEVLINK_ATTR_SB_POOL_TYPE, type), U16(DEVLINK_ATTR_SB_POOL_INDEX, pool),
		  U32(DEVLINK_ATTR_SB_THRESHOLD, threshold));
}

static void test_sb_set(void **state)
{
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(pool_set(&rig, 1, 1000, DEVLINK_SB_THRESHOLD_TYPE_STATIC), 0);
	assert_int_equal(GET(&rig, PATH(DEVLINK_ATTR_SB_POOL_SIZE), DEVLINK_CMD_SB_POOL_GET,
			     U32(DEVLINK_ATTR_SB_INDEX, 0), U16(DEVLINK_ATTR_SB_POOL_INDEX, 1)),
			 1056); /* whole cells */
	assert_int_equal(pool_set(&rig, 1, 1u << 30, 0), -EINVAL);
	assert_int_equal(pool_set(&rig, POOLS, 1000, 0), -EINVAL);
	assert_int_equal(pool_set(&rig, 1, 1000, 2), -ERANGE);

	/* The last traffic class of each direction, so that places are not mixed up. */
	assert_int_equal(bind_tc(&rig, 7, DEVLINK_SB_POOL_TYPE_INGRESS, 1, 200), 0);
	assert_int_equal(bind_tc(&rig, 15, DEVLINK_SB_POOL_TYPE_EGRESS, 5, 16), 0);
	assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_POOL_INDEX, 7, 0), 1);
	assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_THRESHOLD, 7, 0), 288);
	assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_POOL_INDEX, 15, 1), 5);
	assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_THRESHOLD, 15, 1), 16);
	assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_POOL_INDEX, 0, 1), 4);
	assert_int_equal(bind_tc(&rig, 8, DEVLINK_SB_POOL_TYPE_INGRESS, 1, 200), -EINVAL);
	assert_int_equal(bind_tc(&rig, 0, DEVLINK_SB_POOL_TYPE_INGRESS, 4, 10), -EINVAL);
	assert_int_equal(bind_tc(&rig, 0, DEVLINK_SB_POOL_TYPE_EGRESS, 4, 17), -EINVAL);
	assert_string_equal(rig_extack, "mlxsw_spectrum: Invalid dynamic threshold value");
	/* The CPU's port has nothing in the buffer. */
	assert_int_equal(DO(&rig, DEVLINK_CMD_SB_PORT_POOL_GET, U32(DEVLINK_ATTR_PORT_INDEX, 0),
			    U32(DEVLINK_ATTR_SB_INDEX, 0), U16(DEVLINK_ATTR_SB_POOL_INDEX, 0)),
			 -EOPNOTSUPP);
	assert_int_equal(DO(&rig, DEVLINK_CMD_SB_OCC_SNAPSHOT, U32(DEVLINK_ATTR_SB_INDEX, 1)),
			 -ENODEV);
	rig_down(&rig);
}

static void test_sb_occupancy(void **state)
{
	int64_t first = 0, max = 0, cur = 0, now;
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_OCC_MAX, 3, 1), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(
			DO(&rig, DEVLINK_CMD_SB_OCC_SNAPSHOT, U32(DEVLINK_ATTR_SB_INDEX, 0)), 0);
		cur = tc(&rig, DEVLINK_ATTR_SB_OCC_CUR, 3, 1);
		max = cur > max ? cur : max;
		assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_OCC_MAX, 3, 1), max);
		first = i ? first : cur;
	}
	assert_true(max > 0 && max != first);
	assert_int_equal(cur % 96, 0);
	assert_int_equal(DO(&rig, DEVLINK_CMD_SB_OCC_MAX_CLEAR, U32(DEVLINK_ATTR_SB_INDEX, 0)), 0);
	now = tc(&rig, DEVLINK_ATTR_SB_OCC_CUR, 3, 1);
	assert_int_equal(now, cur); /* as of the last snapshot still */
	assert_int_equal(tc(&rig, DEVLINK_ATTR_SB_OCC_MAX, 3, 1), 0);
	rig_down(&rig);
}

struct seen {
	unsigned int times[64][POOLS];
	uint64_t last;
};

static void see_port_pool(const struct nlmsghdr *nlh, void *arg)
{
	struct seen *seen = arg;
	uint32_t index = number(nlh, DEVLINK_ATTR_PORT_INDEX);
	uint32_t pool = number(nlh, DEVLINK_ATTR_SB_POOL_INDEX);
	uint64_t place = (uint64_t)index * POOLS + pool + 1;

	assert_true(index < 64 && pool < POOLS);
	assert_true(place > seen->last);
	seen->last = place;
	seen->times[index][pool]++;
}

/* However small the datagrams, each of them is told once. */
static void test_sb_dump(void **state)
{
	unsigned int datagrams;
	struct rig rig;

	up_quick(&rig);
	for (size_t bytes = 200; bytes < 3000; bytes = bytes * 3 / 2 & ~3u) {
		struct seen seen = { 0 };

		assert_int_equal(dump(&rig, DEVLINK_CMD_SB_PORT_POOL_GET, bytes, &datagrams,
				      see_port_pool, &seen),
				 4 * POOLS);
		assert_true(datagrams > 1);
		for (uint32_t index = 1; index < 17; index += 4) {
			for (int pool = 0; pool < POOLS; pool++)
				assert_int_equal(seen.times[index][pool], 1);
		}
	}
	rig_down(&rig);
}

/* ---- pipeline tables -------------------------------------------------------------- */

#define HOSTS 500

/* Checks the entries of one message; their indexes go on from `next`. */
static uint64_t check_entries(const struct nlmsghdr *nlh, uint64_t next, bool counters)
{
	const struct nlattr *list = answer_attr(nlh, PATH(DEVLINK_ATTR_DPIPE_ENTRIES)), *entry;
	const struct nlattr *attr;
	bool counted;

	assert_non_null(list);
	mnl_attr_for_each_nested(entry, list)
	{
		counted = false;
		assert_int_equal(mnl_attr_get_type(entry), DEVLINK_ATTR_DPIPE_ENTRY);
		mnl_attr_for_each_nested(attr, entry)
		{
			counted |= mnl_attr_get_type(attr) == DEVLINK_ATTR_DPIPE_ENTRY_COUNTER;
			if (mnl_attr_get_type(attr) == DEVLINK_ATTR_DPIPE_ENTRY_INDEX)
				assert_int_equal(mnl_attr_get_u64(attr), next);
		}
		assert_int_equal(counted, counters);
		next++;
	}
	return next;
}

static void check_table(struct rig *rig, const char *name, uint64_t size, bool counters)
{
	const struct field fields[] = { STR(DEVLINK_ATTR_DPIPE_TABLE_NAME, name), END };
	unsigned int messages = 0;
	const struct nlmsghdr *nlh;
	struct request *request;
	uint64_t next = 0;
	int err;

	request = ask(rig, DEVLINK_CMD_DPIPE_ENTRIES_GET, fields, &err);
	assert_int_equal(err, 0);
	for (size_t at = 0;; at += NLMSG_ALIGN(nlh->nlmsg_len)) {
		assert_true(at < request->req.reply.len);
		nlh = (const struct nlmsghdr *)(request->req.reply.buf + at);
		if (nlh->nlmsg_type == NLMSG_DONE) {
			assert_int_equal(at + nlh->nlmsg_len, request->req.reply.len);
			break;
		}
		assert_true(nlh->nlmsg_len <= 3776 && nlh->nlmsg_flags & NLM_F_MULTI);
		next = check_entries(nlh, next, counters);
		messages++;
	}
	assert_int_equal(next, size);
	assert_true(messages >= 1 + size / 100);
	done(request);
}

static void test_dpipe(void **state)
{
	struct mlxsw_config config;
	struct rig rig;

	config_quick(&config);
	config.hosts = HOSTS;
	up(&rig, &config);
	check_table(&rig, "mlxsw_host4", HOSTS, false);
	assert_int_equal(DO(&rig, DEVLINK_CMD_DPIPE_TABLE_COUNTERS_SET,
			    STR(DEVLINK_ATTR_DPIPE_TABLE_NAME, "mlxsw_host4"),
			    U8(DEVLINK_ATTR_DPIPE_TABLE_COUNTERS_ENABLED, 1)),
			 0);
	check_table(&rig, "mlxsw_host4", HOSTS, true);
	check_table(&rig, "mlxsw_erif", 4, false);
	check_table(&rig, "mlxsw_adj", HOSTS / 4, false);
	assert_int_equal(GET(&rig,
			     PATH(DEVLINK_ATTR_DPIPE_TABLES, DEVLINK_ATTR_DPIPE_TABLE,
				  DEVLINK_ATTR_DPIPE_TABLE_SIZE),
			     DEVLINK_CMD_DPIPE_TABLE_GET,
			     STR(DEVLINK_ATTR_DPIPE_TABLE_NAME, "mlxsw_host4")),
			 HOSTS);
	assert_int_equal(DO(&rig, DEVLINK_CMD_DPIPE_ENTRIES_GET,
			    STR(DEVLINK_ATTR_DPIPE_TABLE_NAME, "mlxsw_none")),
			 -EINVAL);
	assert_int_equal(DO(&rig, DEVLINK_CMD_DPIPE_TABLE_COUNTERS_SET,
			    STR(DEVLINK_ATTR_DPIPE_TABLE_NAME, "mlxsw_erif")),
			 -EINVAL);
	rig_down(&rig);
}

/* ---- line cards ------------------------------------------------------------------- */

static void test_linecard(void **state)
{
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(card_state(&rig, 1), DEVLINK_LINECARD_STATE_UNPROVISIONED);
	assert_int_equal(card_set(&rig, 1, "8x800G"), -EINVAL);
	assert_string_equal(rig_extack, "Unsupported line card type provided");
	assert_int_equal(card_set(&rig, 1, ""), 0);
	assert_string_equal(rig_extack, "Line card is not provisioned");
	assert_int_equal(card_set(&rig, 3, "16x100G"), -ENODEV);

	assert_int_equal(card_set(&rig, 1, "16x100G"), 0);
	assert_int_equal(card_state(&rig, 1), DEVLINK_LINECARD_STATE_PROVISIONING);
	assert_int_equal(card_set(&rig, 1, "16x100G"), -EBUSY);
	assert_string_equal(rig_extack, "Line card is currently being provisioned");
	await_card(&rig, 1, DEVLINK_LINECARD_STATE_ACTIVE);
	assert_int_equal(card_set(&rig, 1, "16x200G"), -EBUSY);
	assert_string_equal(rig_extack, "Line card already provisioned");
	assert_int_equal(card_set(&rig, 1, "16x100G"), 0);
	assert_int_equal(port(&rig, 17, DEVLINK_ATTR_LINECARD_INDEX), 1);
	assert_true(rig_has_instance(&rig, "auxiliary", "mlxsw_core.lc.0"));
	assert_true(GET(&rig, PATH(DEVLINK_ATTR_NESTED_DEVLINK, DEVLINK_ATTR_INDEX),
			DEVLINK_CMD_LINECARD_GET, U32(DEVLINK_ATTR_LINECARD_INDEX, 1)) > 0);

	/* It outlives a reload, and goes when it is told to. */
	assert_int_equal(rig_reload(&rig, "pci", SW, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0), 0);
	assert_int_equal(card_state(&rig, 1), DEVLINK_LINECARD_STATE_ACTIVE);
	assert_int_equal(port(&rig, 17, DEVLINK_ATTR_LINECARD_INDEX), 1);
	assert_int_equal(card_set(&rig, 1, ""), 0);
	assert_int_equal(card_state(&rig, 1), DEVLINK_LINECARD_STATE_UNPROVISIONING);
	await_card(&rig, 1, DEVLINK_LINECARD_STATE_UNPROVISIONED);
	rig_settle(&rig);
	assert_int_equal(port(&rig, 17, DEVLINK_ATTR_LINECARD_INDEX), -1);
	assert_false(rig_has_instance(&rig, "auxiliary", "mlxsw_core.lc.0"));
	rig_down(&rig);
}

static void test_linecard_fails(void **state)
{
	struct mlxsw_config config;
	struct rig rig;

	config_quick(&config);
	config.broken_slots = 1u << 2;
	up(&rig, &config);
	assert_int_equal(card_set(&rig, 2, "16x200G"), 0);
	await_card(&rig, 2, DEVLINK_LINECARD_STATE_PROVISIONING_FAILED);
	assert_int_equal(card_set(&rig, 2, ""), 0);
	assert_int_equal(card_state(&rig, 2), DEVLINK_LINECARD_STATE_UNPROVISIONED);
	rig_down(&rig);
}

/* A switch goes, or is reloaded, while a card is being prepared. */
static void test_linecard_interrupted(void **state)
{
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(card_set(&rig, 1, "16x100G"), 0);
	assert_int_equal(rig_reload(&rig, "pci", SW, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0), 0);
	rig_settle(&rig);
	assert_int_equal(card_state(&rig, 1), DEVLINK_LINECARD_STATE_UNPROVISIONED);
	assert_int_equal(port(&rig, 17, DEVLINK_ATTR_LINECARD_INDEX), -1);
	assert_int_equal(card_set(&rig, 1, "16x100G"), 0);
	assert_int_equal(card_set(&rig, 2, "16x100G"), 0);
	rig_remove(&rig, "pci", SW);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), 0);
	rig_down(&rig);
}

/* ---- selftests -------------------------------------------------------------------- */

static void test_selftests(void **state)
{
	struct request *request;
	const struct nlattr *attr;
	size_t nest;
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(GET(&rig, PATH(DEVLINK_ATTR_SELFTESTS, DEVLINK_ATTR_SELFTEST_ID_FLASH),
			     DEVLINK_CMD_SELFTESTS_GET, END),
			 0);
	assert_int_equal(DO(&rig, DEVLINK_CMD_SELFTESTS_RUN, END), -EINVAL);
	request = rig_request(&rig, DEVLINK_CMD_SELFTESTS_RUN, "pci", SW);
	nest = fl_msg_nest(&request->msg, DEVLINK_ATTR_SELFTESTS, true);
	fl_msg_put_flag(&request->msg, DEVLINK_ATTR_SELFTEST_ID_FLASH);
	fl_msg_nest_end(&request->msg, nest);
	assert_int_equal(request_run(request), 0);
	attr = answer_attr(request->req.reply.buf,
			   PATH(DEVLINK_ATTR_SELFTESTS, DEVLINK_ATTR_SELFTEST_RESULT,
				DEVLINK_ATTR_SELFTEST_RESULT_STATUS));
	assert_non_null(attr);
	assert_int_equal(mnl_attr_get_u8(attr), DEVLINK_SELFTEST_STATUS_PASS);
	done(request);
	rig_down(&rig);
}

/* ---- parameters ------------------------------------------------------------------- */

#define VALUE_PATH                                                                                 \
	PATH(DEVLINK_ATTR_PARAM, DEVLINK_ATTR_PARAM_VALUES_LIST, DEVLINK_ATTR_PARAM_VALUE,         \
	     DEVLINK_ATTR_PARAM_VALUE_DATA)

static int64_t param(struct rig *rig, const char *name)
{
	return GET(rig, VALUE_PATH, DEVLINK_CMD_PARAM_GET, STR(DEVLINK_ATTR_PARAM_NAME, name));
}

static int param_set(struct rig *rig, const char *name, bool runtime, uint32_t value)
{
	struct field data = { DEVLINK_ATTR_PARAM_VALUE_DATA, runtime ? 4 : 1, value, NULL };

	return DO(rig, DEVLINK_CMD_PARAM_SET, STR(DEVLINK_ATTR_PARAM_NAME, name),
		  U8(DEVLINK_ATTR_PARAM_TYPE,
		     runtime ? DEVLINK_VAR_ATTR_TYPE_U32 : DEVLINK_VAR_ATTR_TYPE_U8),
		  U8(DEVLINK_ATTR_PARAM_VALUE_CMODE,
		     runtime ? DEVLINK_PARAM_CMODE_RUNTIME : DEVLINK_PARAM_CMODE_DRIVERINIT),
		  data);
}

static void test_params(void **state)
{
	struct rig rig;

	up_quick(&rig);
	assert_int_equal(param(&rig, "fw_load_policy"), DEVLINK_PARAM_FW_LOAD_POLICY_VALUE_DRIVER);
	assert_int_equal(param(&rig, "acl_region_rehash_interval"), 5000);
	assert_int_equal(param_set(&rig, "fw_load_policy", false, 2), -EINVAL);
	assert_string_equal(rig_extack,
			    "mlxsw_spectrum: 'fw_load_policy' must be 'driver' or 'flash'");
	assert_int_equal(param_set(&rig, "fw_load_policy", false, 1), 0);
	assert_int_equal(param_set(&rig, "acl_region_rehash_interval", true, 2999), -EINVAL);
	assert_int_equal(param_set(&rig, "acl_region_rehash_interval", true, 0), 0);
	assert_int_equal(param_set(&rig, "acl_region_rehash_interval", true, 3000), 0);
	assert_int_equal(param(&rig, "acl_region_rehash_interval"), 3000);
	/* The tables are new after a reload, and their interval is. */
	assert_int_equal(rig_reload(&rig, "pci", SW, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, 0), 0);
	assert_int_equal(param(&rig, "acl_region_rehash_interval"), 5000);
	assert_int_equal(param(&rig, "fw_load_policy"), DEVLINK_PARAM_FW_LOAD_POLICY_VALUE_FLASH);
	rig_down(&rig);
}

/* ---- traps ------------------------------------------------------------------------ */

static int64_t dropped(struct rig *rig, uint32_t policer)
{
	return GET(rig, PATH(DEVLINK_ATTR_STATS, DEVLINK_ATTR_STATS_RX_DROPPED),
		   DEVLINK_CMD_TRAP_POLICER_GET, U32(DEVLINK_ATTR_TRAP_POLICER_ID, policer));
}

/* In bytes: the type of what counts packets is 0, which ends a path. */
static int64_t trapped(struct rig *rig, const char *group)
{
	return GET(rig, PATH(DEVLINK_ATTR_STATS, DEVLINK_ATTR_STATS_RX_BYTES),
		   DEVLINK_CMD_TRAP_GROUP_GET, STR(DEVLINK_ATTR_TRAP_GROUP_NAME, group));
}

static int bind_policer(struct rig *rig, const char *group, uint32_t policer)
{
	return DO(rig, DEVLINK_CMD_TRAP_GROUP_SET, STR(DEVLINK_ATTR_TRAP_GROUP_NAME, group),
		  U32(DEVLINK_ATTR_TRAP_POLICER_ID, policer));
}

static void await_more(struct rig *rig, int64_t (*of)(struct rig *rig))
{
	int64_t first = of(rig);

	for (int i = 0; i < 10000 && of(rig) == first; i++)
		rig_nap_ms(2);
	assert_true(of(rig) > first);
}

static int64_t dropped_by_second(struct rig *rig)
{
	return dropped(rig, 2);
}

static int64_t dropped_by_first(struct rig *rig)
{
	return dropped(rig, 1);
}

static int64_t trapped_lacp(struct rig *rig)
{
	return trapped(rig, "lacp");
}

/* What the groups of control packets are bound to drops some of them, and nothing else does. */
static void test_policers(void **state)
{
	static const char *const busy[] = { "stp", "lacp", "lldp", "bgp" };
	int64_t before;
	struct rig rig;

	up_quick(&rig);
	await_more(&rig, dropped_by_second);
	await_more(&rig, trapped_lacp);
	assert_int_equal(dropped(&rig, 1), 0);
	for (size_t i = 0; i < FL_ARRAY_SIZE(busy); i++)
		assert_int_equal(bind_policer(&rig, busy[i], 0), 0);
	before = dropped(&rig, 2);
	await_more(&rig, trapped_lacp); /* a period that began after that */
	await_more(&rig, trapped_lacp);
	assert_true(dropped(&rig, 2) - before <= 4); /* of one that was under way */
	before = dropped(&rig, 2);
	assert_int_equal(bind_policer(&rig, "lacp", 1), 0);
	await_more(&rig, dropped_by_first);
	assert_int_equal(dropped(&rig, 2), before);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_refused),
		cmocka_unit_test(test_split_during_flash),
		cmocka_unit_test(test_split_against_quotas),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_sb_set),
		cmocka_unit_test(test_sb_occupancy),
		cmocka_unit_test(test_sb_dump),
		cmocka_unit_test(test_dpipe),
		cmocka_unit_test(test_linecard),
		cmocka_unit_test(test_linecard_fails),
		cmocka_unit_test(test_linecard_interrupted),
		cmocka_unit_test(test_selftests),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_policers),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests_name("mlxsw", tests, NULL, NULL);
}
