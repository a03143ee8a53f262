/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_news.c - the news that an SF's device is gone are late: they are told when the next one is
 * there already. Linked with --wrap, so that they are late surely.
 */
#include "tests/drivers/rig.h"

#include "core/port.h"

static struct rig rig;
static int armed, late; /* atomic */

struct fl_lane *__real_fl_port_lane_get(struct fl_devlink *dl, uint32_t index);
struct fl_lane *__wrap_fl_port_lane_get(struct fl_devlink *dl, uint32_t index);

static bool is_attached(void)
{
	struct rig_port port;

	return !rig_port(&rig, PF0, SF0, &port) &&
	       port.opstate == DEVLINK_PORT_FN_OPSTATE_ATTACHED &&
	       !strcmp(port.nested, "mlx5_core.sf.1");
}

/* The first of the news waits until those of the next device have been told. */
struct fl_lane *__wrap_fl_port_lane_get(struct fl_devlink *dl, uint32_t index)
{
	if (__atomic_exchange_n(&armed, 0, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&late, 1, __ATOMIC_SEQ_CST);
		for (int i = 0; i < 30000 && !is_attached(); i++)
			rig_nap_ms(1);
	}
	return __real_fl_port_lane_get(dl, index);
}

static void test_detached_late(void **state)
{
	struct mlx5_config config;
	int err;

	rig_config(&config);
	config.switchdev = true;
	rig_up(&rig, &config);
	assert_int_equal(rig_sf_up(&rig, PF0, 7), SF0);
	rig_settle(&rig);
	__atomic_store_n(&armed, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(rig_port_state(&rig, PF0, SF0, false), 0);
	for (int i = 0; i < 30000 && !__atomic_load_n(&late, __ATOMIC_SEQ_CST); i++)
		rig_nap_ms(1);
	assert_true(__atomic_load_n(&late, __ATOMIC_SEQ_CST));
	err = rig_port_state(&rig, PF0, SF0, true);
	assert_int_equal(err, 0);
	rig_settle(&rig);
	assert_true(is_attached());
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_detached_late) };

	fl_rcu_register_thread();
	return cmocka_run_group_tests_name("mlx5 late news", tests, NULL, NULL);
}
