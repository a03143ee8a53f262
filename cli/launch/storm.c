// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/storm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/launch/pod.h"

#define EVENT_BYTES 65536
#define EVENTS_AT_ONCE 64 /* datagrams of notifications before the pods' turn again */
#define STARTS_AT_ONCE 16 /* pods started before answers are looked at again */
#define TICK_MS 100
#define RELIST_NS FL_NS_PER_S /* without any movement */

void storm_reason(struct launch_storm *storm, const char *text)
{
	struct launch_result *result = &storm->result;
	struct launch_reason *reason = result->reasons;

	for (unsigned int i = 0; i < result->reason_count; i++, reason++) {
		if (!strcmp(reason->text, text)) {
			reason->count++;
			return;
		}
	}
	if (result->reason_count == LAUNCH_REASONS_MAX) {
		reason = &result->reasons[LAUNCH_REASONS_MAX - 1];
		text = "other reasons";
	} else {
		result->reason_count++;
	}
	snprintf(reason->text, sizeof(reason->text), "%s", text);
	reason->count++;
}

static unsigned int bucket(const struct launch_storm *storm, uint32_t port)
{
	return port & (storm->buckets - 1);
}

struct pod *storm_find(struct launch_storm *storm, uint32_t port)
{
	struct pod *pod = storm->by_port[bucket(storm, port)];

	while (pod && pod->port != port)
		pod = pod->next_by_port;
	return pod && pod->has_port ? pod : NULL;
}

void storm_insert(struct launch_storm *storm, struct pod *pod)
{
	struct pod **head = &storm->by_port[bucket(storm, pod->port)];

	pod->next_by_port = *head;
	*head = pod;
}

/* ---- notifications ------------------------------------------------------------------- */

static void see_port(const struct launch_port_view *view, void *arg)
{
	struct launch_storm *storm = arg;
	struct pod *pod = storm_find(storm, view->index);

	if (pod)
		pod_see(storm, pod, view);
}

static void see_message(struct launch_storm *storm, const struct nlmsghdr *nlh)
{
	uint8_t cmd = launch_message_cmd(nlh);
	struct launch_port_view view;

	if (cmd == DEVLINK_CMD_FLASH_UPDATE_STATUS)
		storm->saw_flash = true;
	if (cmd == DEVLINK_CMD_PORT_NEW && !launch_port_view_parse(nlh, &view) &&
	    launch_handle_equal(&view.owner, &storm->config.target->handle))
		see_port(&view, storm);
}

/* Lists the ports instead of waiting for notifications. */
static void relist(struct launch_storm *storm)
{
	storm->listed_ns = fl_now_ns();
	launch_target_ports(storm->config.target, see_port, storm);
}

void launch_storm_listen(struct launch_storm *storm)
{
	static char buf[EVENT_BYTES] __attribute__((aligned(4))); /* one thread: storm.h */

	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		ssize_t received = fl_link_recv(storm->events, buf, sizeof(buf));

		if (received == -ENOBUFS)
			relist(storm);
		else if (received < 0)
			return;
		for (; NLMSG_OK(nlh, received); nlh = NLMSG_NEXT(nlh, received))
			see_message(storm, nlh);
	}
}

bool launch_storm_saw_flash(struct launch_storm *storm)
{
	return storm->saw_flash;
}

/* Subscribes to what is told of the PF, and of nothing else. */
static int subscribe(struct launch_storm *storm)
{
	struct launch_target *target = storm->config.target;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	struct fl_link_error error = { "" };
	uint32_t buf[128], portid;
	struct fl_msg msg;
	int err = fl_link_open(target->socket, -1, &storm->events, &error);

	if (err)
		return fl_cli_fail(err, "%s", error.text);
	fl_link_set(storm->events, NETLINK_EXT_ACK, 1);
	err = fl_link_bind(storm->events, 1U << (target->group - 1), LAUNCH_TALK_MS, &portid);
	if (err)
		return fl_cli_fail(err, "cannot subscribe to notifications: %s", strerror(-err));
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	launch_request_plain(&msg, launch_target_to(target), fl_link_seq(storm->events),
			     DEVLINK_CMD_NOTIFY_FILTER_SET);
	err = fl_link_talk(storm->events, (const struct nlmsghdr *)buf, -1, LAUNCH_TALK_MS, NULL, NULL,
			   &error);
	if (err)
		return fl_cli_fail(err, "cannot set a notify filter: %s", error.text);
	if (epoll_ctl(storm->epoll, EPOLL_CTL_ADD, fl_link_fd(storm->events), &event))
		return fl_cli_fail(-errno, "epoll: %s", strerror(errno));
	return 0;
}

