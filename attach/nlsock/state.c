// SPDX-License-Identifier: LGPL-2.1-or-later
/* state.c - what is remembered of a socket between calls. */
#include <linux/netlink.h>

#include "attach/nlsock/nlsock.h"

/* Counted up by every change of the option: a socket may be known by several states. */
static uint32_t pktinfo_epoch = 1;

void fl_nlsock_set(const struct fl_nlsock *sock, uint32_t bits)
{
	struct fl_nlsock_state *state = sock->state;

	if (state && (__atomic_load_n(&state->bits, __ATOMIC_RELAXED) & bits) != bits)
		__atomic_or_fetch(&state->bits, bits, __ATOMIC_RELAXED);
}

uint32_t fl_nlsock_clear(const struct fl_nlsock *sock, uint32_t bits)
{
	struct fl_nlsock_state *state = sock->state;

	if (!state || !(__atomic_load_n(&state->bits, __ATOMIC_RELAXED) & bits))
		return 0;
	return __atomic_fetch_and(&state->bits, ~bits, __ATOMIC_RELAXED) & bits;
}

uint32_t fl_nlsock_rcvmax(const struct fl_nlsock *sock)
{
	return sock->state ? __atomic_load_n(&sock->state->rcvmax, __ATOMIC_RELAXED) : 0;
}

void fl_nlsock_note_rcvmax(const struct fl_nlsock *sock, size_t len)
{
	uint32_t value = len < UINT32_MAX ? len : UINT32_MAX;

	if (!sock->state)
		return;
	uint32_t seen = __atomic_load_n(&sock->state->rcvmax, __ATOMIC_RELAXED);
	while (value > seen &&
	       !__atomic_compare_exchange_n(&sock->state->rcvmax, &seen, value, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void fl_nlsock_pktinfo_changed(void)
{
	__atomic_add_fetch(&pktinfo_epoch, 1, __ATOMIC_RELAXED);
}

bool fl_nlsock_pktinfo(const struct fl_nlsock *sock)
{
	struct fl_nlsock_state *state = sock->state;
	uint32_t epoch = __atomic_load_n(&pktinfo_epoch, __ATOMIC_RELAXED);
	uint32_t known = state ? __atomic_load_n(&state->pktinfo, __ATOMIC_RELAXED) : 0;
	struct fl_wire_hdr hdr = { .kind = FL_WIRE_GETOPT, .arg0 = NETLINK_PKTINFO };
	struct fl_wire_reply reply;

	if (known >> 1 == epoch)
		return known & 1;
	if (fl_nlsock_call(sock, &hdr, NULL, 0, -1, 0, &reply))
		return false;
	if (state)
		__atomic_store_n(&state->pktinfo, epoch << 1 | !!reply.value0, __ATOMIC_RELAXED);
	return reply.value0;
}
