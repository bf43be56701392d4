import { join } from 'node:path';
import { EventCode } from '../src/model/event-code.ts';
import { AgentRun } from '../test/lab/agent.ts';
import { DirectoryTail } from '../test/lab/directory-tail.ts';
import { Lab, type Pod } from '../test/lab/lab.ts';
import { capturesOn } from '../test/lab/packet-sockets.ts';
import type { Program } from '../test/lab/program.ts';
import type { EventLine } from '../test/lab/session-files.ts';
import { waitFor } from '../test/lab/wait.ts';
import { makeCapture } from '../test/tools/make-capture.ts';
import { type Captured, capturedByAgent, capturedByTcpdump, capturedByTshark } from './captured-by.ts';
import { preciseClock } from './latency.ts';
import { cpuSeconds, median, peakRssBytes, untilIdle } from './measure.ts';
import { send } from './measure-load.ts';
import { type Bench, type BenchResult, type BenchSettings, type Cell, formatNumber, mebibytes } from './report.ts';

/** Packets a second in all; infinite: as fast as the senders can. */
const RATES = [10_000, 50_000, 100_000, 200_000, Number.POSITIVE_INFINITY] as const;
const SESSIONS = [1, 8] as const;
const SECONDS = 6;
const FULL_SPEED_PACKETS = 2_000_000;
const CONNECTIONS = 1_000;
/** Few and slow, in each session: what is lost of it counts, too. */
const WARM_UP = ['--pps=1000', '--limit=1500'];
/** Refused connections a second beside the load, whose events are timed. */
const PROBES_PER_SECOND = 10;
const CLOSED_PORT = 9;
/** tcpdump is handed what came in at the latest after its read timeout of a second. */
const SETTLE_MS = 1_600;

/** Programs that capture on all pods, as one. */
interface Capturing {
  readonly programs: readonly Program[];
  /** Ends them; gives their own counts, in all. */
  finish(): Promise<Captured>;
  /** Where events of the first pod appear; null for who knows none. */
  readonly events: string | null;
}

interface Measurement {
  readonly program: string;
  readonly sessions: number;
  readonly rate: number;
  readonly sent: number;
  readonly sentPerSecond: number;
  readonly lost: number;
  readonly cpuUs: number;
  readonly rssMib: number;
  readonly delaysMs: readonly number[];
}

const PROGRAMS: Readonly<Record<string, (lab: Lab, pods: readonly Pod[]) => Capturing>> = {
  ring: (lab, pods) => startAgent(lab, pods, 'ring'),
  cap: (lab, pods) => startAgent(lab, pods, 'cap'),
  tcpdump: (lab, pods) => {
    const argv = (pod: Pod) => ['tcpdump', '-i', pod.hostInterface, '-w', '/dev/null', 'tcp'];
    return sniffers(
      pods.map((pod) => lab.start(lab.node, argv(pod))),
      capturedByTcpdump,
    );
  },
  tshark: (lab, pods) => {
    const interfaces = pods.flatMap((pod) => ['-i', pod.hostInterface, '-f', 'tcp']);
    return sniffers([lab.start(lab.node, ['tshark', '-q', ...interfaces, '-w', '/dev/null'])], capturedByTshark);
  },
};

function startAgent(lab: Lab, pods: readonly Pod[], backend: string): Capturing {
  const agent = AgentRun.start(lab, lab.node);
  for (const [i, { hostIndex }] of pods.entries()) {
    agent.configure({ INTERFACE_INDEX_SNIF: hostIndex, CAPTURE_BACKEND: backend, EVENT_THROTTLE: 'N' }, `.${i}`);
  }
  const finish = async () => {
    await agent.stop();
    return sum(pods.map(({ hostIndex }) => capturedByAgent(agent, hostIndex)));
  };
  return { programs: [agent.program], finish, events: agent.sessionDirectory(pods[0]?.hostIndex ?? 0) };
}

