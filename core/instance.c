/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * instance.c - devlink instances: their life, their handle, DEVLINK_CMD_GET.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "core/commands.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/plane-private.h"
#include "core/port.h"
#include "nl/ctrl.h"

#define HANDLE_OFF (NLMSG_HDRLEN + GENL_HDRLEN) /* in a message */

const char *fl_devlink_bus_name(const struct fl_devlink *dl)
{
	return dl->device ? fl_device_bus(dl->device) : FL_INDEX_BUS;
}

const char *fl_devlink_dev_name(const struct fl_devlink *dl)
{
	return dl->device ? fl_device_name(dl->device)
			  : (const char *)dl->handle + dl->dev_off - HANDLE_OFF;
}

const struct fl_driver *fl_devlink_driver(const struct fl_devlink *dl)
{
	return dl->device ? fl_device_driver(dl->device) : dl->driver;
}

void *fl_devlink_priv(const struct fl_devlink *dl)
{
	return dl->priv;
}

struct fl_device *fl_devlink_device(const struct fl_devlink *dl)
{
	return dl->device;
}

struct fl_plane *fl_devlink_plane(const struct fl_devlink *dl)
{
	return dl->plane;
}

/* ---- life ------------------------------------------------------------------------- */

struct fl_devlink *fl_devlink_get(struct fl_devlink *dl)
{
	__atomic_add_fetch(&dl->refs, 1, __ATOMIC_RELAXED);
	return dl;
}

struct fl_devlink *fl_devlink_try_get(struct fl_devlink *dl)
{
	int refs = __atomic_load_n(&dl->refs, __ATOMIC_RELAXED);

