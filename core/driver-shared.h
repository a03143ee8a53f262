/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver-shared.h - an instance that stands for no device: for what several devices share, as
 * the PFs of one chip do. Their instances are nested in it.
 *
 * The kernel makes one with the first of these devices and frees it after the last; so does a
 * driver here, by operations on a lane of its own, which it posts from probe and remove: the
 * devices wait neither for it nor for each other.
 */
#ifndef FL_CORE_DRIVER_SHARED_H
#define FL_CORE_DRIVER_SHARED_H

#include <stdint.h>

#pragma GCC visibility push(default) /* for plug-ins */

struct fl_devlink;
struct fl_devlink_ops;
struct fl_driver;
struct fl_lane;
struct fl_plane;
struct fl_txn;

/* Makes an instance without a device, not registered. Its handle is "devlink_index/<index>",
 * its namespace the initial one; commands to it run on `lane`, a root that the caller made. index:
 * reserved by fl_devlink_index_reserve(), which no instance has had before. priv: as for
 * fl_devlink_alloc(). driver: whom `finelink show` names; not copied.
 * Returns 0; -ENOMEM; -ENODEV (the lane is sealed): then priv stays the caller's. */
int fl_devlink_alloc_shared(struct fl_plane *plane, struct fl_lane *lane,
			    const struct fl_driver *driver, const struct fl_devlink_ops *ops,
			    void *priv, uint32_t index, struct fl_devlink **ret_dl);

/* Shows `nested` in DEV NEW of txn's instance, of which it keeps a reference, or shows it no
 * longer. Announces nothing; finish with fl_txn_notify(). Its handle and namespace are resolved
 * when the instance is shown; when `nested` is registered, moved or unregistered, finelink
 * announces the instance again by itself. An instance is nested in one place at a time: here, in
 * a port's function or in a line card. Sticky -EEXIST, -ENOENT, -ENOMEM. */
void fl_devlink_nested_add(struct fl_txn *txn, struct fl_devlink *nested);
void fl_devlink_nested_del(struct fl_txn *txn, struct fl_devlink *nested);

#pragma GCC visibility pop

#endif
