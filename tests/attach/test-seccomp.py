#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The second way to attach: the behaviour suite under a seccomp filter, static and dynamic,
with a small plane and with the real one; a program without a C library; those who die."""
import errno
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attached import (BEHAVE, BEHAVE_STATIC, NOLIBC, PORTS, behaviours, fakeplane,  # noqa: E402
                      lines_of_finelink, need_nolibc, need_seccomp)
import fl  # noqa: E402

SECCOMP = ("run", "--attach=seccomp")


def suite(program, *args, socket=None, way="seccomp"):
    where = ("-c", socket) if socket else ()
    try:
        done = fl.finelink("run", f"--attach={way}", *where, "--", program, "--way", way, *args,
                           timeout=400)
    except subprocess.TimeoutExpired as hung:
        # What comes after the last line is what hangs.
        print((hung.stdout or b"").decode(), flush=True)
        raise
    return behaviours(done)


def test_behaviours_with_small_plane():
    for program in BEHAVE_STATIC, BEHAVE:
        with fakeplane() as socket:
            fl.check(len(suite(program, "--plane", socket=socket)) > 80)


def test_behaviours_as_the_kernel():
    kernel = fl.run(BEHAVE_STATIC, timeout=240)
    if "Protocol not supported" in kernel.out + kernel.err or "errno 93" in kernel.out:
        print("this kernel has no generic netlink to compare with")
        return
    wanted = behaviours(kernel)
    for program in BEHAVE_STATIC, BEHAVE:
        missing = wanted - suite(program)
        fl.check(not missing, missing)


def test_behaviours_of_devlink():
    for program in BEHAVE_STATIC, BEHAVE:
        suite(program, "--devlink")


def test_behaviours_at_low_numbers():
    """Every socket call handed over: wherever a socket is, it is a netlink socket."""
    with fakeplane() as socket:
        fl.check(len(suite(BEHAVE_STATIC, "--plane", socket=socket, way="seccomp-all")) > 80)
    suite(BEHAVE, "--devlink", way="seccomp-all")


# Sockets of all kinds that are none of ours, by the calls that are handed over.
OTHER_SOCKETS = """
import array, os, signal, socket, threading
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer, name = server.accept()
assert name == client.getsockname() and client.getpeername() == server.getsockname()
client.sendall(b"over tcp")
print(peer.recv(100))
one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
one.bind(("127.0.0.1", 0))
other.sendto(b"over udp", one.getsockname())
data, name = one.recvfrom(100)
print(data, name[1] == other.getsockname()[1])
left, right = socket.socketpair()
socket.send_fds(left, [b"with a file"], [os.open("/dev/null", os.O_RDONLY)])
data, fds, flags, name = socket.recv_fds(right, 100, 1)
print(data, os.read(fds[0], 1), flags, name)
signal.signal(signal.SIGALRM, lambda *_: left.sendall(b"late"))
signal.alarm(1)
print(right.recv(100))
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
netlink.bind((0, 0))
print(netlink.getsockname()[0] == os.getpid(), netlink.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
try:
    socket.socket(fileno=os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(error.errno)
"""


def test_other_sockets_are_the_kernels():
    wanted = fl.run("/usr/bin/python3", "-c", OTHER_SOCKETS)
    fl.equal(wanted.returncode, 0, wanted.err)
    fl.equal(len(wanted.out.splitlines()), 6, wanted.out)
    for way in "seccomp", "seccomp-all":
        done = fl.finelink("run", f"--attach={way}", "--", "/usr/bin/python3", "-c", OTHER_SOCKETS)
        fl.equal((done.returncode, done.out, done.err), (0, wanted.out, ""), way)


def test_says_what_leaves_the_range():
    """Once a command; where every socket call is handed over there is nothing to say."""
    for way, lines in ("seccomp", 1), ("seccomp-all", 0):
        done = fl.finelink("run", f"--attach={way}", "--", BEHAVE_STATIC, "--way", way, "fd: dup",
                           "fd: dup")
        fl.equal(done.returncode, 0, done.out, done.err)
        said = lines_of_finelink(done.err)
        fl.equal(len(said), lines, done.err)
        fl.check(all("--attach=seccomp-all" in line for line in said), said)


def test_limit_says_what_to_do():
    """Once a command, however many sockets could not be made."""
    done = fl.finelink(*SECCOMP, "--", BEHAVE_STATIC, "--way", "seccomp",
                       "fd: limit below the reserved range")
    fl.equal(done.returncode, 0, done.out, done.err)
    said = lines_of_finelink(done.err)
    fl.equal(len(said), 1, done.err)
    fl.check("RLIMIT_NOFILE" in said[0] or "ulimit" in said[0] or "nofile" in said[0], said)


def test_small_limit():
    """The reserved range is below whatever limit there is at the start."""
    for limit in 64, 256, 1024:
        done = fl.run("prlimit", f"--nofile={limit}:{limit}", fl.FINELINK, *SECCOMP, "--", NOLIBC)
        fl.equal(done.returncode, 0, limit, done.err)
        fl.equal(sorted(done.out.split()), PORTS, limit)


def test_without_libc():
    for how in (), ("--attach=seccomp",), ("--attach=auto",):
        done = fl.finelink("run", *how, "--", NOLIBC)
        fl.equal(done.returncode, 0, done.err)
        fl.equal(sorted(done.out.split()), PORTS)
        fl.equal(done.err, "")


def test_static_program_in_a_dynamic_tree():
    """A dynamic command gets the shim, and the static programs that it starts the filter."""
    script = f'{NOLIBC} && {BEHAVE} --way preload "io: send and recv" && {NOLIBC} | cat'
    done = fl.finelink("run", "--", "sh", "-c", script)
    fl.equal(done.returncode, 0, done.err)
    fl.equal(done.out.split("\n")[:-1].count(PORTS[0]), 2, done.out)
    fl.check("ok preload io: send and recv" in done.out, done.out)
    # and a dynamic one that a static one starts
    done = fl.finelink("run", "--", BEHAVE_STATIC, "--way", "seccomp", "fd: exec")
    fl.equal(done.returncode, 0, done.out)


def test_says_what_it_chose():
    for how, program, words in [("auto", NOLIBC, ("seccomp", "static")),
                                ("auto", "/bin/true", ("preload", "dynamic")),
                                ("preload", "/bin/true", ("preload",)),
                                ("seccomp", "/bin/true", ("seccomp",)),
                                ("seccomp-all", "/bin/true", ("seccomp", "all"))]:
        done = fl.finelink("run", "-v", f"--attach={how}", "--", program)
        fl.equal(done.returncode, 0, done.err)
        said = [line for line in lines_of_finelink(done.err) if "attach" in line]
        fl.equal(len(said), 1, done.err)
        for word in words:
            fl.check(word in said[0], said)


def test_wrong_way():
    done = fl.finelink("run", "--attach=magic", "--", "true")
    fl.equal(done.returncode, 2)
    fl.equal(len(lines_of_finelink(done.err)), 1, done.err)


def start_orphan(*where):
    """A program with a socket that waits, and one that works; it goes on when it is told."""
    run = subprocess.Popen([fl.FINELINK, *SECCOMP, *where, "--", BEHAVE_STATIC, "--orphan"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=fl.ENV, text=True,
                           stderr=subprocess.PIPE)
    fl.equal(run.stdout.readline(), "ready\n")
    return run


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def named(pid, word):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="ascii") as file:
            return word in file.read()
    except OSError:
        return False


def gone(pid):
    return not os.path.exists(f"/proc/{pid}/exe") or not os.access(f"/proc/{pid}/exe", os.F_OK)


def test_supervisor_killed():
    """The command goes on with errors; nothing hangs."""
    run = start_orphan()
    run.kill()
    run.wait()
    run.stdin.write("go\n")
    run.stdin.flush()
    # It ends, so this does.
    out = dict(line.split() for line in run.stdout.read().splitlines())
    fl.equal(set(out), {"waiting", "send", "recv", "socket"})
    for what, number in out.items():
        fl.check(int(number) in (errno.ENOSYS, errno.ECONNRESET, errno.EPIPE), what, number)


def test_plane_killed():
    """The plane goes, the supervisor stays: what a program is told is ECONNRESET."""
    with fl.folder() as path:
        socket = os.path.join(path, "s")
        with fl.daemon(socket):
            run = start_orphan("-c", socket)
        out, err = run.communicate("go\n", timeout=120 * fl.SLOW)
        fl.equal(run.returncode, 0, err)
        told = dict(line.split() for line in out.splitlines())
        for what in "waiting", "send", "recv":
            fl.equal(int(told[what]), errno.ECONNRESET, what)
        fl.equal(int(told["socket"]), errno.ECONNREFUSED)


def test_command_killed():
    """Its status is told, and nothing is left behind."""
    run = start_orphan()
    below = children(run.pid)
    command = [pid for pid in below if named(pid, "--orphan")]
    fl.equal(len(command), 1, below)
    os.kill(command[0], signal.SIGKILL)
    run.communicate(timeout=120 * fl.SLOW)
    fl.equal(run.returncode, 128 + signal.SIGKILL)
    for pid in below:
        fl.wait_until(lambda p=pid: gone(p), what=f"the end of {pid}")


def test_grandchild_outlives_command():
    """What the command leaves behind gets errors once finelink has gone."""
    done = fl.finelink(*SECCOMP, "--", "sh", "-c",
                       f"(sleep 1; {NOLIBC} 2>&1; echo status $?) & exit 3")
    fl.equal(done.returncode, 3, done.err)
    fl.check("status 1" in done.out, done.out)  # its output ends when it does


def test_many_commands_at_once():
    runs = [subprocess.Popen([fl.FINELINK, *SECCOMP, "--", NOLIBC], env=fl.ENV, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    for run in runs:
        out, err = run.communicate(timeout=120 * fl.SLOW)
        fl.equal(run.returncode, 0, err)
        fl.equal(sorted(out.split()), PORTS)


if __name__ == "__main__":
    need_nolibc()
    need_seccomp()
    fl.main(sys.modules[__name__])
