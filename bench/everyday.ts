import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventCode } from '../src/model/event-code.ts';
import { AgentRun } from '../test/lab/agent.ts';
import { DirectoryTail } from '../test/lab/directory-tail.ts';
import { Lab, type Pod } from '../test/lab/lab.ts';
import { capturesOn, processTree } from '../test/lab/packet-sockets.ts';
import type { Program } from '../test/lab/program.ts';
import type { EventLine } from '../test/lab/session-files.ts';
import { waitFor } from '../test/lab/wait.ts';
import { type Content, httpContent, plainContent, tlsContent } from '../test/tools/content.ts';
import { makeCapture } from '../test/tools/make-capture.ts';
import { preciseClock } from './latency.ts';
import { cpuSeconds, median, quantile, residentBytes } from './measure.ts';
import { type Bench, type BenchResult, type BenchSettings, type Cell, mebibytes, type Verdict } from './report.ts';

/** Steady state begins so long after the traffic does. */
const SETTLE_SECONDS = 60;
const MEASURED_SECONDS = 30;
const PROBED_SECONDS = 10;
/** Refused connections a second whose events are timed, after the CPU was measured. */
const PROBES_PER_SECOND = 5;
const CLOSED_PORT = 9;
const LATENCY_LIMIT_MS = 200;
const RSS_LIMIT_MIB = 200;
const CLOCK_TICKS_PER_SECOND = 100;
/** Packets that tcpreplay sends at once, where single ones would keep it busier than what is measured. */
const WAKE_UPS_OF_SENDER = 1_000;

/** Sessions, and packets a second in each. */
interface Case {
  readonly sessions: number;
  readonly rate: number;
  readonly isTls: boolean;
}

const CASES: readonly Case[] = [
  ...[0, 10, 100, 1_000, 10_000, 50_000].map((rate) => ({ sessions: 1, rate, isTls: false })),
  ...[10, 30].flatMap((sessions) => [100, 1_000].map((rate) => ({ sessions, rate, isTls: false }))),
  { sessions: 30, rate: 0, isTls: false },
  ...[100, 1_000, 10_000].map((rate) => ({ sessions: 1, rate, isTls: true })),
  { sessions: 30, rate: 100, isTls: true },
];

const QUICK = ['1x100', '1x10000', '30x100'];

/** Percent of a core at most, by name of the case. */
const GOALS: Readonly<Record<string, number>> = {
  '1x100': 0.4,
  '1x1000': 0.8,
  '1x10000': 2.5,
  '1x50000': 8,
  '30x100': 2,
};

/** By name, the command that looks at one interface. */
const PEERS: Readonly<Record<string, (hostInterface: string) => string[]>> = {
  tcpdump: (name) => ['tcpdump', '-i', name, '-w', '/dev/null', 'tcp'],
  ndpiReader: (name) => ['ndpiReader', '-i', name, '-q'],
  argus: (name) => ['argus', '-i', name, '-w', '/dev/null', '-', 'tcp'],
  tshark: (name) => ['tshark', '-q', '-i', name, '-f', 'tcp', '-z', 'conv,tcp'],
};

/** What the machine does beside it when nobody looks. */
const NOBODY = 'none';
const AGENT = 'agent';

interface Measurement {
  readonly name: string;
  readonly program: string;
  readonly packetsPerSecond: number;
  readonly percent: number;
  readonly machinePercent: number;
  readonly wakeUps: number;
  readonly switches: number;
  readonly residentMib: number;
  readonly delaysMs: readonly number[];
}

/** What was counted up to a moment. */
interface Reading {
  readonly seconds: number;
  readonly cpu: number;
  readonly machine: number;
  readonly wakeUps: number;
  readonly switches: number;
  readonly packets: number;
}

function nameOf({ sessions, rate, isTls }: Case): string {
  return `${sessions}x${rate}${isTls ? '/tls' : ''}`;
}

/** Seconds in which processors of the machine were not idle (proc_stat(5)), soft interrupts included. */
function machineSeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softIrq) / CLOCK_TICKS_PER_SECOND;
}

