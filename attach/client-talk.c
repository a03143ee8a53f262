// SPDX-License-Identifier: LGPL-2.1-or-later
/* client-talk.c - one request and its whole answer. */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attach/client-private.h"

#define TALK_BUF (256 * 1024)
#define ERRNO_MAX 4095 /* what a kernel can return */

/* An attribute of a run of attributes, or NULL at its end or where it is malformed. */
static const struct nlattr *attr_at(const void *data, size_t len)
{
	const struct nlattr *attr = data;

	if (len < NLA_HDRLEN || attr->nla_len < NLA_HDRLEN || attr->nla_len > len)
		return NULL;
	return attr;
}

static const struct nlattr *attr_find(const void *data, size_t len, uint16_t type)
{
	const struct nlattr *attr;

	while ((attr = attr_at(data, len))) {
		size_t step = NLA_ALIGN(attr->nla_len);

		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		if (step >= len)
			break;
		data = (const char *)data + step;
		len -= step;
	}
	return NULL;
}

static const void *attr_data(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

static size_t attr_len(const struct nlattr *attr)
{
	return attr->nla_len - NLA_HDRLEN;
}

static int answer_malformed(struct fl_link_error *error)
{
	return fl_link_fail(error, -EBADMSG, "the plane's answer is malformed");
}

/* The errno of an NLMSG_ERROR or NLMSG_DONE, and the text of its extended ACK. */
static int answer_error(const struct nlmsghdr *nlh, struct fl_link_error *error)
{
	const struct nlmsgerr *ack = NLMSG_DATA(nlh);
	size_t len = NLMSG_PAYLOAD(nlh, 0), at = sizeof(*ack);
	const struct nlattr *text = NULL;

	if (len < sizeof(int))
		return nlh->nlmsg_type == NLMSG_DONE ? 0 : answer_malformed(error);
	if (ack->error == 0)
		return 0;
	if (ack->error > 0 || ack->error < -ERRNO_MAX)
		return answer_malformed(error);
	if (nlh->nlmsg_type == NLMSG_DONE)
		at = sizeof(int);
	else if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && len >= sizeof(*ack))
		at = NLMSG_ALIGN(sizeof(int) + ack->msg.nlmsg_len);
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && at < len)
		text = attr_find((const char *)ack + at, len - at, NLMSGERR_ATTR_MSG);
	if (text)
		return fl_link_fail(error, ack->error, "%.*s", (int)attr_len(text),
				    (const char *)attr_data(text));
	return fl_link_fail(error, ack->error, "the plane refused");
}

/* One datagram of the answer. Returns 1: go on; 0: answered; or a negative errno. */
static int talk_datagram(const void *buf, ssize_t len, uint32_t seq,
			 int (*fn)(const struct nlmsghdr *msg, void *arg), void *arg,
			 struct fl_link_error *error)
{
	const struct nlmsghdr *nlh = buf;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			return answer_error(nlh, error);
		int err = fn ? fn(nlh, arg) : 0;
		if (err)
			return err;
	}
	return 1;
}

static int talk_send(struct fl_link *link, const struct nlmsghdr *request, int netns_fd,
		     int64_t deadline)
{
	for (;;) {
		struct pollfd writable = { link->fd, POLLOUT, 0 };
		int err = fl_link_send(link, request, request->nlmsg_len, netns_fd);

		if (err != -EAGAIN)
			return err;
		err = fl_link_wait(&writable, 1, deadline);
		if (err)
			return err;
	}
}

int fl_link_talk(struct fl_link *link, const struct nlmsghdr *request, int netns_fd, int timeout_ms,
		 int (*fn)(const struct nlmsghdr *msg, void *arg), void *arg,
		 struct fl_link_error *error)
{
	int64_t deadline = fl_link_deadline(timeout_ms);
	int err;

	if (!link->buf)
		link->buf = malloc(TALK_BUF);
	if (!link->buf)
		return fl_link_fail(error, -ENOMEM, "no memory for an answer");
	err = talk_send(link, request, netns_fd, deadline);
	while (!err) {
		struct pollfd readable = { link->fd, POLLIN, 0 };
		ssize_t len = fl_link_recv(link, link->buf, TALK_BUF);

		if (len == -EAGAIN)
			err = fl_link_wait(&readable, 1, deadline);
		else if (len == -ENOBUFS)
			continue; /* notifications were lost; the answer is not among them */
		else if (len < 0)
			err = len;
		else {
			int more =
				talk_datagram(link->buf, len, request->nlmsg_seq, fn, arg, error);

			if (more != 1)
				return more;
		}
	}
	return fl_link_fail(error, err, "no answer from the plane");
}

struct family_query {
	const char *group;
	uint16_t id;
	uint32_t group_id;
};

static void family_group(const struct nlattr *groups, struct family_query *query)
{
	const char *data = attr_data(groups);
	size_t len = attr_len(groups);
	const struct nlattr *group, *name, *id;

	while ((group = attr_at(data, len))) {
		size_t step = NLA_ALIGN(group->nla_len);

		name = attr_find(attr_data(group), attr_len(group), CTRL_ATTR_MCAST_GRP_NAME);
		id = attr_find(attr_data(group), attr_len(group), CTRL_ATTR_MCAST_GRP_ID);
		if (name && id && attr_len(id) == 4 && attr_len(name) == strlen(query->group) + 1 &&
		    !memcmp(attr_data(name), query->group, attr_len(name)))
			memcpy(&query->group_id, attr_data(id), 4);
		if (step >= len)
			break;
		data += step;
		len -= step;
	}
}

static int family_message(const struct nlmsghdr *nlh, void *arg)
{
	struct family_query *query = arg;
	const struct nlattr *id, *groups;
	const char *attrs = (const char *)NLMSG_DATA(nlh) + GENL_HDRLEN;

	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EBADMSG;
	size_t len = nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	id = attr_find(attrs, len, CTRL_ATTR_FAMILY_ID);
	groups = attr_find(attrs, len, CTRL_ATTR_MCAST_GROUPS);
	if (!id || attr_len(id) != 2)
		return -EBADMSG;
	memcpy(&query->id, attr_data(id), 2);
	if (groups && query->group)
		family_group(groups, query);
	return 0;
}

int fl_link_family(struct fl_link *link, const char *family, const char *group, int timeout_ms,
		   uint16_t *ret_id, uint32_t *ret_group)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr attr;
		char name[GENL_NAMSIZ];
	} request = {
		.nlh.nlmsg_type = GENL_ID_CTRL,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlh.nlmsg_seq = fl_link_seq(link),
		.genl.cmd = CTRL_CMD_GETFAMILY,
		.genl.version = 1,
		.attr.nla_type = CTRL_ATTR_FAMILY_NAME,
	};
	struct family_query query = { .group = group };
	size_t len = strlen(family) + 1;

	if (len > sizeof(request.name))
		return -ENOENT;
	memcpy(request.name, family, len);
	request.attr.nla_len = NLA_HDRLEN + len;
	request.nlh.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + NLA_ALIGN(request.attr.nla_len);
	int err = fl_link_talk(link, &request.nlh, -1, timeout_ms, family_message, &query, NULL);
	if (err)
		return err;
	if (!query.id || (group && !query.group_id))
		return -ENOENT;
	if (ret_id)
		*ret_id = query.id;
	if (ret_group)
		*ret_group = query.group_id;
	return 0;
}
