/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-objects.c - what a commit means for lanes and links of ports, for operations that a
 * removal went on without, and for what is not to be seen.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/knob.h"
#include "core/param.h"
#include "core/port.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

#define DEADLINE_NS (300 * FL_NS_PER_MS)

static struct fixture *fixture;
static struct fl_netns *home;

static int ask(uint8_t cmd, const struct fl_devlink *dl)
{
	struct request request;
	int err;

	request_init(&request, fixture, home, cmd, dl);
	err = request_run(&request);
	request_done(&request);
	return err;
}

static void settle(void)
{
	assert_int_equal(fl_sched_drain(fl_plane_sched(fixture->plane), 10 * FL_NS_PER_S), 0);
}

/* How often cmd was told of dl. */
static unsigned int told(uint64_t *position, const struct fl_devlink *dl, uint8_t cmd)
{
	static const uint16_t dev_path[] = { DEVLINK_ATTR_DEV_NAME, 0 };
	struct fl_evrec *rec;
	unsigned int count = 0;

	while (!fl_evlog_read(home->log, position, &rec)) {
		count += rec->cmd == cmd && !strcmp(fl_attr_str(answer_attr(rec->data, dev_path)),
						    fl_devlink_dev_name(dl));
		fl_evrec_put(rec);
	}
	return count;
}

/* Runs edits of dl as an operation on its lane. */
struct edits {
	struct fl_devlink *dl, *nested;
	void (*make)(struct fl_txn *txn, struct edits *edits);
};

static int edit_run(struct fl_op *op, void *arg)
{
	struct edits *edits = arg;
	struct fl_txn *txn;
	int err = fl_txn_begin(op, edits->dl, &txn);

	if (err)
		return err;
	edits->make(txn, edits);
	return fl_txn_commit(txn);
}

static void edit(struct fl_devlink *dl, struct fl_devlink *nested,
		 void (*make)(struct fl_txn *txn, struct edits *edits))
{
	struct edits edits = { .dl = dl, .nested = nested, .make = make };

	assert_int_equal(fixture_operation(fixture, dl->lane, edit_run, &edits), 0);
}

/* ---- lanes of ports ----------------------------------------------------------------- */

static void replace_port(struct fl_txn *txn, struct edits *edits)
{
	struct fl_port_state state;

	assert_int_equal(fl_port_read(txn, 1, &state), 0);
	fl_port_del(txn, 1);
	assert_int_equal(fl_port_read(txn, 1, &state), -ENODEV);
	fl_port_add(txn, &state.attrs);
}

static void drop_lane(struct fl_txn *txn, struct edits *edits)
{
	struct fl_port_state state;

	assert_int_equal(fl_port_read(txn, 1, &state), 0);
	fl_port_del(txn, 1);
	state.attrs.has_lane = false;
	fl_port_add(txn, &state.attrs);
}

/* Else who queues at the old lane would run beside who is alone on the new one. */
static void replaced_port_keeps_its_lane(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "replaced");
	struct fl_lane *before = fl_port_lane_get(dl, 1), *after;

	edit(dl, NULL, replace_port);
	after = fl_port_lane_get(dl, 1);
	assert_ptr_equal(before, after);
	assert_false(fl_lane_sealed(after));
	fl_lane_put(after);

	edit(dl, NULL, drop_lane);
	assert_null(fl_port_lane_get(dl, 1));
	assert_true(fl_lane_sealed(before));
	fl_lane_put(before);
	fl_devlink_put(dl);
}

/* ---- nested instances ---------------------------------------------------------------- */

static void nest_in_1(struct fl_txn *txn, struct edits *edits)
{
	fl_port_fn_nested_set(txn, 1, edits->nested);
	fl_port_notify(txn, 1);
}

static void nest_from_1_in_0(struct fl_txn *txn, struct edits *edits)
{
	fl_port_fn_nested_set(txn, 0, edits->nested);
	fl_port_fn_nested_set(txn, 1, NULL);
}

static void unregister(struct fl_txn *txn, struct edits *edits)
{
	fl_txn_unregister(txn);
}

static void reregister(struct fl_txn *txn, struct edits *edits)
{
	fl_txn_register(txn);
}

/* DEL and NEW of everything. */
static void announce(struct fl_devlink *dl)
{
	edit(dl, NULL, unregister);
	edit(dl, NULL, reregister);
}

static bool links_to(struct fl_devlink *nested, struct fl_devlink *parent, uint32_t port)
{
	struct fl_nested_in *in;
	bool links;

	fl_rcu_read_lock();
	in = fl_rcu_deref(nested->nested_in);
	links = in && in->parent == parent && in->index == port;
	fl_rcu_read_unlock();
	return links;
}