/** Context switches of all threads of a process and its children: those it waited for, and those it was made to take. */
function contextSwitches(pid: number): { readonly voluntary: number; readonly involuntary: number } {
  const sum = { voluntary: 0, involuntary: 0 };
  for (const member of processTree(pid)) {
    for (const task of readdirSync(`/proc/${member}/task`)) {
      const status = readFileSync(`/proc/${member}/task/${task}/status`, 'latin1');
      sum.voluntary += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
      sum.involuntary += Number(/^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    }
  }
  return sum;
}

function received(lab: Lab, pods: readonly Pod[]): number {
  const paths = pods.map(({ hostInterface }) => `/sys/class/net/${hostInterface}/statistics/rx_packets`);
  return lab.node
    .run('cat', ...paths)
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0);
}

function readingOf(lab: Lab, pods: readonly Pod[], programs: readonly Program[]): Reading {
  const switches = programs.map(({ pid }) => contextSwitches(pid));
  const voluntary = switches.reduce((sum, one) => sum + one.voluntary, 0);
  return {
    seconds: performance.now() / 1_000,
    cpu: programs.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
    machine: machineSeconds(),
    wakeUps: voluntary,
    switches: voluntary + switches.reduce((sum, one) => sum + one.involuntary, 0),
    packets: received(lab, pods),
  };
}

/** Who looks at all pods, and where events of the first one appear. */
function start(lab: Lab, pods: readonly Pod[], program: string): { programs: Program[]; agent: AgentRun | null } {
  if (program === NOBODY) return { programs: [], agent: null };
  const peer = PEERS[program];
  if (peer !== undefined) {
    const programs = pods.map(({ hostInterface }) => lab.start(lab.node, peer(hostInterface), { stdio: 'ignore' }));
    return { programs, agent: null };
  }
  if (program !== AGENT)
    throw new Error(`Cannot measure "${program}": known are agent, ${Object.keys(PEERS).join(', ')}`);
  const agent = AgentRun.start(lab, lab.node);
  for (const [i, { hostIndex }] of pods.entries()) agent.configure({ INTERFACE_INDEX_SNIF: hostIndex }, `.${i}`);
  return { programs: [agent.program], agent };
}

function replay(lab: Lab, pods: readonly Pod[], file: string, packets: number, { rate }: Case, seconds: number): void {
  if (rate === 0) return;
  const loops = Math.ceil((rate * seconds) / packets);
  const together = Math.max(1, Math.round(rate / WAKE_UPS_OF_SENDER));
  const pace = ['--pps', String(rate), '--pps-multi', String(together), '--timer', 'nano'];
  const options = ['-i', 'eth0', '-K', '--no-flow-stats', '--unique-ip', '--loop', String(loops), ...pace];
  for (const { namespace } of pods) lab.start(namespace, ['nice', 'tcpreplay', ...options, file], { stdio: 'ignore' });
}

/** How long events of refused connections took from their packet to a reader of the file, in milliseconds. */
async function probe(lab: Lab, pod: Pod, agent: AgentRun, seconds: number): Promise<number[]> {
  const delaysMs: number[] = [];
  const tail = new DirectoryTail(agent.sessionDirectory(pod.hostIndex), 'netwevents_');
  lab.defer(() => tail.close());
  tail.poll();
  const now = preciseClock();
  const wanted = Math.ceil(seconds * PROBES_PER_SECOND);
  lab.traffic(pod.namespace, 'refused', pod.nodeIpv4, CLOSED_PORT, wanted, PROBES_PER_SECOND);
  const untilMs = performance.now() + seconds * 1_000 + 3_000;
  while (delaysMs.length < wanted && performance.now() < untilMs) {
    await tail.changed(250);
    const lines = tail.poll();
    const seenMs = now();
    for (const line of lines) {
      const { code, dstPort, timemillis, timemicros } = JSON.parse(line) as EventLine;
      if (code !== EventCode.TCP_SYN_RESET || dstPort !== CLOSED_PORT) continue;
      delaysMs.push(seenMs - Number(timemillis) - Number(timemicros) / 1_000);
    }
  }
  return delaysMs;
}

