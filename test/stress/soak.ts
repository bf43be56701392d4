import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENV_FILE, type EnvSettings, envFile } from '../lab/agent.ts';
import { type CountedAgent, holdingsOf, oneRound, startCounted } from '../lab/come-and-go.ts';
import type { Holdings } from '../lab/counted-agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { capturesOn } from '../lab/packet-sockets.ts';
import { readEvents, readLog } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { httpContent, plainContent, tlsContent } from '../tools/content.ts';
import { makeCapture } from '../tools/make-capture.ts';

const ORDERLY = 5_001;
const RESETTING = 5_002;
const NOBODY = 5_004;
/** Packets a second of TLS, HTTP and other connections beside those of real programs. */
const PACKETS_PER_SECOND = 3_000;
/** Pods that come and go in each round. */
const PODS_AT_ONCE = 2;
/** A round takes at least that long, so that a long run does not run out of addresses for pods. */
const SHORTEST_ROUND_MS = 12_000;
/** Memory for packets is used up soon, so that it is flat from then on. */
const BUFFER_MB = 16;
/** The first part of a run, in which memory is touched for the first time. */
const WARM_UP_SHARE = 0.3;

/** One look at the agent. */
interface Sample extends Holdings {
  readonly seconds: number;
}

/** What a run showed. Slopes are those after the warm-up. */
export interface SoakReport {
  readonly seconds: number;
  readonly samples: number;
  readonly pods: number;
  readonly reloads: number;
  readonly events: number;
  readonly kernelDrops: number;
  readonly residentMib: readonly [first: number, last: number];
  readonly residentMibPerHour: number;
  readonly heapMib: readonly [first: number, last: number];
  readonly heapMibPerHour: number;
  readonly descriptors: readonly [first: number, last: number];
  readonly timers: readonly [first: number, last: number];
  readonly threads: readonly [first: number, last: number];
}

/** Settings that a reload takes turns with. */
const RELOADS: readonly EnvSettings[] = [
  {},
  { FOLLOW_PORT: ORDERLY, FOLLOW_SECONDS: 1 },
  { SEARCH_HTTP_HEADER: 'X-Pepe', LOG_LEVEL: 'debug' },
  { PCAP_FILTER: 'tcp and not port 9999', PCAP_FORMAT: 'pcapng' },
  { AVOID_LIVENESS_PROBE: 'kube-probe/', MASK_HTTP_HEADERS: 'Host', PCAP_PAYLOAD_BYTES: 100 },
];

/** Mixed traffic, reloads, and pods that come and go, for about `seconds`. */
export async function soak(seconds: number): Promise<SoakReport> {
  return Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    const counted = startCounted(lab);
    let reloads = 0;
    const reload = () => configure(counted, client, RELOADS[reloads++ % RELOADS.length] ?? {});
    reload();
    await waitFor('the capture', () => capturesOn(counted.agent.pid, client.hostIndex), { timeoutMs: 20_000 });
    await startTraffic(lab, client, server);

    const samples: Sample[] = [];
    const begin = performance.now();
    const elapsed = () => (performance.now() - begin) / 1_000;
    let pods = 0;
    let ended: readonly string[] = [];
    while (elapsed() < seconds) {
      const roundEnds = performance.now() + SHORTEST_ROUND_MS;
      reload();
      await oneRound(lab, counted, PODS_AT_ONCE);
      pods += PODS_AT_ONCE;
      ended = removeEnded(counted, client, ended);
      reload();
      await waitFor('the end of the round', () => performance.now() > roundEnds, { timeoutMs: SHORTEST_ROUND_MS * 2 });
      samples.push({ seconds: elapsed(), ...(await holdingsOf(counted.agent)) });
    }
    const { status } = await counted.agent.stop();
    if (status !== 0)
      throw new Error(`Cannot find the agent well at the end: status ${status}\n${counted.agent.stderr}`);
    const directory = join(counted.logs, `dllt${client.hostIndex}`);
    const counters = readLog(directory).findLast(({ msg }) => msg === 'capture counters');
    const facts = {
      pods,
      reloads,
      events: readEvents(directory).length,
      kernelDrops: Number(counters?.['kernelDrops']),
    };
    return { seconds: Math.round(elapsed()), samples: samples.length, ...facts, ...judge(samples) };
  });
}

