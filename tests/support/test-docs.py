#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/check-docs.py passes on the tree, and finds what is planted in a copy of it.

usage: test-docs.py CHECK ROOT
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

CHECK, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
FOLDERS = ("base", "lane", "core", "netns", "bus", "server", "model", "docs")


def finds(root, what):
    done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True,
                          check=False)
    if what is None:
        assert done.returncode == 0, done.stdout
    else:
        assert done.returncode == 1 and what in done.stdout, (what, done.stdout)


def plant(root, path, old, new):
    file = pathlib.Path(root) / path
    text = file.read_text()
    assert old in text, (path, old)
    file.write_text(text.replace(old, new, 1))


finds(ROOT, None)
with tempfile.TemporaryDirectory() as copy:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, pathlib.Path(copy) / folder)
    finds(copy, None)
    plant(copy, "base/lock.h", "X(commit, 30,", "X(commit, 31,")
    finds(copy, "the table of locks")
    plant(copy, "base/lock.h", "X(commit, 31,", "X(commit, 30,")
    plant(copy, "core/return.c", "N7", "N77")
    finds(copy, "cites N77")
    plant(copy, "core/return.c", "N77", "N7")
    plant(copy, "core/driver-selftest.h", "Valid replies: 0 with", "0 with")
    finds(copy, "fl_selftest_ops.run is told without 'Valid replies:'")
    plant(copy, "core/driver-selftest.h", "0 with", "Valid replies: 0 with")
    plant(copy, "core/driver-sb.h", "Context: alone on the instance's sb lane", "On its sb lane")
    finds(copy, "fl_sb_ops.occ_snapshot is told without 'Context:'")
