/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plane.c - the plane: what holds the scheduler, the namespaces and the buses together,
 * and its index of instances.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/instance.h"
#include "core/plane-private.h"

/* ---- indexes ---------------------------------------------------------------------- */

struct handle {
	const char *bus, *dev;
};

static uint64_t handle_hash(const void *name)
{
	const struct handle *handle = name;

	return fl_hash(handle->dev, strlen(handle->dev),
		       fl_hash(handle->bus, strlen(handle->bus), 0));
}

static bool handle_is(const void *thing, const void *name)
{
	const struct fl_devlink *dl = thing;
	const struct handle *handle = name;

	return !strcmp(fl_devlink_dev_name(dl), handle->dev) &&
	       !strcmp(fl_devlink_bus_name(dl), handle->bus);
}

static const struct fl_index_ops handle_ops = { handle_hash, handle_is };

static struct handle handle_of(const struct fl_devlink *dl)
{
	return (struct handle){ fl_devlink_bus_name(dl), fl_devlink_dev_name(dl) };
}

struct fl_devlink *fl_plane_find(struct fl_plane *plane, const char *bus, const char *dev)
{
	const struct handle handle = { bus, dev };

	return fl_index_find(&plane->handles, &handle);
}

int fl_plane_index_add(struct fl_plane *plane, struct fl_devlink *dl)
{
	const struct handle handle = handle_of(dl);
	int err = fl_index_add(&plane->handles, &handle, fl_devlink_get(dl));

	if (err)
		fl_devlink_put(dl);
	return err;
}

void fl_plane_index_del(struct fl_plane *plane, struct fl_devlink *dl)
{
	const struct handle handle = handle_of(dl);

	if (fl_index_del(&plane->handles, &handle, dl))
		fl_devlink_put(dl);
}

int fl_netns_index_add(struct fl_netns *ns, struct fl_devlink *dl)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root;
	void *before;
	int err;

	err = fl_pmap_reserve(&edit, 1);
	if (err) {
		fl_pmap_edit_abort(&edit);
		return err;
	}
	fl_devlink_get(dl);
	fl_lock_take(&ns->index_lock);
	root = ns->instances;
	before = fl_pmap_set(&edit, &root, dl->index, dl);
	fl_rcu_assign(ns->instances, root);
	fl_lock_drop(&ns->index_lock);
	fl_pmap_edit_done(&edit);
	if (before)
		fl_devlink_put(dl);
	return 0;
}

void fl_netns_index_del(struct fl_netns *ns, struct fl_devlink *dl)
{
	struct fl_pmap_edit edit = { 0 };
	struct fl_pmap_node *root;
	void *before;

	fl_index_reserve_removal(&edit);
	fl_lock_take(&ns->index_lock);
	root = ns->instances;
	before = fl_pmap_set(&edit, &root, dl->index, NULL);
	fl_rcu_assign(ns->instances, root);
	fl_lock_drop(&ns->index_lock);
	fl_pmap_edit_done(&edit);
	if (before)
		fl_devlink_put(dl);
}

uint32_t fl_devlink_index_reserve(struct fl_plane *plane, uint32_t count)
{
	return __atomic_fetch_add(&plane->next_index, count, __ATOMIC_RELAXED);
}

/* ---- events ----------------------------------------------------------------------- */

static void plane_on_death(struct fl_netns *ns, void *arg)
{
	struct fl_pmap_iter iter;
	struct fl_devlink *dl;

	/* ns is dead by now. Who moves in after this walk finds that himself: commit_tell(). */
	fl_rcu_read_lock();
	fl_pmap_iter_init(&iter, fl_rcu_deref(ns->instances), 0);
	while ((dl = fl_pmap_iter_next(&iter))) {
		/* It may have left the index, and be on its way out. */
		if (!fl_devlink_try_get(dl))
			continue;
		fl_return_post(dl, ns);
		fl_devlink_put(dl);
	}
	fl_rcu_read_unlock();
}

static void plane_on_events(struct fl_netns *ns, void *arg)
{
	struct fl_plane *plane = arg;
	void (*on_events)(struct fl_netns *ns, void *arg);

	/* Who unsets the callback waits for a grace period before he goes. */
	fl_rcu_read_lock();
	on_events = __atomic_load_n(&plane->on_events, __ATOMIC_ACQUIRE);
	if (on_events)
		on_events(ns, __atomic_load_n(&plane->on_events_arg, __ATOMIC_ACQUIRE));
	fl_rcu_read_unlock();
}

void fl_plane_set_on_events(struct fl_plane *plane,
			    void (*on_events)(struct fl_netns *ns, void *arg), void *arg)
{
	__atomic_store_n(&plane->on_events_arg, arg, __ATOMIC_RELEASE);
	__atomic_store_n(&plane->on_events, on_events, __ATOMIC_RELEASE);
}

/* ---- life ------------------------------------------------------------------------- */

struct fl_bus_root *fl_plane_bus(struct fl_plane *plane)
{
	return plane->bus;
}

