/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin.h - a driver in a shared object of its own.
 *
 * A topology names it (finelink-topology(5), key `plugin`); finelinkd loads it, calls its
 * one entry point, and then makes the devices. What it needs it finds in libfinelink, of
 * which finelinkd is a thin main(): there is one copy, whether the plug-in links with it or
 * not. It stays loaded until the process ends. docs/write-a-driver.md shows one.
 */
#ifndef FINELINK_PLUGIN_H
#define FINELINK_PLUGIN_H

#include "core/driver.h"

#define FINELINK_PLUGIN_ENTRY "finelink_plugin_init"

/* Registers the plug-in's drivers with fl_driver_register(fl_plane_bus(plane), ...). Defined
 * by the plug-in; called once, before any device is made, on the main thread.
 * Returns 0 or a negative errno, with which finelinkd does not start. */
__attribute__((visibility("default"))) int finelink_plugin_init(struct fl_plane *plane);

#endif
