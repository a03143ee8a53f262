/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driver-selftest.h - tests that a device runs on itself when a client asks for them. */
#ifndef FL_CORE_DRIVER_SELFTEST_H
#define FL_CORE_DRIVER_SELFTEST_H

#include <stdint.h>

#include "nl/devlink-attrs.h"

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_op;
struct fl_txn;

struct fl_selftest_ops {
	/* Bits 1 << DEVLINK_ATTR_SELFTEST_ID_... of the tests that there are. */
	uint32_t tests;
	/* A step; one test after the other. Context: alone on the instance's selftests lane,
	 * shared on the instance's. Valid replies: 0 with *ret_status set; -errno with text in
	 * fl_txn_extack() ends the request. ret_status lives as long as the operation.
	 * Required. */
	int (*run)(struct fl_op *op, struct fl_txn *txn, enum devlink_attr_selftest_id test,
		   enum devlink_selftest_status *ret_status);
};

#pragma GCC visibility pop

#endif
