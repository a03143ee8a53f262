#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""finelink run: exit statuses, signals, what it leaves behind (nothing), wrong use."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time

from fl import ENV, FINELINK, SLOW, check, daemon, equal, finelink, folder, main, wait_until, write


SLOW_TOPOLOGY = ("devices:\n  - driver: mlx5\n    address: 0000:03:00.0\n"
                 "    latency_ms: {rdma_attach: 1000}\n")


def test_exit_status_is_the_commands():
    equal(finelink("run", "--", "true").returncode, 0)
    equal(finelink("run", "sh", "-c", "exit 7").returncode, 7)
    equal(finelink("run", "--", "sh", "-c", "kill -TERM $$").returncode, 128 + signal.SIGTERM)
    equal(finelink("run", "--", "sh", "-c", "kill -KILL $$").returncode, 128 + signal.SIGKILL)


def test_command_that_does_not_exist():
    done = finelink("run", "--", "no-such-command-here")
    equal(done.returncode, 127)
    check("no-such-command-here: No such file" in done.err, done.err)


def test_command_that_cannot_be_run():
    done = finelink("run", "--", "/etc/passwd")
    equal(done.returncode, 126)
    check("/etc/passwd: Permission denied" in done.err, done.err)


def test_wrong_command_lines():
    for args in (["--colour"], [], ["-t"], ["--serialize", "twice", "true"],
                 ["-c", "/x", "-t", "/y", "true"], ["-c", "/x", "--serialize", "bkl", "true"]):
        done = finelink("run", *args)
        equal(done.returncode, 2, args)
        check("--help" in done.err, args, done.err)


def test_options_of_the_command_are_its_own():
    equal(finelink("run", "sh", "-c", "exit $#", "sh", "-t", "-c").returncode, 2)
    done = finelink("run", "expr", "--version")
    check("coreutils" in done.out, done.out)


def test_topology_that_is_wrong():
    with folder() as path:
        topology = write(f"{path}/bad.yaml", "devices:\n  - driver: mlx5\n    adress: x\n")
        done = finelink("run", "-t", topology, "--", "true")
    equal(done.returncode, 125)
    check(f"{topology}:3: devices[0].adress: no such key" in done.err, done.err)


def test_topology_that_is_missing():
    done = finelink("run", "-t", "/nonexistent.yaml", "--", "true")
    equal(done.returncode, 125)
    check("/nonexistent.yaml: No such file" in done.err, done.err)


def test_no_plane_at_the_socket():
    done = finelink("run", "-c", "/nonexistent.sock", "--", "true")
    equal(done.returncode, 125)
    check("/nonexistent.sock" in done.err, done.err)
    done = finelink("run", "true", env={"FINELINK_SOCKET": "/nonexistent.sock"})
    equal(done.returncode, 125)


def test_children_are_served_too():
    done = finelink("run", "--", "bash", "-c", "devlink dev show; (devlink dev show)")
    equal(done.returncode, 0, done.err)
    equal(sorted(set(done.out.split())),
          ["devlink_index/1", "pci/0000:03:00.0", "pci/0000:03:00.1"])
    equal(len(done.out.split()), 6)


def test_run_in_run_shares_the_plane():
    script = ("devlink dev eswitch set pci/0000:03:00.0 mode switchdev; "
              f"env -u LD_PRELOAD {FINELINK} run -- "
              "devlink dev eswitch show pci/0000:03:00.0")
    done = finelink("run", "--", "bash", "-c", script)
    equal(done.returncode, 0, done.err)
    check("mode switchdev" in done.out, done.out)


def test_two_private_planes_are_apart():
    script = ("devlink dev eswitch set pci/0000:03:00.0 mode switchdev; "
              f"env -u FINELINK_SOCKET -u LD_PRELOAD {FINELINK} run -- "
              "devlink dev eswitch show pci/0000:03:00.0")
    done = finelink("run", "--", "bash", "-c", script)
    check("mode legacy" in done.out, done.out, done.err)


def test_the_plane_of_a_daemon():
    with folder() as path:
        with daemon(f"{path}/s"):
            done = finelink("run", "-c", f"{path}/s", "--", "devlink", "dev", "show")
            equal(len(done.out.split()), 3, done.err)
            done = finelink("run", "devlink", "dev", "show",
                            env={"FINELINK_SOCKET": f"{path}/s"})
            equal(len(done.out.split()), 3, done.err)


def plane_of(pid):
    """The pid of the finelinkd that a `finelink run` has started."""
    children = open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8").read().split()
    for child in children:
        with open(f"/proc/{child}/comm", encoding="utf-8") as file:
            if file.read().strip() == "finelinkd":
                return int(child)
    return None


def start_sleeper(path):
    """A run whose command says when it runs; returns it with its plane's pid."""
    process = subprocess.Popen(
        [FINELINK, "run", "--", "bash", "-c",
         'trap "exit 42" USR1; echo $FINELINK_SOCKET; while :; do sleep 0.05; done'],
        env={**ENV, "TMPDIR": path}, stdout=subprocess.PIPE, text=True)
    socket = process.stdout.readline().strip()
    check(os.path.exists(socket), "the private socket", socket)
    equal(os.stat(os.path.dirname(socket)).st_mode & 0o777, 0o700)
    return process, wait_until(lambda: plane_of(process.pid), what="the plane's process")


def pipes_of(pid):
    links = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {link for link in links if link.startswith("pipe:")}


