/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-flash.c - what shall be alone on an instance waits for a flash of it, or for what hangs
 * below, but nobody waits for that meanwhile.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/thread.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

#define LAUNCHES 100
#define PORTS 4
#define LOOK_NS FL_NS_PER_MS
/* A bound against waiting for what hangs: less than what gives up to be alone, 30 s. */
#define LAUNCH_DEADLINE_NS (20 * FL_NS_PER_S)
#define HANGS 1000 /* a number of event queues that the driver does not get done with */
#define ALONE_NS FL_NS_PER_S

static struct fixture *fixture;
static struct fl_devlink *dl;
static struct fl_netns *asker; /* whose commands these are; NULL: the initial one */
static int flashing, go; /* atomic: flashes that have begun; those up to this may end */
static int hanging;	    /* atomic */

/* ---- the driver --------------------------------------------------------------------- */

static int flash_look(struct fl_op *op)
{
	if (fl_op_cancelled(op))
		return -ECANCELED;
	if (__atomic_load_n(&flashing, __ATOMIC_SEQ_CST) <= __atomic_load_n(&go, __ATOMIC_SEQ_CST))
		return 0;
	return fl_op_sleep(op, LOOK_NS, flash_look);
}

static int flash_update(struct fl_op *op, struct fl_txn *txn,
			const struct fl_flash_request *request)
{
	__atomic_add_fetch(&flashing, 1, __ATOMIC_SEQ_CST);
	return flash_look(op);
}

static int reload_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		       enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	return 0;
}

static int hang(struct fl_op *op)
{
	if (fl_op_cancelled(op))
		return -ECANCELED;
	if (__atomic_load_n(&go, __ATOMIC_SEQ_CST))
		return 0;
	return fl_op_sleep(op, LOOK_NS, hang);
}

static int fn_set(struct fl_op *op, struct fl_txn *txn, uint32_t index,
		  const struct fl_port_fn_change *change)
{
	if (change->max_io_eqs == HANGS) {
		__atomic_store_n(&hanging, 1, __ATOMIC_SEQ_CST);
		return hang(op);
	}
	fl_port_fn_max_io_eqs_set(txn, index, change->max_io_eqs);
	return 0;
}

static int eswitch_mode_set(struct fl_op *op, struct fl_txn *txn, enum devlink_eswitch_mode mode)
{
	fl_eswitch_set(txn, mode, -1, -1);
	return 0;
}

static const struct fl_devlink_ops ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = reload_down,
	.port_fn_set = fn_set,
	.eswitch_mode_set = eswitch_mode_set,
	.flash_update = flash_update,
};

/* ---- commands ------------------------------------------------------------------------ */

static int flash(void)
{
	struct request request;
	int err;

	request_init(&request, fixture, asker, DEVLINK_CMD_FLASH_UPDATE, dl);
	fl_msg_put_str(&request.msg, DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME, "image");
	err = request_run(&request);
	request_done(&request);
	return err;
}

static int eswitch_set(void)
{
	struct request request;
	int err;

	request_init(&request, fixture, asker, DEVLINK_CMD_ESWITCH_SET, dl);
	fl_msg_put_u16(&request.msg, DEVLINK_ATTR_ESWITCH_MODE, DEVLINK_ESWITCH_MODE_SWITCHDEV);
	err = request_run(&request);
	request_done(&request);
	return err;
}

static int reload(void)
{
	struct request request;
	int err;

	request_init(&request, fixture, asker, DEVLINK_CMD_RELOAD, dl);
	err = request_run(&request);
	request_done(&request);
	return err;
}

