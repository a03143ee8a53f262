/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dump.c - dumps of objects. A dump remembers keys, not places: between two of its
 * datagrams anything may change, and it goes on at the next key that is there then.
 * position[0] is the instance's index, position[1] the object's key.
 */
#include <errno.h>

#include "core/commands.h"
#include "core/instance.h"

/* Returns 1 if an object did not fit. */
static int dump_instance(struct fl_req *req, struct fl_dump *dump, const struct fl_version *version,
			 enum fl_obj_kind kind, uint8_t cmd)
{
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[kind], dump->position[1]);
	while ((obj = fl_pmap_iter_next(&iter))) {
		if (fl_obj_shown(obj) &&
		    fl_obj_put(dump->msg, obj, cmd, NLM_F_MULTI, req->nlh->nlmsg_seq, req->portid,
			       req->ns)) {
			dump->full = true;
			return 1;
		}
		dump->position[1] = obj->key + 1;
	}
	return 0;
}

static int dump_one(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind, uint8_t cmd)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink(req, &dl, &version);
	/* An instance that goes away in the middle ends its dump. */
	if (err == -ENODEV && dump->position[1])
		return 0;
	return err ? err : dump_instance(req, dump, version, kind, cmd);
}

static int dump_all(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind, uint8_t cmd)
{
	struct fl_instance_iter iter;
	const struct fl_version *version;
	struct fl_devlink *dl;

	fl_instance_iter_init(&iter, req->ns, dump->position[0]);
	while ((dl = fl_instance_iter_next(&iter, &version))) {
		if (dl->index != dump->position[0]) {
			dump->position[0] = dl->index;
			dump->position[1] = 0;
		}
		if (dump_instance(req, dump, version, kind, cmd))
			return 1;
		dump->position[0] = dl->index + 1ULL;
		dump->position[1] = 0;
	}
	return 0;
}

int fl_dump_objs(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind, uint8_t cmd)
{
	bool named = req->tb[DEVLINK_ATTR_BUS_NAME] || req->tb[DEVLINK_ATTR_DEV_NAME] ||
		     req->tb[DEVLINK_ATTR_INDEX];
	int more;

	fl_rcu_read_lock();
	more = named ? dump_one(req, dump, kind, cmd) : dump_all(req, dump, kind, cmd);
	fl_rcu_read_unlock();
	return more;
}
