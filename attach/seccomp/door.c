// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * door.c - the connection to the plane, made where and as if the program made it.
 *
 * Its namespace is that of the thread that made it. In another namespace than ours this
 * thread goes there for a moment; if it may not, as an ordinary user, a child process joins
 * the program's user namespace with it, which its owner may.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/nlsock/name.h"
#include "attach/seccomp/supervisor.h"
#include "base/die.h"

/* Whether the caller is in our namespace: 1, 0, or a negative errno. */
static int is_own_netns(const struct fl_call *call, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT ? -ESRCH : -errno;
	return st.st_dev == call->sup->own_netns_dev && st.st_ino == call->sup->own_netns_ino;
}

/* -EPERM: this process may not go there. */
static int connect_there(const struct fl_call *call, int netns, int type)
{
	int fd;

	if (setns(netns, CLONE_NEWNET))
		return -errno;
	fd = fl_nlsock_connect(&call->sup->plane, FL_NLSOCK_NAME_SUPERVISOR, type);
	fl_assert(!setns(call->sup->own_netns, CLONE_NEWNET));
	return fd;
}

/* In a child that has this process's memory as it was: nothing but system calls. */
static _Noreturn void help(const struct fl_call *call, int type, int to)
{
	int fd = -EPERM;

	if (!syscall(SYS_setns, call->target->pidfd, CLONE_NEWUSER | CLONE_NEWNET))
		fd = fl_nlsock_connect(&call->sup->plane, FL_NLSOCK_NAME_SUPERVISOR, type);
	fl_pass_send(to, fd);
	syscall(SYS_exit_group, 0);
	__builtin_unreachable();
}

static int connect_by_helper(const struct fl_call *call, int type)
{
	int pair[2], fd;
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	/* No signal at its end: finelink run waits for children of its own. */
	pid = syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
	if (!pid)
		help(call, type, pair[1]);
	close(pair[1]);
	fd = pid < 0 ? (int)-errno : fl_pass_receive(pair[0]);
	close(pair[0]);
	if (pid > 0)
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	return fd;
}

/* Tells the plane on whose behalf: it grants what both may, and shows that process. */
static int introduce(const struct fl_call *call, int fd)
{
	struct fl_wire_hdr hdr = { .kind = FL_WIRE_FOR };
	struct fl_nlsock sock = { .fd = fd, .ops = &fl_call_nlsock_ops };
	pid_t tgid = fl_target_tgid(call->target);
	int pidfd = tgid ? (int)syscall(SYS_pidfd_open, tgid, 0) : -1, err;

	if (pidfd < 0)
		return -ESRCH;
	err = fl_call_valid(call) ? fl_nlsock_packet(&sock, &hdr, NULL, 0, -1, pidfd, 0) : -ESRCH;
	close(pidfd);
	return err;
}

/* A connection made elsewhere: somebody else takes calls meanwhile. */
static int connect_elsewhere(const struct fl_call *call, const char *path, int type)
{
	int err = fl_worker_before_wait(call->worker), netns, fd;

	if (err)
		return err;
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	fd = fl_call_valid(call) ? connect_there(call, netns, type) : -ESRCH;
	close(netns);
	return fd == -EPERM ? connect_by_helper(call, type) : fd;
}

int fl_door_open(struct fl_call *call, int type)
{
	char path[48];
	int own, fd, err;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)call->tid);
	own = is_own_netns(call, path);
	if (own < 0)
		return own;
	if (!own)
		fd = connect_elsewhere(call, path, type | SOCK_CLOEXEC);
	else
		fd = fl_nlsock_connect(&call->sup->plane, FL_NLSOCK_NAME_SUPERVISOR,
				       type | SOCK_CLOEXEC);
	if (fd < 0)
		return fd;
	err = introduce(call, fd);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
