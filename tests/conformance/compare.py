# SPDX-License-Identifier: LGPL-2.1-or-later
"""Comparing what finelink tells with what was recorded.

What depends on the run is left out by name, or translated: ifindexes and names of netdevs
must only be used consistently.
"""
import json
import os
import struct

from decode import IFINDEX, NETDEV, NAMES, decode, show

# Random bytes and times.
RUN_DEPENDENT = {"region-chunk-data", "health-reporter-dump-ts", "health-reporter-dump-ts-ns"}

# Counters that tell how often was asked before: the raw requests are a part of those that
# ran when they were recorded.
RAW_COUNTERS = {"reload-stats-value", "stats/2"}

# Binary values in the formatted messages of netdevsim's reporter; its others are fixed.
FMSG_VALUE, BINARY_TYPE = "113", ("fmsg-obj-value-type", b"\x0b")


HERE = os.path.dirname(os.path.abspath(__file__))


class Names:
    """Which recorded ifindex or netdev is which here; both ways, once told for ever."""

    def __init__(self):
        self.there, self.back = {}, {}

    def same(self, kind, recorded, actual):
        known = self.there.setdefault((kind, recorded), actual)
        back = self.back.setdefault((kind, actual), recorded)
        return known == actual and back == recorded

    def forget(self):
        """After a device was made anew its netdevs are others."""
        self.there, self.back = {}, {}


class Adjust:
    """Another name and number of ports for the recorded instance."""

    def __init__(self, rename=None, index=0, extra_ports=()):
        self.rename = rename or {}
        self.index, self.extra_ports = index, set(extra_ports)

    def request(self, data):
        """A recorded request with the other name in it (same length of names)."""
        for old, new in self.rename.items():
            data = data.replace(old.encode() + b"\0", new.encode() + b"\0")
        return data

    def text(self, text):
        for old, new in self.rename.items():
            text = text.replace(old, new)
        return text

    def expected(self, message):
        return self.request(message)

    def is_extra(self, tree):
        """A message about a port that the recorded instance did not have."""
        return any(name == "port-index" and struct.unpack("=I", value)[0] in self.extra_ports
                   for _, name, value in tree[2] if isinstance(value, bytes)
                   and len(value) == 4) if tree[0].startswith("cmd") else False


def is_remnant(message):
    """A message of GETPOLICY without attributes: the kernel leaves one where a datagram was
    full, which depends on the size of the client's buffer."""
    return struct.unpack_from("=H", message, 4)[0] == 16 and len(message) == 20


class Comparer:
    def __init__(self, adjust=None, raw=False):
        self.names = Names()
        self.left_out = RUN_DEPENDENT | (RAW_COUNTERS if raw else set())
        self.adjust = adjust or Adjust()
        with open(os.path.join(HERE, "meant.json")) as f:
            self.meant = json.load(f)
        self.meant_seen = set()

    def is_meant(self, where, name):
        for i, entry in enumerate(self.meant):
            if entry["attribute"] == name and entry.get("where", where) in where:
                self.meant_seen.add(i)
                return True
        return False

    def values(self, where, recorded, actual, out):
        """Compares two lists of (kind, name, value)."""
        names_r, names_a = [i[-2] for i in recorded], [i[-2] for i in actual]
        if names_r != names_a:
            missing = [n for n in names_r if n not in names_a and not self.is_meant(where, n)]
            more = [n for n in names_a if n not in names_r and not self.is_meant(where, n)]
            if missing or more or sorted(names_r) == sorted(names_a):
                out.append(f"{where}: attributes {names_a}, recorded {names_r}")
            return
        for r, a, before in zip(recorded, actual, [(None, None)] + recorded):
            name = r[-2]
            random = name == FMSG_VALUE and tuple(before[-2:]) == BINARY_TYPE
            if len(r) == 3 and r[0] != a[0]:
                out.append(f"{where}: {name} has type and flags {a[0]:#x}, recorded {r[0]:#x}")
            if isinstance(r[-1], list) and isinstance(a[-1], list):
                self.values(f"{where}/{name}", r[-1], a[-1], out)
            elif {name, where.rsplit("/", 1)[-1] + "/" + name} & self.left_out or random:
                if len(r[-1]) != len(a[-1]):
                    out.append(f"{where}: {name} has {len(a[-1])} bytes, recorded {len(r[-1])}")
            elif name in (NAMES[IFINDEX], NAMES[NETDEV]):
                if not self.names.same(name, r[-1], a[-1]):
                    out.append(f"{where}: {name} {a[-1]!r} is not the one of before")
            elif r[-1] != a[-1] and not self.is_meant(where, name):
                out.append(f"{where}: {name} is {a[-1]!r}, recorded {r[-1]!r}")

    def messages(self, where, recorded, actual):
        """Compares lists of messages (bytes). Returns a list of differences."""
        out = []
        recorded = [decode(self.adjust.expected(m)) for m in recorded if not is_remnant(m)]
        actual = [t for t in (decode(m) for m in actual if not is_remnant(m))
                  if not self.adjust.is_extra(t)]
        for i, (r, a) in enumerate(zip(recorded, actual)):
            here = f"{where}, message {i + 1} ({r[0]})"
            if r[0] != a[0] or r[1] != a[1]:
                out.append(f"{here}: got\n{show(a)}\n    recorded\n{show(r)}")
                break
            self.values(here, r[2], a[2], out)
        # A client that did not read on left its recorded answer without an end.
        if recorded and recorded[-1][0] not in ("error", "done") and not self.left_out & \
                RAW_COUNTERS and not where.startswith("events"):
            actual = actual[:len(recorded)]
        if len(recorded) != len(actual):
            out.append(f"{where}: {len(actual)} messages, recorded {len(recorded)}: got "
                       f"{[t[0] for t in actual]}, recorded {[t[0] for t in recorded]}")
        return out
