#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""finelink launch without namespaces: its numbers, its failures, ^C, wrong use."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

from fl import (ENV, FINELINK, SLOW, check, daemon, equal, finelink, folder, launch, main, run,
                show, wait_until, write)

SWITCHDEV = "devices:\n  - driver: mlx5\n    address: 0000:03:00.0\n    switchdev: true\n"


def ports(socket):
    done = run(FINELINK, "run", "-c", socket, "--", "devlink", "-j", "port", "show")
    return json.loads(done.out)["port"]


def test_sfs():
    result = launch("--pods", "30", "--netns", "none", "--no-compare")
    equal((result["launched"], result["checked"], result["taken_down"]), (30, 30, 30))
    equal((result["failed"], result["left_over"], result["failures"]), (0, 0, []))
    for step in ("port add", "function set", "attached", "reload", "port del"):
        equal(result["steps"][step]["count"], 30, step)
    check("instance back" not in result["steps"])
    # A reload takes at least the RoCE attach of 100 ms; all at once far less than 30 times it.
    check(result["steps"]["reload"]["p50_ms"] >= 100)
    check(result["makespan_ms"] < 30 * 100, result["makespan_ms"])


def test_without_standard_input():
    done = run("sh", "-c", f"{FINELINK} launch --pods 2 --netns none --no-compare <&-")
    equal(done.returncode, 0, done.err)


def test_vfs():
    result = launch("--pods", "10", "--function", "vf", "--netns", "none", "--no-compare")
    equal((result["launched"], result["checked"], result["failed"]), (10, 10, 0))
    check("port add" not in result["steps"])


def test_rdma_attach_time_counts():
    slow = launch("--pods", "2", "--netns", "none", "--no-compare", "--rdma-attach-ms", "300")
    check(slow["one_pod_ms"] >= 300, slow["one_pod_ms"])
    quick = launch("--pods", "2", "--netns", "none", "--no-compare", "--rdma-attach-ms", "0")
    check(quick["steps"]["reload"]["p50_ms"] < slow["steps"]["reload"]["p50_ms"])


def test_bkl_is_one_after_another():
    lanes = launch("--pods", "6", "--netns", "none")
    equal(lanes["bkl"]["pods_measured"], 6)
    check(lanes["bkl"]["makespan_ms_measured"] > 2 * lanes["makespan_ms"], lanes)
    bkl = launch("--pods", "6", "--netns", "none", "--serialize", "bkl")
    check("bkl" not in bkl)
    check(bkl["makespan_ms"] > 3 * bkl["one_pod_ms"], bkl)


def test_during():
    for during in ("flash", "hang"):
        result = launch("--pods", "10", "--netns", "none", "--no-compare", "--during", during)
        equal((result["checked"], result["during_throughout"]), (10, True), during)


def test_at_a_daemon_nothing_is_left():
    with folder() as path:
        with daemon(f"{path}/s"):
            before = ports(f"{path}/s")
            result = launch("--pods", "5", "--netns", "none", "-c", f"{path}/s")
            equal(result["checked"], 5)
            result = launch("--pods", "5", "--netns", "none", "-c", f"{path}/s", "--device",
                            "pci/0000:03:00.1")
            equal(result["options"]["device"], "pci/0000:03:00.1")
            equal(ports(f"{path}/s"), before)


def test_failures_are_told_once_and_counted():
    with folder() as path:
        # Each SF takes a dozen firmware commands; from the 20th on some fail.
        topology = write(f"{path}/t.yaml", SWITCHDEV + "    seed: 7\n    faults:\n"
                         "      - {step: fw_cmd, after: 60, probability: 0.2, times: 8,"
                         " errno: EIO}\n")
        with daemon(f"{path}/s", topology):
            result = launch("--pods", "20", "--netns", "none", "-c", f"{path}/s", "--timeout", "2",
                            status=1)
    check(result["failed"] > 0, result)
    reasons = [f["reason"] for f in result["failures"]]
    equal(len(reasons), len(set(reasons)))
    check(all(":" in reason for reason in reasons), reasons)


