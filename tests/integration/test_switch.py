#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The devlink command of iproute2 on a switch: what no NIC has.

usage: test_switch.py FINELINK TOPOLOGY
"""
import json
import os
import shutil
import subprocess
import sys
import unittest

FINELINK, TOPOLOGY = (os.path.abspath(path) for path in sys.argv[1:3])
SW = 'pci/0000:05:00.0'


@unittest.skipUnless(shutil.which('devlink'), 'no devlink command')
class Switch(unittest.TestCase):
    maxDiff = None

    def plane(self, script):
        """Output of a shell script in `finelink run`, errors of commands included."""
        run = subprocess.run([FINELINK, 'run', '-t', TOPOLOGY, '--', 'bash', '-c', script],
                             timeout=300, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        self.assertEqual(run.returncode, 0, run.stdout)
        return run.stdout

    def json(self, command, before=''):
        return json.loads(self.plane(f'{before}\ndevlink -jn {command}'))

    def test_ports_split(self):
        ports = self.json('port show', f'devlink port split {SW}/5 count 4')['port']
        self.assertEqual([ports[f'{SW}/{i}']['lanes'] for i in (1, 5, 6, 7, 8, 9)],
                         [4, 1, 1, 1, 1, 4])
        self.assertEqual(ports[f'{SW}/6']['split_group'], 2)
        self.assertEqual(ports[f'{SW}/0']['flavour'], 'cpu')
        out = self.plane(f'devlink port split {SW}/5 count 4; devlink port split {SW}/5 count 2;'
                         f'devlink port unsplit {SW}/8; devlink port show {SW}/5;'
                         f'devlink port unsplit {SW}/5; true')
        self.assertIn('Error: Port cannot be split further.', out)
        self.assertIn('splittable true lanes 4', out)
        self.assertIn('Port was not split', out)

    def test_shared_buffers(self):
        sb = self.json('sb show')['sb'][SW][0]
        self.assertEqual((sb['ing_pools'], sb['eg_pools'], sb['ing_tcs'], sb['eg_tcs']),
                         (4, 4, 8, 16))
        quotas = self.json('sb port pool show')['port_pool']
        self.assertEqual(len(quotas), 16)
        self.assertTrue(all(len(pools) == 8 for pools in quotas.values()))
        binds = self.json('sb tc bind show')['tc_bind']
        self.assertEqual(sum(len(tcs) for tcs in binds.values()), 16 * 24)
        pool = self.json(f'sb pool show {SW} pool 1',
                         f'devlink sb pool set {SW} pool 1 size 1000 thtype static')
        self.assertEqual((pool['pool'][SW][0]['size'], pool['pool'][SW][0]['thtype']),
                         (1056, 'static'))
        bind = self.json(f'sb tc bind show {SW}/5 tc 3 type egress',
                         f'devlink sb tc bind set {SW}/5 tc 3 type egress pool 6 th 7')
        self.assertEqual([(tc['pool'], tc['threshold']) for tc in bind['tc_bind'][f'{SW}/5']],
                         [(6, 7)])

    def test_occupancy(self):
        show = f'devlink -jn sb occupancy show {SW}/5'
        first, second, cleared = map(json.loads, self.plane(
            f'devlink sb occupancy snapshot {SW} && {show} && '
            f'devlink sb occupancy snapshot {SW} && {show} && '
            f'devlink sb occupancy clearmax {SW} && {show}').splitlines())
        self.assertNotEqual(first, second)
        self.assertIn('"max":0', json.dumps(cleared).replace(' ', ''))

    def test_dpipe(self):
        tables = {t['name']: t for t in self.json(f'dpipe table show {SW}')['table'][SW]}
        self.assertEqual(set(tables), {'mlxsw_erif', 'mlxsw_host4', 'mlxsw_adj'})
        headers = self.plane(f'devlink dpipe header show {SW}')
        for name in ('mlxsw_meta', 'ethernet', 'ipv4', 'ipv6'):
            self.assertIn(f'name {name}', headers)
        out = self.plane(f'devlink dpipe table set {SW} name mlxsw_host4 counters_enabled true;'
                         f'devlink dpipe table dump {SW} name mlxsw_host4')
        self.assertEqual(out.count('match_value:'), tables['mlxsw_host4']['size'])
        self.assertEqual(out.count(' counter '), tables['mlxsw_host4']['size'])
        self.assertIn('value 10.0.0.65', out)

    def test_linecards(self):
        cards = self.json('lc show')['lc'][SW]
        self.assertEqual({card['state'] for card in cards}, {'unprovisioned'})
        out = self.plane(f'''
TOLD=$(mktemp); stdbuf -oL devlink mon >$TOLD & MON=$!
for i in $(seq 100); do # until it listens
    devlink port split {SW}/1 count 2; devlink port unsplit {SW}/1
    grep -q port,new $TOLD && break; sleep 0.05; done
devlink lc set {SW} lc 1 type 16x100G && devlink lc set {SW} lc 1 type 16x200G
for i in $(seq 200); do
    devlink lc show {SW} lc 1 | grep -q 'state active' && break; sleep 0.05; done
kill $MON; devlink lc show {SW} lc 1; devlink port show | grep -c 'lc 1 port'
cat $TOLD; rm -f $TOLD''')
        self.assertIn('Line card is currently being provisioned', out)
        self.assertIn('state active type 16x100G nested_devlink auxiliary/mlxsw_core.lc.0', out)
        self.assertIn('\n16\n', out)
        for state in ('provisioning', 'provisioned', 'active'):
            self.assertIn(f'lc 1 state {state} ', out)
        out = self.plane(f'''
state() {{
    for i in $(seq 200); do
        devlink lc show {SW} lc 1 | grep -q "state $1" && break; sleep 0.05; done
    devlink lc show {SW} lc 1; }}
devlink lc set {SW} lc 1 type 16x100G; sleep 0.1; devlink dev reload {SW}
state active; devlink lc set {SW} lc 1 notype; state unprovisioned
devlink lc set {SW} lc 2 type x; true''')
        self.assertIn('state active type 16x100G', out)
        self.assertIn('state unprovisioned', out)
        self.assertIn('Unsupported line card type provided', out)

    def test_params(self):
        out = self.plane(f'''
devlink dev param show
devlink dev param set {SW} name fw_load_policy value flash cmode driverinit
devlink dev param set {SW} name fw_load_policy value disk cmode driverinit
devlink dev param set {SW} name acl_region_rehash_interval value 10 cmode runtime
devlink dev param set {SW} name acl_region_rehash_interval value 0 cmode runtime
devlink dev param show''')
        lines = [line.strip() for line in out.splitlines()]
        for line in ('name fw_load_policy type generic',
                     'name acl_region_rehash_interval type driver-specific',
                     'cmode driverinit value driver', 'cmode runtime value 5000',
                     'cmode driverinit value flash', 'cmode runtime value 0'):
            self.assertIn(line, lines)
        self.assertIn("'fw_load_policy' must be 'driver' or 'flash'", out)
        self.assertIn('at least 3000 ms', out)

    def test_selftests(self):
        self.assertEqual(self.plane(f'devlink dev selftests show {SW}').split(),
                         [SW + ':', 'flash'])
        self.assertIn('status passed', self.plane(f'devlink dev selftests run {SW} id flash'))

    def test_the_rest(self):
        out = self.plane(f'''
devlink resource set {SW} path /kvd/linear size 90112
devlink dev reload {SW}; devlink resource set {SW} path /kvd/hash_double size 68608
devlink dev reload {SW}; devlink resource show {SW}
for i in $(seq 200); do
    devlink -s trap policer show {SW} policer 2 | grep -q 'dropped [1-9]' && break; sleep 0.05; done
devlink -s trap show {SW} trap lacp; devlink -s trap policer show {SW} policer 2
devlink health show {SW} reporter fw_fatal; devlink region new {SW}/cr-space snapshot 1
devlink region read {SW}/cr-space snapshot 1 address 0 length 16
devlink dev flash {SW} file switch.bin; devlink dev reload {SW} action fw_activate
devlink dev info {SW}''')
        self.assertIn('name linear size 90112', out)
        self.assertIn('name hash_double size 68608', out)
        self.assertRegex(out, r'packets [1-9]')
        self.assertRegex(out, r'dropped [1-9]')
        self.assertIn('reporter fw_fatal', out)
        self.assertIn('0000000000000000 ', out)
        self.assertIn('13.2010.1311', out)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
