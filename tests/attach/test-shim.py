#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The preload shim: the behaviour suite on the kernel and under the shim, and its edges.

usage: test-shim.py PRELOAD BEHAVE... (the suite, also built with _FORTIFY_SOURCE)
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PRELOAD, BEHAVE = os.path.abspath(sys.argv[1]), [os.path.abspath(p) for p in sys.argv[2:]]
NETLINK_GENERIC = 16
OPEN = 'import socket; s = socket.socket(16, 3, 16); '


def has_genetlink():
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC).close()
        return True
    except OSError:
        return False


class ShimTest(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.tmp.name, 'plane')
        self.plane = subprocess.Popen(
            [sys.executable, os.path.join(HERE, 'fakeplane.py'), self.path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(self.plane.stdout.readline(), b'ready\n')

    def tearDown(self):
        self.plane.communicate()
        self.tmp.cleanup()

    def run_under(self, args, path=None, **kwargs):
        env = dict(os.environ, LD_PRELOAD=PRELOAD, FINELINK_SOCKET=path or self.path)
        return subprocess.run(args, env=env, timeout=300, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **kwargs)

    def suite(self, result):
        """The names of the behaviours that hold."""
        print(result.stdout, flush=True)
        bad = [line for line in result.stdout.splitlines() if not line.startswith('ok ')]
        self.assertEqual(result.returncode, 0, '\n'.join(bad))
        return {line.split(' ', 2)[2] for line in result.stdout.splitlines()
                if line.startswith('ok ')}

    def test_behaviours(self):
        for behave in BEHAVE:
            shim = self.suite(self.run_under([behave, '--way', 'preload', '--plane']))
            self.assertGreater(len(shim), 50)

    @unittest.skipUnless(has_genetlink(), 'this kernel has no generic netlink')
    def test_kernel_agrees(self):
        kernel = self.suite(subprocess.run([BEHAVE[0]], timeout=300, text=True,
                                           stdout=subprocess.PIPE))
        shim = self.suite(self.run_under([BEHAVE[0], '--way', 'preload', '--plane']))
        # Of pointers that are wrong the shim knows nothing: it would follow them.
        self.assertLessEqual({name for name in kernel if not name.startswith('wild: ')} -
                             {'filter: its own wins', 'io: offsets'}, shim)

    def test_without_finelink_socket(self):
        env = dict(os.environ, LD_PRELOAD=PRELOAD)
        env.pop('FINELINK_SOCKET', None)
        for empty in ({}, {'FINELINK_SOCKET': ''}):
            out = subprocess.run([sys.executable, '-c', OPEN + 'print(s.family)'],
                                 env=dict(env, **empty), text=True, stdout=subprocess.PIPE)
            # The kernel's own, where it has generic netlink.
            self.assertEqual(out.returncode == 0, has_genetlink())

    def refused(self, path, name):
        out = self.run_under([sys.executable, '-c', OPEN], path=path)
        self.assertNotEqual(out.returncode, 0)
        self.assertIn(name, out.stdout)
        self.assertNotIn('finelink', out.stdout.replace(path, ''))

    def test_no_plane(self):
        self.refused(self.path + 'x', 'ConnectionRefusedError')
        dead = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        dead.bind(self.path + 'dead')
        dead.close()
        self.refused(self.path + 'dead', 'ConnectionRefusedError')
        self.refused('/' + 'x' * 200, 'File name too long')

    def test_relative_path(self):
        out = self.run_under([sys.executable, '-c', 'import os; os.chdir("/"); ' + OPEN
                              + 's.bind((0, 0)); print(s.getsockname())'],
                             path='plane', cwd=self.tmp.name)
        self.assertEqual(out.returncode, 0, out.stdout)
        self.assertRegex(out.stdout, r'^\(\d+, 0\)')

    def test_sockets_are_marked(self):
        """What identifies them after exec is there, and the connection is to the plane."""
        code = ('import ctypes; b = ctypes.create_string_buffer(110); '
                'n = ctypes.c_uint(110); '
                'ctypes.CDLL(None).syscall(51, s.fileno(), b, ctypes.byref(n)); '
                'print(b.raw[2:n.value])')
        if os.uname().machine != 'x86_64':
            self.skipTest('the number of a system call')
        out = self.run_under([sys.executable, '-c', OPEN + code])
        self.assertRegex(out.stdout, r"^b'\\x00finelink/r/[0-9a-f]{16}'")

    def test_exported_symbols(self):
        """Exactly the hooked functions can be seen by programs."""
        with open(os.path.join(HERE, '../../attach/preload/shim.h')) as header:
            hooked = set(re.findall(r'\tX\(\w+, (\w+),', header.read()))
        out = subprocess.run(['nm', '-D', '--defined-only', PRELOAD], check=True, text=True,
                             stdout=subprocess.PIPE)
        self.assertEqual({line.split()[2] for line in out.stdout.splitlines()}, hooked)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
