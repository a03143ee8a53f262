#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sums up the last test runs of build folders: "N passed, N failed".

Usage: count-tests.py BUILD...

Skipped tests are told before, and count as neither. Exit status 1 if any test failed, or if
a folder has no record of a run.
"""

import json
import os
import sys

GOOD = {"OK", "EXPECTEDFAIL"}


def main():
    passed, failed = 0, 0
    for build in sys.argv[1:]:
        log = os.path.join(build, "meson-logs", "testlog.json")
        if not os.path.exists(log):
            print(f"{build}: no tests were run")
            failed += 1
            continue
        with open(log, encoding="utf-8") as file:
            results = [json.loads(line) for line in file]
        for result in results:
            if result["result"] == "SKIP":
                print(f"{build}: skipped: {result['name']}")
            elif result["result"] in GOOD:
                passed += 1
            else:
                print(f"{build}: {result['result']}: {result['name']}")
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
