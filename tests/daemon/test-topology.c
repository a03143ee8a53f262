// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a topology gives, and the file, line and key that each kind of fault names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/topology.h"

static struct fl_topology *parse(const char *text)
{
	struct fl_topology *topology = NULL;
	char *error = NULL;
	int err = fl_topology_parse("dir/t.yaml", text, strlen(text), &topology, &error);

	if (err)
		fail_msg("%s", error);
	return topology;
}

static void test_default(void **state)
{
	struct fl_topology *topology;

	assert_int_equal(fl_topology_default(&topology), 0);
	assert_int_equal(topology->count, 1);
	assert_string_equal(topology->devices[0].mlx5.address, "0000:03:00.0");
	assert_int_equal(topology->devices[0].mlx5.ports, 2);
	fl_topology_free(topology);
}

static void test_all_keys(void **state)
{
	struct fl_topology *topology =
		parse("devices:\n"
		      "  - driver: mlx5\n"
		      "    address: 0000:81:00.0\n"
		      "    ports: 1\n"
		      "    vfs: 16\n"
		      "    max_sfs: 0x100\n"
		      "    latency_ms: {rdma_attach: 2.5, flash: 15000}\n"
		      "    jitter: .25\n"
		      "    seed: 18446744073709551615\n"
		      "    queue_depth: 8\n"
		      "    function_share: 2\n"
		      "    command_timeout_ms: 1500\n"
		      "    light_probe: yes\n"
		      "    switchdev: true\n"
		      "    faults:\n"
		      "      - {step: rdma_attach, match: sf.7, hang: true, times: 1}\n"
		      "      - {step: fw_cmd, errno: EIO, after: 3, probability: 0.5}\n"
		      "      - {step: flash, errno: 110}\n"
		      "      - {step: eth_detach, deaf_ms: 1500.5}\n");
	const struct mlx5_config *config = &topology->devices[0].mlx5;

	assert_int_equal(topology->count, 1);
	assert_int_equal(topology->devices[0].kind, FL_TOPOLOGY_MLX5);
	assert_string_equal(config->address, "0000:81:00.0");
	assert_int_equal(config->ports, 1);
	assert_int_equal(config->vfs, 16);
	assert_int_equal(config->max_sfs, 256);
	assert_int_equal(config->latency_ns[MLX5_STEP_RDMA_ATTACH], 2500000);
	assert_int_equal(config->latency_ns[MLX5_STEP_FLASH], 15000000000);
	assert_int_equal(config->latency_ns[MLX5_STEP_ETH_ATTACH], 15000000);
	assert_true(config->jitter == 0.25);
	assert_true(config->seed == UINT64_MAX);
	assert_int_equal(config->queue_depth, 8);
	assert_int_equal(config->function_share, 2);
	assert_int_equal(config->command_timeout_ns, 1500000000);
	assert_true(config->light_probe);
	assert_true(config->switchdev);
	assert_int_equal(config->fault_count, 4);
	assert_int_equal(config->faults[3].deaf_ns, 1500500000);
	assert_false(config->faults[3].hang);
	assert_int_equal(config->faults[0].step, MLX5_STEP_RDMA_ATTACH);
	assert_string_equal(config->faults[0].match, "sf.7");
	assert_true(config->faults[0].hang);
	assert_int_equal(config->faults[0].times, 1);
	assert_int_equal(config->faults[1].error, EIO);
	assert_int_equal(config->faults[1].after, 3);
	assert_true(config->faults[1].probability == 0.5);
	assert_int_equal(config->faults[2].error, ETIMEDOUT);
	fl_topology_free(topology);
}

