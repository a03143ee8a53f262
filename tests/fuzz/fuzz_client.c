/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_client.c - any bytes as what a plane answers its own clients: fl_link_talk() with its
 * acknowledgements, the look-up of the family, and the messages as a launch reads them.
 *
 * The first byte: which call (bit 0), and whether each message is a datagram (bit 1).
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/client-private.h"
#include "base/die.h"
#include "cli/launch/view.h"
#include "nl/ctrl.h"
#include "tests/fuzz/fuzz.h"

#define SEQ 1
#define DATAGRAMS_MAX 64

enum { ASK_FAMILY = 1 << 0, APART = 1 << 1 };

static void check_string(const char *text, size_t cap)
{
	fl_assert(memchr(text, '\0', cap));
}

static void check_handle(const struct launch_handle *handle)
{
	check_string(handle->bus, sizeof(handle->bus));
	check_string(handle->dev, sizeof(handle->dev));
}

/* As a launch looks at each message that it gets. */
static int read_message(const struct nlmsghdr *nlh, void *arg)
{
	struct launch_port_view view;
	struct launch_handle handle;
	bool failed;
	int err;

	launch_message_cmd(nlh);
	err = launch_handle_parse(nlh, &handle, &failed);
	fl_assert(err == 0 || err == -EBADMSG);
	if (!err) {
		check_handle(&handle);
		fl_assert(*handle.bus && *handle.dev);
	}
	if (!launch_port_view_parse(nlh, &view)) {
		fl_assert(!err && launch_handle_equal(&view.owner, &handle));
		check_handle(&view.nested);
	}
	return 0;
}

static void read_ack(const struct nlmsghdr *nlh)
{
	char text[160];

	int err = launch_ack_parse(nlh, text, sizeof(text));

	fl_assert(err <= 0 && err >= -4095);
	check_string(text, sizeof(text));
}

/* Those that fl_link_talk() keeps to itself. */
static void read_all(const void *data, size_t size)
{
	const struct nlmsghdr *nlh = data;
	ssize_t len = (ssize_t)size;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_ERROR)
			read_ack(nlh);
		else
			read_message(nlh, NULL);
	}
}

static void send_one(int fd, const void *data, size_t len)
{
	if (len && send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		fl_assert(errno == EAGAIN || errno == EMSGSIZE || errno == ENOBUFS);
}

/* Puts the answer before the link reads; each message apart, or all in one. */
static void send_answer(int fd, const uint8_t *data, size_t size, bool apart)
{
	for (int i = 0; apart && i < DATAGRAMS_MAX && size >= NLMSG_HDRLEN; i++) {
		size_t step = NLMSG_ALIGN((size_t)((const struct nlmsghdr *)data)->nlmsg_len);

		if (step < NLMSG_HDRLEN || step > size)
			break;
		send_one(fd, data, step);
		data += step;
		size -= step;
	}
	send_one(fd, data, size);
	shutdown(fd, SHUT_WR);
}

static void talk(struct fl_link *link)
{
	struct nlmsghdr request = {
		.nlmsg_len = sizeof(request),
		.nlmsg_type = FL_FAMILY_DEVLINK,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlmsg_seq = SEQ,
	};
	struct fl_link_error error = { "" };
	int err = fl_link_talk(link, &request, -1, -1, read_message, NULL, &error);

	fl_assert(err <= 0 && err >= -4095);
	check_string(error.text, sizeof(error.text));
	fl_assert(!err || *error.text);
}

static void ask_family(struct fl_link *link)
{
	uint32_t group = 0;
	uint16_t id = 0;
	int err = fl_link_family(link, "devlink", "config", -1, &id, &group);

	fl_assert(err <= 0 && err >= -4095);
	fl_assert(err || (id && group));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_link *link;
	uint8_t how, *copy;
	int fds[2];

	if (size < 1)
		return 0;
	how = data[0];
	size--;
	copy = malloc(size ? size : 1); /* messages are aligned where they arrive */
	link = calloc(1, sizeof(*link));
	fl_assert(copy && link);
	memcpy(copy, data + 1, size);
	read_all(copy, size);
	fl_assert(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	link->fd = fds[0];
	send_answer(fds[1], copy, size, how & APART);
	if (how & ASK_FAMILY)
		ask_family(link);
	else
		talk(link);
	fl_link_free(link);
	close(fds[1]);
	free(copy);
	return 0;
}
