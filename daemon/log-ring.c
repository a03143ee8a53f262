// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/log-ring.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/thread.h"

#define RING_LINES 1024
#define LINE_BYTES 240

/*
 * Rules:
 * 1. lines, head, tail, dropped: under lock. The writer copies a line out, then writes it
 *    with no lock held.
 * 2. prefix, thread: set before the first line.
 */
static struct {
	struct fl_lock lock;
	char lines[RING_LINES][LINE_BYTES];
	unsigned int head, tail; /* next to write out, next to fill; tail - head are in use */
	unsigned int dropped;
	char prefix[32];
	pthread_t thread;
	sem_t filled;
	atomic_bool stop, stopped;
} ring;

static void ring_sink(enum fl_log_level level, const char *line)
{
	bool was_empty;

	fl_lock_take(&ring.lock);
	was_empty = ring.tail == ring.head;
	if (ring.tail - ring.head == RING_LINES) {
		ring.dropped++;
	} else {
		char *slot = ring.lines[ring.tail++ % RING_LINES];
		size_t len = strnlen(line, LINE_BYTES - 1);

		memcpy(slot, line, len);
		slot[len] = 0;
	}
	fl_lock_drop(&ring.lock);
	if (was_empty)
		sem_post(&ring.filled);
}

/* Copies the oldest line, or the word that some were dropped. False: nothing is left. */
static bool ring_pop(char *out, size_t cap)
{
	unsigned int dropped;
	bool found = false;

	fl_lock_take(&ring.lock);
	dropped = ring.dropped;
	ring.dropped = 0;
	if (!dropped && ring.tail != ring.head) {
		memcpy(out, ring.lines[ring.head++ % RING_LINES], LINE_BYTES);
		found = true;
	}
	fl_lock_drop(&ring.lock);
	if (dropped)
		snprintf(out, cap, "%u lines of log were dropped: nobody read them in time", dropped);
	return found || dropped;
}

static void ring_write(const char *line)
{
	char text[LINE_BYTES + sizeof(ring.prefix) + 4];
	int len = snprintf(text, sizeof(text), "%s: %s\n", ring.prefix, line);

	for (int done = 0; done < len;) {
		ssize_t wrote = write(STDERR_FILENO, text + done, (size_t)(len - done));

		if (wrote < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = STDERR_FILENO, .events = POLLOUT }, 1, 1000);
		else if (wrote < 0 && errno != EINTR)
			return;
		else if (wrote > 0)
			done += (int)wrote;
	}
}

static void *ring_main(void *arg)
{
	char line[LINE_BYTES];

	do {
		while (sem_wait(&ring.filled))
			;
		while (ring_pop(line, sizeof(line)))
			ring_write(line);
	} while (!atomic_load(&ring.stop));
	atomic_store(&ring.stopped, true);
	return NULL;
}

int fl_log_ring_start(const char *prefix, enum fl_log_level max_level)
{
	int err;

	fl_lock_init(&ring.lock, log);
	snprintf(ring.prefix, sizeof(ring.prefix), "%s", prefix);
	if (sem_init(&ring.filled, 0, 0))
		return -errno;
	err = fl_thread_start(&ring.thread, "log", 0, ring_main, NULL);
	if (!err)
		fl_log_set_sink(ring_sink, max_level);
	return err;
}

void fl_log_ring_stop(unsigned int wait_ms)
{
	fl_log_set_sink(NULL, FL_LOG_ERR);
	atomic_store(&ring.stop, true);
	sem_post(&ring.filled);
	for (unsigned int waited = 0; !atomic_load(&ring.stopped); waited++) {
		if (waited >= wait_ms)
			return; /* its reader stalls: the thread ends with the process */
		usleep(1000);
	}
	pthread_join(ring.thread, NULL);
	sem_destroy(&ring.filled);
	fl_lock_done(&ring.lock);
}
