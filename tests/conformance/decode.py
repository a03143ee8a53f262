# SPDX-License-Identifier: LGPL-2.1-or-later
"""Netlink messages of devlink as trees that can be compared and printed."""
import json
import os
import struct

DATA = os.path.join(os.path.dirname(__file__), "..", "data", "kernel-7.2")

with open(os.path.join(DATA, "uapi.json")) as f:
    _UAPI = json.load(f)
_SETS = _UAPI["attribute_sets"]
NAMES = {a["number"]: a["name"] for a in _SETS["devlink"]["attributes"]}
_NESTS = {a["number"]: a.get("nested-attributes") for a in _SETS["devlink"]["attributes"]
          if a["type"] == "nest"}
# Two more nests that uapi.json does not tell of: the values of a parameter.
_NESTS.update({84: None, 85: None})
_FOREIGN = {number for number, name in _NESTS.items()
            if name and "subset_of" not in _SETS.get(name, {"subset_of": 1})}

ERROR, DONE = 2, 3
CAPPED, TLVS = 0x100, 0x200
IFINDEX, NETDEV, PORT_INDEX, DEV_NAME, INDEX = 6, 7, 3, 2, 184


class Differences(Exception):
    """Not a conforming answer, and why."""


def attributes(data, foreign=False):
    """[(type with flags, name, value or list)]; what is no attribute is kept as bytes."""
    out, at = [], 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4 or at + length > len(data):
            break
        number, value = kind & 0x3fff, data[at + 4:at + length]
        name = str(number) if foreign else NAMES.get(number, str(number))
        nest = not foreign and number in _NESTS
        if nest or (foreign and kind & 0x8000):
            value = attributes(value, foreign or number in _FOREIGN)
        out.append((kind, name, value))
        at += (length + 3) & ~3
    if at < len(data):
        out.append((0, "rest", data[at:]))
    return out


def error_tlvs(message):
    """The extended ACK of an NLMSG_ERROR or NLMSG_DONE: {attribute: value}."""
    kind, flags = struct.unpack_from("=HH", message, 4)
    if not flags & TLVS:
        return {}
    at = 20
    if kind == ERROR:
        at = 36 if flags & CAPPED else 20 + struct.unpack_from("=I", message, 20)[0]
        at = (at + 3) & ~3
    names = {1: "msg", 2: "offset", 3: "cookie", 4: "policy", 5: "miss-type", 6: "miss-nest"}
    out = {}
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        value = message[at + 4:at + length]
        kind &= 0x3fff
        out[names.get(kind, kind)] = value.rstrip(b"\0").decode() if kind == 1 else value.hex()
        at += (length + 3) & ~3
    return out


def decode(message):
    """(what kind, flags that matter, body) of one message."""
    kind, flags = struct.unpack_from("=HH", message, 4)
    if len(message) < 20:
        return (f"type {kind} without a body", flags, [])
    if kind == ERROR:
        return ("error", flags & (CAPPED | TLVS),
                [("errno", struct.unpack_from("=i", message, 16)[0]),
                 ("ext-ack", error_tlvs(message))])
    if kind == DONE:
        return ("done", flags & TLVS, [("errno", struct.unpack_from("=i", message, 16)[0]),
                                       ("ext-ack", error_tlvs(message))])
    if kind == 16:
        return ("nlctrl", flags, [("bytes", message[16:].hex())])
    return (f"cmd {message[16]}", flags, attributes(message[20:]))


def show(tree, indent=6):
    kind, flags, body = tree
    lines = [" " * indent + f"{kind} flags {flags:#x}"]

    def walk(items, depth):
        for item in items:
            name, value = item[-2], item[-1]
            pad = " " * (indent + 2 * depth)
            if isinstance(value, list):
                lines.append(f"{pad}{name}:")
                walk(value, depth + 1)
            else:
                lines.append(f"{pad}{name} {value.hex() if isinstance(value, bytes) else value}")

    walk(body, 1)
    return "\n".join(lines)
