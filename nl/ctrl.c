/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ctrl.c - nlctrl: how a client finds the family and its policies. */
#include "nl/ctrl.h"

#include <errno.h>
#include <libmnl/libmnl.h>

#include "base/die.h"
#include "nl/family.h"

#define CTRL_TB (CTRL_ATTR_OP + 1)
#define CTRL_POLICIES 192 /* two for each command, and those of nests */

/* What one answer is made of. */
struct answer {
	const struct nlmsghdr *request;
	uint32_t portid;
	struct fl_msg *msg;
};

static void begin(const struct answer *answer, uint8_t cmd)
{
	uint16_t flags = fl_nl_is_dump(answer->request) ? NLM_F_MULTI : 0;

	fl_msg_begin(answer->msg, FL_FAMILY_CTRL, flags, answer->request->nlmsg_seq, answer->portid,
		     cmd, fl_family_ctrl.version);
}

/* ---- GETFAMILY -------------------------------------------------------------------- */

static uint32_t told_flags(const struct fl_cmd *cmd)
{
	uint32_t flags = GENL_CMD_CAP_HASPOL;

	if (cmd->flags & FL_CMD_DO)
		flags |= GENL_CMD_CAP_DO;
	if (cmd->flags & FL_CMD_DUMP)
		flags |= GENL_CMD_CAP_DUMP;
	if (cmd->flags & FL_CMD_ADMIN)
		flags |= GENL_ADMIN_PERM;
	if (cmd->flags & FL_CMD_UNS_ADMIN)
		flags |= GENL_UNS_ADMIN_PERM;
	return flags;
}

static void put_ops(struct fl_msg *msg, const struct fl_family *family)
{
	size_t ops = fl_msg_nest(msg, CTRL_ATTR_OPS, false);
	uint16_t index = 1;

	for (unsigned int i = 0; i < *family->cmds_len; i++) {
		const struct fl_cmd *cmd = &family->cmds[i];
		size_t op;

		if (!cmd->name)
			continue;
		op = fl_msg_nest(msg, index++, false);
		fl_msg_put_u32(msg, CTRL_ATTR_OP_ID, cmd->cmd);
		fl_msg_put_u32(msg, CTRL_ATTR_OP_FLAGS, told_flags(cmd));
		fl_msg_nest_end(msg, op);
	}
	fl_msg_nest_end(msg, ops);
}

static void put_group(struct fl_msg *msg, const struct fl_family *family)
{
	size_t groups = fl_msg_nest(msg, CTRL_ATTR_MCAST_GROUPS, false);
	size_t group = fl_msg_nest(msg, 1, false);

	fl_msg_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, family->group_id);
	fl_msg_put_str(msg, CTRL_ATTR_MCAST_GRP_NAME, family->group);
	fl_msg_nest_end(msg, group);
	fl_msg_nest_end(msg, groups);
}

static void put_family(const struct answer *answer, const struct fl_family *family)
{
	struct fl_msg *msg = answer->msg;

	begin(answer, CTRL_CMD_NEWFAMILY);
	fl_msg_put_str(msg, CTRL_ATTR_FAMILY_NAME, family->name);
	fl_msg_put_u16(msg, CTRL_ATTR_FAMILY_ID, family->id);
	fl_msg_put_u32(msg, CTRL_ATTR_VERSION, family->version);
	fl_msg_put_u32(msg, CTRL_ATTR_HDRSIZE, 0);
	fl_msg_put_u32(msg, CTRL_ATTR_MAXATTR, 0);
	put_ops(msg, family);
	put_group(msg, family);
	fl_msg_end(msg);
}

int fl_ctrl_do(const struct nlmsghdr *request, uint32_t portid, struct fl_msg *reply,
	       struct fl_extack *extack)
{
	struct answer answer = { .request = request, .portid = portid, .msg = reply };
	const struct fl_family *family = NULL;
	const struct nlattr *tb[CTRL_TB];
	const struct fl_cmd *cmd;
	int err;

	err = fl_family_find_cmd(&fl_family_ctrl, request, &cmd, extack);
	if (err)
		return err;
	err = fl_cmd_parse(cmd, request, tb, CTRL_TB, extack);
	if (err)
		return err;
	if (!tb[CTRL_ATTR_FAMILY_ID] && !tb[CTRL_ATTR_FAMILY_NAME])
		return -EINVAL;
	/* With both, the name counts. */
	if (tb[CTRL_ATTR_FAMILY_NAME])
		family = fl_family_by_name(fl_attr_str(tb[CTRL_ATTR_FAMILY_NAME]));
	else
		family = fl_family_by_id(fl_attr_u16(tb[CTRL_ATTR_FAMILY_ID]));
	if (!family)
		return -ENOENT;
	put_family(&answer, family);
	return reply->err;
}

