/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * finelink.h - all that a driver needs of libfinelink.
 *
 * Threads:   functions may be called from any thread, also from one of your own, unless a
 *            "Context:" says otherwise. Your callbacks are steps of operations: they run on
 *            shared workers, with no lock held, at the same time for different lanes, and must
 *            not sleep. What takes time arranges to be continued and returns FL_LATER
 *            (fl_op_sleep(), fl_op_wait(), fl_op_block() for one blocking call); a driver that
 *            does nothing but block says so in its struct fl_driver. (lane.h)
 * Changes:   what clients see of an instance changes only when a transaction is committed, all
 *            of it at once, with its notifications. One is given to each callback, or begun
 *            by fl_txn_begin(). (driver.h)
 * Ownership: strings and structs that you give are copied unless their comment says otherwise;
 *            tables of callbacks are not, and live as long as what was made with them. What
 *            has a _get() and a _put() is counted: it is freed after the last put, and a
 *            reference keeps the memory, nothing else. All structs without a definition here
 *            are opaque.
 * Errors:    0 or a negative errno; errno itself is never set, and output parameters (ret_...,
 *            last) are untouched on failure. Inside a transaction errors stick, and its commit
 *            returns them, with nothing applied. What a client is to read about an error goes
 *            into fl_txn_extack(). A callback that replies what it must not is logged by name,
 *            and its client gets -EIO; one that keeps a lock stops the program.
 */
#ifndef FINELINK_FINELINK_H
#define FINELINK_FINELINK_H

#include "base/log.h"
#include "base/util.h"
#include "bus/bus.h"
#include "core/driver-lock.h"
#include "core/driver.h"
#include "core/knob.h"
#include "finelink/plugin.h"
#include "lane/lane.h"

#endif
