#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installed library: its symbols, its headers, and the examples built against it alone."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import fl
from fl import check, equal, finelink, folder, main, need, run

SOURCE = os.environ["FINELINK_SOURCE"]
BUILD = os.environ["FINELINK_BUILD"]
SANITIZED = bool(os.environ["FINELINK_SANITIZED"])
CC = os.environ.get("CC", "cc").split()
STRICT = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
SYMBOLS = f"{SOURCE}/scripts/check-symbols.py"
HEADERS = f"{SOURCE}/scripts/install-headers.py"
MAP = f"{SOURCE}/include/libfinelink.map"


class Installed:
    """What is installed, below a folder of its own; and a copy of the examples beside it."""

    def __init__(self, path):
        self.root, self.examples = f"{path}/root", f"{path}/examples"
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
                        "--destdir", self.root], check=True, stdout=subprocess.DEVNULL)
        pc, = glob.glob(f"{self.root}/**/finelink.pc", recursive=True)
        self.env = dict(fl.ENV, PKG_CONFIG_SYSROOT_DIR=self.root,
                        PKG_CONFIG_LIBDIR=os.path.dirname(pc))
        self.headers, = glob.glob(f"{self.root}/**/include/finelink", recursive=True)
        self.library, = glob.glob(f"{self.root}/**/libfinelink.so", recursive=True)
        shutil.copytree(f"{SOURCE}/examples", self.examples)

    def flags(self, what):
        return self.pkg_config(what, "finelink", self.env)

    @staticmethod
    def pkg_config(what, package, env=None):
        done = run("pkg-config", what, package, env=env)
        equal(done.returncode, 0, done.err)
        return done.out.split()


def cc(*args):
    """Compiles and must succeed."""
    done = run(*CC, *args)
    equal(done.returncode, 0, done.err)


# ---- the face of the library -----------------------------------------------------------


def symbols(*args):
    return run(sys.executable, SYMBOLS, *args)


def planted(path, old, new):
    """A copy of a file with one thing changed."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    check(old in text, f"{path} has no {old!r}")
    copy = tempfile.NamedTemporaryFile("w", encoding="utf-8")
    copy.write(text.replace(old, new, 1))
    copy.flush()
    return copy


def test_symbols_are_those_of_the_headers():
    done = symbols(IT.headers, MAP, IT.library)
    equal(done.returncode, 0, done.out, done.err)
    for old, new, word in (
            ("\tfl_cell_new;\n", "", "fl_cell_new is declared, but not in the map"),
            ("\tfl_cell_new;\n", "\tfl_cell_new;\n\tfl_hash;\n",
             "fl_hash is in the map, but in no"),
            ("\tfl_daemon_main;\n", "\tfl_daemon_main;\n\tfl_die;\n", "and nothing else"),
    ):
        with planted(MAP, old, new) as bad:
            done = symbols(IT.headers, bad.name, IT.library)
            check(done.returncode == 1 and word in done.out, old, new, done.out)
    with tempfile.TemporaryDirectory() as headers:
        shutil.copytree(IT.headers, headers, dirs_exist_ok=True)
        with open(f"{headers}/extra.h", "w", encoding="utf-8") as file:
            file.write("struct fl_x { int a; };\nint fl_not_there(struct fl_x *x);\n")
        done = symbols(headers, MAP, IT.library)
        check("fl_not_there is declared, but not in the map" in done.out, done.out)


def test_soname_and_version():
    text = run("readelf", "-d", IT.library).out
    check("[libfinelink.so.0]" in text, text)
    version = run(fl.FINELINKD, "--version").out.split()[1]
    equal(IT.flags("--modversion"), [version])


def test_headers_are_made_with_care():
    """What would bind drivers to our inside is refused."""
    def made(old, new):
        with tempfile.TemporaryDirectory() as tree:
            listed = run(sys.executable, HEADERS, "--list").out.split()
            for path in listed:
                os.makedirs(os.path.dirname(f"{tree}/{path}"), exist_ok=True)
                shutil.copy(f"{SOURCE}/{path}", f"{tree}/{path}")
            with planted(f"{tree}/lane/lane.h", old, new) as bad:
                shutil.copy(bad.name, f"{tree}/lane/lane.h")
            os.mkdir(f"{tree}/out")
            return run(sys.executable, HEADERS, tree, f"{tree}/out")

    equal(made("struct fl_sched;\n", "struct fl_sched;\n").returncode, 0)
    for old, new, word in (
            ("struct fl_sched;\n", "struct fl_sched;\nstatic inline int f(void)\n{\n}\n", "code"),
            ("struct fl_sched;\n", '#include "base/lock.h"\n', "base/lock.h"),
            ("/* -- installed -- */\n", "", "without the other"),
    ):
        done = made(old, new)
        check(done.returncode == 1 and word in done.err, new, done.err)


def test_headers_stand_alone():
    for path in sorted(glob.glob(f"{IT.headers}/*.h")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check("private" not in text and '#include "' not in text, path)
        cc("-std=c11", "-pedantic", *STRICT, "-fsyntax-only", "-x", "c", path,
           *IT.flags("--cflags"))


def test_every_symbol_links():
    """Each can be used by a program that has only the headers and the library."""
    if SANITIZED: # the library then wants a runtime that such a program does not have
        return
    with folder() as path:
        fl.write(f"{path}/use.c", symbols("--use", IT.headers).out)
        cc("-o", f"{path}/use", f"{path}/use.c", *IT.flags("--cflags"), *IT.flags("--libs"))
        env = dict(fl.ENV, LD_LIBRARY_PATH=os.path.dirname(IT.library))
        equal(run(f"{path}/use", env=env).returncode, 0)


# ---- drivers ---------------------------------------------------------------------------


def driver_compiles(path, text, *flags):
    """Whether a driver's file compiles with the installed headers and its own; else the error."""
    fl.write(f"{path}/planted.c", text)
    return run(*CC, *STRICT, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", *flags,
               f"{path}/planted.c", *IT.flags("--cflags"))


