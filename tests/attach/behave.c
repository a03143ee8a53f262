// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave.c - what the behaviours share. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "behave.h"

static jmp_buf failed;
static char why[256];
static int kept[64];
static unsigned int kept_count;
static uint32_t seq = 100;

void behave_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	va_list args;
	int len = snprintf(why, sizeof(why), "%s:%d: ", base ? base + 1 : file, line);

	va_start(args, fmt);
	vsnprintf(why + len, sizeof(why) - len, fmt, args);
	va_end(args);
	longjmp(failed, 1);
}

static bool run_one(const struct behaviour *behaviour)
{
	volatile bool ok = false;

	kept_count = 0;
	if (!setjmp(failed)) {
		behaviour->run();
		ok = true;
	}
	while (kept_count)
		close(kept[--kept_count]);
	if (ok)
		printf("ok %s\n", behaviour->name);
	else
		printf("not ok %s: %s\n", behaviour->name, why);
	fflush(stdout);
	return ok;
}

/* usage: behave [--plane] [NAME...]: all behaviours, or those named. */
int main(int argc, char **argv)
{
	const struct behaviour *lists[] = { behave_names, behave_io, behave_fds, behave_plane };
	unsigned int bad = 0, count = 0, first = 1, end = 3;

	if (argc == 3 && !strcmp(argv[1], "--hold"))
		return behave_after_exec(atoi(argv[2]));
	if (argc > 1 && !strcmp(argv[1], "--plane")) {
		first = 2;
		end = 4;
	}
	for (unsigned int l = 0; l < end; l++) {
		for (const struct behaviour *b = lists[l]; b->name; b++) {
			bool wanted = (unsigned int)argc == first;

			for (int a = first; a < argc; a++)
				wanted |= !strcmp(argv[a], b->name);
			if (!wanted)
				continue;
			count++;
			bad += !run_one(b);
		}
	}
	printf("%u of %u\n", count - bad, count);
	return bad || !count;
}

int keep_fd(int fd)
{
	if (kept_count == sizeof(kept) / sizeof(kept[0]))
		behave_fail(__FILE__, __LINE__, "too many descriptors");
	kept[kept_count++] = fd;
	return fd;
}

int nl_open(int type)
{
	int fd = socket(AF_NETLINK, type, NETLINK_GENERIC);

	CHECK(fd >= 0);
	return keep_fd(fd);
}

void nl_bind(int fd, uint32_t pid, uint32_t groups)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups };

	SAME(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
}

uint32_t nl_port(int fd)
{
	struct sockaddr_nl me;
	socklen_t len = sizeof(me);

	SAME(getsockname(fd, (struct sockaddr *)&me, &len), 0);
	SAME(len, sizeof(me));
	SAME(me.nl_family, AF_NETLINK);
	return me.nl_pid;
}

struct nlmsghdr *nl_request(uint16_t type, uint16_t flags, uint8_t cmd)
{
	static _Thread_local char buf[1024] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = (void *)buf;
	struct genlmsghdr *genl = NLMSG_DATA(nlh);

	memset(buf, 0, sizeof(buf));
	nlh->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = __atomic_add_fetch(&seq, 1, __ATOMIC_RELAXED);
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

void nl_put(struct nlmsghdr *nlh, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr *attr = (void *)((char *)nlh + nlh->nlmsg_len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	nlh->nlmsg_len += NLA_ALIGN(attr->nla_len);
}

struct nlmsghdr *nl_getfamily(void)
{
	struct nlmsghdr *nlh = nl_request(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);

	nl_put(nlh, CTRL_ATTR_FAMILY_NAME, "nlctrl", 7);
	return nlh;
}

struct nlmsghdr *nl_getfamilies(void)
{
	return nl_request(GENL_ID_CTRL, NLM_F_DUMP, CTRL_CMD_GETFAMILY);
}

void nl_send(int fd, const struct nlmsghdr *nlh)
{
	SAME(send(fd, nlh, nlh->nlmsg_len, 0), nlh->nlmsg_len);
}

void nl_expect_reply(const void *buf, long len, const struct nlmsghdr *request)
{
	const struct nlmsghdr *nlh = buf;

	CHECK(len >= (long)(NLMSG_HDRLEN + GENL_HDRLEN));
	SAME(nlh->nlmsg_len, len);
	SAME(nlh->nlmsg_type, request->nlmsg_type);
	SAME(nlh->nlmsg_seq, request->nlmsg_seq);
	CHECK(nlh->nlmsg_pid != 0);
}

void nl_expect_ack(const void *buf, long len, const struct nlmsghdr *request)
{
	const struct nlmsghdr *nlh = buf;

	CHECK(len >= (long)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	SAME(nlh->nlmsg_type, NLMSG_ERROR);
	SAME(nlh->nlmsg_seq, request->nlmsg_seq);
	SAME(((struct nlmsgerr *)NLMSG_DATA(nlh))->error, 0);
}

void nl_expect(int fd, const struct nlmsghdr *nlh)
{
	static _Thread_local char buf[16384];

	nl_expect_reply(buf, recv(fd, buf, sizeof(buf), 0), nlh);
	nl_expect_ack(buf, recv(fd, buf, sizeof(buf), 0), nlh);
}
