/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names.c - names and indices of network devices, given out as a kernel would: in each
 * namespace the lowest free "ethN" and ascending indices.
 */
#include "netdevsim-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64
/* "lo" has index 1 everywhere; the initial namespace of a host has one more. */
#define FIRST_IFINDEX 2
#define FIRST_IFINDEX_INITIAL 3

/* ---- namespaces --------------------------------------------------------------------- */

/* Context: under the bus's lock. */
static struct nsim_netns *find_locked(const struct nsim_bus *bus, uint64_t netns)
{
	struct nsim_netns *ns;

	for (ns = bus->spaces; ns; ns = ns->next)
		if (ns->netns == netns)
			return ns;
	return NULL;
}

static struct nsim_netns *netns_new(uint64_t netns)
{
	struct nsim_netns *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return NULL;
	ns->netns = netns;
	ns->next_ifindex = netns ? FIRST_IFINDEX : FIRST_IFINDEX_INITIAL;
	return ns;
}

static void netns_free(struct nsim_netns *ns)
{
	free(ns->taken);
	free(ns);
}

int nsim_netns_enter(struct nsim_dev *dev, struct fl_txn *txn)
{
	struct nsim_bus *bus = dev->bus;
	uint64_t netns = fl_txn_netns(txn);
	struct nsim_netns *fresh, *ns;

	if (dev->netns && dev->netns->netns == netns)
		return 0;
	fresh = netns_new(netns);
	if (!fresh)
		return -ENOMEM;
	nsim_netns_leave(dev);
	fl_driver_lock_take(bus->lock);
	ns = find_locked(bus, netns);
	if (!ns) {
		ns = fresh;
		ns->next = bus->spaces;
		bus->spaces = ns;
		fresh = NULL;
	}
	ns->devices++;
	fl_driver_lock_drop(bus->lock);
	dev->netns = ns;
	if (fresh)
		netns_free(fresh);
	return 0;
}

/* The initial namespace goes on counting when nobody is in it. */
void nsim_netns_leave(struct nsim_dev *dev)
{
	struct nsim_netns *ns = dev->netns, **link;
	bool last;

	if (!ns)
		return;
	dev->netns = NULL;
	fl_driver_lock_take(dev->bus->lock);
	last = !--ns->devices && ns->netns;
	if (last) {
		for (link = &dev->bus->spaces; *link != ns; link = &(*link)->next)
			;
		*link = ns->next;
	}
	fl_driver_lock_drop(dev->bus->lock);
	if (last)
		netns_free(ns);
}

/* ---- names -------------------------------------------------------------------------- */

/* Context: under the bus's lock. The lowest free number, taken; -1: no room. */
static int take_locked(struct nsim_netns *ns)
{
	int bit;

	for (; ns->hint < ns->words; ns->hint++) {
		if (ns->taken[ns->hint] == UINT64_MAX)
			continue;
		bit = __builtin_ctzll(~ns->taken[ns->hint]);
		ns->taken[ns->hint] |= 1ULL << bit;
		return (int)(ns->hint * WORD_BITS) + bit;
	}
	return -1;
}

static int grow(struct nsim_bus *bus, struct nsim_netns *ns, size_t words)
{
	size_t room = words ? 2 * words : 1;
	uint64_t *taken = calloc(room, sizeof(*taken)), *old = taken;

	if (!taken)
		return -ENOMEM;
	fl_driver_lock_take(bus->lock);
	if (ns->words < room) {
		if (ns->words)
			memcpy(taken, ns->taken, ns->words * sizeof(*taken));
		old = ns->taken;
		ns->taken = taken;
		ns->words = room;
	}
	fl_driver_lock_drop(bus->lock);
	free(old);
	return 0;
}

int nsim_netdev_get(struct nsim_dev *dev, unsigned int *ret_number, uint32_t *ret_ifindex)
{
	struct nsim_netns *ns = dev->netns;
	uint32_t ifindex = 0;
	size_t words;
	int number, err;

	for (;;) {
		fl_driver_lock_take(dev->bus->lock);
		number = take_locked(ns);
		if (number >= 0)
			ifindex = ns->next_ifindex++;
		words = ns->words;
		fl_driver_lock_drop(dev->bus->lock);
		if (number >= 0)
			break;
		err = grow(dev->bus, ns, words);
		if (err)
			return err;
	}
	*ret_number = (unsigned int)number;
	*ret_ifindex = ifindex;
	return 0;
}

void nsim_netdev_put(struct nsim_dev *dev, unsigned int number)
{
	struct nsim_netns *ns = dev->netns;
	size_t word = number / WORD_BITS;

	fl_driver_lock_take(dev->bus->lock);
	ns->taken[word] &= ~(1ULL << number % WORD_BITS);
	if (word < ns->hint)
		ns->hint = word;
	fl_driver_lock_drop(dev->bus->lock);
}
