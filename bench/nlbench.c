/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nlbench - time devlink requests over generic netlink, whoever answers them.
 *
 * The same binary is run on a Linux kernel with devlink and on finelink, so
 * that both are measured by one client that does the same work.
 *
 * usage: nlbench get BUS DEV COUNT        one instance, request and reply
 *        nlbench portget BUS DEV PORT COUNT
 *        nlbench dumpdev COUNT            dump of every instance
 *        nlbench dumpport COUNT           dump of every port
 *        nlbench paramset BUS DEV NAME COUNT   u32 parameter, driverinit
 *        nlbench reload BUS DEV COUNT     driver_reinit, one after another
 *        nlbench probe BUS DEV MS         one get every millisecond for MS ms
 *        nlbench pingpong COUNT           AF_UNIX datagram round trips: the floor
 *        nlbench files COUNT              system calls that are not netlink's: COUNT files opened,
 *                                         looked at, 4 KiB of them read, closed
 *        nlbench dup COUNT                one that a filter has to look at: dup() of no descriptor
 *
 * Prints one JSON object: count, messages, seconds, and the latencies in
 * microseconds (min, p50, p99, max).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CMD_GET = 1, CMD_PORT_GET = 5, CMD_RELOAD = 37, CMD_PARAM_GET = 38, CMD_PARAM_SET = 39 };
enum { A_BUS = 1, A_DEV = 2, A_PORT = 3, A_PARAM_NAME = 81, A_PARAM_TYPE = 83,
       A_PARAM_VALUE_DATA = 86, A_PARAM_VALUE_CMODE = 87 };

static int sock, family;
static uint32_t seq = 1;
static char out[4096], in[1 << 18];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct nlmsghdr *begin(int type, int flags, int cmd)
{
	struct nlmsghdr *h = (struct nlmsghdr *)out;
	memset(out, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++seq;
	h->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	((struct genlmsghdr *)NLMSG_DATA(h))->cmd = cmd;
	((struct genlmsghdr *)NLMSG_DATA(h))->version = 1;
	return h;
}

static void put(struct nlmsghdr *h, int type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)(out + h->nlmsg_len);
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((char *)a + NLA_HDRLEN, data, len);
	memset((char *)a + a->nla_len, 0, NLA_ALIGN(a->nla_len) - a->nla_len);
	h->nlmsg_len += NLA_ALIGN(a->nla_len);
}

/* Sends the request and reads until its ACK, error or DONE; returns how many
 * other messages came, or a negative errno from the peer. */
static long ask(struct nlmsghdr *h)
{
	long messages = 0;
	if (send(sock, h, h->nlmsg_len, 0) < 0)
		die("send");
	for (;;) {
		ssize_t n = recv(sock, in, sizeof(in), 0);
		if (n < 0)
			die("recv");
		for (struct nlmsghdr *m = (struct nlmsghdr *)in; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			if (m->nlmsg_seq != seq)
				continue;
			if (m->nlmsg_type == NLMSG_DONE)
				return messages;
			if (m->nlmsg_type == NLMSG_ERROR) {
				int e = ((struct nlmsgerr *)NLMSG_DATA(m))->error;
				return e ? e : messages;
			}
			messages++;
		}
	}
}

static void resolve(void)
{
	struct nlmsghdr *h = begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	put(h, CTRL_ATTR_FAMILY_NAME, "devlink", 8);
	if (send(sock, h, h->nlmsg_len, 0) < 0)
		die("send");
	ssize_t n = recv(sock, in, sizeof(in), 0);
	struct nlmsghdr *m = (struct nlmsghdr *)in;
	if (n < 0 || m->nlmsg_type == NLMSG_ERROR) {
		fprintf(stderr, "nlbench: no devlink family here\n");
		exit(1);
	}
	char *p = (char *)NLMSG_DATA(m) + GENL_HDRLEN, *end = in + m->nlmsg_len;
	while (p + NLA_HDRLEN <= end) {
		struct nlattr *a = (struct nlattr *)p;
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			family = *(uint16_t *)(p + NLA_HDRLEN);
		p += NLA_ALIGN(a->nla_len);
	}
}

static int cmp(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;
	return x < y ? -1 : x > y;
}

