import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings.ts';
import { HttpHeaderMask } from '../../src/mask/http-header-mask.ts';
import { LiveSettings } from '../../src/model/live-settings.ts';
import { appendEndFlow } from '../../src/output/end-flow-file.ts';
import { formatEvent } from '../../src/output/event-file.ts';
import { appendFlow } from '../../src/output/flow-file.ts';
import { LineBuffer } from '../../src/output/line-buffer.ts';
import { pcapngParts } from '../../src/output/pcapng-file.ts';
import type { DumpSink } from '../../src/pipeline/dumps.ts';
import { ReplayClock, type ReplaySink, replay } from '../../src/session/replay.ts';
import { replayFiles } from '../../src/session/replay-sinks.ts';
import { readEndFlows, readEvents, readFlows, readLog } from '../lab/session-files.ts';
import { Random } from '../tools/random.ts';
import { captureSeeds } from './capture-seeds.ts';
import { mutate } from './mutate-bytes.ts';

/** One file in so many goes the whole way to files on the disk. */
const TO_DISK_EVERY = 25;
/** No file of these sizes takes that long, unless something goes round in circles. */
const STALL_MS = 20_000;
const ORIGIN = { interfaceName: 'fuzz', description: '', filter: 'tcp', podName: 'web', podNamespace: 'shop' };

/** What came of the files. */
export interface CaptureFuzzReport {
  readonly files: number;
  /** Refused with a reason, in one line. */
  readonly refused: number;
  readonly frames: number;
  readonly connections: number;
  readonly events: number;
  readonly pcaps: number;
}

/**
 * Replays `count` spoilt capture files from number `first` on; what they are follows from `seed` and their number.
 * @throws Error that names the file, which is kept, when one of them brings the agent out of step.
 */
export async function fuzzCaptures(seed: number, count: number, first = 0): Promise<CaptureFuzzReport> {
  const { own, foreign } = captureSeeds();
  const all = [...own, ...foreign];
  const directory = mkdtempSync(join(tmpdir(), 'dllt-fuzz-'));
  const path = join(directory, 'capture');
  const report = { files: 0, refused: 0, frames: 0, connections: 0, events: 0, pcaps: 0 };
  for (let number = first; number < first + count; number++) {
    const random = new Random(seed * 1_000_003 + number);
    const spoilt = mutate(random, random.pick(random.chance(0.3) ? all : own), all);
    writeFileSync(path, random.chance(0.05) ? gzipSync(spoilt) : spoilt);
    const settings = settingsOf(random);
    const begin = performance.now();
    try {
      const out = number % TO_DISK_EVERY === 0 ? join(directory, 'out') : null;
      const { frames, connections, events, pcaps } = await replayOne(path, settings, out);
      report.frames += frames;
      report.connections += connections;
      report.events += events;
      report.pcaps += pcaps;
      if (performance.now() - begin > STALL_MS) throw new Error(`it took more than ${STALL_MS} ms`);
    } catch (error) {
      if (!(error instanceof Error) || !/^Cannot [^\n]+$/.test(error.message)) {
        throw new Error(`Cannot go on: file ${number} of seed ${seed}, kept as ${path}`, { cause: error });
      }
      report.refused++;
    }
    report.files++;
  }
  rmSync(directory, { recursive: true, force: true });
  return report;
}

function settingsOf(random: Random): Settings {
  return {
    ...DEFAULT_SETTINGS,
    maxConnections: random.pick([1000, 5000]),
    bufferMb: random.pick([1, 4]),
    searchHttpHeader: random.pick(['', 'X-Pepe', 'host']),
    avoidLivenessProbe: random.pick(['', 'kube-probe/']),
    followPort: random.pick([0, 80, 443]),
    eventThrottle: random.chance(0.5),
    pcapPayloadBytes: random.pick([0, 10, Number.POSITIVE_INFINITY]),
    pcapFormat: random.pick(['pcap', 'pcapng'] as const),
    pcapFilter: random.pick(['tcp', 'tcp', 'tcp port 80 or vlan']),
    podAddresses: random.pick([[], ['10.0.0.1', '2001:db8::1']]),
    maskHttpHeaders: random.pick([[], ['Host', 'Cookie']]),
  };
}

async function replayOne(path: string, settings: Settings, out: string | null) {
  const clock = new ReplayClock();
  const seed = 1;
  const live = new LiveSettings(settings);
  if (out === null) {
    const memory = new MemorySink(settings);
    const summary = await replay({ path, settings: live, seed, clock, sink: memory, dumpSink: memory });
    if (memory.reserved !== memory.settled) throw new Error('a pcap was reserved and forgotten');
    return { ...summary, events: memory.events, pcaps: memory.pcaps };
  }
  const files = replayFiles(out, live, clock);
  try {
    const summary = await replay({ path, settings: live, seed, clock, sink: files, dumpSink: files });
    await files.close();
    if (files.lossesInWords() !== null) throw new Error(files.lossesInWords() ?? '');
    const events = readEvents(out).length;
    const [flows, endFlows] = [readFlows(out), readEndFlows(out)];
    if (flows.length !== summary.connections || endFlows.length !== summary.ended) throw new Error('a line is missing');
    readLog(out);
    return { ...summary, events, pcaps: 0 };
  } finally {
    await files.close();
    rmSync(out, { recursive: true, force: true });
  }
}

/** Makes everything that would be written, and keeps none of it. */
class MemorySink implements ReplaySink, DumpSink {
  reserved = 0;
  settled = 0;
  events = 0;
  pcaps = 0;
  readonly #mask: HttpHeaderMask;
  readonly #line = new LineBuffer();

  constructor({ maskHttpHeaders }: Settings) {
    this.#mask = new HttpHeaderMask(maskHttpHeaders);
  }

  start(): void {}

  async drain(): Promise<void> {}

  occurred(): void {}
  queryOccurred(): void {}
  queryAnswered(): void {}
  questionEnded(): void {}

  connectionBegan(...[connection]: Parameters<ReplaySink['connectionBegan']>): void {
    this.#line.length = 0;
    appendFlow(this.#line, connection, [], ORIGIN.interfaceName);
  }

  connectionEnded(...[connection]: Parameters<ReplaySink['connectionEnded']>): void {
    this.#line.length = 0;
    appendEndFlow(this.#line, connection);
  }

  event(...[event]: Parameters<ReplaySink['event']>): void {
    JSON.parse(formatEvent(event, ORIGIN));
    this.events++;
  }

  note(): void {}

  reserveDump(): string {
    return `dump ${this.reserved++}`;
  }

  writeDump(...[, records, notes]: Parameters<DumpSink['writeDump']>): void {
    this.#mask.apply(records);
    Array.from(pcapngParts(records, notes, ORIGIN, null));
    this.settled++;
    this.pcaps++;
  }

  releaseDump(): void {
    this.settled++;
  }
}
