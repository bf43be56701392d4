import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import type { EventLine } from '../lab/session-files.ts';
import { throttle } from '../lab/throttle.ts';
import { makeCapture } from '../tools/make-capture.ts';

const test = suite('Overload of a live session');
const NOBODY = 5_004;
const RESETTING = 5_002;
/** The agent may run for this part of the time: less than the traffic needs, whatever the machine. */
const SHARE = 0.1;
const SOON_MS = 60_000;
/** After relapses less is shed only when it was calm for up to a minute. */
const RECOVERY_MS = 180_000;

test('history goes first, then payload, then established traffic; it comes back by itself; all of it is said', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'reset', RESETTING);
    const capture = join(lab.directory, 'load.pcap');
    makeCapture(capture, { connections: 1_000 });
    const agent = await AgentRun.watch(lab, client, { RING_MB: 1, CAPTURE_BACKEND: 'ring', EVENT_THROTTLE: 'N' });
    const { hostIndex } = client;
    const said = (pattern: RegExp, timeoutMs = SOON_MS) => agent.program.waitForOutput(pattern, { timeoutMs });

    const release = throttle(agent.program, SHARE);
    lab.defer(release);
    const argv = ['tcpreplay', '-i', 'eth0', '-K', '--pps', '40000', '--no-flow-stats', '--unique-ip', '--loop', '0'];
    const load = lab.start(client.namespace, [...argv, capture]);
    await said(/overloaded for .* packets are no longer kept/);
    await said(/overloaded for .* payload is no longer read/);
    await said(/overloaded for .* that of one in eight is captured/);
    // packets are lost meanwhile, whatever is shed: some of these get through
    await lab.traffic(client.namespace, 'reset', server.ipv4, RESETTING, 20, 20).output();
    await lab.traffic(client.namespace, 'refused', server.ipv4, NOBODY, 20, 20).output();
    for (const port of [RESETTING, NOBODY]) {
      const [event] = await agent.events(hostIndex, ({ dstPort }) => dstPort === port, 1, SOON_MS);
      assert.is(event?.quality, 0);
      assert.match(event?.confidence ?? '', /not looked at for overload/);
    }
    await load.stop('SIGKILL');
    release();

    await said(/no longer overloaded .* packets are kept for pcaps again/, RECOVERY_MS);
    await said(/no longer overloaded .* all of what established connections send is captured again/);
    await said(/no longer overloaded .* payload of new connections is read again/);
    await lab.traffic(client.namespace, 'reset', server.ipv6, RESETTING).output();
    const isLater = ({ dstIP, dstPort }: EventLine) => dstPort === RESETTING && dstIP.includes(':');
    const [later] = await agent.events(hostIndex, isLater, 1, SOON_MS);
    assert.equal([later?.quality, later?.confidence], [1, undefined]);
    assert.ok(later?.pcap);
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());
    const { log } = agent.files(hostIndex);
    const counters = log.findLast(({ msg }) => msg === 'capture counters');
    const overload = (counters?.['overload'] ?? {}) as Record<string, number>;
    assert.is(overload['step'], 0);
    const counted = [overload['stepsUp'] >= 3, overload['shedSeconds'] > 0, overload['unkeptPackets'] > 0];
    assert.equal(counted, [true, true, true], JSON.stringify(overload));
    assert.ok(log.filter(({ msg }) => /overloaded for/.test(msg)).length >= 6);
  });
});

test.run();