/* The order of the two edits must not matter. */
static void nested_instance_changes_ports(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "parent");
	struct fl_devlink *nested = fixture_add(fixture, "nested");

	edit(dl, nested, nest_in_1);
	assert_true(links_to(nested, dl, 1));
	edit(dl, nested, nest_from_1_in_0);
	assert_true(links_to(nested, dl, 0));
	fl_devlink_put(nested);
	fl_devlink_put(dl);
}

static void port_without_lane_announces_nested(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "parent-lane");
	struct fl_devlink *nested = fixture_add(fixture, "nested-lane");
	uint64_t position;

	edit(dl, NULL, drop_lane);
	edit(dl, nested, nest_in_1);
	settle();
	position = fl_evlog_end(home->log);
	announce(nested);
	settle();
	assert_int_equal(told(&position, dl, DEVLINK_CMD_PORT_NEW), 2);
	fl_devlink_put(nested);
	fl_devlink_put(dl);
}

static void nest_and_change(struct fl_txn *txn, struct edits *edits)
{
	struct edits change = { .dl = edits->nested, .make = unregister };

	nest_in_1(txn, edits);
	/* Another instance, on which nobody else works: from here the link is too late. */
	assert_int_equal(edit_run(fl_txn_op(txn), &change), 0);
}

static void change_before_the_link_is_announced(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "parent-late");
	struct fl_devlink *nested = fixture_add(fixture, "nested-late");
	uint64_t position = fl_evlog_end(home->log);

	edit(dl, nested, nest_and_change);
	settle();
	assert_int_equal(told(&position, dl, DEVLINK_CMD_PORT_NEW), 2);
	edit(nested, NULL, reregister);
	fl_devlink_put(nested);
	fl_devlink_put(dl);
}

static void remove_device(struct fl_devlink *dl)
{
	assert_int_equal(fl_device_remove_post(fl_devlink_device(dl), NULL, NULL, NULL), 0);
	settle();
	assert_int_equal(ask(DEVLINK_CMD_GET, dl), -ENODEV);
}

/* Whoever goes first, nothing stays: the leak checker looks, and refs here. */
static void either_end_may_go_first(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "parent-first");
	struct fl_devlink *nested = fixture_add(fixture, "nested-second");

	edit(dl, nested, nest_in_1);
	remove_device(dl);
	assert_null(nested->nested_in);
	remove_device(nested);
	fl_devlink_put(nested);
	fl_devlink_put(dl);

	dl = fixture_add(fixture, "parent-second");
	nested = fixture_add(fixture, "nested-first");
	edit(dl, nested, nest_in_1);
	remove_device(nested);
	assert_null(nested->nested_in);
	/* A late link must not make a circle that holds both. */
	edit(dl, nested, replace_port);
	edit(dl, nested, nest_in_1);
	remove_device(dl);
	assert_null(nested->nested_in);
	fl_devlink_put(nested);
	fl_devlink_put(dl);
}

/* ---- parameters without a value -------------------------------------------------------- */

static int ask_param(struct fl_devlink *dl, const char *name)
{
	struct request request;
	int err;

	request_init(&request, fixture, home, DEVLINK_CMD_PARAM_GET, dl);
	fl_msg_put_str(&request.msg, DEVLINK_ATTR_PARAM_NAME, name);
	err = request_run(&request);
	request_done(&request);
	return err;
}

static unsigned int dump_params(struct fl_devlink *dl)
{
	static char buf[16384];
	struct request request;
	struct fl_dump dump = { 0 };
	struct fl_msg msg;
	unsigned int count = 0;

	request_init(&request, fixture, home, DEVLINK_CMD_PARAM_GET, dl);
	fl_msg_end(&request.msg);
	request.req.nlh = (struct nlmsghdr *)request.buf;
	assert_true(fl_nl_parse(request.req.nlh, GENL_HDRLEN, request.req.cmd->dump_policy,
				request.req.cmd->dump_max, true, request.req.tb,
				&request.req.extack) >= 0);
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	dump.msg = &msg;
	assert_int_equal(fl_commands[DEVLINK_CMD_PARAM_GET].dumpit(&request.req, &dump), 0);
	for (size_t at = 0; at < msg.len; at += ((struct nlmsghdr *)(buf + at))->nlmsg_len)
		count++;
	request_done(&request);
	return count;
}

static void give_value(struct fl_txn *txn, struct edits *edits)
{
	union fl_param_value value = { .vu32 = 5 };

	fl_param_value_set(txn, "unset", DEVLINK_PARAM_CMODE_DRIVERINIT, &value, true);
}

