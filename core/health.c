/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * health.c - health reporters: what a driver says of them, and how they are shown. Reports of
 * errors: health-report.c; what clients ask of them: health-cmd.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/border.h"
#include "core/health.h"
#include "core/port.h"
#include "core/txn.h"
#include "nl/ctrl.h"

/* ---- handles ---------------------------------------------------------------------- */

struct fl_reporter *fl_reporter_get(struct fl_reporter *reporter)
{
	__atomic_add_fetch(&reporter->refs, 1, __ATOMIC_RELAXED);
	return reporter;
}

void fl_reporter_put(struct fl_reporter *reporter)
{
	if (!reporter || __atomic_sub_fetch(&reporter->refs, 1, __ATOMIC_ACQ_REL))
		return;
	fl_lane_put(reporter->lane);
	fl_lane_put(reporter->above);
	free(reporter);
}

const char *fl_reporter_name(const struct fl_reporter *reporter)
{
	return reporter->name;
}

void *fl_reporter_priv(const struct fl_reporter *reporter)
{
	return reporter->priv;
}

static int lane_new(struct fl_reporter *reporter, struct fl_lane **ret_lane)
{
	char name[128];

	snprintf(name, sizeof(name), "%s/%s", fl_lane_name(reporter->above), reporter->name);
	return fl_lane_new(fl_lane_sched(reporter->above), reporter->above, name, NULL, ret_lane);
}

int fl_reporter_lane_need(struct fl_reporter *reporter, struct fl_lane **ret_lane)
{
	struct fl_lane *lane = __atomic_load_n(&reporter->lane, __ATOMIC_SEQ_CST), *mine;
	int err;

	if (!lane) {
		err = lane_new(reporter, &mine);
		if (err)
			return err;
		if (__atomic_compare_exchange_n(&reporter->lane, &lane, mine, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			lane = mine;
		else
			fl_lane_put(mine);
	}
	if (!__atomic_load_n(&reporter->dl, __ATOMIC_SEQ_CST)) {
		fl_lane_discard(lane);
		return -ENODEV;
	}
	*ret_lane = lane;
	return 0;
}

struct fl_lane *fl_reporter_lane(struct fl_reporter *reporter)
{
	struct fl_lane *lane;

	return fl_reporter_lane_need(reporter, &lane) ? NULL : fl_lane_get(lane);
}

/* No report begins from here on, and what queues on the lane ends. */
static void reporter_end(struct fl_reporter *reporter)
{
	struct fl_devlink *dl = __atomic_exchange_n(&reporter->dl, NULL, __ATOMIC_SEQ_CST);
	struct fl_lane *lane;

	if (!dl)
		return;
	lane = __atomic_load_n(&reporter->lane, __ATOMIC_SEQ_CST);
	if (lane)
		fl_lane_discard(lane);
	fl_devlink_put(dl);
}

/* ---- encoding --------------------------------------------------------------------- */

static void put_reporter(struct fl_msg *msg, const struct fl_reporter_obj *obj)
{
	const struct fl_reporter_ops *ops = obj->reporter->ops;

	fl_msg_put_str(msg, DEVLINK_ATTR_HEALTH_REPORTER_NAME, obj->reporter->name);
	fl_msg_put_u8(msg, DEVLINK_ATTR_HEALTH_REPORTER_STATE, obj->state);
	fl_msg_put_u64(msg, DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT, obj->errors);
	fl_msg_put_u64(msg, DEVLINK_ATTR_HEALTH_REPORTER_RECOVER_COUNT, obj->recoveries);
	if (ops->recover) {
		fl_msg_put_u64(msg, DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD, obj->grace_ms);
		fl_msg_put_u64(msg, DEVLINK_ATTR_HEALTH_REPORTER_BURST_PERIOD, obj->burst_ms);
		fl_msg_put_u8(msg, DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER, obj->auto_recover);
	}
	if (obj->dump) {
		fl_msg_put_u64(msg, DEVLINK_ATTR_HEALTH_REPORTER_DUMP_TS, obj->dump_at_ms);
		fl_msg_put_u64(msg, DEVLINK_ATTR_HEALTH_REPORTER_DUMP_TS_NS, obj->dump_real_ns);
	}
	if (ops->dump)
		fl_msg_put_u8(msg, DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP, obj->auto_dump);
}

static void reporter_encode(struct fl_msg *msg, const struct fl_txn *txn, const struct fl_obj *obj)
{
	const struct fl_reporter *reporter = fl_obj_reporter(obj)->reporter;
	size_t nest;

	fl_msg_begin(msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_HEALTH_REPORTER_GET, 1);
	fl_devlink_put_handle(msg, txn->dl);
	if (reporter->has_port)
		fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, reporter->port);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_HEALTH_REPORTER, false);
	put_reporter(msg, fl_obj_reporter(obj));
	fl_msg_nest_end(msg, nest);
	fl_msg_end(msg);
}

