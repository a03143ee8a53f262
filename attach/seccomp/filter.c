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

/* Those whose first argument is a descriptor, when it is in the reserved range. close(),
 * dup2(), poll() and the like work on the real descriptor. */
static const int by_fd[] = {
	SCMP_SYS(bind),	      SCMP_SYS(connect),    SCMP_SYS(listen),	   SCMP_SYS(accept),
	SCMP_SYS(accept4),    SCMP_SYS(shutdown),   SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(sendto),	   SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),   SCMP_SYS(recvfrom),   SCMP_SYS(recvmsg),	   SCMP_SYS(recvmmsg),
	SCMP_SYS(read),	      SCMP_SYS(write),	    SCMP_SYS(readv),	   SCMP_SYS(writev),
	SCMP_SYS(preadv2),    SCMP_SYS(pwritev2),   SCMP_SYS(dup),
};

/* What a number of these calls does otherwise to AF_UNIX than to AF_NETLINK. */
static const struct {
	int nr;
	unsigned int value;
} by_fd_and_command[] = {
	{ SCMP_SYS(fcntl), F_DUPFD },	       { SCMP_SYS(fcntl), F_DUPFD_CLOEXEC },
	{ SCMP_SYS(ioctl), FIONREAD },	       { SCMP_SYS(ioctl), TIOCOUTQ },
	{ SCMP_SYS(ioctl), SIOCPROTOPRIVATE },
};

/* Whatever is in the upper half of an argument, the kernel looks at an int. */
#define LOW_IS(arg, value) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, 0xffffffff, (value))

static int add_rules(scmp_filter_ctx ctx, unsigned int base)
{
	int err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 2, LOW_IS(0, AF_NETLINK),
				   LOW_IS(2, NETLINK_GENERIC));

	for (size_t i = 0; !err && i < FL_ARRAY_SIZE(by_fd); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, by_fd[i], 1,
				       SCMP_CMP64(0, SCMP_CMP_GE, base));
	for (size_t i = 0; !err && i < FL_ARRAY_SIZE(by_fd_and_command); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, by_fd_and_command[i].nr, 2,
				       SCMP_CMP64(0, SCMP_CMP_GE, base),
				       LOW_IS(1, by_fd_and_command[i].value));
	return err;
}

int fl_filter_make(unsigned int base, int *ret_fd)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err, fd = -1;

	if (!ctx)
		return -ENOMEM;
	/* Programs of another architecture (32 bits) talk to the kernel. */
	err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	/* A tree, not a list: what is not handed over passes through it, too. */
	err = err ?: seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	err = err ?: add_rules(ctx, base);
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
