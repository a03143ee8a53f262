// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/wire.h"
#include "base/util.h"

#define BACKLOG 4096

static int listen_fail(struct fl_listen_error *error, int err, const char *fmt, ...) FL_PRINTF(3, 4);

static int listen_fail(struct fl_listen_error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return err;
}

static int wire_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Whether somebody accepts connections at address. */
static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = wire_socket();
	bool alive;

	if (fd < 0)
		return true;
	alive = !connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN;
	close(fd);
	return alive;
}

/* The file is in the way: removes it if it is a socket that nobody listens at. */
static int remove_stale(const struct sockaddr_un *address, struct fl_listen_error *error)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : listen_fail(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return listen_fail(error, -EEXIST, "%s is there and is no socket; it was left alone", path);
	if (somebody_listens(address))
		return listen_fail(error, -EADDRINUSE, "%s is taken: a plane listens there already", path);
	if (unlink(path) && errno != ENOENT)
		return listen_fail(error, -errno, "cannot replace %s: %s", path, strerror(errno));
	return 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, bool only_owner,
			   struct fl_listen_error *error)
{
	mode_t mask = umask(only_owner ? 0177 : 0111);
	int err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(mask);
	if (!err && listen(fd, BACKLOG))
		err = -errno;
	if (err)
		return listen_fail(error, err, "cannot listen at %s: %s", address->sun_path,
				   strerror(-err));
	return 0;
}

/* The folder of path, locked, so that two planes that start do not remove each other's
 * socket. The default one of root is made. */
static int lock_folder(const char *path, struct fl_listen_error *error)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";
	int fd;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!strcmp(path, FL_WIRE_SOCKET_ROOT))
		mkdir(folder, 0755);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return listen_fail(error, -errno, "cannot listen at %s: %s: %s", path, folder,
				   strerror(errno));
	if (flock(fd, LOCK_EX)) {
		int err = -errno;

		close(fd);
		return listen_fail(error, err, "cannot lock %s: %s", folder, strerror(-err));
	}
	return fd;
}

int fl_listen_at(const char *path, bool only_owner, struct fl_listen *ret_listen,
		 struct fl_listen_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct fl_listen made = { .path = strdup(path) };
	struct stat st;
	int folder, err;

	if (!made.path)
		return listen_fail(error, -ENOMEM, "out of memory");
	err = strlen(path) >= sizeof(address.sun_path) ? -ENAMETOOLONG : *path ? 0 : -EINVAL;
	if (err) {
		free(made.path);
		return listen_fail(error, err, "the socket path has %zu bytes; it needs 1 to %zu: %.100s",
				   strlen(path), sizeof(address.sun_path) - 1, path);
	}
	strcpy(address.sun_path, path);
	folder = lock_folder(path, error);
	if (folder < 0) {
		free(made.path);
		return folder;
	}
	made.fd = wire_socket();
	err = made.fd < 0 ? listen_fail(error, -errno, "no socket: %s", strerror(errno)) : 0;
	err = err ?: remove_stale(&address, error);
	err = err ?: bind_and_listen(made.fd, &address, only_owner, error);
	close(folder);
	if (err || lstat(path, &st)) {
		if (made.fd >= 0)
			close(made.fd);
		free(made.path);
		return err ?: listen_fail(error, -ENOENT, "%s vanished", path);
	}
	made.dev = st.st_dev;
	made.ino = st.st_ino;
	*ret_listen = made;
	return 0;
}

static int socket_option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -errno : value;
}

int fl_listen_inherit(int fd, struct fl_listen *ret_listen, struct fl_listen_error *error)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return listen_fail(error, -errno, "descriptor %d: %s", fd, strerror(errno));
	if (socket_option(fd, SO_DOMAIN) != AF_UNIX || socket_option(fd, SO_TYPE) != SOCK_SEQPACKET ||
	    socket_option(fd, SO_ACCEPTCONN) != 1)
		return listen_fail(error, -EINVAL,
				   "descriptor %d is no listening AF_UNIX SOCK_SEQPACKET socket", fd);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return listen_fail(error, -errno, "descriptor %d: %s", fd, strerror(errno));
	*ret_listen = (struct fl_listen){ .fd = fd };
	return 0;
}

void fl_listen_done(struct fl_listen *listen)
{
	struct stat st;

	if (listen->path && !lstat(listen->path, &st) && st.st_dev == listen->dev &&
	    st.st_ino == listen->ino)
		unlink(listen->path);
	free(listen->path);
	listen->path = NULL;
}
