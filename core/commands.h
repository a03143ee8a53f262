/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* commands.h - the handlers that the table of commands names; one object, one file. */
#ifndef FL_CORE_COMMANDS_H
#define FL_CORE_COMMANDS_H

#include "core/object.h"
#include "core/req.h"

struct fl_devlink;
struct fl_version;

int fl_instance_get_doit(struct fl_req *req);
int fl_instance_get_dumpit(struct fl_req *req, struct fl_dump *dump);

int fl_port_get_doit(struct fl_req *req);
int fl_port_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_port_set_doit(struct fl_req *req);
int fl_port_new_doit(struct fl_req *req);
int fl_port_del_doit(struct fl_req *req);

int fl_port_split_doit(struct fl_req *req);
int fl_port_unsplit_doit(struct fl_req *req);
int fl_port_param_doit(struct fl_req *req);
int fl_port_param_get_dumpit(struct fl_req *req, struct fl_dump *dump);

int fl_dpipe_table_get_doit(struct fl_req *req);
int fl_dpipe_entries_get_doit(struct fl_req *req);
int fl_dpipe_headers_get_doit(struct fl_req *req);
int fl_dpipe_table_counters_set_doit(struct fl_req *req);

int fl_linecard_get_doit(struct fl_req *req);
int fl_linecard_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_linecard_set_doit(struct fl_req *req);

int fl_sb_get_doit(struct fl_req *req);
int fl_sb_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_sb_pool_get_doit(struct fl_req *req);
int fl_sb_pool_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_sb_port_pool_get_doit(struct fl_req *req);
int fl_sb_port_pool_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_sb_tc_pool_bind_get_doit(struct fl_req *req);
int fl_sb_tc_pool_bind_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_sb_pool_set_doit(struct fl_req *req);
int fl_sb_port_pool_set_doit(struct fl_req *req);
int fl_sb_tc_pool_bind_set_doit(struct fl_req *req);
int fl_sb_occ_snapshot_doit(struct fl_req *req);
int fl_sb_occ_max_clear_doit(struct fl_req *req);

int fl_selftests_get_doit(struct fl_req *req);
int fl_selftests_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_selftests_run_doit(struct fl_req *req);

int fl_param_get_doit(struct fl_req *req);
int fl_param_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_param_set_doit(struct fl_req *req);

int fl_reload_doit(struct fl_req *req);

int fl_eswitch_get_doit(struct fl_req *req);
int fl_eswitch_set_doit(struct fl_req *req);

int fl_info_get_doit(struct fl_req *req);
int fl_info_get_dumpit(struct fl_req *req, struct fl_dump *dump);

int fl_flash_update_doit(struct fl_req *req);

int fl_resource_set_doit(struct fl_req *req);
int fl_resource_dump_doit(struct fl_req *req);
int fl_resource_dump_dumpit(struct fl_req *req, struct fl_dump *dump);

int fl_trap_get_doit(struct fl_req *req);
int fl_trap_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_trap_set_doit(struct fl_req *req);
int fl_trap_group_get_doit(struct fl_req *req);
int fl_trap_group_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_trap_group_set_doit(struct fl_req *req);
int fl_trap_policer_get_doit(struct fl_req *req);
int fl_trap_policer_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_trap_policer_set_doit(struct fl_req *req);

int fl_rate_get_doit(struct fl_req *req);
int fl_rate_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_rate_set_doit(struct fl_req *req);
int fl_rate_new_doit(struct fl_req *req);
int fl_rate_del_doit(struct fl_req *req);

int fl_health_get_doit(struct fl_req *req);
int fl_health_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_health_set_doit(struct fl_req *req);
int fl_health_recover_doit(struct fl_req *req);
int fl_health_diagnose_doit(struct fl_req *req);
int fl_health_dump_get_prepare(struct fl_req *req, struct fl_dump *dump);
int fl_health_dump_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_health_dump_clear_doit(struct fl_req *req);
int fl_health_test_doit(struct fl_req *req);

int fl_region_get_doit(struct fl_req *req);
int fl_region_get_dumpit(struct fl_req *req, struct fl_dump *dump);
int fl_region_new_doit(struct fl_req *req);
int fl_region_del_doit(struct fl_req *req);
int fl_region_read_prepare(struct fl_req *req, struct fl_dump *dump);
int fl_region_read_dumpit(struct fl_req *req, struct fl_dump *dump);
void fl_region_read_done(struct fl_dump *dump);

/* Flags of a dump's messages. */
uint16_t fl_dump_flags(const struct fl_req *req);

/* Dumps something of the instance that the request names, or of each in the asker's
 * namespace. fn puts messages, and in dump->position[1..3], zero at an instance's first, keeps
 * how far it came: 1: there is more; 0: the instance is done; -errno.
 * Context: fn: RCU read section. */
typedef int (*fl_dump_fn)(struct fl_req *req, struct fl_dump *dump, struct fl_devlink *dl,
			  const struct fl_version *version, const void *arg);
int fl_dump_instances(struct fl_req *req, struct fl_dump *dump, fl_dump_fn fn, const void *arg);

/* Dumps all objects of a kind: of the instance that the request names, or of all in the
 * asker's namespace. */
int fl_dump_objs(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind, uint8_t cmd);

/* The same for objects that instances and ports have: the instance's, then each port's, or
 * only those of the port that the request names. */
int fl_dump_port_objs(struct fl_req *req, struct fl_dump *dump, enum fl_obj_kind kind,
		      enum fl_obj_kind port_kind, uint8_t cmd);

#endif
