#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""finelinkd: its socket, its end, wrong use."""

import array
import contextlib
import os
import resource
import select
import signal
import socket
import stat
import struct
import subprocess
import sys

from fl import (ENV, FINELINKD, check, daemon, equal, finelink, folder, main, run, wait_until,
                write)


def test_serves_and_removes_its_socket():
    with folder() as path:
        with daemon(f"{path}/s") as process:
            check(stat.S_ISSOCK(os.stat(f"{path}/s").st_mode))
            equal(os.stat(f"{path}/s").st_mode & 0o777, 0o666)
            done = finelink("run", "-c", f"{path}/s", "--", "devlink", "dev", "show")
            equal(len(done.out.split()), 3, done.err)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
        equal(os.listdir(path), [])


def test_private_socket_is_its_owners():
    with folder() as path, daemon(f"{path}/s", args=["--private"]):
        equal(os.stat(f"{path}/s").st_mode & 0o777, 0o600)


def test_a_users_plane():
    """Its user changes it if it is private; if it is not nobody does, and that is told."""
    user = 65534
    try:
        run(FINELINKD, "--version", user=user)
    except PermissionError:
        return  # not root, or the build tree is not for others
    for args, status, warned in ([], 1, True), (["--private"], 0, False):
        with folder() as path:
            os.chown(path, user, user)
            process = subprocess.Popen([FINELINKD, "-s", f"{path}/s", *args], env=ENV, user=user,
                                       stderr=subprocess.PIPE, text=True)
            wait_until(lambda: os.path.exists(f"{path}/s"))  # pylint: disable=cell-var-from-loop
            done = finelink("run", "-c", f"{path}/s", "--", "devlink", "dev", "eswitch", "set",
                            "pci/0000:03:00.0", "mode", "switchdev", user=user)
            equal(done.returncode, status, args, done.err)
            equal("Operation not permitted" in done.err, warned, done.err)
            done = finelink("launch", "-c", f"{path}/s", "--pods", "1", "--netns", "none", user=user)
            equal(done.returncode, 3 if warned else 0, args, done.err)
            if warned:
                check("pci/0000:03:00.0: the plane refused: Operation not permitted" in done.err,
                      done.err)
            process.terminate()
            _, err = process.communicate(timeout=20)
            equal("nobody may change the plane of a user" in err, warned, err)


def test_socket_that_is_taken():
    with folder() as path, daemon(f"{path}/s"):
        done = run(FINELINKD, "-s", f"{path}/s")
        equal(done.returncode, 1)
        check("taken: a plane listens there already" in done.err, done.err)
        equal(finelink("show", "-c", f"{path}/s").returncode, 0, "the first is still served")


def test_stale_socket_is_replaced():
    with folder() as path:
        stale = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stale.bind(f"{path}/s")
        stale.close()
        with daemon(f"{path}/s"):
            equal(finelink("show", "-c", f"{path}/s").returncode, 0)


def test_after_a_kill_the_next_one_starts():
    with folder() as path:
        process = subprocess.Popen([FINELINKD, "-s", f"{path}/s"], env=ENV)
        wait_until(lambda: os.path.exists(f"{path}/s"))
        process.kill()
        process.wait()
        with daemon(f"{path}/s"):
            equal(finelink("show", "-c", f"{path}/s").returncode, 0)


def test_what_is_no_socket_is_left_alone():
    with folder() as path:
        write(f"{path}/s", "precious")
        done = run(FINELINKD, "-s", f"{path}/s")
        equal(done.returncode, 1)
        check("is no socket" in done.err, done.err)
        with open(f"{path}/s", encoding="utf-8") as file:
            equal(file.read(), "precious")


def test_socket_paths_that_cannot_be():
    long = "/tmp/" + "x" * 108
    done = run(FINELINKD, "-s", long)
    equal(done.returncode, 1)
    check("107" in done.err or "too long" in done.err, done.err)
    done = run(FINELINKD, "-s", "/nonexistent/folder/s")
    equal(done.returncode, 1)
    check("/nonexistent/folder" in done.err and "No such file" in done.err, done.err)
    done = run(FINELINKD, "-s", "/proc/s")
    equal(done.returncode, 1)
    check("/proc/s" in done.err, done.err)


def test_anothers_socket_is_not_removed():
    with folder() as path:
        with daemon(f"{path}/s"):
            os.unlink(f"{path}/s")
            other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            other.bind(f"{path}/s")
        equal(os.listdir(path), ["s"])
        other.close()


def test_environment_names_the_socket():
    with folder() as path:
        process = subprocess.Popen([FINELINKD], env={**ENV, "FINELINK_SOCKET": f"{path}/e"})
        wait_until(lambda: os.path.exists(f"{path}/e"))
        process.terminate()
        equal(process.wait(timeout=20), 0)


def test_topology_from_standard_input():
    with folder() as path:
        text = "devices:\n  - {driver: mlx5, address: '0000:81:00.0', ports: 1}\n"
        ready, done = os.pipe()
        process = subprocess.Popen([FINELINKD, "-s", f"{path}/s", "-t", "-", "--ready-fd",
                                    str(done)], pass_fds=[done], stdin=subprocess.PIPE, env=ENV)
        os.close(done)
        process.stdin.write(text.encode())
        process.stdin.close()
        equal(os.read(ready, 10), b"ready\n")
        os.close(ready)
        listed = finelink("run", "-c", f"{path}/s", "--", "devlink", "dev", "show")
        equal(listed.out.split(), ["pci/0000:81:00.0", "devlink_index/1"])
        process.terminate()
        equal(process.wait(timeout=20), 0)


