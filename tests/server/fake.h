/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake.h - a plane without devices, and a client that speaks attach/wire.h, for tests of
 * the server alone.
 *
 * The plane answers GET (one object by its name "fake/devN"; all in a dump), PORT_SET
 * (late: on a thread of its own it appends an event, then completes with a reply) and
 * PORT_DEL and RELOAD (hang until fake_release()). The dump of PORT_GET is that of GET, prepared in parts.
 * What hangs is abandoned by fake_park(), and uses its request until fake_release().
 */
#ifndef FL_TESTS_SERVER_FAKE_H
#define FL_TESTS_SERVER_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>

#include "attach/wire.h"
#include "core/plane.h"
#include "core/req.h"
#include "nl/ctrl.h"
#include "server/server.h"

struct fake_config {
	unsigned int objects;
	bool not_private;
	unsigned int max_sessions, io_threads;
	size_t log_bytes;
};

struct fake {
	char knob[64]; /* what sys/fake holds */
	struct fl_netns_table *table;
	struct fl_server *server;
	char path[64];
	unsigned int objects;
	void (*on_events)(struct fl_netns *ns, void *arg);
	void *on_events_arg;
	/* atomic */
	void (*on_get)(int n); /* called by GET of "fake/devN" on the I/O thread */
	unsigned int late_done, hanging;
	int release, park;
	bool park_late; /* what hangs is abandoned when it is over already; set before */
	unsigned int running;
	unsigned int deaths;
	unsigned int clients; /* objects fl_client that exist */
	uint64_t target; /* the cookie of the namespace that a RELOAD named */
	unsigned int cancelled; /* of the one operation that there is, number 17 ... */
	struct fl_client *op_client; /* ... asked for by this one */
	unsigned int sequence; /* of fake_event() */
	unsigned int prepared; /* parts of a prepared dump that exist */
	/* of the dump of PORT_GET, which is prepared in parts on a thread of its own; set before */
	int prepare_error; /* of all parts but the first */
	bool prepare_hangs; /* until fake_release() */
};
extern struct fake fake;

void fake_start(const struct fake_config *config);
void fake_stop(void);
/* Ends the server only; requests may still run. */
void fake_stop_server(void);
void fake_release(void);
void fake_park(void);

/* Appends a notification about "fake/dev0", with a number to check the order by. */
void fake_event(struct fl_netns *ns, uint32_t number, size_t extra);
void fake_event_port(struct fl_netns *ns, uint32_t number, const char *dev, uint32_t port);
/* The number in a notification, or in the reply to PORT_SET. */
uint32_t fake_number(const struct nlmsghdr *nlh);

/* fake_wait() waits up to 10 s for *counter to be at least (or with `exactly`, to be) value. */
unsigned int fake_read(const unsigned int *counter);
bool fake_wait(const unsigned int *counter, unsigned int value, bool exactly);
/* How many descriptors the process has open. */
unsigned int fake_count_fds(void);
bool fake_wait_fds(unsigned int count);

/* ---- the client ------------------------------------------------------------------- */

extern char client_path[108]; /* of the socket; fake_start() sets it */
int client_open(void);
void client_connect(int fd); /* a socket that was made before */
/* A request with a handle "fake/devN" (n < 0: without), in one packet; returns its sequence number.
 */
uint32_t client_ask(int fd, uint8_t cmd, uint16_t flags, int n);
/* The same with a token: returns when its reply has come; false at end of file. */
bool client_ask_done(int fd, uint8_t cmd, uint16_t flags, int n);
size_t client_build(void *buf, uint16_t type, uint16_t flags, uint8_t cmd, int n);
void client_send(int fd, uint16_t kind, uint32_t flags, uint32_t arg0, uint32_t arg1,
		 const void *data, size_t len, const int *fds, unsigned int count);
/* A request of another kind, answered by its token. */
struct fl_wire_reply client_call_text(int fd, uint16_t kind, uint32_t arg0, uint32_t arg1,
				      const void *data, size_t len, char *ret_text, size_t cap);
struct fl_wire_reply client_call(int fd, uint16_t kind, uint32_t arg0, uint32_t arg1,
				 const void *data, size_t len, int file);
void client_set_rcvmax(uint32_t rcvmax);
/* One datagram within 10 s; 0: end of file, negative: errno. */
ssize_t client_recv(int fd, void *buf, size_t size);
/* Whether nothing comes for a moment. */
bool client_quiet(int fd);
/* The error of the NLMSG_ERROR that comes next. */
int client_recv_error(int fd);
/* Whoever it is can reach the socket. */
void client_admit_all(void);
/* Runs fn in a child; its exit status. */
int client_in_child(int (*fn)(void));

#endif
