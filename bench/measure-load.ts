import { join } from 'node:path';
import { AgentRun, type EnvSettings } from '../test/lab/agent.ts';
import { Lab, type Pod } from '../test/lab/lab.ts';
import { capturesOn } from '../test/lab/packet-sockets.ts';
import type { Program } from '../test/lab/program.ts';
import { waitFor } from '../test/lab/wait.ts';
import { type Content, httpContent, plainContent, tlsContent } from '../test/tools/content.ts';
import { makeCapture } from '../test/tools/make-capture.ts';
import { type Captured, capturedByAgent, capturedByTcpdump, capturedByTshark } from './captured-by.ts';
import { cpuSeconds, peakRssBytes, untilIdle } from './measure.ts';

/** Of a capture that is sent again and again. */
export const CONNECTIONS = 2_500;
/** As fast as it can. */
export const TOP_SPEED = ['--topspeed'];
/** tcpdump is handed what came in at the latest after its read timeout of a second. */
const SETTLE_MS = 1_600;

const WATCHED_PORT = 9_811;
/** What else is on while it is looked at. */
const WATCHED: EnvSettings = {
  PCAP_FORMAT: 'pcapng',
  KUBERNETES_EVENTS: 'Y',
  POD_NAME: 'web',
  POD_NAMESPACE: 'shop',
};

/** What is sent, and how. */
interface Sending {
  readonly warmUp: string;
  readonly warmUpLoops: number;
  readonly load: string;
  readonly loops: number;
  /** Options of tcpreplay. */
  readonly pace: readonly string[];
}

interface Started {
  readonly program: Program;
  /** Ends it and gives its own count. */
  finish(): Promise<Captured>;
}

/** What one program did in one round. */
export interface Measurement extends Captured {
  readonly program: string;
  readonly sent: number;
  readonly lost: number;
  readonly packetsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  readonly peakRssBytes: number;
}

/** Packets, what the agent is told to do with them, and how much it may cost. */
export interface Mix {
  readonly contents: readonly Content[];
  /** For the method, e.g. `half TLS`. */
  readonly about: string;
  readonly settings: EnvSettings;
  /** CPU of the agent on the ring in that of tcpdump. */
  readonly ratioLimit: number;
}

/** What is cheap to read. */
export const PLAIN_MIX: Mix = {
  contents: [httpContent, plainContent],
  about: 'half HTTP/1, half of an unknown protocol',
  settings: {},
  ratioLimit: 1,
};
/** What is dearer. */
export const TLS_MIX: Mix = {
  contents: [tlsContent, tlsContent, httpContent, plainContent],
  about: 'half TLS, a quarter HTTP/1 in which a header is searched, a quarter of an unknown protocol',
  settings: { SEARCH_HTTP_HEADER: 'X-Pepe' },
  ratioLimit: 1.5,
};

/** What can be measured, by name. */
export const PROGRAMS: Readonly<Record<string, (lab: Lab, pod: Pod, settings: EnvSettings) => Started>> = {
  ring: (lab, pod, settings) => startAgent(lab, pod, { ...settings, CAPTURE_BACKEND: 'ring' }),
  ebpf: (lab, pod, settings) => startAgent(lab, pod, { ...settings, CAPTURE_BACKEND: 'ring', USE_EBPF: 'Y' }),
  watched: (lab, pod, settings) => startWatched(lab, pod, { ...settings, ...WATCHED, CAPTURE_BACKEND: 'ring' }),
  cap: (lab, pod, settings) => startAgent(lab, pod, { ...settings, CAPTURE_BACKEND: 'cap' }),
  tcpdump: (lab, pod) =>
    startSniffer(lab, ['tcpdump', '-i', pod.hostInterface, '-w', '/dev/null', 'tcp'], capturedByTcpdump),
  tshark: (lab, pod) =>
    startSniffer(lab, ['tshark', '-q', '-i', pod.hostInterface, '-f', 'tcp', '-w', '/dev/null'], capturedByTshark),
};

/** An agent with all that looks at it, and Events of the cluster. */
function startWatched(lab: Lab, pod: Pod, settings: EnvSettings): Started {
  const { program, finish } = startAgent(lab, pod, settings, { HEALTH_PORT: String(WATCHED_PORT), UI: 'Y' });
  const watchers = startWatchers(lab);
  return {
    program,
    finish: async () => {
      await Promise.all(watchers.map((watcher) => watcher.stop('SIGKILL'))); // the next agent has the same port
      return finish();
    },
  };
}

/** Looks at an agent on the node: a live page that is open, and Prometheus every five seconds. */
function startWatchers(lab: Lab): Program[] {
  const ask = `curl -sN --retry 50 --retry-connrefused --retry-delay 1 http://127.0.0.1:${WATCHED_PORT}`;
  return [`exec ${ask}/stream >/dev/null`, `while ${ask}/metrics >/dev/null; do sleep 5; done`].map((script) =>
    lab.start(lab.node, ['sh', '-c', script]),
  );
}