/* ---- the storm ----------------------------------------------------------------------- */

static void init_pod(struct launch_storm *storm, unsigned int index)
{
	const struct launch_storm_config *config = &storm->config;
	struct pod *pod = &storm->pods[index];

	pod->netns = config->netns ? config->netns[index] : -1;
	if (config->vf) {
		pod->port = config->ports[index].index;
		pod->has_port = true;
		pod->nested = config->ports[index].nested;
		pod->attached = true;
		storm_insert(storm, pod);
	} else {
		pod->sf = config->sfs[index];
	}
	/* Locally administered, and not the same for two pods of one PF. */
	memcpy(pod->mac, (uint8_t[]){ 0x02, config->vf, (uint8_t)config->target->pf, 0,
				      (uint8_t)((index + 1) >> 8), (uint8_t)(index + 1) },
	       LAUNCH_MAC);
	if (!config->vf)
		memcpy(pod->mac + 3, (uint8_t[]){ (uint8_t)(pod->sf >> 16), (uint8_t)(pod->sf >> 8),
						  (uint8_t)pod->sf }, 3);
}

int launch_storm_new(const struct launch_storm_config *config, struct launch_storm **ret_storm)
{
	struct launch_storm *storm = calloc(1, sizeof(*storm));
	int err;

	if (!storm)
		return fl_cli_fail(-ENOMEM, "out of memory");
	storm->config = *config;
	for (storm->buckets = 64; storm->buckets < config->pods * 2;)
		storm->buckets *= 2;
	storm->epoll = epoll_create1(EPOLL_CLOEXEC);
	storm->pods = calloc(config->pods, sizeof(*storm->pods));
	storm->by_port = calloc(storm->buckets, sizeof(struct pod *));
	if (storm->epoll < 0 || !storm->pods || !storm->by_port) {
		free(storm->pods);
		storm->pods = NULL;
		launch_storm_free(storm);
		return fl_cli_fail(-ENOMEM, "cannot begin: out of memory or descriptors");
	}
	for (unsigned int i = 0; i < config->pods; i++)
		init_pod(storm, i);
	err = subscribe(storm);
	if (err) {
		launch_storm_free(storm);
		return err;
	}
	*ret_storm = storm;
	return 0;
}

void launch_storm_free(struct launch_storm *storm)
{
	if (!storm)
		return;
	for (unsigned int i = 0; storm->pods && i < storm->config.pods; i++)
		pod_done(&storm->pods[i]);
	for (int step = 0; step < LAUNCH_STEP_COUNT; step++)
		launch_stats_done(&storm->result.steps[step]);
	fl_link_free(storm->events);
	if (storm->epoll >= 0)
		close(storm->epoll);
	free(storm->pods);
	free(storm->by_port);
	free(storm);
}

struct launch_result *launch_storm_result(struct launch_storm *storm)
{
	return &storm->result;
}

/* Handles what is there, waiting at most timeout_ms for something. */
static void turn(struct launch_storm *storm, int timeout_ms)
{
	struct epoll_event events[256];
	int count = epoll_wait(storm->epoll, events, 256, timeout_ms);

	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr)
			pod_receive(storm, events[i].data.ptr);
		else
			launch_storm_listen(storm);
	}
}

/* Gives up on everybody when nothing has moved for the whole timeout. */
static void look_for_standstill(struct launch_storm *storm)
{
	uint64_t now = fl_now_ns();
	uint64_t still = now - storm->moved_ns;

	if (still > RELIST_NS && now - storm->listed_ns > RELIST_NS)
		relist(storm);
	if (still < storm->config.timeout_s * FL_NS_PER_S)
		return;
	for (unsigned int i = 0; i < storm->config.pods; i++)
		if (storm->pods[i].place == POD_BUSY)
			pod_fail(storm, &storm->pods[i], "nothing has moved for %u s",
				 storm->config.timeout_s);
}

static void report(struct launch_storm *storm)
{
	if (storm->config.progress)
		storm->config.progress(storm->down ? "taking down" : "launching", storm->ended,
				       storm->result.failed, storm->config.pods);
}

/* The first signal ends the launch, the second the taking down. */
static bool is_called_off(const struct launch_storm *storm)
{
	int enough = storm->down && !storm->config.ends_with_plane ? 2 : 1;

	return atomic_load(storm->config.signals) >= enough;
}

