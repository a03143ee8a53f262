// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/pod.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define REQUEST_BYTES 512
#define RECEIVE_BYTES 16384

static const struct {
	const char *name;
	bool waits;
} steps[] = {
#define STEP_INFO(name, text, waits) [LAUNCH_STEP_##name] = { text, waits },
	LAUNCH_STEPS(STEP_INFO)
#undef STEP_INFO
};

const char *launch_step_name(enum launch_step step)
{
	return steps[step].name;
}

static void pod_begin(struct launch_storm *storm, struct pod *pod, enum launch_step step);
static void pod_next_down(struct launch_storm *storm, struct pod *pod);

/* The pod has come to the end of the way. */
static void pod_end(struct launch_storm *storm, struct pod *pod, enum pod_place place)
{
	pod->place = place;
	storm->ended++;
	if (place == POD_UP)
		storm->result.up++;
	if (place == POD_DOWN)
		storm->result.down++;
}

/* What is not answered is left to itself: requests of one session keep their order, so what
 * follows has a session of its own. */
static void pod_hang_up(struct pod *pod)
{
	if (!pod->seq)
		return;
	pod->seq = 0;
	fl_link_free(pod->link);
	pod->link = NULL;
}

/* Notes what of it stays on the plane: the port, or of a VF, whose port stays anyway, the
 * instance. */
static void pod_leave(struct launch_storm *storm, const struct pod *pod)
{
	struct launch_result *result = &storm->result;
	const struct launch_handle *owner = &storm->config.target->handle;
	char *what;

	if (result->leftover++ >= LAUNCH_LEFT_MAX)
		return;
	what = result->left[result->leftover - 1];
	if (storm->config.vf)
		snprintf(what, LAUNCH_LEFT_LEN, "%.32s/%.64s", pod->nested.bus, pod->nested.dev);
	else
		snprintf(what, LAUNCH_LEFT_LEN, "%.32s/%.64s/%u", owner->bus, owner->dev, pod->port);
}

void pod_fail(struct launch_storm *storm, struct pod *pod, const char *fmt, ...)
{
	char text[224];
	va_list args;
	int len = 0;

	if (pod->place == POD_BUSY)
		len = snprintf(text, sizeof(text), "%s: ", launch_step_name(pod->step));
	va_start(args, fmt);
	vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, args);
	va_end(args);
	storm_reason(storm, text);
	if (!pod->failed)
		storm->result.failed++;
	pod->failed = true;
	pod_hang_up(pod);
	if (pod->place != POD_BUSY)
		return;
	if (storm->down && pod->step <= LAUNCH_STEP_RELOAD) {
		pod_next_down(storm, pod); /* it was on its way up when all were called back */
		return;
	}
	if (storm->down)
		pod_leave(storm, pod);
	pod_end(storm, pod, POD_FAILED);
}

static int pod_open(struct launch_storm *storm, struct pod *pod)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = pod };
	struct fl_link_error error = { "" };
	int err;

	if (pod->link)
		return 0;
	err = fl_link_open(storm->config.target->socket, -1, &pod->link, &error);
	err = err ?: fl_link_set(pod->link, NETLINK_EXT_ACK, 1);
	if (!err && epoll_ctl(storm->epoll, EPOLL_CTL_ADD, fl_link_fd(pod->link), &event))
		err = -errno;
	if (err)
		pod_fail(storm, pod, "%s", *error.text ? error.text : strerror(-err));
	return err;
}

