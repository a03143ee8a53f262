/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * behave.h - a suite of what a generic netlink socket does, one line a behaviour and way.
 *
 * The programs know nothing of finelink: they run on the kernel, which is the judge of
 * what is right, under the preload shim, and under the seccomp filter, where they must say
 * the same. Where one way cannot, the behaviour names the ways that it holds for.
 */
#ifndef FL_TESTS_ATTACH_BEHAVE_H
#define FL_TESTS_ATTACH_BEHAVE_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum behave_way {
	WAY_KERNEL = 1,
	WAY_PRELOAD = 2,
	WAY_SECCOMP = 4,
	WAY_SECCOMP_ALL = 8, /* with the sockets at low numbers */
	WAY_SECCOMPS = WAY_SECCOMP | WAY_SECCOMP_ALL,
};

/* How this run reaches whom it asks: `behave --way`. */
extern enum behave_way behave_way;

struct behaviour {
	const char *name;
	void (*run)(void);
	unsigned int ways; /* a set of enum behave_way; 0: all */
};

/* Each list ends with an entry without name. */
extern const struct behaviour behave_names[];	/* bind, names, options */
extern const struct behaviour behave_io[];	/* sending and receiving */
extern const struct behaviour behave_fds[];	/* the descriptor's life */
extern const struct behaviour behave_tasks[];	/* threads, signals, namespaces, filters */
extern const struct behaviour behave_wild[];	/* pointers and lengths that are wrong */
extern const struct behaviour behave_plane[];	/* what only a plane does; see fakeplane.py */
extern const struct behaviour behave_devlink[]; /* with the default topology behind it */

/* What `behave --hold FD` does after exec, and `behave --orphan` (test-seccomp.py). */
int behave_after_exec(int fd);
int behave_orphan(void);

/* Ends the current behaviour as failed, and says where. */
_Noreturn void behave_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends it as what cannot be tried here. */
_Noreturn void behave_skip(const char *reason);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			behave_fail(__FILE__, __LINE__, "%s (errno %d)", #cond, errno);            \
	} while (0)
/* a is equal to b, both integers */
#define SAME(a, b)                                                                                 \
	do {                                                                                       \
		long long a_ = (a), b_ = (b);                                                      \
		if (a_ != b_)                                                                      \
			behave_fail(__FILE__, __LINE__, "%s is %lld, not %s = %lld (errno %d)",    \
				    #a, a_, #b, b_, errno);                                        \
	} while (0)
/* expr fails with this errno */
#define FAILS(expr, number)                                                                        \
	do {                                                                                       \
		errno = 0;                                                                         \
		long long r_ = (expr);                                                             \
		if (r_ != -1 || errno != (number))                                                 \
			behave_fail(__FILE__, __LINE__, "%s gives %lld, errno %d, not %s", #expr,  \
				    r_, errno, #number);                                           \
	} while (0)

/* Runs it in a child; what fails there fails here. */
void in_child(void (*run)(void));

/* SIGALRM every so many microseconds, until end_storm(); flags: SA_RESTART or 0. The others
 * return how many have come. */
void begin_storm(unsigned int us, int flags);
int in_storm(void);
int end_storm(void);

/* Sockets that the end of a behaviour closes. */
int nl_open(int type);
int keep_fd(int fd);
void nl_bind(int fd, uint32_t pid, uint32_t groups);
uint32_t nl_port(int fd);

/* A request in a static buffer of the thread, with an ACK asked for. */
struct nlmsghdr *nl_request(uint16_t type, uint16_t flags, uint8_t cmd);
void nl_put(struct nlmsghdr *nlh, uint16_t type, const void *data, uint16_t len);
/* GETFAMILY of nlctrl by its name: one reply and one ACK; of all: a dump. */
struct nlmsghdr *nl_getfamily(void);
struct nlmsghdr *nl_getfamilies(void);

void nl_send(int fd, const struct nlmsghdr *nlh);
/* Receives a reply and its ACK to nlh, and checks both. */
void nl_expect(int fd, const struct nlmsghdr *nlh);
/* One round trip of nlctrl, without ending the behaviour. */
bool nl_works(int fd);
void nl_expect_reply(const void *buf, long len, const struct nlmsghdr *nlh);
void nl_expect_ack(const void *buf, long len, const struct nlmsghdr *nlh);

#endif
