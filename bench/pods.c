// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * pods.c - N subfunctions brought up and down again, all at once, by a client that knows
 * nothing of finelink: libmnl, a thread and a socket for each.
 *
 * usage: pods BUS DEV N
 *
 * Up: port add; hardware address and state; looked at every 5 ms until it is attached; its
 * instance reloaded in place. Down: inactive, looked at until it is detached, port del. The
 * device has to be in switchdev mode. Prints one JSON object with times in milliseconds.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "nl/devlink-attrs.h"

#define BUF 16384
#define LOOK_US 5000
#define LOOKS 12000 /* a minute */
#define FIRST_SF 1000

struct handle {
	char bus[32], dev[64];
};

struct pod {
	struct mnl_socket *sock;
	pthread_t thread;
	struct handle nested;
	uint32_t seq, sf, port;
	bool has_port, attached;
	char buf[BUF] __attribute__((aligned(8)));
};

static struct handle device;
static uint16_t family = GENL_ID_CTRL;
static pthread_barrier_t phase;

static _Noreturn void die(const struct pod *pod, const char *what)
{
	fprintf(stderr, "pods: %u: %s: %s\n", pod->sf, what, strerror(errno));
	exit(1);
}

/* ---- requests --------------------------------------------------------------------- */

static struct nlmsghdr *begin(struct pod *pod, uint8_t cmd, const struct handle *to)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(pod->buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++pod->seq;
	genl->cmd = cmd;
	genl->version = 1;
	if (to) {
		mnl_attr_put_strz(nlh, DEVLINK_ATTR_BUS_NAME, to->bus);
		mnl_attr_put_strz(nlh, DEVLINK_ATTR_DEV_NAME, to->dev);
	}
	return nlh;
}

static void ask(struct pod *pod, struct nlmsghdr *nlh, mnl_cb_t reply, const char *what)
{
	unsigned int port = mnl_socket_get_portid(pod->sock);
	int got = MNL_CB_OK;

	if (mnl_socket_sendto(pod->sock, nlh, nlh->nlmsg_len) < 0)
		die(pod, what);
	while (got > MNL_CB_STOP) {
		ssize_t len = mnl_socket_recvfrom(pod->sock, pod->buf, sizeof(pod->buf));

		got = len < 0 ? -1 : mnl_cb_run(pod->buf, (size_t)len, pod->seq, port, reply, pod);
		if (got < 0)
			die(pod, what);
	}
}

static int learn_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) if (mnl_attr_get_type(attr) ==
								    CTRL_ATTR_FAMILY_ID) family =
		mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static void copy_name(char *to, size_t size, const struct nlattr *attr)
{
	snprintf(to, size, "%s", mnl_attr_get_str(attr));
}

static void learn_nested(struct pod *pod, const struct nlattr *nest)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == DEVLINK_ATTR_BUS_NAME)
			copy_name(pod->nested.bus, sizeof(pod->nested.bus), attr);
		if (mnl_attr_get_type(attr) == DEVLINK_ATTR_DEV_NAME)
			copy_name(pod->nested.dev, sizeof(pod->nested.dev), attr);
	}
}

static int learn_port(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr, *in;
	struct pod *pod = arg;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == DEVLINK_ATTR_PORT_INDEX) {
			pod->port = mnl_attr_get_u32(attr);
			pod->has_port = true;
		}
		if (mnl_attr_get_type(attr) != DEVLINK_ATTR_PORT_FUNCTION)
			continue;
		mnl_attr_for_each_nested(in, attr)
		{
			if (mnl_attr_get_type(in) == DEVLINK_PORT_FN_ATTR_OPSTATE)
				pod->attached = mnl_attr_get_u8(in);
			if (mnl_attr_get_type(in) == DEVLINK_PORT_FN_ATTR_DEVLINK)
				learn_nested(pod, in);
		}
	}
	return MNL_CB_OK;
}

/* ---- a pod ------------------------------------------------------------------------ */

static void add(struct pod *pod)
{
	struct nlmsghdr *nlh = begin(pod, DEVLINK_CMD_PORT_NEW, &device);

	mnl_attr_put_u16(nlh, DEVLINK_ATTR_PORT_FLAVOUR, DEVLINK_PORT_FLAVOUR_PCI_SF);
	mnl_attr_put_u16(nlh, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, 0);
	mnl_attr_put_u32(nlh, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, pod->sf);
	ask(pod, nlh, learn_port, "port add");
	if (!pod->has_port)
		die(pod, "port add: no port in the answer");
}

