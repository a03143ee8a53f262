// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-fds.c - the life of a descriptor: dup, fork, exec, passing, closing, threads. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "behave.h"

/* One round trip, without ending the behaviour. */
static bool works(int fd)
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

static bool is_pipe(const int fds[2])
{
	char c = 0;

	return write(fds[1], "x", 1) == 1 && read(fds[0], &c, 1) == 1 && c == 'x';
}

/* Both ways, byte for byte. */
static bool is_pair(int a, int b)
{
	return is_pipe((int[]){ a, b }) && is_pipe((int[]){ b, a });
}

static int make_bound(void)
{
	int fd = nl_open(SOCK_RAW);

	nl_bind(fd, 0, 0);
	return fd;
}

static void dups(void)
{
	int fd = make_bound(), file = keep_fd(open("/dev/null", O_RDWR)), got[5];

	got[0] = keep_fd(dup(fd));
	got[1] = keep_fd(fcntl(fd, F_DUPFD, 20));
	got[2] = keep_fd(fcntl(fd, F_DUPFD_CLOEXEC, 30));
	got[3] = dup2(fd, file);
	got[4] = keep_fd(dup3(fd, 40, O_CLOEXEC));
	SAME(got[3], file);
	for (int i = 0; i < 5; i++) {
		CHECK(got[i] >= 0);
		SAME(nl_port(got[i]), nl_port(fd));
		CHECK(works(got[i]));
	}
	SAME(dup2(fd, fd), fd);
	close(fd);
	CHECK(works(got[0]));
}

/* What was known of a number must not outlive its holder. */
static void number_reused(void)
{
	for (int how = 0; how < 5; how++) {
		int fd = nl_open(SOCK_RAW), fds[2];

		CHECK(works(fd));
		switch (how) {
		case 0:
			close(fd);
			break;
		case 1:
			SAME(close_range(fd, fd, 0), 0);
			break;
		case 2:
			fclose(fdopen(fd, "r"));
			break;
		case 3:
			closefrom(fd);
			break;
		case 4:
			syscall(SYS_close, fd);
			break;
		}
		/* Behind our back only what is no socket is noticed. */
		SAME(how == 4 ? pipe(fds) : socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		SAME(fds[0], fd);
		CHECK(how == 4 ? is_pipe(fds) : is_pair(fds[0], fds[1]));
		close(fds[1]);
		/* and the other way round */
		close(fds[0]);
		SAME(nl_open(SOCK_RAW), fd);
		CHECK(works(fd));
		close(fd);
	}
}

static void dup_over(void)
{
	int fd = nl_open(SOCK_RAW), other = nl_open(SOCK_RAW), fds[2];

	SAME(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	keep_fd(fds[0]);
	keep_fd(fds[1]);
	CHECK(works(fd));
	CHECK(works(other));
	SAME(dup2(fds[0], fd), fd);
	CHECK(is_pair(fd, fds[1]));
	SAME(dup3(fds[0], other, 0), other);
	CHECK(is_pair(other, fds[1]));
}

static void forked(void)
{
	int fd = make_bound(), status;
	uint32_t port = nl_port(fd);
	pid_t child = fork();

	if (child == 0)
		_exit(works(fd) && nl_port(fd) == port ? 0 : 1);
	SAME(waitpid(child, &status, 0), child);
	SAME(status, 0);
	CHECK(works(fd));
}

int behave_after_exec(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len))
		return 10;
	if (domain != AF_NETLINK)
		return 11;
	return works(fd) ? 0 : 12;
}

static int exec_self(int fd, bool vforked)
{
	char number[16];
	int status;

	snprintf(number, sizeof(number), "%d", fd);
	pid_t child = vforked ? vfork() : fork();
	if (child == 0) {
		execl("/proc/self/exe", "behave", "--hold", number, (char *)NULL);
		_exit(99);
	}
	SAME(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static void executed(void)
{
	int fd = make_bound(), hidden = nl_open(SOCK_RAW | SOCK_CLOEXEC);

	SAME(exec_self(fd, false), 0);
	SAME(exec_self(fd, true), 0);
	SAME(exec_self(hidden, false), 10);
	CHECK(works(fd));
}

static void passed(void)
{
	int pair[2], fd = make_bound(), got;
	char byte = 0, room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = room,
			      .msg_controllen = sizeof(room) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	SAME(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	keep_fd(pair[0]);
	keep_fd(pair[1]);
	/* The number that will be used was something else just now. */
	int before = open("/dev/null", O_RDONLY);
	CHECK(read(before, &byte, 1) == 0);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	SAME(sendmsg(pair[0], &msg, 0), 1);
	syscall(SYS_close, before);
	SAME(recvmsg(pair[1], &msg, 0), 1);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	keep_fd(got);
	SAME(got, before);
	SAME(nl_port(got), nl_port(fd));
	CHECK(works(got));
}

static void *worker(void *arg)
{
	long good = 0;

	for (int i = 0; i < 20; i++) {
		int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

		good += works(fd);
		close(fd);
		int fds[2];
		if (pipe(fds))
			continue;
		good += is_pipe(fds);
		close(fds[0]);
		close(fds[1]);
	}
	return (void *)good;
}

static void threads(void)
{
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		SAME(pthread_create(&thread[i], NULL, worker, NULL), 0);
	for (int i = 0; i < 8; i++) {
		void *good;

		pthread_join(thread[i], &good);
		SAME((long)good, 40);
	}
}

static void many_numbers(void)
{
	int fd = nl_open(SOCK_RAW), high = fcntl(fd, F_DUPFD, 900);

	CHECK(high >= 900);
	keep_fd(high);
	CHECK(works(high));
}

const struct behaviour behave_fds[] = {
	{ "fd: dup", dups },
	{ "fd: number used again", number_reused },
	{ "fd: something else dup'ed over it", dup_over },
	{ "fd: fork", forked },
	{ "fd: exec", executed },
	{ "fd: passed", passed },
	{ "fd: threads", threads },
	{ "fd: high number", many_numbers },
	{ NULL, NULL },
};
