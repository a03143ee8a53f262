// SPDX-License-Identifier: LGPL-2.1-or-later
#include "attach/seccomp/once.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

/* Of threads that never came back for their answers, in one bucket. */
#define LEFT_BEHIND 64
#define LOOK_MS 100 /* how often who waits for another call's end looks whether it still must */

enum record_state {
	RUNNING,
	DONE,	 /* and not delivered */
	WAITING, /* a receive; `cancel` ends it */
};

/* What a thread asked last. All under the bucket's lock. `left`: not in the list any more; who runs it frees it. */
struct fl_once_record {
	struct fl_once_record *next;
	pid_t tid;
	enum record_state state;
	bool left;
	unsigned int waiters;
	uint64_t id; /* of the latest notification of this call */
	int nr, cancel;
	uint64_t args[6], hash;
	int64_t result;
};

void fl_once_init(struct fl_once *once)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < FL_ONCE_BUCKETS; i++) {
		pthread_mutex_init(&once->bucket[i].lock, NULL);
		pthread_cond_init(&once->bucket[i].done, &attr);
	}
	pthread_condattr_destroy(&attr);
}

static struct fl_once_bucket *bucket_of(struct fl_call *call)
{
	return &call->sup->once.bucket[(unsigned int)call->tid % FL_ONCE_BUCKETS];
}

static struct fl_once_record *find(struct fl_once_bucket *bucket, pid_t tid)
{
	struct fl_once_record *record = bucket->first;

	while (record && record->tid != tid)
		record = record->next;
	return record;
}

static void unlink_record(struct fl_once_bucket *bucket, struct fl_once_record *record)
{
	struct fl_once_record **at = &bucket->first;

	while (*at && *at != record)
		at = &(*at)->next;
	if (*at)
		*at = record->next;
	record->left = true;
}

static void release(struct fl_once_record *record)
{
	if (record->left && record->state == DONE && !record->waiters)
		free(record);
}

/* Takes the record out; whoever still runs or reads it frees it. */
static void drop(struct fl_once_bucket *bucket, struct fl_once_record *record)
{
	uint64_t one = 1;

	unlink_record(bucket, record);
	if (record->state == WAITING && write(record->cancel, &one, sizeof(one)) < 0) {
		/* It is told already. */
	}
	pthread_cond_broadcast(&bucket->done);
	release(record);
}

/* Notifications are numbered: a worker that comes late is not to undo what the thread asked
 * after it was interrupted. */
static bool is_newer(const struct fl_once_record *record, const struct fl_call *call)
{
	return (int64_t)(record->id - call->id) > 0;
}

static bool is_same(const struct fl_once_record *record, const struct fl_call *call, uint64_t hash)
{
	return record->state != WAITING && record->nr == call->nr && record->hash == hash &&
	       !memcmp(record->args, call->args, sizeof(record->args));
}

/* Keeps a bucket from filling with answers that nobody will fetch: the last is the oldest. */
static void make_room(struct fl_once_bucket *bucket)
{
	struct fl_once_record *record, *oldest = NULL;
	unsigned int count = 0;

	for (record = bucket->first; record; record = record->next) {
		if (record->state != DONE || record->waiters)
			continue;
		count++;
		oldest = record;
	}
	if (count >= LEFT_BEHIND)
		drop(bucket, oldest);
}

static struct fl_once_record *record_new(struct fl_once_bucket *bucket, struct fl_call *call,
					 enum record_state state, uint64_t hash)
{
	struct fl_once_record *record = calloc(1, sizeof(*record));

	if (!record)
		return NULL;
	make_room(bucket);
	record->tid = call->tid;
	record->state = state;
	record->id = call->id;
	record->nr = call->nr;
	memcpy(record->args, call->args, sizeof(record->args));
	record->hash = hash;
	record->next = bucket->first;
	bucket->first = record;
	return record;
}

/* Waits until the record is done. False: this call too was interrupted, or the record is not
 * that of the thread any more. */
