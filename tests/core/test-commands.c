/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-commands.c - what the commands answer, in what order they notify, and what is left
 * when they fail. One plane for all tests; each adds an instance of its own.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/thread.h"
#include "core/param.h"
#include "core/port.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

static struct fixture *fixture;
static struct fl_netns *home, *away, *beyond;

static int ask(struct fl_netns *ns, uint8_t cmd, const struct fl_devlink *dl)
{
	struct request request;
	int err;

	request_init(&request, fixture, ns, cmd, dl);
	err = request_run(&request);
	request_done(&request);
	return err;
}

static struct fl_devlink *add(const char *name)
{
	fixture->knobs.fail_down = fixture->knobs.fail_up = fixture->knobs.fail_fn_set = 0;
	fixture->knobs.delay_ns = 0;
	return fixture_add(fixture, name);
}

/* ---- what was told ---------------------------------------------------------------- */

/* "new3 port-new7 ..." is written as the numbers of the commands, one space between. */
static const char *told(struct fl_netns *ns, uint64_t *position, const struct fl_devlink *dl)
{
	static const uint16_t dev_path[] = { DEVLINK_ATTR_DEV_NAME, 0 };
	static char text[1024];
	struct fl_evrec *rec;
	size_t len = 0;

	*text = '\0';
	while (!fl_evlog_read(ns->log, position, &rec)) {
		if (!strcmp(fl_attr_str(answer_attr(rec->data, dev_path)), fl_devlink_dev_name(dl)))
			len += snprintf(text + len, sizeof(text) - len, "%s%u", len ? " " : "",
					rec->cmd);
		fl_evrec_put(rec);
	}
	return text;
}

/* ---- DEVLINK_CMD_GET -------------------------------------------------------------- */

static void get_finds_by_handle_and_index(void **state)
{
	struct fl_devlink *dl = add("get");
	struct request request;

	assert_int_equal(ask(home, DEVLINK_CMD_GET, NULL), -EINVAL);
	assert_int_equal(ask(home, DEVLINK_CMD_GET, dl), 0);
	assert_int_equal(ask(away, DEVLINK_CMD_GET, dl), -ENODEV);

	request_init(&request, fixture, home, DEVLINK_CMD_GET, NULL);
	fl_msg_put_str(&request.msg, DEVLINK_ATTR_BUS_NAME, FIXTURE_BUS);
	assert_int_equal(request_run(&request), -EINVAL);
	request_done(&request);

	request_init(&request, fixture, home, DEVLINK_CMD_GET, NULL);
	fl_msg_put_uint(&request.msg, DEVLINK_ATTR_INDEX, dl->index);
	assert_int_equal(request_run(&request), 0);
	request_done(&request);

	request_init(&request, fixture, home, DEVLINK_CMD_GET, dl);
	fl_msg_put_uint(&request.msg, DEVLINK_ATTR_INDEX, dl->index);
	assert_int_equal(request_run(&request), -EINVAL);
	request_done(&request);
	fl_devlink_put(dl);
}

/* ---- ports ------------------------------------------------------------------------ */

