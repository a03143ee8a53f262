/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dpipe-cmd.c - what clients ask of the packet pipeline: DPIPE_TABLE_GET, _ENTRIES_GET,
 * _HEADERS_GET, _TABLE_COUNTERS_SET. Although none is a dump, an answer is as many messages as
 * it needs, none larger than a page, and ends with NLMSG_DONE.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/border.h"
#include "core/cell.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "core/dpipe.h"

#define MESSAGE_MAX 3776 /* a page without the kernel's overhead */

/* ---- answers of many messages ----------------------------------------------------- */

/* Items, each a nest, in messages that all begin alike. */
struct fl_dpipe_answer {
	struct fl_req *req;
	const struct fl_devlink *dl;
	uint8_t cmd;
	uint16_t list; /* the attribute that holds the items */
	size_t nest;
	bool empty;	    /* the message begun last */
	struct fl_msg item; /* under construction */
	int err;
};

static void answer_begin(struct fl_dpipe_answer *answer)
{
	const struct fl_req *req = answer->req;
	struct fl_msg *msg = &answer->req->reply;

	fl_msg_begin(msg, req->nlh->nlmsg_type, NLM_F_MULTI, req->nlh->nlmsg_seq, req->portid,
		     answer->cmd, 1);
	fl_devlink_put_handle(msg, answer->dl);
	answer->nest = fl_msg_nest(msg, answer->list, false);
	answer->empty = true;
}

static void answer_end(struct fl_dpipe_answer *answer)
{
	fl_msg_nest_end(&answer->req->reply, answer->nest);
	fl_msg_end(&answer->req->reply);
}

static void answer_init(struct fl_dpipe_answer *answer, struct fl_req *req,
			const struct fl_devlink *dl, uint8_t cmd, uint16_t list)
{
	*answer = (struct fl_dpipe_answer){ .req = req, .dl = dl, .cmd = cmd, .list = list };
	fl_msg_init(&answer->item);
	answer_begin(answer);
}

static void answer_fail(struct fl_dpipe_answer *answer, int err)
{
	if (!answer->err)
		answer->err = err;
}

/* Puts the item that was built into this message, or begins the next. */
static void answer_put(struct fl_dpipe_answer *answer)
{
	struct fl_msg *item = &answer->item, *msg = &answer->req->reply;

	if (item->err)
		answer_fail(answer, item->err);
	if (!answer->err && !answer->empty && msg->len - msg->begun + item->len > MESSAGE_MAX) {
		answer_end(answer);
		answer_begin(answer);
	}
	if (!answer->err && msg->len - msg->begun + item->len > MESSAGE_MAX)
		answer_fail(answer, -EMSGSIZE);
	if (!answer->err) {
		fl_msg_put_raw(msg, item->buf, item->len);
		answer->empty = false;
	}
	fl_msg_reset(item);
}

static int answer_done(struct fl_dpipe_answer *answer)
{
	struct fl_req *req = answer->req;

	fl_msg_done(&answer->item);
	answer_end(answer);
	fl_msg_begin_plain(&req->reply, NLMSG_DONE, NLM_F_MULTI, req->nlh->nlmsg_seq, req->portid);
	fl_msg_end(&req->reply);
	return answer->err ? answer->err : req->reply.err;
}

/* ---- DPIPE_TABLE_GET: from the version -------------------------------------------- */

static void answer_table(struct fl_dpipe_answer *answer, const struct fl_dpipe_obj *table)
{
	const struct fl_image *image = table->obj.image;
	uint64_t size = 0;

	if (table->desc->table.size && !fl_cell_read(table->desc->table.size, &size))
		answer_fail(answer, -EIO);
	fl_msg_put_raw(&answer->item, image->data + table->table_at, image->len - table->table_at);
	if (!answer->item.err)
		memcpy(answer->item.buf + table->size_at - table->table_at, &size, sizeof(size));
	answer_put(answer);
}

int fl_dpipe_table_get_doit(struct fl_req *req)
{
	const struct nlattr *name = req->tb[DEVLINK_ATTR_DPIPE_TABLE_NAME];
	const struct fl_version *version;
	const struct fl_dpipe_obj *table;
	struct fl_dpipe_answer answer;
	struct fl_pmap_iter iter;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	if (!err) {
		answer_init(&answer, req, dl, DEVLINK_CMD_DPIPE_TABLE_GET,
			    DEVLINK_ATTR_DPIPE_TABLES);
		fl_pmap_iter_init(&iter, version->objs[FL_OBJ_DPIPE_TABLE], 0);
		while ((table = fl_pmap_iter_next(&iter))) {
			if (!name || !strcmp(table->desc->table.name, fl_attr_str(name)))
				answer_table(&answer, table);
		}
		err = answer_done(&answer);
	}
	fl_rcu_read_unlock();
	return err;
}

/* ---- DPIPE_HEADERS_GET: they never change ----------------------------------------- */

