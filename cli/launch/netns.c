// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

struct work {
	unsigned int count, made;
	int *fds;
	const atomic_int *stop;
	int err;
};

/* A thread of its own, because it leaves the namespace of the others. */
static void *make_all(void *arg)
{
	struct work *work = arg;

	for (; work->made < work->count && !atomic_load(work->stop); work->made++) {
		int fd = unshare(CLONE_NEWNET) ? -1 :
						 open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

		if (fd < 0) {
			work->err = -errno;
			break;
		}
		work->fds[work->made] = fd;
	}
	return NULL;
}

int launch_netns_make(unsigned int count, int *fds, const atomic_int *stop)
{
	struct work work = { .count = count, .fds = fds, .stop = stop };
	pthread_t thread;
	int err = pthread_create(&thread, NULL, make_all, &work);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	if (!work.err)
		return (int)work.made;
	while (work.made)
		close(fds[--work.made]);
	return work.err;
}
