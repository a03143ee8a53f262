#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The comparison finds what is planted in recorded answers, and nothing in true ones."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare import HERE, Comparer  # noqa: E402
from decode import DATA  # noqa: E402
from wire import split  # noqa: E402


def answers():
    """Lists of recorded messages."""
    with open(os.path.join(DATA, "netdevsim.jsonl")) as f:
        for line in f:
            step = json.loads(line)
            if "step" not in step:
                continue
            for event in step["events"][:5]:
                yield [bytes.fromhex(event)]
            for line in step["netlink"]:
                if line[0] == "R":
                    yield split(bytes.fromhex(line[2:]))


def differs(recorded, actual, where="answer"):
    return bool(Comparer().messages(where, recorded, actual))


def flip(message, at):
    return message[:at] + bytes([message[at] ^ 3]) + message[at + 1:]


def check(condition, what, message):
    if not condition:
        raise SystemExit(f"{what}: {message.hex()[:200]}")


def main():
    seen = 0
    for messages in answers():
        last = messages[-1]
        check(not differs(messages, messages), "found a difference in a true answer", last)
        if len(last) <= 20:
            continue
        check(differs(messages, messages[:-1]), "missed a missing message", last)
        check(differs(messages, messages + [last], "events"), "missed a message too many", last)
        # The command or the errno, and the flags.
        check(differs(messages, messages[:-1] + [flip(last, 16)]), "missed another command", last)
        check(differs(messages, messages[:-1] + [flip(last, 7)]), "missed another flag", last)
        if last[4:6] == b"\x16\0" and last[22:24] == b"\1\0":
            check(differs(messages, messages[:-1] + [flip(last, 24)]), "missed a name", last)
        seen += 1
    if seen < 500:
        raise SystemExit(f"only {seen} answers were looked at")
    print(f"{seen} answers")
    with open(os.path.join(HERE, "meant.json")) as f:
        meant = json.load(f)
    if len(meant) > 10 or any(not m.get("attribute") or not m.get("reason") for m in meant):
        raise SystemExit("meant.json: at most ten differences, each with attribute and reason")


main()
