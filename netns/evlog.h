/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evlog.h - the log of notifications of one namespace, which subscribers read at their
 * own pace.
 *
 * Bounded in bytes: the oldest records leave first, and a reader whose place has gone
 * learns so (-ENOBUFS) and goes on at the oldest that is left; nobody else notices.
 *  E1  Records are read in the order in which they were appended.
 *  E2  A reader that was placed at the end before an append, and is not too slow, reads it.
 *  E3  Appending neither allocates nor waits for a reader.
 */
#ifndef FL_NETNS_EVLOG_H
#define FL_NETNS_EVLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_evlog;

/* One notification, ready to send: `data` is a whole netlink message with port id 0 and
 * sequence 0. Immutable once appended; counted. The handle is repeated for filters. */
struct fl_evrec {
	int refs;
	uint32_t len;
	uint64_t position;      /* the log's: set when appended */
	struct fl_evrec *next;  /* the log's */
	uint8_t group;          /* multicast group id */
	uint8_t cmd;
	uint32_t port_index;    /* valid if has_port */
	bool has_port;
	uint16_t bus_off, dev_off; /* into data: NUL-ended strings; 0: none */
	uint8_t data[] __attribute__((aligned(8))); /* messages are read in place */
};

/* One reference. NULL: out of memory. */
struct fl_evrec *fl_evrec_new(size_t len);
void fl_evrec_put(struct fl_evrec *rec);

struct fl_evlog *fl_evlog_new(size_t max_bytes);
void fl_evlog_free(struct fl_evlog *log);

/* Appends a chain of records (linked by next), taking over the references. Context: any,
 * also under the commit lock; records that fall out are put in *ret_dropped (a chain),
 * which the caller puts after it has dropped its locks. */
void fl_evlog_append(struct fl_evlog *log, struct fl_evrec *chain, struct fl_evrec **ret_dropped);
void fl_evrec_put_chain(struct fl_evrec *chain);

/* Tells the table's on_events that there is something to read. Context: no lock. */
struct fl_netns;
void fl_netns_kick(struct fl_netns *ns);

/* Where a reader stands: the position after the newest record. */
uint64_t fl_evlog_end(const struct fl_evlog *log);

/* Gets the record at *position (one reference) and steps on. Returns 0; -EAGAIN (nothing
 * new); -ENOBUFS (records were lost; *position is at the oldest now). Context: any. */
int fl_evlog_read(struct fl_evlog *log, uint64_t *position, struct fl_evrec **ret_rec);

#endif
