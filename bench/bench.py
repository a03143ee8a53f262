#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The figures of finelink: a table for people, and JSON.

usage: bench.py [--build DIR] [--json FILE] [--quick] [SECTION...]

Sections: storms, reads, deaths, reloads, dumps, memory (default: all). Root is needed for
real namespaces. Every section also times AF_UNIX round trips between two threads
("pingpong"), as a measure of the machine at that moment. Ratios that DESIGN asks for are
printed with their goal; a figure that misses its goal is marked, and the exit status is 1.
"""
import argparse
import ctypes
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PF = "pci/0000:03:00.0"


class Bench:
    def __init__(self, build, quick):
        self.build = build
        self.finelink = os.path.join(build, "cli/finelink")
        self.daemon = os.path.join(build, "daemon/finelinkd")
        self.nlbench = os.path.join(build, "bench/nlbench")
        self.planeload = os.path.join(build, "bench/planeload")
        self.pods = os.path.join(build, "bench/pods")
        self.quick = quick
        self.rows = []
        self.missed = 0

    def row(self, section, what, value, unit, goal=None):
        """A figure; goal is the largest (or with ('min', x) the smallest) that is good."""
        ok = None
        if goal is not None:
            ok = value >= goal[1] if isinstance(goal, tuple) else value <= goal
            self.missed += not ok
            goal = f">= {goal[1]:g}" if isinstance(goal, tuple) else f"<= {goal:.3g}"
        self.rows.append({"section": section, "what": what, "value": value, "unit": unit,
                          "goal": goal, "reached": ok})
        mark = "" if ok is None else f"   goal {goal} {unit}: {'reached' if ok else 'MISSED'}"
        print(f"  {what:<58} {value:>12.4g} {unit}{mark}", flush=True)


class Plane:
    """A finelinkd with a topology of its own."""

    def __init__(self, bench, topology):
        self.bench = bench
        self.dir = tempfile.TemporaryDirectory(prefix="finelink-bench.")
        self.socket = os.path.join(self.dir.name, "sock")
        path = os.path.join(self.dir.name, "topology.yaml")
        with open(path, "w") as f:
            f.write(topology)
        self.proc = subprocess.Popen([bench.daemon, "-t", path, "-s", self.socket],
                                     stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not os.path.exists(self.socket):
            if self.proc.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("bench: finelinkd did not start")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(60)
        except subprocess.TimeoutExpired:
            self.proc.kill()
        self.dir.cleanup()

    def command(self, *args):
        return [self.bench.finelink, "run", "-c", self.socket, "--", *args]

    def devlink(self, *args):
        return subprocess.run(self.command("devlink", *args), check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def nlbench(self, *args):
        out = subprocess.run(self.command(self.bench.nlbench, *map(str, args)), check=True,
                             text=True, stdout=subprocess.PIPE).stdout
        return json.loads(out)

    def planeload(self, *args):
        out = subprocess.run([self.bench.planeload, self.socket, *map(str, args)], check=True,
                             text=True, stdout=subprocess.PIPE).stdout
        return json.loads(out)

    def handles(self):
        # Not the one that the PFs of a chip share: it cannot be reloaded.
        return [line.split(":", 1)[0] if line.startswith("auxiliary") else line.strip()
                for line in self.devlink("dev", "show").splitlines()
                if not line.startswith("devlink_index/")]

    def wait_for(self, count):
        deadline = time.monotonic() + 120
        while len(self.handles()) < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: {count} instances did not come up")
            time.sleep(0.1)
        # Instances show before their children are attached: wait for these.
        while any(lane.get("operations") for lane in self.lanes()):
            time.sleep(0.05)

    def lanes(self):
        out = subprocess.run([self.bench.finelink, "show", "lanes", "-j", "-c", self.socket],
                             check=True, text=True, stdout=subprocess.PIPE).stdout
        lanes = json.loads(out)
        return lanes.get("lanes", []) if isinstance(lanes, dict) else lanes

    def rss(self):
        with open(f"/proc/{self.proc.pid}/status") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise SystemExit("bench: no VmRSS")


def nic(**options):
    lines = ["devices:", "  - driver: mlx5", '    address: "0000:03:00.0"']
    lines += [f"    {key}: {value}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


def pingpong(bench, section):
    out = subprocess.run([bench.nlbench, "pingpong", "20000"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    p50 = json.loads(out)["us"]["p50"]
    bench.row(section, "AF_UNIX ping-pong between two threads, p50", p50, "us")
    return p50


# ---- storms -------------------------------------------------------------------------------


def launch(bench, pods, function="sf", during="idle", serialize="lanes"):
    # A namespace and a session are two descriptors; not every machine allows 20,000.
    netns = "real" if pods <= 1000 else "none"
    out = subprocess.run([bench.finelink, "launch", "--pods", str(pods), "--function", function,
                          "--during", during, "--serialize", serialize, "--netns", netns,
                          "--json"],
                         check=True, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
    return json.loads(out)


# Firmware commands of one SF pod: port add 2, hw_addr 1, state 2, bring-up 6, and 6 again
# when it is reloaded; 0.5 ms each, 32 at a time (the default profile).
SF_COMMANDS = 17
SF_SUM_MS = 1 + 1.5 + 3 + 20 + 3 + 100


def storm(bench, pods, function, during, serialize="lanes", goal_ratio=None, idle_ms=None):
    result = launch(bench, pods, function, during, serialize)
    goal = None
    if goal_ratio:
        goal = max(goal_ratio, 1.2 * pods * SF_COMMANDS * 0.5 / 32 / result["one_pod_ms"])
    name = f"{pods} {function.upper()}s, {during}" + (", bkl" if serialize == "bkl" else "")
    bench.row("storms", f"{name}: makespan", result["makespan_ms"], "ms",
              1.2 * idle_ms if idle_ms else None)
    if pods > 1:
        bench.row("storms", f"{name}: makespan against one pod's", result["makespan_ratio"], "x",
                  goal)
    return result


def storms(bench):
    pingpong(bench, "storms")
    sizes = [1, 10, 100] if bench.quick else [1, 10, 100, 1000]
    for function in ("sf", "vf"):
        for during in ("idle", "flash", "hang"):
            for pods in sizes:
                big = pods == 1000 and function == "sf"
                storm(bench, pods, function, during, goal_ratio=2.5 if big else None)
    if not bench.quick:
        alternating(bench)
        storm(bench, 10000, "sf", "idle")
    for pods in (1, 10, 20):
        storm(bench, pods, "sf", "idle", serialize="bkl")


def alternating(bench):
    """The test that decides: idle, flash and hang in turn, medians compared."""
    spans = {"idle": [], "flash": [], "hang": []}
    for _ in range(5):
        for during in spans:
            spans[during].append(launch(bench, 1000, "sf", during)["makespan_ms"])
    idle = statistics.median(spans["idle"])
    bench.row("storms", "1000 SFs, idle: median of 5", idle, "ms")
    for during in ("flash", "hang"):
        bench.row("storms", f"1000 SFs, {during} against idle, medians of 5",
                  statistics.median(spans[during]) / idle, "x", 1.2)


# ---- reads --------------------------------------------------------------------------------


SLOW = """  - driver: mlx5
    address: "0000:81:00.0"
    ports: 1
    latency_ms: { rdma_attach: 10000 }