/* ---- objects ---------------------------------------------------------------------- */

static void reporter_committed(const struct fl_obj *old, const struct fl_obj *now)
{
	struct fl_reporter *was = old ? fl_obj_reporter(old)->reporter : NULL;
	struct fl_reporter *is = now ? fl_obj_reporter(now)->reporter : NULL;

	if (is)
		__atomic_store_n(&is->published, 1, __ATOMIC_RELEASE);
	if (was && was != is)
		reporter_end(was);
}

static void reporter_free(struct fl_obj *obj)
{
	struct fl_reporter *reporter = fl_obj_reporter(obj)->reporter;

	/* Of a transaction that was given up: nobody has seen it. */
	if (!__atomic_load_n(&reporter->published, __ATOMIC_ACQUIRE))
		reporter_end(reporter);
	fl_fmsg_put_ref(fl_obj_reporter(obj)->dump);
	fl_reporter_put(reporter);
	free(obj->image);
	free(obj);
}

static const struct fl_obj_ops reporter_ops = {
	.kind = FL_OBJ_REPORTER,
	.encode = reporter_encode,
	.committed = reporter_committed,
	.free = reporter_free,
};

static const struct fl_obj_ops port_reporter_ops = {
	.kind = FL_OBJ_PORT_REPORTER,
	.of_port = true,
	.encode = reporter_encode,
	.committed = reporter_committed,
	.free = reporter_free,
};

static enum fl_obj_kind reporter_kind(const struct fl_reporter *reporter)
{
	return reporter->has_port ? FL_OBJ_PORT_REPORTER : FL_OBJ_REPORTER;
}

const struct fl_reporter_obj *fl_reporter_find(const struct fl_version *version, const char *name)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_REPORTER], 0);
	while ((obj = fl_pmap_iter_next(&iter))) {
		if (!strcmp(fl_obj_reporter(obj)->reporter->name, name))
			return fl_obj_reporter(obj);
	}
	return NULL;
}

const struct fl_reporter_obj *fl_port_reporter_find(const struct fl_version *version, uint32_t port,
						    const char *name)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_PORT_REPORTER], FL_PORT_KEY(port, 0));
	while ((obj = fl_pmap_iter_next(&iter)) && FL_PORT_KEY_PORT(obj->key) == port) {
		if (!strcmp(fl_obj_reporter(obj)->reporter->name, name))
			return fl_obj_reporter(obj);
	}
	return NULL;
}

const struct fl_reporter_obj *fl_reporter_obj(struct fl_txn *txn,
					      const struct fl_reporter *reporter)
{
	const struct fl_obj *obj = fl_txn_obj(txn, reporter_kind(reporter), reporter->key);

	return obj && fl_obj_reporter(obj)->reporter == reporter ? fl_obj_reporter(obj) : NULL;
}

/* ---- edits ------------------------------------------------------------------------ */

static bool reporter_copy(struct fl_txn *txn, const struct fl_reporter *reporter,
			  struct fl_reporter_obj *copy)
{
	const struct fl_reporter_obj *obj;

	fl_rcu_read_lock();
	obj = fl_reporter_obj(txn, reporter);
	if (obj) {
		*copy = *obj;
		copy->obj.image = NULL;
		fl_reporter_get(copy->reporter);
		fl_fmsg_get(copy->dump);
	}
	fl_rcu_read_unlock();
	return obj;
}

struct fl_reporter_obj *fl_reporter_write(struct fl_txn *txn, const struct fl_reporter *reporter)
{
	struct fl_edit *edit = fl_txn_edit(txn, reporter_kind(reporter), reporter->key);
	struct fl_reporter_obj *copy;

	if (edit && edit->obj && fl_obj_reporter(edit->obj)->reporter == reporter)
		return (struct fl_reporter_obj *)edit->obj;
	copy = malloc(sizeof(*copy));
	if (!copy) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	if (!reporter_copy(txn, reporter, copy)) {
		free(copy);
		fl_txn_fail(txn, -ENODEV);
		return NULL;
	}
	fl_txn_set(txn, reporter_kind(reporter), reporter->key, &copy->obj);
	return txn->err ? NULL : copy;
}

void fl_reporter_notify(struct fl_txn *txn, const struct fl_reporter_obj *obj)
{
	fl_txn_notify_obj(txn, &obj->obj, DEVLINK_CMD_HEALTH_REPORTER_RECOVER);
}

