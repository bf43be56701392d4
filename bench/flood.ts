import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readEndFlows, readEvents } from '../test/lab/session-files.ts';
import { plainContent } from '../test/tools/content.ts';
import { type CaptureOptions, makeCapture } from '../test/tools/make-capture.ts';
import { measureReplay, withDirectory } from './replay.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const REAL_CONNECTIONS = 200;
const LIMIT_MIB = 600;
const MOST_EVENTS = 20_000;
/** After it everything is due: half-open, stale and stale2. */
const TAIL_SECONDS = 700;

const FLOODS: readonly { readonly attack: CaptureOptions['attack']; readonly attackers: number }[] = [
  { attack: 'syn', attackers: 2_000_000 },
  { attack: 'rst', attackers: 500_000 },
  { attack: 'hello', attackers: 100_000 },
  { attack: 'scan', attackers: 65_535 },
];

/** What the files of a replay tell. */
function look(out: string) {
  const events = readEvents(out);
  // the attackers' addresses are in 11.0.0.0/8, see attack.ts
  const isReal = ({ srcIP }: { readonly srcIP: string }) => !srcIP.startsWith('11.');
  return {
    events: events.length,
    suppressed: events.reduce((sum, { suppressed = 0 }) => sum + suppressed, 0),
    real: events.filter((event) => isReal(event) && event.code === '00002').length,
    realEnds: readEndFlows(out).filter(isReal).length,
  };
}

async function measure(directory: string, attack: CaptureOptions['attack'], connections: number) {
  const file = join(directory, `${attack}.pcap`);
  const { packets } = makeCapture(file, {
    shape: 'flood',
    attack,
    connections,
    realConnections: REAL_CONNECTIONS,
    resets: 1,
    contents: [plainContent],
    tailSeconds: TAIL_SECONDS,
  });
  const { found, cpuSeconds, peakRssBytes } = await measureReplay(file, directory, look, 'MAX_LOG_MB=65536\n');
  rmSync(file);
  if (found === undefined) throw new Error('Cannot find what the replay wrote');
  return {
    attack,
    attackers: connections,
    packets,
    cpuSecondsPerMillion: (cpuSeconds / packets) * 1e6,
    peakRssMib: mebibytes(peakRssBytes),
    ...found,
  };
}

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  return withDirectory(async (directory) => {
    const measured: Awaited<ReturnType<typeof measure>>[] = [];
    for (const { attack, attackers } of FLOODS) {
      measured.push(await measure(directory, attack, Math.round(attackers * scale)));
    }
    const worstMib = Math.max(...measured.map(({ peakRssMib }) => peakRssMib));
    const mostEvents = Math.max(...measured.map(({ events }) => events));
    return {
      title: 'Floods',
      method:
        `Replay of floods of 20 s each, ${REAL_CONNECTIONS} whole connections among them, each of which is reset, and a last one after ${TAIL_SECONDS} s. ` +
        'syn: one SYN each from as many sources; rst: half of them a RST out of nowhere, half a handshake that is reset; hello: a handshake, ' +
        'a ClientHello, and nothing more; scan: one source tries all ports and is refused. Resets are thinned as ever (1st, 2nd, 3rd, 10th …).',
      columns: [
        'flood',
        'attackers',
        'packets',
        'CPU s/million',
        'peak RSS MiB',
        'event lines',
        'summed up',
        'resets of real ones told',
      ],
      rows: measured.map(
        ({ attack, attackers, packets, cpuSecondsPerMillion, peakRssMib, events, suppressed, real }) => [
          attack,
          attackers,
          packets,
          cpuSecondsPerMillion,
          peakRssMib,
          events,
          suppressed,
          real,
        ],
      ),
      verdicts: [
        {
          goal: 'real connections are followed to their end',
          reached: measured.every(({ realEnds }) => realEnds === REAL_CONNECTIONS + 1),
          measured: measured.map(({ realEnds }) => realEnds).join(', '),
        },
        {
          goal: 'the same resets of real connections are told in every flood',
          reached: measured.every(({ real }) => real === measured[0]?.real && real > 0),
          measured: measured.map(({ real }) => real).join(', '),
        },
        {
          goal: `at most ${MOST_EVENTS.toLocaleString('en-US')} lines of events`,
          reached: mostEvents <= MOST_EVENTS,
          measured: mostEvents.toLocaleString('en-US'),
        },
        {
          goal: `memory stays within the bound of the table, ${LIMIT_MIB} MiB`,
          reached: worstMib <= LIMIT_MIB,
          measured: `${worstMib} MiB`,
        },
      ],
      raw: measured,
    };
  });
}

/** Attackers by the hundred thousand, and real connections beside them. */
export const flood: Bench = { name: 'flood', about: 'SYNs, RSTs, ClientHellos, a port scan', run };
