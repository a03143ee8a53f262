// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-tasks.c - those who use a socket: threads, processes, signals, namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "behave.h"

static char buf[65536];

/* Threads that all wait hold up nobody. */
#define WAITERS 60

static sem_t begun;

static void *wait_for_answer(void *arg)
{
	int fd = *(int *)arg;
	char got[16384];

	sem_post(&begun);
	ssize_t len = recv(fd, got, sizeof(got), 0);
	long good = len > NLMSG_HDRLEN && ((struct nlmsghdr *)got)->nlmsg_type == GENL_ID_CTRL;
	len = recv(fd, got, sizeof(got), 0);
	return (void *)(good + (len > NLMSG_HDRLEN));
}

static void waiting_threads(void)
{
	pthread_t thread[WAITERS];
	int fd[WAITERS];

	sem_init(&begun, 0, 0);
	for (int i = 0; i < WAITERS; i++) {
		fd[i] = nl_open(SOCK_RAW);
		SAME(pthread_create(&thread[i], NULL, wait_for_answer, &fd[i]), 0);
	}
	for (int i = 0; i < WAITERS; i++)
		sem_wait(&begun);
	int mine = nl_open(SOCK_RAW);
	for (int i = 0; i < 10; i++)
		CHECK(nl_works(mine));
	for (int i = WAITERS - 1; i >= 0; i--)
		nl_send(fd[i], nl_getfamily());
	for (int i = 0; i < WAITERS; i++) {
		void *good;

		pthread_join(thread[i], &good);
		SAME((long)good, 2);
	}
}

static void *by_poll(void *arg)
{
	struct pollfd p = { *(int *)arg, POLLIN, 0 };

	sem_post(&begun);
	return (void *)(long)(poll(&p, 1, 20000) == 1 && p.revents == POLLIN);
}

static void *by_select(void *arg)
{
	struct timeval limit = { .tv_sec = 20 };
	int fd = *(int *)arg;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	sem_post(&begun);
	return (void *)(long)(select(fd + 1, &set, NULL, NULL, &limit) == 1 && FD_ISSET(fd, &set));
}

static void *by_epoll(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, got;
	int ep = epoll_create1(0), fd = *(int *)arg;
	long good = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0;

	sem_post(&begun);
	good = good && epoll_wait(ep, &got, 1, 20000) == 1;
	close(ep);
	return (void *)good;
}

/* Who waits for a socket by its descriptor is woken by an answer. */
static void woken(void)
{
	void *(*how[])(void *) = { by_poll, by_select, by_epoll };

	sem_init(&begun, 0, 0);
	for (int i = 0; i < 3; i++) {
		int fd = nl_open(SOCK_RAW);
		struct nlmsghdr *nlh = nl_getfamily();
		pthread_t thread;
		void *good;

		SAME(pthread_create(&thread, NULL, how[i], &fd), 0);
		sem_wait(&begun);
		nl_send(fd, nlh);
		pthread_join(thread, &good);
		SAME((long)good, 1);
		nl_expect(fd, nlh);
	}
}

/* A thread that asks on the other's socket: `turns` times, each when it is its turn. */
struct asker {
	int fd, turns;
	uint32_t first;
	sem_t turn;
};

static void *ask_in_turn(void *arg)
{
	struct asker *asker = arg;
	struct timespec little = { .tv_nsec = 3000000 };
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	for (int i = 0; i < asker->turns; i++) {
		struct nlmsghdr *nlh = nl_getfamily();

		sem_wait(&asker->turn);
		if (i % 2)
			nanosleep(&little, NULL); /* so that signals find the other waiting */
		nlh->nlmsg_seq = asker->first + i;
		send(asker->fd, nlh, nlh->nlmsg_len, 0);
	}
	return NULL;
}

/* Receives past EINTR, or says that there was one where there must be none. */
static ssize_t receive(int fd, bool restarts, int *interrupted)
{
	for (;;) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		if (len >= 0 || errno != EINTR || restarts)
			return len;
		++*interrupted;
	}
}