async function measure(one: Case, program: string, scale: number): Promise<Measurement> {
  return Lab.use(async (lab) => {
    const pods = Array.from({ length: one.sessions }, () => lab.pod());
    for (const where of [lab.node, ...pods.map(({ namespace }) => namespace)]) {
      where.set('net/ipv6/conf/all/disable_ipv6', 1); // no packets of the kernels' own
    }
    for (const { namespace } of pods) lab.start(namespace, ['sleep', '3600']); // a pod without a process is looked for
    const [settle, measured, probed] = [SETTLE_SECONDS, MEASURED_SECONDS, PROBED_SECONDS].map(
      (seconds) => seconds * scale,
    ) as [number, number, number];
    const file = join(lab.directory, 'load.pcap');
    const contents: readonly Content[] = [...(one.isTls ? [tlsContent, tlsContent] : []), httpContent, plainContent];
    const many = one.rate >= 10_000;
    const shape = { connections: many ? 2_000 : 200, concurrency: many ? 200 : 20, contents };
    const { packets } = makeCapture(file, shape);
    const { programs, agent } = start(lab, pods, program);
    const isCapturing = ({ hostIndex }: Pod) => programs.some(({ pid }) => capturesOn(pid, hostIndex));
    if (programs.length > 0) await waitFor(`${program} capture`, () => pods.every(isCapturing), { timeoutMs: 30_000 });
    replay(lab, pods, file, packets, one, settle + measured + probed + 10);
    await sleep(settle * 1_000);
    const before = readingOf(lab, pods, programs);
    await sleep(measured * 1_000);
    const after = readingOf(lab, pods, programs);
    const seconds = after.seconds - before.seconds;
    const perSecond = (key: keyof Reading) => (after[key] - before[key]) / seconds;
    const resident = programs.reduce((sum, { pid }) => sum + residentBytes(pid), 0);
    const delaysMs = agent === null ? [] : await probe(lab, pods[0] as Pod, agent, probed);
    return {
      name: nameOf(one),
      program,
      packetsPerSecond: perSecond('packets'),
      percent: 100 * perSecond('cpu'),
      machinePercent: 100 * perSecond('machine'),
      wakeUps: perSecond('wakeUps'),
      switches: perSecond('switches'),
      residentMib: mebibytes(resident),
      delaysMs,
    };
  });
}

function isInstalled(program: string): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return directories.some((directory) => existsSync(join(directory, program)));
}

function casesOf(names: readonly string[]): readonly Case[] {
  if (names.length === 0) return CASES;
  const wanted = names.flatMap((name) => (name === 'quick' ? QUICK : [name]));
  const unknown = wanted.filter((name) => CASES.every((one) => nameOf(one) !== name));
  if (unknown.length > 0)
    throw new Error(`Cannot measure "${unknown}": known are ${CASES.map(nameOf).join(', ')}, quick`);
  return CASES.filter((one) => wanted.includes(nameOf(one)));
}