/* The request of a step. */
static void pod_request(struct launch_storm *storm, struct pod *pod, struct fl_msg *msg)
{
	struct launch_to to = launch_target_to(storm->config.target);
	int active = storm->config.vf ? -1 : DEVLINK_PORT_FN_STATE_ACTIVE;

	switch (pod->step) {
	case LAUNCH_STEP_ADD:
		launch_request_port_new(msg, to, pod->seq, storm->config.target->pf, pod->sf);
		break;
	case LAUNCH_STEP_SET:
		launch_request_function(msg, to, pod->seq, pod->port, pod->mac, active);
		break;
	case LAUNCH_STEP_RELOAD:
		to.handle = &pod->nested;
		launch_request_reload(msg, to, pod->seq, pod->netns);
		break;
	case LAUNCH_STEP_DEACTIVATE:
		launch_request_function(msg, to, pod->seq, pod->port, NULL,
					DEVLINK_PORT_FN_STATE_INACTIVE);
		break;
	case LAUNCH_STEP_DELETE:
		launch_request_port(msg, to, pod->seq, DEVLINK_CMD_PORT_DEL, pod->port);
		break;
	case LAUNCH_STEP_ATTACH:
	case LAUNCH_STEP_RETURN:
	case LAUNCH_STEP_DETACH:
	case LAUNCH_STEP_COUNT:
		break; /* they wait */
	}
}

static void pod_send(struct launch_storm *storm, struct pod *pod)
{
	int netns = pod->step == LAUNCH_STEP_RELOAD ? pod->netns : -1;
	uint32_t buf[REQUEST_BYTES / 4];
	struct fl_msg msg;
	int err;

	if (pod_open(storm, pod))
		return;
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	pod->seq = fl_link_seq(pod->link);
	pod_request(storm, pod, &msg);
	err = msg.err ?: fl_link_send(pod->link, msg.buf, msg.len, netns);
	if (err)
		pod_fail(storm, pod, "%s", strerror(-err));
}

/* What a waiting step waits for. */
static bool pod_is_there(const struct pod *pod)
{
	if (pod->step == LAUNCH_STEP_ATTACH)
		return pod->attached && *pod->nested.bus;
	if (pod->step == LAUNCH_STEP_RETURN)
		return *pod->nested.bus && !pod->nested_elsewhere;
	return !pod->attached;
}

/* What there is to take down, one by one. */
static void pod_next_down(struct launch_storm *storm, struct pod *pod)
{
	if (pod->moved) {
		pod->moved = false;
		close(pod->netns);
		pod->netns = -1;
		pod_begin(storm, pod, LAUNCH_STEP_RETURN);
	} else if (!pod->has_port || storm->config.vf) {
		pod_end(storm, pod, POD_DOWN);
	} else if (pod->activated) {
		pod->activated = false;
		pod_begin(storm, pod, LAUNCH_STEP_DEACTIVATE);
	} else if (pod->place == POD_BUSY && pod->step == LAUNCH_STEP_DEACTIVATE) {
		pod_begin(storm, pod, LAUNCH_STEP_DETACH);
	} else {
		pod_begin(storm, pod, LAUNCH_STEP_DELETE);
	}
}

/* What follows a step that is done. */
static void pod_next(struct launch_storm *storm, struct pod *pod)
{
	if (storm->down) {
		pod_next_down(storm, pod);
		return;
	}
	if (pod->step == LAUNCH_STEP_ADD)
		pod_begin(storm, pod, LAUNCH_STEP_SET);
	else if (pod->step == LAUNCH_STEP_SET && !storm->config.vf)
		pod_begin(storm, pod, LAUNCH_STEP_ATTACH);
	else if (pod->step != LAUNCH_STEP_RELOAD)
		pod_begin(storm, pod, LAUNCH_STEP_RELOAD);
	else
		pod_end(storm, pod, POD_UP);
}

/* Notes what the finished step has made or taken away. */
static void pod_note(struct launch_storm *storm, struct pod *pod)
{
	switch (pod->step) {
	case LAUNCH_STEP_SET:
		pod->activated = !storm->config.vf;
		break;
	case LAUNCH_STEP_RELOAD:
		pod->moved = pod->netns >= 0;
		pod->nested_elsewhere = pod->moved;
		break;
	case LAUNCH_STEP_DELETE:
		pod->has_port = false;
		break;
	case LAUNCH_STEP_ADD:
	case LAUNCH_STEP_ATTACH:
	case LAUNCH_STEP_RETURN:
	case LAUNCH_STEP_DEACTIVATE:
	case LAUNCH_STEP_DETACH:
	case LAUNCH_STEP_COUNT:
		break;
	}
}

