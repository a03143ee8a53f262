/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evlog.c - a ring of references to records, bounded by the bytes that they take.
 *
 * A record counts for at least COST_MIN bytes, so that a ring of max_bytes / COST_MIN
 * places never overflows before the bound is reached. Its pages are only touched as the
 * log is used: a namespace in which little happens costs little.
 *
 * Rules of struct fl_evlog:
 * 1. max_bytes, ring and mask never change.
 * 2. slots, begin and bytes: under lock.
 * 3. end: written under lock, read by anybody: a reader with nothing new takes no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/lock.h"
#include "netns/evlog.h"

#define COST_MIN 128

struct fl_evlog {
	struct fl_lock lock;
	size_t max_bytes;
	uint64_t mask;
	struct fl_evrec **ring;
	uint64_t begin; /* position of the oldest record */
	uint64_t end;
	size_t bytes;
};

struct fl_evrec *fl_evrec_new(size_t len)
{
	struct fl_evrec *rec;

	if (len > UINT32_MAX)
		return NULL;
	rec = calloc(1, sizeof(*rec) + len);
	if (!rec)
		return NULL;
	rec->refs = 1;
	rec->len = (uint32_t)len;
	return rec;
}

void fl_evrec_put(struct fl_evrec *rec)
{
	if (rec && __atomic_sub_fetch(&rec->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(rec);
}

void fl_evrec_put_chain(struct fl_evrec *chain)
{
	while (chain) {
		struct fl_evrec *next = chain->next;

		fl_evrec_put(chain);
		chain = next;
	}
}

static size_t cost(const struct fl_evrec *rec)
{
	size_t bytes = sizeof(*rec) + rec->len;

	return bytes < COST_MIN ? COST_MIN : bytes;
}

static size_t ring_bytes(const struct fl_evlog *log)
{
	return (log->mask + 1) * sizeof(log->ring[0]);
}

struct fl_evlog *fl_evlog_new(size_t max_bytes)
{
	struct fl_evlog *log = calloc(1, sizeof(*log));
	uint64_t slots = 2; /* one more than fits, for the moment before the oldest leaves */

	if (!log)
		return NULL;
	while (slots <= max_bytes / COST_MIN)
		slots *= 2;
	log->max_bytes = max_bytes;
	log->mask = slots - 1;
	log->ring = mmap(NULL, ring_bytes(log), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (log->ring == MAP_FAILED) {
		free(log);
		return NULL;
	}
	fl_lock_init(&log->lock, evlog);
	return log;
}

void fl_evlog_free(struct fl_evlog *log)
{
	if (!log)
		return;
	for (uint64_t at = log->begin; at != log->end; at++)
		fl_evrec_put(log->ring[at & log->mask]);
	munmap(log->ring, ring_bytes(log));
	fl_lock_done(&log->lock);
	free(log);
}

/* Takes the oldest record out. Context: log's lock. */
static struct fl_evrec *evict(struct fl_evlog *log)
{
	struct fl_evrec *rec = log->ring[log->begin++ & log->mask];

	log->bytes -= cost(rec);
	return rec;
}

void fl_evlog_append(struct fl_evlog *log, struct fl_evrec *chain, struct fl_evrec **ret_dropped)
{
	struct fl_evrec *dropped = NULL, **last = &dropped, *rec;
	uint64_t end;

	fl_lock_take(&log->lock);
	end = log->end;
	while ((rec = chain)) {
		chain = rec->next;
		rec->next = NULL;
		rec->position = end;
		log->bytes += cost(rec);
		log->ring[end++ & log->mask] = rec;
		while (log->bytes > log->max_bytes) {
			*last = evict(log);
			last = &(*last)->next;
		}
	}
	__atomic_store_n(&log->end, end, __ATOMIC_RELEASE);
	fl_lock_drop(&log->lock);
	*ret_dropped = dropped;
}

uint64_t fl_evlog_end(const struct fl_evlog *log)
{
	return __atomic_load_n(&log->end, __ATOMIC_ACQUIRE);
}

int fl_evlog_read(struct fl_evlog *log, uint64_t *position, struct fl_evrec **ret_rec)
{
	struct fl_evrec *rec;
	int err = 0;

	if (*position >= fl_evlog_end(log))
		return -EAGAIN;
	fl_lock_take(&log->lock);
	if (*position < log->begin) {
		*position = log->begin;
		err = -ENOBUFS;
	} else {
		rec = log->ring[*position & log->mask];
		__atomic_add_fetch(&rec->refs, 1, __ATOMIC_RELAXED);
		++*position;
		*ret_rec = rec;
	}
	fl_lock_drop(&log->lock);
	return err;
}