async function run({ rounds, scale, programs, cases }: BenchSettings): Promise<BenchResult> {
  const known = [NOBODY, AGENT, ...Object.keys(PEERS).filter(isInstalled)];
  const selected = programs.length > 0 ? programs : known;
  const all: Measurement[] = [];
  const rows: Cell[][] = [];
  for (const one of casesOf(cases)) {
    let unwatched = Number.NaN;
    for (const program of selected) {
      const measured: Measurement[] = [];
      for (let round = 0; round < rounds; round++) measured.push(await measure(one, program, scale));
      all.push(...measured);
      if (program === NOBODY) unwatched = medianOf(measured, 'machinePercent');
      const row = rowOf(measured, unwatched);
      console.error(row.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell)).join('  '));
      rows.push(row);
    }
  }
  return {
    title: 'Everyday traffic',
    method:
      `tcpreplay of the same capture over veth pairs, SESSIONSxRATE: packets a second in each session; /tls: half of the connections. ${MEASURED_SECONDS * scale} s, ` +
      `${SETTLE_SECONDS * scale} s after the traffic began, ${rounds} rounds, medians. CPU is that of the program and its children, in percent of a core; "machine" is what all ` +
      'processors did, soft interrupts and senders included, and "more" is what it was more than with nobody looking. Wake-ups are voluntary context switches of all threads. ' +
      `The delay is that of ${PROBES_PER_SECOND} refused connections a second, afterwards, to a reader of the file. Peers run once for each session.`,
    columns: [
      'case',
      'program',
      'packets/s',
      'CPU %',
      'µs/packet',
      'wake-ups/s',
      'switches/s',
      'RSS MiB',
      'delay ms',
      '99 %',
      'worst',
      'machine %',
      'more',
    ],
    rows,
    verdicts: verdictsOf(all),
    raw: all,
  };
}

type Figure = Exclude<keyof Measurement, 'name' | 'program' | 'delaysMs'>;

function medianOf(measured: readonly Measurement[], key: Figure): number {
  return median(measured.map((one) => one[key]));
}

function rowOf(measured: readonly Measurement[], unwatched: number): Cell[] {
  const [{ name, program }] = measured as [Measurement];
  const of = (key: Figure) => medianOf(measured, key);
  const delays = measured.flatMap(({ delaysMs }) => delaysMs);
  return [
    name,
    program,
    Math.round(of('packetsPerSecond')),
    of('percent'),
    (of('percent') * 1e4) / Math.max(1, of('packetsPerSecond')),
    of('wakeUps'),
    of('switches'),
    of('residentMib'),
    quantile(delays, 0.5),
    quantile(delays, 0.99),
    delays.length === 0 ? Number.NaN : Math.max(...delays),
    of('machinePercent'),
    of('machinePercent') - unwatched,
  ];
}

function verdictsOf(all: readonly Measurement[]): Verdict[] {
  const of = (name: string, program: string) => all.filter((one) => one.name === name && one.program === program);
  const names = [...new Set(all.map(({ name }) => name))].filter((name) => of(name, AGENT).length > 0);
  const verdicts: Verdict[] = [];
  for (const [name, goal] of Object.entries(GOALS)) {
    if (!names.includes(name)) continue;
    const percent = medianOf(of(name, AGENT), 'percent');
    const measured = `${percent.toFixed(2)} %`;
    verdicts.push({ goal: `${name}: at most ${goal} % of a core`, reached: percent <= goal, measured });
  }
  for (const peer of ['ndpiReader', 'argus']) {
    const both = names.filter((name) => of(name, peer).length > 0);
    const dearer = both.filter((name) => medianOf(of(name, AGENT), 'percent') > medianOf(of(name, peer), 'percent'));
    const measured = dearer.length === 0 ? 'cheaper in each' : `dearer in ${dearer.join(', ')}`;
    if (both.length > 0) verdicts.push({ goal: `cheaper than ${peer}`, reached: dearer.length === 0, measured });
  }
  const delays = all.flatMap(({ delaysMs }) => delaysMs);
  if (delays.length > 0) {
    const worst = Math.max(...delays);
    const measured = `worst ${worst.toFixed(0)} ms`;
    verdicts.push({ goal: `events within ${LATENCY_LIMIT_MS} ms`, reached: worst <= LATENCY_LIMIT_MS, measured });
  }
  const quiet = names.filter((name) => name === '30x0');
  for (const name of quiet) {
    const resident = medianOf(of(name, AGENT), 'residentMib');
    const goal = `30 quiet sessions resident in ${RSS_LIMIT_MIB} MiB`;
    verdicts.push({ goal, reached: resident <= RSS_LIMIT_MIB, measured: `${resident} MiB` });
  }
  return verdicts;
}

/** What one session, and thirty, cost at the rates that most pods have. */
export const everyday: Bench = { name: 'everyday', about: 'the cost of everyday traffic, beside others', run };
