/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-nomem.c - each command but a reload, and each kind of edit, once for every allocation that it
 * makes, with that one failing: it does what was asked or says ENOMEM and changes nothing,
 * and the next attempt goes through. The leak checker looks at the rest.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/param.h"
#include "core/port.h"
#include "core/txn.h"
#include "tests/core/fixture.h"
#include "tests/core/nomem.h"

#define MOST_ALLOCATIONS 2000

static struct fixture *fixture;
static struct fl_netns *home, *away;
static struct fl_devlink *dl, *nested;

/* ---- the walk through all of them ----------------------------------------------------- */

static uint64_t commits(void)
{
	uint64_t seq;

	fl_rcu_read_lock();
	seq = fl_devlink_version(dl)->seq;
	fl_rcu_read_unlock();
	return seq;
}

static void for_each_allocation(int (*attempt)(void))
{
	unsigned int failed = 0;
	bool reached = true;

	for (int n = 1; reached; n++) {
		uint64_t before = commits();
		int err;

		assert_true(n < MOST_ALLOCATIONS);
		nomem_begin(n, 1);
		err = attempt();
		reached = nomem_end();
		assert_true(err == 0 || (reached && err == -ENOMEM));
		if (err) {
			failed++;
			assert_int_equal(commits(), before);
		}
		assert_int_equal(attempt(), 0);
	}
	assert_true(failed > 0);
}

/* ---- commands ------------------------------------------------------------------------- */

static int run(struct request *request)
{
	int err = request_run(request);

	request_done(request);
	return err;
}

static struct fl_netns *where(void)
{
	return fl_devlink_version(dl)->ns; /* nothing runs on dl: nobody replaces it */
}

static int attempt_port_set(void)
{
	static uint32_t value = 1;
	struct request request;
	size_t nest;

	request_init(&request, fixture, where(), DEVLINK_CMD_PORT_SET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	nest = fl_msg_nest(&request.msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put_u32(&request.msg, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, value++);
	fl_msg_nest_end(&request.msg, nest);
	return run(&request);
}

static int attempt_param_set(void)
{
	static uint32_t value = 1;
	struct request request;

	request_init(&request, fixture, where(), DEVLINK_CMD_PARAM_SET, dl);
	fl_msg_put_str(&request.msg, DEVLINK_ATTR_PARAM_NAME, "max_macs");
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_PARAM_TYPE, DEVLINK_VAR_ATTR_TYPE_U32);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PARAM_VALUE_DATA, value++);
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_PARAM_VALUE_CMODE, DEVLINK_PARAM_CMODE_DRIVERINIT);
	return run(&request);
}

static int attempt_eswitch_set(void)
{
	struct request request;

	request_init(&request, fixture, where(), DEVLINK_CMD_ESWITCH_SET, dl);
	fl_msg_put_u16(&request.msg, DEVLINK_ATTR_ESWITCH_MODE, DEVLINK_ESWITCH_MODE_SWITCHDEV);
	return run(&request);
}

static int attempt_get(void)
{
	struct request request;

	request_init(&request, fixture, where(), DEVLINK_CMD_PORT_GET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	return run(&request);
}

/* ---- edits of drivers ------------------------------------------------------------------ */

static int edit_run(struct fl_op *op, void *arg)
{
	void (*make)(struct fl_txn *txn) = *(void (**)(struct fl_txn *txn))arg;
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, dl, &txn);
	if (err)
		return err;
	make(txn);
	return fl_txn_commit(txn);
}

static int edit(void (*make)(struct fl_txn *txn))
{
	return fixture_operation(fixture, dl->lane, edit_run, &make);
}

static void make_move(struct fl_txn *txn)
{
	fl_txn_move(txn, where() == home ? away : home);
}

static int attempt_move(void)
{
	return edit(make_move);
}

