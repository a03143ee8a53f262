// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * confine.c - runs a command as a container's engine would: under a seccomp profile.
 *
 * usage: confine PROFILE COMMAND [ARG...]
 *   default     what the usual engines refuse to a container without more capabilities
 *   ptrace      the same with CAP_SYS_PTRACE, which allows more
 *   no-memory   refuses to read another process's memory
 *   no-seccomp  refuses filters
 *   listener    another supervisor listens to a filter (of a call that nobody makes)
 */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What engines allow only with CAP_SYS_PTRACE. */
static const int tracing[] = { SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(process_madvise) };

/* What they allow only with other capabilities, mostly CAP_SYS_ADMIN. */
static const int administration[] = {
	SCMP_SYS(mount),	   SCMP_SYS(umount2),	     SCMP_SYS(pivot_root),
	SCMP_SYS(setns),	   SCMP_SYS(unshare),	     SCMP_SYS(bpf),
	SCMP_SYS(fanotify_init),   SCMP_SYS(fsopen),	     SCMP_SYS(fsmount),
	SCMP_SYS(move_mount),	   SCMP_SYS(open_tree),	     SCMP_SYS(quotactl),
	SCMP_SYS(setdomainname),   SCMP_SYS(sethostname),    SCMP_SYS(syslog),
	SCMP_SYS(perf_event_open), SCMP_SYS(lookup_dcookie), SCMP_SYS(acct),
	SCMP_SYS(delete_module),   SCMP_SYS(init_module),    SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),	   SCMP_SYS(reboot),	     SCMP_SYS(swapon),
	SCMP_SYS(swapoff),	   SCMP_SYS(keyctl),	     SCMP_SYS(add_key),
	SCMP_SYS(request_key),	   SCMP_SYS(userfaultfd),    SCMP_SYS(open_by_handle_at),
	SCMP_SYS(settimeofday),	   SCMP_SYS(clock_settime),  SCMP_SYS(vhangup),
};

static const int memory[] = { SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev) };
static const int filters[] = { SCMP_SYS(seccomp) };

static void refuse(scmp_filter_ctx filter, const int *calls, size_t count, uint32_t action)
{
	for (size_t i = 0; i < count; i++) {
		int err = seccomp_rule_add(filter, action, calls[i], 0);

		if (err) {
			fprintf(stderr, "confine: a rule: %s\n", strerror(-err));
			exit(125);
		}
	}
}

#define REFUSE(filter, calls, action)                                                              \
	refuse(filter, calls, sizeof(calls) / sizeof(*(calls)), action)

static scmp_filter_ctx profile(const char *name)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool ptrace = !strcmp(name, "ptrace");

	if (ptrace || !strcmp(name, "default")) {
		REFUSE(filter, administration, SCMP_ACT_ERRNO(EPERM));
		if (!ptrace)
			REFUSE(filter, tracing, SCMP_ACT_ERRNO(EPERM));
	} else if (!strcmp(name, "no-memory")) {
		REFUSE(filter, memory, SCMP_ACT_ERRNO(EPERM));
	} else if (!strcmp(name, "no-seccomp")) {
		REFUSE(filter, filters, SCMP_ACT_ERRNO(EPERM));
	} else if (!strcmp(name, "listener")) {
		REFUSE(filter, ((const int[]){ SCMP_SYS(acct) }), SCMP_ACT_NOTIFY);
	} else {
		fprintf(stderr, "confine: no profile %s\n", name);
		exit(125);
	}
	/* An engine needs none; we leave it to setpriv to set it. */
	if (geteuid() == 0)
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	return filter;
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 3) {
		fputs("usage: confine PROFILE COMMAND [ARG...]\n", stderr);
		return 125;
	}
	/* In a child: the listener, if there is one, stays open here for as long as it runs. */
	scmp_filter_ctx filter = profile(argv[1]);
	int err = seccomp_load(filter);
	if (err) {
		fprintf(stderr, "confine: %s\n", strerror(-err));
		return 125;
	}
	pid_t child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
