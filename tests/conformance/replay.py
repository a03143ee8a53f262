#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Replays what was recorded from a Linux kernel on a plane, and compares every answer.

usage: replay.py steps|stock|raw|raw-strict [--name netdevsimN] [--ports N] [--only LINE] [-v]

steps sends the recorded bytes; stock runs the recorded commands with the machine's own
`devlink`, and compares exit status, error texts and notifications. (An older devlink does not
know all of them: those are sent as bytes, and counted.)

Prints each difference and how many steps (or requests) agree. Exit status 1 if any
differs; 77 if namespaces cannot be made. FINELINKD names the daemon.
"""
import argparse
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare import Adjust, Comparer  # noqa: E402
from decode import DATA  # noqa: E402
from wire import CAP_ACK, EXT_ACK, STRICT, Plane, Session, split  # noqa: E402

CONFIG_GROUP = 7
NETNS_FD = 138
FAMILY = 0x16


def exchanges(netlink):
    """[(request, [messages of the answer])] of a step's recorded bytes."""
    out = []
    for line in netlink:
        data = bytes.fromhex(line[2:])
        if line[0] == "S":
            out.append((data, []))
        else:
            out[-1][1].extend(split(data))
    return out


def has_attribute(request, number):
    at = 20
    while at + 4 <= len(request):
        length, kind = struct.unpack_from("=HH", request, at)
        if kind & 0x3fff == number:
            return True
        at += (length + 3) & ~3 or 4
    return False


# What an older devlink says to a command that it does not know.
UNKNOWN = re.compile(r'not found|Unknown option|unknown option|expected|^usage|What is',
                     re.I | re.M)


def errors(stderr):
    """What the kernel's answer was, of what devlink says. Its number is told by bytes."""
    return [line for line in stderr.splitlines() if line.startswith(("Error:", "kernel answers"))]


class Steps:
    """The steps of netdevsim.jsonl, as one boot."""

    def __init__(self, plane, comparer, ports, stock=False):
        self.plane, self.comparer, self.ports = plane, comparer, ports
        self.stock, self.unknown = stock, 0
        self.listener = Session(plane)
        self.listener.subscribe(CONFIG_GROUP)
        self.made = []

    def close(self):
        self.listener.close()
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], check=False,
                           stderr=subprocess.DEVNULL)

    def netns_of(self, name):
        return f"finelink-conf-{os.getpid()}-{name}"

    def run(self, step):
        """Returns the differences of one step."""
        text = self.comparer.adjust.text(step["step"])
        differences = []
        if text.startswith("devlink"):
            known = self.command(text, step) if self.stock else None
            differences += self.devlink(text, step) if known is None else known
        else:
            for part in (p.strip() for p in text.split(";")):
                status = self.shell(part)
            if not text.endswith(("sleep 1", "sleep .5")) and status is not None and \
                    bool(status) != bool(step["exit"]):
                differences.append(f"exit status {status}, recorded {step['exit']}")
        events = self.listener.events()
        differences += self.comparer.messages("events", [bytes.fromhex(e) for e in step["events"]],
                                              events)
        return differences

    def devlink(self, text, step):
        words = shlex.split(text.split("|")[0])
        netns = self.netns_of(words[words.index("-N") + 1]) if "-N" in words else None
        session = Session(self.plane, netns)
        session.option(EXT_ACK)
        session.option(CAP_ACK)
        target = None
        if "netns" in words and words[words.index("netns") + 1] not in ("nosuch", "999999"):
            target = os.open("/run/netns/" + self.netns_of(words[words.index("netns") + 1]),
                             os.O_RDONLY)
        differences = []
        try:
            for number, (request, recorded) in enumerate(exchanges(step["netlink"]), 1):
                request = self.comparer.adjust.request(request)
                fd = target if has_attribute(request, NETNS_FD) else None
                answer = session.ask(request, fd)
                differences += self.comparer.messages(f"request {number}", recorded, answer)
        finally:
            session.close()
            if target is not None:
                os.close(target)
        return differences

    def command(self, text, step):
        """Runs the stock command. Returns its differences, or None if it does not know it."""
        for name in ("ns1", "ns2"):
            text = re.sub(rf"\b{name}\b", self.netns_of(name), text)
        env = {**os.environ, "FINELINK_SOCKET": self.plane.socket}
        done = subprocess.run([os.environ["FINELINK"], "run", "--", "sh", "-c", text], env=env,
                              capture_output=True, text=True, timeout=60, check=False)
        recorded = self.comparer.adjust.text(step["stderr"])
        if UNKNOWN.search(done.stderr) and not UNKNOWN.search(recorded):
            self.unknown += 1
            return None
        differences = []
        if bool(done.returncode) != bool(step["exit"]):
            differences.append(f"exit status {done.returncode}, recorded {step['exit']}: "
                               f"{done.stderr}")
        # Where the recorded command asked nothing, it found the mistake by itself.
        asked = any(request[4:6] != b"\x10\0" for request, _ in exchanges(step["netlink"]))
        if asked and errors(done.stderr) != errors(recorded):
            differences.append(f"errors {errors(done.stderr)}, recorded {errors(recorded)}")
        return differences

    def shell(self, part):
        """One command of a step that is no devlink. Returns its exit status or None."""
        write = re.fullmatch(r'echo *(.*?) *> */(sys/\S+)', part)
        if write:
            value = " ".join(shlex.split(write.group(1)))
            if write.group(2).endswith("new_device"):
                self.comparer.names.forget()
                value = self.with_ports(value)
            return -self.listener_write(write.group(2), value)
        words = part.split()
        if words[:2] == ["ip", "netns"]:
            name = self.netns_of(words[3])
            if words[2] == "add":
                self.made.append(name)
            return subprocess.run(["ip", "netns", words[2], name], check=False).returncode
        if words and words[0] == "sleep":
            time.sleep(float(words[1]))
        return None

    def with_ports(self, value):
        return f"10 {self.ports}" if value == "10 4" and not self.comparer.adjust.rename else \
            value.replace("10 4", f"{self.number()} {self.ports}").replace(
                "10 1", f"{self.number()} 1")

    def number(self):
        names = list(self.comparer.adjust.rename.values())
        return names[0][len("netdevsim"):] if names else "10"

    def listener_write(self, path, value):
        if path.endswith("del_device") and value == "10":
            value = self.number()
        session = Session(self.plane)
        try:
            return session.knob_write(path, value)
        finally:
            session.close()


