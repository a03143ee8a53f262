/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_planted.c - a decoder that believes an attribute's length: test-mutate.c has to find it. */
#include <linux/genetlink.h>
#include <string.h>

#include "base/die.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t at = NLMSG_HDRLEN + GENL_HDRLEN;
	struct nlattr attr;

	if (size < at + sizeof(attr))
		return 0;
	memcpy(&attr, data + at, sizeof(attr));
	fl_assert(attr.nla_len <= size - at);
	return 0;
}
