#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kept nl/devlink-attrs.h and nl/devlink-policy.c are what data/devlink.json says,
and a difference is noticed."""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join("scripts", "gen-nl.py")
FILES = ("devlink-attrs.h", "devlink-policy.c")


def gen(root, *args):
    return subprocess.run([sys.executable, os.path.join(root, SCRIPT), *args],
                          capture_output=True, text=True, check=False)


def expect(condition, text):
    if not condition:
        sys.exit(f"FAIL: {text}")


def edit(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    expect(old in text, f"{path} has no {old!r}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))


def copy_tree(directory):
    """A small copy of this tree, to spoil."""
    for name in ("data/devlink.json", SCRIPT, *(f"nl/{f}" for f in FILES)):
        os.makedirs(os.path.join(directory, os.path.dirname(name)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), os.path.join(directory, name))
    return directory


def main():
    result = gen(ROOT, "--check")
    expect(result.returncode == 0, result.stderr)
    # Planted faults: each must be noticed, with a word about where.
    for name, old, new in (("nl/devlink-attrs.h", "DEVLINK_ATTR_INDEX = 184", "DEVLINK_ATTR_INDEX = 185"),
                           ("nl/devlink-policy.c", "RANGE(U8, 1, 2U)", "RANGE(U8, 0, 2U)"),
                           ("data/devlink.json", '"min": 1, "max": 2', '"min": 0, "max": 2')):
        with tempfile.TemporaryDirectory() as directory:
            root = copy_tree(directory)
            edit(os.path.join(root, name), old, new)
            result = gen(root, "--check")
            expect(result.returncode == 1 and "not what data/devlink.json says" in result.stderr,
                   f"{name}: {old} -> {new} was not noticed")
            expect(gen(root).returncode == 0 and gen(root, "--check").returncode == 0,
                   f"{name}: generating again does not settle it")
    # The data itself is checked.
    for old, new, word in (('"number": 184, "type": "uint"', '"number": 190, "type": "uint"', "gaps"),
                           ('"number": 184, "type": "uint"', '"number": 184, "type": "u99"', "u99"),
                           ('"policy": "rate_tc"', '"policy": "rate_tv"', "rate_tv"),
                           ('"attributes": ["DEVLINK_RATE_TC_ATTR_INDEX"',
                            '"attributes": ["DEVLINK_RATE_TC_ATTR_NOSUCH"', "NOSUCH")):
        with tempfile.TemporaryDirectory() as directory:
            root = copy_tree(directory)
            edit(os.path.join(root, "data/devlink.json"), old, new)
            result = gen(root)
            expect(result.returncode == 1 and word in result.stderr,
                   f"bad data went through: {new}: {result.stderr}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