static int set_fn_u8(struct fl_devlink *dl, uint32_t port, uint16_t attr, uint8_t value, char *text)
{
	struct request request;
	size_t nest;
	int err;

	request_init(&request, fixture, home, DEVLINK_CMD_PORT_SET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, port);
	nest = fl_msg_nest(&request.msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put_u8(&request.msg, attr, value);
	fl_msg_nest_end(&request.msg, nest);
	err = request_run(&request);
	snprintf(text, 160, "%s", request.req.extack.msg);
	request_done(&request);
	return err;
}

static void port_errors(void **state)
{
	struct fl_devlink *dl = add("port-errors");
	struct request request;
	char text[160];

	assert_int_equal(ask(home, DEVLINK_CMD_PORT_GET, dl), -EINVAL);
	request_init(&request, fixture, home, DEVLINK_CMD_PORT_GET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, 77);
	assert_int_equal(request_run(&request), -ENODEV);
	request_done(&request);

	assert_int_equal(set_fn_u8(dl, 77, DEVLINK_PORT_FN_ATTR_STATE, 1, text), -ENODEV);
	assert_int_equal(set_fn_u8(dl, 0, DEVLINK_PORT_FN_ATTR_STATE, 1, text), -EOPNOTSUPP);
	assert_string_equal(text, "Function does not support state setting");
	assert_int_equal(ask(home, DEVLINK_CMD_PORT_NEW, dl), -EOPNOTSUPP);
	fl_devlink_put(dl);
}

static int set_io_eqs(struct fl_devlink *dl, uint32_t value)
{
	struct request request;
	size_t nest;
	int err;

	request_init(&request, fixture, home, DEVLINK_CMD_PORT_SET, dl);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	nest = fl_msg_nest(&request.msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put_u32(&request.msg, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, value);
	fl_msg_nest_end(&request.msg, nest);
	err = request_run(&request);
	request_done(&request);
	return err;
}

static uint32_t io_eqs(struct fl_devlink *dl)
{
	uint32_t value;

	fl_rcu_read_lock();
	value = fl_port_find(fl_devlink_version(dl), 1)->state.max_io_eqs;
	fl_rcu_read_unlock();
	return value;
}

static void failed_set_leaves_nothing(void **state)
{
	struct fl_devlink *dl = add("failed-set");
	uint64_t position = fl_evlog_end(home->log);

	assert_int_equal(set_io_eqs(dl, 8), 0);
	assert_string_equal(told(home, &position, dl), "7");
	fixture->knobs.fail_fn_set = -EIO;
	assert_int_equal(set_io_eqs(dl, 9), -EIO);
	assert_int_equal(io_eqs(dl), 8);
	assert_string_equal(told(home, &position, dl), "");
	fl_devlink_put(dl);
}

/* ---- parameters ------------------------------------------------------------------- */

static int set_u32(struct fl_devlink *dl, const char *name, uint8_t cmode, uint32_t value,
		   char *text)
{
	struct request request;
	int err;

	request_init(&request, fixture, home, DEVLINK_CMD_PARAM_SET, dl);
	fl_msg_put_str(&request.msg, DEVLINK_ATTR_PARAM_NAME, name);
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_PARAM_TYPE, DEVLINK_VAR_ATTR_TYPE_U32);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PARAM_VALUE_DATA, value);
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_PARAM_VALUE_CMODE, cmode);
	err = request_run(&request);
	if (text)
		snprintf(text, 160, "%s", request.req.extack.msg);
	request_done(&request);
	return err;
}

static uint32_t param_u32(struct fl_devlink *dl, const char *name, uint8_t cmode, bool shown)
{
	const struct fl_param_obj *param;
	uint32_t value;

	fl_rcu_read_lock();
	param = fl_param_find(fl_devlink_version(dl), name);
	value = shown ? fl_param_shown(param, cmode)->vu32 : param->value[cmode].value.vu32;
	fl_rcu_read_unlock();
	return value;
}

static void param_errors(void **state)
{
	struct fl_devlink *dl = add("param-errors");
	char text[160];

	assert_int_equal(set_u32(dl, "nosuch", DEVLINK_PARAM_CMODE_RUNTIME, 1, text), -EINVAL);
	assert_int_equal(set_u32(dl, "test1", DEVLINK_PARAM_CMODE_DRIVERINIT, 1, text), -EINVAL);
	assert_int_equal(set_u32(dl, "max_macs", DEVLINK_PARAM_CMODE_RUNTIME, 1, text),
			 -EOPNOTSUPP);
	assert_int_equal(set_u32(dl, "test2", DEVLINK_PARAM_CMODE_RUNTIME, 5000, text), -ERANGE);
	assert_string_equal(text, "test2 must be within 0..4096");
	assert_int_equal(param_u32(dl, "test2", DEVLINK_PARAM_CMODE_RUNTIME, true), 1234);
	fl_devlink_put(dl);
}

static void driverinit_waits_for_reload(void **state)
{
	struct fl_devlink *dl = add("driverinit");
	uint64_t position = fl_evlog_end(home->log);

	assert_int_equal(set_u32(dl, "max_macs", DEVLINK_PARAM_CMODE_DRIVERINIT, 16, NULL), 0);
	assert_string_equal(told(home, &position, dl), "40");
	assert_int_equal(param_u32(dl, "max_macs", DEVLINK_PARAM_CMODE_DRIVERINIT, true), 16);
	assert_int_equal(param_u32(dl, "max_macs", DEVLINK_PARAM_CMODE_DRIVERINIT, false), 32);
	assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), 0);
	assert_int_equal(param_u32(dl, "max_macs", DEVLINK_PARAM_CMODE_DRIVERINIT, false), 16);
	assert_string_equal(told(home, &position, dl), "3");
	fl_devlink_put(dl);
}

