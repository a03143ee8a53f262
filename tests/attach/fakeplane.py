#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small plane that speaks attach/wire.h: the peer of the shim's and client's tests.

It answers nlctrl like the kernel, as far as the tests ask. Its family "devlink" has no
devices; its commands make what the tests want to see on the wire:
  GET (1)           a reply with what the packet's header said (attributes FLAGS, RCVMAX,
                    FDS: counted descriptors, PACKETS: packets of the connection so far),
                    and COUNT: changes (PORT_NEW) carried out so far, of all connections
  PORT_NEW (7)      done after DELAY ms (attribute), then a notification on group 7
  PORT_DEL (8)      the plane closes the connection without an answer
  RELOAD (37)       a reply with the inode (INODE) of the namespace that came along, or 0
  SB_OCC_SNAPSHOT (27)  a reply, then the packet that stands for ENOBUFS, then a reply
"""
import array
import os
import resource
import socket
import struct
import sys
import threading
import time

NETLINK, BIND, NAME, SETOPT, GETOPT, INSPECT = range(1, 7)
F_TOKEN, F_NETNS = 1, 2
HDR = struct.Struct('=HHIIII')
NLH = struct.Struct('=IHHII')
CTRL, DEVLINK, NLMSG_ERROR, NLMSG_DONE, OVERRUN = 0x10, 0x16, 2, 3, 4
GROUP_CONFIG = 7
F_REQUEST, F_MULTI, F_ACK, F_DUMP = 1, 2, 4, 0x300
DELAY, FLAGS, RCVMAX, FDS, PACKETS, INODE, COUNT = range(190, 197)
FAMILIES = {'nlctrl': CTRL, 'devlink': DEVLINK}
FAMILIES.update({'fake%03d' % i: 0x100 + i for i in range(200)})
# SOL_NETLINK options that hold a flag: PKTINFO, BROADCAST_ERROR, NO_ENOBUFS,
# LISTEN_ALL_NSID, CAP_ACK, EXT_ACK, GET_STRICT_CHK
BOOLS = (3, 4, 5, 8, 10, 11, 12)
ADD, DROP, LIST = 1, 2, 9


def attr(kind, data):
    return struct.pack('=HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)


def attrs_of(data):
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack('=HH', data[:4])
        if size < 4 or size > len(data):
            break
        found[kind & 0x3fff] = data[4:size]
        data = data[(size + 3) & ~3:]
    return found


def message(kind, flags, seq, pid, body):
    return NLH.pack(16 + len(body), kind, flags, seq, pid) + body


class Ports:
    lock = threading.Lock()
    taken = {}
    sessions = set()
    changes = 0


class Session:
    def __init__(self, sock):
        self.sock = sock
        self.port = 0
        self.groups = set()
        self.options = dict.fromkeys(BOOLS, 0)
        self.packets = 0

    def bind(self, port, groups):
        with Ports.lock:
            if self.port:
                if port != self.port:
                    return -22
            else:
                if not port:
                    port = 4000
                    while port in Ports.taken:
                        port += 1
                if port in Ports.taken:
                    return -98
                Ports.taken[port] = self
                self.port = port
        self.groups = {g for g in self.groups if g > 32}
        self.groups |= {b + 1 for b in range(32) if groups >> b & 1}
        return 0

    def mask(self):
        return sum(1 << (g - 1) for g in self.groups)

    def ack(self, nlh, raw, error=0):
        flags, body = (0x100, raw[:16]) if not error else (0, raw)
        return message(NLMSG_ERROR, flags, nlh[3], self.port, struct.pack('=i', error) + body)

    def ctrl(self, nlh, attrs):
        """Datagrams that answer nlctrl's GETFAMILY."""
        def family(name, flags):
            return message(CTRL, flags, nlh[3], self.port, struct.pack('=BBH', 1, 2, 0)
                           + attr(2, name.encode() + b'\0')
                           + attr(1, struct.pack('=H', FAMILIES[name]))
                           + (attr(7, attr(1, attr(1, b'config\0')
                                           + attr(2, struct.pack('=I', GROUP_CONFIG))))
                              if name == 'devlink' else b''))
        if nlh[2] & F_DUMP == F_DUMP:
            out = [family(name, F_MULTI) for name in FAMILIES]
            grams = [b''.join(out[i:i + 20]) for i in range(0, len(out), 20)]
            return grams + [message(NLMSG_DONE, F_MULTI, nlh[3], self.port, bytes(4))]
        name = attrs.get(2, b'').rstrip(b'\0').decode()
        if name not in FAMILIES:
            return -2
        return [family(name, 0)]

    def reply(self, nlh, cmd, body):
        return message(DEVLINK, 0, nlh[3], self.port, struct.pack('=BBH', cmd, 1, 0) + body)

    def devlink(self, nlh, cmd, attrs, hdr, fds):
        def u32(kind, value):
            return attr(kind, struct.pack('=I', value))
        if cmd == 1:
            return [self.reply(nlh, 3, u32(FLAGS, hdr[2]) + u32(RCVMAX, hdr[3])
                               + u32(FDS, len(fds)) + u32(PACKETS, self.packets)
                               + u32(COUNT, Ports.changes))]
        if cmd == 7:
            with Ports.lock:
                Ports.changes += 1
            time.sleep(struct.unpack('=I', attrs.get(DELAY, bytes(4)))[0] / 1000)
            note = message(DEVLINK, 0, 0, 0, struct.pack('=BBH', 7, 1, 0))
            for session in list(Ports.sessions):
                if GROUP_CONFIG in session.groups:
                    session.sock.send(note)
            return [self.reply(nlh, 7, b'')]
        if cmd == 27:
            return [self.reply(nlh, 27, b''), message(OVERRUN, 0, 0, 0, b''),
                    self.reply(nlh, 27, b'')]
        if cmd == 37:
            inode = os.fstat(fds[-1]).st_ino if hdr[2] & F_NETNS else 0
            return [self.reply(nlh, 37, u32(INODE, inode & 0xffffffff))]
        return -95

    def netlink(self, data, hdr, fds):
        while len(data) >= 16:
            nlh = NLH.unpack(data[:16])
            if nlh[0] < 16 or nlh[0] > len(data):
                return
            raw, data = data[:nlh[0]], data[(nlh[0] + 3) & ~3:]
            if not nlh[2] & F_REQUEST or nlh[1] < 0x10:
                if nlh[2] & F_ACK:
                    self.sock.send(self.ack(nlh, raw))
                continue
            cmd = raw[16] if len(raw) >= 20 else 0
            if nlh[1] == DEVLINK and cmd == 8:
                raise ConnectionError
            if nlh[1] == CTRL:
                answer = self.ctrl(nlh, attrs_of(raw[20:]))
            else:
                answer = self.devlink(nlh, cmd, attrs_of(raw[20:]), hdr, fds)
            for gram in answer if isinstance(answer, list) else []:
                self.sock.send(gram)
            if isinstance(answer, int):
                self.sock.send(self.ack(nlh, raw, answer))
            elif nlh[2] & F_ACK and nlh[2] & F_DUMP != F_DUMP:
                self.sock.send(self.ack(nlh, raw))

    def setopt(self, option, value):
        if option in (ADD, DROP):
            if not 1 <= value <= 64:
                return -22
            (self.groups.add if option == ADD else self.groups.discard)(value)
            return 0
        if option not in self.options:
            return -92
        self.options[option] = int(value != 0)
        return 0

    def packet(self, data, fds):
        hdr = HDR.unpack(data[:HDR.size].ljust(HDR.size, b'\0'))
        payload, kind = data[HDR.size:], hdr[1]
        if struct.unpack('=I', data[:4])[0] <= 65536:  # a bare connection: no header of ours
            hdr, payload, kind = (1, NETLINK, 0, 0, 0, 0), data, NETLINK
        assert hdr[0] == 1, 'version'
        self.packets += 1
        error = value0 = value1 = 0
        if kind == NETLINK:
            if not self.port:
                self.bind(0, self.mask() & 0xffffffff)
            self.netlink(payload, hdr, fds)
        elif kind == BIND:
            error = self.bind(hdr[4], hdr[5])
            value0 = self.port
        elif kind == NAME:
            value0, value1 = self.port, self.mask()
        elif kind == SETOPT:
            error = self.setopt(hdr[4], hdr[5])
        elif kind == GETOPT:
            value0, value1 = self.options.get(hdr[4], 0), self.mask()
            error = 0 if hdr[4] in self.options or hdr[4] == LIST else -92
        elif kind == INSPECT:
            if payload == b'instances':
                os.write(fds[1], b'{"instances":[]}')
            else:
                error = -2
        if hdr[2] & F_TOKEN:
            try:
                os.write(fds[0], struct.pack('=iIQ', error, value0 & 0xffffffff, value1))
            except BrokenPipeError:
                pass

    def serve(self):
        Ports.sessions.add(self)
        try:
            while True:
                fds = array.array('i')
                data, control, _, _ = self.sock.recvmsg(1 << 18, socket.CMSG_SPACE(16))
                if not data:
                    break
                for level, kind, body in control:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        fds.frombytes(body[:len(body) // 4 * 4])
                try:
                    self.packet(data, fds)
                finally:
                    for fd in fds:
                        os.close(fd)
        except (ConnectionError, BrokenPipeError):
            pass
        finally:
            with Ports.lock:
                Ports.taken.pop(self.port, None)
                Ports.sessions.discard(self)
            self.sock.close()


def start(path):
    """Serves a plane at path on threads of this process; returns the listening socket."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(512)

    def accept():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=Session(sock).serve, daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener


if __name__ == '__main__':
    # A thread and a descriptor for each of thousands of sockets.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(128 * 1024)
    start(sys.argv[1])
    # One write: print() makes two where PYTHONUNBUFFERED is set.
    os.write(1, b'ready\n')
    sys.stdin.read()
