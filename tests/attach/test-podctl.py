#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/go/podctl, a static Go program, under `finelink run`: what it prints, and what the
plane says of it."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attached import need_seccomp  # noqa: E402
import fl  # noqa: E402

PODCTL = os.environ["PODCTL"]
PF0, PF1 = "pci/0000:03:00.0", "pci/0000:03:00.1"


def podctl(socket, *args, status=0):
    where = ("-c", socket) if socket else ()
    done = fl.finelink("run", *where, "--", PODCTL, *args)
    fl.equal(done.returncode, status, args, done.out, done.err)
    return done


def podctl_json(socket, *args):
    return json.loads(podctl(socket, "-json", *args).out)


def plane():
    """A plane that outlives a command; in a folder of its own."""
    class Plane:
        def __enter__(self):
            self.folder = fl.folder()
            self.socket = os.path.join(self.folder.__enter__(), "s")
            self.daemon = fl.daemon(self.socket)
            self.daemon.__enter__()
            return self.socket

        def __exit__(self, *why):
            self.daemon.__exit__(*why)
            self.folder.__exit__(*why)
    return Plane()


def instances_of(socket):
    """What the plane itself says: the handles of its PFs' and SFs' instances."""
    return {i["handle"]: i for i in fl.show("instances", socket)["instances"]
            if i["handle"].startswith(("pci/", "auxiliary/"))}


def test_list():
    out = [line for line in podctl(None, "list").out.splitlines() if "pci/" in line]
    fl.equal(sorted(line.split()[0] for line in out),
             [PF0, PF0 + "/65535", PF1, PF1 + "/131071"])
    fl.equal(out[0].split(), [PF0, "eswitch", "legacy"])
    listed = {entry["handle"]: entry for entry in podctl_json(None, "list")}
    fl.check({PF0, PF1} <= set(listed), listed)
    fl.equal(listed[PF0]["ports"][0]["flavour"], "physical")


def test_info():
    info = podctl_json(None, "-dev", PF1, "info")
    fl.equal(info["driver"], "mlx5_core")
    fl.check("fw.version" in info and "fw.psid" in info, info)


def test_params():
    with plane() as socket:
        before = {p["name"]: p["values"] for p in podctl_json(socket, "params")}
        fl.equal(before["enable_roce"], {"driverinit": "true"})
        podctl(socket, "params", "enable_roce", "false", "driverinit")
        podctl(socket, "params", "event_eq_size", "128")
        after = {p["name"]: p["values"] for p in podctl_json(socket, "params")}
        fl.equal(after["enable_roce"], {"driverinit": "false"})
        fl.equal(after["event_eq_size"], {"driverinit": "128"})
        del before["enable_roce"], after["enable_roce"]
        del before["event_eq_size"], after["event_eq_size"]
        fl.equal(after, before)
        # The text of an error is the driver's.
        err = podctl(socket, "params", "event_eq_size", "3", status=1).err
        fl.check("must be within 64..4096" in err and "out of range" in err, err)


def test_resources():
    with fl.folder() as path:
        topology = fl.write(os.path.join(path, "t.yaml"),
                            "devices:\n  - driver: netdevsim\n    id: 1\n    ports: 1\n")
        socket = os.path.join(path, "s")
        with fl.daemon(socket, topology):
            tree = podctl_json(socket, "-dev", "netdevsim/netdevsim1", "resources")
            named = {r["name"]: sorted(b["name"] for b in r.get("resources", [])) for r in tree}
            fl.equal(named, {"IPv4": ["fib", "fib-rules"], "IPv6": ["fib", "fib-rules"],
                             "nexthops": []})
            fl.check(all(r["size"] > 0 for r in tree), tree)


def test_life_of_a_function():
    with plane() as socket:
        fl.equal(podctl(socket, "eswitch").out.split(), [PF0, "legacy"])
        podctl(socket, "eswitch", "switchdev")
        fl.equal(podctl_json(socket, "eswitch"), {"device": PF0, "mode": "switchdev"})
        port = podctl_json(socket, "add", "88")["port"]
        fl.equal(port, PF0 + "/32768")
        # The same number again is refused.
        fl.check("file exists" in podctl(socket, "add", "88", status=1).err)
        podctl(socket, "set", port, "hw_addr", "00:00:00:00:88:88", "state", "active")
        podctl(socket, "wait", port, "attached")
        listed = [p for p in podctl_json(socket, "-dev", PF0, "list")[0]["ports"]
                  if p["handle"] == port]
        fl.equal(listed, [{"handle": port, "flavour": "pcisf", "hw_addr": "00:00:00:00:88:88",
                           "state": "active", "opstate": "attached"}])
        fl.equal(len(instances_of(socket)), 3)
        podctl(socket, "set", "32768", "state", "inactive")
        podctl(socket, "wait", port, "detached")
        podctl(socket, "delete", port)
        fl.equal(sorted(instances_of(socket)), [PF0, PF1])
        fl.check("no such device" in podctl(socket, "delete", port, status=1).err)


def test_events():
    with plane() as socket:
        listener = subprocess.Popen(
            [fl.FINELINK, "run", "-c", socket, "--", PODCTL, "-json", "-dev", PF0, "events", "2"],
            env=fl.ENV, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        fl.equal(listener.stderr.readline(), "podctl: listening\n")
        podctl(socket, "params", "enable_roce", "false")
        podctl(socket, "params", "enable_roce", "true")
        out, err = listener.communicate(timeout=120 * fl.SLOW)
        fl.equal(listener.returncode, 0, err)
        for line in out.splitlines():
            fl.equal(json.loads(line),
                     {"what": "param new", "handle": PF0, "detail": "enable_roce"})


def launch(socket, *args):
    result = podctl_json(socket, "launch", *args)
    fl.equal(result["pods"], int(args[0]))
    fl.equal(sorted(instances_of(socket)), [PF0, PF1])
    fl.equal(len(podctl_json(socket, "-dev", PF0, "list")[0]["ports"]), 1)
    return result


def test_launch():
    """All at once: ten take less than five times what one takes."""
    with plane() as socket:
        one, ten = launch(socket, "1"), launch(socket, "10")
        fl.check(ten["up_seconds"] < 5 * one["up_seconds"], one, ten)


def test_launch_into_namespaces():
    if os.geteuid() == 0 and fl.run("unshare", "-n", "true").returncode == 0:
        with plane() as socket:
            launch(socket, "10", "netns")


def test_wrong_command_lines():
    for args in ((), ("magic",), ("add",), ("set", "1", "state", "sideways"), ("delete", "x"),
                 ("events", "0"), ("launch", "none")):
        done = podctl(None, *args, status=2)
        fl.equal(len(done.err.splitlines()), 1, args, done.err)


def test_no_devlink():
    """Without finelink it talks to the kernel."""
    done = fl.run(PODCTL, "list")
    if not os.path.exists("/sys/class/devlink") and done.returncode:
        fl.equal(done.returncode, 1)
        fl.check("no devlink here" in done.err, done.err)


if __name__ == "__main__":
    need_seccomp()
    fl.main(sys.modules[__name__])
