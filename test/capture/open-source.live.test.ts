import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openSource } from '../../src/capture/open-source.ts';
import { tcpFrame } from '../tools/capture-bytes.ts';
import { collect, live, withLab } from './lab.ts';

live('auto takes the packet ring', () =>
  withLab(async (lab) => {
    const opened = openSource('auto', { interfaceIndex: lab.hostIndex, side: 'host', ringMb: 1 });
    assert.is(opened.note, null);
    assert.is(opened.source.interfaceName, lab.hostName);
    assert.match(opened.source.description, /^packet ring on /);
    opened.source.close();
  }),
);

live('both backends give the same frames', () =>
  withLab(async (lab) => {
    const options = { interfaceIndex: lab.hostIndex, side: 'host', ringMb: 1 } as const;
    const ring = openSource('ring', options);
    const cap = openSource('cap', options);
    assert.match(cap.source.description, /^cap on /);
    assert.is(cap.note, null);
    lab.send('pod', [tcpFrame(1, Buffer.from('one')), tcpFrame(2, Buffer.from('two'))]);
    const seen = [await collect(ring.source, 2), await collect(cap.source, 2)].map((frames) =>
      frames.map((frame) => frame.bytes.toString('hex')),
    );
    assert.equal(seen[0], seen[1]);
    ring.source.close();
    cap.source.close();
  }),
);

live('without rights, auto says what the ring needs, and what cap said as the cause', () =>
  withLab(async (lab) => {
    const module = new URL('../../src/capture/open-source.js', import.meta.url).href;
    const script = `
      import { openSource } from '${module}';
      try {
        openSource('auto', { interfaceIndex: ${lab.hostIndex}, side: 'host' });
      } catch (error) {
        console.log(error.message);
        console.log(error.cause.message);
      }
    `;
    const args = ['--reuid=65534', '--clear-groups', process.execPath, '--input-type=module', '-e', script];
    const child = spawnSync('setpriv', args, { encoding: 'utf8', timeout: 60_000 });
    assert.is(child.stderr, '');
    const [ring, cap] = child.stdout.split('\n');
    assert.is(ring, 'Cannot open a packet socket: EPERM; needs CAP_NET_RAW');
    assert.is(cap, 'Cannot open a packet socket: EPERM; needs CAP_NET_RAW');
  }),
);

live('an error of the settings is not hidden by a second backend', () =>
  withLab(async (lab) => {
    const options = { interfaceIndex: lab.hostIndex, side: 'host', filter: 'tcp and' } as const;
    assert.throws(() => openSource('auto', options), /^PCAP_FILTER: /);
  }),
);

test.run();
