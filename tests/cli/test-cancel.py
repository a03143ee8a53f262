#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""finelink cancel: what runs and what queues, by the number that finelink show tells."""

import subprocess
import sys

from fl import ENV, FINELINK, check, daemon, equal, finelink, folder, main, show, wait_until


def begin(socket, *devlink):
    return subprocess.Popen([FINELINK, "run", "-c", socket, "--", "devlink", *devlink], env=ENV,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def operation(socket, kind, state=None):
    """The operation of that kind, as `show lanes` tells of it, once it is there."""
    def find():
        for lane in show("lanes", socket)["lanes"]:
            for op in lane["operations"]:
                if op["kind"] == kind and state in (None, op["state"]):
                    return op
        return None
    return wait_until(find, what=f"{kind} to be {state or 'there'}")


def end(process):
    err = process.communicate(timeout=60)[1]
    return process.returncode, err


def test_what_runs_and_what_queues():
    with folder() as path, daemon(f"{path}/s"):
        socket = f"{path}/s"
        flash = begin(socket, "dev", "flash", "pci/0000:03:00.0", "file", "x.bin")
        running = operation(socket, "flash-update", "waiting")
        check(running["lasts"] and running["left_ms"] > 0, running)
        reload = begin(socket, "dev", "reload", "pci/0000:03:00.0")
        queued = operation(socket, "reload", "queued")
        equal(queued["waits"], "lane")
        equal(queued["waits_for"], running["number"])
        check(0 < queued["left_ms"] <= 30000, queued)
        rows = finelink("show", "lanes", "-c", socket).out.splitlines()
        row = next(row for row in rows if " reload " in row)
        check(f"for {running['number']} " in row and f" {queued['number']} " in row, row)

        equal(finelink("cancel", str(queued["number"]), "-c", socket).returncode, 0)
        status, err = end(reload)
        check(status and "it was cancelled by pid" in err and "canceled" in err, err)
        equal(flash.poll(), None)
        done = finelink("cancel", str(running["number"]), "999999", "-c", socket)
        equal(done.returncode, 1)
        equal(done.err, "finelink: operation 999999: there is none, or it is over\n")
        status, err = end(flash)
        check(status and "it was cancelled by pid" in err, err)
        # It is over; nothing else was hit.
        equal(finelink("cancel", str(running["number"]), "-c", socket).returncode, 1)
        equal(end(begin(socket, "dev", "reload", "pci/0000:03:00.0")), (0, ""))


def test_wrong_use():
    for args in ((), ("0",), ("-1",), ("x",), ("1x",), ("99999999999999999999999",), ("1", ""),
                 ("--bogus",)):
        equal(finelink("cancel", *args).returncode, 2, args)
    equal(finelink("cancel", "--help").returncode, 0)
    done = finelink("cancel", "1", "-c", "/nonexistent.sock")
    equal(done.returncode, 3)
    check("/nonexistent.sock" in done.err, done.err)


if __name__ == "__main__":
    main(sys.modules[__name__])
