/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sf.c - scalable functions: their ports come and go by command, their devices by state.
 *
 * An SF has two lives, its port's and its device's. Either may end first: a port that is
 * deleted while its device still detaches leaves the sfnum taken until the device is gone,
 * as the firmware does.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

/* ---- the table of a PF's SFs --------------------------------------------------------- */

static unsigned int words(const struct mlx5_pf *pf)
{
	return (pf->nic->config.max_sfs + WORD_BITS - 1) / WORD_BITS;
}

int mlx5_sf_table_init(struct mlx5_pf *pf)
{
	unsigned int max = pf->nic->config.max_sfs, buckets = 16;

	while (buckets * 4 < max)
		buckets *= 2;
	pf->sfnum_mask = buckets - 1;
	pf->sfs = calloc(max + 1, sizeof(*pf->sfs));
	pf->by_sfnum = calloc(buckets, sizeof(*pf->by_sfnum));
	pf->sf_words = calloc(words(pf) + 1, sizeof(*pf->sf_words));
	return pf->sfs && pf->by_sfnum && pf->sf_words ? 0 : -ENOMEM;
}

void mlx5_sf_table_done(struct mlx5_pf *pf)
{
	if (pf->sfs)
		for (unsigned int i = 0; i < pf->nic->config.max_sfs; i++)
			mlx5_vport_put(pf->sfs[i]);
	free(pf->sfs);
	free(pf->by_sfnum);
	free(pf->sf_words);
}

static struct mlx5_vport **bucket(struct mlx5_pf *pf, uint32_t sfnum)
{
	/* Fibonacci's: neighbours go far apart. */
	return &pf->by_sfnum[(sfnum * 0x9e3779b1u) >> 8 & pf->sfnum_mask];
}

/* The lowest free place, or -1. */
static int free_slot(const struct mlx5_pf *pf)
{
	unsigned int slot;

	for (unsigned int i = 0; i < words(pf); i++) {
		if (pf->sf_words[i] == UINT64_MAX)
			continue;
		slot = i * WORD_BITS + __builtin_ctzll(~pf->sf_words[i]);
		return slot < pf->nic->config.max_sfs ? (int)slot : -1;
	}
	return -1;
}

/* Context: under pf->lock. Gives the table a reference. */
static int insert_locked(struct mlx5_pf *pf, struct mlx5_vport *vport)
{
	struct mlx5_vport **head = bucket(pf, vport->number), *other;
	int slot;

	if (pf->closed)
		return -ENODEV;
	for (other = *head; other; other = other->next)
		if (other->number == vport->number)
			return -EEXIST;
	slot = free_slot(pf);
	if (slot < 0)
		return -ENOSPC;
	vport->index = pf->base + MLX5_SF_FIRST + slot;
	vport->port = true;
	vport->next = *head;
	*head = vport;
	pf->sfs[slot] = vport;
	pf->sf_words[slot / WORD_BITS] |= 1ULL << (slot % WORD_BITS);
	pf->sf_count++;
	return 0;
}

bool mlx5_sf_forget_locked(struct mlx5_vport *vport)
{
	struct mlx5_pf *pf = vport->pf;
	unsigned int slot = vport->index - pf->base - MLX5_SF_FIRST;
	struct mlx5_vport **link = bucket(pf, vport->number);

	if (vport->port || vport->dev || pf->sfs[slot] != vport)
		return false;
	while (*link != vport)
		link = &(*link)->next;
	*link = vport->next;
	pf->sfs[slot] = NULL;
	pf->sf_words[slot / WORD_BITS] &= ~(1ULL << (slot % WORD_BITS));
	pf->sf_count--;
	return true;
}

unsigned int mlx5_sf_count(struct mlx5_pf *pf)
{
	unsigned int count;

	fl_driver_lock_take(pf->lock);
	count = pf->sf_count;
	fl_driver_lock_drop(pf->lock);
	return count;
}

/* ---- ports ------------------------------------------------------------------------- */

static int attrs_check(const struct mlx5_pf *pf, const struct fl_port_new_attrs *attrs,
		       struct fl_extack *extack)
{
	const char *text = NULL;

	if (!pf->nic->config.max_sfs)
		text = "mlx5_core: SF ports are not supported.";
	else if (attrs->flavour != DEVLINK_PORT_FLAVOUR_PCI_SF)
		text = "mlx5_core: Driver supports only SF port addition";
	else if (attrs->has_index)
		text = "mlx5_core: Driver does not support user defined port index assignment";
	else if (!attrs->has_sfnum)
		text = "mlx5_core: User must provide unique sfnum. Driver does not support auto "
		       "assignment";
	else if (attrs->has_controller && attrs->controller)
		text = "mlx5_core: External controller is unsupported";
	else if (attrs->pfnum != pf->number)
		text = "mlx5_core: Invalid pfnum supplied";
	else if (!mlx5_eswitch_switchdev(pf))
		text = "mlx5_core: SF ports are only supported in eswitch switchdev mode.";
	if (!text)
		return 0;
	fl_extack_set(extack, "%s", text);
	return -EOPNOTSUPP;
}

