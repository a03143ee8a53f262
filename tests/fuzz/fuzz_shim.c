/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_shim.c - any bytes as what an attached program hands to sendmsg(), in one piece or in
 * several. Around attach/shim-send.c stand fakes of the shim's other files, which check what
 * leaves: as many bytes as came in, in their order.
 *
 * The first byte: in how many pieces (low bits), and whether the call may wait.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/shim.h"
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

int shim_packet(int fd, const struct fl_wire_hdr *hdr, const void *payload, size_t len, int token,
		int netns, int flags)
{
	fl_assert(hdr->kind == FL_WIRE_NETLINK && token == -1);
	leaves(fd, payload, len, netns);
	return 0;
}

int shim_call(int fd, struct fl_wire_hdr *hdr, const void *payload, size_t len, int netns,
	      int flags, struct fl_wire_reply *ret_reply)
{
	fl_assert(hdr->kind == FL_WIRE_NETLINK);
	leaves(fd, payload, len, netns);
	memset(ret_reply, 0, sizeof(*ret_reply));
	return 0;
}

void shim_fd_set(int fd, uint32_t bits)
{
	fl_assert(fd == FD);
}

void shim_linger_begin(int fd)
{
	fl_assert(fd == FD);
}

/* A program's descriptors: those below 64 are there. */
static int fake_fcntl(int fd, int cmd, ...)
{
	if (fd < 0 || fd >= 64) {
		errno = EBADF;
		return -1;
	}
	return dup(STDIN_FILENO);
}

static int fake_close(int fd)
{
	return close(fd);
}

const struct shim_reals *shim_real(void)
{
	static const struct shim_reals reals = { .fcntl = fake_fcntl, .close = fake_close };

	return &reals;
}

static void send_pieces(uint8_t *data, size_t size, unsigned int count, int flags, uint32_t bits)
{
	struct iovec iov[PIECES_MAX];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t got;

	for (unsigned int i = 0; i < count; i++) {
		size_t from = size * i / count, to = size * (i + 1) / count;

		iov[i] = (struct iovec){ data + from, to - from };
	}
	got = shim_send(FD, bits, &msg, flags);
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
		    how & 0x40 ? SHIM_NONBLOCK : 0);
	free(copy);
	return 0;
}