	while (refs) {
		if (__atomic_compare_exchange_n(&dl->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return dl;
	}
	return NULL;
}

static void version_destroy(struct fl_version *version)
{
	struct fl_pmap_iter iter;
	struct fl_obj *obj;

	for (int kind = 0; kind < FL_OBJ_KINDS; kind++) {
		fl_pmap_iter_init(&iter, version->objs[kind], 0);
		while ((obj = fl_pmap_iter_next(&iter)))
			obj->ops->free(obj);
		fl_pmap_free(version->objs[kind]);
	}
	free(version->dev);
	free(version->info);
	free(version->eswitch);
	fl_netns_put(version->ns);
	free(version);
}

static void devlink_destroy(struct fl_devlink *dl)
{
	if (dl->version)
		version_destroy(dl->version);
	if (dl->nested_in) {
		fl_devlink_put(dl->nested_in->parent);
		free(dl->nested_in);
	}
	for (int i = 0; i < FL_SUBLANES; i++)
		fl_lane_put(dl->sublane[i]);
	fl_lane_put(dl->lane);
	fl_device_put(dl->device);
	free(dl->homecoming);
	fl_lock_done(&dl->commit_lock);
	free(dl->handle);
	if (dl->owns_priv)
		dl->ops->free(dl->priv);
	free(dl);
}

static void devlink_free_rcu(struct fl_rcu_head *head)
{
	devlink_destroy(FL_CONTAINER_OF(head, struct fl_devlink, rcu));
}

void fl_devlink_put(struct fl_devlink *dl)
{
	if (dl && !__atomic_sub_fetch(&dl->refs, 1, __ATOMIC_ACQ_REL))
		fl_rcu_call(&dl->rcu, devlink_free_rcu);
}

static int handle_init(struct fl_devlink *dl)
{
	struct fl_msg msg;
	char index[16];
	int err;

	snprintf(index, sizeof(index), "%u", dl->index);
	fl_msg_init(&msg);
	fl_msg_put_str(&msg, DEVLINK_ATTR_BUS_NAME, fl_devlink_bus_name(dl));
	dl->dev_off = HANDLE_OFF + msg.len + NLA_HDRLEN;
	fl_msg_put_str(&msg, DEVLINK_ATTR_DEV_NAME,
		       dl->device ? fl_device_name(dl->device) : index);
	fl_msg_put_uint(&msg, DEVLINK_ATTR_INDEX, dl->index);
	err = msg.err;
	dl->handle = err ? NULL : malloc(msg.len);
	if (dl->handle) {
		memcpy(dl->handle, msg.buf, msg.len);
		dl->handle_len = msg.len;
	}
	fl_msg_done(&msg);
	return dl->handle ? 0 : -ENOMEM;
}

static int version_init(struct fl_devlink *dl)
{
	struct fl_version *version = calloc(1, sizeof(*version));

	if (!version)
		return -ENOMEM;
	version->ns = fl_netns_get(fl_netns_initial(fl_plane_netns(dl->plane)));
	dl->version = version;
	version->dev = fl_devlink_encode(dl, false, &version->stats, &version->remote);
	return version->dev ? 0 : -ENOMEM;
}

struct fl_lane *fl_devlink_ports_lane(const struct fl_devlink *dl)
{
	return dl->sublane[FL_SUBLANE_PORTS] ? dl->sublane[FL_SUBLANE_PORTS] : dl->lane;
}

struct fl_lane *fl_ports_lane_get(struct fl_devlink *dl)
{
	return fl_lane_get(fl_devlink_ports_lane(dl));
}

/* Whether ports have something of what the lane is for, so that it changes as they split. */
static bool is_of_ports(enum fl_sublane which)
{
	switch (which) {
	case FL_SUBLANE_RATES:
	case FL_SUBLANE_REGIONS:
	case FL_SUBLANE_RESOURCES:
	case FL_SUBLANE_SB:
	case FL_SUBLANE_LINECARDS:
		return true;
	case FL_SUBLANE_FLASH:
	case FL_SUBLANE_PARAMS:
	case FL_SUBLANE_TRAPS:
	case FL_SUBLANE_DPIPE:
	case FL_SUBLANE_SELFTESTS:
	case FL_SUBLANE_PORTS:
	case FL_SUBLANES:
		break;
	}
	return false;
}

int fl_devlink_sublane_init(struct fl_devlink *dl, enum fl_sublane which)
{
	static const char *const names[] = {
#define SUBLANE_NAME(name, text) [FL_SUBLANE_##name] = text,
		FL_SUBLANE_LIST(SUBLANE_NAME)
#undef SUBLANE_NAME
	};
	struct fl_lane *above = is_of_ports(which) ? fl_devlink_ports_lane(dl) : dl->lane, *lane;
	char name[96];
	int err;

	if (dl->sublane[which])
		return 0;
	snprintf(name, sizeof(name), "%s/%s", fl_lane_name(dl->lane), names[which]);
	err = fl_lane_new(fl_plane_sched(dl->plane), above, name, NULL, &lane);
	if (!err)
		fl_rcu_assign(dl->sublane[which], lane);
	return err;
}

/* Of what the driver has callbacks for; the others come with their first object. */
static int sublanes_init(struct fl_devlink *dl)
{
	const struct fl_devlink_ops *ops = dl->ops;
	const bool wanted[FL_SUBLANES] = {
		[FL_SUBLANE_FLASH] = ops->flash_update,
		[FL_SUBLANE_PARAMS] = true,
		[FL_SUBLANE_TRAPS] = ops->trap,
		[FL_SUBLANE_SELFTESTS] = ops->selftest,
		[FL_SUBLANE_RATES] = ops->rate,
	};
	int err = 0;

	/* Before those that are below it. */
	if (ops->port && (ops->port->split || ops->port->unsplit))
		err = fl_devlink_sublane_init(dl, FL_SUBLANE_PORTS);
	for (int i = 0; i < FL_SUBLANES && !err; i++) {
		if (wanted[i])
			err = fl_devlink_sublane_init(dl, i);
	}
	return err;
}

int fl_devlink_alloc(struct fl_plane *plane, struct fl_device *dev,
		     const struct fl_devlink_ops *ops, void *priv, struct fl_devlink **ret_dl)
{
	return fl_devlink_alloc_at(plane, dev, ops, priv, fl_devlink_index_reserve(plane, 1),
				   ret_dl);
}

static struct fl_devlink *devlink_new(struct fl_plane *plane, struct fl_lane *lane,
				      const struct fl_devlink_ops *ops, void *priv, uint32_t index)
{
	struct fl_devlink *dl = calloc(1, sizeof(*dl));

	if (!dl)
		return NULL;
	dl->refs = 1;
	dl->plane = plane;
	dl->lane = fl_lane_get(lane);
	dl->ops = ops;
	dl->priv = priv;
	dl->index = index;
	fl_lock_init(&dl->commit_lock, commit);
	return dl;
}

/* What may fail; then dl is freed. */
static int devlink_init(struct fl_devlink *dl, struct fl_devlink **ret_dl)
{
	const struct fl_devlink_ops *ops = dl->ops;
	int err;

	err = handle_init(dl);
	if (!err)
		err = version_init(dl);
	if (!err)
		err = sublanes_init(dl);
	if (err) {
		fl_devlink_free(dl);
		return err;
	}
	dl->owns_priv = ops->free;
	*ret_dl = dl;
	return 0;
}

int fl_devlink_alloc_at(struct fl_plane *plane, struct fl_device *dev,
			const struct fl_devlink_ops *ops, void *priv, uint32_t index,
			struct fl_devlink **ret_dl)
{
	struct fl_devlink *dl = devlink_new(plane, fl_device_lane(dev), ops, priv, index);

	if (!dl)
		return -ENOMEM;
	dl->device = fl_device_get(dev);
	return devlink_init(dl, ret_dl);
}

int fl_devlink_alloc_shared(struct fl_plane *plane, struct fl_lane *lane,
			    const struct fl_driver *driver, const struct fl_devlink_ops *ops,
			    void *priv, uint32_t index, struct fl_devlink **ret_dl)
{
	struct fl_devlink *dl = devlink_new(plane, lane, ops, priv, index);

	if (!dl)
		return -ENOMEM;
	dl->driver = driver;
	return devlink_init(dl, ret_dl);
}

int fl_devlink_begin_in(struct fl_devlink *dl, struct fl_netns *ns)
{
	struct fl_netns *before = dl->version->ns;
	int err;

	fl_assert(!dl->version->registered);
	err = fl_return_prepare(dl);
	if (err)
		return err;
	dl->version->ns = fl_netns_get(ns);
	fl_netns_put(before);
	return 0;
}

void fl_devlink_free(struct fl_devlink *dl)
{
	if (!dl)
		return;
	fl_assert(!dl->version || !dl->version->registered);
	if (dl->version) {
		fl_nested_forget(dl);
		fl_reporters_forget(dl);
	}
	for (int i = 0; i < FL_SUBLANES; i++) {
		if (dl->sublane[i])
			fl_lane_discard(dl->sublane[i]);
	}
	fl_devlink_put(dl);
}

/* ---- encoding --------------------------------------------------------------------- */

void fl_devlink_put_handle(struct fl_msg *msg, const struct fl_devlink *dl)
{
	fl_msg_put_raw(msg, dl->handle, dl->handle_len);
}

static void put_stats_entry(struct fl_msg *msg, unsigned int limit, uint32_t value)
{
	size_t nest = fl_msg_nest(msg, DEVLINK_ATTR_RELOAD_STATS_ENTRY, true);

	fl_msg_put_u8(msg, DEVLINK_ATTR_RELOAD_STATS_LIMIT, limit);
	fl_msg_put_u32(msg, DEVLINK_ATTR_RELOAD_STATS_VALUE, value);
	fl_msg_nest_end(msg, nest);
}

/* no_reset makes sense for a firmware activation only. */
static bool limit_fits(unsigned int action, unsigned int limit)
{
	return limit != DEVLINK_RELOAD_LIMIT_NO_RESET ||
	       action == DEVLINK_RELOAD_ACTION_FW_ACTIVATE;
}

/* Local statistics list the driver's actions and the limit unspecified; remote ones list
 * all of them. */
static void put_stats(struct fl_msg *msg, const struct fl_devlink *dl, uint16_t type, bool remote,
		      const struct fl_reload_stats *stats)
{
	size_t nest = fl_msg_nest(msg, type, true), info, entries;

	for (unsigned int action = 1; action < FL_RELOAD_ACTIONS; action++) {
		if (!remote && !(dl->ops->reload_actions & 1u << action))
			continue;
		info = fl_msg_nest(msg, DEVLINK_ATTR_RELOAD_ACTION_INFO, true);
		fl_msg_put_u8(msg, DEVLINK_ATTR_RELOAD_ACTION, action);
		entries = fl_msg_nest(msg, DEVLINK_ATTR_RELOAD_ACTION_STATS, true);
		for (unsigned int limit = 0; limit < FL_RELOAD_LIMITS; limit++) {
			if (!limit_fits(action, limit))
				continue;
			if (limit && !remote && !(dl->ops->reload_limits & 1u << limit))
				continue;
			put_stats_entry(msg, limit, stats->count[limit][action]);
		}
		fl_msg_nest_end(msg, entries);
		fl_msg_nest_end(msg, info);
	}
	fl_msg_nest_end(msg, nest);
}

struct fl_image *fl_devlink_encode(const struct fl_devlink *dl, bool reload_failed,
				   const struct fl_reload_stats *stats,
				   const struct fl_reload_stats *remote)
{
	struct fl_image *image;
	struct fl_msg msg;
	size_t nest;

	fl_msg_init(&msg);
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, 0, 0, 0, DEVLINK_CMD_NEW, 1);
	fl_devlink_put_handle(&msg, dl);
	fl_msg_put_u8(&msg, DEVLINK_ATTR_RELOAD_FAILED, reload_failed);
	nest = fl_msg_nest(&msg, DEVLINK_ATTR_DEV_STATS, true);
	put_stats(&msg, dl, DEVLINK_ATTR_RELOAD_STATS, false, stats);
	put_stats(&msg, dl, DEVLINK_ATTR_REMOTE_RELOAD_STATS, true, remote);
	fl_msg_nest_end(&msg, nest);
	fl_msg_end(&msg);
	image = fl_image_new(&msg);
	fl_msg_done(&msg);
	return image;
}

/* ---- finding ---------------------------------------------------------------------- */

bool fl_devlink_in(const struct fl_devlink *dl, const struct fl_netns *ns)
{
	const struct fl_version *version = fl_devlink_version(dl);

	return version->registered && version->ns == ns;
}

static struct fl_devlink *find_by_index(const struct fl_req *req, uint64_t index)
{
	return fl_pmap_get(fl_rcu_deref(req->ns->instances), index);
}

/* "devlink_index/7" names whichever instance has that index, as in the kernel, even if it has
 * a handle of its own. */
static struct fl_devlink *find_by_name(const struct fl_req *req, const char *bus, const char *dev)
{
	uint64_t index = 0;
	size_t digits;

