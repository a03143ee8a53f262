/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_netns.c - real namespaces: identity, ids, death (clauses N1 to N3).
 *
 * Needs the right to make namespaces, but for the first test; skipped without.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/thread.h"
#include "base/util.h"
#include "netns/evlog.h"
#include "netns/netns-private.h"
#include "netns/nsid.h"

#define WAIT_S 30
#define SKIPPED 77

static int home_fd;
static int lost_notices; /* lines of the log that tell of them */

/* ---- the deaths that were reported -------------------------------------------------- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uint64_t cookie[1024];
	unsigned int n;
	bool stall; /* the callback does not return */
} deaths = { .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static void on_death(struct fl_netns *ns, void *arg)
{
	assert_true(fl_netns_dead(ns));
	pthread_mutex_lock(&deaths.mutex);
	deaths.cookie[deaths.n++ % 1024] = ns->cookie;
	pthread_cond_broadcast(&deaths.cond);
	while (deaths.stall)
		pthread_cond_wait(&deaths.cond, &deaths.mutex);
	pthread_mutex_unlock(&deaths.mutex);
}

static void set_stall(bool stall)
{
	pthread_mutex_lock(&deaths.mutex);
	deaths.stall = stall;
	pthread_cond_broadcast(&deaths.cond);
	pthread_mutex_unlock(&deaths.mutex);
}

static void wait_deaths(unsigned int n)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&deaths.mutex);
	while (deaths.n < n && !err)
		err = pthread_cond_timedwait(&deaths.cond, &deaths.mutex, &until);
	pthread_mutex_unlock(&deaths.mutex);
	assert_int_equal(err, 0);
}

static unsigned int deaths_of(uint64_t cookie)
{
	unsigned int times = 0;

	pthread_mutex_lock(&deaths.mutex);
	for (unsigned int i = 0; i < deaths.n; i++)
		times += deaths.cookie[i] == cookie;
	pthread_mutex_unlock(&deaths.mutex);
	return times;
}

static void wait_death_of(uint64_t cookie)
{
	uint64_t until = fl_now_ns() + WAIT_S * FL_NS_PER_S;

	while (!deaths_of(cookie)) {
		assert_true(fl_now_ns() < until);
		usleep(1000);
	}
}

/* ---- namespaces ----------------------------------------------------------------------- */

static uint64_t own_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(getsockopt(sock, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &cookie, &len), 0);
	close(sock);
	return cookie;
}

