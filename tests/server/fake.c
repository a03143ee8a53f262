/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/server/fake.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/rcu.h"
#include "base/thread.h"
#include "core/knob.h"
#include "netns/evlog.h"

struct fake fake;

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* ---- what the core would be ------------------------------------------------------- */

struct fl_client {
	int refs;
	uint32_t owner; /* atomic */
	char name[48];
};

struct fl_client *fl_client_new(const char *name)
{
	struct fl_client *client = calloc(1, sizeof(*client));

	client->refs = 1;
	snprintf(client->name, sizeof(client->name), "%s", name);
	__atomic_add_fetch(&fake.clients, 1, __ATOMIC_SEQ_CST);
	return client;
}

struct fl_client *fl_client_get(struct fl_client *client)
{
	__atomic_add_fetch(&client->refs, 1, __ATOMIC_SEQ_CST);
	return client;
}

void fl_client_put(struct fl_client *client)
{
	if (client && !__atomic_sub_fetch(&client->refs, 1, __ATOMIC_SEQ_CST)) {
		free(client);
		__atomic_sub_fetch(&fake.clients, 1, __ATOMIC_SEQ_CST);
	}
}

const char *fl_client_name(const struct fl_client *client)
{
	return client->name;
}

void fl_client_set_owner(struct fl_client *client, uint32_t uid)
{
	__atomic_store_n(&client->owner, uid, __ATOMIC_SEQ_CST);
}

uint32_t fl_client_owner(const struct fl_client *client)
{
	return __atomic_load_n(&client->owner, __ATOMIC_SEQ_CST);
}

/* One operation, with the number 17. */
int fl_sched_find(struct fl_sched *sched, uint64_t number, struct fl_op **ret_op)
{
	*ret_op = NULL;
	return number == 17 ? 0 : -ENOENT;
}

void fl_op_put(struct fl_op *op)
{
}

struct fl_client *fl_op_client(const struct fl_op *op)
{
	return __atomic_load_n(&fake.op_client, __ATOMIC_SEQ_CST);
}

void fl_op_cancel_by(struct fl_op *op, const char *who)
{
	__atomic_add_fetch(&fake.cancelled, 1, __ATOMIC_SEQ_CST);
}

struct fl_netns_table *fl_plane_netns(struct fl_plane *plane)
{
	return fake.table;
}

struct fl_sched *fl_plane_sched(struct fl_plane *plane)
{
	return NULL;
}

uint64_t fl_sched_now(const struct fl_sched *sched)
{
	return fl_now_ns();
}

void fl_plane_set_on_events(struct fl_plane *plane,
			    void (*on_events)(struct fl_netns *ns, void *arg), void *arg)
{
	__atomic_store_n(&fake.on_events_arg, arg, __ATOMIC_RELAXED);
	__atomic_store_n(&fake.on_events, on_events, __ATOMIC_RELEASE);
}

/* Waits for fake_release(), as an operation that may be parked meanwhile. use() is what it does
 * with what it was given. True: it was abandoned, and has been released. */
static bool hang(void (*use)(void *arg), void (*abandon)(void *arg), void (*release)(void *arg),
		 void *arg)
{
	bool parked = false;

	__atomic_add_fetch(&fake.hanging, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&fake.release, __ATOMIC_SEQ_CST)) {
		use(arg);
		if (!parked && __atomic_load_n(&fake.park, __ATOMIC_SEQ_CST)) {
			parked = true;
			if (fake.park_late)
				release(arg);
			abandon(arg);
			if (fake.park_late)
				return true;
		}
		nap();
	}
	use(arg);
	if (parked)
		release(arg);
	return parked;
}

static void knob_use(void *arg)
{
	struct fl_knob_call *call = arg;

	fl_extack_set(&call->extack, "%.30s of %s", call->text, fl_client_name(call->client));
}

static void knob_abandon(void *arg)
{
	struct fl_knob_call *call = arg;

	call->abandon(call);
}