/* ---- GETPOLICY -------------------------------------------------------------------- */

/* The policies of a dump, in the order of their indexes; one that accepts nothing is NULL
 * and stands once. */
struct policies {
	unsigned int count;
	struct {
		const void *id; /* what counts as one */
		const struct fl_policy *policy;
		uint16_t max;
	} at[CTRL_POLICIES];
};

static int policies_find(const struct policies *list, const void *id)
{
	for (unsigned int i = 0; i < list->count; i++)
		if (list->at[i].id == id)
			return (int)i;
	return -1;
}

static void policies_append(struct policies *list, const void *id, const struct fl_policy *policy,
			    uint16_t max)
{
	fl_assert(list->count < CTRL_POLICIES);
	list->at[list->count].id = id;
	list->at[list->count].policy = policy;
	list->at[list->count++].max = max;
}

/* The policy of a command, which is where `field` says: its array, unless others happen to have
 * an equal one. */
static const void *policy_id(const struct fl_cmd *cmd, const struct fl_policy *const *field)
{
	return *field && cmd->flags & FL_CMD_SHARES ? (const void *)field : *field;
}

/* Adds a policy, then those of its nests. */
static void policies_add(struct policies *list, const void *id, const struct fl_policy *policy,
			 uint16_t max)
{
	unsigned int from = list->count;

	if (policies_find(list, id) >= 0)
		return;
	policies_append(list, id, policy, max);
	for (unsigned int i = from; i < list->count; i++) {
		const struct fl_policy *outer = list->at[i].policy;

		for (unsigned int type = 0; outer && type <= list->at[i].max; type++) {
			if (outer[type].type != FL_ATTR_NESTED || !outer[type].nested ||
			    policies_find(list, outer[type].nested) >= 0)
				continue;
			policies_append(list, outer[type].nested, outer[type].nested,
					outer[type].nested_max);
		}
	}
}

/* What a GETPOLICY asks for. */
struct wanted {
	const struct fl_family *family;
	bool single; /* one command only: op */
	uint32_t op;
};

static bool wants(const struct wanted *wanted, unsigned int op)
{
	return wanted->family->cmds[op].name && (!wanted->single || wanted->op == op);
}

static void policies_of(struct policies *list, const struct wanted *wanted)
{
	list->count = 0;
	for (unsigned int op = 0; op < *wanted->family->cmds_len; op++) {
		const struct fl_cmd *cmd = &wanted->family->cmds[op];

		if (!wants(wanted, op))
			continue;
		if (cmd->flags & FL_CMD_DO)
			policies_add(list, policy_id(cmd, &cmd->do_policy), cmd->do_policy,
				     cmd->do_max);
		if (cmd->flags & FL_CMD_DUMP)
			policies_add(list, policy_id(cmd, &cmd->dump_policy), cmd->dump_policy,
				     cmd->dump_max);
	}
}

static void put_op(const struct answer *answer, const struct wanted *wanted,
		   const struct policies *list, const struct fl_cmd *cmd)
{
	struct fl_msg *msg = answer->msg;
	size_t ops, op;

	begin(answer, CTRL_CMD_GETPOLICY);
	fl_msg_put_u16(msg, CTRL_ATTR_FAMILY_ID, wanted->family->id);
	ops = fl_msg_nest(msg, CTRL_ATTR_OP_POLICY, true);
	op = fl_msg_nest(msg, cmd->cmd, true);
	if (cmd->flags & FL_CMD_DO)
		fl_msg_put_u32(msg, CTRL_ATTR_POLICY_DO,
			       policies_find(list, policy_id(cmd, &cmd->do_policy)));
	if (cmd->flags & FL_CMD_DUMP)
		fl_msg_put_u32(msg, CTRL_ATTR_POLICY_DUMP,
			       policies_find(list, policy_id(cmd, &cmd->dump_policy)));
	fl_msg_nest_end(msg, op);
	fl_msg_nest_end(msg, ops);
	fl_msg_end(msg);
}

static void put_policy(const struct answer *answer, const struct wanted *wanted,
		       const struct policies *list, unsigned int index, unsigned int type)
{
	const struct fl_policy *policy = &list->at[index].policy[type];
	int nested = policy->type == FL_ATTR_NESTED ? policies_find(list, policy->nested) : -1;
	struct fl_msg *msg = answer->msg;
	size_t outer, inner;

	begin(answer, CTRL_CMD_GETPOLICY);
	fl_msg_put_u16(msg, CTRL_ATTR_FAMILY_ID, wanted->family->id);
	outer = fl_msg_nest(msg, CTRL_ATTR_POLICY, true);
	inner = fl_msg_nest(msg, index, true);
	fl_policy_put(msg, type, policy, nested);
	fl_msg_nest_end(msg, inner);
	fl_msg_nest_end(msg, outer);
	fl_msg_end(msg);
}

