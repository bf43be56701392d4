/**
 * Makes capture files of TCP connections for measurements and tests; the same options give the same bytes.
 *
 *     node build/test/tools/make-capture.js FILE [--shape mix|concurrent|flood] [--connections N] [--seed N]
 *       [--concurrency N] [--ipv6 SHARE] [--resets SHARE] [--content http,plain,tls] [--data N]
 *       [--attack syn|rst|hello|scan] [--real N] [--tail SECONDS]
 *
 * mix: whole connections, CONCURRENCY at a time. concurrent: all connections are opened, then DATA packets go to
 * random ones, and none is closed. flood: CONNECTIONS attackers (`attack.ts`), REAL whole connections beside them, and
 * one more SECONDS after the beginning.
 */

import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { TcpFlag } from '../../src/model/packet.ts';
import { ATTACKS } from './attack.ts';
import { CONTENTS, type Content, httpContent, plainContent } from './content.ts';
import { PcapFile } from './pcap-file.ts';
import { Random } from './random.ts';
import { type Endpoints, SegmentWriter } from './segment-writer.ts';
import { type Closing, connectionSegments, type TimedSegment } from './synthetic-connection.ts';
import { TimeQueue } from './time-queue.ts';

/** What to make. */
export interface CaptureOptions {
  readonly shape: 'mix' | 'concurrent' | 'flood';
  /** Connections (mix, concurrent) or attackers (flood). */
  readonly connections: number;
  readonly seed: number;
  /** mix: about how many connections are open at a time. */
  readonly concurrency: number;
  /** Share of connections over IPv6, 0 to 1. */
  readonly ipv6: number;
  /** Share of connections that end with a reset, 0 to 1. */
  readonly resets: number;
  /** Of which each connection takes one at random: one that stands twice is twice as frequent. */
  readonly contents: readonly Content[];
  /** concurrent: packets after all connections are open. */
  readonly dataPackets: number;
  /** flood: what the attackers do. */
  readonly attack: keyof typeof ATTACKS;
  /** flood: whole connections among theirs. */
  readonly realConnections: number;
  /** flood: when one more connection comes, so that time passes; 0: none. */
  readonly tailSeconds: number;
}

/** What was made. */
export interface CaptureSummary {
  readonly packets: number;
  readonly fileBytes: number;
  readonly connections: number;
}

/** Options that nobody gave. */
export const DEFAULT_OPTIONS: CaptureOptions = {
  shape: 'mix',
  connections: 2_000,
  seed: 1,
  concurrency: 200,
  ipv6: 0.3,
  resets: 0.03,
  contents: [httpContent, plainContent],
  dataPackets: 1_000_000,
  attack: 'syn',
  realConnections: 100,
  tailSeconds: 0,
};

const BEGIN_US = 1_700_000_000e6;
/** How long a connection of a mix lasts, roughly: sets the pace for the wanted concurrency. */
const TYPICAL_DURATION_US = 40_000;
/** All packets of the shapes that measure tables lie within this time, well below the first deadline of the agent. */
const TABLE_SPAN_US = 20e6;
const PORTS_PER_CLIENT = 20_000;
const FIRST_CLIENT_PORT = 20_000;
const SERVERS = 64;

interface OpenConnection {
  readonly ends: Endpoints;
  readonly segments: Generator<TimedSegment>;
  next: TimedSegment;
}

/** Writes a capture file. */
export function makeCapture(path: string, options: Partial<CaptureOptions> = {}): CaptureSummary {
  const all = { ...DEFAULT_OPTIONS, ...options };
  const file = new PcapFile(path);
  const writer = new SegmentWriter(file);
  if (all.shape === 'mix') writeMix(writer, all, all.connections, TYPICAL_DURATION_US / all.concurrency);
  else if (all.shape === 'concurrent') writeConcurrent(writer, all);
  else writeFlood(writer, all);
  file.close();
  return { packets: file.packets, fileBytes: file.fileBytes, connections: all.connections };
}

