// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave.c - what the behaviours share. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "behave.h"

enum behave_way behave_way = WAY_KERNEL;
static const char *way_name = "kernel";
static int child_report = -1; /* in a child: where it says why it failed */
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
	if (child_report >= 0) {
		ssize_t told = write(child_report, why, strlen(why));

		_exit(told > 0 ? 1 : 2);
	}
	longjmp(failed, 1);
}

#define SKIP_STATUS 77

void behave_skip(const char *reason)
{
	if (child_report >= 0)
		_exit(SKIP_STATUS);
	snprintf(why, sizeof(why), "%s", reason);
	longjmp(failed, 2);
}

void in_child(void (*run)(void))
{
	int report[2], status;

	SAME(pipe(report), 0);
	pid_t child = fork();
	if (child == 0) {
		child_report = report[1];
		run();
		_exit(0);
	}
	close(report[1]);
	char text[sizeof(why)] = "";
	ssize_t len = read(report[0], text, sizeof(text) - 1);
	close(report[0]);
	SAME(waitpid(child, &status, 0), child);
	if (len > 0)
		behave_fail(__FILE__, __LINE__, "child: %s", text);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP_STATUS)
		behave_skip("not permitted here");
	SAME(status, 0);
}

static volatile sig_atomic_t alarms;
static bool storming;
static struct sigaction before_storm;

static void on_alarm(int sig)
{
	alarms++;
}

void begin_storm(unsigned int us, int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval timer = { { us / 1000000, us % 1000000 }, { us / 1000000, us % 1000000 } };

	alarms = 0;
	storming = true;
	sigaction(SIGALRM, &action, &before_storm);
	setitimer(ITIMER_REAL, &timer, NULL);
}

int in_storm(void)
{
	return alarms;
}

int end_storm(void)
{
	struct itimerval off = { 0 };

	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &before_storm, NULL);
	storming = false;
	return alarms;
}

/* How it ended. */
enum verdict { OK, NOT_OK, SKIPPED };

static enum verdict run_one(const struct behaviour *behaviour)
{
	volatile enum verdict verdict = OK;

	if (behaviour->ways && !(behaviour->ways & behave_way))
		return SKIPPED;
	kept_count = 0;
	switch (setjmp(failed)) {
	case 0:
		behaviour->run();
		break;
	case 1:
		verdict = NOT_OK;
		break;
	case 2:
		verdict = SKIPPED;
		break;
	}
	if (storming)
		end_storm(); /* it has failed in the middle of one */
	while (kept_count)
		close(kept[--kept_count]);
	if (verdict == OK)
		printf("ok %s %s\n", way_name, behaviour->name);
	else
		printf("%s %s %s: %s\n", verdict == SKIPPED ? "skip" : "not ok", way_name,
		       behaviour->name, why);
	fflush(stdout);
	return verdict;
}

static bool wanted(const struct behaviour *behaviour, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		if (!strcmp(*names, behaviour->name))
			return true;
	}
	return false;
}

static int run_lists(const struct behaviour *const *lists, char **names)
{
	unsigned int count[3] = { 0 };

	for (; *lists; lists++) {
		for (const struct behaviour *b = *lists; b->name; b++) {
			if (wanted(b, names))
				count[run_one(b)]++;
		}
	}
	printf("%u of %u\n", count[OK], count[OK] + count[NOT_OK]);
	return count[NOT_OK] || !count[OK];
}

static void set_way(const char *name)
{
	static const char *const ways[] = { "kernel", "preload", "seccomp", "seccomp-all" };

	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!strcmp(name, ways[i])) {
			behave_way = 1 << i;
			way_name = ways[i];
			return;
		}
	}
	fprintf(stderr, "behave: no way %s\n", name);
	exit(2);
}

/* usage: behave [--way kernel|preload|seccomp|seccomp-all] [--plane|--devlink] [NAME...]: all
 * behaviours, or those named; --plane: also what fakeplane.py does; --devlink: what the
 * default topology does. */
int main(int argc, char **argv)
{
	const struct behaviour *lists[] = { behave_names, behave_io, behave_fds, behave_tasks,
					    behave_wild,  NULL,	     NULL };
	char **arg = argv + 1;

	if (argc == 3 && !strcmp(argv[1], "--hold"))
		return behave_after_exec(atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "--orphan"))
		return behave_orphan();
	if (arg[0] && arg[1] && !strcmp(arg[0], "--way")) {
		set_way(arg[1]);
		arg += 2;
	}
	if (arg[0] && !strcmp(arg[0], "--plane")) {
		lists[5] = behave_plane;
		arg++;
	} else if (arg[0] && !strcmp(arg[0], "--devlink")) {
		lists[0] = behave_devlink;
		lists[1] = NULL;
		arg++;
	}
	return run_lists(lists, arg);
}

int keep_fd(int fd)
{
	if (kept_count == sizeof(kept) / sizeof(kept[0]))
		behave_fail(__FILE__, __LINE__, "too many descriptors");
	kept[kept_count++] = fd;
	return fd;
}

/* The lowest number that is free, which is what the kernel would give. */
static int take_low_number(int fd, int type)
{
	int low = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(low >= 0);
	SAME(dup3(fd, low, type & SOCK_CLOEXEC ? O_CLOEXEC : 0), low);
	close(fd);
	return low;
}

int nl_open(int type)
{
	int fd = socket(AF_NETLINK, type, NETLINK_GENERIC);

	CHECK(fd >= 0);
	return keep_fd(behave_way == WAY_SECCOMP_ALL ? take_low_number(fd, type) : fd);
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

bool nl_works(int fd)
{
	struct nlmsghdr *nlh = nl_getfamily(), *got;
	char buf[16384];
	ssize_t len;

	if (send(fd, nlh, nlh->nlmsg_len, 0) != (ssize_t)nlh->nlmsg_len)
		return false;
	len = recv(fd, buf, sizeof(buf), 0);
	got = (void *)buf;
	if (len < NLMSG_HDRLEN || got->nlmsg_type != GENL_ID_CTRL ||
	    got->nlmsg_seq != nlh->nlmsg_seq)
		return false;
	len = recv(fd, buf, sizeof(buf), 0);
	return len >= NLMSG_HDRLEN && got->nlmsg_type == NLMSG_ERROR;
}
