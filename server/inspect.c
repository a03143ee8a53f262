/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inspect.c - what is asked for decides what one JSON object holds. Numbers are what they
 * were at slightly different moments: nothing is stopped to count.
 *
 *   instances  { "instances": [ { "handle": "pci/0000:03:00.0", "driver": "mlx5_core",
 *                "index": 0, "netns_cookie": 1, "initial_netns": true,
 *                "reload_failed": false, "ports": 2, "params": 14, "version": 7 } ] }
 *              version: how often it was changed
 *   lanes      { "lanes": [ { "name": "...", "parent": "..." or null, "sealed": false,
 *                "holders": 1, "queued": 0, "operations": [ { "number": 17,
 *                "kind": "flash", "client": "pid 1 uid 0" or null, "state": "running",
 *                "age_ms": 1200.5, "running_ms": 1200.1 or null, "left_ms": 28799.9 or null,
 *                "waits": "device" or null, "waits_at": "..." or null, "waits_for": 16 or null,
 *                "cancelled": false, "stuck": false, "removes": false, "blocks": false,
 *                "lasts": true } ] } ], "idle": 998 }
 *              left_ms: until it gives up, is told to stop, or is gone on without
 *              waits: "lane" (waits_at: which; waits_for: whose operation), "timer", "device",
 *              "below" (waits_for: an operation that it awaits), "callback" (which may sleep)
 *              stuck: it was told to stop and does not return
 *              idle: how many lanes had nothing to tell and are left out
 *   locks      { "locks": [ { "name": "commit", "level": 30, "reason": "..." } ] }
 *   stats      { "sessions": { "open", "accepted", "refused" },
 *                "operations": { "now", "submitted", "ended", "refused", "parked" },
 *                "lanes": 12, "blocked_threads": 0,
 *                "io": [ { "sessions", "requests", "replies", "replies_dropped", "events",
 *                "overruns", "dumps", "dump_datagrams", "malformed" } ] }
 */
#include "server/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/thread.h"
#include "core/plane.h"
#include "server/server-private.h"
#include "server/session.h"

struct inspection {
	struct fl_session *session;
	struct fl_server *server;
	struct json_object *(*make)(struct fl_server *server);
	int fd;
};

