/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_bus.c - devices, drivers, probe and remove, by the clauses of bus.h. */
#include "tests/bus/harness.h"

/* ---- devices and names ---------------------------------------------------------------- */

static void test_names(void **state)
{
	struct fl_device_desc desc = { .bus = "test", .name = "a" };
	struct fl_device *dev, *found;
	char long_name[2000];
	struct bus bus;

	bus_up(&bus, NULL);
	assert_int_equal(fl_device_add(bus.root, &desc, &dev), 0);
	assert_int_equal(fl_device_add(bus.root, &desc, NULL), -EEXIST);
	desc.bus = "other";
	assert_int_equal(fl_device_add(bus.root, &desc, NULL), 0);
	assert_string_equal(fl_lane_name(fl_device_lane(dev)), "test/a");
	assert_ptr_equal(fl_lane_owner(fl_device_lane(dev)), dev);

	found = fl_device_find(bus.root, "test", "a");
	assert_ptr_equal(found, dev);
	fl_device_put(found);
	assert_null(fl_device_find(bus.root, "test", "b"));
	assert_null(fl_device_find(bus.root, "none", "a"));

	desc.name = "";
	assert_int_equal(fl_device_add(bus.root, &desc, NULL), -EINVAL);
	desc.name = "x/y";
	assert_int_equal(fl_device_add(bus.root, &desc, NULL), -EINVAL);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	desc.name = long_name;
	assert_int_equal(fl_device_add(bus.root, &desc, NULL), -EINVAL);
	fl_device_put(dev);
	bus_down(&bus);
}

static uint64_t time_of_finds(struct bus *bus, unsigned int devices)
{
	uint64_t best = UINT64_MAX;
	char name[32];

	for (int round = 0; round < 5; round++) {
		uint64_t start = fl_now_ns(), took;

		for (unsigned int i = 0; i < 2000; i++) {
			struct fl_device *dev;

			snprintf(name, sizeof(name), "dev.%u", (i * 7919) % devices);
			dev = fl_device_find(bus->root, "test", name);
			assert_non_null(dev);
			fl_device_put(dev);
		}
		took = fl_now_ns() - start;
		if (took < best)
			best = took;
	}
	return best;
}

/* Finding does not grow with the number of devices: 30,000 against 100, generously. */
static void test_find_does_not_grow(void **state)
{
	uint64_t few, many;
	unsigned int i;
	struct bus bus;
	char name[32];

	bus_up(&bus, NULL);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "dev.%u", i);
		fl_device_put(add(&bus, name, NULL, NULL, NULL));
	}
	few = time_of_finds(&bus, 100);
	for (; i < 30000; i++) {
		snprintf(name, sizeof(name), "dev.%u", i);
		fl_device_put(add(&bus, name, NULL, NULL, NULL));
	}
	assert_int_equal(bus_count(&bus), 30000);
	many = time_of_finds(&bus, 30000);
	assert_true(many < few * 20 + 20 * FL_NS_PER_MS);
	bus_down(&bus);
}

static char walked[3][8];
static unsigned int walked_count;

static void note_walked(struct fl_device *dev, void *arg)
{
	snprintf(walked[walked_count++], sizeof(walked[0]), "%s", fl_device_name(dev));
}

static void test_walk_in_order_of_birth(void **state)
{
	struct bus bus;

	bus_up(&bus, NULL);
	walked_count = 0;
	fl_device_put(add(&bus, "z", NULL, NULL, NULL));
	fl_device_put(add(&bus, "m", NULL, NULL, NULL));
	fl_device_put(add(&bus, "a", NULL, NULL, NULL));
	assert_int_equal(fl_bus_walk(bus.root, note_walked, NULL), 0);
	assert_int_equal(walked_count, 3);
	assert_string_equal(walked[0], "z");
	assert_string_equal(walked[1], "m");
	assert_string_equal(walked[2], "a");
	bus_down(&bus);
}

static void test_auxiliary_ids(void **state)
{
	struct bus bus;

	bus_up(&bus, NULL);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(fl_auxiliary_id_alloc(bus.root), i);
	fl_auxiliary_id_free(bus.root, 2047);
	fl_auxiliary_id_free(bus.root, 5);
	assert_int_equal(fl_auxiliary_id_alloc(bus.root), 5);
	assert_int_equal(fl_auxiliary_id_alloc(bus.root), 2047);
	assert_int_equal(fl_auxiliary_id_alloc(bus.root), 3000);
	bus_down(&bus);
}

