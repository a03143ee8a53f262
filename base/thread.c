/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rcu.h"

struct thread_start {
	void *(*fn)(void *arg);
	void *arg;
	char name[16];
	sem_t gate; /* opens when the starter has stored the thread's id */
};

static void *thread_main(void *arg)
{
	struct thread_start start = *(struct thread_start *)arg;
	struct thread_start *shared = arg;
	void *result;

	while (sem_wait(&shared->gate))
		;
	sem_destroy(&shared->gate);
	free(shared);
	pthread_setname_np(pthread_self(), start.name);
	fl_rcu_register_thread();
	result = start.fn(start.arg);
	fl_rcu_unregister_thread();
	return result;
}

/* A new thread inherits the mask; the program's signals go to the threads that want them. */
static int create_masked(pthread_t *thread, const pthread_attr_t *attr, struct thread_start *start)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, attr, thread_main, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int fl_thread_start(pthread_t *ret_thread, const char *name, size_t stack_bytes,
		    void *(*fn)(void *arg), void *arg)
{
	struct thread_start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!start)
		return -ENOMEM;
	start->fn = fn;
	start->arg = arg;
	snprintf(start->name, sizeof(start->name), "%s", name);
	sem_init(&start->gate, 0, 0);
	pthread_attr_init(&attr);
	err = 0;
	if (stack_bytes)
		err = -pthread_attr_setstacksize(&attr, stack_bytes);
	if (!err)
		err = create_masked(&thread, &attr, start);
	pthread_attr_destroy(&attr);
	if (err) {
		sem_destroy(&start->gate);
		free(start);
		return err;
	}
	*ret_thread = thread;
	sem_post(&start->gate);
	return 0;
}