static void knob_release(void *arg)
{
	struct fl_knob_call *call = arg;

	call->release(call);
}

/* One knob, "sys/fake": a write of "later" is completed by another thread, one of "hang" hangs. */
static void *knob_later(void *arg)
{
	struct fl_knob_call *call = arg;

	nap();
	if (strcmp(call->text, "hang"))
		call->complete(call, 0);
	else if (!hang(knob_use, knob_abandon, knob_release, call))
		call->complete(call, -ECANCELED);
	__atomic_sub_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

int fl_knob_write(const char *path, struct fl_knob_call *call)
{
	pthread_t thread;

	if (strcmp(path, "sys/fake"))
		return -ENOENT;
	if (!strcmp(call->text, "bad")) {
		fl_extack_set(&call->extack, "sys/fake cannot be bad");
		return -EINVAL;
	}
	snprintf(fake.knob, sizeof(fake.knob), "%.60s\n", call->text);
	if (strcmp(call->text, "later") && strcmp(call->text, "hang"))
		return 0;
	__atomic_add_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
	if (fl_thread_start(&thread, "knob", 0, knob_later, call))
		return -EAGAIN;
	pthread_detach(thread);
	return FL_LATER;
}

ssize_t fl_knob_read(struct fl_plane *plane, const char *path, char *buf, size_t cap)
{
	return strcmp(path, "sys/fake") ? -ENOENT : snprintf(buf, cap, "%s", fake.knob);
}

size_t fl_knob_list(struct fl_plane *plane, const char *prefix, unsigned int skip, char *buf,
		    size_t cap, unsigned int *ret_count)
{
	*ret_count = !skip;
	return skip ? 0 : (size_t)snprintf(buf, cap, "sys/fake\n");
}

int fl_plane_walk(struct fl_plane *plane,
		  void (*fn)(const struct fl_instance_info *info, void *arg), void *arg)
{
	struct fl_instance_info info = { .bus = "fake", .driver = "fake", .ports = 3 };

	for (info.index = 0; info.index < fake.objects; info.index++) {
		snprintf(info.dev, sizeof(info.dev), "dev%u", info.index);
		fn(&info, arg);
	}
	return 0;
}

int fl_sched_walk(struct fl_sched *sched, void (*lane)(const struct fl_lane_info *info, void *arg),
		  void (*op)(const struct fl_op_info *info, void *arg), void *arg)
{
	struct fl_lane_info busy = { .name = "fake/dev0", .holders = 1 }, idle = { .name = "idle" };
	struct fl_op_info info = { .lane = "fake/dev0", .kind = "flash", .client = "pid 1",
				   .state = FL_OP_RUNNING, .queued_ns = 1, .started_ns = 2 };

	lane(&idle, arg);
	lane(&busy, arg);
	op(&info, arg);
	return 0;
}

void fl_sched_stats(struct fl_sched *sched, struct fl_sched_stats *ret_stats)
{
	*ret_stats = (struct fl_sched_stats){ .submitted = 7 };
}

/* ---- its commands ----------------------------------------------------------------- */

static void put_object(struct fl_msg *msg, uint16_t flags, uint32_t seq, uint32_t portid,
		       uint32_t n)
{
	char dev[16];

	snprintf(dev, sizeof(dev), "dev%u", n);
	fl_msg_begin(msg, FL_FAMILY_DEVLINK, flags, seq, portid, DEVLINK_CMD_NEW, 1);
	fl_msg_put_str(msg, DEVLINK_ATTR_BUS_NAME, "fake");
	fl_msg_put_str(msg, DEVLINK_ATTR_DEV_NAME, dev);
	fl_msg_put_u32(msg, DEVLINK_ATTR_INDEX, n);
	if (msg->err)
		fl_msg_cancel(msg);
	else
		fl_msg_end(msg);
}

static int fake_get(struct fl_req *req)
{
	void (*on_get)(int n) = __atomic_load_n(&fake.on_get, __ATOMIC_SEQ_CST);
	unsigned int n;

	if (!req->tb[DEVLINK_ATTR_DEV_NAME] || !req->tb[DEVLINK_ATTR_BUS_NAME])
		return -EINVAL;
	if (sscanf(fl_attr_str(req->tb[DEVLINK_ATTR_DEV_NAME]), "dev%u", &n) != 1 ||
	    n >= fake.objects) {
		fl_extack_set_attr(&req->extack, req->tb[DEVLINK_ATTR_DEV_NAME], "no such object");
		return -ENODEV;
	}
	if (on_get)
		on_get((int)n);
	put_object(&req->reply, 0, req->nlh->nlmsg_seq, req->portid, n);
	return 0;
}

static int dump_objects(struct fl_req *req, struct fl_dump *dump, uint64_t end)
{
	size_t before;

	assert_true(fl_rcu_read_ongoing());
	while (dump->position[0] < end) {
		before = dump->msg->len;
		put_object(dump->msg, NLM_F_MULTI, req->nlh->nlmsg_seq, req->portid,
			   (uint32_t)dump->position[0]);
		if (dump->msg->len == before) {
			dump->full = true;
			return 1;
		}
		dump->position[0]++;
	}
	return 0;
}

static int fake_get_dump(struct fl_req *req, struct fl_dump *dump)
{
	return dump_objects(req, dump, fake.objects);
}

static void *late_main(void *arg)
{
	struct fl_req *req = arg;
	uint32_t number = __atomic_add_fetch(&fake.sequence, 1, __ATOMIC_SEQ_CST);

	nap();
	fake_event(req->ns, number, 0);
	fl_msg_begin(&req->reply, FL_FAMILY_DEVLINK, 0, req->nlh->nlmsg_seq, req->portid,
		     DEVLINK_CMD_PORT_SET, 1);
	fl_msg_put_u32(&req->reply, DEVLINK_ATTR_PORT_INDEX, number);
	fl_msg_end(&req->reply);
	req->complete(req, 0);
	__atomic_add_fetch(&fake.late_done, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* All that an operation may do with its request. */
static void req_use(void *arg)
{
	struct fl_req *req = arg;

	assert_string_equal(fl_attr_str(req->tb[DEVLINK_ATTR_BUS_NAME]), "fake");
	assert_true(req->nlh->nlmsg_len > NLMSG_HDRLEN);
	fl_extack_set(&req->extack, "%s hangs", fl_client_name(req->client));
	fl_msg_reset(&req->reply);
	put_object(&req->reply, 0, req->nlh->nlmsg_seq, req->portid, (uint32_t)req->ns->cookie);
	assert_true(!req->target_ns || req->target_ns->cookie);
}

static void req_abandon(void *arg)
{
	struct fl_req *req = arg;

	req->abandon(req);
}

static void req_release(void *arg)
{
	struct fl_req *req = arg;

	req->release(req);
}

static void *hang_main(void *arg)
{
	struct fl_req *req = arg;

	if (!hang(req_use, req_abandon, req_release, req))
		req->complete(req, -ECANCELED);
	__atomic_add_fetch(&fake.late_done, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int start_late(struct fl_req *req, void *(*run)(void *arg))
{
	pthread_t thread;

	__atomic_add_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(fl_thread_start(&thread, "fake-op", 0, run, req), 0);
	pthread_detach(thread);
	return FL_LATER;
}

static int fake_port_set(struct fl_req *req)
{
	return start_late(req, late_main);
}

static int fake_port_del(struct fl_req *req)
{
	return start_late(req, hang_main);
}

static int fake_reload(struct fl_req *req)
{
	if (req->target_ns)
		__atomic_store_n(&fake.target, req->target_ns->cookie, __ATOMIC_SEQ_CST);
	return start_late(req, hang_main);
}

/* ---- a dump that is prepared in parts --------------------------------------------- */

#define PREPARED_PART 100

struct prepare {
	struct fl_req *req;
	struct fl_dump *dump;
};

static void req_no_use(void *arg)
{
	struct fl_req *req = arg;

	assert_true(req->nlh->nlmsg_len > NLMSG_HDRLEN);
	fl_extack_set(&req->extack, "%s hangs", fl_client_name(req->client));
}

static void *prepare_main(void *arg)
{
	struct prepare *prepare = arg;
	struct fl_dump *dump = prepare->dump;
	struct fl_req *req = prepare->req;
	int err = dump->position[0] ? fake.prepare_error : 0;

	free(prepare);
	if (fake.prepare_hangs && hang(req_no_use, req_abandon, req_release, req)) {
		__atomic_sub_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
		return NULL;
	}
	if (!dump->arg) {
		dump->arg = calloc(1, sizeof(uint64_t));
		__atomic_add_fetch(&fake.prepared, 1, __ATOMIC_SEQ_CST);
	}
	*(uint64_t *)dump->arg = dump->position[0] + PREPARED_PART;
	req->complete(req, err);
	__atomic_sub_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int fake_prepare(struct fl_req *req, struct fl_dump *dump)
{
	struct prepare *prepare = malloc(sizeof(*prepare));
	pthread_t thread;

	*prepare = (struct prepare){ req, dump };
	__atomic_add_fetch(&fake.running, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(fl_thread_start(&thread, "fake-op", 0, prepare_main, prepare), 0);
	pthread_detach(thread);
	return FL_LATER;
}

static int fake_prepared_dump(struct fl_req *req, struct fl_dump *dump)
{
	const uint64_t *end = dump->arg;
	int more;

	assert_true(end && *end > dump->position[0]);
	more = dump_objects(req, dump, *end < fake.objects ? *end : fake.objects);
	if (more || dump->position[0] == fake.objects)
		return more;
	dump->wants = true;
	return 1;
}

static void fake_dump_done(struct fl_dump *dump)
{
	free(dump->arg);
	__atomic_sub_fetch(&fake.prepared, 1, __ATOMIC_SEQ_CST);
}

const struct fl_command fl_commands[] = {
	[DEVLINK_CMD_GET] = { fake_get, fake_get_dump },
	[DEVLINK_CMD_PORT_GET] = { NULL, fake_prepared_dump, fake_prepare, fake_dump_done },
	[DEVLINK_CMD_PORT_SET] = { fake_port_set, NULL },
	[DEVLINK_CMD_PORT_DEL] = { fake_port_del, NULL },
	[DEVLINK_CMD_RELOAD] = { fake_reload, NULL },
};
const unsigned int fl_commands_len = FL_ARRAY_SIZE(fl_commands);

/* ---- notifications ---------------------------------------------------------------- */

static void event_append(struct fl_netns *ns, uint32_t number, const char *dev, bool has_port,
			 uint32_t port, size_t extra)
{
	char zeros[16384] = { 0 };
	struct fl_evrec *rec, *dropped;
	struct fl_msg msg;

	fl_msg_init(&msg);
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_PORT_NEW, 1);
	fl_msg_put_str(&msg, DEVLINK_ATTR_BUS_NAME, "fake");
	fl_msg_put_str(&msg, DEVLINK_ATTR_DEV_NAME, dev);
	fl_msg_put_u32(&msg, DEVLINK_ATTR_PORT_INDEX, number);
	if (extra)
		fl_msg_put(&msg, DEVLINK_ATTR_REGION_CHUNK_DATA, zeros, extra);
	fl_msg_end(&msg);
	rec = fl_evrec_new(msg.len);
	memcpy(rec->data, msg.buf, msg.len);
	rec->group = FL_GROUP_CONFIG;
	rec->cmd = DEVLINK_CMD_PORT_NEW;
	rec->has_port = has_port;
	rec->port_index = port;
	rec->bus_off = NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN;
	rec->dev_off = (uint16_t)(rec->bus_off + NLA_ALIGN(strlen("fake") + 1) + NLA_HDRLEN);
	fl_msg_done(&msg);
	fl_evlog_append(ns->log, rec, &dropped);
	fl_evrec_put_chain(dropped);
	fl_netns_kick(ns);
}

void fake_event(struct fl_netns *ns, uint32_t number, size_t extra)
{
	event_append(ns, number, "dev0", false, 0, extra);
}

void fake_event_port(struct fl_netns *ns, uint32_t number, const char *dev, uint32_t port)
{
	event_append(ns, number, dev, true, port, 0);
}

uint32_t fake_number(const struct nlmsghdr *nlh)
{
	const char *at = (const char *)nlh + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)nlh + nlh->nlmsg_len;

	while (at < end) {
		const struct nlattr *attr = (const struct nlattr *)at;

		if (fl_attr_type(attr) == DEVLINK_ATTR_PORT_INDEX)
			return fl_attr_u32(attr);
		at += NLA_ALIGN(attr->nla_len);
	}
	return UINT32_MAX;
}

static void on_events(struct fl_netns *ns, void *arg)
{
	void (*fn)(struct fl_netns *ns, void *arg);

	fl_rcu_read_lock();
	fn = __atomic_load_n(&fake.on_events, __ATOMIC_ACQUIRE);
	if (fn)
		fn(ns, __atomic_load_n(&fake.on_events_arg, __ATOMIC_RELAXED));
	fl_rcu_read_unlock();
}

static void on_death(struct fl_netns *ns, void *arg)
{
	__atomic_add_fetch(&fake.deaths, 1, __ATOMIC_SEQ_CST);
}

/* ---- start and stop --------------------------------------------------------------- */

static int fake_listen(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(fake.path, sizeof(fake.path), "/tmp/fl-server-%d-XXXXXX", (int)getpid());
	assert_non_null(mkdtemp(fake.path));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", fake.path);
	snprintf(client_path, sizeof(client_path), "%s", addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4096), 0);
	return fd;
}

void fake_start(const struct fake_config *config)
{
	struct fl_netns_config netns = { .on_events = on_events, .on_death = on_death,
					 .log_bytes = config->log_bytes };
	struct fl_server_config server = { .io_threads = config->io_threads,
					   .max_sessions = config->max_sessions,
					   .private_plane = !config->not_private };

	memset(&fake, 0, sizeof(fake));
	fake.objects = config->objects;
	client_set_rcvmax(0);
	fl_rcu_register_thread();
	assert_int_equal(fl_netns_table_new(NULL, &netns, &fake.table), 0);
	server.listen_fd = fake_listen();
	assert_int_equal(fl_server_new(NULL, &server, &fake.server), 0);
}

void fake_stop_server(void)
{
	char path[sizeof(fake.path) + 4];

	fl_server_free(fake.server);
	fake.server = NULL;
	snprintf(path, sizeof(path), "%s/s", fake.path);
	unlink(path);
	rmdir(fake.path);
}

void fake_release(void)
{
	__atomic_store_n(&fake.release, 1, __ATOMIC_SEQ_CST);
	assert_true(fake_wait(&fake.running, 0, true));
}

void fake_park(void)
{
	__atomic_store_n(&fake.park, 1, __ATOMIC_SEQ_CST);
}

void fake_stop(void)
{
	if (fake.server)
		fake_stop_server();
	fake_release();
	/* Every session let go of what it had. */
	assert_true(fake_wait(&fake.clients, 0, true));
	fl_rcu_barrier();
	fl_netns_table_free(fake.table);
	fl_rcu_barrier();
	fl_rcu_unregister_thread();
}

unsigned int fake_read(const unsigned int *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

bool fake_wait(const unsigned int *counter, unsigned int value, bool exactly)
{
	for (int ms = 0; ms < 10000; ms++) {
		unsigned int now = fake_read(counter);

		if (exactly ? now == value : now >= value)
			return true;
		nap();
	}
	return false;
}

unsigned int fake_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

bool fake_wait_fds(unsigned int count)
{
	for (int ms = 0; ms < 10000; ms++) {
		if (fake_count_fds() == count)
			return true;
		nap();
	}
	return false;
}
