#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A thousand probes that really sleep, in a driver of a plug-in, make nobody else wait."""

import os
import sys

from fl import (FINELINKD, SLOW, check, daemon, equal, folder, launch, main, run, show, wait_until,
                write)

COUNT = 1000 if SLOW == 1 else 200
SLEEP_MS = int(4000 * SLOW)

TOPOLOGY = f"""devices:
  - driver: mlx5
    address: 0000:03:00.0
    switchdev: true
  - plugin: {os.environ['SLEEPY_PLUGIN']}
    driver: sleepy
    bus: platform
    address: nap
    count: {COUNT}
    options: "{SLEEP_MS}"
"""


def one_pod(socket):
    """The time of the quickest of a few launches of one pod."""
    result = launch("--pods", "1", "--netns", "none", "-c", socket)
    equal(result["checked"], 1)
    return min(result["one_pod_ms"], result["makespan_ms"])


def test_driver_that_it_does_not_bring():
    for key, word in ("driver: sleepy", "slepy"), ("bus: platform", "pci"):
        with folder() as path:
            name = key.split(": ")[0]
            text = TOPOLOGY.replace(key, f"{name}: {word}")
            topology = write(f"{path}/t.yaml", text)
            done = run(FINELINKD, "-s", f"{path}/s", "-t", topology)
            equal(done.returncode, 1, done.err)
            check(f"{topology}:5: devices[1]: " in done.err and f"'{word}'" in done.err, done.err)


def test_others_do_not_wait():
    with folder() as path:
        topology = write(f"{path}/t.yaml", TOPOLOGY)
        with daemon(f"{path}/s", topology, args=["--settle-ms", "0"]):
            def asleep():
                return show("stats", f"{path}/s")["blocked_threads"]
            wait_until(lambda: asleep() == COUNT, what="all probes to sleep at once")
            busy = one_pod(f"{path}/s")
            equal(asleep(), COUNT, "they slept all the while")
            wait_until(lambda: asleep() == 0, 60, "the probes to end")
            idle = one_pod(f"{path}/s")
    print(f"one pod: {busy:.0f} ms while {COUNT} probes sleep, {idle:.0f} ms idle")
    check(busy < idle * 1.5 + 50 * SLOW, busy, idle)


if __name__ == "__main__":
    main(sys.modules[__name__])
