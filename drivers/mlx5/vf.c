/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vf.c - virtual functions: PCI devices with an instance each, in both modes of the
 * eswitch; their ports are there in switchdev only.
 */
#include "mlx5-private.h"

#include <errno.h>
#include <stdlib.h>

int mlx5_vf_table_init(struct mlx5_pf *pf)
{
	unsigned int vfs = pf->nic->config.vfs;
	uint32_t first = mlx5_nic_pf_index(pf->nic, pf->nic->config.ports) + pf->number * vfs;

	pf->vfs = calloc(vfs + 1, sizeof(*pf->vfs));
	if (!pf->vfs)
		return -ENOMEM;
	for (unsigned int i = 0; i < vfs; i++) {
		pf->vfs[i] = mlx5_vport_new(pf, pf->base + 1 + i, false, i);
		if (!pf->vfs[i])
			return -ENOMEM;
		pf->vfs[i]->dl_index = first + i;
	}
	return 0;
}

void mlx5_vf_table_done(struct mlx5_pf *pf)
{
	if (pf->vfs)
		for (unsigned int i = 0; i < pf->nic->config.vfs; i++)
			mlx5_vport_put(pf->vfs[i]);
	free(pf->vfs);
}

static int device_add(struct mlx5_pf *pf, unsigned int vf)
{
	const struct mlx5_config *config = &pf->nic->config;
	struct fl_bus_root *root = fl_plane_bus(pf->nic->plane);
	int id = fl_auxiliary_id_alloc(root);
	char address[32];

	if (id < 0)
		return id;
	mlx5_nic_address(pf->nic, config->ports + pf->number * config->vfs + vf, address,
			 sizeof(address));
	return mlx5_vport_device_add(pf->vfs[vf], "pci", address, id);
}

void mlx5_vf_devices_add(struct mlx5_pf *pf)
{
	int err;

	for (unsigned int i = 0; i < pf->nic->config.vfs; i++) {
		err = device_add(pf, i);
		if (err)
			fl_log(FL_LOG_WARN, "%s: VF %u has no device: error %d",
			       fl_device_name(pf->func->dev), i, -err);
	}
}

/* The instance that is registered on the VF, referenced, or NULL. */
static struct fl_devlink *dl_get(struct mlx5_vport *vport)
{
	struct fl_devlink *dl;

	fl_driver_lock_take(vport->pf->lock);
	dl = vport->func ? fl_devlink_get(vport->func->dl) : NULL;
	fl_driver_lock_drop(vport->pf->lock);
	return dl;
}

static void report_reset(struct mlx5_vport *vport)
{
	struct fl_reporter *reporter = NULL;

	fl_driver_lock_take(vport->pf->lock);
	if (vport->func && vport->func->fatal)
		reporter = fl_reporter_get(vport->func->fatal);
	fl_driver_lock_drop(vport->pf->lock);
	if (reporter)
		fl_health_report(reporter, "the PF was reset", NULL, NULL);
	fl_reporter_put(reporter);
}

void mlx5_vf_report_reset(struct mlx5_pf *pf)
{
	for (unsigned int i = 0; i < pf->nic->config.vfs; i++)
		report_reset(pf->vfs[i]);
}

void mlx5_vf_ports_add(struct mlx5_pf *pf, struct fl_txn *txn)
{
	for (unsigned int i = 0; i < pf->nic->config.vfs; i++) {
		struct fl_devlink *dl = dl_get(pf->vfs[i]);

		mlx5_vport_port_add(pf->vfs[i], txn);
		if (dl) {
			fl_port_fn_nested_set(txn, pf->vfs[i]->index, dl);
			fl_port_notify(txn, pf->vfs[i]->index);
		}
		fl_devlink_put(dl);
	}
}

void mlx5_vf_ports_del(struct mlx5_pf *pf, struct fl_txn *txn)
{
	for (unsigned int i = 0; i < pf->nic->config.vfs; i++)
		mlx5_pf_port_del(txn, pf->vfs[i]->index);
}
