/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd.c - from a request to its command and its attributes. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "base/die.h"
#include "nl/family.h"

bool fl_nl_is_dump(const struct nlmsghdr *request)
{
	return (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* Younger commands refuse what the header could mean one day. */
static int check_header(const struct nlmsghdr *request, const struct genlmsghdr *genl,
			struct fl_extack *extack)
{
	unsigned int flags = request->nlmsg_flags;

	if (genl->reserved) {
		fl_extack_set(extack, "genlmsghdr.reserved field is not 0");
		return -EINVAL;
	}
	if (fl_nl_is_dump(request))
		flags &= ~NLM_F_DUMP;
	if (flags & ~(NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO)) {
		fl_extack_set(extack, "ambiguous or reserved bits set in nlmsg_flags");
		return -EINVAL;
	}
	return 0;
}

int fl_family_find_cmd(const struct fl_family *family, const struct nlmsghdr *request,
		       const struct fl_cmd **ret_cmd, struct fl_extack *extack)
{
	unsigned int mode = fl_nl_is_dump(request) ? FL_CMD_DUMP : FL_CMD_DO;
	const struct genlmsghdr *genl;
	const struct fl_cmd *cmd;

	if (request->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*genl))
		return -EINVAL;
	genl = mnl_nlmsg_get_payload(request);
	if (genl->cmd >= family->resv_start) {
		int err = check_header(request, genl, extack);

		if (err)
			return err;
	}
	if (genl->cmd >= *family->cmds_len)
		return -EOPNOTSUPP;
	cmd = &family->cmds[genl->cmd];
	if (!cmd->name || !(cmd->flags & mode))
		return -EOPNOTSUPP;
	*ret_cmd = cmd;
	return 0;
}

int fl_cmd_find(const struct nlmsghdr *request, const struct fl_cmd **ret_cmd,
		struct fl_extack *extack)
{
	return fl_family_find_cmd(&fl_family_devlink, request, ret_cmd, extack);
}

int fl_cmd_parse(const struct fl_cmd *cmd, const struct nlmsghdr *request, const struct nlattr **tb,
		 size_t tb_len, struct fl_extack *extack)
{
	bool dump = fl_nl_is_dump(request);
	const struct fl_policy *policy = dump ? cmd->dump_policy : cmd->do_policy;
	uint16_t max = dump ? cmd->dump_max : cmd->do_max;
	bool strict = !(cmd->flags & (dump ? FL_CMD_DUMP_LOOSE : FL_CMD_DO_LOOSE));
	int err;

	fl_assert(max < tb_len);
	memset(tb, 0, sizeof(*tb) * tb_len);
	if (request->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct genlmsghdr))
		return -EINVAL;
	if (dump && cmd->flags & FL_CMD_DUMP_UNCHECKED)
		return 0;
	err = fl_nl_parse(request, sizeof(struct genlmsghdr), policy, max, strict, tb, extack);
	/* The end of a dump does not tell what its start had to say. */
	if (!err && dump && extack)
		extack->msg[0] = '\0';
	return err;
}
