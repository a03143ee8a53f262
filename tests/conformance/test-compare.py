#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The comparison finds what is planted in recorded answers, and nothing in true ones."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare import Comparer  # noqa: E402
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


def differs(recorded, actual):
    return bool(Comparer().messages("test", recorded, actual))


def flip(message, at):
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1:]


def main():
    seen = 0
    for messages in answers():
        assert not differs(messages, messages), messages
        assert differs(messages, messages[:-1])
        assert differs(messages, messages + messages[-1:])
        # The command or the errno, and the flags.
        last = messages[-1]
        if len(last) > 20:
            assert differs(messages, messages[:-1] + [flip(last, 16)]), last
            assert differs(messages, messages[:-1] + [flip(last, 7)]), last
        # A byte of the handle, and of the last attribute if that is no padding.
        if len(last) > 60 and last[4:6] == b"\x16\0":
            assert differs(messages, messages[:-1] + [flip(last, 24)]), last
        seen += 1
    assert seen > 500, seen
    print(f"{seen} answers")


main()