function sniffers(programs: readonly Program[], captured: (program: Program) => Captured): Capturing {
  const finish = async () => {
    await Promise.all(programs.map((program) => program.stop('SIGINT')));
    return sum(programs.map(captured));
  };
  return { programs, finish, events: null };
}

function sum(counts: readonly Captured[]): Captured {
  const add = (key: keyof Captured) => counts.reduce((total, captured) => total + captured[key], 0);
  return { seen: add('seen'), dropped: add('dropped'), shedSeconds: add('shedSeconds') };
}

async function measure(name: string, sessions: number, rate: number, scale: number): Promise<Measurement> {
  const start = PROGRAMS[name];
  if (start === undefined) throw new Error(`Cannot measure "${name}": known are ${Object.keys(PROGRAMS).join(', ')}`);
  return Lab.use(async (lab) => {
    const pods = Array.from({ length: sessions }, () => lab.pod());
    for (const where of [lab.node, ...pods.map(({ namespace }) => namespace)]) {
      where.set('net/ipv6/conf/all/disable_ipv6', 1); // no packets of the kernels' own
    }
    const file = join(lab.directory, 'load.pcap');
    const { packets } = makeCapture(file, { connections: CONNECTIONS, ipv6: 0 });
    const { programs, finish, events } = start(lab, pods);
    await waitFor(
      `${name} capture`,
      () => pods.every(({ hostIndex }) => programs.some(({ pid }) => capturesOn(pid, hostIndex))),
      { timeoutMs: 20_000, describe: () => programs.map(({ stdout, stderr }) => stdout + stderr).join('') },
    );
    const cpu = () => programs.reduce((total, { pid }) => total + cpuSeconds(pid), 0);
    const perSession = Number.isFinite(rate) ? rate / sessions : Number.POSITIVE_INFINITY;
    const wanted = (Number.isFinite(rate) ? perSession * SECONDS : FULL_SPEED_PACKETS / sessions) * scale;
    const loops = Math.max(1, Math.round(wanted / packets));
    const pace = Number.isFinite(rate) ? [`--pps=${perSession}`] : ['--topspeed'];
    const warmUp = await Promise.all(pods.map((pod) => send(lab, pod, file, 1, WARM_UP)));
    await Promise.all(programs.map(({ pid }) => untilIdle(pid, SETTLE_MS)));
    const before = cpu();
    const probes = await Probes.begin(lab, pods[0] as Pod, events);
    const sent = await Promise.all(pods.map((pod) => send(lab, pod, file, loops, pace)));
    await Promise.all(programs.map(({ pid }) => untilIdle(pid, SETTLE_MS)));
    const { packets: probePackets, delaysMs } = await probes.end();
    const used = cpu() - before;
    const rssMib = mebibytes(programs.reduce((total, { pid }) => total + peakRssBytes(pid), 0));
    const { seen } = await finish();
    const all = sent.reduce((total, one) => total + one.packets, 0);
    const lost = all + probePackets + warmUp.reduce((total, one) => total + one.packets, 0) - seen;
    const sentPerSecond = sent.reduce((total, one) => total + one.rate, 0);
    const cpuUs = (used / Math.max(1, all - lost)) * 1e6;
    return { program: name, sessions, rate, sent: all, sentPerSecond, lost, cpuUs, rssMib, delaysMs };
  });
}

/** Connections that are refused while the load is on, and how long their events took to a reader of the file. */
class Probes {
  readonly #traffic: Program;
  readonly #tail: DirectoryTail | null;
  readonly #delaysMs: number[] = [];
  readonly #reading: Promise<void>;
  #ended = false;

  private constructor(traffic: Program, tail: DirectoryTail | null) {
    this.#traffic = traffic;
    this.#tail = tail;
    this.#reading = this.#read();
  }

  static async begin(lab: Lab, pod: Pod, events: string | null): Promise<Probes> {
    const tail = events === null ? null : new DirectoryTail(events, 'netwevents_');
    tail?.poll();
    if (tail !== null) lab.defer(() => tail.close());
    const count = PROBES_PER_SECOND * SECONDS;
    const traffic = lab.traffic(pod.namespace, 'refused', pod.nodeIpv4, CLOSED_PORT, count, PROBES_PER_SECOND);
    return new Probes(traffic, tail);
  }

