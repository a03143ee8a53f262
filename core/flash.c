/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flash.c - FLASH_UPDATE: one at a time per instance, on the instance's flash lane, so
 * that nothing else of the instance waits for it. Progress leaves at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/border.h"
#include "core/cmd-op.h"
#include "core/commands.h"
#include "nl/ctrl.h"

/* Where the kernel's firmware loader looks, and the most it would be asked to read here. */
#define FIRMWARE_DIR "/lib/firmware/"
#define FIRMWARE_MAX (256u << 20)

struct flash {
	struct fl_flash_request request;
	char *file_name, *component;
	void *data;
};

static void flash_free(struct flash *flash)
{
	if (!flash)
		return;
	free(flash->file_name);
	free(flash->component);
	free(flash->data);
	free(flash);
}

/* ---- notifications ---------------------------------------------------------------- */

static void flash_tell(struct fl_devlink *dl, uint8_t cmd, const char *status,
		       const char *component, uint64_t done, uint64_t total, uint64_t timeout_s)
{
	struct fl_msg msg;

	fl_msg_init(&msg);
	fl_msg_begin(&msg, FL_FAMILY_DEVLINK, 0, 0, 0, cmd, 1);
	fl_devlink_put_handle(&msg, dl);
	if (cmd == DEVLINK_CMD_FLASH_UPDATE_STATUS) {
		if (status)
			fl_msg_put_str(&msg, DEVLINK_ATTR_FLASH_UPDATE_STATUS_MSG, status);
		if (component)
			fl_msg_put_str(&msg, DEVLINK_ATTR_FLASH_UPDATE_COMPONENT, component);
		fl_msg_put_u64(&msg, DEVLINK_ATTR_FLASH_UPDATE_STATUS_DONE, done);
		fl_msg_put_u64(&msg, DEVLINK_ATTR_FLASH_UPDATE_STATUS_TOTAL, total);
		fl_msg_put_u64(&msg, DEVLINK_ATTR_FLASH_UPDATE_STATUS_TIMEOUT, timeout_s);
	}
	fl_msg_end(&msg);
	fl_notify_now(dl, &msg); /* progress that does not fit into memory is not told */
	fl_msg_done(&msg);
}

void fl_flash_notify(struct fl_txn *txn, const char *status, const char *component, uint64_t done,
		     uint64_t total, uint64_t timeout_s)
{
	/* A sign of life: it is not told to stop for as long as it goes on. */
	fl_op_allow(txn->op, timeout_s * FL_NS_PER_S);
	if (!fl_op_parked(txn->op))
		flash_tell(txn->dl, DEVLINK_CMD_FLASH_UPDATE_STATUS, status, component, done, total,
			   timeout_s);
}

/* ---- the file --------------------------------------------------------------------- */

static int read_all(int fd, struct flash *flash)
{
	size_t have = 0;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FIRMWARE_MAX)
		return -EFBIG;
	flash->data = malloc(st.st_size + 1);
	if (!flash->data)
		return -ENOMEM;
	while ((n = read(fd, (char *)flash->data + have, st.st_size - have)) > 0)
		have += n;
	if (n < 0)
		return -errno;
	flash->request.data = flash->data;
	flash->request.size = have;
	return 0;
}