def test_wrong_topology():
    with folder() as path:
        topology = write(f"{path}/t.yaml", "devices:\n  - driver: mlx5\n    ports: two\n")
        done = run(FINELINKD, "-s", f"{path}/s", "-t", topology)
        equal(done.returncode, 1)
        equal(done.err, f"finelinkd: {topology}:3: devices[0].ports: 'two' is not a whole number\n")
        check(not os.path.exists(f"{path}/s"))


def test_plugins_that_cannot_be():
    device = "devices:\n  - {plugin: %s, driver: d, bus: b, address: a}\n"
    with folder() as path:
        topology = write(f"{path}/t.yaml", device % "missing.so")
        done = run(FINELINKD, "-s", f"{path}/s", "-t", topology)
        equal(done.returncode, 1)
        check(f"{topology}:2: devices[0]: plugin: {path}/missing.so" in done.err, done.err)
        topology = write(f"{path}/t.yaml", device % "/lib/x86_64-linux-gnu/libyaml-0.so.2")
        done = run(FINELINKD, "-s", f"{path}/s", "-t", topology)
        equal(done.returncode, 1)
        check("finelink_plugin_init" in done.err, done.err)
        equal(os.listdir(path), ["t.yaml"], "no socket is left")


def test_wrong_command_lines():
    for args in (["--bogus"], ["x"], ["--serialize", "no"], ["--listen-fd", "x"],
                 ["--settle-ms", "-1"], ["--patience-ms", "0"], ["--patience-ms", "3600000"],
                 ["--patience-ms", "x"], ["-s", "/x", "--listen-fd", "3"], ["-t"]):
        done = run(FINELINKD, *args)
        equal(done.returncode, 2, args)
        check("--help" in done.err, args, done.err)
    done = run(FINELINKD, "--listen-fd", "0", stdin=subprocess.DEVNULL)
    equal(done.returncode, 1)
    check("no listening AF_UNIX" in done.err, done.err)
    equal(run(FINELINKD, "--listen-fd", "99").returncode, 1)
    equal(run(FINELINKD, "--help").returncode, 0)
    check(run(FINELINKD, "--version").out.startswith("finelinkd "))


def test_a_log_that_nobody_reads_stalls_nothing():
    with folder() as path:
        read_end, write_end = os.pipe()
        process = subprocess.Popen([FINELINKD, "-v", "-v", "-s", f"{path}/s"], env=ENV,
                                   stderr=write_end)
        os.close(write_end)
        wait_until(lambda: finelink("show", "-c", f"{path}/s").returncode == 0)
        for _ in range(3):
            done = finelink("launch", "--pods", "40", "--netns", "none", "-c", f"{path}/s")
            equal(done.returncode, 0, done.err)
        process.terminate()
        equal(process.wait(timeout=20), 0)
        os.close(read_end)


@contextlib.contextmanager
def started(*args, **kw):
    """A finelinkd that is there as long as the test, in whatever state; yields its process."""
    process = subprocess.Popen([FINELINKD, *args], env=ENV, **kw)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        finally:
            process.kill()


def connect(path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(path)
    return client


def is_answered(client):
    """Whether a request with a token (attach/wire.h: its name) is."""
    read_end, write_end = os.pipe()
    client.sendmsg([struct.pack("=HHIIII", 1, 3, 1, 0, 0, 0)],
                   [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [write_end]))])
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        return len(file.read()) == 16


def is_refused(client):
    return select.select([client], [], [], 0)[0] and not client.recv(1)


def test_who_was_admitted_is_served_however_many_come():
    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))

    with folder() as path, started("-s", f"{path}/s", preexec_fn=few_files,
                                   stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: finelink("show", "-c", f"{path}/s").returncode == 0)
        files = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0]
        if files > 128:
            print("it may raise its limit: not tested")
            return
        first = connect(f"{path}/s")
        check(is_answered(first))
        others = [connect(f"{path}/s") for _ in range(files)]
        wait_until(lambda: any(is_refused(client) for client in others), what="a refusal")
        check(is_answered(first))
        check(is_answered(others[0]))


def test_a_signal_ends_it_before_it_has_read_its_topology():
    for number in (signal.SIGINT, signal.SIGTERM):
        with folder() as path:
            os.mkfifo(f"{path}/t.yaml")
            with started("-s", f"{path}/s", "-t", f"{path}/t.yaml") as process:
                # Who opens a FIFO to write waits until somebody reads.
                with open(f"{path}/t.yaml", "w", encoding="utf-8"):
                    process.send_signal(number)
                    equal(process.wait(timeout=20), -number)
            equal(os.listdir(path), ["t.yaml"])


def test_a_signal_that_is_ignored_ends_nothing():
    with folder() as path:
        ready, done = os.pipe()
        with started("-v", "-s", f"{path}/s", "--ready-fd", str(done), pass_fds=[done],
                     stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(
                         signal.SIGHUP, signal.SIG_IGN)) as process:
            os.close(done)
            equal(os.read(ready, 10), b"ready\n")
            os.close(ready)
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=20)
            check("Terminated: taking the plane down" in err, err)


def test_without_standard_descriptors():
    def closed():
        for fd in range(3):
            os.close(fd)

    with folder() as path, started("-v", "-v", "-s", f"{path}/s", preexec_fn=closed) as process:
        wait_until(lambda: finelink("show", "-c", f"{path}/s").returncode == 0)
        files = [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)]
        equal(files, ["/dev/null"] * 3)


if __name__ == "__main__":
    main(sys.modules[__name__])