static void test_plugin(void **state)
{
	struct fl_topology *topology =
		parse("devices:\n"
		      "  - plugin: sleepy.so\n"
		      "    driver: sleepy\n"
		      "    bus: platform\n"
		      "    address: nap\n"
		      "    count: 3\n"
		      "    options: probe_ms=5\n"
		      "  - {plugin: /x/y.so, driver: y, bus: b, address: a}\n");
	const struct fl_topology_foreign *foreign = &topology->devices[0].plugin;

	assert_int_equal(topology->devices[0].kind, FL_TOPOLOGY_PLUGIN);
	assert_string_equal(foreign->plugin, "dir/sleepy.so");
	assert_string_equal(foreign->driver, "sleepy");
	assert_string_equal(foreign->bus, "platform");
	assert_string_equal(foreign->address, "nap");
	assert_string_equal(foreign->options, "probe_ms=5");
	assert_int_equal(foreign->count, 3);
	assert_string_equal(topology->devices[1].plugin.plugin, "/x/y.so");
	assert_int_equal(topology->devices[1].plugin.count, 0);
	assert_null(topology->devices[1].plugin.options);
	fl_topology_free(topology);
}

static void test_netdevsim(void **state)
{
	struct fl_topology *topology = parse("devices:\n"
					     "  - {driver: netdevsim, id: 7}\n"
					     "  - driver: netdevsim\n"
					     "    id: 10\n"
					     "    count: 3\n"
					     "    ports: 4\n"
					     "    queues: 2\n"
					     "    vfs: 5\n"
					     "    max_vfs: 6\n"
					     "    switchdev: true\n");
	const struct fl_topology_netdevsim *few = &topology->devices[0].netdevsim;
	const struct fl_topology_netdevsim *all = &topology->devices[1].netdevsim;

	assert_int_equal(topology->devices[0].kind, FL_TOPOLOGY_NETDEVSIM);
	assert_int_equal(few->config.id, 7);
	assert_int_equal(few->config.ports, 1);
	assert_int_equal(few->config.max_vfs, 4);
	assert_int_equal(few->count, 1);
	assert_int_equal(all->config.id, 10);
	assert_int_equal(all->count, 3);
	assert_int_equal(all->config.ports, 4);
	assert_int_equal(all->config.queues, 2);
	assert_int_equal(all->config.vfs, 5);
	assert_int_equal(all->config.max_vfs, 6);
	assert_true(all->config.switchdev);
	fl_topology_free(topology);
}

static void test_no_devices(void **state)
{
	struct fl_topology *topology = parse("devices: []\n");

	assert_int_equal(topology->count, 0);
	fl_topology_free(topology);
}

#define DEVICE "devices:\n  - driver: mlx5\n    address: 0000:03:00.0\n"