static int set_io_eqs(uint32_t port, uint32_t max_io_eqs)
{
	struct request request;
	size_t nest;
	int err;

	request_init(&request, fixture, asker, DEVLINK_CMD_PORT_SET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
	nest = fl_msg_nest(&request.msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put_u32(&request.msg, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, max_io_eqs);
	fl_msg_nest_end(&request.msg, nest);
	err = request_run(&request);
	request_done(&request);
	return err;
}

/* One that somebody else gives meanwhile. */
struct aside {
	int (*run)(void);
	pthread_t thread;
	int err;
	int over; /* atomic */
};

static void *aside_main(void *arg)
{
	struct aside *aside = arg;

	fl_rcu_register_thread();
	aside->err = aside->run();
	fl_rcu_unregister_thread();
	__atomic_store_n(&aside->over, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static uint64_t submitted(void)
{
	struct fl_sched_stats stats;

	fl_sched_stats(fl_plane_sched(fixture->plane), &stats);
	return stats.submitted;
}

/* Returns when it queues, or runs. */
static void aside_begin(struct aside *aside, int (*run)(void))
{
	uint64_t before = submitted();

	*aside = (struct aside){ .run = run };
	assert_int_equal(fl_thread_start(&aside->thread, "aside", 0, aside_main, aside), 0);
	while (submitted() == before)
		usleep(200);
}

static int aside_end(struct aside *aside)
{
	pthread_join(aside->thread, NULL);
	return aside->err;
}

static bool over(const struct aside *aside)
{
	return __atomic_load_n(&aside->over, __ATOMIC_SEQ_CST);
}

static void await_flash(int number)
{
	while (__atomic_load_n(&flashing, __ATOMIC_SEQ_CST) < number)
		usleep(200);
}

static int launch_each(void)
{
	int err = 0;

	for (uint32_t i = 0; i < LAUNCHES && !err; i++)
		err = set_io_eqs(i % (PORTS - 1), 8 + i);
	return err;
}

/* On the port that is not launched. */
static int set_hanging(void)
{
	return set_io_eqs(PORTS - 1, HANGS);
}

static void launch_all(void)
{
	uint64_t start = fl_now_ns();
	struct aside launches;
	bool in_time;

	aside_begin(&launches, launch_each);
	while (!over(&launches) && fl_now_ns() - start < LAUNCH_DEADLINE_NS)
		usleep(200);
	in_time = over(&launches);
	/* If not, they wait for the flash: it may end now, so that the test does. */
	if (!in_time)
		__atomic_store_n(&go, INT_MAX, __ATOMIC_SEQ_CST);
	assert_int_equal(aside_end(&launches), 0);
	assert_true(in_time);
}

/* ---- the tests ------------------------------------------------------------------------ */

static void others_go_on(void **state)
{
	static struct aside flash_1, mode, again; /* not gone when an assertion ends this */

	aside_begin(&flash_1, flash);
	await_flash(1);
	aside_begin(&mode, eswitch_set);
	aside_begin(&again, reload);
	launch_all();
	assert_false(over(&flash_1) || over(&mode) || over(&again));
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(aside_end(&flash_1), 0);
	assert_int_equal(aside_end(&mode), 0);
	assert_int_equal(aside_end(&again), 0);
}

/* A flash that comes when somebody waits for the first one goes after him, and holds nobody up
 * meanwhile. */
static void next_flash(void **state)
{
	static struct aside flash_1, mode, flash_2;

	aside_begin(&flash_1, flash);
	await_flash(1);
	aside_begin(&mode, eswitch_set);
	aside_begin(&flash_2, flash);
	launch_all();
	assert_false(over(&mode) || over(&flash_2));
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(aside_end(&flash_1), 0);
	assert_int_equal(aside_end(&mode), 0);
	await_flash(2);
	launch_all();
	assert_false(over(&flash_2));
	__atomic_store_n(&go, 2, __ATOMIC_SEQ_CST);
	assert_int_equal(aside_end(&flash_2), 0);
}

/* ---- home from a namespace that died -------------------------------------------------- */

static struct fl_netns *where(void)
{
	struct fl_netns *ns;

	fl_rcu_read_lock();
	ns = fl_devlink_version(dl)->ns;
	fl_rcu_read_unlock();
	return ns;
}

static int move_run(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_txn_move(txn, arg);
	return fl_txn_commit(txn);
}

static void move_away(void)
{
	asker = fl_netns_get_by_cookie(fl_plane_netns(fixture->plane), UINT64_MAX);
	assert_non_null(asker);
	assert_int_equal(fixture_operation(fixture, dl->lane, move_run, asker), 0);
}

static void die(void)
{
	__atomic_store_n(&asker->dead, 1, __ATOMIC_SEQ_CST);
	fl_return_post(dl, asker);
}

static void expect_home(void)
{
	assert_int_equal(fl_sched_drain(fl_plane_sched(fixture->plane), LAUNCH_DEADLINE_NS), 0);
	assert_ptr_equal(where(), fl_netns_initial(fl_plane_netns(fixture->plane)));
}

static void return_beside_a_flash(void **state)
{
	static struct aside flash_1;

	move_away();
	aside_begin(&flash_1, flash);
	await_flash(1);
	die();
	launch_all();
	assert_false(over(&flash_1));
	assert_ptr_equal(where(), asker);
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(aside_end(&flash_1), 0);
	expect_home();
}

static void return_behind_what_hangs(void **state)
{
	static struct aside hung;

	move_away();
	aside_begin(&hung, set_hanging);
	while (!__atomic_load_n(&hanging, __ATOMIC_SEQ_CST))
		usleep(200);
	die();
	launch_all();
	assert_false(over(&hung));
	assert_ptr_equal(where(), asker);
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(aside_end(&hung), 0);
	expect_home();
}

static void gone(void *arg, int err, const char *why)
{
	__atomic_store_n((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static void removal_wins(void **state)
{
	static struct aside flash_1, mode;
	int removed = 0;

	aside_begin(&flash_1, flash);
	await_flash(1);
	aside_begin(&mode, eswitch_set);
	assert_int_equal(fl_device_remove_post(fl_devlink_device(dl), NULL, gone, &removed), 0);
	assert_int_equal(aside_end(&mode), -ENODEV);
	assert_int_equal(aside_end(&flash_1), -ECANCELED);
	while (!__atomic_load_n(&removed, __ATOMIC_SEQ_CST))
		usleep(200);
}

static int set_up_with(const struct fl_sched_config *sched)
{
	fl_rcu_register_thread();
	flashing = go = hanging = 0;
	fixture = fixture_new(sched);
	fixture->knobs.ops = &ops;
	fixture->knobs.ports = PORTS;
	dl = fixture_add(fixture, "flash");
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(NULL);
}

static int set_up_impatient(void **state)
{
	return set_up_with(&(struct fl_sched_config){ .deadline_ns = ALONE_NS });
}

static int tear_down(void **state)
{
	fl_netns_put(asker);
	asker = NULL;
	fl_devlink_put(dl);
	fixture_free(fixture);
	fl_rcu_unregister_thread();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(others_go_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(next_flash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removal_wins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(return_beside_a_flash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(return_behind_what_hangs, set_up_impatient,
						tear_down),
	};

	return cmocka_run_group_tests_name("beside a flash", tests, NULL, NULL);
}
