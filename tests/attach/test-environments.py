#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where `finelink run` may be: as root, as an ordinary user, with no_new_privs, in user
namespaces, under profiles as containers have them, under another listener. In each it works,
or says in one line what is missing; and a dynamic program works in all of them."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attached import (BEHAVE, CANNOT, CONFINE, NOLIBC, PORTS, can_attach,  # noqa: E402
                      lines_of_finelink, need_nolibc)
import fl  # noqa: E402

ROOT = os.geteuid() == 0
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
NO_NEW_PRIVS = ("setpriv", "--no-new-privs")
USER_NAMESPACE = ("unshare", "-Urpfmn", "--mount-proc")


def can(*wrapper):
    """Whether this machine lets us be there at all, and our programs be seen from there."""
    return fl.run(*wrapper, "test", "-x", fl.FINELINK).returncode == 0


def works(*wrapper):
    """Static programs by the filter, dynamic ones by either way, and the choice by itself."""
    if not can(*wrapper):
        print("  not possible here:", *wrapper)
        return
    for how in "seccomp", "auto":
        done = fl.run(*wrapper, fl.FINELINK, "run", f"--attach={how}", "--", NOLIBC)
        fl.equal(done.returncode, 0, how, done.err)
        fl.equal(sorted(done.out.split()), PORTS, how)
        fl.equal(done.err, "", how)
    done = fl.run(*wrapper, fl.FINELINK, "run", "--attach=seccomp", "--", BEHAVE, "--way",
                  "seccomp", "io: send and recv", "name: bind to any", "netns: in a user namespace",
                  "process: many at once")
    fl.equal(done.returncode, 0, done.out, done.err)
    dynamic(*wrapper)


def dynamic(*wrapper):
    for how in "preload", "auto":
        done = fl.run(*wrapper, fl.FINELINK, "run", f"--attach={how}", "--", BEHAVE, "--way",
                      "preload", "io: send and recv", "fd: dup")
        fl.equal(done.returncode, 0, how, done.out, done.err)
        fl.equal(done.err, "", how)


def missing(word, *wrapper):
    """One line with that word; never a command that runs without devlink."""
    if not can(*wrapper):
        print("  not possible here:", *wrapper)
        return
    for how in "seccomp", "auto":
        done = fl.run(*wrapper, fl.FINELINK, "run", f"--attach={how}", "--", NOLIBC)
        fl.equal(done.returncode, CANNOT, how, done.out, done.err)
        fl.equal(done.out, "")
        fl.equal(len(done.err.splitlines()), 1, done.err)
        said = lines_of_finelink(done.err)
        fl.equal(len(said), 1, done.err)
        fl.check(word in said[0], word, said)
        print("  says:", said[0])
    dynamic(*wrapper)
    # Why a dynamic tree has no filter under it is told to who asks.
    done = fl.run(*wrapper, fl.FINELINK, "run", "-v", "--", "true")
    fl.equal(done.returncode, 0, done.err)
    said = [line for line in lines_of_finelink(done.err) if "attach" in line]
    fl.equal(len(said), 1, done.err)
    fl.check(word in said[0], word, said)


def test_as_it_is():
    works()


def test_no_new_privs():
    works(*NO_NEW_PRIVS)


def test_ordinary_user():
    if ROOT:
        works(*NOBODY)


def test_ordinary_user_no_new_privs():
    if ROOT:
        works(*NOBODY, "--no-new-privs")


def test_user_namespace():
    works(*USER_NAMESPACE)


def test_user_namespace_of_ordinary_user():
    if ROOT:
        works(*NOBODY, *USER_NAMESPACE)


def test_container_by_default():
    missing("pidfd_getfd", CONFINE, "default")


def test_container_that_may_trace():
    works(CONFINE, "ptrace")


def test_container_of_ordinary_user():
    if ROOT:
        missing("pidfd_getfd", *NOBODY, "--no-new-privs", CONFINE, "default")
        works(*NOBODY, "--no-new-privs", CONFINE, "ptrace")


def test_memory_refused():
    missing("process_vm_readv", CONFINE, "no-memory")


def test_filters_refused():
    missing("seccomp", CONFINE, "no-seccomp")


def test_other_listener():
    missing("listen", CONFINE, "listener")


def test_nested():
    """In a `finelink run` that has a listener already."""
    def inner(*what):
        return fl.finelink("run", "--attach=seccomp", "--", fl.FINELINK, "run", *what)
    done = inner("--attach=seccomp", "--", NOLIBC)
    fl.equal(done.returncode, CANNOT, done.err)
    fl.equal(len(lines_of_finelink(done.err)), 1, done.err)
    done = inner("--", BEHAVE, "--way", "preload", "io: send and recv")
    fl.equal(done.returncode, 0, done.out, done.err)


if __name__ == "__main__":
    need_nolibc()
    why = can_attach()
    if why:
        fl.skip(why)
    for needed in "setpriv", "unshare":
        if not shutil.which(needed):
            fl.skip(f"needs the program {needed}")
    if not CONFINE:
        fl.skip("needs libseccomp, for the profiles")
    fl.main(sys.modules[__name__])
