import { AgentRun } from '../test/lab/agent.ts';
import { Lab } from '../test/lab/lab.ts';
import { readLog } from '../test/lab/session-files.ts';
import { waitFor } from '../test/lab/wait.ts';
import { act, PORT, serve } from '../test/process/naming-lab.ts';
import { cpuSeconds, median, peakRssBytes, untilIdle } from './measure.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const SECONDS = 10;
const MANY = 5_000;
const SOME = 1_000;
const HOLD_SECONDS = 0.5;
const SETTLE_MS = 1_600;

/** Who opens connections, how many a second, how long each is held, and whether eBPF helps. */
interface Scene {
  readonly podIs: 'client' | 'server';
  readonly rate: number;
  readonly holdSeconds: number;
  readonly ebpf: 'Y' | 'N';
}

const SCENES: readonly Scene[] = [
  { podIs: 'client', rate: MANY, holdSeconds: HOLD_SECONDS, ebpf: 'N' },
  { podIs: 'server', rate: MANY, holdSeconds: HOLD_SECONDS, ebpf: 'N' },
  { podIs: 'client', rate: SOME, holdSeconds: 0, ebpf: 'N' },
  { podIs: 'client', rate: SOME, holdSeconds: 0, ebpf: 'Y' },
  { podIs: 'server', rate: SOME, holdSeconds: 0, ebpf: 'N' },
  { podIs: 'server', rate: SOME, holdSeconds: 0, ebpf: 'Y' },
];

interface Measurement {
  readonly connections: number;
  /** Lines of flows, and those with the right process and with a wrong one. */
  readonly lines: number;
  readonly right: number;
  readonly wrong: number;
  /** Of one core, in percent: all the agent used, and what naming says it used. */
  readonly agentPercent: number;
  readonly namingPercent: number;
  readonly peakRssBytes: number;
}

async function measure({ podIs, rate, holdSeconds, ebpf }: Scene, scale: number): Promise<Measurement> {
  return Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    const [client, server] = podIs === 'client' ? [pod, other] : [other, pod];
    client.namespace.set('net/ipv4/ip_local_port_range', '1024 65535'); // no port twice
    const serving = await serve(lab, server.namespace, 'mute', server.ipv4);
    const agent = await AgentRun.watch(lab, pod, { USE_EBPF: ebpf });
    const { pid } = agent.program;
    await untilIdle(pid, SETTLE_MS);
    const connections = Math.min(60_000, Math.round(rate * SECONDS * scale));
    const before = cpuSeconds(pid);
    const begin = performance.now();
    const acted = await act(lab, client.namespace, 'many', server.ipv4, PORT, connections, rate, holdSeconds);
    const seconds = (performance.now() - begin) / 1_000;
    await untilIdle(pid, SETTLE_MS);
    const cpu = cpuSeconds(pid) - before;
    const rss = peakRssBytes(pid);
    await agent.stop();
    const directory = agent.sessionDirectory(pod.hostIndex);
    const { flows } = agent.files(pod.hostIndex);
    const owner = podIs === 'client' ? acted.pid : serving.pid;
    const counted = await waitFor('counters', () =>
      readLog(directory).findLast(({ msg }) => msg === 'capture counters'),
    );
    const { spentMs } = counted['processes'] as { spentMs: number };
    return {
      connections,
      lines: flows.length,
      right: flows.filter((line) => line.pid === owner).length,
      wrong: flows.filter((line) => line.pid !== owner && line.pid !== -1).length,
      agentPercent: (100 * cpu) / seconds,
      namingPercent: spentMs / 10 / seconds,
      peakRssBytes: rss,
    };
  });
}

async function run({ rounds, scale }: BenchSettings): Promise<BenchResult> {
  const measured: { scene: Scene; all: Measurement[] }[] = SCENES.map((scene) => ({ scene, all: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const { scene, all } of measured) all.push(await measure(scene, scale));
  }
  const of = (all: readonly Measurement[], key: keyof Measurement) => median(all.map((one) => one[key]));
  const find = (podIs: string, rate: number, ebpf: string) =>
    measured.find(({ scene }) => scene.podIs === podIs && scene.rate === rate && scene.ebpf === ebpf)?.all ?? [];
  const more = (podIs: string, key: keyof Measurement) =>
    of(find(podIs, SOME, 'Y'), key) - of(find(podIs, SOME, 'N'), key);
  const worst = (change: number[]) => Math.max(...change);
  const naming = worst(['client', 'server'].map((podIs) => of(find(podIs, MANY, 'N'), 'namingPercent')));
  const cpuMore = worst(['client', 'server'].map((podIs) => more(podIs, 'agentPercent')));
  const rssMore = mebibytes(worst(['client', 'server'].map((podIs) => more(podIs, 'peakRssBytes'))));
  const traced = measured.filter(({ scene }) => scene.ebpf === 'Y').flatMap(({ all }) => all);
  return {
    title: 'Whose connections',
    method:
      `A client opens connections at a steady rate for ${SECONDS} s, sends a byte and closes; "held" as long as said. Naming is what the agent counts for ` +
      `its look at sockets and processes (spentMs in log_notif), in percent of a core; ${rounds} rounds, medians.`,
    columns: ['pod is', 'a second', 'held s', 'eBPF', 'lines', 'named', 'wrong', 'naming %', 'agent %', 'peak RSS MiB'],
    rows: measured.map(({ scene, all }) => [
      scene.podIs,
      scene.rate,
      scene.holdSeconds,
      scene.ebpf,
      of(all, 'lines'),
      of(all, 'right'),
      of(all, 'wrong'),
      of(all, 'namingPercent'),
      of(all, 'agentPercent'),
      mebibytes(of(all, 'peakRssBytes')),
    ]),
    verdicts: [
      {
        goal: 'a line for each connection, none with a wrong process',
        reached: measured.every(({ all }) => all.every((one) => one.lines === one.connections && one.wrong === 0)),
        measured: `${measured.map(({ all }) => of(all, 'lines')).join(', ')}`,
      },
      {
        goal: 'without eBPF: naming takes less than 20 % of a core at 5,000 new connections a second',
        reached: naming < 20,
        measured: `${naming.toFixed(1)} %`,
      },
      {
        goal: 'with eBPF: 1,000 connections a second take at most 3 % of a core more, each is named',
        reached: cpuMore <= 3 && traced.every((one) => one.right === one.connections),
        measured: `${cpuMore.toFixed(1)} %, ${traced.map((one) => `${one.right} of ${one.connections}`).join(', ')}`,
      },
      { goal: 'with eBPF: at most 20 MiB more', reached: rssMore <= 20, measured: `${rssMore.toFixed(0)} MiB` },
    ],
    raw: measured,
  };
}

/** What it costs to say whose a connection is, without eBPF and with it. */
export const processes: Bench = { name: 'process', about: 'whose connections, without eBPF and with it', run };