static void answer_header(struct fl_dpipe_answer *answer, const struct fl_dpipe_header *header)
{
	struct fl_msg *msg = &answer->item;
	size_t nest = fl_msg_nest(msg, DEVLINK_ATTR_DPIPE_HEADER, false), fields, one;

	fl_msg_put_str(msg, DEVLINK_ATTR_DPIPE_HEADER_NAME, header->name);
	fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_HEADER_ID, header->id);
	fl_msg_put_u8(msg, DEVLINK_ATTR_DPIPE_HEADER_GLOBAL, header->global);
	fields = fl_msg_nest(msg, DEVLINK_ATTR_DPIPE_HEADER_FIELDS, false);
	for (size_t i = 0; i < header->field_count; i++) {
		const struct fl_dpipe_field *field = &header->fields[i];

		one = fl_msg_nest(msg, DEVLINK_ATTR_DPIPE_FIELD, false);
		fl_msg_put_str(msg, DEVLINK_ATTR_DPIPE_FIELD_NAME, field->name);
		fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_FIELD_ID, field->id);
		fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_FIELD_BITWIDTH, field->bitwidth);
		fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_FIELD_MAPPING_TYPE, field->mapping);
		fl_msg_nest_end(msg, one);
	}
	fl_msg_nest_end(msg, fields);
	fl_msg_nest_end(msg, nest);
	answer_put(answer);
}

int fl_dpipe_headers_get_doit(struct fl_req *req)
{
	const struct fl_version *version;
	const struct fl_dpipe_ops *ops;
	struct fl_dpipe_answer answer;
	struct fl_devlink *dl;
	int err;

	fl_rcu_read_lock();
	err = fl_req_devlink(req, &dl, &version);
	ops = err ? NULL : dl->ops->dpipe;
	if (!err && (!ops || !ops->headers))
		err = -EOPNOTSUPP;
	if (!err) {
		answer_init(&answer, req, dl, DEVLINK_CMD_DPIPE_HEADERS_GET,
			    DEVLINK_ATTR_DPIPE_HEADERS);
		for (size_t i = 0; i < ops->header_count; i++)
			answer_header(&answer, ops->headers[i]);
		err = answer_done(&answer);
	}
	fl_rcu_read_unlock();
	return err;
}

/* ---- DPIPE_ENTRIES_GET: the device is asked --------------------------------------- */

static void value_put(struct fl_msg *msg, const struct fl_dpipe_value *value)
{
	fl_msg_put(msg, DEVLINK_ATTR_DPIPE_VALUE, value->value, value->size);
	if (value->mask)
		fl_msg_put(msg, DEVLINK_ATTR_DPIPE_VALUE_MASK, value->mask, value->size);
	if (value->has_mapping)
		fl_msg_put_u32(msg, DEVLINK_ATTR_DPIPE_VALUE_MAPPING, value->mapping);
}

static void values_put(struct fl_msg *msg, uint16_t list, uint16_t item,
		       const struct fl_dpipe_value *values, size_t count,
		       void (*put)(struct fl_msg *msg, const struct fl_dpipe_ref *ref))
{
	size_t nest = fl_msg_nest(msg, list, false), one;

	for (size_t i = 0; i < count; i++) {
		one = fl_msg_nest(msg, item, false);
		put(msg, &values[i].ref);
		value_put(msg, &values[i]);
		fl_msg_nest_end(msg, one);
	}
	fl_msg_nest_end(msg, nest);
}

void fl_dpipe_entry_put(struct fl_dpipe_answer *answer, const struct fl_dpipe_entry *entry)
{
	struct fl_msg *msg = &answer->item;
	size_t nest;

	if (answer->err)
		return;
	nest = fl_msg_nest(msg, DEVLINK_ATTR_DPIPE_ENTRY, false);
	fl_msg_put_u64(msg, DEVLINK_ATTR_DPIPE_ENTRY_INDEX, entry->index);
	if (entry->has_counter)
		fl_msg_put_u64(msg, DEVLINK_ATTR_DPIPE_ENTRY_COUNTER, entry->counter);
	values_put(msg, DEVLINK_ATTR_DPIPE_ENTRY_MATCH_VALUES, DEVLINK_ATTR_DPIPE_MATCH_VALUE,
		   entry->matches, entry->match_count, fl_dpipe_match_put);
	values_put(msg, DEVLINK_ATTR_DPIPE_ENTRY_ACTION_VALUES, DEVLINK_ATTR_DPIPE_ACTION_VALUE,
		   entry->actions, entry->action_count, fl_dpipe_action_put);
	fl_msg_nest_end(msg, nest);
	answer_put(answer);
}

/* Of ENTRIES_GET and TABLE_COUNTERS_SET. */
struct dpipe_cmd {
	uint64_t key;
	struct fl_dpipe_desc *desc; /* counted */
	bool counters;		    /* as they are */
	struct fl_dpipe_answer answer;
};

