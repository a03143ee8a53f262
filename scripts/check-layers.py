#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fails on an #include against the layers.

Usage: check-layers.py [ROOT]

Headers are included by their path from the root ("lane/lane.h"), so the first part of
an include names the layer it reaches into. What a layer may reach stands in MAY; a new
folder with C files must be added there. The table is the one of docs/ARCHITECTURE.md.
"""

import os
import re
import sys

# The folders below the root that a layer's own files may include from, besides itself.
MAY = {
    "base": [],
    "lane": ["base"],
    "nl": ["base"],
    "bus": ["lane", "base"],
    "netns": ["lane", "base"],
    "core": ["bus", "netns", "nl", "lane", "base"],
    "server": ["core", "bus", "netns", "nl", "lane", "base"],
    "drivers": [], # the installed headers, <finelink/...>, and their own by bare name
    "attach": ["nl", "base"],
    "daemon": ["server", "drivers", "core", "bus", "netns", "nl", "lane", "base"],
    "cli": ["attach", "nl", "base"],
}

# Single files that a layer may include beyond MAY: the wire is a contract, not a part, and
# the path of the socket is found in one place.
ALSO = {
    "server": ["attach/wire.h"],
    "daemon": ["attach/wire.h", "attach/client.h"],
}

# Below this layer each folder is one driver, written as one outside the tree would be.
OUTSIDE = "drivers"

# A header that only its own layer may include (besides the header that embeds it).
PRIVATE = re.compile(r"(^|/)[^/]*-private\.h$|(^|/)internal/")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
FREE = {"tests", "bench", "model", "examples", "scripts", "docs", "include"}


def sources(root):
    """Every .c and .h file below a layer's folder, as paths from root."""
    for top in sorted(os.listdir(root)):
        if top.startswith(".") or top.startswith("build") or top in FREE:
            continue
        if not os.path.isdir(os.path.join(root, top)):
            continue
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def judge_outside(path, text):
    """The same for a driver: <finelink/...> and the headers beside it."""
    for match in INCLUDE.finditer(text):
        bracket, target = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        if bracket == '"' and "/" in target:
            yield line, f'a driver must not include "{target}", only <finelink/...> and its own'
        elif bracket == "<" and target.split("/")[0] in (*MAY, "urcu.h"):
            yield line, f"a driver must not include <{target}>, only <finelink/...> and its own"


def judge(path, text, roots):
    """Yields (line, message) for each include of one file that breaks a rule."""
    layer = path.split("/", 1)[0]
    if layer == OUTSIDE:
        yield from judge_outside(path, text)
        return
    if layer not in MAY:
        yield 1, f"folder '{layer}' is in no layer; add it to MAY"
        return
    for match in INCLUDE.finditer(text):
        target = match.group(2)
        line = text.count("\n", 0, match.start()) + 1
        if match.group(1) == "<":
            if target == "urcu.h" and layer != "base":
                yield line, "liburcu is reached only through base/rcu.h"
            continue
        if "/" not in target or target.startswith("."):
            yield line, f'"{target}" must be included by its path from the root'
            continue
        to = target.split("/", 1)[0]
        if to in roots and to != layer and to not in MAY[layer]:
            if target not in ALSO.get(layer, []):
                yield line, f'{layer} must not include "{target}"'
        elif to != layer and PRIVATE.search(target):
            yield line, f'"{target}" is for {to} only'


def main(argv):
    root = argv[1] if len(argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    breaches = 0
    count = 0
    for path in sources(root):
        count += 1
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        for line, message in judge(path, text, set(MAY)):
            print(f"{path}:{line}: {message}")
            breaches += 1
    if not count:
        print(f"check-layers: no sources under {root}")
        return 1
    print(f"check-layers: {count} files, {breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
