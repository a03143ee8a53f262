/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* static-elf.h - whether a program takes preloaded libraries at all. */
#ifndef FL_CLI_STATIC_ELF_H
#define FL_CLI_STATIC_ELF_H

#include <stdbool.h>

/* True if `command`, looked up in PATH as execvp() does, is an ELF program without a
 * dynamic loader. False for everything else, also what cannot be read. */
bool fl_elf_is_static(const char *command);

#endif