static bool wait_done(struct fl_once_bucket *bucket, struct fl_once_record *record,
		      const struct fl_call *call)
{
	struct timespec until;

	while (record->state == RUNNING && !record->left && fl_call_valid(call)) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_MS * FL_NS_PER_MS;
		if (until.tv_nsec >= (long)FL_NS_PER_S) {
			until.tv_nsec -= FL_NS_PER_S;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&bucket->done, &bucket->lock, &until);
	}
	return record->state == DONE && !record->left;
}

/* The same call again: its result, once it is there. */
static int64_t again(struct fl_once_bucket *bucket, struct fl_once_record *record,
		     struct fl_call *call)
{
	int64_t result = FL_CALL_GONE;

	record->waiters++;
	record->id = call->id;
	pthread_cond_broadcast(&bucket->done); /* who waited here before was interrupted */
	if (wait_done(bucket, record, call))
		result = record->result;
	record->waiters--;
	if (result != FL_CALL_GONE && !fl_call_reply(call, result)) {
		if (!record->left)
			unlink_record(bucket, record);
		result = FL_CALL_REPLIED;
	} else {
		result = FL_CALL_GONE;
	}
	release(record);
	return result;
}

int64_t fl_once(struct fl_call *call, uint64_t hash, int64_t (*run)(struct fl_call *call, void *arg),
		void *arg)
{
	struct fl_once_bucket *bucket = bucket_of(call);
	struct fl_once_record *record;
	int64_t result;

	pthread_mutex_lock(&bucket->lock);
	record = find(bucket, call->tid);
	if (record && is_same(record, call, hash)) {
		result = again(bucket, record, call);
		pthread_mutex_unlock(&bucket->lock);
		return result;
	}
	if (record && is_newer(record, call)) {
		pthread_mutex_unlock(&bucket->lock);
		return FL_CALL_GONE;
	}
	if (record)
		drop(bucket, record);
	record = record_new(bucket, call, RUNNING, hash);
	pthread_mutex_unlock(&bucket->lock);
	if (!record)
		return -ENOMEM;
	result = run(call, arg);
	pthread_mutex_lock(&bucket->lock);
	record->state = DONE;
	record->result = result;
	if (!fl_call_reply(call, result) && !record->left)
		unlink_record(bucket, record);
	pthread_cond_broadcast(&bucket->done);
	release(record);
	pthread_mutex_unlock(&bucket->lock);
	return FL_CALL_REPLIED;
}

void fl_once_other(struct fl_call *call)
{
	struct fl_once_bucket *bucket = bucket_of(call);
	struct fl_once_record *record;

	pthread_mutex_lock(&bucket->lock);
	record = find(bucket, call->tid);
	if (record && !is_newer(record, call))
		drop(bucket, record);
	pthread_mutex_unlock(&bucket->lock);
}

int fl_once_wait_begin(struct fl_call *call, int cancel)
{
	struct fl_once_bucket *bucket = bucket_of(call);
	struct fl_once_record *record;
	int err = 0;

	pthread_mutex_lock(&bucket->lock);
	record = find(bucket, call->tid);
	if (record && is_newer(record, call)) {
		err = -ESRCH;
	} else {
		if (record)
			drop(bucket, record);
		call->waiting = record_new(bucket, call, WAITING, 0);
		if (call->waiting)
			call->waiting->cancel = cancel;
		else
			err = -ENOMEM;
	}
	pthread_mutex_unlock(&bucket->lock);
	return err;
}

void fl_once_wait_end(struct fl_call *call)
{
	struct fl_once_bucket *bucket = bucket_of(call);
	struct fl_once_record *record = call->waiting;

	pthread_mutex_lock(&bucket->lock);
	if (!record->left)
		unlink_record(bucket, record);
	record->state = DONE;
	release(record);
	call->waiting = NULL;
	pthread_mutex_unlock(&bucket->lock);
}
