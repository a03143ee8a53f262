#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""finelink device: what drivers have in sysfs and debugfs, and wrong use of it."""

import sys

from fl import check, daemon, equal, finelink, folder, main

NEW = "sys/bus/netdevsim/new_device"


def test_list_read_write():
    with folder() as path, daemon(f"{path}/s"):
        def device(*args, status=0):
            done = finelink("device", *args, "-c", f"{path}/s")
            equal(done.returncode, status, args, done.out, done.err)
            return done
        paths = device("list").out.splitlines()
        check(NEW in paths and len(paths) > 5, paths)
        equal(paths, sorted(set(paths)))
        equal(device("list", "/" + NEW).out, NEW + "\n")
        equal(device("list", "nothing/begins/so").out, "")
        device("write", "/" + NEW, "10 4")
        equal(device("read", "sys/kernel/debug/netdevsim/netdevsim10/max_macs").out, "32\n")
        check("cannot write " + NEW in device("write", NEW, "10 4", status=1).err)
        check("cannot read nope: No such file" in device("read", "nope", status=1).err)


def test_wrong_use():
    """Is told before a plane is asked for, that it is not mistaken for one that is missing."""
    for args in ([], ["weather"], ["list", "a", "b"], ["read"], ["read", "a", "b"], ["write", "a"],
                 ["write", "a", "b", "c"], ["--bogus"], ["read", "a", "-c"]):
        done = finelink("device", *args, env={"FINELINK_SOCKET": "/nonexistent.sock"})
        equal(done.returncode, 2, args, done.err)
        check(done.err.startswith("finelink device: "), done.err)
        check("try finelink device --help" in done.err, done.err)
    done = finelink("device", "list", "-c", "/nonexistent.sock")
    equal(done.returncode, 3)
    check("/nonexistent.sock" in done.err, done.err)


if __name__ == "__main__":
    main(sys.modules[__name__])
