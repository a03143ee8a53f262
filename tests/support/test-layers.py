#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/check-layers.py passes the tree and finds every kind of planted breach.

Usage: test-layers.py CHECKER ROOT
"""

import os
import subprocess
import sys
import tempfile

# (file, its text, what must be said of it; "" if it is fine)
CASES = [
    ("lane/a.c", '#include "base/lock.h"\n', ""),
    ("lane/a.c", '\n#include "core/driver.h"\n',
     'lane/a.c:2: lane must not include "core/driver.h"'),
    ("base/a.h", '#include "lane/lane.h"\n', 'base must not include "lane/lane.h"'),
    ("nl/a.c", '#include "core/driver.h"\n', 'nl must not include "core/driver.h"'),
    ("nl/a.c", '#include "lane/lane.h"\n', 'nl must not include "lane/lane.h"'),
    ("core/a.c", '#include "nl/msg.h"\n', ""),
    ("core/a.c", '#include "server/server.h"\n', 'core must not include "server/server.h"'),
    ("bus/a.c", '#include "netns/netns.h"\n', 'bus must not include "netns/netns.h"'),
    ("drivers/x/a.c", '#include <finelink/finelink.h>\n#include "x-private.h"\n', ""),
    ("drivers/x/a.c", "#include <urcu/list.h>\n", ""),
    ("drivers/x/a.c", "#include <urcu.h>\n", "must not include <urcu.h>"),
    ("drivers/x/a.c", '#include "core/driver.h"\n', 'a driver must not include "core/driver.h"'),
    ("drivers/x/a.c", '#include "base/lock.h"\n', 'a driver must not include "base/lock.h"'),
    ("drivers/x/a.c", "#include <lane/lane.h>\n", "a driver must not include <lane/lane.h>"),
    ("drivers/x/a.c", '#include "../y/y.h"\n', 'a driver must not include "../y/y.h"'),
    ("cli/a.c", '#include "attach/client.h"\n', ""),
    ("cli/a.c", '  #  include "core/plane.h"\n', 'cli must not include "core/plane.h"'),
    ("cli/a.c", '#include "lane/lane.h"\n', 'cli must not include "lane/lane.h"'),
    ("attach/a.c", '#include "drivers/mlx5/mlx5.h"\n', "attach must not include"),
    ("server/a.c", '#include "attach/wire.h"\n', ""),
    ("server/a.c", '#include "attach/client.h"\n', 'server must not include "attach/client.h"'),
    ("daemon/a.c", '#include "cli/cli.h"\n', 'daemon must not include "cli/cli.h"'),
    ("core/a.c", '#include "lane/op-private.h"\n', '"lane/op-private.h" is for lane only'),
    ("core/a.c", '#include "driver.h"\n', "by its path from the root"),
    ("core/a.c", '#include "../lane/lane.h"\n', "by its path from the root"),
    ("core/a.c", "#include <urcu.h>\n", "only through base/rcu.h"),
    ("newlayer/a.c", "int x;\n", "folder 'newlayer' is in no layer"),
]


def check(checker, root):
    done = subprocess.run([sys.executable, checker, root], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout


def planted(checker, path, text):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)))
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)
        return check(checker, root)


def main():
    checker, root = sys.argv[1:]
    failed = 0
    status, out = check(checker, root)
    print(out, end="")
    failed += status != 0
    for path, text, wanted in CASES:
        status, out = planted(checker, path, text)
        if (status != 0) != bool(wanted) or wanted not in out:
            print(f"planted in {path}: {text.strip()!r}: exit status {status}: {out}")
            failed += 1
    with tempfile.TemporaryDirectory() as empty:
        failed += check(checker, empty)[0] == 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
