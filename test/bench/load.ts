import { join } from 'node:path';
import { AgentRun, type EnvSettings } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { capturesOn } from '../lab/packet-sockets.ts';
import type { Program } from '../lab/program.ts';
import { waitFor } from '../lab/wait.ts';
import { type Content, httpContent, plainContent, tlsContent } from '../tools/content.ts';
import { makeCapture } from '../tools/make-capture.ts';
import { type Captured, capturedByAgent, capturedByTcpdump, capturedByTshark } from './captured-by.ts';
import { cpuSeconds, median, peakRssBytes, untilIdle } from './measure.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const CONNECTIONS = 2_500;
const TARGET_PACKETS = 3_000_000;
const WARM_UP_LOOPS = 5;
/** tcpdump is handed what came in at the latest after its read timeout of a second. */
const SETTLE_MS = 1_600;

const WATCHED_PORT = 9_811;
const WATCHED: EnvSettings = {
  PCAP_FORMAT: 'pcapng',
  KUBERNETES_EVENTS: 'Y',
  POD_NAME: 'web',
  POD_NAMESPACE: 'shop',
};

interface Files {
  readonly warmUp: string;
  readonly load: string;
  readonly loops: number;
}

interface Started {
  readonly program: Program;
  /** Ends it and gives its own count. */
  finish(): Promise<Captured>;
}

interface Measurement extends Captured {
  readonly program: string;
  readonly sent: number;
  readonly lost: number;
  readonly packetsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  readonly peakRssBytes: number;
}

/** What is sent, what the agent is told to do with it, and how much it may cost. */
interface Mix {
  readonly contents: readonly Content[];
  /** For the method, e.g. `half TLS`. */
  readonly about: string;
  readonly settings: EnvSettings;
  /** CPU of the agent on the ring in that of tcpdump. */
  readonly ratioLimit: number;
}

const PLAIN_MIX: Mix = {
  contents: [httpContent, plainContent],
  about: 'half HTTP/1, half of an unknown protocol',
  settings: {},
  ratioLimit: 1,
};
const TLS_MIX: Mix = {
  contents: [tlsContent, tlsContent, httpContent, plainContent],
  about: 'half TLS, a quarter HTTP/1 in which a header is searched, a quarter of an unknown protocol',
  settings: { SEARCH_HTTP_HEADER: 'X-Pepe' },
  ratioLimit: 1.5,
};

const PROGRAMS: Readonly<Record<string, (lab: Lab, pod: Pod, settings: EnvSettings) => Started>> = {
  ring: (lab, pod, settings) => startAgent(lab, pod, { ...settings, CAPTURE_BACKEND: 'ring' }),
  ebpf: (lab, pod, settings) => startAgent(lab, pod, { ...settings, CAPTURE_BACKEND: 'ring', USE_EBPF: 'Y' }),
  watched: (lab, pod, settings) => startWatched(lab, pod, { ...settings, ...WATCHED, CAPTURE_BACKEND: 'ring' }),
  cap: (lab, pod, settings) => startAgent(lab, pod, { ...settings, CAPTURE_BACKEND: 'cap' }),
  tcpdump: (lab, pod) =>
    startSniffer(lab, ['tcpdump', '-i', pod.hostInterface, '-w', '/dev/null', 'tcp'], capturedByTcpdump),
  tshark: (lab, pod) =>
    startSniffer(lab, ['tshark', '-q', '-i', pod.hostInterface, '-f', 'tcp', '-w', '/dev/null'], capturedByTshark),
};

