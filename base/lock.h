/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock.h - the table of leaf locks, and the only way to take one.
 *
 * Lanes order what is slow; these locks order only short edits of shared lists.
 * Under a leaf lock there is no callback, no allocation, no system call but the
 * lock's own, and no wait. A lock may be taken only while every lock held by the
 * thread has a lower level; anything else aborts, in every build, with the names
 * of both. A lock that is not in FL_LOCKS does not compile.
 */
#ifndef FL_BASE_LOCK_H
#define FL_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/thread-safety.h"

/* X(name, level, "reason that it exists and why it is short") */
#define FL_LOCKS(X)                                                                              \
	X(plane_index, 10, "writers of the plane's handle and instance indexes; one path copy")  \
	X(knobs, 11, "writers of the plane's table of knobs; one path copy")                     \
	X(netns_table, 12, "writers of the table of namespaces; a list link")                  \
	X(netns_index, 20, "writers of one namespace's list of instances; one path copy")        \
	X(commit, 30, "applies one operation's prepared edits to its instance's version")        \
	X(evlog, 40, "appends prepared notifications to one namespace's log")                    \
	X(lane, 50, "the queue and the holders of one lane; a few list links")                   \
	X(op, 55, "one operation's list of awaited children; a list link")                       \
	X(runq, 60, "the list of operations that are ready to run; a list link")                 \
	X(timer, 65, "the heap of timers; O(log n) swaps of pointers")                           \
	X(driver, 25, "a driver's own table, e.g. which sfnums are taken; a bitmap or a list link") \
	X(bus, 14, "writers of one bus's list of devices and drivers; a list link")              \
	X(session, 45, "what is queued for one client's connection; a list link")                \
	X(attach_targets, 70, "the seccomp supervisor's table of threads; a pointer and a count")  \
	X(attach_socks, 71, "the seccomp supervisor's table of sockets; a short list")           \
	X(log, 90, "one line of the program's log into a ring")

enum fl_lock_class {
#define FL_LOCK_ENUM(name, level, reason) FL_LOCK_##name,
	FL_LOCKS(FL_LOCK_ENUM)
#undef FL_LOCK_ENUM
	FL_LOCK_CLASSES,
};

struct FL_CAPABILITY("leaf lock") fl_lock {
	pthread_mutex_t mutex;
	enum fl_lock_class class;
};

/* Name, level and reason of a class, for messages and `finelink show --locks`. */
const char *fl_lock_name(enum fl_lock_class class);
int fl_lock_level(enum fl_lock_class class);
const char *fl_lock_reason(enum fl_lock_class class);

#define fl_lock_init(lock, name) fl_lock_init_class((lock), FL_LOCK_##name)
void fl_lock_init_class(struct fl_lock *lock, enum fl_lock_class class);
void fl_lock_done(struct fl_lock *lock);

/* Context: any thread; aborts on a wrong order or a second acquisition. */
void fl_lock_take(struct fl_lock *lock) FL_ACQUIRE(lock);
void fl_lock_drop(struct fl_lock *lock) FL_RELEASE(lock);

/* Stops the program if the calling thread holds any leaf lock or is inside an RCU
 * read section. Called wherever something may be slow: before each driver callback,
 * before a step of an operation, before a blocking system call. `what` names it. */
void fl_assert_may_block(const char *what);

/* What that looks at, for who has more to say. */
bool fl_may_block(void);

/* The same for allocation: allowed in an RCU read section, not under a leaf lock. */
void fl_assert_no_lock(const char *what);

#endif