def test_drivers_see_only_what_is_installed():
    """Ours compile as one from outside does, and no longer once they reach further."""
    for driver in ("mlx5", "mlxsw", "netdevsim"):
        for path in sorted(glob.glob(f"{SOURCE}/drivers/{driver}/*.c")):
            cc(*STRICT, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", path,
               *IT.flags("--cflags"))
    with open(f"{SOURCE}/drivers/mlxsw/device.c", encoding="utf-8") as file:
        text = file.read()
    for planted_text, word in (
            ("", ""),
            ('#include "base/lock.h"\n', "base/lock.h"),
            ('#include "lane/lane-private.h"\n', "lane/lane-private.h"),
            ("#include <finelink/lane-private.h>\n", "lane-private.h"),
            ("uint64_t f(void);\nuint64_t f(void)\n{\n\treturn fl_hash(0, 0, 0);\n}\n", "fl_hash"),
            ("struct f {\n\tstruct fl_op op;\n};\n", "incomplete type"),
    ):
        with folder() as path:
            done = driver_compiles(path, text + planted_text, f"-I{SOURCE}/drivers/mlxsw")
        equal(done.returncode != 0, bool(word), planted_text, done.err)
        check(word in done.err, planted_text, done.err)


# ---- the example driver ----------------------------------------------------------------


def plane(script, timeout=60):
    """Runs a script with the example driver's two devices; its output."""
    done = finelink("run", "-t", f"{IT.examples}/driver/lamp.yaml", "--", "bash", "-c", script,
                    timeout=timeout)
    equal(done.returncode, 0, done.out, done.err)
    return done.out


def answer(command):
    return json.loads(plane(f"devlink -j {command}"))


def refused(command):
    out = plane(f"if devlink {command} 2>&1; then echo went through; fi")
    check("went through" not in out, out)
    return out


def test_driver_shows_what_it_says():
    equal(answer("dev info toys/lamp.1")["info"]["toys/lamp.1"],
          {"driver": "lamp", "serial_number": "LAMP-0001",
           "versions": {"running": {"fw": "1.0"}}})
    ports = answer("port show")["port"]
    equal(sorted(ports), [f"toys/lamp.{d}/{p}" for d in (0, 1) for p in (0, 1)])
    equal((ports["toys/lamp.0/1"]["type"], ports["toys/lamp.0/1"]["port"]), ("eth", 2))


def test_driver_takes_parameters():
    out = plane("""set -e
        devlink dev param set toys/lamp.0 name blink_hz value 7 cmode runtime
        devlink dev param show toys/lamp.0 name blink_hz
        devlink dev param show toys/lamp.1 name blink_hz""")
    equal(re.findall(r"cmode runtime value (\d+)", out), ["7", "2"])
    check("too quick for a bulb" in
          refused("dev param set toys/lamp.0 name blink_hz value 51 cmode runtime"))


