/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driver-lock.c - leaf locks of class driver, for who does not know how one is laid out. */
#include "core/driver-lock.h"

#include <stdlib.h>

#include "base/lock.h"

struct fl_driver_lock {
	struct fl_lock lock;
};

struct fl_driver_lock *fl_driver_lock_new(void)
{
	struct fl_driver_lock *lock = malloc(sizeof(*lock));

	if (lock)
		fl_lock_init(&lock->lock, driver);
	return lock;
}

void fl_driver_lock_free(struct fl_driver_lock *lock)
{
	if (lock)
		fl_lock_done(&lock->lock);
	free(lock);
}

FL_NO_TSA void fl_driver_lock_take(struct fl_driver_lock *lock)
{
	fl_lock_take(&lock->lock);
}

FL_NO_TSA void fl_driver_lock_drop(struct fl_driver_lock *lock)
{
	fl_lock_drop(&lock->lock);
}
