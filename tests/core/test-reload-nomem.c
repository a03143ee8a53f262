/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-reload-nomem.c - reloads, in place, into another namespace and home from one that died,
 * with memory that runs out at each of their allocations, for shorter or longer: what is shown
 * afterwards is what the driver has, and who only listens knows the same.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/die.h"
#include "core/port.h"
#include "core/reload.h"
#include "tests/core/fixture.h"
#include "tests/core/nomem.h"

#define MOST_ALLOCATIONS 2000
#define PORTS 6
#define HOME_DEADLINE_NS (60 * FL_NS_PER_S)

static struct fixture *fixture;
static struct fl_netns *home, *away;
static struct fl_devlink *dl;

/* ---- the driver, and what it really has -------------------------------------------------- */

static struct {
	bool up;
	unsigned int ports; /* a bit each */
	int fail_up;	    /* the error of the next reload_up */
} real;

static int end(struct fl_op *op)
{
	return fl_op_result(op);
}

static int test_down(struct fl_op *op, struct fl_txn *txn, bool netns_change,
		     enum devlink_reload_action action, enum devlink_reload_limit limit)
{
	for (uint32_t i = 0; i < PORTS; i++) {
		if (real.ports & 1u << i)
			fl_port_del(txn, i);
	}
	fl_eswitch_set(txn, DEVLINK_ESWITCH_MODE_LEGACY, -1, -1);
	real.ports = 0;
	real.up = false;
	return 0;
}

static int test_up(struct fl_op *op, struct fl_txn *txn, enum devlink_reload_action action,
		   enum devlink_reload_limit limit, uint32_t *ret_performed)
{
	const struct fl_info_version version = { FL_VERSION_RUNNING, "fw", "1", false };
	struct fl_port_attrs attrs = {
		.flavour = DEVLINK_PORT_FLAVOUR_PCI_VF,
		.fn = FL_PORT_FN_HW_ADDR | FL_PORT_FN_MAX_IO_EQS,
		.has_lane = true,
	};

	fl_assert(!txn->err); /* what went wrong before would be hidden */
	if (real.fail_up)
		return real.fail_up;
	fl_info_set(txn, "test", "1", NULL, &version, 1);
	fl_eswitch_set(txn, DEVLINK_ESWITCH_MODE_LEGACY, -1, -1);
	for (attrs.index = 0; attrs.index < PORTS; attrs.index++) {
		attrs.vf = attrs.index;
		fl_port_add(txn, &attrs);
		fl_port_type_set(txn, attrs.index, DEVLINK_PORT_TYPE_ETH);
		fl_port_notify(txn, attrs.index);
	}
	real.ports = (1u << PORTS) - 1;
	real.up = true;
	*ret_performed = 1u << action;
	return fl_op_sleep(op, 1000, end);
}

static const struct fl_devlink_ops ops = {
	.reload_actions = 1u << DEVLINK_RELOAD_ACTION_DRIVER_REINIT,
	.reload_down = test_down,
	.reload_up = test_up,
};

/* ---- reloads ------------------------------------------------------------------------------ */

static struct fl_netns *where(void)
{
	return fl_devlink_version(dl)->ns; /* nothing runs on dl: nobody replaces it */
}

static int reload_in_place(void)
{
	struct request request;
	int err;

	request_init(&request, fixture, where(), DEVLINK_CMD_RELOAD, dl);
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_RELOAD_ACTION,
		      DEVLINK_RELOAD_ACTION_DRIVER_REINIT);
	err = request_run(&request);
	request_done(&request);
	return err;
}

/* As the command does it, which would want a real namespace. */
static struct fl_reload moving;

static int move_commit(struct fl_op *op)
{
	bool kept;
	int err = fl_txn_try_commit(moving.txn, &kept);

	return kept ? fl_op_sleep(op, 1000, move_commit) : moving.err ? moving.err : err;
}

static int move_done(struct fl_op *op)
{
	moving.err = fl_op_result(op);
	if (moving.begun)
		return move_commit(op);
	fl_txn_abort(moving.txn);
	return moving.err;
}

static int move_run(struct fl_op *op, void *arg)
{
	int err;

	memset(&moving, 0, sizeof(moving));
	moving.action = DEVLINK_RELOAD_ACTION_DRIVER_REINIT;
	moving.target = where() == home ? away : home;
	err = fl_txn_begin(op, dl, &moving.txn);
	if (err)
		return err;
	fl_op_then(op, move_done);
	return fl_reload_run(op, &moving);
}

static int reload_away(void)
{
	return fixture_operation(fixture, dl->lane, move_run, NULL);
}

/* ---- who listens ------------------------------------------------------------------------- */

struct ear {
	struct fl_netns *ns;
	uint64_t position;
	bool instance;
	unsigned int ports;
};

static void ear_hear(struct ear *ear)
{
	struct fl_evrec *rec;

	while (!fl_evlog_read(ear->ns->log, &ear->position, &rec)) {
		if (rec->cmd == DEVLINK_CMD_NEW)
			ear->instance = true;
		else if (rec->cmd == DEVLINK_CMD_DEL)
			ear->instance = false;
		else if (rec->cmd == DEVLINK_CMD_PORT_NEW)
			ear->ports |= 1u << rec->port_index;
		else if (rec->cmd == DEVLINK_CMD_PORT_DEL)
			ear->ports &= ~(1u << rec->port_index);
		fl_evrec_put(rec);
	}
}