function configure({ config }: CountedAgent, { hostIndex }: Pod, settings: EnvSettings): void {
  const path = join(config, `${ENV_FILE}.steady`);
  writeFileSync(`${path}.swp`, envFile({ INTERFACE_INDEX_SNIF: hostIndex, BUFFER_MB, MAX_LOG_MB: 64, ...settings }));
  renameSync(`${path}.swp`, path);
}

async function startTraffic(lab: Lab, client: Pod, server: Pod): Promise<void> {
  await lab.serve(server.namespace, 'orderly', ORDERLY);
  await lab.serve(server.namespace, 'reset', RESETTING);
  const forever = 1e9;
  lab.traffic(client.namespace, 'orderly', server.ipv4, ORDERLY, forever, 50);
  lab.traffic(client.namespace, 'orderly', server.ipv6, ORDERLY, forever, 20);
  lab.traffic(client.namespace, 'reset', server.ipv4, RESETTING, forever, 5);
  lab.traffic(client.namespace, 'refused', server.ipv4, NOBODY, forever, 5);
  lab.traffic(client.namespace, 'half-open', lab.blackHole(client), ORDERLY, forever, 1, 5);
  const capture = join(lab.directory, 'mixed.pcap');
  makeCapture(capture, { connections: 500, contents: [tlsContent, httpContent, plainContent], resets: 0.05 });
  const argv = ['tcpreplay', '-i', 'eth0', '-K', '--pps', `${PACKETS_PER_SECOND}`, '--no-flow-stats', '--unique-ip'];
  lab.start(client.namespace, [...argv, '--loop', '0', capture]);
}

/**
 * Removes what the sessions of an earlier round wrote; says which have ended since: they may still be writing their
 * last lines.
 */
function removeEnded({ logs }: CountedAgent, { hostIndex }: Pod, ended: readonly string[]): readonly string[] {
  for (const name of ended) rmSync(join(logs, name), { recursive: true });
  return readdirSync(logs).filter((name) => name !== `dllt${hostIndex}`);
}

function judge(samples: readonly Sample[]) {
  const steady = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const mib = (bytes: number) => Math.round((bytes / (1 << 20)) * 10) / 10;
  const ends = (value: (sample: Sample) => number): readonly [number, number] => {
    const [first, last] = [steady[0], steady.at(-1)];
    if (first === undefined || last === undefined) throw new Error('Cannot judge a run so short');
    return [value(first), value(last)];
  };
  const perHour = (value: (sample: Sample) => number) => Math.round(slope(steady, value) * 3_600 * 10) / 10;
  return {
    residentMib: ends(({ residentBytes }) => mib(residentBytes)),
    residentMibPerHour: perHour(({ residentBytes }) => residentBytes / (1 << 20)),
    heapMib: ends(({ heapBytes }) => mib(heapBytes)),
    heapMibPerHour: perHour(({ heapBytes }) => heapBytes / (1 << 20)),
    descriptors: ends(({ descriptors }) => descriptors),
    timers: ends(({ resources }) => resources['Timeout'] ?? 0),
    threads: ends(({ threads }) => threads),
  };
}

/** Least squares: by how much a value grows a second. */
function slope(samples: readonly Sample[], value: (sample: Sample) => number): number {
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const [x, y] = [mean(samples.map(({ seconds }) => seconds)), mean(samples.map(value))];
  const covariance = mean(samples.map((sample) => (sample.seconds - x) * (value(sample) - y)));
  const variance = mean(samples.map(({ seconds }) => (seconds - x) ** 2));
  return variance === 0 ? 0 : covariance / variance;
}
