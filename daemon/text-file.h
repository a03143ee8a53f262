/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text-file.h - reading a small file whole. */
#ifndef FL_DAEMON_TEXT_FILE_H
#define FL_DAEMON_TEXT_FILE_H

#include <stddef.h>

#define FL_TEXT_FILE_MAX (4U << 20)

/* Reads path; "-" is standard input. *ret_text is on the heap, ended by a NUL. Returns 0 or
 * a negative errno: -EISDIR for what is no file, -EFBIG over FL_TEXT_FILE_MAX. */
int fl_text_file_read(const char *path, char **ret_text, size_t *ret_len);

#endif
