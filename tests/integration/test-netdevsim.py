#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""netdevsim with real namespaces and the stock devlink: made inside one, left behind there."""

import os
import sys

from fl import check, equal, finelink, folder, main, need, need_root, write

NETNS = f"fl-nsim-{os.getpid()}"
FINELINK = os.environ["FINELINK"]

SCRIPT = f"""set -e
knob() {{ "{FINELINK}" device "$@"; }}
ip netns add {NETNS}
trap 'ip netns del {NETNS} 2>/dev/null || true' EXIT
inside() {{ ip netns exec {NETNS} "$@"; }}
inside "{FINELINK}" device write sys/bus/netdevsim/new_device "10 2"
echo "outside: $(devlink dev show | grep -c netdevsim10 || true)"
echo "inside: $(inside devlink port show | grep -c 'netdev eth')"
knob write sys/kernel/debug/netdevsim/netdevsim10/max_macs 7
ip netns del {NETNS}
for i in $(seq 200); do
    devlink dev show | grep -q netdevsim10 && break
    sleep 0.05
done
echo "home: $(devlink -s dev show netdevsim/netdevsim10 | grep -m1 -o 'unspecified 1')"
echo "ports: $(devlink port show | grep -c netdevsim10/)"
knob write sys/bus/netdevsim/drivers/netdevsim/unbind netdevsim10
knob write sys/bus/netdevsim/drivers/netdevsim/bind netdevsim10
echo "again: $(devlink dev show | grep -c netdevsim10)"
knob write sys/bus/netdevsim/new_device "10 1" 2>&1 || echo "status $?"
knob write sys/bus/netdevsim/del_device 10
echo "gone: $(devlink dev show | grep -c netdevsim10 || true)"
"""


def run(script, topology="devices: []\n"):
    with folder() as at:
        path = os.path.join(at, "t.yaml")
        write(path, topology)
        done = finelink("run", "-t", path, "--", "bash", "-c", script)
    equal(done.returncode, 0, done.out, done.err)
    return done.out.splitlines()


def test_made_in_a_namespace():
    lines = run(SCRIPT)
    equal(lines[:5], ["outside: 0", "inside: 2", "home: unspecified 1", "ports: 2", "again: 1"])
    check("there is a device 10" in lines[5], lines[5])
    equal(lines[6:], ["status 1", "gone: 0"])


def test_from_a_topology():
    lines = run("devlink port show; devlink dev eswitch show netdevsim/netdevsim3",
                "devices:\n  - {driver: netdevsim, id: 3, count: 2, vfs: 2, switchdev: true}\n")
    equal(sum("flavour pcivf" in line for line in lines), 4, lines)
    check("mode switchdev" in lines[-1], lines)


if __name__ == "__main__":
    need_root()
    need("devlink")
    need("ip")
    main(sys.modules[__name__])