	if (strcmp(bus, FL_INDEX_BUS))
		return fl_plane_find(req->plane, bus, dev);
	digits = strspn(dev, "0123456789");
	if (!digits || dev[digits])
		return NULL;
	for (; *dev && index <= UINT32_MAX; dev++)
		index = 10 * index + (uint64_t)(*dev - '0');
	return index <= UINT32_MAX ? find_by_index(req, index) : NULL;
}

int fl_req_devlink(const struct fl_req *req, struct fl_devlink **ret_dl,
		   const struct fl_version **ret_version)
{
	const struct fl_version *version;
	const struct nlattr *bus = req->tb[DEVLINK_ATTR_BUS_NAME];
	const struct nlattr *dev = req->tb[DEVLINK_ATTR_DEV_NAME];
	struct fl_devlink *dl;

	if (req->tb[DEVLINK_ATTR_INDEX] ? bus || dev : !bus || !dev)
		return -EINVAL;
	dl = bus ? find_by_name(req, fl_attr_str(bus), fl_attr_str(dev)) :
		   find_by_index(req, fl_attr_uint(req->tb[DEVLINK_ATTR_INDEX]));
	if (!dl)
		return -ENODEV;
	version = fl_devlink_version(dl);
	if (!version->registered || version->ns != req->ns)
		return -ENODEV;
	*ret_dl = dl;
	*ret_version = version;
	return 0;
}

int fl_req_devlink_get(const struct fl_req *req, struct fl_devlink **ret_dl)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err && !fl_devlink_try_get(dl))
		err = -ENODEV;
	fl_rcu_read_unlock();
	if (!err)
		*ret_dl = dl;
	return err;
}