static int read_firmware(struct flash *flash)
{
	char path[PATH_MAX];
	int fd, err;

	/* A firmware's name does not climb out of the directory. */
	if (strstr(flash->file_name, ".."))
		return -EINVAL;
	if (strlen(FIRMWARE_DIR) + strlen(flash->file_name) >= sizeof(path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), FIRMWARE_DIR "%s", flash->file_name);
	/* A fifo must not keep the thread. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = read_all(fd, flash);
	close(fd);
	return err;
}

/* ---- the operation ---------------------------------------------------------------- */

static int flash_done(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	if (!fl_op_parked(op))
		flash_tell(cmd->dl, DEVLINK_CMD_FLASH_UPDATE_END, NULL, NULL, 0, 0, 0);
	return fl_op_result(op);
}

static int flash_begin(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct flash *flash = cmd->arg;

	flash_tell(cmd->dl, DEVLINK_CMD_FLASH_UPDATE, NULL, NULL, 0, 0, 0);
	fl_op_then(op, flash_done);
	return fl_border_step(cmd->dl, "flash_update",
			      cmd->dl->ops->flash_update(op, cmd->txn, &flash->request));
}

static int flash_read(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);
	struct flash *flash = cmd->arg;
	int err = fl_op_result(op);

	if (!err)
		err = read_firmware(flash);
	if (fl_op_cancelled(op))
		return -ECANCELED; /* the device goes: do not begin now */
	if (err) {
		fl_extack_set_attr(&cmd->req->extack,
				   cmd->req->tb[DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME],
				   "failed to locate the requested firmware file");
		return err;
	}
	return fl_op_yield(op, flash_begin);
}

static int flash_work(struct fl_op *op)
{
	struct fl_cmd_op *cmd = fl_cmd_op(op);

	return cmd->dl->ops->flash_reads_file ? fl_op_block(op, flash_read) : flash_begin(op);
}

static void flash_over(struct fl_cmd_op *cmd, int err)
{
	flash_free(cmd->arg);
}

static const struct fl_cmd_op_type flash_type = {
	FL_CMD_OP("flash-update", FL_OP_LASTS),
	.work = flash_work,
	.over = flash_over,
};

/* ---- the request ------------------------------------------------------------------ */

static int parse_component(struct fl_req *req, const struct fl_devlink *dl, struct flash *flash)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_FLASH_UPDATE_COMPONENT];

	if (!attr)
		return 0;
	if (!dl->ops->flash_component) {
		fl_extack_set_attr(&req->extack, attr,
				   "component update is not supported by this device");
		return -EOPNOTSUPP;
	}
	flash->component = strdup(fl_attr_str(attr));
	flash->request.component = flash->component;
	return flash->component ? 0 : -ENOMEM;
}

static int parse_overwrite(struct fl_req *req, const struct fl_devlink *dl, struct flash *flash)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_FLASH_UPDATE_OVERWRITE_MASK];
	const struct nla_bitfield32 *sections;

	if (!attr)
		return 0;
	sections = fl_attr_data(attr);
	if (sections->selector & ~dl->ops->flash_overwrite) {
		fl_extack_set_attr(&req->extack, attr,
				   "overwrite settings are not supported by this device");
		return -EOPNOTSUPP;
	}
	flash->request.overwrite_mask = sections->value & sections->selector;
	return 0;
}

static int flash_parse(struct fl_req *req, const struct fl_devlink *dl, struct flash *flash)
{
	const struct nlattr *attr = req->tb[DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME];
	int err;

	if (!dl->ops->flash_update)
		return -EOPNOTSUPP;
	if (!attr) {
		fl_extack_miss(&req->extack, NULL, DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME);
		return -EINVAL;
	}
	flash->file_name = strdup(fl_attr_str(attr));
	flash->request.file_name = flash->file_name;
	if (!flash->file_name)
		return -ENOMEM;
	err = parse_component(req, dl, flash);
	return err ? err : parse_overwrite(req, dl, flash);
}

int fl_flash_update_doit(struct fl_req *req)
{
	struct fl_devlink *dl;
	struct flash *flash;
	int err;

	err = fl_req_devlink_get(req, &dl);
	if (err)
		return err;
	flash = calloc(1, sizeof(*flash));
	err = flash ? flash_parse(req, dl, flash) : -ENOMEM;
	if (err)
		fl_devlink_put(dl);
	else
		err = fl_cmd_op_post(req, &flash_type, dl, dl->sublane[FL_SUBLANE_FLASH], 0, flash);
	if (err < 0)
		flash_free(flash);
	return err;
}
