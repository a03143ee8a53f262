/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-health.h - health reporters and formatted messages, as a driver makes them.
 *
 * A reporter stands for one thing that can go wrong, of an instance or of a port, and has a
 * lane of its own under that of the instance or port. An error is told by fl_health_report();
 * what follows (the dump that is kept, the recovery) are steps on that lane, so that nobody
 * but what asks the same reporter waits for them.
 */
#ifndef FL_CORE_DRIVER_HEALTH_H
#define FL_CORE_DRIVER_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_fmsg;
struct fl_lane;
struct fl_op;
struct fl_reporter;
struct fl_txn;

/*
 * Steps. Context: alone on the reporter's lane, shared on those above it; recover of a
 * reporter with `recovers_device`: alone on the instance's lane. Valid replies: 0, or -errno
 * with a text in fl_txn_extack(). Each may be NULL: then clients get -EOPNOTSUPP. Edits of txn
 * are kept only with 0.
 */
struct fl_reporter_ops {
	/* Makes it work again. ctx: of the report; NULL if a client asks. */
	int (*recover)(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		       void *ctx);
	/* Puts all there is to know about the error; kept until a client clears it. ctx: as
	 * above. */
	int (*dump)(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
		    struct fl_fmsg *fmsg, void *ctx);
	/* Puts how things stand now. */
	int (*diagnose)(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter,
			struct fl_fmsg *fmsg);
	/* Makes an error happen, to see whether it is reported. */
	int (*test)(struct fl_op *op, struct fl_txn *txn, struct fl_reporter *reporter);
};

struct fl_reporter_desc {
	const char *name;                  /* DEVLINK_ATTR_HEALTH_REPORTER_NAME, copied */
	const struct fl_reporter_ops *ops; /* not copied */
	void *priv;
	uint64_t grace_period_ms; /* no recovery by itself for so long after one (and its
				   * burst); needs ops->recover */
	uint64_t burst_period_ms; /* but before it as many as come; needs a grace period */
	bool recovers_device;     /* recover reloads or resets the whole device */
};

/* Makes a reporter of the instance, or of a port; its automatic dump and recovery are on where
 * it has the callbacks. Announces nothing, as the kernel. The caller gets one reference. NULL:
 * sticky -EEXIST (the name is taken), -ENODEV (no such port), -EINVAL (periods without what
 * they need), -ENOMEM. Context: txn's operation is alone on the instance's lane (of a port's
 * reporter: or on the port's). */
struct fl_reporter *fl_reporter_add(struct fl_txn *txn, const struct fl_reporter_desc *desc);
struct fl_reporter *fl_port_reporter_add(struct fl_txn *txn, uint32_t port,
					 const struct fl_reporter_desc *desc);
/* Removes it. What runs on its lane is told to stop, what queues there ends. A port that is
 * deleted takes its reporters along. The same context. */
void fl_reporter_del(struct fl_txn *txn, struct fl_reporter *reporter); /* NULL is fine */

/* A reference keeps the memory and makes reports safe: after the reporter was removed, or its
 * instance freed, they fail. */
struct fl_reporter *fl_reporter_get(struct fl_reporter *reporter);
void fl_reporter_put(struct fl_reporter *reporter); /* NULL is fine */
const char *fl_reporter_name(const struct fl_reporter *reporter);
void *fl_reporter_priv(const struct fl_reporter *reporter);
/* Its lane, one reference: for an operation of the driver's own. It is made when somebody needs
 * it first. NULL: out of memory, or the reporter was removed. */
struct fl_lane *fl_reporter_lane(struct fl_reporter *reporter);

