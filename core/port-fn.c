/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port-fn.c - port functions: DEVLINK_ATTR_PORT_FUNCTION in both directions.
 */
#include <errno.h>
#include <string.h>

#include "core/port.h"

#define ETH_ALEN 6

size_t fl_port_fn_encode(struct fl_msg *msg, const struct fl_port *port)
{
	const struct fl_port_state *state = &port->state;
	unsigned int fn = state->attrs.fn;
	size_t nest;

	if (!fn)
		return 0;
	nest = fl_msg_nest(msg, DEVLINK_ATTR_PORT_FUNCTION, false);
	if (fn & FL_PORT_FN_HW_ADDR)
		fl_msg_put(msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, state->hw_addr,
			   state->hw_addr_len);
	if (fn & FL_PORT_FN_CAPS)
		fl_msg_put_bitfield32(msg, DEVLINK_PORT_FN_ATTR_CAPS, state->caps,
				      state->attrs.fn_caps);
	if (fn & FL_PORT_FN_STATE) {
		fl_msg_put_u8(msg, DEVLINK_PORT_FN_ATTR_STATE, state->state);
		fl_msg_put_u8(msg, DEVLINK_PORT_FN_ATTR_OPSTATE, state->opstate);
	}
	if (fn & FL_PORT_FN_MAX_IO_EQS)
		fl_msg_put_u32(msg, DEVLINK_PORT_FN_ATTR_MAX_IO_EQS, state->max_io_eqs);
	fl_msg_nest_end(msg, nest);
	return nest - msg->begun;
}

/* ---- parsing ---------------------------------------------------------------------- */

static int parse_hw_addr(const struct nlattr *attr, const struct fl_port_state *state,
			 struct fl_port_fn_change *change, struct fl_extack *extack)
{
	size_t len = fl_attr_len(attr);
	const uint8_t *addr = fl_attr_data(attr);

	if (len > FL_HW_ADDR_MAX) {
		fl_extack_set(extack, "Port function hardware address too long");
		return -EINVAL;
	}
	if (state->type == DEVLINK_PORT_TYPE_ETH && len != ETH_ALEN) {
		fl_extack_set(extack, "Address must be 6 bytes for Ethernet device");
		return -EINVAL;
	}
	if (state->type == DEVLINK_PORT_TYPE_ETH && (addr[0] & 1)) {
		fl_extack_set(extack, "Non-unicast hardware address unsupported");
		return -EINVAL;
	}
	memcpy(change->hw_addr, addr, len);
	change->hw_addr_len = len;
	change->set |= FL_PORT_FN_HW_ADDR;
	return 0;
}

static int parse_state(const struct nlattr *attr, const struct fl_port_state *state,
		       struct fl_port_fn_change *change, struct fl_extack *extack)
{
	if (!(state->attrs.fn & FL_PORT_FN_STATE)) {
		fl_extack_set_attr(extack, attr, "Function does not support state setting");
		return -EOPNOTSUPP;
	}
	change->state = fl_attr_u8(attr);
	change->set |= FL_PORT_FN_STATE;
	return 0;
}

struct cap_text {
	uint32_t cap;
	const char *unsupported;
	const char *vf_only;
};

static const struct cap_text cap_texts[] = {
	{ DEVLINK_PORT_FN_CAP_ROCE, "Port doesn't support RoCE function attribute", NULL },
	{ DEVLINK_PORT_FN_CAP_MIGRATABLE, "Port doesn't support migratable function attribute",
	  "migratable function attribute supported for VFs only" },
	{ DEVLINK_PORT_FN_CAP_IPSEC_CRYPTO, "Port doesn't support ipsec_crypto function attribute",
	  "ipsec_crypto function attribute supported for VFs only" },
	{ DEVLINK_PORT_FN_CAP_IPSEC_PACKET, "Port doesn't support ipsec_packet function attribute",
	  "ipsec_packet function attribute supported for VFs only" },
};

static int parse_caps(const struct nlattr *attr, const struct fl_port_state *state,
		      struct fl_port_fn_change *change, struct fl_extack *extack)
{
	const struct nla_bitfield32 *caps = fl_attr_data(attr);

	for (size_t i = 0; i < FL_ARRAY_SIZE(cap_texts); i++) {
		const struct cap_text *text = &cap_texts[i];

		if (!(caps->selector & text->cap))
			continue;
		if (!(state->attrs.fn_caps & text->cap)) {
			fl_extack_set_attr(extack, attr, "%s", text->unsupported);
			return -EOPNOTSUPP;
		}
		if (text->vf_only && state->attrs.flavour != DEVLINK_PORT_FLAVOUR_PCI_VF) {
			fl_extack_set_attr(extack, attr, "%s", text->vf_only);
			return -EOPNOTSUPP;
		}
	}
	change->caps_value = caps->value;
	change->caps_mask = caps->selector;
	change->set |= FL_PORT_FN_CAPS;
	return 0;
}

static int parse_max_io_eqs(const struct nlattr *attr, const struct fl_port_state *state,
			    struct fl_port_fn_change *change, struct fl_extack *extack)
{
	if (!(state->attrs.fn & FL_PORT_FN_MAX_IO_EQS)) {
		fl_extack_set_attr(extack, attr, "Function does not support max_io_eqs setting");
		return -EOPNOTSUPP;
	}
	change->max_io_eqs = fl_attr_u32(attr);
	change->set |= FL_PORT_FN_MAX_IO_EQS;
	return 0;
}

int fl_port_fn_parse(const struct nlattr *attr, const struct fl_port_state *state,
		     struct fl_port_fn_change *ret_change, struct fl_extack *extack)
{
	const struct nlattr *tb[DEVLINK_PORT_FN_ATTR_MAX_IO_EQS + 1];
	struct fl_port_fn_change change = { 0 };
	int err;

	err = fl_nl_parse_nested(attr, fl_devlink_port_function_set_policy,
				 fl_devlink_port_function_set_max, true, tb, extack);
	if (err < 0) {
		fl_extack_set(extack, "Fail to parse port function attributes");
		return err;
	}
	/* What is not supported is told before what is wrong in it. */
	if (tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR] && !(state->attrs.fn & FL_PORT_FN_HW_ADDR)) {
		fl_extack_set_attr(extack, tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR],
				   "Port doesn't support function attributes");
		return -EOPNOTSUPP;
	}
	if (tb[DEVLINK_PORT_FN_ATTR_STATE])
		err = parse_state(tb[DEVLINK_PORT_FN_ATTR_STATE], state, &change, extack);
	if (!err && tb[DEVLINK_PORT_FN_ATTR_CAPS])
		err = parse_caps(tb[DEVLINK_PORT_FN_ATTR_CAPS], state, &change, extack);
	if (!err && tb[DEVLINK_PORT_FN_ATTR_MAX_IO_EQS])
		err = parse_max_io_eqs(tb[DEVLINK_PORT_FN_ATTR_MAX_IO_EQS], state, &change, extack);
	if (!err && tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR])
		err = parse_hw_addr(tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR], state, &change, extack);
	if (err)
		return err;
	*ret_change = change;
	return 0;
}
