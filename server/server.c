/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rcu.h"
#include "server/multicast.h"
#include "server/permission.h"
#include "server/server-private.h"
#include "server/session.h"

#define SERVER_SESSIONS 65536
#define SERVER_IO_THREADS 64
/* Clients accepted in one turn. */
#define SERVER_ACCEPTS 16

static int server_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void server_refuse(struct fl_server *server, int fd, const char *why)
{
	close(fd);
	__atomic_add_fetch(&server->refused, 1, __ATOMIC_RELAXED);
	fl_log(FL_LOG_WARN, "a client is refused: %s", why);
}

/* No descriptor is left: takes one client off the queue with the one kept for this, so
 * that it learns so, and the queue does not wake us for ever. */
static bool server_refuse_one(struct fl_server *server)
{
	int fd;

	if (server->reserve_fd < 0)
		return false;
	close(server->reserve_fd);
	fd = accept4(server->config.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		server_refuse(server, fd, "no descriptor is left");
	server->reserve_fd = server_reserve();
	return fd >= 0;
}

static void server_admit(struct fl_server *server, int fd)
{
	unsigned int next;
	int err;

	if (__atomic_load_n(&server->sessions, __ATOMIC_RELAXED) >= server->config.max_sessions) {
		server_refuse(server, fd, "there are as many sessions as are allowed");
		return;
	}
	next = __atomic_fetch_add(&server->next_io, 1, __ATOMIC_RELAXED) % server->io_count;
	err = fl_session_new(server->ios[next], fd);
	__atomic_add_fetch(err ? &server->refused : &server->accepted, 1, __ATOMIC_RELAXED);
	if (err)
		fl_log(FL_LOG_WARN, "a client is refused: error %d", err);
}

void fl_server_accept(struct fl_server *server)
{
	for (int n = 0; n < SERVER_ACCEPTS; n++) {
		int fd;

		/* Others may have taken what was given up for a moment. */
		if (server->reserve_fd < 0)
			server->reserve_fd = server_reserve();
		fd = accept4(server->config.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			server_admit(server, fd);
		else if ((errno == EMFILE || errno == ENFILE) && server_refuse_one(server))
			continue;
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static int server_listen(struct fl_server *server)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = server };
	int flags = fcntl(server->config.listen_fd, F_GETFL);

	if (flags < 0 || fcntl(server->config.listen_fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	if (epoll_ctl(server->ios[0]->epfd, EPOLL_CTL_ADD, server->config.listen_fd, &event))
		return -errno;
	return 0;
}

static void server_find_nsfs(struct fl_server *server)
{
	struct stat st;

	if (!stat("/proc/self/ns/net", &st))
		server->nsfs_dev = st.st_dev;
}

/* Who was admitted is not to fail because others were, too. */
static unsigned int server_max_sessions(unsigned int wanted)
{
	struct rlimit files;
	rlim_t fit;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return wanted;
	fit = files.rlim_cur < FL_WIRE_FILES(1) ? 1 : FL_WIRE_SESSIONS(files.rlim_cur);
	return fit < wanted ? (unsigned int)fit : wanted;
}

static void server_config(struct fl_server *server, const struct fl_server_config *config)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	server->config = *config;
	server->config.max_sessions = server_max_sessions(
		config->max_sessions ? config->max_sessions : SERVER_SESSIONS);
	server->io_count = config->io_threads ? config->io_threads : cpus > 0 ? (unsigned int)cpus : 1;
	if (server->io_count > SERVER_IO_THREADS)
		server->io_count = SERVER_IO_THREADS;
}

static int server_start(struct fl_server *server)
{
	int err;

	fl_inspect_quota_init(&server->inspect);
	fl_cancel_quota_init(&server->cancel);
	fl_lock_init(&server->feed_lock, session);
	server->reserve_fd = server_reserve();
	server_find_nsfs(server);
	err = fl_portid_table_init(&server->portids, server->config.max_sessions);
	if (!err)
		err = fl_errands_start(&server->errands);
	server->ios = calloc(server->io_count, sizeof(server->ios[0]));
	if (!server->ios)
		err = -ENOMEM;
	for (unsigned int i = 0; !err && i < server->io_count; i++)
		err = fl_io_start(server, i, &server->ios[i]);
	if (err)
		return err;
	fl_plane_set_on_events(server->plane, fl_multicast_on_events, server);
	return server_listen(server);
}

int fl_server_new(struct fl_plane *plane, const struct fl_server_config *config,
		  struct fl_server **ret_server)
{
	struct fl_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server) {
		close(config->listen_fd);
		return -ENOMEM;
	}
	server->plane = plane;
	server_config(server, config);
	err = server_start(server);
	if (err) {
		fl_server_free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void fl_server_free(struct fl_server *server)
{
	if (!server)
		return;
	/* Who calls on_events does so in an RCU read section. */
	fl_plane_set_on_events(server->plane, NULL, server);
	fl_rcu_synchronize();
	for (unsigned int i = 0; server->ios && i < server->io_count; i++)
		fl_io_stop(server->ios[i]);
	fl_errands_stop(server->errands);
	/* Whoever still looks in looks at all of them. */
	fl_inspect_quota_done(&server->inspect);
	fl_cancel_quota_done(&server->cancel);
	for (unsigned int i = 0; server->ios && i < server->io_count; i++)
		fl_io_put(server->ios[i]);
	close(server->config.listen_fd);
	if (server->reserve_fd >= 0)
		close(server->reserve_fd);
	fl_portid_table_done(&server->portids);
	fl_pmap_free(server->feeds);
	fl_lock_done(&server->feed_lock);
	free(server->ios);
	free(server);
}