static void dpipe_over(struct fl_cmd_op *cmd, int err)
{
	struct dpipe_cmd *dpipe = cmd->arg;

	fl_dpipe_desc_put(dpipe->desc);
	fl_msg_done(&dpipe->answer.item);
	free(dpipe);
}

static int dpipe_find(struct fl_cmd_op *cmd, struct dpipe_cmd *dpipe)
{
	return fl_dpipe_desc_find(cmd->txn,
				  fl_attr_str(cmd->req->tb[DEVLINK_ATTR_DPIPE_TABLE_NAME]),
				  &dpipe->key, &dpipe->desc, &dpipe->counters);
}

static int entries_told(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct dpipe_cmd *dpipe = cmd->arg;
	int err = answer_done(&dpipe->answer);

	return fl_op_result(op) ? fl_op_result(op) : err;
}

static int entries_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct fl_dpipe_ops *ops = cmd->dl->ops->dpipe;
	struct dpipe_cmd *dpipe = cmd->arg;
	const struct fl_dpipe_table *table;
	int err;

	err = dpipe_find(cmd, dpipe);
	if (err)
		return err;
	if (!ops || !ops->entries)
		return -EINVAL;
	table = &dpipe->desc->table;
	answer_init(&dpipe->answer, cmd->req, cmd->dl, DEVLINK_CMD_DPIPE_ENTRIES_GET,
		    DEVLINK_ATTR_DPIPE_ENTRIES);
	fl_op_then(op, entries_told);
	return fl_border_step(cmd->dl, "dpipe.entries",
			      ops->entries(op, cmd->txn, table->name, table->priv, dpipe->counters,
					   &dpipe->answer));
}

static const struct fl_cmd_op_type entries_type = {
	FL_CMD_OP("dpipe-entries-get", 0),
	.work = entries_work,
	.over = dpipe_over,
};

/* An instance that never had a table has no lane for them either. */
static int dpipe_post(struct fl_req *req, const struct fl_cmd_op_type *type, struct fl_devlink *dl)
{
	struct fl_lane *lane = fl_rcu_deref(dl->sublane[FL_SUBLANE_DPIPE]);
	struct dpipe_cmd *dpipe = lane ? calloc(1, sizeof(*dpipe)) : NULL;
	int err;

	if (!dpipe) {
		fl_devlink_put(dl);
		return lane ? -ENOMEM : -EINVAL;
	}
	err = fl_cmd_op_post(req, type, dl, lane, 0, dpipe);
	if (err < 0)
		free(dpipe);
	return err;
}

static int dpipe_doit(struct fl_req *req, const struct fl_cmd_op_type *type, uint16_t also)
{
	struct fl_devlink *dl;
	uint16_t miss = 0;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	if (!req->tb[DEVLINK_ATTR_DPIPE_TABLE_NAME])
		miss = DEVLINK_ATTR_DPIPE_TABLE_NAME;
	else if (!req->tb[also])
		miss = also;
	if (!miss)
		return dpipe_post(req, type, dl);
	fl_devlink_put(dl);
	fl_extack_miss(&req->extack, NULL, miss);
	return -EINVAL;
}

int fl_dpipe_entries_get_doit(struct fl_req *req)
{
	return dpipe_doit(req, &entries_type, DEVLINK_ATTR_DPIPE_TABLE_NAME);
}

/* ---- DPIPE_TABLE_COUNTERS_SET ----------------------------------------------------- */

static int counters_set_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct dpipe_cmd *dpipe = cmd->arg;

	if (!fl_op_result(op))
		fl_dpipe_counters_apply(cmd->txn, dpipe->key, !dpipe->counters);
	return fl_op_result(op);
}

static int counters_set_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	const struct fl_dpipe_ops *ops = cmd->dl->ops->dpipe;
	struct dpipe_cmd *dpipe = cmd->arg;
	const struct fl_dpipe_table *table;
	bool counters;
	int err;

	err = dpipe_find(cmd, dpipe);
	if (err)
		return err;
	table = &dpipe->desc->table;
	if (table->counters_extern)
		return -EOPNOTSUPP;
	counters = fl_attr_u8(cmd->req->tb[DEVLINK_ATTR_DPIPE_TABLE_COUNTERS_ENABLED]);
	if (counters == dpipe->counters)
		return 0;
	fl_op_then(op, counters_set_done);
	if (!ops || !ops->counters_set)
		return 0;
	return fl_border_step(cmd->dl, "dpipe.counters_set",
			      ops->counters_set(op, cmd->txn, table->name, table->priv, counters));
}

static const struct fl_cmd_op_type counters_set_type = {
	FL_CMD_OP("dpipe-counters-set", 0),
	.work = counters_set_work,
	.over = dpipe_over,
};

int fl_dpipe_table_counters_set_doit(struct fl_req *req)
{
	return dpipe_doit(req, &counters_set_type, DEVLINK_ATTR_DPIPE_TABLE_COUNTERS_ENABLED);
}