/* A namespace that lives as long as the descriptor. */
static int ns_new(uint64_t *ret_cookie)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ret_cookie)
		*ret_cookie = own_cookie();
	assert_int_equal(setns(home_fd, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	return fd;
}

/* A process in a namespace of its own, so that a search finds it. */
struct pod {
	pid_t pid;
	int fd;
};

static struct pod pod_new(void)
{
	struct pod pod;
	int ready[2];
	char path[64], byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pod.pid = fork();
	if (!pod.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!unshare(CLONE_NEWNET))
			(void)!write(ready[1], "", 1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pod.pid);
	pod.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(pod.fd >= 0);
	return pod;
}

static void pod_free(struct pod *pod)
{
	close(pod->fd);
	kill(pod->pid, SIGKILL);
	waitpid(pod->pid, NULL, 0);
}

static void ns_watch(struct fl_netns_table *table, int n, int *fd, struct fl_netns **ns)
{
	for (int i = 0; i < n; i++) {
		fd[i] = ns_new(NULL);
		assert_int_equal(fl_netns_resolve_fd(table, fd[i], &ns[i]), 0);
	}
}

static int home_id(const struct fl_netns *ns)
{
	return fl_netns_id_in(ns, fl_netns_initial(ns->table));
}

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static unsigned int entries(struct fl_netns_table *table)
{
	unsigned int n = 0;

	fl_rcu_barrier();
	fl_rcu_barrier();
	fl_rcu_read_lock();
	for (unsigned int i = 0; i < FL_NETNS_BUCKETS; i++)
		for (struct fl_netns *ns = fl_rcu_deref(table->by_cookie[i]); ns;
		     ns = fl_rcu_deref(ns->next_cookie))
			n++;
	fl_rcu_read_unlock();
	return n;
}

/* Only the initial one is left in the end: the watcher lets go after its callback. */
static void check_forgotten(struct fl_netns_table *table)
{
	uint64_t until = fl_now_ns() + WAIT_S * FL_NS_PER_S;

	while (entries(table) != 1)
		assert_true(fl_now_ns() < until);
}

static struct fl_netns_table *table_new(int watch_rcvbuf)
{
	struct fl_netns_config config = { .on_death = on_death, .watch_rcvbuf = watch_rcvbuf };
	struct fl_netns_table *table;

	deaths.n = 0;
	assert_int_equal(fl_netns_table_new(NULL, &config, &table), 0);
	assert_null(fl_netns_cannot_move(table));
	return table;
}

static int setup(void **state)
{
	*state = table_new(0);
	return 0;
}

static int teardown(void **state)
{
	check_forgotten(*state);
	fl_netns_table_free(*state);
	return 0;
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_identity(void **state)
{
	struct fl_netns_table *table = *state;
	struct fl_netns *ns, *again;
	uint64_t cookie;
	int fd = ns_new(&cookie);

	assert_true(fl_netns_initial(table)->cookie == own_cookie());
	assert_int_equal(fl_netns_resolve_fd(table, home_fd, &ns), 0);
	assert_ptr_equal(ns, fl_netns_initial(table));
	fl_netns_put(ns);
	assert_int_equal(fl_netns_resolve_fd(table, fd, &ns), 0);
	assert_true(ns->cookie == cookie);
	assert_true(own_cookie() == fl_netns_initial(table)->cookie);
	assert_int_equal(fl_netns_resolve_fd(table, fd, &again), 0);
	assert_ptr_equal(again, ns);
	fl_netns_put(again);
	again = fl_netns_get_by_cookie(table, cookie);
	assert_ptr_equal(again, ns);
	fl_netns_put(again);
	fl_netns_put(ns);
	check_forgotten(table);
	/* Forgotten and found again: still one struct, still watched. */
	ns = fl_netns_get_by_cookie(table, cookie);
	assert_int_equal(fl_netns_watch_id(ns), 0);
	assert_int_equal(fl_netns_resolve_fd(table, fd, &again), 0);
	assert_ptr_equal(again, ns);
	fl_netns_put(again);
	close(fd);
	wait_deaths(1);
	assert_int_equal(deaths_of(cookie), 1);
	assert_true(fl_netns_dead(ns));
	fl_netns_put(ns);
}

static void test_bad_descriptors(void **state)
{
	const char *paths[] = { "/dev/null", "/proc/self/ns/mnt", "/" };
	struct fl_netns *ns;

	for (unsigned int i = 0; i < FL_ARRAY_SIZE(paths); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		assert_int_equal(fl_netns_resolve_fd(*state, fd, &ns), -EINVAL);
		close(fd);
	}
	assert_int_equal(fl_netns_resolve_fd(*state, -1, &ns), -EINVAL);
}

/* N1 and N2 under reuse: ids at home are reused for each of 200, beside five that live. */
static void test_reuse(void **state)
{
	struct fl_netns_table *table = *state;
	enum { LIVE = 5, TURNS = 200 };
	struct fl_netns *live[LIVE], *ns[TURNS];
	int live_fd[LIVE], fds;

	for (int i = 0; i < LIVE; i++) {
		live_fd[i] = ns_new(NULL);
		assert_int_equal(fl_netns_resolve_fd(table, live_fd[i], &live[i]), 0);
	}
	fds = open_fds();
	for (int i = 0; i < TURNS; i++) {
		int fd = ns_new(NULL);

		assert_int_equal(fl_netns_resolve_fd(table, fd, &ns[i]), 0);
		for (int j = 0; j < LIVE; j++)
			assert_int_not_equal(home_id(ns[i]), home_id(live[j]));
		close(fd);
	}
	wait_deaths(TURNS);
	assert_int_equal(open_fds(), fds);
	for (int i = 0; i < TURNS; i++) {
		assert_int_equal(deaths_of(ns[i]->cookie), 1);
		assert_int_equal(home_id(ns[i]), FL_NSID_NONE);
		fl_netns_put(ns[i]);
	}
	for (int i = 0; i < LIVE; i++) {
		assert_false(fl_netns_dead(live[i]));
		close(live_fd[i]);
	}
	wait_deaths(TURNS + LIVE);
	for (int i = 0; i < LIVE; i++) {
		assert_int_equal(deaths_of(live[i]->cookie), 1);
		fl_netns_put(live[i]);
	}
}

#define MANY 64
#define RESOLVERS 4

struct resolver {
	pthread_t thread;
	struct fl_netns_table *table;
	int *fd;
	struct fl_netns *ns[MANY];
};

static void *resolve_all(void *arg)
{
	struct resolver *resolver = arg;

	for (int i = 0; i < MANY; i++)
		assert_int_equal(
			fl_netns_resolve_fd(resolver->table, resolver->fd[i], &resolver->ns[i]), 0);
	return NULL;
}

/* N3: threads that resolve the same at once get the same. Then all die at once. */
static void test_many(void **state)
{
	static struct resolver resolvers[RESOLVERS];
	int fd[MANY];

	for (int i = 0; i < MANY; i++)
		fd[i] = ns_new(NULL);
	for (int i = 0; i < RESOLVERS; i++) {
		resolvers[i].table = *state;
		resolvers[i].fd = fd;
		assert_int_equal(fl_thread_start(&resolvers[i].thread, "resolver", 0, resolve_all,
						 &resolvers[i]),
				 0);
	}
	for (int i = 0; i < RESOLVERS; i++)
		pthread_join(resolvers[i].thread, NULL);
	for (int i = 0; i < MANY; i++)
		close(fd[i]);
	wait_deaths(MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(deaths_of(resolvers[0].ns[i]->cookie), 1);
		for (int j = 0; j < RESOLVERS; j++) {
			assert_ptr_equal(resolvers[j].ns[i], resolvers[0].ns[i]);
			fl_netns_put(resolvers[j].ns[i]);
		}
	}
	assert_int_equal(deaths.n, MANY);
}

/* Until the kernel has found no room for a notice. */
static void wait_overrun(int sock)
{
	struct pollfd fd = { .fd = sock };

	assert_int_equal(poll(&fd, 1, WAIT_S * 1000), 1);
	assert_true(fd.revents & POLLERR);
}

/* N1 when notices are lost: the watcher hangs in its first callback and has no buffer. */
static void test_lost_notices(void **state)
{
	struct fl_netns_table *table = table_new(1);
	struct fl_netns *ns[MANY], *live;
	int fd[MANY], live_fd = ns_new(NULL);
	int before = __atomic_load_n(&lost_notices, __ATOMIC_SEQ_CST);

	assert_int_equal(fl_netns_resolve_fd(table, live_fd, &live), 0);
	for (int i = 0; i < MANY; i++) {
		fd[i] = ns_new(NULL);
		assert_int_equal(fl_netns_resolve_fd(table, fd[i], &ns[i]), 0);
	}
	set_stall(true);
	close(fd[0]);
	wait_deaths(1);
	for (int i = 1; i < MANY; i++)
		close(fd[i]);
	wait_overrun(table->place.event_sock);
	assert_int_equal(deaths.n, 1);
	set_stall(false);
	wait_deaths(MANY);
	assert_true(__atomic_load_n(&lost_notices, __ATOMIC_SEQ_CST) > before);
	assert_false(fl_netns_dead(live));
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(deaths_of(ns[i]->cookie), 1);
		fl_netns_put(ns[i]);
	}
	close(live_fd);
	wait_deaths(MANY + 1);
	fl_netns_put(live);
	check_forgotten(table);
	fl_netns_table_free(table);
}

/* ---- more than one datagram tells ----------------------------------------------------- */

#define LIST_BYTES 8192 /* of one datagram: some 290 namespaces */
#define STAY 400

static bool short_lists;

/* Stands before libc's, for netns/ too. */
ssize_t recv(int sock, void *buf, size_t len, int flags)
{
	if (short_lists && len > LIST_BYTES)
		len = LIST_BYTES;
	return recvfrom(sock, buf, len, flags, NULL, NULL);
}

/* Lets go of those that stayed, and of their table. */
static void end_stay(struct fl_netns_table *table, const int fd[STAY],
		     struct fl_netns *const stay[STAY])
{
	for (int i = 0; i < STAY; i++) {
		close(fd[i]);
		fl_netns_put(stay[i]);
	}
	check_forgotten(table);
	fl_netns_table_free(table);
	short_lists = false;
}

/* N1, never before: the kernel's list of ids is not all that is there. Some kernels end it with
 * its first datagram; others go on at a place, and leave out what lives when something in front
 * of it died meanwhile. */
static void test_long_list(void **state)
{
	static struct fl_netns *stay[STAY];
	static int fd[STAY];
	struct fl_netns_table *table;
	struct fl_netns *storm[MANY], *last;
	int storm_fd[MANY], last_fd;
	uint64_t cookie;

	short_lists = true;
	table = table_new(1);
	ns_watch(table, STAY, fd, stay);
	ns_watch(table, MANY, storm_fd, storm);
	set_stall(true);
	close(storm_fd[0]);
	wait_deaths(1);
	for (int i = 1; i < MANY; i++)
		close(storm_fd[i]);
	wait_overrun(table->place.event_sock);
	set_stall(false);
	wait_deaths(MANY);
	/* The watcher tells one after the other: it is done with those before. */
	last_fd = ns_new(&cookie);
	assert_int_equal(fl_netns_resolve_fd(table, last_fd, &last), 0);
	close(last_fd);
	wait_death_of(cookie);
	for (int i = 0; i < STAY; i++)
		assert_false(fl_netns_dead(stay[i]));
	assert_int_equal(deaths.n, MANY + 1);
	fl_netns_put(last);
	for (int i = 0; i < MANY; i++)
		fl_netns_put(storm[i]);
	end_stay(table, fd, stay);
}

/* The same list, where a client names a namespace by its id. */
static void test_long_list_of_ids(void **state)
{
	static struct fl_netns *stay[STAY];
	static int fd[STAY];
	struct fl_netns_table *table;
	struct fl_netns *ns, *found;
	struct pod pod = pod_new();
	int sock = fl_nsid_socket();

	assert_int_equal(fl_nsid_assign(sock, pod.fd, 100000), 0); /* the last of the list */
	close(sock);
	short_lists = true;
	table = table_new(0);
	ns_watch(table, STAY, fd, stay);
	assert_int_equal(fl_netns_resolve_fd(table, pod.fd, &ns), 0);
	assert_int_equal(fl_netns_resolve_id(table, fl_netns_initial(table), 100000, &found), 0);
	assert_ptr_equal(found, ns);
	fl_netns_put(found);
	fl_netns_put(ns);
	pod_free(&pod);
	end_stay(table, fd, stay);
}

static int nsid_at(int place_fd, int fd)
{
	int sock, nsid;

	assert_int_equal(setns(place_fd, CLONE_NEWNET), 0);
	sock = fl_nsid_socket();
	assert_int_equal(setns(home_fd, CLONE_NEWNET), 0);
	assert_true(sock >= 0);
	assert_int_equal(fl_nsid_of_fd(sock, fd, &nsid), 0);
	close(sock);
	return nsid;
}

/* What the plane says of ids is what the kernel says in the namespace that counts. */
static void test_ids(void **state)
{
	struct fl_netns_table *table = *state;
	struct fl_netns *initial = fl_netns_initial(table), *a, *b, *found;
	struct pod pod_a = pod_new(), pod_b = pod_new();

	assert_int_equal(fl_netns_resolve_fd(table, pod_a.fd, &a), 0);
	assert_int_equal(fl_netns_resolve_fd(table, pod_b.fd, &b), 0);
	assert_int_equal(fl_netns_id_in(a, initial), nsid_at(home_fd, pod_a.fd));
	assert_true(fl_netns_id_in(a, initial) >= 0);
	assert_int_equal(fl_netns_id_in(initial, a), FL_NSID_NONE);
	assert_int_equal(fl_netns_id_in(b, a), FL_NSID_NONE);

	assert_int_equal(fl_netns_resolve_id(table, initial, home_id(a), &found), 0);
	assert_ptr_equal(found, a);
	fl_netns_put(found);
	assert_int_equal(fl_netns_resolve_id(table, initial, 123456, &found), -ENOENT);
	assert_int_equal(fl_netns_resolve_id(table, initial, -1, &found), -ENOENT);
	assert_int_equal(fl_netns_resolve_id(table, a, 0, &found), -ENOENT);

	fl_netns_learn_id(b, a);
	assert_true(fl_netns_id_in(b, a) >= 0);
	assert_int_equal(fl_netns_id_in(b, a), nsid_at(pod_a.fd, pod_b.fd));
	fl_netns_learn_id(initial, a);
	assert_int_equal(fl_netns_id_in(initial, a), nsid_at(pod_a.fd, home_fd));
	assert_int_not_equal(fl_netns_id_in(initial, a), fl_netns_id_in(b, a));
	assert_int_equal(fl_netns_id_in(a, b), FL_NSID_NONE);

	assert_int_equal(fl_netns_resolve_id(table, a, fl_netns_id_in(b, a), &found), 0);
	assert_ptr_equal(found, b);
	fl_netns_put(found);
	assert_int_equal(fl_netns_resolve_id(table, a, fl_netns_id_in(initial, a), &found), 0);
	assert_ptr_equal(found, initial);
	fl_netns_put(found);

	pod_free(&pod_a);
	pod_free(&pod_b);
	wait_deaths(2);
	assert_int_equal(fl_netns_resolve_id(table, initial, 0, &found), -ENOENT);
	fl_netns_put(a);
	fl_netns_put(b);
}

/* An id that somebody else gave: the namespace has to be looked for. */
static void test_foreign_id(void **state)
{
	struct fl_netns_table *table = *state;
	struct fl_netns *initial = fl_netns_initial(table), *ns, *again;
	struct pod pod = pod_new();
	int sock = fl_nsid_socket();

	assert_int_equal(fl_nsid_assign(sock, pod.fd, 4711), 0);
	close(sock);
	assert_int_equal(fl_netns_resolve_id(table, initial, 4711, &ns), 0);
	assert_int_equal(fl_netns_id_in(ns, initial), 4711);
	assert_int_equal(fl_netns_resolve_fd(table, pod.fd, &again), 0);
	assert_ptr_equal(again, ns);
	fl_netns_put(again);
	pod_free(&pod);
	wait_deaths(1);
	assert_int_equal(deaths_of(ns->cookie), 1);
	fl_netns_put(ns);
}

/* A namespace keeps a bounded number of pairs, and the newest of them. */
static void test_pairs_bounded(void **state)
{
	struct fl_netns_table *table = *state;
	struct fl_netns *initial = fl_netns_initial(table), *asker[70];
	struct fl_netns_learnt *learnt;
	int fd[70], sock, kept = 0;

	for (int i = 0; i < 70; i++) {
		fd[i] = ns_new(NULL);
		assert_int_equal(fl_netns_resolve_fd(table, fd[i], &asker[i]), 0);
		assert_int_equal(setns(fd[i], CLONE_NEWNET), 0);
		sock = fl_nsid_socket();
		assert_int_equal(setns(home_fd, CLONE_NEWNET), 0);
		assert_int_equal(fl_nsid_assign(sock, home_fd, 100 + i), 0);
		close(sock);
		fl_netns_learn_id(initial, asker[i]);
		fl_netns_learn_id(initial, asker[i]);
		assert_int_equal(fl_netns_id_in(initial, asker[i]), 100 + i);
	}
	for (learnt = initial->learnt; learnt; learnt = learnt->next)
		kept++;
	assert_int_equal(kept, 64);
	assert_int_equal(fl_netns_id_in(initial, asker[0]), FL_NSID_NONE);
	for (int i = 0; i < 70; i++) {
		close(fd[i]);
		fl_netns_put(asker[i]);
	}
}

static void *get_and_put(void *arg)
{
	struct fl_netns_table *table = arg;

	for (uint64_t i = 0; i < 2000; i++) {
		struct fl_netns *ns = fl_netns_get_by_cookie(table, 1000000 + i / 4 % 3);

		assert_true(ns->cookie == 1000000 + i / 4 % 3);
		assert_true(!fl_netns_dead(ns));
		fl_netns_put(fl_netns_get(ns));
		fl_netns_put(ns);
	}
	return NULL;
}

/* The last put of one thread against the get of another. */
static void test_references(void **state)
{
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		assert_int_equal(fl_thread_start(&thread[i], "getter", 0, get_and_put, *state), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
}

static void count_kick(struct fl_netns *ns, void *arg)
{
	++*(int *)arg;
}

/* A reference may outlive the table: nothing is called any more. */
static void test_outliving(void **state)
{
	int kicks = 0;
	struct fl_netns_config config = { .on_events = count_kick,
					  .arg = &kicks,
					  .log_bytes = 1000 };
	struct fl_netns_table *table;
	struct fl_netns *ns;

	assert_int_equal(fl_netns_table_new(NULL, &config, &table), 0);
	ns = fl_netns_get_by_cookie(table, 4711);
	fl_netns_kick(ns);
	assert_int_equal(kicks, 1);
	fl_netns_table_free(table);
	fl_netns_kick(ns);
	assert_int_equal(kicks, 1);
	fl_netns_put(ns);
	fl_rcu_barrier();
	fl_rcu_barrier();
}

/* ---- without privilege, in a process of its own ------------------------------------------- */

#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "line %d: %s\n", __LINE__, #cond);                         \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void be_nobody(int other_fd)
{
	struct fl_netns_config config = { .on_death = on_death };
	struct fl_netns_table *table;
	struct fl_netns *ns;

	if (!geteuid())
		EXPECT(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534));
	prctl(PR_SET_DUMPABLE, 1);
	EXPECT(!fl_netns_table_new(NULL, &config, &table));
	EXPECT(fl_netns_cannot_move(table));
	EXPECT(strstr(fl_netns_cannot_move(table), "CAP_SYS_ADMIN"));
	EXPECT(fl_netns_initial(table)->cookie == own_cookie());
	EXPECT(!fl_netns_resolve_fd(table, home_fd, &ns));
	EXPECT(ns == fl_netns_initial(table));
	fl_netns_put(ns);
	EXPECT(fl_netns_resolve_fd(table, STDIN_FILENO, &ns) == -EINVAL);
	EXPECT(other_fd < 0 || fl_netns_resolve_fd(table, other_fd, &ns) == -EPERM);
	EXPECT(fl_netns_resolve_id(table, fl_netns_initial(table), 0, &ns) == -EPERM);
	fl_netns_table_free(table);
	_exit(0);
}

static bool check_nobody(int other_fd)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		fl_rcu_register_thread();
		be_nobody(other_fd);
	}
	waitpid(pid, &status, 0);
	printf("without privilege: %s\n", status ? "FAILED" : "ok");
	return !status;
}

static void count_lost(enum fl_log_level level, const char *line)
{
	if (strstr(line, "lost notices"))
		__atomic_add_fetch(&lost_notices, 1, __ATOMIC_SEQ_CST);
}

static bool privileged(void)
{
	if (unshare(CLONE_NEWNET))
		return false;
	return !setns(home_fd, CLONE_NEWNET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(bad_descriptors),
		TEST(reuse),
		TEST(many),
		TEST(ids),
		TEST(foreign_id),
		TEST(pairs_bounded),
		TEST(references),
		cmocka_unit_test(test_lost_notices),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_long_list_of_ids),
		cmocka_unit_test(test_outliving),
	};
	int failed;
	bool able;

	home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	able = privileged();
	/* A home that no other test gives ids in. */
	if (able && !unshare(CLONE_NEWNET)) {
		close(home_fd);
		home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	if (!check_nobody(able ? ns_new(NULL) : -1))
		return 1;
	if (!able) {
		printf("skipped: this process may not make network namespaces\n");
		return SKIPPED;
	}
	fl_log_set_sink(count_lost, FL_LOG_DEBUG);
	fl_rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fl_rcu_unregister_thread();
	return failed;
}
