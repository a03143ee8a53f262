/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sock.h - the sockets that calls are about: by the kernel's cookie, which stays the same
 * across fork, exec, dup and SCM_RIGHTS and is never given to another.
 *
 * Rules of struct fl_sock:
 * 1. cookie, ours, bits: never change. state, error, waiting, name:
 *    atomic.
 * 2. refs, next, used: under the lock of the cache.
 * 3. receiving: held while a datagram is taken off the queue, so that the room made for it is
 *    that of the first; with system calls in between, so no leaf lock.
 */
#ifndef FL_ATTACH_SECCOMP_SOCK_H
#define FL_ATTACH_SECCOMP_SOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "attach/nlsock/nlsock.h"
#include "base/lock.h"

#define FL_SOCKS 1024	  /* buckets */
#define FL_SOCKS_BUCKET 8 /* that nobody uses, in one bucket */

struct fl_sock {
	struct fl_sock *next;
	uint64_t cookie;
	unsigned int refs;
	bool ours;
	uint32_t bits; /* enum fl_nlsock_bits: DGRAM */
	struct fl_nlsock_state state;
	int error;	      /* of the next receive; 0: none */
	unsigned int waiting; /* receives that wait */
	/* Port id, and groups in the upper half. Port id 0: not known; then the upper half tells
	 * one time of not knowing from another, so that an old answer is not kept. */
	uint64_t name;
	pthread_mutex_t receiving;
};

/* A cache: what falls out is learnt again. */
struct fl_socks {
	struct fl_lock lock;
	struct fl_sock *bucket[FL_SOCKS];
};

void fl_socks_init(struct fl_socks *socks);
/* What fd, a descriptor of this process, is. -ENOTSOCK, -ENOMEM. */
int fl_sock_get(struct fl_socks *socks, int fd, struct fl_sock **ret_sock);
/* The name, if it is known: all that changes it comes by here. If not, what to hand to
 * fl_sock_learn_name() with the plane's answer. */
bool fl_sock_knows_name(const struct fl_sock *sock, uint64_t *ret_name);
void fl_sock_learn_name(struct fl_sock *sock, uint64_t unknown, uint32_t port, uint32_t groups);
/* After whatever may have changed the port id or the groups, before the program knows. */
void fl_sock_forget_name(struct fl_sock *sock);
void fl_sock_put(struct fl_socks *socks, struct fl_sock *sock); /* NULL is fine */

#endif
