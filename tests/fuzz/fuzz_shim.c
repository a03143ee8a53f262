/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_shim.c - any bytes as what an attached program hands to sendmsg(), in one piece or in
 * several. Around attach/nlsock/send.c stand fakes of its other files, which check what
 * leaves: as many bytes as came in, in their order.
 *
 * The first byte: in how many pieces (low bits), and whether the call may wait.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/nlsock/nlsock.h"
#include "base/die.h"
#include "base/util.h"
#include "tests/fuzz/fuzz.h"

#define FD 5
#define PIECES_MAX 8

/* What is to leave, and how far it has. */
static struct {
	const uint8_t *data;
	size_t size, at;
} sent;

static void leaves(int fd, const void *payload, size_t len, int netns)
{
	fl_assert(fd == FD && len && len <= sent.size - sent.at);
	fl_assert(!memcmp(payload, sent.data + sent.at, len));
	fl_assert(netns >= -1);
	sent.at += len;
}

int fl_nlsock_packet(const struct fl_nlsock *sock, const struct fl_wire_hdr *hdr,
		     const void *payload, size_t len, int token, int extra, int flags)
{
	fl_assert(hdr->kind == FL_WIRE_NETLINK && token == -1);
	leaves(sock->fd, payload, len, extra);
	return 0;
}

int fl_nlsock_call(const struct fl_nlsock *sock, struct fl_wire_hdr *hdr, const void *payload,
		   size_t len, int extra, int flags, struct fl_wire_reply *ret_reply)
{
	fl_assert(hdr->kind == FL_WIRE_NETLINK);
	leaves(sock->fd, payload, len, extra);
	memset(ret_reply, 0, sizeof(*ret_reply));
	return 0;
}

/* A program's descriptors: those below 64 are there. */
static int fake_netns_fd(const struct fl_nlsock *sock, uint32_t fd)
{
	return fd < 64 ? dup(STDIN_FILENO) : -1;
}

static int fake_netns_pid(const struct fl_nlsock *sock, uint32_t pid)
{
	return pid % 2 ? dup(STDIN_FILENO) : -1;
}

static bool fake_sends_read(const struct fl_nlsock *sock, int flags, const struct nlmsghdr *single)
{
	fl_assert(sock->fd == FD);
	if (single)
		fl_assert(single->nlmsg_len <= sent.size);
	return !(sock->bits & FL_NLSOCK_NONBLOCK) && !(flags & MSG_DONTWAIT);
}

static void fake_sent_read(const struct fl_nlsock *sock, const struct nlmsghdr *single)
{
	fl_assert(sock->fd == FD);
}

static const struct fl_nlsock_ops fakes = {
	.open_netns_fd = fake_netns_fd,
	.open_netns_pid = fake_netns_pid,
	.sends_read = fake_sends_read,
	.sent_read = fake_sent_read,
};

static void send_pieces(uint8_t *data, size_t size, unsigned int count, int flags, uint32_t bits)
{
	struct iovec iov[PIECES_MAX];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	struct fl_nlsock sock = { .fd = FD, .bits = bits, .ops = &fakes };
	ssize_t got;

	for (unsigned int i = 0; i < count; i++) {
		size_t from = size * i / count, to = size * (i + 1) / count;

		iov[i] = (struct iovec){ data + from, to - from };
	}
	got = fl_nlsock_send(&sock, &msg, flags);
	if (!size)
		fl_assert(got == -ENODATA);
	else if (size > FL_WIRE_MSG_MAX)
		fl_assert(got == -EMSGSIZE);
	else
		fl_assert(got == (ssize_t)size && sent.at <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how, *copy;

	if (size < 1)
		return 0;
	how = data[0];
	size--;
	copy = malloc(size ? size : 1);
	fl_assert(copy);
	memcpy(copy, data + 1, size);
	sent.data = copy;
	sent.size = size;
	sent.at = 0;
	send_pieces(copy, size, 1 + how % PIECES_MAX, how & 0x80 ? MSG_DONTWAIT : 0,
		    how & 0x40 ? FL_NLSOCK_NONBLOCK : 0);
	free(copy);
	return 0;
}