def test_those_that_failed_took_no_time():
    with folder() as path:
        few = write(f"{path}/t.yaml", SWITCHDEV + "    max_sfs: 2\n")
        args = ["--pods", "3", "--netns", "none", "--no-compare", "-c", f"{path}/s"]
        with daemon(f"{path}/s", few):
            done = finelink("launch", *args)
            equal(done.returncode, 1, done.err)
            check("launched     2 in" in done.out and ", so 2 took " in done.out, done.out)


def test_what_hangs_is_taken_down_or_told():
    """One RoCE attach that ends when it is told to, and one that does not listen."""
    faults = (SWITCHDEV + "    command_timeout_ms: 600000\n    faults:\n"
              "      - {step: rdma_attach, match: rdma.3, hang: true, times: 1}\n"
              "      - {step: rdma_attach, match: rdma.4, deaf_ms: 9000, times: 1}\n")
    with folder() as path:
        with daemon(f"{path}/s", write(f"{path}/t.yaml", faults)):
            done = finelink("launch", "--pods", "6", "--netns", "none", "--timeout", "3",
                            "-c", f"{path}/s", "--json")
            equal(done.returncode, 1, done.err)
            result = json.loads(done.out)
            equal((result["launched"], result["failed"], result["taken_down"]), (4, 2, 5))
            (left,) = [handle for handle, port in ports(f"{path}/s").items()
                       if port["flavour"] == "pcisf"]
            equal((result["left_over"], result["left"]), (1, [left]))


def test_interrupt_cleans_up():
    with folder() as path:
        topology = write(f"{path}/t.yaml", SWITCHDEV + "    latency_ms: {rdma_attach: 3000}\n")
        with daemon(f"{path}/s", topology):
            before = ports(f"{path}/s")
            process = subprocess.Popen(
                [FINELINK, "launch", "--pods", "20", "--netns", "none", "-c", f"{path}/s"],
                env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: len(ports(f"{path}/s")) > len(before), what="ports to be added")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30 * SLOW)
            equal(process.returncode, 128 + signal.SIGINT)
            wait_until(lambda: ports(f"{path}/s") == before, 60, "the ports to go")


def is_going(port):
    function = port.get("function", {})
    return (function.get("state"), function.get("opstate")) == ("inactive", "attached")


def test_interrupt_of_the_teardown():
    """Of the pod that is launched alone; that goes on, and ends with nothing left."""
    with folder() as path:
        topology = write(f"{path}/t.yaml", SWITCHDEV + "    latency_ms: {rdma_detach: 1500}\n")
        with daemon(f"{path}/s", topology):
            before = ports(f"{path}/s")
            process = subprocess.Popen(
                [FINELINK, "launch", "--pods", "5", "--netns", "none", "-c", f"{path}/s"],
                env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: any(map(is_going, ports(f"{path}/s").values())),
                       what="the teardown")
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30 * SLOW)
            equal(process.returncode, 128 + signal.SIGTERM, err)
            equal(ports(f"{path}/s"), before, err)


def has_socket(pid):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
                return True
    return False