  /** Packets of the probes themselves, and the delays of the events that came. */
  async end(): Promise<{ packets: number; delaysMs: readonly number[] }> {
    const { connections } = JSON.parse(await this.#traffic.output()) as { connections: number };
    await this.#tail?.changed(500);
    this.#ended = true;
    await this.#reading;
    return { packets: 2 * connections, delaysMs: this.#delaysMs };
  }

  async #read(): Promise<void> {
    const tail = this.#tail;
    if (tail === null) return;
    const now = preciseClock();
    while (!this.#ended) {
      await tail.changed(250);
      const lines = tail.poll();
      const seenMs = now();
      for (const line of lines) {
        const { code, dstPort, timemillis, timemicros } = JSON.parse(line) as EventLine;
        if (code !== EventCode.TCP_SYN_RESET || dstPort !== CLOSED_PORT) continue;
        this.#delaysMs.push(seenMs - Number(timemillis) - Number(timemicros) / 1_000);
      }
    }
  }
}

async function run({ rounds, scale, programs }: BenchSettings): Promise<BenchResult> {
  const selected = programs.length > 0 ? programs : Object.keys(PROGRAMS);
  const all: Measurement[] = [];
  const rows: Cell[][] = [];
  for (const sessions of SESSIONS) {
    for (const rate of RATES) {
      for (const name of selected) {
        const measured: Measurement[] = [];
        for (let round = 0; round < rounds; round++) measured.push(await measure(name, sessions, rate, scale));
        all.push(...measured);
        const row = rowOf(measured);
        console.error(row.join('  ')); // it takes long: who watches sees how far it is
        rows.push(row);
      }
    }
  }
  return {
    title: 'Side by side',
    method:
      `tcpreplay of ${CONNECTIONS} connections in a loop over as many veth pairs as there are sessions, ${SECONDS} s at a rate, or ${formatNumber(FULL_SPEED_PACKETS)} packets ` +
      `at full speed; ${rounds} rounds, medians. The agent has one session for each pair and does everything; tcpdump runs once for each, tshark once for all, both into ` +
      `/dev/null. CPU is that of the programs. The delay is that of ${PROBES_PER_SECOND} refused connections a second beside the load, from the kernel's time to a reader of the file.`,
    columns: [
      'program',
      'sessions',
      'wanted/s',
      'sent/s',
      'lost %',
      'CPU µs/packet',
      'peak RSS MiB',
      'delay ms',
      'worst',
      'events',
    ],
    rows,
    verdicts: [],
    raw: all,
  };
}

function rowOf(measured: readonly Measurement[]): Cell[] {
  const [{ program, sessions, rate }] = measured as [Measurement];
  const of = (value: (measurement: Measurement) => number) => median(measured.map(value));
  const delays = measured.flatMap(({ delaysMs }) => delaysMs);
  const hasEvents = program === 'ring' || program === 'cap';
  const shown = (ms: number) => (Number.isFinite(ms) ? ms.toFixed(0) : '–');
  return [
    program,
    sessions,
    Number.isFinite(rate) ? rate : 'full speed',
    Math.round(of(({ sentPerSecond }) => sentPerSecond)),
    of(({ lost, sent }) => (100 * lost) / sent).toFixed(2),
    of(({ cpuUs }) => cpuUs),
    of(({ rssMib }) => rssMib),
    shown(median(delays)),
    shown(Math.max(...delays)),
    hasEvents ? `${delays.length} of ${PROBES_PER_SECOND * SECONDS * measured.length}` : '–',
  ];
}

/** Loss, CPU, memory and delay of the agent, tcpdump and tshark at the same rates, with one and with eight sessions. */
export const sideBySide: Bench = { name: 'side-by-side', about: 'agent, tcpdump and tshark at the same rates', run };
