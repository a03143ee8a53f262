#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kept nl/devlink-attrs.h, nl/devlink-policy.c and docs/reference/uapi.md are what
data/devlink.json says, and a difference is noticed."""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODE, PAGE = "scripts/gen-nl.py", "scripts/gen-uapi.py"
FILES = ("data/devlink.json", CODE, PAGE, "nl/devlink-attrs.h", "nl/devlink-policy.c",
         "docs/reference/uapi.md")


def gen(root, script, *args):
    return subprocess.run([sys.executable, os.path.join(root, script), *args],
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
    for name in FILES:
        os.makedirs(os.path.join(directory, os.path.dirname(name)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), os.path.join(directory, name))
    return directory


def main():
    for script in (CODE, PAGE):
        result = gen(ROOT, script, "--check")
        expect(result.returncode == 0, result.stderr)
    # Planted faults: each must be noticed, with a word about where.
    for script, name, old, new in (
            (CODE, "nl/devlink-attrs.h", "DEVLINK_ATTR_INDEX = 184", "DEVLINK_ATTR_INDEX = 185"),
            (CODE, "nl/devlink-policy.c", "RANGE(U8, 1, 2U)", "RANGE(U8, 0, 2U)"),
            (CODE, "data/devlink.json", '"min": 1, "max": 2', '"min": 0, "max": 2'),
            (PAGE, "docs/reference/uapi.md", "(6, admin)", "(6)"),
            (PAGE, "data/devlink.json", '"number": 6, "admin": true', '"number": 6'),
            (PAGE, "data/devlink.json", '"min": 1, "max": 2', '"min": 0, "max": 2')):
        with tempfile.TemporaryDirectory() as directory:
            root = copy_tree(directory)
            edit(os.path.join(root, name), old, new)
            result = gen(root, script, "--check")
            expect(result.returncode == 1 and "not what data/devlink.json says" in result.stderr,
                   f"{name}: {old} -> {new} was not noticed")
            expect(gen(root, script).returncode == 0
                   and gen(root, script, "--check").returncode == 0,
                   f"{name}: generating again does not settle it")
    # The data itself is checked.
    for old, new, word in (('"number": 184, "type": "uint"', '"number": 190, "type": "uint"',
                            "gaps"),
                           ('"number": 184, "type": "uint"', '"number": 184, "type": "u99"', "u99"),
                           ('"policy": "rate_tc"', '"policy": "rate_tv"', "rate_tv"),
                           ('"attributes": ["DEVLINK_RATE_TC_ATTR_INDEX"',
                            '"attributes": ["DEVLINK_RATE_TC_ATTR_NOSUCH"', "NOSUCH")):
        with tempfile.TemporaryDirectory() as directory:
            root = copy_tree(directory)
            edit(os.path.join(root, "data/devlink.json"), old, new)
            result = gen(root, CODE)
            expect(result.returncode == 1 and word in result.stderr,
                   f"bad data went through: {new}: {result.stderr}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