static int wanted_from(const struct nlattr **tb, struct wanted *ret_wanted,
		       struct fl_extack *extack)
{
	struct wanted wanted = { 0 };

	if (!tb[CTRL_ATTR_FAMILY_ID] && !tb[CTRL_ATTR_FAMILY_NAME])
		return -EINVAL;
	/* With both, the id counts: unlike for GETFAMILY, and as in the kernel. */
	if (tb[CTRL_ATTR_FAMILY_ID])
		wanted.family = fl_family_by_id(fl_attr_u16(tb[CTRL_ATTR_FAMILY_ID]));
	else
		wanted.family = fl_family_by_name(fl_attr_str(tb[CTRL_ATTR_FAMILY_NAME]));
	if (!wanted.family)
		return -ENOENT;
	if (tb[CTRL_ATTR_OP]) {
		wanted.single = true;
		wanted.op = fl_attr_u32(tb[CTRL_ATTR_OP]);
		if (wanted.op >= *wanted.family->cmds_len || !wants(&wanted, wanted.op)) {
			if (extack)
				extack->bad_attr = tb[CTRL_ATTR_OP];
			return -ENOENT;
		}
	}
	*ret_wanted = wanted;
	return 0;
}

/* ---- dumps ------------------------------------------------------------------------ */

/* Where a dump is: position[0] counts started, ops, policies; [1] the next family, command
 * or policy; [2] the policy's next attribute. */
enum { AT_START, AT_OPS, AT_POLICIES };

/* Ends a message that was just put. False: it did not fit, and has been taken back. */
static bool fits(struct fl_msg *msg)
{
	if (!msg->err)
		return true;
	fl_msg_cancel(msg);
	return false;
}

static int more(const struct fl_msg *msg)
{
	return msg->len ? 1 : -EMSGSIZE;
}

static int dump_families(const struct answer *answer, struct fl_ctrl_dump *state)
{
	const struct fl_family *family;

	while ((family = fl_family_at(state->position[1]))) {
		put_family(answer, family);
		if (!fits(answer->msg))
			return more(answer->msg);
		state->position[1]++;
	}
	return 0;
}

static int dump_policies(const struct answer *answer, struct fl_ctrl_dump *state,
			 const struct wanted *wanted)
{
	struct policies list;
	uint32_t *at = state->position;

	policies_of(&list, wanted);
	for (; at[0] == AT_OPS && at[1] < *wanted->family->cmds_len; at[1]++) {
		if (!wants(wanted, at[1]))
			continue;
		put_op(answer, wanted, &list, &wanted->family->cmds[at[1]]);
		if (!fits(answer->msg))
			return more(answer->msg);
	}
	if (at[0] == AT_OPS)
		*state = (struct fl_ctrl_dump){ .position = { AT_POLICIES } };
	for (; at[1] < list.count; at[1]++, at[2] = 0) {
		for (; list.at[at[1]].policy && at[2] <= list.at[at[1]].max; at[2]++) {
			if (!fl_policy_told(&list.at[at[1]].policy[at[2]]))
				continue;
			put_policy(answer, wanted, &list, at[1], at[2]);
			if (!fits(answer->msg))
				return more(answer->msg);
		}
	}
	return 0;
}

int fl_ctrl_dump(const struct nlmsghdr *request, uint32_t portid, struct fl_ctrl_dump *state,
		 struct fl_msg *msg, struct fl_extack *extack)
{
	struct answer answer = { .request = request, .portid = portid, .msg = msg };
	const struct nlattr *tb[CTRL_TB];
	const struct fl_cmd *cmd;
	struct wanted wanted;
	int err;

	if (msg->err)
		return msg->err;
	err = fl_family_find_cmd(&fl_family_ctrl, request, &cmd, extack);
	if (err)
		return err;
	err = fl_cmd_parse(cmd, request, tb, CTRL_TB, extack);
	if (err)
		return err;
	if (cmd->cmd == CTRL_CMD_GETPOLICY)
		err = wanted_from(tb, &wanted, extack);
	if (err)
		return err;
	if (state->position[0] == AT_START)
		state->position[0] = AT_OPS;
	if (cmd->cmd == CTRL_CMD_GETFAMILY)
		return dump_families(&answer, state);
	return dump_policies(&answer, state, &wanted);
}
