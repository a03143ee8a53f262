#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nobody waits for a waiter: what queues to be alone on a NIC, behind an attach that hangs, holds up
neither the commands after it nor namespaces, and comes to its end.

Times are bounds against waiting for what hangs; how soon it really is, bench/ measures.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

from fl import ENV, FINELINK, check, daemon, equal, finelink, folder, main, need, need_root, run
from fl import show, wait_until, write

PF0, PF1 = "pci/0000:03:00.0", "pci/0000:03:00.1"
HANG_S = 12
HANGS = ("devices:\n  - driver: mlx5\n    address: 0000:03:00.0\n    switchdev: true\n"
         f"    command_timeout_ms: {HANG_S * 1000}\n    faults:\n"
         # The PFs' own RoCE devices are 0 and 1; the first SF's is 2.
         "      - {step: rdma_attach, match: rdma.2, hang: true, times: 1}\n")


class Plane:
    """A daemon whose first SF hangs in its RoCE attach."""

    def __init__(self, socket):
        self.socket = socket
        self.began = time.monotonic()
        self.devlink("port", "add", PF0, "flavour", "pcisf", "pfnum", "0", "sfnum", "1")
        self.devlink("port", "function", "set", f"{PF0}/32768", "state", "active")
        self.operation("probe", "waiting", "mlx5_core.rdma.2")

    def begin(self, *args):
        """In a process group of its own."""
        return subprocess.Popen([FINELINK, "run", "-c", self.socket, "--", "devlink", *args],
                                env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def devlink(self, *args):
        done = run(FINELINK, "run", "-c", self.socket, "--", "devlink", *args)
        equal(done.returncode, 0, args, done.err)
        return done.out

    def operation(self, kind, state, lane):
        """The one of that kind, as `show lanes` tells of it, once it is there."""
        def find():
            for told in show("lanes", self.socket)["lanes"]:
                for op in told["operations"]:
                    if (op["kind"], op["state"]) == (kind, state) and lane in told["name"]:
                        return op
            return None
        return wait_until(find, what=f"{kind} {state} on {lane}")

    def still_hangs(self):
        return time.monotonic() - self.began < HANG_S - 1


@contextlib.contextmanager
def plane():
    with folder() as path:
        with daemon(f"{path}/s", write(f"{path}/t.yaml", HANGS)):
            yield Plane(f"{path}/s")


@contextlib.contextmanager
def namespace():
    """A process in a namespace of its own; yields it. It ends, and so does the namespace."""
    process = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 600"],
                               stdout=subprocess.PIPE)
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process):
    err = process.communicate(timeout=240)[1]
    return process.returncode, err


def test_behind_a_hung_attach():
    with plane() as here:
        waiters = [here.begin("dev", "reload", PF0)]
        here.operation("reload", "queued", PF0)
        waiters.append(here.begin("dev", "eswitch", "set", PF0, "mode", "legacy"))
        here.operation("eswitch-set", "queued", PF0)
        here.devlink("port", "add", PF0, "flavour", "pcisf", "pfnum", "0", "sfnum", "2")
        here.devlink("port", "function", "set", f"{PF0}/32769", "state", "active")
        wait_until(lambda: "opstate attached" in here.devlink("port", "show", f"{PF0}/32769"),
                   what="the second SF to be attached")
        flash = here.begin("dev", "flash", PF0, "file", "x.bin")
        here.operation("flash-update", "waiting", PF0)
        check(here.still_hangs(), "somebody waited for what hangs")
        # And they come to their turn: the firmware's time-out ends the attach.
        equal([ended(waiter) for waiter in waiters], [(0, ""), (0, "")])
        equal(ended(flash)[0], 0)


def test_reload_behind_its_own_hung_attach():
    """It is over when the firmware's time-out has ended the attach; its own attach goes well."""
    with plane() as here:
        here.devlink("dev", "reload", "auxiliary/mlx5_core.sf.2")
        check("reload_failed" not in here.devlink("-j", "dev", "show"))


def home(socket):
    return run(FINELINK, "run", "-c", socket, "--", "devlink", "dev", "show").out.split()


def test_namespace_of_a_dead_client():
    """A reload that queues, of a client that has gone, keeps no namespace: what is in it comes
    home."""
    need_root()
    with plane() as here, namespace() as pod:
        here.devlink("dev", "reload", PF1, "netns", str(pod.pid))
        check(PF1 not in home(here.socket))
        with here.begin("dev", "reload", PF0, "netns", str(pod.pid)) as client:
            queued = here.operation("reload", "queued", PF0)
            os.killpg(client.pid, signal.SIGKILL)
        pod.kill()
        wait_until(lambda: PF1 in home(here.socket), what="the other PF to come home")
        check(here.still_hangs(), "it waited for what hangs")
        equal(here.operation("reload", "queued", PF0)["number"], queued["number"])
        # The namespace is none any more when the reload's turn comes.
        wait_until(lambda: show("stats", here.socket)["operations"]["now"] == 0, HANG_S + 60,
                   what="the reload to end")
        check(PF0 in home(here.socket))


def test_pf_in_a_dead_namespace():
    """A PF comes home from a dead namespace once what hangs below it has been ended."""
    need_root()
    with plane() as here, namespace() as pod:
        mover = here.begin("dev", "reload", PF0, "netns", str(pod.pid))
        here.operation("reload", "queued", PF0)
        attach = here.operation("probe", "waiting", "mlx5_core.rdma.2")
        equal(finelink("cancel", str(attach["number"]), "-c", here.socket).returncode, 0)
        equal(ended(mover), (0, ""))
        check(PF0 not in home(here.socket))
        pod.kill()
        wait_until(lambda: PF0 in home(here.socket), what="the PF to come home")
        check(here.still_hangs(), "the cancelled attach was waited for")


if __name__ == "__main__":
    need("devlink")
    main(sys.modules[__name__])
