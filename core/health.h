/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* health.h - health reporters as core/ keeps them. */
#ifndef FL_CORE_HEALTH_H
#define FL_CORE_HEALTH_H

#include "core/fmsg.h"
#include "core/instance.h"

/* How many reports of one reporter may be worked on or queue. */
#define FL_REPORTS_MAX 1024

/*
 * What of a reporter never changes, and what drivers hold on to. Rules:
 * 1. dl: referenced until the reporter is removed or its instance freed, then NULL; read
 *    under RCU, exchanged atomically.
 * 2. lane: made when it is needed first, below `above`, by whoever comes first; then it never
 *    changes. Who made it looks at dl after; who clears dl looks at lane after.
 * 3. published: set by the first commit. reports, refs: atomic.
 * 4. everything else never changes.
 */
struct fl_reporter {
	int refs;
	int published;
	unsigned int reports;
	struct fl_devlink *dl;
	struct fl_lane *lane, *above;
	const struct fl_reporter_ops *ops;
	void *priv;
	uint64_t key;
	uint32_t port;
	bool has_port, recovers_device;
	char name[];
};

/* A reporter in a version; see struct fl_obj for who may write when. */
struct fl_reporter_obj {
	struct fl_obj obj;
	struct fl_reporter *reporter;
	struct fl_fmsg *dump;     /* referenced, or NULL */
	uint64_t dump_at_ms;      /* CLOCK_MONOTONIC */
	uint64_t dump_real_ns;    /* CLOCK_REALTIME */
	uint64_t grace_ms, burst_ms;
	uint64_t errors, recoveries;
	uint64_t recovered_at_ns; /* the first recovery of the latest burst */
	uint8_t state;            /* enum devlink_health_reporter_state */
	bool auto_recover, auto_dump;
};

static inline const struct fl_reporter_obj *fl_obj_reporter(const struct fl_obj *obj)
{
	return (const struct fl_reporter_obj *)obj;
}

/* Finds by name. Context: RCU read section. */
const struct fl_reporter_obj *fl_reporter_find(const struct fl_version *version,
					       const char *name);
const struct fl_reporter_obj *fl_port_reporter_find(const struct fl_version *version,
						    uint32_t port, const char *name);

/* The reporter as txn sees it, NULL if it is removed. Context: as fl_txn_obj(). */
const struct fl_reporter_obj *fl_reporter_obj(struct fl_txn *txn,
					      const struct fl_reporter *reporter);
/* The same as something to write to. NULL: sticky -ENODEV, -ENOMEM. */
struct fl_reporter_obj *fl_reporter_write(struct fl_txn *txn, const struct fl_reporter *reporter);
/* Queues HEALTH_REPORTER_RECOVER about it as it is. */
void fl_reporter_notify(struct fl_txn *txn, const struct fl_reporter_obj *obj);

/* A message for the driver's dump or diagnose to fill, its outermost object begun. */
struct fl_fmsg *fl_reporter_fmsg_new(void);
/* Ends that object. Returns err, or what is wrong with the message. */
int fl_reporter_fmsg_end(const struct fl_reporter *reporter, const struct fl_devlink *dl,
			 struct fl_fmsg *fmsg, const char *callback, int err);
/* Keeps the dump, with the time. */
void fl_reporter_dump_keep(struct fl_txn *txn, const struct fl_reporter *reporter,
			   struct fl_fmsg *fmsg);

/* The reporter's lane, which lives as the reporter does. -ENODEV: it was removed; -ENOMEM.
 * Context: any; allocates. */
int fl_reporter_lane_need(struct fl_reporter *reporter, struct fl_lane **ret_lane);

/* What a recovery that worked changes: counts, state, notification. */
void fl_reporter_recovery_end(struct fl_txn *txn, const struct fl_reporter *reporter);

/* Removes the reporters of a port that is deleted. */
void fl_port_reporters_del(struct fl_txn *txn, uint32_t port);
/* Ends the reporters of an instance that is freed. */
void fl_reporters_forget(struct fl_devlink *dl);

#endif
