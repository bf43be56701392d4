/**
 * Shows what the agent does: a pod of its own making, its veth watched, five connections of which four go wrong, and
 * what the agent wrote and says about them. Started by `scripts/demo.sh`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { EventCode } from '../../src/model/event-code.ts';
import { AGENT, AgentRun } from '../../test/lab/agent.ts';
import { Lab } from '../../test/lab/lab.ts';
import type { EndFlowLine } from '../../test/lab/session-files.ts';

const HTTP_PORT = 8080;
const RESET_PORT = 8081;
const HALF_OPEN_PORT = 8082;
const CLOSED_PORT = 8083;
const HALF_OPEN_SECONDS = 5;
/** Long enough for the SYNs at 0, 1, 3 and 7 s. */
const PATIENCE_SECONDS = 8;

const END_TYPES = ['FIN', 'fatal TLS alert', 'reset', 'given up as stale', 'half-open', 'agent stopped'];

/** What is done in the pod, and the events that have to come of it. */
interface Scene {
  readonly title: string;
  readonly url: string;
  readonly seconds: number;
  readonly expected: readonly EventCode[];
}

const ends = ({ srcIP, srcPort, dstIP, dstPort }: EndFlowLine) => `${srcIP}:${srcPort} → ${dstIP}:${dstPort}`;

function endText(line: EndFlowLine): string {
  const bytes = `${line.dataTo} B sent, ${line.dataFrom} B received`;
  return `${ends(line).padEnd(36)}  ${(END_TYPES[line.endType] ?? '?').padEnd(13)}  ${bytes}`;
}

function directoryText(directory: string): string {
  return readdirSync(directory)
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const what = name.endsWith('.pcap') ? '' : `, ${readFileSync(path, 'utf8').split('\n').length - 1} lines`;
      return `  ${name}  (${statSync(path).size} B${what})`;
    })
    .join('\n');
}

await Lab.use(async (lab) => {
  const [pod, server] = [lab.pod(), lab.pod()];
  await Promise.all([
    lab.serve(server.namespace, 'http', HTTP_PORT),
    lab.serve(server.namespace, 'reset', RESET_PORT),
    lab.serve(server.namespace, 'orderly', HALF_OPEN_PORT),
  ]);
  lab.dropSynAcks(pod, HALF_OPEN_PORT);
  const agent = await AgentRun.watch(lab, pod, {
    HALF_OPEN_SECONDS,
    POD_NAME: 'demo',
    POD_NAMESPACE: 'default',
    POD_IP: pod.ipv4,
  });
  console.log(`The pod is ${pod.ipv4}; the agent watches ${pod.hostInterface}, index ${pod.hostIndex}, on its node.\n`);

  const scenes: readonly Scene[] = [
    { title: 'an orderly connection', url: `http://${server.ipv4}:${HTTP_PORT}/`, seconds: 2, expected: [] },
    { title: 'nobody listens', url: `http://${server.ipv4}:${CLOSED_PORT}/`, seconds: 2, expected: ['00009'] },
    { title: 'the server resets', url: `http://${server.ipv4}:${RESET_PORT}/`, seconds: 2, expected: ['00002'] },
    {
      title: 'nobody at that address',
      url: `http://${lab.blackHole(pod)}:${HTTP_PORT}/`,
      seconds: PATIENCE_SECONDS,
      expected: ['00001', '00001', '00001', '00006'],
    },
    {
      title: 'answers get lost',
      url: `http://${server.ipv4}:${HALF_OPEN_PORT}/`,
      seconds: PATIENCE_SECONDS,
      expected: ['00006'],
    },
  ];
  console.log(`In the pod, all at once, for ${PATIENCE_SECONDS} s:`);
  await Promise.all(
    scenes.map(async ({ title, url, seconds }) => {
      const curl = lab.start(pod.namespace, ['curl', '-sS', '--max-time', String(seconds), url]);
      await curl.ended;
      console.log(`  ${title.padEnd(24)} curl ${url.padEnd(26)} ${(curl.stdout + curl.stderr).trim()}`);
    }),
  );
  const expected = scenes.flatMap((scene) => scene.expected);
  for (const code of new Set(expected)) {
    const count = expected.filter((other) => other === code).length;
    await agent.events(pod.hostIndex, (event) => event.code === code, count);
  }
  const { status } = await agent.stop();
  if (status !== 0) throw new Error(`The agent ended with status ${status}:\n${agent.transcript()}`);

  const { directory, endFlows } = agent.files(pod.hostIndex);
  console.log(`\nThe session's directory, dllt${pod.hostIndex}:\n${directoryText(directory)}`);
  console.log(`\nIts connections (end_flows):\n${endFlows.map(endText).join('\n')}`);
  console.log('\nWhat they mean (dlltagent report):\n');
  spawnSync(process.execPath, [AGENT, 'report', directory], { stdio: 'inherit', cwd: agent.logDirectory });
});
