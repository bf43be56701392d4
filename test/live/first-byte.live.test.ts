import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Diagnosis } from '../../src/report/read-session.ts';
import { AGENT, AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { run } from '../lab/program.ts';
import { SLOW_MS } from '../lab/traffic.ts';

const test = suite('first byte of real servers');

const PROMPT = 5_001;
const SLOW = 5_002;
const GREETING = 5_003;
/** A timer may fire early by its rounding; how late it is depends on the machine. */
const SLOW_US = (SLOW_MS - 2) * 1_000;
const LATE_US = 30_000_000;

test('what a server takes, asked or on its own, is in end_flows and in the report', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    await Promise.all([
      lab.serve(server.namespace, 'orderly', PROMPT),
      lab.serve(server.namespace, 'slow', SLOW),
      lab.serve(server.namespace, 'greeting', GREETING),
    ]);
    const agent = await AgentRun.watch(lab, client);
    const talk = (kind: string, port: number) => lab.traffic(client.namespace, kind, server.ipv4, port, 3).output();
    await Promise.all([talk('orderly', PROMPT), talk('orderly', SLOW), talk('greeted', GREETING)]);
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());

    const { endFlows } = agent.files(client.hostIndex);
    const tookUs = (port: number) => endFlows.filter(({ dstPort }) => dstPort === port).map(({ latency4 }) => latency4);
    for (const port of [PROMPT, SLOW, GREETING]) assert.is(tookUs(port).length, 3, agent.transcript());
    assert.ok(
      tookUs(PROMPT).every((us) => us > 0 && us < LATE_US),
      tookUs(PROMPT).join(),
    );
    for (const port of [SLOW, GREETING]) {
      assert.ok(
        tookUs(port).every((us) => us >= SLOW_US && us < LATE_US),
        tookUs(port).join(),
      );
    }

    const report = run([process.execPath, AGENT, 'report', '--json', agent.logDirectory]);
    const [{ services }]: readonly Diagnosis[] = JSON.parse(report).sessions;
    for (const port of [SLOW, GREETING]) {
      const firstByte = services.find(({ where }) => where === `${server.ipv4}:${port}`)?.firstByte;
      assert.is(firstByte?.connections, 3);
      assert.ok((firstByte?.p50Us ?? 0) >= SLOW_US && (firstByte?.p99Us ?? 0) < LATE_US);
    }
  });
});

test.run();
