#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a copy of core/commit.c with one fault planted, for the history checker to find.

usage: plant.py FAULT INPUT OUTPUT
"""
import sys

SWAP = "\tfl_rcu_assign(dl->version, c->next);\n"
BUILD = "\tapply_edits(c);\n\tapply_parts(c);\n"
LOCK = "\tfl_lock_take(&dl->commit_lock);\n\tif (refused"
APPEND_END = "\t\ttxn->events[i].first = NULL;\n\t}\n"

FAULTS = {
    # Notifications leave before what they tell can be read (breaks C3).
    "older": [
        (SWAP, ""),
        (APPEND_END, APPEND_END + "\tusleep(100);\n" + SWAP),
    ],
    # The version is published, then changed (breaks C1).
    "half": [
        (BUILD, "\tfl_rcu_assign(dl->version, c->next);\n" + BUILD),
        ("fl_pmap_set(&c->nodes, &next->objs[edit->kind], edit->key, edit->obj);\n",
         "fl_pmap_set(&c->nodes, &next->objs[edit->kind], edit->key, edit->obj);\n"
         "\t\tusleep(20);\n"),
    ],
    # A private copy of the whole is swapped in, with what it saw at its beginning (breaks
    # C2). What it replaces twice must not be freed twice: the fault is to be seen, not a crash.
    "lost": [
        (LOCK, "\tstruct fl_version base = *dl->version;\n\n\tusleep(300);\n" + LOCK),
        ("\tfl_version_copy(c->next, c->old);\n", "\tfl_version_copy(c->next, &base);\n"),
        ("\tfl_pmap_edit_done(&c->nodes);\n", ""),
        ("\t\tif (edit->replaced)\n\t\t\tfl_rcu_call(&edit->replaced->rcu, obj_free_rcu);\n", ""),
        ("static void obj_free_rcu", "__attribute__((unused)) static void obj_free_rcu"),
    ],
}


def main():
    fault, source, output = sys.argv[1:]
    with open(source) as f:
        text = f.read()
    for old, new in FAULTS[fault]:
        if text.count(old) != 1:
            sys.exit(f"plant.py: {source} has changed: cannot plant '{fault}' at {old!r}")
        text = text.replace(old, new)
    with open(output, "w") as f:
        f.write("#include <unistd.h>\n" + text)


main()
