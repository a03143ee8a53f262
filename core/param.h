/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* param.h - parameters as core/ keeps them. */
#ifndef FL_CORE_PARAM_H
#define FL_CORE_PARAM_H

#include "core/instance.h"

#define FL_PARAM_CMODES 3 /* runtime, driverinit, permanent */

struct fl_param_slot {
	bool set;
	union fl_param_value value;
};

/* A parameter in a version. A driverinit value that was set shows at once and comes into
 * force at the next driver_reinit: `pending`. */
struct fl_param_obj {
	struct fl_obj obj;
	bool generic, has_default;
	enum fl_param_type type;
	uint32_t cmodes;
	uint64_t min, max;
	union fl_param_value def;
	struct fl_param_slot value[FL_PARAM_CMODES];
	struct fl_param_slot pending;
	char name[];
};

static inline const struct fl_param_obj *fl_obj_param(const struct fl_obj *obj)
{
	return (const struct fl_param_obj *)obj;
}

/* The value that shows for a cmode, or NULL if there is none yet. */
const union fl_param_value *fl_param_shown(const struct fl_param_obj *param,
					   enum devlink_param_cmode cmode);

/* Finds by name; the second as a transaction sees it. Context: RCU read section. */
const struct fl_param_obj *fl_param_find(const struct fl_version *version, const char *name);
const struct fl_param_obj *fl_param_find_txn(struct fl_txn *txn, const char *name);
/* A copy of the parameter as the transaction sees it; free() it. -ENOENT, -ENOMEM. */
int fl_param_dup(struct fl_txn *txn, const char *name, struct fl_param_obj **ret_copy);

/* Sets what a client asked for and announces it: pending for driverinit. */
void fl_param_store(struct fl_txn *txn, const char *name, enum devlink_param_cmode cmode,
		    const union fl_param_value *value);

/* Makes pending driverinit values those in force, unannounced: the reload's third step. */
void fl_params_reload(struct fl_txn *txn);

#endif
