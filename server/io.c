/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/die.h"
#include "base/thread.h"
#include "base/util.h"
#include "server/server-private.h"
#include "server/session.h"

/* What an inbox holds once its thread is gone. */
#define IO_CLOSED ((struct fl_io_node *)1)

#define IO_EVENTS 64

struct fl_io *fl_io_get(struct fl_io *io)
{
	__atomic_add_fetch(&io->refs, 1, __ATOMIC_RELAXED);
	return io;
}

void fl_io_put(struct fl_io *io)
{
	if (!io || __atomic_sub_fetch(&io->refs, 1, __ATOMIC_ACQ_REL))
		return;
	free(io->ack);
	free(io->datagram);
	free(io->tail);
	if (io->epfd >= 0)
		close(io->epfd);
	if (io->evfd >= 0)
		close(io->evfd);
	free(io);
}

static void io_wake(struct fl_io *io)
{
	uint64_t one = 1;

	/* It can only fail with EAGAIN, when the thread has been woken often already. */
	if (__atomic_exchange_n(&io->asleep, 0, __ATOMIC_SEQ_CST) &&
	    write(io->evfd, &one, sizeof(one)) < 0)
		fl_assert(errno == EAGAIN);
}

bool fl_io_post(struct fl_io *io, struct fl_io_node *node)
{
	struct fl_io_node *head = __atomic_load_n(&io->inbox, __ATOMIC_ACQUIRE);

	do {
		if (head == IO_CLOSED)
			return false;
		node->next = head;
	} while (!__atomic_compare_exchange_n(&io->inbox, &head, node, true, __ATOMIC_SEQ_CST,
					      __ATOMIC_ACQUIRE));
	io_wake(io);
	return true;
}

void fl_io_make_ready(struct fl_io *io, struct fl_session *session)
{
	if (cds_list_empty(&session->ready_node))
		cds_list_add_tail(&session->ready_node, &io->ready);
}

/* Runs what was posted, in the order in which it was. */
static void io_run_inbox(struct fl_io *io, struct fl_io_node *empty)
{
	struct fl_io_node *node, *next, *first = NULL;

	if (!empty && !__atomic_load_n(&io->inbox, __ATOMIC_RELAXED))
		return;
	for (node = __atomic_exchange_n(&io->inbox, empty, __ATOMIC_SEQ_CST); node; node = next) {
		next = node->next;
		node->next = first;
		first = node;
	}
	for (node = first; node; node = next) {
		next = node->next;
		node->run(io, node);
	}
}

/* One turn for each session that had more to do than its share. */
static void io_run_ready(struct fl_io *io)
{
	CDS_LIST_HEAD(turn);
	struct fl_session *session;

	cds_list_splice(&io->ready, &turn);
	CDS_INIT_LIST_HEAD(&io->ready);
	while (!cds_list_empty(&turn)) {
		session = cds_list_entry(turn.next, struct fl_session, ready_node);
		cds_list_del_init(&session->ready_node);
		fl_session_run(session);
	}
}

static void io_event(struct fl_io *io, const struct epoll_event *event)
{
	uint64_t count;

	if (event->data.ptr == io->server) {
		fl_server_accept(io->server);
	} else if (event->data.ptr == io) {
		if (read(io->evfd, &count, sizeof(count)) < 0)
			fl_assert(errno == EAGAIN);
	} else {
		fl_session_event(event->data.ptr, event->events);
	}
}

/* Sleeps only if nothing is ready and nothing was posted (S2). */
static int io_wait(struct fl_io *io, struct epoll_event *events)
{
	int n, timeout = 0;

	if (cds_list_empty(&io->ready)) {
		__atomic_store_n(&io->asleep, 1, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&io->inbox, __ATOMIC_SEQ_CST) &&
		    !__atomic_load_n(&io->stopping, __ATOMIC_SEQ_CST))
			timeout = -1;
	}
	n = epoll_wait(io->epfd, events, IO_EVENTS, timeout);
	__atomic_store_n(&io->asleep, 0, __ATOMIC_RELAXED);
	return n;
}

static void *io_main(void *arg)
{
	struct fl_io *io = arg;
	struct epoll_event events[IO_EVENTS];

	while (!__atomic_load_n(&io->stopping, __ATOMIC_ACQUIRE)) {
		int n = io_wait(io, events);

		for (int i = 0; i < n; i++)
			io_event(io, &events[i]);
		io_run_inbox(io, NULL);
		io_run_ready(io);
	}
	io->closing = true;
	while (!cds_list_empty(&io->all))
		fl_session_end(cds_list_entry(io->all.next, struct fl_session, node));
	/* From here on whoever has a part of a session frees it (session_lost()). What comes with
	 * the last posts ends at once: it is not sent away any more. */
	io_run_inbox(io, IO_CLOSED);
	fl_assert(cds_list_empty(&io->all));
	return NULL;
}

static int io_init(struct fl_io *io)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = io };

	io->ack = malloc(FL_IO_ACK_MAX);
	io->datagram = malloc(FL_IO_DATAGRAM_MAX);
	io->tail = malloc(FL_WIRE_MSG_MAX + 1);
	if (!io->ack || !io->datagram || !io->tail)
		return -ENOMEM;
	io->epfd = epoll_create1(EPOLL_CLOEXEC);
	io->evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (io->epfd < 0 || io->evfd < 0 || epoll_ctl(io->epfd, EPOLL_CTL_ADD, io->evfd, &event))
		return -errno;
	return 0;
}

int fl_io_start(struct fl_server *server, unsigned int index, struct fl_io **ret_io)
{
	struct fl_io *io = calloc(1, sizeof(*io));
	char name[16];
	int err;

	if (!io)
		return -ENOMEM;
	io->refs = 1;
	io->server = server;
	io->index = index;
	io->epfd = io->evfd = -1;
	CDS_INIT_LIST_HEAD(&io->all);
	CDS_INIT_LIST_HEAD(&io->ready);
	snprintf(name, sizeof(name), "fl-io/%u", index);
	err = io_init(io);
	if (!err)
		err = fl_thread_start(&io->thread, name, 0, io_main, io);
	if (err) {
		fl_io_put(io);
		return err;
	}
	*ret_io = io;
	return 0;
}

void fl_io_stop(struct fl_io *io)
{
	uint64_t one = 1;

	if (!io)
		return;
	__atomic_store_n(&io->stopping, 1, __ATOMIC_SEQ_CST);
	if (write(io->evfd, &one, sizeof(one)) < 0)
		fl_assert(errno == EAGAIN);
	pthread_join(io->thread, NULL);
}
