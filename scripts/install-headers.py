#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the headers that are installed, <finelink/...>, from those of the tree.

usage: install-headers.py ROOT OUTDIR
       install-headers.py --list         (what is installed, one path of the tree a line)

Includes are renamed ("core/driver.h" -> <finelink/driver.h>); what stands between
    /* -- not installed -- */ and /* -- installed -- */
is left out. It fails on an include of anything that is not installed, and on code in a
header: what is inlined into drivers could never change.
"""
import os
import re
import sys

PUBLIC = [
    "include/finelink/finelink.h", "include/finelink/plugin.h",
    "base/log.h", "base/util.h", "bus/bus.h", "core/driver.h", "core/driver-cell.h",
    "core/driver-dpipe.h", "core/driver-health.h", "core/driver-linecard.h",
    "core/driver-lock.h", "core/driver-port.h", "core/driver-rate.h", "core/driver-region.h",
    "core/driver-resource.h", "core/driver-sb.h", "core/driver-selftest.h",
    "core/driver-shared.h", "core/driver-trap.h", "core/knob.h", "lane/lane.h", "nl/devlink-attrs.h", "nl/extack.h",
]
# As they are included within the tree.
INSIDE = {path.removeprefix("include/"): os.path.basename(path) for path in PUBLIC}
MARK = re.compile(r"/\* -- (not )?installed -- \*/")
LEFT_OUT = re.compile(r"/\* -- not installed -- \*/\n.*?/\* -- installed -- \*/\n+", re.S)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def fail(path, text):
    sys.exit(f"install-headers: {path}: {text}")


def installed(path, text):
    """The text of a header as it is installed."""
    def rename(match):
        if match[1] not in INSIDE:
            fail(path, f'includes "{match[1]}", which is not installed')
        return f"#include <finelink/{INSIDE[match[1]]}>"

    marks = [mark[1] for mark in MARK.finditer(text)]
    if marks != ["not ", None] * (len(marks) // 2):
        fail(path, "a mark '-- not installed --' or '-- installed --' without the other")
    text = LEFT_OUT.sub("", text)
    text = INCLUDE.sub(rename, text)
    if re.search(r"\binline\b|^\{", text, re.M):
        fail(path, "code in an installed header")
    return text


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(PUBLIC))
        return
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root, out = sys.argv[1:]
    for path in PUBLIC:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = installed(path, file.read())
        with open(os.path.join(out, os.path.basename(path)), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
