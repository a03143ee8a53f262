/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* commands.h - the handlers that the table of commands names; one object, one file. */
#ifndef FL_CORE_COMMANDS_H
#define FL_CORE_COMMANDS_H

#include "core/object.h"
#include "core/req.h"

int fl_instance_get_doit(struct fl_req *req);
int fl_instance_get_dumpit(struct fl_req *req, struct fl_dump *dump);

int fl_port_get_doit(struct fl_req *req);
int fl_port_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_port_set_doit(struct fl_req *req);
int fl_port_new_doit(struct fl_req *req);
int fl_port_del_doit(struct fl_req *req);

int fl_param_get_doit(struct fl_req *req);
int fl_param_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_param_set_doit(struct fl_req *req);

int fl_reload_doit(struct fl_req *req);

int fl_eswitch_get_doit(struct fl_req *req);
int fl_eswitch_set_doit(struct fl_req *req);

int fl_info_get_doit(struct fl_req *req);
int fl_info_get_dumpit(struct fl_req *req, struct fl_dump *dump);

int fl_flash_update_doit(struct fl_req *req);

int fl_trap_get_doit(struct fl_req *req);
int fl_trap_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_trap_set_doit(struct fl_req *req);
int fl_trap_group_get_doit(struct fl_req *req);
int fl_trap_group_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_trap_group_set_doit(struct fl_req *req);
int fl_trap_policer_get_doit(struct fl_req *req);
int fl_trap_policer_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_trap_policer_set_doit(struct fl_req *req);

/* Dumps all objects of a kind: of the instance that the request names, or of all in the
 * asker's namespace. */
int fl_dump_objs(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind, uint8_t cmd);

#endif