/*
 * Reports an error: counts it, tells it (HEALTH_REPORTER_RECOVER, state error), then, as the
 * reporter is set to, dumps and recovers (HEALTH_REPORTER_RECOVER, state healthy). Recovery and
 * dump are left out if the error before was not recovered, or within the grace period.
 *
 * msg: what happened, for the log; copied. ctx: for the callbacks, freed by ctx_free (may be
 * NULL) when all is over, also if the report fails.
 *
 * fl_health_report() posts that as an operation on the reporter's lane. Context: any thread, no
 * lock held. Returns 0; -ENODEV (removed); -EBUSY (1,024 reports of it are being worked on);
 * -ENOMEM.
 * fl_health_report_spawn(): awaited by op, whose lane is above the reporter's; fl_op_join()
 * gives what the kernel's devlink_health_report() does: 0, -ECANCELED (not recovered, see above),
 * or recover's error. A recovery with `recovers_device` is not awaited.
 */
int fl_health_report(struct fl_reporter *reporter, const char *msg, void *ctx,
		     void (*ctx_free)(void *ctx));
int fl_health_report_spawn(struct fl_op *op, struct fl_reporter *reporter, const char *msg,
			   void *ctx, void (*ctx_free)(void *ctx));

/* Sets the state and tells it, if it is another. Context: txn's operation is alone on the
 * reporter's lane or above. */
void fl_reporter_state_set(struct fl_txn *txn, struct fl_reporter *reporter,
			   enum devlink_health_reporter_state state);
/* Counts a recovery that the driver did by itself; tells nothing. The same context. */
void fl_reporter_recovered(struct fl_txn *txn, struct fl_reporter *reporter);

/* ---- formatted messages -----------------------------------------------------------
 *
 * Names, values, objects and arrays, in the order in which they are put; finelink puts the
 * outermost object around. Errors stick and end the dump or diagnosis: -EMSGSIZE (a name or
 * value above FL_FMSG_VALUE_MAX, or FL_FMSG_MAX in all), -EINVAL (something else than binary
 * pieces inside a binary pair, or pieces outside), -ENOMEM. Ends that nothing began are let
 * through, as in the kernel.
 */

#define FL_FMSG_VALUE_MAX 3740         /* bytes: what fits into a message beside its headers */
#define FL_FMSG_MAX (16 * 1024 * 1024) /* bytes, with 8 for each item */

void fl_fmsg_obj_nest_start(struct fl_fmsg *fmsg);
void fl_fmsg_obj_nest_end(struct fl_fmsg *fmsg);
void fl_fmsg_pair_nest_start(struct fl_fmsg *fmsg, const char *name);
void fl_fmsg_pair_nest_end(struct fl_fmsg *fmsg);
void fl_fmsg_arr_pair_nest_start(struct fl_fmsg *fmsg, const char *name);
void fl_fmsg_arr_pair_nest_end(struct fl_fmsg *fmsg);
void fl_fmsg_binary_pair_nest_start(struct fl_fmsg *fmsg, const char *name);
void fl_fmsg_binary_pair_nest_end(struct fl_fmsg *fmsg);

void fl_fmsg_bool_put(struct fl_fmsg *fmsg, bool value);
void fl_fmsg_u8_put(struct fl_fmsg *fmsg, uint8_t value);
void fl_fmsg_u32_put(struct fl_fmsg *fmsg, uint32_t value);
void fl_fmsg_u64_put(struct fl_fmsg *fmsg, uint64_t value);
void fl_fmsg_string_put(struct fl_fmsg *fmsg, const char *value);
/* One piece, inside a binary pair. */
void fl_fmsg_binary_put(struct fl_fmsg *fmsg, const void *value, size_t len);

void fl_fmsg_bool_pair_put(struct fl_fmsg *fmsg, const char *name, bool value);
void fl_fmsg_u8_pair_put(struct fl_fmsg *fmsg, const char *name, uint8_t value);
void fl_fmsg_u32_pair_put(struct fl_fmsg *fmsg, const char *name, uint32_t value);
void fl_fmsg_u64_pair_put(struct fl_fmsg *fmsg, const char *name, uint64_t value);
void fl_fmsg_string_pair_put(struct fl_fmsg *fmsg, const char *name, const char *value);
/* In as many pieces as it takes. */
void fl_fmsg_binary_pair_put(struct fl_fmsg *fmsg, const char *name, const void *value,
			     size_t len);

#pragma GCC visibility pop

#endif