static void param_without_value_is_not_shown(void **state)
{
	uint64_t position = fl_evlog_end(home->log);
	struct fl_devlink *dl = fixture_add(fixture, "unset");

	assert_int_equal(told(&position, dl, DEVLINK_CMD_PARAM_NEW), 3);
	assert_int_equal(ask_param(dl, "unset"), -EOPNOTSUPP);
	assert_int_equal(dump_params(dl), 3);
	announce(dl);
	position = fl_evlog_end(home->log);
	edit(dl, NULL, give_value);
	assert_int_equal(told(&position, dl, DEVLINK_CMD_PARAM_NEW), 1);
	assert_int_equal(ask_param(dl, "unset"), 0);
	assert_int_equal(dump_params(dl), 4);
	edit(dl, NULL, unregister);
	assert_int_equal(told(&position, dl, DEVLINK_CMD_PARAM_DEL), 4);
	fl_devlink_put(dl);
}

/* ---- the eswitch ----------------------------------------------------------------------- */

static void mode_that_was_set_shows_though_the_rest_failed(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "eswitch");
	struct request request;

	assert_int_equal(ask(DEVLINK_CMD_ESWITCH_GET, dl), -EOPNOTSUPP);
	request_init(&request, fixture, home, DEVLINK_CMD_ESWITCH_SET, dl);
	fl_msg_put_u16(&request.msg, DEVLINK_ATTR_ESWITCH_MODE, DEVLINK_ESWITCH_MODE_SWITCHDEV);
	fl_msg_put_u8(&request.msg, DEVLINK_ATTR_ESWITCH_INLINE_MODE,
		      DEVLINK_ESWITCH_INLINE_MODE_LINK);
	assert_int_equal(request_run(&request), -EOPNOTSUPP);
	request_done(&request);
	assert_int_equal(ask(DEVLINK_CMD_ESWITCH_GET, dl), 0);
	fl_devlink_put(dl);
}

/* ---- operations that a removal went on without ------------------------------------------ */

struct deaf {
	struct fl_op op;
	struct fl_devlink *dl;
	struct fl_txn *edits, *first, *second;
	int edits_err, first_err, second_err;
	int waits, over;
};

static int deaf_wakes(struct fl_op *op)
{
	struct deaf *deaf = FL_CONTAINER_OF(op, struct deaf, op);

	if (!fl_op_parked(op)) {
		usleep(1000); /* it was told to stop, and does not */
		return fl_op_sleep(op, FL_NS_PER_MS, deaf_wakes);
	}
	fl_port_del(deaf->edits, 0);
	deaf->edits_err = fl_txn_commit(deaf->edits);
	deaf->first_err = fl_txn_commit(deaf->first);
	deaf->second_err = fl_txn_commit(deaf->second);
	return 0;
}

static int deaf_run(struct fl_op *op)
{
	struct deaf *deaf = FL_CONTAINER_OF(op, struct deaf, op);

	assert_int_equal(fl_txn_begin(op, deaf->dl, &deaf->edits), 0);
	fl_port_type_set(deaf->edits, 1, DEVLINK_PORT_TYPE_ETH);
	assert_int_equal(fl_txn_begin(op, deaf->dl, &deaf->first), 0);
	assert_int_equal(fl_txn_begin(op, deaf->dl, &deaf->second), 0);
	fl_txn_unregister(deaf->first);
	fl_txn_unregister(deaf->second);
	__atomic_store_n(&deaf->waits, 1, __ATOMIC_RELEASE);
	return deaf_wakes(op);
}

static void deaf_ended(struct fl_op *op, int err)
{
	struct deaf *deaf = FL_CONTAINER_OF(op, struct deaf, op);

	__atomic_store_n(&deaf->over, 1, __ATOMIC_RELEASE);
}

static void deaf_free(struct fl_op *op)
{
	struct deaf *deaf = FL_CONTAINER_OF(op, struct deaf, op);

	fl_devlink_put(deaf->dl);
	free(deaf);
}

static const struct fl_op_type deaf_type = {
	.kind = "deaf", .run = deaf_run, .ended = deaf_ended, .free = deaf_free,
};

/* Ends with an error, so that the lane stays: only what it parks is of interest. */
static int remover_run(struct fl_op *op)
{
	return -EAGAIN;
}

static void remover_free(struct fl_op *op)
{
	free(op);
}

static const struct fl_op_type remover_type = {
	.kind = "remover", .run = remover_run, .free = remover_free, .flags = FL_OP_REMOVES,
};

static void wait_for(int *flag)
{
	for (int i = 0; !__atomic_load_n(flag, __ATOMIC_ACQUIRE); i++) {
		assert_true(i < 20000);
		usleep(1000);
	}
}

