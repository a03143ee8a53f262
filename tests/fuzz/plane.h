/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plane.h - a plane for fuzz targets: two netdevsims, an mlx5 NIC with a VF in switchdev mode, a
 * switch. Simulated time hardly passes. Link with -Wl,--wrap=fl_op_sleep.
 */
#ifndef FL_TESTS_FUZZ_PLANE_H
#define FL_TESTS_FUZZ_PLANE_H

#include <stdbool.h>

#include "core/plane.h"

#define FUZZ_DEADLINE_NS (60 * FL_NS_PER_S)

/* The plane, made if there is none. */
struct fl_plane *fuzz_plane(void);

/* Waits until nothing goes on, and checks what was told meanwhile. True if instances show a
 * change. */
bool fuzz_plane_settle(void);

/* The next input gets a new one. */
void fuzz_plane_drop(void);

#endif
