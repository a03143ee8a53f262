/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nomem.h - an allocator that fails when it is told to; linked with --wrap. */
#ifndef FL_TESTS_CORE_NOMEM_H
#define FL_TESTS_CORE_NOMEM_H

#include <stdbool.h>

/* From the nth allocation from now on, of any thread, `count` of them fail. */
void nomem_begin(int nth, int count);
/* All succeed again. Whether one has failed. */
bool nomem_end(void);

#endif
