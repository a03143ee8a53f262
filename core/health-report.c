/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * health-report.c - what follows when a driver reports an error: it is counted and told, then
 * a dump is kept, then the reporter recovers. Each is committed by itself, so that a slow
 * dump or recovery hides nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/border.h"
#include "core/health.h"
#include "core/txn.h"

struct report {
	struct fl_op op;
	struct fl_reporter *reporter; /* referenced */
	struct fl_devlink *dl;        /* referenced */
	void *ctx;
	void (*ctx_free)(void *ctx);
	struct fl_txn *txn;    /* during a callback */
	struct fl_fmsg *fmsg;  /* during the dump */
	bool dumps, recovers;  /* the reporter is set to */
	bool refused;          /* it is too early for either */
	char msg[];
};

static struct report *op_report(struct fl_op *op)
{
	return FL_CONTAINER_OF(op, struct report, op);
}

static void report_free(struct fl_op *op)
{
	struct report *report = op_report(op);

	if (report->ctx_free)
		report->ctx_free(report->ctx);
	__atomic_sub_fetch(&report->reporter->reports, 1, __ATOMIC_RELAXED);
	fl_fmsg_put_ref(report->fmsg);
	fl_reporter_put(report->reporter);
	fl_devlink_put(report->dl);
	free(report);
}

/* ---- recovery --------------------------------------------------------------------- */

static int recover_done(struct fl_op *op)
{
	struct report *report = op_report(op);
	int err = fl_border_result(report->dl, "recover", fl_op_result(op));

	if (err) {
		fl_txn_abort(report->txn);
		return err;
	}
	fl_reporter_recovery_end(report->txn, report->reporter);
	return fl_txn_commit(report->txn);
}

static int recover_begin(struct fl_op *op)
{
	struct report *report = op_report(op);
	int err;

	err = fl_txn_begin(op, report->dl, &report->txn);
	if (err)
		return err;
	fl_op_then(op, recover_done);
	err = report->reporter->ops->recover(op, report->txn, report->reporter, report->ctx);
	return fl_border_step(report->dl, "recover", err);
}

static bool still_broken(struct report *report)
{
	const struct fl_reporter_obj *obj;
	const struct fl_version *version;
	bool broken;

	fl_rcu_read_lock();
	version = fl_devlink_version(report->dl);
	obj = report->reporter->has_port ? fl_port_reporter_find(version, report->reporter->port,
								 report->reporter->name)
					 : fl_reporter_find(version, report->reporter->name);
	broken = obj && obj->reporter == report->reporter &&
		 obj->state != DEVLINK_HEALTH_REPORTER_STATE_HEALTHY;
	fl_rcu_read_unlock();
	return broken;
}

/* On the instance's lane: while this queued, a client or a reload may have done it. */
static int recover_device(struct fl_op *op)
{
	return still_broken(op_report(op)) ? recover_begin(op) : 0;
}

static const struct fl_op_type recover_device_type = {
	.kind = "health-recover",
	.run = recover_device,
	.free = report_free,
};

static struct report *report_new(struct fl_reporter *reporter, struct fl_devlink *dl,
				 const char *msg)
{
	size_t size = strlen(msg) + 1;
	struct report *report = calloc(1, sizeof(*report) + size);

	if (!report)
		return NULL;
	report->reporter = fl_reporter_get(reporter);
	report->dl = fl_devlink_get(dl);
	__atomic_add_fetch(&reporter->reports, 1, __ATOMIC_RELAXED);
	memcpy(report->msg, msg, size);
	return report;
}

/* A recovery that needs the whole device cannot wait for its lane from one below. */
static int recover_post(struct report *report)
{
	struct report *recover = report_new(report->reporter, report->dl, "");

	if (!recover)
		return -ENOMEM;
	recover->ctx = report->ctx;
	recover->ctx_free = report->ctx_free;
	report->ctx_free = NULL;
	fl_op_init(&recover->op, &recover_device_type, report->dl->lane, NULL);
	return fl_op_submit(&recover->op);
}

static int report_recover(struct fl_op *op)
{
	struct report *report = op_report(op);

	if (!report->recovers)
		return 0;
	return report->reporter->recovers_device ? recover_post(report) : recover_begin(op);
}

/* ---- the dump --------------------------------------------------------------------- */

/* A dump that failed is no reason not to recover. */
static int dump_done(struct fl_op *op)
{
	struct report *report = op_report(op);
	int err;

	err = fl_reporter_fmsg_end(report->reporter, report->dl, report->fmsg, "dump",
				   fl_op_result(op));
	if (!err) {
		fl_reporter_dump_keep(report->txn, report->reporter, report->fmsg);
		err = fl_txn_commit(report->txn);
	} else {
		fl_txn_abort(report->txn);
	}
	if (err)
		fl_log(FL_LOG_WARN, "%s/%s: reporter %s has no dump: %s",
		       fl_devlink_bus_name(report->dl), fl_devlink_dev_name(report->dl),
		       report->reporter->name, strerror(-err));
	fl_fmsg_put_ref(report->fmsg);
	report->fmsg = NULL;
	return report_recover(op);
}

