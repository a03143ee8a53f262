/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nlsock.h - what a generic netlink socket answers, over a connection to the plane.
 *
 * Both ways to attach a program use this: the preload shim inside the program, the supervisor
 * (attach/seccomp) outside. Since the shim's rules hold here too (no allocation but mmap, no
 * stdio, no locks; system calls are made directly), each call gets all it needs in a struct
 * fl_nlsock: nothing here knows a table of descriptors.
 *
 * Functions return negative errno; errno itself is as before after a success.
 */
#ifndef FL_ATTACH_NLSOCK_NLSOCK_H
#define FL_ATTACH_NLSOCK_NLSOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attach/wire.h"

enum fl_nlsock_bits {
	FL_NLSOCK_DGRAM = 1 << 2,    /* made as SOCK_DGRAM, not SOCK_RAW */
	FL_NLSOCK_NONBLOCK = 1 << 3, /* O_NONBLOCK, as far as seen */
	FL_NLSOCK_UNSYNCED = 1 << 4, /* a request went out without a token: its answer may be
				      * under way */
	FL_NLSOCK_OVERRUN = 1 << 5,  /* the next receive fails with ENOBUFS */
};

/* What is remembered of a socket; a cache. All fields are atomic. */
struct fl_nlsock_state {
	uint32_t bits;	  /* enum fl_nlsock_bits, and bits of the user's own */
	uint32_t rcvmax;  /* the largest buffer that was received into, bytes */
	uint32_t pktinfo; /* epoch << 1 | on; 0: not known */
};

struct fl_nlsock_ops;

/* A socket for the time of one call. */
struct fl_nlsock {
	int fd;
	uint32_t bits;		       /* as they were when the call began */
	struct fl_nlsock_state *state; /* NULL: nothing can be remembered of it */
	const struct fl_nlsock_ops *ops;
};

/* What is different inside and outside the program. */
struct fl_nlsock_ops {
	/* A descriptor of our own for the namespace that a request names, in the program's view
	 * of descriptors and processes; -1: it is not there. */
	int (*open_netns_fd)(const struct fl_nlsock *sock, uint32_t fd);
	int (*open_netns_pid)(const struct fl_nlsock *sock, uint32_t pid);
	/* Whether what only reads may go without a token; then sent_read() once it was sent.
	 * single: the message, if it is one alone and no dump, else NULL. */
	bool (*sends_read)(const struct fl_nlsock *sock, int flags, const struct nlmsghdr *single);
	void (*sent_read)(const struct fl_nlsock *sock, const struct nlmsghdr *single);
	/* recvmsg(): -1 and errno, as the C library's. */
	ssize_t (*recvmsg)(const struct fl_nlsock *sock, struct msghdr *msg, int flags);
	/* Called before the plane is waited for; an error ends the call. NULL: nothing to do. */
	int (*before_wait)(const struct fl_nlsock *sock);
	/* Whether to look for what must come soon, still, before sleeping for it. */
	bool (*lingers)(const struct fl_nlsock *sock);
};

/* ---- connect.c -------------------------------------------------------------------- */

/* kinds: FL_NLSOCK_NAME_SHIM or _SUPERVISOR (name.h), by who answers for the socket. */
/* A socket of AF_UNIX with our name, connected to the plane; type as of socket(2). The
 * calling thread's namespace becomes the socket's. */
int fl_nlsock_connect(const struct sockaddr_un *plane, const char *kinds, int type);
/* True if fd is one of ours (by its name), with *ret_bits: DGRAM, NONBLOCK. */
bool fl_nlsock_look(int fd, const char *kinds, uint32_t *ret_bits);

/* ---- state.c ---------------------------------------------------------------------- */

void fl_nlsock_set(const struct fl_nlsock *sock, uint32_t bits);
/* Clears bits; returns those that were set. */
uint32_t fl_nlsock_clear(const struct fl_nlsock *sock, uint32_t bits);
uint32_t fl_nlsock_rcvmax(const struct fl_nlsock *sock);
void fl_nlsock_note_rcvmax(const struct fl_nlsock *sock, size_t len);
/* NETLINK_PKTINFO: asks the plane when it is not known. */
bool fl_nlsock_pktinfo(const struct fl_nlsock *sock);
void fl_nlsock_pktinfo_changed(void);

/* ---- call.c ----------------------------------------------------------------------- */

/* One packet to the plane. token: the write end of a pipe, or -1; extra: a namespace for a
 * netlink message, a pidfd for FL_WIRE_FOR, or -1. */
int fl_nlsock_packet(const struct fl_nlsock *sock, const struct fl_wire_hdr *hdr,
		     const void *payload, size_t len, int token, int extra, int flags);
/* A packet with a token, and its reply. Waits for ever: what a plane does is not undone. */
int fl_nlsock_call(const struct fl_nlsock *sock, struct fl_wire_hdr *hdr, const void *payload,
		   size_t len, int extra, int flags, struct fl_wire_reply *ret_reply);
/* Waits (a second at most) until the answers to requests without a token are there, or
 * anything can be read. Returns false if there was nothing to wait for. */
bool fl_nlsock_sync(const struct fl_nlsock *sock);

/* ---- send.c, recv.c --------------------------------------------------------------- */

/* What is refused whatever the bytes are: the kernel looks at them last. */
int fl_nlsock_check_send(const struct msghdr *msg, size_t len, int flags);
ssize_t fl_nlsock_send(const struct fl_nlsock *sock, const struct msghdr *msg, int flags);
ssize_t fl_nlsock_recv(const struct fl_nlsock *sock, struct msghdr *msg, int flags);

/* ---- option.c --------------------------------------------------------------------- */

int fl_nlsock_bind(const struct fl_nlsock *sock, const struct sockaddr *addr, socklen_t len);
int fl_nlsock_connect_to(const struct fl_nlsock *sock, const struct sockaddr *addr, socklen_t len);
int fl_nlsock_getsockname(const struct fl_nlsock *sock, struct sockaddr *addr, socklen_t *len);
int fl_nlsock_getpeername(struct sockaddr *addr, socklen_t *len);
int fl_nlsock_setsockopt(const struct fl_nlsock *sock, int option, const void *value,
			 socklen_t len);
int fl_nlsock_getsockopt(const struct fl_nlsock *sock, int option, void *value, socklen_t *len);
/* SOL_SOCKET: 1 if answered, 0 if the real one is to answer, or a negative errno. */
int fl_nlsock_getsockopt_socket(uint32_t bits, int option, void *value, socklen_t *len);

#endif