function startAgent(lab: Lab, pod: Pod, settings: EnvSettings, env: NodeJS.ProcessEnv = {}): Started {
  const agent = AgentRun.start(lab, lab.node, env);
  agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, ...settings });
  const finish = async () => {
    await agent.stop();
    return capturedByAgent(agent, pod.hostIndex);
  };
  return { program: agent.program, finish };
}

function startSniffer(lab: Lab, argv: readonly string[], captured: (program: Program) => Captured): Started {
  const program = lab.start(lab.node, argv);
  const finish = async () => {
    await program.stop('SIGINT');
    return captured(program);
  };
  return { program, finish };
}

/** The command for what `send` does. */
export function sender(file: string, loops: number, pace: readonly string[]): string[] {
  return ['tcpreplay', '-i', 'eth0', '-K', ...pace, '--no-flow-stats', '--unique-ip', '--loop', `${loops}`, file];
}

/**
 * Sends a capture out of a pod so many times, each time from other addresses, at a pace given as options of tcpreplay;
 * says how many packets that were, and how many a second.
 */
export async function send(
  lab: Lab,
  pod: Pod,
  file: string,
  loops: number,
  pace: readonly string[] = TOP_SPEED,
): Promise<{ packets: number; rate: number }> {
  const output = await lab.start(pod.namespace, sender(file, loops, pace)).output();
  const packets = Number(output.match(/Actual: (\d+) packets/)?.[1]);
  const rate = Number(output.match(/([\d.]+) pps/)?.[1]);
  if (!(packets > 0)) throw new Error(`Cannot read tcpreplay's report: ${output}`);
  return { packets, rate };
}

/** Starts one of `PROGRAMS`, and waits until it captures. */
export async function startCapturing(lab: Lab, pod: Pod, name: string, settings: EnvSettings): Promise<Started> {
  const start = PROGRAMS[name];
  if (start === undefined) throw new Error(`Cannot measure "${name}": known are ${Object.keys(PROGRAMS).join(', ')}`);
  const started = start(lab, pod, settings);
  const { program } = started;
  await waitFor(`${name} capture`, () => capturesOn(program.pid, pod.hostIndex), {
    timeoutMs: 20_000,
    describe: () => program.stdout + program.stderr,
  });
  return started;
}

async function measure(
  lab: Lab,
  pod: Pod,
  name: string,
  sending: Sending,
  settings: EnvSettings,
): Promise<Measurement> {
  const { program, finish } = await startCapturing(lab, pod, name, settings);
  const { pace } = sending;
  const warmUp = await send(lab, pod, sending.warmUp, sending.warmUpLoops, pace);
  await untilIdle(program.pid, SETTLE_MS);
  const before = cpuSeconds(program.pid);
  const sent = await send(lab, pod, sending.load, sending.loops, pace);
  await untilIdle(program.pid, SETTLE_MS);
  const cpu = cpuSeconds(program.pid) - before;
  const rss = peakRssBytes(program.pid);
  const { seen, dropped, shedSeconds } = await finish();
  // What the program did not see is lost, whether it knows or not; losses of the warm-up, if any, count here too.
  const lost = sent.packets + warmUp.packets - seen;
  return {
    program: name,
    sent: sent.packets,
    seen: seen - warmUp.packets,
    dropped,
    shedSeconds,
    lost,
    packetsPerSecond: sent.rate,
    cpuSecondsPerMillion: (cpu / (sent.packets - lost)) * 1e6,
    peakRssBytes: rss,
  };
}

/** Measures programs in turn, so many rounds, with the same packets. */
export async function measureAll(
  mix: Mix,
  rounds: number,
  programs: readonly string[],
  targetPackets: number,
  how: Pick<Sending, 'warmUpLoops' | 'pace'>,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    // Neighbour discovery and multicast reports of the kernels would be counted with the packets that are sent.
    for (const where of [pod.namespace, lab.node]) where.set('net/ipv6/conf/all/disable_ipv6', 1);
    const [warmUp, load] = [join(lab.directory, 'warm-up.pcap'), join(lab.directory, 'load.pcap')];
    const { contents } = mix;
    const capture = makeCapture(load, { connections: CONNECTIONS, contents });
    // Another seed, so that its sequence numbers differ: the same endpoints then are new connections.
    makeCapture(warmUp, { connections: CONNECTIONS, contents, seed: 2 });
    const sending = { ...how, warmUp, load, loops: Math.max(1, Math.round(targetPackets / capture.packets)) };
    for (let round = 0; round < rounds; round++) {
      for (const name of programs) measurements.push(await measure(lab, pod, name, sending, mix.settings));
    }
  });
  return measurements;
}

/** One figure of one program, of each round. */
export function figures(measurements: readonly Measurement[], program: string, key: keyof Measurement): number[] {
  return measurements.filter((one) => one.program === program).map((one) => Number(one[key]));
}