void fl_instance_iter_init(struct fl_instance_iter *iter, const struct fl_netns *ns, uint64_t from)
{
	iter->ns = ns;
	fl_pmap_iter_init(&iter->iter, fl_rcu_deref(ns->instances), from);
}

struct fl_devlink *fl_instance_iter_next(struct fl_instance_iter *iter,
					 const struct fl_version **ret_version)
{
	const struct fl_version *version;
	struct fl_devlink *dl;

	while ((dl = fl_pmap_iter_next(&iter->iter))) {
		version = fl_devlink_version(dl);
		if (version->registered && version->ns == iter->ns) {
			*ret_version = version;
			return dl;
		}
	}
	return NULL;
}

/* ---- DEVLINK_CMD_GET -------------------------------------------------------------- */

/* Context: RCU read section. */
static int put_dev(struct fl_msg *msg, const struct fl_version *version, uint16_t flags,
		   const struct fl_req *req)
{
	size_t at = msg->len;
	int err = fl_image_put(msg, version->dev, DEVLINK_CMD_NEW, flags, req->nlh->nlmsg_seq,
			       req->portid);

	return err ? err : fl_devlink_put_all_nested(msg, at, version, req->ns);
}

int fl_instance_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err)
		err = put_dev(&req->reply, version, 0, req);
	fl_rcu_read_unlock();
	return err;
}

int fl_instance_get_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	struct fl_instance_iter iter;
	const struct fl_version *version;
	struct fl_devlink *dl;
	int more = 0;

	fl_rcu_read_lock();
	fl_instance_iter_init(&iter, req->ns, dump->position[0]);
	while ((dl = fl_instance_iter_next(&iter, &version))) {
		if (put_dev(dump->msg, version, NLM_F_MULTI, req)) {
			dump->full = true;
			more = 1;
			break;
		}
		dump->position[0] = dl->index + 1ULL;
	}
	fl_rcu_read_unlock();
	return more;
}