def test_interrupt_before_the_command_has_begun():
    """From the terminal, which sends it to finelink alone then; seen when the plane is ready."""
    with folder() as path:
        slow = write(f"{path}/t.yaml", SLOW_TOPOLOGY)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(FINELINK, [FINELINK, "run", "-t", slow, "touch", f"{path}/begun"], ENV)
        plane = wait_until(lambda: plane_of(pid), what="the plane's process")
        os.kill(pid, signal.SIGSTOP)
        os.write(terminal, b"\x03")
        # It tells on a pipe that it is ready, and closes that.
        wait_until(lambda: not pipes_of(plane) & (pipes_of(pid) - pipes_of(os.getpid())),
                   what="the plane")
        os.kill(pid, signal.SIGCONT)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        equal(os.waitstatus_to_exitcode(status), 130)
        equal(os.listdir(path), ["t.yaml"], "it has begun")
        check(is_gone(plane))


def ignore(*numbers):
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def test_ended_children_are_noticed_though_the_caller_ignores_them():
    """And COMMAND ignores them as its caller does."""
    process = subprocess.Popen([FINELINK, "run", "--", "grep", "SigIgn", "/proc/self/status"],
                               env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: ignore(signal.SIGCHLD))
    try:
        out, err = process.communicate(timeout=20 * SLOW)
    finally:
        process.kill()
    equal((process.returncode, err), (0, ""))
    check(int(out.split()[1], 16) & 1 << signal.SIGCHLD - 1, out)


def test_what_is_ignored_ends_nothing():
    with folder() as path:
        slow = write(f"{path}/t.yaml", SLOW_TOPOLOGY)
        process = subprocess.Popen([FINELINK, "run", "-t", slow, "touch", f"{path}/begun"],
                                   env=ENV, preexec_fn=lambda: ignore(signal.SIGHUP))
        wait_until(lambda: plane_of(process.pid), what="the plane's process")
        process.send_signal(signal.SIGHUP)
        equal(process.wait(timeout=20 * SLOW), 0)
        equal(sorted(os.listdir(path)), ["begun", "t.yaml"])


def test_the_command_gets_the_descriptors_that_there_are():
    done = finelink("run", "sh", "-c", "exec 2>&1; echo $(cd /proc/self/fd; ls -d 0 2)",
                    preexec_fn=lambda: os.close(0))
    check("cannot access '0'" in done.out, done.out)


def is_gone(pid):
    return not os.path.exists(f"/proc/{pid}")


def test_signals_reach_the_command_and_nothing_is_left():
    for number, status in ((signal.SIGUSR1, 42), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        with folder() as path:
            process, plane = start_sleeper(path)
            process.send_signal(number)
            try:
                equal(process.wait(timeout=20), status, number)
            finally:
                process.kill()
            equal(os.listdir(path), [], "left in TMPDIR")
            check(is_gone(plane), "the private plane goes with it")


def test_the_plane_ends_when_run_is_killed():
    with folder() as path:
        process, plane = start_sleeper(path)
        command = [int(p) for p in
                   open(f"/proc/{process.pid}/task/{process.pid}/children",
                        encoding="utf-8").read().split() if int(p) != plane]
        process.kill()
        process.wait()
        wait_until(lambda: is_gone(plane), what="the plane to end")
        for pid in command:
            os.kill(pid, signal.SIGKILL)


def test_a_long_tmpdir():
    with folder() as path:
        deep = f"{path}/{'d' * 120}"
        os.mkdir(deep)
        equal(finelink("run", "true", env={"TMPDIR": deep}).returncode, 0)


def test_a_preloaded_library_is_kept():
    if SLOW > 1:
        return  # a sanitizer's runtime must come first itself
    done = finelink("run", "sh", "-c", "echo $LD_PRELOAD", env={"LD_PRELOAD": "libdl.so.2"})
    check(done.out.strip().endswith(":libdl.so.2"), done.out)


def test_a_static_program_is_warned_of():
    """Where it would talk to the kernel: that is with the shim alone."""
    static = os.environ["STATIC_TRUE"]
    by_path = {"PATH": os.path.dirname(static) + ":" + os.environ["PATH"]}
    for name in static, os.path.basename(static):
        done = finelink("run", "--attach=preload", name, env=by_path)
        equal(done.returncode, 0)
        check("is statically linked" in done.err, done.err)
        equal(finelink("run", name, env=by_path).err, "")
    with folder() as path:
        script = write(os.path.join(path, "script"), f"#!{static}\n")
        os.chmod(script, 0o755)
        check("is statically linked" in finelink("run", "--attach=preload", script).err)
    for dynamic in ("true", "/bin/sh", "ldd"):  # the last is a script
        done = finelink("run", "--attach=preload", dynamic, "--version")
        check("statically" not in done.err, dynamic)


def test_help_and_version():
    done = finelink("run", "--help")
    equal(done.returncode, 0)
    check("usage: finelink run" in done.out)
    check(finelink("--version").out.startswith("finelink "))
    equal(finelink("--help").returncode, 0)
    equal(finelink("no-such").returncode, 2)
    equal(finelink().returncode, 2)


def test_startup_is_quick():
    start = time.monotonic()
    finelink("run", "true")
    check(time.monotonic() - start < 10, "a private plane takes well under a second")


if __name__ == "__main__":
    main(sys.modules[__name__])