static int report_dump(struct fl_op *op)
{
	struct report *report = op_report(op);
	int err;

	report->fmsg = fl_reporter_fmsg_new();
	if (!report->fmsg || fl_txn_begin(op, report->dl, &report->txn))
		return report_recover(op);
	fl_op_then(op, dump_done);
	err = report->reporter->ops->dump(op, report->txn, report->reporter, report->fmsg,
					  report->ctx);
	return fl_border_step(report->dl, "dump", err);
}

/* ---- the error -------------------------------------------------------------------- */

/* Whether now is too early for another recovery: after one, and the burst that may follow it,
 * comes the grace period. */
static bool in_grace(const struct fl_reporter_obj *obj)
{
	uint64_t ms;

	if (!obj->recovered_at_ns || !obj->recoveries)
		return false;
	ms = (fl_now_ns() - obj->recovered_at_ns) / FL_NS_PER_MS;
	return ms >= obj->burst_ms && ms - obj->burst_ms < obj->grace_ms;
}

/* Counts and tells it; what is to be done then depends on how the reporter is set. */
static int report_note(struct report *report)
{
	struct fl_reporter_obj *obj;
	struct fl_txn *txn;
	uint8_t before;
	int err;

	err = fl_txn_begin(&report->op, report->dl, &txn);
	if (err)
		return err;
	obj = fl_reporter_write(txn, report->reporter);
	if (!obj) {
		err = txn->err;
		fl_txn_abort(txn);
		return err;
	}
	before = obj->state;
	obj->errors++;
	obj->state = DEVLINK_HEALTH_REPORTER_STATE_ERROR;
	report->recovers = obj->auto_recover;
	report->refused = obj->auto_recover &&
			  (before != DEVLINK_HEALTH_REPORTER_STATE_HEALTHY || in_grace(obj));
	report->dumps = obj->auto_dump && !obj->dump && report->reporter->ops->dump;
	fl_reporter_notify(txn, obj);
	return fl_txn_commit(txn);
}

static int report_run(struct fl_op *op)
{
	struct report *report = op_report(op);
	int err;

	fl_log(FL_LOG_INFO, "%s/%s: reporter %s: %s", fl_devlink_bus_name(report->dl),
	       fl_devlink_dev_name(report->dl), report->reporter->name, report->msg);
	err = report_note(report);
	if (err)
		return err;
	if (report->refused)
		return -ECANCELED;
	return report->dumps ? report_dump(op) : report_recover(op);
}

static const struct fl_op_type report_type = {
	.kind = "health-report",
	.run = report_run,
	.free = report_free,
};

/* ---- reporting -------------------------------------------------------------------- */

static struct fl_devlink *reporter_devlink_get(struct fl_reporter *reporter)
{
	struct fl_devlink *dl;

	fl_rcu_read_lock();
	dl = fl_rcu_deref(reporter->dl);
	if (dl)
		dl = fl_devlink_try_get(dl);
	fl_rcu_read_unlock();
	return dl;
}

static int report_prepare(struct fl_reporter *reporter, const char *msg, void *ctx,
			  void (*ctx_free)(void *ctx), struct report **ret_report)
{
	struct fl_devlink *dl = reporter_devlink_get(reporter);
	struct report *report = NULL;
	struct fl_lane *lane;
	int err;

	if (!dl)
		err = -ENODEV;
	else if (__atomic_load_n(&reporter->reports, __ATOMIC_RELAXED) >= FL_REPORTS_MAX)
		err = -EBUSY;
	else
		err = fl_reporter_lane_need(reporter, &lane);
	if (!err)
		report = report_new(reporter, dl, msg);
	fl_devlink_put(dl);
	if (!report) {
		if (ctx_free)
			ctx_free(ctx);
		return err ? err : -ENOMEM;
	}
	report->ctx = ctx;
	report->ctx_free = ctx_free;
	fl_op_init(&report->op, &report_type, lane, NULL);
	*ret_report = report;
	return 0;
}

int fl_health_report(struct fl_reporter *reporter, const char *msg, void *ctx,
		     void (*ctx_free)(void *ctx))
{
	struct report *report;
	int err;

	err = report_prepare(reporter, msg, ctx, ctx_free, &report);
	return err ? err : fl_op_submit(&report->op);
}

int fl_health_report_spawn(struct fl_op *op, struct fl_reporter *reporter, const char *msg,
			   void *ctx, void (*ctx_free)(void *ctx))
{
	struct report *report;
	int err;

	err = report_prepare(reporter, msg, ctx, ctx_free, &report);
	return err ? err : fl_op_spawn(op, &report->op);
}
