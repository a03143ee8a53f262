/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* info.c - driver, serial number and firmware versions. */
#include "mlx5-private.h"

#include <stdio.h>
#include <string.h>

#define PSID "MT_0000000359"

const struct mlx5_version mlx5_version_shipped = { 22, 41, 1000 };

/* "fw-ConnectX6Dx-rel-22_42_1000-MCX623106AN.mfa2", "22.42.1000": three numbers. */
static bool parse_version(const char *text, struct mlx5_version *ret_version)
{
	struct mlx5_version version;
	int end = 0;
	char a, b;

	if (sscanf(text, "%3u%c%3u%c%5u%n", &version.major, &a, &version.minor, &b, &version.sub,
		   &end) != 5 ||
	    a != b || (a != '.' && a != '_'))
		return false;
	*ret_version = version;
	return true;
}

struct mlx5_version mlx5_version_of(const char *file_name, struct mlx5_version last)
{
	struct mlx5_version version;
	const char *at = file_name;

	while ((at = strpbrk(at, "0123456789"))) {
		if (parse_version(at, &version))
			return version;
		at += strspn(at, "0123456789");
	}
	last.sub++;
	return last;
}

void mlx5_version_store(struct mlx5_pf *pf, struct mlx5_version version)
{
	fl_driver_lock_take(pf->lock);
	pf->stored = version;
	fl_driver_lock_drop(pf->lock);
}

void mlx5_version_activate(struct mlx5_pf *pf)
{
	fl_driver_lock_take(pf->lock);
	pf->running = pf->stored;
	fl_driver_lock_drop(pf->lock);
}

struct mlx5_version mlx5_version_stored(struct mlx5_pf *pf)
{
	struct mlx5_version version;

	fl_driver_lock_take(pf->lock);
	version = pf->stored;
	fl_driver_lock_drop(pf->lock);
	return version;
}

uint32_t mlx5_version_raw(struct mlx5_pf *pf)
{
	struct mlx5_version version;

	fl_driver_lock_take(pf->lock);
	version = pf->running;
	fl_driver_lock_drop(pf->lock);
	return version.major << 28 | version.minor << 16 | version.sub;
}

static void version_text(struct mlx5_pf *pf, const struct mlx5_version *version, char *ret_text,
			 size_t size)
{
	struct mlx5_version copy;

	fl_driver_lock_take(pf->lock);
	copy = *version;
	fl_driver_lock_drop(pf->lock);
	snprintf(ret_text, size, "%u.%u.%04u", copy.major, copy.minor, copy.sub);
}

static void publish_pf(struct mlx5_pf *pf, struct fl_txn *txn)
{
	char running[32], stored[32], serial[MLX5_SERIAL_SIZE];
	const struct fl_info_version versions[] = {
		{ FL_VERSION_FIXED, "fw.psid", PSID, false },
		{ FL_VERSION_RUNNING, "fw.version", running, false },
		{ FL_VERSION_RUNNING, "fw", running, true },
		{ FL_VERSION_STORED, "fw.version", stored, false },
		{ FL_VERSION_STORED, "fw", stored, true },
	};

	version_text(pf, &pf->running, running, sizeof(running));
	version_text(pf, &pf->stored, stored, sizeof(stored));
	mlx5_nic_serial(&pf->nic->config, serial);
	fl_info_set(txn, "mlx5_core", serial, NULL, versions, FL_ARRAY_SIZE(versions));
}

/* VFs and SFs have no firmware of their own to tell of. */
void mlx5_info_publish(struct mlx5_func *func, struct fl_txn *txn)
{
	if (!func->vport)
		publish_pf(func->pf, txn);
	else
		fl_info_set(txn, func->vport->is_sf ? "mlx5_core.sf" : "mlx5_core", NULL, NULL,
			    NULL, 0);
}
