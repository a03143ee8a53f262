/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_shared.c - the instance that the PFs of one chip share: when it is there, what it shows,
 * what can be asked of it. */
#include "tests/drivers/rig.h"

#include <libmnl/libmnl.h>

#include "base/thread.h"
#include "core/txn.h"

#define SHARED "1" /* the first one: PF0 is 0 */

static void config_two(struct mlx5_config *config)
{
	rig_config(config);
	config->ports = 2;
}

/* What a message of the shared instance shows as nested: "0000:03:00.0 0000:03:00.1@"; @: in
 * another namespace. */
static const char *nested_in(const void *message)
{
	static const uint16_t name[] = { DEVLINK_ATTR_DEV_NAME, 0 };
	static _Thread_local char text[256];
	const struct nlattr *nest, *attr;
	size_t len = 0;

	*text = '\0';
	mnl_attr_for_each(nest, (const struct nlmsghdr *)message, GENL_HDRLEN)
	{
		if (mnl_attr_get_type(nest) != DEVLINK_ATTR_NESTED_DEVLINK)
			continue;
		mnl_attr_for_each_nested(attr, nest)
		{
			if (mnl_attr_get_type(attr) == name[0])
				len += snprintf(text + len, sizeof(text) - len, "%s%s",
						len ? " " : "", mnl_attr_get_str(attr));
			if (mnl_attr_get_type(attr) == DEVLINK_ATTR_NETNS_ID)
				len += snprintf(text + len, sizeof(text) - len, "@");
		}
	}
	return text;
}

static const char *nested(struct rig *rig, const char *name)
{
	struct request *request = rig_request(rig, DEVLINK_CMD_GET, SHARED_BUS, name);
	const char *text = "none";

	if (!request)
		return text;
	assert_int_equal(request_run(request), 0);
	text = nested_in(request->req.reply.buf);
	request_done(request);
	free(request);
	return text;
}

static void test_life(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	config_two(&config);
	rig_up(&rig, &config);
	assert_int_equal(rig_shared(&rig), 1);
	assert_string_equal(nested(&rig, SHARED), PF0 " " PF1);
	rig_remove(&rig, "pci", PF0);
	rig_settle(&rig);
	assert_string_equal(nested(&rig, SHARED), PF1);
	assert_int_equal(rig_unbind(&rig, "pci", PF1), 0);
	rig_settle(&rig);
	assert_int_equal(rig_shared(&rig), 0);
	/* The next one has another number: no number twice. */
	assert_int_equal(rig_bind(&rig, "pci", PF1), 0);
	rig_settle(&rig);
	assert_int_equal(rig_shared(&rig), 1);
	assert_string_equal(nested(&rig, SHARED), "none");
	rig_down(&rig);
}

/* Each chip has its own. */
static void test_chips(void **state)
{
	struct mlx5_config config;
	struct rig rig;

	config_two(&config);
	rig_up(&rig, &config);
	snprintf(config.address, sizeof(config.address), "0000:04:00.0");
	config.vfs = 1;
	config.switchdev = true;
	assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
	rig_settle(&rig);
	assert_int_equal(rig_shared(&rig), 2);
	assert_string_equal(nested(&rig, SHARED), PF0 " " PF1);
	assert_string_equal(nested(&rig, "4"), "0000:04:00.0 0000:04:00.1");
	rig_down(&rig);
}

/* A PF whose probe fails, or hangs, is not shown; and holds nobody up. */
static void test_failing_pf(void **state)
{
	static const struct mlx5_fault faults[] = {
		{ .step = MLX5_STEP_FW_CMD, .match = PF0, .error = EIO },
		{ .step = MLX5_STEP_FW_CMD, .match = PF0, .hang = true },
	};
	struct mlx5_config config;
	struct rig rig;

	for (size_t i = 0; i < FL_ARRAY_SIZE(faults); i++) {
		config_two(&config);
		config.faults[config.fault_count++] = faults[i];
		rig_up(&rig, NULL);
		assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
		for (int ms = 0; ms < 30000 && strcmp(nested(&rig, SHARED), PF1); ms++)
			rig_nap_ms(1);
		assert_string_equal(nested(&rig, SHARED), PF1);
		rig_remove(&rig, "pci", PF1);
		rig_remove(&rig, "pci", PF0);
		rig_settle(&rig);
		assert_int_equal(rig_shared(&rig), 0);
		rig_down(&rig);
	}
}