int mlx5_sf_port_reserve(struct fl_devlink *dl, const struct fl_port_new_attrs *attrs,
			 uint32_t *ret_index, struct fl_extack *extack)
{
	struct mlx5_func *func = fl_devlink_priv(dl);
	struct mlx5_pf *pf = func->pf;
	struct mlx5_vport *vport;
	int err;

	err = attrs_check(pf, attrs, extack);
	if (err)
		return err;
	vport = mlx5_vport_new(pf, 0, true, attrs->sfnum);
	if (!vport)
		return -ENOMEM;
	fl_driver_lock_take(pf->lock);
	err = insert_locked(pf, vport);
	if (!err)
		*ret_index = vport->index;
	fl_driver_lock_drop(pf->lock);
	if (!err)
		return 0;
	mlx5_vport_put(vport);
	if (err == -EEXIST)
		fl_extack_set(extack, "mlx5_core: SF already exist. Choose different sfnum");
	else if (err == -ENOSPC)
		fl_extack_set(extack, "mlx5_core: all %u SFs of this PF are taken",
			      pf->nic->config.max_sfs);
	return err;
}

void mlx5_sf_port_release(struct fl_devlink *dl, uint32_t index)
{
	struct mlx5_func *func = fl_devlink_priv(dl);
	struct mlx5_pf *pf = func->pf;
	struct mlx5_vport *vport;
	bool forgotten;

	fl_driver_lock_take(pf->lock);
	vport = pf->sfs[index - pf->base - MLX5_SF_FIRST];
	vport->port = false;
	forgotten = mlx5_sf_forget_locked(vport);
	fl_driver_lock_drop(pf->lock);
	if (forgotten)
		mlx5_vport_put(vport);
}

typedef int (*fw_call)(struct fl_op *op, struct mlx5_fw *fw, struct mlx5_unit *unit,
		       unsigned int commands);

/* Runs the commands that make or unmake the SF at index; then `done`. `missing`: none there. */
static int port_exec(struct fl_op *op, struct fl_txn *txn, uint32_t index, int missing,
		     fl_step done, fw_call exec)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));
	struct mlx5_vport *vport = mlx5_vport_get_at(func->pf, index);

	if (!vport || !vport->is_sf) {
		mlx5_vport_put(vport);
		return missing;
	}
	if (!mlx5_call_begin(op, txn, vport))
		return -ENOMEM;
	fl_op_then(op, done);
	return exec(op, func->pf->fw, &vport->unit, MLX5_PORT_CMDS);
}

static int port_made(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);
	int err = fl_op_result(op);

	if (!err)
		mlx5_vport_port_add(call->vport, call->txn);
	return mlx5_call_end(op, err);
}

int mlx5_sf_port_new(struct fl_op *op, struct fl_txn *txn, uint32_t index,
		     const struct fl_port_new_attrs *attrs)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));

	/* The mode may have changed while this waited. */
	if (!mlx5_eswitch_switchdev(func->pf))
		return attrs_check(func->pf, attrs, fl_txn_extack(txn));
	return port_exec(op, txn, index, -ENODEV, port_made, mlx5_fw_exec);
}

/* Starts the removal of the device, if there is one; nobody waits for it: sideways, an
 * operation only posts. leaving: from now on none comes, even if the deletion fails yet. */
static int device_remove(struct mlx5_vport *vport, bool leaving)
{
	struct fl_device *dev;
	int err;

	fl_driver_lock_take(vport->pf->lock);
	if (leaving)
		vport->leaving = true;
	dev = vport->device ? fl_device_get(vport->device) : NULL;
	fl_driver_lock_drop(vport->pf->lock);
	if (!dev)
		return 0;
	err = fl_device_remove_post(dev, NULL, NULL, NULL);
	fl_device_put(dev);
	return err == -ENODEV ? 0 : err;
}

static int port_unmade(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);
	int err = fl_op_result(op);

	if (!err)
		err = device_remove(call->vport, true);
	if (!err)
		mlx5_pf_port_del(call->txn, call->vport->index);
	return mlx5_call_end(op, err);
}

