/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client.c - who asked. */
#include "lane/lane-private.h"

#include <stdio.h>
#include <stdlib.h>

struct fl_client {
	int refs;
	unsigned int ops; /* atomic: submitted and not ended */
	uint32_t owner;
	char name[48];
};

struct fl_client *fl_client_new(const char *name)
{
	struct fl_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->refs = 1;
	client->owner = UINT32_MAX;
	snprintf(client->name, sizeof(client->name), "%s", name);
	return client;
}

struct fl_client *fl_client_get(struct fl_client *client)
{
	__atomic_add_fetch(&client->refs, 1, __ATOMIC_RELAXED);
	return client;
}

void fl_client_put(struct fl_client *client)
{
	if (client && !__atomic_sub_fetch(&client->refs, 1, __ATOMIC_ACQ_REL))
		free(client);
}

const char *fl_client_name(const struct fl_client *client)
{
	return client->name;
}

void fl_client_set_owner(struct fl_client *client, uint32_t uid)
{
	client->owner = uid;
}

uint32_t fl_client_owner(const struct fl_client *client)
{
	return client->owner;
}

unsigned int fl_client_ops_add(struct fl_client *client)
{
	return __atomic_add_fetch(&client->ops, 1, __ATOMIC_RELAXED);
}

void fl_client_ops_sub(struct fl_client *client)
{
	__atomic_sub_fetch(&client->ops, 1, __ATOMIC_RELAXED);
}
