// SPDX-License-Identifier: LGPL-2.1-or-later
/* shim-fd.c - what the process remembers of its descriptors, and how it knows ours. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/syscall.h>

#include "attach/shim-name.h"
#include "attach/shim.h"

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
struct shim_fd {
	uint32_t bits;	  /* enum shim_fd_bits */
	uint32_t rcvmax;  /* bytes */
	uint32_t pktinfo; /* epoch << 1 | on, as of pktinfo_epoch; 0: not known */
};

#define SHIM_FDS (1 << 20)
static struct shim_fd table[SHIM_FDS]; /* pages that are never used cost nothing */
static unsigned int highest;	       /* number ever entered */
static uint32_t pktinfo_epoch = 1;
static int last_unsynced = -1;

static struct shim_fd *slot(int fd)
{
	return fd >= 0 && fd < SHIM_FDS ? &table[fd] : NULL;
}

/* Asks the kernel. Returns SHIM_OTHER, or SHIM_OURS with what the name tells. */
static uint32_t look(int fd)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	int saved = errno;
	uint32_t bits = SHIM_OTHER;

	if (!syscall(SYS_getsockname, fd, &addr, &len) && len == SHIM_NAME_SOCKLEN &&
	    addr.sun_family == AF_UNIX && !memcmp(addr.sun_path, SHIM_NAME, SHIM_NAME_LEN)) {
		int flags = shim_real()->fcntl(fd, F_GETFL);

		bits = SHIM_OURS;
		if (addr.sun_path[SHIM_NAME_LEN] == SHIM_NAME_DGRAM)
			bits |= SHIM_DGRAM;
		if (flags >= 0 && (flags & O_NONBLOCK))
			bits |= SHIM_NONBLOCK;
	}
	errno = saved;
	return bits;
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
	struct shim_fd *entry = slot(fd);

	if (!shim_active() || fd < 0)
		return 0;
	if (!entry) {
		uint32_t bits = look(fd);

		/* Nothing can be remembered of it, so every request is to take a token. */
		return bits & SHIM_OURS ? bits | SHIM_NONBLOCK : 0;
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
static void renew(struct shim_fd *entry, uint32_t bits)
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
	struct shim_fd *entry = slot(fd);

	if (!entry)
		return;
	note_highest(fd);
	renew(entry, SHIM_OURS | bits);
}

void shim_fd_forget(int fd)
{
	struct shim_fd *entry = slot(fd);

	if (entry && __atomic_load_n(&entry->bits, __ATOMIC_RELAXED))
		renew(entry, 0);
}

void shim_fd_forget_range(unsigned int first, unsigned int last)
{
	unsigned int end = __atomic_load_n(&highest, __ATOMIC_RELAXED);

	for (unsigned int fd = first; fd <= last && fd <= end; fd++)
		shim_fd_forget(fd);
}

void shim_fd_set(int fd, uint32_t bits)
{
	struct shim_fd *entry = slot(fd);

	if (bits & SHIM_UNSYNCED)
		__atomic_store_n(&last_unsynced, fd, __ATOMIC_RELAXED);
	if (entry && (__atomic_load_n(&entry->bits, __ATOMIC_RELAXED) & bits) != bits)
		__atomic_or_fetch(&entry->bits, bits, __ATOMIC_RELAXED);
}

uint32_t shim_fd_clear(int fd, uint32_t bits)
{
	struct shim_fd *entry = slot(fd);

	if (!entry || !(__atomic_load_n(&entry->bits, __ATOMIC_RELAXED) & bits))
		return 0;
	return __atomic_fetch_and(&entry->bits, ~bits, __ATOMIC_RELAXED) & bits;
}

int shim_fd_last_unsynced(void)
{
	return __atomic_load_n(&last_unsynced, __ATOMIC_RELAXED);
}

uint32_t shim_fd_rcvmax(int fd)
{
	struct shim_fd *entry = slot(fd);

	return entry ? __atomic_load_n(&entry->rcvmax, __ATOMIC_RELAXED) : 0;
}

void shim_fd_note_rcvmax(int fd, size_t len)
{
	struct shim_fd *entry = slot(fd);
	uint32_t value = len < UINT32_MAX ? len : UINT32_MAX;

	if (!entry)
		return;
	uint32_t seen = __atomic_load_n(&entry->rcvmax, __ATOMIC_RELAXED);
	while (value > seen && !__atomic_compare_exchange_n(&entry->rcvmax, &seen, value, true,
							    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void shim_fd_pktinfo_changed(void)
{
	__atomic_add_fetch(&pktinfo_epoch, 1, __ATOMIC_RELAXED);
}

bool shim_fd_pktinfo(int fd)
{
	struct shim_fd *entry = slot(fd);
	uint32_t epoch = __atomic_load_n(&pktinfo_epoch, __ATOMIC_RELAXED);
	uint32_t known = entry ? __atomic_load_n(&entry->pktinfo, __ATOMIC_RELAXED) : 0;
	struct fl_wire_hdr hdr = { .kind = FL_WIRE_GETOPT, .arg0 = NETLINK_PKTINFO };
	struct fl_wire_reply reply;

	if (known >> 1 == epoch)
		return known & 1;
	if (shim_call(fd, &hdr, NULL, 0, -1, 0, &reply))
		return false;
	if (entry)
		__atomic_store_n(&entry->pktinfo, epoch << 1 | !!reply.value0, __ATOMIC_RELAXED);
	return reply.value0;
}
