# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests that run finelink's programs share.

The programs come from the environment: FINELINK, FINELINKD (their paths in the build tree).
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FINELINK = os.environ["FINELINK"]
FINELINKD = os.environ["FINELINKD"]
SKIP = 77
# How much slower this build is than an ordinary one (sanitizers).
SLOW = float(os.environ.get("FINELINK_TEST_SLOW", "1"))

# Whoever runs the tests in the background has these ignored, and programs inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# What no program of ours may say, whatever its exit status.
BAD = ("Sanitizer", "runtime error:", "breach of", "ended badly", "was killed")

# Nothing of the caller's finelink may reach the tests.
ENV = {k: v for k, v in os.environ.items() if k not in ("FINELINK_SOCKET", "XDG_RUNTIME_DIR")}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def need_root():
    if os.geteuid() != 0:
        skip("needs root, for network namespaces")
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        skip("may not make network namespaces here")


def need(program):
    if not shutil.which(program):
        skip(f"needs the program {program}")


def run(*argv, timeout=240, env=None, **kw):
    """Runs a program to its end; .out and .err are text."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout * SLOW,
                          env={**ENV, **(env or {})}, check=False, **kw)
    done.out, done.err = done.stdout, done.stderr
    for word in BAD:
        check(word not in done.err, done.err)
    return done


def finelink(*args, **kw):
    return run(FINELINK, *args, **kw)


def check(condition, *what):
    """An assertion that python -O keeps."""
    if not condition:
        raise AssertionError(*what)


def equal(got, wanted, *what):
    check(got == wanted, f"got {got!r}, wanted {wanted!r}", *what)


def wait_until(condition, seconds=40, what="condition"):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"timed out: {what}")


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="fl-test-", dir="/tmp") as path:
        yield path


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@contextlib.contextmanager
def daemon(socket, topology=None, args=()):
    """A finelinkd at socket; yields its process. It must end cleanly."""
    ready, done = os.pipe()
    argv = [FINELINKD, "-s", socket, "--ready-fd", str(done), *args]
    if topology:
        argv += ["-t", topology]
    process = subprocess.Popen(argv, pass_fds=[done], env=ENV, stderr=subprocess.PIPE, text=True)
    os.close(done)
    with os.fdopen(ready) as file:
        word = file.readline()
    if word != "ready\n":
        _, err = process.communicate(timeout=60)
        raise AssertionError(f"finelinkd did not start: {err}")
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120 * SLOW)
        if err:
            print(err)
    equal(process.returncode, 0, "finelinkd's exit status")


def launch(*args, status=0, timeout=240):
    """The JSON of a launch that must exit with status."""
    done = finelink("launch", "--json", *args, timeout=timeout)
    equal(done.returncode, status, done.out, done.err)
    return json.loads(done.out) if done.out else None


def show(what, socket):
    done = finelink("show", what, "-j", "-c", socket)
    equal(done.returncode, 0, done.err)
    return json.loads(done.out)


def main(module):
    """Runs every function test_* of a module; fails at the end if any did."""
    failed = []
    for name, function in sorted(vars(module).items()):
        if not name.startswith("test_"):
            continue
        start = time.monotonic()
        try:
            function()
            verdict = "ok"
        except Exception as error:  # pylint: disable=broad-except
            failed.append(name)
            verdict = f"FAILED: {type(error).__name__}: {error}"
        print(f"{name}: {verdict} ({time.monotonic() - start:.2f} s)", flush=True)
    sys.exit(1 if failed else 0)
