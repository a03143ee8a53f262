/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_fault.c - latencies and faults: the same seed gives the same run. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/mlx5/fault.h"
#include "drivers/mlx5/latency.h"
#include "drivers/mlx5/mlx5-private.h"

static struct mlx5_dice dice_of(uint64_t seed, const char *name)
{
	struct mlx5_dice dice = { .key = mlx5_dice_key(seed, name) };

	return dice;
}

static void test_dice_repeat(void **state)
{
	struct mlx5_dice a = dice_of(7, "sf.1"), b = dice_of(7, "sf.1");
	struct mlx5_dice other_name = dice_of(7, "sf.2"), other_seed = dice_of(8, "sf.1");
	int same_name = 0, same_seed = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t thrown = mlx5_dice_throw(&a, MLX5_STEP_FW_CMD);

		/* Throws of one step do not shift those of another. */
		mlx5_dice_throw(&a, MLX5_STEP_FLASH);
		assert_int_equal(thrown, mlx5_dice_throw(&b, MLX5_STEP_FW_CMD));
		same_name += thrown == mlx5_dice_throw(&other_name, MLX5_STEP_FW_CMD);
		same_seed += thrown == mlx5_dice_throw(&other_seed, MLX5_STEP_FW_CMD);
	}
	assert_int_equal(same_name, 0);
	assert_int_equal(same_seed, 0);
}

static void test_latency_range(void **state)
{
	struct mlx5_dice dice = dice_of(1, "x");
	uint64_t low = UINT64_MAX, high = 0, sum = 0, ns;

	assert_int_equal(mlx5_latency(1000, 0, 12345), 1000);
	for (int i = 0; i < 10000; i++) {
		ns = mlx5_latency(1000000, 0.25, mlx5_dice_throw(&dice, MLX5_STEP_FW_CMD));
		sum += ns;
		if (ns < low)
			low = ns;
		if (ns > high)
			high = ns;
	}
	assert_true(low >= 750000 && low < 760000);
	assert_true(high <= 1250000 && high > 1240000);
	assert_true(sum / 10000 > 980000 && sum / 10000 < 1020000);
}

static void test_matches(void **state)
{
	assert_true(mlx5_fault_matches("", "anything"));
	assert_true(mlx5_fault_matches("sf.7", "auxiliary/mlx5_core.sf.7"));
	assert_false(mlx5_fault_matches("sf.7", "auxiliary/mlx5_core.sf.71"));
	assert_false(mlx5_fault_matches("sf.7", "auxiliary/mlx5_core.sf.17"));
	assert_true(mlx5_fault_matches("rdma", "auxiliary/mlx5_core.rdma.4"));
	assert_true(mlx5_fault_matches("7", "x.17.7"));
	assert_false(mlx5_fault_matches("7", "x.17.71"));
	assert_false(mlx5_fault_matches("eth", "auxiliary/mlx5_core.rdma.4"));
	assert_true(mlx5_fault_matches("0000:03:00.0/32768", "pci/0000:03:00.0/32768"));
}

static int decide(struct mlx5_faults *faults, enum mlx5_step step, const char *name)
{
	return mlx5_faults_decide(faults, step, name, 99);
}

static void test_after_and_times(void **state)
{
	struct mlx5_config config;
	struct mlx5_faults faults;

	mlx5_config_init(&config);
	config.fault_count = 2;
	config.faults[0] = (struct mlx5_fault){ .step = MLX5_STEP_RDMA_ATTACH,
						.match = "rdma.4",
						.error = EIO,
						.after = 2,
						.times = 3 };
	config.faults[1] = (struct mlx5_fault){ .step = MLX5_STEP_FLASH, .hang = true };
	mlx5_faults_init(&faults, &config);
	for (int i = 0; i < 10; i++) {
		int fate = decide(&faults, MLX5_STEP_RDMA_ATTACH, "mlx5_core.rdma.4");

		assert_int_equal(fate, i >= 2 && i < 5 ? -EIO : 0);
		assert_int_equal(decide(&faults, MLX5_STEP_RDMA_ATTACH, "mlx5_core.rdma.5"), 0);
		assert_int_equal(decide(&faults, MLX5_STEP_ETH_ATTACH, "mlx5_core.rdma.4"), 0);
		assert_int_equal(decide(&faults, MLX5_STEP_FLASH, "any"), MLX5_FATE_HANG);
	}
}

static void test_probability(void **state)
{
	struct mlx5_dice dice = dice_of(3, "p");
	struct mlx5_config config;
	struct mlx5_faults faults;
	int hits = 0;

	mlx5_config_init(&config);
	config.fault_count = 1;
	config.faults[0] =
		(struct mlx5_fault){ .step = MLX5_STEP_FW_CMD, .error = EIO, .probability = 0.1 };
	mlx5_faults_init(&faults, &config);
	for (int i = 0; i < 10000; i++)
		hits += mlx5_faults_decide(&faults, MLX5_STEP_FW_CMD, "x",
					   mlx5_dice_throw(&dice, MLX5_STEP_FW_CMD)) == -EIO;
	assert_true(hits > 850 && hits < 1150);
}

static void test_versions(void **state)
{
	struct mlx5_version last = { 22, 41, 1000 }, v;

	v = mlx5_version_of("fw-ConnectX6Dx-rel-22_42_1007-MCX623106AN.mfa2", last);
	assert_true(v.major == 22 && v.minor == 42 && v.sub == 1007);
	v = mlx5_version_of("/lib/firmware/mlx5/22.43.2000.bin", last);
	assert_true(v.major == 22 && v.minor == 43 && v.sub == 2000);
	v = mlx5_version_of("image.bin", last);
	assert_true(v.major == 22 && v.minor == 41 && v.sub == 1001);
	v = mlx5_version_of("", last);
	assert_true(v.sub == 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dice_repeat), cmocka_unit_test(test_latency_range),
		cmocka_unit_test(test_matches),	    cmocka_unit_test(test_after_and_times),
		cmocka_unit_test(test_probability), cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
