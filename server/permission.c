/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "base/util.h"
#include "server/server-private.h"
#include "server/session.h"

/* ---- the errand threads ----------------------------------------------------------- */

/* Several, so that what one finds slow does not delay them all. */
#define ERRAND_THREADS 4

struct runner {
	struct fl_errand *posted; /* atomic; the newest first */
	int stopping;             /* atomic */
	sem_t something;
	pthread_t thread;
};

struct fl_errands {
	unsigned int next;  /* atomic: whose turn it is */
	unsigned int count; /* of those that run */
	struct runner runner[ERRAND_THREADS];
};

static void runner_run(struct runner *runner)
{
	struct fl_errand *errand, *next, *first = NULL;

	for (errand = __atomic_exchange_n(&runner->posted, NULL, __ATOMIC_ACQ_REL); errand;
	     errand = next) {
		next = errand->next;
		errand->next = first;
		first = errand;
	}
	for (errand = first; errand; errand = next) {
		next = errand->next;
		errand->run(errand);
	}
}

static void *runner_main(void *arg)
{
	struct runner *runner = arg;

	do {
		while (sem_wait(&runner->something) && errno == EINTR)
			;
		runner_run(runner);
	} while (!__atomic_load_n(&runner->stopping, __ATOMIC_ACQUIRE));
	return NULL;
}

int fl_errands_start(struct fl_errands **ret_errands)
{
	struct fl_errands *errands = calloc(1, sizeof(*errands));

	if (!errands)
		return -ENOMEM;
	for (; errands->count < ERRAND_THREADS; errands->count++) {
		struct runner *runner = &errands->runner[errands->count];
		int err;

		sem_init(&runner->something, 0, 0);
		err = fl_thread_start(&runner->thread, "fl-errands", 0, runner_main, runner);
		if (err) {
			sem_destroy(&runner->something);
			fl_errands_stop(errands);
			return err;
		}
	}
	*ret_errands = errands;
	return 0;
}