static void nothing_lost(bool restarts)
{
	struct asker asker = { .fd = nl_open(SOCK_RAW), .turns = 100, .first = 70000 };
	struct nlmsghdr *got = (void *)buf;
	int interrupted = 0;
	pthread_t thread;

	sem_init(&asker.turn, 0, 0);
	SAME(pthread_create(&thread, NULL, ask_in_turn, &asker), 0);
	begin_storm(500, restarts ? SA_RESTART : 0);
	for (int i = 0; i < asker.turns; i++) {
		sem_post(&asker.turn);
		for (int part = 0; part < 2; part++) {
			CHECK(receive(asker.fd, restarts, &interrupted) > NLMSG_HDRLEN);
			SAME(got->nlmsg_seq, asker.first + i);
			SAME(got->nlmsg_type, part ? NLMSG_ERROR : GENL_ID_CTRL);
		}
	}
	int alarms = end_storm();
	pthread_join(thread, NULL);
	CHECK(alarms > 10);
	CHECK(restarts || interrupted > 0);
	FAILS(recv(asker.fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

static void lost_by_eintr(void)
{
	nothing_lost(false);
}

static void lost_by_restart(void)
{
	nothing_lost(true);
}

/* Requests one after another; every one is answered once, whatever interrupts them. */
static void storm_of_requests(void)
{
	int fd = nl_open(SOCK_RAW);

	begin_storm(200, SA_RESTART);
	for (int i = 0; i < 300 || in_storm() < 20; i++)
		CHECK(nl_works(fd));
	end_storm();
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

/* Names and sockets under a storm: what is made is made once. */
static void storm_of_sockets(void)
{
	begin_storm(200, SA_RESTART);
	int before = open("/dev/null", O_RDONLY), last = -1;
	for (int i = 0; i < 200 || in_storm() < 20; i++) {
		int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

		CHECK(fd >= 0);
		nl_bind(fd, 0, 0);
		CHECK(nl_port(fd) != 0);
		int copy = dup(fd);
		CHECK(copy > fd);
		close(copy);
		close(fd);
		CHECK(last < 0 || fd == last); /* else one was left behind */
		last = fd;
	}
	end_storm();
	int after = open("/dev/null", O_RDONLY);
	SAME(after, before + 1);
	close(after);
	close(before);
}

static void many_processes(void)
{
	pid_t child[12];
	int status;

	for (int i = 0; i < 12; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			int good = 0;

			for (int n = 0; n < 10; n++) {
				int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

				good += nl_works(fd);
				close(fd);
			}
			_exit(good == 10 ? 0 : 1);
		}
	}
	for (int i = 0; i < 12; i++) {
		SAME(waitpid(child[i], &status, 0), child[i]);
		SAME(status, 0);
	}
}

/* A port id is free again once its socket has gone; a plane hears of that a little later. */
static void expect_free(uint32_t port)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_pid = port };
	struct timespec little = { .tv_nsec = 5000000 };
	int fd = nl_open(SOCK_RAW);

	for (int i = 0; i < 4000; i++) {
		if (!bind(fd, (struct sockaddr *)&me, sizeof(me)))
			return;
		SAME(errno, EADDRINUSE);
		nanosleep(&little, NULL);
	}
	behave_fail(__FILE__, __LINE__, "port %u stays taken", port);
}

static void closed(void)
{
	int fd = nl_open(SOCK_RAW);

	nl_bind(fd, 0x0badcafe, 0);
	CHECK(nl_works(fd));
	int copy = dup(fd);
	close(fd);
	CHECK(nl_works(copy));
	close(copy);
	expect_free(0x0badcafe);
}

/* Killed while it waits, with a port id. */
static void killed(void)
{
	int said[2], status;
	char c;

	SAME(pipe(said), 0);
	keep_fd(said[0]);
	keep_fd(said[1]);
	pid_t child = fork();
	if (child == 0) {
		int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
		struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_pid = 0x0badbeef };

		c = bind(fd, (struct sockaddr *)&me, sizeof(me)) ? 'n' : 'y';
		if (write(said[1], &c, 1) == 1)
			recv(fd, buf, sizeof(buf), 0);
		_exit(1);
	}
	SAME(read(said[0], &c, 1), 1);
	SAME(c, 'y');
	SAME(kill(child, SIGKILL), 0);
	SAME(waitpid(child, &status, 0), child);
	SAME(WTERMSIG(status), SIGKILL);
	expect_free(0x0badbeef);
}

/* Killed anywhere in a call. */
static void killed_at_random(void)
{
	int fd = nl_open(SOCK_RAW);

	for (int i = 0; i < 40; i++) {
		struct timespec little = { .tv_nsec = 50000 * i };
		int status;
		pid_t child = fork();

		if (child == 0) {
			for (;;) {
				int own = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

				if (!nl_works(own))
					_exit(1);
				close(own);
			}
		}
		nanosleep(&little, NULL);
		kill(child, SIGKILL);
		SAME(waitpid(child, &status, 0), child);
		CHECK(WIFSIGNALED(status));
	}
	CHECK(nl_works(fd));
}

static void *work_for_ever(void *arg)
{
	for (;;) {
		int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

		nl_works(fd);
		sem_post(&begun);
		close(fd);
	}
	return NULL;
}

/* One thread executes another program while the others are in calls. */
static void executed_at_random(void)
{
	for (int i = 0; i < 15; i++) {
		int fd = nl_open(SOCK_RAW), status;
		char number[16];
		pid_t child = fork();

		if (child == 0) {
			pthread_t thread;

			sem_init(&begun, 0, 0);
			for (int t = 0; t < 3; t++)
				pthread_create(&thread, NULL, work_for_ever, NULL);
			for (int n = 0; n < 3 + i; n++)
				sem_wait(&begun);
			snprintf(number, sizeof(number), "%d", fd);
			execl("/proc/self/exe", "behave", "--hold", number, (char *)NULL);
			_exit(99);
		}
		SAME(waitpid(child, &status, 0), child);
		SAME(status, 0);
		CHECK(nl_works(fd));
		close(fd);
	}
}

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static uint64_t cookie(int fd)
{
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	SAME(getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &value, &len), 0);
	SAME(len, sizeof(value));
	return value;
}