/* Leads all pods along one way. */
static int go(struct launch_storm *storm, uint64_t *ret_ns)
{
	unsigned int total = storm->config.pods;
	uint64_t start = fl_now_ns();

	storm->begun = 0;
	storm->ended = 0;
	storm->moved_ns = start;
	while (storm->ended < total) {
		if (is_called_off(storm))
			return -EINTR;
		for (int i = 0; i < STARTS_AT_ONCE && storm->begun < total; i++)
			pod_start(storm, &storm->pods[storm->begun++]);
		if (storm->ended < total)
			turn(storm, storm->begun < total ? 0 : TICK_MS);
		look_for_standstill(storm);
		report(storm);
	}
	*ret_ns = fl_now_ns() - start;
	return 0;
}

int launch_storm_up(struct launch_storm *storm)
{
	return go(storm, &storm->result.up_ns);
}

int launch_storm_down(struct launch_storm *storm)
{
	storm->down = true;
	return go(storm, &storm->result.down_ns);
}

/* ---- the check ----------------------------------------------------------------------- */

static void check_port(const struct launch_port_view *view, void *arg)
{
	struct launch_storm *storm = arg;
	struct pod *pod = storm_find(storm, view->index);

	if (!pod || pod->place != POD_UP)
		return;
	pod_see(storm, pod, view);
	pod->checked = true;
	if (memcmp(view->hw_addr, pod->mac, LAUNCH_MAC))
		pod_fail(storm, pod, "check: the function has another hw_addr");
	else if (!storm->config.vf && (!view->active || !view->attached))
		pod_fail(storm, pod, "check: the function is not active and attached");
	else if (!*view->nested.bus)
		pod_fail(storm, pod, "check: the port shows no instance");
	else if (view->nested_elsewhere != pod->moved)
		pod_fail(storm, pod, "check: the instance is in the wrong namespace");
}

struct inside {
	unsigned int instances;
	bool found, reload_failed;
	const struct launch_handle *wanted;
};

static int inside_message(const struct nlmsghdr *nlh, void *arg)
{
	struct inside *inside = arg;
	struct launch_handle handle;
	bool failed;

	if (launch_handle_parse(nlh, &handle, &failed))
		return 0;
	inside->instances++;
	if (launch_handle_equal(&handle, inside->wanted)) {
		inside->found = true;
		inside->reload_failed = failed;
	}
	return 0;
}

/* Lists the instances as a program in the pod would: alone its own is there. */
static void check_inside(struct launch_storm *storm, struct pod *pod)
{
	struct inside inside = { .wanted = &pod->nested };
	struct fl_link_error error = { "" };
	struct fl_link *link;
	uint32_t buf[64];
	struct fl_msg msg;
	int err = fl_link_open(storm->config.target->socket, pod->netns, &link, &error);

	if (!err) {
		fl_msg_init_fixed(&msg, buf, sizeof(buf));
		launch_request_plain(&msg, (struct launch_to){ storm->config.target->family, NULL },
				     fl_link_seq(link), DEVLINK_CMD_GET);
		err = fl_link_talk(link, (const struct nlmsghdr *)buf, -1, LAUNCH_TALK_MS,
				   inside_message, &inside, &error);
		fl_link_free(link);
	}
	if (err)
		pod_fail(storm, pod, "check inside: %s", error.text);
	else if (!inside.found)
		pod_fail(storm, pod, "check inside: the instance is not there");
	else if (inside.instances != 1)
		pod_fail(storm, pod, "check inside: %u instances that are not the pod's",
			 inside.instances - 1);
	else if (inside.reload_failed)
		pod_fail(storm, pod, "check inside: the reload has failed");
}

int launch_storm_check(struct launch_storm *storm)
{
	int err;

	launch_storm_listen(storm);
	for (unsigned int i = 0; i < storm->config.pods; i++)
		storm->pods[i].checked = false;
	err = launch_target_ports(storm->config.target, check_port, storm);
	for (unsigned int i = 0; i < storm->config.pods && !err; i++) {
		struct pod *pod = &storm->pods[i];

		if (pod->place != POD_UP)
			continue;
		if (!pod->checked)
			pod_fail(storm, pod, "check: the port is not listed");
		if (!pod->failed && pod->moved)
			check_inside(storm, pod);
		storm->result.checked += !pod->failed;
		if (atomic_load(storm->config.signals))
			return -EINTR;
	}
	return err;
}