void fl_errands_post(struct fl_errands *errands, struct fl_errand *errand)
{
	unsigned int turn = __atomic_fetch_add(&errands->next, 1, __ATOMIC_RELAXED);
	struct runner *runner = &errands->runner[turn % ERRAND_THREADS];
	struct fl_errand *head = __atomic_load_n(&runner->posted, __ATOMIC_RELAXED);

	do {
		errand->next = head;
	} while (!__atomic_compare_exchange_n(&runner->posted, &head, errand, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	sem_post(&runner->something);
}

void fl_errands_stop(struct fl_errands *errands)
{
	if (!errands)
		return;
	for (unsigned int i = 0; i < errands->count; i++) {
		struct runner *runner = &errands->runner[i];

		__atomic_store_n(&runner->stopping, 1, __ATOMIC_RELEASE);
		sem_post(&runner->something);
		pthread_join(runner->thread, NULL);
		runner_run(runner);
		sem_destroy(&runner->something);
	}
	free(errands);
}

/* ---- permission ------------------------------------------------------------------- */

/* The rule of a private plane. */
static bool is_owner(uid_t uid)
{
	return uid == geteuid() || uid == 0;
}

enum fl_permission fl_permission_known(const struct fl_session *session)
{
	if (!session->server->config.private_plane || session->behalf.pid)
		return session->permission;
	return is_owner(session->uid) ? FL_PERMISSION_ADMIN : FL_PERMISSION_DENIED;
}

/* The file `name` of the process's folder in /proc, as a string. */
static bool proc_read(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, buf, size - 1);
	close(fd);
	if (got <= 0)
		return false;
	buf[got] = '\0';
	return true;
}

/* When the process started, on CLOCK_BOOTTIME. */
static bool proc_start_ns(int dir, uint64_t *ret_ns)
{
	char buf[1024], *at;
	unsigned long long ticks;

	/* The name stands in parentheses and may hold anything, also parentheses; the start is
	 * the 20th field after that. */
	if (!proc_read(dir, "stat", buf, sizeof(buf)) || !(at = strrchr(buf, ')')))
		return false;
	at++;
	for (int field = 0; field < 19 && at; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &ticks) != 1)
		return false;
	*ret_ns = ticks * (FL_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}

static bool proc_credentials(int dir, uid_t *ret_euid, bool *ret_capable)
{
	char buf[4096], *line;
	unsigned int euid;
	unsigned long long caps;

	if (!proc_read(dir, "status", buf, sizeof(buf)))
		return false;
	line = strstr(buf, "\nUid:");
	if (!line || sscanf(line, "\nUid: %*u %u", &euid) != 1)
		return false;
	line = strstr(buf, "\nCapEff:");
	if (!line || sscanf(line, "\nCapEff: %llx", &caps) != 1)
		return false;
	*ret_euid = euid;
	*ret_capable = caps & 1ULL << CAP_NET_ADMIN;
	return true;
}

static bool proc_in_our_user_ns(int dir)
{
	struct stat its, ours;

	return !fstatat(dir, "ns/user", &its, 0) && !stat("/proc/self/ns/user", &ours) &&
	       its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* Whether a process with this user and capabilities may change things. */
static bool may_change(const struct fl_session *session, int dir, uid_t euid, bool capable)
{
	struct stat st;

	if (session->server->config.private_plane)
		return is_owner(euid);
	return capable && proc_in_our_user_ns(dir) && !fstat(dir, &st) &&
	       (euid == 0 || st.st_uid == euid);
}

struct proc {
	uid_t euid;
	bool capable;
	uint64_t start_ns;
};

/* All that S6 wants to know. Returns the process's folder, which stands for one process: if that
 * ends, reads fail, whoever gets its id next. Negative: it has gone. */
static int proc_look(pid_t pid, struct proc *proc)
{
	char path[32];
	int dir;

	if (pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -ESRCH;
	if (proc_start_ns(dir, &proc->start_ns) &&
	    proc_credentials(dir, &proc->euid, &proc->capable))
		return dir;
	close(dir);
	return -ESRCH;
}

static bool proc_allows(const struct fl_session *session, int dir, const struct proc *proc)
{
	return proc->start_ns <= session->accepted_ns &&
	       may_change(session, dir, proc->euid, proc->capable);
}

/* In a private plane the peer's user is enough; who made the connection may have gone. */
static bool peer_allows(const struct fl_session *session)
{
	struct proc proc;
	bool allows;
	int dir;

	if (session->server->config.private_plane)
		return is_owner(session->uid);
	dir = proc_look(session->pid, &proc);
	if (dir < 0)
		return false;
	allows = proc.euid == session->uid && proc_allows(session, dir, &proc);
	close(dir);
	return allows;
}

/* Of who was allowed when it was named. */
static bool behalf_allows(const struct fl_session *session)
{
	const struct fl_behalf *behalf = &session->behalf;
	struct proc proc;
	bool allows;
	int dir;

	if (!behalf->pid)
		return true;
	dir = proc_look(behalf->pid, &proc);
	if (dir < 0)
		return false;
	allows = proc.euid == behalf->uid && proc.start_ns == behalf->start_ns &&
		 proc_allows(session, dir, &proc);
	close(dir);
	return allows;
}

void fl_permission_find(struct fl_session *session)
{
	bool allows = peer_allows(session) && behalf_allows(session);

	session->permission = allows ? FL_PERMISSION_ADMIN : FL_PERMISSION_DENIED;
	fl_log(FL_LOG_DEBUG, "%s: %s", fl_client_name(session->client),
	       session->permission == FL_PERMISSION_ADMIN ? "may change things" :
							    "may only look");
}

static bool pidfd_is_alive(int pidfd)
{
	return !syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) || errno == EPERM;
}

int fl_permission_behalf(struct fl_session *session, pid_t pid, int pidfd)
{
	struct proc proc;
	bool allows;
	int dir;

	session->behalf.pid = -1;
	session->permission = FL_PERMISSION_DENIED;
	dir = proc_look(pid, &proc);
	if (dir < 0)
		return -ESRCH;
	allows = proc_allows(session, dir, &proc);
	close(dir);
	/* Asked last: what was read was of this process, not of one that got its id. */
	if (!pidfd_is_alive(pidfd))
		return -ESRCH;
	session->behalf = (struct fl_behalf){ pid, proc.euid, proc.start_ns };
	if (allows)
		session->permission = FL_PERMISSION_UNKNOWN;
	return 0;
}

pid_t fl_pidfd_pid(int fd)
{
	char name[48], buf[512], *line;
	int pid, dir;
	bool good;

	/* Of another file than a pidfd, what stands in /proc is not to be asked for. */
	if (syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) && (errno == EBADF || errno == ENOSYS))
		return -EBADF;
	dir = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -ESRCH;
	snprintf(name, sizeof(name), "%d", fd);
	good = proc_read(dir, name, buf, sizeof(buf));
	close(dir);
	line = good ? strstr(buf, "\nPid:") : NULL;
	if (!line || sscanf(line, "\nPid: %d", &pid) != 1 || pid <= 0)
		return -ESRCH;
	return pid;
}