def test_interrupt_before_the_first_pod():
    with folder() as path:
        topology = write(f"{path}/t.yaml", SWITCHDEV + "    latency_ms: {rdma_attach: 3000}\n")
        with daemon(f"{path}/s", topology) as plane:
            before = show("stats", f"{path}/s")["operations"]["submitted"]
            plane.send_signal(signal.SIGSTOP)
            process = subprocess.Popen(
                [FINELINK, "launch", "--pods", "2", "--netns", "none", "-c", f"{path}/s"],
                env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                wait_until(lambda: has_socket(process.pid), what="a question to the plane")
                process.send_signal(signal.SIGINT)
            finally:
                plane.send_signal(signal.SIGCONT)
            process.communicate(timeout=30 * SLOW)
            equal(process.returncode, 128 + signal.SIGINT)
            equal(show("stats", f"{path}/s")["operations"]["submitted"], before)


def test_interrupt_of_a_private_plane_leaves_nothing():
    with folder() as path:
        process = subprocess.Popen(
            [FINELINK, "launch", "--pods", "50", "--netns", "none", "--rdma-attach-ms", "3000"],
            env={**ENV, "TMPDIR": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30 * SLOW)
        equal(process.returncode, 128 + signal.SIGTERM)
        equal(run("ls", path).out, "")


def test_what_is_ignored_ends_nothing():
    def ignore():
        for number in signal.SIGHUP, signal.SIGCHLD:
            signal.signal(number, signal.SIG_IGN)

    with folder() as path, daemon(f"{path}/s") as plane:
        plane.send_signal(signal.SIGSTOP)
        process = subprocess.Popen(
            [FINELINK, "launch", "--pods", "2", "--netns", "none", "-c", f"{path}/s"],
            env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=ignore)
        try:
            wait_until(lambda: has_socket(process.pid), what="a question to the plane")
            process.send_signal(signal.SIGHUP)
        finally:
            plane.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=30 * SLOW)
        equal(process.returncode, 0, err)
    done = finelink("launch", "--pods", "2", "--netns", "none", "--no-compare", preexec_fn=ignore)
    equal(done.returncode, 0, done.err)


def test_too_few_open_files():
    """Told before anything begins: half of the pods would fail for it."""
    lower = ["setpriv", "--bounding-set=-sys_resource"]
    if run(*lower, "true").returncode:
        lower = []
    done = run(*lower, "prlimit", "--nofile=190:190", FINELINK, "launch", "--pods", "100",
               "--netns", "none")
    if done.returncode == 0:
        print("it may raise its limit: not tested")
        return
    equal(done.returncode, 3, done.out)
    check("208 open files" in done.err and "ulimit -Hn" in done.err, done.err)
    equal(len(done.err.splitlines()), 1, done.err)
    done = run(*lower, "prlimit", "--nofile=208:208", FINELINK, "launch", "--pods", "100",
               "--netns", "none", "--no-compare")
    equal(done.returncode, 0, done.err)


def test_no_plane():
    done = finelink("launch", "-c", "/nonexistent.sock", "--netns", "none")
    equal(done.returncode, 3)
    check("/nonexistent.sock" in done.err, done.err)


def test_what_the_device_cannot():
    with folder() as path:
        with daemon(f"{path}/s"):
            done = finelink("launch", "--pods", "1", "--function", "vf", "--netns", "none", "-c",
                            f"{path}/s")
            equal(done.returncode, 3)
            check("VFs" in done.err, done.err)
            done = finelink("launch", "--device", "pci/0000:99:00.0", "--netns", "none", "-c",
                            f"{path}/s")
            equal(done.returncode, 3)
            check("pci/0000:99:00.0" in done.err, done.err)


def test_wrong_command_lines():
    for args in (["--pods", "0"], ["--pods", "x"], ["--pods", "30001"], ["--function", "pf"],
                 ["--netns", "fake"], ["--during", "lunch"], ["--serialize", "no"], ["--bogus"],
                 ["extra"], ["--function", "vf", "--pods", "1025"], ["--rdma-attach-ms", "-1"],
                 ["-c", "/x", "--rdma-attach-ms", "1"], ["-c", "/x", "--serialize", "bkl"],
                 ["-c", "/x", "--during", "hang"], ["--device", "x"], ["--timeout", "0"]):
        done = finelink("launch", *args)
        equal(done.returncode, 2, args)
        check("--help" in done.err, args, done.err)
        equal(done.out, "")


def test_summary_for_people():
    done = finelink("launch", "--pods", "3", "--netns", "none")
    equal(done.returncode, 0, done.err)
    for word in ("3 pods", "launched", "pods/s", "one alone", "p50", "p99", "reload",
                 "under a bkl", "extrapolated"):
        check(word in done.out, word, done.out)
    check("\033" not in done.out + done.err, "no colours but on a terminal")


if __name__ == "__main__":
    main(sys.modules[__name__])
