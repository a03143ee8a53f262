/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dump.c - dumps of objects. A dump remembers keys, not places: between two of its
 * datagrams anything may change, and it goes on at the next key that is there then.
 * position[0] is the instance's index, the others are what is dumped of it; of objects,
 * position[1] is the key.
 */
#include <errno.h>

#include "core/commands.h"
#include "core/instance.h"

static bool names_instance(const struct fl_req *req)
{
	return req->tb[DEVLINK_ATTR_BUS_NAME] || req->tb[DEVLINK_ATTR_DEV_NAME] ||
	       req->tb[DEVLINK_ATTR_INDEX];
}

uint16_t fl_dump_flags(const struct fl_req *req)
{
	return NLM_F_MULTI | (names_instance(req) ? NLM_F_DUMP_FILTERED : 0);
}

static void dump_next_instance(struct fl_dump *dump, uint64_t index)
{
	dump->position[0] = index;
	dump->position[1] = dump->position[2] = dump->position[3] = 0;
}

static bool dump_began(const struct fl_dump *dump)
{
	return dump->position[1] || dump->position[2] || dump->position[3];
}

static int dump_one(struct fl_req *req, struct fl_dump *dump, fl_dump_fn fn, const void *arg)
{
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink(req, &dl, &version);
	/* An instance that goes away in the middle ends its dump. */
	if (err == -ENODEV && dump_began(dump))
		return 0;
	return err ? err : fn(req, dump, dl, version, arg);
}

static int dump_all(struct fl_req *req, struct fl_dump *dump, fl_dump_fn fn, const void *arg)
{
	struct fl_instance_iter iter;
	const struct fl_version *version;
	struct fl_devlink *dl;
	int more;

	fl_instance_iter_init(&iter, req->ns, dump->position[0]);
	while ((dl = fl_instance_iter_next(&iter, &version))) {
		if (dl->index != dump->position[0])
			dump_next_instance(dump, dl->index);
		more = fn(req, dump, dl, version, arg);
		if (more)
			return more;
		dump_next_instance(dump, dl->index + 1ULL);
	}
	return 0;
}

int fl_dump_instances(struct fl_req *req, struct fl_dump *dump, fl_dump_fn fn, const void *arg)
{
	int more;

	fl_rcu_read_lock();
	more = names_instance(req) ? dump_one(req, dump, fn, arg) : dump_all(req, dump, fn, arg);
	fl_rcu_read_unlock();
	return more;
}

struct dump_objs {
	enum fl_obj_kind kind;
	uint8_t cmd;
};

/* Returns 1 if an object did not fit. */
static int dump_objs(struct fl_req *req, struct fl_dump *dump, struct fl_devlink *dl,
		     const struct fl_version *version, const void *arg)
{
	const struct dump_objs *objs = arg;
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;

	fl_pmap_iter_init(&iter, version->objs[objs->kind], dump->position[1]);
	while ((obj = fl_pmap_iter_next(&iter))) {
		if (fl_obj_shown(obj) &&
		    fl_obj_put(dump->msg, obj, objs->cmd, fl_dump_flags(req),
			       req->nlh->nlmsg_seq, req->portid, req->ns)) {
			dump->full = true;
			return 1;
		}
		dump->position[1] = obj->key + 1;
	}
	return 0;
}

int fl_dump_objs(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind, uint8_t cmd)
{
	const struct dump_objs objs = { .kind = kind, .cmd = cmd };

	return fl_dump_instances(req, dump, dump_objs, &objs);
}

/* ---- of instances, then of their ports -------------------------------------------- */

struct dump_port_objs {
	enum fl_obj_kind kind[2]; /* position[2] tells at which */
	uint8_t cmd;
};

/* The keys of `kind` to be shown: all, or those of the port that the request names. */
static void dump_range(const struct fl_req *req, bool of_ports, uint64_t *ret_from,
		       uint64_t *ret_end)
{
	const struct nlattr *port = req->tb[DEVLINK_ATTR_PORT_INDEX];

	*ret_from = port && of_ports ? FL_PORT_KEY(fl_attr_u32(port), 0) : 0;
	*ret_end = port ? *ret_from + (of_ports ? FL_PORT_KEY(1, 0) : 0) : UINT64_MAX;
}

static int dump_one_kind(struct fl_req *req, struct fl_dump *dump,
			 const struct fl_version *version, const struct dump_port_objs *objs)
{
	bool of_ports = dump->position[2];
	uint16_t flags = fl_dump_flags(req);
	struct fl_pmap_iter iter;
	const struct fl_obj *obj;
	uint64_t from, end;

	if (req->tb[DEVLINK_ATTR_PORT_INDEX])
		flags |= NLM_F_DUMP_FILTERED;
	dump_range(req, of_ports, &from, &end);
	if (from < dump->position[1])
		from = dump->position[1];
	fl_pmap_iter_init(&iter, version->objs[objs->kind[of_ports]], from);
	while ((obj = fl_pmap_iter_next(&iter)) && obj->key < end) {
		if (fl_obj_put(dump->msg, obj, objs->cmd, flags, req->nlh->nlmsg_seq, req->portid,
			       req->ns)) {
			dump->full = true;
			return 1;
		}
		dump->position[1] = obj->key + 1;
	}
	return 0;
}

static int dump_port_objs(struct fl_req *req, struct fl_dump *dump, struct fl_devlink *dl,
			  const struct fl_version *version, const void *arg)
{
	if (!dump->position[2]) {
		if (dump_one_kind(req, dump, version, arg))
			return 1;
		dump->position[1] = 0;
		dump->position[2] = 1;
	}
	return dump_one_kind(req, dump, version, arg);
}

int fl_dump_port_objs(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind,
		      enum fl_obj_kind port_kind, uint8_t cmd)
{
	const struct dump_port_objs objs = { .kind = { kind, port_kind }, .cmd = cmd };

	return fl_dump_instances(req, dump, dump_port_objs, &objs);
}
