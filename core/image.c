/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/object.h"

struct fl_image *fl_image_new(const struct fl_msg *msg)
{
	struct fl_image *image;

	if (msg->err)
		return NULL;
	image = malloc(sizeof(*image) + msg->len);
	if (!image)
		return NULL;
	image->len = msg->len;
	if (msg->len) /* else there may be no buffer at all */
		memcpy(image->data, msg->buf, msg->len);
	return image;
}

int fl_image_put(struct fl_msg *msg, const struct fl_image *image, uint8_t cmd, uint16_t flags,
		 uint32_t seq, uint32_t portid)
{
	size_t at = msg->len;
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;

	if (msg->cap - at < image->len) {
		if (!msg->grows)
			return -EMSGSIZE;
		fl_msg_put_raw(msg, image->data, image->len);
		if (msg->err)
			return msg->err;
	} else {
		memcpy(msg->buf + at, image->data, image->len);
		msg->len = at + image->len;
	}
	nlh = (struct nlmsghdr *)(msg->buf + at);
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = portid;
	genl = NLMSG_DATA(nlh);
	genl->cmd = cmd;
	return 0;
}

int fl_obj_encode(const struct fl_txn *txn, struct fl_obj *obj)
{
	struct fl_image *image;
	struct fl_msg msg;

	fl_msg_init(&msg);
	obj->ops->encode(&msg, txn, obj);
	image = fl_image_new(&msg);
	fl_msg_done(&msg);
	if (!image)
		return -ENOMEM;
	free(obj->image);
	obj->image = image;
	return 0;
}

int fl_obj_put(struct fl_msg *msg, const struct fl_obj *obj, uint8_t cmd, uint16_t flags,
	       uint32_t seq, uint32_t portid, const struct fl_netns *asker)
{
	size_t at = msg->len;
	int err;

	err = fl_image_put(msg, obj->image, cmd, flags, seq, portid);
	if (err || !obj->ops->resolve)
		return err;
	fl_rcu_read_lock();
	obj->ops->resolve(msg, at, obj, asker);
	fl_rcu_read_unlock();
	if (!msg->err)
		return 0;
	err = msg->err;
	msg->len = at;
	msg->err = 0;
	return err;
}
