import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { makeCapture } from '../tools/make-capture.ts';

const test = suite('Floods on a live interface');
const NOBODY = 5_004;
const RESETTING = 5_002;
const ATTACKERS = 100_000;
const PACKETS_PER_SECOND = 60_000;
/** How soon an event has to be in the file: generous, as nothing here measures. */
const SOON_MS = 5_000;

for (const attack of ['syn', 'rst'] as const) {
  test(`${attack}: real connections beside the flood are told of meanwhile`, async () => {
    await Lab.use(async (lab) => {
      const [client, server] = [lab.pod(), lab.pod()];
      await lab.serve(server.namespace, 'reset', RESETTING);
      const capture = join(lab.directory, 'flood.pcap');
      makeCapture(capture, { shape: 'flood', attack, connections: ATTACKERS, realConnections: 0 });
      const agent = await AgentRun.watch(lab, client, {
        POD_IP: client.ipv4,
        HALF_OPEN_SECONDS: 1,
        RING_MB: 64, // room for a machine that stalls
      });
      const { hostIndex } = client;
      const argv = [
        'tcpreplay',
        '-i',
        'eth0',
        '-K',
        '--pps',
        `${PACKETS_PER_SECOND}`,
        '--no-flow-stats',
        '--loop',
        '0',
      ];
      const flood = lab.start(client.namespace, [...argv, capture]);
      await agent.events(hostIndex, ({ srcIP }) => srcIP.startsWith('11.'), 1, 20_000);
      await lab.traffic(client.namespace, 'refused', server.ipv4, NOBODY, 3).output();
      await lab.traffic(client.namespace, 'reset', server.ipv6, RESETTING, 3).output();
      await agent.events(hostIndex, ({ code, dstPort }) => code === '00009' && dstPort === NOBODY, 3, SOON_MS);
      await agent.events(hostIndex, ({ code, dstPort }) => code === '00002' && dstPort === RESETTING, 3, SOON_MS);
      await agent.events(hostIndex, ({ suppressed }) => suppressed !== undefined, 1, 30_000);
      assert.ok(flood.running, 'while the flood goes on');
      await flood.stop('SIGKILL');
      const { status } = await agent.stop();
      assert.is(status, 0, agent.transcript());
      const { events, log } = agent.files(hostIndex);
      assert.ok(events.length < 10_000, `${events.length} events`);
      const counters = log.findLast(({ msg }) => msg === 'capture counters');
      assert.is(counters?.['lostLines'], 0);
    });
  });
}

test.run();
