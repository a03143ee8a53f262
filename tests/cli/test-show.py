#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""finelink show: what it tells of a plane at rest and of a busy one."""

import json
import subprocess
import sys

from fl import ENV, FINELINK, check, daemon, equal, finelink, folder, main, show, wait_until


def test_instances():
    with folder() as path, daemon(f"{path}/s"):
        told = show("instances", f"{path}/s")["instances"]
        equal(sorted(i["handle"] for i in told),
              ["devlink_index/1", "pci/0000:03:00.0", "pci/0000:03:00.1"])
        done = finelink("show", "-c", f"{path}/s")
        equal(done.returncode, 0, done.err)
        check(done.out.startswith("INSTANCE"), done.out)
        check("pci/0000:03:00.1" in done.out and "initial" in done.out, done.out)
        listed = finelink("run", "-c", f"{path}/s", "--", "devlink", "dev", "show").out
        equal([line.split()[0] for line in done.out.splitlines()[1:]], listed.split())


def test_a_running_flash_is_seen_on_its_lane():
    with folder() as path, daemon(f"{path}/s"):
        process = subprocess.Popen(
            [FINELINK, "run", "-c", f"{path}/s", "--", "devlink", "dev", "flash",
             "pci/0000:03:00.0", "file", "x.bin"], env=ENV, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            def flash():
                for lane in show("lanes", f"{path}/s")["lanes"]:
                    for op in lane["operations"]:
                        if "flash" in op["kind"]:
                            return op
                return None
            op = wait_until(flash, what="the flash to run")
            check(op["age_ms"] >= 0, op)
            done = finelink("show", "lanes", "-c", f"{path}/s")
            check("flash" in done.out, done.out)
        finally:
            process.kill()
            process.wait()


def test_locks_and_stats():
    with folder() as path, daemon(f"{path}/s"):
        locks = {lock["name"]: lock for lock in show("locks", f"{path}/s")["locks"]}
        check(locks["commit"]["level"] > locks["plane_index"]["level"])
        check("one instance's" in finelink("show", "locks", "-c", f"{path}/s").out
              or "commit" in locks)
        rows = finelink("show", "locks", "-c", f"{path}/s").out.splitlines()[1:]
        levels = [int(row.split()[1]) for row in rows]
        equal(levels, sorted(lock["level"] for lock in locks.values()))
        check(show("stats", f"{path}/s")["sessions"]["accepted"] >= 1)
        done = finelink("show", "stats", "-c", f"{path}/s")
        check("sessions.accepted" in done.out, done.out)
        json.loads(finelink("show", "stats", "-j", "-c", f"{path}/s").out)


def test_wrong_use():
    equal(finelink("show", "weather").returncode, 2)
    equal(finelink("show", "lanes", "locks").returncode, 2)
    equal(finelink("show", "--bogus").returncode, 2)
    equal(finelink("show", "--help").returncode, 0)
    done = finelink("show", "-c", "/nonexistent.sock")
    equal(done.returncode, 3)
    check("/nonexistent.sock" in done.err, done.err)


def test_output_that_cannot_be_written():
    def full(*args):
        with open("/dev/full", "w", encoding="utf-8") as out:
            done = subprocess.run([FINELINK, *args], env=ENV, stdout=out, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
        equal(done.returncode, 1, args, done.stderr)
        check("cannot write the output: No space left on device" in done.stderr, done.stderr)

    full("--version")
    full("show", "--help")
    with folder() as path, daemon(f"{path}/s"):
        full("show", "-c", f"{path}/s")
        full("show", "locks", "-j", "-c", f"{path}/s")
        full("device", "list", "-c", f"{path}/s")
        full("launch", "--pods", "1", "--netns", "none", "--no-compare", "--json")


if __name__ == "__main__":
    main(sys.modules[__name__])
