#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that nobody changed, on a private plane, by both ways to attach: the devlink command
of iproute2, pyroute2's generic netlink, and nlbench.

usage: test_clients.py FINELINK NLBENCH
"""
import json
import os
import shutil
import subprocess
import sys
import unittest
import uuid

FINELINK, NLBENCH = (os.path.abspath(path) for path in sys.argv[1:3])
PF0, PF1 = 'pci/0000:03:00.0', 'pci/0000:03:00.1'
CHIP = 'devlink_index/1'  # what the two share
NIC = [CHIP, PF0, PF1]
SF_PORT = PF0 + '/32768'
MAKE_SF = f'''
set -e
devlink dev eswitch set {PF0} mode switchdev
devlink port add {PF0} flavour pcisf pfnum 0 sfnum 88 >/dev/null
devlink port function set {SF_PORT} hw_addr 00:00:00:00:88:88 state active
for i in $(seq 100); do
    devlink port show {SF_PORT} | grep -q 'opstate attached' && break
    sleep 0.1
done
SF=$(devlink dev show | grep -o 'auxiliary/mlx5_core.sf[^:]*')
'''


def may_make_namespaces():
    return subprocess.run(['unshare', '-n', 'true'], stderr=subprocess.DEVNULL).returncode == 0


def cannot_attach(way):
    """Why this machine does not let us; finelink says it in one line."""
    run = subprocess.run([FINELINK, 'run', f'--attach={way}', '--', 'true'], timeout=240, text=True,
                         stderr=subprocess.PIPE)
    return run.stderr.strip() if run.returncode else None


class Clients(unittest.TestCase):
    maxDiff = None
    way = 'preload'

    @classmethod
    def setUpClass(cls):
        why = cannot_attach(cls.way)
        if why:
            raise unittest.SkipTest(why)

    def finelink(self, *command, **kwargs):
        return subprocess.run([FINELINK, 'run', f'--attach={self.way}', '--', *command],
                              timeout=300, text=True, stdout=subprocess.PIPE, **kwargs)

    def plane(self, script, status=0):
        """Standard output of a shell script in `finelink run`."""
        run = self.finelink('bash', '-c', script, stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout

    def plane_json(self, script):
        return json.loads(self.plane(script))

    def lines_of(self, script):
        return [line.strip() for line in self.plane(script).splitlines()]


@unittest.skipUnless(shutil.which('devlink'), 'no devlink command')
class Devlink(Clients):
    def test_plain(self):
        self.assertEqual(sorted(self.lines_of('devlink dev show')), NIC)
        self.assertEqual(self.lines_of(f'devlink dev show {PF1}'), [PF1])
        self.assertIn('flavour physical', self.plane(f'devlink port show {PF0}/65535'))
        self.assertEqual(self.lines_of(f'devlink dev eswitch show {PF0}')[0].split()[:3],
                         [PF0 + ':', 'mode', 'legacy'])

    def test_json(self):
        dev = self.plane_json('devlink -j dev show')
        self.assertEqual(set(dev['dev']), set(NIC))
        compact, pretty = self.plane('devlink -j port show'), self.plane('devlink -jp port show')
        self.assertEqual(json.loads(compact), json.loads(pretty))
        self.assertGreater(len(pretty.splitlines()), len(compact.splitlines()))
        info = self.plane_json(f'devlink -j dev info {PF0}')['info'][PF0]
        self.assertEqual(info['driver'], 'mlx5_core')
        self.assertIn('fw.psid', info['versions']['fixed'])
        params = self.plane_json('devlink -j dev param show')['param'][PF0]
        self.assertIn('enable_roce', [param['name'] for param in params])

    def test_shared(self):
        """The chip's instance is named by its index, as any other may be."""
        self.assertEqual(self.lines_of(f'devlink dev show {CHIP}'), [CHIP])
        self.assertEqual(self.lines_of('devlink dev show devlink_index/2'), [PF1])
        self.assertEqual(self.plane_json(f'devlink -j dev info {CHIP}')['info'][CHIP],
                         {'driver': 'mlx5_core'})

    def test_statistics(self):
        out = self.plane_json(f'devlink dev reload {PF1} >/dev/null && devlink -js dev show {PF1}')
        self.assertEqual(out['dev'][PF1]['stats']['reload']['driver_reinit']['unspecified'], 1)

    def test_errors(self):
        for command, text in [
                ('devlink dev show pci/0000:99:00.0', 'No such device'),
                (f'devlink dev eswitch set {PF0} mode switchdev && '
                 f'devlink port add {PF0} flavour pcisf pfnum 7 sfnum 1',
                 'Error: mlx5_core: Invalid pfnum'),
                (f'devlink dev param set {PF0} name nonesuch value 1 cmode runtime',
                 'answers:')]:
            run = self.finelink('sh', '-c', command, stderr=subprocess.STDOUT)
            self.assertNotEqual(run.returncode, 0, command)
            self.assertIn(text, run.stdout)

    def test_function(self):
        """The change is done when the command ends: no waiting but for the opstate."""
        port = self.plane_json(MAKE_SF + f'devlink -jp port show {SF_PORT}')['port'][SF_PORT]
        self.assertEqual(port['function']['hw_addr'], '00:00:00:00:88:88')
        self.assertEqual(port['function']['opstate'], 'attached')
        out = self.plane(MAKE_SF + f'devlink port function set {SF_PORT} state inactive; '
                         f'devlink port del {SF_PORT}; devlink -j port show')
        self.assertNotIn(SF_PORT, json.loads(out)['port'])

    def test_monitor(self):
        out = self.plane(f'timeout 2 devlink monitor & sleep 0.5; '
                         f'devlink dev reload {PF1} >/dev/null; wait')
        events = [line.split(' ')[0] for line in out.splitlines() if line.startswith('[')]
        self.assertEqual(events[0], '[port,del]')
        self.assertEqual(events[-1], '[dev,new]')
        self.assertIn('[port,new]', events)

    @unittest.skipUnless(may_make_namespaces(), 'may not make namespaces')
    def test_namespaces(self):
        pod = 'fl-' + uuid.uuid4().hex[:8]
        self.addCleanup(subprocess.run, ['ip', 'netns', 'del', pod], stderr=subprocess.DEVNULL)
        out = self.lines_of(MAKE_SF + f'''
            ip netns add {pod}
            devlink dev reload $SF netns {pod}
            echo IN; devlink -N {pod} dev show
            echo OUT; devlink dev show
            ip netns del {pod}
            for i in $(seq 100); do
                devlink dev show $SF >/dev/null 2>&1 && break
                sleep 0.1
            done
            echo BACK; devlink dev show''')
        inside = out[out.index('IN') + 1:out.index('OUT')]
        self.assertEqual(len(inside), 1)
        self.assertTrue(inside[0].startswith('auxiliary/mlx5_core.sf.'))
        self.assertEqual(sorted(out[out.index('OUT') + 1:out.index('BACK')]), NIC)
        self.assertEqual(sorted(out[out.index('BACK') + 1:]), sorted(NIC + inside))

    @unittest.skipUnless(may_make_namespaces(), 'may not make namespaces')
    def test_namespace_by_pid(self):
        """A PID means what it means to the client."""
        out = self.lines_of(MAKE_SF + '''
            coproc unshare -n sh -c 'echo up; read x'
            read up <&${COPROC[0]}
            devlink dev reload $SF netns $COPROC_PID
            devlink dev show
            echo IN; nsenter -t $COPROC_PID -n devlink dev show
            echo >&${COPROC[1]}''')
        self.assertEqual(sorted(out[:out.index('IN')]), NIC)
        self.assertRegex(out[-1], '^auxiliary/mlx5_core.sf')