/* Whether a reporter of that name is there; the kind tells whose. */
static bool name_taken(struct fl_txn *txn, enum fl_obj_kind kind, uint64_t from, const char *name)
{
	const struct fl_obj *obj;
	bool taken = false;

	fl_rcu_read_lock();
	while (!taken && (obj = fl_txn_next(txn, kind, from))) {
		if (kind == FL_OBJ_PORT_REPORTER &&
		    FL_PORT_KEY_PORT(obj->key) != FL_PORT_KEY_PORT(from))
			break;
		taken = !strcmp(fl_obj_reporter(obj)->reporter->name, name);
		from = obj->key + 1;
	}
	fl_rcu_read_unlock();
	return taken;
}

static struct fl_reporter *handle_new(struct fl_txn *txn, const struct fl_reporter_desc *desc,
				      struct fl_lane *above)
{
	size_t name_size = strlen(desc->name) + 1;
	struct fl_reporter *reporter = calloc(1, sizeof(*reporter) + name_size);

	if (!reporter) {
		fl_txn_fail(txn, -ENOMEM);
		return NULL;
	}
	reporter->refs = 1;
	reporter->above = fl_lane_get(above);
	reporter->dl = fl_devlink_get(txn->dl);
	reporter->ops = desc->ops;
	reporter->priv = desc->priv;
	reporter->recovers_device = desc->recovers_device;
	memcpy(reporter->name, desc->name, name_size);
	return reporter;
}

/* Takes over nothing: the object has a reference of its own. */
static void reporter_set(struct fl_txn *txn, struct fl_reporter *reporter,
			 const struct fl_reporter_desc *desc)
{
	struct fl_reporter_obj *obj = calloc(1, sizeof(*obj));

	if (!obj) {
		reporter_end(reporter);
		fl_txn_fail(txn, -ENOMEM);
		return;
	}
	obj->obj.ops = reporter->has_port ? &port_reporter_ops : &reporter_ops;
	obj->reporter = fl_reporter_get(reporter);
	obj->grace_ms = desc->grace_period_ms;
	obj->burst_ms = desc->burst_period_ms;
	obj->auto_recover = desc->ops->recover;
	obj->auto_dump = desc->ops->dump;
	fl_txn_set(txn, reporter_kind(reporter), reporter->key, &obj->obj);
}

static bool desc_valid(struct fl_txn *txn, const struct fl_reporter_desc *desc)
{
	if (desc->grace_period_ms && !desc->ops->recover)
		fl_border_tell(txn->dl, "fl_reporter_add", "%s has a grace period, but no recover",
			       desc->name);
	else if (desc->burst_period_ms && !desc->grace_period_ms)
		fl_border_tell(txn->dl, "fl_reporter_add",
			       "%s has a burst period, but no grace period", desc->name);
	else
		return true;
	fl_txn_fail(txn, -EINVAL);
	return false;
}

static struct fl_reporter *reporter_add(struct fl_txn *txn, const struct fl_reporter_desc *desc,
					struct fl_lane *above, bool has_port, uint32_t port)
{
	enum fl_obj_kind kind = has_port ? FL_OBJ_PORT_REPORTER : FL_OBJ_REPORTER;
	struct fl_reporter *reporter;

	if (!desc_valid(txn, desc))
		return NULL;
	if (name_taken(txn, kind, has_port ? FL_PORT_KEY(port, 0) : 0, desc->name)) {
		fl_txn_fail(txn, -EEXIST);
		return NULL;
	}
	reporter = handle_new(txn, desc, above);
	if (!reporter)
		return NULL;
	reporter->has_port = has_port;
	reporter->port = port;
	reporter->key =
		has_port ? fl_txn_next_port_key(txn, kind, port) : fl_txn_next_key(txn, kind);
	reporter_set(txn, reporter, desc);
	if (!txn->err)
		return reporter;
	fl_reporter_put(reporter);
	return NULL;
}

struct fl_reporter *fl_reporter_add(struct fl_txn *txn, const struct fl_reporter_desc *desc)
{
	return txn->err ? NULL : reporter_add(txn, desc, txn->dl->lane, false, 0);
}

struct fl_reporter *fl_port_reporter_add(struct fl_txn *txn, uint32_t port,
					 const struct fl_reporter_desc *desc)
{
	struct fl_reporter *reporter;
	const struct fl_obj *obj;
	struct fl_lane *lane = NULL;

	if (txn->err)
		return NULL;
	fl_rcu_read_lock();
	obj = fl_txn_obj(txn, FL_OBJ_PORT, port);
	if (obj)
		lane = fl_lane_get(fl_obj_port(obj)->lane ? fl_obj_port(obj)->lane
							  : fl_devlink_ports_lane(txn->dl));
	fl_rcu_read_unlock();
	if (!lane) {
		fl_txn_fail(txn, -ENODEV);
		return NULL;
	}
	reporter = reporter_add(txn, desc, lane, true, port);
	fl_lane_put(lane);
	return reporter;
}

