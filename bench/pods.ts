import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../test/lab/agent.ts';
import { comeAndGo } from '../test/lab/come-and-go.ts';
import { Lab, type Pod } from '../test/lab/lab.ts';
import { httpContent, plainContent } from '../test/tools/content.ts';
import { makeCapture } from '../test/tools/make-capture.ts';
import { capturedByAgent } from './captured-by.ts';
import { cpuSeconds } from './measure.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes, type Verdict } from './report.ts';

const PODS = 20;
const PACKETS_PER_SECOND = 10_000;
const IDLE_SECONDS = 20;
const LOAD_SECONDS = 20;
const SETTLE_MS = 5_000;
const COMING_AND_GOING = 1_000;
const AT_ONCE = 20;

/** Resident memory of a process: its rings, which are the kernel's, and everything else; in bytes. */
function residentMemory(pid: number): { readonly rings: number; readonly rest: number } {
  const memory = { rings: 0, rest: 0 };
  let isRing = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isRing = line.includes('socket:[');
    const kilobytes = Number(/^Rss:\s+(\d+) kB$/.exec(line)?.[1] ?? 0);
    memory[isRing ? 'rings' : 'rest'] += kilobytes * 1_024;
  }
  return memory;
}

/** An agent with a session for each pod, all capturing. */
async function watchAll(lab: Lab, pods: readonly Pod[]): Promise<AgentRun> {
  const agent = AgentRun.start(lab, lab.node);
  for (const { hostIndex } of pods) agent.configure({ INTERFACE_INDEX_SNIF: hostIndex }, `.${hostIndex}`);
  for (const { hostIndex } of pods) await agent.capturing(hostIndex);
  return agent;
}

/** Packets that came to the node's end of a pod's link: with so many senders the kernel drops some on the way there. */
function arrived(lab: Lab, { hostInterface }: Pod): number {
  return Number(lab.node.run('cat', `/sys/class/net/${hostInterface}/statistics/rx_packets`));
}

/** Sends packets from all pods at the same time; how many came to the node's end of each link. */
async function sendFromAll(lab: Lab, pods: readonly Pod[], seconds: number): Promise<number[]> {
  const file = join(lab.directory, 'load.pcap');
  const { packets } = makeCapture(file, { connections: 500, contents: [httpContent, plainContent] });
  const loops = Math.max(1, Math.round((PACKETS_PER_SECOND * seconds) / packets));
  const rate = ['--pps', String(PACKETS_PER_SECOND), '--pps-multi', '100', '--timer', 'nano'];
  const options = ['-i', 'eth0', '--no-flow-stats', '--unique-ip', '--loop', String(loops), ...rate];
  const before = pods.map((pod) => arrived(lab, pod));
  await Promise.all(pods.map((pod) => lab.start(pod.namespace, ['nice', 'tcpreplay', ...options, file]).output()));
  return pods.map((pod, i) => arrived(lab, pod) - (before[i] ?? 0));
}

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  const many = await Lab.use(async (lab) => {
    const pods = Array.from({ length: PODS }, () => lab.pod());
    for (const where of [lab.node, ...pods.map(({ namespace }) => namespace)]) {
      where.set('net/ipv6/conf/all/disable_ipv6', 1); // what the kernels say to each other would be counted
    }
    for (const { namespace } of pods) lab.start(namespace, ['sleep', '3600']); // a pod without a process is looked for
    const agent = await watchAll(lab, pods);
    const { pid } = agent.program;
    await sleep(SETTLE_MS);
    const idleBefore = cpuSeconds(pid);
    const idleBegin = performance.now();
    await sleep(IDLE_SECONDS * scale * 1_000);
    const idlePercent = (100 * (cpuSeconds(pid) - idleBefore)) / ((performance.now() - idleBegin) / 1_000);
    const idleMemory = residentMemory(pid);

    const begin = performance.now();
    const before = cpuSeconds(pid);
    const came = await sendFromAll(lab, pods, LOAD_SECONDS * scale);
    const seconds = (performance.now() - begin) / 1_000;
    const loadPercent = (100 * (cpuSeconds(pid) - before)) / seconds;
    const loadMemory = residentMemory(pid);
    await agent.stop();
    const lost = pods.map(({ hostIndex }, i) => (came[i] ?? 0) - capturedByAgent(agent, hostIndex).seen);
    const total = came.reduce((sum, packets) => sum + packets, 0);
    const allLost = lost.reduce((sum, packets) => sum + packets, 0);
    return { idlePercent, idleMemory, loadPercent, loadMemory, seconds, total, allLost };
  });
  const wanted = Math.max(AT_ONCE, Math.round(COMING_AND_GOING * scale));
  const { before, after } = await Lab.use((lab) => comeAndGo(lab, wanted, AT_ONCE, 2 * AT_ONCE));
  const { idlePercent, idleMemory, loadPercent, loadMemory, seconds, total, allLost } = many;
  const rate = total / seconds / PODS;
  const leftBehind =
    after.descriptors - before.descriptors + after.threads - before.threads + countOf(after) - countOf(before);
  const grown = mebibytes(after.residentBytes - before.residentBytes);
  const verdicts: Verdict[] = [
    { goal: 'idle: under 1 % of a core', reached: idlePercent < 1, measured: `${idlePercent.toFixed(2)} %` },
    {
      goal: 'idle: under 200 MB besides the rings',
      reached: idleMemory.rest < 200e6,
      measured: `${mebibytes(idleMemory.rest)} MiB`,
    },
    {
      goal: `no packet lost at ${PACKETS_PER_SECOND} packets/s in each pod`,
      reached: allLost === 0 && rate > 0.95 * PACKETS_PER_SECOND,
      measured: `${allLost} of ${total} lost, ${rate.toFixed(0)} packets/s in each`,
    },
    {
      goal: `${wanted} pods leave no descriptor, thread or timer behind, nor memory`,
      reached: leftBehind === 0 && grown < 40,
      measured: `${leftBehind} left, ${grown} MiB more`,
    },
  ];
  return {
    title: 'Many pods on one agent',
    method:
      `${PODS} pods in namespaces, one session each: idle, then tcpreplay from all of them at the same time, on the same machine but with less right to its processors (nice). ` +
      `Then ${wanted} pods, ${AT_ONCE} at a time, are made, watched, deleted, and their env files removed; what the agent holds is ` +
      `counted after ${2 * AT_ONCE} pods and in the end, after a garbage collection.`,
    columns: ['', 'CPU %', 'MiB of rings', 'MiB besides'],
    rows: [
      [`${PODS} sessions, idle`, idlePercent, mebibytes(idleMemory.rings), mebibytes(idleMemory.rest)],
      [`${PODS} sessions, load`, loadPercent, mebibytes(loadMemory.rings), mebibytes(loadMemory.rest)],
      [`${2 * AT_ONCE} pods gone`, '', '', mebibytes(before.residentBytes)],
      [`${wanted} more gone`, '', '', mebibytes(after.residentBytes)],
    ],
    verdicts,
    raw: { ...many, before, after },
  };
}

function countOf({ resources }: { readonly resources: Readonly<Record<string, number>> }): number {
  return Object.values(resources).reduce((sum, count) => sum + count, 0);
}

/** What an agent with many pods costs, and what pods that come and go leave behind. */
export const pods: Bench = { name: 'pods', about: '20 pods at once, and 1,000 that come and go', run };
