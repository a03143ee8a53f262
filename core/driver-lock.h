/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-lock.h - a lock for a driver's own tables: which indexes are taken, say.
 *
 * For short edits only. While it is held there is no call of finelink but fl_cell_*(),
 * fl_timer_arm(), fl_timer_cancel(), fl_now_ns() and what takes a reference (..._get()); no
 * allocation, no I/O and no wait; a thread that takes one while it holds another, or ends a
 * step with one, stops the program. What is slow belongs on a lane.
 */
#ifndef FL_CORE_DRIVER_LOCK_H
#define FL_CORE_DRIVER_LOCK_H

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_driver_lock;

/* NULL: out of memory. */
struct fl_driver_lock *fl_driver_lock_new(void);
void fl_driver_lock_free(struct fl_driver_lock *lock); /* NULL is fine */

/* Context: any thread. */
void fl_driver_lock_take(struct fl_driver_lock *lock);
void fl_driver_lock_drop(struct fl_driver_lock *lock);

#pragma GCC visibility pop

#endif
