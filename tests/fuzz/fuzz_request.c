/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_request.c - any netlink messages as requests to every command, of a client that may do
 * everything: parsed and handled as the server does it. What comes back is decoded to the last
 * byte, as is what is told to others.
 *
 * The port id in a message's header, which the plane does not look at: bit 0: dumps come in
 * datagrams of the smallest size; bit 1: a descriptor of this namespace comes along.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/rcu.h"
#include "core/req.h"
#include "nl/ctrl.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plane.h"

#define MESSAGES_MAX 12
#define DATAGRAM_SMALL 3776
#define DATAGRAM_LARGE (256 * 1024)
#define DATAGRAMS_MAX 100000
#define PORTID 4711

enum { SMALL = 1 << 0, WITH_NETNS = 1 << 1 };

struct request {
	struct fl_req req;
	int err, done;
};

static unsigned char datagram[DATAGRAM_LARGE] __attribute__((aligned(8)));

static void complete(struct fl_req *req, int err)
{
	struct request *request = FL_CONTAINER_OF(req, struct request, req);

	request->err = err;
	__atomic_store_n(&request->done, 1, __ATOMIC_RELEASE);
}

/* What a handler gives in the end. */
static int await(struct request *request, int err)
{
	uint64_t start = fl_now_ns();

	if (err != FL_LATER)
		return err;
	for (unsigned int i = 0; !__atomic_load_n(&request->done, __ATOMIC_ACQUIRE); i++) {
		fl_assert(fl_now_ns() - start < FUZZ_DEADLINE_NS);
		if (i < 100)
			sched_yield();
		else
			usleep(50);
	}
	__atomic_store_n(&request->done, 0, __ATOMIC_RELAXED);
	return request->err;
}

static int run_do(struct request *request)
{
	struct fl_req *req = &request->req;
	const struct fl_command *command = &fl_commands[req->cmd->cmd];
	int err;

	if (req->cmd->cmd >= fl_commands_len || !command->doit)
		return -EOPNOTSUPP;
	err = await(request, command->doit(req));
	fl_assert(err <= 0);
	if (!err && req->reply.err)
		err = req->reply.err;
	if (!err)
		fuzz_check_messages(req->reply.buf, req->reply.len);
	return err;
}

/* One datagram: 1 (there is more), 0 or a negative errno. */
static int dump_one(struct request *request, struct fl_dump *dump, size_t bound)
{
	const struct fl_command *command = &fl_commands[request->req.cmd->cmd];
	struct fl_msg msg;
	int more;

	if (dump->wants) {
		dump->wants = false;
		more = await(request, command->prepare(&request->req, dump));
		fl_assert(more <= 0);
		if (more)
			return more;
	}
	fl_msg_init_fixed(&msg, datagram, bound);
	dump->msg = &msg;
	dump->full = false;
	fl_rcu_read_lock();
	more = command->dumpit(&request->req, dump);
	fl_rcu_read_unlock();
	fl_assert(more <= 1 && msg.len <= bound);
	fuzz_check_messages(msg.buf, msg.len);
	return more > 0 && !msg.len ? -EMSGSIZE : more;
}

static int run_dump(struct request *request)
{
	const struct fl_command *command = &fl_commands[request->req.cmd->cmd];
	size_t bound = request->req.nlh->nlmsg_pid & SMALL ? DATAGRAM_SMALL : DATAGRAM_LARGE;
	struct fl_dump dump = { 0 };
	int more, count = 0;

	if (request->req.cmd->cmd >= fl_commands_len || !command->dumpit)
		return -EOPNOTSUPP;
	dump.wants = command->prepare;
	do {
		more = dump_one(request, &dump, bound);
		fl_assert(count++ < DATAGRAMS_MAX);
	} while (more > 0);
	if (dump.arg)
		command->dump_done(&dump);
	return more;
}

static void check_ack(const struct request *request, int err)
{
	const struct fl_extack *extack = &request->req.extack;
	struct fl_msg msg;

	fl_assert(memchr(extack->msg, '\0', sizeof(extack->msg)));
	fl_msg_init(&msg);
	fl_extack_put_ack(&msg, request->req.nlh, PORTID, err, extack, false, true);
	if (fl_nl_is_dump(request->req.nlh))
		fl_extack_put_done(&msg, request->req.nlh, PORTID, err, extack, true);
	fl_assert(!msg.err && fuzz_check_messages(msg.buf, msg.len));
	fl_msg_done(&msg);
}

/* True if it may have changed something. */
static bool run(struct fl_plane *plane, const struct nlmsghdr *nlh)
{
	struct request *request = calloc(1, sizeof(*request));
	struct fl_req *req = &request->req;
	bool changed = false;
	int err;

	fl_assert(request);
	req->plane = plane;
	req->ns = fl_netns_initial(fl_plane_netns(plane));
	req->nlh = nlh;
	req->portid = PORTID;
	req->target_ns = nlh->nlmsg_pid & WITH_NETNS ? req->ns : NULL;
	req->complete = complete;
	fl_msg_init(&req->reply);
	err = fl_cmd_find(nlh, &req->cmd, &req->extack);
	if (!err)
		err = fl_cmd_parse(req->cmd, nlh, req->tb, FL_ARRAY_SIZE(req->tb), &req->extack);
	if (!err) {
		err = fl_nl_is_dump(nlh) ? run_dump(request) : run_do(request);
		/* A reload that fails leaves traces. */
		changed = req->cmd->flags & FL_CMD_ADMIN &&
			  (!err || req->cmd->cmd == DEVLINK_CMD_RELOAD);
	}
	check_ack(request, err);
	fl_msg_done(&req->reply);
	free(request);
	return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_plane *plane = fuzz_plane();
	bool changed = false;
	uint8_t *copy, *at;

	copy = at = malloc(size ? size : 1);
	fl_assert(copy);
	if (size)
		memcpy(copy, data, size);
	for (int i = 0; i < MESSAGES_MAX && size >= NLMSG_HDRLEN; i++) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)at;
		size_t step;

		/* The server hands over nothing for others, and no message that is longer than
		 * what arrived. */
		nlh->nlmsg_type = FL_FAMILY_DEVLINK;
		if (nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > size)
			nlh->nlmsg_len = size;
		changed |= run(plane, nlh);
		step = NLMSG_ALIGN(nlh->nlmsg_len);
		if (step >= size)
			break;
		at += step;
		size -= step;
	}
	if (fuzz_plane_settle() || changed)
		fuzz_plane_drop();
	free(copy);
	return 0;
}