static void pod_finish(struct launch_storm *storm, struct pod *pod)
{
	uint64_t now = fl_now_ns();

	launch_stats_add(&storm->result.steps[pod->step], now - pod->began_ns);
	storm->moved_ns = now;
	pod->seq = 0;
	pod_note(storm, pod);
	pod_next(storm, pod);
}

static void pod_begin(struct launch_storm *storm, struct pod *pod, enum launch_step step)
{
	pod->place = POD_BUSY;
	pod->step = step;
	pod->began_ns = fl_now_ns();
	if (!steps[step].waits)
		pod_send(storm, pod);
	else if (step == LAUNCH_STEP_ATTACH && storm->config.hang)
		pod_end(storm, pod, POD_UP);
	else if (pod_is_there(pod))
		pod_finish(storm, pod);
}

/* On the way down from wherever it is; a reload may take long. */
static void pod_call_back(struct launch_storm *storm, struct pod *pod)
{
	pod_hang_up(pod);
	pod_next_down(storm, pod);
}

void pod_start(struct launch_storm *storm, struct pod *pod)
{
	if (!storm->down)
		pod_begin(storm, pod, storm->config.vf ? LAUNCH_STEP_SET : LAUNCH_STEP_ADD);
	else if (pod->place == POD_BUSY && pod->seq && pod->step != LAUNCH_STEP_RELOAD)
		return; /* goes down when its answer is there */
	else
		pod_call_back(storm, pod);
}

void pod_see(struct launch_storm *storm, struct pod *pod, const struct launch_port_view *view)
{
	pod->attached = view->attached;
	pod->nested_elsewhere = view->nested_elsewhere;
	if (*view->nested.bus)
		pod->nested = view->nested;
	if (pod->place == POD_BUSY && steps[pod->step].waits && pod_is_there(pod))
		pod_finish(storm, pod);
}

static void pod_answer(struct launch_storm *storm, struct pod *pod, const struct nlmsghdr *nlh)
{
	char text[160];
	int err;

	if (!pod->seq || nlh->nlmsg_seq != pod->seq)
		return;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		err = launch_ack_parse(nlh, text, sizeof(text));
		if (!err) {
			pod_finish(storm, pod);
			return;
		}
		pod->seq = 0; /* answered */
		pod_fail(storm, pod, "%s%s%s", strerror(-err), *text ? ": " : "", text);
	} else if (pod->step == LAUNCH_STEP_ADD) {
		struct launch_port_view view;

		if (launch_port_view_parse(nlh, &view))
			return;
		pod->port = view.index;
		pod->has_port = true;
		storm_insert(storm, pod);
	}
}

void pod_receive(struct launch_storm *storm, struct pod *pod)
{
	static char buf[RECEIVE_BYTES] __attribute__((aligned(4))); /* one thread: storm.h */
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	ssize_t received;

	/* It may have hung up in this turn. */
	if (!pod->link)
		return;
	received = fl_link_recv(pod->link, buf, sizeof(buf));
	if (received == -EAGAIN || received == -ENOBUFS)
		return;
	if (received < 0) {
		epoll_ctl(storm->epoll, EPOLL_CTL_DEL, fl_link_fd(pod->link), NULL);
		if (pod->place == POD_BUSY)
			pod_fail(storm, pod, "the plane: %s", strerror((int)-received));
		return;
	}
	for (; NLMSG_OK(nlh, received); nlh = NLMSG_NEXT(nlh, received))
		pod_answer(storm, pod, nlh);
}

void pod_done(struct pod *pod)
{
	fl_link_free(pod->link);
	if (pod->netns >= 0)
		close(pod->netns);
}
