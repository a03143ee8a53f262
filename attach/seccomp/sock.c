// SPDX-License-Identifier: LGPL-2.1-or-later
#include "attach/seccomp/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "attach/nlsock/name.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

void fl_socks_init(struct fl_socks *socks)
{
	fl_lock_init(&socks->lock, attach_socks);
}

static struct fl_sock **bucket_of(struct fl_socks *socks, uint64_t cookie)
{
	return &socks->bucket[cookie % FL_SOCKS];
}

static struct fl_sock *find(struct fl_socks *socks, uint64_t cookie)
{
	struct fl_sock *sock = *bucket_of(socks, cookie);

	while (sock && sock->cookie != cookie)
		sock = sock->next;
	return sock;
}

/* Takes the oldest that nobody uses out of a bucket that is full; NULL: none. */
static struct fl_sock *evict(struct fl_sock **bucket)
{
	struct fl_sock **at, **oldest = NULL, *out;
	unsigned int count = 0;

	for (at = bucket; *at; at = &(*at)->next) {
		if ((*at)->refs)
			continue;
		count++;
		oldest = at;
	}
	if (count < FL_SOCKS_BUCKET)
		return NULL;
	out = *oldest;
	*oldest = out->next;
	return out;
}

static void sock_free(struct fl_sock *sock)
{
	if (!sock)
		return;
	pthread_mutex_destroy(&sock->receiving);
	free(sock);
}

static struct fl_sock *sock_new(uint64_t cookie, int fd)
{
	struct fl_sock *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return NULL;
	sock->cookie = cookie;
	sock->refs = 1;
	sock->ours = fl_nlsock_look(fd, FL_NLSOCK_NAME_SUPERVISOR, &sock->bits);
	sock->bits &= FL_NLSOCK_DGRAM;
	pthread_mutex_init(&sock->receiving, NULL);
	return sock;
}

int fl_sock_get(struct fl_socks *socks, int fd, struct fl_sock **ret_sock)
{
	struct fl_sock *sock, *fresh, *out = NULL;
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return -ENOTSOCK;
	fl_lock_take(&socks->lock);
	sock = find(socks, cookie);
	if (sock)
		sock->refs++;
	fl_lock_drop(&socks->lock);
	if (sock) {
		*ret_sock = sock;
		return 0;
	}
	fresh = sock_new(cookie, fd);
	if (!fresh)
		return -ENOMEM;
	fl_lock_take(&socks->lock);
	sock = find(socks, cookie);
	if (sock) {
		sock->refs++;
		out = fresh;
	} else {
		out = evict(bucket_of(socks, cookie));
		fresh->next = *bucket_of(socks, cookie);
		*bucket_of(socks, cookie) = sock = fresh;
	}
	fl_lock_drop(&socks->lock);
	sock_free(out);
	*ret_sock = sock;
	return 0;
}

bool fl_sock_knows_name(const struct fl_sock *sock, uint64_t *ret_name)
{
	*ret_name = __atomic_load_n(&sock->name, __ATOMIC_ACQUIRE);
	return (uint32_t)*ret_name;
}

void fl_sock_learn_name(struct fl_sock *sock, uint64_t unknown, uint32_t port, uint32_t groups)
{
	/* The first send gives a port id. */
	if (port)
		__atomic_compare_exchange_n(&sock->name, &unknown, (uint64_t)groups << 32 | port,
					    false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void fl_sock_forget_name(struct fl_sock *sock)
{
	static uint32_t times;
	uint64_t time = __atomic_add_fetch(&times, 1, __ATOMIC_RELAXED);

	__atomic_store_n(&sock->name, time << 32, __ATOMIC_RELEASE);
}

void fl_sock_put(struct fl_socks *socks, struct fl_sock *sock)
{
	if (!sock)
		return;
	fl_lock_take(&socks->lock);
	sock->refs--;
	fl_lock_drop(&socks->lock);
}