static void reset_to_default(void **state)
{
	struct fl_devlink *dl = add("reset");
	struct request request;

	assert_int_equal(set_u32(dl, "test2", DEVLINK_PARAM_CMODE_RUNTIME, 7, NULL), 0);
	request_init(&request, fixture, home, DEVLINK_CMD_PARAM_SET, dl);
	fl_msg_put_str(&request.msg, DEVLINK_ATTR_PARAM_NAME, "test2");
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_PARAM_TYPE, DEVLINK_VAR_ATTR_TYPE_U32);
	fl_msg_put_flag(&request.msg, DEVLINK_ATTR_PARAM_RESET_DEFAULT);
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_PARAM_VALUE_CMODE, DEVLINK_PARAM_CMODE_RUNTIME);
	assert_int_equal(request_run(&request), 0);
	request_done(&request);
	assert_int_equal(param_u32(dl, "test2", DEVLINK_PARAM_CMODE_RUNTIME, true), 1234);
	fl_devlink_put(dl);
}

/* ---- reload ----------------------------------------------------------------------- */

static const struct fl_version *version(struct fl_devlink *dl)
{
	return fl_devlink_version(dl); /* nothing runs on dl: nobody replaces it */
}

static uint32_t reloads(struct fl_devlink *dl)
{
	return version(dl)->stats.count[0][DEVLINK_RELOAD_ACTION_DRIVER_REINIT];
}

static void reload_that_cannot_begin_changes_nothing(void **state)
{
	struct fl_devlink *dl = add("reload-down");
	uint64_t position = fl_evlog_end(home->log), commits = version(dl)->seq;

	fixture->knobs.fail_down = -EBUSY;
	assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), -EBUSY);
	assert_int_equal(version(dl)->seq, commits);
	assert_string_equal(told(home, &position, dl), "");
	fl_devlink_put(dl);
}

/* What a driver must not reply is an error for its client, and for nobody else. */
static void odd_replies_are_stopped(void **state)
{
	static const int odd[] = { 7, -5000 };
	struct fl_devlink *dl = add("odd");

	for (size_t i = 0; i < FL_ARRAY_SIZE(odd); i++) {
		fixture->knobs.fail_fn_set = odd[i];
		assert_int_equal(set_io_eqs(dl, 9), -EIO);
		fixture->knobs.fail_down = odd[i];
		assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), -EIO);
		assert_false(version(dl)->reload_failed);
		fixture->knobs.fail_down = 0;
		fixture->knobs.fail_up = odd[i];
		assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), -EIO);
		assert_true(version(dl)->reload_failed);
		fixture->knobs.fail_up = 0;
		assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), 0);
	}
	/* The same, some time later. */
	fixture->knobs.delay_ns = FL_NS_PER_MS;
	fixture->knobs.fail_fn_set = -5000;
	assert_int_equal(set_io_eqs(dl, 9), -EIO);
	fl_devlink_put(dl);
}

static void reload_that_fails_half_way_says_so(void **state)
{
	struct fl_devlink *dl = add("reload-up");
	uint64_t position = fl_evlog_end(home->log);

	fixture->knobs.fail_up = -EIO;
	assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), -EIO);
	assert_true(version(dl)->reload_failed);
	assert_int_equal(reloads(dl), 0);
	assert_string_equal(told(home, &position, dl), "3");
	assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), -EIO);
	assert_string_equal(told(home, &position, dl), "");
	fixture->knobs.fail_up = 0;
	assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), 0);
	assert_false(version(dl)->reload_failed);
	assert_int_equal(reloads(dl), 1);
	assert_string_equal(told(home, &position, dl), "3 3");
	fl_devlink_put(dl);
}

static int reload_with(struct fl_devlink *dl, int action, int limits, char *text)
{
	struct request request;
	int err;

	request_init(&request, fixture, home, DEVLINK_CMD_RELOAD, dl);
	if (action >= 0)
		fl_msg_put_u8(&request.msg, DEVLINK_ATTR_RELOAD_ACTION, action);
	if (limits >= 0)
		fl_msg_put_bitfield32(&request.msg, DEVLINK_ATTR_RELOAD_LIMITS, limits, limits);
	err = request_run(&request);
	snprintf(text, 160, "%s", request.req.extack.msg);
	if (!err && action >= 0)
		assert_int_equal(((struct genlmsghdr *)(request.req.reply.buf + NLMSG_HDRLEN))->cmd,
				 DEVLINK_CMD_RELOAD);
	request_done(&request);
	return err;
}