try:
    import pyroute2  # noqa: F401
    HAVE_PYROUTE2 = True
except ImportError:
    HAVE_PYROUTE2 = False


@unittest.skipUnless(HAVE_PYROUTE2, 'no pyroute2')
class Pyroute2(Clients):
    def python(self, code):
        with_path = f'{sys.executable} - <<"EOF"\n{code}\nEOF\n'
        return self.plane(with_path)

    def test_devlink_class(self):
        out = self.python('from pyroute2 import DL\n'
                          'with DL() as dl:\n'
                          '    for m in dl.get_dump():\n'
                          '        print("%s/%s" % (m.get_attr("DEVLINK_ATTR_BUS_NAME"),\n'
                          '                         m.get_attr("DEVLINK_ATTR_DEV_NAME")))\n'
                          '    for m in dl.port_list():\n'
                          '        print(m.get_attr("DEVLINK_ATTR_PORT_INDEX"))')
        self.assertEqual(sorted(out.split()), sorted(NIC + ['65535', '131071']))

    def test_generic_socket(self):
        """Its own thread-safe socket: bind, membership, a dump of nlctrl, an error."""
        out = self.python('''
from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST, genlmsg
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.generic import GenericNetlinkSocket
s = GenericNetlinkSocket()
s.bind('devlink', genlmsg)
print(s.prid, sorted(s.mcast_groups))
s.add_membership('config')
m = genlmsg()
m['cmd'], m['version'] = 200, 1
try:
    s.nlm_request(m, msg_type=s.prid, msg_flags=NLM_F_REQUEST | 4)
except NetlinkError as err:
    print(err.code)
s.close()''')
        lines = out.splitlines()
        self.assertRegex(lines[0], r"^\d+ \['config'\]$")
        self.assertEqual(lines[1], '95')


class Nlbench(Clients):
    def bench(self, *args):
        return self.plane_json(' '.join((NLBENCH,) + args))

    def test_get(self):
        self.assertEqual(self.bench('get', 'pci', '0000:03:00.0', '100')['messages'], 100)
        self.assertEqual(self.bench('portget', 'pci', '0000:03:00.0', '65535', '100')['messages'],
                         100)

    def test_dump(self):
        self.assertEqual(self.bench('dumpdev', '50')['messages'], 150)
        self.assertEqual(self.bench('dumpport', '50')['messages'], 100)

    def test_change(self):
        self.assertEqual(self.bench('reload', 'pci', '0000:03:00.1', '2')['count'], 2)
        self.assertEqual(self.bench('probe', 'pci', '0000:03:00.0', '50')['what'], 'probe')


class DevlinkBySeccomp(Devlink):
    way = 'seccomp'


class Pyroute2BySeccomp(Pyroute2):
    way = 'seccomp'


class NlbenchBySeccomp(Nlbench):
    way = 'seccomp'


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
