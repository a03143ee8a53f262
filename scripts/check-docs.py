#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds docs/CONCURRENCY.md to the code, and comments to what drivers have to be told.

- Its table of leaf locks is that of base/lock.h (--fix writes it).
- Every clause that code, tests or model cite (L1, C3, N2, ...) is stated in it.
- Every callback in the headers for drivers has a "Context:" and, if it returns something,
  "Valid replies:", in its own comment, in that of the struct, or of one before it there that is
  not interrupted by a comment of another.

usage: check-docs.py [--fix] [ROOT]
"""
import pathlib
import re
import sys

BEGIN, END = "<!-- locks: written by scripts/check-docs.py --fix -->", "<!-- end of locks -->"
LOCK = re.compile(r'X\((\w+),\s*(\d+),\s*((?:"[^"]*"\s*)+)\)')
CLAUSE = re.compile(r"\b([LCN]\d{1,2})\b")
CITING = ("lane", "core", "netns", "bus", "server", "model", "tests/lane", "tests/core",
          "tests/netns")


HEADERS = ("core/driver*.h", "core/knob.h", "bus/bus.h", "lane/lane.h")
STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.S | re.M)
MEMBER = re.compile(r"(/\*.*?\*/)|^\t(\w[\w \*]*?)\(\*(\w+)\)\(", re.S | re.M)


def comment_before(text, at):
    """The comment that ends right before a place, or nothing."""
    before = text[:at].rstrip()
    return before[before.rindex("/*"):] if before.endswith("*/") else ""


def untold(text):
    """What a header does not say of its callbacks: pairs of name and missing word."""
    for struct in STRUCT.finditer(text):
        above, own = comment_before(text, struct.start()), ""
        for comment, returns, name in MEMBER.findall(struct[2]):
            if comment:
                own = comment
                continue
            needed = ["Context:"] + ([] if returns.strip() == "void" else ["Valid replies:"])
            said = re.sub(r"\s*\n[\s*]*", " ", above + own)
            for word in needed:
                if word.lower() not in said.lower():
                    yield f"{struct[1]}.{name}", word


def lock_table(root):
    text = (root / "base/lock.h").read_text()
    macro = text[text.index("#define FL_LOCKS(X)"):]
    macro = macro[:re.search(r"[^\\]\n", macro).end()].replace("\\\n", "\n")
    locks = [(int(level), name, "".join(re.findall(r'"([^"]*)"', reason)))
             for name, level, reason in LOCK.findall(macro)]
    if not locks:
        sys.exit("check-docs.py: no locks found in base/lock.h")
    lines = ["| level | lock | what it is for, and why it is short |", "|---|---|---|"]
    lines += [f"| {level} | {name} | {reason} |" for level, name, reason in sorted(locks)]
    return "\n".join(lines)


def cited(root):
    """Clauses that stand in comments and strings, with the first place of each."""
    places = {}
    for folder in CITING:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".c", ".h", ".pml", ".py", ".md"):
                continue
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                for clause in CLAUSE.findall(line):
                    places.setdefault(clause, f"{path.relative_to(root)}:{number}")
    return places


def main():
    args = [a for a in sys.argv[1:] if a != "--fix"]
    root = pathlib.Path(args[0] if args else pathlib.Path(__file__).parent.parent)
    page = root / "docs/CONCURRENCY.md"
    text = page.read_text()
    table = f"{BEGIN}\n{lock_table(root)}\n{END}"
    old = text[text.index(BEGIN):text.index(END) + len(END)]
    if "--fix" in sys.argv:
        page.write_text(text.replace(old, table))
        return 0
    bad = 0
    if old != table:
        print(f"{page}: the table of locks is not that of base/lock.h; run scripts/check-docs.py --fix")
        bad = 1
    stated = set(re.findall(r"^\| ([LCN]\d+) \|", text, re.M))
    for clause, place in sorted(cited(root).items()):
        if clause not in stated:
            print(f"{place}: cites {clause}, which docs/CONCURRENCY.md does not state")
            bad = 1
    for path in (path for glob in HEADERS for path in sorted(root.glob(glob))):
        for name, word in untold(path.read_text()):
            print(f"{path}: {name} is told without '{word}'")
            bad = 1
    return bad


sys.exit(main())