static void reload_admission(void **state)
{
	struct fl_devlink *dl = add("admission");
	char text[160];

	assert_int_equal(reload_with(dl, DEVLINK_RELOAD_ACTION_FW_ACTIVATE, -1, text), -EOPNOTSUPP);
	assert_string_equal(text, "Requested reload action is not supported by the driver");
	assert_int_equal(reload_with(dl, -1, 0, text), -EINVAL);
	assert_string_equal(text, "Invalid limit selected");
	assert_int_equal(reload_with(dl, DEVLINK_RELOAD_ACTION_DRIVER_REINIT, -1, text), 0);
	fl_devlink_put(dl);
}

/* ---- namespaces ------------------------------------------------------------------- */

struct move {
	struct fl_devlink *dl;
	struct fl_netns *to;
	uint64_t after_ns;
	int begun; /* atomic: it is alone on the lane */
};

static int move_now(struct fl_op *op)
{
	struct move *move = fl_op_data(op);
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, move->dl, &txn), 0);
	fl_txn_move(txn, move->to);
	return fl_txn_commit(txn);
}

static int move_run(struct fl_op *op, void *arg)
{
	struct move *move = arg;

	__atomic_store_n(&move->begun, 1, __ATOMIC_RELEASE);
	fl_op_set_data(op, move);
	return move->after_ns ? fl_op_sleep(op, move->after_ns, move_now) : move_now(op);
}

static void move(struct fl_devlink *dl, struct fl_netns *to)
{
	struct move request = { .dl = dl, .to = to };

	assert_int_equal(fixture_operation(fixture, dl->lane, move_run, &request), 0);
}

static void move_tells_both_namespaces(void **state)
{
	struct fl_devlink *dl = add("move");
	uint64_t at_home = fl_evlog_end(home->log), at_away = fl_evlog_end(away->log);

	move(dl, away);
	assert_string_equal(told(home, &at_home, dl), "41 41 41 8 8 8 8 4");
	assert_string_equal(told(away, &at_away, dl), "3 7 7 7 7 40 40 40");
	assert_int_equal(ask(home, DEVLINK_CMD_GET, dl), -ENODEV);
	assert_int_equal(ask(away, DEVLINK_CMD_GET, dl), 0);
	fl_devlink_put(dl);
}

static void settle(void)
{
	assert_int_equal(fl_sched_drain(fl_plane_sched(fixture->plane), 10 * FL_NS_PER_S), 0);
}

static void dead_namespace_gives_back(void **state)
{
	struct fl_devlink *dl = add("dead");

	move(dl, away);
	fl_return_post(dl, away);
	settle();
	assert_int_equal(ask(home, DEVLINK_CMD_GET, dl), 0);
	assert_int_equal(reloads(dl), 1);
	assert_false(version(dl)->reload_failed);
	fl_devlink_put(dl);
}

static void device_that_refuses_comes_home_failed(void **state)
{
	struct fl_devlink *dl = add("dead-refuses");

	move(dl, away);
	fixture->knobs.fail_down = -EBUSY;
	fl_return_post(dl, away);
	settle();
	assert_int_equal(ask(home, DEVLINK_CMD_GET, dl), 0);
	assert_true(version(dl)->reload_failed);
	fl_devlink_put(dl);
}

static void instance_that_moved_on_is_left_alone(void **state)
{
	struct fl_devlink *dl = add("moved-on");

	move(dl, away);
	move(dl, beyond);
	fl_return_post(dl, away);
	settle();
	assert_int_equal(ask(beyond, DEVLINK_CMD_GET, dl), 0);
	assert_int_equal(reloads(dl), 0);
	fl_devlink_put(dl);
}

static void *slow_move(void *arg)
{
	struct move *request = arg;

	fixture_operation(fixture, request->dl->lane, move_run, request);
	return NULL;
}

/* The kernel forgets to look again; see SEMANTICS. */
static void command_behind_a_move_looks_again(void **state)
{
	struct fl_devlink *dl = add("behind");
	struct move request = { .dl = dl, .to = away, .after_ns = 200 * FL_NS_PER_MS };
	pthread_t thread;

	assert_int_equal(fl_thread_start(&thread, "slow-move", 0, slow_move, &request), 0);
	while (!__atomic_load_n(&request.begun, __ATOMIC_ACQUIRE))
		usleep(100);
	assert_int_equal(ask(home, DEVLINK_CMD_GET, dl), 0);
	assert_int_equal(set_io_eqs(dl, 5), -ENODEV);
	pthread_join(thread, NULL);
	assert_int_equal(io_eqs(dl), 0);
	fl_devlink_put(dl);
}

