/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port.c - ports, physical and of VFs, and the knobs that make and remove the former. */
#include "netdevsim-private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making one --------------------------------------------------------------------- */

static struct nsim_port *port_find(struct nsim_dev *dev, uint32_t index)
{
	struct nsim_port *port;

	cds_list_for_each_entry(port, &dev->ports, link)
		if (port->index == index)
			return port;
	return NULL;
}

static void port_free(struct nsim_dev *dev, struct nsim_port *port)
{
	nsim_rate_bury(dev, port->rate);
	free(port);
}

/* As the kernel tells it: no type, then its type, then its network device. */
static void announce_new(struct nsim_dev *dev, struct fl_txn *txn, struct nsim_port *port,
			 uint32_t ifindex)
{
	struct fl_port_attrs attrs = {
		.index = port->index,
		.flavour = port->vf ? DEVLINK_PORT_FLAVOUR_PCI_VF : DEVLINK_PORT_FLAVOUR_PHYSICAL,
		.phys_number = port->index + 1,
		.vf = (uint16_t)(port->index - NSIM_VF_BASE),
	};
	struct fl_port_state state;
	char name[16];

	/* What a change that was given up has left behind. */
	if (fl_port_read(txn, port->index, &state) == 0)
		fl_port_del(txn, port->index);
	snprintf(name, sizeof(name), "eth%u", port->netdev);
	fl_port_add(txn, &attrs);
	fl_port_type_set(txn, port->index, DEVLINK_PORT_TYPE_ETH);
	fl_port_notify(txn, port->index);
	fl_port_netdev_set(txn, port->index, ifindex, name);
	fl_port_notify(txn, port->index);
	if (port->vf)
		fl_rate_leaf_add(txn, port->index, port->rate, NULL);
}

int nsim_port_add(struct nsim_dev *dev, struct fl_txn *txn, bool vf, uint32_t number)
{
	uint32_t index = vf ? NSIM_VF_BASE + number : number;
	struct nsim_port *port;
	uint32_t ifindex;
	int err = -ENOMEM;

	if (port_find(dev, index))
		return -EEXIST;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->index = index;
	port->vf = vf;
	if (vf)
		port->rate = nsim_rate_leaf_new(dev, index);
	if (!vf || port->rate)
		err = nsim_netdev_get(dev, &port->netdev, &ifindex);
	if (err) {
		port_free(dev, port);
		return err;
	}
	cds_list_add_tail(&port->link, &dev->ports);
	announce_new(dev, txn, port, ifindex);
	return 0;
}

/* ---- removing one ------------------------------------------------------------------- */

static void announce_del(struct fl_txn *txn, const struct nsim_port *port)
{
	struct fl_port_state state;

	if (fl_port_read(txn, port->index, &state))
		return;
	if (port->vf)
		fl_rate_leaf_del(txn, port->index);
	fl_port_netdev_set(txn, port->index, 0, NULL);
	fl_port_notify(txn, port->index);
	fl_port_type_set(txn, port->index, DEVLINK_PORT_TYPE_NOTSET);
	fl_port_notify(txn, port->index);
	fl_port_del(txn, port->index);
}

static void port_forget(struct nsim_dev *dev, struct nsim_port *port)
{
	cds_list_del(&port->link);
	nsim_netdev_put(dev, port->netdev);
	port_free(dev, port);
}

static void port_del(struct nsim_dev *dev, struct fl_txn *txn, struct nsim_port *port)
{
	announce_del(txn, port);
	port_forget(dev, port);
}

void nsim_ports_del(struct nsim_dev *dev, struct fl_txn *txn, bool only_vfs)
{
	struct nsim_port *port;
	struct cds_list_head *pos, *before;

	for (pos = dev->ports.prev; pos != &dev->ports; pos = before) {
		before = pos->prev;
		port = cds_list_entry(pos, struct nsim_port, link);
		if (port->vf || !only_vfs)
			port_del(dev, txn, port);
	}
}

void nsim_vf_ports_clear(struct fl_txn *txn, uint32_t count)
{
	while (count--) {
		const struct nsim_port shown = { .index = NSIM_VF_BASE + count, .vf = true };

		announce_del(txn, &shown);
	}
}

void nsim_ports_forget(struct nsim_dev *dev)
{
	while (!cds_list_empty(&dev->ports))
		port_forget(dev, cds_list_first_entry(&dev->ports, struct nsim_port, link));
}

/* ---- new_port, del_port ------------------------------------------------------------- */

/* "00:11:22:33:44:55", which a port may be given in the kernel; there is nothing here that
 * would have it. */
static bool is_unicast_mac(const char *text)
{
	unsigned int byte[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5], &end) != 6 || text[end])
		return false;
	return !(byte[0] & 1) && (byte[0] | byte[1] | byte[2] | byte[3] | byte[4] | byte[5]);
}

/* "INDEX [MAC]" */
static int parse_new_port(struct fl_knob_call *call, uint32_t *ret_index)
{
	char *end;
	unsigned long index;

	errno = 0;
	index = strtoul(call->text, &end, 10);
	if (!isdigit((unsigned char)call->text[0]) || (*end && *end != ' ') || errno ||
	    index > UINT32_MAX) {
		fl_extack_set(&call->extack,
			      "Format for adding new port is \"id [perm_addr]\" (uint MAC).");
		return -EINVAL;
	}
	end += strspn(end, " ");
	if (*end && !is_unicast_mac(end)) {
		fl_extack_set(&call->extack, "The supplied perm_addr is not a valid MAC address");
		return -EINVAL;
	}
	*ret_index = (uint32_t)index;
	return 0;
}

static int new_port_run(struct fl_op *op, struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_call_dev(call);
	struct nsim_port *port;
	struct fl_txn *txn;
	uint32_t index = 0;
	int err;

	err = parse_new_port(call, &index);
	if (!err)
		err = nsim_txn_begin(op, dev, &txn);
	if (err)
		return err;
	err = nsim_port_add(dev, txn, false, index);
	if (err) {
		fl_txn_abort(txn);
		return err;
	}
	err = fl_txn_commit(txn);
	port = port_find(dev, index);
	if (err && port)
		port_forget(dev, port);
	return err;
}

static int del_port_run(struct fl_op *op, struct fl_knob_call *call)
{
	struct nsim_dev *dev = nsim_call_dev(call);
	struct nsim_port *port;
	struct fl_txn *txn;
	uint32_t index;
	int err;

	err = fl_knob_parse_u32(call->text, &index);
	if (!err)
		err = nsim_txn_begin(op, dev, &txn);
	if (err)
		return err;
	port = port_find(dev, index);
	if (!port || port->vf) {
		fl_txn_abort(txn);
		return -ENOENT;
	}
	announce_del(txn, port);
	err = fl_txn_commit(txn);
	if (!err)
		port_forget(dev, port);
	return err;
}

static int new_port_write(struct fl_knob_call *call)
{
	return nsim_knob_post(call, NULL, new_port_run);
}

static int del_port_write(struct fl_knob_call *call)
{
	return nsim_knob_post(call, NULL, del_port_run);
}

const struct fl_knob_ops nsim_new_port_ops = { .write = new_port_write, .gone = nsim_knob_gone };
const struct fl_knob_ops nsim_del_port_ops = { .write = del_port_write, .gone = nsim_knob_gone };