/* ---- what is told ------------------------------------------------------------------ */

struct move {
	struct fl_devlink *dl;
	struct fl_netns *to;
};

static int move_run(struct fl_op *op, void *arg)
{
	struct move *move = arg;
	struct fl_txn *txn;
	int err = fl_txn_begin(op, move->dl, &txn);

	if (err)
		return err;
	fl_txn_move(txn, move->to);
	return fl_txn_commit(txn);
}

static void move_pf(struct rig *rig, struct fl_netns *to)
{
	struct move move = { .to = to };

	fl_rcu_read_lock();
	move.dl = fl_devlink_get(fl_plane_find(rig->plane, "pci", PF1));
	fl_rcu_read_unlock();
	assert_int_equal(fixture_operation(&rig->fixture, move.dl->lane, move_run, &move), 0);
	fl_devlink_put(move.dl);
	rig_settle(rig);
}

/* What was told of the shared instance since: "3:PF0 PF1, 4:"; the command, and what is nested. */
static const char *told(struct fl_netns *ns, uint64_t *position)
{
	static const uint16_t bus[] = { DEVLINK_ATTR_BUS_NAME, 0 };
	static char text[1024];
	struct fl_evrec *rec;
	size_t len = 0;

	*text = '\0';
	while (!fl_evlog_read(ns->log, position, &rec)) {
		if (!strcmp(fl_attr_str(answer_attr(rec->data, bus)), SHARED_BUS))
			len += snprintf(text + len, sizeof(text) - len, "%s%u:%s", len ? ", " : "",
					rec->cmd, nested_in(rec->data));
		fl_evrec_put(rec);
	}
	return text;
}

static void test_told(void **state)
{
	struct fl_netns *home, *away;
	struct mlx5_config config;
	uint64_t position;
	struct rig rig;

	config_two(&config);
	rig_up(&rig, &config);
	home = fl_netns_initial(fl_plane_netns(rig.plane));
	away = fl_netns_get_by_cookie(fl_plane_netns(rig.plane), UINT64_MAX);
	position = fl_evlog_end(home->log);
	move_pf(&rig, away);
	assert_string_equal(told(home, &position), "3:" PF0 " " PF1 "@");
	assert_string_equal(nested(&rig, SHARED), PF0 " " PF1 "@");
	move_pf(&rig, home);
	assert_string_equal(told(home, &position), "3:" PF0 " " PF1);
	rig_remove(&rig, "pci", PF0);
	rig_settle(&rig);
	assert_string_equal(told(home, &position), "3:" PF1);
	rig_remove(&rig, "pci", PF1);
	rig_settle(&rig);
	assert_string_equal(told(home, &position), "3:, 4:");
	fl_netns_put(away);
	rig_down(&rig);
}

/* It is told before any of its PFs is shown in it, and at last with both. */
static void test_told_at_first(void **state)
{
	struct fl_netns *home;
	struct mlx5_config config;
	uint64_t position;
	const char *text;
	struct rig rig;

	config_two(&config);
	rig_up(&rig, NULL);
	home = fl_netns_initial(fl_plane_netns(rig.plane));
	position = fl_evlog_end(home->log);
	assert_int_equal(mlx5_nic_add(rig.plane, &config), 0);
	rig_settle(&rig);
	text = told(home, &position);
	assert_int_equal(strncmp(text, "3:, ", 4), 0);
	assert_string_equal(strrchr(text, ',') + 2, "3:" PF0 " " PF1);
	rig_down(&rig);
}

/* ---- what can be asked ----------------------------------------------------------------- */

static int ask_text(struct rig *rig, uint8_t cmd, uint16_t attr, const char *text)
{
	struct request *request = rig_request(rig, cmd, SHARED_BUS, SHARED);

	assert_non_null(request);
	if (attr)
		fl_msg_put_str(&request->msg, attr, text);
	return rig_request_end(request);
}