/* ---- the end ---------------------------------------------------------------------- */

struct deaf {
	struct fl_devlink *dl;
	int begun; /* atomic: it is alone on the lane */
	int over;  /* atomic */
};

static int deaf_over(struct fl_op *op)
{
	struct deaf *deaf = fl_op_data(op);

	while (!__atomic_load_n(&deaf->over, __ATOMIC_ACQUIRE))
		usleep(1000);
	return 0;
}

static int deaf_run(struct fl_op *op, void *arg)
{
	struct deaf *deaf = arg;

	fl_op_set_data(op, deaf);
	__atomic_store_n(&deaf->begun, 1, __ATOMIC_RELEASE);
	return fl_op_block(op, deaf_over);
}

static void *be_deaf(void *arg)
{
	struct deaf *deaf = arg;

	fixture_operation(fixture, deaf->dl->lane, deaf_run, deaf);
	return NULL;
}

/* Its lane is sealed already, and it is still shown. */
static void namespace_of_what_goes_may_die(void **state)
{
	struct deaf deaf = { .dl = add("goes-dies") };
	struct fl_netns *grave =
		fl_netns_get_by_cookie(fl_plane_netns(fixture->plane), UINT64_MAX - 2);
	pthread_t thread;

	move(deaf.dl, grave);
	assert_int_equal(fl_thread_start(&thread, "deaf", 0, be_deaf, &deaf), 0);
	while (!__atomic_load_n(&deaf.begun, __ATOMIC_ACQUIRE))
		usleep(100);
	assert_int_equal(fl_device_remove_post(fl_devlink_device(deaf.dl), NULL, NULL, NULL), 0);
	__atomic_store_n(&grave->dead, 1, __ATOMIC_SEQ_CST);
	fl_return_post(deaf.dl, grave);
	assert_true(version(deaf.dl)->registered);
	__atomic_store_n(&deaf.over, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	settle();
	assert_false(version(deaf.dl)->registered);
	fl_netns_put(grave);
	fl_devlink_put(deaf.dl);
}

static void removal_tells_in_order(void **state)
{
	struct fl_devlink *dl = add("removed");
	uint64_t position = fl_evlog_end(home->log);

	assert_int_equal(fl_device_remove_post(fl_devlink_device(dl), NULL, NULL, NULL), 0);
	settle();
	assert_string_equal(told(home, &position, dl), "41 41 41 8 8 8 8 4");
	assert_int_equal(ask(home, DEVLINK_CMD_GET, dl), -ENODEV);
	assert_int_equal(ask(home, DEVLINK_CMD_RELOAD, dl), -ENODEV);
	fl_devlink_put(dl);
}

static int set_up(void **state)
{
	struct fl_netns_table *table;

	fl_rcu_register_thread();
	fixture = fixture_new(NULL);
	table = fl_plane_netns(fixture->plane);
	home = fl_netns_get(fl_netns_initial(table));
	away = fl_netns_get_by_cookie(table, UINT64_MAX);
	beyond = fl_netns_get_by_cookie(table, UINT64_MAX - 1);
	return !away || !beyond;
}

static int tear_down(void **state)
{
	fl_netns_put(home);
	fl_netns_put(away);
	fl_netns_put(beyond);
	fixture_free(fixture);
	fl_rcu_unregister_thread();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_finds_by_handle_and_index),
		cmocka_unit_test(port_errors),
		cmocka_unit_test(failed_set_leaves_nothing),
		cmocka_unit_test(odd_replies_are_stopped),
		cmocka_unit_test(param_errors),
		cmocka_unit_test(driverinit_waits_for_reload),
		cmocka_unit_test(reset_to_default),
		cmocka_unit_test(reload_that_cannot_begin_changes_nothing),
		cmocka_unit_test(reload_that_fails_half_way_says_so),
		cmocka_unit_test(reload_admission),
		cmocka_unit_test(move_tells_both_namespaces),
		cmocka_unit_test(dead_namespace_gives_back),
		cmocka_unit_test(device_that_refuses_comes_home_failed),
		cmocka_unit_test(instance_that_moved_on_is_left_alone),
		cmocka_unit_test(command_behind_a_move_looks_again),
		cmocka_unit_test(namespace_of_what_goes_may_die),
		cmocka_unit_test(removal_tells_in_order),
	};

	return cmocka_run_group_tests_name("core commands", tests, set_up, tear_down);
}