static const struct {
	const char *text, *error;
} faults[] = {
	{ "", "t:1: the file is empty; a topology needs a list 'devices'" },
	{ "# only words\n", "t:1: the file is empty; a topology needs a list 'devices'" },
	{ "---\n", "t:1: must be a map of keys" },
	{ "- driver: mlx5\n", "t:1: must be a map of keys" },
	{ "{}\n", "t:1: the key 'devices' is missing" },
	{ "devices:\n- {driver: mlxsw, address: '0000:05:00.0', lanes: 3}\n",
	  "t:2: devices[0].lanes: 3 is not 1, 2, 4 or 8" },
	{ "devices:\n- {driver: mlxsw}\n", "t:2: devices[0]: the key 'address' is missing" },
	{ "devices:\n- {driver: mlxsw, address: '0000:05:00.0', vfs: 1}\n",
	  "t:2: devices[0].vfs: not a key of the driver mlxsw" },
	{ "devices:\n- {driver: mlx5, address: '0000:05:00.0'}\n"
	  "- {driver: mlxsw, address: '0000:05:00.1'}\n",
	  "t:3: devices[1].address: taken already by a function of devices[0]" },
	{ "devices:\n", "t:1: devices: must be a list" },
	{ "devices: mlx5\n", "t:1: devices: must be a list" },
	{ "devices:\n  - mlx5\n", "t:2: devices[0]: must be a map of keys" },
	{ "device: []\n", "t:1: device: no such key" },
	{ "devices: []\nversion: 1\n", "t:2: version: no such key" },
	{ "devices: []\ndevices: []\n", "t:2: devices: this key is here twice (first in line 1)" },
	{ DEVICE "    colour: red\n", "t:4: devices[0].colour: no such key" },
	{ DEVICE "    latency_ms:\n      fw_cmd: 1\n      lunch: 1\n",
	  "t:6: devices[0].latency_ms.lunch: no such key" },
	{ DEVICE "    faults:\n      - step: flash\n        when: now\n",
	  "t:6: devices[0].faults[0].when: no such key" },
	{ DEVICE "    ports: 1\n    vfs: 0\n    ports: 2\n",
	  "t:6: devices[0].ports: this key is here twice (first in line 4)" },
	{ DEVICE "    ports: 3x\n", "t:4: devices[0].ports: '3x' is not a whole number" },
	{ DEVICE "    ports: -1\n", "t:4: devices[0].ports: '-1' is not a whole number" },
	{ DEVICE "    ports:\n", "t:4: devices[0].ports: '' is not a whole number" },
	{ DEVICE "    ports: 9\n", "t:4: devices[0].ports: 9 is not in 1..8" },
	{ DEVICE "    ports: [1]\n", "t:4: devices[0].ports: must be a single value" },
	{ DEVICE "    vfs: 1025\n", "t:4: devices[0].vfs: 1025 is not in 0..1024" },
	{ DEVICE "    max_sfs: 32768\n", "t:4: devices[0].max_sfs: 32768 is not in 0..32767" },
	{ DEVICE "    seed: 18446744073709551616\n",
	  "t:4: devices[0].seed: 18446744073709551616 is not in 0..18446744073709551615" },
	{ DEVICE "    jitter: 0.95\n", "t:4: devices[0].jitter: 0.95 is not in 0..0.9" },
	{ DEVICE "    command_timeout_ms: 0\n",
	  "t:4: devices[0].command_timeout_ms: 0 is not in 1..600000" },
	{ DEVICE "    jitter: nan\n", "t:4: devices[0].jitter: 'nan' is not a number" },
	{ DEVICE "    switchdev: maybe\n",
	  "t:4: devices[0].switchdev: 'maybe' is neither true nor false" },
	{ DEVICE "    latency_ms: 5\n", "t:4: devices[0].latency_ms: must be a map of keys" },
	{ DEVICE "    latency_ms: {flash: -1}\n",
	  "t:4: devices[0].latency_ms.flash: -1 is not in 0..600000" },
	{ DEVICE "    latency_ms: {flash: 600001}\n",
	  "t:4: devices[0].latency_ms.flash: 600001 is not in 0..600000" },
	{ DEVICE "    faults: {step: flash}\n", "t:4: devices[0].faults: must be a list" },
	{ DEVICE "    faults:\n    - errno: EIO\n",
	  "t:5: devices[0].faults[0].step: the key 'step' is missing" },
	{ DEVICE "    faults:\n    - step: lunch\n      errno: EIO\n",
	  "t:5: devices[0].faults[0].step: no step 'lunch'; the steps are those of latency_ms" },
	{ DEVICE "    faults:\n    - step: flash\n      errno: EWHAT\n",
	  "t:6: devices[0].faults[0].errno: 'EWHAT' is neither the name nor the number of an "
	  "error" },
	{ DEVICE "    faults:\n    - step: flash\n      errno: 134\n",
	  "t:6: devices[0].faults[0].errno: 134 is not in 1..133" },
	{ DEVICE "    faults:\n    - step: flash\n",
	  "t:5: devices[0].faults[0].step: a fault needs one of 'errno', 'hang: true' and 'deaf_ms'" },
	{ DEVICE "    faults:\n    - step: flash\n      errno: EIO\n      hang: true\n",
	  "t:5: devices[0].faults[0].step: a fault needs one of 'errno', 'hang: true' and 'deaf_ms'" },
	{ DEVICE "    faults:\n    - step: flash\n      deaf_ms: 1\n      hang: true\n",
	  "t:5: devices[0].faults[0].step: a fault needs one of 'errno', 'hang: true' and 'deaf_ms'" },
	{ DEVICE "    faults:\n    - step: flash\n      deaf_ms: 600001\n",
	  "t:6: devices[0].faults[0].deaf_ms: 600001 is not in 0..600000" },
	{ DEVICE "    faults:\n    - step: flash\n      errno: EIO\n      probability: 2\n",
	  "t:7: devices[0].faults[0].probability: 2 is not in 0..1" },
	{ DEVICE "    bus: pci\n", "t:4: devices[0].bus: not a key of the driver mlx5" },
	{ "devices:\n  - address: x\n", "t:2: devices[0]: the key 'driver' is missing" },
	{ "devices:\n  - driver: mlx5\n", "t:2: devices[0]: the key 'address' is missing" },
	{ "devices:\n  - driver: e1000\n",
	  "t:2: devices[0].driver: no driver 'e1000'; there are mlx5, mlxsw, netdevsim, and what a "
	  "'plugin' brings" },
	{ "devices:\n  - driver: netdevsim\n", "t:2: devices[0]: the key 'id' is missing" },
	{ "devices:\n  - driver: netdevsim\n    id: 1\n    max_sfs: 3\n",
	  "t:4: devices[0].max_sfs: not a key of the driver netdevsim" },
	{ "devices:\n  - driver: netdevsim\n    id: 1\n    faults: []\n    latency_ms: {}\n",
	  "t:5: devices[0].latency_ms: not a key of the driver netdevsim" },
	{ "devices:\n  - driver: netdevsim\n    id: 2147483648\n",
	  "t:3: devices[0].id: 2147483648 is not in 0..2147483647" },
	{ "devices:\n  - driver: netdevsim\n    id: 2147483647\n    count: 2\n",
	  "t:4: devices[0].count: the ids from 2147483647 on do not suffice" },
	{ "devices:\n  - driver: netdevsim\n    id: 1\n    vfs: 5\n",
	  "t:4: devices[0].vfs: 5 is not in 0..4" },
	{ "devices:\n  - {driver: netdevsim, id: 1, count: 3}\n  - driver: netdevsim\n    id: 3\n",
	  "t:4: devices[1].id: taken already by devices[0]" },
	{ DEVICE "    id: 3\n", "t:4: devices[0].id: not a key of the driver mlx5" },
	{ "devices:\n  - driver: mlx5\n    address: 03:00.0\n",
	  "t:3: devices[0].address: '03:00.0' is no PCI address such as 0000:03:00.0 (lower "
	  "case)" },
	{ "devices:\n  - driver: mlx5\n    address: 0000:03:00.7\n",
	  "t:3: devices[0].address: 2 ports do not fit from function 7 on (0..7)" },
	{ "devices:\n  - driver: mlx5\n    address: 0000:ff:00.0\n    vfs: 1024\n",
	  "t:3: devices[0].address: the VFs do not fit in the PCI domain from here on" },
	{ DEVICE "  - driver: mlx5\n    address: 0000:03:00.1\n",
	  "t:5: devices[1].address: taken already by a function of devices[0]" },
	{ "devices:\n  - {driver: mlx5, address: '0000:04:00.0', ports: 1}\n"
	  "  - driver: mlx5\n    ports: 1\n    vfs: 300\n    address: 0000:03:00.0\n",
	  "t:6: devices[1].address: taken already by a function of devices[0]" },
	{ "devices:\n  - {plugin: p, driver: d, bus: b, address: a}\n"
	  "  - {plugin: p, driver: d, bus: b, address: a}\n",
	  "t:3: devices[1].address: taken already by a function of devices[0]" },
	{ "devices:\n  - {plugin: p, driver: d, bus: b, address: a, vfs: 1}\n",
	  "t:2: devices[0].vfs: not a key of a plug-in's device" },
	{ "devices:\n  - {plugin: p, driver: d, bus: b, address: a, faults: [{step: flash}]}\n",
	  "t:2: devices[0].faults: not a key of a plug-in's device" },
	{ "devices:\n  - {plugin: p, driver: d, address: a}\n",
	  "t:2: devices[0]: the key 'bus' is missing" },
	{ "devices:\n  - plugin: p\n    driver: d\n    bus: b\n    address: a/b\n",
	  "t:5: devices[0].address: 'a/b' is no name of 1..48 bytes without '/' and spaces" },
	{ "devices:\n  - plugin: p\n    driver: d\n    bus: b\n    address: a\n    count: 0\n",
	  "t:6: devices[0].count: 0 is not in 1..65536" },
	{ "devices: [[[[[[[[[]]]]]]]]]\n",
	  "t:1: devices[0][0][0][0][0][0][0]: nested deeper than 8 levels" },
	{ "devices:\n  - &a {driver: mlx5}\n  - *a\n", "t:3: aliases (*a) are not supported" },
	{ "devices: []\n---\ndevices: []\n", "t:2: a second document; a topology is one" },
	{ "devices:\n  - driver: mlx5\n   address: x\n",
	  "t:3: did not find expected '-' indicator (while parsing a block collection that starts "
	  "in line 2)" },
	{ "devices: \xff\n", "t:1: invalid leading UTF-8 octet (byte 9)" },
	{ "devices:\n  - ? [a]\n    : 1\n", "t:2: devices[0]: a key must be a word" },
	{ "devices:\n  - driver: \"a\\0b\"\n", "t:2: devices[0]: a NUL byte in a value" },
};

