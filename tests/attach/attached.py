# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of `finelink run --attach=...` share.

The programs come from the environment: what fl.py wants, and BEHAVE, BEHAVE_STATIC, NOLIBC,
CONFINE, as far as they were built.
"""
import contextlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import fl  # noqa: E402

BEHAVE, BEHAVE_STATIC = os.environ.get("BEHAVE"), os.environ.get("BEHAVE_STATIC")
NOLIBC, CONFINE = os.environ.get("NOLIBC"), os.environ.get("CONFINE")
PORTS = ["pci/0000:03:00.0/65535", "pci/0000:03:00.1/131071"]
# What finelink says when it has tried and cannot: one line, and this status.
CANNOT = 125


def lines_of_finelink(err):
    return [line for line in err.splitlines() if line.startswith("finelink")]


def can_attach(way="seccomp"):
    """Whether this machine lets us; if not, finelink has said why in one line."""
    done = fl.finelink("run", f"--attach={way}", "--", "true")
    if done.returncode == CANNOT:
        fl.equal(len(lines_of_finelink(done.err)), 1, done.err)
        return done.err.strip()
    fl.equal(done.returncode, 0, done.err)
    return None


def need_nolibc():
    if not NOLIBC:
        fl.skip("nolibc.c does not know this machine's system calls")


def need_seccomp():
    why = can_attach()
    if why:
        fl.skip(why)


@contextlib.contextmanager
def fakeplane():
    """A plane that says what it saw; yields its socket."""
    with fl.folder() as path:
        socket = os.path.join(path, "plane")
        plane = subprocess.Popen([sys.executable, os.path.join(HERE, "fakeplane.py"), socket],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            fl.equal(plane.stdout.readline(), b"ready\n")
            yield socket
        finally:
            plane.communicate()


def behaviours(done):
    """The names of the behaviours that hold; all must."""
    print(done.out, done.err, flush=True)
    bad = [line for line in done.out.splitlines() if line.startswith("not ok")]
    fl.equal(done.returncode, 0, bad, done.err)
    return {line.split(" ", 2)[2] for line in done.out.splitlines() if line.startswith("ok ")}