static struct ear ears[2];

static void ears_begin(void)
{
	for (int i = 0; i < 2; i++) {
		struct fl_netns *ns = i ? away : home;

		ears[i] = (struct ear){ .ns = ns, .position = fl_evlog_end(ns->log) };
		if (ns != where())
			continue;
		ears[i].instance = true;
		ears[i].ports = real.ports;
	}
}

/* ---- the walk through all allocations ----------------------------------------------------- */

static void expect_truth(void)
{
	const struct fl_version *version = fl_devlink_version(dl);

	assert_int_equal(version->reload_failed, !real.up);
	for (uint32_t i = 0; i < PORTS; i++) {
		const struct fl_port *port = fl_port_find(version, i);

		assert_int_equal(port != NULL, real.ports >> i & 1);
		if (port)
			assert_int_equal(port->state.type, DEVLINK_PORT_TYPE_ETH);
	}
	assert_int_equal(version->obj_count[FL_OBJ_PORT], real.ports ? PORTS : 0);
	for (int i = 0; i < 2; i++) {
		ear_hear(&ears[i]);
		assert_int_equal(ears[i].instance, ears[i].ns == where());
		assert_int_equal(ears[i].ports, ears[i].ns == where() ? real.ports : 0);
	}
}

/* How many reloads of those that failed left traces. */
static unsigned int for_each_allocation(int (*attempt)(void), int burst, int fail_up)
{
	unsigned int traces = 0;
	bool reached = true;

	for (int n = 1; reached; n += burst) {
		struct fl_netns *before = where();
		int err;

		assert_true(n < MOST_ALLOCATIONS);
		ears_begin();
		real.fail_up = fail_up;
		nomem_begin(n, burst);
		err = attempt();
		reached = nomem_end();
		real.fail_up = 0;
		expect_truth();
		assert_true(err == fail_up || (reached && err == -ENOMEM));
		/* Moved, if it began; whole again at the next. */
		if (attempt == reload_away)
			assert_int_equal(where() != before, !err || !real.up);
		traces += err && !real.up;
		assert_int_equal(attempt(), 0);
		assert_true(real.up);
		expect_truth();
	}
	return traces;
}

static const int bursts[] = { 1, 2, 7 };

static void in_place(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(bursts); i++)
		assert_true(for_each_allocation(reload_in_place, bursts[i], 0) > 0);
}

static void into_another_namespace(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(bursts); i++)
		assert_true(for_each_allocation(reload_away, bursts[i], 0) > 0);
}

static void that_fail(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(bursts); i++) {
		for_each_allocation(reload_in_place, bursts[i], -EIO);
		for_each_allocation(reload_away, bursts[i], -EIO);
	}
}

/* ---- the way home -------------------------------------------------------------------------- */

/* Into a namespace that nobody has been in. */
static void move_away(void)
{
	static uint64_t cookie = UINT64_MAX;

	fl_netns_put(away);
	away = fl_netns_get_by_cookie(fl_plane_netns(fixture->plane), --cookie);
	assert_non_null(away);
	assert_int_equal(reload_away(), 0);
	assert_ptr_equal(where(), away);
}

/* What the plane does when the kernel tells of a death. False: it is not over in time. */
static bool come_home(void)
{
	__atomic_store_n(&away->dead, 1, __ATOMIC_SEQ_CST);
	fl_return_post(dl, away);
	return !fl_sched_drain(fl_plane_sched(fixture->plane), HOME_DEADLINE_NS);
}

/* How many came home with a driver that is down. */
static unsigned int for_each_allocation_home(int burst, int fail_up)
{
	unsigned int failed = 0;
	bool reached = true, over;

	for (int n = 1; reached; n += burst) {
		assert_true(n < MOST_ALLOCATIONS);
		move_away();
		ears_begin();
		real.fail_up = fail_up;
		nomem_begin(n, burst);
		over = come_home();
		reached = nomem_end();
		real.fail_up = 0;
		assert_true(over);
		assert_ptr_equal(where(), home);
		assert_true(reached || fail_up || real.up);
		assert_true(!fail_up || !real.up);
		expect_truth();
		failed += !real.up;
		assert_int_equal(reload_in_place(), 0);
		expect_truth();
	}
	return failed;
}

static void home_from_the_dead(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(bursts); i++) {
		assert_true(for_each_allocation_home(bursts[i], 0) > 0);
		assert_true(for_each_allocation_home(bursts[i], -EIO) > 0);
	}
}

static int set_up(void **state)
{
	fl_rcu_register_thread();
	fixture = fixture_new(NULL);
	home = fl_netns_get(fl_netns_initial(fl_plane_netns(fixture->plane)));
	away = fl_netns_get_by_cookie(fl_plane_netns(fixture->plane), UINT64_MAX);
	fixture->knobs.ops = &ops;
	fixture->knobs.ports = 0;
	dl = fixture_add(fixture, "reload");
	return reload_in_place();
}

static int tear_down(void **state)
{
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
		cmocka_unit_test(in_place),
		cmocka_unit_test(into_another_namespace),
		cmocka_unit_test(that_fail),
		cmocka_unit_test(home_from_the_dead),
	};

	return cmocka_run_group_tests_name("reloads without memory", tests, set_up, tear_down);
}
