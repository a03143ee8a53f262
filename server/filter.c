/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fl_filter {
	const char *bus, *dev; /* in strings; NULL: not named */
	bool has_index, has_port;
	uint64_t index;
	uint32_t port;
	char strings[];
};

static size_t filter_size(const struct nlattr *attr)
{
	return attr ? strnlen(fl_attr_data(attr), fl_attr_len(attr)) + 1 : 0;
}

static char *filter_copy(const struct nlattr *attr, char *to)
{
	size_t size = filter_size(attr);

	if (!attr)
		return NULL;
	memcpy(to, fl_attr_data(attr), size - 1);
	to[size - 1] = '\0';
	return to;
}

int fl_filter_new(const struct nlattr *const *tb, struct fl_filter **ret_filter)
{
	const struct nlattr *bus = tb[DEVLINK_ATTR_BUS_NAME], *dev = tb[DEVLINK_ATTR_DEV_NAME];
	const struct nlattr *index = tb[DEVLINK_ATTR_INDEX], *port = tb[DEVLINK_ATTR_PORT_INDEX];
	struct fl_filter *filter;

	if (!bus && !dev && !index && !port) {
		*ret_filter = NULL;
		return 0;
	}
	filter = calloc(1, sizeof(*filter) + filter_size(bus) + filter_size(dev));
	if (!filter)
		return -ENOMEM;
	filter->bus = filter_copy(bus, filter->strings);
	filter->dev = filter_copy(dev, filter->strings + filter_size(bus));
	filter->has_index = index;
	filter->index = index ? fl_attr_uint(index) : 0;
	filter->has_port = port;
	filter->port = port ? fl_attr_u32(port) : 0;
	*ret_filter = filter;
	return 0;
}

void fl_filter_free(struct fl_filter *filter)
{
	free(filter);
}

/* The instance's index in the message, if it tells one. */
static bool filter_find_index(const struct fl_evrec *rec, uint64_t *ret_index)
{
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	while (at + NLA_HDRLEN <= rec->len) {
		const struct nlattr *attr = (const struct nlattr *)(rec->data + at);

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > rec->len - at)
			return false;
		if (fl_attr_type(attr) == DEVLINK_ATTR_INDEX) {
			*ret_index = fl_attr_uint(attr);
			return true;
		}
		at += NLA_ALIGN(attr->nla_len);
	}
	return false;
}

bool fl_filter_match(const struct fl_filter *filter, const struct fl_evrec *rec)
{
	uint64_t index;

	if (filter->bus && rec->bus_off && strcmp(filter->bus, (const char *)rec->data + rec->bus_off))
		return false;
	if (filter->dev && rec->dev_off && strcmp(filter->dev, (const char *)rec->data + rec->dev_off))
		return false;
	if (filter->has_port && rec->has_port && filter->port != rec->port_index)
		return false;
	return !filter->has_index || !filter_find_index(rec, &index) || index == filter->index;
}