static void test_asked(void **state)
{
	static const uint16_t driver[] = { DEVLINK_ATTR_INFO_DRIVER_NAME, 0 };
	static const uint16_t serial[] = { DEVLINK_ATTR_INFO_SERIAL_NUMBER, 0 };
	struct mlx5_config config;
	struct request *request;
	struct rig rig;

	config_two(&config);
	rig_up(&rig, &config);
	assert_int_equal(ask_text(&rig, DEVLINK_CMD_RELOAD, 0, NULL), -EOPNOTSUPP);
	assert_string_equal(rig_extack, "Requested reload action is not supported by the driver");
	assert_int_equal(
		ask_text(&rig, DEVLINK_CMD_FLASH_UPDATE, DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME, "x"),
		-EOPNOTSUPP);
	assert_int_equal(ask_text(&rig, DEVLINK_CMD_ESWITCH_GET, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(ask_text(&rig, DEVLINK_CMD_PARAM_GET, DEVLINK_ATTR_PARAM_NAME, "x"),
			 -EINVAL);
	assert_int_equal(ask_text(&rig, DEVLINK_CMD_TRAP_GET, DEVLINK_ATTR_TRAP_NAME, "x"),
			 -EOPNOTSUPP);
	assert_int_equal(ask_text(&rig, DEVLINK_CMD_SELFTESTS_GET, 0, NULL), -EOPNOTSUPP);
	request = rig_request(&rig, DEVLINK_CMD_INFO_GET, SHARED_BUS, SHARED);
	assert_int_equal(request_run(request), 0);
	assert_string_equal(fl_attr_str(answer_attr(request->req.reply.buf, driver)), "mlx5_core");
	assert_null(answer_attr(request->req.reply.buf, serial)); /* as the kernel's */
	request_done(request);
	free(request);
	rig_down(&rig);
}

/* ---- many at once ---------------------------------------------------------------------- */

struct biker {
	struct rig *rig;
	const char *pf;
	unsigned int rounds;
	pthread_t thread;
};

static void *bike(void *arg)
{
	struct biker *biker = arg;

	fl_rcu_register_thread();
	for (unsigned int i = 0; i < biker->rounds; i++) {
		assert_int_equal(rig_unbind(biker->rig, "pci", biker->pf), 0);
		assert_int_equal(rig_bind(biker->rig, "pci", biker->pf), 0);
	}
	fl_rcu_unregister_thread();
	return NULL;
}

/* The PFs of a chip come and go at the same time: in the end there is one shared instance,
 * with all of them, and before never two. */
static void test_in_parallel(void **state)
{
	static const char *const pfs[] = { PF0, PF1, "0000:03:00.2", "0000:03:00.3" };
	struct biker bikers[FL_ARRAY_SIZE(pfs)];
	struct mlx5_config config;
	struct rig rig;

	rig_config(&config);
	config.ports = FL_ARRAY_SIZE(pfs);
	config.latency_ns[MLX5_STEP_FW_CMD] = 0;
	rig_up(&rig, &config);
	for (size_t i = 0; i < FL_ARRAY_SIZE(pfs); i++) {
		bikers[i] = (struct biker){ .rig = &rig, .pf = pfs[i], .rounds = 30 };
		assert_int_equal(fl_thread_start(&bikers[i].thread, "biker", 0, bike, &bikers[i]),
				 0);
	}
	for (int i = 0; i < 200; i++) {
		assert_true(rig_shared(&rig) <= 1);
		rig_nap_ms(1);
	}
	for (size_t i = 0; i < FL_ARRAY_SIZE(pfs); i++)
		pthread_join(bikers[i].thread, NULL);
	rig_settle(&rig);
	assert_int_equal(rig_instances(&rig), FL_ARRAY_SIZE(pfs));
	assert_int_equal(rig_shared(&rig), 1);
	for (size_t i = 0; i < FL_ARRAY_SIZE(pfs); i++)
		assert_int_equal(rig_unbind(&rig, "pci", pfs[i]), 0);
	rig_settle(&rig);
	assert_int_equal(rig_shared(&rig), 0);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),	      cmocka_unit_test(test_chips),
		cmocka_unit_test(test_failing_pf),    cmocka_unit_test(test_told),
		cmocka_unit_test(test_told_at_first), cmocka_unit_test(test_asked),
		cmocka_unit_test(test_in_parallel),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests_name("mlx5 shared", tests, NULL, NULL);
}
