#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds together what the installed headers declare, what the version map lists, and what
libfinelink exports: each name in one of them must be in all.

usage: check-symbols.py HEADERS MAP LIBRARY
       check-symbols.py --add              (lists new names in the tree's map; takes none away)
       check-symbols.py --use HEADERS      (prints a C program that uses every one of them)
"""
import os
import re
import subprocess
import sys
import tempfile

# Of the finelinkd that is built with the library; not for others.
PRIVATE = {"FINELINK_PRIVATE": {"fl_daemon_main"}}
# Declared for the plug-in, which defines it.
NOT_OURS = {"finelink_plugin_init"}


def declared(folder):
    """The functions and variables that the headers of a folder declare."""
    names = set()
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
        text = re.sub(r"^\s*#(\\\n|.)*$", "", text, flags=re.M)
        while "{" in text: # members of structs are nobody's symbols
            text, count = re.subn(r"\{[^{}]*\}", " ", text)
            if not count:
                sys.exit(f"check-symbols: {name}: a brace without its other")
        for statement in text.split(";"):
            statement = " ".join(statement.split())
            if statement.startswith("typedef"):
                continue
            function = re.search(r"\b(f(?:l|inelink)_\w+) ?\(", statement)
            variable = re.match(r"extern\b.*?(\w+)(?:\[\w*\])?$", statement)
            if function or variable:
                names.add((function or variable)[1])
    return names - NOT_OURS


def listed(path):
    """{version: names} of a version map."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
    versions = {}
    for version, body in re.findall(r"(\w[\w.]*)\s*\{(.*?)\}", text, flags=re.S):
        names = re.findall(r"([\w*]+)\s*;", body.split("local:")[0])
        if len(names) != len(set(names)):
            sys.exit(f"check-symbols: {path}: a name stands twice")
        versions[version] = set(names)
    return versions


def exported(path):
    """{version: names} of a shared library."""
    text = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", path],
                          check=True, capture_output=True, text=True).stdout
    versions = {}
    for line in text.splitlines():
        _, kind, name = line.split()
        if kind == "A": # the versions themselves
            continue
        name, _, version = name.partition("@@")
        versions.setdefault(version, set()).add(name)
    return versions


def differ(what, left, right):
    for name in sorted(left - right):
        print(f"check-symbols: {name} {what}")
    return bool(left - right)


def use(folder):
    print("#include <finelink/finelink.h>\nconst void *const used[] = {")
    for name in sorted(declared(folder)):
        print(f"\t(const void *)&{name},")
    print("};\nint main(void)\n{\n\treturn !used[0];\n}")


def add():
    """To be done with care: what is listed and released is promised."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.path.join(root, "include", "libfinelink.map")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.join(root, "scripts", "install-headers.py"), root, folder],
                       check=True)
        new = declared(folder) - set().union(*listed(path).values())
    with open(path, encoding="utf-8") as file:
        head, body, tail = re.fullmatch(r"(.*?global:\n)(.*?)(local:.*)", file.read(),
                                        re.S).groups()
    lines = sorted(set(body.splitlines(True)) | {f"\t{name};\n" for name in new})
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + "".join(lines) + tail)
    print("check-symbols: added", ", ".join(sorted(new)) or "nothing")


def main():
    if sys.argv[1:] == ["--add"]:
        add()
        return 0
    if len(sys.argv) == 3 and sys.argv[1] == "--use":
        use(sys.argv[2])
        return 0
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    headers, in_map, in_library = declared(sys.argv[1]), listed(sys.argv[2]), exported(sys.argv[3])
    public = set().union(*(names for version, names in in_map.items() if version not in PRIVATE))
    bad = differ("is declared, but not in the map", headers, public)
    bad |= differ("is in the map, but in no installed header", public, headers)
    for version, names in PRIVATE.items():
        if in_map.get(version, set()) != names:
            print(f"check-symbols: {version} must have {', '.join(names)} and nothing else")
            bad = True
    for version in sorted(in_map.keys() | in_library.keys()):
        here, there = in_map.get(version, set()), in_library.get(version, set())
        bad |= differ(f"is in the map, but not exported as {version}", here, there)
        bad |= differ(f"is exported as '{version}', which the map does not say", there, here)
    if not bad:
        print(f"check-symbols: {len(headers)} names in headers, map and library")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