/* Of the namespace that the calling thread is in. */
static uint64_t cookie_here(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t value = cookie(fd);

	close(fd);
	return value;
}

static void move(int what)
{
	int old = nl_open(SOCK_RAW), back = open("/proc/thread-self/ns/net", O_RDONLY);
	uint64_t before = cookie(old);

	SAME(before, cookie_here());
	if (unshare(what))
		behave_skip("may not make a namespace");
	int young = nl_open(SOCK_RAW);
	CHECK(cookie_here() != before);
	SAME(cookie(young), cookie_here());
	SAME(cookie(old), before);
	CHECK(nl_works(young));
	CHECK(nl_works(old));
	if (what & CLONE_NEWUSER)
		return; /* no way back from there */
	SAME(setns(back, CLONE_NEWNET), 0);
	SAME(cookie(nl_open(SOCK_RAW)), before);
	CHECK(nl_works(young));
}

static void move_net(void)
{
	move(CLONE_NEWNET);
}

static void move_user(void)
{
	move(CLONE_NEWUSER | CLONE_NEWNET);
}

static void unshared(void)
{
	in_child(move_net);
}

static void unshared_user(void)
{
	in_child(move_user);
}

static void *thread_elsewhere(void *arg)
{
	uint64_t *cookies = arg;

	if (unshare(CLONE_NEWNET))
		return NULL;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	cookies[0] = cookie_here();
	cookies[1] = cookie(fd);
	return (void *)(long)nl_works(fd);
}

static void threads_apart(void)
{
	uint64_t other[2] = { 0 };
	pthread_t thread;
	void *good;

	SAME(pthread_create(&thread, NULL, thread_elsewhere, other), 0);
	pthread_join(thread, &good);
	if (!other[0])
		behave_skip("may not make a namespace");
	SAME((long)good, 1);
	SAME(other[1], other[0]);
	SAME(cookie(nl_open(SOCK_RAW)), cookie_here());
	CHECK(other[0] != cookie_here());
}

static void namespace_of_thread(void)
{
	in_child(threads_apart);
}

/* One system call fails with `error` from here on, or if its first argument is `arg`. */
static void deny(int nr, int arg, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arg, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	SAME(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	SAME(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void filter_beside(void)
{
	int fd = nl_open(SOCK_RAW);

	deny(SYS_dup, 0, EXDEV);
	FAILS(dup(0), EXDEV);
	CHECK(nl_works(fd));
	CHECK(nl_works(nl_open(SOCK_RAW)));
	CHECK(dup(fd) >= 0);
}

static void own_filter(void)
{
	in_child(filter_beside);
}

static void filter_against(void)
{
	int fd = nl_open(SOCK_RAW);

	deny(SYS_socket, AF_NETLINK, EXDEV);
	FAILS(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), EXDEV);
	CHECK(nl_works(fd));
}

static void own_filter_wins(void)
{
	in_child(filter_against);
}

static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

static void *wait_for_ever(void *arg)
{
	sem_post(&begun);
	return (void *)(long)errno_of(recv(*(int *)arg, buf, sizeof(buf), 0));
}

/* Goes on after whoever serves it has been killed: says the errors that it gets. */
int behave_orphan(void)
{
	int waiting = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	struct nlmsghdr *nlh = nl_getfamily();
	pthread_t thread;
	void *error;
	char c;

	sem_init(&begun, 0, 0);
	pthread_create(&thread, NULL, wait_for_ever, &waiting);
	sem_wait(&begun);
	printf("%s\n", nl_works(fd) ? "ready" : "broken");
	fflush(stdout);
	if (read(0, &c, 1) < 0)
		return 1;
	pthread_join(thread, &error);
	printf("waiting %d\n", (int)(long)error);
	printf("send %d\n", errno_of(send(fd, nlh, nlh->nlmsg_len, 0)));
	printf("recv %d\n", errno_of(recv(fd, buf, sizeof(buf), 0)));
	printf("socket %d\n", errno_of(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC)));
	return 0;
}

const struct behaviour behave_tasks[] = {
	{ "thread: many wait", waiting_threads },
	{ "thread: woken by poll, select, epoll", woken },
	{ "signal: nothing is lost by EINTR", lost_by_eintr },
	{ "signal: nothing is lost by a restart", lost_by_restart },
	{ "signal: requests under a storm", storm_of_requests },
	{ "signal: sockets under a storm", storm_of_sockets },
	{ "process: many at once", many_processes },
	{ "process: a port is free after close", closed },
	{ "process: killed while it waits", killed },
	{ "process: killed at random", killed_at_random },
	{ "process: exec at random", executed_at_random },
	{ "netns: of its creator", unshared },
	{ "netns: in a user namespace", unshared_user },
	{ "netns: of a thread", namespace_of_thread },
	{ "filter: one of its own", own_filter },
	{ "filter: its own wins", own_filter_wins, WAY_KERNEL | WAY_SECCOMPS },
	{ NULL, NULL },
};
