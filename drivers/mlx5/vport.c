/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vport.c - port functions: what VFs and SFs have in common. */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_IO_EQS 8
#define MAX_IO_EQS (0xffffffu - 4) /* a field of 24 bits, and four that are for control */

#define SF_CAPS DEVLINK_PORT_FN_CAP_ROCE
#define VF_CAPS                                                                                    \
	(DEVLINK_PORT_FN_CAP_ROCE | DEVLINK_PORT_FN_CAP_MIGRATABLE |                               \
	 DEVLINK_PORT_FN_CAP_IPSEC_CRYPTO | DEVLINK_PORT_FN_CAP_IPSEC_PACKET)

/* ---- life ------------------------------------------------------------------------- */

struct mlx5_vport *mlx5_vport_new(struct mlx5_pf *pf, uint32_t index, bool is_sf, uint32_t number)
{
	struct mlx5_vport *vport = calloc(1, sizeof(*vport));
	char name[64];

	if (!vport)
		return NULL;
	vport->refs = 1;
	vport->pf = pf;
	vport->index = index;
	vport->is_sf = is_sf;
	vport->dl_index = MLX5_INDEX_ANY;
	vport->number = number;
	snprintf(name, sizeof(name), "%s/pf%u/%s%u", pf->nic->config.address, pf->number,
		 is_sf ? "sf" : "vf", number);
	mlx5_unit_init(&vport->unit, pf->nic->config.seed, name);
	return vport;
}

struct mlx5_vport *mlx5_vport_get(struct mlx5_vport *vport)
{
	__atomic_add_fetch(&vport->refs, 1, __ATOMIC_RELAXED);
	return vport;
}

void mlx5_vport_put(struct mlx5_vport *vport)
{
	if (vport && !__atomic_sub_fetch(&vport->refs, 1, __ATOMIC_ACQ_REL))
		free(vport);
}

struct mlx5_vport *mlx5_vport_get_at(struct mlx5_pf *pf, uint32_t index)
{
	uint32_t offset = index - pf->base;
	struct mlx5_vport *vport;

	if (offset >= 1 && offset <= pf->nic->config.vfs)
		return mlx5_vport_get(pf->vfs[offset - 1]);
	if (offset < MLX5_SF_FIRST || offset - MLX5_SF_FIRST >= pf->nic->config.max_sfs)
		return NULL;
	fl_driver_lock_take(pf->lock);
	vport = pf->sfs[offset - MLX5_SF_FIRST];
	if (vport)
		mlx5_vport_get(vport);
	fl_driver_lock_drop(pf->lock);
	return vport;
}

/* ---- its device -------------------------------------------------------------------- */

/* A device is on its way, unless there is one, or the port goes: who asks may be an operation
 * that the port's deletion went on without. */
static int device_begin(struct mlx5_vport *vport)
{
	int err = 0;

	fl_driver_lock_take(vport->pf->lock);
	if (vport->leaving || (vport->is_sf && !vport->port))
		err = -ENODEV;
	else if (vport->dev)
		err = -EBUSY;
	else
		vport->dev = true;
	fl_driver_lock_drop(vport->pf->lock);
	return err;
}

/* It is not: also the end of an SF whose port has gone meanwhile. */
static void device_none(struct mlx5_vport *vport)
{
	bool forgotten;

	fl_driver_lock_take(vport->pf->lock);
	vport->dev = false;
	forgotten = vport->is_sf && mlx5_sf_forget_locked(vport);
	fl_driver_lock_drop(vport->pf->lock);
	if (forgotten)
		mlx5_vport_put(vport);
}

/* It is there. Gives whether the port's deletion has passed by meanwhile, and missed it. */
static bool device_there(struct mlx5_vport *vport, struct fl_device *dev)
{
	bool missed;

	fl_driver_lock_take(vport->pf->lock);
	if (vport->dev)
		vport->device = fl_device_get(dev);
	missed = vport->leaving;
	fl_driver_lock_drop(vport->pf->lock);
	return missed;
}

int mlx5_vport_device_add(struct mlx5_vport *vport, const char *bus, const char *name, int id)
{
	uint32_t index = mlx5_index_take(vport->pf->nic, &vport->dl_index);
	struct mlx5_func *func = mlx5_func_new(vport->pf, vport, id, index);
	struct fl_device *dev;
	int err = func ? device_begin(vport) : -ENOMEM;

	if (err)
		goto out_free;
	err = mlx5_func_device_add(func, bus, name, &dev);
	if (err) {
		device_none(vport);
		goto out_free;
	}
	err = device_there(vport, dev) ? -ENODEV : fl_device_probe_post(dev, NULL);
	if (err) /* also if somebody removes it meanwhile */
		fl_device_discard(dev);
	fl_device_put(dev);
	return err;
out_free:
	fl_auxiliary_id_free(fl_plane_bus(vport->pf->nic->plane), id);
	mlx5_func_put(func);
	return err;
}