/** Fills in the two ends of connection number `index`: no two are the same. */
function assignEnds(ends: Endpoints, index: number, serverPort: number): void {
  const client = Math.floor(index / PORTS_PER_CLIENT);
  ends.clientPort = FIRST_CLIENT_PORT + (index % PORTS_PER_CLIENT);
  ends.serverPort = serverPort;
  setAddress(ends.clientAddress, 0x0a_40_00_02 + client); // 10.64.0.2 and on, fd00:64::…
  setAddress(ends.serverAddress, 0x0a_c8_00_02 + (index % SERVERS)); // 10.200.0.2 and on
}

function setAddress(address: Uint8Array, ipv4: number): void {
  const tail = address.length - 4;
  if (tail > 0) address[0] = 0xfd; // fd00::/8, unique local (RFC 4193)
  for (let i = 0; i < 4; i++) address[tail + i] = ipv4 >>> (24 - 8 * i);
}

function newEnds(ipv6: boolean): Endpoints {
  const bytes = ipv6 ? 16 : 4;
  const [clientAddress, serverAddress] = [new Uint8Array(bytes), new Uint8Array(bytes)];
  return { ipv6, clientAddress, serverAddress, clientPort: 0, serverPort: 0 };
}

function openConnection(
  index: number,
  beginUs: number,
  options: CaptureOptions,
  random: Random,
): OpenConnection | null {
  const content = random.pick(options.contents);
  const ends = newEnds(random.chance(options.ipv6));
  assignEnds(ends, index, random.pick(content.serverPorts));
  const messages = content.conversation(random);
  const reset = random.chance(options.resets);
  const closing: Closing = !reset ? 'fin' : random.chance(0.5) ? 'reset-by-client' : 'reset-by-server';
  const segments = connectionSegments(beginUs, messages, closing, random);
  const first = segments.next();
  return first.done === true ? null : { ends, segments, next: first.value };
}

/** Whole connections, one begun every `gapUs` on average, their packets in the order of time. */
function writeMix(writer: SegmentWriter, options: CaptureOptions, connections: number, gapUs: number): void {
  const random = new Random(options.seed);
  const queue = new TimeQueue<OpenConnection>((connection) => connection.next.timeUs);
  let beginUs = BEGIN_US;
  for (let begun = 0; begun < connections || queue.size > 0; ) {
    const earliest = queue.earliest();
    if (begun < connections && (earliest === null || earliest.next.timeUs >= beginUs)) {
      const connection = openConnection(begun++, beginUs, options, random);
      if (connection !== null) queue.add(connection);
      beginUs += 2 * gapUs * random.unit();
    } else if (earliest !== null) {
      writer.write(earliest.next.timeUs, earliest.ends, earliest.next.segment);
      const next = earliest.segments.next();
      if (next.done === true) {
        queue.removeEarliest();
      } else {
        earliest.next = next.value;
        queue.earliestChanged();
      }
    }
  }
}

/** All connections open at once: the table at its fullest, hit at random. */
function writeConcurrent(writer: SegmentWriter, { connections, dataPackets, seed, ipv6 }: CaptureOptions): void {
  const random = new Random(seed);
  const [ends4, ends6] = [newEnds(false), newEnds(true)];
  const ipv6Every = ipv6 > 0 ? Math.round(1 / ipv6) : Number.POSITIVE_INFINITY;
  const clientNext = new Uint32Array(connections);
  const serverNext = new Uint32Array(connections);
  const payload = Buffer.alloc(64, 'data');
  const gapUs = TABLE_SPAN_US / (3 * connections + dataPackets);
  let timeUs = BEGIN_US;
  const write = (index: number, fromClient: boolean, flags: number, data?: Uint8Array) => {
    const ends = index % ipv6Every === 0 ? ends6 : ends4;
    assignEnds(ends, index, 9092);
    const [own, other] = fromClient ? [clientNext, serverNext] : [serverNext, clientNext];
    const acknowledgment = (flags & TcpFlag.ack) === 0 ? 0 : (other[index] ?? 0);
    const sequence = own[index] ?? 0;
    writer.write(timeUs, ends, { fromClient, flags, sequence, acknowledgment, ...(data && { payload: data }) });
    own[index] = sequence + (data?.length ?? 0) + ((flags & TcpFlag.syn) !== 0 ? 1 : 0);
    timeUs += gapUs;
  };
  for (let index = 0; index < connections; index++) {
    clientNext[index] = random.uint32();
    serverNext[index] = random.uint32();
    write(index, true, TcpFlag.syn);
    write(index, false, TcpFlag.syn | TcpFlag.ack);
    write(index, true, TcpFlag.ack);
  }
  for (let sent = 0; sent < dataPackets; sent++) {
    write(random.between(0, connections - 1), random.chance(0.5), TcpFlag.ack | TcpFlag.psh, payload);
  }
}