"""


def background(plane, *args):
    return subprocess.Popen(plane.command(*args), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def read_pair(bench, plane, what, get, base=None):
    n = 3000 if bench.quick else 10000
    one = plane.nlbench("get", *get.split("/"), n)["us"]["p50"]
    many = plane.nlbench("dumpdev", 300)["us"]["p50"]
    bench.row("reads", f"get, {what}, p50", one, "us", 1.5 * base[0] if base else None)
    bench.row("reads", f"dump of 100 instances, {what}, p50", many, "us",
              1.5 * base[1] if base else None)
    return one, many


def reads(bench):
    floor = pingpong(bench, "reads")
    topology = nic(ports=2, vfs=48, latency_ms="{ flash: 15000 }") + SLOW
    with Plane(bench, topology) as plane:
        plane.wait_for(99)
        base = read_pair(bench, plane, "idle", PF)
        bench.row("reads", "get against the ping-pong", base[0] / floor, "x", 1.3)
        flash = background(plane, "devlink", "dev", "flash", PF, "file", "bench.bin")
        time.sleep(0.5)
        read_pair(bench, plane, "that instance being flashed", PF, base)
        running_or_die(flash, "the flash")
        reload = background(plane, "devlink", "dev", "reload", "pci/0000:81:00.0")
        time.sleep(0.5)
        read_pair(bench, plane, "that instance reloading for 10 s", "pci/0000:81:00.0", base)
        running_or_die(reload, "the reload")
        load = subprocess.Popen([bench.finelink, "launch", "--pods", "300", "-c", plane.socket],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        read_pair(bench, plane, "during a storm of 300 pods", PF)
        load.wait()
    pingpong(bench, "reads")


def running_or_die(proc, what):
    if proc.poll() is not None:
        raise SystemExit(f"bench: {what} was over before the reads were")
    proc.kill()


# ---- many at once -------------------------------------------------------------------------


def alternate(bench, section, kind, key, goal):
    with Plane(bench, nic(ports=2, vfs=32)) as plane:
        plane.wait_for(66)
        handles = [h for h in plane.handles() if not h.endswith(("03:00.0", "03:00.1"))][:64]
        one, all64 = [], []
        for _ in range(3 if bench.quick else 7):
            one.append(plane.planeload(kind, handles[0])[key])
            all64.append(plane.planeload(kind, *handles)[key])
    one, all64 = statistics.median(one), statistics.median(all64)
    what = {"death": "namespaces destroyed", "reload": "reloads"}[kind]
    bench.row(section, f"1 of {what}", one, "ms")
    bench.row(section, f"64 {what} at once", all64, "ms")
    bench.row(section, f"64 {what} against one", all64 / one, "x", goal)


def deaths(bench):
    pingpong(bench, "deaths")
    alternate(bench, "deaths", "death", "home_ms", 1.5)


def reloads(bench):
    pingpong(bench, "reloads")
    alternate(bench, "reloads", "reload", "ms", 1.2)


# ---- dumps --------------------------------------------------------------------------------


def dumps(bench):
    pingpong(bench, "dumps")
    with Plane(bench, nic(ports=2, vfs=500, switchdev="true")) as plane:
        plane.wait_for(1002)
        for quiet in (True, False):
            when = "nothing changing" if quiet else "parameters changing meanwhile"
            change = None if quiet else background(
                plane, bench.nlbench, "paramset", "pci", "0000:03:00.0", "max_macs", "10000000")
            for what, name in (("dumpdev", "instances"), ("dumpport", "ports")):
                result = plane.nlbench(what, 200 if bench.quick else 1000)
                bench.row("dumps", f"{name} dumped, {when}",
                          result["messages"] / result["seconds"] / 1e6, "million/s",
                          ("min", 5))
            if change:
                change.kill()
                change.wait()


# ---- memory -------------------------------------------------------------------------------


def memory(bench):
    count = 1000
    for active, name, goal in (("inactive", "port", 2048), ("active", "SF with all of it", 16384)):
        with Plane(bench, nic(ports=1)) as plane:
            plane.wait_for(1)
            plane.planeload("hold", active, 1)
            time.sleep(1)
            before = plane.rss()
            plane.planeload("hold", active, count + 1)
            if active == "active":
                plane.wait_for(count + 2)
            time.sleep(1)
            bench.row("memory", f"resident memory of one more {name}",
                      (plane.rss() - before) / count, "bytes", goal)


# ---- the two ways to attach ----------------------------------------------------------------


def in_turn(rounds, *runs, of=statistics.median):
    """The medians (or what `of` says) of what the runs return, taken in turn."""
    values = [[run() for run in runs] for _ in range(rounds)]
    return [of(column) for column in zip(*values)]


def attach(bench):
    rounds = 5 if bench.quick else 15
    pingpong(bench, "attach")
    with Plane(bench, nic(ports=2)) as plane:
        def get(way):
            args = plane.command(bench.nlbench, "get", "pci", "0000:03:00.0", "5000")
            args.insert(2, f"--attach={way}")
            return json.loads(subprocess.run(args, check=True, text=True,
                                             stdout=subprocess.PIPE).stdout)["us"]["p50"]

        preload, seccomp = in_turn(rounds, lambda: get("preload"), lambda: get("seccomp"))
        bench.row("attach", "get through preload, p50", preload, "us")
        bench.row("attach", "get through seccomp, p50", seccomp, "us")
        bench.row("attach", "get through seccomp against preload", seccomp / preload, "x", 3)
        unrelated(bench, plane, rounds)
    launch_ways(bench, rounds)


PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2


class Program(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def allow_all():
    """Puts this process under the filter that costs least: one that allows everything."""
    allow = ctypes.create_string_buffer(bytes.fromhex("060000000000ff7f"))  # RET ALLOW
    program = Program(1, ctypes.cast(allow, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        raise OSError(ctypes.get_errno(), "no filter")


def unrelated(bench, plane, rounds):
    """What the filter costs calls that it does not hand over."""
    under = [bench.finelink, "run", "--attach=seccomp", "-c", plane.socket, "--"]

    def seconds(prefix, what, count, before=None):
        out = subprocess.run([*prefix, bench.nlbench, what, str(count)], check=True, text=True,
                             stdout=subprocess.PIPE, preexec_fn=before).stdout
        return json.loads(out)["seconds"]

    # The fastest: nothing waits here, so what is above it is the machine's.
    without, empty, filtered = in_turn(2 * rounds, lambda: seconds([], "files", 25000),
                                       lambda: seconds([], "files", 25000, allow_all),
                                       lambda: seconds(under, "files", 25000), of=min)
    what = "100,000 calls: open, fstat, read 4 KiB, close"
    bench.row("attach", f"{what}; no filter", without * 1e3, "ms")
    bench.row("attach", f"{what}; filter", filtered * 1e3, "ms")
    bench.row("attach", "these with filter against without", filtered / without, "x", 1.05)
    bench.row("attach", "these with a filter that allows all", empty / without, "x")
    calls = 1000000
    without, filtered = in_turn(rounds, lambda: seconds([], "dup", calls),
                                lambda: seconds(under, "dup", calls))
    bench.row("attach", "one call (dup) without filter", without / calls * 1e9, "ns")
    bench.row("attach", "what the filter adds to it", (filtered - without) / calls * 1e9, "ns")


def launch_ways(bench, rounds):
    """100 pods by one program both ways, on one plane; and by a static Go program."""
    rounds = max(3, rounds // 3)
    with Plane(bench, nic(ports=1, switchdev="true")) as plane:
        plane.wait_for(1)

        def pods(way):
            args = plane.command(bench.pods, "pci", "0000:03:00.0", "100")
            args.insert(2, f"--attach={way}")
            return json.loads(subprocess.run(args, check=True, text=True,
                                             stdout=subprocess.PIPE).stdout)["up_ms"]

        preload, seccomp = in_turn(rounds, lambda: pods("preload"), lambda: pods("seccomp"))
        bench.row("attach", "100 pods up by one program, preload", preload, "ms")
        bench.row("attach", "100 pods up by one program, seccomp", seccomp, "ms")
        bench.row("attach", "100 pods by one program, seccomp against preload",
                  seccomp / preload, "x", 1.3)
        podctl(bench, plane, rounds)


def podctl(bench, plane, rounds):
    path = os.path.join(bench.build, "examples/go/podctl")
    if not os.path.exists(path):
        print("  (no podctl: Go is not installed)")
        return

    def launch_static():
        out = subprocess.run(plane.command(path, "-json", "launch", "100"), check=True, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        return json.loads(out)["up_seconds"] * 1e3

    bench.row("attach", "100 pods up by podctl, a static Go program",
              in_turn(rounds, launch_static)[0], "ms")


SECTIONS = {"attach": attach, "storms": storms, "reads": reads, "deaths": deaths, "reloads": reloads,
            "dumps": dumps, "memory": memory}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="The figures of finelink.")
    parser.add_argument("--build", default=os.path.join(here, "..", "build"))
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, for a first look")
    parser.add_argument("section", nargs="*", help=", ".join(SECTIONS))
    args = parser.parse_args()
    unknown = set(args.section) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bench = Bench(args.build, args.quick)
    for section in args.section or SECTIONS:
        print(f"{section}:")
        SECTIONS[section](bench)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"cpus": os.cpu_count(), "figures": bench.rows}, f, indent=1)
    print(f"{bench.missed} of {sum(r['reached'] is not None for r in bench.rows)} goals missed")
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