void mlx5_vport_device_gone(struct mlx5_vport *vport)
{
	struct mlx5_pf *pf = vport->pf;
	struct fl_device *dev;
	bool forgotten;

	fl_driver_lock_take(pf->lock);
	dev = vport->device;
	vport->device = NULL;
	vport->func = NULL;
	vport->dev = false;
	forgotten = vport->is_sf && mlx5_sf_forget_locked(vport);
	fl_driver_lock_drop(pf->lock);
	if (forgotten)
		mlx5_vport_put(vport);
	else
		mlx5_vport_detach_post(vport);
	fl_device_put(dev);
}

/* ---- its port ---------------------------------------------------------------------- */

void mlx5_vport_port_add(struct mlx5_vport *vport, struct fl_txn *txn)
{
	struct fl_port_attrs attrs = {
		.index = vport->index,
		.flavour = vport->is_sf ? DEVLINK_PORT_FLAVOUR_PCI_SF : DEVLINK_PORT_FLAVOUR_PCI_VF,
		.pf = (uint16_t)vport->pf->number,
		.vf = vport->is_sf ? 0 : (uint16_t)vport->number,
		.sf = vport->is_sf ? vport->number : 0,
		.fn = FL_PORT_FN_HW_ADDR | FL_PORT_FN_CAPS | FL_PORT_FN_MAX_IO_EQS |
		      (vport->is_sf ? FL_PORT_FN_STATE : 0),
		.fn_caps = vport->is_sf ? SF_CAPS : VF_CAPS,
		.has_lane = true,
	};

	fl_port_add(txn, &attrs);
	fl_port_type_set(txn, vport->index, DEVLINK_PORT_TYPE_ETH);
	__atomic_store_n(&vport->no_roce, false, __ATOMIC_RELAXED);
	fl_port_fn_caps_set(txn, vport->index, DEVLINK_PORT_FN_CAP_ROCE);
	fl_port_fn_max_io_eqs_set(txn, vport->index, DEFAULT_IO_EQS);
	fl_port_notify(txn, vport->index);
	fl_rate_leaf_add(txn, vport->index, NULL, NULL);
}

/* News from a function to its port: an operation on the port's lane. */
struct news {
	struct mlx5_vport *vport;  /* referenced */
	struct fl_devlink *parent; /* the PF's, referenced: it keeps the PF */
	struct mlx5_func *func;	   /* only to compare; NULL: the device is gone */
	struct fl_devlink *nested; /* func's instance, referenced */
};

/* Another device may have come since, whose news are before these or to come. */
static bool news_are_stale(const struct news *news)
{
	bool stale;

	fl_driver_lock_take(news->vport->pf->lock);
	stale = news->vport->func != news->func; /* NULL: there is none */
	fl_driver_lock_drop(news->vport->pf->lock);
	return stale;
}

static int news_run(struct fl_op *op)
{
	struct news *news = fl_op_own(op);
	uint32_t index = news->vport->index;
	struct fl_port_state state;
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, news->parent, &txn);
	if (err)
		return err;
	if (fl_port_read(txn, index, &state) || news_are_stale(news)) {
		fl_txn_abort(txn);
		return 0;
	}
	fl_port_fn_nested_set(txn, index, news->nested);
	if (state.attrs.fn & FL_PORT_FN_STATE)
		fl_port_fn_opstate_set(txn, index,
				       news->func ? DEVLINK_PORT_FN_OPSTATE_ATTACHED
						  : DEVLINK_PORT_FN_OPSTATE_DETACHED);
	fl_port_notify(txn, index);
	return fl_txn_commit(txn);
}

static void news_free(struct fl_op *op)
{
	struct news *news = fl_op_own(op);

	mlx5_vport_put(news->vport);
	fl_devlink_put(news->nested);
	fl_devlink_put(news->parent);
	fl_op_free(op);
}

static const struct fl_op_type news_type = {
	.kind = "port-opstate",
	.run = news_run,
	.free = news_free,
};

