// SPDX-License-Identifier: LGPL-2.1-or-later
/* fd.c - what the process remembers of its descriptors, and how it knows ours. */
#include "attach/nlsock/name.h"
#include "attach/preload/shim.h"

/*
 * Rules:
 * 1. All fields are atomic; there is no lock. An entry whose kind is 0 says nothing.
 * 2. A number that changes hands (close, dup, a descriptor that arrives) is forgotten:
 *    kind 0 and a new generation, so that a look at the old holder, still under way on
 *    another thread, cannot be stored for the new one.
 * 3. What came by dup, exec or SCM_RIGHTS is looked at when it is first used. It is not
 *    entered at dup: a vfork() child shares this table but not the descriptors.
 * 4. Numbers beyond the table are looked at each time.
 */
#define SHIM_FDS (1 << 20)
static struct fl_nlsock_state table[SHIM_FDS]; /* pages that are never used cost nothing */
static unsigned int highest;	       /* number ever entered */
static int last_unsynced = -1;

static struct fl_nlsock_state *slot(int fd)
{
	return fd >= 0 && fd < SHIM_FDS ? &table[fd] : NULL;
}

/* Asks the kernel. Returns SHIM_OTHER, or SHIM_OURS with what the name tells. */
static uint32_t look(int fd)
{
	uint32_t bits;

	return fl_nlsock_look(fd, FL_NLSOCK_NAME_SHIM, &bits) ? SHIM_OURS | bits : SHIM_OTHER;
}

static void note_highest(unsigned int fd)
{
	unsigned int seen = __atomic_load_n(&highest, __ATOMIC_RELAXED);

	while (fd > seen && !__atomic_compare_exchange_n(&highest, &seen, fd, true,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

uint32_t shim_fd_get(int fd)
{
	struct fl_nlsock_state *entry = slot(fd);

	if (!shim_active() || fd < 0)
		return 0;
	if (!entry) {
		uint32_t bits = look(fd);

		/* Nothing can be remembered of it, so every request is to take a token. */
		return bits & SHIM_OURS ? bits | FL_NLSOCK_NONBLOCK : 0;
	}
	uint32_t bits = __atomic_load_n(&entry->bits, __ATOMIC_ACQUIRE);
	while (!(bits & SHIM_KIND)) {
		uint32_t seen = look(fd) | (bits & ~(SHIM_GENERATION - 1));

		note_highest(fd);
		if (__atomic_compare_exchange_n(&entry->bits, &bits, seen, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			bits = seen;
	}
	return bits & SHIM_OURS ? bits : 0;
}

/* Gives the number a new generation with these bits. */
static void renew(struct fl_nlsock_state *entry, uint32_t bits)
{
	uint32_t old = __atomic_load_n(&entry->bits, __ATOMIC_RELAXED), fresh;

	__atomic_store_n(&entry->rcvmax, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->pktinfo, 0, __ATOMIC_RELAXED);
	do {
		fresh = ((old & ~(SHIM_GENERATION - 1)) + SHIM_GENERATION) | bits;
	} while (!__atomic_compare_exchange_n(&entry->bits, &old, fresh, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
}

void shim_fd_made(int fd, uint32_t bits)
{
	struct fl_nlsock_state *entry = slot(fd);

	if (!entry)
		return;
	note_highest(fd);
	renew(entry, SHIM_OURS | bits);
}

void shim_fd_forget(int fd)
{
	struct fl_nlsock_state *entry = slot(fd);

	if (entry && __atomic_load_n(&entry->bits, __ATOMIC_RELAXED))
		renew(entry, 0);
}

void shim_fd_forget_range(unsigned int first, unsigned int last)
{
	unsigned int end = __atomic_load_n(&highest, __ATOMIC_RELAXED);

	for (unsigned int fd = first; fd <= last && fd <= end; fd++)
		shim_fd_forget(fd);
}

struct fl_nlsock shim_sock(int fd, uint32_t bits)
{
	return (struct fl_nlsock){ .fd = fd, .bits = bits, .state = slot(fd), .ops = &shim_nlsock_ops };
}

void shim_fd_note_unsynced(int fd)
{
	__atomic_store_n(&last_unsynced, fd, __ATOMIC_RELAXED);
}

int shim_fd_last_unsynced(void)
{
	return __atomic_load_n(&last_unsynced, __ATOMIC_RELAXED);
}
