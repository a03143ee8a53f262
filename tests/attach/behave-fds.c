// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-fds.c - the life of a descriptor: dup, fork, exec, passing, closing, threads. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "behave.h"

/*
 * Under the seccomp filter a socket that gets a number below the reserved range (by dup2(),
 * SCM_RIGHTS) is a bare connection: requests and answers go as ever, names and options are
 * an AF_UNIX socket's. But for seccomp-all.
 */
#define LOW_NUMBER 500

static bool is_bare(int fd)
{
	return behave_way == WAY_SECCOMP && fd < LOW_NUMBER;
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
		if (!is_bare(got[i]))
			SAME(nl_port(got[i]), nl_port(fd));
		CHECK(nl_works(got[i]));
	}
	SAME(dup2(fd, fd), fd);
	close(fd);
	CHECK(nl_works(got[0]));
}

/* The lowest number is free: *fd has it already, but where our sockets have high ones. */
static void take_number(int *fd, int number)
{
	if (behave_way == WAY_SECCOMP) {
		SAME(dup2(*fd, number), number);
		close(*fd);
		*fd = number;
	}
	SAME(*fd, number);
}

/* What was known of a number must not outlive its holder. */
static void number_reused(void)
{
	for (int how = 0; how < 5; how++) {
		int fd = nl_open(SOCK_RAW), fds[2];

		CHECK(nl_works(fd));
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
		take_number(&fds[0], fd);
		CHECK(how == 4 ? is_pipe(fds) : is_pair(fds[0], fds[1]));
		close(fds[1]);
		/* and the other way round */
		close(fds[0]);
		int again = nl_open(SOCK_RAW);
		SAME(again, fd);
		CHECK(nl_works(fd));
		close(fd);
	}
}

static void dup_over(void)
{
	int fd = nl_open(SOCK_RAW), other = nl_open(SOCK_RAW), fds[2];

	SAME(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	keep_fd(fds[0]);
	keep_fd(fds[1]);
	CHECK(nl_works(fd));
	CHECK(nl_works(other));
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
		_exit(nl_works(fd) && nl_port(fd) == port ? 0 : 1);
	SAME(waitpid(child, &status, 0), child);
	SAME(status, 0);
	CHECK(nl_works(fd));
}

int behave_after_exec(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len))
		return 10;
	if (domain != AF_NETLINK)
		return 11;
	return nl_works(fd) ? 0 : 12;
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
	CHECK(nl_works(fd));
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
	if (!is_bare(got))
		SAME(nl_port(got), nl_port(fd));
	CHECK(nl_works(got));
}

static void *worker(void *arg)
{
	long good = 0;

	for (int i = 0; i < 20; i++) {
		int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

		good += nl_works(fd);
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

static int count_to(int limit, int *fds)
{
	int count = 0;

	while (count < limit) {
		fds[count] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
		if (fds[count] < 0)
			break;
		count++;
	}
	return count;
}

static void thousands(void)
{
	static int fds[3000];
	struct rlimit limit, all;

	SAME(getrlimit(RLIMIT_NOFILE, &limit), 0);
	all = limit;
	all.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	SAME(setrlimit(RLIMIT_NOFILE, &all), 0);
	int wanted = all.rlim_cur < 4096 ? (int)all.rlim_cur / 8 : 3000;
	int got = count_to(wanted, fds), good = 0, asked = 0;

	for (int i = 0; i < got; i += 101, asked++)
		good += nl_works(fds[i]);
	for (int i = 0; i < got; i++)
		close(fds[i]);
	setrlimit(RLIMIT_NOFILE, &limit);
	SAME(got, wanted);
	SAME(good, asked);
}

/* No number is left: an error, and when there is one again a socket. */
static void no_number(void)
{
	static int fds[3000];
	struct rlimit limit = { 1100, 1100 };

	SAME(setrlimit(RLIMIT_NOFILE, &limit), 0);
	int got = count_to(3000, fds);
	SAME(errno, EMFILE);
	CHECK(got > 100 && got < 1100);
	FAILS(dup(fds[0]), EMFILE);
	FAILS(fcntl(fds[0], F_DUPFD, 10), EMFILE);
	close(fds[got / 2]);
	fds[got / 2] = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	CHECK(fds[got / 2] >= 0);
	CHECK(nl_works(fds[got / 2]));
	CHECK(nl_works(fds[got - 1]));
}

static void numbers_run_out(void)
{
	in_child(no_number);
}

/* The limit is below the range that sockets are given numbers from. */
static void below_range(void)
{
	struct rlimit limit = { 64, 64 };
	int fd = nl_open(SOCK_RAW);

	SAME(setrlimit(RLIMIT_NOFILE, &limit), 0);
	FAILS(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), EMFILE);
	FAILS(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_GENERIC), EMFILE);
	/* What is there goes on, and what is none of ours too. */
	CHECK(nl_works(fd));
	CHECK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
}

static void limit_below_range(void)
{
	in_child(below_range);
}

static void dup_wrong(void)
{
	struct rlimit limit;
	int fd = nl_open(SOCK_RAW);

	SAME(getrlimit(RLIMIT_NOFILE, &limit), 0);
	FAILS(fcntl(fd, F_DUPFD, (int)limit.rlim_cur), EINVAL);
	FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
	FAILS(fcntl(fd, F_DUPFD_CLOEXEC, 0x7fffffff), EINVAL);
	close(fd);
	FAILS(dup(fd), EBADF);
	FAILS(fcntl(fd, F_DUPFD, 0), EBADF);
	FAILS(recv(fd, &limit, sizeof(limit), 0), EBADF);
	FAILS(bind(fd, (struct sockaddr *)&limit, 12), EBADF);
}

static void dup_flags(void)
{
	int fd = nl_open(SOCK_RAW | SOCK_CLOEXEC);
	int plain = keep_fd(dup(fd)), hidden = keep_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0));

	SAME(fcntl(plain, F_GETFD), 0);
	SAME(fcntl(hidden, F_GETFD), FD_CLOEXEC);
	SAME(fcntl(keep_fd(fcntl(fd, F_DUPFD, 0)), F_GETFD), 0);
}

static void many_numbers(void)
{
	int fd = nl_open(SOCK_RAW), high = fcntl(fd, F_DUPFD, 900);

	CHECK(high >= 900);
	keep_fd(high);
	CHECK(nl_works(high));
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
	{ "fd: dup with what is wrong", dup_wrong },
	{ "fd: dup and close on exec", dup_flags },
	{ "fd: thousands", thousands },
	{ "fd: no number left", numbers_run_out },
	{ "fd: limit below the reserved range", limit_below_range, WAY_SECCOMPS },
	{ NULL, NULL },
};
