/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lock.h"

#include "base/die.h"
#include "base/rcu.h"
#include "base/util.h"

struct lock_class_info {
	const char *name;
	int level;
	const char *reason;
};

static const struct lock_class_info classes[] = {
#define LOCK_INFO(name, level, reason) { #name, level, reason },
	FL_LOCKS(LOCK_INFO)
#undef LOCK_INFO
};

/* The levels are few, so a thread that obeys them never holds more than this. */
#define HELD_MAX FL_LOCK_CLASSES

static _Thread_local struct {
	const struct fl_lock *lock[HELD_MAX];
	unsigned int count;
} held;

const char *fl_lock_name(enum fl_lock_class class)
{
	return classes[class].name;
}

int fl_lock_level(enum fl_lock_class class)
{
	return classes[class].level;
}

const char *fl_lock_reason(enum fl_lock_class class)
{
	return classes[class].reason;
}

void fl_lock_init_class(struct fl_lock *lock, enum fl_lock_class class)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->class = class;
}

void fl_lock_done(struct fl_lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

/* What is held is in ascending order, so only the last one need be looked at. */
static void check_order(const struct fl_lock *lock)
{
	const struct fl_lock *last;

	if (!held.count)
		return;
	last = held.lock[held.count - 1];
	if (classes[last->class].level < classes[lock->class].level)
		return;
	for (unsigned int i = 0; i < held.count; i++)
		if (held.lock[i] == lock)
			fl_breach("lock order", "lock '%s' taken twice by one thread",
				  classes[lock->class].name);
	fl_breach("lock order", "lock '%s' (level %d) taken while holding lock '%s' (level %d)",
		  classes[lock->class].name, classes[lock->class].level,
		  classes[last->class].name, classes[last->class].level);
}

FL_NO_TSA void fl_lock_take(struct fl_lock *lock)
{
	check_order(lock);
	pthread_mutex_lock(&lock->mutex);
	held.lock[held.count++] = lock;
}

FL_NO_TSA void fl_lock_drop(struct fl_lock *lock)
{
	unsigned int i = held.count;

	while (i && held.lock[i - 1] != lock)
		i--;
	if (!i)
		fl_breach("lock order", "lock '%s' dropped by a thread that does not hold it",
			  classes[lock->class].name);
	held.count--;
	for (i--; i < held.count; i++)
		held.lock[i] = held.lock[i + 1];
	pthread_mutex_unlock(&lock->mutex);
}

void fl_assert_no_lock(const char *what)
{
	if (held.count)
		fl_breach("leaf locks", "%s while holding lock '%s'", what,
			  classes[held.lock[held.count - 1]->class].name);
}

bool fl_may_block(void)
{
	return !held.count && !fl_rcu_read_ongoing();
}

void fl_assert_may_block(const char *what)
{
	fl_assert_no_lock(what);
	if (fl_rcu_read_ongoing())
		fl_breach("RCU read sections", "%s inside an RCU read section", what);
}
