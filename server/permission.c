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
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "base/util.h"
#include "server/server-private.h"
#include "server/session.h"

/* ---- the errand thread ------------------------------------------------------------ */

struct fl_errands {
	struct fl_errand *posted; /* atomic; the newest first */
	int stopping;             /* atomic */
	sem_t something;
	pthread_t thread;
};

static void errands_run(struct fl_errands *errands)
{
	struct fl_errand *errand, *next, *first = NULL;

	for (errand = __atomic_exchange_n(&errands->posted, NULL, __ATOMIC_ACQ_REL); errand;
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

static void *errands_main(void *arg)
{
	struct fl_errands *errands = arg;

	do {
		while (sem_wait(&errands->something) && errno == EINTR)
			;
		errands_run(errands);
	} while (!__atomic_load_n(&errands->stopping, __ATOMIC_ACQUIRE));
	return NULL;
}

int fl_errands_start(struct fl_errands **ret_errands)
{
	struct fl_errands *errands = calloc(1, sizeof(*errands));
	int err;

	if (!errands)
		return -ENOMEM;
	sem_init(&errands->something, 0, 0);
	err = fl_thread_start(&errands->thread, "fl-errands", 0, errands_main, errands);
	if (err) {
		sem_destroy(&errands->something);
		free(errands);
		return err;
	}
	*ret_errands = errands;
	return 0;
}

void fl_errands_post(struct fl_errands *errands, struct fl_errand *errand)
{
	struct fl_errand *head = __atomic_load_n(&errands->posted, __ATOMIC_RELAXED);

	do {
		errand->next = head;
	} while (!__atomic_compare_exchange_n(&errands->posted, &head, errand, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	sem_post(&errands->something);
}

void fl_errands_stop(struct fl_errands *errands)
{
	if (!errands)
		return;
	__atomic_store_n(&errands->stopping, 1, __ATOMIC_RELEASE);
	sem_post(&errands->something);
	pthread_join(errands->thread, NULL);
	errands_run(errands);
	sem_destroy(&errands->something);
	free(errands);
}

/* ---- permission ------------------------------------------------------------------- */

enum fl_permission fl_permission_known(const struct fl_session *session)
{
	if (!session->server->config.private_plane)
		return session->permission;
	return session->uid == geteuid() || session->uid == 0 ? FL_PERMISSION_ADMIN :
								FL_PERMISSION_DENIED;
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

static bool proc_is_capable(int dir, uid_t uid)
{
	char buf[4096], *line;
	unsigned int euid;
	unsigned long long caps;

	if (!proc_read(dir, "status", buf, sizeof(buf)))
		return false;
	line = strstr(buf, "\nUid:");
	if (!line || sscanf(line, "\nUid: %*u %u", &euid) != 1 || euid != uid)
		return false;
	line = strstr(buf, "\nCapEff:");
	return line && sscanf(line, "\nCapEff: %llx", &caps) == 1 && caps & 1ULL << CAP_NET_ADMIN;
}

static bool proc_in_our_user_ns(int dir)
{
	struct stat its, ours;

	return !fstatat(dir, "ns/user", &its, 0) && !stat("/proc/self/ns/user", &ours) &&
	       its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* All of S6. The folder stands for one process: if that ends, reads fail, whoever gets
 * its id next. */
static bool proc_allows(const struct fl_session *session)
{
	char path[32];
	struct stat st;
	uint64_t start_ns;
	bool allows;
	int dir;

	if (session->pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d", (int)session->pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	allows = proc_start_ns(dir, &start_ns) && start_ns <= session->accepted_ns &&
		 proc_is_capable(dir, session->uid) && proc_in_our_user_ns(dir) &&
		 !fstat(dir, &st) && (session->uid == 0 || st.st_uid == session->uid);
	close(dir);
	return allows;
}

void fl_permission_find(struct fl_session *session)
{
	session->permission = proc_allows(session) ? FL_PERMISSION_ADMIN : FL_PERMISSION_DENIED;
	fl_log(FL_LOG_DEBUG, "%s: %s", fl_client_name(session->client),
	       session->permission == FL_PERMISSION_ADMIN ? "may change things" :
							    "may only look");
}
