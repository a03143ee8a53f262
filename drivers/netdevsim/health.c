/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* health.c - the reporters "empty", which has nothing to say, and "dummy", which can break. */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BINARY_LEN 16
#define BINARY_MAX (4u << 20) /* more than a kernel gives in one piece */

/* ---- what they tell ------------------------------------------------------------------ */

void nsim_random_fill(void *buf, size_t len)
{
	uint64_t state = fl_now_ns(), word;
	unsigned char *to = buf;

	/* Without entropy the time must do: nothing here has to be hard to guess. */
	if (getrandom(&state, sizeof(state), GRND_NONBLOCK) < 0)
		state ^= (uintptr_t)buf;
	for (size_t at = 0; at < len; at += sizeof(word)) {
		state += 0x9e3779b97f4a7c15;
		word = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
		word = (word ^ word >> 27) * 0x94d049bb133111eb;
		word ^= word >> 31;
		memcpy(to + at, &word, len - at < sizeof(word) ? len - at : sizeof(word));
	}
}

static int put_binary(struct fl_fmsg *fmsg, uint32_t len)
{
	unsigned char *binary = len <= BINARY_MAX ? malloc(len + 1) : NULL;

	if (!binary)
		return -ENOMEM;
	nsim_random_fill(binary, len);
	fl_fmsg_binary_pair_put(fmsg, "test_binary", binary, len);
	free(binary);
	return 0;
}

/* One value of each kind. The kernel ends an array that it never began, after which its clients
 * print nothing: kept, since clients are tested with it. */
static int put_all(struct fl_fmsg *fmsg, uint32_t binary_len)
{
	int err;

	fl_fmsg_bool_pair_put(fmsg, "test_bool", true);
	fl_fmsg_u8_pair_put(fmsg, "test_u8", 1);
	fl_fmsg_u32_pair_put(fmsg, "test_u32", 3);
	fl_fmsg_u64_pair_put(fmsg, "test_u64", 4);
	fl_fmsg_string_pair_put(fmsg, "test_string", "somestring");
	err = put_binary(fmsg, binary_len);
	if (err)
		return err;
	fl_fmsg_pair_nest_start(fmsg, "test_nest");
	fl_fmsg_obj_nest_start(fmsg);
	fl_fmsg_bool_pair_put(fmsg, "nested_test_bool", false);
	fl_fmsg_u8_pair_put(fmsg, "nested_test_u8", 0);
	fl_fmsg_obj_nest_end(fmsg);
	fl_fmsg_pair_nest_end(fmsg);
	fl_fmsg_arr_pair_nest_end(fmsg);
	fl_fmsg_arr_pair_nest_start(fmsg, "test_u32_array");
	for (uint32_t i = 0; i < 10; i++)
		fl_fmsg_u32_put(fmsg, i);
	fl_fmsg_arr_pair_nest_end(fmsg);
	fl_fmsg_arr_pair_nest_start(fmsg, "test_array_of_objects");
	for (uint8_t i = 0; i < 10; i++) {
		fl_fmsg_obj_nest_start(fmsg);
		fl_fmsg_bool_pair_put(fmsg, "in_array_nested_test_bool", false);
		fl_fmsg_u8_pair_put(fmsg, "in_array_nested_test_u8", i);
		fl_fmsg_obj_nest_end(fmsg);
	}
	fl_fmsg_arr_pair_nest_end(fmsg);
	return 0;
}

/* ---- the reporters -------------------------------------------------------------------- */

static struct nsim_health *health_of(const struct fl_reporter *reporter)
{
	return fl_reporter_priv(reporter);
}

static uint32_t binary_len(const struct nsim_health *health)
{
	return __atomic_load_n(&health->binary_len, __ATOMIC_RELAXED);
}

