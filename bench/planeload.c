/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * planeload.c - the loads of the benchmark that neither `finelink launch` nor nlbench
 * makes: many requests at once on many instances of one plane.
 *
 * usage: planeload SOCKET reload HANDLE...     reloads all instances at once, in place
 *        planeload SOCKET death HANDLE...      moves each instance to a namespace of its own,
 *                                              destroys all these at once, waits for all to
 *                                              be home
 *        planeload SOCKET hold active|inactive COUNT   adds SFs until there are COUNT (and
 *                                              activates them), and leaves them
 *
 * HANDLE is BUS/DEV. Prints one JSON object with times in milliseconds.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attach/client.h"
#include "base/util.h"
#include "cli/launch/netns.h"
#include "cli/launch/target.h"

#define BUF 65536
#define WAIT_MS 120000

static const char *socket_path;

static _Noreturn void die(const char *what, int err)
{
	fprintf(stderr, "planeload: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* ---- one asker per instance --------------------------------------------------------- */

struct asker {
	struct fl_link *link;
	struct launch_handle handle;
	uint32_t seq;
};

static void parse_handle(const char *text, struct launch_handle *ret_handle)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash - text >= (long)sizeof(ret_handle->bus) ||
	    strlen(slash + 1) >= sizeof(ret_handle->dev))
		die(text, -EINVAL);
	memset(ret_handle, 0, sizeof(*ret_handle));
	memcpy(ret_handle->bus, text, slash - text);
	strcpy(ret_handle->dev, slash + 1);
}

static struct asker *askers_open(char **handles, int count)
{
	struct asker *askers = calloc(count, sizeof(*askers));
	struct fl_link_error error;
	int err;

	if (!askers)
		die("memory", -ENOMEM);
	for (int i = 0; i < count; i++) {
		parse_handle(handles[i], &askers[i].handle);
		err = fl_link_open(socket_path, -1, &askers[i].link, &error);
		if (err)
			die(error.text, err);
	}
	return askers;
}

static void ask_reload(struct asker *asker, uint16_t family, int netns_fd)
{
	struct launch_to to = { family, &asker->handle };
	unsigned char buf[512];
	struct fl_msg msg;
	int err;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	asker->seq = fl_link_seq(asker->link);
	launch_request_reload(&msg, to, asker->seq, netns_fd);
	err = fl_link_send(asker->link, buf, msg.len, netns_fd);
	if (err)
		die("send", err);
}

/* Waits for the answer of a request; all askers' requests are on their way already. */
static void await(struct asker *asker)
{
	struct pollfd pfd = { .fd = fl_link_fd(asker->link), .events = POLLIN };
	static unsigned char buf[BUF];
	char text[256];
	ssize_t n;
	int err;

	for (;;) {
		n = fl_link_recv(asker->link, buf, sizeof(buf));
		if (n == -EAGAIN) {
			if (poll(&pfd, 1, WAIT_MS) != 1)
				die(asker->handle.dev, -ETIMEDOUT);
			continue;
		}
		if (n < 0)
			die("receive", n);
		for (struct nlmsghdr *nlh = (void *)buf; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq != asker->seq)
				continue;
			err = launch_ack_parse(nlh, text, sizeof(text));
			if (err)
				die(*text ? text : asker->handle.dev, err);
			return;
		}
	}
}

static double ms_since(uint64_t t0)
{
	return (fl_now_ns() - t0) / 1e6;
}

static double reload_all(struct asker *askers, int count, uint16_t family, const int *fds)
{
	uint64_t t0 = fl_now_ns();

	for (int i = 0; i < count; i++)
		ask_reload(&askers[i], family, fds ? fds[i] : -1);
	for (int i = 0; i < count; i++)
		await(&askers[i]);
	return ms_since(t0);
}

/* ---- the loads ---------------------------------------------------------------------- */

static int load_reload(struct launch_target *target, char **handles, int count)
{
	struct asker *askers = askers_open(handles, count);

	printf("{\"instances\":%d,\"ms\":%.3f}\n", count,
	       reload_all(askers, count, target->family, NULL));
	return 0;
}

