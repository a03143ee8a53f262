/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_hang.c - removals while drivers that really sleep do not return (rule 6). */
#include "tests/bus/harness.h"

#define DEADLINE_NS (50 * FL_NS_PER_MS)

/* What one device's driver does, and what was done. Atomic. */
struct story {
	bool probe_sleeps, remove_sleeps;
	int wake;
	int probing, probed, removing, removed, gone;
	unsigned int removed_at;
};

static unsigned int moment;

static int seen(const int *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void note(int *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void await(const int *word)
{
	for (int i = 0; i < 60000 && !seen(word); i++)
		nap();
	assert_int_equal(seen(word), 1);
}

static void sleep_while(const struct story *story)
{
	while (!seen(&story->wake))
		nap();
}

static int told_probe(struct fl_op *op, struct fl_device *dev)
{
	struct story *story = fl_device_platform(dev);

	note(&story->probing);
	if (story->probe_sleeps)
		sleep_while(story);
	note(&story->probed);
	return 0;
}

static int told_remove(struct fl_op *op, struct fl_device *dev)
{
	struct story *story = fl_device_platform(dev);

	note(&story->removing);
	if (story->remove_sleeps)
		sleep_while(story);
	story->removed_at = __atomic_add_fetch(&moment, 1, __ATOMIC_SEQ_CST);
	note(&story->removed);
	return 0;
}

static const struct fl_driver told = {
	.name = "told",
	.bus = "test",
	.match = "told",
	.blocks = true,
	.probe = told_probe,
	.remove = told_remove,
};

static void story_gone(void *platform)
{
	note(&((struct story *)platform)->gone);
}

/* A PF, an SF below it, and an auxiliary device below that. */
struct tree {
	struct bus bus;
	struct fl_device *pf, *sf, *aux;
	struct story on_pf, on_sf, on_aux;
};

static struct fl_device *grow(struct tree *tree, const char *name, struct fl_device *parent,
			      struct story *story)
{
	struct fl_device_desc desc = { .bus = "test", .name = name, .match = "told",
				       .parent = parent, .platform = story, .gone = story_gone };
	struct fl_device *dev;

	assert_int_equal(fl_device_add(tree->bus.root, &desc, &dev), 0);
	return dev;
}

static void tree_up(struct tree *tree)
{
	struct fl_sched_config config = { .workers = 2, .remove_deadline_ns = DEADLINE_NS };

	bus_up(&tree->bus, &config);
	fl_driver_register(tree->bus.root, &told);
	tree->pf = grow(tree, "pf", NULL, &tree->on_pf);
	tree->sf = grow(tree, "sf", tree->pf, &tree->on_sf);
	tree->aux = grow(tree, "aux", tree->sf, &tree->on_aux);
}

static void probe(struct tree *tree, struct fl_device *dev)
{
	assert_int_equal(fl_device_probe_post(dev, NULL), 0);
	bus_settle(&tree->bus);
	assert_ptr_equal(fl_device_driver(dev), &told);
}

static void probe_all(struct tree *tree)
{
	probe(tree, tree->pf);
	probe(tree, tree->sf);
	probe(tree, tree->aux);
}

/* The PF is gone, and nothing is in the way of the next one of that name. */
static void check_gone(struct tree *tree)
{
	struct story none = { 0 };
	struct fl_device *pf, *sf;

	bus_settle(&tree->bus);
	assert_int_equal(bus_count(&tree->bus), 0);
	assert_int_equal(seen(&tree->on_pf.gone), 1);
	pf = grow(tree, "pf", NULL, &none);
	sf = grow(tree, "sf", pf, &none);
	fl_device_put(grow(tree, "aux", sf, &none));
	fl_device_put(sf);
	fl_device_put(pf);
	assert_int_equal(fl_bus_walk(tree->bus.root, remove_root, NULL), 0);
	bus_settle(&tree->bus);
	assert_int_equal(none.gone, 3);
}

static void wait_until_over(struct tree *tree)
{
	struct fl_sched_stats stats;

	for (int i = 0; i < 60000; i++, nap()) {
		fl_sched_stats(tree->bus.sched, &stats);
		if (stats.ended == stats.submitted)
			break;
	}
	assert_int_equal(stats.ended, stats.submitted);
}

static void tree_down(struct tree *tree)
{
	wait_until_over(tree);
	fl_device_put(tree->aux);
	fl_device_put(tree->sf);
	fl_device_put(tree->pf);
	bus_down(&tree->bus);
}

/* The SF's driver does not let go: the PF goes without it. */
static void test_child(void **state)
{
	struct tree tree = { .on_sf.remove_sleeps = true };

	tree_up(&tree);
	probe_all(&tree);
	assert_int_equal(fl_device_remove_post(tree.pf, NULL, NULL, NULL), 0);
	check_gone(&tree);
	assert_int_equal(seen(&tree.on_pf.removed), 1);
	assert_int_equal(seen(&tree.on_aux.gone), 1);
	assert_int_equal(seen(&tree.on_sf.removed) + seen(&tree.on_sf.gone), 0);
	note(&tree.on_sf.wake);
	wait_until_over(&tree);
	assert_int_equal(seen(&tree.on_sf.removed), 1);
	assert_int_equal(seen(&tree.on_sf.gone), 1);
	tree_down(&tree);
}

/* One below does not let go: all above it go in order, each by its driver. */
static void test_grandchild(void **state)
{
	struct tree tree = { .on_aux.remove_sleeps = true };
	struct fl_sched_stats stats;

	tree_up(&tree);
	probe_all(&tree);
	assert_int_equal(fl_device_remove_post(tree.pf, NULL, NULL, NULL), 0);
	check_gone(&tree);
	assert_int_equal(seen(&tree.on_sf.removed) + seen(&tree.on_sf.gone), 2);
	assert_true(tree.on_sf.removed_at < tree.on_pf.removed_at);
	fl_sched_stats(tree.bus.sched, &stats);
	assert_int_equal(stats.parked, 1);
	assert_int_equal(seen(&tree.on_aux.removed), 0);
	note(&tree.on_aux.wake);
	tree_down(&tree);
	assert_int_equal(seen(&tree.on_aux.removed), 1);
}

/* Somebody else's removal of the SF hangs already when the PF's comes. */
static void test_begun_by_another(void **state)
{
	struct tree tree = { .on_sf.remove_sleeps = true };

	tree_up(&tree);
	probe_all(&tree);
	assert_int_equal(fl_device_remove_post(tree.sf, NULL, NULL, NULL), 0);
	await(&tree.on_sf.removing);
	assert_int_equal(fl_device_remove_post(tree.pf, NULL, NULL, NULL), 0);
	check_gone(&tree);
	assert_int_equal(seen(&tree.on_pf.removed), 1);
	assert_int_equal(seen(&tree.on_sf.removed), 0);
	note(&tree.on_sf.wake);
	tree_down(&tree);
	assert_int_equal(seen(&tree.on_sf.removed), 1);
}

/* ---- under an operation that awaits -------------------------------------------------------- */

/* Awaits something on dev's lane, as a reload does. */
struct wait {
	struct fl_op op;
	int (*spawn)(struct fl_op *op, struct fl_device *dev);
	struct fl_device *dev;
	struct wait *below;
	int *ended;
};

static int waited(struct fl_op *op)
{
	return 0;
}

static int wait_run(struct fl_op *op)
{
	struct wait *wait = FL_CONTAINER_OF(op, struct wait, op);

	if (wait->below)
		fl_op_spawn(op, &wait->below->op);
	else
		wait->spawn(op, wait->dev);
	return fl_op_join(op, waited);
}

static void wait_ended(struct fl_op *op, int err)
{
	note(FL_CONTAINER_OF(op, struct wait, op)->ended);
}

static void wait_free(struct fl_op *op)
{
	free(FL_CONTAINER_OF(op, struct wait, op));
}

static const struct fl_op_type wait_type = {
	.kind = "wait", .run = wait_run, .ended = wait_ended, .free = wait_free,
};

static struct wait *wait_new(struct fl_device *on, int *ended)
{
	struct wait *wait = calloc(1, sizeof(*wait));

	assert_non_null(wait);
	fl_op_init(&wait->op, &wait_type, fl_device_lane(on), NULL);
	wait->ended = ended;
	return wait;
}

/* The PF awaits the SF's reload, which awaits a probe that sleeps. The SF is removed: its
 * removal queues at the PF, and the PF must get its operation back. */
static void test_probe_under_an_awaited_reload(void **state)
{
	struct tree tree = { .on_aux.probe_sleeps = true };
	int above_ended = 0, reload_ended = 0;
	struct wait *above, *reload;

	tree_up(&tree);
	probe(&tree, tree.pf);
	probe(&tree, tree.sf);
	reload = wait_new(tree.sf, &reload_ended);
	reload->spawn = fl_device_probe_spawn;
	reload->dev = tree.aux;
	above = wait_new(tree.pf, &above_ended);
	above->below = reload;
	assert_int_equal(fl_op_submit(&above->op), 0);
	await(&tree.on_aux.probing);
	assert_int_equal(fl_device_remove_post(tree.sf, NULL, NULL, NULL), 0);
	await(&above_ended);
	await(&tree.on_sf.gone);
	assert_int_equal(seen(&tree.on_sf.removed), 1);
	assert_int_equal(seen(&reload_ended), 0);
	assert_int_equal(bus_count(&tree.bus), 1);
	note(&tree.on_aux.wake);
	await(&reload_ended);
	await(&tree.on_aux.removed); /* it had been bound late (B2) */
	tree_down(&tree);
}

/* An operation on the PF awaits the SF's removal, which awaits one that sleeps; then the PF
 * goes. Whatever was parked on the way, nothing of the tree stays. */
static void test_what_is_below_an_abandoned_one(void **state)
{
	struct tree tree = { .on_aux.remove_sleeps = true };
	int ended = 0;
	struct wait *above;

	tree_up(&tree);
	probe_all(&tree);
	above = wait_new(tree.pf, &ended);
	above->spawn = fl_device_remove_spawn;
	above->dev = tree.sf;
	assert_int_equal(fl_op_submit(&above->op), 0);
	await(&tree.on_aux.removing);
	assert_int_equal(fl_device_remove_post(tree.pf, NULL, NULL, NULL), 0);
	check_gone(&tree);
	assert_int_equal(seen(&tree.on_pf.removed), 1);
	note(&tree.on_aux.wake);
	tree_down(&tree);
	assert_int_equal(ended, 1);
	assert_int_equal(tree.on_aux.removed + tree.on_aux.gone, 2);
	assert_int_equal(tree.on_sf.removed + tree.on_sf.gone, 2);
}

/* An unbinding that was parked comes back: the driver has been asked to let go once. */
static void test_unbinding_comes_back(void **state)
{
	struct tree tree = { .on_sf.remove_sleeps = true };

	tree_up(&tree);
	probe_all(&tree);
	assert_int_equal(fl_device_unbind_post(tree.pf, NULL, NULL, NULL), 0);
	await(&tree.on_sf.removing);
	assert_int_equal(fl_device_remove_post(tree.pf, NULL, NULL, NULL), 0);
	check_gone(&tree);
	note(&tree.on_sf.wake);
	tree_down(&tree);
	assert_int_equal(seen(&tree.on_pf.removed), 1);
	assert_int_equal(seen(&tree.on_sf.removed), 1);
}

static int unbind_and_remove(struct fl_op *op, struct fl_device *dev)
{
	assert_int_equal(fl_device_unbind_post(dev, NULL, NULL, NULL), 0);
	return fl_device_remove_spawn(op, dev);
}

/* An operation on the PF awaits the SF's removal; behind it queues an unbinding of the SF, before
 * that the removal of what is below. They would wait for each other. */
static void test_removal_that_queues_behind_who_awaits(void **state)
{
	struct tree tree = { 0 };
	struct wait *above;
	int ended = 0;

	tree_up(&tree);
	probe_all(&tree);
	above = wait_new(tree.pf, &ended);
	above->spawn = unbind_and_remove;
	above->dev = tree.sf;
	assert_int_equal(fl_op_submit(&above->op), 0);
	await(&ended);
	assert_int_equal(seen(&tree.on_aux.removed) + seen(&tree.on_aux.gone), 2);
	assert_int_equal(seen(&tree.on_sf.removed) + seen(&tree.on_sf.gone), 2);
	assert_true(tree.on_aux.removed_at < tree.on_sf.removed_at);
	assert_int_equal(bus_count(&tree.bus), 1);
	tree_down(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_grandchild),
		cmocka_unit_test(test_begun_by_another),
		cmocka_unit_test(test_probe_under_an_awaited_reload),
		cmocka_unit_test(test_what_is_below_an_abandoned_one),
		cmocka_unit_test(test_unbinding_comes_back),
		cmocka_unit_test(test_removal_that_queues_behind_who_awaits),
	};

	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