static void test_faults(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct fl_topology *topology = NULL;
		char *error = NULL;
		int err = fl_topology_parse("t", faults[i].text, strlen(faults[i].text), &topology,
					    &error);

		if (err != -EINVAL)
			print_error("taken for good:\n%s", faults[i].text);
		assert_int_equal(err, -EINVAL);
		assert_null(topology);
		assert_string_equal(error, faults[i].error);
		free(error);
	}
}

static void test_too_many(void **state)
{
	char text[8192] = DEVICE "    faults:\n";
	struct fl_topology *topology;
	char *error;

	for (int i = 0; i <= MLX5_FAULTS_MAX; i++)
		strcat(text, "    - {step: flash, errno: EIO}\n");
	assert_int_equal(fl_topology_parse("t", text, strlen(text), &topology, &error), -EINVAL);
	assert_string_equal(error, "t:4: devices[0].faults: 33 faults; at most 32");
	free(error);
}

static void test_files(void **state)
{
	struct fl_topology *topology;
	char *error;

	assert_int_equal(fl_topology_load("/nonexistent/t.yaml", &topology, &error), -ENOENT);
	assert_string_equal(error, "/nonexistent/t.yaml: No such file or directory");
	free(error);
	assert_int_equal(fl_topology_load("/", &topology, &error), -EISDIR);
	assert_string_equal(error, "/: Is a directory");
	free(error);
	assert_int_equal(fl_topology_load("/dev/zero", &topology, &error), -EFBIG);
	assert_string_equal(error, "/dev/zero: File too large");
	free(error);
}

/* Each example must load; the list comes from meson. */
static void test_examples(void **state)
{
	char *list = strdup(getenv("FINELINK_EXAMPLES") ?: "");
	int count = 0;

	for (char *path = strtok(list, ":"); path; path = strtok(NULL, ":"), count++) {
		struct fl_topology *topology = NULL;
		char *error = NULL;

		if (fl_topology_load(path, &topology, &error))
			fail_msg("%s", error);
		assert_true(topology->count > 0);
		fl_topology_free(topology);
	}
	free(list);
	assert_true(count >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),	  cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_plugin),	  cmocka_unit_test(test_no_devices),
		cmocka_unit_test(test_netdevsim),
		cmocka_unit_test(test_faults),	  cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_files),	  cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