/* Marks who is told to be home again; returns how many are missing. */
static int home_again(const unsigned char *buf, ssize_t n, struct asker *askers, int count,
		      int missing)
{
	struct launch_handle handle;

	for (const struct nlmsghdr *nlh = (const void *)buf; NLMSG_OK(nlh, n);
	     nlh = NLMSG_NEXT(nlh, n)) {
		if (launch_message_cmd(nlh) != DEVLINK_CMD_NEW ||
		    launch_handle_parse(nlh, &handle, NULL))
			continue;
		for (int i = 0; i < count; i++) {
			if (askers[i].seq && launch_handle_equal(&askers[i].handle, &handle)) {
				askers[i].seq = 0;
				missing--;
				break;
			}
		}
	}
	return missing;
}

static double await_home(struct fl_link *listener, struct asker *askers, int count, uint64_t t0)
{
	struct pollfd pfd = { .fd = fl_link_fd(listener), .events = POLLIN };
	static unsigned char buf[BUF];
	int missing = count;
	ssize_t n;

	while (missing) {
		n = fl_link_recv(listener, buf, sizeof(buf));
		if (n == -EAGAIN) {
			if (poll(&pfd, 1, WAIT_MS) != 1)
				die("instances that come home", -ETIMEDOUT);
		} else if (n < 0) {
			die("receive", n);
		} else {
			missing = home_again(buf, n, askers, count, missing);
		}
	}
	return ms_since(t0);
}

static int load_death(struct launch_target *target, char **handles, int count)
{
	struct asker *askers = askers_open(handles, count);
	int *fds = calloc(count, sizeof(*fds)), made;
	struct fl_link *listener;
	struct fl_link_error error;
	atomic_int stop = 0;
	uint32_t portid;
	double moved, died;
	uint64_t t0;
	int err;

	made = fds ? launch_netns_make(count, fds, &stop) : -ENOMEM;
	if (made != count)
		die("namespaces", made < 0 ? made : -EINTR);
	moved = reload_all(askers, count, target->family, fds);
	err = fl_link_open(socket_path, -1, &listener, &error);
	if (!err)
		err = fl_link_bind(listener, 1u << (target->group - 1), WAIT_MS, &portid);
	if (err)
		die("subscription", err);
	t0 = fl_now_ns();
	for (int i = 0; i < count; i++)
		close(fds[i]);
	died = await_home(listener, askers, count, t0);
	printf("{\"instances\":%d,\"moved_ms\":%.3f,\"home_ms\":%.3f}\n", count, moved, died);
	return 0;
}

static void hold_one(struct launch_target *target, uint32_t sf, bool active)
{
	struct launch_to to = launch_target_to(target);
	uint32_t seq = fl_link_seq(target->link);
	struct fl_link_error error;
	unsigned char buf[512];
	struct fl_msg msg;
	int err;

	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	launch_request_port_new(&msg, to, seq, target->pf, sf);
	err = fl_link_talk(target->link, (void *)buf, -1, WAIT_MS, NULL, NULL, &error);
	if (err)
		die(error.text, err);
	if (!active)
		return;
	fl_msg_reset(&msg);
	/* The first SF's port is 32768, and they are added one after another. */
	launch_request_function(&msg, to, fl_link_seq(target->link), 32768 + sf - 1, NULL,
				DEVLINK_PORT_FN_STATE_ACTIVE);
	err = fl_link_talk(target->link, (void *)buf, -1, WAIT_MS, NULL, NULL, &error);
	if (err)
		die(error.text, err);
}

static int load_hold(struct launch_target *target, char **argv)
{
	bool active = !strcmp(argv[0], "active");
	uint32_t count = atoi(argv[1]), first;
	uint64_t t0 = fl_now_ns();

	if (launch_target_switchdev(target) || launch_target_pick_sfs(target, 1, &first))
		return 1;
	for (uint32_t i = first; i <= count; i++)
		hold_one(target, i, active);
	printf("{\"sfs\":%u,\"active\":%s,\"ms\":%.3f}\n", count, active ? "true" : "false",
	       ms_since(t0));
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct launch_target target;
	int status = 2;

	if (argc < 4) {
		fprintf(stderr, "usage: planeload SOCKET reload|death HANDLE...\n"
				"       planeload SOCKET hold active|inactive COUNT\n");
		return 2;
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	socket_path = argv[1];
	if (launch_target_open(socket_path, NULL, &target))
		return 1;
	if (!strcmp(argv[2], "reload"))
		status = load_reload(&target, argv + 3, argc - 3);
	else if (!strcmp(argv[2], "death"))
		status = load_death(&target, argv + 3, argc - 3);
	else if (!strcmp(argv[2], "hold") && argc == 5)
		status = load_hold(&target, argv + 3);
	launch_target_close(&target);
	return status;
}