static int dummy_recover(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
			 void *ctx)
{
	struct nsim_health *health = health_of(reporter);
	char *message;

	if (__atomic_load_n(&health->fail_recover, __ATOMIC_RELAXED)) {
		fl_extack_set(fl_txn_extack(txn),
			      "netdevsim: User setup the recover to fail for testing purposes");
		return -EINVAL;
	}
	if (!ctx)
		return 0;
	message = strdup(ctx);
	if (!message)
		return -ENOMEM;
	free(health->recovered);
	health->recovered = message;
	return 0;
}

static int dummy_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		      struct fl_fmsg *fmsg, void *ctx)
{
	if (ctx)
		fl_fmsg_string_pair_put(fmsg, "break_message", ctx);
	return put_all(fmsg, binary_len(health_of(reporter)));
}

static int dummy_diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
			  struct fl_fmsg *fmsg)
{
	struct nsim_health *health = health_of(reporter);

	if (health->recovered)
		fl_fmsg_string_pair_put(fmsg, "recovered_break_message", health->recovered);
	return put_all(fmsg, binary_len(health));
}

static int empty_dump(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		      struct fl_fmsg *fmsg, void *ctx)
{
	return 0;
}

static int empty_diagnose(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
			  struct fl_fmsg *fmsg)
{
	return 0;
}

static const struct fl_reporter_ops dummy_ops = {
	.recover = dummy_recover,
	.dump = dummy_dump,
	.diagnose = dummy_diagnose,
};

static const struct fl_reporter_ops empty_ops = {
	.dump = empty_dump,
	.diagnose = empty_diagnose,
};

/* ---- knobs ------------------------------------------------------------------------------ */

static int break_over(struct fl_op *op)
{
	return fl_op_result(op);
}

static int break_run(struct fl_op *op, struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_call_dev(call);
	char *message;
	int err;

	if (!dev->health.dummy)
		return -ENODEV;
	message = strdup(call->text);
	if (!message)
		return -ENOMEM;
	err = fl_health_report_spawn(op, dev->health.dummy, call->text, message, free);
	return err ? err : fl_op_join(op, break_over);
}

static int break_write(struct fl_knob_call *call)
{
	return nsim_knob_post(call, NULL, break_run);
}

static const struct fl_knob_ops break_ops = { .write = break_write, .gone = nsim_knob_gone };

/* ---- making and removing them ------------------------------------------------------------ */

int nsim_health_init(struct nsim_dev *dev, struct fl_txn *txn)
{
	struct nsim_health *health = &dev->health;
	const struct fl_reporter_desc empty = {
		.name = "empty", .ops = &empty_ops, .priv = health,
	};
	const struct fl_reporter_desc dummy = {
		.name = "dummy", .ops = &dummy_ops, .priv = health,
	};
	int err;

	free(health->recovered);
	health->recovered = NULL;
	__atomic_store_n(&health->binary_len, BINARY_LEN, __ATOMIC_RELAXED);
	__atomic_store_n(&health->fail_recover, false, __ATOMIC_RELAXED);
	err = nsim_debugfs_add(&health->dir, dev, "health/break_health", &break_ops, NULL);
	if (!err)
		err = nsim_debugfs_add(&health->dir, dev, "health/binary_len", &nsim_u32_ops,
				       &health->binary_len);
	if (!err)
		err = nsim_debugfs_add(&health->dir, dev, "health/fail_recover", &nsim_bool_ops,
				       &health->fail_recover);
	if (err) {
		nsim_dir_drop(&health->dir);
		return err;
	}
	health->empty = fl_reporter_add(txn, &empty);
	health->dummy = fl_reporter_add(txn, &dummy);
	return 0;
}

void nsim_health_forget(struct nsim_dev *dev)
{
	struct nsim_health *health = &dev->health;

	nsim_dir_drop(&health->dir);
	fl_reporter_put(health->empty);
	fl_reporter_put(health->dummy);
	health->empty = health->dummy = NULL;
}

void nsim_health_exit(struct nsim_dev *dev, struct fl_txn *txn)
{
	fl_reporter_del(txn, dev->health.dummy);
	fl_reporter_del(txn, dev->health.empty);
	nsim_health_forget(dev);
}
