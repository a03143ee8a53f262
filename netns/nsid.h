/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nsid.h - what rtnetlink tells about ids of network namespaces.
 *
 * The socket's own namespace is the one that counts. Context of all: blocks.
 */
#ifndef FL_NETNS_NSID_H
#define FL_NETNS_NSID_H

#include <stdbool.h>
#include <stddef.h>

/* Opens an rtnetlink socket in the namespace of the calling thread.
 * Returns the descriptor or a negative errno. */
int fl_nsid_socket(void);

/* Gives the namespace fd the id `nsid`, or the lowest that is free if that is -1.
 * Returns 0, -EEXIST (the namespace has an id, or the id a namespace), ... */
int fl_nsid_assign(int sock, int fd, int nsid);

/* The id of the namespace fd, or FL_NSID_NONE. */
int fl_nsid_of_fd(int sock, int fd, int *ret_nsid);

/* The id that the namespace with the id `target` gives to the one that fd means, or
 * to the one with the id nsid. */
int fl_nsid_of_fd_in(int sock, int fd, int target, int *ret_nsid);
int fl_nsid_in(int sock, int nsid, int target, int *ret_nsid);

/* Walks the ids that the socket's own namespace gives (target FL_NSID_NONE), or that the
 * one with the id target gives: fn gets each, and the own id of the same (or FL_NSID_NONE),
 * until it returns false. Some may be left out: kernels end the list with its first datagram
 * (6.18), or go on at a place in it, which moves. Returns 0 or a negative errno. */
int fl_nsid_walk(int sock, int target, bool (*fn)(int nsid, int own, void *arg), void *arg);

/* Calls gone(nsid) for each notice of a namespace's end in a datagram. */
void fl_nsid_gone(const void *buf, size_t len, void (*gone)(int nsid, void *arg), void *arg);

#endif