/* One port goes and comes again, one changes, one comes or goes. */
static void make_ports(struct fl_txn *txn)
{
	struct fl_port_state state, more;

	if (fl_port_read(txn, 1, &state))
		return;
	fl_port_del(txn, 1);
	fl_port_add(txn, &state.attrs);
	fl_port_type_set(txn, 2, DEVLINK_PORT_TYPE_ETH);
	fl_port_notify(txn, 2);
	if (fl_port_read(txn, 9, &more)) {
		state.attrs.index = 9;
		fl_port_add(txn, &state.attrs);
	} else {
		fl_port_del(txn, 9);
	}
}

static int attempt_ports(void)
{
	return edit(make_ports);
}

static void make_nested(struct fl_txn *txn)
{
	static bool nest;

	nest = !nest;
	fl_port_fn_nested_set(txn, 3, nest ? nested : NULL);
	fl_port_notify(txn, 3);
}

/* The port and the link back say the same. */
static int attempt_nested(void)
{
	int err = edit(make_nested);
	bool shown;

	fl_rcu_read_lock();
	shown = fl_port_find(fl_devlink_version(dl), 3)->nested;
	assert_int_equal(shown, fl_rcu_deref(nested->nested_in) != NULL);
	fl_rcu_read_unlock();
	return err;
}

static void make_registered(struct fl_txn *txn)
{
	if (fl_devlink_version(dl)->registered)
		fl_txn_unregister(txn);
	else
		fl_txn_register(txn);
}

static int attempt_registered(void)
{
	return edit(make_registered);
}

/* ---- the tests ------------------------------------------------------------------------- */

static void commands_survive(void **state)
{
	for_each_allocation(attempt_get);
	for_each_allocation(attempt_port_set);
	for_each_allocation(attempt_param_set);
	for_each_allocation(attempt_eswitch_set);
}

static void edits_survive(void **state)
{
	for_each_allocation(attempt_ports);
	for_each_allocation(attempt_nested);
	for_each_allocation(attempt_move);
	for_each_allocation(attempt_registered);
}

/* Removes a device that was just added, with the nth allocation from there on failing. Returns
 * whether there were as many. */
static bool remove_without(int n, const char *name)
{
	struct fl_devlink *brief = fixture_add(fixture, name);
	struct fl_device *device = fl_devlink_device(brief);
	bool reached;
	int err;

	nomem_begin(n, 1);
	err = fl_device_remove_post(device, NULL, NULL, NULL);
	if (!err)
		assert_int_equal(fl_sched_drain(fl_plane_sched(fixture->plane), 60 * FL_NS_PER_S),
				 0);
	reached = nomem_end();
	if (err) {
		assert_true(reached && err == -ENOMEM);
		assert_int_equal(fl_device_remove_post(device, NULL, NULL, NULL), 0);
		assert_int_equal(fl_sched_drain(fl_plane_sched(fixture->plane), 60 * FL_NS_PER_S),
				 0);
	}
	fl_rcu_read_lock();
	assert_false(fl_devlink_version(brief)->registered);
	fl_rcu_read_unlock();
	fl_devlink_put(brief);
	return reached;
}

/* What was told to go goes; nobody has to ask twice but for the removal to begin. */
static void removal_survives(void **state)
{
	int n = 1;

	while (remove_without(n, "brief")) /* the name is free again each time */
		assert_true(n++ < MOST_ALLOCATIONS);
	assert_true(n > 3);
}

static int set_up(void **state)
{
	fl_rcu_register_thread();
	fixture = fixture_new(NULL);
	home = fl_netns_get(fl_netns_initial(fl_plane_netns(fixture->plane)));
	away = fl_netns_get_by_cookie(fl_plane_netns(fixture->plane), UINT64_MAX);
	dl = fixture_add(fixture, "nomem");
	nested = fixture_add(fixture, "nomem-nested");
	return !away;
}

static int tear_down(void **state)
{
	fl_devlink_put(nested);
	fl_devlink_put(dl);
	fl_netns_put(away);
	fl_netns_put(home);
	fixture_free(fixture);
	fl_rcu_unregister_thread();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_survive),
		cmocka_unit_test(edits_survive),
		cmocka_unit_test(removal_survives),
	};

	return cmocka_run_group_tests_name("core without memory", tests, set_up, tear_down);
}
