/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hex.h - recorded messages: hex to bytes and back, and JSON lines. */
#ifndef FL_TESTS_NL_HEX_H
#define FL_TESTS_NL_HEX_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes up to the first byte that is no hex digit into a buffer that the caller frees.
 * Aborts on an odd number of digits. */
unsigned char *hex_decode(const char *hex, size_t *ret_len);
/* Prints what differs to standard error. */
void hex_print(const char *title, const void *data, size_t len);

/* Calls fn for each line of data/kernel-7.2/NAME (found through FL_TEST_DATA). Aborts if
 * the file is missing or a line is no JSON. */
void jsonl_each(const char *name, void (*fn)(struct json_object *line, void *arg), void *arg);
/* A string member, or an abort. */
const char *json_text(struct json_object *object, const char *key);

#endif
