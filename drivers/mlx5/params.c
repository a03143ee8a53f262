/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* params.c - the parameters of PFs and functions, and what they decide. */
#include "mlx5-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RUNTIME (1u << DEVLINK_PARAM_CMODE_RUNTIME)
#define DRIVERINIT (1u << DEVLINK_PARAM_CMODE_DRIVERINIT)
#define PERMANENT (1u << DEVLINK_PARAM_CMODE_PERMANENT)

#define SET_CMDS 2 /* read the setting, write it */

#define PARAM_BOOL(text, is_generic, mode, on)                                                     \
	{                                                                                          \
		.name = (text), .generic = (is_generic), .type = FL_PARAM_BOOL, .cmodes = (mode),  \
		.has_default = true, .def.vbool = (on), .value.vbool = (on),                       \
	}
#define PARAM_NUMBER(text, is_generic, mode, kind, member, number, low, high)                      \
	{                                                                                          \
		.name = (text), .generic = (is_generic), .type = (kind), .cmodes = (mode),         \
		.has_default = true, .def.member = (number), .value.member = (number),             \
		.min = (low), .max = (high),                                                       \
	}
#define PARAM_U16(text, generic, mode, number, low, high)                                          \
	PARAM_NUMBER(text, generic, mode, FL_PARAM_U16, vu16, number, low, high)
#define PARAM_U32(text, generic, mode, number, low, high)                                          \
	PARAM_NUMBER(text, generic, mode, FL_PARAM_U32, vu32, number, low, high)
#define PARAM_STRING(text, mode, word)                                                             \
	{                                                                                          \
		.name = (text), .type = FL_PARAM_STRING, .cmodes = (mode), .has_default = true,    \
		.def.vstr = word, .value.vstr = word,                                              \
	}

/* What every function has; enable_vnet last, for a PF has none. */
static const struct fl_param func_params[] = {
	PARAM_BOOL("enable_roce", true, DRIVERINIT, true),
	PARAM_U32("io_eq_size", true, DRIVERINIT, 1024, 64, 4096),
	PARAM_U32("event_eq_size", true, DRIVERINIT, 4096, 64, 4096),
	PARAM_U32("max_macs", true, DRIVERINIT, 128, 1, 4096),
	PARAM_U32("num_doorbells", true, DRIVERINIT, 8, 0, 1024),
	PARAM_BOOL("enable_eth", true, DRIVERINIT, true),
	PARAM_BOOL("enable_rdma", true, DRIVERINIT, true),
	PARAM_BOOL("enable_vnet", true, DRIVERINIT, true),
};
#define PF_COMMON (FL_ARRAY_SIZE(func_params) - 1)

static const struct fl_param pf_params[] = {
	PARAM_STRING("flow_steering_mode", RUNTIME, "smfs"),
	PARAM_U32("fdb_large_groups", false, DRIVERINIT, 15, 1, 1024),
	PARAM_BOOL("esw_multiport", false, RUNTIME, false),
	PARAM_BOOL("esw_port_metadata", false, RUNTIME, true),
	PARAM_U32("hairpin_num_queues", false, DRIVERINIT, 2, 0, 0),
	PARAM_U32("hairpin_queue_size", false, DRIVERINIT, 1024, 64, 32768),
	PARAM_U16("pcie_cong_inbound_high", false, DRIVERINIT, 9000, 0, 10000),
	PARAM_U16("pcie_cong_inbound_low", false, DRIVERINIT, 7500, 0, 10000),
	PARAM_U16("pcie_cong_outbound_high", false, DRIVERINIT, 9000, 0, 10000),
	PARAM_U16("pcie_cong_outbound_low", false, DRIVERINIT, 7500, 0, 10000),
	PARAM_BOOL("enable_sriov", true, PERMANENT, true),
	PARAM_U32("total_vfs", true, PERMANENT, 127, 0, 1024),
	PARAM_STRING("cqe_compress_type", PERMANENT, "balanced"),
	PARAM_STRING("swp_l4_csum_mode", PERMANENT, "default"),
};

/* The words that a string parameter takes. */
struct words {
	const char *name;
	const char *words[4];
	const char *text;
};

static const struct words words[] = {
	{ "flow_steering_mode",
	  { "dmfs", "smfs", "hmfs" },
	  "mlx5_core: Bad parameter: supported values are [\"dmfs\", \"smfs\", \"hmfs\"]" },
	{ "cqe_compress_type",
	  { "balanced", "aggressive" },
	  "mlx5_core: Bad parameter: supported values are [\"balanced\", \"aggressive\"]" },
	{ "swp_l4_csum_mode",
	  { "default", "device_default", "l4_only" },
	  "mlx5_core: Bad parameter: supported values are [\"default\", \"device_default\", "
	  "\"l4_only\"]" },
};

static bool is_pf(const struct mlx5_func *func)
{
	return !func->vport;
}

void mlx5_params_register(struct mlx5_func *func, struct fl_txn *txn)
{
	if (!is_pf(func)) {
		fl_params_register(txn, func_params, FL_ARRAY_SIZE(func_params));
		return;
	}
	fl_params_register(txn, func_params, PF_COMMON);
	fl_params_register(txn, pf_params, FL_ARRAY_SIZE(pf_params));
}

static bool enabled(struct fl_txn *txn, const char *name)
{
	union fl_param_value value;

	return fl_param_value_get(txn, name, DEVLINK_PARAM_CMODE_DRIVERINIT, &value) == 0 &&
	       value.vbool;
}

void mlx5_params_take(struct mlx5_func *func, struct fl_txn *txn)
{
	bool no_roce = func->vport && __atomic_load_n(&func->vport->no_roce, __ATOMIC_RELAXED);
	unsigned int children = 0;

	if (enabled(txn, "enable_eth"))
		children |= 1u << MLX5_CHILD_ETH;
	if (enabled(txn, "enable_rdma") && enabled(txn, "enable_roce") && !no_roce)
		children |= 1u << MLX5_CHILD_RDMA;
	if (!is_pf(func) && enabled(txn, "enable_vnet"))
		children |= 1u << MLX5_CHILD_VNET;
	__atomic_store_n(&func->enabled, children, __ATOMIC_RELAXED);
}

static int validate_word(const struct words *known, const char *word, struct fl_extack *extack)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(known->words) && known->words[i]; i++)
		if (strcmp(known->words[i], word) == 0)
			return 0;
	fl_extack_set(extack, "%s", known->text);
	return -EINVAL;
}

int mlx5_param_validate(struct fl_devlink *dl, const char *name, const union fl_param_value *value,
			struct fl_extack *extack)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(words); i++)
		if (strcmp(words[i].name, name) == 0)
			return validate_word(&words[i], value->vstr, extack);
	if (strcmp(name, "max_macs") == 0 && (value->vu32 & (value->vu32 - 1))) {
		fl_extack_set(extack, "mlx5_core: max_macs value must be power of 2");
		return -EINVAL;
	}
	return 0;
}

/* Runtime values are in force at once; permanent ones after a firmware reset. */
int mlx5_param_set(struct fl_op *op, struct fl_txn *txn, const char *name,
		   enum devlink_param_cmode cmode, const union fl_param_value *value)
{
	struct mlx5_func *func = fl_devlink_priv(fl_txn_devlink(txn));

	return mlx5_fw_exec(op, func->pf->fw, func->unit, SET_CMDS);
}