/* C5 */
static void parked_operation_only_takes_away(void **state)
{
	struct fl_devlink *dl = fixture_add(fixture, "parked");
	struct deaf *deaf = calloc(1, sizeof(*deaf));
	struct fl_op *remover = calloc(1, sizeof(*remover));
	uint64_t position = fl_evlog_end(home->log);

	assert_true(deaf && remover);
	deaf->dl = fl_devlink_get(dl);
	fl_op_init(&deaf->op, &deaf_type, dl->lane, NULL);
	fl_op_get(&deaf->op);
	assert_int_equal(fl_op_submit(&deaf->op), 0);
	wait_for(&deaf->waits);
	fl_op_init(remover, &remover_type, dl->lane, NULL);
	assert_int_equal(fl_op_submit(remover), 0);
	wait_for(&deaf->over);
	assert_int_equal(deaf->edits_err, -ECANCELED);
	assert_int_equal(deaf->first_err, 0);
	assert_int_equal(deaf->second_err, -ECANCELED);
	fl_op_put(&deaf->op);
	assert_int_equal(ask(DEVLINK_CMD_GET, dl), -ENODEV);
	assert_int_equal(told(&position, dl, DEVLINK_CMD_DEL), 1);
	remove_device(dl);
	fl_devlink_put(dl);
}

static int frees;

static void free_priv(void *priv)
{
	if (priv == fixture)
		__atomic_add_fetch(&frees, 1, __ATOMIC_RELAXED);
}

/* Not before the last reference is gone; an instance that never was leaves priv alone. */
static void instance_frees_its_drivers_memory(void **state)
{
	const struct fl_devlink_ops ops = { .free = free_priv };
	struct fl_devlink *dl, *none = NULL;
	struct fl_device *dev;

	fixture->knobs.ops = &ops;
	dl = fixture_add(fixture, "owner");
	fixture->knobs.ops = NULL;
	dev = fl_device_get(fl_devlink_device(dl));
	remove_device(dl);
	fl_rcu_barrier();
	assert_int_equal(__atomic_load_n(&frees, __ATOMIC_RELAXED), 0);
	fl_devlink_put(dl);
	fl_rcu_barrier();
	assert_int_equal(__atomic_load_n(&frees, __ATOMIC_RELAXED), 1);
	assert_int_equal(fl_devlink_alloc(fixture->plane, dev, &ops, fixture, &none), -ENODEV);
	assert_null(none);
	fl_rcu_barrier();
	assert_int_equal(__atomic_load_n(&frees, __ATOMIC_RELAXED), 1);
	fl_device_put(dev);
}

/* What the kernel's files take, of which the first letters count. */
static void texts_for_yes_and_no(void **state)
{
	static const char *const yes[] = { "1", "y", "Yes", "t", "True", "on", "ON" };
	static const char *const no[] = { "0", "n", "No", "f", "False", "off", "OFF" };
	static const char *const neither[] = { "", "o", "ox", "2", " 1", "-" };
	bool value;

	for (size_t i = 0; i < FL_ARRAY_SIZE(yes); i++) {
		value = false;
		assert_int_equal(fl_knob_parse_bool(yes[i], &value), 0);
		assert_true(value);
	}
	for (size_t i = 0; i < FL_ARRAY_SIZE(no); i++) {
		value = true;
		assert_int_equal(fl_knob_parse_bool(no[i], &value), 0);
		assert_false(value);
	}
	for (size_t i = 0; i < FL_ARRAY_SIZE(neither); i++)
		assert_int_equal(fl_knob_parse_bool(neither[i], &value), -EINVAL);
}

static int set_up(void **state)
{
	fl_rcu_register_thread();
	fixture = fixture_new(&(struct fl_sched_config){ .remove_deadline_ns = DEADLINE_NS });
	home = fl_netns_get(fl_netns_initial(fl_plane_netns(fixture->plane)));
	return 0;
}

static int tear_down(void **state)
{
	fl_netns_put(home);
	fixture_free(fixture);
	fl_rcu_unregister_thread();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced_port_keeps_its_lane),
		cmocka_unit_test(nested_instance_changes_ports),
		cmocka_unit_test(port_without_lane_announces_nested),
		cmocka_unit_test(change_before_the_link_is_announced),
		cmocka_unit_test(either_end_may_go_first),
		cmocka_unit_test(param_without_value_is_not_shown),
		cmocka_unit_test(mode_that_was_set_shows_though_the_rest_failed),
		cmocka_unit_test(parked_operation_only_takes_away),
		cmocka_unit_test(instance_frees_its_drivers_memory),
		cmocka_unit_test(texts_for_yes_and_no),
	};

	return cmocka_run_group_tests_name("core objects", tests, set_up, tear_down);
}
