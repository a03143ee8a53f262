// SPDX-License-Identifier: LGPL-2.1-or-later
/* supervisor.c - the start: the filter, the child, whether it all can be done here. */
#include "attach/seccomp/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Kernel 6.6; the caller then runs at once where the answer was written. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* Numbers from here on are handed over; select() still works for the first 256. */
#define BASE 768
#define BASE_NEEDS 1024

/* What the two processes tell each other. */
enum word { WORD_LOAD = 'l', WORD_SKIP = 's', WORD_GO = 'g', WORD_END = 'e' };

void fl_supervisor_tell(struct fl_supervisor *sup, enum fl_seccomp_told what, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (__atomic_fetch_or(&sup->told, what, __ATOMIC_RELAXED) & what)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (sup->config.tell)
		sup->config.tell(text);
}

FL_PRINTF(3, 4) static int fail(struct fl_seccomp_error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return err;
}

bool fl_seccomp_sets_no_new_privs(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	return syscall(SYS_capget, &head, data) || !(data[0].effective & 1U << CAP_SYS_ADMIN);
}

static unsigned int base_number(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= BASE_NEEDS)
		return BASE;
	return limit.rlim_cur / 4 * 3;
}

/* What the kernel has; without it nothing more is to be tried. */
static int check_kernel(struct fl_supervisor *sup, struct fl_seccomp_error *error)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) ||
	    syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return fail(error, -EOPNOTSUPP,
			    "needs seccomp(2) with user notification (Linux 5.19), "
			    "which %s",
			    errno == EPERM || errno == ENOSYS ? "is refused here"
							      : "this kernel does not have");
	sup->req_size = sizes.seccomp_notif > sizeof(struct seccomp_notif)
				? sizes.seccomp_notif
				: sizeof(struct seccomp_notif);
	sup->resp_size = sizes.seccomp_notif_resp > sizeof(struct seccomp_notif_resp)
				 ? sizes.seccomp_notif_resp
				 : sizeof(struct seccomp_notif_resp);
	return 0;
}

static int find_own_netns(struct fl_supervisor *sup)
{
	struct stat st;

	sup->own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (sup->own_netns < 0 || fstat(sup->own_netns, &st))
		return -errno;
	sup->own_netns_dev = st.st_dev;
	sup->own_netns_ino = st.st_ino;
	return 0;
}

static int set_plane(struct fl_supervisor *sup, struct fl_seccomp_error *error)
{
	sup->plane.sun_family = AF_UNIX;
	if (strlen(sup->config.socket) >= sizeof(sup->plane.sun_path))
		return fail(error, -ENAMETOOLONG, "the plane's socket %s has too long a path",
			    sup->config.socket);
	strcpy(sup->plane.sun_path, sup->config.socket);
	return 0;
}

int fl_seccomp_new(const struct fl_seccomp_config *config, struct fl_supervisor **ret_sup,
		   struct fl_seccomp_error *error)
{
	struct fl_supervisor *sup = calloc(1, sizeof(*sup));
	int err;

	if (!sup)
		return fail(error, -ENOMEM, "has no memory");
	sup->config = *config;
	sup->filter = sup->pair[0] = sup->pair[1] = sup->listener = sup->own_netns = -1;
	sup->base = base_number();
	fl_targets_init(&sup->targets);
	fl_socks_init(&sup->socks);
	fl_numbers_init(sup);
	err = check_kernel(sup, error) ?: set_plane(sup, error);
	if (!err && (err = find_own_netns(sup)))
		fail(error, err, "needs /proc: %s", strerror(-err));
	if (!err && (err = fl_filter_make(sup->base, config->all_sockets, &sup->filter)))
		fail(error, err, "cannot make its filter: %s", strerror(-err));
	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sup->pair))
		err = fail(error, -errno, "cannot make a socket pair: %s", strerror(errno));
	if (err) {
		fl_seccomp_free(sup);
		return err;
	}
	*ret_sup = sup;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void fl_seccomp_free(struct fl_supervisor *sup)
{
	if (!sup)
		return;
	close_fd(&sup->filter);
	close_fd(&sup->pair[0]);
	close_fd(&sup->pair[1]);
	close_fd(&sup->listener);
	close_fd(&sup->own_netns);
	free(sup);
}

/* ---- the talk with the child ------------------------------------------------------ */

static char read_word(int fd)
{
	char word = WORD_END;
	ssize_t got;

	do {
		got = read(fd, &word, 1);
	} while (got < 0 && errno == EINTR);
	return got == 1 ? word : WORD_END;
}

static void write_word(int fd, char word)
{
	if (send(fd, &word, 1, MSG_NOSIGNAL) < 0) {
		/* The child has gone; its end is waited for elsewhere. */
	}
}

/* Under the filter: by no call that may be handed over, for nobody answers yet. If the parent has
 * gone this ends the child, as it should. */