struct fl_sched *fl_plane_sched(struct fl_plane *plane)
{
	return plane->sched;
}

struct fl_netns_table *fl_plane_netns(struct fl_plane *plane)
{
	return plane->netns;
}

static int netns_start(struct fl_plane *plane, const struct fl_plane_config *config)
{
	struct fl_netns_config netns_config = {
		.log_bytes = config->log_bytes,
		.on_death = plane_on_death,
		.on_events = plane_on_events,
		.arg = plane,
	};

	return fl_netns_table_new(plane->sched, &netns_config, &plane->netns);
}

int fl_plane_new(const struct fl_plane_config *config, struct fl_plane **ret_plane)
{
	struct fl_plane *plane = calloc(1, sizeof(*plane));
	int err;

	if (!plane)
		return -ENOMEM;
	fl_lock_init(&plane->index_lock, plane_index);
	plane->handles = (struct fl_index){ .ops = &handle_ops, .lock = &plane->index_lock };
	fl_knobs_init(plane);
	fl_plane_set_on_events(plane, config->on_events, config->arg);
	err = fl_sched_new(&config->sched, &plane->sched);
	if (!err)
		err = netns_start(plane, config);
	if (!err)
		err = fl_bus_root_new(plane->sched, &plane->bus);
	if (err) {
		fl_plane_free(plane);
		return err;
	}
	*ret_plane = plane;
	return 0;
}

static void remove_root_device(struct fl_device *dev, void *arg)
{
	if (!fl_device_parent(dev))
		fl_device_remove_post(dev, NULL, NULL, NULL);
}

static void remove_all_devices(struct fl_plane *plane)
{
	/* Devices that do not let go, one below another, cost a few deadlines. */
	uint64_t deadline = 6 * fl_sched_config(plane->sched)->remove_deadline_ns;

	while (fl_bus_walk(plane->bus, remove_root_device, NULL))
		fl_log(FL_LOG_ERR, "out of memory while devices are removed; trying again");
	if (fl_sched_drain(plane->sched, deadline))
		fl_log(FL_LOG_WARN, "some operations did not end; leaving them behind");
}

/* What RCU frees may drop the last reference on something that RCU frees: an instance, its
 * version, its namespace, the table of namespaces. */
#define RCU_HOPS 6

static void wait_for_rcu(void)
{
	for (int i = 0; i < RCU_HOPS; i++)
		fl_rcu_barrier();
}

void fl_plane_free(struct fl_plane *plane)
{
	if (!plane)
		return;
	if (plane->bus)
		remove_all_devices(plane);
	if (plane->netns)
		fl_netns_table_free(plane->netns);
	wait_for_rcu();
	if (plane->bus)
		fl_bus_root_free(plane->bus);
	if (plane->sched)
		fl_sched_free(plane->sched);
	wait_for_rcu();
	fl_knobs_free(plane);
	fl_lock_done(&plane->index_lock);
	free(plane);
}

/* ---- looking in ------------------------------------------------------------------- */

static void instance_info(const struct fl_plane *plane, const struct fl_devlink *dl,
			  struct fl_instance_info *ret_info)
{
	const struct fl_version *version = fl_devlink_version(dl);
	const struct fl_driver *driver = fl_devlink_driver(dl);
	const struct fl_netns *initial = fl_netns_initial(plane->netns);

	memset(ret_info, 0, sizeof(*ret_info));
	snprintf(ret_info->bus, sizeof(ret_info->bus), "%s", fl_devlink_bus_name(dl));
	snprintf(ret_info->dev, sizeof(ret_info->dev), "%s", fl_devlink_dev_name(dl));
	snprintf(ret_info->driver, sizeof(ret_info->driver), "%s", driver ? driver->name : "");
	ret_info->index = dl->index;
	ret_info->netns_cookie = version->ns->cookie;
	ret_info->in_initial_netns = version->ns == initial;
	ret_info->reload_failed = version->reload_failed;
	ret_info->ports = version->obj_count[FL_OBJ_PORT];
	ret_info->params = version->obj_count[FL_OBJ_PARAM];
	ret_info->version = version->seq;
}

#define WALK_BATCH 64

int fl_plane_walk(struct fl_plane *plane,
		  void (*fn)(const struct fl_instance_info *info, void *arg), void *arg)
{
	struct fl_instance_info *infos;
	struct fl_pmap_iter iter;
	struct fl_devlink *dl;
	uint64_t from = 0;
	int n;

	infos = calloc(WALK_BATCH, sizeof(*infos));
	if (!infos)
		return -ENOMEM;
	do {
		n = 0;
		fl_rcu_read_lock();
		fl_index_iter_init(&iter, &plane->handles, from);
		while (n < WALK_BATCH && (dl = fl_pmap_iter_next(&iter))) {
			instance_info(plane, dl, &infos[n++]);
			from = iter.key + 1;
		}
		fl_rcu_read_unlock();
		for (int i = 0; i < n; i++)
			fn(&infos[i], arg);
	} while (n == WALK_BATCH);
	free(infos);
	return 0;
}
