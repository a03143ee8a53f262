/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz.h - what the fuzz targets share: the one entry that libFuzzer and test-mutate.c call, and
 * the check of what was answered.
 */
#ifndef FL_TESTS_FUZZ_FUZZ_H
#define FL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* data has no byte more than size says, and is aligned for anything. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the program unless buf holds netlink messages of ours to the last byte: whole headers,
 * attributes with whole headers and payloads, nests down to the last. Returns how many there are.
 * Padding may be missing behind the last message. */
unsigned int fuzz_check_messages(const void *buf, size_t len);

#endif
