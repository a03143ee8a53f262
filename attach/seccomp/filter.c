// SPDX-License-Identifier: LGPL-2.1-or-later
/* filter.c - which system calls are handed over. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

/* Programs are smaller by far; what a kernel takes. */
#define INSNS_MAX 4096

/* Calls whose first argument is a descriptor. They are handed over when that is in the reserved
 * range: close(), poll() and the like work on the real descriptor. Those for sockets alone can be
 * handed over whatever the number is. */
static const int by_socket[] = {
	SCMP_SYS(bind),	      SCMP_SYS(connect),    SCMP_SYS(listen),	   SCMP_SYS(accept),
	SCMP_SYS(accept4),    SCMP_SYS(shutdown),   SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(sendto),	   SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),   SCMP_SYS(recvfrom),   SCMP_SYS(recvmsg),	   SCMP_SYS(recvmmsg),
};
static const int by_fd[] = {
	SCMP_SYS(read),	   SCMP_SYS(write),    SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(preadv2), SCMP_SYS(pwritev2), SCMP_SYS(dup),
};

/* What ioctl() answers for AF_UNIX and not for AF_NETLINK. */
static const unsigned int ioctls[] = { FIONREAD, TIOCOUTQ, SIOCPROTOPRIVATE };

/* What gives a copy the lowest number that is free, from 0 or another on. */
static const unsigned int fcntls[] = { F_DUPFD, F_DUPFD_CLOEXEC };

/* Whatever is in the upper half of an argument, the kernel looks at an int. */
#define LOW_IS(arg, value) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, 0xffffffff, (value))

static int add_calls(scmp_filter_ctx ctx, const int *calls, size_t count, unsigned int from)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, calls[i], 1,
				       SCMP_CMP64(0, SCMP_CMP_GE, from));
	return err;
}

/* Those of one call whose second argument says what it is to do. */
static int add_commands(scmp_filter_ctx ctx, int call, const unsigned int *commands, size_t count,
			unsigned int from)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, call, 2,
				       SCMP_CMP64(0, SCMP_CMP_GE, from), LOW_IS(1, commands[i]));
	return err;
}

/* What takes a socket out of the range: to say so. */
static int add_leaving(scmp_filter_ctx ctx, unsigned int base)
{
	static const int calls[] = { SCMP_SYS(dup2), SCMP_SYS(dup3) };
	int err = 0;

	for (size_t i = 0; !err && i < FL_ARRAY_SIZE(calls); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, calls[i], 2,
				       SCMP_CMP64(0, SCMP_CMP_GE, base),
				       SCMP_CMP64(1, SCMP_CMP_LT, base));
	return err;
}

static int add_rules(scmp_filter_ctx ctx, unsigned int base, bool all_sockets)
{
	unsigned int from = all_sockets ? 0 : base;
	int err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 2, LOW_IS(0, AF_NETLINK),
				   LOW_IS(2, NETLINK_GENERIC));

	err = err ?: add_calls(ctx, by_socket, FL_ARRAY_SIZE(by_socket), from);
	err = err ?: add_calls(ctx, by_fd, FL_ARRAY_SIZE(by_fd), base);
	err = err ?: add_commands(ctx, SCMP_SYS(ioctl), ioctls, FL_ARRAY_SIZE(ioctls), from);
	err = err ?: add_commands(ctx, SCMP_SYS(fcntl), fcntls, FL_ARRAY_SIZE(fcntls), base);
	return err || all_sockets ? err : add_leaving(ctx, base);
}

int fl_filter_make(unsigned int base, bool all_sockets, int *ret_fd)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err, fd = -1;

	if (!ctx)
		return -ENOMEM;
	/* Programs of another architecture (32 bits) talk to the kernel. */
	err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	/* A tree, not a list: what is not handed over passes through it, too. */
	err = err ?: seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	err = err ?: add_rules(ctx, base, all_sockets);
	if (!err) {
		fd = memfd_create("finelink-filter", MFD_CLOEXEC);
		err = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	}
	seccomp_release(ctx);
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int fl_filter_load(int fd, bool no_new_privs, int *ret_listener)
{
	struct sock_fprog program;
	struct stat st;
	void *insns;
	long listener;
	int err = 0;

	if (fstat(fd, &st))
		return -errno;
	if (!st.st_size || st.st_size > (off_t)(INSNS_MAX * sizeof(struct sock_filter)))
		return -E2BIG;
	insns = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (insns == MAP_FAILED)
		return -errno;
	program.len = st.st_size / sizeof(struct sock_filter);
	program.filter = insns;
	if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err) {
		/* It confines nobody: no reason to slow down how the program speculates. */
		listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				   SECCOMP_FILTER_FLAG_NEW_LISTENER |
					   SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV |
					   SECCOMP_FILTER_FLAG_SPEC_ALLOW,
				   &program);
		if (listener < 0)
			err = -errno;
		else
			*ret_listener = listener;
	}
	munmap(insns, st.st_size);
	return err;
}
