// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/private-plane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/find.h"

#define BACKLOG 4096
#define STOP_MS 15000 /* how long a plane may take to end before it is killed */

struct fl_private_plane {
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path) - 2];
	char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	pid_t pid; /* 0: not started, or reaped */
};

/* What the child needs; made before fork(). */
struct start {
	const struct fl_private_plane_config *config;
	char *daemon;
	int listen_fd, ready[2], topology_fd;
	pid_t parent;
};

static int make_folder(struct fl_private_plane *plane)
{
	const char *base = getenv("TMPDIR");

	/* A socket's path is short; a long TMPDIR is no reason to fail. */
	if (!base || *base != '/' || strlen(base) > sizeof(plane->folder) - 32)
		base = "/tmp";
	snprintf(plane->folder, sizeof(plane->folder), "%s/finelink-XXXXXX", base);
	if (!mkdtemp(plane->folder)) {
		int err = -errno;

		fl_cli_fail(0, "cannot make a folder in %s: %s", base, strerror(-err));
		plane->folder[0] = 0;
		return err;
	}
	snprintf(plane->socket, sizeof(plane->socket), "%s/s", plane->folder);
	return 0;
}

static int make_socket(struct fl_private_plane *plane, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, plane->socket);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG)) {
		int err = -errno;

		fl_cli_fail(0, "cannot listen at %s: %s", plane->socket, strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* A file without a name that holds the text. */
static int make_text_file(const char *text, int *ret_fd)
{
	size_t len = strlen(text);
	int fd = memfd_create("finelink-topology", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET)) {
		int err = errno ? -errno : -EIO;

		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* In the child; does not come back. */
static _Noreturn void exec_daemon(const struct start *start)
{
	const struct fl_private_plane_config *config = start->config;
	char listen_fd[16], ready_fd[16];
	const char *argv[16];
	int argc = 0;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != start->parent)
		_exit(1);
	setsid();
	signal(SIGTERM, SIG_DFL); /* by which it is ended, whatever the caller ignores */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(listen_fd, sizeof(listen_fd), "%d", start->listen_fd);
	snprintf(ready_fd, sizeof(ready_fd), "%d", start->ready[1]);
	fcntl(start->listen_fd, F_SETFD, 0);
	fcntl(start->ready[1], F_SETFD, 0);
	if (start->topology_fd >= 0)
		dup2(start->topology_fd, STDIN_FILENO);
	argv[argc++] = "finelinkd";
	argv[argc++] = "--private";
	argv[argc++] = "--listen-fd";
	argv[argc++] = listen_fd;
	argv[argc++] = "--ready-fd";
	argv[argc++] = ready_fd;
	argv[argc++] = "--serialize";
	argv[argc++] = config->bkl ? "bkl" : "lanes";
	for (int i = 0; i < config->verbose && i < 2; i++)
		argv[argc++] = "-v";
	if (config->topology || config->topology_text) {
		argv[argc++] = "-t";
		argv[argc++] = config->topology ?: "-";
	}
	argv[argc] = NULL;
	execv(start->daemon, (char **)argv);
	fl_cli_fail(0, "cannot run %s: %s", start->daemon, strerror(errno));
	_exit(FL_EXIT_CANNOT_EXEC);
}

/* Waits for the word of the plane, or its end. */
static int wait_until_ready(struct fl_private_plane *plane, int fd, bool (*stopping)(void))
{
	struct pollfd readable = { fd, POLLIN, 0 };
	char word[8];

	while (poll(&readable, 1, 50) <= 0)
		if (stopping())
			return -EINTR;
	if (read(fd, word, sizeof(word)) > 0)
		return 0;
	waitpid(plane->pid, NULL, 0);
	plane->pid = 0;
	fl_cli_fail(0, "the private plane did not start");
	return -ENOTCONN;
}

static int start_daemon(struct fl_private_plane *plane, struct start *start)
{
	int err;

	if (pipe2(start->ready, O_CLOEXEC))
		return -errno;
	start->parent = getpid();
	fflush(NULL);
	plane->pid = fork();
	if (plane->pid == 0)
		exec_daemon(start);
	close(start->ready[1]);
	if (plane->pid < 0) {
		plane->pid = 0;
		err = fl_cli_fail(-errno, "cannot start a process: %s", strerror(errno));
	} else {
		err = wait_until_ready(plane, start->ready[0], start->config->stopping);
	}
	close(start->ready[0]);
	return err;
}

int fl_private_plane_start(const struct fl_private_plane_config *config,
			   struct fl_private_plane **ret_plane)
{
	struct fl_private_plane *plane = calloc(1, sizeof(*plane));
	struct start start = { .config = config, .listen_fd = -1, .topology_fd = -1 };
	int err;

	if (!plane)
		return -ENOMEM;
	start.daemon = fl_find_daemon();
	err = start.daemon ? 0 : fl_cli_fail(-ENOENT, "finelinkd is not installed beside finelink");
	if (!err && config->topology_text)
		err = make_text_file(config->topology_text, &start.topology_fd);
	err = err ?: make_folder(plane);
	err = err ?: make_socket(plane, &start.listen_fd);
	err = err ?: start_daemon(plane, &start);
	if (start.listen_fd >= 0)
		close(start.listen_fd);
	if (start.topology_fd >= 0)
		close(start.topology_fd);
	free(start.daemon);
	if (err) {
		fl_private_plane_stop(plane);
		return err;
	}
	*ret_plane = plane;
	return 0;
}

/* Reaps the plane; kills it if it takes too long. Tells of an end that is not a clean one. */
static void reap(pid_t pid)
{
	int status = 0;

	for (int waited = 0; waited < STOP_MS; waited += 2) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (status)
				fl_cli_fail(0, "the private plane ended badly: %s %d",
					    WIFSIGNALED(status) ? "signal" : "exit status",
					    WIFSIGNALED(status) ? WTERMSIG(status) :
								  WEXITSTATUS(status));
			return;
		}
		poll(NULL, 0, 2);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fl_cli_fail(0, "the private plane did not end within %d s and was killed", STOP_MS / 1000);
}

void fl_private_plane_stop(struct fl_private_plane *plane)
{
	if (!plane)
		return;
	if (plane->pid > 0) {
		kill(plane->pid, SIGTERM);
		reap(plane->pid);
	}
	if (*plane->folder) {
		unlink(plane->socket);
		rmdir(plane->folder);
	}
	free(plane);
}

const char *fl_private_plane_socket(const struct fl_private_plane *plane)
{
	return plane->socket;
}

pid_t fl_private_plane_pid(const struct fl_private_plane *plane)
{
	return plane->pid;
}

bool fl_private_plane_reaped(struct fl_private_plane *plane, pid_t pid)
{
	if (!plane || plane->pid != pid)
		return false;
	plane->pid = 0;
	return true;
}