def replay_steps(plane, comparer, args):
    steps = Steps(plane, comparer, args.ports, args.what == "stock")
    agree = total = 0
    try:
        with open(os.path.join(DATA, "netdevsim.jsonl")) as f:
            for line, text in enumerate(f, 1):
                step = json.loads(text)
                if "step" not in step:
                    continue
                total += 1
                differences = steps.run(step)
                agree += not differences
                if differences and (not args.only or args.only == line):
                    report(f"step {line}: {step['step']}", differences, args)
    finally:
        steps.close()
    if steps.stock:
        print(f"{steps.unknown} commands are unknown to this machine's devlink: sent as bytes")
    return agree, total


def replay_raw(plane, comparer, args):
    session = Session(plane)
    if session.knob_write("sys/bus/netdevsim/new_device", f"10 {args.ports}"):
        raise SystemExit("cannot make the instance")
    session.option(EXT_ACK)
    session.option(CAP_ACK)
    if args.what == "raw-strict":
        session.option(STRICT)
    agree = total = 0
    with open(os.path.join(DATA, args.what + ".jsonl")) as f:
        for line, text in enumerate(f, 1):
            if not text.strip() or "replies" not in text:
                continue
            request = json.loads(text)
            total += 1
            data = family(bytes.fromhex(request["request"]))
            recorded = [m for r in request["replies"] for m in split(bytes.fromhex(r))]
            differences = comparer.messages("answer", recorded, session.ask(data))
            agree += not differences
            if differences and (not args.only or args.only == line):
                report(f"line {line}: command {request['cmd']} flags {request['flags']:#x} "
                       f"{request['variant']}", differences, args)
    session.close()
    return agree, total


def family(request):
    """The family's id was another one at that boot."""
    kind = struct.unpack_from("=H", request, 4)[0]
    return request if kind == 16 else request[:4] + struct.pack("=H", FAMILY) + request[6:]


def report(title, differences, args):
    print(title)
    shown = differences if args.verbose else differences[:3]
    for difference in shown:
        print("    " + difference[:4000])
    if len(shown) < len(differences):
        print(f"    and {len(differences) - len(shown)} more")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["steps", "stock", "raw", "raw-strict"])
    parser.add_argument("--name", default="netdevsim10")
    parser.add_argument("--ports", type=int, default=4)
    parser.add_argument("--only", type=int)
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    if (args.what in ("steps", "stock") and
            subprocess.run(["unshare", "-n", "true"], check=False).returncode):
        print("skipped: may not make network namespaces")
        return 77
    rename = {"netdevsim10": args.name} if args.name != "netdevsim10" else {}
    comparer = Comparer(Adjust(rename, extra_ports=range(4, args.ports)),
                        raw=args.what.startswith("raw"))
    with Plane(os.environ["FINELINKD"]) as plane:
        replay = replay_raw if args.what.startswith("raw") else replay_steps
        agree, total = replay(plane, comparer, args)
    print(f"{args.what}: {agree} of {total} agree")
    unused = [m for i, m in enumerate(comparer.meant) if i not in comparer.meant_seen]
    for entry in unused if args.verbose else []:
        print(f"not seen in this run: meant difference {entry['attribute']}")
    return 0 if agree == total else 1


sys.exit(main())