static void put_int(struct json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

static void put_bool(struct json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

/* An empty string is told as null. */
static void put_str(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, *value ? json_object_new_string(value) : NULL);
}

/* ---- instances -------------------------------------------------------------------- */

static void instance_add(const struct fl_instance_info *info, void *arg)
{
	struct json_object *one = json_object_new_object();
	char handle[sizeof(info->bus) + sizeof(info->dev) + 1];

	snprintf(handle, sizeof(handle), "%s/%s", info->bus, info->dev);
	put_str(one, "handle", handle);
	put_str(one, "driver", info->driver);
	put_int(one, "index", info->index);
	put_int(one, "netns_cookie", info->netns_cookie);
	put_bool(one, "initial_netns", info->in_initial_netns);
	put_bool(one, "reload_failed", info->reload_failed);
	put_int(one, "ports", info->ports);
	put_int(one, "params", info->params);
	put_int(one, "version", info->version);
	json_object_array_add(arg, one);
}

static struct json_object *instances_make(struct fl_server *server)
{
	struct json_object *all = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(all, "instances", list);
	if (!fl_plane_walk(server->plane, instance_add, list))
		return all;
	json_object_put(all);
	return NULL;
}

/* ---- lanes ------------------------------------------------------------------------ */

struct lanes {
	struct json_object *by_name; /* of every lane, with its list of operations */
	uint64_t now_ns;
};

static struct json_object *lane_find(struct lanes *lanes, const char *name)
{
	struct json_object *one;

	if (json_object_object_get_ex(lanes->by_name, name, &one))
		return one;
	one = json_object_new_object();
	put_str(one, "name", name);
	json_object_object_add(one, "operations", json_object_new_array());
	json_object_object_add(lanes->by_name, name, one);
	return one;
}

static void lane_add(const struct fl_lane_info *info, void *arg)
{
	struct json_object *one = lane_find(arg, info->name);

	put_str(one, "parent", info->parent);
	put_bool(one, "sealed", info->sealed);
	put_int(one, "holders", info->holders);
	put_int(one, "queued", info->queued);
}

static const char *op_state(enum fl_op_state state)
{
	switch (state) {
	case FL_OP_NEW:
		return "new";
	case FL_OP_QUEUED:
		return "queued";
	case FL_OP_RUNNING:
		return "running";
	case FL_OP_WAITING:
		return "waiting";
	case FL_OP_ENDED:
		return "ended";
	case FL_OP_PARKED:
		return "parked";
	}
	return "?";
}

static void put_age(struct json_object *to, const char *key, uint64_t since_ns, uint64_t now_ns)
{
	struct json_object *age = NULL;

	if (since_ns && since_ns <= now_ns)
		age = json_object_new_double((double)(now_ns - since_ns) / FL_NS_PER_MS);
	json_object_object_add(to, key, age);
}

static void put_left(struct json_object *to, const char *key, uint64_t until_ns, uint64_t now_ns)
{
	struct json_object *left = NULL;

	if (until_ns > now_ns)
		left = json_object_new_double((double)(until_ns - now_ns) / FL_NS_PER_MS);
	else if (until_ns)
		left = json_object_new_double(0);
	json_object_object_add(to, key, left);
}

static const char *op_waits(const struct fl_op_info *info)
{
	if (info->state == FL_OP_QUEUED)
		return "lane";
	switch (info->wait) {
	case FL_OP_WAIT_NONE:
		return "";
	case FL_OP_WAIT_TIMER:
		return "timer";
	case FL_OP_WAIT_WAKER:
		return "device";
	case FL_OP_WAIT_BELOW:
		return "below";
	case FL_OP_WAIT_CALLBACK:
		return "callback";
	}
	return "?";
}

static void op_add(const struct fl_op_info *info, void *arg)
{
	struct lanes *lanes = arg;
	struct json_object *one = json_object_new_object(), *list;

	put_int(one, "number", info->number);
	put_str(one, "kind", info->kind);
	put_str(one, "client", info->client);
	put_str(one, "state", op_state(info->state));
	put_age(one, "age_ms", info->queued_ns, lanes->now_ns);
	put_age(one, "running_ms", info->started_ns, lanes->now_ns);
	put_left(one, "left_ms", info->until_ns, lanes->now_ns);
	put_str(one, "waits", op_waits(info));
	put_str(one, "waits_at", info->waits_at);
	json_object_object_add(one, "waits_for",
			       info->waits_for ? json_object_new_uint64(info->waits_for) : NULL);
	put_bool(one, "cancelled", info->cancelled);
	put_bool(one, "stuck", info->stuck);
	put_bool(one, "removes", info->removes);
	put_bool(one, "blocks", info->blocks);
	put_bool(one, "lasts", info->lasts);
	json_object_object_get_ex(lane_find(lanes, info->lane), "operations", &list);
	json_object_array_add(list, one);
}

static bool lane_is_idle(struct json_object *one)
{
	struct json_object *field;

	if (json_object_object_get_ex(one, "operations", &field) &&
	    json_object_array_length(field))
		return false;
	if (json_object_object_get_ex(one, "sealed", &field) && json_object_get_boolean(field))
		return false;
	if (json_object_object_get_ex(one, "holders", &field) && json_object_get_int(field))
		return false;
	return !json_object_object_get_ex(one, "queued", &field) || !json_object_get_int(field);
}

static struct json_object *lanes_make(struct fl_server *server)
{
	struct fl_sched *sched = fl_plane_sched(server->plane);
	struct lanes lanes = { json_object_new_object(), fl_sched_now(sched) };
	struct json_object *all = json_object_new_object(), *list = json_object_new_array();
	uint64_t idle = 0;
	int err = fl_sched_walk(sched, lane_add, op_add, &lanes);

	json_object_object_foreach(lanes.by_name, name, one)
	{
		(void)name;
		if (lane_is_idle(one))
			idle++;
		else
			json_object_array_add(list, json_object_get(one));
	}
	json_object_put(lanes.by_name);
	json_object_object_add(all, "lanes", list);
	put_int(all, "idle", idle);
	if (!err)
		return all;
	json_object_put(all);
	return NULL;
}

/* ---- locks, stats ----------------------------------------------------------------- */

static struct json_object *locks_make(struct fl_server *server)
{
	struct json_object *all = json_object_new_object(), *list = json_object_new_array();

	for (int class = 0; class < FL_LOCK_CLASSES; class++) {
		struct json_object *one = json_object_new_object();

		put_str(one, "name", fl_lock_name((enum fl_lock_class)class));
		put_int(one, "level", (uint64_t)fl_lock_level((enum fl_lock_class)class));
		put_str(one, "reason", fl_lock_reason((enum fl_lock_class)class));
		json_object_array_add(list, one);
	}
	json_object_object_add(all, "locks", list);
	return all;
}

static struct json_object *io_make(const struct fl_io *io)
{
	struct json_object *one = json_object_new_object();

#define PUT_STAT(name) put_int(one, #name, __atomic_load_n(&io->stats.name, __ATOMIC_RELAXED))
	put_int(one, "sessions", __atomic_load_n(&io->sessions, __ATOMIC_RELAXED));
	PUT_STAT(requests);
	PUT_STAT(replies);
	PUT_STAT(replies_dropped);
	PUT_STAT(events);
	PUT_STAT(overruns);
	PUT_STAT(dumps);
	PUT_STAT(dump_datagrams);
	PUT_STAT(malformed);
#undef PUT_STAT
	return one;
}

static struct json_object *stats_make(struct fl_server *server)
{
	struct json_object *all = json_object_new_object(), *sessions = json_object_new_object();
	struct json_object *ops = json_object_new_object(), *ios = json_object_new_array();
	struct fl_sched_stats stats = { 0 };

	fl_sched_stats(fl_plane_sched(server->plane), &stats);
	put_int(sessions, "open", __atomic_load_n(&server->sessions, __ATOMIC_RELAXED));
	put_int(sessions, "accepted", __atomic_load_n(&server->accepted, __ATOMIC_RELAXED));
	put_int(sessions, "refused", __atomic_load_n(&server->refused, __ATOMIC_RELAXED));
	put_int(ops, "now", stats.ops);
	put_int(ops, "submitted", stats.submitted);
	put_int(ops, "ended", stats.ended);
	put_int(ops, "refused", stats.refused);
	put_int(ops, "parked", stats.parked);
	for (unsigned int i = 0; i < server->io_count; i++)
		json_object_array_add(ios, io_make(server->ios[i]));
	json_object_object_add(all, "sessions", sessions);
	json_object_object_add(all, "operations", ops);
	put_int(all, "lanes", stats.lanes);
	put_int(all, "blocked_threads", stats.block_threads);
	json_object_object_add(all, "io", ios);
	return all;
}

static const struct {
	const char *what;
	struct json_object *(*make)(struct fl_server *server);
} inspections[] = {
	{ "instances", instances_make },
	{ "lanes", lanes_make },
	{ "locks", locks_make },
	{ "stats", stats_make },
};

/* ---- the work --------------------------------------------------------------------- */

/* Threads that are about a client's file, in the whole process: they may outlive the server. */
static unsigned int file_threads;

static bool file_thread_enter(void)
{
	unsigned int count = __atomic_load_n(&file_threads, __ATOMIC_SEQ_CST);

	while (count < FL_INSPECT_FILE_THREADS)
		if (__atomic_compare_exchange_n(&file_threads, &count, count + 1, true,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static int file_thread_start(const char *name, void *(*run)(void *arg), void *arg)
{
	pthread_t thread;
	int err;

	if (!file_thread_enter())
		return -EBUSY;
	err = fl_thread_start(&thread, name, 0, run, arg);
	if (err)
		__atomic_sub_fetch(&file_threads, 1, __ATOMIC_SEQ_CST);
	else
		pthread_detach(thread);
	return err;
}

/* Descriptors that wait to be closed by one of those threads. */
struct closing {
	struct closing *next;
	int fd;
};

static struct closing *closings; /* atomic */

static void closings_push(struct closing *first, struct closing *last)
{
	last->next = __atomic_load_n(&closings, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&closings, &last->next, first, true, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED))
		;
}

static void *closings_main(void *arg);

/* One of them; the others are left to other threads, since this one's close may hang. */
static struct closing *closings_pop(void)
{
	struct closing *one = __atomic_exchange_n(&closings, NULL, __ATOMIC_SEQ_CST), *last;

	if (!one || !one->next)
		return one;
	for (last = one->next; last->next;)
		last = last->next;
	closings_push(one->next, last);
	file_thread_start("fl-close", closings_main, NULL);
	return one;
}

/* Last act of such a thread. What was left to it because there were enough threads is seen here,
 * or by who leaves later. */
static void file_thread_leave(void)
{
	struct closing *one;

	do {
		while ((one = closings_pop())) {
			close(one->fd);
			free(one);
		}
		__atomic_sub_fetch(&file_threads, 1, __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&closings, __ATOMIC_SEQ_CST) && file_thread_enter());
}

static void *closings_main(void *arg)
{
	file_thread_leave();
	return NULL;
}

void fl_inspect_dispose(int fd)
{
	struct closing *one = malloc(sizeof(*one));
	int err;

	if (!one) {
		fl_log(FL_LOG_WARN, "a descriptor of a client stays open: out of memory");
		return;
	}
	one->fd = fd;
	closings_push(one, one);
	err = file_thread_start("fl-close", closings_main, NULL);
	if (err && err != -EBUSY)
		fl_log(FL_LOG_WARN, "a descriptor of a client stays open for now: error %d", err);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* What can be looked at without the plane ends before `making` is given back. */
static int inspect_write(struct json_object *made, int fd)
{
	struct stat st;
	const char *text;
	size_t len;

	if (!made)
		return -ENOMEM;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -EBADF;
	text = json_object_to_json_string_length(
		made, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	return text ? write_all(fd, text, len) : -ENOMEM;
}

static void inspect_back(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_session *session = FL_CONTAINER_OF(node, struct fl_session, back);

	fl_session_came_back(session);
	fl_session_run(session);
}

static void *inspect_main(void *arg)
{
	struct inspection *inspection = arg;
	struct fl_session *session = inspection->session;
	struct fl_server *server = inspection->server;
	struct json_object *made = inspection->make(server);

	sem_post(&server->inspect.making);
	session->result = inspect_write(made, inspection->fd);
	session->answered = true;
	json_object_put(made);
	close(inspection->fd);
	free(inspection);
	fl_session_come_back(session, inspect_back);
	file_thread_leave();
	return NULL;
}

/* Sends session->packet's file to a thread. Returns 0 or a negative errno. */
static int inspect_start(struct fl_session *session,
			 struct json_object *(*make)(struct fl_server *server))
{
	struct inspection *inspection = malloc(sizeof(*inspection));
	int err;

	if (!inspection)
		return -ENOMEM;
	*inspection = (struct inspection){ session, session->server, make,
					   session->packet.file_fd };
	if (sem_trywait(&session->server->inspect.making)) {
		free(inspection);
		return -EBUSY;
	}
	fl_session_go_away(session);
	err = file_thread_start("fl-inspect", inspect_main, inspection);
	if (!err) {
		session->packet.file_fd = -1;
		return 0;
	}
	fl_session_came_back(session);
	sem_post(&session->server->inspect.making);
	free(inspection);
	return err;
}

static int inspect_begin(struct fl_session *session)
{
	const struct fl_packet *packet = &session->packet;
	size_t len = strnlen((const char *)packet->data, packet->len);

	for (size_t i = 0; i < FL_ARRAY_SIZE(inspections); i++)
		if (len == strlen(inspections[i].what) &&
		    !memcmp(packet->data, inspections[i].what, len))
			return inspect_start(session, inspections[i].make);
	return -EINVAL;
}

bool fl_inspect_work(struct fl_session *session, struct fl_wire_reply *reply)
{
	int err;

	if (session->answered) {
		session->answered = false;
		reply->error = session->result;
		return true;
	}
	/* It tells of all namespaces, so not everybody may know. */
	err = fl_request_permission(session);
	if (!err)
		err = inspect_begin(session);
	else if (err == FL_LATER)
		return false;
	reply->error = err;
	return err;
}

void fl_inspect_quota_init(struct fl_inspect_quota *quota)
{
	sem_init(&quota->making, 0, FL_INSPECT_THREADS);
}

void fl_inspect_quota_done(struct fl_inspect_quota *quota)
{
	for (int i = 0; i < FL_INSPECT_THREADS; i++)
		while (sem_wait(&quota->making) && errno == EINTR)
			;
	sem_destroy(&quota->making);
}