/* Takes over parent. */
static void news_post(struct mlx5_vport *vport, struct fl_devlink *parent, struct mlx5_func *func)
{
	struct fl_lane *lane = fl_port_lane_get(parent, vport->index);
	struct news *news;
	struct fl_op *op;
	int err;

	if (!lane || fl_op_new(&news_type, lane, NULL, sizeof(*news), &op)) {
		if (lane)
			fl_log(FL_LOG_ERR, "%s: out of memory: its opstate is not told",
			       fl_lane_name(lane));
		fl_lane_put(lane);
		fl_devlink_put(parent);
		return;
	}
	news = fl_op_own(op);
	news->vport = mlx5_vport_get(vport);
	news->parent = parent;
	news->func = func;
	news->nested = func ? fl_devlink_get(func->dl) : NULL;
	/* A port that goes needs no news. */
	err = fl_op_submit(op);
	if (err && err != -ENODEV)
		fl_log(FL_LOG_ERR, "%s: error %d: its opstate is not told", fl_lane_name(lane),
		       -err);
	fl_lane_put(lane);
}

void mlx5_vport_attach_post(struct mlx5_vport *vport, struct mlx5_func *func)
{
	struct fl_devlink *parent = mlx5_pf_dl_get(vport->pf);
	bool current;

	/* A probe that was parked may come when another device has taken its place. */
	fl_driver_lock_take(vport->pf->lock);
	current = vport->device == func->dev;
	if (current)
		vport->func = func;
	fl_driver_lock_drop(vport->pf->lock);
	if (parent && current)
		news_post(vport, parent, func);
	else
		fl_devlink_put(parent);
}

void mlx5_vport_detach_post(struct mlx5_vport *vport)
{
	struct fl_devlink *parent = mlx5_pf_dl_get(vport->pf);

	if (parent)
		news_post(vport, parent, NULL);
}

/* ---- its attributes ---------------------------------------------------------------- */

static int fn_next(struct fl_op *op);

static void caps_apply(struct mlx5_call *call)
{
	const struct fl_port_fn_change *change = call->change;
	struct fl_port_state state;
	uint32_t caps;

	if (fl_port_read(call->txn, call->vport->index, &state))
		return;
	caps = (state.caps & ~change->caps_mask) | (change->caps_value & change->caps_mask);
	__atomic_store_n(&call->vport->no_roce, !(caps & DEVLINK_PORT_FN_CAP_ROCE),
			 __ATOMIC_RELAXED);
	fl_port_fn_caps_set(call->txn, call->vport->index, caps);
}

static int fn_applied(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);
	const struct fl_port_fn_change *change = call->change;
	unsigned int bit = call->pending & -call->pending;
	uint32_t index = call->vport->index;

	if (fl_op_result(op))
		return fl_op_result(op);
	if (bit == FL_PORT_FN_HW_ADDR)
		fl_port_fn_hw_addr_set(call->txn, index, change->hw_addr, change->hw_addr_len);
	else if (bit == FL_PORT_FN_CAPS)
		caps_apply(call);
	else if (bit == FL_PORT_FN_MAX_IO_EQS)
		fl_port_fn_max_io_eqs_set(call->txn, index, change->max_io_eqs);
	call->pending &= ~bit;
	return fn_next(op);
}

/* One attribute after another; the state last, when the others are in force. */
static int fn_next(struct fl_op *op)
{
	struct mlx5_call *call = mlx5_call(op);

	if (call->pending) {
		fl_op_then(op, fn_applied);
		return mlx5_fw_exec(op, call->pf->fw, &call->vport->unit, MLX5_ATTR_CMDS);
	}
	if (call->change->set & FL_PORT_FN_STATE)
		return mlx5_sf_state_set(op, call->change->state == DEVLINK_PORT_FN_STATE_ACTIVE);
	return 0;
}

static int fn_done(struct fl_op *op)
{
	return mlx5_call_end(op, fl_op_result(op));
}

int mlx5_vport_fn_set(struct fl_op *op, struct fl_txn *txn, uint32_t index,
		      const struct fl_port_fn_change *change)
{
	struct mlx5_func *pf_func = fl_devlink_priv(fl_txn_devlink(txn));
	struct mlx5_vport *vport = mlx5_vport_get_at(pf_func->pf, index);
	struct mlx5_call *call;

	if (change->set & FL_PORT_FN_MAX_IO_EQS && change->max_io_eqs > MAX_IO_EQS) {
		mlx5_vport_put(vport);
		fl_extack_set(fl_txn_extack(txn), "mlx5_core: max_io_eqs is at most %u",
			      MAX_IO_EQS);
		return -EINVAL;
	}
	if (!vport)
		return -EOPNOTSUPP;
	call = mlx5_call_begin(op, txn, vport);
	if (!call)
		return -ENOMEM;
	call->change = change;
	call->pending = change->set & ~FL_PORT_FN_STATE;
	fl_op_then(op, fn_done);
	return fn_next(op);
}