def test_driver_reloads():
    """The number of ports is that of the last reload, of this device alone."""
    out = plane("""set -e
        devlink dev param set toys/lamp.0 name ports value 4 cmode driverinit
        devlink -j port show; devlink dev reload toys/lamp.0; devlink -j port show
        devlink dev param set toys/lamp.0 name ports value 1 cmode driverinit
        devlink dev reload toys/lamp.0 > /dev/null; devlink -j port show""").splitlines()
    shown = [json.loads(line)["port"] for line in out if line.startswith("{")]
    equal([len(ports) for ports in shown], [4, 6, 3])
    equal(shown[1]["toys/lamp.0/3"]["type"], "eth")
    check("1..8" in refused("dev param set toys/lamp.0 name ports value 9 cmode driverinit"))


def test_one_copy_of_the_library():
    """The plug-in is linked with it, and finds the one that finelinkd runs on."""
    check("libfinelink.so.0" in run("readelf", "-d", f"{IT.examples}/driver/lamp.so").out)
    maps = plane("cat /proc/$(pgrep -P $PPID -x finelinkd)/maps")
    paths = set(re.findall(r"\S+/libfinelink\.so\S*", maps))
    equal(paths, {os.path.realpath(IT.library)})
    check("/driver/lamp.so" in maps)


def test_examples_are_installed():
    def files(top):
        return {os.path.relpath(path, top) for path in glob.glob(f"{top}/**", recursive=True)
                if os.path.isfile(path)}

    installed, = glob.glob(f"{IT.root}/**/doc/finelink/examples", recursive=True)
    tree = {name for name in files(f"{SOURCE}/examples")
            if not name.endswith(("meson.build", ".so"))}
    equal(files(installed), tree)


def test_make_install_goes_where_it_is_told():
    """Also if the tree was configured before; a dry run, as it would configure it anew."""
    def make(*args):
        done = run("env", "-u", "MAKEFLAGS", "-u", "PREFIX", "make", "-n", "-C", SOURCE,
                   f"BUILD={BUILD}", "install", *args)
        equal(done.returncode, 0, done.err)
        return done.out

    out = make("PREFIX=/opt/x")
    check(0 < out.find("-Dprefix=/opt/x") < out.find("ninja -C ") < out.find("meson install"), out)
    check("-Dprefix" not in make(), "an installation that was not told")


def test_page_shows_the_driver():
    """What docs/write-a-driver.md shows of C stands in the driver."""
    with open(f"{IT.examples}/driver/lamp.c", encoding="utf-8") as file:
        lines = {line.strip() for line in file}
    with open(f"{SOURCE}/docs/write-a-driver.md", encoding="utf-8") as file:
        shown = re.findall(r"^```c\n(.*?)^```", file.read(), re.S | re.M)
    check(shown, "no C on the page")
    for line in "".join(shown).splitlines():
        check(line.strip() in lines, f"not in lamp.c: {line}")


# ---- the example client ----------------------------------------------------------------


def test_client_lists_and_watches():
    with folder() as path:
        cc(*STRICT, "-o", f"{path}/watch", f"{IT.examples}/client/watch.c",
           *IT.pkg_config("--cflags", "libmnl"), *IT.pkg_config("--libs", "libmnl"))
        out = plane(f"""{path}/watch 6 >{path}/out & set -e
            for i in $(seq 200); do grep -q watching {path}/out && break; sleep 0.05; done
            devlink dev reload toys/lamp.1
            wait $!; cat {path}/out""").splitlines()
    at = out.index("watching")
    # Devices are probed at the same time: either may be the first.
    equal(sorted(out[:2]), ["toys/lamp.0 (command 3)", "toys/lamp.1 (command 3)"])
    equal(sorted(out[2:at]), [f"toys/lamp.{d}/{p} (command 7)" for d in (0, 1) for p in (0, 1)])
    # Ports go the last first; each is announced when it is there and when its type is.
    equal(out[at + 1:], [f"- toys/lamp.1/{p} (command 8)" for p in (1, 0)] +
          [f"+ toys/lamp.1/{p} (command 7)" for p in (0, 0, 1, 1)])


if __name__ == "__main__":
    for program in ("meson", "pkg-config", "readelf", "nm", "make", "devlink", "pgrep"):
        need(program)
    fl.ENV.pop("LD_LIBRARY_PATH", None) # meson's, of the build tree
    with folder() as place:
        IT = Installed(place)
        fl.FINELINK, = glob.glob(f"{IT.root}/**/bin/finelink", recursive=True)
        fl.FINELINKD = os.path.dirname(fl.FINELINK) + "/finelinkd"
        build = run("make", "-C", f"{IT.examples}/driver", "CC=" + " ".join(CC),
                    "CFLAGS=" + " ".join(STRICT), env=IT.env)
        equal(build.returncode, 0, build.err)
        main(sys.modules[__name__])
