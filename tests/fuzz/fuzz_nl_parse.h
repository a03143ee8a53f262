/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_nl_parse.h - the one entry that libFuzzer and the mutation test share. */
#ifndef FL_TESTS_FUZZ_NL_PARSE_H
#define FL_TESTS_FUZZ_NL_PARSE_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
