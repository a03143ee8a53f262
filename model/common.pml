/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * common.pml - words that the models share.
 *
 * One atomic step of a model is one critical section under a leaf lock of the code
 * (base/lock.h), or one access to an atomic variable. What the code does in two steps
 * is two steps here, so that Spin may put every other process in between.
 */
#define NONE 255

#define BIT(n) (1 << (n))

/* A clause of lane/lane.h, core/instance.h, netns/netns.h (see README.md); check.py reads it. */
#define MUST(clause, what) assert(what)
