/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resource-cmd.c - what clients ask of resources: RESOURCE_DUMP, which answers one device or
 * port with its whole tree in as many messages as it takes, or, as a dump, all of them;
 * RESOURCE_SET. Nothing is announced.
 */
#include <errno.h>

#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/port.h"
#include "core/resource.h"

/* The kernel's messages here have the room that one page leaves; its clients count on no more. */
#define RESOURCE_MSG_MAX 3776

/* ---- RESOURCE_DUMP, do ------------------------------------------------------------ */

/* The tree that the request names. Context: RCU read section. */
static int req_tree(const struct fl_req *req, const struct fl_resource_tree **ret_tree)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_PORT_INDEX];
	const struct fl_resource_tree *tree;
	const struct fl_version *version;
	struct fl_devlink *dl;
	int err;

	err = fl_req_devlink(req, &dl, &version);
	if (err)
		return err;
	if (attr && !fl_port_find(version, fl_attr_u32(attr)))
		return -ENODEV;
	tree = attr ? fl_port_resource_tree(version, fl_attr_u32(attr)) :
		      fl_resource_tree(version);
	if (!tree || !tree->tops)
		return -EOPNOTSUPP;
	*ret_tree = tree;
	return 0;
}

static int put_tree(struct fl_req *req)
{
	const struct fl_resource_tree *tree;
	size_t from = 0;
	int err;

	err = req_tree(req, &tree);
	while (!err && from < tree->tops)
		err = fl_resource_put(&req->reply, tree, RESOURCE_MSG_MAX, NLM_F_MULTI,
				      req->nlh->nlmsg_seq, req->portid, &from);
	return err;
}

int fl_resource_dump_doit(struct fl_req *req)
{
	int err;

	fl_rcu_read_lock();
	err = put_tree(req);
	fl_rcu_read_unlock();
	if (err)
		return err;
	/* Without an error in it, other than the end of a dump. */
	fl_msg_begin_plain(&req->reply, NLMSG_DONE, NLM_F_MULTI, req->nlh->nlmsg_seq, req->portid);
	fl_msg_end(&req->reply);
	return req->reply.err;
}

/* ---- RESOURCE_DUMP, dump ---------------------------------------------------------- */

/*
 * position[1]: 0: the device's; else the key of the tree among those of ports, plus 1.
 * position[2]: the place at its top to go on from.
 */
static int dump_tree(struct fl_req *req, struct fl_dump *dump, const struct fl_resource_tree *tree)
{
	size_t from = dump->position[2];
	int err = 0;

	while (!err && from < tree->tops)
		err = fl_resource_put(dump->msg, tree, SIZE_MAX, fl_dump_flags(req),
				      req->nlh->nlmsg_seq, req->portid, &from);
	dump->position[2] = from;
	dump->full = err;
	return err ? 1 : 0;
}

static int dump_ports(struct fl_req *req, struct fl_dump *dump, const struct fl_version *version)
{
	const struct fl_resource_tree *tree;
	struct fl_pmap_iter iter;

	fl_pmap_iter_init(&iter, version->objs[FL_OBJ_PORT_RESOURCE], dump->position[1] - 1);
	while ((tree = fl_pmap_iter_next(&iter))) {
		/* The one that was begun may have gone meanwhile. */
		if (tree->obj.key + 1 != dump->position[1])
			dump->position[2] = 0;
		dump->position[1] = tree->obj.key + 1;
		if (dump_tree(req, dump, tree))
			return 1;
		dump->position[1] = tree->obj.key + 2;
		dump->position[2] = 0;
	}
	return 0;
}

static int dump_instance(struct fl_req *req, struct fl_dump *dump, struct fl_devlink *dl,
			 const struct fl_version *version, const void *arg)
{
	const uint32_t *scope = arg;
	const struct fl_resource_tree *tree = fl_resource_tree(version);

	if (!dump->position[1] && tree && *scope & DEVLINK_RESOURCE_SCOPE_DEV &&
	    dump_tree(req, dump, tree))
		return 1;
	if (!(*scope & DEVLINK_RESOURCE_SCOPE_PORT))
		return 0;
	if (!dump->position[1]) {
		dump->position[1] = 1;
		dump->position[2] = 0;
	}
	return dump_ports(req, dump, version);
}

int fl_resource_dump_dumpit(struct fl_req *req, struct fl_dump *dump)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_RESOURCE_SCOPE_MASK];
	uint32_t scope = DEVLINK_RESOURCE_SCOPE_DEV | DEVLINK_RESOURCE_SCOPE_PORT;

	if (attr)
		scope = fl_attr_u32(attr);
	if (!scope) {
		fl_extack_set_attr(&req->extack, attr, "empty resource scope selection");
		return -EINVAL;
	}
	return fl_dump_instances(req, dump, dump_instance, &scope);
}

/* ---- RESOURCE_SET ----------------------------------------------------------------- */

static int resource_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct nlattr **tb = cmd->req->tb;

	return fl_resource_size_set(cmd->txn, fl_attr_u64(tb[DEVLINK_ATTR_RESOURCE_ID]),
				    fl_attr_u64(tb[DEVLINK_ATTR_RESOURCE_SIZE]));
}

static const struct fl_cmd_op_type resource_set_type = {
	FL_CMD_OP("resource-set", 0),
	.work = resource_set_work,
};

static int check_attrs(struct fl_req *req)
{
	static const uint16_t needed[] = { DEVLINK_ATTR_RESOURCE_ID, DEVLINK_ATTR_RESOURCE_SIZE };

	for (size_t i = 0; i < FL_ARRAY_SIZE(needed); i++) {
		if (req->tb[needed[i]])
			continue;
		fl_extack_miss(&req->extack, NULL, needed[i]);
		return -EINVAL;
	}
	return 0;
}

int fl_resource_set_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	struct fl_lane *lane;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	err = check_attrs(req);
	lane = fl_rcu_deref(dl->sublane[FL_SUBLANE_RESOURCES]);
	/* One that never had resources does not have this one either. */
	if (!err && !lane)
		err = -EINVAL;
	if (!err)
		return fl_cmd_op_post(req, &resource_set_type, dl, lane, 0, NULL);
	fl_devlink_put(dl);
	return err;
}