/** A flood within `TABLE_SPAN_US`, honest clients in between, and perhaps a last one much later. */
function writeFlood(writer: SegmentWriter, options: CaptureOptions): void {
  const random = new Random(options.seed);
  const ends = newEnds(false);
  const attack = ATTACKS[options.attack];
  const gapUs = TABLE_SPAN_US / options.connections;
  const beginnings = Array.from(
    { length: options.realConnections },
    (_, i) => (TABLE_SPAN_US * i) / options.realConnections,
  );
  if (options.tailSeconds > 0) beginnings.push(options.tailSeconds * 1e6);
  const real: { readonly timeUs: number; readonly ends: Endpoints; readonly segment: TimedSegment['segment'] }[] = [];
  for (const [i, afterUs] of beginnings.entries()) {
    const connection = openConnection(i, BEGIN_US + afterUs, options, random);
    if (connection === null) continue;
    real.push({ ends: connection.ends, ...connection.next });
    for (const next of connection.segments) real.push({ ends: connection.ends, ...next });
  }
  real.sort((a, b) => a.timeUs - b.timeUs);
  let done = 0;
  for (let i = 0; i <= options.connections; i++) {
    let timeUs = BEGIN_US + i * gapUs;
    for (let next = real[done]; next !== undefined; next = real[++done]) {
      if (next.timeUs > timeUs && i < options.connections) break;
      writer.write(next.timeUs, next.ends, next.segment);
    }
    if (i === options.connections) break;
    for (const segment of attack(i, ends, random)) writer.write(timeUs++, ends, segment);
  }
}

function shapeOf(text: string): CaptureOptions['shape'] {
  if (text === 'mix' || text === 'concurrent' || text === 'flood') return text;
  throw new Error(`Cannot make a capture: --shape is "${text}", not mix, concurrent or flood`);
}

function attackOf(name: string): CaptureOptions['attack'] {
  if (Object.hasOwn(ATTACKS, name)) return name as CaptureOptions['attack'];
  throw new Error(`Cannot make a capture: --attack "${name}" is none of ${Object.keys(ATTACKS)}`);
}

function contentOf(name: string): Content {
  const content = CONTENTS[name];
  if (content === undefined)
    throw new Error(`Cannot make a capture: --content "${name}" is none of ${Object.keys(CONTENTS)}`);
  return content;
}

function main(): void {
  const names = [
    ...(['shape', 'connections', 'seed', 'concurrency', 'ipv6', 'resets', 'content', 'data'] as const),
    ...(['attack', 'real', 'tail'] as const),
  ];
  const { values, positionals } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    allowPositionals: true,
  });
  const [path] = positionals;
  if (path === undefined) throw new Error('Cannot make a capture: no file named');
  const text = (name: (typeof names)[number]) => values[name] as string | undefined;
  const number = (name: (typeof names)[number], otherwise: number) => Number(text(name) ?? otherwise);
  const summary = makeCapture(path, {
    shape: shapeOf(text('shape') ?? DEFAULT_OPTIONS.shape),
    connections: number('connections', DEFAULT_OPTIONS.connections),
    seed: number('seed', DEFAULT_OPTIONS.seed),
    concurrency: number('concurrency', DEFAULT_OPTIONS.concurrency),
    ipv6: number('ipv6', DEFAULT_OPTIONS.ipv6),
    resets: number('resets', DEFAULT_OPTIONS.resets),
    contents: text('content')?.split(',').map(contentOf) ?? DEFAULT_OPTIONS.contents,
    dataPackets: number('data', DEFAULT_OPTIONS.dataPackets),
    attack: attackOf(text('attack') ?? DEFAULT_OPTIONS.attack),
    realConnections: number('real', DEFAULT_OPTIONS.realConnections),
    tailSeconds: number('tail', DEFAULT_OPTIONS.tailSeconds),
  });
  console.log(JSON.stringify(summary));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
