#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages tell of every option that --help tells of, and the other way round.

Usage: test-man.py FOLDER
"""

import re
import subprocess
import sys

from fl import FINELINK, FINELINKD

PAGES = [
    ("finelink-run.1", [FINELINK, "run"]),
    ("finelink-launch.1", [FINELINK, "launch"]),
    ("finelink-show.1", [FINELINK, "show"]),
    ("finelink-cancel.1", [FINELINK, "cancel"]),
    ("finelink-device.1", [FINELINK, "device"]),
    ("finelinkd.8", [FINELINKD]),
]
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "ERRORS", "SEE ALSO"]


def main():
    failed = 0
    for name, argv in PAGES:
        with open(f"{sys.argv[1]}/{name}", encoding="utf-8") as file:
            page = file.read()
        text = subprocess.run([*argv, "--help"], capture_output=True, text=True, check=True).stdout
        helped = set(re.findall(r"--([a-z][a-z-]+)", text))
        written = set(re.findall(r"^\.It .*?Fl -([a-z][a-z-]+)", page, re.M))
        written |= set(re.findall(r"^\.It .*, -([a-z][a-z-]+)", page, re.M))
        for option in sorted(helped ^ written):
            where = "--help" if option in helped else "the manual page"
            print(f"{name}: --{option} is only in {where}")
            failed += 1
        for section in SECTIONS:
            if f"\n.Sh {section}\n" not in page:
                print(f"{name}: no section {section}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