static void tell_listener(int fd, int err_or_listener)
{
	if (write(fd, &err_or_listener, sizeof(err_or_listener)) < 0) {
		/* The next word tells. */
	}
}

/* The listener, which the child has, or its errno. */
static int fetch_listener(const struct fl_supervisor *sup, pid_t child)
{
	int there, pidfd, fd;
	ssize_t got;

	do {
		got = read(sup->pair[0], &there, sizeof(there));
	} while (got < 0 && errno == EINTR);
	if (got != sizeof(there))
		return -EIO;
	if (there < 0)
		return there;
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	if (pidfd < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, there, 0);
	if (fd < 0)
		fd = -errno;
	close(pidfd);
	return fd;
}

int fl_seccomp_child(struct fl_supervisor *sup)
{
	int listener = -1, err;
	char word;

	close_fd(&sup->pair[0]);
	word = read_word(sup->pair[1]);
	if (word == WORD_LOAD) {
		err = fl_filter_load(sup->filter, fl_seccomp_sets_no_new_privs(), &listener);
		tell_listener(sup->pair[1], err ? err : listener);
		word = read_word(sup->pair[1]);
		close_fd(&listener);
	}
	fl_seccomp_free(sup);
	return word == WORD_END ? -ECANCELED : 0;
}

/* ---- whether it can be done ------------------------------------------------------- */

/* What the supervisor does to the command, done to the child while it waits. */
static int probe_child(const struct fl_supervisor *sup, pid_t child, struct fl_seccomp_error *error)
{
	static const char text[] = "finelink";
	char copy[sizeof(text)];
	struct iovec here = { copy, sizeof(copy) }, there = { (void *)text, sizeof(text) };
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0), fd;

	if (pidfd < 0)
		return fail(error, -errno, "needs pidfd_open(2), which %s",
			    errno == ENOSYS ? "this kernel does not have" : "is refused here");
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, sup->pair[1], 0);
	close(pidfd);
	if (fd < 0)
		return fail(error, -errno,
			    "needs pidfd_getfd(2), which is refused here (%s): in a "
			    "container, run it with --cap-add SYS_PTRACE",
			    strerror(errno));
	close(fd);
	if (process_vm_readv(child, &here, 1, &there, 1, 0) != sizeof(copy))
		return fail(error, -errno,
			    "needs process_vm_readv(2), which is refused here (%s): in a "
			    "container, run it with --cap-add SYS_PTRACE",
			    strerror(errno));
	return 0;
}

static int explain_load(int err, struct fl_seccomp_error *error)
{
	switch (err) {
	case -EBUSY:
		return fail(error, err,
			    "cannot have its filter: another one with a listener is above "
			    "(finelink run inside finelink run, or a container engine's)");
	case -EACCES:
		return fail(error, err,
			    "cannot have its filter without CAP_SYS_ADMIN or no_new_privs");
	case -EINVAL:
		return fail(error, err,
			    "needs SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (Linux 5.19)");
	default:
		return fail(error, err, "cannot load its filter: %s", strerror(-err));
	}
}

/* ADDFD that also replies came with 5.14; of a notification that is not there it says so. */
static int check_listener(const struct fl_supervisor *sup, struct fl_seccomp_error *error)
{
	struct seccomp_notif_addfd add = {
		.flags = SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = sup->pair[0],
	};

	if (ioctl(sup->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 && errno == EINVAL)
		return fail(error, -EOPNOTSUPP,
			    "needs a kernel whose SECCOMP_IOCTL_NOTIF_ADDFD can "
			    "reply (Linux 5.14)");
	return 0;
}

/* Workers hold descriptors of the command's while they wait. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int load(struct fl_supervisor *sup, pid_t child, struct fl_seccomp_error *error)
{
	int err = probe_child(sup, child, error);

	/* From here on a child that ends is an end of file. */
	close_fd(&sup->pair[1]);
	if (err)
		return err;
	write_word(sup->pair[0], WORD_LOAD);
	err = fetch_listener(sup, child);
	if (err < 0)
		return explain_load(err, error);
	sup->listener = err;
	err = check_listener(sup, error);
	if (err)
		return err;
	ioctl(sup->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	raise_limit();
	err = fl_workers_start(sup);
	return err ? fail(error, err, "cannot start a thread: %s", strerror(-err)) : 0;
}

int fl_seccomp_start(struct fl_supervisor *sup, pid_t child, bool required,
		     struct fl_seccomp_error *error)
{
	int err;

	err = load(sup, child, error);
	if (!err)
		write_word(sup->pair[0], WORD_GO);
	else if (required || sup->listener >= 0)
		write_word(sup->pair[0], WORD_END);
	else
		write_word(sup->pair[0], WORD_SKIP);
	close_fd(&sup->filter);
	close_fd(&sup->pair[0]);
	return err;
}

void fl_seccomp_skip(struct fl_supervisor *sup)
{
	write_word(sup->pair[0], WORD_SKIP);
	fl_seccomp_free(sup);
}