/** An agent with all that looks at it: a live page that is open, Prometheus every five seconds, Events of the cluster. */
function startWatched(lab: Lab, pod: Pod, settings: EnvSettings): Started {
  const started = startAgent(lab, pod, settings, { HEALTH_PORT: String(WATCHED_PORT), UI: 'Y' });
  const ask = `curl -sN --retry 50 --retry-connrefused --retry-delay 1 http://127.0.0.1:${WATCHED_PORT}`;
  lab.start(lab.node, ['sh', '-c', `exec ${ask}/stream >/dev/null`]);
  lab.start(lab.node, ['sh', '-c', `while sleep 5; do ${ask}/metrics >/dev/null; done`]);
  return started;
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

/**
 * Sends a capture out of a pod so many times, each time from other addresses, at a pace given as options of tcpreplay;
 * says how many packets that were, and how many a second.
 */
export async function send(
  lab: Lab,
  pod: Pod,
  file: string,
  loops: number,
  pace: readonly string[] = ['--topspeed'],
): Promise<{ packets: number; rate: number }> {
  const argv = ['tcpreplay', '-i', 'eth0', '-K', ...pace, '--no-flow-stats', '--unique-ip', '--loop', `${loops}`];
  const output = await lab.start(pod.namespace, [...argv, file]).output();
  const packets = Number(output.match(/Actual: (\d+) packets/)?.[1]);
  const rate = Number(output.match(/([\d.]+) pps/)?.[1]);
  if (!(packets > 0)) throw new Error(`Cannot read tcpreplay's report: ${output}`);
  return { packets, rate };
}

async function measure(lab: Lab, pod: Pod, name: string, files: Files, settings: EnvSettings): Promise<Measurement> {
  const start = PROGRAMS[name];
  if (start === undefined) throw new Error(`Cannot measure "${name}": known are ${Object.keys(PROGRAMS).join(', ')}`);
  const { program, finish } = start(lab, pod, settings);
  await waitFor(`${name} capture`, () => capturesOn(program.pid, pod.hostIndex), {
    timeoutMs: 20_000,
    describe: () => program.stdout + program.stderr,
  });
  const warmUp = await send(lab, pod, files.warmUp, WARM_UP_LOOPS);
  await untilIdle(program.pid, SETTLE_MS);
  const before = cpuSeconds(program.pid);
  const sent = await send(lab, pod, files.load, files.loops);
  await untilIdle(program.pid, SETTLE_MS);
  const cpu = cpuSeconds(program.pid) - before;
  const rss = peakRssBytes(program.pid);
  const { seen, dropped } = await finish();
  // What the program did not see is lost, whether it knows or not; losses of the warm-up, if any, count here too.
  const lost = sent.packets + warmUp.packets - seen;
  return {
    program: name,
    sent: sent.packets,
    seen: seen - warmUp.packets,
    dropped,
    lost,
    packetsPerSecond: sent.rate,
    cpuSecondsPerMillion: (cpu / (sent.packets - lost)) * 1e6,
    peakRssBytes: rss,
  };
}

async function run(mix: Mix, { rounds, scale, programs }: BenchSettings): Promise<BenchResult> {
  const selected = programs.length > 0 ? programs : Object.keys(PROGRAMS);
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
    const files: Files = {
      warmUp,
      load,
      loops: Math.max(1, Math.round((TARGET_PACKETS * scale) / capture.packets)),
    };
    for (let round = 0; round < rounds; round++) {
      for (const name of selected) measurements.push(await measure(lab, pod, name, files, mix.settings));
    }
  });

  const of = (name: string, key: keyof Measurement) =>
    measurements.filter(({ program }) => program === name).map((measurement) => Number(measurement[key]));
  const cpuOf = (name: string) => median(of(name, 'cpuSecondsPerMillion'));
  const reference = cpuOf('tcpdump');
  const rows = selected.map((name) => {
    const cpu = of(name, 'cpuSecondsPerMillion');
    return [
      name,
      median(of(name, 'sent')),
      Math.round(median(of(name, 'lost'))),
      `${((100 * median(of(name, 'lost'))) / median(of(name, 'sent'))).toFixed(2)} %`,
      Math.round(median(of(name, 'packetsPerSecond'))),
      median(cpu),
      `${Math.min(...cpu).toFixed(3)}–${Math.max(...cpu).toFixed(3)}`,
      cpuOf(name) / reference,
      mebibytes(median(of(name, 'peakRssBytes'))),
    ];
  });
  const verdicts = selected.includes('ring')
    ? [
        {
          goal: 'ring: no packet lost above 250,000 packets/s',
          reached:
            of('ring', 'lost').every((lost) => lost === 0) && Math.min(...of('ring', 'packetsPerSecond')) > 250_000,
          measured: `${of('ring', 'lost').join(', ')} lost`,
        },
        {
          goal: `ring: CPU per packet at most ${mix.ratioLimit} times that of tcpdump`,
          reached: cpuOf('ring') <= mix.ratioLimit * reference,
          measured: `${cpuOf('ring').toFixed(3)} against ${reference.toFixed(3)} s per million`,
        },
      ]
    : [];
  if (selected.includes('ring') && selected.includes('ebpf')) {
    verdicts.push({
      goal: 'ring: with eBPF at most 5 % more CPU per packet',
      reached: cpuOf('ebpf') <= 1.05 * cpuOf('ring'),
      measured: `${cpuOf('ebpf').toFixed(3)} against ${cpuOf('ring').toFixed(3)} s per million`,
    });
  }
  if (selected.includes('ring') && selected.includes('watched')) {
    verdicts.push({
      goal: 'ring: looked at by all that can look, at most 3 % more CPU per packet, and nothing lost',
      reached: cpuOf('watched') <= 1.03 * cpuOf('ring') && of('watched', 'lost').every((lost) => lost === 0),
      measured: `${cpuOf('watched').toFixed(3)} against ${cpuOf('ring').toFixed(3)} s per million, ${of('watched', 'lost').join(', ')} lost`,
    });
  }
  return {
    title: 'Live load: the same packets to every program',
    method:
      `tcpreplay -K --topspeed --unique-ip of ${CONNECTIONS} connections (${mix.about}) over a veth pair, ${rounds} rounds, programs in turn, ` +
      `medians. CPU is user and system time of the program and its children while the packets came and until it rested, per ` +
      `million packets seen, after a warm-up of ${WARM_UP_LOOPS} loops. tcpdump and tshark write to /dev/null with their default ` +
      'buffers and the filter tcp; the agent does everything and writes its files.',
    columns: [
      'program',
      'sent',
      'lost',
      'lost %',
      'packets/s',
      'CPU s/million',
      'from–to',
      'ratio to tcpdump',
      'peak RSS MiB',
    ],
    rows,
    verdicts,
    raw: measurements,
  };
}

/** The agent on its two sources against tcpdump and tshark, on one veth, with the same packets. */
export const load: Bench = {
  name: 'load',
  about: 'live load against tcpdump and tshark',
  run: (settings) => run(PLAIN_MIX, settings),
};

/** The same with packets in which the agent has more to read. */
export const loadTls: Bench = {
  name: 'load-tls',
  about: 'live load, half of it TLS, with a header search',
  run: (settings) => run(TLS_MIX, settings),
};