int mlx5_sf_port_del(struct fl_op *op, struct fl_txn *txn, uint32_t index)
{
	return port_exec(op, txn, index, -EOPNOTSUPP, port_unmade, mlx5_fw_undo);
}

/* ---- state ------------------------------------------------------------------------- */

static int device_start(struct mlx5_vport *vport)
{
	struct fl_bus_root *root = fl_plane_bus(vport->pf->nic->plane);
	int id = fl_auxiliary_id_alloc(root);
	char name[32];

	if (id < 0)
		return id;
	snprintf(name, sizeof(name), "mlx5_core.sf.%d", id);
	return mlx5_vport_device_add(vport, "auxiliary", name, id);
}

static int activated(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);
	int err = fl_op_result(op);

	if (!err)
		err = device_start(call->vport);
	if (err == -EBUSY)
		fl_extack_set(
			fl_txn_extack(call->txn),
			"mlx5_core: too many operations to start the SF now; try again later");
	if (!err)
		fl_port_fn_state_set(call->txn, call->vport->index, DEVLINK_PORT_FN_STATE_ACTIVE);
	return err;
}

static int deactivated(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);
	int err = fl_op_result(op);

	if (!err)
		err = device_remove(call->vport, false);
	if (!err)
		fl_port_fn_state_set(call->txn, call->vport->index, DEVLINK_PORT_FN_STATE_INACTIVE);
	return err;
}

static bool has_device(struct mlx5_vport *vport)
{
	bool has;

	fl_driver_lock_take(vport->pf->lock);
	has = vport->dev;
	fl_driver_lock_drop(vport->pf->lock);
	return has;
}

int mlx5_sf_state_set(struct fl_op *op, bool active)
{
	struct mlx5_call *call = mlx5_call(op);
	struct fl_port_state state;
	bool attached;
	int err;

	err = fl_port_read(call->txn, call->vport->index, &state);
	if (err)
		return err;
	attached = has_device(call->vport);
	/* One whose activation could not be committed has a device and is shown without. */
	if (active ? state.state == DEVLINK_PORT_FN_STATE_ACTIVE
		   : state.state == DEVLINK_PORT_FN_STATE_INACTIVE && !attached)
		return 0;
	if (active && attached) {
		fl_extack_set(fl_txn_extack(call->txn),
			      "mlx5_core: SF is inactivated but it is still attached");
		return -EBUSY;
	}
	fl_op_then(op, active ? activated : deactivated);
	return (active ? mlx5_fw_exec : mlx5_fw_undo)(op, call->pf->fw, &call->vport->unit,
						      MLX5_STATE_CMDS);
}

/* ---- all of them ------------------------------------------------------------------- */

/* The next SF at or after *slot, stepping on. Context: alone on the PF's lane, so that what
 * is there stays as long as its port or device does; the lock is for the table. */
static struct mlx5_vport *next_sf(struct mlx5_pf *pf, unsigned int *slot)
{
	struct mlx5_vport *vport = NULL;

	fl_driver_lock_take(pf->lock);
	while (!vport && *slot < pf->nic->config.max_sfs)
		vport = pf->sfs[(*slot)++];
	if (vport)
		mlx5_vport_get(vport);
	fl_driver_lock_drop(pf->lock);
	return vport;
}

/* Gives whether that of each SF with a device has begun. */
static bool remove_all_spawn(struct fl_op *op, struct mlx5_pf *pf)
{
	struct mlx5_vport *vport;
	unsigned int slot = 0;
	bool all = true;

	while ((vport = next_sf(pf, &slot))) {
		struct fl_device *dev;

		fl_driver_lock_take(pf->lock);
		dev = vport->device ? fl_device_get(vport->device) : NULL;
		fl_driver_lock_drop(pf->lock);
		/* -ENODEV: it was left behind before. */
		if (dev && fl_device_remove_spawn(op, dev) == -ENOMEM)
			all = false;
		fl_device_put(dev);
		mlx5_vport_put(vport);
	}
	return all;
}

static int remove_again(struct fl_op *op)
{
	return fl_op_retry(op, mlx5_sf_remove_all);
}

static int removed_all(struct fl_op *op)
{
	return fl_op_result(op);
}

int mlx5_sf_remove_all(struct fl_op *op)
{
	bool all = remove_all_spawn(op, mlx5_call(op)->pf);

	return fl_op_join(op, all ? removed_all : remove_again);
}

void mlx5_sf_ports_del(struct mlx5_pf *pf, struct fl_txn *txn)
{
	struct mlx5_vport *vport;
	unsigned int slot = 0;

	while ((vport = next_sf(pf, &slot))) {
		mlx5_pf_port_del(txn, vport->index);
		mlx5_vport_put(vport);
	}
}