/* ---- a driver that takes note ----------------------------------------------------------- */

struct plan {
	uint64_t probe_ns, remove_ns;
	int probe_err;
	/* notes */
	int inside, overlaps, probes, removes, children_at_remove;
	struct plan *parent;
	int alive; /* bound children */
};

static void enter(struct plan *plan)
{
	if (__atomic_add_fetch(&plan->inside, 1, __ATOMIC_SEQ_CST) != 1)
		__atomic_add_fetch(&plan->overlaps, 1, __ATOMIC_SEQ_CST);
}

static struct plan *plan_leave(struct fl_op *op)
{
	struct plan *plan = fl_op_data(op);

	__atomic_sub_fetch(&plan->inside, 1, __ATOMIC_SEQ_CST);
	return plan;
}

static int probed(struct fl_op *op)
{
	struct plan *plan = plan_leave(op);

	if (fl_op_result(op) || plan->probe_err)
		return fl_op_result(op) ? fl_op_result(op) : plan->probe_err;
	__atomic_add_fetch(&plan->probes, 1, __ATOMIC_SEQ_CST);
	if (plan->parent)
		__atomic_add_fetch(&plan->parent->alive, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int note_probe(struct fl_op *op, struct fl_device *dev)
{
	struct plan *plan = fl_device_platform(dev);

	enter(plan);
	fl_op_set_data(op, plan);
	return fl_op_sleep(op, plan->probe_ns, probed);
}

static int removed(struct fl_op *op)
{
	struct plan *plan = plan_leave(op);

	__atomic_add_fetch(&plan->removes, 1, __ATOMIC_SEQ_CST);
	if (plan->parent)
		__atomic_sub_fetch(&plan->parent->alive, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int note_remove(struct fl_op *op, struct fl_device *dev)
{
	struct plan *plan = fl_device_platform(dev);

	enter(plan);
	plan->children_at_remove = __atomic_load_n(&plan->alive, __ATOMIC_SEQ_CST);
	fl_op_set_data(op, plan);
	return fl_op_sleep(op, plan->remove_ns, removed);
}

static const struct fl_driver noting = {
	.name = "noting",
	.bus = "test",
	.match = "note",
	.probe = note_probe,
	.remove = note_remove,
};

static void test_drivers(void **state)
{
	static const struct fl_driver aux = {
		.name = "x.rdma",
		.bus = "auxiliary",
		.match = "x.rdma",
		.probe = note_probe,
		.remove = note_remove,
	};
	struct fl_device_desc desc = { .bus = "auxiliary", .name = "x.rdma.4" };
	struct plan plan = { 0 }, none = { 0 };
	struct fl_device *dev, *other;
	struct fl_driver broken = aux;
	struct bus bus;

	broken.remove = NULL;
	bus_up(&bus, NULL);
	assert_int_equal(fl_driver_register(bus.root, &aux), 0);
	assert_int_equal(fl_driver_register(bus.root, &aux), -EEXIST);
	assert_int_equal(fl_driver_register(bus.root, &broken), -EINVAL);
	desc.platform = &plan;
	assert_int_equal(fl_device_add(bus.root, &desc, &dev), 0);
	desc.name = "x.rdmaa.4";
	desc.platform = &none;
	assert_int_equal(fl_device_add(bus.root, &desc, &other), 0);
	fl_device_probe_post(dev, NULL);
	fl_device_probe_post(dev, NULL);
	fl_device_probe_post(other, NULL);
	bus_settle(&bus);
	assert_int_equal(plan.probes, 1); /* bound once, however often it is probed */
	assert_ptr_equal(fl_device_driver(dev), &aux);
	assert_null(fl_device_driver(other));
	fl_device_put(dev);
	fl_device_put(other);
	bus_down(&bus);
	assert_int_equal(plan.removes, 1);
	assert_int_equal(none.removes, 0);
}

/* ---- B1, B2, rule 5 --------------------------------------------------------------------- */

#define CHILDREN 40

struct family {
	struct plan parent;
	struct plan children[CHILDREN];
	struct bus *bus;
};

static int family_probed(struct fl_op *op)
{
	struct family *family = fl_op_data(op);

	/* The result tells of children that went before their probe: no matter. */
	__atomic_add_fetch(&family->parent.probes, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int family_probe(struct fl_op *op, struct fl_device *dev)
{
	struct family *family = fl_device_platform(dev);
	char name[32];

	fl_op_set_data(op, family);
	for (int i = 0; i < CHILDREN; i++) {
		struct fl_device_desc desc = {
			.bus = "test",
			.name = name,
			.match = "note",
			.parent = dev,
			.platform = &family->children[i],
		};
		struct fl_device *child;

		snprintf(name, sizeof(name), "%s.%d", fl_device_name(dev), i);
		if (fl_device_add(family->bus->root, &desc, &child))
			continue;
		fl_device_probe_spawn(op, child);
		fl_device_put(child);
	}
	return fl_op_join(op, family_probed);
}

static int family_remove(struct fl_op *op, struct fl_device *dev)
{
	struct family *family = fl_device_platform(dev);

	family->parent.children_at_remove = family->parent.alive;
	family->parent.removes++;
	return 0;
}

static const struct fl_driver families = {
	.name = "families",
	.bus = "test",
	.match = "family",
	.probe = family_probe,
	.remove = family_remove,
};

static void family_init(struct family *family, struct bus *bus, uint64_t ns)
{
	memset(family, 0, sizeof(*family));
	family->bus = bus;
	for (int i = 0; i < CHILDREN; i++) {
		family->children[i].parent = &family->parent;
		family->children[i].probe_ns = ns;
		family->children[i].remove_ns = ns;
	}
}

static void test_children_in_parallel(void **state)
{
	uint64_t one = 50 * FL_NS_PER_MS, start;
	struct family family;
	struct fl_device *dev;
	struct bus bus;

	bus_up(&bus, NULL);
	fl_driver_register(bus.root, &noting);
	fl_driver_register(bus.root, &families);
	family_init(&family, &bus, one);
	family.children[3].probe_err = -EIO;
	dev = add(&bus, "f", "family", NULL, &family);
	start = fl_now_ns();
	fl_device_probe_post(dev, NULL);
	bus_settle(&bus);
	assert_true(fl_now_ns() - start < CHILDREN / 4 * one);
	assert_int_equal(family.parent.probes, 1); /* B3 */
	assert_ptr_equal(fl_device_driver(dev), &families);
	assert_int_equal(family.parent.alive, CHILDREN - 1);
	assert_int_equal(bus_count(&bus), CHILDREN + 1); /* the failed one stays, unbound */

	start = fl_now_ns();
	fl_device_remove_post(dev, NULL, NULL, NULL);
	assert_int_equal(fl_device_remove_post(dev, NULL, NULL, NULL), -ENODEV);
	bus_settle(&bus);
	assert_true(fl_now_ns() - start < CHILDREN / 4 * one);
	assert_int_equal(family.parent.removes, 1);
	assert_int_equal(family.parent.children_at_remove, 0); /* B2 */
	for (int i = 0; i < CHILDREN; i++)
		assert_int_equal(family.children[i].removes, i == 3 ? 0 : 1);
	fl_device_put(dev);
	bus_down(&bus);
}

static void count_gone(void *arg, int err, const char *why)
{
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}

/* Removals of children and of their parent at the same moment: whoever wins, each driver's
 * remove is called once, each `gone` once, and nothing is left. */
static void test_overtaken_removals(void **state)
{
	struct family family;
	struct bus bus;
	char name[32];

	bus_up(&bus, NULL);
	fl_driver_register(bus.root, &noting);
	fl_driver_register(bus.root, &families);
	for (int round = 0; round < 30; round++) {
		int gone = 0, accepted = 0;
		struct fl_device *dev, *child;

		family_init(&family, &bus, round % 3 * FL_NS_PER_MS / 2);
		dev = add(&bus, "f", "family", NULL, &family);
		fl_device_probe_post(dev, NULL);
		if (round % 2)
			bus_settle(&bus);
		for (int i = 0; i < CHILDREN; i++) {
			if (i == CHILDREN / 2)
				accepted +=
					fl_device_remove_post(dev, NULL, count_gone, &gone) == 0;
			snprintf(name, sizeof(name), "f.%d", i);
			child = fl_device_find(bus.root, "test", name);
			if (child)
				accepted +=
					fl_device_remove_post(child, NULL, count_gone, &gone) == 0;
			fl_device_put(child);
		}
		bus_settle(&bus);
		assert_int_equal(gone, accepted);
		assert_int_equal(bus_count(&bus), 0);
		for (int i = 0; i < CHILDREN; i++) {
			assert_int_equal(family.children[i].probes, family.children[i].removes);
			assert_int_equal(family.children[i].overlaps, 0); /* B1 */
		}
		assert_int_equal(family.parent.probes, family.parent.removes);
		fl_device_put(dev);
	}
	bus_down(&bus);
}

/* ---- B4 --------------------------------------------------------------------------------- */

struct births {
	struct bus *bus;
	struct fl_device *parent;
	int born, refused, stop;
};

static void *give_birth(void *arg)
{
	struct births *births = arg;
	char name[32];

	for (int i = 0; !__atomic_load_n(&births->stop, __ATOMIC_SEQ_CST); i++) {
		struct fl_device_desc desc = { .bus = "test",
					       .name = name,
					       .parent = births->parent };
		int err;

		snprintf(name, sizeof(name), "child.%d", i);
		err = fl_device_add(births->bus->root, &desc, NULL);
		if (err == -ENODEV)
			births->refused++;
		else if (!err)
			births->born++;
		if (births->refused == 100 || births->born == 20000)
			break;
	}
	return NULL;
}

static void test_no_birth_under_removal(void **state)
{
	struct bus bus;

	bus_up(&bus, NULL);
	for (int round = 0; round < 20; round++) {
		struct births births = { .bus = &bus };
		pthread_t thread;

		births.parent = add(&bus, "parent", NULL, NULL, NULL);
		assert_int_equal(fl_thread_start(&thread, "births", 0, give_birth, &births), 0);
		nanosleep(&(struct timespec){ .tv_nsec = round * 200000 }, NULL);
		assert_int_equal(fl_device_remove_post(births.parent, NULL, NULL, NULL), 0);
		bus_settle(&bus);
		__atomic_store_n(&births.stop, 1, __ATOMIC_SEQ_CST);
		pthread_join(thread, NULL);
		/* Whatever was born before the removal went with it. */
		assert_int_equal(bus_count(&bus), 0);
		fl_device_put(births.parent);
	}
	bus_down(&bus);
}

/* ---- drivers that do not let go ------------------------------------------------------------ */

static int hang_on(struct fl_op *op)
{
	if (fl_op_result(op))
		return fl_op_result(op);
	return fl_op_sleep(op, FL_NS_PER_S, hang_on);
}

static int quick_probe(struct fl_op *op, struct fl_device *dev)
{
	return 0;
}

static int hanging_remove(struct fl_op *op, struct fl_device *dev)
{
	__atomic_add_fetch((int *)fl_device_platform(dev), 1, __ATOMIC_SEQ_CST);
	return fl_op_sleep(op, FL_NS_PER_S, hang_on);
}

static const struct fl_driver clinging = {
	.name = "clinging",
	.bus = "test",
	.match = "cling",
	.probe = quick_probe,
	.remove = hanging_remove,
};

static void test_remove_that_hangs(void **state)
{
	struct fl_sched_config config = { .workers = 2, .remove_deadline_ns = 50 * FL_NS_PER_MS };
	struct fl_device *parent, *dev;
	struct bus bus;
	int called = 0;

	bus_up(&bus, &config);
	fl_driver_register(bus.root, &clinging);
	parent = add(&bus, "parent", NULL, NULL, NULL);
	dev = add(&bus, "child", "cling", parent, &called);
	fl_device_probe_post(dev, NULL);
	bus_settle(&bus);
	fl_device_put(dev);
	fl_device_remove_post(parent, NULL, NULL, NULL);
	bus_settle(&bus);
	assert_int_equal(called, 1);
	assert_int_equal(bus_count(&bus), 0);
	fl_device_put(parent);
	bus_down(&bus);
}

struct sleeper {
	int begun, release, probed, removed;
};

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static int sleeping_probe(struct fl_op *op, struct fl_device *dev)
{
	struct sleeper *sleeper = fl_device_platform(dev);

	__atomic_add_fetch(&sleeper->begun, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&sleeper->release, __ATOMIC_SEQ_CST))
		nap();
	__atomic_add_fetch(&sleeper->probed, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int sleeping_remove(struct fl_op *op, struct fl_device *dev)
{
	struct sleeper *sleeper = fl_device_platform(dev);

	nap();
	__atomic_add_fetch(&sleeper->removed, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static const struct fl_driver sleeping = {
	.name = "sleeping",
	.bus = "test",
	.match = "sleep",
	.blocks = true,
	.probe = sleeping_probe,
	.remove = sleeping_remove,
};

/* Waits until those that were parked have ended, too. */
static void await_late(struct bus *bus)
{
	struct fl_sched_stats stats;

	for (int i = 0; i < 30000; i++) {
		fl_sched_stats(bus->sched, &stats);
		if (stats.submitted == stats.ended)
			return;
		nap();
	}
	fail_msg("what was parked did not end");
}

/* A probe that never listens is parked, and its device goes; when it comes back after all,
 * what it has bound is let go (B2). */
static void test_late_probe(void **state)
{
	struct fl_sched_config config = { .workers = 2, .remove_deadline_ns = 50 * FL_NS_PER_MS };
	struct sleeper sleeper = { 0 };
	struct fl_device *dev;
	struct bus bus;

	bus_up(&bus, &config);
	fl_driver_register(bus.root, &sleeping);
	dev = add(&bus, "dev", "sleep", NULL, &sleeper);
	fl_device_probe_post(dev, NULL);
	for (int i = 0; i < 30000 && !__atomic_load_n(&sleeper.begun, __ATOMIC_SEQ_CST); i++)
		nap();
	assert_int_equal(__atomic_load_n(&sleeper.begun, __ATOMIC_SEQ_CST), 1);
	fl_device_remove_post(dev, NULL, NULL, NULL);
	bus_settle(&bus);
	assert_int_equal(bus_count(&bus), 0);
	assert_int_equal(sleeper.removed, 0);
	__atomic_store_n(&sleeper.release, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 10000 && !__atomic_load_n(&sleeper.removed, __ATOMIC_SEQ_CST); i++)
		nap();
	assert_int_equal(sleeper.probed, 1);
	assert_int_equal(__atomic_load_n(&sleeper.removed, __ATOMIC_SEQ_CST), 1);
	fl_device_put(dev);
	await_late(&bus);
	bus_down(&bus);
}

/* Drivers that sleep hold no thread that others need. */
static void test_blocking_drivers(void **state)
{
	struct sleeper sleepers[50] = { 0 };
	struct plan plan = { 0 };
	struct fl_device *dev;
	struct bus bus;
	char name[32];

	bus_up(&bus, NULL);
	fl_driver_register(bus.root, &sleeping);
	fl_driver_register(bus.root, &noting);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "dev.%d", i);
		dev = add(&bus, name, "sleep", NULL, &sleepers[i]);
		assert_int_equal(fl_device_probe_post(dev, NULL), 0);
		fl_device_put(dev);
	}
	dev = add(&bus, "quick", "note", NULL, &plan);
	fl_device_probe_post(dev, NULL);
	for (int i = 0; i < 10000 && !__atomic_load_n(&plan.probes, __ATOMIC_SEQ_CST); i++)
		nap();
	assert_int_equal(__atomic_load_n(&plan.probes, __ATOMIC_SEQ_CST), 1);
	for (int i = 0; i < 50; i++)
		__atomic_store_n(&sleepers[i].release, 1, __ATOMIC_SEQ_CST);
	bus_settle(&bus);
	fl_device_put(dev);
	bus_down(&bus);
	for (int i = 0; i < 50; i++)
		assert_int_equal(sleepers[i].removed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_find_does_not_grow),
		cmocka_unit_test(test_walk_in_order_of_birth),
		cmocka_unit_test(test_auxiliary_ids),
		cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_children_in_parallel),
		cmocka_unit_test(test_overtaken_removals),
		cmocka_unit_test(test_no_birth_under_removal),
		cmocka_unit_test(test_remove_that_hangs),
		cmocka_unit_test(test_late_probe),
		cmocka_unit_test(test_blocking_drivers),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