void fl_reporter_del(struct fl_txn *txn, struct fl_reporter *reporter)
{
	if (!reporter)
		return;
	if (fl_reporter_obj(txn, reporter))
		fl_txn_set(txn, reporter_kind(reporter), reporter->key, NULL);
	else
		fl_txn_fail(txn, -ENODEV);
}

void fl_port_reporters_del(struct fl_txn *txn, uint32_t port)
{
	uint64_t from = FL_PORT_KEY(port, 0);
	const struct fl_obj *obj;

	for (;;) {
		fl_rcu_read_lock();
		obj = fl_txn_next(txn, FL_OBJ_PORT_REPORTER, from);
		if (obj)
			from = obj->key;
		fl_rcu_read_unlock();
		if (!obj || FL_PORT_KEY_PORT(from) != port)
			return;
		fl_txn_set(txn, FL_OBJ_PORT_REPORTER, from++, NULL);
	}
}

static void reporters_forget(struct fl_devlink *dl, enum fl_obj_kind kind)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_rcu_read_lock();
	fl_pmap_iter_init(&iter, fl_devlink_version(dl)->objs[kind], 0);
	while ((obj = fl_pmap_iter_next(&iter)))
		reporter_end(fl_obj_reporter(obj)->reporter);
	fl_rcu_read_unlock();
}

void fl_reporters_forget(struct fl_devlink *dl)
{
	reporters_forget(dl, FL_OBJ_REPORTER);
	reporters_forget(dl, FL_OBJ_PORT_REPORTER);
}

/* ---- state ------------------------------------------------------------------------ */

void fl_reporter_state_set(struct fl_txn *txn, struct fl_reporter *reporter,
			   enum devlink_health_reporter_state state)
{
	struct fl_reporter_obj *obj = fl_reporter_write(txn, reporter);

	if (!obj || obj->state == state)
		return;
	obj->state = state;
	fl_reporter_notify(txn, obj);
}

static bool in_burst(const struct fl_reporter_obj *obj, uint64_t now)
{
	return obj->recovered_at_ns && (now - obj->recovered_at_ns) / FL_NS_PER_MS < obj->burst_ms;
}

void fl_reporter_recovered(struct fl_txn *txn, struct fl_reporter *reporter)
{
	struct fl_reporter_obj *obj = fl_reporter_write(txn, reporter);
	uint64_t now = fl_now_ns();

	if (!obj)
		return;
	obj->recoveries++;
	if (!in_burst(obj, now))
		obj->recovered_at_ns = now;
}

void fl_reporter_recovery_end(struct fl_txn *txn, const struct fl_reporter *reporter)
{
	struct fl_reporter_obj *obj = fl_reporter_write(txn, reporter);

	if (!obj)
		return;
	fl_reporter_recovered(txn, obj->reporter);
	obj->state = DEVLINK_HEALTH_REPORTER_STATE_HEALTHY;
	fl_reporter_notify(txn, obj);
}

/* ---- dumps ------------------------------------------------------------------------ */

struct fl_fmsg *fl_reporter_fmsg_new(void)
{
	struct fl_fmsg *fmsg = fl_fmsg_new();

	if (fmsg)
		fl_fmsg_obj_nest_start(fmsg);
	return fmsg;
}

int fl_reporter_fmsg_end(const struct fl_reporter *reporter, const struct fl_devlink *dl,
			 struct fl_fmsg *fmsg, const char *callback, int err)
{
	err = fl_border_result(dl, callback, err);
	if (err)
		return err;
	fl_fmsg_obj_nest_end(fmsg);
	if (fmsg->err == -EMSGSIZE)
		fl_border_tell(dl, callback, "reporter %s says too much at once", reporter->name);
	if (fmsg->err == -EINVAL)
		fl_border_tell(dl, callback, "reporter %s: binary data in the wrong place",
			       reporter->name);
	return fmsg->err;
}

void fl_reporter_dump_keep(struct fl_txn *txn, const struct fl_reporter *reporter,
			   struct fl_fmsg *fmsg)
{
	struct fl_reporter_obj *obj = fl_reporter_write(txn, reporter);
	struct timespec now;

	if (!obj)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	fl_fmsg_put_ref(obj->dump);
	obj->dump = fl_fmsg_get(fmsg);
	obj->dump_at_ms = fl_now_ns() / FL_NS_PER_MS;
	obj->dump_real_ns = now.tv_sec * FL_NS_PER_S + now.tv_nsec;
}
