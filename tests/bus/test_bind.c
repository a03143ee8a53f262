/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_bind.c - probes that are told of, and devices that lose and regain their driver. */
#include "tests/bus/harness.h"

struct thing {
	int probe_err;
	int probes, removes;
	bool has_child;
	struct fl_bus_root *root;
	struct thing *child;
};

static int child_probed(struct fl_op *op)
{
	return fl_op_result(op);
}

static int thing_probe(struct fl_op *op, struct fl_device *dev)
{
	struct thing *thing = fl_device_platform(dev);
	struct fl_device_desc desc = {
		.bus = "test", .name = "child", .match = "thing", .parent = dev,
		.platform = thing->child,
	};
	struct fl_device *child;

	if (thing->probe_err)
		return thing->probe_err;
	thing->probes++;
	if (!thing->has_child)
		return 0;
	assert_int_equal(fl_device_add(thing->root, &desc, &child), 0);
	assert_int_equal(fl_device_probe_spawn(op, child), 0);
	fl_device_put(child);
	return fl_op_join(op, child_probed);
}

static int thing_removed(struct fl_op *op)
{
	struct thing *thing = fl_op_data(op);

	if (thing->child)
		assert_int_equal(thing->child->removes, thing->removes + 1);
	thing->removes++;
	return 0;
}

static int thing_remove(struct fl_op *op, struct fl_device *dev)
{
	fl_op_set_data(op, fl_device_platform(dev));
	return fl_op_sleep(op, FL_NS_PER_MS, thing_removed);
}

static const struct fl_driver thing_driver = {
	.name = "thing", .bus = "test", .match = "thing",
	.probe = thing_probe, .remove = thing_remove,
};

/* What a call told: -1 until it did. */
static void tell(void *arg, int err, const char *why)
{
	__atomic_store_n((int *)arg, err, __ATOMIC_RELEASE);
}

static int told_probe(struct bus *bus, struct fl_device *dev)
{
	int told = -1;

	assert_int_equal(fl_device_probe_call(dev, NULL, tell, &told), 0);
	bus_settle(bus);
	return told;
}

static int told_unbind(struct bus *bus, struct fl_device *dev)
{
	int told = -1;

	assert_int_equal(fl_device_unbind_post(dev, NULL, tell, &told), 0);
	bus_settle(bus);
	return told;
}

static void test_probe_tells(void **state)
{
	struct thing thing = { .probe_err = -EIO };
	struct fl_device *dev, *stray;
	struct bus bus;

	bus_up(&bus, NULL);
	assert_int_equal(fl_driver_register(bus.root, &thing_driver), 0);
	dev = add(&bus, "a", "thing", NULL, &thing);
	stray = add(&bus, "b", "nobody", NULL, NULL);
	assert_int_equal(told_probe(&bus, dev), -EIO);
	assert_null(fl_device_driver(dev));
	thing.probe_err = 0;
	assert_int_equal(told_probe(&bus, dev), 0);
	assert_ptr_equal(fl_device_driver(dev), &thing_driver);
	assert_int_equal(told_probe(&bus, dev), -EBUSY);
	assert_int_equal(thing.probes, 1);
	assert_int_equal(told_probe(&bus, stray), -ENODEV);
	fl_device_put(dev);
	fl_device_put(stray);
	bus_down(&bus);
	assert_int_equal(thing.removes, 1);
}

static void test_unbind_and_bind(void **state)
{
	struct thing child = { 0 }, thing = { .has_child = true, .child = &child };
	struct fl_device *dev;
	struct bus bus;

	bus_up(&bus, NULL);
	thing.root = bus.root;
	assert_int_equal(fl_driver_register(bus.root, &thing_driver), 0);
	dev = add(&bus, "a", "thing", NULL, &thing);
	assert_int_equal(told_unbind(&bus, dev), -ENODEV);
	for (int round = 1; round <= 3; round++) {
		assert_int_equal(told_probe(&bus, dev), 0);
		assert_int_equal(bus_count(&bus), 2);
		assert_int_equal(told_unbind(&bus, dev), 0);
		assert_null(fl_device_driver(dev));
		assert_int_equal(bus_count(&bus), 1);
		assert_int_equal(thing.removes, round);
		assert_int_equal(child.removes, round);
	}
	assert_false(fl_lane_sealed(fl_device_lane(dev)));
	fl_device_put(dev);
	bus_down(&bus);
	assert_int_equal(thing.removes, 3);
}

/* A removal that comes behind an unbinding still goes through, and one before it wins. */
static void test_unbind_and_remove(void **state)
{
	struct thing thing = { 0 };
	int unbound = -1, late = -1;
	struct fl_device *dev;
	struct bus bus;

	bus_up(&bus, NULL);
	assert_int_equal(fl_driver_register(bus.root, &thing_driver), 0);
	dev = add(&bus, "a", "thing", NULL, &thing);
	assert_int_equal(told_probe(&bus, dev), 0);
	assert_int_equal(fl_device_unbind_post(dev, NULL, tell, &unbound), 0);
	assert_int_equal(fl_device_remove_post(dev, NULL, NULL, NULL), 0);
	bus_settle(&bus);
	assert_int_not_equal(unbound, -1);
	assert_int_equal(thing.removes, 1);
	assert_int_equal(bus_count(&bus), 0);
	assert_int_equal(fl_device_unbind_post(dev, NULL, tell, &late), -ENODEV);
	assert_int_equal(fl_device_probe_call(dev, NULL, tell, &late), -ENODEV);
	assert_int_equal(late, -1);
	fl_device_put(dev);
	bus_down(&bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe_tells),
		cmocka_unit_test(test_unbind_and_bind),
		cmocka_unit_test(test_unbind_and_remove),
	};

	return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
