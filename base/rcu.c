/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rcu.c - RCU by liburcu, memb flavour. */
#define _LGPL_SOURCE
#include "base/rcu.h"

#include <pthread.h>
#include <stddef.h>
#include <urcu/urcu-memb.h>

#include "base/die.h"
#include "base/lock.h"

_Static_assert(sizeof(struct fl_rcu_head) == sizeof(struct rcu_head) &&
		       offsetof(struct fl_rcu_head, func) == offsetof(struct rcu_head, func),
	       "fl_rcu_head is handed to liburcu as it is");

static _Thread_local bool registered;
static pthread_key_t exit_key; /* unregisters threads that were not made by fl_thread_start() */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void at_thread_exit(void *unused)
{
	fl_rcu_unregister_thread();
}

/* The first callback of all: liburcu has registered the thread that it runs on, and a
 * second time would corrupt its list of readers. */
static void on_callback_thread(struct rcu_head *head)
{
	registered = true;
}

/* Context: a registered thread. */
static void init_once(void)
{
	static struct rcu_head first;

	pthread_key_create(&exit_key, at_thread_exit);
	/* Starts the callback thread now: urcu_memb_call_rcu() must not allocate later. */
	urcu_memb_get_default_call_rcu_data();
	urcu_memb_call_rcu(&first, on_callback_thread);
}

void fl_rcu_register_thread(void)
{
	if (registered)
		return;
	urcu_memb_register_thread();
	pthread_once(&once, init_once);
	pthread_setspecific(exit_key, &registered);
	registered = true;
}

void fl_rcu_unregister_thread(void)
{
	if (!registered)
		return;
	fl_assert(!urcu_memb_read_ongoing());
	urcu_memb_unregister_thread();
	pthread_setspecific(exit_key, NULL);
	registered = false;
}

void fl_rcu_read_lock(void)
{
	if (__builtin_expect(!registered, 0))
		fl_rcu_register_thread();
	urcu_memb_read_lock();
}

void fl_rcu_read_unlock(void)
{
	urcu_memb_read_unlock();
}

bool fl_rcu_read_ongoing(void)
{
	return registered && urcu_memb_read_ongoing();
}

void fl_rcu_call(struct fl_rcu_head *head, void (*func)(struct fl_rcu_head *head))
{
	/* liburcu looks up its queue in a read section of its own. */
	if (__builtin_expect(!registered, 0))
		fl_rcu_register_thread();
	urcu_memb_call_rcu((struct rcu_head *)head, (void (*)(struct rcu_head *))func);
}

void fl_rcu_synchronize(void)
{
	fl_assert_may_block("waiting for an RCU grace period");
	urcu_memb_synchronize_rcu();
}

void fl_rcu_barrier(void)
{
	fl_assert_may_block("waiting for RCU callbacks");
	fl_rcu_register_thread();
	urcu_memb_barrier();
}
