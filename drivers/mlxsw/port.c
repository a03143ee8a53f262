/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port.c - ports, and how they split. A panel has so many lanes, and takes as many indexes: a
 * port has the index of its first lane.
 */
#include "mlxsw-private.h"

#include <errno.h>
#include <stdlib.h>

#define CPU_PORT 0

unsigned int mlxsw_panels(const struct mlxsw *sw)
{
	return sw->config.ports + sw->config.slots * MLXSW_CARD_PORTS;
}

uint32_t mlxsw_panel_base(const struct mlxsw *sw, unsigned int panel)
{
	return 1 + panel * sw->config.lanes;
}

static unsigned int card_panel(const struct mlxsw *sw, unsigned int slot)
{
	return sw->config.ports + slot * MLXSW_CARD_PORTS;
}

/* ---- adding and removing ---------------------------------------------------------- */

static void port_add(struct mlxsw *sw, struct fl_txn *txn, unsigned int panel, uint32_t count,
		     uint32_t sub)
{
	uint32_t lanes = sw->config.lanes / count;
	struct fl_port_attrs attrs = {
		.index = mlxsw_panel_base(sw, panel) + sub * lanes,
		.flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL,
		.phys_number = panel + 1,
		.split = count > 1,
		.split_subnumber = sub,
		.lanes = lanes,
		.splittable = count == 1 && lanes > 1,
	};

	if (panel >= sw->config.ports) {
		attrs.has_linecard = true;
		attrs.linecard = (panel - sw->config.ports) / MLXSW_CARD_PORTS + 1;
		attrs.phys_number = (panel - sw->config.ports) % MLXSW_CARD_PORTS + 1;
	}
	fl_port_add(txn, &attrs);
	fl_port_type_set(txn, attrs.index, DEVLINK_PORT_TYPE_ETH);
	fl_port_notify(txn, attrs.index);
	mlxsw_sb_port_add(sw, txn, attrs.index);
}

static void port_del(struct fl_txn *txn, uint32_t index)
{
	struct fl_port_state state;

	if (fl_port_read(txn, index, &state))
		return;
	fl_sb_port_del(txn, 0, index);
	fl_port_del(txn, index);
}

static void panels_add(struct mlxsw *sw, struct fl_txn *txn, unsigned int first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		port_add(sw, txn, first + i, 1, 0);
}

static void panels_del(struct mlxsw *sw, struct fl_txn *txn, unsigned int first, unsigned int count)
{
	uint32_t index = mlxsw_panel_base(sw, first);

	for (unsigned int i = 0; i < count * sw->config.lanes; i++)
		port_del(txn, index + i);
}

void mlxsw_front_ports_add(struct mlxsw *sw, struct fl_txn *txn)
{
	struct fl_port_attrs cpu = { .index = CPU_PORT, .flavour = DEVLINK_PORT_FLAVOUR_CPU };

	fl_port_add(txn, &cpu);
	panels_add(sw, txn, 0, sw->config.ports);
}

void mlxsw_card_ports_add(struct mlxsw *sw, struct fl_txn *txn, unsigned int slot)
{
	panels_add(sw, txn, card_panel(sw, slot), MLXSW_CARD_PORTS);
}

void mlxsw_card_ports_del(struct mlxsw *sw, struct fl_txn *txn, unsigned int slot)
{
	panels_del(sw, txn, card_panel(sw, slot), MLXSW_CARD_PORTS);
}

void mlxsw_ports_del(struct mlxsw *sw, struct fl_txn *txn)
{
	panels_del(sw, txn, 0, mlxsw_panels(sw));
	port_del(txn, CPU_PORT);
}

/* ---- splitting -------------------------------------------------------------------- */

struct split {
	void *saved;
	struct fl_txn *txn;
	unsigned int panel;
	uint32_t count;
};

static int split_done(struct fl_op *op)
{
	struct split *split = fl_op_data(op);
	struct mlxsw *sw = mlxsw_of(split->txn);
	int err = fl_op_result(op);

	if (!err) {
		panels_del(sw, split->txn, split->panel, 1);
		for (uint32_t sub = 0; sub < split->count; sub++)
			port_add(sw, split->txn, split->panel, split->count, sub);
	}
	fl_op_set_data(op, split->saved);
	free(split);
	return err;
}

/* The firmware makes the module's lanes anew, then the ports are there. */
static int split_begin(struct fl_op *op, struct fl_txn *txn, uint32_t index, uint32_t count)
{
	struct mlxsw *sw = mlxsw_of(txn);
	struct split *split = calloc(1, sizeof(*split));

	if (!split)
		return -ENOMEM;
	split->saved = fl_op_data(op);
	split->txn = txn;
	split->panel = (index - 1) / sw->config.lanes;
	split->count = count;
	fl_op_set_data(op, split);
	fl_op_then(op, split_done);
	return mlxsw_command(op, sw);
}

static int port_split(struct fl_op *op, struct fl_txn *txn, uint32_t index, uint32_t count)
{
	return split_begin(op, txn, index, count);
}

static int port_unsplit(struct fl_op *op, struct fl_txn *txn, uint32_t index)
{
	struct fl_port_state state;
	int err;

	err = fl_port_read(txn, index, &state);
	if (err)
		return err;
	if (!state.attrs.split) {
		fl_extack_set(fl_txn_extack(txn), MLXSW_NAME ": Port was not split");
		return -EINVAL;
	}
	return split_begin(op, txn, index, 1);
}

const struct fl_port_ops mlxsw_port_ops = {
	.split = port_split,
	.unsplit = port_unsplit,
};