static struct nlmsghdr *begin_port(struct pod *pod, uint8_t cmd)
{
	struct nlmsghdr *nlh = begin(pod, cmd, &device);

	mnl_attr_put_u32(nlh, DEVLINK_ATTR_PORT_INDEX, pod->port);
	return nlh;
}

static void set_state(struct pod *pod, uint8_t state)
{
	uint8_t mac[6] = { 2, 0xf1, 1, 0, (uint8_t)(pod->sf >> 8), (uint8_t)pod->sf };
	struct nlmsghdr *nlh = begin_port(pod, DEVLINK_CMD_PORT_SET);
	struct nlattr *nest = mnl_attr_nest_start(nlh, DEVLINK_ATTR_PORT_FUNCTION);

	if (state == DEVLINK_PORT_FN_STATE_ACTIVE)
		mnl_attr_put(nlh, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, sizeof(mac), mac);
	mnl_attr_put_u8(nlh, DEVLINK_PORT_FN_ATTR_STATE, state);
	mnl_attr_nest_end(nlh, nest);
	ask(pod, nlh, NULL, "function set");
}

static void wait_attached(struct pod *pod, bool wanted)
{
	for (int i = 0; i < LOOKS; i++) {
		ask(pod, begin_port(pod, DEVLINK_CMD_PORT_GET), learn_port, "port get");
		if (pod->attached == wanted && (!wanted || *pod->nested.dev))
			return;
		usleep(LOOK_US);
	}
	errno = ETIMEDOUT;
	die(pod, wanted ? "attach" : "detach");
}

static void up(struct pod *pod)
{
	add(pod);
	set_state(pod, DEVLINK_PORT_FN_STATE_ACTIVE);
	wait_attached(pod, true);
	ask(pod, begin(pod, DEVLINK_CMD_RELOAD, &pod->nested), NULL, "reload");
}

static void down(struct pod *pod)
{
	set_state(pod, DEVLINK_PORT_FN_STATE_INACTIVE);
	wait_attached(pod, false);
	ask(pod, begin_port(pod, DEVLINK_CMD_PORT_DEL), NULL, "port del");
}

static void *pod_main(void *arg)
{
	struct pod *pod = arg;

	pthread_barrier_wait(&phase);
	up(pod);
	pthread_barrier_wait(&phase);
	pthread_barrier_wait(&phase);
	down(pod);
	pthread_barrier_wait(&phase);
	return NULL;
}

static void open_pod(struct pod *pod, unsigned int number)
{
	pod->sf = FIRST_SF + number;
	pod->sock = mnl_socket_open(NETLINK_GENERIC);
	if (!pod->sock || mnl_socket_bind(pod->sock, 0, MNL_SOCKET_AUTOPID))
		die(pod, "socket");
}

static void resolve(struct pod *pod)
{
	struct nlmsghdr *nlh = begin(pod, CTRL_CMD_GETFAMILY, NULL);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME);
	ask(pod, nlh, learn_family, "family");
}

/* ms from when all begin until all have ended. */
static double run_phase(void)
{
	uint64_t start;

	pthread_barrier_wait(&phase);
	start = fl_now_ns();
	pthread_barrier_wait(&phase);
	return (double)(fl_now_ns() - start) / (double)FL_NS_PER_MS;
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 4 ? (unsigned int)atoi(argv[3]) : 0;
	struct pod *pods = calloc(count, sizeof(*pods));
	double up_ms, down_ms;

	if (!count || !pods) {
		fprintf(stderr, "usage: pods BUS DEV N\n");
		return 2;
	}
	snprintf(device.bus, sizeof(device.bus), "%s", argv[1]);
	snprintf(device.dev, sizeof(device.dev), "%s", argv[2]);
	pthread_barrier_init(&phase, NULL, count + 1);
	for (unsigned int i = 0; i < count; i++)
		open_pod(&pods[i], i);
	resolve(&pods[0]);
	for (unsigned int i = 0; i < count; i++)
		if (pthread_create(&pods[i].thread, NULL, pod_main, &pods[i]))
			die(&pods[i], "thread");
	up_ms = run_phase();
	down_ms = run_phase();
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(pods[i].thread, NULL);
		mnl_socket_close(pods[i].sock);
	}
	free(pods);
	printf("{\"pods\":%u,\"up_ms\":%.2f,\"down_ms\":%.2f}\n", count, up_ms, down_ms);
	return 0;
}
