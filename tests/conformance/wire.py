# SPDX-License-Identifier: LGPL-2.1-or-later
"""A plane of the test's own, and sessions with it that send and receive bytes."""
import array
import ctypes
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time

VERSION, NETLINK, BIND, SETOPT, KNOB = 1, 1, 2, 4, 7
F_TOKEN, F_NETNS = 1, 2
CAP_ACK, EXT_ACK, STRICT = 10, 11, 12  # NETLINK_*
CLONE_NEWNET = 0x40000000
NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP = 2, 4, 0x300
libc = ctypes.CDLL(None, use_errno=True)


class Plane:
    """A finelinkd without devices."""

    def __init__(self, finelinkd):
        self.dir = tempfile.TemporaryDirectory(prefix="finelink-conformance.")
        self.socket = os.path.join(self.dir.name, "sock")
        topology = os.path.join(self.dir.name, "topology.yaml")
        with open(topology, "w") as f:
            f.write("devices: []\n")
        self.log = open(os.path.join(self.dir.name, "log"), "w+")
        self.proc = subprocess.Popen([finelinkd, "-t", topology, "-s", self.socket],
                                     stderr=self.log)
        deadline = time.monotonic() + 30
        while not os.path.exists(self.socket):
            if self.proc.poll() is not None or time.monotonic() > deadline:
                self.log.seek(0)
                raise SystemExit("finelinkd did not start: " + self.log.read())
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait(60)
        self.log.close()
        self.dir.cleanup()
        if self.proc.returncode:
            raise SystemExit(f"finelinkd ended with status {self.proc.returncode}")


class Session:
    """What stands for one netlink socket, in the namespace of that name (None: the present)."""

    def __init__(self, plane, netns=None):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if netns:
            setns(f"/run/netns/{netns}")
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(home)
        self.sock.connect(plane.socket)
        self.sock.settimeout(30)

    def close(self):
        self.sock.close()

    def packet(self, kind, payload=b"", arg0=0, arg1=0, token=False, netns_fd=None):
        """Sends a packet; with a token waits for the reply: (error, value0, text)."""
        flags, fds = 0, []
        if token:
            read, write = os.pipe()
            flags |= F_TOKEN
            fds.append(write)
        if netns_fd is not None:
            flags |= F_NETNS
            fds.append(netns_fd)
        header = struct.pack("=HHIIII", VERSION, kind, flags, 262144, arg0, arg1)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([header, payload], rights)
        if not token:
            return None
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            reply = pipe.read()
        if len(reply) < 16:
            raise SystemExit("the plane closed a request without a reply")
        error, value0, _ = struct.unpack_from("=iIQ", reply)
        return error, value0, reply[16:].decode()

    def option(self, option, value=1):
        self.packet(SETOPT, arg0=option, arg1=value, token=True)

    def subscribe(self, group):
        error, _, _ = self.packet(BIND, arg1=1 << (group - 1), token=True)
        if error:
            raise SystemExit(f"cannot subscribe: error {error}")

    def ask(self, request, netns_fd=None):
        """Sends one netlink request; returns the messages of its answer."""
        seq = struct.unpack_from("=I", request, 8)[0]
        flags = struct.unpack_from("=H", request, 6)[0]
        self.packet(NETLINK, request, token=True, netns_fd=netns_fd)
        messages = []
        while True:
            for message in split(self.sock.recv(1 << 20)):
                kind = struct.unpack_from("=H", message, 4)[0]
                if struct.unpack_from("=I", message, 8)[0] != seq:
                    continue
                messages.append(message)
                multi = struct.unpack_from("=H", message, 6)[0] & NLM_F_MULTI
                # What is no dump may tell in many messages too; its ACK follows their end.
                ack = flags & NLM_F_ACK and flags & NLM_F_DUMP != NLM_F_DUMP
                if kind == 2 or (kind == 3 and not ack) or not (ack or multi):
                    return messages

    def events(self, settle=0.05):
        """All notifications until none has come for `settle` seconds."""
        messages = []
        self.sock.settimeout(settle)
        try:
            while True:
                messages += split(self.sock.recv(1 << 20))
        except socket.timeout:
            return messages

    def knob_write(self, path, value):
        return self.packet(KNOB, path.encode() + b"\0" + value.encode(), arg0=1, token=True)[0]

    def knob_read(self, path):
        error, _, text = self.packet(KNOB, path.encode() + b"\0", arg0=0, token=True)
        return error, text


def setns(path):
    fd = os.open(path, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), path)
    os.close(fd)


def split(datagram):
    """The netlink messages in a datagram."""
    messages = []
    while len(datagram) >= 16:
        length = struct.unpack_from("=I", datagram)[0]
        messages.append(datagram[:length])
        datagram = datagram[(length + 3) & ~3:]
    return messages
