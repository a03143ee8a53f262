/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_chain.c - the index when names share a hash: built with a hash of three values. */
#include "tests/bus/harness.h"

uint64_t fl_weak_hash(const void *data, size_t len, uint64_t seed);

uint64_t fl_weak_hash(const void *data, size_t len, uint64_t seed)
{
	return len ? ((const unsigned char *)data)[len - 1] % 3 : 0;
}

#define DEVICES 300

static void expect(struct bus *bus, int i, bool there)
{
	struct fl_device *dev;
	char name[32];

	snprintf(name, sizeof(name), "dev.%d", i);
	dev = fl_device_find(bus->root, "test", name);
	assert_int_equal(dev != NULL, there);
	if (dev)
		assert_string_equal(fl_device_name(dev), name);
	fl_device_put(dev);
}

struct reader {
	struct bus *bus;
	int stop, missed;
};

/* A device that stays is found at all times, whatever leaves its chain. */
static void *read_on(void *arg)
{
	struct reader *reader = arg;

	while (!__atomic_load_n(&reader->stop, __ATOMIC_SEQ_CST)) {
		struct fl_device *dev = fl_device_find(reader->bus->root, "test", "dev.150");

		if (!dev)
			reader->missed++;
		fl_device_put(dev);
	}
	return NULL;
}

static void test_chains(void **state)
{
	struct fl_device *devs[DEVICES];
	struct reader reader;
	pthread_t thread;
	struct bus bus;
	char name[32];

	bus_up(&bus, NULL);
	for (int i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "dev.%d", i);
		devs[i] = add(&bus, name, NULL, NULL, NULL);
	}
	reader = (struct reader){ .bus = &bus };
	assert_int_equal(fl_thread_start(&thread, "reader", 0, read_on, &reader), 0);
	/* From the front, the back and the middle of the chains. */
	for (int i = 0; i < DEVICES; i++)
		if (i != 150 && (i < 50 || i > 250 || i % 2))
			fl_device_remove_post(devs[i], NULL, NULL, NULL);
	bus_settle(&bus);
	__atomic_store_n(&reader.stop, 1, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	assert_int_equal(reader.missed, 0);
	for (int i = 0; i < DEVICES; i++) {
		expect(&bus, i, i == 150 || !(i < 50 || i > 250 || i % 2));
		fl_device_put(devs[i]);
	}
	bus_down(&bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