static void report(const char *what, double *lat, long n, long messages, double secs)
{
	qsort(lat, n, sizeof(*lat), cmp);
	printf("{\"what\":\"%s\",\"count\":%ld,\"messages\":%ld,\"seconds\":%.6f,"
	       "\"us\":{\"min\":%.1f,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}}\n",
	       what, n, messages, secs, lat[0] * 1e6, lat[n / 2] * 1e6, lat[(long)(n * .99)] * 1e6,
	       lat[n - 1] * 1e6);
}

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char b[256];
	ssize_t n;
	while ((n = recv(fd, b, sizeof(b), 0)) > 0)
		if (send(fd, b, n, 0) < 0)
			break;
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: nlbench get|portget|dumpdev|dumpport|paramset|reload|probe|pingpong|files|dup ...\n");
		return 2;
	}
	const char *what = argv[1];
	long count = atol(argv[argc - 1]), messages = 0;
	if (count <= 0)
		return 2;
	double *lat = calloc(count + 1, sizeof(*lat));

	if (!strcmp(what, "pingpong")) {
		int fd[2];
		pthread_t t;
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd))
			die("socketpair");
		pthread_create(&t, NULL, echo, &fd[1]);
		double t0 = now();
		for (long i = 0; i < count; i++) {
			double a = now();
			if (send(fd[0], out, 64, 0) < 0 || recv(fd[0], in, 256, 0) < 0)
				die("pingpong");
			lat[i] = now() - a;
		}
		report(what, lat, count, count, now() - t0);
		return 0;
	}

	if (!strcmp(what, "files")) {
		double t0 = now();
		for (long i = 0; i < count; i++) {
			double a = now();
			struct stat st;
			int file = open("/proc/self/exe", O_RDONLY);
			if (file < 0 || fstat(file, &st) || read(file, in, 4096) != 4096 || close(file))
				die("files");
			lat[i] = now() - a;
		}
		report(what, lat, count, count, now() - t0);
		return 0;
	}

	if (!strcmp(what, "dup")) {
		double t0 = now();
		for (long i = 0; i < count; i++)
			if (dup(500) >= 0 || errno != EBADF)
				die("dup");
		report(what, lat, count, count, now() - t0);
		return 0;
	}

	sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	if (sock < 0 || bind(sock, (struct sockaddr *)&me, sizeof(me)))
		die("netlink socket");
	resolve();

	int probe = !strcmp(what, "probe");
	double t0 = now(), end = t0 + count * 1e-3;
	long n = 0;
	while (probe ? now() < end && n < count : n < count) {
		struct nlmsghdr *h;
		double a = now();
		if (!strcmp(what, "get") || probe) {
			h = begin(family, NLM_F_ACK, CMD_GET);
		} else if (!strcmp(what, "portget")) {
			h = begin(family, NLM_F_ACK, CMD_PORT_GET);
		} else if (!strcmp(what, "dumpdev")) {
			h = begin(family, NLM_F_DUMP, CMD_GET);
		} else if (!strcmp(what, "dumpport")) {
			h = begin(family, NLM_F_DUMP, CMD_PORT_GET);
		} else if (!strcmp(what, "paramset")) {
			h = begin(family, NLM_F_ACK, CMD_PARAM_SET);
		} else if (!strcmp(what, "reload")) {
			h = begin(family, NLM_F_ACK, CMD_RELOAD);
		} else {
			return 2;
		}
		if (strncmp(what, "dump", 4)) {
			put(h, A_BUS, argv[2], strlen(argv[2]) + 1);
			put(h, A_DEV, argv[3], strlen(argv[3]) + 1);
		}
		if (!strcmp(what, "portget")) {
			uint32_t port = atoi(argv[4]);
			put(h, A_PORT, &port, 4);
		}
		if (!strcmp(what, "paramset")) {
			uint8_t type = 3 /* NLA_U32 */, cmode = 1 /* driverinit */;
			uint32_t v = 16 + n % 8;
			put(h, A_PARAM_NAME, argv[4], strlen(argv[4]) + 1);
			put(h, A_PARAM_TYPE, &type, 1);
			put(h, A_PARAM_VALUE_CMODE, &cmode, 1);
			put(h, A_PARAM_VALUE_DATA, &v, 4);
		}
		long r = ask(h);
		if (r < 0) {
			errno = -r;
			die(what);
		}
		messages += r;
		lat[n++] = now() - a;
		if (probe)
			usleep(1000);
	}
	if (!n)
		return 1;
	report(what, lat, n, messages, now() - t0);
	return 0;
}
