/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shared.c - the shared instance of a chip: made when its first PF has come up, gone after the
 * last; the PFs are nested in it. The chip is found by its serial number: all PFs of one NIC.
 *
 * It lives on a lane of its own, a root beside the PFs'. A PF that comes or goes posts that
 * there, and waits for nothing; so PFs come and go in parallel, and what one of them does, or
 * hangs in, is nothing to the others.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdlib.h>

/* A PF's instance joins those of its chip, or leaves them. */
struct member {
	struct mlx5_nic *nic;	  /* referenced */
	struct fl_devlink *pf_dl; /* referenced */
};

/* Nothing can be asked of it: no reload, no ports, no parameters. */
static const struct fl_devlink_ops shared_ops = { 0 };

static struct member *member_of(struct fl_op *op)
{
	return fl_op_own(op);
}

static void member_free(struct fl_op *op)
{
	struct member *member = member_of(op);

	fl_devlink_put(member->pf_dl);
	mlx5_nic_put(member->nic);
	fl_op_free(op);
}

/* ---- on the chip's lane ---------------------------------------------------------------- */

static int join(struct fl_op *op, struct mlx5_nic *nic, struct fl_devlink *pf_dl)
{
	struct fl_devlink *dl = nic->shared;
	struct fl_txn *txn;
	int err = 0;

	if (!dl)
		err = fl_devlink_alloc_shared(nic->plane, nic->lane, &mlx5_pci_driver, &shared_ops,
					      NULL, mlx5_index_take(nic, &nic->shared_index), &dl);
	if (err)
		return err;
	err = fl_txn_begin(op, dl, &txn);
	if (!err) {
		if (!nic->shared) {
			fl_txn_register(txn);
			fl_info_set(txn, mlx5_pci_driver.name, NULL, NULL, NULL, 0);
		}
		fl_devlink_nested_add(txn, pf_dl);
		fl_txn_notify(txn);
		err = fl_txn_commit(txn);
	}
	if (err && !nic->shared)
		fl_devlink_free(dl);
	if (err)
		return err;
	nic->shared = dl;
	nic->members++;
	return 0;
}

static int leave(struct fl_op *op, struct mlx5_nic *nic, struct fl_devlink *pf_dl)
{
	struct fl_txn *txn;
	int err;

	err = fl_txn_begin(op, nic->shared, &txn);
	if (err)
		return err;
	fl_devlink_nested_del(txn, pf_dl);
	/* Others need no news: that the PF is not registered any more, finelink tells. */
	if (nic->members == 1)
		fl_txn_unregister(txn);
	err = fl_txn_commit(txn);
	if (err || --nic->members)
		return err;
	fl_devlink_free(nic->shared);
	nic->shared = NULL;
	return 0;
}

static int join_run(struct fl_op *op)
{
	struct member *member = member_of(op);
	int err = join(op, member->nic, member->pf_dl);

	return err == -ENOMEM ? fl_op_retry(op, join_run) : err;
}

static int leave_run(struct fl_op *op)
{
	struct member *member = member_of(op);
	int err = leave(op, member->nic, member->pf_dl);

	return err == -ENOMEM ? fl_op_retry(op, leave_run) : err;
}

static void ended(struct fl_op *op, int err)
{
	if (err)
		fl_log(FL_LOG_ERR, "%s: %s: error %d", fl_lane_name(fl_op_lane(op)), fl_op_kind(op),
		       -err);
}

static const struct fl_op_type join_type = {
	.kind = "pf-join",
	.run = join_run,
	.ended = ended,
	.free = member_free,
};

static const struct fl_op_type leave_type = {
	.kind = "pf-leave",
	.run = leave_run,
	.ended = ended,
	.free = member_free,
};

/* ---- on the PF's lane ------------------------------------------------------------------- */

static struct fl_op *member_new(struct mlx5_pf *pf, const struct fl_op_type *type)
{
	struct member *member;
	struct fl_op *op;

	if (fl_op_new(type, pf->nic->lane, NULL, sizeof(*member), &op))
		return NULL;
	member = member_of(op);
	member->nic = mlx5_nic_get(pf->nic);
	return op;
}

static void member_post(struct fl_op *op, struct fl_devlink *pf_dl)
{
	member_of(op)->pf_dl = fl_devlink_get(pf_dl);
	fl_op_submit(op); /* what has no client is not refused */
}

int mlx5_shared_prepare(struct mlx5_pf *pf)
{
	if (!pf->joins)
		pf->joins = member_new(pf, &join_type);
	if (!pf->leaves)
		pf->leaves = member_new(pf, &leave_type);
	return pf->joins && pf->leaves ? 0 : -ENOMEM;
}

void mlx5_shared_join(struct mlx5_pf *pf, struct fl_devlink *pf_dl)
{
	struct fl_op *op = pf->joins;

	pf->joins = NULL;
	member_post(op, pf_dl);
}

void mlx5_shared_leave(struct mlx5_pf *pf, struct fl_devlink *pf_dl)
{
	/* A probe that was parked may come at the same time as the removal: one of the two. */
	struct fl_op *op = __atomic_exchange_n(&pf->leaves, NULL, __ATOMIC_ACQ_REL);

	if (op)
		member_post(op, pf_dl);
}

void mlx5_shared_done(struct mlx5_pf *pf)
{
	fl_op_put(pf->joins);
	fl_op_put(pf->leaves);
}
