// SPDX-License-Identifier: LGPL-2.1-or-later
/* daemon.c - makes a plane, serves it until a signal, and takes everything down again. */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attach/client.h"
#include "base/rcu.h"
#include "daemon/devices.h"
#include "daemon/listen.h"
#include "daemon/log-ring.h"
#include "daemon/options.h"
#include "daemon/topology.h"
#include "server/server.h"

#define FILES_WANTED (1U << 18) /* sessions of ten thousand pods, with their tokens */
#define SETTLE_SLICE_NS (50 * FL_NS_PER_MS)

struct daemon {
	struct fl_options options;
	sigset_t signals;
	struct fl_topology *topology;
	struct fl_listen listen;
	struct fl_plane *plane;
	struct fl_server *server;
};

static int say(const char *what, int err)
{
	fprintf(stderr, "finelinkd: %s%s%s\n", what, err ? ": " : "", err ? strerror(-err) : "");
	return 1;
}

/* As many descriptors as can be had: each session is one. */
static void raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_max < FILES_WANTED) {
		struct rlimit more = { FILES_WANTED, FILES_WANTED };

		if (!setrlimit(RLIMIT_NOFILE, &more))
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int load_topology(struct daemon *daemon)
{
	const char *path = daemon->options.topology;
	char *error = NULL;
	int err;

	if (!path) {
		err = fl_topology_default(&daemon->topology);
		return err ? say("topology", err) : 0;
	}
	err = fl_topology_load(path, &daemon->topology, &error);
	if (!err)
		return 0;
	say(error ?: "topology: out of memory", 0);
	free(error);
	return 1;
}

static int open_socket(struct daemon *daemon)
{
	struct fl_listen_error error = { "" };
	struct fl_link_error path_error = { "" };
	char path[4096];
	int err;

	if (daemon->options.listen_fd >= 0) {
		err = fl_listen_inherit(daemon->options.listen_fd, &daemon->listen, &error);
		return err ? say(error.text, 0) : 0;
	}
	err = fl_link_path(daemon->options.socket, path, sizeof(path), &path_error);
	if (err)
		return say(path_error.text, 0);
	err = fl_listen_at(path, daemon->options.private_plane, &daemon->listen, &error);
	return err ? say(error.text, 0) : 0;
}

static int start_plane(struct daemon *daemon)
{
	struct fl_plane_config config = {
		.sched.bkl = daemon->options.bkl,
		.sched.patience_ns = daemon->options.patience_ms * FL_NS_PER_MS,
	};
	const char *name = daemon->options.topology ?: "default topology";
	const char *reason;
	char *error = NULL;
	int err;

	err = fl_plane_new(&config, &daemon->plane);
	if (err)
		return say("cannot start a plane", err);
	err = fl_devices_add(daemon->plane, name, daemon->topology, &error);
	if (err) {
		say(error ?: "out of memory", 0);
		free(error);
		return 1;
	}
	reason = fl_netns_cannot_move(fl_plane_netns(daemon->plane));
	if (reason)
		fl_log(FL_LOG_INFO, "instances cannot move between namespaces: %s", reason);
	return 0;
}

/* Lets the first probes come to an end, so that who starts with the plane finds its
 * devices; one that hangs holds this up for settle_ms, and a signal ends it. */
static void settle(struct daemon *daemon)
{
	uint64_t end = fl_now_ns() + daemon->options.settle_ms * FL_NS_PER_MS;
	sigset_t pending;

	while (fl_now_ns() < end) {
		if (!fl_sched_drain(fl_plane_sched(daemon->plane), SETTLE_SLICE_NS))
			return;
		sigpending(&pending);
		if (sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT))
			return;
	}
	if (daemon->options.settle_ms)
		fl_log(FL_LOG_INFO, "ready, although some devices are still being probed");
}

static int start_server(struct daemon *daemon)
{
	struct fl_server_config config = {
		.listen_fd = daemon->listen.fd,
		.private_plane = daemon->options.private_plane,
	};
	int err = fl_server_new(daemon->plane, &config, &daemon->server);

	if (err)
		return say("cannot serve", err);
	if (daemon->options.ready_fd >= 0) {
		if (write(daemon->options.ready_fd, "ready\n", 6) < 0)
			fl_log(FL_LOG_WARN, "--ready-fd: %s", strerror(errno));
		close(daemon->options.ready_fd);
	}
	if (!daemon->options.private_plane && geteuid())
		fl_log(FL_LOG_WARN, "without --private nobody may change the plane of a user");
	fl_log(FL_LOG_INFO, "serving %zu devices", daemon->topology->count);
	return 0;
}

static int wait_for_end(struct daemon *daemon)
{
	int signal;

	while ((signal = sigwaitinfo(&daemon->signals, NULL)) < 0 && errno == EINTR)
		;
	fl_log(FL_LOG_INFO, "%s: taking the plane down", strsignal(signal));
	/* A second signal ends the process at once. */
	pthread_sigmask(SIG_UNBLOCK, &daemon->signals, NULL);
	return 0;
}

static void stop(struct daemon *daemon)
{
	if (daemon->server)
		fl_server_free(daemon->server);
	if (daemon->plane)
		fl_plane_free(daemon->plane);
	fl_listen_done(&daemon->listen);
	fl_topology_free(daemon->topology);
}

static int serve(struct daemon *daemon)
{
	int status = fl_log_ring_start("finelinkd", daemon->options.log_level);

	if (status)
		return say("log", status);
	status = start_plane(daemon);
	if (!status)
		settle(daemon);
	status = status ?: start_server(daemon);
	status = status ?: wait_for_end(daemon);
	stop(daemon);
	fl_log_ring_stop(200);
	return status;
}

/* Whoever starts it without them: what is opened later must not get the log. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void block_signals(struct daemon *daemon)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction before;

	/* What is ignored stays so (nohup(1), a script's background): blocked it would be kept. */
	sigemptyset(&daemon->signals);
	for (size_t i = 0; i < FL_ARRAY_SIZE(ends); i++)
		if (!sigaction(ends[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaddset(&daemon->signals, ends[i]);
	pthread_sigmask(SIG_BLOCK, &daemon->signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int fl_daemon_main(int argc, char **argv)
{
	struct daemon daemon = { .listen.fd = -1 };
	int status;

	open_standard_files();
	status = fl_options_parse(argc, argv, &daemon.options);
	if (status >= 0)
		return status;
	raise_files();
	/* Until its socket is there a signal just ends it: a topology may be long in coming. */
	status = load_topology(&daemon);
	block_signals(&daemon);
	if (!status)
		status = open_socket(&daemon);
	if (status) {
		fl_topology_free(daemon.topology);
		return status;
	}
	fl_rcu_register_thread();
	status = serve(&daemon);
	fl_rcu_unregister_thread();
	return status;
}
